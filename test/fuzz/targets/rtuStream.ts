/**
 * Octets on a serial line, bursts of them between silences.
 *
 *     0                    1..2            then, again and again: 0        1..n
 *     bit 0: replies       seed of cuts                           length   burst
 *
 * What is given out is a frame by its own CRC. A burst cut in pieces gives what it gives whole, or its beginning as a frame and the rest
 * discarded: the framer cannot know that more follows.
 */
import { type Direction, decodeRtu, derivedLength, RtuFramer } from "#modbus/rtu";
import { sameOctets } from "#wire";
import { Random } from "../random.ts";
import { accepted, must, refused, type Target } from "../target.ts";
import { EXCHANGES, join, REQUEST_PDUS, rtu } from "./modbus.ts";

/** Microseconds above 19200 baud. */
const GAP_LIMIT = 750;
const SILENCE = 1_750;
const FAULTS: ReadonlySet<string> = new Set(["truncated", "trailing", "tooLong", "badCrc", "gap"]);

const burst = (frame: Uint8Array): Uint8Array => join([Math.min(255, frame.length)], frame);

export const rtuStream: Target = {
  name: "rtuStream",
  limitMs: 10,
  inputs: 10_000_000,
  most: 800,
  text: false,
  dictionary: [],
  corpus: () => [
    ...REQUEST_PDUS.map((pdu, i) => join([0, i, 0], burst(rtu(1, pdu)))),
    ...EXCHANGES.map(({ reply }, i) => join([1, i, 0], burst(rtu(17, reply)))),
    ...EXCHANGES.slice(0, 12).map(({ request }, i) =>
      join([0, i, 1], burst(rtu(1, request)), burst(rtu(2, request)), burst(rtu(0, request))),
    ),
    join([0, 0, 2], burst(join(rtu(1, REQUEST_PDUS[0] as Uint8Array), rtu(1, REQUEST_PDUS[3] as Uint8Array)))),
  ],
  run(input) {
    const direction: Direction = ((input[0] ?? 0) & 1) === 0 ? "request" : "reply";
    const random = new Random(((input[1] ?? 0) << 8) | (input[2] ?? 0), "cuts");
    const whole = new RtuFramer(direction, GAP_LIMIT, SILENCE);
    const cut = new RtuFramer(direction, GAP_LIMIT, SILENCE);
    let frames = 0;
    let last = "no burst";
    for (let at = 3; at < input.length; ) {
      const octets = input.subarray(at + 1, at + 1 + (input[at] as number));
      at += 1 + octets.length;
      const atOnce = listen(whole, octets, [octets]);
      const inPieces = listen(cut, octets, pieces(octets, random));
      judge(direction, octets, atOnce, inPieces);
      if (atOnce[0] === "frame") frames += 1;
      last = atOnce.join(" ");
    }
    return frames > 0 ? accepted(`${Math.min(4, frames)} frames, ${last}`) : refused(last);
  },
};

function pieces(octets: Uint8Array, random: Random): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let at = 0; at < octets.length; ) {
    const size = 1 + random.below(random.of([1, 4, 16, 300]));
    found.push(octets.subarray(at, at + size));
    at += size;
  }
  return found;
}

/** One burst, then silence. */
function listen(framer: RtuFramer, octets: Uint8Array, chunks: readonly Uint8Array[]): readonly string[] {
  const events: string[] = [];
  const take = (): void => {
    for (let next = framer.next(); next !== "more"; next = framer.next()) {
      events.push(next === "frame" ? "frame" : framer.fault);
      if (next === "discarded") must(FAULTS.has(framer.fault), `an unknown fault: ${framer.fault}`);
      else isFrame(framer, octets);
    }
  };
  for (const chunk of chunks) {
    framer.feed(chunk, 0);
    take();
  }
  framer.idle(SILENCE);
  take();
  return events;
}

function isFrame({ octets: held, unitId, pduAt, pduLength }: RtuFramer, octets: Uint8Array): void {
  const decoded = decodeRtu(octets, 0, pduLength + 3);
  must(decoded.ok && isChecked(octets, pduLength + 3), "a frame without its CRC");
  must(decoded.value.unitId === unitId && decoded.value.pduLength === pduLength, "a frame with other fields");
  must(sameOctets(held, pduAt, octets, 1, pduLength), "a frame with other octets");
}

/** Over a frame and its CRC, low octet first, the remainder is 0 (MODBUS over Serial Line V1.02 6.2.2), bit by bit. */
function isChecked(octets: Uint8Array, length: number): boolean {
  let remainder = 0xffff;
  for (let i = 0; i < length; i++) {
    remainder ^= octets[i] as number;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ ((remainder & 1) === 0 ? 0 : 0xa001);
  }
  return remainder === 0;
}

function judge(direction: Direction, octets: Uint8Array, atOnce: readonly string[], inPieces: readonly string[]): void {
  const decoded = decodeRtu(octets, 0, octets.length);
  if (decoded.ok) {
    const derived = derivedLength(direction, octets, 1, octets.length - 3);
    const says = derived === -1 || derived === octets.length - 3;
    must((atOnce[0] === "frame") === says, `whole it gives ${atOnce.join(" ")}, with a good CRC and derived length ${derived}`);
  } else must(atOnce[0] !== "frame", "a frame without a good CRC");
  must(atOnce.length === (octets.length === 0 ? 0 : 1), `whole it gives ${atOnce.join(" ")}`);
  if (inPieces.length === 1 && inPieces[0] === atOnce[0]) return;
  if (octets.length === 0) {
    must(inPieces.length === 0, "something out of nothing");
    return;
  }
  const early = inPieces.length === 2 && inPieces[0] === "frame" && inPieces[1] === "trailing" && atOnce[0] !== "frame";
  must(early, `whole it gives ${atOnce.join(" ")}, in pieces ${inPieces.join(" ")}`);
}
