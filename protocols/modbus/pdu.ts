/**
 * The Modbus codec's front door. A PDU is the function code and what follows it, 1..253 octets; frames are mbap.ts and rtu.ts.
 *
 *     0          1..252
 *     function   data, laid out as the function's row in functions.ts says
 *
 * Strict on purpose: it accepts only what its encoder gives back octet for octet, so what was judged is what is sent.
 * Nothing here throws at a peer's octets.
 */
import type { Message, Reading } from "#operation";
import { err, ok, type Result } from "#wire";
import {
  BAD_DATA,
  BAD_FUNCTION,
  type Malformed,
  type MalformedKind,
  type MismatchKind,
  TOO_LONG,
  TRUNCATED,
  wrongLength,
} from "./errors.ts";
import { entryAt, entryOf } from "./functions.ts";
import type { ExceptionReply, Reply, Request } from "./messages.ts";

export type { Malformed, MalformedKind, MismatchKind } from "./errors.ts";
export type * from "./messages.ts";

/** Largest PDU, octets (MODBUS Application Protocol V1.1b3 section 4.1). */
export const PDU_LIMIT = 253;

/**
 * @param octets  the PDU stands at `at` and has `length` octets.
 * @error         one of `MalformedKind`; `badFunction` (0, or 128 and above) cannot even be answered with an exception.
 */
export function decodeRequest(octets: Uint8Array, at: number, length: number): Result<Request, Malformed> {
  if (length < 1) return TRUNCATED;
  if (length > PDU_LIMIT) return TOO_LONG;
  const code = octets[at] as number;
  if (code === 0 || code >= 0x80) return BAD_FUNCTION;
  const entry = entryAt(octets, at, length);
  return entry === null ? TRUNCATED : entry.decode(octets, at, length);
}

/** Write the PDU of a request at `target[at]`; returns its length in octets. `target` must have room for 253. */
export function encodeRequest(request: Request, target: Uint8Array, at: number): number {
  return entryOf(request.function).encode(request, target, at);
}

/**
 * Decode a reply without its request, for captures.
 *
 * @param coilCount  quantity asked for, where FC 1 or 2 is answered: it tells values from padding. null where it is not known.
 */
export function decodeReply(octets: Uint8Array, at: number, length: number, coilCount: number | null): Result<Reply, Malformed> {
  if (length < 1) return TRUNCATED;
  if (length > PDU_LIMIT) return TOO_LONG;
  const code = octets[at] as number;
  if (code === 0 || code === 0x80) return BAD_FUNCTION;
  if (code > 0x80) return decodeException(octets, at, length);
  const entry = entryAt(octets, at, length);
  return entry === null ? TRUNCATED : entry.decodeReply(octets, at, length, coilCount);
}

/** As `encodeRequest`. */
export function encodeReply(reply: Reply, target: Uint8Array, at: number): number {
  if (reply.is !== "exception") return entryOf(reply.function).encodeReply(reply, target, at);
  target[at] = reply.function | 0x80;
  target[at + 1] = reply.exception;
  return 2;
}

/**
 * Does this reply answer that request? Function and sub-function, length, byte count, padding, and whatever is echoed must fit.
 * An exception answers if it names the function; which code it carries is the caller's concern (exceptions.ts).
 */
export function matchReply(
  request: Request,
  octets: Uint8Array,
  at: number,
  length: number,
): Result<Reply, { readonly kind: MalformedKind | MismatchKind }> {
  const code = request.function & 0x7f;
  if (length >= 1 && ((octets[at] as number) & 0x7f) !== code) return FUNCTION_MISMATCH;
  const decoded = decodeReply(octets, at, length, request.is === "read" ? request.count : null);
  if (!decoded.ok || decoded.value.is === "exception") return decoded;
  if (decoded.value.function !== request.function) return SUB_FUNCTION_MISMATCH;
  const wrong = entryOf(request.function).match(request, decoded.value);
  return wrong === null ? decoded : err({ kind: wrong });
}

/** What the request would do to the plant (RULINGS 5 gives the verbs). */
export function operationsOf(request: Request, unit: number, broadcast: boolean): Message {
  const entry = entryOf(request.function);
  return { reply: broadcast || entry.silent ? "none" : "one", operations: entry.operations(request, unit, broadcast) };
}

/** What a reply that answers the request tells of the process tables. */
export function readingsOf(request: Request, reply: Reply): readonly Reading[] {
  return reply.is === "exception" ? NO_READINGS : entryOf(request.function).readings(request, reply);
}

const NO_READINGS: readonly Reading[] = [];
const FUNCTION_MISMATCH = err({ kind: "functionMismatch" as const });
const SUB_FUNCTION_MISMATCH = err({ kind: "subFunctionMismatch" as const });

/**
 *     0                  1
 *     function | 0x80    exception code
 *
 * Code 0 is no exception and would read as "no exception" further on: malformed.
 *
 * @source MODBUS Application Protocol V1.1b3 section 7
 */
function decodeException(octets: Uint8Array, at: number, length: number): Result<ExceptionReply, Malformed> {
  if (length !== 2) return wrongLength(length, 2);
  const exception = octets[at + 1] as number;
  return exception === 0 ? BAD_DATA : ok({ is: "exception", function: (octets[at] as number) & 0x7f, exception });
}
