/**
 * The narrow waist: what one message would do to the plant, in words every protocol shares.
 * Policy sees only operations; a new protocol is a codec, tables and a vocabulary, never a change to the engine.
 */

/** Drives durability, `when_full`, read-only mode and aggregation. RULINGS 32: every verb but the observing and housekeeping ones is a change. */
export type Effect = "observe" | "change" | "housekeep";

export type Verb =
  | "read"
  | "events"
  | "diagnose"
  | "identify"
  | "write"
  | "control"
  | "select"
  | "operate"
  | "freeze"
  | "restart"
  | "time"
  | "file-read"
  | "file-write"
  | "configure"
  | "assignClass"
  | "unsolicited"
  | "authenticate"
  | "confirm"
  | "link"
  | "raw";

/** Where. `space` is a small number owned by the protocol's vocabulary; the engine only compares it. Addresses are zero-based wire addresses. */
export type Target =
  | { readonly at: "range"; readonly space: number; readonly first: number; readonly last: number }
  | { readonly at: "list"; readonly space: number; readonly indexes: ArrayLike<number>; readonly length: number }
  | { readonly at: "all"; readonly space: number }
  | { readonly at: "name"; readonly space: number; readonly name: string }
  | { readonly at: "device" };

/** What. Cells are raw device words to which points give types; a number that carries its type on the wire is a double in four of them. */
export type Values =
  | { readonly is: "none" }
  | {
      readonly is: "cells";
      /** The frame's octets; the cells start at `at`. Bits are packed LSB first, words are big-endian. */
      readonly octets: Uint8Array;
      readonly at: number;
      readonly bits: 1 | 16;
      /** Bits of the present value that stay (FC 22 AND mask); the written word is `(present & keep) | (cell & ~keep)`. 0 for a plain write. */
      readonly keep: number;
    };

/** What a control relay output block is to do, as it stands on the wire (DNP3 g12v1). */
export interface Control {
  /** The whole octet: operation, queue, clear, trip or close. */
  readonly code: number;
  readonly count: number;
  readonly onTimeMs: number;
  readonly offTimeMs: number;
}

export interface Operation {
  readonly verb: Verb;
  readonly effect: Effect;
  /** 1 select-before-operate, 2 direct, 3 direct without reply, 0 not such a command. */
  readonly via: 0 | 1 | 2 | 3;
  /** Code | sub-function << 8 (Modbus 43/14 is 43 | 14 << 8; 8/4 is 8 | 4 << 8). */
  readonly function: number;
  /** DNP3 group << 8 | variation, else 0. */
  readonly object: number;
  readonly unit: number;
  readonly broadcast: boolean;
  /** SAv5 user number claimed: evidence, never identity. */
  readonly actor: number;
  readonly target: Target;
  /** Views: valid until the frame's slot is released. */
  readonly values: Values;
  /** null: it is no such command. */
  readonly control: Control | null;
}

/** A file that is open: which, and whether it may be written. Requests about it carry a handle alone. */
export interface OpenFile {
  readonly name: string;
  readonly writes: boolean;
}

/** Does it put values to places (or arm the device to do so), so that their limits bind it? */
export function isWriting(verb: Verb): boolean {
  return verb === "write" || verb === "operate" || verb === "select";
}

export interface Message {
  readonly reply: "one" | "many" | "none";
  readonly operations: readonly Operation[];
}

/** A reply in the same words: last seen values, guard reads, trimming, samples. */
export interface Reading {
  readonly object: number;
  readonly target: Target;
  readonly values: Values;
  readonly flags: number;
  readonly sourceTime: number | null;
}

/**
 * How far a value can be counted on. `stale`: it was not seen for long. `comm-lost`: who measures it, or the device itself, cannot be reached.
 * `bad`: it is no value of the process. `uncertain`: it is one, with a reservation.
 */
export type Quality = "good" | "stale" | "comm-lost" | "bad" | "uncertain";

/**
 * What a reply or an event tells of a range, whatever its quality: for telemetry. It is no fact to judge by; those are `Reading`s. The same object
 * is handed over again and again: what is to be kept is copied out of it.
 */
export interface Showing {
  space: number;
  /** Cells. */
  first: number;
  last: number;
  /** From `at` on, as `Values` has them. */
  octets: Uint8Array;
  at: number;
  bits: 1 | 16;
  quality: Quality;
  /** Milliseconds since 1970 by the device's clock; null: it told none. */
  timeMs: number | null;
  /** It tells of a past, in its order: none may be left out. */
  isEvent: boolean;
}

export type See = (showing: Showing) => void;

/** A reply put into the standard's form: the PDU of `length` octets from `at`, good until the next one is. */
export interface Straightened<Reply extends object = object> {
  /** What it took: bit i for the i-th of the protocol's quirks; 0: it was in that form. */
  readonly quirks: number;
  readonly reply: Reply;
  /** INVARIANT: encoding `reply` gives these. */
  readonly octets: Uint8Array;
  readonly at: number;
  readonly length: number;
}

/** One address space of a protocol, as policy and points name it. */
export interface Space {
  /** The word used in points.csv `table`, policy `table` and cases ("holding"). */
  readonly name: string;
  /** Bits per cell. */
  readonly bits: 1 | 16;
  /** Cells of one address as people count them. 4: it is a number that carries its type on the wire, a double, most significant word first. */
  readonly stride: 1 | 4;
  readonly writable: boolean;
  /** Points may have names here: it shows the process. */
  readonly process: boolean;
  /** What can be done at its addresses. */
  readonly verbs: readonly Verb[];
  /** Those of them that a rule covers which names no table (RULINGS 5, 34; DESIGN 3). */
  readonly wild: readonly Verb[];
  /** What stands here goes by name: one cell stands for all of it, and rules say which by `files`. */
  readonly byName: boolean;
  /** Highest cell. */
  readonly last: number;
  /** The leading digit of the modicon style (4 in 40001), or null where there is none. */
  readonly modicon: number | null;
}

/** A function as policy may name it. */
export interface FunctionName {
  /** As in `Operation.function`. */
  readonly number: number;
  readonly name: string;
  /** Every verb it can carry (FC 23: read and write). */
  readonly verbs: readonly Verb[];
  readonly effect: Effect;
  /** Kept as octets, never parsed: needs `opaque: true` and the exact number (RULINGS 5). */
  readonly opaque: boolean;
  /** Granted only by a rule that names it (RULINGS 36). */
  readonly named: boolean;
}

/** What a case's words need from the asset they are about: its addressing and its points. */
export interface CaseContext {
  readonly unit: number;
  /** "40", "40001" or "40-43" as this asset writes addresses, to zero-based [first, last]; a string is the reason it cannot be. */
  addresses(space: number, words: string): readonly [number, number] | string;
  /** A point's place and, where a value is given in engineering units, its raw cells; a string is the reason it cannot be. */
  point(
    name: string,
    value: string | null,
  ):
    | { readonly unit: number; readonly space: number; readonly first: number; readonly last: number; readonly cells: Uint8Array | null }
    | string;
}

/** All the protocol knowledge the policy loader gets. Pure. */
export interface Vocabulary {
  readonly protocol: string;
  readonly spaces: readonly Space[];
  /** The space of an object group's points; null: it is about the device as a whole, undefined: there is no such group. */
  spaceOfGroup(group: number): number | null | undefined;
  /** Words for control codes that people use (`trip`); empty where there are no such commands. */
  readonly controlCodes: Readonly<Record<string, number>>;
  readonly functions: readonly FunctionName[];
  /** "6", "0x06", "8/4", "43/14" or a standard name ("writeSingleRegister") to a function number; null when it names nothing. Numbers that are no row of the table but legal (1..127) are functions too (opaque). */
  functionOf(name: string): number | null;
  /** The name of a function number ("writeSingleRegister", "function 90"). */
  nameOf(number: number): string;
  /** Octets of the request a case describes ("write holding 40 = 300"), or why the words mean nothing. */
  parseCase(words: string, context: CaseContext): Uint8Array | string;
  /** The operations of an encoded request (a PDU), for cases and explain. A string is the malformed code. */
  operationsOf(request: Uint8Array, unit: number, broadcast: boolean): Message | string;
}
