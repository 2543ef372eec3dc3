/**
 * A reply held against a request.
 *
 *     0                    1..n      n+1..
 *     length of request    request   reply
 */
import { decodeRequest, encodeReply, matchReply, PDU_LIMIT, readingsOf } from "#modbus/pdu";
import { sameOctets } from "#wire";
import { accepted, must, refused, type Target } from "../target.ts";
import { Amid, EXCHANGES, join, MALFORMED, MISMATCH } from "./modbus.ts";

const amid = new Amid();
const encoded = new Uint8Array(PDU_LIMIT + 16);

export const modbusAnswer: Target = {
  name: "modbusAnswer",
  limitMs: 10,
  inputs: 10_000_000,
  most: 560,
  text: false,
  dictionary: [],
  corpus: () =>
    EXCHANGES.flatMap(({ request, reply }, i) => {
      const other = EXCHANGES[(i + 1) % EXCHANGES.length]?.reply ?? reply;
      return [
        join([request.length], request, reply),
        join([request.length], request, other),
        join([request.length], request, [(request[0] as number) | 0x80, 2]),
      ];
    }),
  run(input) {
    const asked = Math.min(input[0] ?? 0, Math.max(0, input.length - 1));
    const request = decodeRequest(input, 1, asked);
    if (!request.ok) return refused("no request");
    const from = 1 + asked;
    const length = Math.max(0, input.length - from);
    amid.place(input, from);
    const matched = matchReply(request.value, amid.all, amid.at, length);
    if (!matched.ok) {
      const { kind } = matched.error;
      must(MALFORMED.has(kind) || MISMATCH.has(kind), `an unknown code: ${kind}`);
      return refused(kind);
    }
    const reply = matched.value;
    must(((reply.function ^ request.value.function) & 0x7f) === 0, "a reply of another function");
    const written = encodeReply(reply, encoded, 3);
    must(written === length && sameOctets(encoded, 3, amid.all, amid.at, length), "it is not encoded back to its own octets");
    for (const { target, values } of readingsOf(request.value, reply)) {
      if (values.is !== "cells" || target.at !== "range") continue;
      const count = target.last - target.first + 1;
      const octets = values.bits === 1 ? Math.ceil(count / 8) : 2 * count;
      // A value written stands in the request, a value read in the reply.
      const end = values.octets === amid.all ? amid.at + length : values.octets.length;
      must(values.at + octets <= end, "a reading outside its message");
    }
    return accepted(`${reply.is} ${reply.function & 0xff}`);
  },
};
