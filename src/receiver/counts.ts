/** Things that may come in any number are told once and then as a number. Pure: time comes in as an argument. */

/** Kinds that are told apart; what comes beyond them is one kind more. */
export const KINDS = 64;
const AGAIN_MS = 10_000;

interface Count {
  /** In all. */
  total: number;
  toldMs: number;
}

export class Counts {
  /** In all, of every kind. */
  total = 0;
  readonly #kinds = new Map<string, Count>();

  /**
   * @returns what is to be told: its kind ("others" where there is no room for more) and how many there were in all; null: it was told a
   *          short while ago, and is counted
   */
  note(kind: string, ms: number, many = 1): { readonly kind: string; readonly count: number } | null {
    this.total += many;
    const key = this.#kinds.has(kind) || this.#kinds.size < KINDS ? kind : "others";
    const count = this.#kinds.get(key) ?? { total: 0, toldMs: Number.NEGATIVE_INFINITY };
    this.#kinds.set(key, count);
    count.total += many;
    if (ms - count.toldMs < AGAIN_MS) return null;
    count.toldMs = ms;
    return { kind: key, count: count.total };
  }
}
