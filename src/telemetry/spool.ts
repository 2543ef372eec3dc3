/**
 * The sender's spool: frames that were sent once, kept on the disk for the carousel, in a ring of segment files (segment.ts draws them).
 *
 *     append ─▶ half of the buffer ─▶ flush: seal, write, fdatasync ─▶ newest segment ─▶ closed segments ─▶ the oldest goes
 *
 * A segment ends when it is full, when its first frame is `segmentMs` old, when the disk failed under it, and with the sender's start. The
 * oldest goes, whole, when the ring's octets or segments would pass their limit, and when its newest frame is older than `maxAgeMs`.
 *
 * Killed or without power at any moment, the spool loses at most what no flush had promised. While the disk takes nothing, frames wait in the
 * buffer until it is full; what comes then is refused and counted. After a failed write or sync nothing more is written to that segment; it is
 * cut back to what was promised, and what waits is written to a new one. Where the disk is full the oldest segment makes room.
 *
 * INVARIANT: frames are on the disk in the order in which they were appended. Where a segment could be neither cut nor synced, and the power
 * then failed, some may be there twice.
 * INVARIANT: segment files take at most `maxOctets`, but for a tail that could not be cut.
 * One process at a time: the sender sees to that.
 */
import { type AppendFile, type Files, makeDirectories, realFiles, unlinkIfThere } from "#disk/files";
import { reasonOf } from "#disk/reason";
import { lookAround, readThrough } from "./adopt.ts";
import { FrameBuffer, type Part } from "./frameBuffer.ts";
import { count, FRAME_OCTETS, fileOf, HEADER_OCTETS, headerOf, MOST_SEGMENT_OCTETS, newSegment, type Segment } from "./segment.ts";
import { MOST_SEGMENTS, writeIndex } from "./spoolIndex.ts";

export interface SpoolOptions {
  readonly directory: string;
  /** Octets of all segment files. */
  readonly maxOctets?: number;
  /** A segment whose newest frame is older goes. Milliseconds. */
  readonly maxAgeMs?: number;
  /** Segment files, however small: what the index takes in memory, about 200 octets for each. */
  readonly maxSegments?: number;
  readonly segmentOctets?: number;
  /** A segment is closed when its first frame is so old: only closed ones go round. Milliseconds. */
  readonly segmentMs?: number;
  /** Octets of frames that wait for the disk, two halves together. */
  readonly bufferOctets?: number;
  /** May anything be called old now? By a clock that is not believed nothing may (RULINGS 19). Left out: always. */
  readonly mayExpire?: () => boolean;
  /** Tests hand in their own. */
  readonly files?: Files;
}

/** All but `waiting` and `refused` speak of what is on the disk. */
export interface SpoolStats {
  readonly segments: number;
  readonly octets: number;
  readonly frames: number;
  /** Wall-clock milliseconds of the oldest frame; null: there is none. */
  readonly oldestMs: number | null;
  /** Octets in the buffer. */
  readonly waiting: number;
  /** Frames that were not taken: no room in the buffer, or no frame at all (empty, or above FRAME_OCTETS). */
  readonly refused: number;
  /** Places where something was found damaged, each of one record or several, in segments that are there or were since the start. */
  readonly damaged: number;
  /** Segments that had to go since the start, for whatever limit. */
  readonly dropped: number;
  /** Why the last flush did not write; null: it did. */
  readonly trouble: string | null;
}

const MEBIBYTE = 1024 * 1024;
export const DAY_MS = 86_400_000;
const DEFAULTS = {
  maxOctets: 4 * 1024 * MEBIBYTE,
  maxAgeMs: 7 * DAY_MS,
  /** A week of segments closed by age is 5,040; the rest is for starts, each of which begins one. */
  maxSegments: 16_384,
  segmentOctets: 4 * MEBIBYTE,
  segmentMs: 120_000,
  /** At 10 Mbit/s of live frames a disk may stand still for 1.5 s. */
  bufferOctets: 2 * MEBIBYTE,
  mayExpire: () => true,
  files: realFiles,
};
/** So many segments fit in the ring at least: what goes is never most of it. */
const LEAST_SEGMENTS = 4;
/** Octets of a segment and of half the buffer: some frames of the largest size. */
const LEAST_OCTETS = 16 * 1024;
/** The index is written so seldom. What a kill loses of it is at most some counts and times, and a segment to be read through. */
const INDEX_MS = 30_000;
/** A segment that went, and made no room on a full disk, is followed by no other for so long. */
const IN_VAIN_MS = 60_000;

interface Open {
  readonly segment: Segment;
  readonly file: AppendFile;
  /** Its name is on the disk. */
  isNamed: boolean;
}

export class Spool {
  readonly directory: string;
  readonly files: Files;
  /** No segment made here is larger; earlier ones may be. */
  readonly segmentOctets: number;
  readonly #limits: Required<SpoolOptions>;
  readonly #buffer: FrameBuffer;
  /** Closed ones, oldest first. */
  #segments: Segment[] = [];
  #open: Open | null = null;
  /** Of all segments, the open one too. */
  #octets = 0;
  #highest = 0;
  /** What lies in the directory is known: nothing is written before it is. */
  #isRead = false;
  #isClosed = false;
  /** A file that was begun and came to nothing, and could not be removed yet. */
  #leftover: string | null = null;
  /** A name was removed and the directory not synced since: it may come back, and must not once a younger one is gone. */
  #namesOwed = false;
  #refused = 0;
  #damaged = 0;
  #dropped = 0;
  #revision = 0;
  #trouble: string | null = null;
  #inVainMs = Number.NEGATIVE_INFINITY;
  #isIndexOwed = false;
  #indexMs = 0;
  #busy: Promise<boolean> | null = null;
  #behind: Promise<boolean> | null = null;

  private constructor(options: SpoolOptions) {
    const asked = { ...DEFAULTS, ...options };
    const maxOctets = Math.max(asked.maxOctets, LEAST_SEGMENTS * LEAST_OCTETS);
    const mostOfOne = Math.min(MOST_SEGMENT_OCTETS, Math.floor(maxOctets / LEAST_SEGMENTS));
    this.segmentOctets = Math.min(Math.max(asked.segmentOctets, LEAST_OCTETS), mostOfOne);
    const maxSegments = Math.min(Math.max(asked.maxSegments, LEAST_SEGMENTS), MOST_SEGMENTS);
    this.#limits = { ...asked, maxOctets, maxSegments };
    this.directory = asked.directory;
    this.files = asked.files;
    this.#buffer = new FrameBuffer(Math.max(asked.bufferOctets, 2 * LEAST_OCTETS));
  }

  /**
   * Find what earlier starts left. Never rejects: where the disk does not let us, `stats` says why, frames wait in the buffer, and each flush
   * tries again.
   */
  static async open(options: SpoolOptions, nowMs: number): Promise<Spool> {
    const spool = new Spool(options);
    await spool.flush(nowMs);
    return spool;
  }

  /** Closed segments, oldest first: for the carousel. */
  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /** Another one whenever `segments` has changed. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * Keep a frame that was just sent. Its octets are copied; nothing is awaited.
   *
   * @param sequence the sender's, kept beside the frame for whoever looks into a spool
   * @param nowMs    wall-clock milliseconds, as everywhere here
   * @returns        false: it was refused, and counted
   */
  append(sequence: number, nowMs: number, octets: Uint8Array): boolean {
    const isFrame = octets.length > 0 && octets.length <= FRAME_OCTETS && Number.isSafeInteger(sequence) && sequence >= 0 && nowMs >= 0;
    if (isFrame && !this.#isClosed && this.#buffer.add(sequence, Math.floor(nowMs), octets)) return true;
    this.#refused += 1;
    return false;
  }

  /**
   * Write what was appended until now, close and let go what is due. One runs at a time; those who ask meanwhile share the next.
   *
   * @returns true: all of it is on the disk. Never rejects
   */
  flush(nowMs: number): Promise<boolean> {
    if (this.#busy !== null) {
      this.#behind ??= this.#busy.then(() => {
        this.#behind = null;
        return this.flush(nowMs);
      });
      return this.#behind;
    }
    this.#busy = this.#work(nowMs).finally(() => {
      this.#busy = null;
    });
    return this.#busy;
  }

  /** The last flush; counts and times are kept. @returns as `flush` does */
  async close(nowMs: number): Promise<boolean> {
    this.#isClosed = true;
    const isWritten = await this.flush(nowMs);
    await this.#end();
    if (this.#isRead) await this.#keepIndex(nowMs);
    return isWritten;
  }

  stats(): SpoolStats {
    const open = this.#open?.segment;
    const oldest = this.#segments.find(({ frames }) => frames > 0) ?? (open !== undefined && open.frames > 0 ? open : null);
    return {
      segments: this.#segments.length + (open === undefined ? 0 : 1),
      octets: this.#octets,
      frames: this.#segments.reduce((sum, { frames }) => sum + frames, open?.frames ?? 0),
      oldestMs: oldest?.firstMs ?? null,
      waiting: this.#buffer.waiting,
      refused: this.#refused,
      damaged: this.#damaged,
      dropped: this.#dropped,
      trouble: this.#trouble,
    };
  }

  /** The carousel has gone through it. @param damaged places it found damaged there */
  wentRound(segment: Segment, damaged: number, nowMs: number): void {
    segment.sent += 1;
    segment.goneMs = Math.max(1, Math.floor(nowMs));
    this.#damaged += Math.max(0, damaged - segment.damaged);
    segment.damaged = Math.max(segment.damaged, damaged);
    this.#isIndexOwed = true;
  }

  async #work(nowMs: number): Promise<boolean> {
    this.#trouble = null;
    const isWritten = await this.#tried(async () => {
      if (!this.#isRead) await this.#read(nowMs);
      await this.#write(nowMs);
    });
    if (!this.#isRead) return false;
    // What cannot be let go does not keep others from being written, until a limit says so.
    await this.#tried(() => this.#expire(nowMs));
    const open = this.#open?.segment;
    if (open !== undefined && Math.abs(nowMs - open.firstMs) >= this.#limits.segmentMs) await this.#end();
    if (this.#isIndexOwed && Math.abs(nowMs - this.#indexMs) >= INDEX_MS) await this.#keepIndex(nowMs);
    return isWritten;
  }

  async #tried(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.#trouble ??= reasonOf(error);
      return false;
    }
  }

  /** Limits come first: what has to go anyway is not read through. */
  async #read(nowMs: number): Promise<void> {
    await makeDirectories(this.files, this.directory);
    const { segments, unread, highest } = await lookAround(this.files, this.directory);
    this.#highest = Math.max(this.#highest, highest);
    this.#segments = segments;
    this.#octets = segments.reduce((sum, { octets }) => sum + octets, 0);
    while (this.#isOver(0)) await this.#dropOldest();
    const largest = Math.max(0, ...segments.filter((each) => unread.has(each)).map(({ octets }) => octets));
    const scratch = Buffer.allocUnsafeSlow(Math.min(largest, MOST_SEGMENT_OCTETS));
    const kept: Segment[] = [];
    for (const segment of this.#segments)
      if (!unread.has(segment) || (await readThrough(this.files, this.directory, segment, scratch, nowMs))) kept.push(segment);
    this.#segments = kept;
    this.#octets = kept.reduce((sum, { octets }) => sum + octets, 0);
    this.#damaged = kept.reduce((sum, { damaged }) => sum + damaged, 0);
    this.#isIndexOwed ||= unread.size > 0;
    this.#revision += 1;
    this.#isRead = true;
  }

  async #tidy(): Promise<void> {
    if (this.#leftover !== null) await unlinkIfThere(this.files, this.#leftover);
    this.#leftover = null;
  }

  async #expire(nowMs: number): Promise<void> {
    while (this.#isOld(this.#segments[0], nowMs)) await this.#dropOldest();
  }

  #isOld(segment: Segment | undefined, nowMs: number): boolean {
    return segment !== undefined && nowMs - segment.lastMs > this.#limits.maxAgeMs && this.#limits.mayExpire();
  }

  async #write(nowMs: number): Promise<void> {
    try {
      await this.#writeAll(nowMs);
    } catch (error) {
      if (!isFull(error) || this.#segments.length === 0 || Math.abs(nowMs - this.#inVainMs) < IN_VAIN_MS) throw error;
      this.#inVainMs = nowMs;
      await this.#dropOldest();
      await this.#writeAll(nowMs);
      this.#inVainMs = Number.NEGATIVE_INFINITY;
    }
  }

  /** What an earlier flush could not write, then what was added since. */
  async #writeAll(nowMs: number): Promise<void> {
    for (let half = 0; half < 2 && this.#buffer.turn(); half++) {
      do await this.#writePart(nowMs);
      while (this.#buffer.leaves);
    }
  }

  async #writePart(nowMs: number): Promise<void> {
    const open = this.#open ?? (await this.#begin(nowMs));
    const part = this.#buffer.part(this.segmentOctets - open.segment.octets, open.segment.number);
    if (part === null) return this.#end();
    await this.#makeRoom(part.octets.length);
    try {
      await open.file.write(part.octets);
      await open.file.sync();
      if (!open.isNamed) await this.files.syncDirectory(this.directory);
    } catch (error) {
      await this.#retire(open, part);
      throw error;
    }
    open.isNamed = true;
    this.#keep(open.segment, part);
    this.#buffer.left(part);
  }

  #keep(segment: Segment, { octets, counted }: Part): void {
    segment.octets += octets.length;
    this.#octets += octets.length;
    count(segment, counted.frames, counted.firstMs, counted.lastMs);
  }

  async #begin(nowMs: number): Promise<Open> {
    await this.#tidy();
    await this.#makeRoom(HEADER_OCTETS);
    this.#highest += 1;
    const segment = newSegment(this.#highest, HEADER_OCTETS);
    const name = fileOf(this.directory, segment.number);
    const file = await this.files.create(name);
    const open = { segment, file, isNamed: false };
    this.#octets += HEADER_OCTETS;
    try {
      await file.write(headerOf(segment.number, Math.max(0, Math.floor(nowMs))));
    } catch (error) {
      await this.#retire(open, null);
      throw error;
    }
    this.#open = open;
    return open;
  }

  /** Nothing more goes into the open segment: all of it is on the disk. */
  async #end(): Promise<void> {
    const open = this.#open;
    this.#open = null;
    if (open === null) return;
    await closeQuietly(open.file);
    this.#addClosed(open.segment);
  }

  #addClosed(segment: Segment): void {
    this.#segments.push(segment);
    this.#revision += 1;
    this.#isIndexOwed = true;
  }

  /** The disk failed under it: what was promised stays, nothing else. */
  async #retire({ segment, file }: Open, part: Part | null): Promise<void> {
    this.#open = null;
    await closeQuietly(file);
    const name = fileOf(this.directory, segment.number);
    if (segment.frames === 0) {
      this.#octets -= segment.octets;
      this.#leftover = name;
      await this.#tried(() => this.#tidy());
      return;
    }
    try {
      await this.files.truncate(name, segment.octets);
    } catch {
      segment.octets += part?.octets.length ?? 0;
      this.#octets += part?.octets.length ?? 0;
    }
    this.#addClosed(segment);
  }

  async #makeRoom(octets: number): Promise<void> {
    while (this.#isOver(octets)) await this.#dropOldest();
  }

  #isOver(more: number): boolean {
    return this.#segments.length >= this.#limits.maxSegments || this.#octets + more > this.#limits.maxOctets;
  }

  async #dropOldest(): Promise<void> {
    const oldest = this.#segments[0];
    if (oldest === undefined) throw new Error("the limits leave no room for a segment");
    if (this.#namesOwed) await this.files.syncDirectory(this.directory);
    this.#namesOwed = true;
    await unlinkIfThere(this.files, fileOf(this.directory, oldest.number));
    oldest.isGone = true;
    this.#segments.shift();
    this.#octets -= oldest.octets;
    this.#dropped += 1;
    this.#revision += 1;
    this.#isIndexOwed = true;
    await this.files.syncDirectory(this.directory);
    this.#namesOwed = false;
  }

  /** Where that fails the one before it stays, and in a while it is tried again. */
  async #keepIndex(nowMs: number): Promise<void> {
    this.#indexMs = nowMs;
    this.#isIndexOwed = false;
    try {
      await writeIndex(this.files, this.directory, this.#segments);
    } catch {
      this.#isIndexOwed = true;
    }
  }
}

function isFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes(reasonOf(error));
}

async function closeQuietly(file: AppendFile): Promise<void> {
  try {
    await file.close();
  } catch {
    // What matters of it has been synced.
  }
}
