/**
 * Samples as lines of a file. One line holds up to 64 of them and a CRC-32 of its text, so that a damaged one is known and the next found:
 *
 *     5f3c0a91 [["8f3a.17","plant-1","boiler-1","steam_pressure",41.5,"good",1760000000000,0],...]
 *              id, gateway, asset, point, value, quality, time in ms, flags: 1 device time, 2 historical
 *
 * A value is what JSON has for it, but for what JSON would change: `{"i":"18446744073709551615"}` is a bigint, `{"f":"NaN"}` a number that is
 * not finite, or minus zero. As measured (bench/delivery.ts) a line of 64 costs less than 64 lines and less than a binary form, and a person
 * can read it.
 */
import { crc32 } from "node:zlib";
import type { Quality, Sample } from "./model.ts";

/** What one damaged octet takes with it at most. */
export const LINE_SAMPLES = 64;
/** UTF-16 units of what stands in a line; a sample that is longer by itself is unfit to be kept. */
const LONGEST_TEXT = 128 * 1024;
/** With sum, space and line feed, and three octets for a unit. */
export const LONGEST_LINE = 3 * LONGEST_TEXT + 10;
const SUM_DIGITS = 8;
const QUALITIES: readonly string[] = ["good", "stale", "comm-lost", "bad", "uncertain"] satisfies readonly Quality[];
const DEVICE = 1;
const HISTORICAL = 2;

export interface Encoded {
  readonly octets: Buffer;
  /** Samples in it. */
  readonly count: number;
  /** Samples that are too long, or have no time: nobody can keep them. */
  readonly unfit: number;
}

export function encodeSamples(samples: readonly Sample[]): Encoded {
  const lines: string[] = [];
  let count = 0;
  const put = (rows: readonly unknown[]): void => {
    if (rows.length === 0) return;
    const text = JSON.stringify(rows);
    if (text.length <= LONGEST_TEXT) {
      lines.push(withSum(text));
      count += rows.length;
    } else if (rows.length > 1) {
      const half = rows.length >> 1;
      put(rows.slice(0, half));
      put(rows.slice(half));
    }
  };
  for (let at = 0; at < samples.length; at += LINE_SAMPLES) {
    put(
      samples
        .slice(at, at + LINE_SAMPLES)
        .filter(({ timeMs }) => Number.isFinite(timeMs))
        .map(rowOf),
    );
  }
  return { octets: Buffer.from(lines.join("")), count, unfit: samples.length - count };
}

/** @param line without its line feed; @returns null: it is not as it was written */
export function decodeSamples(line: Buffer): Sample[] | null {
  const text = textOfLine(line);
  if (text === null) return null;
  const samples: Sample[] = [];
  for (const row of parsed(text)) {
    const sample = sampleOf(row);
    if (sample === null) return null;
    samples.push(sample);
  }
  return samples;
}

/** A line with its sum, for whatever else is kept in this way. */
export function withSum(text: string): string {
  return `${crc32(text).toString(16).padStart(SUM_DIGITS, "0")} ${text}\n`;
}

/** @param line without its line feed; @returns null: the sum is not that of the text */
export function textOfLine(line: Buffer): string | null {
  if (line.length <= SUM_DIGITS || line[SUM_DIGITS] !== 0x20) return null;
  const stated = line.toString("latin1", 0, SUM_DIGITS);
  if (!/^[0-9a-f]{8}$/.test(stated) || crc32(line.subarray(SUM_DIGITS + 1)) !== Number.parseInt(stated, 16)) return null;
  return line.toString("utf8", SUM_DIGITS + 1);
}

function rowOf(sample: Sample): unknown[] {
  const { id, gateway, asset, point, quality, timeMs } = sample;
  const flags = (sample.timeOf === "device" ? DEVICE : 0) | (sample.historical ? HISTORICAL : 0);
  return [id, gateway, asset, point, plain(sample.value), quality, timeMs, flags];
}

function plain(value: Sample["value"]): unknown {
  if (typeof value === "bigint") return { i: String(value) };
  if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0)))
    return { f: Object.is(value, -0) ? "-0" : String(value) };
  return value;
}

/** Only what has the right sum comes here; a sum that fits by chance must still not throw. */
function parsed(text: string): readonly unknown[] {
  try {
    const rows: unknown = JSON.parse(text);
    return Array.isArray(rows) ? rows : [rows];
  } catch {
    return [null];
  }
}

function sampleOf(row: unknown): Sample | null {
  if (!Array.isArray(row)) return null;
  const [id, gateway, asset, point, written, quality, timeMs, flags] = row as unknown[];
  const value = readValue(written);
  if (typeof id !== "string" || typeof gateway !== "string" || typeof asset !== "string" || typeof point !== "string") return null;
  if (value === undefined || typeof quality !== "string" || !QUALITIES.includes(quality)) return null;
  if (typeof timeMs !== "number" || typeof flags !== "number") return null;
  return {
    gateway,
    asset,
    point,
    id,
    value,
    quality: quality as Quality,
    timeMs,
    timeOf: (flags & DEVICE) !== 0 ? "device" : "gateway",
    historical: (flags & HISTORICAL) !== 0,
  };
}

/** undefined: nothing that is written here. */
function readValue(written: unknown): Sample["value"] | undefined {
  switch (typeof written) {
    case "number":
    case "boolean":
    case "string":
      return written;
    case "object": {
      if (written === null) return null;
      const { i, f } = written as { i?: unknown; f?: unknown };
      if (typeof i === "string" && /^-?[0-9]+$/.test(i)) return BigInt(i);
      return typeof f === "string" && /^(NaN|-?Infinity|-0)$/.test(f) ? Number(f) : undefined;
    }
    default:
      return undefined;
  }
}
