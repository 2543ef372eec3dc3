/**
 * What was done to a segment that does not fit together. The verifier comes here only after a misfit; the whole segment's table is laid
 * out, so a line is judged by what stands before and after it.
 *
 * Each line names its number and the hash of the line before it. Two things so break when someone touches the file: the numbers (they step
 * by one) and the links. Edit: numbers whole, the link behind the line broken. Deletion: a gap in both. Reorder: the numbers of a stretch are
 * all there in another order. Splice: a stretch linked in itself and to nothing of ours, or signed for another chain or by another key.
 */
import { FRONT_OCTETS, type Front, hashLine, readFront, readHeader } from "./format.ts";
import { judgeCheckpoint, type Keys, type Tally } from "./tally.ts";

export type Tamper = "deletion" | "edit" | "reorder" | "truncation" | "splice" | "rollback";

export interface Row {
  /** null: no line of this log. */
  readonly front: Front | null;
  readonly hash: string;
  /** Kept for the log's own lines only. */
  readonly text: string | null;
}

/** Where the segment should begin and, where the next header tells, end. */
export interface Frame {
  readonly head: string;
  /** null: not known; the first numbered line tells. */
  readonly seq: number | null;
  readonly exit: { readonly head: string; readonly seq: number } | null;
  readonly chain: string | null;
  readonly segment: number;
}

export interface Damage {
  readonly what: Tamper;
  /** From 1. */
  readonly line: number;
  readonly seq: number | null;
  readonly words: string;
}

export interface Diagnosis {
  readonly damage: readonly Damage[];
  readonly head: string;
  readonly seq: number;
  /** The last line was found altered: that the next segment names another hash is no further finding. */
  readonly doubt: boolean;
}

/** More findings than these say nothing new. */
export const MOST_DAMAGE = 50;

export function rowOf(octets: Buffer, whole: boolean): Row {
  const front = whole ? readFront(octets.toString("latin1", 0, FRONT_OCTETS)) : null;
  return { front, hash: hashLine(octets), text: front?.kind === "audit" ? octets.toString("utf8") : null };
}

export function diagnose(rows: readonly Row[], frame: Frame, keys: Keys, tally: Tally): Diagnosis {
  return new Examination(rows, frame, keys, tally).run();
}

class Examination {
  readonly #rows: readonly Row[];
  readonly #frame: Frame;
  readonly #keys: Keys;
  readonly #tally: Tally;
  readonly #damage: Damage[] = [];
  readonly #numbers = new Set<number>();
  #head: string;
  #seq: number;
  /** The line before was altered: that the next does not link to it is no further finding. */
  #doubt = false;

  constructor(rows: readonly Row[], frame: Frame, keys: Keys, tally: Tally) {
    this.#rows = rows;
    this.#frame = frame;
    this.#keys = keys;
    this.#tally = tally;
    this.#head = frame.head;
    this.#seq = frame.seq ?? (rows.find(({ front }) => front !== null && !front.header)?.front?.number ?? 1) - 1;
    for (const { front } of rows) if (front !== null && !front.header) this.#numbers.add(front.number);
  }

  run(): Diagnosis {
    let i = this.#first();
    while (i < this.#rows.length && this.#damage.length < MOST_DAMAGE) i = this.#next(i);
    return { damage: this.#damage, head: this.#head, seq: this.#seq, doubt: this.#doubt };
  }

  /** The header. @returns the index to go on at */
  #first(): number {
    const row = this.#rows[0];
    if (row === undefined) return 0;
    const header = row.text === null ? null : readHeader(row.text);
    if (header !== null) {
      const fits = header.chain === this.#frame.chain && header.after === this.#seq && header.prev === this.#head;
      this.#accept(row, this.#seq);
      if (!fits) {
        this.#say("edit", 0, null, "the header was altered: it does not follow the segment before it");
        this.#doubt = true;
      }
      return 1;
    }
    if (row.front !== null && !row.front.header) {
      this.#say("deletion", 0, null, "the segment's header is missing");
      this.#doubt = true;
      return 0;
    }
    this.#say("edit", 0, null, "the header was altered");
    this.#head = row.hash;
    this.#doubt = true;
    return 1;
  }

  #next(i: number): number {
    const row = this.#rows[i] as Row;
    const expected = this.#seq + 1;
    const { front } = row;
    if (front === null) {
      if (this.#rows[i + 1]?.front?.prev === this.#head) {
        this.#say("splice", i, null, "a line that is none of this log's was put in");
        return i + 1;
      }
      this.#say("edit", i, expected, "the line was altered");
      return this.#altered(row, expected, i);
    }
    if (front.header) {
      this.#say("splice", i, null, "a header stands amid the segment");
      return i + 1;
    }
    const links = front.prev === this.#head;
    if (front.number === expected) {
      if (links || this.#doubt) return this.#fits(i, row);
      return this.#unlinked(i, row);
    }
    if (links && !this.#doubt) {
      this.#say("edit", i, expected, `the line's number was altered to ${front.number}`);
      return this.#altered(row, expected, i);
    }
    return this.#outOfOrder(i, row);
  }

  /** The number is right, the line before is not the one it names. */
  #unlinked(i: number, row: Row): number {
    const front = row.front as Front;
    const after = this.#rows[i + 1];
    const kept = after === undefined ? this.#frame.exit === null || this.#frame.exit.head === row.hash : after.front?.prev === row.hash;
    if (!kept && alike(front.prev, this.#head)) {
      this.#say("edit", i, front.number, "the line's hash of the line before it was altered");
      return this.#altered(row, front.number, i);
    }
    const end = this.#foreignUntil(i);
    if (end !== null) {
      // Only a checkpoint tells a stretch that came from elsewhere from one whose last line and the line before it were altered.
      const words = this.#isForeign(end)
        ? `${lines(i, end)} of another log ${i === end ? "stands" : "stand"} in the place of this log's own`
        : i === end
          ? `either line ${i + 1} is of another log, or it was altered, alone or with line ${i}`
          : `either ${lines(i, end)} are of another log, or lines ${i} and ${end + 1} were altered`;
      this.#say("splice", i, front.number, words);
      this.#seq = this.#rows[end]?.front?.number ?? this.#seq;
      this.#head = (this.#rows[end] as Row).hash;
      this.#doubt = true;
      return end + 1;
    }
    const before = this.#rows[i - 1]?.front?.header === true ? null : front.number - 1;
    this.#say("edit", i - 1, before, "the line was altered: it is not the one the next line names");
    return this.#fits(i, row);
  }

  /** The number is not the next one, and the line does not link to the last one that fits. */
  #outOfOrder(i: number, row: Row): number {
    const front = row.front as Front;
    const window = this.#permuted(i);
    if (window !== null) {
      this.#say("reorder", i, front.number, `${lines(i, window)} stand in another order than they were written`);
      const moved = this.#rows.slice(i, window + 1).sort((a, b) => (a.front as Front).number - (b.front as Front).number);
      for (const each of moved) this.#accept(each, (each.front as Front).number);
      return window + 1;
    }
    const back = this.#returnsAfter(i);
    if (back !== null) {
      this.#say(
        "splice",
        i,
        front.number,
        `${lines(i, back)} ${i === back ? "was" : "were"} put in: what follows links past ${i === back ? "it" : "them"}`,
      );
      return back + 1;
    }
    const end = this.#foreignUntil(i);
    if (front.number <= this.#seq || (end !== null && this.#isForeign(end))) {
      const last = end ?? i;
      this.#say("splice", i, front.number, `${lines(i, last)} ${i === last ? "is" : "are"} not of this place`);
      this.#head = (this.#rows[last] as Row).hash;
      this.#seq = Math.max(this.#seq, this.#rows[last]?.front?.number ?? this.#seq);
      this.#doubt = true;
      return last + 1;
    }
    const [from, to] = [this.#seq + 1, front.number - 1];
    this.#say("deletion", i, from, from === to ? `record ${from} is missing` : `records ${from} to ${to} are missing`);
    this.#seq = to;
    return this.#fits(i, row);
  }

  /** Number and link are as they should be, or explained: what the line says is looked at. */
  #fits(i: number, row: Row): number {
    const front = row.front as Front;
    if (front.event === "checkpoint") {
      const judged = judgeCheckpoint(row.text ?? "", this.#keys, this.#frame.chain);
      if (judged.is === "foreign") this.#say("splice", i, front.number, `the checkpoint ${judged.words}`);
      else if (judged.is === "unreadable") {
        this.#say("edit", i, front.number, "the checkpoint was altered");
        return this.#altered(row, front.number, i);
      } else if (judged.is === "unsigned") {
        const since = this.#tally.newest === null ? "the beginning" : `record ${this.#tally.newest.seq}`;
        this.#say("edit", i, front.number, `the checkpoint's signature does not fit: it, or a line since ${since}, was altered`);
        return this.#altered(row, front.number, i);
      } else if (judged.checkpoint.segment !== this.#frame.segment) {
        this.#say("splice", i, front.number, `the checkpoint belongs to segment ${judged.checkpoint.segment}`);
      } else this.#tally.good(judged.checkpoint);
    }
    this.#accept(row, front.number);
    return i + 1;
  }

  #accept(row: Row, seq: number): void {
    if (row.front !== null) this.#tally.line(row.front, row.hash, () => row.text ?? "{}");
    this.#seq = seq;
    this.#head = row.hash;
    this.#doubt = false;
  }

  #altered(row: Row, seq: number, i: number): number {
    this.#seq = seq;
    this.#head = row.hash;
    this.#doubt = true;
    return i + 1;
  }

  /** Last index of the shortest stretch from `i` that holds exactly the next numbers, in another order. */
  #permuted(i: number): number | null {
    const seen = new Set<number>();
    let highest = 0;
    for (let j = i; j < this.#rows.length; j++) {
      const number = this.#rows[j]?.front?.number;
      if (number === undefined || number <= this.#seq || seen.has(number)) return null;
      if (!this.#numbers.has(this.#seq + 1)) return null;
      seen.add(number);
      highest = Math.max(highest, number);
      if (highest - this.#seq === seen.size) return j;
    }
    return null;
  }

  /** Last index before the line that links to, and follows, the last one that fits; null where none does. */
  #returnsAfter(i: number): number | null {
    for (let j = i + 1; j < this.#rows.length; j++) {
      const front = this.#rows[j]?.front;
      if (front?.prev === this.#head && front.number === this.#seq + 1) return j - 1;
    }
    return null;
  }

  /**
   * Last index of the stretch from `i` that is linked in itself and that nothing vouches for: no good checkpoint in it, and the line after it
   * (or the segment's stated end) links elsewhere. null: a checkpoint vouches, or nothing speaks against it.
   */
  #foreignUntil(i: number): number | null {
    for (let j = i; j < this.#rows.length; j++) {
      const row = this.#rows[j] as Row;
      if (row.front?.event === "checkpoint") {
        const judged = judgeCheckpoint(row.text ?? "", this.#keys, this.#frame.chain);
        if (judged.is === "good") return null;
        if (judged.is === "foreign") return this.#linkedUntil(j);
      }
      const next = this.#rows[j + 1];
      if (next === undefined) return this.#frame.exit === null || this.#frame.exit.head === row.hash ? null : j;
      if (next.front?.prev !== row.hash) return j;
    }
    return null;
  }

  #linkedUntil(i: number): number {
    let j = i;
    while (this.#rows[j + 1]?.front?.prev === (this.#rows[j] as Row).hash) j++;
    return j;
  }

  #isForeign(end: number): boolean {
    for (let j = end; j >= 0; j--) {
      const row = this.#rows[j] as Row;
      if (row.front?.event === "checkpoint") return judgeCheckpoint(row.text ?? "", this.#keys, this.#frame.chain).is === "foreign";
      if (row.front?.prev !== this.#rows[j - 1]?.hash) return false;
    }
    return false;
  }

  #say(what: Tamper, index: number, seq: number | null, words: string): void {
    this.#damage.push({ what, line: index + 1, seq, words });
  }
}

function lines(from: number, to: number): string {
  return from === to ? `line ${from + 1}` : `lines ${from + 1} to ${to + 1}`;
}

/** Two hashes of different texts share 4 of 64 digits by chance; an altered one keeps most. */
function alike(a: string, b: string): boolean {
  let same = 0;
  for (let i = 0; i < a.length; i++) if (a[i] === b[i]) same++;
  return same >= 32;
}
