/**
 * Requests in words, for policy cases and `policy explain`, to the fragment they mean (sequence 0).
 *
 *     read PLACE                        PLACE: analog-input 0-3 | the name of a point | class 0 | g30v5 0-3 | g20v1 | clock | indication 7
 *     read events PLACE | read class 1  what takes events out of the outstation's buffer
 *     operate PLACE CODE [on TIME] [off TIME] [count N] WAY       CODE: trip, close, pulse_on, latch_on, latch_off, or a number such as 0x41
 *     operate PLACE = VALUE [as i16|i32|f32|f64] WAY              WAY: sbo (the OPERATE), select (the SELECT), direct, no-ack
 *     write PLACE = 0                   indication 7 alone
 *     freeze PLACE | unsolicited on|off class 1 | assign PLACE class 1 | time | restart cold|warm | configure PLACE
 *     raw FUNCTION [= OCTETS]           octets after the function code; not looked into, so also for malformed requests
 *
 * Indexes are written as the asset writes them.
 */
import type { CaseContext } from "#operation";
import { f64be, fromHex, putF32le, putF64le, putU16le, putU32le } from "#wire";
import { decodeFragment } from "./application.ts";
import { FUNCTION } from "./functions.ts";
import { CONTROL_CODES, functionOf } from "./names.ts";
import { entryOf, groupOf } from "./objects/index.ts";
import {
  ANALOG_INPUT,
  ANALOG_OUTPUT,
  ATTRIBUTE,
  BINARY_OUTPUT,
  CLASS,
  CLOCK,
  eventGroupOf,
  INDICATION,
  SPACES,
  spaceOfGroup,
  staticGroupOf,
  VIRTUAL_TERMINAL,
} from "./spaces.ts";

/** The octets, or why the words mean nothing: `found ...; expected ...`. */
export function parseCase(words: string, context: CaseContext): Uint8Array | string {
  const tokens = words.replaceAll("=", " = ").trim().split(/\s+/);
  const [verb = "", ...rest] = tokens;
  if (verb === "raw") return parseRaw(rest);
  const parsed = parseVerb(verb, rest, context);
  if (typeof parsed === "string") return parsed;
  const octets = Uint8Array.from([WHOLE, ...parsed]);
  const checked = decodeFragment(octets, 0, octets.length);
  if (checked.ok && checked.value.fault === null) return octets;
  return "found a request that no outstation would understand; expected one within the standard's limits";
}

/** FIR, FIN, sequence 0. */
const WHOLE = 0xc0;
type Octets = readonly number[];

function parseVerb(verb: string, tokens: readonly string[], context: CaseContext): Octets | string {
  switch (verb) {
    case "read":
      return tokens[0] === "events"
        ? headers(FUNCTION.read, tokens.slice(1), context, true)
        : headers(FUNCTION.read, tokens, context, false);
    case "freeze":
      return headers(FUNCTION.immediateFreeze, tokens, context, false);
    case "operate":
      return parseOperate(tokens, context);
    case "write":
      return parseWrite(tokens, context);
    case "unsolicited":
      return parseUnsolicited(tokens, context);
    case "assign":
      return parseAssign(tokens, context);
    case "configure":
      return parseConfigure(tokens, context);
    case "time":
      return tokens.length === 0 ? [FUNCTION.write, 50, 1, 7, 1, 0, 0, 0, 0, 0, 0] : `found words after time; expected time alone`;
    case "restart": {
      const code = tokens[0] === "cold" ? FUNCTION.coldRestart : tokens[0] === "warm" ? FUNCTION.warmRestart : null;
      return code === null || tokens.length !== 1 ? "found other words; expected restart cold or restart warm" : [code];
    }
    default:
      return `found "${verb}"; expected read, operate, write, freeze, unsolicited, assign, configure, time, restart or raw`;
  }
}

interface Place {
  readonly space: number;
  /** Indexes, and the variation where an object is named. */
  readonly first: number;
  readonly last: number;
  readonly object: readonly [group: number, variation: number] | null;
  /** In cells, where a value is stated for a point. */
  readonly cells: Uint8Array | null;
}

const PLACE = "a table and its indexes, a group and variation such as g30v5, or the name of a point";

function placeOf(tokens: readonly string[], value: string | null, context: CaseContext): Place | string {
  const [table = "", indexes] = tokens;
  if (table === SPACES[CLOCK]?.name && tokens.length === 1) return { space: CLOCK, first: 0, last: 0, object: [50, 1], cells: null };
  const object = objectOf(table);
  if (typeof object === "string") return object;
  if (tokens.length === 1 && object === null) {
    const point = context.point(table, value);
    if (typeof point === "string") return point;
    const { stride } = SPACES[point.space] as { readonly stride: number };
    const [first, last] = [point.first / stride, (point.last + 1) / stride - 1];
    return { space: point.space, first, last, object: null, cells: point.cells };
  }
  const space = object === null ? SPACES.findIndex(({ name }) => name === table) : (spaceOfGroup(object[0]) ?? -1);
  if (space < 0 || tokens.length !== 2 || indexes === undefined) return `found "${tokens.join(" ")}"; expected ${PLACE}`;
  const range = context.addresses(space, indexes);
  if (typeof range === "string") return range;
  const { stride } = SPACES[space] as { readonly stride: number };
  return { space, first: range[0] / stride, last: (range[1] + 1) / stride - 1, object, cells: null };
}

/** Null: it is not written as one. */
function objectOf(word: string): readonly [group: number, variation: number] | null | string {
  const [, group, variation] = /^g(\d{1,3})v(\d{1,3})$/.exec(word) ?? [];
  if (group === undefined) return null;
  const entry = entryOf(Number(group), Number(variation));
  return entry === null
    ? `found ${word}, which is in no table; expected a group and variation such as g30v5`
    : [entry.group, entry.variation];
}

function headers(code: number, tokens: readonly string[], context: CaseContext, events: boolean): Octets | string {
  const object = tokens.length === 1 ? objectOf(tokens[0] as string) : null;
  // Without indexes: all there are of it.
  if (typeof object === "object" && object !== null) return [code, ...object, 6];
  const place = placeOf(tokens, null, context);
  if (typeof place === "string") return place;
  const header = headerOf(place, events);
  return typeof header === "string" ? header : [code, ...header];
}

function headerOf({ space, first, last, object }: Place, events: boolean): Octets | string {
  if (space === CLASS) return Array.from({ length: last - first + 1 }, (_, i) => [60, first + i + 1, 6]).flat();
  if (space === CLOCK) return [50, 1, 7, 1];
  const group = object?.[0] ?? (events ? eventGroupOf(space) : (staticGroupOf(space) ?? UNSHOWN[space]));
  if (group === undefined) return `found no events of ${SPACES[space]?.name}; expected another table`;
  const variation = object?.[1] ?? (space === INDICATION ? 1 : 0);
  if (group === ATTRIBUTES) return [0, first, 0, 0, 0];
  // Events have no order but their own: all of that group are asked for.
  if (groupOf(group)?.kind === "event") return [group, variation, 6];
  return [group, variation, 1, first & 0xff, first >> 8, last & 0xff, last >> 8];
}

const ATTRIBUTES = 0;
/** Groups that are asked for like points and show none of the process. */
const UNSHOWN: Readonly<Record<number, number>> = { [VIRTUAL_TERMINAL]: 112, [ATTRIBUTE]: ATTRIBUTES, [INDICATION]: 80 };
const WAYS: Readonly<Record<string, number>> = {
  sbo: FUNCTION.operate,
  select: FUNCTION.select,
  direct: FUNCTION.directOperate,
  "no-ack": FUNCTION.directOperateNoAck,
};

function parseOperate(tokens: readonly string[], context: CaseContext): Octets | string {
  const way = WAYS[tokens.at(-1) ?? ""];
  if (way === undefined) return `found "operate ${tokens.join(" ")}"; expected it to end in sbo, select, direct or no-ack`;
  const words = tokens.slice(0, -1);
  const equals = words.indexOf("=");
  return equals < 0 ? parseRelay(way, words, context) : parseAnalog(way, words.slice(0, equals), words.slice(equals + 1), context);
}

function parseRelay(way: number, words: readonly string[], context: CaseContext): Octets | string {
  const at = words.findIndex((word) => codeOf(word) !== null && word !== words[0] && !/^[0-9]+(-[0-9]+)?$/.test(word));
  if (at < 1) return "found no control code; expected trip, close, pulse_on, latch_on, latch_off, or an octet such as 0x41";
  const place = placeOf(words.slice(0, at), null, context);
  if (typeof place === "string") return place;
  if (place.space !== BINARY_OUTPUT) return `found ${SPACES[place.space]?.name}; expected a binary output`;
  const settings = settingsOf(words.slice(at + 1));
  if (typeof settings === "string") return settings;
  const block = new Uint8Array(11);
  block[0] = codeOf(words[at] as string) as number;
  block[1] = settings.count;
  putU32le(block, 2, settings.on);
  putU32le(block, 6, settings.off);
  return commands(way, 12, place.object?.[1] ?? 1, place, block);
}

function codeOf(word: string): number | null {
  if (Object.hasOwn(CONTROL_CODES, word)) return CONTROL_CODES[word] as number;
  const code = /^(?:0x[0-9a-fA-F]{1,2}|[0-9]{1,3})$/.test(word) ? Number(word) : 256;
  return code > 255 ? null : code;
}

function settingsOf(words: readonly string[]): { readonly on: number; readonly off: number; readonly count: number } | string {
  const settings = { on: 0, off: 0, count: 1 };
  for (let i = 0; i < words.length; i += 2) {
    const [name = "", value = ""] = words.slice(i, i + 2);
    const [, digits, unit] = /^([0-9]{1,10})(ms|s)?$/.exec(value) ?? [];
    const isTime = name === "on" || name === "off";
    if ((!isTime && name !== "count") || digits === undefined || isTime !== (unit !== undefined))
      return `found "${words.slice(i).join(" ")}"; expected on 500ms, off 500ms or count 1`;
    const stated = Number(digits) * (unit === "s" ? 1000 : 1);
    if (stated > (isTime ? MOST_TIME : MOST_COUNT))
      return `found "${name} ${value}"; expected at most ${isTime ? `${MOST_TIME}ms` : MOST_COUNT}`;
    settings[name as "on" | "off" | "count"] = stated;
  }
  return settings;
}

const MOST_TIME = 0xffff_ffff;
const MOST_COUNT = 0xff;

/** By the word for how it is written. `most`: of whole numbers, to either side. */
const ANALOGS: Readonly<Record<string, readonly [variation: number, octets: number, most: number | null]>> = {
  i32: [1, 4, 0x7fff_ffff],
  i16: [2, 2, 0x7fff],
  f32: [3, 4, null],
  f64: [4, 8, null],
};

function parseAnalog(way: number, where: readonly string[], words: readonly string[], context: CaseContext): Octets | string {
  const [value = "", as, type = "f64", ...more] = words;
  const kind = ANALOGS[type];
  if (kind === undefined || value === "" || more.length > 0 || (as !== undefined && as !== "as"))
    return `found "${words.join(" ")}"; expected a value, and how it is written: as i16, i32, f32 or f64`;
  const place = placeOf(where, value, context);
  if (typeof place === "string") return place;
  if (place.space !== ANALOG_OUTPUT) return `found ${SPACES[place.space]?.name}; expected an analog output`;
  const number = place.cells === null ? Number(value) : f64be(place.cells, 0);
  if (Number.isNaN(number)) return `found "${value}"; expected a number`;
  const [variation, size, most] =
    place.object === null ? kind : (Object.values(ANALOGS).find(([each]) => each === place.object?.[1]) ?? kind);
  // What it would come to by cutting it off is another question.
  if (most !== null && (!Number.isInteger(number) || number > most || number < -most - 1))
    return `found ${number}, as it is on the wire; expected a whole number of ${8 * size} bits, or as f32 or f64`;
  const block = new Uint8Array(size + 1);
  if (variation === 1) putU32le(block, 0, number >>> 0);
  else if (variation === 2) putU16le(block, 0, number & 0xffff);
  else if (variation === 3) putF32le(block, 0, number);
  else putF64le(block, 0, number);
  return commands(way, 41, variation, place, block);
}

function commands(way: number, group: number, variation: number, { first, last }: Place, block: Uint8Array): Octets {
  const items = Array.from({ length: last - first + 1 }, (_, i) => [(first + i) & 0xff, (first + i) >> 8, ...block]);
  return [way, group, variation, 0x28, items.length & 0xff, items.length >> 8, ...items.flat()];
}

function parseWrite(tokens: readonly string[], context: CaseContext): Octets | string {
  const equals = tokens.indexOf("=");
  const place = equals < 0 ? `found no "="; expected write indication 7 = 0` : placeOf(tokens.slice(0, equals), null, context);
  if (typeof place === "string") return place;
  const bit = tokens[equals + 1];
  if (place.space !== INDICATION || place.first !== place.last || (bit !== "0" && bit !== "1") || tokens.length !== equals + 2)
    return "found another write; expected write indication 7 = 0";
  return [FUNCTION.write, 80, 1, 0, place.first, place.first, Number(bit)];
}

function parseUnsolicited(tokens: readonly string[], context: CaseContext): Octets | string {
  const [state, ...where] = tokens;
  const code = state === "on" ? FUNCTION.enableUnsolicited : state === "off" ? FUNCTION.disableUnsolicited : null;
  return code === null ? "found other words; expected unsolicited on class 1" : headers(code, where, context, false);
}

function parseAssign(tokens: readonly string[], context: CaseContext): Octets | string {
  const at = tokens.indexOf("class");
  const number = Number(tokens[at + 1]);
  if (at < 1 || tokens.length !== at + 2 || !(number >= 0 && number <= 3)) return "found other words; expected assign PLACE class 1";
  const place = placeOf(tokens.slice(0, at), null, context);
  if (typeof place === "string") return place;
  const header = headerOf(place, false);
  return typeof header === "string" ? header : [FUNCTION.assignClass, 60, number + 1, 6, ...header];
}

/** A deadband. */
function parseConfigure(tokens: readonly string[], context: CaseContext): Octets | string {
  const place = placeOf(tokens, null, context);
  if (typeof place === "string") return place;
  if (place.space !== ANALOG_INPUT || place.first !== place.last || place.first > 255)
    return "found another place; expected one analog input, of index 0 to 255";
  return [FUNCTION.write, 34, 1, 0, place.first, place.first, 1, 0];
}

function parseRaw(tokens: readonly string[]): Uint8Array | string {
  const equals = tokens.indexOf("=");
  const name = tokens.slice(0, equals < 0 ? tokens.length : equals).join(" ");
  const number = functionOf(name);
  if (number === null) return `found "raw ${name}"; expected the number or name of a function, such as 25`;
  const octets = equals < 0 ? new Uint8Array(0) : fromHex(tokens.slice(equals + 1).join(" "));
  if (octets === null) return `found "${tokens.slice(equals + 1).join(" ")}"; expected octets as pairs of hex digits`;
  return Uint8Array.from([WHOLE, number & 0xff, ...octets]);
}
