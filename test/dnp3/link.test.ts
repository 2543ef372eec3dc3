/** DNP3 link frames: CRC of every block, what a control octet may say, and streams that are cut, garbled or glued. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type After, addressClass, controlFault, encodeLink, frameLength, LINK_DATA_LIMIT, LINK_LIMIT, LinkFramer } from "#dnp3/link";
import { crcDnp, fromHex, toHex } from "#wire";

const link = suite("dnp3/link");

const hex = (text: string): Uint8Array => fromHex(text) as Uint8Array;

function framed(control: number, destination: number, source: number, data: Uint8Array): Uint8Array {
  const target = new Uint8Array(LINK_LIMIT);
  return target.slice(0, encodeLink(target, 0, control, destination, source, data, 0, data.length));
}

interface Told {
  readonly frames: { control: number; destination: number; source: number; data: string; octets: string }[];
  /** Why, and whether the header was good. */
  readonly discarded: [string, boolean][];
  broken: string | null;
}

/** Everything a framer makes of octets that come in these chunks. */
function read(chunks: Iterable<Uint8Array>, after: After = "close"): Told {
  const framer = new LinkFramer(after);
  const told: Told = { frames: [], discarded: [], broken: null };
  for (const chunk of chunks) {
    framer.feed(chunk);
    for (let found = framer.next(); found !== "more"; found = framer.next()) {
      if (found === "broken") {
        told.broken = framer.fault;
        break;
      }
      if (found === "discarded") {
        told.discarded.push([framer.fault, framer.headerIsGood]);
        continue;
      }
      const { control, destination, source } = framer;
      told.frames.push({
        control,
        destination,
        source,
        data: toHex(framer.data, 0, framer.dataLength),
        octets: toHex(framer.octets, 0, framer.length),
      });
    }
  }
  return told;
}

const inPieces = (octets: Uint8Array, size: number): Uint8Array[] =>
  Array.from({ length: Math.ceil(octets.length / size) }, (_, i) => octets.slice(i * size, (i + 1) * size));
const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

link("the CRC's check value", () => {
  assert.is(crcDnp(new TextEncoder().encode("123456789"), 0, 9), 0xea82);
});

link("a known frame: reset link states, from master 10 to outstation 1", () => {
  assert.is(toHex(framed(0xc0, 1, 10, new Uint8Array(0))), "056405c001000a00e08c");
  const { frames } = read([hex("056405c001000a00e08c")]);
  assert.equal(frames, [{ control: 0xc0, destination: 1, source: 10, data: "", octets: "056405c001000a00e08c" }]);
});

link("user data of every length, 0 to 250: what is framed is read back, whole and octet by octet", () => {
  for (let length = 0; length <= LINK_DATA_LIMIT; length++) {
    const data = Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 0xff);
    const frame = framed(0xc4, 0x1234, 0xfedc, data);
    assert.is(frame.length, frameLength(length));
    for (const size of [frame.length, 1, 17]) {
      const { frames, broken } = read(inPieces(frame, size));
      assert.is(broken, null);
      assert.equal(frames, [{ control: 0xc4, destination: 0x1234, source: 0xfedc, data: toHex(data), octets: toHex(frame) }]);
    }
  }
  assert.is(frameLength(LINK_DATA_LIMIT), LINK_LIMIT);
});

link("no more octets come: what is cut is told for what it is, and the next octets begin anew", () => {
  const frame = framed(0xc4, 0x1234, 0xfedc, Uint8Array.of(1, 2, 3));
  for (const after of ["close", "rescan", "passOver"] as const)
    for (let length = 0; length < frame.length; length++) {
      const framer = new LinkFramer(after);
      for (const chunk of [frame, frame.subarray(0, length)]) {
        framer.feed(chunk);
        while (framer.next() !== "more");
      }
      assert.is(framer.isIdle, length === 0);
      assert.is(framer.cut(), length === 0 ? "nothing" : length < 10 ? "octets" : "frame", `${after}, ${length}`);
      assert.equal([framer.control, framer.destination, framer.source], [0xc4, 0x1234, 0xfedc]);
      assert.is(framer.isIdle, true);
      framer.feed(frame);
      assert.is(framer.next(), "frame");
    }
  // It was told of at its first octet.
  const framer = new LinkFramer("passOver");
  framer.feed(Uint8Array.of(9, 5));
  assert.equal([framer.next(), framer.next(), framer.cut()], ["discarded", "more", "nothing"]);
});

link("frames that come glued and cut anywhere are the same frames", () => {
  const frame = fc.record({
    control: fc.integer({ min: 0, max: 255 }),
    destination: fc.integer({ min: 0, max: 0xffff }),
    source: fc.integer({ min: 0, max: 0xffff }),
    data: fc.uint8Array({ maxLength: LINK_DATA_LIMIT }),
  });
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 8 }),
      (made, cuts) => {
        const octets = joined(...made.map(({ control, destination, source, data }) => framed(control, destination, source, data)));
        const chunks: Uint8Array[] = [];
        for (let at = 0, i = 0; at < octets.length; i++) {
          const size = cuts[i % cuts.length] as number;
          chunks.push(octets.slice(at, at + size));
          at += size;
        }
        const { frames, broken } = read(chunks);
        assert.is(broken, null);
        assert.equal(
          frames.map(({ control, destination, source, data }) => ({ control, destination, source, data })),
          made.map(({ data, ...rest }) => ({ ...rest, data: toHex(data) })),
        );
      },
    ),
    { numRuns: 300 },
  );
});

link("every single bit flip in a frame, its CRCs among it, breaks a TCP stream; and every start that is none", () => {
  const frame = framed(
    0xc4,
    1,
    10,
    Uint8Array.from({ length: 40 }, (_, i) => i),
  );
  for (let bit = 0; bit < 8 * frame.length; bit++) {
    const other = frame.slice();
    other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7));
    // A longer length may also leave the frame unfinished.
    const { frames, broken } = read([joined(other, frame)]);
    assert.equal([frames.length, typeof broken], [0, "string"], `bit ${bit}`);
  }
  assert.is(read([hex("0564")]).broken, null, "it may become one");
  assert.is(read([hex("05")]).broken, null);
  for (const start of ["00", "64", "0565", "0505"]) assert.is(read([hex(start)]).broken, "badStart", start);
});

link("a length below five is none, though its CRC is right", () => {
  for (let counted = 0; counted < 5; counted++) {
    const frame = framed(0xc0, 1, 10, new Uint8Array(0));
    frame[2] = counted;
    const crc = crcDnp(frame, 0, 8);
    frame.set([crc & 0xff, crc >>> 8], 8);
    assert.is(read([frame]).broken, "badLength");
  }
});

link("serial: noise, a bad block and a frame cut short cost what they are, and the next frame is read", () => {
  const good = framed(0xc4, 1, 10, hex("c0c30102"));
  const bad = good.slice();
  bad[12] = (bad[12] as number) ^ 1;
  const headless = good.slice();
  headless[5] = (headless[5] as number) ^ 1;
  for (const [what, octets, discarded] of [
    [
      "noise",
      joined(hex("ff00056405"), good),
      [
        ["badStart", false],
        ["badCrc", false],
      ],
    ],
    ["a bad block", joined(bad, good), [["badCrc", true]]],
    ["a bad header", joined(headless, good), [["badCrc", false]]],
    ["a frame cut short by the next", joined(good.slice(0, 12), good), [["badCrc", true]]],
    ["an octet too much between two", joined(good, hex("05"), good), [["badStart", false]]],
  ] as const)
    for (const size of [octets.length, 1]) {
      const told = read(inPieces(octets, size), "rescan");
      assert.is(told.frames.at(-1)?.octets, toHex(good), `${what}, ${size}`);
      assert.equal(told.discarded[0], discarded[0], what);
      assert.is(told.broken, null);
    }
});

link("recordings: a bad block in a frame with a good header is one bad frame, whatever stands inside", () => {
  const inner = framed(0xc4, 1, 10, hex("c0"));
  const outer = framed(0x44, 10, 1, inner);
  outer[outer.length - 1] = (outer[outer.length - 1] as number) ^ 1;
  const told = read([joined(outer, inner)], "passOver");
  assert.equal(told.discarded, [["badCrc", true]]);
  assert.equal(
    told.frames.map(({ octets }) => octets),
    [toHex(inner)],
  );
  const rescanned = read([joined(outer, inner)], "rescan");
  assert.is(rescanned.frames.length, 2, "on a serial line the frame inside is one too");
});

link("nothing a peer sends throws or grows: random octets, all three ways", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 4 }),
      fc.constantFrom("close", "rescan", "passOver"),
      (chunks, after) => {
        read(chunks, after as After);
      },
    ),
    { numRuns: 500 },
  );
});

link("control octets: each function with the FCV and the data it must have, and no other", () => {
  const good = new Map<number, "data" | "none">();
  for (const dir of [0, 0x80]) {
    for (const code of [0, 1, 9]) for (const fcb of [0, 0x20]) good.set(dir | 0x40 | fcb | code, "none");
    for (const fcb of [0, 0x20]) {
      good.set(dir | 0x40 | fcb | 0x10 | 2, "none");
      good.set(dir | 0x40 | fcb | 0x10 | 3, "data");
      good.set(dir | 0x40 | fcb | 4, "data");
    }
    for (const code of [0, 1, 11, 14, 15]) for (const dfc of [0, 0x10]) good.set(dir | dfc | code, "none");
  }
  for (let control = 0; control < 256; control++) {
    const wants = good.get(control) ?? null;
    assert.is(controlFault(control, 0) === null, wants === "none", `${control.toString(16)} without data`);
    assert.is(controlFault(control, 1) === null, wants === "data", `${control.toString(16)} with data`);
  }
  assert.is(controlFault(0xd4, 10), "badControl");
  assert.is(controlFault(0xc4, 0), "missingData");
  assert.is(controlFault(0xc9, 1), "unexpectedData");
  assert.is(controlFault(0xc5, 0), "badFunction");
});

link("addresses: endpoints, reserved ones, self, and three broadcasts", () => {
  assert.equal([0, 65_519, 0xfff0, 0xfffb, 0xfffc, 0xfffd, 0xfffe, 0xffff].map(addressClass), [
    "endpoint",
    "endpoint",
    "reserved",
    "reserved",
    "self",
    "broadcast",
    "broadcast",
    "broadcast",
  ]);
});

link.run();
