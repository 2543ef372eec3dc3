/**
 * How an asset's documents write addresses, in one place: every reader and every message goes through here. Records are zero-based.
 *
 *     wire address 39 of the holding table
 *       zero-based  39
 *       one-based   40
 *       modicon     40040 (five digits, up to 49999), 400040 (six digits, up to 465536); coils start with 0: 00040, 000040
 *
 * Where an address takes several cells (`Space.stride`), documents count addresses and the gateway cells: analog output 3 begins at cell 12.
 *
 * A space of more than 65,536 addresses is counted in pages of so many, which are files: record 7 of file 4 is 4/7 in every style.
 *
 * @source MODBUS Application Protocol V1.1b3 §4.4 (data model numbers from 1, PDU addresses from 0); the digits are Modicon's
 */
import type { Space } from "#operation";
import type { Addressing } from "./points.ts";

type SpaceAddresses = Pick<Space, "name" | "last" | "modicon" | "stride">;

/** Five digits reach this zero-based address. */
const FIVE_DIGITS = 9998;
/** Addresses of one file, used or not. */
const PAGE = 0x10000;

/** @returns the zero-based address (its first cell), or a text that says what would be right, in the document's own addressing */
export function parseAddress(addressing: Addressing, space: SpaceAddresses, words: string): number | string {
  if (isPaged(space)) return parseRecord(space, words);
  if (!/^[0-9]{1,6}$/.test(words)) return expectedAddress(addressing, space);
  const number = Number(words);
  const address =
    styleOf(addressing, space) === "modicon"
      ? fromModicon(space.modicon as number, words)
      : /^0[0-9]/.test(words)
        ? -1
        : number - (addressing === "zero-based" ? 0 : 1);
  const cell = address * space.stride;
  return cell >= 0 && cell <= space.last ? cell : expectedAddress(addressing, space);
}

/** `40`, `40-43`, of files `4`, `4-6`, `4/0-99`: zero-based first and last cell, or what would be right. */
export function parseAddresses(addressing: Addressing, space: SpaceAddresses, words: string): readonly [number, number] | string {
  if (isPaged(space)) return parseRecords(space, words);
  const [first, last, ...more] = words.split("-").map((word) => word.trim());
  if (first === undefined || more.length > 0) return `${expectedAddress(addressing, space)}, or a range of two`;
  const from = parseAddress(addressing, space, first);
  const to = last === undefined ? from : parseAddress(addressing, space, last);
  if (typeof from === "string") return from;
  if (typeof to === "string") return to;
  return from <= to ? [from, to + space.stride - 1] : `a range that does not go backwards, such as ${last}-${first}`;
}

/** A zero-based address as the asset's documents write it. */
export function formatAddress(addressing: Addressing, space: SpaceAddresses, cell: number): string {
  if (isPaged(space)) return formatRecord(cell);
  const address = Math.floor(cell / space.stride);
  switch (styleOf(addressing, space)) {
    case "zero-based":
      return String(address);
    case "one-based":
      return String(address + 1);
    case "modicon":
      return `${space.modicon}${String(address + 1).padStart(address <= FIVE_DIGITS ? 4 : 5, "0")}`;
  }
}

/** `40-43`, or `40` where both ends are the same; of files `4/7-9`, and `4` or `4-6` where they are whole. */
export function formatAddresses(addressing: Addressing, space: SpaceAddresses, first: number, last: number): string {
  if (isPaged(space)) return formatRecords(space, first, last);
  const from = formatAddress(addressing, space, first);
  const to = formatAddress(addressing, space, last);
  return from === to ? from : `${from}-${to}`;
}

/** `a holding address from 40001 to 49999 or 400001 to 465536 (modicon)`. */
export function expectedAddress(addressing: Addressing, space: SpaceAddresses): string {
  if (isPaged(space)) return expectedRecord(space);
  const lowest = formatAddress(addressing, space, 0);
  const highest = formatAddress(addressing, space, space.last);
  if (styleOf(addressing, space) !== "modicon") return `${a(space.name)} address from ${lowest} to ${highest} (${addressing})`;
  const fiveLast = formatAddress(addressing, space, Math.min(FIVE_DIGITS, space.last));
  const six = space.last > FIVE_DIGITS ? ` or ${space.modicon}00001 to ${highest}` : "";
  return `${a(space.name)} address from ${lowest} to ${fiveLast}${six} (modicon)`;
}

const a = (name: string): string => `${/^[aeiou]/.test(name) ? "an" : "a"} ${name}`;

/** Is this a space of files? */
export function isPaged(space: Pick<Space, "last">): boolean {
  return space.last >= PAGE;
}

/** File and record of an address in a space of files. */
export function recordAt(address: number): { readonly file: number; readonly record: number } {
  return { file: Math.floor(address / PAGE), record: address % PAGE };
}

const FILES = "files from 1 to 65535";

function parseRecord(space: SpaceAddresses, words: string): number | string {
  const range = /^[0-9]+\/[0-9]+$/.test(words) ? parseRecords(space, words) : "";
  return typeof range === "string" ? expectedRecord(space) : range[0];
}

function expectedRecord(space: SpaceAddresses): string {
  return `a record of a file such as 4/7, ${FILES}, records from 0 to ${space.last % PAGE}`;
}

/** `4` is a whole file, `4-6` three, `4/0-99` some records of one. */
function parseRecords(space: SpaceAddresses, words: string): readonly [number, number] | string {
  const expected = "a file or a range of files (4, 4-6), or records of one file (4/0-99)";
  const parts = /^([0-9]{1,5})(?:-([0-9]{1,5})|\/([0-9]{1,5})(?:-([0-9]{1,5}))?)?$/.exec(words);
  if (parts === null) return expected;
  const [file, lastFile, record, lastRecord] = parts.slice(1).map((part) => (part === undefined ? null : Number(part)));
  const most = space.last % PAGE;
  const to = lastFile ?? file ?? 0;
  if (file == null || file < 1 || to > 0xffff || to < file) return `${expected}, ${FILES}`;
  if (record == null) return [file * PAGE, to * PAGE + most];
  const end = lastRecord ?? record;
  return end < record || end > most ? `${expected}, records from 0 to ${most}` : [file * PAGE + record, file * PAGE + end];
}

function formatRecord(address: number): string {
  const { file, record } = recordAt(address);
  return `${file}/${record}`;
}

function formatRecords(space: SpaceAddresses, first: number, last: number): string {
  const [from, to] = [recordAt(first), recordAt(last)];
  if (from.record === 0 && to.record === space.last % PAGE) return from.file === to.file ? `${from.file}` : `${from.file}-${to.file}`;
  if (first === last) return formatRecord(first);
  return `${formatRecord(first)}-${from.file === to.file ? to.record : formatRecord(last)}`;
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
