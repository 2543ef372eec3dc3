/** A function code is a row: what it is called, what it may do, how its octets are laid out. functions.ts is the table. */
import type { Effect, Operation, Reading, Target, Values, Verb } from "#operation";
import type { Result } from "#wire";
import type { Malformed, MalformedKind, MismatchKind } from "./errors.ts";
import type { NormalReply, Request } from "./messages.ts";

/**
 * INVARIANT: a row's functions are handed only requests and replies whose `function` is the row's number. That is why the table may hold
 * rows of narrower types than it says (the methods below are compared both ways by the compiler).
 */
export interface FunctionEntry<Q extends Request = Request, A extends NormalReply = NormalReply> {
  readonly code: number;
  /** Sub-function of 8, MEI type of 43, else null. */
  readonly sub: number | null;
  /** As the standard has it, in camel case. */
  readonly name: string;
  /** Every verb it can carry (RULINGS 5). */
  readonly verbs: readonly Verb[];
  readonly effect: Effect;
  /** The device answers nothing to it, not even when it is addressed alone (8/4). */
  readonly silent: boolean;
  /** Kept as octets, never looked into. */
  readonly opaque: boolean;
  /** Where its layout and limits are written down. */
  readonly source: string;
  /** The PDU has `length` octets from `at`, the function code first; code and sub-function are there and are the row's. */
  decode(octets: Uint8Array, at: number, length: number): Result<Q, Malformed>;
  /** Returns the length of the PDU written at `target[at]`. */
  encode(request: Q, target: Uint8Array, at: number): number;
  operations(request: Q, unit: number, broadcast: boolean): readonly Operation[];
  decodeReply(octets: Uint8Array, at: number, length: number, coilCount: number | null): Result<A, Malformed>;
  encodeReply(reply: A, target: Uint8Array, at: number): number;
  /** null when the well-formed reply answers the request. */
  match(request: Q, reply: A): MalformedKind | MismatchKind | null;
  readings(request: Q, reply: A): readonly Reading[];
}

/** The functions of a row, where several rows share one layout. */
export type Layout<Q extends Request, A extends NormalReply> = Pick<
  FunctionEntry<Q, A>,
  "decode" | "encode" | "operations" | "decodeReply" | "encodeReply" | "match" | "readings"
>;

export const DEVICE: Target = { at: "device" };
export const NO_VALUES: Values = { is: "none" };

export function range(space: number, first: number, count: number): Target {
  return { at: "range", space, first, last: first + count - 1 };
}

export function cells(octets: Uint8Array, at: number, bits: 1 | 16, keep = 0): Values {
  return { is: "cells", octets, at, bits, keep };
}

/** Modbus has no select, no objects and no users of its own. */
export function operation(
  verb: Verb,
  effect: Effect,
  number: number,
  unit: number,
  broadcast: boolean,
  target: Target,
  values: Values,
): Operation {
  return { verb, effect, via: 0, function: number, object: 0, unit, broadcast, actor: 0, target, values, control: null };
}

/** For functions whose replies say nothing of the process tables. */
export function noReadings(): readonly Reading[] {
  return NONE;
}

const NONE: readonly Reading[] = [];
