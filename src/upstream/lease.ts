/**
 * Who has a device to itself between a SELECT and its OPERATE (RULINGS 35). Anything else that came between would end the selection, so all
 * others wait: not longer than a lease lasts, and not for somebody who selects again and again and operates nothing. Time is an argument.
 */

/** So many selections of one identity that were never operated, in so long, and it selects nothing for so long. */
const MOST_UNUSED = 3;
const UNUSED_MS = 60_000;
/** Identities remembered; whoever was unused longest ago is forgotten. */
const MOST_IDENTITIES = 256;

export interface Holder {
  readonly identity: string;
}

export class Lease<H extends Holder> {
  holder: H | null = null;
  /** The device has answered that it is selected. */
  isArmed = false;
  readonly #lastsMs: number;
  #untilMs = 0;
  /** By identity, when it last left selections unused; oldest first. */
  readonly #unused = new Map<string, number[]>();

  /** @param lastsMs how long a lease lasts, milliseconds from when the SELECT left */
  constructor(lastsMs: number) {
    this.#lastsMs = lastsMs;
  }

  take(holder: H, now: number): void {
    this.holder = holder;
    this.isArmed = false;
    this.#untilMs = now + this.#lastsMs;
  }

  /** What was selected is on its way: nobody has left it unused, whatever becomes of it. */
  use(): void {
    this.isArmed = false;
  }

  isOver(now: number): boolean {
    return this.holder !== null && now > this.#untilMs;
  }

  /** @param isUsed it was operated, or never selected at all */
  end(isUsed: boolean, now: number): void {
    const { holder } = this;
    this.holder = null;
    if (holder === null || isUsed || !this.isArmed) return;
    const times = this.#unused.get(holder.identity) ?? [];
    this.#unused.delete(holder.identity);
    this.#unused.set(holder.identity, [...times.slice(1 - MOST_UNUSED), now]);
    const [oldest] = this.#unused.keys();
    if (this.#unused.size > MOST_IDENTITIES && oldest !== undefined) this.#unused.delete(oldest);
  }

  /** May this identity select nothing for now? */
  bars(identity: string, now: number): boolean {
    const times = this.#unused.get(identity);
    if (times === undefined || times.length < MOST_UNUSED) return false;
    const [first, last] = [times[0] as number, times.at(-1) as number];
    return last - first <= UNUSED_MS && now - last < UNUSED_MS;
  }
}
