/** The one-way frame, octet by octet: as docs/one-way-format.md draws it, and nothing else passes for one. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  decodeHeader,
  encodeHeader,
  type FrameHeader,
  HEADER,
  KIND,
  LONGEST_CONTENT,
  putNonce,
  SHORTEST_CONTENT,
  TAG,
} from "#oneway/frame";
import { fromHex, toHex } from "#wire";

const frame = suite("oneway/frame");

const SALT = fromHex("000102030405060708090a0b0c0d0e0f") as Uint8Array;
const USUAL: FrameHeader = {
  kind: KIND.source,
  stream: 0x01020304,
  keyId: 0xa1a2a3a4,
  epoch: 7,
  sequence: 0x0605_0403_0201,
  sources: 20,
  repairs: 4,
  depth: 8,
  length: 1200,
};
const DRAWN =
  "50730101" + "04030201" + "a4a3a2a1" + "07000000" + "000102030405060708090a0b0c0d0e0f" + "010203040506" + "140408" + "00" + "b004";

function framed(header: FrameHeader): Uint8Array {
  const octets = new Uint8Array(HEADER + header.length + TAG);
  encodeHeader(octets, header, SALT);
  return octets;
}

frame("as it is drawn", () => {
  assert.is(toHex(framed(USUAL), 0, HEADER), DRAWN);
  assert.equal(decodeHeader(framed(USUAL)), { ok: true, value: USUAL });
});

frame("what was written is read, whatever it was", () => {
  const header = fc.record({
    kind: fc.constantFrom(KIND.source, KIND.repair),
    stream: fc.nat({ max: 0xffff_ffff }),
    keyId: fc.nat({ max: 0xffff_ffff }),
    epoch: fc.nat({ max: 0xffff_ffff }),
    sequence: fc.nat({ max: 2 ** 48 - 1 }),
    sources: fc.integer({ min: 1, max: 200 }),
    repairs: fc.integer({ min: 1, max: 55 }),
    depth: fc.integer({ min: 1, max: 32 }),
    length: fc.integer({ min: SHORTEST_CONTENT, max: LONGEST_CONTENT }),
  });
  fc.assert(
    fc.property(header, (each) => assert.equal(decodeHeader(framed(each)), { ok: true, value: { ...each } })),
    { numRuns: 2_000 },
  );
});

const FAULTS: readonly (readonly [what: string, change: (octets: Uint8Array) => Uint8Array, fault: string])[] = [
  ["too short for a header", (octets) => octets.subarray(0, HEADER + TAG - 1), "badLength"],
  ["nothing", (octets) => octets.subarray(0, 0), "badLength"],
  ["an octet less", (octets) => octets.subarray(0, octets.length - 1), "badLength"],
  ["an octet more", (octets) => Uint8Array.from([...octets, 0]), "badLength"],
  ["no frame of ours", (octets) => octets.with(0, 0x51), "badMagic"],
  ["the second octet too", (octets) => octets.with(1, 0x74), "badMagic"],
  ["another version", (octets) => octets.with(2, 2), "badVersion"],
  ["kind 0", (octets) => octets.with(3, 0), "badKind"],
  ["kind 3", (octets) => octets.with(3, 3), "badKind"],
  ["no sources", (octets) => octets.with(38, 0), "badCode"],
  ["more shards than a field has", (octets) => octets.with(38, 252), "badCode"],
  ["no blocks", (octets) => octets.with(40, 0), "badCode"],
  ["more blocks than anybody holds", (octets) => octets.with(40, 33), "badCode"],
  ["an octet that is 0", (octets) => octets.with(41, 1), "badCode"],
  ["a repair of a code without", (octets) => octets.with(3, 2).with(39, 0), "badCode"],
];

for (const [what, change, fault] of FAULTS)
  frame(`is none: ${what}`, () => assert.equal(decodeHeader(change(framed(USUAL))), { ok: false, error: fault }));

frame("contents that are too short or too long are none", () => {
  for (const length of [SHORTEST_CONTENT - 1, LONGEST_CONTENT + 1])
    assert.equal(decodeHeader(framed({ ...USUAL, length })), { ok: false, error: "badLength" });
});

frame("random octets never throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1_500 }), fc.boolean(), (octets, ours) => {
      if (ours && octets.length > 4) octets.set([0x50, 0x73, 1, 1]);
      decodeHeader(octets);
    }),
    { numRuns: 5_000 },
  );
});

frame("a nonce is the sequence", () => {
  const nonce = new Uint8Array(12).fill(9);
  putNonce(nonce, 0x0605_0403_0201);
  assert.is(toHex(nonce), "000000000000010203040506");
});

frame.run();
