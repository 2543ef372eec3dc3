/**
 * The evidence: an append-only, hash-chained log in segment files, synced in groups, under signed checkpoints.
 *
 *     append ─▶ ring ─▶ batch: render, hash, write, fdatasync ─▶ durable, onProgress
 *                                    │ while it syncs, the next batch gathers
 *                                    └▶ checkpoint due: sign the head meanwhile, its line leads the next batch
 *
 * INVARIANT: `durable` never passes a record whose line, whose whole chain before it and whose documents are synced.
 * INVARIANT: after a failed write or sync nothing more is written to that segment (RULINGS 30); what was under way is chained again in a new one.
 */
import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { type AppendFile, type Files, makeDirectories, realFiles, syncFile, unlinkIfThere, writeWhole } from "#disk/files";
import { InUse, type Lock, lockDirectory } from "#disk/lock";
import { reasonOf } from "#disk/reason";
import type { SegmentFile } from "./directory.ts";
import { Documents } from "./documents.ts";
import { type AuditLog, type Entry, isKept, UNWRITTEN } from "./entry.ts";
import {
  besideOf,
  CHECKPOINT_NAME,
  checkpointLine,
  checkpointText,
  DOCUMENTS_NAME,
  FORMAT,
  hashLine,
  headerLine,
  type Previous,
  recordFront,
  recordLine,
  retiredName,
  SIGNED_PREFIX,
  segmentName,
} from "./format.ts";
import { ALGORITHM, type SigningKey } from "./key.ts";
import { AuditProblem } from "./problem.ts";
import { type Position, recover } from "./recover.ts";
import { isoTime, OwnRecord, renderBody } from "./render.ts";
import { prunable } from "./retention.ts";
import { Ring } from "./ring.ts";
import { readKeys } from "./tally.ts";

export interface LogOptions {
  readonly directory: string;
  readonly key: SigningKey;
  /** Segments older than this, by wall clock and by uptime both, are pruned. Milliseconds. */
  readonly retainMs: number;
  /** Octets of segments and documents the log may take; beyond that it is full. */
  readonly maxOctets: number;
  readonly clock: { monotonic(): number; wall(): number };
  /** May anything be called old now? By a clock that is not believed nothing may (RULINGS 19). Left out: always. */
  readonly mayPrune?: () => boolean;
  /** Tests inject their own. */
  readonly files?: Files;
  /** A segment is sealed beyond this size; by default 8 MiB, less in a small log. */
  readonly segmentOctets?: number;
}

/** Records between checkpoints, at most (DESIGN 5). */
const CHECKPOINT_RECORDS = 1_000;
/** Milliseconds a record may wait for its checkpoint. */
const CHECKPOINT_MS = 10_000;
/** After a change its checkpoint is begun this soon, so that it is signed and synced within 1 s (RULINGS 31). */
const CHANGE_CHECKPOINT_MS = 400;
/** The checkpoint beside the log is replaced at most this often: its sync and the next batch's share one disk. */
const PUBLISH_MS = 1_000;
const TICK_MS = 100;
/** A failed segment is followed by an attempt at a new one this often. */
const RETRY_MS = 1_000;
/** At most one segment is pruned in this time (RULINGS 32). */
const PRUNE_MS = 60_000;
const SEGMENT_OCTETS = 8 * 1024 * 1024;
const LEAST_SEGMENT_OCTETS = 64 * 1024;
/** A slow log is sealed by age too, or retention could never prune it: so many segments at least span `retain`. */
const SEGMENTS_PER_RETAIN = 30;
const LEAST_SEGMENT_MS = 3_600_000;
/** Octets kept below `maxOctets` for what is already numbered, checkpoints and prune records: at most this, at most an eighth. */
const RESERVE_OCTETS = 4 * 1024 * 1024;
/** Of `maxOctets` this part is there for all; the fifth beyond it is kept (RULINGS 29). */
const COMMON_PART = 0.8;
/** What a record that waits may take, octets: by this the kept fifth is not eaten by what was numbered before it was reached. */
const RECORD_OCTETS = 1024;
/** How many records could not be taken is told this often. */
const UNRECORDED_MS = 10_000;
const BATCH_RECORDS = 1_024;
const BATCH_CHARACTERS = 1024 * 1024;
/** Rendering lets go of the event loop after so many records. */
const SLICE_RECORDS = 32;

/** A line that is not durable yet: all of it but `prev`, so that it can be chained again elsewhere. */
interface Item {
  readonly seq: number;
  /** Front and body are empty for a checkpoint, which is made anew for its place. */
  readonly front: string;
  readonly body: string;
  readonly mark: Mark | null;
}

interface Segment {
  readonly number: number;
  readonly path: string;
  readonly file: AppendFile;
  /** Octets and lines synced. */
  octets: number;
  count: number;
  readonly uptime: number;
  /** Opened after a failure: read back before anything in it counts. */
  readonly suspect: boolean;
}

interface Prepared {
  readonly seq: number;
  readonly prev: string;
  readonly segment: number;
  readonly text: string;
  readonly signature: Promise<Buffer>;
}

/** Holds a checkpoint's place in the order of numbers. */
class Mark implements Entry {
  readonly kind = "audit";
  readonly wallMs = 0;
  readonly seal: boolean;

  constructor(seal: boolean) {
    this.seal = seal;
  }

  members(): Record<string, unknown> {
    return {};
  }

  rendered(): void {}
}

const CHECKPOINT = new Mark(false);
const SEAL = new Mark(true);

function lockOf(directory: string): Lock {
  try {
    return lockDirectory(directory);
  } catch (error) {
    throw error instanceof InUse ? new AuditProblem(error.message) : error;
  }
}

/**
 * Open the log of a directory, made where missing; repair what a crash left; the log is ready to take records, its first checkpoint synced.
 *
 * @throws AuditProblem when another process writes there; file errors as they come
 */
export async function openLog(options: LogOptions): Promise<Log> {
  const { directory, files = realFiles } = options;
  try {
    await makeDirectories(files, directory);
  } catch (error) {
    throw new AuditProblem(`${directory}: the audit directory cannot be made (${reasonOf(error)})`);
  }
  const lock = lockOf(directory);
  try {
    const position = await recover(directory, files, readKeys(options.key.publicPem));
    await makeDirectories(files, path.join(directory, DOCUMENTS_NAME));
    const log = new Log(options, files, lock, position);
    await log.begin(position);
    return log;
  } catch (error) {
    lock.release();
    throw error;
  }
}

export class Log implements AuditLog {
  onProgress: (() => void) | null = null;
  onRecord: AuditLog["onRecord"] = null;
  onCheckpoint: AuditLog["onCheckpoint"] = null;
  /** Plain words on what was not as it was left, at open and since: for status and the operational log. */
  readonly troubles: string[];
  readonly lastMs: number | null;
  readonly #options: LogOptions;
  readonly #files: Files;
  readonly #lock: Lock;
  readonly #documents: Documents;
  readonly #ring = new Ring();
  readonly #chain: string;
  readonly #startedMs: number;
  readonly #uptimeBefore: number;
  readonly #segmentOctets: number;
  readonly #segmentMs: number;
  readonly #capOctets: number;
  readonly #commonOctets: number;
  readonly #segments: SegmentFile[];
  readonly #waiters: { readonly seq: number; readonly done: () => void }[] = [];
  readonly #start = (): void => {
    this.#scheduled = false;
    void this.#work();
  };
  #segment: Segment | null = null;
  /** Number of the newest segment file, and what the next header says of it. */
  #lastSegment: number;
  #previous: Previous | null;
  #items: Item[] = [];
  /** Number of the last entry given out, taken from the ring, synced. */
  #given: number;
  #taken: number;
  #durable: number;
  /** Hash of the last synced line. */
  #head: string;
  #octets: number;
  #state: "ok" | "full" | "failed" = "ok";
  #onlyKept = false;
  /** Records refused since that was last told, and when the first of them was. */
  #unrecorded = 0;
  #unrecordedWallMs = 0;
  #unrecordedMs = Number.NEGATIVE_INFINITY;
  #fault: "full" | "failed" | null = null;
  #faultMs = 0;
  /** Since when nothing can be written, wall milliseconds; 0: it can. */
  #unwrittenWallMs = 0;
  #forbidden = false;
  #prepared: Prepared | null = null;
  #sinceCheckpoint = 0;
  /** When the first record that no checkpoint covers yet came. */
  #unsignedMs = 0;
  #changeMs = -1;
  #sealing = false;
  #busy = false;
  #running: Promise<void> = Promise.resolve();
  #scheduled = false;
  /** A segment file that was made and never begun; its number is used again. */
  #leftover: string | null = null;
  #closing = false;
  #publishing: Promise<void> | null = null;
  #toPublish: string | null = null;
  #publishedMs = Number.NEGATIVE_INFINITY;
  #published: boolean;
  #pruneMs: number;
  #pruning: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: LogOptions, files: Files, lock: Lock, position: Position) {
    this.#options = options;
    this.#files = files;
    this.#lock = lock;
    this.#documents = new Documents(options.directory, files);
    this.#chain = position.chain;
    this.#startedMs = options.clock.monotonic();
    this.#uptimeBefore = position.uptime;
    this.#pruneMs = this.#startedMs;
    const { maxOctets, retainMs } = options;
    this.#segmentOctets = options.segmentOctets ?? Math.max(LEAST_SEGMENT_OCTETS, Math.min(SEGMENT_OCTETS, Math.floor(maxOctets / 16)));
    this.#segmentMs = Math.max(LEAST_SEGMENT_MS, retainMs / SEGMENTS_PER_RETAIN);
    this.#capOctets = maxOctets - Math.min(RESERVE_OCTETS, Math.floor(maxOctets / 8));
    this.#commonOctets = Math.floor(maxOctets * COMMON_PART);
    this.#segments = position.segments.filter(({ segment }) => position.open === null || segment !== position.segment);
    this.#lastSegment = position.segment;
    this.#previous = position.previous;
    this.#given = position.seq;
    this.#taken = position.seq;
    this.#durable = position.seq;
    this.#head = position.head;
    this.#octets = position.segments.reduce((sum, segment) => sum + segment.octets, 0) + octetsOf(options.directory);
    this.troubles = [...position.troubles];
    this.lastMs = position.lastMs;
    this.#published = position.lastMs !== null;
  }

  /** Once, by openLog. */
  async begin(position: Position): Promise<void> {
    const { directory } = this.#options;
    if (position.open !== null) {
      const { octets, count, uptime } = position.open;
      const file = await this.#files.append(position.open.file);
      this.#segment = { number: position.segment, path: position.open.file, file, octets, count, uptime, suspect: false };
    }
    try {
      await this.#syncWhatIsThere(position);
    } catch (error) {
      await this.#retire(error);
    }
    for (const words of position.troubles) this.#own({ event: "trouble", words });
    for (const torn of position.torn) this.#own({ event: "repair", ...torn });
    const first = this.#mark(CHECKPOINT);
    await this.#work();
    // A full or failing disk is no reason not to start: writes stay denied until it takes them. A directory that is not ours is.
    if (this.#durable < first && this.#forbidden) throw new AuditProblem(`${directory}: ${this.troubles.at(-1)}`);
    await this.#publishing;
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
  }

  /** What an earlier process wrote and named and was killed before it synced, is synced before anything is said to be durable. */
  async #syncWhatIsThere(position: Position): Promise<void> {
    const { directory } = this.#options;
    const last = this.#segments.at(-1);
    if (this.#segment !== null) await this.#segment.file.sync();
    else if (last !== undefined) await syncFile(this.#files, last.file);
    await this.#files.syncDirectory(path.join(directory, DOCUMENTS_NAME));
    await this.#files.syncDirectory(directory);
    if (position.lastMs === null) await this.#files.syncDirectory(path.dirname(directory));
    // Before a second record: from then on, a checkpoint file that is missing was taken away.
    if (position.unpublished !== null) await writeWhole(this.#files, directory, CHECKPOINT_NAME, Buffer.from(`${position.unpublished}\n`));
  }

  get durable(): number {
    return this.#durable;
  }

  get state(): "ok" | "full" | "failed" {
    return this.#state;
  }

  get onlyKept(): boolean {
    return this.#onlyKept;
  }

  /** Octets the log takes on the disk. */
  get octets(): number {
    return this.#octets;
  }

  /** Entries numbered and not yet durable. */
  get waiting(): number {
    return this.#given - this.#durable;
  }

  append(entry: Entry): number {
    const kept = isKept(entry);
    const room = kept || !(this.#onlyKept || this.#octets + this.waiting * RECORD_OCTETS >= this.#commonOctets);
    if (this.#state !== "ok" || this.#closing || !room || !this.#ring.add(entry, kept ? "kept" : "common")) {
      if (this.#unrecorded++ === 0) this.#unrecordedWallMs = this.#options.clock.wall();
      return -1;
    }
    if (entry.change === true && this.#changeMs < 0) this.#changeMs = this.#options.clock.monotonic();
    return this.#number();
  }

  keep(text: Uint8Array): string {
    const room = !this.#closing && this.#octets + text.length <= this.#options.maxOctets;
    const { sha256, untold } = this.#documents.keep(text, room);
    if (untold) this.#own({ event: "document", sha256, octets: text.length });
    return sha256;
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#running;
    if (this.#fault === null) this.#tellUnrecorded();
    if (this.#sinceCheckpoint > 0) this.#mark(CHECKPOINT);
    await this.#work();
    await this.#publishing;
    await this.#publishAll();
    if (this.#fault === null) await this.#pruning;
    await this.#segment?.file.close().catch(() => {});
    this.#lock.release();
    const lost = this.#given - this.#durable;
    if (lost > 0) throw new AuditProblem(`${this.#options.directory}: ${lost} records could not be written (${this.troubles.at(-1)})`);
  }

  /** Time is looked at: checkpoints, retries, sealing by age, pruning. Called by the log's own timer; tests with a clock of their own call it. */
  tick(): void {
    const now = this.#options.clock.monotonic();
    if (this.#fault !== null) {
      if (now - this.#faultMs >= RETRY_MS) void this.#work();
      return;
    }
    const change = this.#changeMs >= 0 && now - this.#changeMs >= CHANGE_CHECKPOINT_MS;
    if (change || (this.#sinceCheckpoint > 0 && now - this.#unsignedMs >= CHECKPOINT_MS)) this.#mark(CHECKPOINT);
    if (this.#toPublish !== null) this.#publish(this.#toPublish);
    if (this.#state === "ok" && !this.#onlyKept && now - this.#unrecordedMs >= UNRECORDED_MS) this.#tellUnrecorded();
    if (this.#segment !== null && this.#segment.count > 2 && this.#uptime() - this.#segment.uptime >= this.#segmentMs) this.#seal();
    if (now - this.#pruneMs >= PRUNE_MS && this.#pruning === null && this.#mayPrune()) {
      this.#pruneMs = now;
      this.#pruning = this.#prune().finally(() => {
        this.#pruning = null;
      });
    }
  }

  #own(members: Record<string, unknown>): number {
    return this.#addOwn(new OwnRecord(this.#options.clock.wall(), members));
  }

  #mark(mark: Mark): number {
    const number = this.#addOwn(mark);
    if (number < 0) return number;
    this.#sinceCheckpoint = 0;
    this.#changeMs = -1;
    return number;
  }

  #addOwn(entry: Entry): number {
    return this.#ring.add(entry, "own") ? this.#number() : -1;
  }

  /** The number of the entry just added; after enough of them a checkpoint follows. */
  #number(): number {
    const number = ++this.#given;
    if (this.#sinceCheckpoint === 0) this.#unsignedMs = this.#options.clock.monotonic();
    if (++this.#sinceCheckpoint === CHECKPOINT_RECORDS) this.#mark(CHECKPOINT);
    this.#wake();
    return number;
  }

  /** What was refused is counted, and told when there is room for it: while there is none, this would only take what is left. */
  #tellUnrecorded(): void {
    if (this.#unrecorded === 0) return;
    const from = isoTime(this.#unrecordedWallMs);
    if (this.#own({ event: "unrecorded", count: this.#unrecorded, from }) < 0) return;
    this.#unrecorded = 0;
    this.#unrecordedMs = this.#options.clock.monotonic();
  }

  #seal(): void {
    if (this.#sealing) return;
    this.#sealing = this.#mark(SEAL) > 0;
  }

  #uptime(): number {
    return Math.floor(this.#uptimeBefore + this.#options.clock.monotonic() - this.#startedMs);
  }

  /** One immediate gathers everything of this turn of the event loop. */
  #wake(): void {
    if (this.#busy || this.#scheduled || this.#fault !== null) return;
    this.#scheduled = true;
    setImmediate(this.#start);
  }

  #work(): Promise<void> {
    if (!this.#busy) {
      this.#busy = true;
      this.#running = this.#batches();
    }
    return this.#running;
  }

  async #batches(): Promise<void> {
    try {
      while (this.#ring.length > 0 || this.#items.length > 0 || this.#documents.waiting) await this.#batch();
    } catch (error) {
      await this.#retire(error);
    } finally {
      this.#busy = false;
    }
  }

  async #batch(): Promise<void> {
    while (this.#documents.waiting) this.#octets += await this.#documents.store();
    // What is in the ring now names no document that is not stored; what comes later may.
    if (this.#ring.length === 0 && this.#items.length === 0) {
      if (this.#fault === null) return;
      // Only a line that is synced in a new segment proves that the disk takes evidence again.
      this.#mark(CHECKPOINT);
    }
    const { length } = this.#ring;
    const segment = this.#segment ?? (await this.#openSegment());
    const batch = await this.#compose(segment, length);
    await segment.file.write(batch.octets);
    await segment.file.sync();
    if (segment.suspect && segment.octets === 0) await this.#readBack(segment, batch.octets);
    segment.octets += batch.octets.length;
    segment.count = batch.count;
    this.#octets += batch.octets.length;
    this.#head = batch.head;
    this.#durable = this.#taken;
    this.#items = [];
    if (this.#fault !== null) this.#wellAgain();
    this.#fault = null;
    if (batch.checkpoint !== "") {
      this.#publish(batch.checkpoint);
      this.#tellCheckpoint(batch.checkpoint);
    }
    if (batch.sealed) await this.#leave(segment, "sealed");
    else if (segment.octets >= this.#segmentOctets) this.#seal();
    this.#settle();
  }

  async #openSegment(): Promise<Segment> {
    await this.#removeLeftover();
    const number = this.#lastSegment + 1;
    const file = path.join(this.#options.directory, segmentName(number));
    const made: Segment = {
      number,
      path: file,
      file: await this.#files.create(file),
      octets: 0,
      count: 0,
      uptime: this.#uptime(),
      suspect: this.#fault !== null,
    };
    this.#segment = made;
    await this.#files.syncDirectory(this.#options.directory);
    return made;
  }

  /** Lines for one write: the header of a new segment, what a failure left over, then what waits. */
  async #compose(
    segment: Segment,
    most: number,
  ): Promise<{ octets: Buffer; head: string; count: number; checkpoint: string; sealed: boolean }> {
    let text = "";
    let head = this.#head;
    let { count } = segment;
    let checkpoint = "";
    let sealed = false;
    const add = (line: string): void => {
      text += `${line}\n`;
      head = hashLine(line);
      count++;
    };
    const addMark = async (seq: number, mark: Mark): Promise<void> => {
      checkpoint = await this.#checkpoint(segment, seq, head, count, mark.seal);
      add(checkpoint);
      sealed = mark.seal;
    };
    if (segment.octets === 0) add(this.#header(segment));
    for (const { seq, front, body, mark } of this.#items) {
      if (mark === null) add(recordLine(front, head, body));
      else await addMark(seq, mark);
    }
    for (let taken = 0; taken < most && !sealed && this.#items.length < BATCH_RECORDS && text.length < BATCH_CHARACTERS; taken++) {
      const next = this.#ring.peek();
      if (next === null) break;
      if (next instanceof Mark && this.#items.length > 0) {
        // Signed while this batch syncs; its line leads the next one.
        this.#prepared = this.#prepare(segment, this.#taken + 1, head, count, next.seal);
        break;
      }
      if (taken > 0 && taken % SLICE_RECORDS === 0) await new Promise((resolve) => setImmediate(resolve));
      const item = this.#take();
      this.#items.push(item);
      if (item.mark === null) add(recordLine(item.front, head, item.body));
      else await addMark(item.seq, item.mark);
    }
    return { octets: Buffer.from(text), head, count, checkpoint, sealed };
  }

  #take(): Item {
    const entry = this.#ring.take() as Entry;
    const seq = ++this.#taken;
    if (entry instanceof Mark) return { seq, front: "", body: "", mark: entry };
    const front = recordFront(seq, isoTime(entry.wallMs), entry.kind);
    const { onRecord } = this;
    const told =
      onRecord === null ? null : (members: Readonly<Record<string, unknown>>) => onRecord(seq, entry.wallMs, entry.kind, members);
    return { seq, front, body: renderBody(entry, told), mark: null };
  }

  #header(segment: Segment): string {
    return headerLine({
      after: this.#durable,
      time: isoTime(this.#options.clock.wall()),
      prev: this.#head,
      format: FORMAT,
      chain: this.#chain,
      segment: segment.number,
      previous: this.#previous,
      uptime: segment.uptime,
    });
  }

  async #checkpoint(segment: Segment, seq: number, prev: string, count: number, seal: boolean): Promise<string> {
    const ready = this.#prepared;
    const fits = ready !== null && ready.seq === seq && ready.prev === prev && ready.segment === segment.number;
    const { text, signature } = fits ? ready : this.#prepare(segment, seq, prev, count, seal);
    this.#prepared = null;
    return checkpointLine(text, (await signature).toString("base64"));
  }

  #prepare(segment: Segment, seq: number, prev: string, count: number, seal: boolean): Prepared {
    const { key, clock } = this.#options;
    const text = checkpointText({
      seq,
      time: isoTime(clock.wall()),
      prev,
      chain: this.#chain,
      segment: segment.number,
      count,
      seal,
      uptime: this.#uptime(),
      counter: null,
      key: key.id,
      algorithm: ALGORITHM,
    });
    const signature = key.sign(SIGNED_PREFIX + text);
    // Awaited when its line is made; until then a failure must not look unhandled.
    signature.catch(() => {});
    return { seq, prev, segment: segment.number, text, signature };
  }

  async #readBack(segment: Segment, written: Buffer): Promise<void> {
    const read = await this.#files.read(segment.path, 0);
    if (Buffer.compare(read, written) !== 0) throw new Error("what was written does not read back");
  }

  /** The segment takes no more lines. */
  async #leave(segment: Segment, state: "sealed" | "retired"): Promise<void> {
    this.#segment = null;
    this.#sealing = false;
    this.#lastSegment = segment.number;
    this.#previous = { segment: segment.number, octets: segment.octets, state };
    this.#segments.push({ segment: segment.number, file: segment.path, octets: segment.octets });
    await segment.file.close().catch(() => {});
  }

  /** A write or sync failed: nothing that was under way counts, and this segment is never written again. */
  async #retire(error: unknown): Promise<void> {
    const reason = reasonOf(error);
    this.#fault = reason === "ENOSPC" || reason === "EDQUOT" ? "full" : "failed";
    this.#faultMs = this.#options.clock.monotonic();
    this.#forbidden = ["EACCES", "EPERM", "EROFS"].includes(reason);
    this.#prepared = null;
    if (this.#unwrittenWallMs === 0) this.#unwrittenWallMs = this.#options.clock.wall();
    this.#trouble(`${UNWRITTEN}: ${reason}`);
    const segment = this.#segment;
    if (segment !== null && segment.octets > 0) {
      await this.#leave(segment, "retired");
      await this.#signRetired(segment);
    } else if (segment !== null) {
      this.#segment = null;
      this.#leftover = segment.path;
      await segment.file.close().catch(() => {});
      // Its lines may stand in the page cache and not on the disk: the next start must not find them.
      await this.#removeLeftover().catch(() => {});
    }
    this.#settle();
  }

  #wellAgain(): void {
    const since = new Date(this.#unwrittenWallMs).toISOString();
    this.#unwrittenWallMs = 0;
    this.#trouble(`from ${since} to ${new Date(this.#options.clock.wall()).toISOString()} no evidence could be written`);
  }

  /** For a start that comes before the next header can say so. */
  async #signRetired(segment: Segment): Promise<void> {
    const { directory } = this.#options;
    try {
      const sign = await this.#files.create(path.join(directory, retiredName(segment.number, segment.octets, this.#head)));
      await sign.close();
      await this.#files.syncDirectory(directory);
    } catch {
      // Told already: the write or sync before it failed.
    }
  }

  async #removeLeftover(): Promise<void> {
    if (this.#leftover === null) return;
    await unlinkIfThere(this.#files, this.#leftover);
    this.#leftover = null;
  }

  #settle(): void {
    this.#state = this.#fault ?? (this.#octets >= this.#capOctets ? "full" : "ok");
    const onlyKept = this.#octets >= this.#commonOctets;
    if (onlyKept && !this.#onlyKept) this.#trouble(ONLY_KEPT);
    this.#onlyKept = onlyKept;
    for (let i = this.#waiters.length - 1; i >= 0; i--) {
      const waiter = this.#waiters[i];
      if (waiter !== undefined && waiter.seq <= this.#durable) this.#waiters.splice(i, 1)[0]?.done();
    }
    try {
      this.onProgress?.();
    } catch (error) {
      // A listener's fault is no fault of the disk: it goes where every uncaught fault goes.
      setImmediate(() => {
        throw error;
      });
    }
  }

  #until(seq: number): Promise<void> {
    if (seq <= this.#durable) return Promise.resolve();
    return new Promise((done) => this.#waiters.push({ seq, done }));
  }

  #tellCheckpoint(line: string): void {
    try {
      this.onCheckpoint?.(line);
    } catch {
      // The chain has it.
    }
  }

  /** Only after its line is synced, and off the batch's way; of several waiting the newest is enough. */
  #publish(line: string): void {
    this.#toPublish = line;
    if (this.#options.clock.monotonic() - this.#publishedMs >= PUBLISH_MS) this.#publishing ??= this.#publishAll();
  }

  async #publishAll(): Promise<void> {
    const line = this.#toPublish;
    this.#toPublish = null;
    this.#publishedMs = this.#options.clock.monotonic();
    if (line !== null) {
      try {
        await writeWhole(this.#files, this.#options.directory, CHECKPOINT_NAME, Buffer.from(`${line}\n`), !this.#published);
        this.#published = true;
      } catch {
        // The chain has it; the next one is published soon.
      }
    }
    this.#publishing = null;
  }

  #mayPrune(): boolean {
    return this.#options.mayPrune?.() !== false;
  }

  /** Says so in a record under a signed checkpoint first, removes then. */
  async #prune(): Promise<void> {
    const oldest = this.#segments[0];
    const next = this.#segments[1]?.file ?? this.#segment?.path;
    if (oldest === undefined || next === undefined) return;
    try {
      const { retainMs, clock, directory } = this.#options;
      const header = await prunable(oldest.segment, next, retainMs, clock.wall(), this.#uptime());
      if (header === null || this.#fault !== null || !this.#mayPrune()) return;
      const { segment, octets } = oldest;
      this.#own({ event: "prune", segment, last: header.after, hash: header.prev, octets, ended: header.time });
      await this.#until(this.#mark(CHECKPOINT));
      await this.#files.unlink(oldest.file);
      await this.#files.syncDirectory(directory);
      // Only now: while the segment stands, what is kept beside it is evidence too. An earlier pruning may have been cut short here.
      for (const name of readdirSync(directory)) {
        if ((besideOf(name)?.segment ?? segment + 1) <= segment) await this.#files.unlink(path.join(directory, name));
      }
      this.#segments.shift();
      this.#octets -= octets;
      this.#settle();
    } catch (error) {
      this.#trouble(`segment ${oldest.segment} cannot be pruned: ${reasonOf(error)}`);
    }
  }

  /** Said once while it stays the newest; the oldest are forgotten. */
  #trouble(words: string): void {
    if (this.troubles.at(-1) === words) return;
    this.troubles.push(words);
    if (this.troubles.length > MOST_TROUBLES) this.troubles.shift();
  }
}

/** Troubles remembered for status. */
const MOST_TROUBLES = 64;
const ONLY_KEPT =
  "four fifths of the log's space are taken: only writes, controls, management and checkpoints are still recorded; raise max_size or lower retain";

function octetsOf(directory: string): number {
  const folder = path.join(directory, DOCUMENTS_NAME);
  return readdirSync(folder).reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
}
