/**
 * Exact fractions. A limit is written in decimal and judged on raw device words; the crossing between the two is made here, once, at load,
 * without a rounding that nobody asked for. Limits round inward (RULINGS 7), so a raw word that passes is within what was written.
 */
import type { Decimal } from "#process/points";

/** `top / bottom`, with `bottom` above zero. Not reduced: limits are short lived and small. */
export interface Fraction {
  readonly top: bigint;
  readonly bottom: bigint;
}

export type FloatWidth = 32 | 64;

export function fraction(decimal: Decimal): Fraction {
  return { top: decimal.units, bottom: 10n ** BigInt(decimal.places) };
}

/** The raw value that stands for `value` in engineering units: `(value - offset) / scale`. `scale` is not zero (points.csv refuses it). */
export function rawOf(value: Decimal, scale: Decimal, offset: Decimal): Fraction {
  return divide(minus(fraction(value), fraction(offset)), fraction(scale));
}

export function minus(a: Fraction, b: Fraction): Fraction {
  return { top: a.top * b.bottom - b.top * a.bottom, bottom: a.bottom * b.bottom };
}

export function divide(a: Fraction, b: Fraction): Fraction {
  const top = a.top * b.bottom;
  const bottom = a.bottom * b.top;
  return bottom < 0n ? { top: -top, bottom: -bottom } : { top, bottom };
}

/** Below, at or above zero: -1, 0, 1. */
export function compare(a: Fraction, b: Fraction): -1 | 0 | 1 {
  const left = a.top * b.bottom;
  const right = b.top * a.bottom;
  return left < right ? -1 : left > right ? 1 : 0;
}

export function floor(f: Fraction): bigint {
  const quotient = f.top / f.bottom;
  return quotient * f.bottom > f.top ? quotient - 1n : quotient;
}

export function ceil(f: Fraction): bigint {
  return -floor({ top: -f.top, bottom: f.bottom });
}

/** The exact value of a finite double. */
export function ofDouble(value: number): Fraction {
  scratch.setFloat64(0, value);
  const bits = scratch.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fractionBits = bits & 0xf_ffff_ffff_ffffn;
  const mantissa = exponent === 0 ? fractionBits : fractionBits | 0x10_0000_0000_0000n;
  const top = value < 0 ? -mantissa : mantissa;
  const power = (exponent === 0 ? 1 : exponent) - 1075;
  return power >= 0 ? { top: top << BigInt(power), bottom: 1n } : { top, bottom: 1n << BigInt(-power) };
}

/** The largest float of this width that is not above `f`; -Infinity where there is none. */
export function floorFloat(f: Fraction, width: FloatWidth): number {
  const largest = LARGEST[width];
  if (compare(f, ofDouble(largest)) >= 0) return largest;
  if (compare(f, ofDouble(-largest)) < 0) return Number.NEGATIVE_INFINITY;
  const near = approximate(f);
  let candidate = width === 32 ? Math.fround(near) : near;
  if (!Number.isFinite(candidate)) candidate = candidate > 0 ? largest : -largest;
  while (compare(ofDouble(candidate), f) > 0) candidate = neighbour(candidate, width, -1);
  for (let next = neighbour(candidate, width, 1); Number.isFinite(next) && compare(ofDouble(next), f) <= 0; ) {
    candidate = next;
    next = neighbour(candidate, width, 1);
  }
  return candidate;
}

/** The smallest float of this width that is not below `f`; Infinity where there is none. */
export function ceilFloat(f: Fraction, width: FloatWidth): number {
  return -floorFloat({ top: -f.top, bottom: f.bottom }, width);
}

/** The float of this width nearest to `f`, ties to even; NaN where `f` lies outside what the width can hold. */
export function nearestFloat(f: Fraction, width: FloatWidth): number {
  const below = floorFloat(f, width);
  const above = ceilFloat(f, width);
  if (!Number.isFinite(below) || !Number.isFinite(above)) return Number.NaN;
  const down = minus(f, ofDouble(below));
  const up = minus(ofDouble(above), f);
  const nearer = compare(down, up);
  if (nearer !== 0) return nearer < 0 ? below : above;
  return isEven(below, width) ? below : above;
}

const scratch = new DataView(new ArrayBuffer(8));
const LARGEST = { 32: 3.4028234663852886e38, 64: Number.MAX_VALUE } as const;

/** A double within a few units in the last place of `f`. */
function approximate(f: Fraction): number {
  if (f.top === 0n) return 0;
  const size = f.top < 0n ? -f.top : f.top;
  const shift = 64 - (bitLength(size) - bitLength(f.bottom));
  const quotient = shift >= 0 ? (size << BigInt(shift)) / f.bottom : size / (f.bottom << BigInt(-shift));
  // Two steps, so that neither power leaves the range of a double on its own.
  const half = Math.trunc(-shift / 2);
  const value = Number(quotient) * 2 ** half * 2 ** (-shift - half);
  return f.top < 0n ? -value : value;
}

function bitLength(n: bigint): number {
  return n.toString(2).length;
}

/** The next float up (1) or down (-1). Floats of one sign are ordered as their bits are. */
function neighbour(value: number, width: FloatWidth, step: 1 | -1): number {
  if (value === 0) return step * (width === 32 ? 2 ** -149 : Number.MIN_VALUE);
  const away = value > 0 === step > 0;
  if (width === 32) {
    scratch.setFloat32(0, value);
    scratch.setUint32(0, scratch.getUint32(0) + (away ? 1 : -1));
    return scratch.getFloat32(0);
  }
  scratch.setFloat64(0, value);
  scratch.setBigUint64(0, scratch.getBigUint64(0) + (away ? 1n : -1n));
  return scratch.getFloat64(0);
}

function isEven(value: number, width: FloatWidth): boolean {
  if (width === 32) {
    scratch.setFloat32(0, value);
    return scratch.getUint32(0) % 2 === 0;
  }
  scratch.setFloat64(0, value);
  return scratch.getUint32(4) % 2 === 0;
}
