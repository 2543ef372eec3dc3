/**
 * Object headers and objects, as both DNP3 test peers read and write them. Strict: what is not whole, or not known, is an ObjectFault.
 *
 *     header    group, variation, qualifier, range field; then items, each behind its prefix
 *
 * @source IEEE 1815-2012 4.2.2.7 and Annex A
 */
import { type NumberType, readNumber, Writer } from "./numbers.ts";

/** Bits of IIN2. */
export const IIN2 = { functionUnknown: 1, objectUnknown: 2, parameter: 4, overflow: 8 } as const;

/** Why a list of objects is not accepted, with the bit of IIN2 that says so. */
export class ObjectFault extends Error {
  readonly iin2: number;

  constructor(iin2: number, message: string) {
    super(message);
    this.iin2 = iin2;
  }
}

export interface Layout {
  readonly hasFlags: boolean;
  /** Null: the value is in the flags. */
  readonly number: NumberType | null;
  /** Octets of the time at the end: none, relative to the common time before it, or absolute. */
  readonly time: 0 | 2 | 6;
}

const of = (hasFlags: boolean, number: NumberType | null, time: 0 | 2 | 6 = 0): Layout => ({ hasFlags, number, time });
const STATE_EVENT = { 1: of(true, null), 2: of(true, null, 6), 3: of(true, null, 2) };
const COUNTER_EVENT = { 1: of(true, "u32"), 2: of(true, "u16"), 5: of(true, "u32", 6), 6: of(true, "u16", 6) };
const ANALOG_EVENT = {
  1: of(true, "i32"),
  2: of(true, "i16"),
  3: of(true, "i32", 6),
  4: of(true, "i16", 6),
  5: of(true, "f32"),
  6: of(true, "f64"),
  7: of(true, "f32", 6),
  8: of(true, "f64", 6),
};

/** Groups whose objects are flags, a value and a time. */
const LAYOUTS: Readonly<Record<number, Readonly<Record<number, Layout>>>> = {
  1: { 2: of(true, null) },
  2: STATE_EVENT,
  3: { 2: of(true, null) },
  4: STATE_EVENT,
  10: { 2: of(true, null) },
  11: { 1: of(true, null), 2: of(true, null, 6) },
  20: { 1: of(true, "u32"), 2: of(true, "u16"), 5: of(false, "u32"), 6: of(false, "u16") },
  21: { ...COUNTER_EVENT, 9: of(false, "u32"), 10: of(false, "u16") },
  22: COUNTER_EVENT,
  23: COUNTER_EVENT,
  30: { 1: of(true, "i32"), 2: of(true, "i16"), 3: of(false, "i32"), 4: of(false, "i16"), 5: of(true, "f32"), 6: of(true, "f64") },
  32: ANALOG_EVENT,
  40: { 1: of(true, "i32"), 2: of(true, "i16"), 3: of(true, "f32"), 4: of(true, "f64") },
  42: ANALOG_EVENT,
};
/** Bits per point where they stand packed. */
const PACKED: Readonly<Record<string, 1 | 2>> = { "1v1": 1, "3v1": 2, "10v1": 1, "80v1": 1 };
/** A value without flags or time. */
const PLAIN: Readonly<Record<string, NumberType>> = {
  "34v1": "u16",
  "34v2": "u32",
  "34v3": "f32",
  "50v1": "u48",
  "50v3": "u48",
  "51v1": "u48",
  "51v2": "u48",
  "52v1": "u16",
  "52v2": "u16",
};
/** A value, then the status of the control. */
const SETPOINT: Readonly<Record<number, NumberType>> = { 1: "i32", 2: "i16", 3: "f32", 4: "f64" };
export const CROB_SIZE = 11;

export function layoutOf(group: number, variation: number): Layout | undefined {
  return LAYOUTS[group]?.[variation];
}

export function packedBits(group: number, variation: number): 1 | 2 | undefined {
  return PACKED[`${group}v${variation}`];
}

const SIZES: Readonly<Record<NumberType, number>> = { u8: 1, u16: 2, i16: 2, u32: 4, i32: 4, u48: 6, f32: 4, f64: 8 };

/** Octets of an object, without prefix; undefined: not known, packed, or of any length. */
function sizeOf(group: number, variation: number): number | undefined {
  const layout = layoutOf(group, variation);
  if (layout !== undefined) return (layout.hasFlags ? 1 : 0) + (layout.number === null ? 0 : SIZES[layout.number]) + layout.time;
  if (group === 12 && variation === 1) return CROB_SIZE;
  if (group === 41) return SETPOINT[variation] === undefined ? undefined : SIZES[SETPOINT[variation]] + 1;
  if (group === 110 || group === 111) return variation === 0 ? undefined : variation;
  const plain = PLAIN[`${group}v${variation}`];
  return plain === undefined ? undefined : SIZES[plain];
}

/** Which points a header without data is about. */
export type Extent =
  | { readonly is: "all" }
  | { readonly is: "range"; readonly first: number; readonly last: number }
  | { readonly is: "count"; readonly count: number }
  | { readonly is: "list"; readonly indexes: readonly number[] };

export interface RawItem {
  readonly index: number;
  /** The object; of a packed one an octet that holds its bits. */
  readonly data: Uint8Array;
}

export interface Header {
  readonly group: number;
  readonly variation: number;
  readonly qualifier: number;
  readonly extent: Extent;
  /** Empty where the header carries no data. */
  readonly items: readonly RawItem[];
}

/**
 * @param hasData  whether objects follow this header; the function code says so
 * @throws ObjectFault
 */
export function readHeaders(octets: Uint8Array, hasData: (group: number, variation: number) => boolean): readonly Header[] {
  const cursor = new Cursor(octets);
  const headers: Header[] = [];
  while (!cursor.isAtEnd) {
    const [group, variation, qualifier] = [cursor.number("u8"), cursor.number("u8"), cursor.number("u8")];
    headers.push(readHeader(cursor, { group, variation, qualifier }, hasData(group, variation)));
  }
  return headers;
}

type Head = Pick<Header, "group" | "variation" | "qualifier">;
const WIDTHS = ["u8", "u16", "u32"] as const;

function readHeader(cursor: Cursor, head: Head, hasData: boolean): Header {
  const { qualifier, group, variation } = head;
  const prefix = qualifier >> 4;
  const range = qualifier & 0x0f;
  const name = `g${group}v${variation} with qualifier ${qualifier.toString(16).padStart(2, "0")}`;
  if (qualifier === 0x5b) return readSized(cursor, head, name);
  if (hasData && variation === 0) throw new ObjectFault(IIN2.parameter, `${name} cannot carry objects`);
  if (prefix === 0 && range === 6) {
    if (hasData) throw new ObjectFault(IIN2.parameter, `${name} cannot carry objects`);
    return { ...head, extent: { is: "all" }, items: [] };
  }
  if (prefix === 0 && range <= 2) {
    const width = WIDTHS[range]!;
    const [first, last] = [cursor.number(width), cursor.number(width)];
    if (first > last) throw new ObjectFault(IIN2.parameter, `${name}: ${first} is above ${last}`);
    const extent: Extent = { is: "range", first, last };
    return { ...head, extent, items: hasData ? readItems(cursor, head, last - first + 1, (i) => first + i) : [] };
  }
  if (range < 7 || range > 9 || prefix > 3) throw new ObjectFault(IIN2.parameter, `${name} is not supported`);
  const count = cursor.number(WIDTHS[range - 7]!);
  if (prefix === 0) return { ...head, extent: { is: "count", count }, items: hasData ? readItems(cursor, head, count, (i) => i) : [] };
  const width = WIDTHS[prefix - 1]!;
  const least = SIZES[width] + (hasData ? (sizeOf(group, variation) ?? 0) : 0);
  if (count * least > cursor.left) throw new ObjectFault(IIN2.parameter, `${name}: ${count} items in ${cursor.left} octets`);
  const indexes: number[] = [];
  const items: RawItem[] = [];
  for (let i = 0; i < count; i += 1) {
    const index = cursor.number(width);
    indexes.push(index);
    if (hasData) items.push(...readItems(cursor, head, 1, () => index));
  }
  return { ...head, extent: { is: "list", indexes }, items };
}

/** Free format: a count of one, the size, the object. */
function readSized(cursor: Cursor, head: Head, name: string): Header {
  if (head.group !== 70) throw new ObjectFault(IIN2.objectUnknown, `${name} is not known`);
  const count = cursor.number("u8");
  if (count !== 1) throw new ObjectFault(IIN2.parameter, `${name}: ${count} objects`);
  const data = cursor.octets(cursor.number("u16"));
  return { ...head, extent: { is: "count", count }, items: [{ index: 0, data }] };
}

function readItems(cursor: Cursor, { group, variation }: Head, count: number, indexOf: (i: number) => number): RawItem[] {
  const bits = packedBits(group, variation);
  const size = sizeOf(group, variation);
  if (bits === undefined && size === undefined) throw new ObjectFault(IIN2.objectUnknown, `g${group}v${variation} is not known`);
  const need = bits === undefined ? count * size! : Math.ceil((count * bits) / 8);
  const octets = cursor.octets(need);
  return Array.from({ length: count }, (_, i) => {
    if (bits === undefined) return { index: indexOf(i), data: octets.subarray(i * size!, (i + 1) * size!) };
    const bit = i * bits;
    return { index: indexOf(i), data: Uint8Array.of((octets[bit >> 3]! >> (bit & 7)) & (bits === 1 ? 1 : 3)) };
  });
}

class Cursor {
  readonly #octets: Uint8Array;
  #at = 0;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  get left(): number {
    return this.#octets.length - this.#at;
  }

  get isAtEnd(): boolean {
    return this.left === 0;
  }

  number(type: NumberType): number {
    return readNumber(this.octets(SIZES[type]), 0, type);
  }

  octets(count: number): Uint8Array {
    if (count > this.left) throw new ObjectFault(IIN2.parameter, `${count} octets wanted, ${this.left} left`);
    this.#at += count;
    return this.#octets.subarray(this.#at - count, this.#at);
  }
}

/** What a control relay output block says. Times in milliseconds. */
export interface Crob {
  readonly code: number;
  readonly count: number;
  readonly onTimeMs: number;
  readonly offTimeMs: number;
}

export interface Value {
  readonly flags?: number;
  /** A state, a number, octets of a string or file object, or what a control says. */
  readonly value: number | boolean | Uint8Array | Crob;
  /** Milliseconds since 1970 UTC; relative ones are resolved by `parseObjects`. */
  readonly time?: number;
  /** Of a control. */
  readonly status?: number;
}

const DOUBLE_BIT = [3, 4];

export function decodeObject(group: number, variation: number, data: Uint8Array): Value {
  const layout = layoutOf(group, variation);
  if (layout !== undefined) {
    const { hasFlags, number, time } = layout;
    const flags = hasFlags ? data[0]! : undefined;
    const state = DOUBLE_BIT.includes(group) ? data[0]! >> 6 : data[0]! >> 7 === 1;
    return {
      ...(flags === undefined ? {} : { flags }),
      value: number === null ? state : readNumber(data, hasFlags ? 1 : 0, number),
      ...(time === 0 ? {} : { time: readNumber(data, data.length - time, time === 2 ? "u16" : "u48") }),
    };
  }
  const bits = packedBits(group, variation);
  if (bits !== undefined) return { value: bits === 1 ? data[0] === 1 : data[0]! };
  if (group === 12) {
    const view = (at: number): number => readNumber(data, at, "u32");
    return { value: { code: data[0]!, count: data[1]!, onTimeMs: view(2), offTimeMs: view(6) }, status: data[10]! };
  }
  if (group === 41) return { value: readNumber(data, 0, SETPOINT[variation]!), status: data[data.length - 1]! };
  const plain = PLAIN[`${group}v${variation}`];
  return { value: plain === undefined ? data.slice() : readNumber(data, 0, plain) };
}

/** The octets of a point's object. A number that its type cannot hold becomes the nearest it can, with over-range in the flags; a counter wraps, as it is written. */
export function encodeValue(layout: Layout, flags: number, value: number, time: number): Uint8Array {
  const { hasFlags, number } = layout;
  const out = new Writer();
  let fitted = value;
  let said = flags;
  if (number === "i16" || number === "i32") {
    const top = number === "i16" ? 0x7fff : 0x7fff_ffff;
    fitted = Number.isNaN(value) ? 0 : Math.max(-top - 1, Math.min(top, Math.trunc(value)));
    if (Number.isNaN(value) || Math.abs(fitted - value) >= 1) said |= OVER_RANGE;
  }
  if (hasFlags) out.number("u8", said);
  if (number !== null) out.number(number, fitted);
  if (layout.time === 6) out.number("u48", time);
  return out.take();
}

export const ONLINE = 0x01;
const OVER_RANGE = 0x20;
/** The type of the value in g41, by variation. */
export function setpointType(variation: number): NumberType | undefined {
  return SETPOINT[variation];
}
