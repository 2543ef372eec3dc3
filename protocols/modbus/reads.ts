/** Reading bits (FC 1, 2), words (FC 3, 4) and a queue of words (FC 24). */
import { copyOctets, ok, putU16, type Result, u16 } from "#wire";
import { cells, type Layout, NO_VALUES, noReadings, operation, range } from "./entry.ts";
import {
  ADDRESS_OVERFLOW,
  BAD_BYTE_COUNT,
  BAD_PADDING,
  BAD_QUANTITY,
  type Malformed,
  type MalformedKind,
  TRUNCATED,
  wrongLength,
} from "./errors.ts";
import type { CellsReply, FifoReply, ReadCells, ReadFifo } from "./messages.ts";
import { COIL, DISCRETE, HOLDING, INPUT } from "./spaces.ts";

/** MODBUS Application Protocol V1.1b3 sections 6.1 to 6.4. */
const MOST_BITS = 2000;
const MOST_WORDS = 125;
/** Section 6.18: the count register and up to 31 queued ones. */
const MOST_QUEUED = 31;
const SPACE_OF: readonly number[] = [-1, COIL, DISCRETE, HOLDING, INPUT];

/** Octets that hold `count` packed bits. */
export function packedLength(count: number): number {
  return (count + 7) >> 3;
}

/** The unused high bits of the last octet are zero [V1.1b3 6.1: "padded with zeros"]. */
export function isPadded(octets: Uint8Array, at: number, count: number): boolean {
  const used = count & 7;
  return used === 0 || (octets[at + (count >> 3)] as number) >> used === 0;
}

/**
 *     0          1..2    3..4
 *     function   first   count
 *
 * @error  `truncated`, `trailing`, `badQuantity`, `addressOverflow` (first + count may not pass 65536)
 */
function decodeRead(octets: Uint8Array, at: number, length: number): Result<ReadCells, Malformed> {
  if (length !== 5) return wrongLength(length, 5);
  const number = octets[at] as number;
  const first = u16(octets, at + 1);
  const count = u16(octets, at + 3);
  if (count < 1 || count > (number <= 2 ? MOST_BITS : MOST_WORDS)) return BAD_QUANTITY;
  if (first + count > 0x10000) return ADDRESS_OVERFLOW;
  return ok({ is: "read", function: number, first, count });
}

/**
 *     0          1            2..
 *     function   byte count   bits from the least significant on, the last octet padded with zeros
 *
 * Without the count asked for, every bit but the whole octets' number is taken as it is.
 */
function decodeBits(octets: Uint8Array, at: number, length: number, coilCount: number | null): Result<CellsReply, Malformed> {
  const bad = wrongByteCount(octets, at, length);
  if (bad !== null) return bad;
  const stated = octets[at + 1] as number;
  if (stated < 1 || stated > packedLength(MOST_BITS)) return BAD_BYTE_COUNT;
  if (coilCount !== null && stated !== packedLength(coilCount)) return BAD_BYTE_COUNT;
  if (coilCount !== null && !isPadded(octets, at + 2, coilCount)) return BAD_PADDING;
  return ok({ is: "cells", function: octets[at] as number, bits: 1, count: coilCount ?? stated * 8, octets, at: at + 2 });
}

/**
 *     0          1            2..
 *     function   byte count   words, big-endian
 */
export function decodeWords(octets: Uint8Array, at: number, length: number): Result<CellsReply, Malformed> {
  const bad = wrongByteCount(octets, at, length);
  if (bad !== null) return bad;
  const stated = octets[at + 1] as number;
  if (stated < 2 || stated > 2 * MOST_WORDS || stated % 2 !== 0) return BAD_BYTE_COUNT;
  return ok({ is: "cells", function: octets[at] as number, bits: 16, count: stated / 2, octets, at: at + 2 });
}

/** The octet after the function code counts all that follow it. */
function wrongByteCount(octets: Uint8Array, at: number, length: number): typeof TRUNCATED | null {
  if (length < 2) return TRUNCATED;
  const want = 2 + (octets[at + 1] as number);
  return length === want ? null : wrongLength(length, want);
}

export function encodeCells(reply: CellsReply, target: Uint8Array, at: number): number {
  const length = reply.bits === 1 ? packedLength(reply.count) : 2 * reply.count;
  copyOctets(reply.octets, reply.at, target, at + 2, length);
  target[at] = reply.function;
  target[at + 1] = length;
  return 2 + length;
}

function matchCells(request: ReadCells, reply: CellsReply): MalformedKind | null {
  return reply.count === request.count ? null : "badByteCount";
}

const read: Omit<Layout<ReadCells, CellsReply>, "decodeReply"> = {
  decode: decodeRead,
  encode(request, target, at) {
    target[at] = request.function;
    putU16(target, at + 1, request.first);
    putU16(target, at + 3, request.count);
    return 5;
  },
  operations(request, unit, broadcast) {
    const target = range(SPACE_OF[request.function] as number, request.first, request.count);
    return [operation("read", "observe", request.function, unit, broadcast, target, NO_VALUES)];
  },
  encodeReply: encodeCells,
  match: matchCells,
  readings(request, reply) {
    const target = range(SPACE_OF[request.function] as number, request.first, request.count);
    return [{ object: 0, target, values: cells(reply.octets, reply.at, reply.bits), flags: 0, sourceTime: null }];
  },
};

export const readBits: Layout<ReadCells, CellsReply> = { ...read, decodeReply: decodeBits };
export const readWords: Layout<ReadCells, CellsReply> = { ...read, decodeReply: decodeWords };

/**
 * FC 24. The reply shows the count at the pointer and up to 31 words queued behind it, and the standard leaves open whether they are the
 * registers that follow the pointer (on the controllers the function comes from, they are). The stricter reading binds: it reads all 32
 * registers from the pointer on, so a deny on any of them matches and an allow has to cover them. Its values make no facts.
 *
 *     request   0: function   1..2: pointer address
 *     reply     0: function   1..2: byte count (2 + 2 x queued)   3..4: queued, 0..31   5..: words
 *
 * @source MODBUS Application Protocol V1.1b3 section 6.18
 */
export const fifo: Layout<ReadFifo, FifoReply> = {
  decode(octets, at, length) {
    if (length !== 3) return wrongLength(length, 3);
    return ok({ is: "fifo", function: 24, first: u16(octets, at + 1) });
  },
  encode(request, target, at) {
    target[at] = 24;
    putU16(target, at + 1, request.first);
    return 3;
  },
  operations(request, unit, broadcast) {
    const target = range(HOLDING, request.first, Math.min(1 + MOST_QUEUED, 0x10000 - request.first));
    return [operation("read", "observe", 24, unit, broadcast, target, NO_VALUES)];
  },
  decodeReply(octets, at, length) {
    if (length < 5) return TRUNCATED;
    const stated = u16(octets, at + 1);
    const count = u16(octets, at + 3);
    if (count > MOST_QUEUED) return BAD_QUANTITY;
    if (stated !== 2 + 2 * count) return BAD_BYTE_COUNT;
    if (length !== 3 + stated) return wrongLength(length, 3 + stated);
    return ok({ is: "fifo", function: 24, count, octets, at: at + 5 });
  },
  encodeReply(reply, target, at) {
    copyOctets(reply.octets, reply.at, target, at + 5, 2 * reply.count);
    target[at] = 24;
    putU16(target, at + 1, 2 + 2 * reply.count);
    putU16(target, at + 3, reply.count);
    return 5 + 2 * reply.count;
  },
  match: () => null,
  readings: noReadings,
};
