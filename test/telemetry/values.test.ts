/** A sample says what a person is shown: held against `decodePoint`, which shares no arithmetic with it. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decimalOfFloat, formatDecimal, ONE, parseDecimal, ZERO } from "#process/decimal";
import { type Decimal, POINT_TYPES, type Point, type PointType } from "#process/points";
import { decodePoint, encodePoint, REGISTERS } from "#process/values";
import { rawReader, readerOf, shortestOfSingle, type Typed } from "#telemetry/values";
import { fromHex } from "#wire";

const values = suite("telemetry/values");

function typed(type: PointType, more: Partial<Point> & { readonly registers?: number } = {}): Typed {
  const { registers = type === "string" ? 4 : REGISTERS[type], ...rest } = more;
  const bit = type === "bit" ? 0 : null;
  return {
    type,
    first: 40,
    last: 40 + registers - 1,
    bit,
    byteOrder: "big",
    wordOrder: "big",
    scale: ONE,
    offset: ZERO,
    deadband: null,
    ...rest,
  };
}

const dec = (text: string): Decimal => parseDecimal(text) as Decimal;
const hex = (text: string): Uint8Array => fromHex(text) as Uint8Array;
const little = { wordOrder: "little" } as const;
const swapped = { byteOrder: "little" } as const;

const VECTORS: readonly (readonly [point: Typed, cells: string, value: number | bigint | boolean | string | null])[] = [
  [typed("bool"), "01", true],
  [typed("bit", { bit: 9 }), "0200", true],
  [typed("bit", { bit: 9 }), "fdff", false],
  [typed("int16"), "8000", -32768],
  [typed("int16", swapped), "ff7f", 32767],
  [typed("uint16", { scale: dec("0.1") }), "032c", 81.2],
  [typed("uint16", { scale: dec("0.1"), offset: dec("-40.05") }), "0001", -39.95],
  [typed("int16", { scale: dec("-0.5") }), "0000", 0],
  [typed("int32", little), "fffeffff", -2],
  [typed("uint32", { ...little, ...swapped }), "04030201", 16909060],
  [typed("uint32", { scale: dec("0.000001") }), "ffffffff", 4294.967295],
  [typed("uint32", { scale: dec("1e12") }), "ffffffff", 4294967295e12],
  [typed("int64"), "8000000000000000", -9223372036854775808n],
  [typed("uint64"), "ffffffffffffffff", 18446744073709551615n],
  [typed("uint64", { scale: dec("10"), offset: dec("1") }), "ffffffffffffffff", 184467440737095516151n],
  [typed("uint64", { scale: dec("0.001") }), "0000000000000bb9", 3.001],
  [typed("float32"), "3dcccccd", 0.1],
  [typed("float32", little), "cccd3dcc", 0.1],
  [typed("float32", { scale: dec("0.1") }), "41480000", 1.25],
  [typed("float32"), "80000000", 0],
  [typed("float32"), "7fc00000", null],
  [typed("float32"), "ff800000", null],
  [typed("float64"), "3fb999999999999a", 0.1],
  [typed("number", { scale: dec("0.01") }), "40fe240000000000", 1234.56],
  [typed("number"), "7ff8000000000000", null],
  [typed("string"), "5075 6d70 2d31 0000", "Pump-1"],
  [typed("string"), "0741 0000 0000 0000", "\\x07A"],
];

for (const [point, cells, value] of VECTORS)
  values(`${point.type} ${point.byteOrder} ${point.wordOrder} x ${formatDecimal(point.scale)}: ${cells} is ${String(value)}`, () => {
    assert.is(readerOf(point).read(hex(cells.replaceAll(" ", "")), 0, 0), value);
  });

const decimals = fc.oneof(
  fc.constantFrom("1", "0.1", "0.01", "-0.5", "10", "2.5", "1e-9", "1e15", "0.0000000000000000000000001", "123456789012345678901.5"),
  fc.tuple(fc.integer({ min: -99999, max: 99999 }), fc.integer({ min: 0, max: 6 })).map(([units, places]) => `${units || 1}e-${places}`),
);

for (const type of POINT_TYPES)
  values(`${type}: as \`decodePoint\` has it, of any cells`, () => {
    const numeric = type !== "bool" && type !== "bit" && type !== "string";
    const property = fc.property(
      fc.uint8Array({ minLength: 12, maxLength: 12 }),
      decimals,
      fc.constantFrom("0", "0", "-40", "0.05", "1e10"),
      fc.constantFrom("big", "little"),
      fc.constantFrom("big", "little"),
      fc.integer({ min: 0, max: 15 }),
      (octets, scale, offset, byteOrder, wordOrder, bit) => {
        const scaled = numeric ? { scale: dec(scale), offset: dec(offset) } : {};
        const point = typed(type, { ...scaled, byteOrder, wordOrder, ...(type === "bit" ? { bit } : {}) });
        const { text } = decodePoint(point, octets, 2, 1);
        const value = readerOf(point).read(octets, 2, 1);
        switch (typeof value) {
          case "bigint":
            assert.is(formatDecimal({ units: value, places: 0 }), formatDecimal(dec(text)));
            break;
          case "boolean":
            assert.is(value, text === "1");
            break;
          case "string":
            assert.is(value, text);
            break;
          default:
            assert.is(value, Number.isFinite(Number(text)) ? Number(text) + 0 : null, text);
        }
        if (type === "int64" || type === "uint64")
          assert.is(typeof value, point.scale.places === 0 && point.offset.places === 0 ? "bigint" : "number");
      },
    );
    fc.assert(property, { numRuns: 2_000 });
  });

values("the shortest decimal of any single-precision float", () => {
  const view = new DataView(new ArrayBuffer(4));
  const property = fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (bits) => {
    view.setInt32(0, bits);
    const value = view.getFloat32(0);
    if (!Number.isFinite(value)) return;
    assert.is(shortestOfSingle(value), Number(formatDecimal(decimalOfFloat(value, 32))));
  });
  fc.assert(property, { numRuns: 100_000 });
  // Those a plant has, and neighbours of powers of ten.
  for (let i = 0; i < 200_000; i++) {
    const value = Math.fround(((i * 7919) % 1_000_003) / 10 ** (i % 8));
    assert.is(shortestOfSingle(value), Number(formatDecimal(decimalOfFloat(value, 32))), `${value}`);
  }
});

/** Point, deadband, from, to in engineering units, and whether it moved. */
const MOVES: readonly (readonly [point: Typed, from: string, to: string, moved: boolean])[] = [
  [typed("uint16", { scale: dec("0.1"), deadband: dec("0.1") }), "20", "20.1", false],
  [typed("uint16", { scale: dec("0.1"), deadband: dec("0.1") }), "20", "20.2", true],
  [typed("uint16", { scale: dec("0.1"), deadband: dec("0.3") }), "0.1", "0.4", false],
  [typed("int16", { deadband: dec("2") }), "-1", "1", false],
  [typed("int16", { deadband: dec("2") }), "-1", "2", true],
  [typed("int16", { deadband: dec("0") }), "1", "1", false],
  [typed("int16", { deadband: dec("0") }), "1", "2", true],
  [typed("uint32", { scale: dec("0.001"), deadband: dec("0.001") }), "4294967.294", "4294967.295", false],
  [typed("uint32", { scale: dec("0.001"), deadband: dec("0.001") }), "4294967.293", "4294967.295", true],
  [typed("float32", { deadband: dec("0.1") }), "20", "20.1", false],
  [typed("float32", { deadband: dec("0.1") }), "20", "20.2", true],
  [typed("float64", { deadband: dec("0.5") }), "1e300", "1.1e300", true],
  [typed("uint64", { deadband: dec("1.5") }), "18446744073709551614", "18446744073709551615", false],
  [typed("uint64", { deadband: dec("1.5") }), "18446744073709551613", "18446744073709551615", true],
  [typed("int64"), "9007199254740992", "9007199254740993", true],
  [typed("bool"), "0", "1", true],
  [typed("string"), "on", "off", true],
];

for (const [point, from, to, moved] of MOVES)
  values(`${point.type} with deadband ${point.deadband === null ? "none" : formatDecimal(point.deadband)}: ${from} to ${to}`, () => {
    const reader = readerOf(point);
    const [a, b] = [from, to].map((text) => reader.read(encodePoint(point, text) as Uint8Array, 0, 0));
    assert.is(reader.differs(b ?? null, a ?? null), moved);
    assert.is(reader.differs(a ?? null, b ?? null), moved);
    assert.is(reader.differs(null, a ?? null), true);
    assert.is(reader.differs(a ?? null, a ?? null), false);
  });

values("unnamed: a bit, a word, a number of DNP3", () => {
  assert.is(rawReader(1, 1).read(hex("04"), 0, 2), true);
  assert.is(rawReader(16, 1).read(hex("0000ffff"), 0, 1), 65535);
  assert.is(rawReader(16, 4).read(hex("00000000000000003ff8000000000000"), 0, 4), 1.5);
  assert.is(rawReader(16, 4).read(hex("7ff8000000000000"), 0, 0), null);
});

values.run();
