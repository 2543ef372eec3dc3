/** What an earlier start left in the spool's directory. */
import { type Files, unlinkIfThere } from "#disk/files";
import {
  count,
  fileOf,
  findRecord,
  HEADER_OCTETS,
  judgeHeader,
  MOST_SEGMENT_OCTETS,
  newSegment,
  numberOf,
  recordEnd,
  type Segment,
  timeAt,
} from "./segment.ts";
import { readIndex } from "./spoolIndex.ts";

export interface Found {
  /** Oldest first. */
  readonly segments: Segment[];
  /** Those of which nothing but their size is known. */
  readonly unread: ReadonlySet<Segment>;
  /** Every number up to this one was given out. */
  readonly highest: number;
}

/** Nothing is read but the index. What it says of a file of another size is not believed, but for how often and when that went round. */
export async function lookAround(files: Files, directory: string): Promise<Found> {
  const index = await readIndex(files, directory);
  const segments: Segment[] = [];
  const unread = new Set<Segment>();
  let highest = Math.max(0, ...index.keys());
  for (const { name, octets } of await files.list(directory)) {
    const number = numberOf(name);
    if (number === null) continue;
    highest = Math.max(highest, number);
    const known = index.get(number);
    const segment =
      known?.octets === octets ? known : { ...newSegment(number, octets), sent: known?.sent ?? 0, goneMs: known?.goneMs ?? 0 };
    if (segment !== known) unread.add(segment);
    segments.push(segment);
  }
  segments.sort((a, b) => a.number - b.number);
  return { segments, unread, highest };
}

/**
 * Read a segment through. Its tail, behind the last whole record, is cut: that was being written when the start before ended.
 *
 * @param scratch of MOST_SEGMENT_OCTETS at most; a longer segment is foreign
 * @returns false: there is no frame in it, and its file is removed
 * @throws what the disk says of removing it; what it says of reading and cutting is a damage
 */
export async function readThrough(files: Files, directory: string, segment: Segment, scratch: Buffer, nowMs: number): Promise<boolean> {
  const file = fileOf(directory, segment.number);
  // Until something is known of it: its age is counted from now.
  segment.firstMs = nowMs;
  segment.lastMs = nowMs;
  if (segment.octets > scratch.length || segment.octets > MOST_SEGMENT_OCTETS) {
    segment.isForeign = true;
    return true;
  }
  let length: number;
  try {
    length = await files.readInto(file, 0, scratch.subarray(0, segment.octets));
  } catch {
    segment.damaged = 1;
    return true;
  }
  const octets = scratch.subarray(0, length);
  const header = judgeHeader(octets, segment.number);
  if (header === "foreign") {
    segment.isForeign = true;
    return true;
  }
  const end = countRecords(octets, segment);
  if (segment.frames === 0) {
    await unlinkIfThere(files, file);
    return false;
  }
  if (header === "damaged") segment.damaged += 1;
  if (end < segment.octets) await cut(files, file, segment, end);
  return true;
}

async function cut(files: Files, file: string, segment: Segment, end: number): Promise<void> {
  try {
    await files.truncate(file, end);
    segment.octets = end;
  } catch {
    // It stays, counts against the limits, and holds no record.
  }
}

/** @returns where the last whole record ends */
function countRecords(octets: Buffer, segment: Segment): number {
  let end = HEADER_OCTETS;
  for (;;) {
    const at = findRecord(octets, end, octets.length, segment.number);
    if (at < 0) return end;
    if (at > end) segment.damaged += 1;
    const timeMs = timeAt(octets, at);
    count(segment, 1, timeMs, timeMs);
    end = recordEnd(octets, at);
  }
}
