/** Lines of a segment, as octets, in flat memory: for recovery, verifier and readers. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { LONGEST_LINE } from "./format.ts";

const CHUNK = 1024 * 1024;
const FEED = 10;

/** What a file held after its last line feed. */
export interface Rest {
  /** At most LONGEST_LINE octets of it. */
  readonly octets: Buffer;
  readonly length: number;
}

/**
 * @param octets the line without its line feed, valid only during the call; `whole` is false where the line was longer than LONGEST_LINE and
 *               only its beginning is handed over
 * @param offset where it starts in the file
 * @returns      false to stop
 */
export type OnLine = (octets: Buffer, offset: number, whole: boolean) => boolean;

/**
 * Hand every complete line of the first `limit` octets to `onLine`. Hashing is the work here, so the reads are plain ones; between chunks the
 * event loop gets its turn.
 *
 * @returns what follows the last line feed; empty when stopped
 */
export async function readLines(file: string, limit: number, onLine: OnLine): Promise<Rest> {
  const fd = openSync(file, "r");
  try {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(4096, fstatSync(fd).size)));
    let kept: Buffer = Buffer.alloc(0);
    let skipped = 0;
    let start = 0;
    let at = 0;
    for (;;) {
      if (at > 0) await new Promise((resolve) => setImmediate(resolve));
      const bytesRead = readSync(fd, chunk, 0, Math.min(chunk.length, limit - at), at);
      if (bytesRead === 0) return { octets: Buffer.from(kept), length: kept.length + skipped };
      let from = 0;
      for (;;) {
        const feed = chunk.indexOf(FEED, from);
        if (feed < 0 || feed >= bytesRead) break;
        const piece = chunk.subarray(from, feed);
        const line = kept.length === 0 ? piece : Buffer.concat([kept, piece]);
        const whole = skipped === 0 && line.length <= LONGEST_LINE;
        if (!onLine(whole ? line : line.subarray(0, LONGEST_LINE), start, whole)) return { octets: Buffer.alloc(0), length: 0 };
        kept = Buffer.alloc(0);
        skipped = 0;
        from = feed + 1;
        start = at + from;
      }
      const rest = Buffer.concat([kept, chunk.subarray(from, bytesRead)]);
      kept = rest.length > LONGEST_LINE + 1 ? rest.subarray(0, LONGEST_LINE + 1) : rest;
      skipped += rest.length - kept.length;
      at += bytesRead;
    }
  } finally {
    closeSync(fd);
  }
}

/** The first line of a file as text, or null where it has none. */
export async function firstLine(file: string): Promise<string | null> {
  let line: string | null = null;
  await readLines(file, 4096, (octets) => {
    line = octets.toString("utf8");
    return false;
  });
  return line;
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
