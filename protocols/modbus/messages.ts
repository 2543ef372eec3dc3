/**
 * What a Modbus PDU means. Small plain objects: numbers that were checked, and views (`octets` from `at`) of the values they came with.
 * A view is valid as long as the octets the message was decoded from.
 *
 * `function` is code | sub-function << 8, as in `Operation.function` (8/4 is 8 | 4 << 8, 43/14 is 43 | 14 << 8). Addresses are zero-based.
 */

/** FC 1, 2 (bits) and 3, 4 (words). */
export interface ReadCells {
  readonly is: "read";
  readonly function: number;
  readonly first: number;
  /** Bits 1..2000, words 1..125. */
  readonly count: number;
}

/** FC 5 and 6, and their replies. The value is the word at `octets[at]`; of FC 5 0xFF00 or 0x0000, so that its first octet is also the one packed bit. */
export interface WriteOne {
  readonly is: "writeOne";
  readonly function: number;
  readonly first: number;
  readonly octets: Uint8Array;
  readonly at: number;
}

/** FC 15 (bits packed from the least significant on) and 16 (big-endian words). */
export interface WriteMany {
  readonly is: "writeMany";
  readonly function: number;
  readonly first: number;
  /** Bits 1..1968, words 1..123. */
  readonly count: number;
  readonly octets: Uint8Array;
  readonly at: number;
}

/** FC 22, and its reply. The OR mask also stands at `octets[at]`, where it is the cell of the operation. */
export interface MaskWrite {
  readonly is: "mask";
  readonly function: 22;
  readonly first: number;
  readonly and: number;
  readonly or: number;
  readonly octets: Uint8Array;
  readonly at: number;
}

/** FC 23. The device writes before it reads. */
export interface ReadWrite {
  readonly is: "readWrite";
  readonly function: 23;
  readonly readFirst: number;
  /** 1..125. */
  readonly readCount: number;
  /** Of the write. */
  readonly first: number;
  /** Of the write, 1..121. */
  readonly count: number;
  readonly octets: Uint8Array;
  readonly at: number;
}

/** FC 24. `first` is the FIFO pointer address. */
export interface ReadFifo {
  readonly is: "fifo";
  readonly function: 24;
  readonly first: number;
}

/** FC 7, 11, 12, 17: nothing but the function code. */
export interface Ask {
  readonly is: "ask";
  readonly function: number;
}

/** FC 8 of a named sub-function, and its reply. `length` octets of data from `at`, after the sub-function. */
export interface Diagnose {
  readonly is: "diagnose";
  readonly function: number;
  readonly octets: Uint8Array;
  readonly at: number;
  readonly length: number;
}

/** `count` records (16-bit words) of `file` from `record` on. */
export interface FileGroup {
  readonly file: number;
  readonly record: number;
  readonly count: number;
}

/** A group with its words, from `at` on in the message's octets. */
export interface FileData extends FileGroup {
  readonly at: number;
}

/** FC 20. */
export interface ReadFiles {
  readonly is: "readFiles";
  readonly function: 20;
  readonly groups: readonly FileGroup[];
}

/** FC 21, and its reply. */
export interface WriteFiles {
  readonly is: "writeFiles";
  readonly function: 21;
  readonly octets: Uint8Array;
  readonly groups: readonly FileData[];
}

/** FC 43/14. */
export interface Identify {
  readonly is: "identify";
  readonly function: number;
  /** Read device id code: 1 basic, 2 regular, 3 extended, 4 one object. */
  readonly access: number;
  readonly objectId: number;
}

/**
 * What this codec does not look into: user-defined, reserved and vendor functions, 43/13, reserved sub-functions of 8 and other MEI types.
 * `length` octets from `at`, after the function code and (8: two octets, 43: one) the sub-function that `function` holds.
 */
export interface Opaque {
  readonly is: "opaque";
  readonly function: number;
  readonly octets: Uint8Array;
  readonly at: number;
  readonly length: number;
}

export type Request =
  | ReadCells
  | WriteOne
  | WriteMany
  | MaskWrite
  | ReadWrite
  | ReadFifo
  | Ask
  | Diagnose
  | ReadFiles
  | WriteFiles
  | Identify
  | Opaque;

/** Reply of FC 1, 2 (bits) and 3, 4, 23 (words): the cells from `octets[at]`. */
export interface CellsReply {
  readonly is: "cells";
  readonly function: number;
  readonly bits: 1 | 16;
  /** Cells. Of bits without a known request: eight for each octet, the padding among them. */
  readonly count: number;
  readonly octets: Uint8Array;
  readonly at: number;
}

/** Reply of FC 15 and 16. */
export interface WroteMany {
  readonly is: "wroteMany";
  readonly function: number;
  readonly first: number;
  readonly count: number;
}

/** Reply of FC 24: `count` words (0..31) from `at`. */
export interface FifoReply {
  readonly is: "fifo";
  readonly function: 24;
  readonly count: number;
  readonly octets: Uint8Array;
  readonly at: number;
}

/** Reply of FC 7. */
export interface StatusReply {
  readonly is: "status";
  readonly function: 7;
  readonly status: number;
}

/** Reply of FC 11. `status` is 0xFFFF while the device works on an earlier command. */
export interface CounterReply {
  readonly is: "counter";
  readonly function: 11;
  readonly status: number;
  readonly events: number;
}

/** Reply of FC 12: 0..64 event octets from `at`, the newest first. */
export interface LogReply {
  readonly is: "log";
  readonly function: 12;
  readonly status: number;
  readonly events: number;
  readonly messages: number;
  readonly octets: Uint8Array;
  readonly at: number;
  readonly length: number;
}

/** Reply of FC 17: identifier, run indicator and more, laid out as the device likes. */
export interface ServerIdReply {
  readonly is: "serverId";
  readonly function: 17;
  readonly octets: Uint8Array;
  readonly at: number;
  readonly length: number;
}

/** Reply of FC 20: `count` words from `at` per group, in the order asked. */
export interface FilesReply {
  readonly is: "files";
  readonly function: 20;
  readonly octets: Uint8Array;
  readonly groups: readonly { readonly count: number; readonly at: number }[];
}

/** Reply of FC 43/14. */
export interface IdentifyReply {
  readonly is: "identification";
  readonly function: number;
  readonly access: number;
  /** 1..3 stream access, 0x81..0x83 stream and individual access. */
  readonly conformity: number;
  readonly more: boolean;
  /** 0 unless `more`. */
  readonly nextObjectId: number;
  readonly octets: Uint8Array;
  readonly objects: readonly { readonly id: number; readonly at: number; readonly length: number }[];
}

/** `function` is the bare code, bit 7 removed: an exception does not repeat a sub-function. */
export interface ExceptionReply {
  readonly is: "exception";
  readonly function: number;
  /** 1..255; what is no code of the standard is a reply all the same. */
  readonly exception: number;
}

export type NormalReply =
  | CellsReply
  | WriteOne
  | WroteMany
  | MaskWrite
  | FifoReply
  | StatusReply
  | CounterReply
  | LogReply
  | ServerIdReply
  | Diagnose
  | FilesReply
  | WriteFiles
  | IdentifyReply
  | Opaque;

export type Reply = NormalReply | ExceptionReply;
