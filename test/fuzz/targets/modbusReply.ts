/**
 * A reply PDU without its request, as captures have it.
 *
 *     0                                   1..
 *     coils asked for - 1, 255 unknown    PDU
 */
import { decodeReply, encodeReply, PDU_LIMIT } from "#modbus/pdu";
import { sameOctets } from "#wire";
import { accepted, must, refused, type Target } from "../target.ts";
import { Amid, EXCHANGES, join, MALFORMED } from "./modbus.ts";

const amid = new Amid();
const encoded = new Uint8Array(PDU_LIMIT + 16);
const UNKNOWN = 255;

export const modbusReply: Target = {
  name: "modbusReply",
  limitMs: 10,
  inputs: 10_000_000,
  most: 300,
  text: false,
  dictionary: [],
  corpus: () => EXCHANGES.flatMap(({ reply }) => [join([UNKNOWN], reply), join([18], reply)]),
  run(input) {
    const length = Math.max(0, input.length - 1);
    const coils = input[0] === undefined || input[0] === UNKNOWN ? null : input[0] + 1;
    amid.place(input, 1);
    const decoded = decodeReply(amid.all, amid.at, length, coils);
    if (!decoded.ok) {
      must(MALFORMED.has(decoded.error.kind), `an unknown code: ${decoded.error.kind}`);
      return refused(decoded.error.kind);
    }
    const reply = decoded.value;
    const written = encodeReply(reply, encoded, 3);
    must(written === length && sameOctets(encoded, 3, amid.all, amid.at, length), "it is not encoded back to its own octets");
    return accepted(`${reply.is} ${reply.is === "opaque" || reply.is === "exception" ? reply.function & 0xff : reply.function}`);
  },
};
