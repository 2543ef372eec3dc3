/**
 * The doubtful window. Sparkplug's data is QoS 0: nothing says that it arrived. What was written and may not have is kept here, and after the
 * next births goes again as is_historical. A sample leaves when the broker has answered a ping sent after it, and the time is over within
 * which a host that died is not yet known to be dead. Pure: time comes in as an argument.
 */
import type { Sample } from "../model.ts";

/** Samples of one node; the oldest make room. */
export const DOUBTFUL = 20_000;

interface Written {
  readonly sample: Sample;
  readonly ms: number;
}

export class Doubt {
  readonly #windowMs: number;
  #written: Written[] = [];
  /** Those before it have left; cut away once they are the larger part. */
  #first = 0;
  #again: Sample[] = [];
  /** What was written until then the broker has read. */
  #provenMs = Number.NEGATIVE_INFINITY;
  /** Samples that left for want of room and were doubtful still. */
  leftOut = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  get size(): number {
    return this.#written.length - this.#first;
  }

  /** Is there anything a ping would prove? */
  get isUnproven(): boolean {
    const last = this.#written.at(-1);
    return last !== undefined && this.size > 0 && last.ms > this.#provenMs;
  }

  write(samples: readonly Sample[], ms: number): void {
    for (const sample of samples) this.#written.push({ sample, ms });
    this.#expire(ms);
    while (this.size > DOUBTFUL) {
      this.#first++;
      this.leftOut++;
    }
    this.#cut();
  }

  /** A ping sent at `sentMs` was answered. */
  prove(sentMs: number): void {
    this.#provenMs = Math.max(this.#provenMs, sentMs);
  }

  /** The session is over: what is doubtful now stays so, however long the next one takes. */
  lose(ms: number): void {
    this.#expire(ms);
    this.#again.push(...this.#written.slice(this.#first).map(({ sample }) => sample));
    this.#written = [];
    this.#first = 0;
    const over = Math.max(0, this.#again.length - DOUBTFUL);
    this.#again.splice(0, over);
    this.leftOut += over;
  }

  /** What is to go again; it is asked for once. */
  take(): readonly Sample[] {
    const again = this.#again;
    this.#again = [];
    return again;
  }

  #expire(ms: number): void {
    for (; this.#first < this.#written.length; this.#first++) {
      const oldest = this.#written[this.#first] as Written;
      // Written in the very millisecond the ping left in: before it or after, nobody knows.
      if (oldest.ms >= this.#provenMs || ms - oldest.ms < this.#windowMs) return;
    }
  }

  #cut(): void {
    if (this.#first < 1024 || this.#first * 2 < this.#written.length) return;
    this.#written = this.#written.slice(this.#first);
    this.#first = 0;
  }
}
