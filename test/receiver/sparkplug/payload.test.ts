/**
 * Payloads against an independent decoder: Eclipse Tahu's sparkplug-payload. Where it is known to be wrong (UInt32 it reads from long_value
 * alone, is_null it drops) its inner protobuf decoder is asked, which has the fields as they are on the wire.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodePayload, encodePayload, type Metric, type Payload } from "#receiver/sparkplug/payload";
import { file_sparkplug } from "#receiver/sparkplug/sparkplug_pb";
import { codeOf, type DataType, fromField, toField, typeOfCode, typeOfPoint, typeOfValue, type Value } from "#receiver/sparkplug/types";
import { hasTool, need } from "#test/support/need";
import { oracle, oracleFields } from "./oracle.ts";

const payload = suite("receiver/sparkplug/payload");
const root = path.resolve(import.meta.dirname, "../../..");

const T = 1_700_000_000_123;
const metric = (type: DataType, value: Value, more: Partial<Metric> = {}): Metric => ({
  name: "p",
  alias: 20,
  timeMs: T,
  type,
  value,
  historical: false,
  properties: [],
  ...more,
});
const message = (...metrics: Metric[]): Payload => ({ timeMs: T + 1, seq: 7, metrics });

/** type, value, the field it must be in, what is in that field, and why. */
const VECTORS: readonly (readonly [DataType, Value, string, unknown, string])[] = [
  ["Int8", -1, "intValue", 0xffffffff, "two's complement"],
  ["Int8", 127, "intValue", 127, ""],
  ["Int16", -5, "intValue", 4294967291, "two's complement of 32 bits"],
  ["Int16", -32768, "intValue", 4294934528, "the least"],
  ["Int32", -2147483648, "intValue", 2147483648, "the least"],
  ["Int32", 2147483647, "intValue", 2147483647, ""],
  ["Int64", -1n, "longValue", "18446744073709551615", "two's complement of 64 bits"],
  ["Int64", -(1n << 63n), "longValue", "9223372036854775808", "the least"],
  ["Int64", (1n << 63n) - 1n, "longValue", "9223372036854775807", ""],
  ["Int64", 5, "longValue", "5", "a number that is whole"],
  ["UInt8", 255, "intValue", 255, ""],
  ["UInt16", 65535, "intValue", 65535, ""],
  ["UInt32", 4294967295, "intValue", 4294967295, "§6.4.17: uint32"],
  ["UInt64", 18446744073709551615n, "longValue", "18446744073709551615", "a bigint, whole"],
  ["UInt64", 0n, "longValue", "0", "zero is a value"],
  ["Float", 1.5, "floatValue", 1.5, ""],
  ["Float", Number.POSITIVE_INFINITY, "floatValue", Number.POSITIVE_INFINITY, ""],
  ["Double", 0.1, "doubleValue", 0.1, ""],
  ["Double", -0, "doubleValue", -0, ""],
  ["Boolean", false, "booleanValue", false, "false is a value"],
  ["Boolean", 1, "booleanValue", true, "a bit as a number"],
  ["String", "Kessel Süd ≥ 90 °C", "stringValue", "Kessel Süd ≥ 90 °C", "beyond ASCII"],
  ["String", "", "stringValue", "", "empty is a value"],
  ["DateTime", BigInt(T), "longValue", String(T), ""],
];

for (const [type, value, field, expected, why] of VECTORS) {
  payload(`${type} ${String(value)} is in ${field}${why === "" ? "" : ` (${why})`}`, () => {
    const octets = encodePayload(message(metric(type, value)));
    const [wire] = oracleFields(octets).metrics;
    assert.is(wire?.datatype, codeOf(type));
    assert.is(wire?.isNull, undefined);
    const got = wire?.[field as "intValue"] as unknown;
    assert.equal(typeof got === "object" ? String(got) : got, expected);
    const back = decodePayload(octets);
    assert.ok(back.ok);
    const same = typeof value === "number" && field === "longValue" ? BigInt(value) : type === "Boolean" ? Boolean(value) : value;
    assert.is(back.value.metrics[0]?.value, same);
  });
}

payload("what sparkplug-payload itself makes of them is the value, where it can", () => {
  const values: readonly [DataType, Value, unknown][] = [
    ["Int16", -5, -5],
    ["Int32", -2147483648, -2147483648],
    ["Int64", -3n, "-3"],
    ["UInt64", 18446744073709551615n, "18446744073709551615"],
    ["Double", 21.5, 21.5],
    ["Boolean", true, true],
    ["String", "né", "né"],
    ["DateTime", BigInt(T), String(T)],
  ];
  const read = oracle(
    encodePayload(message(...values.map(([type, value], i) => metric(type, value, { name: `m${i}`, alias: i })))),
  ).metrics;
  values.forEach(([type, , expected], i) => {
    const got = read?.[i]?.value;
    assert.equal(typeof got === "object" ? String(got) : got, expected, type);
    assert.is(read?.[i]?.type, type);
    assert.is(read?.[i]?.name, `m${i}`);
    assert.is(Number(read?.[i]?.alias), i);
  });
});

payload("UInt32 goes to long_value for a host that reads nothing else, when that is asked for", () => {
  const octets = encodePayload(message(metric("UInt32", 4000000000)), "long");
  assert.is(oracle(octets).metrics?.[0]?.value, 4000000000);
  assert.is(String(oracleFields(octets).metrics[0]?.longValue), "4000000000");
  const back = decodePayload(octets);
  assert.is(back.ok && back.value.metrics[0]?.value, 4000000000, "and is read from either");
});

payload("null is is_null and no value; so is what its type does not hold", () => {
  const misfits: readonly (readonly [DataType, Value])[] = [
    ["Int16", null],
    ["Int16", 32768],
    ["UInt16", -1],
    ["Int32", 1.5],
    ["UInt64", -1n],
    ["Int64", 1n << 63n],
    ["Float", 1e300],
    ["Double", 1n],
    ["Boolean", 2],
    ["Boolean", "1"],
    ["String", 1],
    ["String", "\ud800"],
    ["UInt8", Number.NaN],
  ];
  for (const [type, value] of misfits) {
    const octets = encodePayload(message(metric(type, value)));
    const wire = oracleFields(octets).metrics[0];
    assert.is(wire?.isNull, true, `${type} ${value}`);
    for (const field of FIELDS) assert.is(wire?.[field], undefined, `${type} ${value}: ${field}`);
    const back = decodePayload(octets);
    assert.ok(back.ok && back.value.metrics[0]?.isNull);
    assert.is(back.ok && back.value.metrics[0]?.value, null);
  }
});

payload("by alias alone: no name and no type; by name: its type; seq, times, historical and properties as they are", () => {
  const properties: Metric["properties"] = [
    ["Quality", { type: "Int32", value: 192 }],
    ["engUnit", { type: "String", value: "bar" }],
    ["none", { type: "String", value: null }],
  ];
  const octets = encodePayload(
    message(metric("Int16", -5, { name: null, historical: true }), metric("Int16", -5, { alias: null, properties })),
  );
  const wire = oracleFields(octets);
  assert.is(String(wire.timestamp), String(T + 1));
  assert.is(String(wire.seq), "7");
  const [byAlias, byName] = wire.metrics;
  assert.is(byAlias?.name, undefined);
  assert.is(byAlias?.datatype, undefined);
  assert.is(String(byAlias?.alias), "20");
  assert.is(byAlias?.isHistorical, true);
  assert.is(String(byAlias?.timestamp), String(T));
  assert.is(byName?.alias, undefined);
  assert.is(byName?.isHistorical, undefined);
  assert.equal(byName?.properties?.keys, ["Quality", "engUnit", "none"]);
  assert.is(byName?.properties?.values.length, byName?.properties?.keys.length);
  assert.equal(
    byName?.properties?.values.map((value) => [value.type, value.intValue ?? value.stringValue, value.isNull]),
    [
      [3, 192, undefined],
      [12, "bar", undefined],
      [12, undefined, true],
    ],
  );
  const back = decodePayload(octets, () => "Int16");
  assert.ok(back.ok);
  assert.is(back.value.metrics[0]?.value, -5, "the type is the birth's");
  assert.equal([...(back.value.metrics[1]?.properties ?? [])], properties);
});

payload("a time that is none, or beyond all times, is written as one", () => {
  const times = [Number.NaN, -1, 1.9, Number.POSITIVE_INFINITY, 1e300];
  const wire = oracleFields(encodePayload(message(...times.map((timeMs) => metric("Double", 1, { timeMs })))));
  assert.equal(
    wire.metrics.map(({ timestamp }) => String(timestamp)),
    ["0", "0", "1", "8640000000000000", "8640000000000000"],
  );
});

payload("a death has neither time nor seq", () => {
  const octets = encodePayload({ timeMs: null, seq: null, metrics: [metric("Int64", 3, { alias: null, timeMs: null, name: "bdSeq" })] });
  const wire = oracleFields(octets);
  assert.is(wire.timestamp, undefined);
  assert.is(wire.seq, undefined);
  assert.is(wire.metrics[0]?.timestamp, undefined);
});

payload("any value of any type comes back, from both decoders", () => {
  const whole = (type: DataType, bits: number, signed: boolean): fc.Arbitrary<[DataType, Value]> =>
    (signed ? fc.bigInt(-(1n << BigInt(bits - 1)), (1n << BigInt(bits - 1)) - 1n) : fc.bigInt(0n, (1n << BigInt(bits)) - 1n)).map(
      (value) => [type, bits === 64 ? value : Number(value)],
    );
  const any = fc.oneof(
    whole("Int8", 8, true),
    whole("Int16", 16, true),
    whole("Int32", 32, true),
    whole("Int64", 64, true),
    whole("UInt8", 8, false),
    whole("UInt16", 16, false),
    whole("UInt32", 32, false),
    whole("UInt64", 64, false),
    fc.float().map((value): [DataType, Value] => ["Float", value]),
    fc.double().map((value): [DataType, Value] => ["Double", value]),
    fc.boolean().map((value): [DataType, Value] => ["Boolean", value]),
    fc.string({ unit: "binary" }).map((value): [DataType, Value] => ["String", value]),
  );
  fc.assert(
    fc.property(fc.array(any, { maxLength: 20 }), fc.nat(255), (values, seq) => {
      const octets = encodePayload({ timeMs: T, seq, metrics: values.map(([type, value], i) => metric(type, value, { alias: i })) });
      const back = decodePayload(octets);
      assert.ok(back.ok);
      assert.is(back.value.seq, BigInt(seq));
      back.value.metrics.forEach((got, i) => {
        assert.ok(got.type === values[i]?.[0] && Object.is(got.value, values[i]?.[1]), `${got.type} ${got.value}`);
      });
      const wire = oracleFields(octets).metrics;
      values.forEach(([type, value], i) => {
        const field = toField(type, value as Exclude<Value, null>);
        assert.ok(field !== null);
        const got = wire[i]?.[field.case] as unknown;
        if (typeof got === "object") assert.is(String(got), String(field.value));
        else assert.ok(Object.is(got, field.value), `${field.case} ${got}`);
        assert.ok(Object.is(fromField(type, field), value));
      });
    }),
    { numRuns: 500 },
  );
});

payload("no octets throw: noise, every truncation and every bit of a good one turned", () => {
  const good = encodePayload(
    message(metric("Int64", -9n), metric("String", "x", { properties: [["engUnit", { type: "String", value: "m" }]] })),
  );
  for (let length = 0; length < good.length; length++) decodePayload(good.subarray(0, length));
  for (let bit = 0; bit < good.length * 8; bit++) {
    const bad = Uint8Array.from(good);
    bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
    decodePayload(bad);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => typeof decodePayload(octets).ok === "boolean"),
    { numRuns: 2_000 },
  );
  assert.equal(decodePayload(Uint8Array.from([0x12, 0x05, 0x0a])), { ok: false, error: { kind: "notPayload" } });
  assert.equal(decodePayload(new Uint8Array(1024 * 1024 + 1)), { ok: false, error: { kind: "tooLong", octets: 1024 * 1024 + 1 } });
});

payload("types have the numbers of the specification, and those of points.csv all have one", () => {
  const numbers = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14].map((code) => typeOfCode(code));
  const names = [
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "UInt8",
    "UInt16",
    "UInt32",
    "UInt64",
    "Float",
    "Double",
    "Boolean",
    "String",
    "DateTime",
    "Text",
  ];
  assert.equal(numbers, [null, ...names]);
  for (const type of ["bool", "bit", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "string", "number"])
    assert.is.not(typeOfPoint(type), null, type);
  assert.is(typeOfPoint("bcd"), null);
  assert.is(typeOfValue(1n << 63n), "UInt64");
  assert.is(typeOfValue(null), "Double");
});

payload("the committed descriptor is that of sparkplug.proto", () => {
  if (!need("protoc", hasTool("protoc"))) return;
  const folder = path.join(root, "src/receiver/sparkplug");
  const into = mkdtempSync(path.join(os.tmpdir(), "penstock-proto-"));
  execFileSync("protoc", ["-I", folder, `--descriptor_set_out=${into}/set`, "sparkplug.proto"]);
  const made = readFileSync(path.join(into, "set"));
  rmSync(into, { recursive: true });
  const own = Buffer.from(toBinary(FileDescriptorProtoSchema, file_sparkplug.proto));
  // A set of one file: its tag, its length, it.
  assert.ok(made.subarray(-own.length).equals(own), "make sparkplug_pb.ts again: the command is in sparkplug.proto");
});

payload("the package names one release of the runtime, and the generated file says that it is of it", () => {
  const { dependencies } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { dependencies: Record<string, string> };
  const generated = readFileSync(path.join(root, "src/receiver/sparkplug/sparkplug_pb.ts"), "utf8");
  assert.match(generated, `protoc-gen-es v${dependencies["@bufbuild/protobuf"]} `);
  const installed = readFileSync(path.join(root, "node_modules/@bufbuild/protobuf/package.json"), "utf8");
  const { version } = JSON.parse(installed) as { version: string };
  assert.is(version, dependencies["@bufbuild/protobuf"]);
});

const FIELDS = ["intValue", "longValue", "floatValue", "doubleValue", "booleanValue", "stringValue"] as const;

payload.run();
