/** Well-formed DNP3 to start from: fragments of every shape the object tables have, and the frames they travel in. */
import { encodeLink, LINK_LIMIT } from "#dnp3/link";
import { encodeSegment, SEGMENT_DATA, segmentsOf } from "#dnp3/transport";
import { fromHex } from "#wire";
import { join } from "./modbus.ts";

export const FRAGMENTS: readonly Uint8Array[] = [
  "c001 3c0206 3c0306 3c0406 3c0106",
  "c301 1e0500 0203",
  "c301 010028 0200 0300 0900",
  "c001 3c0207 0a",
  "c500",
  "c103 0c0128 0100 0a00 81 01 64000000 64000000 00",
  "c204 0c0128 0100 0a00 81 01 64000000 64000000 00",
  "c105 290417 01 07 000000000000f03f 00 290217 01 08 0100 00",
  "c102 500100 0707 00",
  "c102 320107 01 000102030405",
  "c10b 320207 01 00010203040500000000 140006 1e0006",
  "c116 3c0206 010006 1e0000 0005 3c0106 0a0006",
  "c119 46035b 01 1e00 1a00 0400 000000000000 0000 00000000 00000000 0100 0004 0100 61626364",
  "c101 46055b 01 0800 01000000 02000000",
  "c102 46055b 01 0b00 01000000 02000080 616263",
  "e081 9000 010100 0009 ff03 020217 01 05 81 000102030405 200317 01 02 01 feffffff 000102030405",
  "c081 0000 030100 0004 e402 140100 0001 01 01000000 01 02000000 280301 0000 0000 01 0000803f",
  "c081 0000 6e0300 0001 616263 646566 6f0217 01 05 4142",
  "c081 0000 00f200 0000 01 03 414243 00ff00 0000 fe 04 01000200",
  "f382 0000 330107 01 000102030405 020317 01 05 81 0100",
  "e183 0000 78015b 01 0c00 04000000 0100 03 01 aabbccdd",
  "c205 780307 01 05000000 0100 0c0117 01 03 03 01 00000000 00000000 00 78095b 01 0400 01020304",
  "c081 0000 79015b 01 0700 01 0100 05000000",
].map((text) => fromHex(text) as Uint8Array);

/** Requests, each with what answers it, octets without spaces. */
export const DNP3_EXCHANGES: readonly { readonly request: Uint8Array; readonly reply: Uint8Array }[] = (
  [
    ["c301 1e0500 0203", "c381 0000 1e0500 0203 01 0000803f 21 00000040"],
    ["c301 010028 0200 0300 0900", "c381 8000 010200 0303 81 010200 0909 01"],
    ["c001 030006 140006 0a0006", "c081 0000 030100 0004 e402 140100 0001 01 01000000 01 02000000 0a0200 0000 81"],
    ["c001 3c0206 3c0306", "e081 9000 330107 01 000102030405 020317 01 05 81 0100 200317 01 02 01 feffffff 000102030405"],
    ["c103 0c0128 0100 0a00 81 01 64000000 64000000 00", "c181 0000 0c0128 0100 0a00 81 01 64000000 64000000 00"],
    ["c204 0c0128 0100 0a00 81 01 64000000 64000000 00", "c281 0000 0c0128 0100 0a00 81 01 64000000 64000000 02"],
    ["c105 290417 01 07 000000000000f03f 00 290217 01 08 0100 00", "c181 0004"],
    ["c103 0c0217 01 00 01 01 64000000 64000000 00 0c0300 0007 0f", "c181 0000 0c0217 01 00 01 01 64000000 64000000 09 0c0300 0007 0f"],
    ["c102 500100 0707 00", "c181 0000"],
    ["c10d", "c181 0000 340207 01 6400"],
    ["c117", "c181 0000 340207 01 0000"],
    ["c101 46055b 01 0800 01000000 02000000", "c181 0000 46055b 01 0b00 01000000 02000080 616263"],
    ["c100", "f382 0000 330107 01 000102030405 020317 01 05 81 0100 200117 01 03 01 01000000"],
    ["c101 000206", "c183 0000 78015b 01 0c00 04000000 0100 03 01 aabbccdd"],
  ] as const
).map(([request, reply]) => ({ request: octetsOf(request), reply: octetsOf(reply) }));

/** @param hex  in groups of any length */
function octetsOf(hex: string): Uint8Array {
  return fromHex(hex.replaceAll(" ", "")) as Uint8Array;
}

/** The frames of one fragment. */
export function framesOf(fragment: Uint8Array, control: number, destination: number, source: number): Uint8Array {
  const segment = new Uint8Array(SEGMENT_DATA + 1);
  const frame = new Uint8Array(LINK_LIMIT);
  const frames = Array.from({ length: segmentsOf(fragment.length) }, (_, i) => {
    const length = encodeSegment(segment, 0, fragment, 0, fragment.length, i, 7);
    return frame.slice(0, encodeLink(frame, 0, control, destination, source, segment, 0, length));
  });
  return join(...frames);
}
