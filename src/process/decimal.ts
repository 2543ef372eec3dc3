/** Exact decimals: what a document wrote is what is computed with. Used at load and when a value is shown, never to judge a message. */
import type { Decimal } from "./points.ts";

export const ZERO: Decimal = { units: 0n, places: 0 };
export const ONE: Decimal = { units: 1n, places: 0 };

const DECIMAL = /^([-+]?)(?:([0-9]{1,400})(?:\.([0-9]{0,400}))?|\.([0-9]{1,400}))(?:[eE]([-+]?[0-9]{1,3}))?$/;
/** Beyond the smallest and largest double there is nothing a device could hold. */
const MOST_EXPONENT = 400;
/** Significant ones: as many as a text with an exponent holds. */
const MOST_DIGITS = 400;
/** A longer number is written with an exponent. */
const PLAIN_DIGITS = 30;

export const DECIMAL_IS = "a finite decimal number";
const EXPONENT_IS = `${DECIMAL_IS} with an exponent from -${MOST_EXPONENT} to ${MOST_EXPONENT}`;

/** @returns the number without trailing zeros (so equal numbers are equal structures; -0 is 0), or what would be right */
export function parseDecimal(text: string): Decimal | string {
  const [, sign, whole = "", fraction = "", bare = "", exponent = "0"] = DECIMAL.exec(text) ?? [];
  if (sign === undefined) return DECIMAL_IS;
  const power = Number(exponent);
  if (Math.abs(power) > MOST_EXPONENT) return EXPONENT_IS;
  const digits = `${whole}${fraction}${bare}`.replace(/^0+/, "");
  const places = fraction.length + bare.length - power;
  // Digits move the exponent: what is taken here has a text with one that is taken too.
  if (digits !== "" && Math.abs(digits.length - 1 - places) > MOST_EXPONENT) return EXPONENT_IS;
  if (digits.replace(/0+$/, "").length > MOST_DIGITS) return `${DECIMAL_IS} of at most ${MOST_DIGITS} digits`;
  const units = BigInt(digits) * (sign === "-" ? -1n : 1n);
  return decimal(units, places);
}

/** `units * 10 ** -places`, brought to the form all decimals here have: `places >= 0` and as few as can be. */
export function decimal(units: bigint, places: number): Decimal {
  if (units === 0n) return ZERO;
  if (places < 0) return { units: units * 10n ** BigInt(-places), places: 0 };
  let left = units;
  let fewer = places;
  while (fewer > 0 && left % 10n === 0n) {
    left /= 10n;
    fewer -= 1;
  }
  return { units: left, places: fewer };
}

/** The shortest exact text: `-0.05`, `1e+40`. `parseDecimal` gives the same decimal back. */
export function formatDecimal({ units, places }: Decimal): string {
  const sign = units < 0n ? "-" : "";
  const digits = (units < 0n ? -units : units).toString();
  if (Math.max(digits.length, places) > PLAIN_DIGITS) return `${sign}${scientific(digits, places)}`;
  if (places === 0) return `${sign}${digits}`;
  const padded = digits.padStart(places + 1, "0");
  return `${sign}${padded.slice(0, -places)}.${padded.slice(-places)}`;
}

function scientific(digits: string, places: number): string {
  const significant = digits.replace(/0+$/, "");
  const exponent = digits.length - 1 - places;
  const mantissa = significant.length > 1 ? `${significant[0]}.${significant.slice(1)}` : significant;
  return `${mantissa}e${exponent < 0 ? "" : "+"}${exponent}`;
}

export function add(a: Decimal, b: Decimal): Decimal {
  const places = Math.max(a.places, b.places);
  return decimal(unitsAt(a, places) + unitsAt(b, places), places);
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  return add(a, { units: -b.units, places: b.places });
}

export function multiply(a: Decimal, b: Decimal): Decimal {
  return decimal(a.units * b.units, a.places + b.places);
}

/** -1, 0 or 1 as `a` is below, at or above `b`. */
export function compareDecimals(a: Decimal, b: Decimal): -1 | 0 | 1 {
  const places = Math.max(a.places, b.places);
  const left = unitsAt(a, places);
  const right = unitsAt(b, places);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** `digits` significant digits, rounded half away from zero; unchanged where it has no more. */
export function roundDecimal(value: Decimal, digits: number): Decimal {
  const size = (value.units < 0n ? -value.units : value.units).toString().length;
  if (size <= digits) return value;
  const step = 10n ** BigInt(size - digits);
  const half = value.units < 0n ? -step / 2n : step / 2n;
  return decimal((value.units + half) / step, value.places - (size - digits));
}

/** `a / b` as a fraction with a bottom above zero. `b` is not zero. */
export function quotient(a: Decimal, b: Decimal): { readonly top: bigint; readonly bottom: bigint } {
  const top = a.units * 10n ** BigInt(b.places);
  const bottom = b.units * 10n ** BigInt(a.places);
  return bottom < 0n ? { top: -top, bottom: -bottom } : { top, bottom };
}

/**
 * The IEEE 754 number nearest to `top / bottom`, ties to even; an infinity where it lies beyond the largest.
 *
 * @param bottom above zero
 * @source IEEE 754-2019 §4.3.1 roundTiesToEven
 */
export function nearestFloat(top: bigint, bottom: bigint, width: 32 | 64): number {
  if (top === 0n) return 0;
  const { precision, least, largest } = width === 32 ? FLOAT32 : FLOAT64;
  const size = top < 0n ? -top : top;
  // 2 ** exponent <= size / bottom < 2 ** (exponent + 1)
  let exponent = bitLength(size) - bitLength(bottom);
  if (exponent >= 0 ? size < bottom << BigInt(exponent) : size << BigInt(-exponent) < bottom) exponent -= 1;
  const shift = precision - 1 - Math.max(exponent, least);
  const [scaled, by] = shift >= 0 ? [size << BigInt(shift), bottom] : [size, bottom << BigInt(-shift)];
  const whole = scaled / by;
  const twice = (scaled - whole * by) * 2n;
  const rounded = twice > by || (twice === by && whole % 2n === 1n) ? whole + 1n : whole;
  // Beyond the largest double there is no power of two to multiply with; 2 ** 971 times 53 bits is the largest.
  const value = exponent > 1023 ? Number.POSITIVE_INFINITY : Number(rounded) * 2 ** -shift;
  const finite = value > largest ? Number.POSITIVE_INFINITY : value;
  return top < 0n ? -finite : finite;
}

/** The shortest decimal that reads back as this finite number at its width (a float32 of 0.1 is 0.1, not 0.10000000149011612). */
export function decimalOfFloat(value: number, width: 32 | 64): Decimal {
  let text = String(value);
  if (width === 32) {
    // Six digits always survive a float32, nine always tell it from its neighbours.
    for (let digits = 6; digits <= 9; digits++) {
      text = value.toPrecision(digits);
      if (Math.fround(Number(text)) === value) break;
    }
  }
  return parseDecimal(text) as Decimal;
}

const FLOAT32 = { precision: 24, least: -126, largest: 3.4028234663852886e38 };
const FLOAT64 = { precision: 53, least: -1022, largest: Number.MAX_VALUE };

function unitsAt(value: Decimal, places: number): bigint {
  return value.units * 10n ** BigInt(places - value.places);
}

function bitLength(n: bigint): number {
  return n.toString(2).length;
}
