/** Records of a content: as docs/one-way-format.md draws them; what was written is read; what is not in order is refused as a whole. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CLASSES, decodeContent, type OneWayRecord, QUALITIES, RecordWriter, TIME, type Value } from "#oneway/records";
import { fromHex, toHex } from "#wire";

const records = suite("oneway/records");
const LENGTH = 1200;
const NOW = 0x0194_0000_0001;

function written(write: (writer: RecordWriter) => unknown, length = LENGTH): Uint8Array {
  const octets = new Uint8Array(length).fill(0xee);
  const writer = new RecordWriter(octets);
  writer.begin(octets, NOW);
  write(writer);
  return octets;
}

function put(writer: RecordWriter, record: OneWayRecord): boolean {
  switch (record.is) {
    case "asker":
      return writer.asker(record.id, record.identity);
    case "heartbeat":
      return writer.heartbeat(record.highest, record.birth, record.points);
    case "birth":
      return writer.birth(record.birth, record.points, record.gateway);
    case "point":
      return writer.point(record);
    case "sample":
      return writer.sample(record);
    case "text":
      return writer.text(record);
    case "counts":
      return writer.counts(record);
    case "signature":
      return writer.signature(record);
  }
}

const SAMPLE = {
  is: "sample",
  point: 0x0102_0304_0506,
  timeMs: 0x0194_a1a2_a3a4,
  quality: "good",
  timeOf: "gateway",
  isEvent: false,
  asker: 0x0708_090a_0b0c,
} as const;
const DRAWN: readonly (readonly [what: string, record: OneWayRecord, octets: string])[] = [
  ["a switch that is on", { ...SAMPLE, value: true }, "02 1400 060504030201 a4a3a2a19401 00 0c0b0a090807 02"],
  ["off", { ...SAMPLE, value: false }, "02 1400 060504030201 a4a3a2a19401 00 0c0b0a090807 01"],
  ["nothing", { ...SAMPLE, quality: "comm-lost", value: null }, "02 1400 060504030201 a4a3a2a19401 02 0c0b0a090807 00"],
  ["a whole number", { ...SAMPLE, value: -2 }, "02 1800 060504030201 a4a3a2a19401 00 0c0b0a090807 03 feffffff"],
  ["a number", { ...SAMPLE, value: 2.5 }, "02 1c00 060504030201 a4a3a2a19401 00 0c0b0a090807 04 0000000000000440"],
  ["a long one", { ...SAMPLE, value: -2n }, "02 1c00 060504030201 a4a3a2a19401 00 0c0b0a090807 05 feffffffffffffff"],
  ["the longest", { ...SAMPLE, value: 2n ** 64n - 1n }, "02 1c00 060504030201 a4a3a2a19401 00 0c0b0a090807 06 ffffffffffffffff"],
  ["words", { ...SAMPLE, value: "AB" }, "02 1800 060504030201 a4a3a2a19401 00 0c0b0a090807 07 0200 4142"],
  [
    "an event of the device's own time, stale",
    { ...SAMPLE, quality: "stale", timeOf: "device", isEvent: true, value: true },
    "02 1400 060504030201 a4a3a2a19401 19 0c0b0a090807 02",
  ],
  [
    "a point",
    { is: "point", id: 1, asset: "a", point: "b", type: "bool", unit: "", description: "c" },
    "01 1700 010000000000 0100 61 0100 62 0400 626f6f6c 0000 0100 63",
  ],
  ["an asker", { is: "asker", id: 1, identity: "self" }, "03 0c00 010000000000 0400 73656c66"],
  [
    "a part of a text",
    { is: "text", of: "events", number: 5, part: 1, parts: 2, octets: Uint8Array.of(0x7d) },
    "04 0800 01 05000000 01 02 7d",
  ],
  ["a heartbeat", { is: "heartbeat", highest: 258, birth: 3, points: 4 }, "05 0e00 020100000000 03000000 04000000"],
  [
    "counts",
    { is: "counts", of: "checkpoints", minute: 1, offered: 5, sent: 4, dropped: 1, isClosed: true },
    "06 1200 02 01000000 05000000 04000000 01000000 01",
  ],
  ["a birth", { is: "birth", birth: 1, points: 2, gateway: "g" }, "08 0b00 01000000 02000000 0100 67"],
];

for (const [what, record, octets] of DRAWN)
  records(`as it is drawn: ${what}`, () => {
    const content = written((writer) => assert.ok(put(writer, record)));
    const expected = fromHex(octets.replaceAll(" ", "")) as Uint8Array;
    assert.is(toHex(content, TIME, expected.length), toHex(expected));
    assert.ok(
      content.subarray(TIME + expected.length).every((octet) => octet === 0),
      "zeros fill it up",
    );
    assert.equal(decodeContent(content), { timeMs: NOW, records: [record] });
  });

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.boolean(),
  fc.constant(null),
  fc.integer(),
  fc.double(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.string({ unit: "binary", maxLength: 60 }),
);
const u32 = fc.nat({ max: 0xffff_ffff });
const u48 = fc.nat({ max: 2 ** 48 - 1 });
const word = fc.string({ unit: "binary", maxLength: 40 });
const of = fc.constantFrom(...CLASSES);
const record: fc.Arbitrary<OneWayRecord> = fc.oneof(
  fc.record({
    is: fc.constant("sample" as const),
    point: u48,
    timeMs: u48,
    quality: fc.constantFrom(...QUALITIES),
    timeOf: fc.constantFrom("device" as const, "gateway" as const),
    isEvent: fc.boolean(),
    asker: u48,
    value,
  }),
  fc.record({ is: fc.constant("point" as const), id: u48, asset: word, point: word, type: word, unit: word, description: word }),
  fc.record({ is: fc.constant("asker" as const), id: u48, identity: word }),
  fc.record({
    is: fc.constant("text" as const),
    of,
    number: u32,
    part: fc.nat({ max: 3 }),
    parts: fc.constant(4),
    octets: fc.uint8Array({ minLength: 1, maxLength: 90 }),
  }),
  fc.record({ is: fc.constant("heartbeat" as const), highest: u48, birth: u32, points: u32 }),
  fc.record({ is: fc.constant("counts" as const), of, minute: u32, offered: u32, sent: u32, dropped: u32, isClosed: fc.boolean() }),
  fc.record({ is: fc.constant("birth" as const), birth: u32, points: u32, gateway: word }),
  fc.record({
    is: fc.constant("signature" as const),
    first: u48,
    last: u48,
    digest: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    keyId: fc.uint8Array({ minLength: 8, maxLength: 8 }),
    signature: fc.uint8Array({ minLength: 64, maxLength: 64 }),
  }),
);

records("what was written is read, as far as there was room; what had none left nothing behind", () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 40 }), (list) => {
      const kept: OneWayRecord[] = [];
      const content = written((writer) => {
        for (const each of list) if (put(writer, each)) kept.push(each);
        assert.is(writer.records, kept.length);
      });
      const read = decodeContent(content);
      if (typeof read === "string") throw new Error(read);
      assert.equal(JSON.stringify(read.records.map(said)), JSON.stringify(kept.map(said)));
    }),
    { numRuns: 2_000 },
  );
});

/** Big numbers, NaN and -0 in words. */
function said(each: OneWayRecord): object {
  return each.is === "sample"
    ? {
        ...each,
        value: typeof each.value === "string" ? each.value : `${typeof each.value} ${Object.is(each.value, -0) ? "-0" : each.value}`,
      }
    : each;
}

const HEADED = (octets: string): Uint8Array => {
  const content = new Uint8Array(LENGTH);
  content.set(fromHex(octets.replaceAll(" ", "")) as Uint8Array, TIME);
  return content;
};
const FAULTS: readonly (readonly [what: string, octets: string, fault: string])[] = [
  ["a kind that is none", "09 0000", "badKind"],
  ["a record that ends behind the content", "02 ffff", "badRecord"],
  ["a sample that is too short", "02 1300 000000000000 000000000000 00 000000000000", "badRecord"],
  ["a quality that is none", "02 1400 000000000000 000000000000 05 000000000000 00", "badKind"],
  ["flags that are none", "02 1400 000000000000 000000000000 20 000000000000 00", "badKind"],
  ["a form that is none", "02 1400 000000000000 000000000000 00 000000000000 08", "badKind"],
  ["a value that is too short", "02 1700 000000000000 000000000000 00 000000000000 03 000000", "badRecord"],
  ["a value that is too long", "02 1500 000000000000 000000000000 00 000000000000 01 00", "badRecord"],
  ["an empty text", "03 0800 000000000000 0000", ""],
  ["an identity that is no UTF-8", "03 0900 000000000000 0100 ff", "badText"],
  ["a text that is longer than its record", "03 0900 000000000000 0200 41", "badRecord"],
  ["octets behind a text", "03 0a00 000000000000 0100 41 41", "badRecord"],
  ["part 2 of 2", "04 0800 01 00000000 02 02 7d", "badRecord"],
  ["a class that is none", "04 0800 03 00000000 00 01 7d", "badKind"],
  ["counts that are too short", "06 1100 00 00000000 00000000 00000000 00000000", "badRecord"],
  ["counts that are half closed", "06 1200 00 00000000 00000000 00000000 00000000 02", "badKind"],
  ["something behind the end", "00 00", ""],
  ["something behind the end", "00 01", "notEmpty"],
];
for (const [what, octets, fault] of FAULTS)
  records(`${fault === "" ? "is in order" : "is refused"}: ${what}`, () => {
    const read = decodeContent(HEADED(octets));
    assert.is(typeof read === "string" ? read : "", fault);
  });

records("random contents never throw, nor do good ones with one octet changed", () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 10 }), fc.nat({ max: LENGTH - 1 }), fc.nat({ max: 255 }), (list, at, octet) => {
      const content = written((writer) => {
        for (const each of list) put(writer, each);
      });
      decodeContent(content.with(at, octet));
      decodeContent(content.subarray(0, at));
    }),
    { numRuns: 3_000 },
  );
});

records.run();
