/**
 * When the next frame may leave: at a constant rate, whatever there is to say, so that neither the receiver's buffer nor anybody who watches the
 * line sees more than that. What a stalled process owes is made up for, up to a limit; beyond it the time is gone.
 */

/** Milliseconds of frames that are made up for at most. */
const MOST_OWED_MS = 100;
/** After a start the rate grows to its full height in so long: the receiver's buffers and the switch between wake up first. */
const WARM_UP_MS = 1_000;
const WARM_UP_FROM = 0.1;

export class FramePace {
  readonly #perMs: number;
  readonly #startMs: number;
  #lastMs: number;
  #owed = 0;

  constructor(framesPerSecond: number, nowMs: number) {
    this.#perMs = framesPerSecond / 1_000;
    this.#startMs = nowMs;
    this.#lastMs = nowMs;
  }

  /** @returns frames that may leave now */
  due(nowMs: number): number {
    const height = Math.min(1, WARM_UP_FROM + (nowMs - this.#startMs) / WARM_UP_MS);
    this.#owed = Math.min(this.#owed + Math.max(0, nowMs - this.#lastMs) * this.#perMs * height, Math.max(1, MOST_OWED_MS * this.#perMs));
    this.#lastMs = nowMs;
    const due = Math.floor(this.#owed);
    this.#owed -= due;
    return due;
  }
}
