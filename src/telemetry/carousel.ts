/**
 * The carousel: frames of the last 24 hours, again and again, for a receiver that missed them and cannot say so (DESIGN section 6).
 *
 *     segments of the spool ─▶ the one sent least, newest among equals ─▶ read ahead, whole ─▶ in hand ─▶ next, a frame a call
 *
 * It chooses whole segments, not frames: counts of single frames would be hundreds of megabytes for a week. Frames of one segment go in the
 * order in which they were sent; a segment counts as sent once all of it went. It is chosen one ahead: what closes meanwhile waits for at most
 * the one that is read already. One that a restart interrupts begins again.
 *
 * A segment goes round once it is closed (the spool closes it after `segmentMs` at the latest) and its newest frame is `delayMs` old: right
 * after sending, redundancy has its turn. So a frame goes for the second time between `delayMs` and `delayMs + segmentMs` after the first, if
 * nothing goes before it. A segment of frames that come from the future (a clock was set back) is due at once.
 *
 * What this order does not do: once all segments have gone equally often, each new one takes the share until it has caught up, and for as long
 * as new ones come nothing older goes again. What was lost in an outage, live and by the carousel alike, then waits until the share has a rest.
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
/** Where nothing was due, and no segment came or went, time is looked at so seldom. */
const LOOK_MS = 1_000;

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
      const frame = this.#step(this.#hand, nowMs - this.#windowMs);
      if (frame !== null) return frame;
      this.#spare = this.#hand.buffer;
      this.#hand = null;
      this.#lookedAt = -1;
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
  #step(hand: Loaded, sinceMs: number): Uint8Array | null {
    const { segment, buffer, end } = hand;
    if (segment.isGone) return null;
    for (;;) {
      const at = findRecord(buffer, hand.at, end, segment.number);
      if (at !== hand.at && hand.at < end) hand.damaged += 1;
      if (at < 0) {
        this.#spool.wentRound(segment, hand.damaged);
        return null;
      }
      hand.at = recordEnd(buffer, at);
      if (timeAt(buffer, at) > sinceMs) return buffer.subarray(at + RECORD_HEAD, hand.at);
    }
  }

  #takeAhead(): Loaded | null {
    const ahead = this.#ahead;
    this.#ahead = null;
    return ahead;
  }

  #readAhead(nowMs: number): void {
    const { revision } = this.#spool;
    if (this.#lookedAt === revision && Math.abs(nowMs - this.#lookedMs) < LOOK_MS) return;
    const segment = this.#choose(nowMs);
    this.#lookedAt = segment === null ? revision : -1;
    this.#lookedMs = nowMs;
    if (segment !== null) void this.#load(segment);
  }

  #choose(nowMs: number): Segment | null {
    let best: Segment | null = null;
    for (const segment of this.#spool.segments)
      if (this.#isDue(segment, nowMs - segment.lastMs) && (best === null || segment.sent <= best.sent)) best = segment;
    return best;
  }

  #isDue(segment: Segment, ageMs: number): boolean {
    return !segment.isForeign && segment !== this.#hand?.segment && ageMs < this.#windowMs && (ageMs >= this.#delayMs || ageMs < 0);
  }

  /** One that cannot be read counts as gone round: it stands in no other's way. */
  async #load(segment: Segment): Promise<void> {
    this.#reading = segment;
    const buffer = this.#bufferOf(segment.octets);
    try {
      const { files, directory } = this.#spool;
      const end = await files.readInto(fileOf(directory, segment.number), 0, buffer.subarray(0, segment.octets));
      this.#ahead = { segment, buffer, end, at: Math.min(HEADER_OCTETS, end), damaged: 0 };
    } catch {
      this.#spare = buffer;
      if (!segment.isGone) this.#spool.wentRound(segment, Math.max(1, segment.damaged));
    }
    this.#reading = null;
  }

  #bufferOf(octets: number): Buffer {
    const spare = this.#spare;
    this.#spare = null;
    return spare !== null && spare.length >= octets ? spare : Buffer.allocUnsafeSlow(Math.max(octets, this.#spool.segmentOctets));
  }
}

/** How long until an outage is made good: its frames again, with the carousel's whole share of the rate, nothing else before them. Shares of the rate, 0 to 1. */
export function healMs(outageMs: number, liveShare: number, carouselShare: number): number {
  if (outageMs <= 0 || liveShare <= 0) return 0;
  return carouselShare > 0 ? (outageMs * liveShare) / carouselShare : Number.POSITIVE_INFINITY;
}
