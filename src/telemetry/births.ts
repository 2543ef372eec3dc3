/**
 * Points and names that samples are told by, as records. All of them go out at the start, when the points change, and once a minute: a receiver
 * that begins in the middle, or lost some, then has them (a full birth). A new asker goes out at once, by itself.
 */
import { RECORD, type RecordWriter } from "#oneway/records";
import { u32le } from "#wire";

const BIRTH_MS = 60_000;
/** Points of all assets of a gateway; askers. */
const MOST_POINTS = 200_000;
const MOST_ASKERS = 65_536;

export class Births {
  /** Counts those that differ. */
  number = 0;
  readonly #gateway: string;
  readonly #longest: number;
  #records: Uint8Array[] = [];
  /** Comes in now, and takes its place once it is whole. */
  #coming: Uint8Array[] = [];
  #expected = 0;
  readonly #askers: Uint8Array[] = [];
  /** Of what goes out: the next; behind the last: nothing does. */
  #next = 0;
  #isBegun = true;
  #bornMs = Number.NEGATIVE_INFINITY;

  /** @param longest octets of a record that fits a frame: one that does not would hold up all behind it, and is left out */
  constructor(gateway: string, longest: number) {
    this.#gateway = gateway;
    this.#longest = longest;
  }

  get points(): number {
    return this.#records.length;
  }

  take(record: Uint8Array): void {
    if (record[0] === RECORD.birth) {
      this.#expected = Math.min(MOST_POINTS, u32le(record, 7));
      this.#coming = [];
    } else if (record[0] === RECORD.asker) {
      if (this.#askers.length < MOST_ASKERS && record.length <= this.#longest) this.#askers.push(record.slice());
      return;
    } else if (this.#expected === 0) return;
    else if (record.length <= this.#longest) this.#coming.push(record.slice());
    else this.#expected -= 1;
    if (this.#coming.length < this.#expected) return;
    this.#records = this.#coming;
    this.#coming = [];
    this.#expected = 0;
    this.number += 1;
    this.#bornMs = Number.NEGATIVE_INFINITY;
  }

  get #isOver(): boolean {
    return this.#isBegun && this.#next >= this.#records.length + this.#askers.length;
  }

  /** What still fits of the birth that is due. */
  fill(writer: RecordWriter, nowMs: number): void {
    if (nowMs - this.#bornMs >= BIRTH_MS) {
      this.#bornMs = nowMs;
      this.#next = 0;
      this.#isBegun = false;
    }
    if (!this.#isBegun) {
      if (!writer.birth(this.number, this.#records.length, this.#gateway)) return;
      this.#isBegun = true;
    }
    for (; !this.#isOver; this.#next++) {
      // Askers come last: one that is new then stands where the birth has not come to yet.
      const record = this.#records[this.#next] ?? (this.#askers[this.#next - this.#records.length] as Uint8Array);
      if (!writer.copy(record)) return;
    }
  }
}
