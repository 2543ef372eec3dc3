/** An object is data: what it is called and how its octets are laid out. One interpreter reads all of them (../items.ts). */

/** Little-endian numbers. `u48` is a time: milliseconds since 1970-01-01 UTC. */
export type FieldType = "u8" | "u16" | "u32" | "u48" | "i16" | "i32" | "f32" | "f64";
/** Name, type, and the unit where it has one. */
export type Field = readonly [name: string, type: FieldType, unit?: "ms" | "s" | "%"];

export type Layout =
  /** Numbers of fixed size, one after the other. */
  | { readonly is: "fields"; readonly fields: readonly Field[] }
  /** So many bits each, from the lowest bit of the first octet on; the last octet is filled up with zeros. */
  | { readonly is: "packed"; readonly bits: 1 | 2 }
  /** Never any data: the header says it all. */
  | { readonly is: "nothing" }
  /** As long as the number of its variation. */
  | { readonly is: "variation" }
  /** As long as the size before it says: these numbers, `least` octets of them, and then what is opaque. */
  | { readonly is: "sized"; readonly fields: readonly Field[]; readonly least: number }
  /** A device attribute: type, length, value. */
  | { readonly is: "attribute" };

/** Points of one kind are counted by themselves, from 0. */
export type PointTable =
  | "binaryInput"
  | "doubleBitInput"
  | "binaryOutput"
  | "counter"
  | "frozenCounter"
  | "analogInput"
  | "frozenAnalogInput"
  | "analogOutput"
  | "octetString"
  | "virtualTerminal"
  | "securityStatistic";

/** What it is to the outstation. */
export type Kind =
  | "static"
  | "event"
  | "command"
  | "deadband"
  | "time"
  | "class"
  | "file"
  | "indications"
  | "attribute"
  | "authentication"
  | "other";

export interface ObjectEntry {
  readonly group: number;
  /** 0: whichever the device likes best; in requests alone, never with data. */
  readonly variation: number;
  readonly name: string;
  readonly kind: Kind;
  readonly layout: Layout;
  readonly table: PointTable | null;
  readonly source: string;
}

/** Every variation of a group: what they have in common, then each. */
export interface ObjectGroup {
  readonly group: number;
  readonly name: string;
  readonly kind: Kind;
  readonly table: PointTable | null;
  readonly source: string;
  /** By number. A group of octet strings has `layout` instead: any variation, each as long as its number. */
  readonly variations: Readonly<Record<number, { readonly name: string; readonly layout: Layout }>>;
  /** Variations that are not listed have this layout; null: they are unknown. */
  readonly others: Layout | null;
}

export const FLAGS: Field = ["flags", "u8"];
/** What became of a command: 0 in a request. */
export const STATUS: Field = ["status", "u8"];
export const TIME: Field = ["time", "u48", "ms"];
/** Since the last common time of occurrence (group 51). */
export const RELATIVE_TIME: Field = ["relativeTime", "u16", "ms"];

export function fields(...of: readonly Field[]): Layout {
  return { is: "fields", fields: of };
}

export function packed(bits: 1 | 2): Layout {
  return { is: "packed", bits };
}

export function sized(...of: readonly Field[]): Layout {
  return { is: "sized", fields: of, least: of.reduce((sum, field) => sum + sizeOfField(field), 0) };
}

export const NOTHING: Layout = { is: "nothing" };

const SIZES: Readonly<Record<FieldType, number>> = { u8: 1, u16: 2, u32: 4, u48: 6, i16: 2, i32: 4, f32: 4, f64: 8 };

export function sizeOfField([, type]: Field): number {
  return SIZES[type];
}

/** Octets of a layout of fixed size; null: it has none. */
export function sizeOf(layout: Layout): number | null {
  return layout.is === "fields" ? layout.fields.reduce((sum, field) => sum + sizeOfField(field), 0) : null;
}
