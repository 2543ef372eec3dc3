/** A DNP3 link frame as a line for people. */
import { CON, type Fragment, type ObjectHeader, SEQUENCE, UNS } from "#dnp3/application";
import { isResponse } from "#dnp3/functions";
import { eachItem, fieldOf, type Item, readField } from "#dnp3/items";
import { DIR, PRIMARY, PRM, SECONDARY } from "#dnp3/link";
import { sizeOfField } from "#dnp3/objects/entry";
import { visible } from "#documents/escape";
import { bodyOf, type Said } from "./bodies.ts";
import type { LinkLine } from "./dnp3Frames.ts";
import { columns, endpointsOf, timeOf } from "./text.ts";

/** Values shown of one object header; the JSON has them all. */
const SHOWN = 8;

export function dnp3Text(line: LinkLine): string {
  const { side, stamp, control, source, destination, fragment } = line;
  const [from, to] = endpointsOf(side);
  const what = fragment === null ? "link" : isResponse(fragment.row.code) ? "response" : "request";
  const sequence = fragment === null ? "" : String(fragment.control & SEQUENCE);
  return `${columns([String(stamp.frame), timeOf(stamp), from, to, what, sequence, `${source}>${destination}`, meaning(line, control)])}\n`;
}

function meaning({ crcOk, transport, fragment, malformed }: LinkLine, control: number): string {
  const wrong = malformed === null ? "" : `  MALFORMED ${malformed}`;
  if (!crcOk || fragment === null) return `${linkName(control)}${transport < 0 ? "" : `, segment ${transport & 0x3f}`}${wrong}`;
  const marks = `${(fragment.control & UNS) !== 0 ? ", unsolicited" : ""}${(fragment.control & CON) !== 0 ? ", confirm wanted" : ""}`;
  const objects = fragment.headers.map((header) => sayObjects(fragment, header));
  return `${[`${fragment.row.name}${marks}`, ...objects].join("; ")}${wrong}`;
}

const PRIMARY_NAMES = new Map<number, string>(Object.entries(PRIMARY).map(([name, code]) => [code, name]));
const SECONDARY_NAMES = new Map<number, string>(Object.entries(SECONDARY).map(([name, code]) => [code, name]));

function linkName(control: number): string {
  const names = (control & PRM) === 0 ? SECONDARY_NAMES : PRIMARY_NAMES;
  return `${names.get(control & 0x0f) ?? `function ${control & 0x0f}`}${(control & DIR) === 0 ? "" : " from the master"}`;
}

/** `g12v1 controlRelayOutputBlock 10: code 0x81 count 1 on 100 ms off 100 ms`. */
function sayObjects(fragment: Fragment, header: ObjectHeader): string {
  const { group, variation, first, last, count, entry, qualifier } = header;
  const which = first >= 0 ? ` ${first}${last > first ? `-${last}` : ""}` : qualifier.range === "all" ? "" : ` x${count}`;
  const values: string[] = [];
  eachItem(fragment, header, (item) => {
    if (values.length >= SHOWN) return;
    const index = first >= 0 || item.index < 0 ? "" : `${item.index}: `;
    values.push(`${index}${sayValue(fragment, header, item)}`);
  });
  const more = header.hasData && header.count > SHOWN ? " ..." : "";
  return `g${group}v${variation} ${entry.name}${which}${values.length === 0 ? "" : ` = ${values.join(", ")}${more}`}`;
}

function sayValue({ octets }: Fragment, header: ObjectHeader, { at, length, bits }: Item): string {
  const { layout } = header.entry;
  if (layout.is === "packed") return String(bits);
  if (layout.is === "attribute" || layout.is === "sized" || header.entry.kind === "authentication")
    return sayBody(header, octets.subarray(at, at + length));
  const field = (name: string): number | undefined => fieldOf(octets, header, at, name);
  const code = field("code");
  if (header.group === 12 && code !== undefined)
    return `code 0x${code.toString(16).padStart(2, "0")} count ${field("count")} on ${field("onTime")} ms off ${field("offTime")} ms status ${field("status")}`;
  const value = field("value") ?? field("delay") ?? field("time");
  const flags = field("flags") ?? field("status");
  if (value === undefined) return flags === undefined ? "(octets)" : `flags 0x${flags.toString(16).padStart(2, "0")}`;
  return String(value);
}

/** Characters of a part, at most. */
const LONGEST_PART = 64;
/** Where the name stands and how long parts are: seen by what is shown of them. And the key that opens a file. */
const UNSAID: ReadonlySet<string> = new Set([
  "authenticationKey",
  ...["nameOffset", "nameSize", "userOffset", "userSize", "passwordOffset", "passwordSize"],
  ...["challengeLength", "nameLength", "keyLength", "certificationLength"],
]);

/** `handle 7 fileSize 0 ... text done`: its numbers, then what stands behind them, or how much that is. What is empty is left out. */
function sayBody({ group, variation, entry: { layout } }: ObjectHeader, octets: Uint8Array): string {
  const words: string[] = [];
  let at = 0;
  for (const field of layout.is === "sized" || layout.is === "fields" ? layout.fields : []) {
    if (!UNSAID.has(field[0])) words.push(`${field[0]} ${readField(octets, at, field)}`);
    at += sizeOfField(field);
  }
  const body = bodyOf(group, variation, octets);
  for (const [name, said] of Object.entries(body ?? {})) if (said !== "") words.push(`${name} ${sayPart(said)}`);
  if (body === null && at < octets.length) words.push(`(${octets.length - at} octets)`);
  return words.join(" ");
}

function sayPart(said: Said): string {
  if (typeof said === "string") return visible(said.length > LONGEST_PART ? `${said.slice(0, LONGEST_PART)}...` : said);
  if (said === null || typeof said === "number") return String(said);
  if ("octets" in said) return `(${said.octets} octets)`;
  const shown = said.slice(0, SHOWN).map(({ variation }) => variation);
  return `${shown.join(" ")}${said.length > SHOWN ? ` ... (${said.length})` : ""}`;
}
