/**
 * Between engineering values and a point's raw cells, exactly. Serves people: cases (`write feed_setpoint = 81.2`), records, explanations.
 *
 *     engineering = raw * scale + offset
 *     cells        bool: one octet, 0 or 1       bit: one word with that bit alone
 *                  numbers and text: big-endian words in the order of their addresses, as they travel
 */
import {
  add,
  compareDecimals,
  decimal,
  decimalOfFloat,
  formatDecimal,
  multiply,
  nearestFloat,
  parseDecimal,
  quotient,
  roundDecimal,
  subtract,
} from "./decimal.ts";
import type { Decimal, Point, PointType } from "./points.ts";

type Typed = Pick<Point, "type" | "first" | "last" | "bit" | "byteOrder" | "wordOrder" | "scale" | "offset">;

export interface Shown {
  /** In engineering units; NaN and infinities by name; octets of a string that do not print as `\x00`. */
  readonly text: string;
  /** The same as a number, null where none says it exactly enough: strings, 64-bit integers, NaN, infinities. */
  readonly number: number | null;
}

/** Registers a value takes; a string states its own length. */
export const REGISTERS: Readonly<Record<Exclude<PointType, "string">, number>> = {
  bool: 1,
  bit: 1,
  int16: 1,
  uint16: 1,
  int32: 2,
  uint32: 2,
  int64: 4,
  uint64: 4,
  float32: 2,
  float64: 4,
  number: 4,
};

export function isNumber(type: PointType): boolean {
  return type !== "bool" && type !== "bit" && type !== "string";
}

/** @returns the raw cells that stand for an engineering value, or why it cannot stand in this point */
export function encodePoint(point: Typed, text: string): Uint8Array | string {
  switch (point.type) {
    case "bool":
    case "bit": {
      const value = SWITCH[text];
      if (value === undefined) return `${text} is neither 0 nor 1 (off, on, false, true)`;
      return point.type === "bool" ? Uint8Array.of(value) : wordsToOctets([value << (point.bit ?? 0)]);
    }
    case "string":
      return encodeText(point, text);
    case "float32":
    case "float64":
    case "number":
      return encodeFloat(point, text, point.type === "float32" ? 32 : 64);
    default:
      return encodeInteger(point, point.type, text);
  }
}

/**
 * The value that a point's cells stand for.
 *
 * @param octets cells from `at` on: packed bits, lowest first, where the point is a bool, else big-endian words
 * @param index  which of these cells is the point's first
 */
export function decodePoint(point: Typed, octets: Uint8Array, at: number, index = 0): Shown {
  if (point.type === "bool") return decodeCells(point, [((octets[at + (index >> 3)] as number) >> (index & 7)) & 1]);
  const words: number[] = [];
  for (let i = 0; i <= point.last - point.first; i++) {
    const from = at + 2 * (index + i);
    words.push(((octets[from] as number) << 8) | (octets[from + 1] as number));
  }
  return decodeCells(point, words);
}

/** The same from the cells as numbers, in the order of their addresses: words, or 0 and 1. */
export function decodeCells(point: Typed, cells: ArrayLike<number>): Shown {
  switch (point.type) {
    case "bool":
      return shown(BigInt(cells[0] as number));
    case "bit":
      return shown(BigInt(((cells[0] as number) >> (point.bit ?? 0)) & 1));
    case "string":
      return { text: decodeText(point, cells), number: null };
    default:
      return decodeNumber(point, point.type, cells);
  }
}

/** The smallest and largest engineering value a numeric point can hold. */
export function rangeOf(point: Typed): readonly [low: Decimal, high: Decimal] {
  const [low, high] = point.type in INTEGERS ? limits(INTEGERS[point.type as IntegerType]) : floatLimits(point.type);
  const ends = [engineering(point, low), engineering(point, high)] as const;
  return compareDecimals(ends[0], ends[1]) <= 0 ? ends : [ends[1], ends[0]];
}

type IntegerType = "int16" | "uint16" | "int32" | "uint32" | "int64" | "uint64";

const SWITCH: Readonly<Record<string, 0 | 1>> = Object.assign(Object.create(null), { 0: 0, 1: 1, off: 0, on: 1, false: 0, true: 1 });
const INTEGERS: Readonly<Record<IntegerType, { readonly bits: number; readonly signed: boolean }>> = {
  int16: { bits: 16, signed: true },
  uint16: { bits: 16, signed: false },
  int32: { bits: 32, signed: true },
  uint32: { bits: 32, signed: false },
  int64: { bits: 64, signed: true },
  uint64: { bits: 64, signed: false },
};
/** A float plus an offset far from it can have hundreds of exact digits; no plant needs more than these. */
const SHOWN_DIGITS = 40;
const scratch = new DataView(new ArrayBuffer(8));

function encodeInteger(point: Typed, type: IntegerType, text: string): Uint8Array | string {
  const value = parseDecimal(text);
  if (typeof value === "string") return `${text} is not ${value}`;
  const { top, bottom } = quotient(subtract(value, point.offset), point.scale);
  const [low, high] = rangeOf(point);
  if (compareDecimals(value, low) < 0 || compareDecimals(value, high) > 0) {
    return `${text} is outside what this ${type} can hold: ${formatDecimal(low)} to ${formatDecimal(high)}`;
  }
  if (top % bottom !== 0n) {
    const below = floorOf(top, bottom);
    const steps = [engineering(point, decimal(below, 0)), engineering(point, decimal(below + 1n, 0))];
    steps.sort(compareDecimals);
    return `${text} is between two values this ${type} can hold: ${steps.map(formatDecimal).join(" and ")}`;
  }
  const raw = BigInt.asUintN(64, top / bottom);
  return wordsToOctets(ordered(point, wordsOf(raw, INTEGERS[type].bits / 16)));
}

function encodeFloat(point: Typed, text: string, width: 32 | 64): Uint8Array | string {
  const value = parseDecimal(text);
  if (typeof value === "string") return `${text} is not ${value}`;
  const { top, bottom } = quotient(subtract(value, point.offset), point.scale);
  const raw = nearestFloat(top, bottom, width);
  if (!Number.isFinite(raw)) return `${text} is outside what this float${width} can hold`;
  if (width === 32) scratch.setFloat32(0, raw);
  else scratch.setFloat64(0, raw);
  const bits = width === 32 ? BigInt(scratch.getUint32(0)) : scratch.getBigUint64(0);
  return wordsToOctets(ordered(point, wordsOf(bits, width / 16)));
}

function encodeText(point: Typed, text: string): Uint8Array | string {
  const registers = point.last - point.first + 1;
  if (!/^[\x20-\x7e]*$/.test(text)) return "only printable ASCII characters can stand in this string";
  if (text.length > registers * 2) return `${text.length} characters are more than the ${registers * 2} of this string`;
  const words = Array.from({ length: registers }, (_, i) => (octetOf(text, 2 * i) << 8) | octetOf(text, 2 * i + 1));
  return wordsToOctets(point.byteOrder === "little" ? words.map(swapped) : words);
}

function decodeText(point: Typed, cells: ArrayLike<number>): string {
  const characters: string[] = [];
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i] as number;
    const word = point.byteOrder === "little" ? swapped(cell) : cell;
    characters.push(sayOctet(word >> 8), sayOctet(word & 0xff));
  }
  while (characters.at(-1) === NUL) characters.pop();
  return characters.join("");
}

function decodeNumber(point: Typed, type: Exclude<PointType, "bool" | "bit" | "string">, cells: ArrayLike<number>): Shown {
  const words = ordered(point, Array.from(cells));
  let bits = 0n;
  for (const word of words) bits = (bits << 16n) | BigInt(word);
  if (type === "float32" || type === "float64" || type === "number") return decodeFloat(point, bits, type === "float32" ? 32 : 64);
  const { bits: size, signed } = INTEGERS[type];
  const value = engineering(point, decimal(signed ? BigInt.asIntN(size, bits) : bits, 0));
  const text = formatDecimal(value);
  return { text, number: size === 64 ? null : Number(text) };
}

function decodeFloat(point: Typed, bits: bigint, width: 32 | 64): Shown {
  if (width === 32) scratch.setUint32(0, Number(bits));
  else scratch.setBigUint64(0, bits);
  const raw = width === 32 ? scratch.getFloat32(0) : scratch.getFloat64(0);
  if (!Number.isFinite(raw)) return { text: String(raw), number: null };
  const text = formatDecimal(roundDecimal(engineering(point, decimalOfFloat(raw, width)), SHOWN_DIGITS));
  return { text, number: Number(text) };
}

function engineering(point: Pick<Point, "scale" | "offset">, raw: Decimal): Decimal {
  return add(multiply(raw, point.scale), point.offset);
}

function limits({ bits, signed }: { readonly bits: number; readonly signed: boolean }): readonly [Decimal, Decimal] {
  const size = 1n << BigInt(bits);
  return signed ? [decimal(-size / 2n, 0), decimal(size / 2n - 1n, 0)] : [decimal(0n, 0), decimal(size - 1n, 0)];
}

function floatLimits(type: PointType): readonly [Decimal, Decimal] {
  const largest = type === "float32" ? decimalOfFloat(3.4028234663852886e38, 32) : decimalOfFloat(Number.MAX_VALUE, 64);
  return [decimal(-largest.units, largest.places), largest];
}

/** From the order of addresses to most significant word first, and back: both swaps undo themselves. */
function ordered(point: Typed, words: readonly number[]): number[] {
  const inPlace = point.byteOrder === "little" ? words.map(swapped) : [...words];
  return point.wordOrder === "little" ? inPlace.reverse() : inPlace;
}

/** The low `count` words, most significant first. */
function wordsOf(bits: bigint, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Number((bits >> BigInt(16 * (count - 1 - i))) & 0xffffn));
}

function wordsToOctets(words: readonly number[]): Uint8Array {
  const octets = new Uint8Array(words.length * 2);
  for (const [i, word] of words.entries()) {
    octets[2 * i] = word >> 8;
    octets[2 * i + 1] = word & 0xff;
  }
  return octets;
}

function swapped(word: number): number {
  return ((word & 0xff) << 8) | (word >> 8);
}

function octetOf(text: string, index: number): number {
  return index < text.length ? text.charCodeAt(index) : 0;
}

const NUL = "\\x00";

function sayOctet(octet: number): string {
  return octet >= 0x20 && octet <= 0x7e ? String.fromCharCode(octet) : `\\x${octet.toString(16).padStart(2, "0")}`;
}

function floorOf(top: bigint, bottom: bigint): bigint {
  const whole = top / bottom;
  return whole * bottom > top ? whole - 1n : whole;
}

function shown(value: bigint): Shown {
  return { text: value.toString(), number: Number(value) };
}
