/**
 * A reply as a device with habits sends it, held against a request.
 *
 *     0                    1..n      n+1             n+2..
 *     length of request    request   reply's unit    reply
 */
import { decodeRequest, encodeReply, matchReply, PDU_LIMIT } from "#modbus/pdu";
import { QUIRKS, straighten } from "#modbus/quirks";
import { sameOctets } from "#wire";
import { accepted, must, refused, type Target } from "../target.ts";
import { Amid, EXCHANGES, join } from "./modbus.ts";

const ASKED = 1;
const COIL_PADDING = 1;
const UNIT_ECHO = 2;
const amid = new Amid();
const encoded = new Uint8Array(PDU_LIMIT + 16);

export const modbusQuirks: Target = {
  name: "modbusQuirks",
  limitMs: 10,
  inputs: 10_000_000,
  most: 560,
  text: false,
  dictionary: [],
  corpus: () =>
    EXCHANGES.flatMap(({ request, reply }) => [
      join([request.length], request, [ASKED], reply),
      join([request.length], request, [255], reply, [0, 0]),
      join([request.length], request, [0], reply.subarray(0, -1), [(reply.at(-1) as number) | 0x80]),
    ]),
  run(input) {
    const asked = Math.min(input[0] ?? 0, Math.max(0, input.length - 2));
    const request = decodeRequest(input, 1, asked);
    if (!request.ok) return refused("no request");
    const unit = input[1 + asked] ?? 0;
    const from = 2 + asked;
    const length = Math.max(0, input.length - from);
    amid.place(input, from);
    const strict = unit === ASKED ? matchReply(request.value, amid.all, amid.at, length) : null;
    const straight = straighten(request.value, ASKED, unit, amid.all, amid.at, length);
    if (straight === null) {
      must(strict?.ok !== true, "what answers as it stands answers in the standard's form");
      return refused("no reply in any form");
    }
    const { quirks, reply, octets, at } = straight;
    must((quirks === 0) === (strict?.ok === true), "quirks are for what does not answer as it stands");
    must(
      ((quirks & UNIT_ECHO) !== 0) === (unit !== ASKED) && (unit === ASKED || unit === 0 || unit === 255),
      "another unit than it may be",
    );
    must(straight.length <= length, "longer than it came");
    const untouched = straight.length - (quirks & COIL_PADDING);
    must(sameOctets(octets, at, amid.all, amid.at, untouched), "other octets than came");
    must(matchReply(request.value, octets, at, straight.length).ok, "it does not answer in the standard's form");
    const written = encodeReply(reply, encoded, 3);
    must(written === straight.length && sameOctets(encoded, 3, octets, at, written), "it is not encoded back to its own octets");
    return accepted(`${QUIRKS.filter((_, i) => (quirks & (1 << i)) !== 0).map(({ name }) => name)} ${reply.is} ${reply.function & 0xff}`);
  },
};
