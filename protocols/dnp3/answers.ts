/**
 * What a denied request is answered with: commands come back with the status that says so, anything else is an empty response whose internal
 * indications say why. What is never answered is not answered here either: that would tell a stranger that somebody is there.
 *
 * @source IEEE 1815-2012 tables 4-3 and 11-7; technical bulletin TB2016-001 (which error bit)
 */
import { copyOctets } from "#wire";
import { spanAsked } from "./aggressive.ts";
import { decodeFragment, FIN, FIR, RESPONSE_HEADER, SEQUENCE, UNS } from "./application.ts";
import { FUNCTION } from "./functions.ts";
import { eachItem } from "./items.ts";
import { FRAGMENT_LIMIT } from "./transport.ts";

/** Control status codes. */
export const STATUS = {
  success: 0,
  timeout: 1,
  noSelect: 2,
  formatError: 3,
  hardwareError: 6,
  tooManyOperations: 8,
  notAuthorized: 9,
  automationInhibit: 10,
  blocked: 15,
} as const;

/** Second octet of internal indications. */
export const IIN2 = { noFunction: 0x01, unknownObject: 0x02, parameterError: 0x04, alreadyExecuting: 0x10 } as const;
/** First octet. */
export const IIN1 = { deviceTrouble: 0x40 } as const;

/**
 * Write the response to a denied request at `target[at]`, with sequence 0.
 *
 * @param status  of every command, where there are any
 * @param iin2    where there are none
 * @returns its length in octets
 */
export function encodeDenial(
  target: Uint8Array,
  at: number,
  request: Uint8Array,
  length: number,
  status: number,
  iin1: number,
  iin2: number,
): number {
  target[at] = FIR | FIN;
  target[at + 1] = FUNCTION.response;
  const echoed = encodeEcho(target, at + RESPONSE_HEADER, request, length, status);
  target[at + 2] = echoed === 0 ? iin1 : 0;
  target[at + 3] = echoed === 0 ? iin2 : 0;
  return RESPONSE_HEADER + echoed;
}

/**
 * The objects of a command, each with its status, without who asked and the proof of it.
 *
 * @returns octets written; 0: there is none that could say so, or an answer of that length would be no fragment
 */
function encodeEcho(target: Uint8Array, to: number, request: Uint8Array, length: number, status: number): number {
  const decoded = decodeFragment(request, 0, length);
  if (!decoded.ok || decoded.value.fault !== null || !ECHOED.includes(decoded.value.row.code)) return 0;
  const { at, length: echoed } = spanAsked(decoded.value);
  if (RESPONSE_HEADER + echoed > FRAGMENT_LIMIT) return 0;
  let commands = 0;
  for (const header of decoded.value.headers)
    eachItem(decoded.value, header, (item) => {
      // The mask of a pattern has no status.
      if (header.entry.kind !== "command" || item.length === 0) return;
      if (commands === 0) copyOctets(request, at, target, to, echoed);
      target[to - at + item.at + item.length - 1] = status;
      commands += 1;
    });
  return commands === 0 ? 0 : echoed;
}

const ECHOED: readonly number[] = [FUNCTION.select, FUNCTION.operate, FUNCTION.directOperate];

/** A CONFIRM of this sequence. */
export function encodeConfirm(target: Uint8Array, at: number, sequence: number, unsolicited: boolean): number {
  target[at] = FIR | FIN | (unsolicited ? UNS : 0) | (sequence & SEQUENCE);
  target[at + 1] = FUNCTION.confirm;
  return 2;
}
