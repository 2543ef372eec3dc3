/**
 * Written values as the naive twin sees them: every value a write can leave behind, one by one, as an exact engineering value held against
 * the decimals of the document. Nothing here is shared with the compiled form, whose limits are raw numbers.
 */
import type { Operation } from "#operation";
import { nearestFloat, quotient, subtract } from "#process/decimal";
import type { Decimal, Point } from "#process/points";

/** `top / bottom`, `bottom` above zero. */
export interface Ratio {
  readonly top: bigint;
  readonly bottom: bigint;
}

/** One value a write can leave behind. */
export interface Candidate {
  /** In the order of their addresses. */
  readonly words: readonly number[];
  readonly value: Ratio;
}

/** What a write puts into its cells: words or bits by address, and the bits of each that stay as they are. */
export class Written {
  readonly first: number;
  readonly last: number;
  /** Of FC 22, else 0. */
  readonly keep: number;
  readonly #cells: readonly number[];
  readonly #byPoint = new Map<Point, readonly Candidate[] | "notANumber" | "text">();
  readonly #byAddress = new Map<number, readonly Candidate[]>();

  /** Throws where the values are no cells of this width: no decoder gives such an operation. */
  constructor(operation: Operation, width: 1 | 16) {
    const { target, values } = operation;
    if (target.at !== "range" || values.is !== "cells" || values.bits !== width) throw new TypeError("not a write of cells");
    const view = new DataView(values.octets.buffer, values.octets.byteOffset, values.octets.byteLength);
    const cells: number[] = [];
    for (let i = 0; i <= target.last - target.first; i++) {
      cells.push(width === 1 ? (view.getUint8(values.at + Math.floor(i / 8)) >> (i % 8)) & 1 : view.getUint16(values.at + 2 * i));
    }
    this.first = target.first;
    this.last = target.last;
    this.keep = values.keep;
    this.#cells = cells;
  }

  cell(address: number): number {
    return this.#cells[address - this.first] as number;
  }

  /** Every value the write can leave at a point that it writes whole. */
  candidates(point: Point): readonly Candidate[] | "notANumber" | "text" {
    let found = this.#byPoint.get(point);
    if (found === undefined) {
      found = this.#candidatesOf(point);
      this.#byPoint.set(point, found);
    }
    return found;
  }

  /** Every raw bit or unsigned word it can leave at an address. */
  candidatesAt(address: number): readonly Candidate[] {
    let found = this.#byAddress.get(address);
    if (found === undefined) {
      found = this.#words(address, 0xffff).map((word) => ({ words: [word], value: whole(BigInt(word)) }));
      this.#byAddress.set(address, found);
    }
    return found;
  }

  #candidatesOf(point: Point): readonly Candidate[] | "notANumber" | "text" {
    const own = point.type === "bit" ? 1 << (point.bit ?? 0) : 0xffff;
    const values =
      this.keep === 0
        ? [this.#cells.slice(point.first - this.first, point.last - this.first + 1)]
        : this.#words(point.first, own).map((word) => [word]);
    const candidates: Candidate[] = [];
    for (const words of values) {
      const value = engineeringOf(point, words);
      if (typeof value === "string") return value;
      candidates.push({ words, value });
    }
    return candidates;
  }

  /** Every word it can leave, as far as the bits asked about go: each kept bit may be on or off. */
  #words(address: number, own: number): number[] {
    let words = [this.cell(address) & ~this.keep];
    for (let bit = 1; bit <= 0x8000; bit *= 2) if ((this.keep & own & bit) !== 0) words = words.flatMap((word) => [word, word | bit]);
    return words;
  }
}

/** The engineering value of a point's words; `notANumber` for NaN and infinities, `text` for what is no number at all. */
export function engineeringOf(point: Point, words: readonly number[]): Ratio | "notANumber" | "text" {
  if (point.type === "string") return "text";
  if (point.type === "bool") return whole(BigInt(words[0] as number));
  if (point.type === "bit") return whole(BigInt(Math.floor((words[0] as number) / 2 ** (point.bit ?? 0)) % 2));
  const raw = rawOf(point, words);
  if (raw === "notANumber") return raw;
  const scale = ratioOf(point.scale);
  const offset = ratioOf(point.offset);
  const bottom = raw.bottom * scale.bottom;
  return { top: raw.top * scale.top * offset.bottom + offset.top * bottom, bottom: bottom * offset.bottom };
}

/** What stands at an address that no point gives a meaning: a bit, or an unsigned word. */
export function whole(value: bigint): Ratio {
  return { top: value, bottom: 1n };
}

export function isBelow(value: Ratio, limit: Decimal): boolean {
  return value.top * 10n ** BigInt(limit.places) < limit.units * value.bottom;
}

export function isAbove(value: Ratio, limit: Decimal): boolean {
  return value.top * 10n ** BigInt(limit.places) > limit.units * value.bottom;
}

export function distance(a: Ratio, b: Ratio): Ratio {
  const top = a.top * b.bottom - b.top * a.bottom;
  return { top: top < 0n ? -top : top, bottom: a.bottom * b.bottom };
}

/** Is what was written this member of a set? A float is where it is the float nearest to the member: a client cannot send anything nearer. */
export function isMember(point: Point | null, words: readonly number[], value: Ratio, member: Decimal): boolean {
  if (point === null || !isFloat(point)) return !isBelow(value, member) && !isAbove(value, member);
  const { top, bottom } = quotient(subtract(member, point.offset), point.scale);
  const written = floatOf(point, words);
  // A number that says its own type may have been a single: then nothing nearer could be sent.
  if (point.type === "number" && written === nearestFloat(top, bottom, 32)) return true;
  return written === nearestFloat(top, bottom, point.type === "float32" ? 32 : 64);
}

export function isFloat({ type }: Point): boolean {
  return type === "float32" || type === "float64" || type === "number";
}

function ratioOf({ units, places }: Decimal): Ratio {
  return { top: units, bottom: 10n ** BigInt(places) };
}

function rawOf(point: Point, words: readonly number[]): Ratio | "notANumber" {
  if (point.type === "int16" || point.type === "uint16") {
    // A mask can leave 65,536 of them, so no view is made for each.
    const [word] = words as readonly [number];
    const unsigned = point.byteOrder === "little" ? (word % 256) * 256 + Math.floor(word / 256) : word;
    return whole(BigInt(point.type === "int16" && unsigned > 32767 ? unsigned - 65536 : unsigned));
  }
  const octets = inOrder(point, words);
  switch (point.type) {
    case "int32":
      return whole(BigInt(octets.getInt32(0)));
    case "uint32":
      return whole(BigInt(octets.getUint32(0)));
    case "int64":
      return whole(octets.getBigInt64(0));
    case "uint64":
      return whole(octets.getBigUint64(0));
    default:
      return exactly(floatOf(point, words));
  }
}

function floatOf(point: Point, words: readonly number[]): number {
  const octets = inOrder(point, words);
  return point.type === "float32" ? octets.getFloat32(0) : octets.getFloat64(0);
}

/** The octets of a value, most significant first, whatever order the device has. */
function inOrder(point: Point, words: readonly number[]): DataView {
  const pairs = words.map((word) => [word >> 8, word & 0xff]);
  if (point.byteOrder === "little") for (const pair of pairs) pair.reverse();
  if (point.wordOrder === "little") pairs.reverse();
  return new DataView(Uint8Array.from(pairs.flat()).buffer);
}

/** A double times two often enough is a whole number, and nothing is lost on the way. */
function exactly(double: number): Ratio | "notANumber" {
  if (!Number.isFinite(double)) return "notANumber";
  let top = double;
  let bottom = 1n;
  while (!Number.isInteger(top)) {
    top *= 2;
    bottom *= 2n;
  }
  return { top: BigInt(top), bottom };
}
