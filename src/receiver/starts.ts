/**
 * The sender starts of each stream, and which of their frames may pass. Every frame that comes here was verified under the key of its salt, so
 * what it says of itself is the sender's word; what it cannot show is that it is not a recording. That is judged here:
 *
 *     salt known       new | again | tooOld, by the sequences that came. A carousel copy is an original for which it is the first time
 *     salt not known   taken in as a start of its own, if it cannot be one that was forgotten; else `oldEpoch`
 *
 * **Why no recording passes twice.** A frame passes only as `new`, and is then in the set of its start. A set lets go of a sequence only by
 * raising its floor, which never falls. A whole start is let go of only after `forgotten` was raised to its epoch and to the newest time any of
 * its frames that passed bore; both never fall. An unknown salt is taken in only where its epoch is above `forgotten.epoch`: then no start of
 * that epoch was ever let go of, and nothing of it can have passed. Or else where its frame was sent after `forgotten.ms`: then this frame has
 * not passed, but older ones of the same salt may have, so the new start remembers `forgotten.ms` and calls all up to there `tooOld`.
 *
 * **Why an unknown salt of an older epoch is not refused as such.** While the receiver was down the sender may have started several times; the
 * carousel then brings frames of starts never heard of, and they are what the outage lost. The epoch only orders (RULINGS 39). And a sender
 * that lost its epoch file begins again at a low epoch: its frames are newer by their time and go on. Only a sender that lost its epoch file
 * and whose clock went back as well is refused: that cannot be told from a recording. It wants a new key.
 *
 * **The spool window** (RULINGS 41) is measured on our clock: every hour we remember how far each start had come, and what was reached a window
 * ago is the floor. Whatever the sender's clock said, such a frame was sent before. A start of which nothing new came for a window is let go
 * of, but never the newest of its stream nor the one heard last.
 */
import type { WallMillis } from "#wire";
import { TagWindow } from "./nonceReuse.ts";
import { MOST_RANGES, type Seen, SeenSet } from "./seen.ts";

/** RULINGS 41: the sender's spool, in which a copy may lie; and a day for clocks that differ. */
export const WINDOW_MS = 8 * 86_400_000;
export const MOST_STREAMS = 64;
/** Of one stream. A sender that starts again more often within a window loses the memory of its oldest starts. */
export const MOST_STARTS = 32;
const MARK_MS = 3_600_000;
/** Eight days of hours, and what a clock that was set may add. */
const MOST_MARKS = 256;
/** A sender's clock may be that far ahead of ours and a start is still told apart from one before the loss. */
const AHEAD_MS = 60_000;

/** `unproven`: nothing shows yet that it began after the loss of our memory; `proven`: it began before. Both are delivered as historical only. */
export type Doubt = "none" | "unproven" | "proven";
const DOUBTS: readonly Doubt[] = ["none", "unproven", "proven"];

export type Refusal = "oldEpoch" | "otherEpoch" | "tooManyStreams";

export interface StartsOptions {
  readonly windowMs?: number;
  readonly mostStarts?: number;
  /** Of all starts of one stream together. */
  readonly mostRanges?: number;
  readonly tagsKept?: number;
}

/** What is written of starts, in the journal's words. */
export interface StartsPart {
  /** stream, next number, forgotten epoch ("" for none), forgotten time */
  readonly streams: readonly (readonly [number, number, string, number])[];
  /** stream, number, salt, epoch, time up to which its frames are `tooOld` */
  readonly starts: readonly (readonly [number, number, string, string, number])[];
  /** stream, number, heard, newest time, doubt, marks, floor, then gap, length, gap, length... of what is to be added */
  readonly seen: readonly (readonly [number, number, number, number, number, readonly number[], readonly number[]])[];
  /** stream, number */
  readonly gone: readonly (readonly [number, number])[];
}

export class Start {
  readonly stream: number;
  /** 32 hexadecimal digits. */
  readonly salt: string;
  readonly epoch: bigint;
  /** Among the starts of its stream, in the order in which we heard of them. Never given twice. */
  readonly number: number;
  /** Frames sent up to here may have passed when the salt was known before. */
  readonly afterMs: number;
  readonly seen: SeenSet;
  readonly tags: TagWindow;
  doubt: Doubt = "none";
  /** When something new came last, on our clock. */
  heardMs: number;
  /** The latest time that a frame which passed was sent at, on the sender's clock. */
  newestMs = -1;
  /** When on our clock, how far; pairs. */
  readonly marks: number[] = [];
  /** Ranges that passed and are not written yet; pairs. */
  readonly fresh: number[] = [];
  isChanged = false;
  /** Let go of: `admit` must be asked again. */
  isForgotten = false;

  constructor(stream: number, number: number, salt: string, epoch: bigint, afterMs: number, heardMs: number, tagsKept: number | undefined) {
    this.stream = stream;
    this.number = number;
    this.salt = salt;
    this.epoch = epoch;
    this.afterMs = afterMs;
    this.heardMs = heardMs;
    // The cap is the stream's.
    this.seen = new SeenSet(Number.POSITIVE_INFINITY);
    this.tags = new TagWindow(tagsKept);
  }
}

interface Stream {
  readonly id: number;
  readonly bySalt: Map<string, Start>;
  readonly byNumber: Map<number, Start>;
  nextNumber: number;
  ranges: number;
  forgotten: { epoch: bigint; ms: number };
  /** The one with the highest epoch. */
  newest: Start | null;
  /** The one of which something new came last. */
  last: Start | null;
}

export class Starts {
  readonly #windowMs: number;
  readonly #mostStarts: number;
  readonly #mostRanges: number;
  readonly #tagsKept: number | undefined;
  readonly #streams = new Map<number, Stream>();
  readonly #changedStreams = new Set<Stream>();
  readonly #made: Start[] = [];
  readonly #changed: Start[] = [];
  readonly #gone: [number, number][] = [];
  /** When on our clock the memory of what came was found lost; null: never. */
  #lossMs: WallMillis | null = null;
  /** Frames refused, and sequences no longer awaited, since this process began. */
  readonly counts = { oldEpoch: 0, otherEpoch: 0, tooManyStreams: 0, again: 0, tooOld: 0, gaveUp: 0, startsForgotten: 0 };

  constructor(options: StartsOptions = {}) {
    this.#windowMs = options.windowMs ?? WINDOW_MS;
    this.#mostStarts = Math.max(3, options.mostStarts ?? MOST_STARTS);
    // Some start always has a gap to give.
    this.#mostRanges = Math.max(2 * this.#mostStarts, options.mostRanges ?? MOST_RANGES);
    this.#tagsKept = options.tagsKept;
  }

  /** Something is to be written. */
  get isChanged(): boolean {
    return this.#changedStreams.size + this.#made.length + this.#changed.length + this.#gone.length > 0;
  }

  /** Octets that what came takes in memory, tags included. */
  get octets(): number {
    let sum = 0;
    for (const start of this.all()) sum += start.seen.octets + start.tags.octets;
    return sum;
  }

  *all(): Generator<Start> {
    for (const { bySalt } of this.#streams.values()) yield* bySalt.values();
  }

  /** Is it the start with the highest epoch of its stream? What others bring is historical. */
  isNewest(start: Start): boolean {
    const stream = this.#streams.get(start.stream);
    return stream !== undefined && stream.newest === start;
  }

  /**
   * The start of a verified frame. The receiver keeps it beside the key that it derived from the salt.
   *
   * @param salt    32 hexadecimal digits
   * @param sentMs  the frame's own time
   * @error `oldEpoch` it may be a start that was forgotten; `otherEpoch` the salt is known under another epoch; `tooManyStreams`
   */
  admit(id: number, salt: string, epoch: bigint, sentMs: number, now: WallMillis): Start | Refusal {
    const stream = this.#streams.get(id) ?? this.#newStream(id);
    if (stream === null) return this.#refuse("tooManyStreams");
    const known = stream.bySalt.get(salt);
    if (known !== undefined) return known.epoch === epoch ? known : this.#refuse("otherEpoch");
    const { forgotten } = stream;
    const above = epoch > forgotten.epoch;
    if (!above && sentMs <= forgotten.ms) return this.#refuse("oldEpoch");
    const start = new Start(id, stream.nextNumber, salt, epoch, above ? -1 : forgotten.ms, now, this.#tagsKept);
    if (this.#lossMs !== null) start.doubt = "unproven";
    stream.nextNumber += 1;
    this.#changedStreams.add(stream);
    this.#put(stream, start);
    this.#made.push(start);
    this.#change(start);
    while (stream.bySalt.size > this.#mostStarts) this.#forget(stream, oldestOf(stream, start));
    return start;
  }

  /** One verified frame. @returns `new`: it passes, this once; `tooOld` for any frame of a start that was forgotten */
  take(start: Start, seq: number, sentMs: number, now: WallMillis): Seen {
    const stream = this.#streams.get(start.stream);
    if (stream === undefined || start.isForgotten || sentMs <= start.afterMs) {
      this.counts.tooOld += 1;
      return "tooOld";
    }
    const before = start.seen.ranges;
    const seen = start.seen.add(seq);
    if (seen !== "new") {
      this.counts[seen] += 1;
      return seen;
    }
    stream.last = start;
    start.heardMs = now;
    if (sentMs > start.newestMs) start.newestMs = sentMs;
    if (seq === 0) this.began(start, sentMs);
    note(start.fresh, seq);
    this.#change(start);
    stream.ranges += start.seen.ranges - before;
    while (stream.ranges > this.#mostRanges) this.#giveUp(stream);
    return seen;
  }

  /** The sender's authenticated word when it started: its first frame's time, or what a heartbeat says. Only then is a doubt settled. */
  began(start: Start, ms: number): void {
    if (start.doubt !== "unproven" || this.#lossMs === null || ms <= this.#lossMs + AHEAD_MS) return;
    start.doubt = "none";
    this.#change(start);
  }

  /** What came before is not known, or not all of it: whatever is known began before. */
  lost(at: WallMillis): void {
    this.#lossMs = at;
    for (const start of this.all()) {
      start.doubt = "proven";
      this.#change(start);
    }
  }

  /** Floors rise, and what is a window old goes. Once a minute is enough. */
  tick(now: WallMillis): void {
    const oldest = now - this.#windowMs;
    for (const stream of this.#streams.values()) {
      for (const start of [...stream.bySalt.values()]) {
        if (this.#mark(start, now, oldest)) this.#change(start);
        // A clock that was set back: it is as old as can be known.
        start.heardMs = Math.min(start.heardMs, now);
        if (start.heardMs <= oldest && start !== stream.newest && start !== stream.last) this.#forget(stream, start);
      }
      stream.ranges = rangesOf(stream);
    }
  }

  /** What changed since it was asked last. */
  takeChanges(): StartsPart {
    const part: StartsPart = {
      streams: [...this.#changedStreams].map(streamLine),
      starts: this.#made.filter(isKnown).map(startLine),
      seen: this.#changed.filter(isKnown).map((start) => seenLine(start, distances(start.seen.floor, start.fresh))),
      gone: this.#gone.splice(0),
    };
    for (const start of this.#changed) {
      start.isChanged = false;
      start.fresh.length = 0;
    }
    this.#changed.length = 0;
    this.#made.length = 0;
    this.#changedStreams.clear();
    return part;
  }

  /** All of it, one stream's head or one start a part. What changed counts as changed still: to restore it twice does no harm. */
  parts(): StartsPart[] {
    const parts: StartsPart[] = [];
    for (const stream of this.#streams.values()) {
      parts.push({ streams: [streamLine(stream)], starts: [], seen: [], gone: [] });
      for (const start of stream.bySalt.values())
        parts.push({ streams: [], starts: [startLine(start)], seen: [seenLine(start, start.seen.serial().slice(1))], gone: [] });
    }
    return parts;
  }

  /** Parts in the order in which they were taken bring back what was there. */
  restore(part: StartsPart): void {
    for (const [id, next, epoch, ms] of part.streams) {
      const stream = this.#streams.get(id) ?? this.#putStream(id);
      stream.nextNumber = next;
      stream.forgotten = { epoch: epoch === "" ? -1n : BigInt(epoch), ms };
    }
    // Before those that were made: one of the same salt may have taken its place since.
    for (const [id, number] of part.gone) {
      const stream = this.#streams.get(id);
      const start = stream?.byNumber.get(number);
      if (stream !== undefined && start !== undefined) drop(stream, start);
    }
    for (const [id, number, salt, epoch, afterMs] of part.starts) {
      const stream = this.#streams.get(id) ?? this.#putStream(id);
      if (!stream.byNumber.has(number)) this.#put(stream, new Start(id, number, salt, BigInt(epoch), afterMs, 0, this.#tagsKept));
    }
    for (const [id, number, heardMs, newestMs, doubt, marks, [floor = 0, ...ranges]] of part.seen) {
      const stream = this.#streams.get(id);
      const start = stream?.byNumber.get(number);
      if (stream === undefined || start === undefined) continue;
      start.heardMs = heardMs;
      start.newestMs = newestMs;
      start.doubt = DOUBTS[doubt] ?? "proven";
      start.marks.splice(0, start.marks.length, ...marks);
      start.seen.merge(floor, ranges);
      stream.ranges = rangesOf(stream);
      if (stream.last === null || start.heardMs >= stream.last.heardMs) stream.last = start;
    }
  }

  /** @param lossMs of an earlier loss that still holds */
  restored(lossMs: WallMillis | null): void {
    this.#lossMs = lossMs;
  }

  #refuse(why: Refusal): Refusal {
    this.counts[why] += 1;
    return why;
  }

  #newStream(id: number): Stream | null {
    if (this.#streams.size >= MOST_STREAMS) return null;
    const stream = this.#putStream(id);
    this.#changedStreams.add(stream);
    return stream;
  }

  #putStream(id: number): Stream {
    const stream: Stream = {
      id,
      bySalt: new Map(),
      byNumber: new Map(),
      nextNumber: 1,
      ranges: 0,
      forgotten: { epoch: -1n, ms: -1 },
      newest: null,
      last: null,
    };
    this.#streams.set(id, stream);
    return stream;
  }

  #put(stream: Stream, start: Start): void {
    stream.bySalt.set(start.salt, start);
    stream.byNumber.set(start.number, start);
    stream.last ??= start;
    if (stream.newest === null || start.epoch > stream.newest.epoch) stream.newest = start;
  }

  #change(start: Start): void {
    if (start.isChanged) return;
    start.isChanged = true;
    this.#changed.push(start);
  }

  #mark(start: Start, now: number, oldest: number): boolean {
    const { marks, seen } = start;
    for (let i = 0; i < marks.length; i += 2) marks[i] = Math.min(marks[i] as number, now);
    const floor = seen.floor;
    while (marks.length > 0 && (marks[0] as number) <= oldest) {
      seen.forgetBelow((marks[1] as number) + 1);
      marks.splice(0, 2);
    }
    const last = marks.at(-2);
    const isDue = seen.highest >= 0 && (last === undefined || last + MARK_MS <= now) && marks.at(-1) !== seen.highest;
    if (isDue) {
      if (marks.length >= 2 * MOST_MARKS) marks.splice(2, 2);
      marks.push(now, seen.highest);
    }
    return isDue || seen.floor !== floor;
  }

  /** The start with the lowest epoch that has gaps to give. */
  #giveUp(stream: Stream): void {
    let oldest: Start | null = null;
    for (const start of stream.bySalt.values())
      if (start.seen.ranges > 1 && (oldest === null || start.epoch < oldest.epoch)) oldest = start;
    if (oldest === null) throw new Error("more ranges than starts, and none has two");
    const { seen } = oldest;
    const before = seen.gaveUp;
    seen.giveUpOldest();
    this.counts.gaveUp += seen.gaveUp - before;
    stream.ranges -= 1;
    this.#change(oldest);
  }

  #forget(stream: Stream, start: Start): void {
    const { epoch, ms } = stream.forgotten;
    stream.forgotten = { epoch: start.epoch > epoch ? start.epoch : epoch, ms: Math.max(ms, start.newestMs, start.afterMs) };
    drop(stream, start);
    this.#changedStreams.add(stream);
    this.#gone.push([stream.id, start.number]);
    this.counts.startsForgotten += 1;
  }
}

function isKnown({ isForgotten }: Start): boolean {
  return !isForgotten;
}

function drop(stream: Stream, start: Start): void {
  start.isForgotten = true;
  stream.bySalt.delete(start.salt);
  stream.byNumber.delete(start.number);
  stream.ranges -= start.seen.ranges;
  if (stream.last === start) stream.last = null;
  if (stream.newest === start) stream.newest = newestOf(stream);
}

function rangesOf(stream: Stream): number {
  let sum = 0;
  for (const { seen } of stream.bySalt.values()) sum += seen.ranges;
  return sum;
}

function newestOf(stream: Stream): Start | null {
  let newest: Start | null = null;
  for (const start of stream.bySalt.values()) if (newest === null || start.epoch > newest.epoch) newest = start;
  return newest;
}

/** By epoch, but neither the one that has just come nor the one heard last: a sender that lost its epoch file is alive under a low one. */
function oldestOf(stream: Stream, but: Start): Start {
  let oldest: Start | null = null;
  for (const start of stream.bySalt.values()) {
    if (start === but || start === stream.last) continue;
    if (oldest === null || start.epoch < oldest.epoch) oldest = start;
  }
  return oldest as Start;
}

function note(fresh: number[], seq: number): void {
  const end = fresh.length - 1;
  if (fresh[end] === seq - 1) fresh[end] = seq;
  else fresh.push(seq, seq);
}

/** Pairs in any order, no sequence twice, as gap, length, gap, length... from the floor. */
function distances(floor: number, pairs: readonly number[]): number[] {
  const ranges = Array.from({ length: pairs.length / 2 }, (_, i) => [pairs[2 * i] as number, pairs[2 * i + 1] as number] as const);
  ranges.sort(([a], [b]) => a - b);
  const found: number[] = [];
  let at = floor;
  for (const [from, to] of ranges) {
    if (to < floor) continue;
    const first = Math.max(from, floor);
    if (found.length > 0 && first === at) {
      found[found.length - 1] = (found.at(-1) as number) + to + 1 - first;
    } else found.push(first - at, to + 1 - first);
    at = to + 1;
  }
  return found;
}

function streamLine({ id, nextNumber, forgotten }: Stream): StartsPart["streams"][number] {
  return [id, nextNumber, forgotten.epoch < 0n ? "" : String(forgotten.epoch), forgotten.ms];
}

function startLine({ stream, number, salt, epoch, afterMs }: Start): StartsPart["starts"][number] {
  return [stream, number, salt, String(epoch), afterMs];
}

function seenLine({ stream, number, heardMs, newestMs, doubt, marks, seen }: Start, ranges: readonly number[]): StartsPart["seen"][number] {
  return [stream, number, heardMs, newestMs, DOUBTS.indexOf(doubt), [...marks], [seen.floor, ...ranges]];
}
