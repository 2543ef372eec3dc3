/**
 * DNP3 link frames and the fragments in them do not depend on how the stream is cut; on a serial line nothing stops the reader.
 *
 *     0..1             2..
 *     seed of cuts     the stream
 */
import { type After, controlFault, LinkFramer } from "#dnp3/link";
import { Reassembler } from "#dnp3/transport";
import { toHex } from "#wire";
import { cutsOf } from "../cuts.ts";
import { accepted, must, refused, type Target } from "../target.ts";
import { FRAGMENTS, framesOf } from "./dnp3.ts";
import { join } from "./modbus.ts";

export const dnp3Stream: Target = {
  name: "dnp3Stream",
  limitMs: 10,
  inputs: 10_000_000,
  most: 1_200,
  text: false,
  dictionary: [],
  corpus: () => [
    ...FRAGMENTS.map((fragment, i) => join([0, i], framesOf(fragment, 0xc4, 1, 10))),
    join([1, 0], framesOf(new Uint8Array(600).fill(7), 0x44, 10, 1), framesOf(FRAGMENTS[4] as Uint8Array, 0x44, 10, 1)),
    join([2, 0], [0x05, 0x64, 0x05, 0xc0, 0x01, 0x00, 0x0a, 0x00, 0xe0, 0x8c], framesOf(FRAGMENTS[0] as Uint8Array, 0xd3, 0xfffd, 10)),
  ],
  run(input) {
    const stream = input.subarray(2);
    const chunks = cutsOf(input);
    let told = "";
    for (const after of ["close", "rescan", "passOver"] as const) {
      const whole = read([stream], after);
      const cut = read(chunks, after);
      must(whole.join() === cut.join(), `${after}: cut into ${chunks.length} it gives ${cut.join(", ")}; whole ${whole.join(", ")}`);
      told = `${told} ${Math.min(3, whole.filter((event) => event.startsWith("frame")).length)}`;
    }
    return told === " 0 0 0" ? refused("nothing whole") : accepted(told);
  },
};

function read(chunks: readonly Uint8Array[], after: After): readonly string[] {
  const framer = new LinkFramer(after);
  const reassembler = new Reassembler(700);
  const events: string[] = [];
  for (const chunk of chunks) {
    framer.feed(chunk);
    for (let next = framer.next(); next !== "more"; next = framer.next()) {
      if (next === "broken") return [...events, `broken ${framer.fault}`];
      if (next === "discarded") {
        events.push(`discarded ${framer.fault}`);
        continue;
      }
      const { control, destination, source, data, dataLength } = framer;
      events.push(`frame ${control} ${destination} ${source} ${toHex(data, 0, dataLength)} ${controlFault(control, dataLength)}`);
      const taken = reassembler.take(data, 0, dataLength);
      must(reassembler.length <= 700, "a fragment beyond its limit");
      events.push(taken === "fragment" ? `fragment ${toHex(reassembler.octets, 0, reassembler.length)}` : taken);
    }
  }
  return events;
}
