/**
 * From frames as they come to contents in the order they were sent: what is missing is repaired where enough of its block is there, waited for
 * no longer than that may take, and then gone without; if a copy comes later it is late. Of one start of one sender.
 */
import { KIND, type Kind } from "#oneway/frame";
import { Interleave } from "#oneway/interleave";
import { ReedSolomon } from "#oneway/reedSolomon";

/** Groups held at once: the one that comes in, and those whose last frames may have been overtaken. */
const GROUPS = 3;

export type How = "received" | "repaired";
/** Content is the assembly's: whoever keeps it copies it. */
export type Release = (sequence: number, content: Uint8Array, how: How) => void;
/** A group is behind: of its repair frames nobody needs one any more. From the first to the last sequence. */
export type Behind = (first: number, last: number) => void;

interface Group {
  number: number;
  /** By place: 0 missing, 1 came, 2 repaired. */
  readonly have: Uint8Array;
  readonly contents: readonly Uint8Array[];
  /** By block: shards there, of them repairs. */
  readonly shards: Uint16Array;
  readonly repairs: Uint16Array;
}

export class Assembly {
  /** Sources that were waited for in vain. */
  missed = 0;
  readonly #group: Interleave;
  readonly #code: ReedSolomon;
  readonly #groups: Group[];
  readonly #release: Release;
  readonly #behind: Behind;
  /** Group that is released now, and the place in it. */
  #number = -1;
  #place = 0;
  #newest = -1;
  readonly #shards: Uint8Array[];
  readonly #present: Uint8Array;

  /** @param content octets of each */
  constructor(sources: number, repairs: number, depth: number, content: number, release: Release, behind: Behind = () => {}) {
    this.#group = new Interleave(sources, repairs, depth);
    this.#code = new ReedSolomon(sources, repairs);
    this.#release = release;
    this.#behind = behind;
    this.#shards = new Array<Uint8Array>(sources + repairs);
    this.#present = new Uint8Array(sources + repairs);
    this.#groups = Array.from({ length: GROUPS }, () => ({
      number: -1,
      have: new Uint8Array(this.#group.frames),
      contents: Array.from({ length: this.#group.frames }, () => new Uint8Array(content)),
      shards: new Uint16Array(depth),
      repairs: new Uint16Array(depth),
    }));
  }

  /** @returns false: it is of before what is held; it is not looked at */
  take(sequence: number, kind: Kind, content: Uint8Array): boolean {
    const number = Math.floor(sequence / this.#group.frames);
    const place = sequence % this.#group.frames;
    if ((kind === KIND.source) !== place < this.#group.sources) return false;
    if (this.#number < 0) this.#begin(number);
    if (number < this.#number || (number === this.#number && place < this.#place && place < this.#group.sources)) return false;
    if (number > this.#newest) this.#open(number);
    const group = this.#groupOf(number);
    if (group === null || group.have[place] !== 0) return group !== null;
    (group.contents[place] as Uint8Array).set(content);
    group.have[place] = 1;
    const block = this.#group.blockOf(place);
    group.shards[block] = (group.shards[block] as number) + 1;
    if (kind === KIND.repair) group.repairs[block] = (group.repairs[block] as number) + 1;
    this.#repair(group, block);
    this.#advance();
    return true;
  }

  /** Nothing more comes: what is there is released, what is missing is gone without. */
  giveUp(): void {
    if (this.#number < 0) return;
    while (this.#number <= this.#newest) this.#leave();
  }

  /** Who comes in late begins with what comes first: of what was before nothing is missed. */
  #begin(number: number): void {
    this.#number = number;
    this.#newest = number - 1;
    this.#place = 0;
  }

  #open(number: number): void {
    // What is further ahead than is held pushes out what is held.
    while (this.#number <= number - GROUPS) {
      if (this.#number > this.#newest) {
        // Whole groups of which nothing came.
        this.missed += (number - GROUPS + 1 - this.#number) * this.#group.sources;
        this.#number = number - GROUPS + 1;
        this.#place = 0;
        break;
      }
      this.#leave();
    }
    for (let each = Math.max(this.#newest + 1, this.#number); each <= number; each++) {
      const group = this.#groups[each % GROUPS] as Group;
      group.number = each;
      group.have.fill(0);
      group.shards.fill(0);
      group.repairs.fill(0);
    }
    this.#newest = number;
  }

  #groupOf(number: number): Group | null {
    const group = this.#groups[number % GROUPS] as Group;
    return group.number === number ? group : null;
  }

  #repair(group: Group, block: number): void {
    const { k, m, depth } = this.#group;
    const [shards, repairs] = [group.shards[block] as number, group.repairs[block] as number];
    // Without a repair frame all of them are sources; what is missing of those may yet come.
    if (shards < k || repairs === 0 || shards - repairs === k) return;
    for (let shard = 0; shard < k + m; shard++) {
      const place = this.#group.placeOf(block, shard);
      this.#shards[shard] = group.contents[place] as Uint8Array;
      this.#present[shard] = group.have[place] === 0 ? 0 : 1;
    }
    if (!this.#code.repair(this.#shards, this.#present, (this.#shards[0] as Uint8Array).length)) return;
    for (let shard = 0; shard < k; shard++) {
      const place = shard * depth + block;
      if (group.have[place] !== 0) continue;
      group.have[place] = 2;
      group.shards[block] = (group.shards[block] as number) + 1;
    }
  }

  /** Release what is next, as far as it is there; and leave a group behind once the one after the next has begun. */
  #advance(): void {
    for (;;) {
      const group = this.#groupOf(this.#number);
      if (group === null) return;
      while (this.#place < this.#group.sources && group.have[this.#place] !== 0) this.#next(group);
      if (this.#place < this.#group.sources) {
        if (this.#newest < this.#number + GROUPS - 1) return;
        this.#leave();
        continue;
      }
      if (this.#number === this.#newest) return;
      this.#goOn();
    }
  }

  #goOn(): void {
    const { sources, frames } = this.#group;
    if (frames > sources) this.#behind(this.#number * frames + sources, (this.#number + 1) * frames - 1);
    this.#number += 1;
    this.#place = 0;
  }

  #next(group: Group): void {
    const place = this.#place++;
    const how = group.have[place] === 1 ? "received" : "repaired";
    this.#release(group.number * this.#group.frames + place, group.contents[place] as Uint8Array, how);
  }

  #leave(): void {
    const group = this.#groupOf(this.#number);
    while (this.#place < this.#group.sources) {
      if (group === null || group.have[this.#place] === 0) {
        this.missed += 1;
        this.#place += 1;
      } else this.#next(group);
    }
    this.#goOn();
  }
}
