/** No reply has this id. */
const HELD = 0x1_0000;

/**
 * Requests at the device on one connection, by the transaction id we gave them. Ids count up and wrap where the protocol's do (at 65,536 in
 * Modbus, so a late reply finds nobody waiting for it, RULINGS 22). At most `capacity` are open; the caller asks `full` first.
 */
export class Transactions<T> {
  readonly #ids: Int32Array;
  readonly #items: (T | null)[];
  readonly #mask: number;
  #next = 0;
  #open = 0;

  /** @param ids how many there are, a power of two */
  constructor(capacity: number, ids: number) {
    this.#ids = new Int32Array(capacity).fill(-1);
    this.#items = new Array<T | null>(capacity).fill(null);
    this.#mask = ids - 1;
  }

  get open(): number {
    return this.#open;
  }

  get full(): boolean {
    return this.#open === this.#ids.length;
  }

  /** @param wanted an id that is not ours to choose; left out: the next */
  issue(item: T, wanted = this.#next): number {
    const at = this.#slotOf(-1);
    const id = wanted & this.#mask;
    this.#next = (id + 1) & this.#mask;
    this.#ids[at] = id;
    this.#items[at] = item;
    this.#open += 1;
    return id;
  }

  /** An id for a request that has no reply: used up, nobody waits for it. `wanted` as in `issue`. */
  pass(wanted = this.#next): number {
    const id = wanted & this.#mask;
    this.#next = (id + 1) & this.#mask;
    return id;
  }

  /** It waits for no reply now, and keeps its place: whoever it is for has not said that it came. */
  hold(item: T): void {
    const at = this.#slotOf(-1);
    this.#ids[at] = HELD;
    this.#items[at] = item;
    this.#open += 1;
  }

  has(item: T): boolean {
    return this.#items.includes(item);
  }

  /** It does so no more. */
  release(item: T): void {
    const at = this.#items.indexOf(item);
    if (at < 0) return;
    this.#ids[at] = -1;
    this.#items[at] = null;
    this.#open -= 1;
  }

  /** Who waits for this id, or null: late, twice, or never asked. */
  take(id: number): T | null {
    const at = this.#slotOf(id);
    if (at < 0) return null;
    const item = this.#items[at] as T;
    this.#ids[at] = -1;
    this.#items[at] = null;
    this.#open -= 1;
    return item;
  }

  /** Of a handful a loop finds one sooner than the library does. */
  #slotOf(id: number): number {
    const ids = this.#ids;
    for (let at = 0; at < ids.length; at++) if (ids[at] === id) return at;
    return -1;
  }

  /** Any request still open, taken out; null when none. For a connection that ends. */
  takeAny(): T | null {
    for (let at = 0; at < this.#ids.length; at++) {
      const id = this.#ids[at] as number;
      if (id >= 0) return this.take(id);
    }
    return null;
  }

  /** An open request without taking it; for deadlines. */
  at(slot: number): T | null {
    return this.#items[slot] ?? null;
  }

  get capacity(): number {
    return this.#ids.length;
  }
}
