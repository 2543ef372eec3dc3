/** Cases about the process tables: read, write, mask, readwrite. The grammar stands in cases.ts. */
import type { CaseContext } from "#operation";
import { u16 } from "#wire";
import { cellsOf, pduOf, wordsOf } from "./caseOctets.ts";
import { PDU_LIMIT } from "./pdu.ts";
import { COIL, HOLDING, SPACES } from "./spaces.ts";

interface Place {
  readonly space: number;
  readonly first: number;
  readonly count: number;
}

function placeOf(tokens: readonly string[], context: CaseContext): Place | string {
  if (tokens.length === 1) {
    const point = context.point(tokens[0] as string, null);
    return typeof point === "string" ? point : { space: point.space, first: point.first, count: point.last - point.first + 1 };
  }
  const [table, addresses] = tokens;
  const space = SPACES.findIndex(({ name, process }) => process && name === table);
  if (space < 0 || tokens.length !== 2) return `found "${tokens.join(" ")}"; expected ${PLACE}`;
  const range = context.addresses(space, addresses as string);
  return typeof range === "string" ? range : { space, first: range[0], count: range[1] - range[0] + 1 };
}

const PLACE = "coil, discrete, input or holding and its addresses, or the name of a point";

/** Function that reads a space, by the space's number. */
const READS: readonly number[] = [1, 2, 4, 3];
const READ_FIFO = 24;

export function parseRead(tokens: readonly string[], by: number | null, context: CaseContext): Uint8Array | string {
  const place = placeOf(tokens, context);
  if (typeof place === "string") return place;
  const { space, first, count } = place;
  const usual = READS[space];
  if (usual === undefined) return `found a point in the table ${SPACES[space]?.name}; expected one that can be read`;
  if (by === READ_FIFO && space === HOLDING && count === 1) return pduOf({ is: "fifo", function: 24, first });
  if (by !== null && by !== usual) return `found "by" a function that cannot read this; expected ${usual}, or 24 for one holding register`;
  return pduOf({ is: "read", function: usual, first, count });
}

/** @param value  all that stands after "=", as it was written: a point's value may be text */
export function parseWrite(tokens: readonly string[], value: string, by: number | null, context: CaseContext): Uint8Array | string {
  if (tokens.length === 1) {
    const point = context.point(tokens[0] as string, value);
    if (typeof point === "string") return point;
    if (point.cells === null) return `found no value for ${tokens[0]}; expected one its type can hold`;
    return writeOf({ space: point.space, first: point.first, count: point.last - point.first + 1 }, point.cells, by);
  }
  const place = placeOf(tokens, context);
  if (typeof place === "string") return place;
  const values = wordsOf(value);
  const cells = cellsOf(place.space, values);
  if (typeof cells === "string") return cells;
  if (values.length !== place.count) return `found ${values.length} values for ${place.count} addresses; expected one each`;
  return writeOf(place, cells, by);
}

/** One cell goes by the single function, more by the multiple one, where nothing else is said. */
function writeOf({ space, first, count }: Place, cells: Uint8Array, by: number | null): Uint8Array | string {
  if (space !== COIL && space !== HOLDING) return `found the table ${SPACES[space]?.name}; expected coil or holding, which can be written`;
  const [single, multiple] = space === COIL ? [5, 15] : [6, 16];
  if (cells.length > MOST_VALUE_OCTETS) return `found ${count} values; expected as many as one request can carry`;
  const chosen = by ?? (count === 1 ? single : multiple);
  if (chosen === multiple) return pduOf({ is: "writeMany", function: multiple as number, first, count, octets: cells, at: 0 });
  if (chosen !== single || count !== 1)
    return `found "by" a function that cannot write this; expected ${count === 1 ? `${single} or ` : ""}${multiple}`;
  const word = space === COIL ? Uint8Array.of(((cells[0] as number) & 1) === 1 ? 0xff : 0, 0) : cells;
  return pduOf({ is: "writeOne", function: single as number, first, octets: word, at: 0 });
}

/** What FC 15 and 16 have room for. */
const MOST_VALUE_OCTETS = PDU_LIMIT - 6;

export function parseMask(tokens: readonly string[], context: CaseContext): Uint8Array | string {
  const at = tokens.length - 4;
  if (tokens[at] !== "and" || tokens[at + 2] !== "or") return `found "mask ${tokens.join(" ")}"; expected mask PLACE and WORD or WORD`;
  const place = placeOf(tokens.slice(0, at), context);
  if (typeof place === "string") return place;
  if (place.space !== HOLDING || place.count !== 1) return "found more than one address or another table; expected one holding register";
  const masks = cellsOf(HOLDING, [tokens[at + 1] as string, tokens[at + 3] as string]);
  if (typeof masks === "string") return masks;
  const [and, or] = [u16(masks, 0), u16(masks, 2)];
  return pduOf({ is: "mask", function: 22, first: place.first, and, or, octets: masks, at: 2 });
}

export function parseReadWrite(tokens: readonly string[], value: string | null, context: CaseContext): Uint8Array | string {
  const [table, from, write, to] = tokens;
  if (tokens.length !== 4 || table !== "holding" || write !== "write" || value === null)
    return "found other words; expected readwrite holding ADDRESSES write ADDRESSES = WORD ...";
  const read = context.addresses(HOLDING, from as string);
  if (typeof read === "string") return read;
  const written = context.addresses(HOLDING, to as string);
  if (typeof written === "string") return written;
  const values = wordsOf(value);
  const cells = cellsOf(HOLDING, values);
  if (typeof cells === "string") return cells;
  const count = written[1] - written[0] + 1;
  if (values.length !== count) return `found ${values.length} values for ${count} addresses; expected one each`;
  if (cells.length > PDU_LIMIT - 10) return `found ${count} values; expected as many as one request can carry`;
  return pduOf({
    is: "readWrite",
    function: 23,
    readFirst: read[0],
    readCount: read[1] - read[0] + 1,
    first: written[0],
    count,
    octets: cells,
    at: 0,
  });
}
