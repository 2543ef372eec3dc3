/**
 * Allowed reads are counted, not written one by one (DESIGN 5): per session, per (unit, function, range), written out every window.
 * Open addressing over typed arrays: counting a read allocates nothing.
 */
export interface ReadCount {
  readonly unit: number;
  /** As in `Operation.function`. */
  readonly function: number;
  readonly space: number;
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** Of them: answered with an exception, never sent, sent and not answered. */
  readonly exceptions: number;
  readonly notSent: number;
  readonly silent: number;
  /** `Rule.order` of a rule that allowed it. */
  readonly rule: number;
  readonly fromWallMs: number;
  readonly toWallMs: number;
}

/** What became of a counted read, where it was not simply answered. */
export type ReadFate = "exception" | "notSent" | "silent";

export class ReadCounters {
  readonly #size: number;
  readonly #limit: number;
  /** unit u8, function u16, space u8, as one number above 0; 0 marks a free place. */
  readonly #what: Float64Array;
  readonly #first: Float64Array;
  readonly #last: Float64Array;
  readonly #count: Uint32Array;
  readonly #fates: Readonly<Record<ReadFate, Uint32Array>>;
  readonly #rule: Int32Array;
  readonly #from: Float64Array;
  readonly #to: Float64Array;
  #used = 0;
  #window = 1;

  constructor(limit: number) {
    let size = 8;
    while (size < limit * 2) size *= 2;
    this.#size = size;
    this.#limit = limit;
    this.#what = new Float64Array(size);
    this.#first = new Float64Array(size);
    this.#last = new Float64Array(size);
    this.#count = new Uint32Array(size);
    this.#fates = { exception: new Uint32Array(size), notSent: new Uint32Array(size), silent: new Uint32Array(size) };
    this.#rule = new Int32Array(size);
    this.#from = new Float64Array(size);
    this.#to = new Float64Array(size);
  }

  get empty(): boolean {
    return this.#used === 0;
  }

  /** Which window is being counted: 1, 2, 3... What was counted in an earlier one is written. */
  get window(): number {
    return this.#window;
  }

  /** False when there is no room for one more range: write out what is counted, then count again. */
  note(unit: number, fn: number, space: number, first: number, last: number, rule: number, wallMs: number): boolean {
    const at = this.#find(unit, fn, space, first, last);
    if (this.#what[at] === 0) {
      if (this.#used >= this.#limit) return false;
      this.#used += 1;
      this.#what[at] = pack(unit, fn, space);
      this.#first[at] = first;
      this.#last[at] = last;
      this.#count[at] = 0;
      this.#fates.exception[at] = 0;
      this.#fates.notSent[at] = 0;
      this.#fates.silent[at] = 0;
      this.#from[at] = wallMs;
    }
    this.#rule[at] = rule;
    this.#count[at] = (this.#count[at] as number) + 1;
    this.#to[at] = wallMs;
    return true;
  }

  /** INVARIANT: it was counted in this window, so no range has more fates than reads. */
  noteFate(unit: number, fn: number, space: number, first: number, last: number, fate: ReadFate): void {
    const at = this.#find(unit, fn, space, first, last);
    const fates = this.#fates[fate];
    if (this.#what[at] !== 0) fates[at] = (fates[at] as number) + 1;
  }

  /** What was counted since the last call. */
  drain(): ReadCount[] {
    const counts: ReadCount[] = [];
    for (let at = 0; at < this.#size; at++) {
      const what = this.#what[at] as number;
      if (what === 0) continue;
      counts.push({
        unit: Math.floor((what - 1) / 0x1000000),
        function: Math.floor((what - 1) / 0x100) % 0x10000,
        space: (what - 1) % 0x100,
        first: this.#first[at] as number,
        last: this.#last[at] as number,
        count: this.#count[at] as number,
        exceptions: this.#fates.exception[at] as number,
        notSent: this.#fates.notSent[at] as number,
        silent: this.#fates.silent[at] as number,
        rule: this.#rule[at] as number,
        fromWallMs: this.#from[at] as number,
        toWallMs: this.#to[at] as number,
      });
      this.#what[at] = 0;
    }
    this.#used = 0;
    this.#window += 1;
    return counts.sort((a, b) => a.fromWallMs - b.fromWallMs || a.first - b.first);
  }

  #find(unit: number, fn: number, space: number, first: number, last: number): number {
    const what = pack(unit, fn, space);
    const mask = this.#size - 1;
    let at = (Math.imul(what, 0x9e3779b1) ^ Math.imul(first, 0x85ebca6b) ^ Math.imul(last, 0xc2b2ae35)) & mask;
    for (;;) {
      const here = this.#what[at] as number;
      if (here === 0 || (here === what && this.#first[at] === first && this.#last[at] === last)) return at;
      at = (at + 1) & mask;
    }
  }
}

function pack(unit: number, fn: number, space: number): number {
  return (unit * 0x10000 + fn) * 0x100 + space + 1;
}
