/**
 * Fair queueing towards one device: whichever identity was served longest ago, then the sessions of one identity in turn, first come first
 * served within a session. Whoever asks now and then goes before whoever never stops asking: it waits for what is at the device, and not for
 * another turn of theirs. A session's requests act in their order, so a head that may not go yet holds back only its own session.
 * A class goes before the next (RULINGS 22: a stop, then any change, then reads), but only so often while something else may go: eight stops in
 * a row, and between two reads one change, however many stops there are meanwhile. A flood of stops and writes does not blind everybody.
 * Pure: no clock, no socket. Costs nothing per message but a few pointer moves.
 */

/** A bounded first-in first-out ring. */
export class Ring<T> {
  readonly #slots: (T | null)[];
  readonly #mask: number;
  #head = 0;
  #size = 0;

  /** @param capacity rounded up to a power of two */
  constructor(capacity: number) {
    let size = 1;
    while (size < capacity) size *= 2;
    this.#slots = new Array<T | null>(size).fill(null);
    this.#mask = size - 1;
  }

  get size(): number {
    return this.#size;
  }

  /** False when full: the caller answers "busy". */
  push(item: T): boolean {
    if (this.#size > this.#mask) return false;
    this.#slots[(this.#head + this.#size) & this.#mask] = item;
    this.#size += 1;
    return true;
  }

  first(): T | null {
    return this.#size === 0 ? null : (this.#slots[this.#head] as T | null);
  }

  /** The item `index` places behind the first. */
  at(index: number): T | null {
    return index < this.#size ? (this.#slots[(this.#head + index) & this.#mask] as T | null) : null;
  }

  shift(): T | null {
    if (this.#size === 0) return null;
    const item = this.#slots[this.#head] as T | null;
    this.#slots[this.#head] = null;
    this.#head = (this.#head + 1) & this.#mask;
    this.#size -= 1;
    return item;
  }
}

/** One session's line in front of the device. */
export interface Source<T> {
  readonly identity: string;
  readonly waiting: Ring<T>;
  /** Owned by the queue: true while the session stands in it. */
  enrolled: boolean;
  /** Owned by the queue: its identity's place, from the first time it asks until it leaves. */
  lane: Lane<T> | null;
}

/** One identity. */
export interface Lane<T> {
  readonly identity: string;
  /** Those of its sessions that have something waiting. */
  readonly sources: Source<T>[];
  /** Sessions that share it. */
  sessions: number;
  /** Which turn of the device was its last one. */
  served: number;
}

/** 0: a stop (RULINGS 15). 1: any other change. 2: a read. 3: what waits while anything else may go. */
export type Rank = 0 | 1 | 2 | 3;

/** So many stops in a row, then something else takes its turn if any may go. */
const STOPS_IN_A_ROW = 8;
/** In which order they go: a change that had its turn after reads, a stop that had all of its after those. */
const ORDER = { stop: 0, change: 1, read: 2, changeAgain: 3, stopAgain: 4, idle: 5, none: 6 } as const;

export class FairQueue<T> {
  /** Those with something waiting, longest unserved first; whoever comes for the first time stands at the back. */
  readonly #lanes: Lane<T>[] = [];
  readonly #known = new Map<string, Lane<T>>();
  /** Turns given so far. */
  #turns = 0;
  readonly #mayGo: (item: T, source: Source<T>) => boolean;
  readonly #rankOf: (item: T) => Rank;
  #stopsInRow = 0;
  /** What was served last of all else. */
  #other: Rank = 2;

  /**
   * @param mayGo   whether a session's first waiting request may act now (its record is on disk, nothing of its own is in the way)
   * @param rankOf  what goes before what
   */
  constructor(mayGo: (item: T, source: Source<T>) => boolean, rankOf: (item: T) => Rank) {
    this.#mayGo = mayGo;
    this.#rankOf = rankOf;
  }

  /** Put a session with something waiting at the back of its identity's lane, and that where it was served last. */
  enroll(source: Source<T>): void {
    if (source.enrolled) return;
    source.enrolled = true;
    const lane = source.lane ?? this.#join(source);
    lane.sources.push(source);
    if (lane.sources.length > 1) return;
    this.#lanes.push(lane);
    let at = this.#lanes.length - 1;
    for (; at > 0 && (this.#lanes[at - 1] as Lane<T>).served > lane.served; at--) this.#lanes[at] = this.#lanes[at - 1] as Lane<T>;
    this.#lanes[at] = lane;
  }

  /** A session is over: it stands nowhere, and nothing of it is remembered once the last of its identity is gone. */
  leave(source: Source<T>): void {
    this.withdraw(source);
    const { lane } = source;
    if (lane === null) return;
    source.lane = null;
    lane.sessions -= 1;
    if (lane.sessions === 0) this.#known.delete(lane.identity);
  }

  #join(source: Source<T>): Lane<T> {
    let lane = this.#known.get(source.identity);
    if (lane === undefined) {
      lane = { identity: source.identity, sources: [], sessions: 0, served: this.#turns };
      this.#known.set(source.identity, lane);
    }
    lane.sessions += 1;
    source.lane = lane;
    return lane;
  }

  /** Take a session out, whatever it has waiting. */
  withdraw(source: Source<T>): void {
    if (!source.enrolled) return;
    source.enrolled = false;
    const lane = source.lane as Lane<T>;
    lane.sources.splice(lane.sources.indexOf(source), 1);
    if (lane.sources.length === 0) this.#lanes.splice(this.#lanes.indexOf(lane), 1);
  }

  /** Any waiting request, ready or not, taken out; null when nothing waits. For a device that is gone. */
  drain(): T | null {
    return this.#lanes.length === 0 ? null : this.#serve(0, 0);
  }

  /**
   * The next request whose turn it is, taken out of its session's line; null when none may go.
   *
   * @param last   ranks after this one stay where they are
   * @param first  nothing that waits is of a rank before this one: then the first that may go is the one, and the others need not be asked
   */
  next(last: Rank = 3, first: Rank = 0): T | null {
    if (first > last) return null;
    // Heads are asked in their order; the first of the rank whose turn it is goes.
    const foremost = this.#foremost(first);
    let lane = -1;
    let place = -1;
    let best: number = ORDER.none;
    for (let i = 0; i < this.#lanes.length && best > foremost; i++) {
      const { sources } = this.#lanes[i] as Lane<T>;
      for (let j = 0; j < sources.length && best > foremost; j++) {
        const source = sources[j] as Source<T>;
        const head = source.waiting.first() as T;
        const rank = this.#rankOf(head);
        const order = this.#orderOf(rank);
        if (rank > last || order >= best || !this.#mayGo(head, source)) continue;
        best = order;
        lane = i;
        place = j;
      }
    }
    if (lane < 0) return null;
    const item = this.#serve(lane, place);
    const rank = this.#rankOf(item);
    if (rank === 0) this.#stopsInRow += 1;
    else {
      this.#stopsInRow = 0;
      this.#other = rank;
    }
    return item;
  }

  /** Stops have had all of theirs: something else is to go, if any may. */
  get stopsYield(): boolean {
    return this.#stopsInRow >= STOPS_IN_A_ROW;
  }

  #orderOf(rank: Rank): number {
    if (rank === 0) return this.stopsYield ? ORDER.stopAgain : ORDER.stop;
    if (rank === 1) return this.#other === 1 ? ORDER.changeAgain : ORDER.change;
    return rank === 2 ? ORDER.read : ORDER.idle;
  }

  /** Nothing of the rank `first` or after it comes before this. */
  #foremost(first: Rank): number {
    if (first === 3) return ORDER.idle;
    const best = first === 2 ? ORDER.read : Math.min(this.#orderOf(1), ORDER.read);
    return first === 0 ? Math.min(this.#orderOf(0), best) : best;
  }

  #serve(i: number, j: number): T {
    const lane = this.#lanes[i] as Lane<T>;
    const source = lane.sources[j] as Source<T>;
    const item = source.waiting.shift() as T;
    toBack(lane.sources, j);
    if (source.waiting.size === 0) {
      lane.sources.pop();
      source.enrolled = false;
    }
    this.#turns += 1;
    lane.served = this.#turns;
    toBack(this.#lanes, i);
    if (lane.sources.length === 0) this.#lanes.pop();
    return item;
  }
}

function toBack<T>(line: T[], at: number): void {
  const item = line[at] as T;
  for (let i = at + 1; i < line.length; i++) line[i - 1] = line[i] as T;
  line[line.length - 1] = item;
}
