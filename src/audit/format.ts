/**
 * The log's lines, to the octet (docs/audit-format.md draws them). Writer, recovery, verifier and readers share this file and nothing else.
 *
 *     header      {"after":N,"time":T,"kind":"audit","prev":H,"event":"segment",...}            first line of every segment, no number of its own
 *     record      {"seq":N,"time":T,"kind":K,"prev":H,...}
 *     checkpoint  {"seq":N,"time":T,"kind":"audit","prev":H,"event":"checkpoint",...,"signature":S}
 */
import { hash } from "node:crypto";

export const FORMAT = 1;
/** `prev` of the very first line of a chain. */
export const GENESIS = "0".repeat(64);
/** Longest line a reader has to hold, octets; the writer replaces longer records by their hash. */
export const LONGEST_LINE = 256 * 1024;
/** What the signature covers is this, then the checkpoint's line up to and not including `,"signature"`. */
export const SIGNED_PREFIX = "penstock audit checkpoint 1\n";
/** The newest checkpoint's line, beside the segments: cutting the log's end leaves it behind. */
export const CHECKPOINT_NAME = "checkpoint.json";
export const DOCUMENTS_NAME = "documents";

const SEGMENT_NAME = /^audit-(\d{8,12})\.jsonl$/;

export function segmentName(segment: number): string {
  return `audit-${String(segment).padStart(8, "0")}.jsonl`;
}

/** The segment a file name stands for, or null. */
export function segmentOf(name: string): number | null {
  const match = SEGMENT_NAME.exec(name);
  if (match === null) return null;
  const segment = Number(match[1]);
  return segment > 0 && segmentName(segment) === name ? segment : null;
}

/** Bytes of an unfinished last line are kept under this name: segment, the offset at which they stood, the start of their hash. */
export function tornName(segment: number, offset: number, sha256: string): string {
  return `${segmentName(segment)}.${offset}.${sha256.slice(0, 8)}.torn`;
}

/**
 * An empty file of this name says that a write or sync failed in the segment: `octets` of it are the chain and end with the line of that hash.
 * A process that starts before a new segment could be opened, and finds the lines behind them in the page cache, must not take them for synced.
 */
export function retiredName(segment: number, octets: number, head: string): string {
  return `${segmentName(segment)}.${octets}.${head.slice(0, 8)}.retired`;
}

const BESIDE_NAME = /^(audit-\d{8,12}\.jsonl)\.(\d{1,16})\.([0-9a-f]{8})\.(torn|retired)$/;

export interface Beside {
  readonly segment: number;
  readonly octets: number;
  /** First digits of the hash in its name. */
  readonly hash: string;
  readonly what: "torn" | "retired";
}

/** What a file kept beside a segment is by its name, or null. */
export function besideOf(name: string): Beside | null {
  const [, file, octets, hash, what] = BESIDE_NAME.exec(name) ?? [];
  const segment = segmentOf(file ?? "");
  return segment === null ? null : { segment, octets: Number(octets), hash: hash as string, what: what as Beside["what"] };
}

/** How a segment ended, told by the header of the next one. */
export interface Previous {
  readonly segment: number;
  /** Octets of it that belong to the chain. */
  readonly octets: number;
  /**
   * `sealed`: a checkpoint is its last line. `retired`: a write or sync failed; what stands after `octets` was never called durable and is
   * written again in the new segment. `broken`: a complete line did not fit; the chain starts anew after the last line that did.
   */
  readonly state: "sealed" | "retired" | "broken";
}

export interface Header {
  readonly after: number;
  readonly time: string;
  readonly prev: string;
  readonly format: number;
  readonly chain: string;
  readonly segment: number;
  readonly previous: Previous | null;
  /** Milliseconds the gateway had been up since the chain began: what retention counts (RULINGS 32). */
  readonly uptime: number;
}

export interface Checkpoint {
  readonly seq: number;
  readonly time: string;
  /** Head: SHA-256 of the line before. */
  readonly prev: string;
  readonly chain: string;
  readonly segment: number;
  /** Lines of the segment before this one, header included. */
  readonly count: number;
  readonly seal: boolean;
  readonly uptime: number;
  /** Value of a hardware counter, null without such hardware. */
  readonly counter: number | null;
  readonly key: string;
  readonly algorithm: string;
  /** Base64. */
  readonly signature: string;
}

/** SHA-256 of a line's octets without its line feed, lower-case hex. */
export function hashLine(line: string | Uint8Array): string {
  return hash("sha256", line, "hex");
}

export function headerLine(h: Header): string {
  return (
    `{"after":${h.after},"time":"${h.time}","kind":"audit","prev":"${h.prev}","event":"segment","format":${h.format},"chain":"${h.chain}",` +
    `"segment":${h.segment},"previous":${previousText(h.previous)},"uptime":${h.uptime}}`
  );
}

function previousText(p: Previous | null): string {
  return p === null ? "null" : `{"segment":${p.segment},"octets":${p.octets},"state":"${p.state}"}`;
}

/** A record's line up to and including the opening quote of `prev`. */
export function recordFront(seq: number, time: string, kind: string): string {
  return `{"seq":${seq},"time":"${time}","kind":"${kind}","prev":"`;
}

/** @param body the members as one JSON object */
export function recordLine(front: string, prev: string, body: string): string {
  return `${front}${prev}"${body === "{}" ? "}" : `,${body.slice(1)}`}`;
}

/** A checkpoint's line without its end: what, after SIGNED_PREFIX, is signed. */
export function checkpointText(c: Omit<Checkpoint, "signature">): string {
  return (
    `${recordFront(c.seq, c.time, "audit")}${c.prev}","event":"checkpoint","chain":"${c.chain}","segment":${c.segment},"count":${c.count},` +
    `"seal":${c.seal},"uptime":${c.uptime},"counter":${c.counter},"key":"${c.key}","algorithm":"${c.algorithm}"`
  );
}

export function checkpointLine(text: string, signature: string): string {
  return `${text},"signature":"${signature}"}`;
}

/** A line's front, which every line has alike. */
export interface Front {
  /** `seq` of a numbered line, `after` of a header. */
  readonly number: number;
  readonly header: boolean;
  readonly time: string;
  readonly kind: string;
  readonly prev: string;
  /** `audit` lines alone are looked into: `checkpoint`, `prune`, `repair`, `document`... else "". */
  readonly event: string;
}

const FRONT =
  /^\{"(seq|after)":(0|[1-9]\d{0,15}),"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)","kind":"([a-z-]{1,24})","prev":"([0-9a-f]{64})"(?:,"event":"([A-Za-z]{1,24})"|[,}])/;

/** Octets that hold any front. */
export const FRONT_OCTETS = 224;

/** @param text a line, or its first FRONT_OCTETS octets */
export function readFront(text: string): Front | null {
  const match = FRONT.exec(text);
  if (match === null) return null;
  const [, word, number, time, kind, prev, event] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
    string | undefined,
  ];
  const header = word === "after";
  if (header && (kind !== "audit" || event !== "segment")) return null;
  return { number: Number(number), header, time, kind, prev, event: kind === "audit" ? (event ?? "") : "" };
}

/** The header, when `line` is one to the octet. */
export function readHeader(line: string): Header | null {
  const read = parse(line) as Partial<Header> | null;
  if (read === null) return null;
  const { previous } = read;
  if (previous === undefined || (previous !== null && typeof previous !== "object")) return null;
  if (headerLine(read as Header) !== line || !isHex(read.chain, 32) || !isHex(read.prev, 64)) return null;
  const { after, segment, uptime } = read as Header;
  return [after, segment, uptime, previous?.segment ?? 0, previous?.octets ?? 0].every(isCount) ? (read as Header) : null;
}

/** The checkpoint, when `line` is one to the octet; its signature is not looked at here. */
export function readCheckpoint(line: string): Checkpoint | null {
  const read = parse(line) as Partial<Checkpoint> | null;
  if (read === null || typeof read.signature !== "string") return null;
  if (checkpointLine(checkpointText(read as Checkpoint), read.signature) !== line) return null;
  return isHex(read.chain, 32) && isHex(read.prev, 64) && Number.isSafeInteger(read.seq) ? (read as Checkpoint) : null;
}

/** Octets the signature of a checkpoint's line covers. */
export function signedText(line: string): string {
  return SIGNED_PREFIX + line.slice(0, line.lastIndexOf(',"signature":"'));
}

function parse(line: string): object | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : null;
  } catch {
    return null;
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isHex(value: unknown, digits: number): boolean {
  return typeof value === "string" && value.length === digits && /^[0-9a-f]+$/.test(value);
}
