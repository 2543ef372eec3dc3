/** Frames on a serial line: CRC, length by function, silence. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Direction, decodeRtu, derivedLength, encodeRtu, RtuFramer } from "#modbus/rtu";
import { REPLIES } from "#test/vectors/modbus/replies";
import { REQUESTS, type Shown } from "#test/vectors/modbus/requests";
import { toHex } from "#wire";
import { hex, written } from "./octets.ts";

const rtu = suite("modbus/rtu");

/** Microseconds above 19200 baud (MODBUS over Serial Line V1.02 section 2.5.1.1). */
const T15 = 750;
const T35 = 1_750;

function framed(unitId: number, pdu: Uint8Array): Uint8Array {
  const target = new Uint8Array(300);
  return target.slice(0, encodeRtu(target, 0, unitId, pdu, 0, pdu.length));
}

rtu("the worked example of the standard: unit 2, function 7, CRC 0x1241 sent low octet first", () => {
  assert.is(
    written((target, at) => encodeRtu(target, at, 2, hex("07"), 0, 1)),
    "02074112",
  );
});

rtu("a known request: unit 17, read 3 registers from 107", () => {
  assert.is(toHex(framed(0x11, hex("03 006b 0003"))), "1103006b00037687");
});

rtu("what is framed is read back", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ minLength: 1, maxLength: 253 }), (unitId, pdu) => {
      const frame = framed(unitId, pdu);
      assert.equal(decodeRtu(frame, 0, frame.length), { ok: true, value: { unitId, pduAt: 1, pduLength: pdu.length } });
    }),
    { numRuns: 500 },
  );
});

rtu("every single bit flip and every truncation of a frame is badCrc or truncated", () => {
  const frame = framed(17, hex("10 0001 0002 04 000a 0102"));
  for (let bit = 0; bit < 8 * frame.length; bit++) {
    const other = frame.slice();
    other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.equal(decodeRtu(other, 0, other.length), { ok: false, error: { kind: "badCrc" } });
  }
  for (let length = 0; length < frame.length; length++)
    assert.equal(decodeRtu(frame, 0, length), { ok: false, error: { kind: length < 4 ? "truncated" : "badCrc" } });
  const long = new Uint8Array(257);
  assert.equal(decodeRtu(long, 0, 257), { ok: false, error: { kind: "tooLong" } });
});

/** Every vector; the third is whether its function says how long it is (opaque ones do not, nor 8/0). */
const PDUS: readonly (readonly [Direction, Uint8Array, boolean])[] = [
  ...REQUESTS.map(([text, meaning]) => ["request", hex(text), tellsLength(meaning)] as const),
  ...REPLIES.map(([, text, meaning]) => ["reply", hex(text), tellsLength(meaning)] as const),
];

function tellsLength(meaning: Shown | string): boolean {
  if (typeof meaning === "string" || meaning.is === "opaque") return false;
  return meaning.is === "exception" || meaning.function !== (8 | (0 << 8));
}

rtu("the length by function: not told until enough is there, then right and unchanged by what follows; or never told", () => {
  for (const [direction, pdu, tells] of PDUS) {
    const noise = Uint8Array.of(...pdu, 0xff, 0xff, 0xff);
    let before = 0;
    for (let have = 0; have <= noise.length; have++) {
      const length = derivedLength(direction, noise, 0, have);
      if (before !== 0) assert.is(length, before, `${direction} ${toHex(pdu)} at ${have}`);
      before = length;
    }
    assert.is(before, tells ? pdu.length : -1, `${direction} ${toHex(pdu)}`);
  }
});

/** What comes out of octets and silences: frames as "unit pdu", faults as "!kind". */
function take(direction: Direction, pieces: readonly (readonly [gap: number, octets: Uint8Array])[], rest = T35): string[] {
  const framer = new RtuFramer(direction, T15, T35);
  const out: string[] = [];
  const drain = (): void => {
    for (let found = framer.next(); found !== "more"; found = framer.next())
      out.push(found === "frame" ? `${framer.unitId} ${toHex(framer.octets, framer.pduAt, framer.pduLength)}` : `!${framer.fault}`);
  };
  for (const [gap, octets] of pieces) {
    framer.feed(octets, gap);
    drain();
  }
  framer.idle(rest);
  drain();
  return out;
}

const WRITE = hex("10 0001 0002 04 000a 0102");
const FRAME = framed(17, WRITE);
const SAID = `17 ${toHex(WRITE)}`;
const VENDOR = framed(3, hex("41 010203"));

rtu("every vector, octet by octet and under every cut, is one frame", () => {
  for (const [direction, pdu] of PDUS) {
    const frame = framed(9, pdu);
    const said = [`9 ${toHex(pdu)}`];
    assert.equal(take(direction, [[T35, frame]]), said);
    assert.equal(
      take(
        direction,
        Array.from(frame, (octet) => [T15, Uint8Array.of(octet)]),
      ),
      said,
    );
  }
  for (let at = 0; at <= FRAME.length; at++)
    assert.equal(
      take("request", [
        [T35, FRAME.subarray(0, at)],
        [0, FRAME.subarray(at)],
      ]),
      [SAID],
    );
});

rtu("a function that tells its length is whole without waiting for silence; one that does not waits for it", () => {
  assert.equal(take("request", [[T35, FRAME]], 0), [SAID]);
  assert.equal(take("request", [[T35, VENDOR]], 0), []);
  assert.equal(take("request", [[T35, VENDOR]]), ["3 41010203"]);
});

rtu("silence tells frames apart", () => {
  assert.equal(
    take("request", [
      [T35, FRAME],
      [T35, FRAME],
      [T35, VENDOR],
      [T35, FRAME],
    ]),
    [SAID, SAID, "3 41010203", SAID],
  );
});

rtu("what follows a frame without silence is never another frame: all of it is discarded until the line rests", () => {
  assert.equal(
    take("request", [
      [T35, FRAME],
      [T35 - 1, FRAME],
      [0, FRAME],
    ]),
    [SAID, "!trailing"],
  );
  assert.equal(take("request", [[T35, Uint8Array.of(...FRAME, ...FRAME)]]), ["!trailing"]);
  assert.equal(
    take("request", [
      [T35, Uint8Array.of(...FRAME, ...FRAME)],
      [T35, FRAME],
    ]),
    ["!trailing", SAID],
  );
});

rtu("a gap of more than 1.5 characters inside a frame spoils it; up to 1.5 does not", () => {
  assert.equal(
    take("request", [
      [T35, FRAME.subarray(0, 5)],
      [T15 + 1, FRAME.subarray(5)],
    ]),
    ["!gap"],
  );
  assert.equal(
    take("request", [
      [T35, FRAME.subarray(0, 5)],
      [T15, FRAME.subarray(5)],
    ]),
    [SAID],
  );
});

rtu("silence inside a frame makes two broken ones", () => {
  assert.equal(
    take("request", [
      [T35, FRAME.subarray(0, 6)],
      [T35, FRAME.subarray(6)],
    ]),
    ["!badCrc", "!badCrc"],
  );
  assert.equal(take("request", [[T35, FRAME.subarray(0, 3)]]), ["!truncated"]);
});

rtu("a right CRC does not make up for a wrong length", () => {
  assert.equal(take("request", [[T35, framed(1, hex("03 006b 0003 00"))]]), ["!trailing"]);
  assert.equal(take("request", [[T35, framed(1, hex("10 0001 0002 04 000a"))]]), ["!truncated"]);
});

rtu("a wrong CRC is badCrc, and the next frame is read", () => {
  const other = FRAME.slice();
  other[3] = 0x55;
  assert.equal(
    take("request", [
      [T35, other],
      [T35, FRAME],
    ]),
    ["!badCrc", SAID],
  );
});

rtu("more octets than a frame can have: discarded, and nothing grows", () => {
  const noise = new Uint8Array(200).fill(0x41);
  assert.equal(
    take("request", [
      [T35, noise],
      [0, noise],
      [0, noise],
      [T35, FRAME],
    ]),
    ["!tooLong", SAID],
  );
});

rtu("any octets with any gaps never throw, and every frame that comes out has a right CRC", () => {
  const piece = fc.tuple(
    fc.constantFrom(0, T15, T15 + 1, T35, 9_000),
    fc.oneof(fc.constant(FRAME), fc.constant(FRAME.subarray(0, 4)), fc.uint8Array({ maxLength: 300 })),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), fc.constantFrom<Direction>("request", "reply"), (pieces, direction) => {
      const framer = new RtuFramer(direction, T15, T35);
      for (const [gap, octets] of pieces) {
        framer.feed(octets, gap);
        for (let found = framer.next(); found !== "more"; found = framer.next())
          if (found === "frame") assert.ok(decodeRtu(framer.octets, 0, framer.pduLength + 3).ok);
      }
    }),
    { numRuns: 1_000 },
  );
});

rtu.run();
