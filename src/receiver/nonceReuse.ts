/**
 * Two different frames under one salt and sequence (RULINGS 39): a nonce used twice gives the key away. A carousel copy is the same octets, so
 * its tag is the same. Of the newest sequences of a start the first 8 octets of each tag are kept; a frame that is told apart by them alone
 * would slip by once in 2^64.
 *
 * In memory only: after our own restart the first of two is `unknown` again.
 */

export type Reuse = "same" | "unknown" | "differs";

/** Sequences back from the newest, 16 octets each: two minutes at 2,000 frames a second. */
export const TAGS_KEPT = 262_144;
const PAGE = 4_096;

/** `seq` + 1, so that zeros are empty. */
interface Page {
  readonly seqs: Float64Array;
  readonly tags: Uint32Array;
}

export class TagWindow {
  readonly #kept: number;
  readonly #pages: (Page | undefined)[];

  /** @param kept a multiple of 4,096 */
  constructor(kept: number = TAGS_KEPT) {
    if (kept < PAGE || kept % PAGE !== 0) throw new RangeError(`${kept} is no multiple of ${PAGE}`);
    this.#kept = kept;
    this.#pages = new Array(kept / PAGE);
  }

  get octets(): number {
    return this.#pages.filter((page) => page !== undefined).length * PAGE * 16;
  }

  /**
   * Only for frames whose tag was verified: another's must not take the place.
   *
   * @param tag at least 8 octets from `at`
   * @returns `unknown`: not kept until now, and kept from now on unless a newer sequence has its place
   */
  check(seq: number, tag: Uint8Array, at = 0): Reuse {
    const slot = seq % this.#kept;
    const page = this.#page(Math.floor(slot / PAGE));
    const i = slot % PAGE;
    const high = word(tag, at);
    const low = word(tag, at + 4);
    const there = (page.seqs[i] as number) - 1;
    if (there === seq) return page.tags[2 * i] === high && page.tags[2 * i + 1] === low ? "same" : "differs";
    if (there < seq) {
      page.seqs[i] = seq + 1;
      page.tags[2 * i] = high;
      page.tags[2 * i + 1] = low;
    }
    return "unknown";
  }

  #page(index: number): Page {
    let page = this.#pages[index];
    if (page === undefined) {
      page = { seqs: new Float64Array(PAGE), tags: new Uint32Array(2 * PAGE) };
      this.#pages[index] = page;
    }
    return page;
  }
}

function word(octets: Uint8Array, at: number): number {
  return (
    (((octets[at] as number) << 24) |
      ((octets[at + 1] as number) << 16) |
      ((octets[at + 2] as number) << 8) |
      (octets[at + 3] as number)) >>>
    0
  );
}
