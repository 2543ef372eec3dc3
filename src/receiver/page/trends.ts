/**
 * The last samples of each point, in memory of a fixed size: 600 of each of the first 2,000 points that have any, 17 octets a sample, 20.4 MB in
 * all; a point's 10,200 octets are taken when its first sample comes. Nothing here outlasts a restart: that is what historians are for.
 */
import type { Quality, Sample } from "../model.ts";

export const MOST_SAMPLES = 600;
export const MOST_TRENDS = 2_000;

const CODES: readonly Quality[] = ["good", "stale", "comm-lost", "bad", "uncertain"];

/** Time, value (null: none that can be drawn), quality. */
export type TrendSample = readonly [timeMs: number, value: number | null, quality: Quality];

export class Trend {
  /** How many there ever were. */
  total = 0;
  readonly #times: Float64Array;
  readonly #values: Float64Array;
  readonly #qualities: Uint8Array;

  constructor(most: number) {
    this.#times = new Float64Array(most);
    this.#values = new Float64Array(most);
    this.#qualities = new Uint8Array(most);
  }

  add({ timeMs, value, quality }: Sample): void {
    const at = this.total % this.#times.length;
    this.#times[at] = timeMs;
    this.#values[at] = value === null || typeof value === "string" ? Number.NaN : Number(value);
    this.#qualities[at] = CODES.indexOf(quality);
    this.total += 1;
  }

  /** Oldest first: those that are kept, and of them those behind the first `seen` that there ever were. */
  since(seen: number): TrendSample[] {
    const samples: TrendSample[] = [];
    for (let n = Math.max(seen, this.total - this.#times.length, 0); n < this.total; n++) {
      const at = n % this.#times.length;
      const value = this.#values[at] as number;
      samples.push([this.#times[at] as number, Number.isFinite(value) ? value : null, CODES[this.#qualities[at] as number] as Quality]);
    }
    return samples;
  }
}

export class Trends {
  readonly #mostTrends: number;
  readonly #mostSamples: number;
  readonly #trends = new Map<string, Trend>();

  constructor(mostTrends = MOST_TRENDS, mostSamples = MOST_SAMPLES) {
    this.#mostTrends = mostTrends;
    this.#mostSamples = mostSamples;
  }

  get size(): number {
    return this.#trends.size;
  }

  add(key: string, sample: Sample): void {
    let trend = this.#trends.get(key);
    if (trend === undefined) {
      if (this.#trends.size >= this.#mostTrends) return;
      trend = new Trend(this.#mostSamples);
      this.#trends.set(key, trend);
    }
    trend.add(sample);
  }

  of(key: string): Trend | null {
    return this.#trends.get(key) ?? null;
  }

  /** Its place is free. */
  drop(key: string): void {
    this.#trends.delete(key);
  }
}
