/**
 * The carousel: frames of the last 24 hours, again and again, for a receiver that missed them and cannot say so (DESIGN section 6).
 *
 *     segments of the spool ─▶ the most overdue one ─▶ read ahead, whole ─▶ in hand ─▶ next, a frame a call
 *
 * It chooses whole segments, not frames: counts of single frames would be hundreds of megabytes for a week. Frames of one segment go in the
 * order in which they were sent; a segment counts as sent once all of it went. It is chosen one ahead: what closes meanwhile waits for at most
 * the one that is read already. One that a restart interrupts begins again.
 *
 * Copies of a frame come at growing distances: how long ago it last went is measured by the square root of how old it was then, and the one
 * with the largest quotient goes (docs/adr/0023). How large that is settles by itself, by the share there is. Two exceptions:
 *
 * - One that would leave the window without having gone since it was young goes before all others.
 * - Of those that never went and are more overdue than all that did, the newest goes: what a start finds does not hold up what comes.
 *
 * Distances and ages are absolute: by a clock that was set back nothing waits longer than it was set back, and what bears a time to come goes.
 *
 * A segment goes round once it is closed (the spool closes it after `segmentMs` at the latest) and its newest frame is `delayMs` old: right
 * after sending, redundancy has its turn. So a frame goes for the second time between `delayMs` and `delayMs + segmentMs` after the first, if
 * nothing goes before it. A segment of frames that come from the future (a clock was set back) is due at once.
 *
 * INVARIANT: at most two segments are in memory, in two buffers that are used over and over.
 */

import { fileOf, findRecord, HEADER_OCTETS, RECORD_HEAD, recordEnd, type Segment, timeAt } from "./segment.ts";
import { DAY_MS, type Spool, type SpoolStats } from "./spool.ts";

export interface CarouselOptions {
  /** Frames older than this are not sent again. Milliseconds. */
  readonly windowMs?: number;
  /** A frame is not sent again before it is so old. Milliseconds. */
  readonly delayMs?: number;
}

export interface CarouselStats extends SpoolStats {
  /** How often the frames of the window went round, on average: 1.5 is once all of them and half of them once more. */
  readonly passes: number;
}

const DEFAULTS = { windowMs: DAY_MS, delayMs: 60_000 };
/** Segments are looked at so seldom, if none came or went: the order found serves until then, from its beginning again if it must. */
const LOOK_MS = 1_000;
/** Of the window: a segment that last went when it was younger than this ... */
const YOUNG = 1 / 4;
/** ... goes before all others once it is so old. */
const LEAVING = 7 / 8;

interface Loaded {
  readonly segment: Segment;
  readonly buffer: Buffer;
  readonly end: number;
  at: number;
  damaged: number;
}

export class Carousel {
  readonly #spool: Spool;
  readonly #windowMs: number;
  readonly #delayMs: number;
  #hand: Loaded | null = null;
  #ahead: Loaded | null = null;
  #reading: Segment | null = null;
  #spare: Buffer | null = null;
  /** Those that are due, the first to go first, and how many of them went. */
  #line: readonly Segment[] = [];
  #gone = 0;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #lookedAt = -1;

  constructor(spool: Spool, options: CarouselOptions = {}) {
    const { windowMs, delayMs } = { ...DEFAULTS, ...options };
    this.#spool = spool;
    this.#windowMs = windowMs;
    this.#delayMs = delayMs;
  }

  /**
   * The octets of one earlier frame, as they were appended.
   *
   * @returns a view that holds until the next call; null: nothing is due, or what is due is still being read
   */
  next(nowMs: number): Uint8Array | null {
    for (;;) {
      this.#hand ??= this.#takeAhead();
      if (this.#ahead === null && this.#reading === null) this.#readAhead(nowMs);
      if (this.#hand === null) return null;
      const frame = this.#step(this.#hand, nowMs);
      if (frame !== null) return frame;
      this.#spare = this.#hand.buffer;
      this.#hand = null;
    }
  }

  stats(nowMs: number): CarouselStats {
    let frames = 0;
    let sent = 0;
    for (const segment of this.#spool.segments) {
      if (nowMs - segment.lastMs >= this.#windowMs) continue;
      frames += segment.frames;
      sent += segment.frames * segment.sent;
    }
    return { ...this.#spool.stats(), passes: frames === 0 ? 0 : sent / frames };
  }

  /** null: all of it went. */
  #step(hand: Loaded, nowMs: number): Uint8Array | null {
    const { segment, buffer, end } = hand;
    if (segment.isGone) return null;
    for (;;) {
      const at = findRecord(buffer, hand.at, end, segment.number);
      if (at !== hand.at && hand.at < end) hand.damaged += 1;
      if (at < 0) {
        this.#spool.wentRound(segment, hand.damaged, nowMs);
        return null;
      }
      hand.at = recordEnd(buffer, at);
      if (timeAt(buffer, at) > nowMs - this.#windowMs) return buffer.subarray(at + RECORD_HEAD, hand.at);
    }
  }

  #takeAhead(): Loaded | null {
    const ahead = this.#ahead;
    this.#ahead = null;
    return ahead;
  }

  #readAhead(nowMs: number): void {
    const { revision } = this.#spool;
    if (this.#lookedAt !== revision || Math.abs(nowMs - this.#lookedMs) >= LOOK_MS) {
      this.#line = this.#look(nowMs);
      this.#gone = 0;
      this.#lookedAt = revision;
      this.#lookedMs = nowMs;
    }
    const segment = this.#choose();
    if (segment !== null) void this.#load(segment, nowMs);
  }

  #choose(): Segment | null {
    const { length } = this.#line;
    for (let tried = 0; tried < length; tried++) {
      const segment = this.#line[this.#gone++ % length] as Segment;
      if (segment !== this.#hand?.segment) return segment;
    }
    return null;
  }

  /** All that are due. The one in hand is the last: it has yet to be through. */
  #look(nowMs: number): Segment[] {
    const inHand = this.#hand?.segment;
    const line: Segment[] = [];
    const never: Segment[] = [];
    const again: Segment[] = [];
    for (const segment of this.#spool.segments) {
      if (segment === inHand || !this.#isDue(segment, nowMs - segment.lastMs)) continue;
      if (this.#isLeaving(segment, nowMs)) line.push(segment);
      else if (segment.goneMs === 0) never.push(segment);
      else again.push(segment);
    }
    // Oldest first until here; of equals the newest goes first.
    again.reverse().sort((a, b) => this.#overdue(b, nowMs) - this.#overdue(a, nowMs));
    let taken = 0;
    for (const segment of again) {
      const least = this.#overdue(segment, nowMs);
      const from = taken;
      while (taken < never.length && this.#overdue(never[taken] as Segment, nowMs) >= least) taken += 1;
      for (let i = taken - 1; i >= from; i--) line.push(never[i] as Segment);
      line.push(segment);
    }
    for (let i = never.length - 1; i >= taken; i--) line.push(never[i] as Segment);
    if (inHand !== undefined && this.#isDue(inHand, nowMs - inHand.lastMs)) line.push(inHand);
    return line;
  }

  #isDue(segment: Segment, ageMs: number): boolean {
    return !segment.isForeign && ageMs < this.#windowMs && (ageMs >= this.#delayMs || ageMs < 0);
  }

  #isLeaving({ lastMs, goneMs }: Segment, nowMs: number): boolean {
    return nowMs - lastMs >= this.#windowMs * LEAVING && goneMs - lastMs < this.#windowMs * YOUNG;
  }

  /** The square of the quotient: roots need not be drawn to compare. */
  #overdue({ lastMs, goneMs }: Segment, nowMs: number): number {
    const wentMs = goneMs === 0 ? lastMs : goneMs;
    return (nowMs - wentMs) ** 2 / (Math.abs(wentMs - lastMs) + Math.max(1, this.#delayMs));
  }

  /** One that cannot be read counts as gone round: it stands in no other's way. */
  async #load(segment: Segment, nowMs: number): Promise<void> {
    this.#reading = segment;
    const buffer = this.#bufferOf(segment.octets);
    try {
      const { files, directory } = this.#spool;
      const end = await files.readInto(fileOf(directory, segment.number), 0, buffer.subarray(0, segment.octets));
      this.#ahead = { segment, buffer, end, at: Math.min(HEADER_OCTETS, end), damaged: 0 };
    } catch {
      this.#spare = buffer;
      if (!segment.isGone) this.#spool.wentRound(segment, Math.max(1, segment.damaged), nowMs);
    }
    this.#reading = null;
  }

  #bufferOf(octets: number): Buffer {
    const spare = this.#spare;
    this.#spare = null;
    return spare !== null && spare.length >= octets ? spare : Buffer.allocUnsafeSlow(Math.max(octets, this.#spool.segmentOctets));
  }
}

/**
 * How long after the end of an outage of the receiver all that it missed has come again, at the latest. Shares of the rate, 0 to 1: the live
 * one as it is in its busy hours, the carousel's as it is set. For a window of a day, a delay of a minute and segments of two; the sender runs
 * on, and the spool holds a day.
 *
 * Infinite: not all of it will. The carousel has less than the live share, or the outage lasts too long for what it has.
 *
 * A frame that went when it was `a` old goes again within `growth` x root(a + FIRST_MS), and with that growth its copies fit into the window, as
 * many as the shares allow. Of an outage the oldest frames wait longest. Where it is at most a quarter of the window, each goes before it leaves.
 */
export function healMs(outageMs: number, liveShare: number, carouselShare: number): number {
  if (outageMs <= 0 || liveShare <= 0) return 0;
  // What 0.3 lacks of three times 0.1 is no copy.
  const copies = Math.min(MOST_COPIES, Math.floor(carouselShare / liveShare + 1e-9));
  if (copies < 1) return Number.POSITIVE_INFINITY;
  const waitMs = growth(copies) * Math.sqrt(outageMs + FIRST_MS) + FIRST_MS;
  if (copies > 1 && outageMs + waitMs <= DAY_MS * LEAVING) return waitMs;
  return outageMs <= DAY_MS * YOUNG ? DAY_MS : Number.POSITIVE_INFINITY;
}

/** So old is the oldest frame of a segment that may go again: the delay, and what it took to fill. */
const FIRST_MS = 180_000;

/** More of them would save seconds. */
const MOST_COPIES = 1_000;

/** With it the last of so many copies comes as its frame leaves the window. */
function growth(copies: number): number {
  let less = 0;
  let more = DAY_MS;
  for (let i = 0; i < 60; i++) {
    const half = (less + more) / 2;
    let ageMs = 0;
    for (let copy = 0; copy < copies; copy++) ageMs += half * Math.sqrt(ageMs + FIRST_MS);
    if (ageMs < DAY_MS) less = half;
    else more = half;
  }
  return more;
}
