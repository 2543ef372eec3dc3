/** A request PDU: refused with a code, or encoded back to the very same octets and doing only what its table has room for. */

import { decodeRequest, encodeRequest, operationsOf, PDU_LIMIT } from "#modbus/pdu";
import { SPACES } from "#modbus/spaces";
import type { Operation } from "#operation";
import { sameOctets } from "#wire";
import { accepted, must, refused, type Target } from "../target.ts";
import { Amid, MALFORMED, REQUEST_PDUS } from "./modbus.ts";

const amid = new Amid();
const encoded = new Uint8Array(PDU_LIMIT + 16);

export const modbusRequest: Target = {
  name: "modbusRequest",
  limitMs: 10,
  inputs: 10_000_000,
  most: 300,
  text: false,
  dictionary: [],
  corpus: () => REQUEST_PDUS,
  run(input) {
    amid.place(input);
    const decoded = decodeRequest(amid.all, amid.at, input.length);
    if (!decoded.ok) {
      must(MALFORMED.has(decoded.error.kind), `an unknown code: ${decoded.error.kind}`);
      return refused(decoded.error.kind);
    }
    const request = decoded.value;
    const length = encodeRequest(request, encoded, 3);
    must(length === input.length && sameOctets(encoded, 3, input, 0, length), "it is not encoded back to its own octets");
    const { operations } = operationsOf(request, 1, false);
    must(operations.length > 0, "a request that does nothing");
    for (const operation of operations) inBounds(operation, amid.at + input.length);
    return accepted(`${request.is} ${request.is === "opaque" ? request.function & 0xff : request.function}`);
  },
};

function inBounds({ target, values, function: number }: Operation, end: number): void {
  must(number > 0 && (number & 0xff) < 0x80, `function ${number}`);
  if (target.at === "range") {
    const { first, last, space } = target;
    const known = SPACES[space];
    must(known !== undefined, `no table ${space}`);
    must(first >= 0 && first <= last && last <= known.last, `${known.name} ${first}-${last}`);
    if (values.is === "cells") must(values.at + cellOctets(last - first + 1, values.bits) <= end, "values outside the request");
  }
}

function cellOctets(count: number, bits: 1 | 16): number {
  return bits === 1 ? Math.ceil(count / 8) : 2 * count;
}
