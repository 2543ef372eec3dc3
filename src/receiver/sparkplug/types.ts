/**
 * Sparkplug's data types, and how a value of ours is written as one of them.
 *
 *     points.csv      Sparkplug   field of the payload
 *     bool, bit       Boolean     boolean_value
 *     int16, int32    Int16 ..    int_value, two's complement of 32 bits
 *     uint16, uint32  UInt16 ..   int_value
 *     int64, uint64   Int64 ..    long_value, two's complement of 64 bits
 *     float32         Float       float_value
 *     float64, number Double      double_value
 *     string          String      string_value
 *
 * @source Sparkplug 3.0 §6.4.16 (numbers of types), §6.4.17 (fields), §6.4.9.1 (codes of quality)
 */
import type { Quality } from "../model.ts";

export type DataType =
  | "Int8"
  | "Int16"
  | "Int32"
  | "Int64"
  | "UInt8"
  | "UInt16"
  | "UInt32"
  | "UInt64"
  | "Float"
  | "Double"
  | "Boolean"
  | "String"
  | "DateTime"
  | "Text";

export type Value = number | bigint | boolean | string | null;

/** The field of a metric or property a value is in. */
export type Field =
  | { readonly case: "intValue"; readonly value: number }
  | { readonly case: "longValue"; readonly value: bigint }
  | { readonly case: "floatValue"; readonly value: number }
  | { readonly case: "doubleValue"; readonly value: number }
  | { readonly case: "booleanValue"; readonly value: boolean }
  | { readonly case: "stringValue"; readonly value: string };

interface TypeEntry {
  readonly code: number;
  readonly field: Field["case"];
  /** Of whole numbers; negative ones are written as two's complement. */
  readonly bits?: 8 | 16 | 32 | 64;
  readonly signed?: boolean;
}

const TYPES: Readonly<Record<DataType, TypeEntry>> = {
  Int8: { code: 1, field: "intValue", bits: 8, signed: true },
  Int16: { code: 2, field: "intValue", bits: 16, signed: true },
  Int32: { code: 3, field: "intValue", bits: 32, signed: true },
  Int64: { code: 4, field: "longValue", bits: 64, signed: true },
  UInt8: { code: 5, field: "intValue", bits: 8, signed: false },
  UInt16: { code: 6, field: "intValue", bits: 16, signed: false },
  UInt32: { code: 7, field: "intValue", bits: 32, signed: false },
  UInt64: { code: 8, field: "longValue", bits: 64, signed: false },
  Float: { code: 9, field: "floatValue" },
  Double: { code: 10, field: "doubleValue" },
  Boolean: { code: 11, field: "booleanValue" },
  String: { code: 12, field: "stringValue" },
  DateTime: { code: 13, field: "longValue", bits: 64, signed: false },
  Text: { code: 14, field: "stringValue" },
};

const BY_CODE: ReadonlyMap<number, DataType> = new Map(
  (Object.keys(TYPES) as DataType[]).map((type): [number, DataType] => [TYPES[type].code, type]),
);

/** points.csv's word -> Sparkplug's. */
const OF_POINTS: ReadonlyMap<string, DataType> = new Map([
  ["bool", "Boolean"],
  ["bit", "Boolean"],
  ["int16", "Int16"],
  ["uint16", "UInt16"],
  ["int32", "Int32"],
  ["uint32", "UInt32"],
  ["int64", "Int64"],
  ["uint64", "UInt64"],
  ["float32", "Float"],
  ["float64", "Double"],
  ["number", "Double"],
  ["string", "String"],
]);

export function codeOf(type: DataType): number {
  return TYPES[type].code;
}

/** null: not a type we speak. */
export function typeOfCode(code: number): DataType | null {
  return BY_CODE.get(code) ?? null;
}

/** null: a type points.csv does not have. */
export function typeOfPoint(type: string): DataType | null {
  return OF_POINTS.get(type) ?? null;
}

/** The type that holds a value of which nothing else is known. */
export function typeOfValue(value: Value): DataType {
  switch (typeof value) {
    case "boolean":
      return "Boolean";
    case "string":
      return "String";
    case "bigint":
      return value >= 1n << 63n ? "UInt64" : "Int64";
    default:
      return "Double";
  }
}

/**
 * Where UInt32 is written. The specification says int_value; hosts built on early Eclipse Tahu read long_value and nothing else, so a site
 * that has one can say so.
 */
export type Uint32Field = "int" | "long";

/** @returns null where the value is not of that type, or does not fit it: nothing is rounded or cut to fit but a Float */
export function toField(type: DataType, value: Exclude<Value, null>, uint32: Uint32Field = "int"): Field | null {
  const { field, bits } = TYPES[type];
  if (bits !== undefined) return wholeField(type, value, uint32);
  switch (field) {
    case "booleanValue": {
      const truth = truthOf(value);
      return truth === null ? null : { case: field, value: truth };
    }
    case "stringValue":
      return typeof value === "string" && value.isWellFormed() ? { case: field, value } : null;
    case "floatValue":
      // Beyond what a Float holds it would become infinite.
      return typeof value === "number" && Number.isFinite(value) === Number.isFinite(Math.fround(value)) ? { case: field, value } : null;
    default:
      return typeof value === "number" ? { case: "doubleValue", value } : null;
  }
}

/** A bit may come as the number it is. */
function truthOf(value: Exclude<Value, null>): boolean | null {
  if (typeof value === "boolean") return value;
  if (typeof value === "string") return null;
  const number = Number(value);
  return number === 0 || number === 1 ? number === 1 : null;
}

function wholeField(type: DataType, value: Exclude<Value, null>, uint32: Uint32Field): Field | null {
  const { field, bits = 64, signed = false } = TYPES[type];
  if (typeof value !== "bigint" && !Number.isInteger(value)) return null;
  const whole = BigInt(value as number | bigint);
  if (whole !== (signed ? BigInt.asIntN(bits, whole) : BigInt.asUintN(bits, whole))) return null;
  if (field === "longValue" || (type === "UInt32" && uint32 === "long")) return { case: "longValue", value: BigInt.asUintN(64, whole) };
  // Of 32 bits whatever the type: whoever reads fewer finds its sign there too.
  return { case: "intValue", value: Number(BigInt.asUintN(32, whole)) };
}

/** @returns null where the field is not one of that type's */
export function fromField(type: DataType, field: Field): Exclude<Value, null> | null {
  const { field: own, bits, signed = false } = TYPES[type];
  const whole = field.case === "intValue" || field.case === "longValue";
  if (bits !== undefined) {
    // Either field, as others write it.
    if (!whole || (bits === 64 && field.case !== "longValue")) return null;
    const value = BigInt(field.value);
    const cut = signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
    return bits === 64 ? cut : Number(cut);
  }
  return field.case === own ? field.value : null;
}

/** The three codes there are. What is neither good nor bad for certain is not shown as good. */
const QUALITIES: Readonly<Record<Quality, number>> = { good: 192, stale: 500, "comm-lost": 500, bad: 0, uncertain: 0 };
export const GOOD = QUALITIES.good;
export const BAD = QUALITIES.bad;
export const STALE = QUALITIES.stale;

export function codeOfQuality(quality: Quality): number {
  return QUALITIES[quality];
}
