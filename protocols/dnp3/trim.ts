/**
 * A reply without some of its points: header by header what is kept is written anew, in the ranges it makes. What tells no point (a time, the
 * indications) stays.
 *
 * @source IEEE 1815-2012 clause 4.2.2.7 (object headers); RULINGS 34 and DESIGN 2: what is trimmed is re-encoded, never patched
 */
import { copyOctets, putU16le, putU32le } from "#wire";
import { type Fragment, type ObjectHeader, RESPONSE_HEADER } from "./application.ts";
import { eachItem } from "./items.ts";
import { cellOf, lastCellOf, spaceOfTable } from "./spaces.ts";

/** May this point be told? */
export type Keeps = (object: number, space: number, first: number, last: number) => boolean;

export interface Trimmed {
  /** Octets of what was written; -1: there is no room for it. */
  readonly length: number;
  /** Points left out. */
  readonly dropped: number;
}

/** @param limit octets from `at` that may be written */
export function trimReply(reply: Fragment, keeps: Keeps, target: Uint8Array, at: number, limit: number): Trimmed {
  const trimming = new Trimming(reply, keeps, target, at, at + limit);
  return trimming.trim();
}

class Trimming {
  dropped = 0;
  readonly #reply: Fragment;
  readonly #keeps: Keeps;
  readonly #target: Uint8Array;
  readonly #from: number;
  readonly #end: number;
  #to: number;
  #isFull = false;

  constructor(reply: Fragment, keeps: Keeps, target: Uint8Array, at: number, end: number) {
    this.#reply = reply;
    this.#keeps = keeps;
    this.#target = target;
    this.#from = at;
    this.#end = end;
    this.#to = at;
  }

  trim(): Trimmed {
    this.#put(this.#reply.at, RESPONSE_HEADER);
    for (const header of this.#reply.headers) this.#header(header);
    return { length: this.#isFull ? -1 : this.#to - this.#from, dropped: this.dropped };
  }

  #header(header: ObjectHeader): void {
    const { table, layout } = header.entry;
    if (table === null || !header.hasData) {
      this.#put(header.at, header.end - header.at);
      return;
    }
    const space = spaceOfTable(table);
    const object = (header.group << 8) | header.variation;
    const kept: boolean[] = [];
    eachItem(this.#reply, header, ({ index }) => {
      kept.push(index >= 0 && this.#keeps(object, space, cellOf(space, index), lastCellOf(space, index)));
    });
    const dropped = kept.filter((is) => !is).length;
    this.dropped += dropped;
    if (dropped === 0) this.#put(header.at, header.end - header.at);
    else if (dropped === kept.length) return;
    else if (header.qualifier.prefix === "index") this.#listed(header, kept);
    else for (const [first, last] of runsOf(kept)) this.#run(header, first, last, layout.is === "packed" ? layout.bits : 0);
  }

  /** Those of a list, each with its index before it. */
  #listed(header: ObjectHeader, kept: readonly boolean[]): void {
    const { rangeSize, prefixSize } = header.qualifier;
    this.#put(header.at, HEADER);
    this.#number(rangeSize, kept.filter(Boolean).length);
    let i = 0;
    eachItem(this.#reply, header, (item) => {
      if (kept[i] === true) this.#put(item.at - prefixSize, prefixSize + item.length);
      i += 1;
    });
  }

  /** From the `first` to the `last` object of a range, a header for themselves. */
  #run(header: ObjectHeader, first: number, last: number, bits: number): void {
    const { rangeSize } = header.qualifier;
    this.#put(header.at, HEADER);
    this.#number(rangeSize, header.first + first);
    this.#number(rangeSize, header.first + last);
    if (bits === 0) {
      this.#put(header.itemsAt + first * header.size, (last - first + 1) * header.size);
      return;
    }
    const length = Math.ceil(((last - first + 1) * bits) / 8);
    if (!this.#hasRoom(length)) return;
    this.#target.fill(0, this.#to, this.#to + length);
    for (let i = first, bit = 0; i <= last; i++, bit += bits) {
      const from = i * bits;
      const value = ((this.#reply.octets[header.itemsAt + (from >> 3)] as number) >> (from & 7)) & ((1 << bits) - 1);
      this.#target[this.#to + (bit >> 3)] = (this.#target[this.#to + (bit >> 3)] as number) | (value << (bit & 7));
    }
    this.#to += length;
  }

  #number(size: number, value: number): void {
    if (!this.#hasRoom(size)) return;
    if (size === 1) this.#target[this.#to] = value;
    else if (size === 2) putU16le(this.#target, this.#to, value);
    else putU32le(this.#target, this.#to, value);
    this.#to += size;
  }

  #put(from: number, length: number): void {
    if (!this.#hasRoom(length)) return;
    copyOctets(this.#reply.octets, from, this.#target, this.#to, length);
    this.#to += length;
  }

  #hasRoom(length: number): boolean {
    if (this.#to + length > this.#end) this.#isFull = true;
    return !this.#isFull;
  }
}

/** Group, variation, qualifier. */
const HEADER = 3;

function runsOf(kept: readonly boolean[]): (readonly [number, number])[] {
  const runs: (readonly [number, number])[] = [];
  let from = -1;
  for (let i = 0; i <= kept.length; i++) {
    if (kept[i] === true && from < 0) from = i;
    if (kept[i] !== true && from >= 0) {
      runs.push([from, i - 1]);
      from = -1;
    }
  }
  return runs;
}
