/** Modbus as the gateway sees it: the codec's functions behind the protocol port. */
import { DENIALS, type DenialCode, isLapse } from "#events";
import { isKnownException, leavesDoubt } from "#modbus/exceptions";
import { ADU_LIMIT, encodeAdu, MbapFramer } from "#modbus/mbap";
import {
  decodeRequest,
  type Reply as ModbusReply,
  type Request as ModbusRequest,
  matchReply,
  operationsOf,
  PDU_LIMIT,
  readingsOf,
} from "#modbus/pdu";
import { QUIRKS, straighten } from "#modbus/quirks";
import { COIL, DISCRETE, HOLDING, INPUT } from "#modbus/spaces";
import { umasName } from "#modbus/umas";
import { modbusVocabulary } from "#modbus/vocabulary";
import type { Reading, Showing } from "#operation";
import { putU16 } from "#wire";
import type { Framer, Protocol } from "./protocol.ts";

/** By function code - 1: the table it reads (MODBUS Application Protocol V1.1b3 sections 6.1 to 6.4). */
const READS: readonly number[] = [COIL, DISCRETE, HOLDING, INPUT];
/** Sections 6.1 to 6.4: in one request. */
const MOST_BITS = 2000;
const MOST_WORDS = 125;
/** MODBUS Application Protocol V1.1b3 section 7. */
const EXCEPTION = { function: 1, value: 3, failure: 4, busy: 6, pathUnavailable: 0x0a, targetSilent: 0x0b } as const;

class MbapStream extends MbapFramer implements Framer {
  /** There is no link layer that wants one. */
  readonly answer = NOTHING;
  readonly frame = encodeAdu;
}

const NOTHING = new Uint8Array(0);
/** Modbus says nothing of quality or time: what it answers with is the value. */
const SHOWING: Showing = {
  space: 0,
  first: 0,
  last: 0,
  octets: NOTHING,
  at: 0,
  bits: 16,
  quality: "good",
  timeMs: null,
  isEvent: false,
};

/** INVARIANT: the requests and replies handed in are those this protocol decoded, so they are Modbus ones. */
export const modbusTcp: Protocol = {
  vocabulary: modbusVocabulary,
  pduLimit: PDU_LIMIT,
  frameLimit: ADU_LIMIT,
  transactions: 0x10000,
  framer: () => new MbapStream(),
  conversation: () => null,
  isBroadcast: (unitId, unitZero) => unitId === 0 && unitZero === "broadcast",
  functionCode: (octets, length) => (length > 0 ? (octets[0] as number) : 0),
  decode: decodeRequest,
  message: (request, unit, broadcast) => operationsOf(request as ModbusRequest, unit, broadcast),
  part: () => null,
  match: (request, octets, at, length) => matchReply(request as ModbusRequest, octets, at, length),
  quirks: QUIRKS,
  straighten: (request, asked, unit, octets, at, length) => straighten(request as ModbusRequest, asked, unit, octets, at, length),
  exceptionOf(reply) {
    const modbus = reply as ModbusReply;
    return modbus.is === "exception" ? modbus.exception : 0;
  },
  isChallenge: () => false,
  knownException: isKnownException,
  leavesDoubt,
  readings: (request, reply) => readingsOf(request as ModbusRequest, reply as ModbusReply),
  show(request, reply, see) {
    const readings = readingsOf(request as ModbusRequest, reply as ModbusReply);
    for (let i = 0; i < readings.length; i++) {
      const { target, values } = readings[i] as Reading;
      if (target.at !== "range" || values.is !== "cells" || target.space > HOLDING) continue;
      SHOWING.space = target.space;
      SHOWING.first = target.first;
      SHOWING.last = target.last;
      SHOWING.octets = values.octets;
      SHOWING.at = values.at;
      SHOWING.bits = values.bits;
      see(SHOWING);
    }
  },
  showTold() {},
  encodeRead(target, at, space, first, last) {
    const functionCode = READS.indexOf(space) + 1;
    if (functionCode === 0 || last - first >= (functionCode <= 2 ? MOST_BITS : MOST_WORDS)) return 0;
    target[at] = functionCode;
    putU16(target, at + 1, first);
    putU16(target, at + 3, last - first + 1);
    return 5;
  },
  told: () => null,
  asCopy() {},
  encodeConfirm: () => 0,
  trim: () => null,
  isSecret: () => false,
  nameInside: umasName,
  answerable(octets, length, _unitId, code) {
    if (code === "transactionReused") return "close";
    const functionCode = length > 0 ? (octets[0] as number) : 0;
    return functionCode > 0 && functionCode < 0x80 ? "answer" : "close";
  },
  encodeDenial(target, at, octets, _length, code, stated) {
    target[at] = (octets[0] as number) | 0x80;
    target[at + 1] = exceptionFor(code, stated);
    return 2;
  },
};

/** The answer's code (DESIGN 3): by whose fault it is, and for policy by what `on_deny` says. */
function exceptionFor(code: DenialCode, stated: number): number {
  switch (code) {
    case "deviceUnreachable":
      return EXCEPTION.pathUnavailable;
    case "deviceSilent":
      return EXCEPTION.targetSilent;
    case "evidenceUnavailable":
    case "queueFull":
      return EXCEPTION.busy;
    case "internal":
      return EXCEPTION.failure;
    default:
      if (DENIALS[code] === "malformed") return EXCEPTION.value;
      return isLapse(code) || stated === 0 ? EXCEPTION.function : stated;
  }
}
