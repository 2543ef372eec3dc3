/**
 * The current value of each point: what a new sink, or one that is back, is told first. Samples come in the order in which they arrived.
 *
 * A historical sample is never current, and neither is one that is older than what is. Of two with the same time the one that arrived later is
 * current; one that comes again is not later for that. A time from the future counts as the time of arrival and a little more: one device with a
 * wrong clock would otherwise keep its point from ever changing again.
 */
import type { PointInfo, Sample } from "./model.ts";

/** A clock may be ahead of ours by so much before its time is not taken for what it says. */
const AHEAD_MS = 60_000;
/** Of one point and time so many ids are remembered as having been replaced. */
const MOST_TIES = 16;

interface Current {
  sample: Sample;
  /** What a later sample must reach: its time, as far as it was believed. */
  rankMs: number;
  /** Ids of the same time that were current before it. */
  replaced: string[];
}

export class CurrentValues {
  readonly #mostPoints: number;
  readonly #now: () => number;
  /** Gateway, then asset and point. */
  readonly #gateways = new Map<string, Map<string, Current>>();
  #size = 0;
  #turnedAway = 0;

  /** @param now the receiver's own clock, in ms since 1970 */
  constructor(mostPoints: number, now: () => number = Date.now) {
    this.#mostPoints = mostPoints;
    this.#now = now;
  }

  /** Points that have a current value. */
  get size(): number {
    return this.#size;
  }

  /** Samples of points for which there was no place. */
  get turnedAway(): number {
    return this.#turnedAway;
  }

  /** @returns true: it is the current value of its point now */
  offer(sample: Sample): boolean {
    if (sample.historical || !Number.isFinite(sample.timeMs)) return false;
    const rankMs = Math.min(sample.timeMs, this.#now() + AHEAD_MS);
    const points = this.#pointsOf(sample.gateway);
    const key = keyOf(sample.asset, sample.point);
    const current = points.get(key);
    if (current === undefined) {
      if (this.#size >= this.#mostPoints) {
        this.#turnedAway += 1;
        return false;
      }
      this.#size += 1;
      points.set(key, { sample, rankMs, replaced: [] });
      if (points.size === 1) this.#gateways.set(sample.gateway, points);
      return true;
    }
    if (rankMs < current.rankMs || sample.id === current.sample.id || current.replaced.includes(sample.id)) return false;
    const isTie = sample.timeMs === current.sample.timeMs;
    current.replaced = isTie ? [...current.replaced, current.sample.id].slice(-MOST_TIES) : [];
    current.sample = sample;
    current.rankMs = rankMs;
    return true;
  }

  /** null: there is none. */
  of(gateway: string, asset: string, point: string): Sample | null {
    return this.#gateways.get(gateway)?.get(keyOf(asset, point))?.sample ?? null;
  }

  /**
   * All current values, of one gateway or of every one, in batches of at most `most`. Each batch is of the moment it is asked for, so that
   * a slow taker is told nothing that is older than it need be.
   */
  *values(most: number, gateway: string | null = null): Generator<readonly Sample[]> {
    let batch: Sample[] = [];
    for (const [name, points] of this.#gateways) {
      if (gateway !== null && name !== gateway) continue;
      for (const { sample } of points.values()) {
        batch.push(sample);
        if (batch.length < most) continue;
        yield batch;
        batch = [];
      }
    }
    if (batch.length > 0) yield batch;
  }

  /** Points that a full birth does not name are no more: their places are free. */
  born(gateway: string, points: readonly PointInfo[]): void {
    const known = this.#gateways.get(gateway);
    if (known === undefined) return;
    const named = new Set(points.map(({ asset, point }) => keyOf(asset, point)));
    for (const key of known.keys()) {
      if (named.has(key)) continue;
      known.delete(key);
      this.#size -= 1;
    }
    if (known.size === 0) this.#gateways.delete(gateway);
  }

  /** Its map, which is among the gateways once there is something in it. */
  #pointsOf(gateway: string): Map<string, Current> {
    return this.#gateways.get(gateway) ?? new Map();
  }
}

/** No two pairs of names have one key. */
function keyOf(asset: string, point: string): string {
  return `${asset.length} ${asset}${point}`;
}
