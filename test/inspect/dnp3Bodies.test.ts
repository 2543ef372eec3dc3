/** What DNP3 objects describe: device attributes, files, authentication; whole, cut short, and with lengths that lie. */
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { bodyOf } from "#cli/inspect/bodies";
import { datagram, type Octets, pcap } from "../capture/packets.ts";
import { decodeFrames, linkFrames } from "./dnp3Made.ts";
import { decodeText } from "./run.ts";

const bodies = suite("inspect/dnp3Bodies");

const ascii = (words: string): number[] => [...Buffer.from(words)];
const u16 = (n: number): number[] => [n & 255, n >> 8];
const u32 = (n: number): number[] => [...u16(n & 0xffff), ...u16(n >>> 16)];
/** 2026-01-02 03:04:05 UTC. */
const TIME = 1_767_323_045_000;
const TIME_OCTETS = [...u32(TIME % 2 ** 32), ...u16(Math.floor(TIME / 2 ** 32))];

/** Behind a header of one index, of a count of one, or with the object's size before it. */
type Behind = "index" | "count" | "size";

function response(group: number, variation: number, object: Octets, behind: Behind): number[] {
  const header = { index: [0, 3, 3], count: [7, 1], size: [0x5b, 1, ...u16(object.length)] }[behind];
  return [0xc1, 0x81, 0, 0, group, variation, ...header, ...object];
}

const framesOf = (...fragment: Parameters<typeof response>): number[][] =>
  linkFrames(response(...fragment)).map((payload) => datagram({ payload }));

async function shownOf(...fragment: Parameters<typeof response>): Promise<unknown> {
  const { lines } = await decodeFrames(framesOf(...fragment));
  const { objects, malformed } = lines.at(-1) as (typeof lines)[number];
  assert.equal([malformed, objects?.length, objects?.[0]?.values?.length], [null, 1, 1]);
  return objects?.[0]?.values?.[0];
}

async function textOf(...fragment: Parameters<typeof response>): Promise<string> {
  const { text } = await decodeText(pcap(framesOf(...fragment)), { json: false });
  return (text.trimEnd().split("\n").at(-1) as string).split(" = ")[1] as string;
}

const COMMAND = { created: TIME, permissions: 0o644, authenticationKey: 9, fileSize: 70_000, mode: 1, maxBlock: 1024, requestId: 5 };
const commandOf = (name: Octets, offset = 26, size = name.length): number[] => [
  ...[...u16(offset), ...u16(size), ...TIME_OCTETS, ...u16(0o644), ...u32(9), ...u32(70_000), ...u16(1), ...u16(1024), ...u16(5)],
  ...name,
];
const descriptorOf = (name: Octets): number[] => [
  ...[...u16(20), ...u16(name.length), ...u16(1), ...u32(1234), ...TIME_OCTETS, ...u16(0o400), ...u16(7)],
  ...name,
];
const STATUS = [...u32(7), ...u32(70_000), ...u16(1024), ...u16(5), 3];
const CHALLENGED = { challengeSequence: 5, user: 2 };
const KEYED = { keyChangeSequence: 5, user: 2 };
const FIVE_TWO = [...u32(5), ...u16(2)];

interface Vector {
  readonly group: number;
  readonly variation: number;
  readonly object: Octets;
  readonly value: object;
  readonly text: string;
  /** Every object that is shorter is told as octets: its own lengths say what is missing. */
  readonly counts?: boolean;
}

const attribute = (type: number, value: Octets): number[] => [type, value.length & 255, ...value];
const set = (type: number, length: number, rest: object): object => ({ index: 3, type, length, ...rest });

const VECTORS: readonly Vector[] = [
  {
    group: 0,
    variation: 250,
    object: attribute(1, ascii('RTU 9 "x"')),
    value: set(1, 9, { value: 'RTU 9 "x"' }),
    text: 'type 1 length 9 value RTU 9 "x"',
  },
  { group: 0, variation: 216, object: attribute(2, [200]), value: set(2, 1, { value: 200 }), text: "type 2 length 1 value 200" },
  { group: 0, variation: 216, object: attribute(2, u16(65_000)), value: set(2, 2, { value: 65_000 }), text: "type 2 length 2 value 65000" },
  { group: 0, variation: 216, object: attribute(2, u32(4e9)), value: set(2, 4, { value: 4e9 }), text: "type 2 length 4 value 4000000000" },
  { group: 0, variation: 1, object: attribute(3, [0xff]), value: set(3, 1, { value: -1 }), text: "type 3 length 1 value -1" },
  { group: 0, variation: 1, object: attribute(3, [0, 0x80]), value: set(3, 2, { value: -32_768 }), text: "type 3 length 2 value -32768" },
  {
    group: 0,
    variation: 1,
    object: attribute(3, [0xfe, 255, 255, 255]),
    value: set(3, 4, { value: -2 }),
    text: "type 3 length 4 value -2",
  },
  { group: 0, variation: 1, object: attribute(4, [0, 0, 0xc0, 0x3f]), value: set(4, 4, { value: 1.5 }), text: "type 4 length 4 value 1.5" },
  {
    group: 0,
    variation: 1,
    object: attribute(4, [0, 0, 0xc0, 0x7f]),
    value: set(4, 4, { value: null }),
    text: "type 4 length 4 value null",
  },
  {
    group: 0,
    variation: 1,
    object: attribute(4, [0, 0, 0, 0, 0, 0, 0, 0xc0]),
    value: set(4, 8, { value: -2 }),
    text: "type 4 length 8 value -2",
  },
  { group: 0, variation: 1, object: attribute(5, [1, 2]), value: set(5, 2, { octets: "0102" }), text: "type 5 length 2 octets 0102" },
  { group: 0, variation: 1, object: attribute(7, TIME_OCTETS), value: set(7, 6, { value: TIME }), text: `type 7 length 6 value ${TIME}` },
  {
    group: 0,
    variation: 1,
    object: attribute(2, [1, 2, 3]),
    value: set(2, 3, { octets: "010203" }),
    text: "type 2 length 3 octets 010203",
  },
  {
    group: 0,
    variation: 255,
    object: attribute(254, [250, 0, 246, 1]),
    value: set(254, 4, {
      list: [
        { variation: 250, properties: 0 },
        { variation: 246, properties: 1 },
      ],
    }),
    text: "type 254 length 4 list 250 246",
  },
  {
    group: 0,
    variation: 255,
    object: attribute(255, new Array(260).fill(1)),
    value: set(255, 4, { list: new Array(130).fill({ variation: 1, properties: 1 }) }),
    text: "type 255 length 4 list 1 1 1 1 1 1 1 1 ... (130)",
  },
  { group: 0, variation: 255, object: attribute(254, [250]), value: set(254, 1, { octets: "fa" }), text: "type 254 length 1 octets fa" },
  {
    group: 70,
    variation: 3,
    object: commandOf(ascii("/cfg/a b.xml")),
    value: { nameOffset: 26, nameSize: 12, ...COMMAND, name: "/cfg/a b.xml" },
    text: `created ${TIME} permissions 420 fileSize 70000 mode 1 maxBlock 1024 requestId 5 name /cfg/a b.xml`,
    counts: true,
  },
  {
    group: 70,
    variation: 4,
    object: [...STATUS, ...ascii("not found")],
    value: { handle: 7, fileSize: 70_000, maxBlock: 1024, requestId: 5, status: 3, text: "not found" },
    text: "handle 7 fileSize 70000 maxBlock 1024 requestId 5 status 3 text not found",
  },
  {
    group: 70,
    variation: 5,
    object: [...u32(7), ...u32(1), 9, 8],
    value: { handle: 7, block: 1, octets: "0908" },
    text: "handle 7 block 1 (2 octets)",
  },
  {
    group: 70,
    variation: 6,
    object: [...u32(7), ...u32(1), 0, ...ascii("ok")],
    value: { handle: 7, block: 1, status: 0, text: "ok" },
    text: "handle 7 block 1 status 0 text ok",
  },
  {
    group: 70,
    variation: 7,
    object: descriptorOf(ascii("bin")),
    value: { nameOffset: 20, nameSize: 3, type: 1, fileSize: 1234, created: TIME, permissions: 256, requestId: 7, name: "bin" },
    text: `type 1 fileSize 1234 created ${TIME} permissions 256 requestId 7 name bin`,
    counts: true,
  },
  { group: 70, variation: 8, object: ascii("größe"), value: { name: "größe" }, text: "name größe" },
  { group: 70, variation: 8, object: [0x61, 0xff], value: { name: null, nameOctets: "61ff" }, text: "name null nameOctets 61ff" },
  {
    group: 120,
    variation: 1,
    object: [...FIVE_TWO, 4, 1, 0xde, 0xad, 0xbe, 0xef],
    value: { ...CHALLENGED, macAlgorithm: 4, reason: 1, challenge: "deadbeef" },
    text: "challengeSequence 5 user 2 macAlgorithm 4 reason 1 challenge deadbeef",
  },
  {
    group: 120,
    variation: 2,
    object: [...FIVE_TWO, 1, 2],
    value: { ...CHALLENGED, mac: "0102" },
    text: "challengeSequence 5 user 2 mac 0102",
  },
  {
    group: 120,
    variation: 5,
    object: [...FIVE_TWO, 1, 2, 4, ...u16(2), 0xca, 0xfe, 9],
    value: { ...KEYED, keyWrapAlgorithm: 1, keyStatus: 2, macAlgorithm: 4, challengeLength: 2, challenge: "cafe", mac: "09" },
    text: "keyChangeSequence 5 user 2 keyWrapAlgorithm 1 keyStatus 2 macAlgorithm 4 challenge cafe mac 09",
  },
  {
    group: 120,
    variation: 6,
    object: [...FIVE_TWO, 1],
    value: { ...KEYED, wrappedKey: "01" },
    text: "keyChangeSequence 5 user 2 wrappedKey 01",
  },
  {
    group: 120,
    variation: 7,
    object: [...FIVE_TWO, ...u16(1), 3, ...TIME_OCTETS, ...ascii("bad")],
    value: { sequence: 5, user: 2, association: 1, code: 3, time: TIME, text: "bad" },
    text: `sequence 5 user 2 association 1 code 3 time ${TIME} text bad`,
  },
  { group: 120, variation: 8, object: [1, 2, 3], value: { method: 1, type: 2, certificate: "03" }, text: "method 1 type 2 certificate 03" },
  { group: 120, variation: 9, object: [1, 2], value: { mac: "0102" }, text: "mac 0102" },
  {
    group: 120,
    variation: 10,
    object: [1, 2, ...u32(3), ...u16(4), ...u16(5), ...u16(4), ...u16(2), ...u16(1), ...ascii("otto"), 1, 2, 3],
    value: {
      ...{ method: 1, operation: 2, statusChangeSequence: 3, role: 4, roleExpiry: 5, nameLength: 4, keyLength: 2, certificationLength: 1 },
      ...{ name: "otto", key: "0102", certification: "03" },
    },
    text: "method 1 operation 2 statusChangeSequence 3 role 4 roleExpiry 5 name otto key 0102 certification 03",
    counts: true,
  },
  {
    group: 120,
    variation: 11,
    object: [1, ...u16(4), ...u16(2), ...ascii("otto"), 1, 2],
    value: { method: 1, nameLength: 4, challengeLength: 2, name: "otto", challenge: "0102" },
    text: "method 1 name otto challenge 0102",
    counts: true,
  },
  {
    group: 120,
    variation: 12,
    object: [...FIVE_TWO, ...u16(2), 1, 2],
    value: { ...KEYED, challengeLength: 2, challenge: "0102" },
    text: "keyChangeSequence 5 user 2 challenge 0102",
    counts: true,
  },
  {
    group: 120,
    variation: 13,
    object: [...FIVE_TWO, ...u16(2), 1, 2],
    value: { ...KEYED, keyLength: 2, encryptedKey: "0102" },
    text: "keyChangeSequence 5 user 2 encryptedKey 0102",
    counts: true,
  },
  { group: 120, variation: 14, object: [7], value: { signature: "07" }, text: "signature 07" },
  { group: 120, variation: 15, object: [7], value: { mac: "07" }, text: "mac 07" },
];

const behindOf = (group: number): Behind => (group === 0 ? "index" : "size");

for (const { group, variation, object, value, text } of VECTORS)
  bodies(`g${group}v${variation}: ${text.slice(0, 60)}`, async () => {
    assert.equal(await shownOf(group, variation, object, behindOf(group)), value);
    assert.is(await textOf(group, variation, object, behindOf(group)), text);
  });

bodies("objects of fixed size that name a user show it for people too", async () => {
  assert.is(await textOf(120, 3, FIVE_TWO, "count"), "challengeSequence 5 user 2");
  assert.is(await textOf(120, 4, u16(2), "count"), "user 2");
});

bodies("cut anywhere: nothing throws; an object whose lengths it does not fill is told as octets, with the numbers it has", async () => {
  for (const { group, variation, object, counts = false } of VECTORS)
    for (let length = 0; length < object.length; length++) {
      const cut = Uint8Array.from(object.slice(0, length));
      const body = bodyOf(group, variation, cut);
      if (counts || (group === 0 && length < 2)) assert.is(body, null, `g${group}v${variation} of ${length}`);
    }
  const short = commandOf(ascii("a.xml"), 26, 5).slice(0, -1);
  assert.equal(await shownOf(70, 3, short, "size"), { nameOffset: 26, nameSize: 5, ...COMMAND, octets: "612e786d" });
  assert.match(await textOf(70, 3, short, "size"), / requestId 5 \(4 octets\)$/);
  assert.equal(await shownOf(120, 5, [...FIVE_TWO, 1, 2, 4, ...u16(9), 1], "size"), {
    ...KEYED,
    ...{ keyWrapAlgorithm: 1, keyStatus: 2, macAlgorithm: 4, challengeLength: 9, octets: "01" },
  });
});

bodies("lengths and offsets that lie are not believed", async () => {
  const name = ascii("a.xml");
  for (const [offset, size] of [
    [0, 5],
    [27, 4],
    [26, 4],
    [26, 6],
    [26, 0xffff],
  ] as const)
    assert.is(bodyOf(70, 3, Uint8Array.from(commandOf(name, offset, size))), null, `${offset} ${size}`);
  // Another number stands before the length of the challenge in some readings: what does not fit is interpreted in none.
  assert.is(bodyOf(120, 12, Uint8Array.from([...FIVE_TWO, ...u16(4), ...u16(2), ...ascii("otto"), 1, 2])), null);
});

const credentials = (user: string, password: string, offsets: readonly number[] = [12, 12 + user.length]): number[] => [
  ...[...u16(offsets[0] as number), ...u16(user.length), ...u16(offsets[1] as number), ...u16(password.length), ...u32(0)],
  ...ascii(user),
  ...ascii(password),
];

bodies("RULINGS 37: of g70v2 the lengths of user and password are shown, and nothing else of them", async () => {
  const sizes = { userOffset: 12, userSize: 4, passwordOffset: 16, passwordSize: 6, authenticationKey: 0 };
  assert.equal(await shownOf(70, 2, credentials("otto", "s3cret"), "size"), { ...sizes, user: { octets: 4 }, password: { octets: 6 } });
  assert.is(await textOf(70, 2, credentials("otto", "s3cret"), "size"), "user (4 octets) password (6 octets)");
});

bodies("RULINGS 37: nor where its lengths lie, are cut, or stand behind another function", async () => {
  const whole = credentials("otto", "s3cret");
  const objects = [
    credentials("otto", "s3cret", [12, 12]),
    credentials("otto", "s3cret", [0, 0]),
    [...whole, ...ascii("otto s3cret")],
    ...Array.from({ length: whole.length }, (_, length) => whole.slice(0, length)),
  ];
  for (const json of [true, false])
    for (const object of objects)
      for (const code of [0x81, 29, 2]) {
        const fragment = [0xc1, code, ...(code > 128 ? [0, 0] : []), ...response(70, 2, object, "size").slice(4)];
        const { text } = await decodeText(pcap(linkFrames(fragment).map((payload) => datagram({ payload }))), { json });
        assert.not.match(text, /otto|s3c|6f74|7333|octets":"/);
      }
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 12, maxLength: 60 }), (object) => {
      assert.equal(
        bodyOf(70, 2, object),
        bodyOf(
          70,
          2,
          object.map((octet, i) => (i < 12 ? octet : 0x78)),
        ),
      );
    }),
  );
});

bodies("names cannot move the cursor or turn a line round: shown as escapes, in JSON as escapes of its own", async () => {
  const name = "a\x1b[2J\u202e\u{e0001}\n";
  const object = commandOf(ascii(name));
  assert.equal(((await shownOf(70, 3, object, "size")) as { name: string }).name, name);
  const { text } = await decodeText(pcap(framesOf(70, 3, object, "size")));
  assert.ok(text.includes('"name":"a\\u001b[2J\\u202e\\udb40\\udc01\\n"'), text);
  assert.match(await textOf(70, 3, object, "size"), / name a\\u\{001b\}\[2J\\u\{202e\}\\u\{e0001\}\\u\{000a\}$/);
});

bodies("long parts are shortened for people, and whole in JSON", async () => {
  const object = [...FIVE_TWO, ...new Array(100).fill(0xab)];
  assert.is(await textOf(120, 2, object, "size"), `challengeSequence 5 user 2 mac ${"ab".repeat(32)}...`);
  assert.equal(await shownOf(120, 2, object, "size"), { ...CHALLENGED, mac: "ab".repeat(100) });
});

bodies("any octets in any of these objects: nothing throws, and what is told is made of what is there", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 70, 120),
      fc.integer({ min: 0, max: 255 }),
      fc.uint8Array({ maxLength: 80 }),
      (group, variation, object) => {
        const text = JSON.stringify(bodyOf(group, variation, object));
        assert.ok(text.length < 200 + 45 * object.length, text);
      },
    ),
    { numRuns: 5_000 },
  );
});

bodies.run();
