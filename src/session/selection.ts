/**
 * Select before operate, as one session sees it: an OPERATE follows its SELECT with the next sequence and the same objects, octet for octet, in
 * its time. Any request between them ends the selection, and so does an OPERATE that does not fit. Time is an argument.
 *
 * @source RULINGS 35; IEEE 1815-2012 clause 4.4.3; certification procedure 8.2.1
 */
import { copyOctets, sameOctets } from "#wire";

/** How long a selection stands, milliseconds: devices wait longer, and nobody else can be served meanwhile. */
export const SELECTION_MS = 2_000;
const SEQUENCES = 16;

export type Refusal = "notSelected" | "selectExpired";

export class Selection {
  #at: "idle" | "selected" = "idle";
  readonly #objects: Uint8Array;
  #length = 0;
  #next = 0;
  #untilMs = 0;

  /** @param limit octets of the longest object list */
  constructor(limit: number) {
    this.#objects = new Uint8Array(limit);
  }

  /** @param sentMs when the SELECT left for the device */
  select(octets: Uint8Array, at: number, length: number, sequence: number, sentMs: number): void {
    this.#at = "selected";
    copyOctets(octets, at, this.#objects, 0, length);
    this.#length = length;
    this.#next = (sequence + 1) % SEQUENCES;
    this.#untilMs = sentMs + SELECTION_MS;
  }

  /** Are these the objects that were selected, with the sequence that follows? Their time is another question. */
  isNext(octets: Uint8Array, at: number, length: number, sequence: number): boolean {
    if (this.#at === "idle" || sequence !== this.#next) return false;
    return length === this.#length && sameOctets(octets, at, this.#objects, 0, length);
  }

  /** Is this the OPERATE that was selected? Either way the selection is over. Null: it is. */
  operate(octets: Uint8Array, at: number, length: number, sequence: number, now: number): Refusal | null {
    const isNext = this.isNext(octets, at, length, sequence);
    this.#at = "idle";
    if (!isNext) return "notSelected";
    return now > this.#untilMs ? "selectExpired" : null;
  }

  cancel(): void {
    this.#at = "idle";
  }

  stands(now: number): boolean {
    return this.#at === "selected" && now <= this.#untilMs;
  }
}
