/**
 * Habits of devices that stray from the standard's form and leave no doubt about what is meant (RULINGS 23). A reply is looked at here only
 * after it failed as it stands; put into the standard's form it must then answer its request as any other reply does. Requests have none.
 *
 *     coil-padding      FC 1, 2: bits past the last coil asked for are set; they become 0
 *     unit-echo         the reply carries unit 0 or 255 in place of the one asked for
 *     trailing-octets   the frame's length covers more octets than the reply has; they are cut off
 *
 * Octets outside the length of any frame are none of these: nothing tells where the next frame begins, and the framing is broken.
 * Of TCP and of the serial line alike: units and PDUs come in, framing stays outside.
 */
import type { Straightened } from "#operation";
import { copyOctets } from "#wire";
import type { Reply, Request } from "./messages.ts";
import { matchReply, PDU_LIMIT } from "./pdu.ts";
import { derivedLength } from "./rtu.ts";

export interface Quirk {
  readonly name: string;
  /** What a device does that has it, as in "the device ...". */
  readonly words: string;
}

/** Several at once are a number: 1 << index of each. */
export const QUIRKS: readonly Quirk[] = [
  { name: "coil-padding", words: "leaves padding bits in coil replies" },
  { name: "unit-echo", words: "answers as unit 0 or 255 whatever unit is asked" },
  { name: "trailing-octets", words: "sends octets after the end of its replies" },
];

const COIL_PADDING = 1;
const UNIT_ECHO = 2;
const TRAILING_OCTETS = 4;

/** What stands for "whoever has this address" (MODBUS Messaging on TCP/IP Implementation Guide V1.0b: 0xFF is recommended, 0 accepted too). */
const NOBODYS_UNITS: readonly number[] = [0, 255];

const straight = new Uint8Array(PDU_LIMIT);

/**
 * Put a reply into the standard's form, with as few quirks as it takes.
 *
 * @param asked  the unit the request was for
 * @param unit   the unit the reply carries
 * @param octets the reply's PDU has `length` octets from `at`, as its frame says
 * @returns      null where it does not answer the request in that form either
 */
export function straighten(
  request: Request,
  asked: number,
  unit: number,
  octets: Uint8Array,
  at: number,
  length: number,
): Straightened<Reply> | null {
  if (length < 1 || length > PDU_LIMIT) return null;
  if (unit !== asked && !NOBODYS_UNITS.includes(unit)) return null;
  const kept = standardLength(request, octets, at, length);
  if (kept > length) return null;
  let quirks = (unit === asked ? 0 : UNIT_ECHO) | (kept === length ? 0 : TRAILING_OCTETS);
  copyOctets(octets, at, straight, 0, kept);
  let matched = matchReply(request, straight, 0, kept);
  if (!matched.ok && matched.error.kind === "badPadding" && request.is === "read") {
    // Only where bits are unused at all, and everything before them is right.
    straight[kept - 1] = (straight[kept - 1] as number) & ((1 << (request.count & 7)) - 1);
    quirks |= COIL_PADDING;
    matched = matchReply(request, straight, 0, kept);
  }
  return matched.ok ? { quirks, reply: matched.value, octets: straight, at: 0, length: kept } : null;
}

/**
 * Octets the reply has by the standard. Of reads, echoes and exceptions the request settles it, for `matchReply` holds the byte count against
 * what was asked. FC 12, 17, 24 and 43/14 say it of themselves alone, so there the reply's own counts decide. What may have any length (opaque
 * functions) has nothing to cut, and FC 8/0 has the length of its request.
 */
function standardLength(request: Request, octets: Uint8Array, at: number, length: number): number {
  const isException = (octets[at] as number) >= 0x80;
  if (request.is === "diagnose" && !isException) return 3 + request.length;
  const derived = derivedLength("reply", octets, at, length);
  return derived > 0 ? derived : length;
}
