/** Spools for tests: frames that say what they are, and everything that lies in a spool's files. */
import path from "node:path";
import type { Files } from "#disk/files";
import { findRecord, HEADER_OCTETS, numberOf, RECORD_HEAD, recordEnd, sequenceAt, timeAt } from "#telemetry/segment";
import type { SpoolOptions } from "#telemetry/spool";

export const DIRECTORY = "/spool";
export const T0 = Date.UTC(2026, 0, 5, 6);

/** As small as a spool may be made. */
export const SMALL: SpoolOptions = { directory: DIRECTORY, segmentOctets: 16 * 1024, maxOctets: 128 * 1024, bufferOctets: 32 * 1024 };

/** Octets that follow from start and number alone: nobody has to remember them. */
export function frame(start: number, n: number, length = 1 + ((n * 7919 + start * 104_729) % 1_400)): Buffer {
  const octets = Buffer.alloc(length);
  let state = (n * 2_654_435_761 + start * 40_503 + 1) >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    octets[i] = state >>> 24;
  }
  return octets;
}

export interface Kept {
  readonly segment: number;
  readonly sequence: number;
  readonly timeMs: number;
  readonly octets: Buffer;
}

/** Every whole record of a spool's files, in order. Written here once more, so that no reader under test is believed. */
export async function everything(files: Files, directory = DIRECTORY): Promise<Kept[]> {
  const kept: Kept[] = [];
  const numbers = (await files.list(directory)).flatMap(({ name }) => numberOf(name) ?? []).sort((a, b) => a - b);
  for (const segment of numbers) {
    const octets = Buffer.from(await files.read(path.join(directory, `spool-${String(segment).padStart(10, "0")}.seg`), 0));
    for (let at = findRecord(octets, HEADER_OCTETS, octets.length, segment); at >= 0; ) {
      const end = recordEnd(octets, at);
      kept.push({
        segment,
        sequence: sequenceAt(octets, at),
        timeMs: timeAt(octets, at),
        octets: Buffer.from(octets.subarray(at + RECORD_HEAD, end)),
      });
      at = findRecord(octets, end, octets.length, segment);
    }
  }
  return kept;
}

/** What is read ahead has come. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}
