/** What stands at an address: points as the plant engineer named them, typed once at load. Addresses are zero-based from here on. */

export const POINT_TYPES = [
  "bool",
  "bit",
  "int16",
  "uint16",
  "int32",
  "uint32",
  "int64",
  "uint64",
  "float32",
  "float64",
  "number",
  "string",
] as const;
export type PointType = (typeof POINT_TYPES)[number];

/** How an asset's documents write addresses (DESIGN 3). Records are always zero-based. */
export type Addressing = "zero-based" | "one-based" | "modicon";

/** Exact decimal: `units * 10 ** -places`. What a document wrote, not what a double made of it (RULINGS 7). */
export interface Decimal {
  readonly units: bigint;
  readonly places: number;
}

export interface Point {
  /** Position in the asset's points list; the key of facts and counters. */
  readonly index: number;
  readonly name: string;
  readonly unitId: number;
  /** Number of the vocabulary's space. */
  readonly space: number;
  readonly first: number;
  readonly last: number;
  readonly type: PointType;
  /** Engineering unit, "" where none. */
  readonly unit: string;
  readonly access: "r" | "w" | "rw";
  readonly description: string;
  /** Bit number 0..15 (0 = least significant) of a `bit` point, else null. */
  readonly bit: number | null;
  /** `big`: the register's octets as on the wire; `little`: swapped within each register. */
  readonly byteOrder: "big" | "little";
  /** `big`: most significant register first. */
  readonly wordOrder: "big" | "little";
  /** engineering = raw * scale + offset */
  readonly scale: Decimal;
  readonly offset: Decimal;
  readonly writeMin: Decimal | null;
  readonly writeMax: Decimal | null;
  readonly plausibleMin: Decimal | null;
  readonly plausibleMax: Decimal | null;
  /** Index of the point this one is a bit of, or another name of (same cells). */
  readonly bitOf: number | null;
  readonly aliasOf: number | null;
  readonly deadband: Decimal | null;
  /** Milliseconds. */
  readonly minInterval: number | null;
}

/** One asset as policy sees it: its units, points and how its documents count. */
export interface AssetModel {
  readonly name: string;
  readonly protocol: string;
  /** Canonical unit ids, ascending. */
  readonly units: readonly number[];
  /** Other unit ids the device answers to, judged as their canonical unit (RULINGS 3). */
  readonly unitAliases: ReadonlyMap<number, number>;
  readonly unitZero: "broadcast" | "device";
  readonly addressing: Addressing;
  readonly points: readonly Point[];
}
