/** What is fuzzed: something that takes octets from outside, and what must hold of it whatever they are. */

export interface Outcome {
  readonly accepted: boolean;
  /**
   * What came of the input, in a word or a short line without the input's own values. An input that brings a word not met before joins those
   * that are mutated further, so that the search goes deeper in code that is not ours and not instrumented.
   */
  readonly word: string;
}

export interface Target {
  readonly name: string;
  /** Milliseconds of CPU one input may take: 10, 100 for the reader of a whole document, 500 where it is judged by a hundred questions too. */
  readonly limitMs: 10 | 100 | 500;
  /** Mutated inputs of a full run; null: as many as there is time for. */
  readonly inputs: number | null;
  /** Longest input, octets. */
  readonly most: number;
  /** Lines and words are moved about as well as octets. */
  readonly text: boolean;
  /** Put in and written over as they are. */
  readonly dictionary: readonly Uint8Array[];
  /** The same every time: a seed would mean nothing otherwise. */
  corpus(): readonly Uint8Array[];
  /** @throws when something does not hold that must */
  run(input: Uint8Array): Outcome | Promise<Outcome>;
  close?(): Promise<void>;
}

export function accepted(word: string): Outcome {
  return { accepted: true, word };
}

export function refused(word: string): Outcome {
  return { accepted: false, word };
}

/** Plain words of a message: without what it quotes and without its numbers. */
export function gist(message: string): string {
  return message
    .slice(0, 400)
    .replace(/"[^"]*"/g, '""')
    .replace(/[0-9]+/g, "0")
    .slice(0, 100);
}

/** A condition that must hold of every input. */
export function must(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(otherwise);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export function octetsOf(text: string): Uint8Array {
  return encoder.encode(text);
}

/** As documents are read: what is no UTF-8 becomes U+FFFD. */
export function textOf(octets: Uint8Array): string {
  return decoder.decode(octets);
}

export function dictionaryOf(words: readonly string[]): readonly Uint8Array[] {
  return words.map(octetsOf);
}
