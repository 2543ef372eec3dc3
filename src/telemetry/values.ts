/**
 * From a point's raw cells to what its sample says. The same values as `decodePoint` gives people, without a decimal for each where a double
 * does it exactly:
 *
 *     engineering = (raw * scale + offset) / power      all whole numbers, so the one division rounds once, to the nearest double
 *
 * What does not fit that goes through exact decimals.
 */
import { compareDecimals } from "#process/decimal";
import type { Decimal, Point } from "#process/points";
import { decodePoint } from "#process/values";
import type { SampleValue } from "./offer.ts";

export type Typed = Pick<Point, "type" | "first" | "last" | "bit" | "byteOrder" | "wordOrder" | "scale" | "offset" | "deadband">;

export interface Reader {
  /**
   * @param octets cells from `at` on: packed bits, lowest first, of a bool, else big-endian words
   * @param index  which of these cells is the point's first
   */
  read(octets: Uint8Array, at: number, index: number): SampleValue;
  /** Has it moved by more than the deadband? */
  differs(value: SampleValue, from: SampleValue): boolean;
}

export function readerOf(point: Typed): Reader {
  const deadband = point.deadband === null ? 0 : toNumber(point.deadband);
  switch (point.type) {
    case "bool":
      return { read: readBit, differs: isAnother };
    case "bit": {
      const bit = point.bit ?? 0;
      return { read: (octets, at, index) => ((wordAt(octets, at + 2 * index) >> bit) & 1) === 1, differs: isAnother };
    }
    case "string":
      return { read: (octets, at, index) => decodePoint(point, octets, at, index).text, differs: isAnother };
    case "int64":
    case "uint64":
      return wideReader(point, deadband);
    case "float32":
    case "float64":
    case "number":
      return floatReader(point, deadband);
    default:
      return integerReader(point, deadband);
  }
}

/** An address nobody named: a bit, a word, or the number that takes four cells. */
export function rawReader(bits: 1 | 16, stride: 1 | 4): Reader {
  if (bits === 1) return { read: readBit, differs: isAnother };
  if (stride === 1) return { read: (octets, at, index) => wordAt(octets, at + 2 * index), differs: isAnother };
  return {
    read(octets, at, index) {
      for (let i = 0; i < 8; i++) scratch.setUint8(i, octets[at + 2 * index + i] as number);
      const value = scratch.getFloat64(0);
      return Number.isFinite(value) ? value + 0 : null;
    },
    differs: isAnother,
  };
}

/** The double nearest to a decimal. */
export function toNumber({ units, places }: Decimal): number {
  return Number(`${units}e${-places}`);
}

/** Engineering values are `(raw * scale + offset) / power`. */
interface Lattice {
  readonly scale: number;
  readonly offset: number;
  /** 10 to the `places`. */
  readonly power: number;
  readonly places: number;
}

function latticeOf({ scale, offset }: Typed): Lattice | null {
  const places = Math.max(scale.places, offset.places);
  const [s, o] = [scale, offset].map(({ units, places: of }) => units * 10n ** BigInt(places - of)) as [bigint, bigint];
  if (places > EXACT_POWERS || !isExact(s) || !isExact(o)) return null;
  return { scale: Number(s), offset: Number(o), power: powerOf(places), places };
}

function isExact(whole: bigint): boolean {
  return whole <= EXACT && whole >= -EXACT;
}

function integerReader(point: Typed, deadband: number): Reader {
  const differs = numbersDiffer(deadband);
  const lattice = latticeOf(point);
  const most = 2 ** (16 * (point.last - point.first + 1));
  if (lattice === null || most * Math.abs(lattice.scale) + Math.abs(lattice.offset) > Number.MAX_SAFE_INTEGER)
    return { read: (octets, at, index) => exactNumber(point, octets, at, index), differs };
  const { scale, offset, power } = lattice;
  const isSigned = point.type === "int16" || point.type === "int32";
  const isWide = point.last > point.first;
  return {
    read(octets, at, index) {
      const bits = isWide ? longAt(point, octets, at + 2 * index) : shortAt(point, octets, at + 2 * index);
      const raw = isSigned ? (isWide ? bits : (bits << 16) >> 16) : bits >>> 0;
      return (raw * scale + offset) / power;
    },
    differs,
  };
}

/** Of what type the values are that are told: a scaled register of 16 bits is a number like 8.12, which no 16 bits hold. */
export function toldType({ type, scale, offset }: Typed): Point["type"] {
  const isScaled = scale.places > 0 || offset.places > 0 || scale.units !== 1n || offset.units !== 0n;
  const isWhole = (type === "int64" || type === "uint64") && scale.places === 0 && offset.places === 0;
  return isScaled && !isWhole && type !== "bool" && type !== "bit" && type !== "string" ? "float64" : type;
}

/** Whole numbers stay whole: as a bigint. */
function wideReader(point: Typed, deadband: number): Reader {
  const { scale, offset } = point;
  if (scale.places > 0 || offset.places > 0)
    return { read: (octets, at, index) => exactNumber(point, octets, at, index), differs: numbersDiffer(deadband) };
  const least = point.deadband === null ? 0n : point.deadband.units / 10n ** BigInt(point.deadband.places);
  return {
    read(octets, at, index) {
      loadDouble(point, octets, at + 2 * index);
      const raw = point.type === "int64" ? scratch.getBigInt64(0) : scratch.getBigUint64(0);
      return raw * scale.units + offset.units;
    },
    differs(value, from) {
      if (typeof value !== "bigint" || typeof from !== "bigint") return value !== from;
      const moved = value - from;
      return (moved < 0n ? -moved : moved) > least;
    },
  };
}

function floatReader(point: Typed, deadband: number): Reader {
  const differs = numbersDiffer(deadband);
  const lattice = latticeOf(point);
  const isSingle = point.type === "float32";
  const mostWhole = isSingle ? SINGLE_WHOLE : Number.MAX_SAFE_INTEGER;
  const isPlain = compareDecimals(point.scale, ONE) === 0 && point.offset.units === 0n;
  const load = isSingle
    ? (octets: Uint8Array, at: number): number => {
        scratch.setInt32(0, longAt(point, octets, at));
        return scratch.getFloat32(0);
      }
    : (octets: Uint8Array, at: number): number => {
        loadDouble(point, octets, at);
        return scratch.getFloat64(0);
      };
  return {
    read(octets, at, index) {
      const raw = load(octets, at + 2 * index);
      if (!Number.isFinite(raw)) return null;
      if (isPlain) return isSingle ? shortestOfSingle(raw) : raw + 0;
      if (isSingle && lattice !== null) {
        const value = scaledSingle(raw, lattice);
        if (value !== null) return value;
      }
      // Of DNP3 most are integers.
      if (lattice !== null && Number.isInteger(raw) && Math.abs(raw) <= mostWhole) {
        const whole = raw * lattice.scale;
        if (Math.abs(whole) + Math.abs(lattice.offset) <= Number.MAX_SAFE_INTEGER) return (whole + lattice.offset) / lattice.power;
      }
      return exactNumber(point, octets, at, index);
    },
    differs,
  };
}

/** null: it is beyond every double. */
function exactNumber(point: Typed, octets: Uint8Array, at: number, index: number): number | null {
  const value = Number(decodePoint(point, octets, at, index).text);
  return Number.isFinite(value) ? value : null;
}

/** Of the shortest decimal of a float, `whole / 10 ** places`; null: the numbers grow too large, or there is no such decimal at hand. */
function scaledSingle(raw: number, { scale, offset, power, places }: Lattice): number | null {
  if (shortestOfSingle(raw) === 0) return offset / power;
  if (!shortest.isKnown) return null;
  const more = shortest.places;
  const added = more >= 0 ? offset * powerOf(more) : offset === 0 ? 0 : Number.NaN;
  const whole = (raw < 0 ? -shortest.whole : shortest.whole) * scale;
  const down = more + places;
  // Not a number: it fits nothing.
  if (!(Math.abs(whole) + Math.abs(added) <= Number.MAX_SAFE_INTEGER) || Math.abs(down) > EXACT_POWERS) return null;
  return down >= 0 ? (whole + added) / powerOf(down) : (whole + added) * powerOf(-down);
}

/** What `shortestOfSingle` found last, its sign apart: `whole / 10 ** places`. */
const shortest = { isKnown: false, whole: 0, places: 0 };

/**
 * The number that the shortest decimal of a single-precision float stands for: of 0.1 that is 0.1, as a person reads it, and no other float is
 * nearer to it. As `decimalOfFloat`.
 */
export function shortestOfSingle(value: number): number {
  const size = Math.abs(value);
  if (Number.isInteger(value) && size <= SINGLE_WHOLE) {
    shortest.isKnown = true;
    shortest.whole = size;
    shortest.places = 0;
    return value + 0;
  }
  shortest.isKnown = false;
  const exponent = Math.floor(Math.log10(size));
  for (let digits = 6; digits <= 9; digits++) {
    const places = digits - 1 - exponent;
    if (places > EXACT_POWERS || places < -EXACT_POWERS) break;
    const power = powerOf(Math.abs(places));
    const scaled = places >= 0 ? size * power : size / power;
    const whole = Math.round(scaled);
    // Between two, or not of so many digits: decimals know which.
    if (Math.abs(Math.abs(scaled - whole) - 0.5) < 1e-6 || whole >= powerOf(digits) || whole < powerOf(digits - 1)) break;
    const near = places >= 0 ? whole / power : whole * power;
    if (Math.fround(near) !== size) continue;
    shortest.isKnown = true;
    shortest.whole = whole;
    shortest.places = places;
    return value < 0 ? -near : near;
  }
  for (let digits = 6; digits < 9; digits++) {
    const near = Number(value.toPrecision(digits));
    if (Math.fround(near) === value) return near;
  }
  return Number(value.toPrecision(9));
}

/** Beyond the deadband, and by more than doubles differ that stand for decimals exactly that far apart. */
function numbersDiffer(deadband: number): Reader["differs"] {
  if (deadband === 0) return isAnother;
  return (value, from) => {
    if (typeof value !== "number" || typeof from !== "number") return value !== from;
    return Math.abs(value - from) - deadband > 4 * Number.EPSILON * Math.max(Math.abs(value), Math.abs(from));
  };
}

function isAnother(value: SampleValue, from: SampleValue): boolean {
  return value !== from;
}

function readBit(octets: Uint8Array, at: number, index: number): boolean {
  return (((octets[at + (index >> 3)] as number) >> (index & 7)) & 1) === 1;
}

function wordAt(octets: Uint8Array, at: number): number {
  return ((octets[at] as number) << 8) | (octets[at + 1] as number);
}

function shortAt({ byteOrder }: Typed, octets: Uint8Array, at: number): number {
  return byteOrder === "big" ? wordAt(octets, at) : ((octets[at + 1] as number) << 8) | (octets[at] as number);
}

/** Two registers, as a signed number. */
function longAt(point: Typed, octets: Uint8Array, at: number): number {
  const isBig = point.wordOrder === "big";
  return (shortAt(point, octets, isBig ? at : at + 2) << 16) | shortAt(point, octets, isBig ? at + 2 : at);
}

function loadDouble(point: Typed, octets: Uint8Array, at: number): void {
  const isBig = point.wordOrder === "big";
  for (let i = 0; i < 4; i++) scratch.setUint16(2 * i, shortAt(point, octets, at + 2 * (isBig ? i : 3 - i)));
}

/** Exact, of those that are doubles. */
function powerOf(places: number): number {
  return POWERS[places] as number;
}

/** Largest whole number up to which doubles tell all of them apart. */
const EXACT = BigInt(Number.MAX_SAFE_INTEGER);
/** Largest power of ten that is a double. */
const EXACT_POWERS = 22;
const POWERS = Float64Array.from({ length: EXACT_POWERS + 1 }, (_, places) => Number(`1e${places}`));
/** Up to here a single-precision float tells all whole numbers apart, so each is its own shortest decimal. */
const SINGLE_WHOLE = 2 ** 24;
const ONE: Decimal = { units: 1n, places: 0 };
const scratch = new DataView(new ArrayBuffer(8));
