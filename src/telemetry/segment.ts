/**
 * A segment of the spool: frames as they were sent, one after the other. Numbers are big-endian; what no double holds whole is not written.
 *
 *     file     | header | record | record | ...                                                          spool-0000000042.seg
 *     header   | "penstock-spool" | version u16 | segment u32 | madeMs u64 | crc32 u32 |                          32 octets
 *              crc32 is over the 28 octets before it; so much of a header stays in every version
 *     record   | mark f7 5c | crc32 u32 | length u16 | sequence u64 | timeMs u64 | octets |                       24 + length, of 1..1400
 *              crc32 is over all that follows it and begins with the segment's number: a record is one only in its own segment
 *
 * INVARIANT: a whole record is found wherever it stands and whatever stands before it; nothing else is taken for one.
 */
import path from "node:path";
import { crc32 } from "node:zlib";

/** What a frame may take: it travels in one datagram. */
export const FRAME_OCTETS = 1_400;
export const HEADER_OCTETS = 32;
export const RECORD_HEAD = 24;
/** Larger files are not read, whoever made them. */
export const MOST_SEGMENT_OCTETS = 64 * 1024 * 1024;
const VERSION = 1;
const NAME = "penstock-spool";
const MARK = Buffer.from("f75c", "hex");
const CRC_AT = 2;
const LENGTH_AT = 6;
const SEQUENCE_AT = 8;
const TIME_AT = 16;
const HIGH = 2 ** 32;

/** What is known of a closed segment: the spool's index holds one for each. Times are wall-clock milliseconds. */
export interface Segment {
  readonly number: number;
  /** Of the file, header and all. */
  octets: number;
  frames: number;
  /** Of the frames in it, the earliest and the latest. */
  firstMs: number;
  lastMs: number;
  /** How often the carousel has gone through it. */
  sent: number;
  /** When it last had, wall-clock milliseconds; 0: never, or nobody knows. */
  goneMs: number;
  /** Places in it where something is damaged, each of one record or several. */
  damaged: number;
  /** Of a version that is not ours, or too large: it takes its place in the ring and is not read. */
  isForeign: boolean;
  /** Its file is no more. */
  isGone: boolean;
}

export function newSegment(number: number, octets = 0): Segment {
  return { number, octets, frames: 0, firstMs: 0, lastMs: 0, sent: 0, goneMs: 0, damaged: 0, isForeign: false, isGone: false };
}

/** Frames came into it. */
export function count(segment: Segment, frames: number, firstMs: number, lastMs: number): void {
  segment.firstMs = segment.frames === 0 ? firstMs : Math.min(segment.firstMs, firstMs);
  segment.lastMs = segment.frames === 0 ? lastMs : Math.max(segment.lastMs, lastMs);
  segment.frames += frames;
}

export function fileOf(directory: string, segment: number): string {
  return path.join(directory, `spool-${String(segment).padStart(10, "0")}.seg`);
}

/** null: no segment's name. */
export function numberOf(name: string): number | null {
  const [, digits] = /^spool-(\d{10})\.seg$/.exec(name) ?? [];
  return digits === undefined ? null : Number(digits);
}

export function headerOf(segment: number, madeMs: number): Buffer {
  const header = Buffer.alloc(HEADER_OCTETS);
  header.write(NAME, "latin1");
  header.writeUInt16BE(VERSION, 14);
  header.writeUInt32BE(segment, 16);
  putU64(header, 20, madeMs);
  header.writeUInt32BE(crc32(header.subarray(0, 28)), 28);
  return header;
}

/** `foreign`: whole, and of another version. Records are looked for behind a damaged header all the same. */
export function judgeHeader(octets: Buffer, segment: number): "ours" | "foreign" | "damaged" {
  if (octets.length < HEADER_OCTETS || octets.toString("latin1", 0, NAME.length) !== NAME) return "damaged";
  if (octets.readUInt32BE(28) !== crc32(octets.subarray(0, 28)) || octets.readUInt32BE(16) !== segment) return "damaged";
  return octets.readUInt16BE(14) === VERSION ? "ours" : "foreign";
}

/** Write a record at `at`, but for its crc32. @returns where it ends */
export function putRecord(target: Buffer, at: number, sequence: number, timeMs: number, octets: Uint8Array): number {
  target.set(MARK, at);
  target.writeUInt16BE(octets.length, at + LENGTH_AT);
  putU64(target, at + SEQUENCE_AT, sequence);
  putU64(target, at + TIME_AT, timeMs);
  target.set(octets, at + RECORD_HEAD);
  return at + RECORD_HEAD + octets.length;
}

/** The record at `at` becomes one of this segment. */
export function sealRecord(octets: Buffer, at: number, segment: number): void {
  octets.writeUInt32BE(crc32(octets.subarray(at + LENGTH_AT, recordEnd(octets, at)), segment), at + CRC_AT);
}

/** INVARIANT of this and the next two: `at` is where a record stands. */
export function recordEnd(octets: Buffer, at: number): number {
  return at + RECORD_HEAD + octets.readUInt16BE(at + LENGTH_AT);
}

export function sequenceAt(octets: Buffer, at: number): number {
  return u64(octets, at + SEQUENCE_AT);
}

export function timeAt(octets: Buffer, at: number): number {
  return u64(octets, at + TIME_AT);
}

/** Where the first whole record at or after `from` stands; -1: there is none before `end`. */
export function findRecord(octets: Buffer, from: number, end: number, segment: number): number {
  let at = from;
  while (at >= 0 && at + RECORD_HEAD < end) {
    if (isRecord(octets, at, end, segment)) return at;
    at = octets.indexOf(MARK, at + 1);
  }
  return -1;
}

function isRecord(octets: Buffer, at: number, end: number, segment: number): boolean {
  if (octets[at] !== MARK[0] || octets[at + 1] !== MARK[1]) return false;
  const length = octets.readUInt16BE(at + LENGTH_AT);
  if (length === 0 || length > FRAME_OCTETS || at + RECORD_HEAD + length > end) return false;
  return octets.readUInt32BE(at + CRC_AT) === crc32(octets.subarray(at + LENGTH_AT, at + RECORD_HEAD + length), segment);
}

export function putU64(target: Buffer, at: number, value: number): void {
  target.writeUInt32BE(Math.floor(value / HIGH), at);
  target.writeUInt32BE(value % HIGH, at + 4);
}

export function u64(octets: Buffer, at: number): number {
  return octets.readUInt32BE(at) * HIGH + octets.readUInt32BE(at + 4);
}
