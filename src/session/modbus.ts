/** Modbus as the gateway sees it: the codec's functions behind the protocol port. */
import { isKnownException, leavesDoubt } from "#modbus/exceptions";
import { ADU_LIMIT, encodeAdu, MbapFramer } from "#modbus/mbap";
import { decodeRequest, type Reply as ModbusReply, type Request as ModbusRequest, matchReply, operationsOf, readingsOf } from "#modbus/pdu";
import { QUIRKS, straighten } from "#modbus/quirks";
import { COIL, DISCRETE, HOLDING, INPUT } from "#modbus/spaces";
import { umasName } from "#modbus/umas";
import { modbusVocabulary } from "#modbus/vocabulary";
import { putU16 } from "#wire";
import type { Protocol } from "./protocol.ts";

/** By function code - 1: the table it reads (MODBUS Application Protocol V1.1b3 sections 6.1 to 6.4). */
const READS: readonly number[] = [COIL, DISCRETE, HOLDING, INPUT];
const EXCEPTION_PDU = new Uint8Array(2);

/** INVARIANT: the requests and replies handed in are those this protocol decoded, so they are Modbus ones. */
export const modbusTcp: Protocol = {
  vocabulary: modbusVocabulary,
  frameLimit: ADU_LIMIT,
  framer: () => new MbapFramer(),
  decode: decodeRequest,
  message: (request, unit, broadcast) => operationsOf(request as ModbusRequest, unit, broadcast),
  match: (request, octets, at, length) => matchReply(request as ModbusRequest, octets, at, length),
  quirks: QUIRKS,
  straighten: (request, asked, unit, octets, at, length) => straighten(request as ModbusRequest, asked, unit, octets, at, length),
  exceptionOf(reply) {
    const modbus = reply as ModbusReply;
    return modbus.is === "exception" ? modbus.exception : 0;
  },
  knownException: isKnownException,
  leavesDoubt,
  readings: (request, reply) => readingsOf(request as ModbusRequest, reply as ModbusReply),
  encodeRead(target, at, space, first, last) {
    const functionCode = READS.indexOf(space) + 1;
    if (functionCode === 0) return 0;
    target[at] = functionCode;
    putU16(target, at + 1, first);
    putU16(target, at + 3, last - first + 1);
    return 5;
  },
  nameInside: umasName,
  canAnswer: (functionCode) => functionCode > 0 && functionCode < 0x80,
  frame: encodeAdu,
  exception(target, at, transactionId, unitId, functionCode, code) {
    EXCEPTION_PDU[0] = functionCode | 0x80;
    EXCEPTION_PDU[1] = code;
    return encodeAdu(target, at, transactionId, unitId, EXCEPTION_PDU, 0, 2);
  },
};
