/**
 * How the raw value of a point is put together from its cells: most significant word first, whatever the device's order is.
 *
 *     float32, word_order little      cells  [lo, hi]            words [hi, lo]
 *     byte_order little               cell   0xCDAB              word  0xABCD
 */
import type { Values } from "#operation";
import type { Point, PointType } from "#process/points";
import type { Present } from "./decision.ts";

export type Cells = Extract<Values, { readonly is: "cells" }>;

/** `cell`: one coil or one unsigned word. `wide`: 64-bit integers, which only a BigInt holds. `text`: no number. */
export type Kind = "cell" | "bit" | "int16" | "int32" | "uint32" | "float32" | "float64" | "wide" | "text";

export interface Shape {
  readonly kind: Kind;
  readonly signed: boolean;
  readonly first: number;
  readonly cells: number;
  /** Of a `bit`, else 0. */
  readonly bit: number;
  readonly swapOctets: boolean;
  readonly leastFirst: boolean;
}

export function shapeOf(point: Point): Shape {
  const kind = KINDS[point.type];
  return {
    kind,
    signed: point.type === "int16" || point.type === "int32" || point.type === "int64",
    first: point.first,
    cells: point.last - point.first + 1,
    bit: point.bit ?? 0,
    swapOctets: point.byteOrder === "little" && kind !== "bit" && point.type !== "bool",
    leastFirst: point.wordOrder === "little",
  };
}

/** The cell at an address where no point gives it a meaning: a coil, or an unsigned word. */
export const RAW_CELL: Shape = { kind: "cell", signed: false, first: 0, cells: 1, bit: 0, swapOctets: false, leastFirst: false };

/** The value of cell `index` of a write, without the bits a mask keeps. */
export function cellAt(cells: Cells, index: number): number {
  if (cells.bits === 1) return ((cells.octets[cells.at + (index >> 3)] as number) >> (index & 7)) & 1;
  const at = cells.at + 2 * index;
  return ((cells.octets[at] as number) << 8) | (cells.octets[at + 1] as number);
}

export function swapped(word: number): number {
  return ((word & 0xff) << 8) | (word >> 8);
}

/** Put the words a write holds for this shape in order; `index` is the position of its first cell in the write. */
export function gatherWritten(shape: Shape, cells: Cells, index: number): void {
  if (cells.bits === 1) {
    words[0] = cellAt(cells, index);
    return;
  }
  const { octets } = cells;
  const count = shape.cells < WORDS ? shape.cells : WORDS;
  let at = cells.at + 2 * index;
  for (let i = 0; i < count; i++) {
    const high = octets[at] as number;
    const low = octets[at + 1] as number;
    words[shape.leastFirst ? count - 1 - i : i] = shape.swapOctets ? (low << 8) | high : (high << 8) | low;
    at += 2;
  }
}

/** Put the words that stand at `first` in order. False where one of them is not known. */
export function gatherPresent(shape: Shape, present: Present, unit: number, space: number, first: number): boolean {
  const count = Math.min(shape.cells, WORDS);
  for (let i = 0; i < count; i++) {
    const cell = present.cell(unit, space, first + i);
    if (cell < 0) return false;
    words[shape.leastFirst ? count - 1 - i : i] = shape.swapOctets ? swapped(cell) : cell;
  }
  return true;
}

/**
 * Put the number that the gathered words stand for into `numbers[at]`. Not for `wide` and `text`. A number with a fraction that a function
 * returns, or a variable of the module holds, is an object made anew each time; in such an array it is not.
 */
export function gatheredNumber(shape: Shape, numbers: Float64Array, at: number): void {
  const word = words[0] as number;
  switch (shape.kind) {
    case "cell":
      numbers[at] = word;
      return;
    case "float32":
      view.setInt32(0, (word << 16) | (words[1] as number));
      numbers[at] = view.getFloat32(0);
      return;
    case "bit":
      numbers[at] = (word >> shape.bit) & 1;
      return;
    case "int16":
      numbers[at] = (word << 16) >> 16;
      return;
    case "int32":
      numbers[at] = (word << 16) | (words[1] as number);
      return;
    case "uint32":
      numbers[at] = word * 0x10000 + (words[1] as number);
      return;
    case "float64":
      for (let i = 0; i < WORDS; i++) view.setUint16(2 * i, words[i] as number);
      numbers[at] = view.getFloat64(0);
      return;
    default:
      numbers[at] = Number.NaN;
  }
}

/** The gathered words of a `wide` shape. */
export function gatheredBig(shape: Shape): bigint {
  for (let i = 0; i < WORDS; i++) view.setUint16(2 * i, words[i] as number);
  return shape.signed ? view.getBigInt64(0) : view.getBigUint64(0);
}

/** The widest number a point can be: four registers. Text is longer and is never gathered whole. */
const WORDS = 4;
const words = new Uint16Array(WORDS);
const view = new DataView(new ArrayBuffer(2 * WORDS));

const KINDS: Readonly<Record<PointType, Kind>> = {
  bool: "cell",
  bit: "bit",
  int16: "int16",
  uint16: "cell",
  int32: "int32",
  uint32: "uint32",
  int64: "wide",
  uint64: "wide",
  float32: "float32",
  float64: "float64",
  number: "float64",
  string: "text",
};
