/**
 * What a restart need not find out again: how often each closed segment went round, when it last did, and what is in it. Written whole, at
 * intervals; without it segments are read through at open and every count starts over.
 *
 *     file     | header | entry | entry | ...                                                            spool.index
 *     header   | "penstock-index" | version u16 = 2 | count u32 | 0 u64 | crc32 u32 of all else |                 32 octets
 *     entry    | segment u32 | octets u32 | frames u32 | sent u32 | damaged u32 | firstMs u64 | lastMs u64 |
 *              | goneMs u64 |                                                                                      44 octets, big-endian
 *
 * Version 1 knew no goneMs, and its entries end before it: they are read, and when those segments went nobody knows.
 */
import path from "node:path";
import { crc32 } from "node:zlib";
import { type Files, writeWhole } from "#disk/files";
import { newSegment, putU64, type Segment, u64 } from "./segment.ts";

export const INDEX_NAME = "spool.index";
/** No spool has more. */
export const MOST_SEGMENTS = 65_536;
const NAME = "penstock-index";
const VERSION = 2;
const HEADER = 32;
/** Octets of an entry, by version. */
const ENTRIES: ReadonlyMap<number, number> = new Map([
  [1, 36],
  [VERSION, 44],
]);
const ENTRY = 44;
const MOST_U32 = 0xffff_ffff;

/** Atomic; a power loss may bring the one before it back. @throws what the disk says */
export async function writeIndex(files: Files, directory: string, segments: readonly Segment[]): Promise<void> {
  const octets = Buffer.alloc(HEADER + segments.length * ENTRY);
  octets.write(NAME, "latin1");
  octets.writeUInt16BE(VERSION, 14);
  octets.writeUInt32BE(segments.length, 16);
  segments.forEach(({ number, octets: size, frames, sent, goneMs, damaged, firstMs, lastMs }, i) => {
    const at = HEADER + i * ENTRY;
    octets.writeUInt32BE(number, at);
    octets.writeUInt32BE(size, at + 4);
    octets.writeUInt32BE(frames, at + 8);
    octets.writeUInt32BE(Math.min(sent, MOST_U32), at + 12);
    octets.writeUInt32BE(damaged, at + 16);
    putU64(octets, at + 20, firstMs);
    putU64(octets, at + 28, lastMs);
    putU64(octets, at + 36, goneMs);
  });
  octets.writeUInt32BE(crcOf(octets), HEADER - 4);
  await writeWhole(files, directory, INDEX_NAME, octets, false);
}

/** By number. Empty: there is none, or none that can be read. */
export async function readIndex(files: Files, directory: string): Promise<Map<number, Segment>> {
  const known = new Map<number, Segment>();
  try {
    const octets = Buffer.alloc(HEADER + MOST_SEGMENTS * ENTRY);
    const length = await files.readInto(path.join(directory, INDEX_NAME), 0, octets);
    for (const segment of segmentsOf(octets.subarray(0, length))) known.set(segment.number, segment);
  } catch {
    // As if it were lost.
  }
  return known;
}

function segmentsOf(octets: Buffer): Segment[] {
  if (octets.length < HEADER || octets.toString("latin1", 0, NAME.length) !== NAME) return [];
  const entry = ENTRIES.get(octets.readUInt16BE(14));
  if (entry === undefined || octets.readUInt32BE(HEADER - 4) !== crcOf(octets)) return [];
  const segments: Segment[] = [];
  for (let at = HEADER; at + entry <= octets.length; at += entry) {
    segments.push({
      ...newSegment(octets.readUInt32BE(at), octets.readUInt32BE(at + 4)),
      frames: octets.readUInt32BE(at + 8),
      sent: octets.readUInt32BE(at + 12),
      damaged: octets.readUInt32BE(at + 16),
      firstMs: u64(octets, at + 20),
      lastMs: u64(octets, at + 28),
      goneMs: entry < ENTRY ? 0 : u64(octets, at + 36),
    });
  }
  return segments;
}

function crcOf(octets: Buffer): number {
  return crc32(octets.subarray(HEADER), crc32(octets.subarray(0, HEADER - 4)));
}
