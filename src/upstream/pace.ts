/** How often a device may be asked (`upstream.rate`) and how soon it is tried again after it went away. Pure; time is an argument. */

/** At most `count` in any sliding window of `windowMs`. */
export class Pace {
  readonly #times: Float64Array;
  readonly #windowMs: number;
  #at = 0;

  constructor(count: number, windowMs: number) {
    this.#times = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
    this.#windowMs = windowMs;
  }

  /** Milliseconds until one more may go; 0 means now. */
  wait(now: number): number {
    return Math.max(0, (this.#times[this.#at] as number) + this.#windowMs - now);
  }

  spend(now: number): void {
    this.#times[this.#at] = now;
    this.#at = (this.#at + 1) % this.#times.length;
  }
}

/** Waiting times before reconnecting: at once, then doubling from 100 ms to 10 s, each spread by up to half so that gateways do not march in step. */
export class Backoff {
  #failures = 0;

  /** @param chance a number in [0, 1) */
  next(chance: number): number {
    const failures = this.#failures;
    this.#failures = Math.min(failures + 1, 8);
    if (failures === 0) return 0;
    const base = Math.min(10_000, 100 * 2 ** (failures - 1));
    return base * (0.5 + chance / 2);
  }

  succeeded(): void {
    this.#failures = 0;
  }
}
