/**
 * Functions this codec does not look into: user-defined, reserved and vendor codes, 43/13, reserved sub-functions of 8, other MEI types.
 * Their octets are kept whole. Being well formed and unknown they are no malformed requests: they are `raw`, a change, and denied unless a
 * rule names the number (RULINGS 5). A reserved sub-function of 8 is one of them, so that a site can name it like any other number.
 */
import { copyOctets, ok, putU16, type Result } from "#wire";
import { type Layout, noReadings } from "./entry.ts";
import type { Malformed } from "./errors.ts";
import type { Opaque } from "./messages.ts";
import { onDevice } from "./serial.ts";

/** Octets of the sub-function after the function code: of 8 a word, of 43 the MEI type. */
export function subLength(code: number): 0 | 1 | 2 {
  return code === 8 ? 2 : code === 43 ? 1 : 0;
}

/** Code | sub-function << 8 of the PDU at `at`, whose code and sub-function are there. */
export function numberAt(octets: Uint8Array, at: number): number {
  const code = octets[at] as number;
  if (code === 8) return code | ((octets[at + 1] as number) << 16) | ((octets[at + 2] as number) << 8);
  return code === 43 ? code | ((octets[at + 1] as number) << 8) : code;
}

/**
 *     0          1..                                   ..
 *     function   sub-function (8: two octets, 43: one) data, anything
 */
function decode(octets: Uint8Array, at: number, length: number): Result<Opaque, Malformed> {
  const head = 1 + subLength(octets[at] as number);
  return ok({ is: "opaque", function: numberAt(octets, at), octets, at: at + head, length: length - head });
}

function encode(message: Opaque, target: Uint8Array, at: number): number {
  const code = message.function & 0xff;
  const head = 1 + subLength(code);
  copyOctets(message.octets, message.at, target, at + head, message.length);
  target[at] = code;
  if (head === 3) putU16(target, at + 1, message.function >> 8);
  if (head === 2) target[at + 1] = message.function >> 8;
  return head + message.length;
}

export const opaque: Layout<Opaque, Opaque> = {
  decode,
  encode,
  operations: (request, unit, broadcast) => onDevice("raw", "change", request.function, unit, broadcast),
  decodeReply: decode,
  encodeReply: encode,
  match: () => null,
  readings: noReadings,
};
