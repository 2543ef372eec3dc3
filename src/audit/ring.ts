/** Entries on their way to the writer, in order. Fixed size; taking and adding make no garbage. */
import type { Entry } from "./entry.ts";

/**
 * How many may wait before an entry of this rank is refused. At 1 ms a sync and 1,000 records a batch these are four batches; a fifth of them
 * is kept from a flood of denials and reads (RULINGS 29), and behind that some places for the log's own checkpoints, prunes and repairs.
 */
export const PLACES = { common: 3276, kept: 4096, own: 4096 + 256 } as const;
export type Rank = keyof typeof PLACES;

export class Ring {
  readonly #entries: (Entry | null)[] = new Array(PLACES.own).fill(null);
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** @returns false when there is no place left for this rank */
  add(entry: Entry, rank: Rank): boolean {
    if (this.#length >= PLACES[rank]) return false;
    this.#entries[(this.#first + this.#length) % this.#entries.length] = entry;
    this.#length++;
    return true;
  }

  peek(): Entry | null {
    return this.#length === 0 ? null : (this.#entries[this.#first] as Entry);
  }

  take(): Entry | null {
    const entry = this.peek();
    if (entry === null) return null;
    this.#entries[this.#first] = null;
    this.#first = (this.#first + 1) % this.#entries.length;
    this.#length--;
    return entry;
  }
}
