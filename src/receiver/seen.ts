/**
 * Which sequences of one sender start came: ranges, merged and in order, in chunks of a fixed size.
 *
 *     floor            chunk                        chunk
 *       |   [first last] [first last] ... | [first last] [first last] ...   tail
 *       below: tooOld      between two ranges: a gap, still awaited
 *
 * A search halves the chunks, then one chunk; an insertion moves at most one chunk's ranges. What comes in order lengthens the last range: no
 * search, nothing allocated.
 *
 * INVARIANT: two ranges never touch, none reaches below the floor, and the floor never falls: what was once `again` or `tooOld` is never `new`.
 */

export type Seen = "new" | "again" | "tooOld";

const CHUNK = 128;
/** 16 octets each, 32 where the chunks are half empty. */
export const MOST_RANGES = 262_144;

class Chunk {
  readonly first = new Float64Array(CHUNK);
  readonly last = new Float64Array(CHUNK);
  count = 0;
}

export class SeenSet {
  readonly #most: number;
  #chunks: Chunk[];
  #tail: Chunk;
  #ranges = 0;
  #floor = 0;
  #gaveUp = 0;
  /** Where `#locate` found the last range that begins at or below what was asked; -1: none does. */
  #chunkAt = 0;
  #rangeAt = -1;

  constructor(most: number = MOST_RANGES) {
    this.#most = most;
    this.#tail = new Chunk();
    this.#chunks = [this.#tail];
  }

  /** @param serial what `serial` gave; more ranges than `most` lose the oldest gaps */
  static restore(serial: readonly number[], most: number = MOST_RANGES): SeenSet {
    const seen = new SeenSet(most);
    seen.merge(serial[0] ?? 0, serial.slice(1));
    while (seen.#ranges > most) seen.giveUpOldest();
    return seen;
  }

  get ranges(): number {
    return this.#ranges;
  }

  /** Below it everything is `tooOld`. */
  get floor(): number {
    return this.#floor;
  }

  /** -1: nothing came. */
  get highest(): number {
    return this.#ranges === 0 ? this.#floor - 1 : (this.#tail.last[this.#tail.count - 1] as number);
  }

  /** Sequences that were awaited when the cap made us stop. */
  get gaveUp(): number {
    return this.#gaveUp;
  }

  /** Octets that the ranges take. */
  get octets(): number {
    return this.#chunks.length * CHUNK * 16;
  }

  /** @param seq an integer in 0..2^53-1 */
  add(seq: number): Seen {
    const tail = this.#tail;
    const end = tail.count - 1;
    if (end >= 0 && seq === (tail.last[end] as number) + 1) {
      tail.last[end] = seq;
      return "new";
    }
    return this.#addElsewhere(seq);
  }

  /** Without the cap: for what was already let in once. */
  addRange(from: number, to: number): void {
    const first = Math.max(from, this.#floor);
    if (to < first) return;
    this.#locate(first);
    const chunk = this.#chunks[this.#chunkAt] as Chunk;
    if (this.#rangeAt >= 0 && (chunk.last[this.#rangeAt] as number) >= first - 1) {
      chunk.last[this.#rangeAt] = Math.max(chunk.last[this.#rangeAt] as number, to);
    } else {
      this.#insert(first, to);
    }
    this.#swallow(first);
  }

  /** From now on `tooOld`, come or not. A lower floor than there is changes nothing. */
  forgetBelow(floor: number): void {
    if (floor <= this.#floor) return;
    this.#floor = floor;
    while (this.#ranges > 0) {
      const chunk = this.#chunks[0] as Chunk;
      if ((chunk.last[chunk.count - 1] as number) < floor) {
        this.#ranges -= chunk.count;
        chunk.count = 0;
        if (this.#chunks.length === 1) return;
        this.#chunks.shift();
      } else if ((chunk.last[0] as number) < floor) {
        this.#remove(0, 0);
      } else {
        chunk.first[0] = Math.max(chunk.first[0] as number, floor);
        return;
      }
    }
  }

  /** The oldest range and the gap below it are given up: they are not told apart any more. */
  giveUpOldest(): void {
    const chunk = this.#chunks[0] as Chunk;
    if (this.#ranges === 0) return;
    this.#gaveUp += (chunk.first[0] as number) - this.#floor;
    this.forgetBelow((chunk.last[0] as number) + 1);
  }

  /** Take in what another set of the same start had: its floor, and ranges as distances: gap, length, gap, length... counted from the floor. */
  merge(floor: number, distances: readonly number[]): void {
    this.forgetBelow(floor);
    let at = floor;
    for (let i = 0; i + 1 < distances.length; i += 2) {
      const first = at + (distances[i] as number);
      at = first + (distances[i + 1] as number);
      this.addRange(first, at - 1);
    }
  }

  /** Floor, then gap, length, gap, length... */
  serial(): number[] {
    const serial = [this.#floor];
    let at = this.#floor;
    for (const chunk of this.#chunks) {
      for (let i = 0; i < chunk.count; i++) {
        const first = chunk.first[i] as number;
        const next = (chunk.last[i] as number) + 1;
        serial.push(first - at, next - first);
        at = next;
      }
    }
    return serial;
  }

  #addElsewhere(seq: number): Seen {
    if (seq < this.#floor) return "tooOld";
    this.#locate(seq);
    const c = this.#chunkAt;
    const i = this.#rangeAt;
    const chunk = this.#chunks[c] as Chunk;
    if (i >= 0 && seq <= (chunk.last[i] as number)) return "again";
    const inside = i + 1 < chunk.count;
    const next = inside ? chunk : this.#chunks[c + 1];
    const n = inside ? i + 1 : 0;
    const joinsLeft = i >= 0 && (chunk.last[i] as number) + 1 === seq;
    const joinsRight = next !== undefined && next.count > 0 && (next.first[n] as number) - 1 === seq;
    if (joinsLeft && joinsRight) {
      chunk.last[i] = (next as Chunk).last[n] as number;
      this.#remove(inside ? c : c + 1, n);
    } else if (joinsLeft) {
      chunk.last[i] = seq;
    } else if (joinsRight) {
      (next as Chunk).first[n] = seq;
    } else {
      this.#insert(seq, seq);
      if (this.#ranges > this.#most) {
        this.giveUpOldest();
        if (seq < this.#floor) return "tooOld";
      }
    }
    return "new";
  }

  #locate(seq: number): void {
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (((this.#chunks[middle] as Chunk).first[0] as number) <= seq) low = middle;
      else high = middle - 1;
    }
    const { first, count } = this.#chunks[low] as Chunk;
    this.#chunkAt = low;
    low = -1;
    high = count - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((first[middle] as number) <= seq) low = middle;
      else high = middle - 1;
    }
    this.#rangeAt = low;
  }

  /** Behind the place that was located. */
  #insert(from: number, to: number): void {
    let c = this.#chunkAt;
    let at = this.#rangeAt + 1;
    let chunk = this.#chunks[c] as Chunk;
    if (chunk.count === CHUNK) {
      // At the very end a fresh chunk: what grows in order leaves full ones behind.
      const keep = at === CHUNK && chunk === this.#tail ? CHUNK : CHUNK / 2;
      const more = new Chunk();
      more.first.set(chunk.first.subarray(keep));
      more.last.set(chunk.last.subarray(keep));
      more.count = CHUNK - keep;
      chunk.count = keep;
      this.#chunks.splice(c + 1, 0, more);
      if (chunk === this.#tail) this.#tail = more;
      if (at > keep || keep === CHUNK) {
        c += 1;
        at -= keep;
        chunk = more;
      }
    }
    chunk.first.copyWithin(at + 1, at, chunk.count);
    chunk.last.copyWithin(at + 1, at, chunk.count);
    chunk.first[at] = from;
    chunk.last[at] = to;
    chunk.count += 1;
    this.#ranges += 1;
  }

  #remove(c: number, at: number): void {
    const chunk = this.#chunks[c] as Chunk;
    chunk.first.copyWithin(at, at + 1, chunk.count);
    chunk.last.copyWithin(at, at + 1, chunk.count);
    chunk.count -= 1;
    this.#ranges -= 1;
    // Two neighbours always fill half a chunk together: the chunks never outgrow the ranges.
    this.#join(c);
    if (c > 0) this.#join(c - 1);
  }

  #join(c: number): void {
    const chunk = this.#chunks[c] as Chunk;
    const next = this.#chunks[c + 1];
    if (next === undefined) return;
    if (chunk.count > 0 && next.count > 0 && chunk.count + next.count > CHUNK / 2) return;
    chunk.first.set(next.first.subarray(0, next.count), chunk.count);
    chunk.last.set(next.last.subarray(0, next.count), chunk.count);
    chunk.count += next.count;
    this.#chunks.splice(c + 1, 1);
    if (next === this.#tail) this.#tail = chunk;
  }

  /** The range that holds `seq` takes in those that it reaches by now. */
  #swallow(seq: number): void {
    for (;;) {
      this.#locate(seq);
      const c = this.#chunkAt;
      const i = this.#rangeAt;
      const chunk = this.#chunks[c] as Chunk;
      const inside = i + 1 < chunk.count;
      const next = inside ? chunk : this.#chunks[c + 1];
      const n = inside ? i + 1 : 0;
      if (next === undefined || (next.first[n] as number) > (chunk.last[i] as number) + 1) return;
      chunk.last[i] = Math.max(chunk.last[i] as number, next.last[n] as number);
      this.#remove(inside ? c : c + 1, n);
    }
  }
}
