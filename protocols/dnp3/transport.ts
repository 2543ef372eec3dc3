/**
 * The transport function: an application fragment in segments of at most 249 octets, each after one octet of its own.
 *
 *     7: FIN (the last)   6: FIR (the first)   5..0: sequence
 *
 * Peers differ in what they make of a repeated or a lost segment. Here a fragment is whole or it is none, and what goes on is cut anew, so
 * neither side's way matters to the other.
 *
 * @source IEEE 1815-2012 clause 8; reception as replaced by technical bulletin TB2013-003
 */
import { copyOctets, sameOctets } from "#wire";

export const FIN = 0x80;
export const FIR = 0x40;
const SEQUENCE = 0x3f;
/** Application octets of one segment. */
export const SEGMENT_DATA = 249;
/** Largest fragment that is taken, octets: every device's default. */
export const FRAGMENT_LIMIT = 2048;

export type TransportFault =
  /** No octet at all. */
  | "empty"
  /** Goes on with what was never begun, or was given up. */
  | "notStarted"
  /** Not the next in its series, which is given up. */
  | "outOfSequence"
  /** The series outgrew the buffer and is given up. */
  | "tooLong"
  /** The series ended without an octet. */
  | "emptyFragment";

/** `more`: the series goes on. `repeated`: the segment before, octet for octet; the series goes on. */
export type Taken = "fragment" | "more" | "repeated" | TransportFault;

/** Fragments out of the segments of one sender to one receiver, on one connection. */
export class Reassembler {
  /** The fragment, once `take` says so, until the next call. */
  readonly octets: Uint8Array;
  length = 0;
  /** A series is open. */
  #open = false;
  /** The segment before, its own octet first. */
  readonly #last = new Uint8Array(SEGMENT_DATA + 1);
  #lastLength = 0;

  constructor(limit = FRAGMENT_LIMIT) {
    this.octets = new Uint8Array(limit);
  }

  /** @param octets user data of one link frame: `length` octets from `at`, 1..250 */
  take(octets: Uint8Array, at: number, length: number): Taken {
    if (length === 0) return "empty";
    const header = octets[at] as number;
    if (this.#open && length === this.#lastLength && sameOctets(octets, at, this.#last, 0, length)) return "repeated";
    if ((header & FIR) !== 0) {
      this.#open = true;
      this.length = 0;
    } else if (!this.#open) return "notStarted";
    else if ((header & SEQUENCE) !== (((this.#last[0] as number) + 1) & SEQUENCE)) return this.#giveUp("outOfSequence");
    const count = length - 1;
    if (this.length + count > this.octets.length) return this.#giveUp("tooLong");
    copyOctets(octets, at + 1, this.octets, this.length, count);
    this.length += count;
    if ((header & FIN) === 0) {
      copyOctets(octets, at, this.#last, 0, length);
      this.#lastLength = length;
      return "more";
    }
    this.#open = false;
    return this.length === 0 ? "emptyFragment" : "fragment";
  }

  #giveUp(fault: TransportFault): TransportFault {
    this.#open = false;
    return fault;
  }
}

/** Segments a fragment is sent in. */
export function segmentsOf(length: number): number {
  return Math.max(1, Math.ceil(length / SEGMENT_DATA));
}

/**
 * Write the `index`-th segment of a fragment, which stands in `fragment` with `length` octets from `at`.
 *
 * @param sequence of the first
 * @returns octets written at `target[to]`
 */
export function encodeSegment(
  target: Uint8Array,
  to: number,
  fragment: Uint8Array,
  at: number,
  length: number,
  index: number,
  sequence: number,
): number {
  const from = index * SEGMENT_DATA;
  const count = Math.min(SEGMENT_DATA, length - from);
  const isLast = from + count === length;
  target[to] = (index === 0 ? FIR : 0) | (isLast ? FIN : 0) | ((sequence + index) & SEQUENCE);
  copyOctets(fragment, at + from, target, to + 1, count);
  return count + 1;
}
