/** A machine's clock in a test's hands: time may pass faster than it does, and the wall clock may be set to anything. */
import type { Clock } from "#gateway/clock";

export class MovedClock implements Clock {
  /** Milliseconds by which time has passed beyond the real: both clocks. */
  passed = 0;
  /** Milliseconds by which the wall clock alone was set. */
  set = 0;

  monotonic(): number {
    return performance.now() + this.passed;
  }

  wall(): number {
    return Date.now() + this.passed + this.set;
  }
}

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const YEAR = 365 * DAY;
