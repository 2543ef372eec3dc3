/**
 * Frames that wait for the disk. Two halves, both made at the start: one is filled while the other is written, and what could not be written
 * stays in its half until it is.
 */
import { count, newSegment, putRecord, RECORD_HEAD, recordEnd, type Segment, sealRecord, timeAt } from "./segment.ts";

/** Whole records at the front of what waits, sealed for one segment. */
export interface Part {
  readonly octets: Uint8Array;
  /** Frames and times, as a segment counts them. */
  readonly counted: Readonly<Segment>;
}

export class FrameBuffer {
  #filling: Half;
  #leaving: Half;

  /** @param octets of both halves together */
  constructor(octets: number) {
    this.#filling = new Half(octets >>> 1);
    this.#leaving = new Half(octets >>> 1);
  }

  /** Octets, heads and all. */
  get waiting(): number {
    return this.#filling.length + this.#leaving.length;
  }

  /** Copied. @returns false: there is no room */
  add(sequence: number, timeMs: number, octets: Uint8Array): boolean {
    return this.#filling.add(sequence, timeMs, octets);
  }

  /** What was added until now leaves, unless something still does. @returns false: nothing is there to leave */
  turn(): boolean {
    if (this.#leaving.length === 0) [this.#filling, this.#leaving] = [this.#leaving, this.#filling];
    return this.#leaving.length > 0;
  }

  get leaves(): boolean {
    return this.#leaving.length > 0;
  }

  /** Of what leaves, as many records as fit in `most` octets; null: not even one. It stays until `left`. */
  part(most: number, segment: number): Part | null {
    return this.#leaving.part(most, segment);
  }

  left(part: Part): void {
    this.#leaving.left(part.octets.length);
  }
}

class Half {
  readonly #octets: Buffer;
  #from = 0;
  #end = 0;

  constructor(octets: number) {
    this.#octets = Buffer.alloc(octets);
  }

  get length(): number {
    return this.#end - this.#from;
  }

  add(sequence: number, timeMs: number, octets: Uint8Array): boolean {
    if (this.#end + RECORD_HEAD + octets.length > this.#octets.length) return false;
    this.#end = putRecord(this.#octets, this.#end, sequence, timeMs, octets);
    return true;
  }

  part(most: number, segment: number): Part | null {
    const counted = newSegment(segment);
    let at = this.#from;
    while (at < this.#end) {
      const end = recordEnd(this.#octets, at);
      if (end - this.#from > most) break;
      sealRecord(this.#octets, at, segment);
      const timeMs = timeAt(this.#octets, at);
      count(counted, 1, timeMs, timeMs);
      at = end;
    }
    return at === this.#from ? null : { octets: this.#octets.subarray(this.#from, at), counted };
  }

  left(octets: number): void {
    this.#from += octets;
    if (this.#from !== this.#end) return;
    this.#from = 0;
    this.#end = 0;
  }
}
