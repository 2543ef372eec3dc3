/**
 * Modbus/TCP frames do not depend on how the stream is cut, and are those that a plain reading of the standard finds.
 *
 *     0..1             2..
 *     seed of cuts     the stream
 */
import { MBAP_HEADER, MbapFramer } from "#modbus/mbap";
import { toHex } from "#wire";
import { cutsOf } from "../cuts.ts";
import { accepted, must, refused, type Target } from "../target.ts";
import { EXCHANGES, join, mbap, REQUEST_PDUS } from "./modbus.ts";

export const mbapStream: Target = {
  name: "mbapStream",
  limitMs: 10,
  inputs: 10_000_000,
  most: 1_200,
  text: false,
  dictionary: [],
  corpus: () => [
    ...REQUEST_PDUS.map((pdu, i) => join([0, i], mbap(i, 1, pdu))),
    ...EXCHANGES.slice(0, 12).map(({ request, reply }, i) =>
      join([1, i], mbap(7 * i, 1, request), mbap(7 * i, 1, reply), mbap(i, 255, request)),
    ),
    join([2, 0], mbap(1, 1, new Uint8Array(253).fill(65)), mbap(2, 2, Uint8Array.of(7))),
  ],
  run(input) {
    const stream = input.subarray(2);
    const expected = plainly(stream);
    compare(expected, framed([stream]), "in one piece");
    const chunks = cutsOf(input);
    compare(expected, framed(chunks), `in ${chunks.length} pieces`);
    if (expected.length === 0) return refused("nothing whole");
    const end = expected.at(-1) as string;
    return end.startsWith("broken") ? refused(end) : accepted(`${Math.min(9, expected.length)} frames`);
  },
};

function compare(expected: readonly string[], got: readonly string[], how: string): void {
  const same = expected.length === got.length && expected.every((event, i) => event === got[i]);
  must(same, `${how} it gives ${got.join(", ")}; expected ${expected.join(", ")}`);
}

function framed(chunks: readonly Uint8Array[]): readonly string[] {
  const framer = new MbapFramer();
  const events: string[] = [];
  for (const chunk of chunks) {
    framer.feed(chunk);
    for (let next = framer.next(); next !== "more"; next = framer.next()) {
      if (next === "broken") return [...events, `broken ${framer.broken?.kind}`];
      events.push(`${framer.transactionId}/${framer.unitId}/${toHex(framer.octets, framer.pduAt, framer.pduLength)}`);
    }
  }
  return events;
}

/** MODBUS Messaging on TCP/IP V1.0b section 3.1.3 with the whole stream at hand. */
function plainly(stream: Uint8Array): readonly string[] {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.length);
  const events: string[] = [];
  for (let at = 0; ; ) {
    if (at + 4 <= stream.length && view.getUint16(at + 2) !== 0) return [...events, "broken badProtocolId"];
    if (at + 6 > stream.length) return events;
    const length = view.getUint16(at + 4);
    if (length < 2 || length > 254) return [...events, "broken badLength"];
    if (at + 6 + length > stream.length) return events;
    events.push(`${view.getUint16(at)}/${stream[at + 6]}/${toHex(stream, at + MBAP_HEADER, length - 1)}`);
    at += 6 + length;
  }
}
