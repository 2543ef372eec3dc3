/**
 * The limits of a rule on one point, turned into raw words once, at load: what the plant engineer wrote in engineering units becomes plain
 * comparisons of device numbers, rounded inward, so that whatever passes is within what was written (RULINGS 7).
 */
import type { Decimal, Point } from "#process/points";
import {
  ceil,
  ceilFloat,
  compare,
  divide,
  type Fraction,
  floor,
  floorFloat,
  fraction,
  minus,
  nearestFloat,
  ofDouble,
  rawOf,
} from "./exact.ts";
import type { Rate, Values } from "./model.ts";
import { RAW_CELL, type Shape, shapeOf } from "./shape.ts";

/** What a written value must satisfy, in raw numbers. One hidden class, whatever the rule says. */
export interface Bounds {
  readonly shape: Shape;
  /** Smallest and largest raw value; infinite where the rule states none. */
  readonly low: number;
  readonly high: number;
  /** Negative scale: the raw order is the engineering order reversed. */
  readonly flipped: boolean;
  readonly set: Float64Array | null;
  readonly wide: WideBounds | null;
  readonly step: Step | null;
  /** The rule has a `max_step`, in whatever shape: the gateway reads the place before it is written. */
  readonly stepped: boolean;
  readonly changes: Rate | null;
  /** Judges bare cells: those of `words`, else the one at the address asked about. Not bare: the point's own cells. */
  readonly bare: boolean;
  /** The cells of a wide point that a rule names by address: each of them must be within the limits, or the point is not covered (RULINGS 2). */
  readonly words: Words | null;
  /** Where changes are counted: a point's index, or -1: the address decides. */
  readonly place: number;
}

export interface Words {
  readonly first: number;
  readonly last: number;
}

export interface WideBounds {
  readonly low: bigint | null;
  readonly high: bigint | null;
  readonly set: readonly bigint[] | null;
  readonly step: bigint | null;
}

/** The largest raw step: exactly `high + low`, so that floats are compared without rounding. `low` is 0 for integers. */
export interface Step {
  readonly high: number;
  readonly low: number;
}

/** A rule's limits over a point it names, or over the bare cells of an address range (`point` null). Null where it states none. */
export function ruleBounds(values: Values | null, point: Point | null, place: number, words: Words | null = null): Bounds | null {
  if (values === null || !isLimiting(values)) return null;
  const measure = measureOf(point);
  return {
    ...edges(measure, values.min, values.max),
    set: measure.shape.kind === "wide" || values.set === null ? null : setOf(measure, values.set, point?.type === "number"),
    wide: measure.shape.kind === "wide" ? wideOf(measure, values) : null,
    step: measure.shape.kind === "wide" || values.maxStep === null ? null : stepOf(measure, values.maxStep),
    stepped: values.maxStep !== null,
    changes: values.maxChanges,
    bare: point === null,
    words,
    place,
  };
}

/** Does it state anything at all? */
export function isLimiting(values: Values): boolean {
  return values.min !== null || values.max !== null || values.set !== null || values.maxStep !== null || values.maxChanges !== null;
}

/** `write_min` and `write_max` of a point: they bind every role. Null where it has neither. */
export function pointBounds(point: Point): Bounds | null {
  if (point.writeMin === null && point.writeMax === null) return null;
  const values: Values = { min: point.writeMin, max: point.writeMax, set: null, maxStep: null, maxChanges: null };
  return ruleBounds(values, point, point.index);
}

/** Whether a point can hold this engineering value at all: a set member that never matches is a mistake in the policy. */
export function canHold(point: Point | null, value: Decimal): boolean {
  const { shape, scale, offset } = measureOf(point);
  const raw = rawOf(value, scale, offset);
  const width = floatWidth(shape);
  if (width !== null) return !Number.isNaN(nearestFloat(raw, width));
  return raw.top % raw.bottom === 0n && fits(point, raw.top / raw.bottom);
}

interface Measure {
  readonly shape: Shape;
  readonly scale: Decimal;
  readonly offset: Decimal;
}

const ONE: Decimal = { units: 1n, places: 0 };
const ZERO: Decimal = { units: 0n, places: 0 };

function measureOf(point: Point | null): Measure {
  if (point === null) return { shape: RAW_CELL, scale: ONE, offset: ZERO };
  const onOff = point.type === "bool" || point.type === "bit";
  return { shape: shapeOf(point), scale: onOff ? ONE : point.scale, offset: onOff ? ZERO : point.offset };
}

function edges(
  { shape, scale, offset }: Measure,
  min: Decimal | null,
  max: Decimal | null,
): Pick<Bounds, "shape" | "low" | "high" | "flipped"> {
  const flipped = scale.units < 0n;
  const atMin = min === null ? null : rawOf(min, scale, offset);
  const atMax = max === null ? null : rawOf(max, scale, offset);
  const low = flipped ? atMax : atMin;
  const high = flipped ? atMin : atMax;
  const width = floatWidth(shape);
  return {
    shape,
    low: low === null ? Number.NEGATIVE_INFINITY : width === null ? near(ceil(low)) : ceilFloat(low, width),
    high: high === null ? Number.POSITIVE_INFINITY : width === null ? near(floor(high)) : floorFloat(high, width),
    flipped,
  };
}

/**
 * Members as raw numbers; a float is the one nearest to what was written, which is what a client sends for it.
 *
 * @param mayBeSingle  the wire says how it is written: as a single it is the single nearest
 */
function setOf({ shape, scale, offset }: Measure, set: readonly Decimal[], mayBeSingle: boolean): Float64Array {
  const raw = new Set<number>();
  const width = floatWidth(shape);
  for (const member of set) {
    const exact = rawOf(member, scale, offset);
    if (width !== null) raw.add(nearestFloat(exact, width));
    if (mayBeSingle) raw.add(nearestFloat(exact, 32));
    else if (exact.top % exact.bottom === 0n) raw.add(near(exact.top / exact.bottom));
  }
  return Float64Array.from(raw);
}

function wideOf({ scale, offset }: Measure, values: Values): WideBounds {
  const flipped = scale.units < 0n;
  const low = flipped ? values.max : values.min;
  const high = flipped ? values.min : values.max;
  const members = values.set?.map((member) => rawOf(member, scale, offset)).filter((exact) => exact.top % exact.bottom === 0n);
  return {
    low: low === null ? null : ceil(rawOf(low, scale, offset)),
    high: high === null ? null : floor(rawOf(high, scale, offset)),
    set: members?.map((exact) => exact.top / exact.bottom) ?? null,
    step: values.maxStep === null ? null : floor(rawStep(values.maxStep, scale)),
  };
}

function stepOf({ shape, scale }: Measure, maxStep: Decimal): Step {
  const raw = rawStep(maxStep, scale);
  if (floatWidth(shape) === null) return { high: near(floor(raw)), low: 0 };
  const high = nearestFloat(raw, 64);
  if (Number.isNaN(high)) return { high: Number.POSITIVE_INFINITY, low: 0 };
  return { high, low: floorFloat(minus(raw, ofDouble(high)), 64) };
}

function rawStep(maxStep: Decimal, scale: Decimal): Fraction {
  return divide(fraction(maxStep), fraction({ units: scale.units < 0n ? -scale.units : scale.units, places: scale.places }));
}

function floatWidth(shape: Shape): 32 | 64 | null {
  return shape.kind === "float32" ? 32 : shape.kind === "float64" ? 64 : null;
}

/** Raw integers of up to 32 bits compare as doubles; a limit far outside them is as good at the edge of what doubles count exactly. */
function near(raw: bigint): number {
  const edge = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(raw > edge ? edge : raw < -edge ? -edge : raw);
}

function fits(point: Point | null, raw: bigint): boolean {
  if (point === null) return raw >= 0n && raw <= 0xffffn;
  const bits = point.type === "bool" || point.type === "bit" ? 1 : 16 * (point.last - point.first + 1);
  const signed = shapeOf(point).signed;
  return signed ? BigInt.asIntN(bits, raw) === raw : BigInt.asUintN(bits, raw) === raw;
}

/** `min` above `max`, or no raw value between them: such a rule grants nothing. */
export function isHollow(values: Values, point: Point | null): boolean {
  if (values.min === null || values.max === null) return false;
  const { shape, scale, offset } = measureOf(point);
  const width = floatWidth(shape);
  if (compare(fraction(values.min), fraction(values.max)) > 0) return true;
  const a = rawOf(values.min, scale, offset);
  const b = rawOf(values.max, scale, offset);
  const [low, high] = compare(a, b) <= 0 ? [a, b] : [b, a];
  return width === null ? ceil(low) > floor(high) : ceilFloat(low, width) > floorFloat(high, width);
}
