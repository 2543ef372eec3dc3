/**
 * The minutes of one day of one stream: what the sender says of each, and what came. A minute and class is a cell; in it each start has a share
 * of its own, for the sender counts by minute and start, and what one start lost another's surplus must not hide.
 *
 *     slot 0..4319        the first share of each cell: minute of the day * 3 + class
 *     slot 4320..         further shares of cells in which more starts than one have a part, linked by `next`
 *
 * One row of columns a slot, 33 octets; no objects.
 */

export const CLASSES = ["samples", "events", "checkpoints"] as const;
export type RecordClass = (typeof CLASSES)[number];

export const DAY_MINUTES = 1_440;
export const CELLS = DAY_MINUTES * CLASSES.length;
const GROW = 256;
/** Starts that have a share of one minute; what more of them bring is in one share together, of which nobody can tell the count. */
const MOST_SHARES = 8;
/** The number of that share. */
const SEVERAL = 0xffff_ffff;
/** A column holds no more. */
export const MOST = 0xffff_ffff;

export const TOLD = 1;
export const CLOSED = 2;
/** Of a cell, in its first share: the people were told that something is lost. */
export const REPORTED = 4;
const CHANGED = 8;
const WAITING = 16;
const KEPT = TOLD | CLOSED | REPORTED;

/** Sums over shares, in this order. */
export const SENT = 0;
export const DROPPED = 1;
export const RECEIVED = 2;
export const REPAIRED = 3;
export const LATE = 4;
export const LOST = 5;
export const DISPUTED = 6;
export const REVISION = 7;
export const SUMS = 8;

/** stream, day, cell, then of each share: start, sent, dropped, received, repaired, late, revision, flags */
export type CellLine = readonly number[];
const PER_SHARE = 8;

export class Day {
  readonly day: number;
  /** When the first of it was heard, on our clock. */
  readonly bornMs: number;
  /** Number of the start; 0: nobody has this slot. */
  owner = new Uint32Array(CELLS);
  next = new Uint32Array(CELLS);
  sent = new Uint32Array(CELLS);
  dropped = new Uint32Array(CELLS);
  received = new Uint32Array(CELLS);
  repaired = new Uint32Array(CELLS);
  late = new Uint32Array(CELLS);
  revision = new Uint32Array(CELLS);
  flags = new Uint8Array(CELLS);
  #used = CELLS;
  readonly #changed: number[] = [];
  readonly #waiting: number[] = [];

  constructor(day: number, bornMs: number) {
    this.day = day;
    this.bornMs = bornMs;
  }

  get octets(): number {
    return this.owner.length * 33;
  }

  get isChanged(): boolean {
    return this.#changed.length > 0;
  }

  /** The share of a start in a cell, made where it is not there. */
  slot(cell: number, start: number): number {
    let slot = cell;
    if (this.owner[slot] === 0) {
      this.owner[slot] = start;
      return slot;
    }
    for (let depth = 1; this.owner[slot] !== start; depth++) {
      const next = this.next[slot] as number;
      if (next === 0) return this.#append(slot, depth < MOST_SHARES ? start : SEVERAL);
      slot = next;
      if (this.owner[slot] === SEVERAL) return slot;
    }
    return slot;
  }

  isSeveral(slot: number): boolean {
    return this.owner[slot] === SEVERAL;
  }

  /** To be written, and to be looked at by the next tick. */
  change(cell: number, isToBeLookedAt: boolean): void {
    const flags = this.flags[cell] as number;
    if ((flags & CHANGED) === 0) this.#changed.push(cell);
    if (isToBeLookedAt && (flags & WAITING) === 0) this.#waiting.push(cell);
    this.flags[cell] = flags | CHANGED | (isToBeLookedAt ? WAITING : 0);
  }

  /**
   * Add the cell's shares to `sums`.
   *
   * @returns `none` nothing is known of it; `closed` every start that has a part in it said what it sent, to the end
   */
  sum(cell: number, sums: Float64Array, at = 0): "none" | "open" | "closed" {
    if (this.owner[cell] === 0) return "none";
    let closed = true;
    let slot = cell;
    do {
      const sent = this.sent[slot] as number;
      const received = this.received[slot] as number;
      const repaired = this.repaired[slot] as number;
      const late = this.late[slot] as number;
      add(sums, at + SENT, sent);
      add(sums, at + DROPPED, this.dropped[slot] as number);
      add(sums, at + RECEIVED, received);
      add(sums, at + REPAIRED, repaired);
      add(sums, at + LATE, late);
      add(sums, at + REVISION, this.revision[slot] as number);
      if (((this.flags[slot] as number) & CLOSED) !== 0) {
        const lost = sent - received - repaired - late;
        add(sums, at + (lost >= 0 ? LOST : DISPUTED), Math.abs(lost));
      } else closed = false;
      slot = this.next[slot] as number;
    } while (slot !== 0);
    return closed ? "closed" : "open";
  }

  /** Has any start told a count of it? */
  isTold(cell: number): boolean {
    let slot = cell;
    do {
      if (((this.flags[slot] as number) & TOLD) !== 0) return true;
      slot = this.next[slot] as number;
    } while (slot !== 0);
    return false;
  }

  takeWaiting(): number[] {
    const cells = this.#waiting.splice(0);
    for (const cell of cells) this.flags[cell] = (this.flags[cell] as number) & ~WAITING;
    return cells;
  }

  takeChanges(stream: number): CellLine[] {
    const cells = this.#changed.splice(0);
    for (const cell of cells) this.flags[cell] = (this.flags[cell] as number) & ~CHANGED;
    return cells.map((cell) => this.#line(stream, cell));
  }

  /** Every cell of which anything is known. */
  lines(stream: number): CellLine[] {
    const lines: CellLine[] = [];
    for (let cell = 0; cell < CELLS; cell++) if (this.owner[cell] !== 0) lines.push(this.#line(stream, cell));
    return lines;
  }

  /** What is told of a cell replaces what was there; whether the people know of a loss is looked at anew. */
  restore(line: CellLine): void {
    const cell = line[2] as number;
    for (let i = 3; i + PER_SHARE <= line.length; i += PER_SHARE) {
      const slot = this.slot(cell, line[i] as number);
      this.sent[slot] = line[i + 1] as number;
      this.dropped[slot] = line[i + 2] as number;
      this.received[slot] = line[i + 3] as number;
      this.repaired[slot] = line[i + 4] as number;
      this.late[slot] = line[i + 5] as number;
      this.revision[slot] = line[i + 6] as number;
      this.flags[slot] = ((this.flags[slot] as number) & WAITING) | (line[i + 7] as number);
    }
    if (((this.flags[cell] as number) & WAITING) === 0) {
      this.#waiting.push(cell);
      this.flags[cell] = (this.flags[cell] as number) | WAITING;
    }
  }

  #line(stream: number, cell: number): CellLine {
    const line = [stream, this.day, cell];
    let slot = cell;
    do {
      line.push(this.owner[slot] as number, this.sent[slot] as number, this.dropped[slot] as number);
      line.push(this.received[slot] as number, this.repaired[slot] as number, this.late[slot] as number);
      line.push(this.revision[slot] as number, (this.flags[slot] as number) & KEPT);
      slot = this.next[slot] as number;
    } while (slot !== 0);
    return line;
  }

  #append(slot: number, start: number): number {
    if (this.#used === this.owner.length) this.#grow();
    const made = this.#used++;
    this.owner[made] = start;
    this.next[slot] = made;
    return made;
  }

  #grow(): void {
    const slots = this.owner.length + GROW;
    this.owner = longer(this.owner, slots);
    this.next = longer(this.next, slots);
    this.sent = longer(this.sent, slots);
    this.dropped = longer(this.dropped, slots);
    this.received = longer(this.received, slots);
    this.repaired = longer(this.repaired, slots);
    this.late = longer(this.late, slots);
    this.revision = longer(this.revision, slots);
    const flags = new Uint8Array(slots);
    flags.set(this.flags);
    this.flags = flags;
  }
}

function longer(column: Uint32Array<ArrayBuffer>, slots: number): Uint32Array<ArrayBuffer> {
  const more = new Uint32Array(slots);
  more.set(column);
  return more;
}

function add(sums: Float64Array, at: number, more: number): void {
  sums[at] = (sums[at] as number) + more;
}
