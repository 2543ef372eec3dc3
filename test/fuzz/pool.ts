/** Inputs that are injured further: the corpus, and those that brought something. */
import type { Holder } from "./guide/guide.ts";
import type { Pair } from "./guide/tally.ts";
import type { Random } from "./random.ts";

/** Those that brought a word alone. What has a feature that none had, or has it shortest, is always kept: there are no more than features. */
const MOST_FOR_WORDS = 256;
const MOST_OCTETS_FOR_WORDS = 2 * 1024 * 1024;
/** Every fourth input is one of the newest: what leads somewhere leads on from there. */
const NEWEST = 16;

/** What it is kept for. One that is only shorter than another goes when a still shorter one comes. */
export type Why = "seed" | "word" | "new" | "shorter";

export class Entry implements Holder {
  readonly octets: Uint8Array;
  readonly accepted: boolean;
  readonly why: Why;
  features = 0;
  /** What is compared while it runs; null: not asked yet. */
  pairs: readonly Pair[] | null = null;

  constructor(octets: Uint8Array, accepted: boolean, why: Why) {
    this.octets = octets;
    this.accepted = accepted;
    this.why = why;
  }
}

export class Pool {
  readonly #all: Entry[] = [];
  readonly #sound: Entry[] = [];
  #octets = 0;
  #forWords = 0;
  #octetsForWords = 0;

  get all(): readonly Entry[] {
    return this.#all;
  }

  /** Octets that are held. */
  get octets(): number {
    return this.#octets;
  }

  get hasRoomForWords(): boolean {
    return this.#forWords < MOST_FOR_WORDS && this.#octetsForWords < MOST_OCTETS_FOR_WORDS;
  }

  add(entry: Entry): void {
    this.#all.push(entry);
    if (entry.accepted) this.#sound.push(entry);
    this.#octets += entry.octets.length;
    if (entry.why !== "word") return;
    this.#forWords += 1;
    this.#octetsForWords += entry.octets.length;
  }

  drop(entry: Entry): void {
    if (entry.why !== "shorter") return;
    for (const list of [this.#all, this.#sound]) {
      const at = list.indexOf(entry);
      if (at >= 0) list.splice(at, 1);
    }
    this.#octets -= entry.octets.length;
  }

  /** What can be asked again: it is much, and not to be taken for what a target keeps. */
  forgetPairs(): void {
    for (const entry of this.#all) entry.pairs = null;
  }

  /** Every other one was accepted. Of two that come up the shorter is taken: it is done with sooner, and an injury hits what matters. */
  choose(random: Random): Entry {
    const list = this.#sound.length > 0 && random.below(2) === 0 ? this.#sound : this.#all;
    const from = random.below(4) === 0 ? Math.max(0, list.length - NEWEST) : 0;
    const one = list[from + random.below(list.length - from)] as Entry;
    const other = list[from + random.below(list.length - from)] as Entry;
    return one.octets.length <= other.octets.length ? one : other;
  }
}
