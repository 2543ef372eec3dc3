/** One Modbus message as `inspect` shows it (DESIGN 9). One row is filled again and again; -1 stands for "the message has none". */
import type { Side } from "#capture/streams";
import { newStamp } from "#capture/time";
import { numberAt, subLength } from "#modbus/opaque";
import type { Reply, Request } from "#modbus/pdu";
import { u16 } from "#wire";
import type { Sight } from "./messages.ts";

export const REQUEST = 0;
export const RESPONSE = 1;
export const UNKNOWN = 2;
export type Direction = typeof REQUEST | typeof RESPONSE | typeof UNKNOWN;

/** A part of a file record function. `at` -1: no data. */
export interface Group {
  readonly file: number;
  readonly record: number;
  readonly count: number;
  readonly at: number;
}

export class Row {
  side: Side<Sight> | null = null;
  readonly stamp = newStamp();
  direction: Direction = UNKNOWN;
  transaction = 0;
  unit = 0;
  /** Bit 7 removed. */
  function = 0;
  sub = -1;
  exception = -1;
  first = -1;
  count = -1;
  /** How `octets` from `at` hold `amount` values; "numbers": they stand in `numbers`. */
  values: "none" | "bits" | "octets" | "words" | "numbers" = "none";
  octets: Uint8Array = new Uint8Array(0);
  at = 0;
  amount = 0;
  numbers: readonly number[] = [];
  readFirst = -1;
  readCount = -1;
  groups: readonly Group[] | null = null;
  malformed: string | null = null;
  /** The PDU, for words the columns have no place for. */
  pdu: Uint8Array = new Uint8Array(0);
  pduAt = 0;
  pduLength = 0;
}

/** Begin a row: nothing but what every message has. */
export function clear(row: Row, octets: Uint8Array, pduAt: number, pduLength: number): void {
  row.function = (octets[pduAt] as number) & 0x7f;
  row.sub = -1;
  row.exception = -1;
  row.first = -1;
  row.count = -1;
  row.values = "none";
  row.octets = octets;
  row.readFirst = -1;
  row.readCount = -1;
  row.groups = null;
  row.malformed = null;
  row.pdu = octets;
  row.pduAt = pduAt;
  row.pduLength = pduLength;
}

export function fillRequest(row: Row, request: Request): void {
  if (request.function > 0xff) row.sub = request.function >> 8;
  switch (request.is) {
    case "read":
      row.first = request.first;
      row.count = request.count;
      return;
    case "writeOne":
      fillOne(row, request.function, request.first, request.at);
      return;
    case "writeMany":
      row.first = request.first;
      row.count = request.count;
      values(row, request.function === 15 ? "bits" : "words", request.at, request.count);
      return;
    case "mask":
      row.first = request.first;
      numbers(row, [request.and, request.or]);
      return;
    case "readWrite":
      row.first = request.first;
      row.count = request.count;
      row.readFirst = request.readFirst;
      row.readCount = request.readCount;
      values(row, "words", request.at, request.count);
      return;
    case "fifo":
      row.first = request.first;
      return;
    case "diagnose":
      fillSub(row);
      values(row, "words", request.at, request.length >> 1);
      return;
    case "readFiles":
      row.groups = request.groups.map(({ file, record, count }) => ({ file, record, count, at: -1 }));
      return;
    case "writeFiles":
      row.groups = request.groups;
      return;
    case "identify":
      numbers(row, [request.access, request.objectId]);
      return;
    case "ask":
      return;
    case "opaque":
      fillSub(row);
      return;
  }
}

/** @param coilCount as it was given to the decoder: without it the number of bits that are no padding is not known. */
export function fillReply(row: Row, reply: Reply, coilCount: number | null): void {
  if (reply.function > 0xff) row.sub = reply.function >> 8;
  switch (reply.is) {
    case "exception":
      row.exception = reply.exception;
      return;
    case "cells":
      if (reply.bits === 16 || coilCount !== null) row.count = reply.count;
      values(row, reply.bits === 1 ? "bits" : "words", reply.at, reply.count);
      return;
    case "writeOne":
      fillOne(row, reply.function, reply.first, reply.at);
      return;
    case "wroteMany":
      row.first = reply.first;
      row.count = reply.count;
      return;
    case "mask":
      row.first = reply.first;
      numbers(row, [reply.and, reply.or]);
      return;
    case "fifo":
      row.count = reply.count;
      values(row, "words", reply.at, reply.count);
      return;
    case "status":
      numbers(row, [reply.status]);
      return;
    case "counter":
      numbers(row, [reply.status, reply.events]);
      return;
    case "log":
      numbers(row, [reply.status, reply.events, reply.messages, ...reply.octets.subarray(reply.at, reply.at + reply.length)]);
      return;
    case "serverId":
      values(row, "octets", reply.at, reply.length);
      return;
    case "diagnose":
      fillSub(row);
      values(row, "words", reply.at, reply.length >> 1);
      return;
    case "files":
      row.groups = reply.groups.map(({ count, at }) => ({ file: -1, record: -1, count, at }));
      return;
    case "writeFiles":
      row.groups = reply.groups;
      return;
    case "identification":
      return;
    case "opaque":
      fillSub(row);
      return;
  }
}

/** Functions whose PDU has an address at octet 1 and, of these, a count at octet 3; in requests, and in replies that echo them. */
const ADDRESSED = new Set([1, 2, 3, 4, 5, 6, 15, 16, 22, 24]);
const COUNTED = new Set([1, 2, 3, 4, 15, 16]);
const ECHOED = new Set([5, 6, 15, 16, 22]);

/** What a malformed message says as far as its octets reach: where it was aimed matters even so. */
export function fillMalformed(row: Row, code: string): void {
  row.malformed = code;
  const { pdu, pduAt, pduLength } = row;
  fillSub(row);
  if ((pdu[pduAt] as number) >= 0x80) {
    if (pduLength >= 2) row.exception = pdu[pduAt + 1] as number;
    return;
  }
  if (row.direction === RESPONSE ? ECHOED.has(row.function) : ADDRESSED.has(row.function)) {
    if (pduLength >= 3) row.first = u16(pdu, pduAt + 1);
    if (pduLength >= 5 && COUNTED.has(row.function)) row.count = u16(pdu, pduAt + 3);
  }
  if (row.function === 23 && row.direction !== RESPONSE && pduLength >= 9) {
    row.readFirst = u16(pdu, pduAt + 1);
    row.readCount = u16(pdu, pduAt + 3);
    row.first = u16(pdu, pduAt + 5);
    row.count = u16(pdu, pduAt + 7);
  }
}

/** Sub-function 0 (8/0 is a real one) cannot be told from "none" in `code | sub << 8`. */
function fillSub(row: Row): void {
  const { pdu, pduAt, pduLength } = row;
  const code = pdu[pduAt] as number;
  // 0x88 and 0xAB are exceptions, which repeat no sub-function.
  if (subLength(code) > 0 && pduLength >= 1 + subLength(code)) row.sub = numberAt(pdu, pduAt) >> 8;
}

function fillOne(row: Row, code: number, first: number, at: number): void {
  row.first = first;
  // FC 5: the first octet of 0xFF00 is also the one packed bit.
  values(row, code === 5 ? "bits" : "words", at, 1);
}

function values(row: Row, kind: "bits" | "octets" | "words", at: number, amount: number): void {
  row.values = kind;
  row.at = at;
  row.amount = amount;
}

function numbers(row: Row, of: readonly number[]): void {
  row.values = "numbers";
  row.numbers = of;
}
