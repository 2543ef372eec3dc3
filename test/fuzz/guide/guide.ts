/**
 * Which inputs go ways no other went, or go them with fewer octets; and what an input was compared with on its way.
 *
 * A feature is a way gone 1, 2, 3, 4-7, 8-15, 16-31, 32-127 or more times in one run. Each is held by the shortest input that has it.
 */
import type { Target } from "../target.ts";
import { edges, edgesKnown, heard, listen, type Pair } from "./tally.ts";

const CLASSES = 8;
const CLASS = Uint8Array.from(
  { length: 256 },
  (_, times) => [0, 0, 1, 2, 3, 3, 3, 3][times] ?? (times < 16 ? 4 : times < 32 ? 5 : times < 128 ? 6 : 7),
);
const NOBODY = 0xffff_ffff;

/** Of an input: it has what none had, or has it with fewer octets. */
export type Sight = "known" | "shorter" | "new";

/** Who has features; its number of them is counted here. */
export interface Holder {
  features: number;
}

export interface Coverage {
  readonly edges: number;
  /** Ways of all modules that are loaded. */
  readonly known: number;
  readonly features: number;
}

export class Guide<H extends Holder> {
  readonly #twin: Target;
  readonly #edges = edgesKnown();
  readonly #quads = new Uint32Array(edges.buffer, 0, Math.ceil(this.#edges / 4));
  readonly #shortest = new Uint32Array(CLASSES * this.#edges).fill(NOBODY);
  readonly #holders: (H | null)[] = new Array(CLASSES * this.#edges).fill(null);
  readonly #fresh = new Uint32Array(this.#edges);
  #freshCount = 0;

  /** @param twin  the target over the second copy of the code */
  constructor(twin: Target) {
    this.#twin = twin;
  }

  /** Nothing has run yet. */
  clear(): void {
    this.#quads.fill(0);
  }

  /** An input of `length` octets has run. */
  look(length: number): Sight {
    this.#freshCount = 0;
    let sight: Sight = "known";
    for (let quad = 0; quad < this.#quads.length; quad++) {
      if (this.#quads[quad] === 0) continue;
      for (let edge = 4 * quad; edge < 4 * quad + 4; edge++) {
        const times = edges[edge] as number;
        if (times === 0) continue;
        const feature = CLASSES * edge + (CLASS[times] as number);
        const shortest = this.#shortest[feature] as number;
        if (shortest <= length) continue;
        this.#fresh[this.#freshCount++] = feature;
        if (shortest === NOBODY) sight = "new";
        else if (sight === "known") sight = "shorter";
      }
      this.#quads[quad] = 0;
    }
    return sight;
  }

  /** The input last looked at now has what it was held for. @returns those that have nothing any more */
  hold(holder: H, length: number): readonly H[] {
    const idle: H[] = [];
    for (let i = 0; i < this.#freshCount; i++) {
      const feature = this.#fresh[i] as number;
      const had = this.#holders[feature] as H | null;
      if (had !== null && --had.features === 0) idle.push(had);
      this.#holders[feature] = holder;
      this.#shortest[feature] = length;
      holder.features += 1;
    }
    return idle;
  }

  get coverage(): Coverage {
    let features = 0;
    const gone = new Set<number>();
    for (const [feature, holder] of this.#holders.entries()) {
      if (holder === null) continue;
      features += 1;
      gone.add(Math.floor(feature / CLASSES));
    }
    return { edges: gone.size, known: this.#edges, features };
  }

  /** Run once more, over the copy that tells. */
  async comparisons(input: Uint8Array): Promise<readonly Pair[]> {
    listen();
    try {
      await this.#twin.run(input);
    } catch {
      // It did not fail over the other copy; what was compared until now is good enough.
    }
    return heard();
  }

  async close(): Promise<void> {
    await this.#twin.close?.();
  }
}
