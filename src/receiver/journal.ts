/**
 * The lines of the receiver's journal. A batch is one line, whole or not at all: what came and what was booked of it stand in the same line.
 *
 *     crc32 of the rest, 8 hexadecimal digits | space | JSON | line feed
 *
 *     first line    {"penstock":"receiver","id":"9f..","generation":7,"parts":2,"loss":{"atMs":..,"why":".."}}      loss: null if there was none
 *     then          {"n":0,"starts":{...}}  {"n":0,"ledger":{...}}      the whole state, in so many parts
 *     then          {"n":1,"starts":{...},"ledger":{...}}      a batch each, n 1, 2, 3...
 *
 * A last line without its line feed was cut by a crash amid its write: nobody was told that it is on the disk, so nothing is missing. Any other
 * line that is damaged, or a number that is, is a hole in what we know: the lines behind it are read all the same.
 */
import { crc32 } from "node:zlib";
import type { WallMillis } from "#wire";
import type { LedgerPart } from "./ledger.ts";
import type { StartsPart } from "./starts.ts";

/** When we found, by our clock, that what had come before is not known. */
export interface Loss {
  readonly atMs: WallMillis;
  readonly why: string;
}

export interface Head {
  readonly id: string;
  /** One more each time the journal is written anew. */
  readonly generation: number;
  /** Lines behind this one that hold the state as it was then. */
  readonly parts: number;
  readonly loss: Loss | null;
}

export interface Batch {
  readonly n: number;
  readonly starts?: StartsPart;
  readonly ledger?: LedgerPart;
}

export interface JournalRead {
  /** null: the first line is damaged. */
  readonly head: Head | null;
  readonly batches: readonly Batch[];
  /** Damaged lines, and numbers that are missing. */
  readonly damaged: number;
  /** Octets of a last line that was cut. */
  readonly torn: number;
}

const LINE_FEED = 0x0a;

/** What stands beside the directory, so that the loss of all that is in it shows. */
export interface Mark {
  readonly id: string;
  readonly generation: number;
}

export function markLine({ id, generation }: Mark): string {
  return line({ penstock: "receiver mark", id, generation });
}

/** null: damaged. */
export function readMark(octets: Uint8Array): Mark | null {
  const text = Buffer.from(octets).toString("latin1");
  const read = readLine(text.slice(0, -1)) as (Partial<Mark> & { penstock?: unknown }) | null;
  if (read?.penstock !== "receiver mark" || typeof read.id !== "string" || !Number.isSafeInteger(read.generation)) return null;
  return { id: read.id, generation: read.generation as number };
}

export function headLine({ id, generation, parts, loss }: Head): string {
  return line({ penstock: "receiver", id, generation, parts, loss });
}

export function batchLine(batch: Batch): string {
  return line(batch);
}

export function readJournal(octets: Uint8Array): JournalRead {
  const text = Buffer.from(octets.buffer, octets.byteOffset, octets.length);
  let head: Head | null = null;
  const batches: Batch[] = [];
  let bad = 0;
  let last = 0;
  let from = 0;
  for (let end = text.indexOf(LINE_FEED); end >= 0; end = text.indexOf(LINE_FEED, from)) {
    const read = readLine(text.toString("latin1", from, end));
    if (from === 0 && isHead(read)) head = read;
    else if (from > 0 && isBatch(read)) {
      batches.push(read);
      last = Math.max(last, read.n);
    } else bad += 1;
    from = end + 1;
  }
  const missing = (head?.parts ?? 0) + last - batches.length;
  return { head, batches, damaged: Math.max(bad, missing), torn: text.length - from };
}

function line(what: unknown): string {
  const text = JSON.stringify(what);
  return `${sumOf(text)} ${text}\n`;
}

function sumOf(text: string): string {
  return crc32(Buffer.from(text, "latin1")).toString(16).padStart(8, "0");
}

function readLine(text: string): unknown {
  const body = text.slice(9);
  if (text[8] !== " " || text.slice(0, 8) !== sumOf(body)) return null;
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

function isHead(read: unknown): read is Head {
  const head = read as (Partial<Head> & { penstock?: unknown }) | null;
  return (
    head?.penstock === "receiver" &&
    typeof head.id === "string" &&
    Number.isSafeInteger(head.generation) &&
    Number.isSafeInteger(head.parts) &&
    head.loss !== undefined
  );
}

function isBatch(read: unknown): read is Batch {
  return typeof read === "object" && read !== null && Number.isSafeInteger((read as Partial<Batch>).n);
}
