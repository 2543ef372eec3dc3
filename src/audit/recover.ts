/**
 * Where an earlier process left the log, and what it takes to go on (RULINGS 30): an unfinished last line is cut and kept, a complete line
 * that does not fit is never touched: its segment is `broken` and the chain starts anew behind the last line that fitted.
 */
import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import path from "node:path";
import { type Files, syncFile, writeWhole } from "#disk/files";
import { reasonOf } from "#disk/reason";
import { listSegments, readCheckpointFile, type SegmentFile } from "./directory.ts";
import {
  besideOf,
  type Checkpoint,
  FRONT_OCTETS,
  GENESIS,
  type Header,
  hashLine,
  type Previous,
  readCheckpoint,
  readFront,
  readHeader,
  tornName,
} from "./format.ts";
import { isJson, readLines } from "./lines.ts";
import { judgeCheckpoint, type Keys } from "./tally.ts";

export interface Torn {
  readonly segment: number;
  readonly file: string;
  readonly octets: number;
  readonly sha256: string;
}

/** The place at which writing goes on. */
export interface Position {
  readonly chain: string;
  /** Number of the last record. */
  readonly seq: number;
  /** Hash of the last line. */
  readonly head: string;
  /** As far as the log tells, milliseconds. */
  readonly uptime: number;
  /** The segment to go on in, else a new one is due after `segment`. */
  readonly open: { readonly file: string; readonly octets: number; readonly count: number; readonly uptime: number } | null;
  readonly segment: number;
  /** What the next header says of the segment before it. */
  readonly previous: Previous | null;
  /** Wall time of the last record, milliseconds; null in a new log. */
  readonly lastMs: number | null;
  readonly segments: readonly SegmentFile[];
  readonly torn: readonly Torn[];
  /** The first checkpoint, where the process was killed before it was published; null: it was. */
  readonly unpublished: string | null;
  /** Plain words on everything that is not as it was left. */
  readonly troubles: readonly string[];
}

/** @param keys the key this log is signed with now; what another key signed is taken as it stands */
export async function recover(directory: string, files: Files, keys: Keys = new Map()): Promise<Position> {
  const segments = await listSegments(directory);
  const torn: Torn[] = [];
  const troubles: string[] = [];
  let scan: Scan | null = null;
  let uncut = false;
  while (segments.length > 0 && scan === null) {
    const last = segments.at(-1) as SegmentFile;
    const found = await scanUntilRetired(directory, files, last, keys);
    uncut = found.retired;
    if (found.lines > 0) {
      scan = found;
      if (found.rest === 0 || found.broken !== null || uncut) break;
      try {
        torn.push(await keepTorn(directory, files, last, found.octets));
        await files.truncate(last.file, found.octets);
        segments[segments.length - 1] = { ...last, octets: found.octets };
      } catch (error) {
        // No room to keep the torn bytes: they stay where they are, and the chain goes on in a new segment.
        uncut = true;
        troubles.push(`the unfinished last line of segment ${last.segment} cannot be cut (${reasonOf(error)})`);
      }
    } else {
      // Made and never begun: nothing in it was ever called durable.
      if (found.rest > 0) torn.push(await setAside(directory, files, last));
      else await files.unlink(last.file);
      await files.syncDirectory(directory);
      segments.pop();
    }
  }
  const text = await readCheckpointFile(directory);
  const kept = text === null ? null : keptCheckpoint(text, keys, scan?.header?.chain ?? null, troubles);
  const last = segments.at(-1);
  if (scan === null || last === undefined) {
    if (kept !== null) troubles.push(`every segment is missing: the checkpoint file names record ${kept.seq}`);
    return {
      chain: kept?.chain ?? randomBytes(16).toString("hex"),
      seq: kept?.seq ?? 0,
      head: GENESIS,
      uptime: kept?.uptime ?? 0,
      open: null,
      segment: kept?.segment ?? 0,
      previous: kept === null ? null : { segment: kept.segment, octets: 0, state: "broken" },
      lastMs: kept === null ? null : Date.parse(kept.time),
      segments,
      torn,
      unpublished: null,
      troubles,
    };
  }
  if (text === null && scan.seq > 1) troubles.push("the checkpoint file is missing");
  const missing = kept !== null && kept.seq > scan.highest;
  if (missing) troubles.push(`records ${scan.highest + 1} to ${kept.seq} are missing: the log ends before its newest checkpoint`);
  if (scan.broken !== null) troubles.push(`segment ${last.segment} is broken: ${scan.broken}`);
  const state = scan.broken !== null || missing ? "broken" : scan.sealed ? "sealed" : uncut ? "retired" : null;
  return {
    chain: scan.header?.chain ?? kept?.chain ?? randomBytes(16).toString("hex"),
    seq: Math.max(scan.highest, kept?.seq ?? 0),
    head: scan.head,
    uptime: scan.uptime,
    open: state === null ? { file: last.file, octets: scan.octets, count: scan.lines, uptime: scan.header?.uptime ?? scan.uptime } : null,
    segment: last.segment,
    previous: state === null ? null : { segment: last.segment, octets: state === "broken" ? scan.goodOctets : scan.octets, state },
    lastMs: scan.lastMs,
    segments,
    torn,
    unpublished: text === null && scan.seq === 1 ? (scan.signed?.text ?? null) : null,
    troubles,
  };
}

/** The end of what fits. */
interface Fitting {
  readonly octets: number;
  readonly seq: number;
  readonly head: string;
}

interface Scan {
  header: Header | null;
  /** Complete lines. */
  lines: number;
  /** Octets of them. */
  octets: number;
  /** Octets of the lines that fit. */
  goodOctets: number;
  /** Last number that fits, and the highest number any line shows. */
  seq: number;
  highest: number;
  head: string;
  uptime: number;
  lastMs: number | null;
  sealed: boolean;
  /** Why a complete line does not fit, null where all do. */
  broken: string | null;
  /** What fitted before the last line that fits. */
  before: Fitting;
  /** The newest checkpoint. */
  signed: { readonly text: string; readonly line: number; readonly before: Fitting } | null;
  /** Octets after the last line feed. */
  rest: number;
  /** It was read only as far as it was synced before a write or sync failed in it. */
  retired: boolean;
}

/** A sign beside it says where a segment's evidence ends: with the line whose hash it names, or it is a sign of another segment of that number. */
async function scanUntilRetired(directory: string, files: Files, { segment, file }: SegmentFile, keys: Keys): Promise<Scan> {
  for (const name of readdirSync(directory)) {
    const sign = besideOf(name);
    if (sign?.segment !== segment || sign.what !== "retired") continue;
    const found = await scanSegment(files, file, sign.octets, keys);
    const fits = found.lines > 0 && found.broken === null && found.octets === sign.octets;
    if (fits && found.head.startsWith(sign.hash)) return { ...found, retired: true };
  }
  return scanSegment(files, file, Number.POSITIVE_INFINITY, keys);
}

async function scanSegment(files: Files, file: string, limit: number, keys: Keys): Promise<Scan> {
  const scan: Scan = {
    header: null,
    lines: 0,
    octets: 0,
    goodOctets: 0,
    seq: 0,
    highest: 0,
    head: GENESIS,
    uptime: 0,
    lastMs: null,
    sealed: false,
    broken: null,
    before: { octets: 0, seq: 0, head: GENESIS },
    signed: null,
    rest: 0,
    retired: false,
  };
  const rest = await readLines(file, limit, (octets, offset, whole) => {
    scan.lines++;
    scan.octets = offset + octets.length + 1;
    takeLine(scan, octets, whole);
    return true;
  });
  scan.rest = rest.length;
  if (scan.broken === null && scan.lines > 0) await judgeEnd(scan, files, file, keys);
  return scan;
}

/**
 * Each line is vouched for by the one after it, and all of them by the newest checkpoint; that one's signature and the last line's own text
 * are left to look at.
 */
async function judgeEnd(scan: Scan, files: Files, file: string, keys: Keys): Promise<void> {
  const { signed, before } = scan;
  if (signed !== null && ["unreadable", "unsigned"].includes(judgeCheckpoint(signed.text, keys, null).is)) {
    breakAt(scan, signed.before, `line ${signed.line} is a checkpoint whose signature does not fit`);
    return;
  }
  const last = Buffer.from(await files.read(file, before.octets)).subarray(0, scan.octets - before.octets - 1);
  if (!isJson(last.toString())) breakAt(scan, before, `line ${scan.lines} is no line of this log`);
}

function breakAt(scan: Scan, { octets, seq, head }: Fitting, words: string): void {
  scan.broken = words;
  scan.goodOctets = octets;
  scan.seq = seq;
  scan.head = head;
}

/** The checkpoint beside the log, where it is one of this log's. */
function keptCheckpoint(text: string, keys: Keys, chain: string | null, troubles: string[]): Checkpoint | null {
  const { is } = judgeCheckpoint(text, keys, null);
  const kept = is === "good" || is === "foreign" ? readCheckpoint(text) : null;
  if (kept === null) troubles.push("the checkpoint file is damaged");
  if (kept === null || chain === null || kept.chain === chain) return kept;
  troubles.push(`the checkpoint file belongs to another log (chain ${kept.chain})`);
  return null;
}

/** The beginning of a first line: the whole file is kept under another name, which takes no room. */
async function setAside(directory: string, files: Files, { segment, file }: SegmentFile): Promise<Torn> {
  const octets = await files.read(file, 0);
  const sha256 = hashLine(octets);
  const name = tornName(segment, 0, sha256);
  await syncFile(files, file);
  await files.rename(file, path.join(directory, name));
  return { segment, file: name, octets: octets.length, sha256 };
}

async function keepTorn(directory: string, files: Files, { segment, file }: SegmentFile, from: number): Promise<Torn> {
  const octets = await files.read(file, from);
  const sha256 = hashLine(octets);
  const name = tornName(segment, from, sha256);
  await writeWhole(files, directory, name, octets);
  return { segment, file: name, octets: octets.length, sha256 };
}

function takeLine(scan: Scan, octets: Buffer, whole: boolean): void {
  const front = readFront(octets.toString("latin1", 0, FRONT_OCTETS));
  if (front !== null && !front.header) scan.highest = Math.max(scan.highest, front.number);
  if (scan.broken !== null) return;
  const at = `line ${scan.lines}`;
  if (front === null || !whole) {
    scan.broken = `${at} is no line of this log`;
    return;
  }
  const before = { octets: scan.goodOctets, seq: scan.seq, head: scan.head };
  if (scan.lines === 1) {
    scan.header = readHeader(octets.toString("latin1"));
    if (scan.header === null) {
      scan.broken = "its first line is no header";
      return;
    }
    scan.seq = scan.header.after;
    scan.highest = Math.max(scan.highest, scan.seq);
    scan.head = scan.header.prev;
    scan.uptime = scan.header.uptime;
  } else if (front.header || front.number !== scan.seq + 1 || front.prev !== scan.head) {
    scan.broken = `${at} does not follow the line before it`;
    return;
  } else {
    scan.seq = front.number;
    scan.sealed = false;
    if (front.event === "checkpoint") {
      const text = octets.toString("latin1");
      const checkpoint = readCheckpoint(text);
      scan.signed = { text, line: scan.lines, before };
      scan.sealed = checkpoint?.seal === true;
      scan.uptime = checkpoint?.uptime ?? scan.uptime;
    }
  }
  scan.before = before;
  scan.lastMs = Date.parse(front.time);
  scan.head = hashLine(octets);
  scan.goodOctets = scan.octets;
}
