/**
 * Fair queueing towards one device: round-robin between identities, then between the sessions of one identity, first come first served
 * within a session. A session's requests act in their order, so a head that may not go yet holds back only its own session.
 * What is urgent goes before what is not (RULINGS 22: a change before reads), but not twice in a row while something else may go: a flood of
 * writes does not blind everybody.
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
}

interface Lane<T> {
  readonly identity: string;
  readonly sources: Source<T>[];
}

export class FairQueue<T> {
  /** Longest unserved first; whoever was served, or comes anew, stands at the back. */
  readonly #lanes: Lane<T>[] = [];
  readonly #mayGo: (item: T, source: Source<T>) => boolean;
  readonly #isUrgent: (item: T) => boolean;
  /** What was served last was urgent. */
  #wasUrgent = false;

  /**
   * @param mayGo    whether a session's first waiting request may act now (its record is on disk, nothing of its own is in the way)
   * @param isUrgent whether it goes before those of others that are not
   */
  constructor(mayGo: (item: T, source: Source<T>) => boolean, isUrgent: (item: T) => boolean) {
    this.#mayGo = mayGo;
    this.#isUrgent = isUrgent;
  }

  /** Put a session with something waiting at the back of its identity's lane. */
  enroll(source: Source<T>): void {
    if (source.enrolled) return;
    source.enrolled = true;
    for (let i = 0; i < this.#lanes.length; i++) {
      const lane = this.#lanes[i] as Lane<T>;
      if (lane.identity === source.identity) {
        lane.sources.push(source);
        return;
      }
    }
    this.#lanes.push({ identity: source.identity, sources: [source] });
  }

  /** Take a session out, whatever it has waiting. */
  withdraw(source: Source<T>): void {
    if (!source.enrolled) return;
    source.enrolled = false;
    const at = this.#lanes.findIndex((lane) => lane.identity === source.identity);
    const lane = this.#lanes[at] as Lane<T>;
    lane.sources.splice(lane.sources.indexOf(source), 1);
    if (lane.sources.length === 0) this.#lanes.splice(at, 1);
  }

  /** Any waiting request, ready or not, taken out; null when nothing waits. For a device that is gone. */
  drain(): T | null {
    return this.#lanes.length === 0 ? null : this.#serve(0, 0);
  }

  /** The next request whose turn it is, taken out of its session's line; null when none may go. */
  next(): T | null {
    // Heads are asked in their order; the first of the class whose turn it is goes, else the first of the other.
    let lane = -1;
    let place = -1;
    for (let i = 0; i < this.#lanes.length; i++) {
      const { sources } = this.#lanes[i] as Lane<T>;
      for (let j = 0; j < sources.length; j++) {
        const source = sources[j] as Source<T>;
        const head = source.waiting.first() as T;
        const isUrgent = this.#isUrgent(head);
        if (lane >= 0 && isUrgent === this.#wasUrgent) continue;
        if (!this.#mayGo(head, source)) continue;
        if (isUrgent !== this.#wasUrgent) return this.#serveClass(i, j, isUrgent);
        lane = i;
        place = j;
      }
    }
    return lane < 0 ? null : this.#serveClass(lane, place, this.#wasUrgent);
  }

  #serveClass(i: number, j: number, isUrgent: boolean): T {
    this.#wasUrgent = isUrgent;
    return this.#serve(i, j);
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
