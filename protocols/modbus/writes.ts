/** Writing one cell (FC 5, 6), many (15, 16), the bits of a word (22), and words with a read after (23). */
import { copyOctets, ok, putU16, type Result, u16 } from "#wire";
import { cells, type Layout, NO_VALUES, noReadings, operation, range } from "./entry.ts";
import {
  ADDRESS_OVERFLOW,
  BAD_BYTE_COUNT,
  BAD_COIL_VALUE,
  BAD_PADDING,
  BAD_QUANTITY,
  type Malformed,
  TRUNCATED,
  wrongLength,
} from "./errors.ts";
import type { CellsReply, MaskWrite, ReadWrite, WriteMany, WriteOne, WroteMany } from "./messages.ts";
import { decodeWords, encodeCells, isPadded, packedLength } from "./reads.ts";
import { COIL, HOLDING } from "./spaces.ts";

/** MODBUS Application Protocol V1.1b3 sections 6.11, 6.12, 6.17. */
const MOST_BITS = 1968;
const MOST_WORDS = 123;
const MOST_READ_WITH_WRITE = 125;
const MOST_WRITTEN_WITH_READ = 121;

const WRITE_COIL = 5;
const WRITE_COILS = 15;

/**
 * Request and reply of FC 5 and 6.
 *
 *     0          1..2      3..4
 *     function   address   value; of FC 5 exactly 0xFF00 (on) or 0x0000 (off)
 *
 * @error  `truncated`, `trailing`, `badCoilValue`
 */
function decodeOne(octets: Uint8Array, at: number, length: number): Result<WriteOne, Malformed> {
  if (length !== 5) return wrongLength(length, 5);
  const number = octets[at] as number;
  if (number === WRITE_COIL) {
    const value = u16(octets, at + 3);
    if (value !== 0xff00 && value !== 0) return BAD_COIL_VALUE;
  }
  return ok({ is: "writeOne", function: number, first: u16(octets, at + 1), octets, at: at + 3 });
}

function encodeOne(message: WriteOne, target: Uint8Array, at: number): number {
  copyOctets(message.octets, message.at, target, at + 3, 2);
  target[at] = message.function;
  putU16(target, at + 1, message.first);
  return 5;
}

/** FC 5 and 6. The octet 0xFF of "on" has bit 0 set, so a coil is one packed bit here as everywhere. */
export const writeOne: Layout<WriteOne, WriteOne> = {
  decode: decodeOne,
  encode: encodeOne,
  operations(request, unit, broadcast) {
    const isCoil = request.function === WRITE_COIL;
    const values = cells(request.octets, request.at, isCoil ? 1 : 16);
    return [operation("write", "change", request.function, unit, broadcast, range(isCoil ? COIL : HOLDING, request.first, 1), values)];
  },
  decodeReply: decodeOne,
  encodeReply: encodeOne,
  match(request, reply) {
    if (reply.first !== request.first) return "addressMismatch";
    return u16(reply.octets, reply.at) === u16(request.octets, request.at) ? null : "valueMismatch";
  },
  readings: noReadings,
};

/**
 * FC 15 and 16.
 *
 *     request   0: function   1..2: first   3..4: count   5: byte count   6..: packed bits, padded with zeros; or words
 *     reply     0: function   1..2: first   3..4: count
 *
 * @error  `truncated`, `trailing`, `badQuantity`, `badByteCount`, `addressOverflow`, `badPadding`
 */
export const writeMany: Layout<WriteMany, WroteMany> = {
  decode(octets, at, length) {
    if (length < 6) return TRUNCATED;
    const number = octets[at] as number;
    const first = u16(octets, at + 1);
    const count = u16(octets, at + 3);
    if (isTooMany(number, count)) return BAD_QUANTITY;
    const want = dataLength(number, count);
    if (octets[at + 5] !== want) return BAD_BYTE_COUNT;
    if (length !== 6 + want) return wrongLength(length, 6 + want);
    if (first + count > 0x10000) return ADDRESS_OVERFLOW;
    if (number === WRITE_COILS && !isPadded(octets, at + 6, count)) return BAD_PADDING;
    return ok({ is: "writeMany", function: number, first, count, octets, at: at + 6 });
  },
  encode(request, target, at) {
    const length = dataLength(request.function, request.count);
    copyOctets(request.octets, request.at, target, at + 6, length);
    target[at] = request.function;
    putU16(target, at + 1, request.first);
    putU16(target, at + 3, request.count);
    target[at + 5] = length;
    return 6 + length;
  },
  operations(request, unit, broadcast) {
    const areCoils = request.function === WRITE_COILS;
    const target = range(areCoils ? COIL : HOLDING, request.first, request.count);
    const values = cells(request.octets, request.at, areCoils ? 1 : 16);
    return [operation("write", "change", request.function, unit, broadcast, target, values)];
  },
  decodeReply(octets, at, length) {
    if (length !== 5) return wrongLength(length, 5);
    const number = octets[at] as number;
    const first = u16(octets, at + 1);
    const count = u16(octets, at + 3);
    if (isTooMany(number, count)) return BAD_QUANTITY;
    if (first + count > 0x10000) return ADDRESS_OVERFLOW;
    return ok({ is: "wroteMany", function: number, first, count });
  },
  encodeReply(reply, target, at) {
    target[at] = reply.function;
    putU16(target, at + 1, reply.first);
    putU16(target, at + 3, reply.count);
    return 5;
  },
  match(request, reply) {
    if (reply.first !== request.first) return "addressMismatch";
    return reply.count === request.count ? null : "quantityMismatch";
  },
  readings: noReadings,
};

function isTooMany(number: number, count: number): boolean {
  return count < 1 || count > (number === WRITE_COILS ? MOST_BITS : MOST_WORDS);
}

function dataLength(number: number, count: number): number {
  return number === WRITE_COILS ? packedLength(count) : 2 * count;
}

function decodeMask(octets: Uint8Array, at: number, length: number): Result<MaskWrite, Malformed> {
  if (length !== 7) return wrongLength(length, 7);
  const and = u16(octets, at + 3);
  return ok({ is: "mask", function: 22, first: u16(octets, at + 1), and, or: u16(octets, at + 5), octets, at: at + 5 });
}

function encodeMask(message: MaskWrite, target: Uint8Array, at: number): number {
  target[at] = 22;
  putU16(target, at + 1, message.first);
  putU16(target, at + 3, message.and);
  putU16(target, at + 5, message.or);
  return 7;
}

/**
 * FC 22, request and reply. The word becomes (present AND and) OR (or AND NOT and): the AND mask is what is kept, the OR mask the cell.
 * Masks that overlap are well formed; what they mean differs between devices, and policy denies them (RULINGS 11, `ambiguousMask`).
 *
 *     0          1..2      3..4       5..6
 *     function   address   AND mask   OR mask
 *
 * @source MODBUS Application Protocol V1.1b3 section 6.16
 */
export const maskWrite: Layout<MaskWrite, MaskWrite> = {
  decode: decodeMask,
  encode: encodeMask,
  operations(request, unit, broadcast) {
    const values = cells(request.octets, request.at, 16, request.and);
    return [operation("write", "change", 22, unit, broadcast, range(HOLDING, request.first, 1), values)];
  },
  decodeReply: decodeMask,
  encodeReply: encodeMask,
  match(request, reply) {
    if (reply.first !== request.first) return "addressMismatch";
    return reply.and === request.and && reply.or === request.or ? null : "maskMismatch";
  },
  readings: noReadings,
};

/**
 * FC 23: a read and a write, each judged as itself. The device writes first, so what the reply shows was read after the write.
 *
 *     0          1..2         3..4         5..6          7..8          9            10..
 *     function   read first   read count   write first   write count   byte count   words to write
 *
 * @error  `truncated`, `trailing`, `badQuantity`, `badByteCount`, `addressOverflow` (either range)
 * @source MODBUS Application Protocol V1.1b3 section 6.17
 */
export const readWrite: Layout<ReadWrite, CellsReply> = {
  decode(octets, at, length) {
    if (length < 10) return TRUNCATED;
    const readFirst = u16(octets, at + 1);
    const readCount = u16(octets, at + 3);
    const first = u16(octets, at + 5);
    const count = u16(octets, at + 7);
    if (readCount < 1 || readCount > MOST_READ_WITH_WRITE) return BAD_QUANTITY;
    if (count < 1 || count > MOST_WRITTEN_WITH_READ) return BAD_QUANTITY;
    if (octets[at + 9] !== 2 * count) return BAD_BYTE_COUNT;
    if (length !== 10 + 2 * count) return wrongLength(length, 10 + 2 * count);
    if (readFirst + readCount > 0x10000 || first + count > 0x10000) return ADDRESS_OVERFLOW;
    return ok({ is: "readWrite", function: 23, readFirst, readCount, first, count, octets, at: at + 10 });
  },
  encode(request, target, at) {
    copyOctets(request.octets, request.at, target, at + 10, 2 * request.count);
    target[at] = 23;
    putU16(target, at + 1, request.readFirst);
    putU16(target, at + 3, request.readCount);
    putU16(target, at + 5, request.first);
    putU16(target, at + 7, request.count);
    target[at + 9] = 2 * request.count;
    return 10 + 2 * request.count;
  },
  operations(request, unit, broadcast) {
    const values = cells(request.octets, request.at, 16);
    return [
      operation("read", "observe", 23, unit, broadcast, range(HOLDING, request.readFirst, request.readCount), NO_VALUES),
      operation("write", "change", 23, unit, broadcast, range(HOLDING, request.first, request.count), values),
    ];
  },
  decodeReply: decodeWords,
  encodeReply: encodeCells,
  match: (request, reply) => (reply.count === request.readCount ? null : "badByteCount"),
  readings(request, reply) {
    const target = range(HOLDING, request.readFirst, request.readCount);
    return [{ object: 0, target, values: cells(reply.octets, reply.at, 16), flags: 0, sourceTime: null }];
  },
};
