/** Frames of Modbus/TCP out of a stream cut anywhere, and what ends a stream. */
import { spawnSync } from "node:child_process";
import path from "node:path";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodeAdu, MbapFramer } from "#modbus/mbap";
import { toHex } from "#wire";
import { hex, written } from "./octets.ts";

const mbap = suite("modbus/mbap");

interface Taken {
  readonly frames: string[];
  readonly broken: string | null;
}

/** What a caller that copies each frame at once sees. Each chunk is overwritten after its call, as a transport's buffer is. */
function take(chunks: readonly Uint8Array[]): Taken {
  const framer = new MbapFramer();
  const frames: string[] = [];
  for (const chunk of chunks) {
    const lent = Uint8Array.from(chunk);
    framer.feed(lent);
    for (let found = framer.next(); found !== "more"; found = framer.next()) {
      if (found === "broken") return { frames, broken: framer.broken?.kind ?? null };
      frames.push(`${framer.transactionId} ${framer.unitId} ${toHex(framer.octets, framer.pduAt, framer.pduLength)}`);
    }
    lent.fill(0xee);
  }
  return { frames, broken: null };
}

function cut(octets: Uint8Array, at: readonly number[]): Uint8Array[] {
  const ends = [...new Set([...at.map((n) => n % (octets.length + 1)), octets.length])].sort((a, b) => a - b);
  return ends.map((end, i) => octets.subarray(i === 0 ? 0 : (ends[i - 1] as number), end));
}

const READ = hex("0001 0000 0006 11 03 006b 0003");
const SHORT = hex("0002 0000 0002 ff 07");
const LONGEST = Uint8Array.of(...hex("fffe 0000 00fe 01"), 0x41, ...new Uint8Array(252).fill(9));
const STREAM = Uint8Array.of(...READ, ...SHORT, ...LONGEST, ...READ);
const FRAMES = ["1 17 03006b0003", "2 255 07", `65534 1 41${"09".repeat(252)}`, "1 17 03006b0003"];

mbap("several frames in one chunk", () => {
  assert.equal(take([STREAM]), { frames: FRAMES, broken: null });
});

mbap("every split in two, and octet by octet", () => {
  for (let at = 0; at <= STREAM.length; at++)
    assert.equal(take([STREAM.subarray(0, at), STREAM.subarray(at)]), { frames: FRAMES, broken: null }, `cut at ${at}`);
  assert.equal(take(Array.from(STREAM, (octet) => Uint8Array.of(octet))), { frames: FRAMES, broken: null });
});

mbap("any frames under any cuts come out as they went in", () => {
  const frame = fc.record({
    transaction: fc.integer({ min: 0, max: 0xffff }),
    unit: fc.integer({ min: 0, max: 0xff }),
    pdu: fc.uint8Array({ minLength: 1, maxLength: 253 }),
  });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 12 }), (frames, cuts) => {
      const stream = new Uint8Array(260 * frames.length);
      let length = 0;
      for (const { transaction, unit, pdu } of frames) length += encodeAdu(stream, length, transaction, unit, pdu, 0, pdu.length);
      assert.equal(take(cut(stream.subarray(0, length), cuts)), {
        frames: frames.map(({ transaction, unit, pdu }) => `${transaction} ${unit} ${toHex(pdu)}`),
        broken: null,
      });
    }),
    { numRuns: 500 },
  );
});

mbap("any octets under any cuts: the same frames, and broken at the same place with the same word", () => {
  const noise = fc.array(fc.oneof(fc.constant(READ), fc.constant(SHORT), fc.uint8Array({ maxLength: 9 })), { maxLength: 6 });
  fc.assert(
    fc.property(noise, fc.array(fc.nat(), { maxLength: 12 }), (pieces, cuts) => {
      const stream = Uint8Array.from(pieces.flatMap((piece) => [...piece]));
      assert.equal(take(cut(stream, cuts)), take([stream]));
    }),
    { numRuns: 2_000 },
  );
});

const BREAKS: readonly (readonly [string, string, string])[] = [
  ["0001 0001", "badProtocolId", "known by the fourth octet"],
  ["0001 0100 0006", "badProtocolId", "either octet"],
  ["0001 0000 0000", "badLength", "not even a unit id"],
  ["0001 0000 0001", "badLength", "no function code"],
  ["0001 0000 00ff", "badLength", "a PDU of 254"],
  ["0001 0000 ffff", "badLength", "far too long"],
  ["0001 0000 0106", "badLength", "the high octet counts"],
];

for (const [text, kind, why] of BREAKS)
  mbap(`${text} ends the stream: ${kind} (${why})`, () => {
    const header = hex(text);
    assert.equal(take([Uint8Array.of(...READ, ...header)]), { frames: [FRAMES[0]], broken: kind });
    for (let at = 0; at <= header.length; at++)
      assert.equal(take([READ, header.subarray(0, at), header.subarray(at)]), { frames: [FRAMES[0]], broken: kind }, `cut at ${at}`);
  });

mbap("the least and the greatest length are frames", () => {
  assert.equal(take([SHORT]).frames, [FRAMES[1]]);
  assert.equal(take([LONGEST]).frames, [FRAMES[2]]);
});

mbap("every truncation of a frame waits for more, and nothing comes out", () => {
  for (let length = 0; length < READ.length; length++) assert.equal(take([READ.subarray(0, length)]), { frames: [], broken: null });
});

mbap("once broken it stays broken, whatever comes", () => {
  const framer = new MbapFramer();
  framer.feed(hex("0001 0001"));
  assert.is(framer.next(), "broken");
  assert.is(framer.next(), "broken");
  framer.feed(READ);
  assert.is(framer.next(), "broken");
  assert.equal(framer.broken, { kind: "badProtocolId" });
});

mbap("fed again before it was emptied it breaks rather than lose octets", () => {
  const framer = new MbapFramer();
  framer.feed(STREAM);
  assert.is(framer.next(), "frame");
  framer.feed(READ);
  assert.is(framer.next(), "broken");
  assert.equal(framer.broken, { kind: "tooLong" });
});

mbap("octets are the chunk itself or one buffer, the same for the life of the framer", () => {
  const framer = new MbapFramer();
  const seen = new Set<Uint8Array>();
  const [head, tail] = [STREAM.subarray(0, 5), STREAM.subarray(5)];
  for (let round = 0; round < 1_000; round++)
    for (const chunk of [head, tail]) {
      framer.feed(chunk);
      while (framer.next() === "frame") seen.add(framer.octets);
    }
  assert.is(seen.size, 2);
  assert.ok(seen.has(tail), "read where it lies");
});

mbap("no object is made per frame, decode of it or chunk: measured in a process that cannot collect garbage meanwhile", () => {
  const child = spawnSync(
    process.execPath,
    ["--expose-gc", "--max-semi-space-size=64", "--disable-warning=ExperimentalWarning", path.join(import.meta.dirname, "framerHeap.ts")],
    {
      encoding: "utf8",
      timeout: 20_000,
    },
  );
  assert.is(child.status, 0, child.stderr);
  const { frames, grownBy } = JSON.parse(child.stdout) as { frames: number; grownBy: number };
  assert.is(frames, 800_000);
  assert.ok(grownBy < frames, `${grownBy} octets for ${frames} frames`);
});

mbap("a frame is written as it is read, also where its PDU already stands", () => {
  const pdu = hex("03 006b 0003");
  assert.is(
    written((target, at) => encodeAdu(target, at, 1, 0x11, pdu, 0, pdu.length)),
    toHex(READ),
  );
  const target = new Uint8Array(300);
  assert.is(encodeAdu(target, 4, 1, 0x11, hex("03 006b 0003"), 0, 5), 12);
  assert.is(toHex(target, 4, 12), toHex(READ));
  target.copyWithin(20, 11, 16);
  assert.is(encodeAdu(target, 15, 1, 0x11, target, 20, 5), 12);
  assert.is(toHex(target, 15, 12), toHex(READ));
});

mbap.run();
