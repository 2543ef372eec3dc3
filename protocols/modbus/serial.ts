/** Functions that came with the serial line: exception status (FC 7), diagnostics (8), event counter and log (11, 12), server id (17). */
import type { Effect, Operation, Verb } from "#operation";
import { copyOctets, ok, putU16, type Result, sameOctets, u16 } from "#wire";
import { DEVICE, type Layout, NO_VALUES, noReadings, operation } from "./entry.ts";
import { BAD_BYTE_COUNT, BAD_DATA, type Malformed, type MismatchKind, TRUNCATED, wrongLength } from "./errors.ts";
import type { Ask, CounterReply, Diagnose, LogReply, NormalReply, ServerIdReply, StatusReply } from "./messages.ts";

/** One operation on the device as a whole. */
export function onDevice(verb: Verb, effect: Effect, number: number, unit: number, broadcast: boolean): readonly Operation[] {
  return [operation(verb, effect, number, unit, broadcast, DEVICE, NO_VALUES)];
}

/** A request that is a function code and nothing else. */
function ask<A extends NormalReply>(verb: Verb): Pick<Layout<Ask, A>, "decode" | "encode" | "operations" | "match" | "readings"> {
  return {
    decode: (octets, at, length) => (length === 1 ? ok({ is: "ask", function: octets[at] as number }) : wrongLength(length, 1)),
    encode(request, target, at) {
      target[at] = request.function;
      return 1;
    },
    operations: (request, unit, broadcast) => onDevice(verb, "observe", request.function, unit, broadcast),
    match: () => null,
    readings: noReadings,
  };
}

/**
 * FC 7.
 *
 *     0          1
 *     function   status: one bit for each of eight outputs the device chooses
 */
export const exceptionStatus: Layout<Ask, StatusReply> = {
  ...ask("diagnose"),
  decodeReply: (octets, at, length) =>
    length === 2 ? ok({ is: "status", function: 7, status: octets[at + 1] as number }) : wrongLength(length, 2),
  encodeReply(reply, target, at) {
    target[at] = 7;
    target[at + 1] = reply.status;
    return 2;
  },
};

/**
 * FC 11.
 *
 *     0          1..2                            3..4
 *     function   status: 0xFFFF busy, else 0     event count
 */
export const eventCounter: Layout<Ask, CounterReply> = {
  ...ask("diagnose"),
  decodeReply: (octets, at, length) =>
    length === 5 ? ok({ is: "counter", function: 11, status: u16(octets, at + 1), events: u16(octets, at + 3) }) : wrongLength(length, 5),
  encodeReply(reply, target, at) {
    target[at] = 11;
    putU16(target, at + 1, reply.status);
    putU16(target, at + 3, reply.events);
    return 5;
  },
};

/** V1.1b3 section 6.10: 0 to 64 event octets. */
const MOST_EVENTS = 64;

/**
 * FC 12.
 *
 *     0          1                        2..3     4..5          6..7            8..
 *     function   byte count: events + 6   status   event count   message count   events, the newest first
 */
export const eventLog: Layout<Ask, LogReply> = {
  ...ask("diagnose"),
  decodeReply(octets, at, length) {
    if (length < 2) return TRUNCATED;
    const stated = octets[at + 1] as number;
    if (stated < 6 || stated > 6 + MOST_EVENTS) return BAD_BYTE_COUNT;
    if (length !== 2 + stated) return wrongLength(length, 2 + stated);
    return ok({
      is: "log",
      function: 12,
      status: u16(octets, at + 2),
      events: u16(octets, at + 4),
      messages: u16(octets, at + 6),
      octets,
      at: at + 8,
      length: stated - 6,
    });
  },
  encodeReply(reply, target, at) {
    copyOctets(reply.octets, reply.at, target, at + 8, reply.length);
    target[at] = 12;
    target[at + 1] = 6 + reply.length;
    putU16(target, at + 2, reply.status);
    putU16(target, at + 4, reply.events);
    putU16(target, at + 6, reply.messages);
    return 8 + reply.length;
  },
};

/**
 * FC 17. What the octets mean is the device's own affair.
 *
 *     0          1            2..
 *     function   byte count   identifier, run indicator (0x00 off, 0xFF on), anything more
 */
export const serverId: Layout<Ask, ServerIdReply> = {
  ...ask("identify"),
  decodeReply(octets, at, length) {
    if (length < 2) return TRUNCATED;
    const stated = octets[at + 1] as number;
    if (length !== 2 + stated) return wrongLength(length, 2 + stated);
    return ok({ is: "serverId", function: 17, octets, at: at + 2, length: stated });
  },
  encodeReply(reply, target, at) {
    copyOctets(reply.octets, reply.at, target, at + 2, reply.length);
    target[at] = 17;
    target[at + 1] = reply.length;
    return 2 + reply.length;
  },
};

/** Sub-functions of FC 8 whose data the codec looks at. */
const RETURN_QUERY_DATA = 0;
const RESTART_COMMUNICATIONS = 1;
const CHANGE_DELIMITER = 3;
const FORCE_LISTEN_ONLY = 4;
/** Those whose reply carries a value of the device in place of the request's zeros. */
const RETURNS_A_VALUE: ReadonlySet<number> = new Set([2, 11, 12, 13, 14, 15, 16, 17, 18]);

/**
 * FC 8, request and reply.
 *
 *     0          1..2           3..
 *     function   sub-function   data: whole words of anything for 0; 0x0000 or 0xFF00 for 1; a character and 0x00 for 3; else 0x0000
 *
 * A reply echoes the data but where the device returns a register or a counter. There is no reply to 4 at all.
 *
 * @error  `truncated`, `trailing`, `badData`
 * @source MODBUS Application Protocol V1.1b3 section 6.8
 */
function decodeDiagnose(octets: Uint8Array, at: number, length: number, isReply: boolean): Result<Diagnose, Malformed> {
  const sub = u16(octets, at + 1);
  if (length < 5) return TRUNCATED;
  if (sub === RETURN_QUERY_DATA) {
    if (length % 2 === 0) return BAD_DATA;
  } else {
    if (length !== 5) return wrongLength(length, 5);
    if (!(isReply && RETURNS_A_VALUE.has(sub)) && !isFixedData(sub, u16(octets, at + 3))) return BAD_DATA;
  }
  return ok({ is: "diagnose", function: 8 | (sub << 8), octets, at: at + 3, length: length - 3 });
}

function isFixedData(sub: number, data: number): boolean {
  if (sub === RESTART_COMMUNICATIONS) return data === 0 || data === 0xff00;
  if (sub === CHANGE_DELIMITER) return (data & 0xff) === 0;
  return data === 0;
}

function encodeDiagnose(message: Diagnose, target: Uint8Array, at: number): number {
  copyOctets(message.octets, message.at, target, at + 3, message.length);
  target[at] = 8;
  putU16(target, at + 1, message.function >> 8);
  return 3 + message.length;
}

function matchDiagnose(request: Diagnose, reply: Diagnose): MismatchKind | null {
  const sub = request.function >> 8;
  if (sub === FORCE_LISTEN_ONLY) return "noReplyExpected";
  if (RETURNS_A_VALUE.has(sub)) return null;
  if (reply.length !== request.length) return "valueMismatch";
  return sameOctets(request.octets, request.at, reply.octets, reply.at, request.length) ? null : "valueMismatch";
}

function diagnostics(verb: Verb, effect: Effect): Layout<Diagnose, Diagnose> {
  return {
    decode: (octets, at, length) => decodeDiagnose(octets, at, length, false),
    encode: encodeDiagnose,
    operations: (request, unit, broadcast) => onDevice(verb, effect, request.function, unit, broadcast),
    decodeReply: (octets, at, length) => decodeDiagnose(octets, at, length, true),
    encodeReply: encodeDiagnose,
    match: matchDiagnose,
    readings: noReadings,
  };
}

/** Sub-functions that leave the device as it was (RULINGS 5: diagnose). */
export const askingDiagnostics: Layout<Diagnose, Diagnose> = diagnostics("diagnose", "observe");
/** Sub-functions that change its state (RULINGS 5: control). */
export const changingDiagnostics: Layout<Diagnose, Diagnose> = diagnostics("control", "change");
