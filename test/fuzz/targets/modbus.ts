/** What the Modbus targets share: octets to begin with, and the words that may be said of bad ones. */
import { encodeAdu } from "#modbus/mbap";
import { encodeRtu } from "#modbus/rtu";
import { fromHex } from "#wire";
import { REPLIES } from "../../vectors/modbus/replies.ts";
import { REQUESTS } from "../../vectors/modbus/requests.ts";

/** The stable codes of a malformed PDU; another word would be a code nobody knows. */
export const MALFORMED: ReadonlySet<string> = new Set([
  "truncated",
  "trailing",
  "tooLong",
  "badFunction",
  "badSubFunction",
  "badQuantity",
  "badByteCount",
  "addressOverflow",
  "badCoilValue",
  "badPadding",
  "badReference",
  "badData",
]);

/** And of a reply that does not answer its request. */
export const MISMATCH: ReadonlySet<string> = new Set([
  "functionMismatch",
  "subFunctionMismatch",
  "addressMismatch",
  "quantityMismatch",
  "valueMismatch",
  "maskMismatch",
  "groupMismatch",
  "accessMismatch",
  "objectMismatch",
  "noReplyExpected",
]);

export function hex(text: string): Uint8Array {
  const octets = fromHex(text);
  if (octets === null) throw new Error(`no hex: ${text}`);
  return octets;
}

export const REQUEST_PDUS: readonly Uint8Array[] = REQUESTS.map(([request]) => hex(request));
export const EXCHANGES: readonly { readonly request: Uint8Array; readonly reply: Uint8Array }[] = REPLIES.map(([request, reply]) => ({
  request: hex(request),
  reply: hex(reply),
}));

export function join(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

export function mbap(transaction: number, unit: number, pdu: Uint8Array): Uint8Array {
  const target = new Uint8Array(300);
  return target.slice(0, encodeAdu(target, 0, transaction, unit, pdu, 0, pdu.length));
}

export function rtu(unit: number, pdu: Uint8Array): Uint8Array {
  const target = new Uint8Array(300);
  return target.slice(0, encodeRtu(target, 0, unit, pdu, 0, pdu.length));
}

/** The octets amid others: a decoder that looks outside its own meets what no reference meets. */
export class Amid {
  readonly at = 11;
  readonly all = new Uint8Array(1_024).fill(0xa5);

  place(octets: Uint8Array, from = 0): void {
    this.all.fill(0xa5);
    this.all.set(from === 0 ? octets : octets.subarray(from), this.at);
  }
}
