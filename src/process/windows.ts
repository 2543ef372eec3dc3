/**
 * Sliding windows: how often something happened lately. A place in a window is reserved when a request is allowed and given back only when
 * it was not sent after all (RULINGS 10). Time is an argument, monotonic milliseconds. Every table is capped; beyond the cap the answer is
 * "too often", never "not counted".
 */
import type { Point } from "./points.ts";

/**
 * Times of the last `capacity` events, newest last. More than that within one window is as good as all of them, until some are taken back:
 * then nobody knows how many of those forgotten would still count, and the answer is "all there can be".
 */
class Times {
  readonly #times: Float64Array;
  #size = 0;
  /** Of the newest event that had to be forgotten. */
  #forgottenMs = Number.NEGATIVE_INFINITY;

  constructor(capacity: number) {
    this.#times = new Float64Array(capacity);
  }

  get capacity(): number {
    return this.#times.length;
  }

  get newest(): number {
    return this.#size === 0 ? Number.NEGATIVE_INFINITY : (this.#times[this.#size - 1] as number);
  }

  add(now: number): void {
    if (this.#size === this.#times.length) {
      this.#forgottenMs = this.#times[0] as number;
      this.#times.copyWithin(0, 1);
      this.#size -= 1;
    }
    this.#times[this.#size] = now;
    this.#size += 1;
  }

  /** Take one event of exactly this time back. */
  remove(time: number): void {
    for (let i = this.#size - 1; i >= 0; i--) {
      if (this.#times[i] !== time) continue;
      this.#times.copyWithin(i, i + 1, this.#size);
      this.#size -= 1;
      return;
    }
  }

  /** Events in the `windowMs` before now. An event exactly `windowMs` old has left the window. */
  count(windowMs: number, now: number): number {
    if (now - this.#forgottenMs < windowMs) return Number.POSITIVE_INFINITY;
    let count = 0;
    for (let i = this.#size - 1; i >= 0 && now - (this.#times[i] as number) < windowMs; i--) count += 1;
    return count;
  }

  /** A larger ring with the same events. What was forgotten before had left every window there was; a longer one starts with what is known. */
  grown(capacity: number): Times {
    const larger = new Times(capacity);
    for (let i = 0; i < this.#size; i++) larger.add(this.#times[i] as number);
    return larger;
  }
}

/** Events beyond the largest count of any rule that a ring remembers: so many may be taken back with nothing forgotten. */
const WAITING_EVENTS = 16;

/** Windows by a number; no more than `places` of them, each remembering `depth` events. */
class Windows {
  readonly #rings = new Map<number, Times>();
  readonly #places: number;
  #depth = 1;
  #longestMs = 0;
  /** When an event last found no place: it is in no ring, and may have been anybody's. */
  #lostMs = Number.NEGATIVE_INFINITY;

  constructor(places: number) {
    this.#places = places;
  }

  /** What the policy in force can ask for: the largest count and the longest window of any rule. Events already known stay. */
  follow(depth: number, longestMs: number): void {
    this.#depth = Math.max(depth, 1) + WAITING_EVENTS;
    this.#longestMs = longestMs;
    for (const [key, ring] of this.#rings) if (ring.capacity < this.#depth) this.#rings.set(key, ring.grown(this.#depth));
  }

  add(key: number, now: number): void {
    let ring = this.#rings.get(key);
    if (ring === undefined) {
      if (this.#rings.size >= this.#places) this.#sweep(now);
      if (this.#rings.size >= this.#places) {
        this.#lostMs = now;
        return;
      }
      ring = new Times(this.#depth);
      this.#rings.set(key, ring);
    }
    ring.add(now);
  }

  remove(key: number, time: number): void {
    this.#rings.get(key)?.remove(time);
  }

  count(key: number, windowMs: number, now: number): number {
    const ring = this.#rings.get(key);
    if (now - this.#lostMs < windowMs) return Number.POSITIVE_INFINITY;
    if (ring !== undefined) return ring.count(windowMs, now);
    if (this.#rings.size < this.#places) return 0;
    this.#sweep(now);
    return this.#rings.size < this.#places ? 0 : Number.POSITIVE_INFINITY;
  }

  /** Nothing of it can be asked for any more. */
  idle(now: number): boolean {
    this.#sweep(now);
    return this.#rings.size === 0;
  }

  #sweep(now: number): void {
    for (const [key, ring] of this.#rings) if (now - ring.newest >= this.#longestMs) this.#rings.delete(key);
  }
}

/** Places of one asset whose changes are counted at once. */
const CHANGE_PLACES = 16_384;

/**
 * Changes of one asset by where they were made, over all subjects and rules. Kept by unit, space, address and bit, so that a reload which
 * moves points about in the list counts on.
 */
export class ChangeWindows {
  readonly #windows = new Windows(CHANGE_PLACES);
  #points: readonly Point[] = [];

  follow(points: readonly Point[], depth: number, longestMs: number): void {
    this.#points = points;
    this.#windows.follow(depth, longestMs);
  }

  /** @param place a point's index, or -1 - (space << 16 | address) where nothing has a name */
  count(unit: number, place: number, windowMs: number, now: number): number {
    return this.#windows.count(this.#key(unit, place), windowMs, now);
  }

  reserve(unit: number, place: number, now: number): void {
    this.#windows.add(this.#key(unit, place), now);
  }

  refund(unit: number, place: number, reservedMs: number): void {
    this.#windows.remove(this.#key(unit, place), reservedMs);
  }

  /** ((unit u8, space u8, address u16) * 32 + bit + 1): whole words and bits of one address are counted apart, as rules name them apart. */
  #key(unit: number, place: number): number {
    if (place < 0) {
      const where = -1 - place;
      return (unit * 0x1000000 + where) * 32;
    }
    const point = this.#points[place];
    if (point === undefined) return -1;
    return (unit * 0x1000000 + point.space * 0x10000 + point.first) * 32 + (point.bit === null ? 0 : point.bit + 1);
  }
}

/** Rules with a `rate` that one identity is counted under on one asset. */
const RATE_RULES = 1024;

/** Allowed messages of one identity on one asset by rule; shared by all its sessions, kept over reloads. */
export class RateWindows {
  readonly #windows = new Windows(RATE_RULES);
  readonly #keys = new Map<string, number>();
  #next = 0;
  #ids: readonly (string | undefined)[] = [];

  /** @param ids rule ids by `Rule.order`: a rule keeps its window over a reload by its id */
  follow(ids: readonly (string | undefined)[], depth: number, longestMs: number): void {
    this.#ids = ids;
    if (this.#keys.size > RATE_RULES) {
      const known = new Set(ids);
      for (const id of this.#keys.keys()) if (!known.has(id)) this.#keys.delete(id);
    }
    this.#windows.follow(depth, longestMs);
  }

  count(ruleOrder: number, windowMs: number, now: number): number {
    return this.#windows.count(this.#key(ruleOrder), windowMs, now);
  }

  reserve(ruleOrder: number, now: number): void {
    this.#windows.add(this.#key(ruleOrder), now);
  }

  refund(ruleOrder: number, reservedMs: number): void {
    this.#windows.remove(this.#key(ruleOrder), reservedMs);
  }

  idle(now: number): boolean {
    return this.#windows.idle(now);
  }

  #key(ruleOrder: number): number {
    const id = this.#ids[ruleOrder] ?? "";
    let key = this.#keys.get(id);
    if (key === undefined) {
      key = this.#next;
      this.#next += 1;
      this.#keys.set(id, key);
    }
    return key;
  }
}
