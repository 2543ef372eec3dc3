/**
 * How an asset's documents write addresses, in one place: every reader and every message goes through here. Records are zero-based.
 *
 *     wire address 39 of the holding table
 *       zero-based  39
 *       one-based   40
 *       modicon     40040 (five digits, up to 49999), 400040 (six digits, up to 465536); coils start with 0: 00040, 000040
 *
 * @source MODBUS Application Protocol V1.1b3 §4.4 (data model numbers from 1, PDU addresses from 0); the digits are Modicon's
 */
import type { Space } from "#operation";
import type { Addressing } from "./points.ts";

type SpaceAddresses = Pick<Space, "name" | "last" | "modicon">;

/** Five digits reach this zero-based address. */
const FIVE_DIGITS = 9998;

/** @returns the zero-based address, or a text that says what would be right, in the document's own addressing */
export function parseAddress(addressing: Addressing, space: SpaceAddresses, words: string): number | string {
  if (!/^[0-9]{1,6}$/.test(words)) return expectedAddress(addressing, space);
  const number = Number(words);
  const address =
    styleOf(addressing, space) === "modicon"
      ? fromModicon(space.modicon as number, words)
      : /^0[0-9]/.test(words)
        ? -1
        : number - (addressing === "zero-based" ? 0 : 1);
  return address >= 0 && address <= space.last ? address : expectedAddress(addressing, space);
}

/** `40`, `40-43`: zero-based first and last, or what would be right. */
export function parseAddresses(addressing: Addressing, space: SpaceAddresses, words: string): readonly [number, number] | string {
  const [first, last, ...more] = words.split("-").map((word) => word.trim());
  if (first === undefined || more.length > 0) return `${expectedAddress(addressing, space)}, or a range of two`;
  const from = parseAddress(addressing, space, first);
  const to = last === undefined ? from : parseAddress(addressing, space, last);
  if (typeof from === "string") return from;
  if (typeof to === "string") return to;
  return from <= to ? [from, to] : `a range that does not go backwards, such as ${last}-${first}`;
}

/** A zero-based address as the asset's documents write it. */
export function formatAddress(addressing: Addressing, space: SpaceAddresses, address: number): string {
  switch (styleOf(addressing, space)) {
    case "zero-based":
      return String(address);
    case "one-based":
      return String(address + 1);
    case "modicon":
      return `${space.modicon}${String(address + 1).padStart(address <= FIVE_DIGITS ? 4 : 5, "0")}`;
  }
}

/** `40-43`, or `40` where both ends are the same. */
export function formatAddresses(addressing: Addressing, space: SpaceAddresses, first: number, last: number): string {
  const from = formatAddress(addressing, space, first);
  return first === last ? from : `${from}-${formatAddress(addressing, space, last)}`;
}

/** `a holding address from 40001 to 49999 or 400001 to 465536 (modicon)`. */
export function expectedAddress(addressing: Addressing, space: SpaceAddresses): string {
  const lowest = formatAddress(addressing, space, 0);
  const highest = formatAddress(addressing, space, space.last);
  if (styleOf(addressing, space) !== "modicon") return `a ${space.name} address from ${lowest} to ${highest} (${addressing})`;
  const fiveLast = formatAddress(addressing, space, Math.min(FIVE_DIGITS, space.last));
  const six = space.last > FIVE_DIGITS ? ` or ${space.modicon}00001 to ${highest}` : "";
  return `a ${space.name} address from ${lowest} to ${fiveLast}${six} (modicon)`;
}

/** A space without a leading digit (files) has no modicon style; there, modicon documents count from one as well. */
function styleOf(addressing: Addressing, space: SpaceAddresses): Addressing {
  return addressing === "modicon" && space.modicon === null ? "one-based" : addressing;
}

/** @returns the zero-based address, or -1 */
function fromModicon(digit: number, words: string): number {
  const stated = words.length === 5 || words.length === 6;
  if (stated && words[0] === String(digit)) return Number(words.slice(1)) - 1;
  // A spreadsheet takes the leading zeros from a coil: 00040 arrives as 40. Four digits can be nothing else.
  return digit === 0 && words.length <= 4 && !/^0[0-9]/.test(words) ? Number(words) - 1 : -1;
}
