/**
 * A row as one line of JSON, written straight into octets: at a million lines the strings between would cost more than everything else.
 * The keys and their order are DESIGN 9.
 */
import { endpointText } from "#capture/address";
import type { Stamp } from "#capture/time";
import type { Format } from "./lines.ts";
import type { Group, Row } from "./row.ts";

const encoder = new TextEncoder();
const text = (words: string): Uint8Array => encoder.encode(words);

const DIRECTIONS = ["request", "response", "unknown"] as const;
const FRAME = text('{"frame":');
const TIME = text(',"time":');
const UNIT = text(',"unit":');
const FUNCTION = text(',"function":');
const SUB = text(',"sub":');
const EXCEPTION = text(',"exception":');
const NO_SUB_NO_EXCEPTION_FIRST = text(',"sub":null,"exception":null,"first":');
const FIRST = text(',"first":');
const COUNT = text(',"count":');
const VALUES = text(',"values":');
const READ = text(',"read":{"first":');
const GROUPS = text(',"groups":[');
const GROUP_FILE = text('{"file":');
const GROUP_RECORD = text(',"record":');
const NULL = text("null");
const NOT_MALFORMED = text(',"malformed":null}\n');
const MALFORMED = text(',"malformed":"');

const COMMA = 0x2c;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const BRACE = 0x7d;
const QUOTE = 0x22;
const NEWLINE = 0x0a;
const ZERO = 0x30;

/** 2,040 bits take 4 KiB, the groups of a file record reply at most 7 KiB; the rest of a line is under 1 KiB. */
export const JSON_FORMAT: Format = { head: "", longest: 16 * 1024, encode: jsonLine };

function jsonLine(row: Row, out: Uint8Array, start: number): number {
  let at = put(out, start, FRAME);
  at = decimal(out, at, row.stamp.frame);
  at = put(out, at, TIME);
  at = time(out, at, row.stamp);
  const head = headOf(row);
  out.set(head, at);
  at = decimal(out, at + head.length, row.transaction);
  at = put(out, at, UNIT);
  at = decimal(out, at, row.unit);
  at = put(out, at, FUNCTION);
  at = decimal(out, at, row.function);
  if (row.sub < 0 && row.exception < 0) {
    at = put(out, at, NO_SUB_NO_EXCEPTION_FIRST);
  } else {
    at = optional(out, put(out, at, SUB), row.sub);
    at = optional(out, put(out, at, EXCEPTION), row.exception);
    at = put(out, at, FIRST);
  }
  at = optional(out, at, row.first);
  at = optional(out, put(out, at, COUNT), row.count);
  at = values(out, put(out, at, VALUES), row);
  if (row.readFirst >= 0) {
    at = decimal(out, put(out, at, READ), row.readFirst);
    at = decimal(out, put(out, at, COUNT), row.readCount);
    out[at++] = BRACE;
  }
  if (row.groups !== null) at = groups(out, put(out, at, GROUPS), row, row.groups);
  if (row.malformed === null) return put(out, at, NOT_MALFORMED);
  at = put(out, at, MALFORMED);
  at = put(out, at, text(row.malformed));
  out[at] = QUOTE;
  out[at + 1] = BRACE;
  out[at + 2] = NEWLINE;
  return at + 3;
}

/** What stands between the time and the transaction: the same for all messages of a side, so encoded once. */
function headOf(row: Row): Uint8Array {
  const { side, direction } = row;
  const known = side?.state?.heads[direction];
  if (side === null || known != null) return known ?? NULL;
  const from = endpointText(side.address, side.port);
  const to = endpointText(side.peer.address, side.peer.port);
  const head = text(`,"src":"${from}","dst":"${to}","protocol":"modbus","direction":"${DIRECTIONS[direction]}","transaction":`);
  if (side.state !== null) side.state.heads[direction] = head;
  return head;
}

function values(out: Uint8Array, start: number, row: Row): number {
  if (row.values === "none") return put(out, start, NULL);
  let at = start;
  out[at++] = OPEN;
  const { octets, at: from, amount } = row;
  switch (row.values) {
    case "words":
      at = words(out, at, octets, from, amount);
      break;
    case "bits":
      for (let i = 0; i < amount; i++) {
        if (i > 0) out[at++] = COMMA;
        out[at++] = ZERO + (((octets[from + (i >> 3)] as number) >> (i & 7)) & 1);
      }
      break;
    case "octets":
      for (let i = 0; i < amount; i++) {
        if (i > 0) out[at++] = COMMA;
        at = decimal(out, at, octets[from + i] as number);
      }
      break;
    case "numbers":
      for (let i = 0; i < row.numbers.length; i++) {
        if (i > 0) out[at++] = COMMA;
        at = decimal(out, at, row.numbers[i] as number);
      }
  }
  out[at] = CLOSE;
  return at + 1;
}

function words(out: Uint8Array, start: number, octets: Uint8Array, from: number, amount: number): number {
  let at = start;
  for (let i = 0; i < amount; i++) {
    if (i > 0) out[at++] = COMMA;
    at = decimal(out, at, ((octets[from + 2 * i] as number) << 8) | (octets[from + 2 * i + 1] as number));
  }
  return at;
}

function groups(out: Uint8Array, start: number, row: Row, of: readonly Group[]): number {
  let at = start;
  for (let i = 0; i < of.length; i++) {
    const group = of[i] as Group;
    if (i > 0) out[at++] = COMMA;
    at = optional(out, put(out, at, GROUP_FILE), group.file);
    at = optional(out, put(out, at, GROUP_RECORD), group.record);
    at = decimal(out, put(out, at, COUNT), group.count);
    at = put(out, at, VALUES);
    if (group.at < 0) {
      at = put(out, at, NULL);
    } else {
      out[at++] = OPEN;
      at = words(out, at, row.octets, group.at, group.count);
      out[at++] = CLOSE;
    }
    out[at++] = BRACE;
  }
  out[at] = CLOSE;
  return at + 1;
}

/** Seconds since 1970 with every digit the file has; `null` where it has no time. */
function time(out: Uint8Array, at: number, stamp: Stamp): number {
  const { seconds, fraction, digits } = stamp;
  if (digits < 0) return put(out, at, NULL);
  if (seconds < 0) return put(out, at, text(beforeEpoch(stamp)));
  // A file may say so many that a number no longer holds them to the second.
  let end = seconds > Number.MAX_SAFE_INTEGER ? put(out, at, text(String(seconds))) : decimal(out, at, seconds);
  if (digits === 0) return end;
  out[end++] = 0x2e;
  if (digits === 6) return six(out, end, fraction);
  return put(out, end, text(String(fraction).padStart(digits, "0")));
}

/** As the lines have it; `null` where the file gives no time. */
export function timeText(stamp: Stamp): string {
  const { seconds, fraction, digits } = stamp;
  if (digits < 0) return "null";
  if (seconds < 0) return beforeEpoch(stamp);
  return digits === 0 ? String(seconds) : `${seconds}.${String(fraction).padStart(digits, "0")}`;
}

function beforeEpoch({ seconds, fraction, digits }: Stamp): string {
  if (digits === 0) return String(seconds);
  const whole = fraction === 0 ? -seconds : -seconds - 1;
  return `-${whole}.${String(fraction === 0 ? 0 : 10 ** digits - fraction).padStart(digits, "0")}`;
}

/** `000` to `999`, one behind the other. */
const TRIPLES = text(Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, "0")).join(""));

function three(out: Uint8Array, at: number, n: number): number {
  const from = 3 * n;
  out[at] = TRIPLES[from] as number;
  out[at + 1] = TRIPLES[from + 1] as number;
  out[at + 2] = TRIPLES[from + 2] as number;
  return at + 3;
}

function six(out: Uint8Array, at: number, n: number): number {
  const high = Math.floor(n / 1000);
  return three(out, three(out, at, high), n - high * 1000);
}

/** A whole number from 0 on. */
function decimal(out: Uint8Array, at: number, n: number): number {
  if (n >= 1000) {
    const high = Math.floor(n / 1000);
    return three(out, decimal(out, at, high), n - high * 1000);
  }
  const from = 3 * n;
  let end = at;
  if (n >= 100) out[end++] = TRIPLES[from] as number;
  if (n >= 10) out[end++] = TRIPLES[from + 1] as number;
  out[end++] = TRIPLES[from + 2] as number;
  return end;
}

function optional(out: Uint8Array, at: number, n: number): number {
  return n < 0 ? put(out, at, NULL) : decimal(out, at, n);
}

function put(out: Uint8Array, at: number, octets: Uint8Array): number {
  for (let i = 0; i < octets.length; i++) out[at + i] = octets[i] as number;
  return at + octets.length;
}
