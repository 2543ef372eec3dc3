/**
 * What waits on the disk for one sink. Samples that were pushed are there after kill -9 and power loss, and are offered to the sink in order,
 * in batches, until it says that it has them.
 *
 *     push ─▶ [memory, bounded] ─▶ write + datasync ─▶ segments ─▶ read a part ─▶ batch ─▶ sink.deliver ─▶ true: the position moves
 *                                                         │                        └──── false: later, the same batch again
 *                                                         └ full: the oldest goes, counted by class (or nothing more comes in)
 *
 *     DIR/0000000012.samples1   lines of samples (sampleLines.ts), only appended to; the number in the end is the format
 *     DIR/state1                up to where everything has been dealt with (queueState.ts)
 *     DIR/lock                  one writer a directory
 *
 * - At least once: the position is written some 250 ms after it moved, so after a crash what was delivered last goes again, with the same ids.
 * - In order: batches go one after the other, oldest first. A push that failed fails those behind it, so that what its owner pushes again is
 *   not overtaken.
 * - Full (its own bound, or the disk's): the default gives up the OLDEST segment, since a historian that is back after weeks wants the newest,
 *   and whoever shows current values wants nothing else. `refuse` keeps the oldest and says false to whoever pushes.
 * - State lost: everything that is there goes again as historical. Lost lines are counted; what follows them is delivered.
 * - Files of another format are left alone and told of.
 *
 * INVARIANT: only the writer (`#write`) makes, grows and gives up segments; only the pump reads and ends them. Both change `#segments` and
 * `#at` in one go, never across an await, and look again after one.
 */
import path from "node:path";
import { type AppendFile, makeDirectories, unlinkIfThere, writeWhole } from "#disk/files";
import { type Lock, lockDirectory } from "#disk/lock";
import { reasonOf } from "#disk/reason";
import { type Disk, realDisk } from "./disk.ts";
import type { Sample, Sink } from "./model.ts";
import { Backoff, Nap, type Retry, within } from "./patience.ts";
import { BEGINNING, decodeState, encodeState, isBefore, type Position, type QueueState } from "./queueState.ts";
import { decodeSamples, encodeSamples, LONGEST_LINE } from "./sampleLines.ts";

export type WhenFull = "drop-oldest" | "refuse";

export interface QueueOptions {
  /** Of this queue alone; made where it is missing, 0700. */
  readonly directory: string;
  readonly sink: Pick<Sink, "name" | "deliver">;
  /** Octets on the disk; default 1 GiB. */
  readonly maxOctets?: number;
  readonly whenFull?: WhenFull;
  /** Samples of a batch; one line more may come with them. Default 1,000. */
  readonly batch?: number;
  /** A segment is ended once it is so long: what is given up at a time. Default a sixteenth of `maxOctets`, at most 8 MiB. */
  readonly segmentOctets?: number;
  readonly retry?: Retry;
  /** The position is on the disk so much after it moved. */
  readonly saveMs?: number;
  /** How long `close` waits for a batch that the sink has in hand. */
  readonly patienceMs?: number;
  /** What dropped samples are counted by; default gateway and asset. */
  readonly classOf?: (sample: Sample) => string;
  readonly disk?: Disk;
  readonly random?: () => number;
}

export interface QueueStatus {
  /** On the disk, and of those what the sink has not had. */
  readonly octets: number;
  readonly waiting: number;
  /** Samples, over all runs; what is counted twice was delivered twice. */
  readonly delivered: number;
  readonly dropped: Readonly<Record<string, number>>;
  /** Lines that could not be read, over all runs. Unfinished ones at the end of a segment were never promised and are not counted. */
  readonly damaged: number;
  /** Of this run: samples whose push was answered false; samples nobody can keep; offers the sink did not take. */
  readonly refused: number;
  readonly unfit: number;
  readonly failures: number;
  /** Of the batch in hand or waited for. */
  readonly failuresInRow: number;
  /** What is there from before the state was lost goes as historical. */
  readonly again: boolean;
  /** Files of another format in the directory. */
  readonly foreign: readonly string[];
  /** Why the disk does not do what it should; null: it does. */
  readonly trouble: string | null;
}

const DEFAULT_OCTETS = 1024 ** 3;
const MOST_SEGMENT = 8 * 1024 ** 2;
const LEAST_SEGMENT = 4096;
/** Read at once: a batch of ordinary samples, and any line. */
const PART_OCTETS = Math.max(512 * 1024, LONGEST_LINE + 1);
/** Pushed and not yet on the disk; a pusher that does not wait for its answers meets it. */
const PENDING_OCTETS = 16 * 1024 ** 2;
/** Written and synced at once, but for one push that is larger by itself. */
const GROUP_OCTETS = 1024 ** 2;
/** Different classes that are told apart. */
const MOST_CLASSES = 1_000;
const OTHERS = "(others)";
/** A segment that cannot be read is passed over after so many attempts. */
const READ_ATTEMPTS = 5;
const STATE = "state1";
const SEGMENT = /^([0-9]{10})\.samples1$/;
const FOREIGN = /^(?:[0-9]+\.samples[0-9]*|state[0-9]*)$/;
const FULL: readonly string[] = ["ENOSPC", "EDQUOT"];

interface Segment {
  readonly number: number;
  /** Those that are on the disk for sure; nothing beyond is read. */
  octets: number;
}

interface Pending {
  readonly octets: Buffer;
  readonly count: number;
  readonly resolve: (isKept: boolean) => void;
}

interface Batch {
  readonly samples: readonly Sample[];
  /** Where the next one begins: in the same segment. */
  readonly end: Position;
  readonly damaged: number;
}

export class DeliveryQueue {
  readonly #options: Required<QueueOptions>;
  readonly #backoff: Backoff;
  /** Something was written; the time before another attempt. */
  readonly #more = new Nap();
  readonly #rest = new Nap();
  #lock: Lock | null = null;
  /** Oldest first; the last may be the one that is written. */
  readonly #segments: Segment[] = [];
  #open: { readonly segment: Segment; readonly handle: AppendFile } | null = null;
  #highest = 0;
  #at: Position = BEGINNING;
  #again: Position = BEGINNING;
  #part: { readonly segment: number; readonly from: number; readonly octets: Buffer } | null = null;
  /** What the sink has now; its segment may be given up meanwhile. */
  #inHand: { readonly batch: Batch; isGivenUp: boolean } | null = null;
  readonly #pending: Pending[] = [];
  #pendingOctets = 0;
  #writing: Promise<void> | null = null;
  #pump: Promise<void> = Promise.resolve();
  #saveTimer: NodeJS.Timeout | null = null;
  #lastSave: Promise<void> = Promise.resolve();
  #isClosing = false;
  #isClosed = false;
  #delivered = 0;
  #damaged = 0;
  readonly #dropped = new Map<string, number>();
  #refused = 0;
  #unfit = 0;
  #failures = 0;
  #failuresInRow = 0;
  #readFailures = 0;
  #foreign: readonly string[] = [];
  /** By what fails. */
  readonly #troubles = new Map<"directory" | "write" | "read" | "state" | "remove", string>();

  private constructor(options: QueueOptions) {
    const maxOctets = options.maxOctets ?? DEFAULT_OCTETS;
    this.#options = {
      maxOctets,
      whenFull: "drop-oldest",
      batch: 1_000,
      segmentOctets: Math.min(MOST_SEGMENT, Math.max(LEAST_SEGMENT, Math.floor(maxOctets / 16))),
      retry: { firstMs: 250, mostMs: 30_000 },
      saveMs: 250,
      patienceMs: 5_000,
      classOf: ({ gateway, asset }) => `${gateway}/${asset}`,
      disk: realDisk,
      random: Math.random,
      ...options,
    };
    this.#backoff = new Backoff(this.#options.retry, this.#options.random);
  }

  /** Never rejects: where the directory cannot be used yet, nothing is kept, `trouble` says why, and it is tried again. */
  static async open(options: QueueOptions): Promise<DeliveryQueue> {
    const queue = new DeliveryQueue(options);
    await queue.#prepare();
    queue.#pump = queue.#run();
    return queue;
  }

  /**
   * @returns true: they are on the disk. False: they are not, or nobody knows; what is pushed again after that is in order all the same.
   *          Never rejects.
   */
  push(samples: readonly Sample[]): Promise<boolean> {
    const { octets, count, unfit } = encodeSamples(samples);
    if (this.#isClosing || this.#lock === null || this.#pendingOctets + octets.length > PENDING_OCTETS) {
      this.#refused += samples.length;
      return Promise.resolve(false);
    }
    this.#unfit += unfit;
    if (count === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      this.#pending.push({ octets, count, resolve });
      this.#pendingOctets += octets.length;
      this.#writing ??= this.#write();
    });
  }

  get status(): QueueStatus {
    const first = this.#segments[0];
    return {
      octets: this.#octets,
      waiting: this.#octets - (first?.number === this.#at.segment ? this.#at.offset : 0),
      delivered: this.#delivered,
      dropped: Object.fromEntries(this.#dropped),
      damaged: this.#damaged,
      refused: this.#refused,
      unfit: this.#unfit,
      failures: this.#failures,
      failuresInRow: this.#failuresInRow,
      again: first !== undefined && isBefore({ segment: first.number, offset: 0 }, this.#again) && isBefore(this.#at, this.#again),
      foreign: this.#foreign,
      trouble: this.#troubles.size === 0 ? null : [...this.#troubles].map(([what, reason]) => `${what}: ${reason}`).join(", "),
    };
  }

  /** The sink may take them now: do not wait for the next attempt. */
  hurry(): void {
    this.#backoff.reset();
    this.#rest.wake();
  }

  /** What was pushed is on the disk, and the pump stands still. The sink is not closed. Never rejects. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#more.wake();
    this.#rest.wake();
    await this.#writing;
    await within(this.#pump, this.#options.patienceMs, undefined);
    if (this.#saveTimer !== null) clearTimeout(this.#saveTimer);
    if (this.#lock !== null) await this.#save();
    this.#isClosed = true;
    await this.#endSegment();
    try {
      this.#lock?.release();
    } catch (error) {
      this.#troubles.set("directory", reasonOf(error));
    }
  }

  get #octets(): number {
    return this.#segments.reduce((sum, { octets }) => sum + octets, 0);
  }

  #file(name: string | number): string {
    const { directory } = this.#options;
    return path.join(directory, typeof name === "string" ? name : `${String(name).padStart(10, "0")}.samples1`);
  }

  // At the start.

  async #prepare(): Promise<boolean> {
    const { directory, disk } = this.#options;
    try {
      await makeDirectories(disk, directory);
      const lock = lockDirectory(directory);
      try {
        await this.#adopt();
      } catch (error) {
        lock.release();
        throw error;
      }
      this.#troubles.delete("directory");
      this.#lock = lock;
      return true;
    } catch (error) {
      this.#troubles.set("directory", reasonOf(error));
      return false;
    }
  }

  async #adopt(): Promise<void> {
    const { directory, disk } = this.#options;
    const found = await disk.list(directory);
    this.#segments.splice(0);
    const segments: Segment[] = [];
    for (const { name, octets } of found) {
      const [, number] = SEGMENT.exec(name) ?? [];
      if (number !== undefined) segments.push({ number: Number(number), octets });
    }
    segments.sort((a, b) => a.number - b.number);
    this.#foreign = found.map(({ name }) => name).filter((name) => FOREIGN.test(name) && !SEGMENT.test(name) && name !== STATE);
    const state = await this.#readState();
    this.#highest = Math.max(segments.at(-1)?.number ?? 0, state?.at.segment ?? 0);
    if (state !== null) this.#take(state);
    else if (segments.length > 0) this.#again = { segment: this.#highest + 1, offset: 0 };
    for (const segment of segments) {
      if (segment.number < this.#at.segment) await this.#unlink(segment.number);
      else this.#segments.push(segment);
    }
    // Before any segment is made: one without a state is one whose state was lost.
    if (state === null) await this.#save();
  }

  async #readState(): Promise<QueueState | null> {
    try {
      return decodeState(await this.#options.disk.read(this.#file(STATE), 0));
    } catch {
      return null;
    }
  }

  #take(state: QueueState): void {
    this.#at = state.at;
    this.#again = state.again;
    this.#delivered = state.delivered;
    this.#damaged = state.damaged;
    for (const [name, count] of Object.entries(state.dropped)) this.#dropped.set(name, count);
  }

  // The writer.

  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      const group: Pending[] = [];
      let octets = 0;
      do {
        const next = this.#pending.shift() as Pending;
        group.push(next);
        octets += next.octets.length;
      } while (octets + (this.#pending[0]?.octets.length ?? GROUP_OCTETS) <= GROUP_OCTETS);
      const isKept = await this.#keep(Buffer.concat(group.map((each) => each.octets)));
      this.#pendingOctets -= octets;
      // Those behind would overtake what is pushed again.
      if (!isKept) group.push(...this.#pending.splice(0));
      for (const { count, resolve } of group) {
        if (!isKept) this.#refused += count;
        resolve(isKept);
      }
      if (isKept) this.#more.wake();
      else this.#pendingOctets = 0;
    }
    // In one go with the last look: nobody can push between the two.
    this.#writing = null;
  }

  async #keep(octets: Buffer): Promise<boolean> {
    for (let attempt = 1; attempt <= 2; attempt++) {
      try {
        if (!(await this.#makeRoom(octets.length))) return false;
        await this.#append(octets);
        this.#troubles.delete("write");
        return true;
      } catch (error) {
        const reason = reasonOf(error);
        this.#troubles.set("write", reason);
        await this.#giveUpTail();
        // Where others filled the disk the last one is not given up for a few more.
        const mayDrop = FULL.includes(reason) && this.#options.whenFull === "drop-oldest" && this.#segments.length > 1;
        if (!mayDrop || !(await this.#dropOldest())) return false;
      }
    }
    return false;
  }

  async #makeRoom(octets: number): Promise<boolean> {
    const { maxOctets, whenFull } = this.#options;
    if (octets > maxOctets) return false;
    while (this.#octets + octets > maxOctets) {
      if (whenFull === "refuse" && !this.#isFirstDone()) return false;
      if (!(await this.#dropOldest())) return false;
    }
    return true;
  }

  /** The sink has had all of the oldest segment: it is there only because it is still written. */
  #isFirstDone(): boolean {
    const first = this.#segments[0];
    return first !== undefined && first.number === this.#at.segment && first.octets === this.#at.offset;
  }

  async #append(octets: Buffer): Promise<void> {
    if (this.#open !== null && this.#open.segment.octets >= this.#options.segmentOctets) await this.#endSegment();
    const { handle, segment } = this.#open ?? (await this.#newSegment());
    await handle.write(octets);
    await handle.sync();
    segment.octets += octets.length;
  }

  async #newSegment(): Promise<{ readonly segment: Segment; readonly handle: AppendFile }> {
    const { directory, disk } = this.#options;
    this.#highest += 1;
    const segment = { number: this.#highest, octets: 0 };
    const handle = await disk.create(this.#file(segment.number));
    try {
      await disk.syncDirectory(directory);
    } catch (error) {
      await handle.close().catch(() => {});
      await this.#unlink(segment.number);
      throw error;
    }
    // Together: one that is not open is one that the pump ends.
    this.#open = { segment, handle };
    this.#segments.push(segment);
    return this.#open;
  }

  /** What is written next goes into a new one. */
  async #endSegment(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    try {
      await open?.handle.close();
    } catch {
      // What was promised of it is synced.
    }
    // The pump waits at its end, if it has come so far.
    this.#more.wake();
  }

  /** A write or sync failed: nobody knows what of it the disk has. What was promised before it stays; the rest is cut off, or never read. */
  async #giveUpTail(): Promise<void> {
    const segment = this.#open?.segment;
    await this.#endSegment();
    if (segment === undefined) return;
    const index = this.#segments.indexOf(segment);
    if (segment.octets === 0 && index >= 0) {
      this.#segments.splice(index, 1);
      await this.#unlink(segment.number);
      return;
    }
    try {
      await this.#options.disk.truncate(this.#file(segment.number), segment.octets);
    } catch {
      // After a restart it would be delivered: as often as it was pushed, with the same ids.
    }
  }

  /** @returns false: there is none */
  async #dropOldest(): Promise<boolean> {
    const first = this.#segments[0];
    if (first === undefined) return false;
    if (this.#open?.segment === first) await this.#endSegment();
    // The pump may have ended it meanwhile.
    if (this.#segments[0] !== first) return true;
    const from = this.#at.segment === first.number ? this.#at.offset : 0;
    if (this.#inHand?.batch.end.segment === first.number) this.#inHand.isGivenUp = true;
    this.#segments.shift();
    this.#at = { segment: first.number + 1, offset: 0 };
    await this.#countDropped(first, from);
    // On a full disk it has no room yet: then the count is written after.
    const isSaved = await this.#save();
    await this.#unlink(first.number);
    if (!isSaved) await this.#save();
    return true;
  }

  async #countDropped(segment: Segment, from: number): Promise<void> {
    try {
      for (let at = from; at < segment.octets; ) {
        const most = Math.min(PART_OCTETS, segment.octets - at);
        const octets = Buffer.from(await this.#options.disk.part(this.#file(segment.number), at, most));
        let length = 0;
        for (const { line, end } of linesIn(octets)) {
          const samples = decodeSamples(line);
          if (samples === null) this.#damaged += 1;
          else this.#countSamples(samples, 1);
          length = end;
        }
        if (length === 0) break;
        at += length;
      }
    } catch {
      this.#damaged += 1;
    }
  }

  #countSamples(samples: readonly Sample[], sign: 1 | -1): void {
    for (const sample of samples) {
      const own = this.#classOf(sample);
      const name = this.#dropped.has(own) || this.#dropped.size < MOST_CLASSES ? own : OTHERS;
      this.#dropped.set(name, (this.#dropped.get(name) ?? 0) + sign);
    }
  }

  #classOf(sample: Sample): string {
    try {
      return this.#options.classOf(sample);
    } catch {
      return OTHERS;
    }
  }

  // The pump.

  async #run(): Promise<void> {
    while (!this.#isClosing) {
      if (this.#lock === null) {
        await this.#rest.wait(this.#backoff.next());
        if (!this.#isClosing && (await this.#prepare())) this.#backoff.reset();
        continue;
      }
      const batch = await this.#next();
      if (this.#isClosing) return;
      if (batch === null) await this.#more.wait(null);
      else await this.#offer(batch);
    }
  }

  /** @returns null: nothing waits. Never rejects. */
  async #next(): Promise<Batch | null> {
    while (!this.#isClosing) {
      const first = this.#segments[0];
      if (first === undefined) return null;
      if (this.#at.segment !== first.number) this.#at = { segment: first.number, offset: 0 };
      const { offset } = this.#at;
      if (offset >= first.octets) {
        if (this.#open?.segment === first) return null;
        this.#segments.shift();
        this.#at = { segment: first.number + 1, offset: 0 };
        await this.#unlink(first.number);
        continue;
      }
      const part = await this.#partAt(first, offset);
      // It was given up while it was read.
      if (this.#segments[0] !== first) continue;
      if (part === null) {
        await this.#readAgain(first);
        continue;
      }
      const batch = this.#batchOf(first, offset, part);
      if (batch.samples.length > 0) return batch;
      this.#damaged += batch.damaged;
      this.#moveTo(batch.end);
    }
    return null;
  }

  /** @returns null: it could not be read */
  async #partAt(segment: Segment, offset: number): Promise<Buffer | null> {
    const last = this.#part;
    if (last?.segment === segment.number && offset >= last.from) {
      const octets = last.octets.subarray(offset - last.from);
      if (octets.includes(LINE_FEED)) return octets;
    }
    this.#part = null;
    try {
      const octets = Buffer.from(
        await this.#options.disk.part(this.#file(segment.number), offset, Math.min(PART_OCTETS, segment.octets - offset)),
      );
      this.#troubles.delete("read");
      this.#readFailures = 0;
      this.#part = { segment: segment.number, from: offset, octets };
      return octets;
    } catch (error) {
      this.#troubles.set("read", reasonOf(error));
      this.#readFailures += 1;
      return null;
    }
  }

  /** Later; one that will not be read is passed over in the end, and what is newer goes on. */
  async #readAgain(segment: Segment): Promise<void> {
    if (this.#readFailures < READ_ATTEMPTS) {
      await this.#rest.wait(this.#backoff.next());
      return;
    }
    this.#readFailures = 0;
    this.#backoff.reset();
    this.#damaged += 1;
    this.#moveTo({ segment: segment.number, offset: segment.octets });
  }

  #batchOf(segment: Segment, offset: number, octets: Buffer): Batch {
    const samples: Sample[] = [];
    const at = (length: number): Position => ({ segment: segment.number, offset: offset + length });
    let damaged = 0;
    let length = 0;
    for (const { line, end } of linesIn(octets)) {
      const isAgain = isBefore(at(length), this.#again);
      const each = decodeSamples(line);
      if (each === null) damaged += 1;
      else for (const sample of each) samples.push(isAgain ? { ...sample, historical: true } : sample);
      length = end;
      if (samples.length >= this.#options.batch) return { samples, end: at(length), damaged };
    }
    const isWhole = octets.length === Math.min(PART_OCTETS, segment.octets - offset);
    // More of it than a part without one line feed is damage, and so is a file that is shorter than it was.
    if (length === 0 && octets.length === PART_OCTETS) return { samples, end: at(octets.length), damaged: damaged + 1 };
    if (length === 0 && !isWhole) return { samples, end: { segment: segment.number, offset: segment.octets }, damaged: damaged + 1 };
    // An unfinished last line was never promised.
    if (length === 0) return { samples, end: { segment: segment.number, offset: segment.octets }, damaged };
    return { samples, end: at(length), damaged };
  }

  async #offer(batch: Batch): Promise<void> {
    const inHand = { batch, isGivenUp: false };
    this.#inHand = inHand;
    while (!this.#isClosing && !inHand.isGivenUp) {
      const isDelivered = await this.#deliver(batch.samples);
      if (this.#isClosed) return;
      if (isDelivered) {
        this.#delivered += batch.samples.length;
        this.#failuresInRow = 0;
        this.#backoff.reset();
        if (inHand.isGivenUp) this.#countSamples(batch.samples, -1);
        else {
          this.#damaged += batch.damaged;
          this.#moveTo(batch.end);
        }
        break;
      }
      this.#failures += 1;
      this.#failuresInRow += 1;
      if (!this.#isClosing) await this.#rest.wait(this.#backoff.next());
    }
    this.#inHand = null;
  }

  async #deliver(samples: readonly Sample[]): Promise<boolean> {
    try {
      return (await this.#options.sink.deliver(samples)) === true;
    } catch {
      return false;
    }
  }

  #moveTo(position: Position): void {
    this.#at = position;
    this.#saveSoon();
  }

  // What both need.

  #saveSoon(): void {
    if (this.#isClosing) return;
    this.#saveTimer ??= setTimeout(() => {
      this.#saveTimer = null;
      void this.#save();
    }, this.#options.saveMs).unref();
  }

  /** One after the other, each with what is true as it begins. @returns false: it is not on the disk. Never rejects. */
  #save(): Promise<boolean> {
    const saved = this.#lastSave.then(async () => {
      if (this.#isClosed) return false;
      const { directory, disk } = this.#options;
      const state: QueueState = {
        at: this.#at,
        again: this.#again,
        delivered: this.#delivered,
        damaged: this.#damaged,
        dropped: Object.fromEntries([...this.#dropped].filter(([, count]) => count > 0)),
      };
      try {
        await writeWhole(disk, directory, STATE, encodeState(state), false);
        this.#troubles.delete("state");
        return true;
      } catch (error) {
        this.#troubles.set("state", reasonOf(error));
        this.#saveSoon();
        return false;
      }
    });
    this.#lastSave = saved.then(() => {});
    return saved;
  }

  async #unlink(segment: number): Promise<void> {
    try {
      await unlinkIfThere(this.#options.disk, this.#file(segment));
      this.#troubles.delete("remove");
    } catch (error) {
      // The next start finds it before the position, and removes it.
      this.#troubles.set("remove", reasonOf(error));
    }
  }
}

const LINE_FEED = 0x0a;

function* linesIn(octets: Buffer): Generator<{ readonly line: Buffer; readonly end: number }> {
  for (let at = 0; ; ) {
    const feed = octets.indexOf(LINE_FEED, at);
    if (feed < 0) return;
    yield { line: octets.subarray(at, feed), end: feed + 1 };
    at = feed + 1;
  }
}
