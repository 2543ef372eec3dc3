/**
 * A flood of denials is told as a number (RULINGS 29): after 20 of one kind within 10 s, further ones are counted, and the count is one record
 * every 10 s. A kind is who was denied what, where and why. Pure: time comes in as an argument.
 */

/** Denials of one kind within WINDOW_MS that are records of their own. */
export const TOLD = 20;
export const WINDOW_MS = 10_000;
/** Kinds one identity is counted under; what it is denied beyond them is one kind more. It cannot push others' out. */
export const KINDS_OF_ONE = 64;
/** Kinds in all; what comes beyond them, whoever it is, is one kind more. */
export const KINDS = 4096;

/** null: several, the table had no room to tell them apart. */
export interface Kind {
  readonly identity: string | null;
  readonly code: string | null;
  readonly asset: string | null;
  /** As in `Operation.function`. */
  readonly function: number | null;
  /** Its name. */
  readonly name: string | null;
}

export interface Flood extends Kind {
  readonly count: number;
  readonly fromWallMs: number;
  readonly toWallMs: number;
}

/** Things of one kind as they come: the first 20 in any 10 s are told by themselves, further ones are counted. */
export class Burst {
  count = 0;
  fromWallMs = 0;
  toWallMs = 0;
  /** When the first of `count` came. */
  sinceMs = 0;
  newestMs = 0;
  /** When the last TOLD of them came, counted ones too; the place that is written next holds the oldest. */
  readonly #times = new Float64Array(TOLD).fill(Number.NEGATIVE_INFINITY);
  #next = 0;

  /**
   * @param mayTell  there is room for a record of its own
   * @returns true: it is told by itself; false: it was counted
   */
  note(now: number, wallMs: number, mayTell = true): boolean {
    const flooding = now - (this.#times[this.#next] as number) < WINDOW_MS;
    this.#times[this.#next] = now;
    this.#next = (this.#next + 1) % TOLD;
    this.newestMs = now;
    if (!flooding && mayTell) return true;
    if (this.count === 0) {
      this.sinceMs = now;
      this.fromWallMs = wallMs;
    }
    this.count += 1;
    this.toWallMs = wallMs;
    return false;
  }
}

class Counter extends Burst implements Flood {
  readonly identity: string | null;
  readonly code: string | null;
  readonly asset: string | null;
  readonly function: number | null;
  readonly name: string | null;

  constructor(kind: Kind) {
    super();
    this.identity = kind.identity;
    this.code = kind.code;
    this.asset = kind.asset;
    this.function = kind.function;
    this.name = kind.name;
  }
}

export class DenialFloods {
  readonly #counters = new Map<string, Counter>();
  /** Kinds each identity has in the table. */
  readonly #kinds = new Map<string, number>();

  /**
   * @param mayTell  there is room for a record of its own
   * @returns true: it is one; false: it was counted
   */
  note(identity: string, code: string, asset: string, fn: number, name: string, now: number, wallMs: number, mayTell: boolean): boolean {
    const key = `${identity}\n${code}\n${asset}\n${fn}`;
    const counter = this.#counters.get(key) ?? this.#make(key, { identity, code, asset, function: fn, name });
    return counter.note(now, wallMs, mayTell);
  }

  /**
   * Hand over every count whose 10 s are over, and forget what was quiet.
   *
   * @param write false: there is no room for the record; it goes on being counted
   */
  drain(now: number, write: (flood: Flood) => boolean): void {
    for (const [key, counter] of this.#counters) {
      if (counter.count > 0) {
        if (now - counter.sinceMs >= WINDOW_MS && write(counter)) counter.count = 0;
      } else if (now - counter.newestMs >= WINDOW_MS) this.#forget(key, counter);
    }
  }

  get size(): number {
    return this.#counters.size;
  }

  #make(key: string, kind: Kind): Counter {
    const identity = kind.identity ?? "";
    const have = this.#kinds.get(identity) ?? 0;
    if (this.#counters.size >= KINDS) return this.#get("", SEVERAL);
    if (have >= KINDS_OF_ONE) return this.#get(identity, { ...SEVERAL, identity });
    this.#kinds.set(identity, have + 1);
    return this.#get(key, kind);
  }

  #get(key: string, kind: Kind): Counter {
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      counter = new Counter(kind);
      this.#counters.set(key, counter);
    }
    return counter;
  }

  #forget(key: string, { identity, code }: Kind): void {
    this.#counters.delete(key);
    if (identity === null || code === null) return;
    const left = (this.#kinds.get(identity) ?? 1) - 1;
    if (left === 0) this.#kinds.delete(identity);
    else this.#kinds.set(identity, left);
  }
}

const SEVERAL: Kind = { identity: null, code: null, asset: null, function: null, name: null };
