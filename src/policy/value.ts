/** Is a written value within its bounds? Numbers only: no string, closure or buffer is made here, for it runs once per rule and value written. */
import type { Bounds, WideBounds } from "./bounds.ts";
import type { Facts, Present } from "./decision.ts";
import { type Cells, cellAt, gatheredBig, gatheredNumber, gatherPresent, gatherWritten, type Shape, swapped } from "./shape.ts";

/**
 * How far an allow rule got before it failed, 0: it holds. Stages are in the order they are judged; the nearest rule is the one that failed
 * at the latest stage. Within a stage (`code >> 4`) the lower code is judged first.
 */
export const FAILED = {
  /** A cell that is only read along, and not between what is read: the rule says nothing of it. */
  apart: 0x01,
  function: 0x10,
  via: 0x11,
  object: 0x12,
  file: 0x13,
  code: 0x14,
  broadcast: 0x20,
  hours: 0x30,
  state: 0x31,
  stateUnknown: 0x32,
  stale: 0x33,
  rate: 0x40,
  below: 0x50,
  above: 0x51,
  notInSet: 0x52,
  count: 0x53,
  onTime: 0x54,
  offTime: 0x55,
  step: 0x60,
  unread: 0x61,
  changes: 0x70,
} as const;
export type Failed = 0 | (typeof FAILED)[keyof typeof FAILED];

/**
 * Judge what a write puts at one place.
 *
 * @param cells    the written cells; with a mask (FC 22) every value that the kept bits allow is judged.
 * @param start    address of the first written cell.
 * @param address  address judged, where the bounds are on bare cells; a point knows its own.
 */
export function judgeValue(
  bounds: Bounds,
  cells: Cells,
  start: number,
  address: number,
  facts: Facts,
  unit: number,
  space: number,
): Failed {
  const { shape, words } = bounds;
  if (words !== null) {
    for (let word = words.first; word <= words.last; word++) {
      const failed = judgeNumber(shape, bounds, cells, word - start, facts, unit, space, word);
      if (failed !== 0) return failed;
    }
  } else if (bounds.wide !== null) {
    const failed = judgeWide(shape, bounds, bounds.wide, cells, start, facts, unit, space);
    if (failed !== 0) return failed;
  } else if (shape.kind !== "text") {
    const first = bounds.bare ? address : shape.first;
    const failed = judgeNumber(shape, bounds, cells, first - start, facts, unit, space, first);
    if (failed !== 0) return failed;
  }
  const { changes } = bounds;
  if (changes === null) return 0;
  if (bounds.stepped) {
    if (facts.present === null) {
      leftUnread.yes = true;
      return 0;
    }
    if (isRewrite(bounds, cells, start, address, facts.present, unit, space)) return 0;
  }
  const place = bounds.place < 0 ? placeOf(space, address) : bounds.place;
  return facts.changes.count(unit, place, changes.windowMs, facts.now) >= changes.count ? FAILED.changes : 0;
}

/** Does it leave at this place just what stands there? That is no change, and takes no place in a window (RULINGS 10). */
function isRewrite(
  { shape, words, bare }: Bounds,
  cells: Cells,
  start: number,
  address: number,
  present: Present,
  unit: number,
  space: number,
): boolean {
  const first = words !== null ? words.first : bare ? address : shape.first;
  const last = words !== null ? words.last : first + shape.cells - 1;
  return leavesAlone(cells, start, first, last, 0xffff, present, unit, space);
}

/** Is every cell from `first` to `last` written as it stands? A bit that a mask keeps is. */
export function leavesAlone(
  cells: Cells,
  start: number,
  first: number,
  last: number,
  mask: number,
  present: Present,
  unit: number,
  space: number,
): boolean {
  const touched = mask & ~cells.keep;
  for (let at = first; at <= last; at++) {
    const cell = present.cell(unit, space, at);
    if (cell < 0 || ((cell ^ cellAt(cells, at - start)) & touched) !== 0) return false;
  }
  return true;
}

/** Set where a judgement passed only because what it depends on has not been read; the caller clears it. */
export const leftUnread = { yes: false };

/** Where changes of an unnamed address are counted. Points are 0 and up, so these are below. */
export function placeOf(space: number, address: number): number {
  return -1 - (space * 0x10000 + address);
}

/** What binds every role at a point, in the order it is judged: it is a number, and within `write_min` and `write_max`. */
export const UNFIT = { notANumber: 1, pointLimit: 2 } as const;
export type Unfit = 0 | (typeof UNFIT)[keyof typeof UNFIT];

/** @param limits  raw, or null where the point states none; any value the write may leave behind counts */
export function judgeFitness(shape: Shape, limits: Bounds | null, cells: Cells, start: number): Unfit {
  if (shape.kind === "text") return 0;
  const isFloat = shape.kind === "float32" || shape.kind === "float64";
  if (limits === null && !isFloat) return 0;
  if (shape.kind === "wide") {
    gatherWritten(shape, cells, shape.first - start);
    const value = gatheredBig(shape);
    const low = limits?.wide?.low ?? null;
    const high = limits?.wide?.high ?? null;
    return (low !== null && value < low) || (high !== null && value > high) ? UNFIT.pointLimit : 0;
  }
  spread(shape, cells, shape.first - start);
  if (isFloat && !Number.isFinite(numbers[LEAST] as number)) return UNFIT.notANumber;
  if (limits === null) return 0;
  return (numbers[LEAST] as number) < limits.low || (numbers[MOST] as number) > limits.high ? UNFIT.pointLimit : 0;
}

/** A float so small that it is none of this world's: the sign of words in the wrong order. Zero is a value. */
export function isSubnormalAt(shape: Shape, cells: Cells, start: number): boolean {
  if (shape.kind !== "float32" && shape.kind !== "float64") return false;
  gatherWritten(shape, cells, shape.first - start);
  gatheredNumber(shape, numbers, LEAST);
  const size = Math.abs(numbers[LEAST] as number);
  return size > 0 && size < (shape.kind === "float32" ? LEAST_NORMAL_32 : LEAST_NORMAL_64);
}

/** IEEE 754: the smallest numbers with full precision. */
const LEAST_NORMAL_32 = 2 ** -126;
const LEAST_NORMAL_64 = 2 ** -1022;

function judgeNumber(
  shape: Shape,
  bounds: Bounds,
  cells: Cells,
  index: number,
  facts: Facts,
  unit: number,
  space: number,
  first: number,
): Failed {
  spread(shape, cells, index);
  const small = numbers[LEAST] as number;
  const large = numbers[MOST] as number;
  if (bounds.flipped) {
    if (large > bounds.high) return FAILED.below;
    if (small < bounds.low) return FAILED.above;
  } else {
    if (small < bounds.low) return FAILED.below;
    if (large > bounds.high) return FAILED.above;
  }
  const { set, step } = bounds;
  if (set !== null && !isProducedFrom(set, shape, cells, index)) return FAILED.notInSet;
  if (step === null) return 0;
  if (facts.present === null) {
    leftUnread.yes = true;
    return 0;
  }
  if (!gatherPresent(shape, facts.present, unit, space, first)) return FAILED.unread;
  gatheredNumber(shape, numbers, PRESENT);
  const seen = numbers[PRESENT] as number;
  if (!Number.isFinite(seen)) return FAILED.unread;
  return isWithin(small, seen, step.high, step.low) && isWithin(large, seen, step.high, step.low) ? 0 : FAILED.step;
}

function judgeWide(
  shape: Shape,
  bounds: Bounds,
  wide: WideBounds,
  cells: Cells,
  start: number,
  facts: Facts,
  unit: number,
  space: number,
): Failed {
  gatherWritten(shape, cells, shape.first - start);
  const value = gatheredBig(shape);
  const under = wide.low !== null && value < wide.low;
  const over = wide.high !== null && value > wide.high;
  if (bounds.flipped ? over : under) return FAILED.below;
  if (under || over) return FAILED.above;
  if (wide.set !== null && !wide.set.includes(value)) return FAILED.notInSet;
  if (wide.step === null) return 0;
  if (facts.present === null) {
    leftUnread.yes = true;
    return 0;
  }
  if (!gatherPresent(shape, facts.present, unit, space, shape.first)) return FAILED.unread;
  const change = value - gatheredBig(shape);
  return (change < 0n ? -change : change) <= wide.step ? 0 : FAILED.step;
}

/** What the last `spread` found, and the value that stands there. An array rather than variables: see `gatheredNumber`. */
const numbers = new Float64Array(3);
const LEAST = 0;
const MOST = 1;
const PRESENT = 2;

/** The smallest and largest raw value a write can leave in this shape: one value, or with a mask all that the kept bits allow. */
function spread(shape: Shape, cells: Cells, index: number): void {
  if (cells.keep === 0) {
    gatherWritten(shape, cells, index);
    gatheredNumber(shape, numbers, LEAST);
    numbers[MOST] = numbers[LEAST] as number;
    return;
  }
  const keep = shape.swapOctets ? swapped(cells.keep) : cells.keep;
  const cell = cellAt(cells, index);
  const fixed = (shape.swapOctets ? swapped(cell) : cell) & ~keep;
  if (shape.kind === "bit") {
    numbers[LEAST] = (fixed >> shape.bit) & 1;
    numbers[MOST] = ((fixed | keep) >> shape.bit) & 1;
  } else if (!shape.signed) {
    numbers[LEAST] = fixed;
    numbers[MOST] = fixed | keep;
  } else {
    const sign = keep & 0x8000;
    numbers[LEAST] = ((fixed | sign) << 16) >> 16;
    numbers[MOST] = ((fixed | (keep & 0x7fff)) << 16) >> 16;
  }
}

/** Is every value the write can leave a member? With a mask of k kept bits there are 2^k values, so more of them than members is a no at once. */
function isProducedFrom(set: Float64Array, shape: Shape, cells: Cells, index: number): boolean {
  if (numbers[LEAST] === numbers[MOST]) return isMember(set, LEAST);
  if (shape.kind === "bit") return set.includes(0) && set.includes(1);
  const keep = shape.swapOctets ? swapped(cells.keep) : cells.keep;
  if (2 ** countBits(keep) > set.length) return false;
  const cell = cellAt(cells, index);
  const fixed = (shape.swapOctets ? swapped(cell) : cell) & ~keep;
  for (let kept = keep; ; kept = (kept - 1) & keep) {
    const word = fixed | kept;
    if (!set.includes(shape.signed ? (word << 16) >> 16 : word)) return false;
    if (kept === 0) return true;
  }
}

function isMember(set: Float64Array, at: number): boolean {
  const value = numbers[at] as number;
  for (let i = 0; i < set.length; i++) if (set[i] === value) return true;
  return false;
}

function countBits(word: number): number {
  let count = 0;
  for (let left = word; left !== 0; left &= left - 1) count += 1;
  return count;
}

/**
 * Is |a - b| at most `high + low`, exactly? The difference of two doubles is a double and an error, both found without loss (Knuth's TwoSum);
 * `high` is the double nearest to the limit, so only a difference that rounds to it needs the error looked at.
 */
function isWithin(a: number, b: number, high: number, low: number): boolean {
  const more = a > b ? a : b;
  const less = a > b ? b : a;
  const difference = more - less;
  if (difference !== high) return difference < high;
  const shadow = difference - more;
  const error = more - (difference - shadow) + (-less - shadow);
  return error <= low;
}
