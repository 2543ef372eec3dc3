/** One input out of those that are known: a few small injuries, chosen by the random numbers alone. */
import type { Pair } from "./guide/tally.ts";
import { LONGEST_OPERAND, nearby, OCTET_FORMS, TEXT_FORMS, writeOperand } from "./operand.ts";
import type { Random } from "./random.ts";

/** Edges of 8, 16 and 32 bits, and of Modbus. */
const INTERESTING = [
  0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 121, 122, 123, 124, 125, 126, 127, 128, 129, 246, 247, 248, 250, 251,
  252, 253, 254, 255, 256, 257, 260, 261, 1000, 1024, 1968, 1969, 2000, 2001, 4096, 9999, 10000, 32767, 32768, 65279, 65280, 65534, 65535,
  65536, 1048575, 1048576, 1048577, 16777215, 16777216, 2147483647, 2147483648, 4294967294, 4294967295,
];
/** Injuries of one input: mostly one or two. */
const MOST_INJURIES = 8;
const GUESSES = 4;
const LINE_FEED = 10;
const LETTER = Uint8Array.of(0x61);

export class Mutator {
  readonly #random: Random;
  readonly #most: number;
  readonly #text: boolean;
  readonly #dictionary: readonly Uint8Array[];
  readonly #octets: Uint8Array;
  readonly #stood = new Uint8Array(LONGEST_OPERAND);
  readonly #wanted = new Uint8Array(LONGEST_OPERAND);
  #length = 0;

  constructor(random: Random, most: number, text: boolean, dictionary: readonly Uint8Array[]) {
    this.#random = random;
    this.#most = most;
    this.#text = text;
    this.#dictionary = dictionary;
    this.#octets = new Uint8Array(most);
  }

  /**
   * `octets`, injured; they themselves are not touched.
   *
   * @param pairs  what was compared while it ran: every fourth injury puts one value where the other stands
   * @param pool   others, for their parts
   */
  next(octets: Uint8Array, pairs: readonly Pair[], pool: readonly { readonly octets: Uint8Array }[]): Uint8Array {
    const random = this.#random;
    this.#take(octets);
    let injuries = 1;
    while (injuries < MOST_INJURIES && random.below(2) === 0) injuries++;
    for (let i = 0; i < injuries; i++) {
      if (pairs.length > 0 && random.below(4) === 0) this.#replace(pairs);
      else this.#injure(pool);
    }
    return this.#octets.slice(0, this.#length);
  }

  #take(octets: Uint8Array): void {
    this.#length = Math.min(octets.length, this.#most);
    this.#octets.set(octets.subarray(0, this.#length), 0);
  }

  #injure(pool: readonly { readonly octets: Uint8Array }[]): void {
    // Noise seldom leaves a document one: most injuries of a text are such as a hand would do.
    if (this.#text && this.#random.below(4) > 0) this.#injureText();
    else this.#injureOctets(pool);
  }

  #injureOctets(pool: readonly { readonly octets: Uint8Array }[]): void {
    const random = this.#random;
    switch (random.below(13)) {
      case 0:
        this.#edit((octet) => octet ^ (1 << random.below(8)));
        break;
      case 1:
        this.#edit(() => random.below(256));
        break;
      case 2:
        this.#edit((octet) => octet + 1 + random.below(16));
        break;
      case 3:
        this.#edit((octet) => octet - 1 - random.below(16));
        break;
      case 4:
      case 5:
        this.#number();
        break;
      case 6: {
        const block = Uint8Array.from({ length: 1 + random.below(16) }, () => random.below(256));
        this.#insert(random.below(this.#length + 1), block);
        break;
      }
      case 7: {
        const at = random.below(this.#length);
        this.#remove(at, this.#blockFrom(at));
        break;
      }
      case 8: {
        const at = random.below(this.#length);
        this.#insert(random.below(this.#length + 1), this.#octets.slice(at, at + this.#blockFrom(at)));
        break;
      }
      case 9: {
        const at = random.below(this.#length);
        const block = this.#octets.slice(at, at + this.#blockFrom(at));
        this.#overwrite(random.below(this.#length), block);
        break;
      }
      case 10:
        this.#splice(random.of(pool).octets);
        break;
      case 11:
        this.#length = random.below(this.#length + 1);
        break;
      default:
        this.#word();
    }
  }

  #injureText(): void {
    switch (this.#random.below(8)) {
      case 0:
        this.#word();
        break;
      case 1:
        this.#moveLine(true);
        break;
      case 2:
        this.#moveLine(false);
        break;
      case 3: {
        const [from, to] = this.#line();
        this.#remove(from, to - from);
        break;
      }
      case 4:
        this.#replaceWord(this.#dictionary.length === 0 ? LETTER : this.#random.of(this.#dictionary));
        break;
      case 5:
      case 6:
        this.#decimal();
        break;
      default:
        this.#swapWords();
    }
  }

  #edit(change: (octet: number) => number): void {
    if (this.#length === 0) return;
    const at = this.#random.below(this.#length);
    this.#octets[at] = change(this.#octets[at] as number);
  }

  /** An interesting number over 1, 2 or 4 octets, in either order. */
  #number(): void {
    const size = this.#random.of([1, 2, 2, 4]);
    if (this.#length < size) return;
    const at = this.#random.below(this.#length - size + 1);
    const value = this.#random.of(INTERESTING);
    const little = this.#random.below(2) === 0;
    for (let i = 0; i < size; i++) this.#octets[at + (little ? i : size - 1 - i)] = Math.floor(value / 256 ** i);
  }

  /** Length of a block that starts at `at`: mostly short, sometimes all there is. */
  #blockFrom(at: number): number {
    const left = this.#length - at;
    return 1 + this.#random.below(this.#random.below(4) === 0 ? left : Math.min(left, 16));
  }

  #insert(at: number, block: Uint8Array): void {
    const count = Math.min(block.length, this.#most - this.#length);
    this.#octets.copyWithin(at + count, at, this.#length);
    this.#octets.set(block.subarray(0, count), at);
    this.#length += count;
  }

  #overwrite(at: number, block: Uint8Array): void {
    this.#octets.set(block.subarray(0, this.#length - at), at);
  }

  #remove(at: number, count: number): void {
    if (this.#length === 0) return;
    this.#octets.copyWithin(at, at + count, this.#length);
    this.#length -= Math.min(count, this.#length - at);
  }

  /** A few guesses which one, and in which form it stands there. */
  #replace(pairs: readonly Pair[]): void {
    const random = this.#random;
    for (let guess = 0; guess < GUESSES; guess++) {
      const [a, b] = random.of(pairs);
      const forwards = random.below(2) === 0;
      const form = random.of(this.#text ? TEXT_FORMS : OCTET_FORMS);
      const stood = forwards ? a : b;
      const length = writeOperand(stood, form, this.#stood);
      // What is missing may be missing anywhere.
      const at = length > 0 ? this.#indexOfStood(length) : stood === "" ? random.below(this.#length + 1) : -1;
      if (at < 0) continue;
      const wanted = writeOperand(nearby(forwards ? b : a, random), form, this.#wanted);
      if (wanted !== length) {
        this.#remove(at, length);
        this.#insert(at, this.#wanted.subarray(0, wanted));
      } else for (let i = 0; i < wanted; i++) this.#octets[at + i] = this.#wanted[i] as number;
      return;
    }
  }

  /** From anywhere on, and around. */
  #indexOfStood(length: number): number {
    const last = this.#length - length;
    if (last < 0) return -1;
    const from = this.#random.below(last + 1);
    for (let i = 0; i <= last; i++) {
      const at = from + i <= last ? from + i : from + i - last - 1;
      let same = 0;
      while (same < length && this.#octets[at + same] === this.#stood[same]) same++;
      if (same === length) return at;
    }
    return -1;
  }

  /** This one's beginning and the other's end. */
  #splice(other: Uint8Array): void {
    const from = this.#random.below(other.length + 1);
    this.#length = this.#random.below(this.#length + 1);
    this.#insert(this.#length, other.subarray(from));
  }

  #word(): void {
    if (this.#dictionary.length === 0) return;
    const word = this.#random.of(this.#dictionary);
    if (this.#random.below(2) === 0) this.#insert(this.#random.below(this.#length + 1), word);
    else this.#overwrite(this.#random.below(this.#length), word);
  }

  /** A whole line, its line feed included. */
  #line(): readonly [from: number, to: number] {
    const at = this.#random.below(this.#length);
    const from = at === 0 ? 0 : this.#octets.lastIndexOf(LINE_FEED, at - 1) + 1;
    const end = this.#octets.indexOf(LINE_FEED, at);
    return [from, end < 0 || end >= this.#length ? this.#length : end + 1];
  }

  #moveLine(away: boolean): void {
    const [from, to] = this.#line();
    const line = this.#octets.slice(from, to);
    if (away) this.#remove(from, to - from);
    this.#insert(this.#line()[0], line);
  }

  /** One word of the text in another's place: most of what was a document stays one. */
  #swapWords(): void {
    const [from, to] = this.#wordAt(this.#random.below(this.#length));
    this.#replaceWord(this.#octets.slice(from, to));
  }

  #replaceWord(word: Uint8Array): void {
    const [from, to] = this.#wordAt(this.#random.below(this.#length));
    this.#remove(from, to - from);
    this.#insert(from, word);
  }

  /** An interesting number for one that stands there, or one step from it. */
  #decimal(): void {
    const random = this.#random;
    let from = random.below(this.#length);
    while (from < this.#length && !isDigit(this.#octets[from] as number)) from++;
    let to = from;
    while (to < this.#length && isDigit(this.#octets[to] as number)) to++;
    if (from === to) return;
    const stood = Number(String.fromCharCode(...this.#octets.subarray(from, Math.min(to, from + 15))));
    const number = random.below(2) === 0 ? random.of(INTERESTING) : Math.max(0, stood - 1 + 2 * random.below(2));
    this.#remove(from, to - from);
    this.#insert(
      from,
      Uint8Array.from(String(number), (digit) => digit.charCodeAt(0)),
    );
  }

  #wordAt(at: number): readonly [from: number, to: number] {
    let from = at;
    let to = at;
    while (from > 0 && isWord(this.#octets[from - 1] as number)) from--;
    while (to < this.#length && isWord(this.#octets[to] as number)) to++;
    return [from, to];
  }
}

function isDigit(octet: number): boolean {
  return octet >= 0x30 && octet <= 0x39;
}

/** Letters, digits and what holds names and numbers together. */
function isWord(octet: number): boolean {
  return (octet >= 0x61 && octet <= 0x7a) || (octet >= 0x41 && octet <= 0x5a) || (octet >= 0x2d && octet <= 0x39) || octet === 0x5f;
}
