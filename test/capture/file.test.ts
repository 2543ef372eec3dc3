/** pcap and pcapng files, whole, in pieces, damaged. */
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CaptureFile } from "#capture/file";
import { blocks, pcap } from "./packets.ts";

interface Packet {
  readonly frame: number;
  readonly octets: readonly number[];
  readonly original: number;
  readonly link: number;
  /** As printed: seconds and every digit of the fraction. */
  readonly time: string;
}

/** All packets, and how the file ended. The file comes in pieces of `step` octets. */
function read(octets: Uint8Array, step = 1 << 16): { packets: Packet[]; end: string; at: number } {
  const file = new CaptureFile();
  const packets: Packet[] = [];
  let fed = 0;
  for (;;) {
    const verdict = file.next();
    switch (verdict) {
      case "packet":
        packets.push({
          frame: file.stamp.frame,
          octets: [...file.octets.subarray(file.at, file.at + file.captured)],
          original: file.original,
          link: file.link,
          time: file.stamp.digits < 0 ? "none" : `${file.stamp.seconds}.${String(file.stamp.fraction).padStart(file.stamp.digits, "0")}`,
        });
        break;
      case "more": {
        const piece = octets.subarray(fed, fed + step);
        fed += piece.length;
        file.feed(piece);
        break;
      }
      default:
        return { packets, end: file.broken === null ? verdict : file.broken.what, at: file.broken?.at ?? -1 };
    }
  }
}

const FRAMES = [[1, 2, 3], [4, 5, 6, 7, 8], [9]];
const test = suite("capture/file");

for (const big of [false, true]) {
  for (const nano of [false, true]) {
    test(`pcap, ${big ? "big" : "little"}-endian, ${nano ? "nano" : "micro"}seconds`, () => {
      const { packets, end } = read(pcap(FRAMES, { big, nano, link: 113 }));
      assert.is(end, "end");
      const digits = nano ? 9 : 6;
      assert.equal(
        packets,
        FRAMES.map((octets, i) => ({
          frame: i + 1,
          octets,
          original: octets.length,
          link: 113,
          time: `${1_700_000_000 + i}.${String(i + 1).padStart(digits, "0")}`,
        })),
      );
    });
  }
}

test("pcap: a packet cut by the snapshot length keeps its original length; link type bits above 16 are not the type", () => {
  const { packets } = read(pcap([[1, 2, 3, 4, 5]], { snaplen: 2, link: 0x1400_0001 }));
  assert.equal(packets, [{ frame: 1, octets: [1, 2], original: 5, link: 1, time: "1700000000.000001" }]);
});

const TIME = 1_700_000_000_123_456n;

for (const big of [false, true]) {
  const { section, face, enhanced, simple, old, block, option } = blocks(big);
  const name = big ? "big" : "little";

  test(`pcapng ${name}-endian: enhanced, simple and old packet blocks; unknown blocks passed over`, () => {
    const file = [
      ...section(),
      ...block(0x0bad, [1, 2, 3, 4]),
      ...face(1, [], 3),
      ...face(101),
      ...enhanced(1, TIME, [1, 2, 3, 4, 5], 9),
      ...block(5, new Array(8).fill(0)),
      ...old(0, TIME, [6, 7]),
      ...simple([8, 9, 10], 64),
    ];
    const { packets, end } = read(Uint8Array.from(file));
    assert.is(end, "end");
    assert.equal(packets, [
      { frame: 1, octets: [1, 2, 3, 4, 5], original: 9, link: 101, time: "1700000000.123456" },
      { frame: 2, octets: [6, 7], original: 2, link: 1, time: "1700000000.123456" },
      { frame: 3, octets: [8, 9, 10], original: 64, link: 1, time: "none" },
    ]);
  });

  test(`pcapng ${name}-endian: time resolutions and offset`, () => {
    const nano = face(1, option(9, [9]));
    const milli = face(1, option(9, [3]));
    const pico = face(1, option(9, [12]));
    const seconds = face(1, option(9, [0]));
    const binary = face(1, [...option(2, [0x65, 0x74, 0x68]), ...option(9, [0x80 | 10]), ...option(0, [])]);
    const shifted = face(1, option(14, big ? [0, 0, 0, 0, 0, 0, 0, 100] : [100, 0, 0, 0, 0, 0, 0, 0]));
    const file = [
      ...section(),
      ...nano,
      ...milli,
      ...pico,
      ...seconds,
      ...binary,
      ...shifted,
      ...enhanced(0, 1_700_000_000_123_456_789n, [1]),
      ...enhanced(1, 1_700_000_000_123n, [1]),
      ...enhanced(2, 1_700_000_123_456_789_012n, [1]),
      ...enhanced(3, 1_700_000_000n, [1]),
      ...enhanced(4, (1_700_000_000n << 10n) | 1n, [1]),
      ...enhanced(5, TIME, [1]),
    ];
    const { packets, end } = read(Uint8Array.from(file));
    assert.is(end, "end");
    assert.equal(
      packets.map((packet) => packet.time),
      ["1700000000.123456789", "1700000000.123", "1700000.123456789012", "1700000000.0", "1700000000.0009765625", "1700000100.123456"],
    );
  });
}

test("pcapng: several sections, each with its byte order and its own interfaces", () => {
  const little = blocks(false);
  const big = blocks(true);
  const file = [
    ...little.section(),
    ...little.face(1),
    ...little.face(113),
    ...little.enhanced(1, TIME, [1]),
    ...big.section(),
    ...big.face(276),
    ...big.enhanced(0, TIME, [2]),
  ];
  const { packets, end } = read(Uint8Array.from(file));
  assert.is(end, "end");
  assert.equal(
    packets.map(({ link, octets }) => [link, ...octets]),
    [
      [113, 1],
      [276, 2],
    ],
  );
  const stale = [...file, ...big.enhanced(1, TIME, [3])];
  const broken = read(Uint8Array.from(stale));
  assert.is(broken.packets.length, 2);
  assert.is(broken.end, "a packet of interface 1; the section has 1");
  assert.is(broken.at, file.length + 8);
});

test("pcapng: an unknown block longer than any buffer is passed over in pieces", () => {
  const { section, face, enhanced, block } = blocks(false);
  const long = new Uint8Array(3 * 1024 * 1024);
  const head = Uint8Array.from([...section(), ...face(1)]);
  const shell = block(0x0bad, []);
  const tail = Uint8Array.from(enhanced(0, TIME, [7]));
  const total = 12 + long.length;
  const length = [total & 255, (total >> 8) & 255, (total >> 16) & 255, 0];
  const file = new Uint8Array(head.length + total + tail.length);
  file.set(head);
  file.set([...shell.slice(0, 4), ...length], head.length);
  file.set(length, head.length + total - 4);
  file.set(tail, head.length + total);
  const { packets, end } = read(file);
  assert.is(end, "end");
  assert.equal(packets[0]?.octets, [7]);
});

const { section, face, enhanced, option } = blocks(false);
const DAMAGED: readonly (readonly [name: string, octets: readonly number[], at: number, what: RegExp])[] = [
  ["empty", [], 0, /^the file is empty$/],
  ["three octets", [0xd4, 0xc3, 0xb2], 0, /^too short for a capture file$/],
  ["text", [...Buffer.from("hello world")], 0, /^found 0x68656c6c; expected the magic number/],
  ["gzip", [0x1f, 0x8b, 8, 0], 0, /gunzip/],
  ["pcap of version 3", [0xd4, 0xc3, 0xb2, 0xa1, 3, ...new Array(19).fill(0)], 4, /^pcap version 3\.0/],
  ["pcap header cut", [...pcap([]).subarray(0, 20)], 0, /ends inside a file header \(24 octets needed, 20 there\)/],
  ["packet header cut", [...pcap([[1]]).subarray(0, 30)], 24, /ends inside a packet header \(16 octets needed, 6 there\)/],
  ["packet cut", [...pcap([[1, 2, 3]]).subarray(0, 42)], 24, /ends inside a packet \(19 octets needed, 18 there\)/],
  ["packet of 4 GiB", [...pcap([]), ...new Array(8).fill(0), 255, 255, 255, 255, 0, 0, 0, 0], 24, /a packet of 4294967295 octets/],
  ["no byte-order magic", [0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 1, 2, 3, 4], 8, /^found 0x01020304; expected the byte-order magic/],
  ["block of 13 octets", [...section(), 6, 0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 0], 32, /^a block of 13 octets/],
  ["block of 8 octets", [...section(), 6, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0], 32, /^a block of 8 octets/],
  ["lengths differ", [...section(), 1, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 24, 0, 0, 0], 44, /ends with length 24; expected 20/],
  ["unknown block cut", [...section(), 0xad, 0x0b, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0], 40, /ends inside a block/],
  ["option past its block", [...section(), ...face(1, [9, 0, 40, 0])], 44, /interface option 9 of 40 octets runs past/],
  ["resolution beyond reason", [...section(), ...face(1, option(9, [20]))], 48, /time resolution of 10\^-20 s/],
  [
    "captured beyond its block",
    [...section(), ...face(1), ...cutShort(enhanced(0, TIME, [1, 2, 3, 4]))],
    68,
    /5 octets captured in a block with room for 4/,
  ],
];

function cutShort(block: number[]): number[] {
  return block.with(20, 5);
}

for (const [name, octets, at, what] of DAMAGED) {
  test(`damaged: ${name}`, () => {
    const result = read(Uint8Array.from(octets));
    assert.match(result.end, what);
    assert.is(result.at, at);
    assert.equal(read(Uint8Array.from(octets), 1), result);
  });
}

const GOOD = [
  pcap(FRAMES),
  Uint8Array.from([...section(), ...face(1, option(9, [9])), ...enhanced(0, TIME, [1, 2, 3]), ...blocks(false).simple([4, 5, 6, 7])]),
];

test("every truncation gives the packets before it and a clear end; every split gives the same packets", () => {
  for (const file of GOOD) {
    const whole = read(file);
    assert.is(whole.end, "end");
    for (let length = 0; length < file.length; length++) {
      const cut = read(file.subarray(0, length));
      assert.equal(cut.packets, whole.packets.slice(0, cut.packets.length));
      if (cut.end !== "end") assert.match(cut.end, /ends inside a|too short|is empty/);
      assert.ok(cut.end !== "end" || cut.packets.length < whole.packets.length);
    }
    for (let step = 1; step < 50; step++) assert.equal(read(file, step), whole);
  }
});

test("damage never throws and never hangs: flipped bits, random octets", () => {
  const file = fc.constantFrom(...GOOD);
  fc.assert(
    fc.property(file, fc.array(fc.nat(8 * 200), { minLength: 1, maxLength: 8 }), (good, flips) => {
      const bad = good.slice();
      for (const flip of flips) bad[(flip >> 3) % bad.length] = (bad[(flip >> 3) % bad.length] as number) ^ (1 << (flip & 7));
      const { packets, end, at } = read(bad);
      assert.ok(packets.length <= bad.length);
      assert.ok(end === "end" || (at >= 0 && at <= bad.length), `${end} at ${at}`);
    }),
    { numRuns: 2_000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(1), (tail, which) => {
      const head = (GOOD[which] as Uint8Array).subarray(0, which === 0 ? 24 : 28);
      read(Uint8Array.from([...head, ...tail]));
    }),
    { numRuns: 2_000 },
  );
});

test.run();
