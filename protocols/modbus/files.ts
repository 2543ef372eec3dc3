/** File records: FC 20 reads groups of them, FC 21 writes them. A group is a data access of its own, judged as one. */
import { copyOctets, ok, putU16, type Result, sameOctets, u16 } from "#wire";
import { cells, type Layout, NO_VALUES, noReadings, operation, range } from "./entry.ts";
import {
  ADDRESS_OVERFLOW,
  BAD_BYTE_COUNT,
  BAD_QUANTITY,
  BAD_REFERENCE,
  type Malformed,
  type MismatchKind,
  TRUNCATED,
  wrongLength,
} from "./errors.ts";
import type { FileData, FileGroup, FilesReply, ReadFiles, WriteFiles } from "./messages.ts";
import { FILE, fileAddress, RECORDS } from "./spaces.ts";

/** The one reference type there is. */
const REFERENCE = 6;
/** V1.1b3 section 6.14: byte count 0x07..0xF5 of a read, section 6.15 (table): 0x09..0xFB of a write. */
const READ_BYTES = { least: 0x07, most: 0xf5 };
const WRITE_BYTES = { least: 0x09, most: 0xfb };
/** Data octets of a reply: what a PDU of 253 leaves after function code and length. */
const REPLY_BYTES = 251;

/** Reference type, file and record of the group at `at`, where there are seven octets. null where they are right. */
function wrongGroup(octets: Uint8Array, at: number): typeof BAD_REFERENCE | null {
  if (octets[at] !== REFERENCE || u16(octets, at + 1) === 0) return BAD_REFERENCE;
  const count = u16(octets, at + 5);
  if (count === 0) return BAD_QUANTITY;
  return u16(octets, at + 3) + count > RECORDS ? ADDRESS_OVERFLOW : null;
}

/**
 * FC 20 request.
 *
 *     0          1            2..            per group of seven octets
 *     function   byte count   groups         0: reference type 6   1..2: file   3..4: record   5..6: words
 *
 * @error  `truncated`, `trailing`, `badByteCount` (no whole groups), `badReference` (reference type, file 0), `badQuantity` (no words, or more
 *         than a reply can carry), `addressOverflow` (past record 9999)
 * @source MODBUS Application Protocol V1.1b3 section 6.14
 */
function decodeRead(octets: Uint8Array, at: number, length: number): Result<ReadFiles, Malformed> {
  if (length < 2) return TRUNCATED;
  const stated = octets[at + 1] as number;
  if (stated < READ_BYTES.least || stated > READ_BYTES.most || stated % 7 !== 0) return BAD_BYTE_COUNT;
  if (length !== 2 + stated) return wrongLength(length, 2 + stated);
  const groups: FileGroup[] = [];
  let answer = 0;
  for (let group = at + 2; group < at + length; group += 7) {
    const wrong = wrongGroup(octets, group);
    if (wrong !== null) return wrong;
    const count = u16(octets, group + 5);
    answer += 2 + 2 * count;
    groups.push({ file: u16(octets, group + 1), record: u16(octets, group + 3), count });
  }
  return answer > REPLY_BYTES ? BAD_QUANTITY : ok({ is: "readFiles", function: 20, groups });
}

/**
 * FC 20 reply.
 *
 *     0          1             2..      per group
 *     function   data length   groups   0: length (1 + 2 x words)   1: reference type 6   2..: words
 */
function decodeReadReply(octets: Uint8Array, at: number, length: number): Result<FilesReply, Malformed> {
  if (length < 2) return TRUNCATED;
  const stated = octets[at + 1] as number;
  if (length !== 2 + stated) return wrongLength(length, 2 + stated);
  const end = at + length;
  const groups: { count: number; at: number }[] = [];
  for (let group = at + 2; group < end; ) {
    const size = octets[group] as number;
    if (size < 3 || size % 2 === 0 || group + 1 + size > end) return BAD_BYTE_COUNT;
    if (octets[group + 1] !== REFERENCE) return BAD_REFERENCE;
    groups.push({ count: (size - 1) / 2, at: group + 2 });
    group += 1 + size;
  }
  return groups.length === 0 ? BAD_BYTE_COUNT : ok({ is: "files", function: 20, octets, groups });
}

export const readFiles: Layout<ReadFiles, FilesReply> = {
  decode: decodeRead,
  encode(request, target, at) {
    target[at] = 20;
    target[at + 1] = 7 * request.groups.length;
    let group = at + 2;
    for (const { file, record, count } of request.groups) {
      putGroup(target, group, file, record, count);
      group += 7;
    }
    return group - at;
  },
  operations: (request, unit, broadcast) =>
    request.groups.map(({ file, record, count }) =>
      operation("file-read", "change", 20, unit, broadcast, range(FILE, fileAddress(file, record), count), NO_VALUES),
    ),
  decodeReply: decodeReadReply,
  encodeReply(reply, target, at) {
    let group = at + 2;
    for (const { count, at: from } of reply.groups) {
      copyOctets(reply.octets, from, target, group + 2, 2 * count);
      target[group] = 1 + 2 * count;
      target[group + 1] = REFERENCE;
      group += 2 + 2 * count;
    }
    target[at] = 20;
    target[at + 1] = group - at - 2;
    return group - at;
  },
  match(request, reply) {
    if (reply.groups.length !== request.groups.length) return "groupMismatch";
    return reply.groups.every((group, i) => group.count === request.groups[i]?.count) ? null : "groupMismatch";
  },
  readings: noReadings,
};

/**
 * FC 21, request and reply.
 *
 *     0          1             2..      per group
 *     function   data length   groups   0: reference type 6   1..2: file   3..4: record   5..6: words   7..: that many words
 *
 * @error  as FC 20; `badByteCount` also where the groups do not fill the data length
 * @source MODBUS Application Protocol V1.1b3 section 6.15
 */
function decodeWrite(octets: Uint8Array, at: number, length: number): Result<WriteFiles, Malformed> {
  if (length < 2) return TRUNCATED;
  const stated = octets[at + 1] as number;
  if (stated < WRITE_BYTES.least || stated > WRITE_BYTES.most) return BAD_BYTE_COUNT;
  if (length !== 2 + stated) return wrongLength(length, 2 + stated);
  const end = at + length;
  const groups: FileData[] = [];
  for (let group = at + 2; group < end; ) {
    if (group + 7 > end) return BAD_BYTE_COUNT;
    const wrong = wrongGroup(octets, group);
    if (wrong !== null) return wrong;
    const count = u16(octets, group + 5);
    if (group + 7 + 2 * count > end) return BAD_BYTE_COUNT;
    groups.push({ file: u16(octets, group + 1), record: u16(octets, group + 3), count, at: group + 7 });
    group += 7 + 2 * count;
  }
  return ok({ is: "writeFiles", function: 21, octets, groups });
}

function encodeWrite(message: WriteFiles, target: Uint8Array, at: number): number {
  let group = at + 2;
  for (const { file, record, count, at: from } of message.groups) {
    copyOctets(message.octets, from, target, group + 7, 2 * count);
    putGroup(target, group, file, record, count);
    group += 7 + 2 * count;
  }
  target[at] = 21;
  target[at + 1] = group - at - 2;
  return group - at;
}

function putGroup(target: Uint8Array, at: number, file: number, record: number, count: number): void {
  target[at] = REFERENCE;
  putU16(target, at + 1, file);
  putU16(target, at + 3, record);
  putU16(target, at + 5, count);
}

function matchWrite(request: WriteFiles, reply: WriteFiles): MismatchKind | null {
  if (reply.groups.length !== request.groups.length) return "groupMismatch";
  for (const [i, asked] of request.groups.entries()) {
    const got = reply.groups[i] as FileData;
    if (got.file !== asked.file || got.record !== asked.record || got.count !== asked.count) return "groupMismatch";
    if (!sameOctets(request.octets, asked.at, reply.octets, got.at, 2 * asked.count)) return "valueMismatch";
  }
  return null;
}

export const writeFiles: Layout<WriteFiles, WriteFiles> = {
  decode: decodeWrite,
  encode: encodeWrite,
  operations: (request, unit, broadcast) =>
    request.groups.map(({ file, record, count, at }) =>
      operation("file-write", "change", 21, unit, broadcast, range(FILE, fileAddress(file, record), count), cells(request.octets, at, 16)),
    ),
  decodeReply: decodeWrite,
  encodeReply: encodeWrite,
  match: matchWrite,
  readings: noReadings,
};
