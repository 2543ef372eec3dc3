/**
 * Requests in words, for policy cases and `policy explain`, to the octets of the PDU they mean.
 *
 *     read PLACE                              PLACE: holding 40 | coil 3-5 | the name of a point
 *     write PLACE = VALUE ...                 coils on, off, 1, 0; words 0..65535 or 0x0000..0xFFFF; a point in engineering units
 *     mask PLACE and WORD or WORD
 *     readwrite holding 0-3 write 40-41 = 1 2
 *     file-read FILE/RECORDS ...              4/1-9
 *     file-write FILE/RECORD = WORD ...       one group
 *     diagnose | control | identify FUNCTION [= OCTETS]
 *     raw FUNCTION [= OCTETS]                 octets after the function code and sub-function; not looked into, so also for malformed requests
 *
 * `by FUNCTION` at the end of read and write chooses among the functions that can do it. Addresses are written as the asset writes them.
 */
import type { CaseContext, Verb } from "#operation";
import { fromHex, putU16 } from "#wire";
import { parseMask, parseRead, parseReadWrite, parseWrite } from "./caseAccess.ts";
import { parseFileRead, parseFileWrite } from "./caseFiles.ts";
import { wordsOf } from "./caseOctets.ts";
import { entryOf } from "./functions.ts";
import { functionOf } from "./names.ts";
import { subLength } from "./opaque.ts";
import { decodeRequest, PDU_LIMIT } from "./pdu.ts";

/** The octets, or why the words mean nothing: `found ...; expected ...`. */
export function parseCase(words: string, context: CaseContext): Uint8Array | string {
  const said = clauseOf(words);
  if (typeof said === "string") return said;
  const parsed = parseVerb(said, context);
  if (typeof parsed === "string" || said.verb === "raw") return parsed;
  const checked = decodeRequest(parsed, 0, parsed.length);
  if (checked.ok) return parsed;
  return `found a request that no device would understand (${checked.error.kind}); expected one within the standard's limits`;
}

interface Clause {
  readonly verb: string;
  /** Between the verb and "=". */
  readonly tokens: readonly string[];
  /** After "=", null where there is none. */
  readonly value: string | null;
  readonly by: number | null;
}

function clauseOf(words: string): Clause | string {
  const equals = words.indexOf("=");
  const head = wordsOf((equals < 0 ? words : words.slice(0, equals)).trim());
  const value = equals < 0 ? null : words.slice(equals + 1).trim();
  const [verb = "", ...tokens] = head;
  const whole = { verb, tokens, value, by: null };
  const [all, before, name] = /^(.*?)\s+by\s+(\S+)$/.exec(value ?? tokens.join(" ")) ?? [];
  if (all === undefined) return whole;
  const by = functionOf(name as string);
  // A point of text may be told to stand by.
  if (by === null) return value !== null && tokens.length === 1 ? whole : `found "by ${name}"; expected a function, such as by 16`;
  if (verb !== "read" && verb !== "write") return `found "by" after ${verb}; expected it after read or write only`;
  return value === null ? { verb, tokens: wordsOf(before as string), value, by } : { verb, tokens, value: before as string, by };
}

function parseVerb({ verb, tokens, value, by }: Clause, context: CaseContext): Uint8Array | string {
  switch (verb) {
    case "read":
      return value === null ? parseRead(tokens, by, context) : `found "=" after read; expected a place alone`;
    case "write":
      return value === null ? `found no "="; expected write PLACE = VALUE` : parseWrite(tokens, value, by, context);
    case "mask":
      return parseMask(tokens, context);
    case "readwrite":
      return parseReadWrite(tokens, value, context);
    case "file-read":
      return parseFileRead(tokens);
    case "file-write":
      return parseFileWrite(tokens, value);
    case "diagnose":
    case "control":
    case "identify":
    case "raw":
      return parseFunction(verb, tokens, value);
    default:
      return `found "${verb}"; expected ${VERBS}`;
  }
}

const VERBS = "read, write, mask, readwrite, file-read, file-write, diagnose, control, identify or raw";

/** Functions that are asked for by name; where no octets are given, those a client would send. */
function parseFunction(verb: Verb, tokens: readonly string[], value: string | null): Uint8Array | string {
  const name = tokens.length === 0 && verb === "identify" ? "43/14" : tokens.join(" ");
  const number = functionOf(name);
  if (number === null) return `found "${verb} ${name}"; expected the number or name of a function, such as 8/0`;
  if (verb !== "raw" && !entryOf(number).verbs.includes(verb)) return `found ${name} after ${verb}; expected a function of that verb`;
  const octets = value === null ? usualData(number) : fromHex(value);
  if (octets === null) return `found "${value}"; expected octets as pairs of hex digits`;
  const code = number & 0xff;
  const head = 1 + subLength(code);
  const pdu = new Uint8Array(head + octets.length);
  if (pdu.length > PDU_LIMIT) return `found ${octets.length} octets; expected at most ${PDU_LIMIT - head}`;
  pdu[0] = code;
  if (head === 3) putU16(pdu, 1, number >> 8);
  if (head === 2) pdu[1] = number >> 8;
  pdu.set(octets, head);
  return pdu;
}

function usualData(number: number): Uint8Array {
  const code = number & 0xff;
  if (code === 8) return new Uint8Array(2);
  return number === IDENTIFY ? Uint8Array.of(1, 0) : new Uint8Array(0);
}

const IDENTIFY = 43 | (14 << 8);
