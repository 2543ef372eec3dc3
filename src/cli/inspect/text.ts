/** A row as a line for people. */
import { endpointText } from "#capture/address";
import type { Side } from "#capture/streams";
import type { Stamp } from "#capture/time";
import { exceptionName } from "#modbus/exceptions";
import { umasName } from "#modbus/umas";
import { modbusVocabulary } from "#modbus/vocabulary";
import type { Format } from "./lines.ts";
import { REQUEST, type Row } from "./row.ts";

/** Values shown of a message; the JSON has them all. */
const SHOWN = 16;
const DIRECTIONS = ["request", "response", "unknown"] as const;

const encoder = new TextEncoder();
const COLUMNS = [8, 26, 21, 21, 8, 5, 4] as const;

/** Sixteen values and 125 groups of a file record reply stay far below. */
const LONGEST = 8 * 1024;

export const TEXT_FORMAT: Format = {
  head: `${columns(["frame", "time (UTC)", "from", "to", "what", "trans", "unit", "message"])}\n`,
  longest: LONGEST,
  encode: (row, out, at) => at + encoder.encodeInto(`${textOf(row)}\n`, out.subarray(at, at + LONGEST)).written,
};

export function textOf(row: Row): string {
  const [from, to] = row.side === null ? ["", ""] : endpointsOf(row.side);
  return columns([
    String(row.stamp.frame),
    timeOf(row.stamp),
    from,
    to,
    DIRECTIONS[row.direction],
    String(row.transaction),
    String(row.unit),
    meaning(row),
  ]);
}

/** Numbers to the right (frame, transaction, unit), words to the left. */
export function columns(cells: readonly string[]): string {
  return cells
    .map((cell, i) => {
      const width = COLUMNS[i] ?? 0;
      return i === 0 || i === 5 || i === 6 ? cell.padStart(width) : cell.padEnd(width);
    })
    .join("  ")
    .trimEnd();
}

/** Of a side, whose octets are shown, and of the other. */
export function endpointsOf<S>({ address, port, peer }: Side<S>): [from: string, to: string] {
  return [endpointText(address, port), endpointText(peer.address, peer.port)];
}

export function timeOf({ seconds, fraction, digits }: Stamp): string {
  if (digits < 0) return "-";
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return String(seconds);
  const words = date.toISOString().slice(0, 19).replace("T", " ");
  return digits === 0 ? words : `${words}.${String(fraction).padStart(digits, "0")}`;
}

function meaning(row: Row): string {
  const words: string[] = [nameOf(row)];
  if (row.first >= 0) words.push(span(row.first, row.count));
  else if (row.count >= 0) words.push(`${row.count} values`);
  if (row.values !== "none") words.push(`= ${valuesOf(row)}`);
  if (row.readFirst >= 0) words.push(`then read ${span(row.readFirst, row.readCount)}`);
  for (const group of row.groups ?? [])
    words.push(group.file < 0 ? `(${group.count} words)` : `(file ${group.file} record ${group.record}, ${group.count} words)`);
  if (row.exception >= 0) words.push(`exception ${row.exception} ${exceptionName(row.exception)}`);
  if (row.malformed !== null) words.push(`MALFORMED ${row.malformed}`);
  return words.join(" ");
}

function span(first: number, count: number): string {
  return count > 1 ? `${first}-${first + count - 1}` : String(first);
}

/** Functions named by their sub-function, where a message does not carry it. */
const BARE: ReadonlyMap<number, string> = new Map([
  [8, "diagnostics"],
  [43, "encapsulatedInterfaceTransport"],
]);

function nameOf(row: Row): string {
  const umas = row.direction === REQUEST ? umasName(row.pdu, row.pduAt, row.pduLength) : null;
  const bare = row.sub < 0 ? BARE.get(row.function) : undefined;
  return umas ?? bare ?? modbusVocabulary.nameOf(row.sub < 0 ? row.function : row.function | (row.sub << 8));
}

function valuesOf(row: Row): string {
  const all = row.values === "numbers" ? row.numbers.length : row.amount;
  const shown = Array.from({ length: Math.min(all, SHOWN) }, (_, i) => valueAt(row, i));
  return `${shown.join(" ")}${all > SHOWN ? ` ... (${all})` : ""}`;
}

function valueAt({ values, octets, at, numbers }: Row, i: number): number {
  switch (values) {
    case "bits":
      return ((octets[at + (i >> 3)] as number) >> (i & 7)) & 1;
    case "octets":
      return octets[at + i] as number;
    case "words":
      return ((octets[at + 2 * i] as number) << 8) | (octets[at + 2 * i + 1] as number);
    default:
      return numbers[i] as number;
  }
}
