/** Entries on their way to the writer, in order. Fixed size; taking and adding make no garbage. */
import type { Entry } from "./entry.ts";

/** Entries of others that may wait. At 1 ms a sync and 1,000 records a batch this is four batches. */
export const CAPACITY = 4096;
/** Places kept for the log's own records: checkpoints, prunes, repairs. */
const OWN = 256;

export class Ring {
  readonly #entries: (Entry | null)[] = new Array(CAPACITY + OWN).fill(null);
  #first = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** @returns false when full; `own` may use the last places */
  add(entry: Entry, own: boolean): boolean {
    if (this.#length >= (own ? this.#entries.length : CAPACITY)) return false;
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
