/**
 * The qualifier of an object header: how many objects follow, which, and what stands before each.
 *
 *     7: 0   6..4: prefix code   3..0: range code
 *
 * @source IEEE 1815-2012 tables 4-4, 4-5 and 4-6
 */

/** What stands before each object. */
export type Prefix = "none" | "index" | "size";
/** What stands behind the qualifier. */
export type Range =
  /** First and last index. */
  | "startStop"
  /** First and last virtual address: in no device we know of, and denied. */
  | "address"
  /** Nothing: all of them. */
  | "all"
  /** How many follow, or how many are wanted. */
  | "count";

export interface Qualifier {
  readonly prefix: Prefix;
  /** Octets of one prefix. */
  readonly prefixSize: number;
  readonly range: Range;
  /** Octets of one number of the range field; 0 for `all`. */
  readonly rangeSize: number;
  /** Octets of the whole range field. */
  readonly rangeLength: number;
}

/** Those the standard names as valid; every other is malformed. */
const VALID: readonly number[] = [
  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x17, 0x18, 0x19, 0x27, 0x28, 0x29, 0x37, 0x38, 0x39, 0x4b, 0x5b, 0x6b,
];

const WIDTHS = [1, 2, 4] as const;

function qualifierOf(code: number): Qualifier {
  const prefixCode = code >> 4;
  const rangeCode = code & 0x0f;
  const prefix = prefixCode === 0 ? "none" : prefixCode <= 3 ? "index" : "size";
  const prefixSize = prefixCode === 0 ? 0 : (WIDTHS[(prefixCode - 1) % 3] as number);
  if (rangeCode <= 2) return made(prefix, prefixSize, "startStop", WIDTHS[rangeCode] as number);
  if (rangeCode <= 5) return made(prefix, prefixSize, "address", WIDTHS[rangeCode - 3] as number);
  if (rangeCode === 6) return made(prefix, prefixSize, "all", 0);
  return made(prefix, prefixSize, "count", rangeCode === 0x0b ? 1 : (WIDTHS[rangeCode - 7] as number));
}

function made(prefix: Prefix, prefixSize: number, range: Range, rangeSize: number): Qualifier {
  const numbers = range === "startStop" || range === "address" ? 2 : 1;
  return { prefix, prefixSize, range, rangeSize, rangeLength: numbers * rangeSize };
}

/** By code; null: not valid. */
export const QUALIFIERS: readonly (Qualifier | null)[] = Array.from({ length: 256 }, (_, code) =>
  VALID.includes(code) ? qualifierOf(code) : null,
);
