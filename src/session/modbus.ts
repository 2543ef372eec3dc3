/** Modbus as the gateway sees it: the codec's functions behind the protocol port. */
import { isKnownException, leavesDoubt } from "#modbus/exceptions";
import { ADU_LIMIT, encodeAdu, MbapFramer } from "#modbus/mbap";
import { decodeRequest, type Reply as ModbusReply, type Request as ModbusRequest, matchReply, operationsOf, readingsOf } from "#modbus/pdu";
import { modbusVocabulary } from "#modbus/vocabulary";
import type { Protocol } from "./protocol.ts";

const EXCEPTION_PDU = new Uint8Array(2);

/** INVARIANT: the requests and replies handed in are those this protocol decoded, so they are Modbus ones. */
export const modbusTcp: Protocol = {
  vocabulary: modbusVocabulary,
  frameLimit: ADU_LIMIT,
  framer: () => new MbapFramer(),
  decode: decodeRequest,
  message: (request, unit, broadcast) => operationsOf(request as ModbusRequest, unit, broadcast),
  match: (request, octets, at, length) => matchReply(request as ModbusRequest, octets, at, length),
  exceptionOf(reply) {
    const modbus = reply as ModbusReply;
    return modbus.is === "exception" ? modbus.exception : 0;
  },
  knownException: isKnownException,
  leavesDoubt,
  readings: (request, reply) => readingsOf(request as ModbusRequest, reply as ModbusReply),
  canAnswer: (functionCode) => functionCode > 0 && functionCode < 0x80,
  frame: encodeAdu,
  exception(target, at, transactionId, unitId, functionCode, code) {
    EXCEPTION_PDU[0] = functionCode | 0x80;
    EXCEPTION_PDU[1] = code;
    return encodeAdu(target, at, transactionId, unitId, EXCEPTION_PDU, 0, 2);
  },
};
