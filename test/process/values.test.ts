import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decimal, ONE, parseDecimal, ZERO } from "#process/decimal";
import { type Decimal, POINT_TYPES, type Point, type PointType } from "#process/points";
import { decodeCells, decodePoint, encodePoint, REGISTERS, rangeOf } from "#process/values";

const values = suite("process/values");

type Typed = Parameters<typeof encodePoint>[0];

function typed(type: PointType, more: Partial<Point> & { readonly registers?: number } = {}): Typed {
  const { registers = type === "string" ? 4 : REGISTERS[type], ...rest } = more;
  return {
    type,
    first: 40,
    last: 40 + registers - 1,
    bit: type === "bit" ? 0 : null,
    byteOrder: "big",
    wordOrder: "big",
    scale: ONE,
    offset: ZERO,
    ...rest,
  };
}

function dec(text: string): Decimal {
  return parseDecimal(text) as Decimal;
}

function hex(octets: Uint8Array | string): string {
  return typeof octets === "string" ? octets : Buffer.from(octets).toString("hex");
}

const little = { wordOrder: "little" } as const;
const swapped = { byteOrder: "little" } as const;

/** Engineering text, raw cells as they travel. The four orders of one 32-bit value are those users know as ABCD, CDAB, BADC, DCBA. */
const VECTORS: readonly (readonly [point: Typed, text: string, cells: string])[] = [
  [typed("bool"), "1", "01"],
  [typed("bool"), "0", "00"],
  [typed("bit", { bit: 0 }), "1", "0001"],
  [typed("bit", { bit: 15 }), "1", "8000"],
  [typed("bit", { bit: 9 }), "0", "0000"],
  [typed("int16"), "-1", "ffff"],
  [typed("int16"), "-32768", "8000"],
  [typed("uint16"), "65535", "ffff"],
  [typed("uint16", swapped), "258", "0201"],
  [typed("uint16", { scale: dec("0.1") }), "81.2", "032c"],
  [typed("int16", { scale: dec("0.1"), offset: dec("-40") }), "-40", "0000"],
  [typed("int16", { scale: dec("-0.5") }), "-1", "0002"],
  [typed("int32"), "-2", "fffffffe"],
  [typed("uint32"), "16909060", "01020304"],
  [typed("uint32", little), "16909060", "03040102"],
  [typed("uint32", swapped), "16909060", "02010403"],
  [typed("uint32", { ...little, ...swapped }), "16909060", "04030201"],
  [typed("int64"), "-9223372036854775808", "8000000000000000"],
  [typed("uint64"), "18446744073709551615", "ffffffffffffffff"],
  [typed("uint64", little), "1", "0001000000000000"],
  [typed("uint64", { scale: dec("0.001") }), "9007199254740993.001", 9007199254740993001n.toString(16)],
  [typed("float32"), "1", "3f800000"],
  [typed("float32"), "0.1", "3dcccccd"],
  [typed("float32", little), "1", "00003f80"],
  [typed("float32", { ...little, ...swapped }), "1", "0000803f"],
  [typed("float64"), "-0.1", "bfb999999999999a"],
  [typed("float64", little), "1", "0000000000003ff0"],
  [typed("string"), "AB", "4142000000000000"],
  [typed("string", swapped), "ABC", "4241004300000000"],
  [typed("string"), "ABCDEFGH", "4142434445464748"],
];

for (const [point, text, cells] of VECTORS) {
  const how = `${point.type}${point.bit === null ? "" : ` ${point.bit}`} ${point.byteOrder}/${point.wordOrder}`;
  values(`${how} ${text} is ${cells}, both ways`, () => {
    const encoded = encodePoint(point, text);
    assert.is(hex(encoded), cells);
    assert.is(decodePoint(point, encoded as Uint8Array, 0).text, text);
  });
}

values("switches take the words people use", () => {
  for (const word of ["1", "on", "true"]) assert.is(hex(encodePoint(typed("bool"), word)), "01");
  for (const word of ["0", "off", "false"]) assert.is(hex(encodePoint(typed("bit", { bit: 3 }), word)), "0000");
  for (const word of ["2", "ON", "", "yes", "constructor", "-0", "1.0"])
    assert.is(encodePoint(typed("bool"), word), `${word} is neither 0 nor 1 (off, on, false, true)`);
});

const tenth = typed("uint16", { scale: dec("0.1") });
const REFUSED: readonly (readonly [point: Typed, text: string, why: string])[] = [
  [tenth, "81.25", "81.25 is between two values this uint16 can hold: 81.2 and 81.3"],
  [typed("int16", { scale: dec("-0.5") }), "0.3", "0.3 is between two values this int16 can hold: 0 and 0.5"],
  [tenth, "6553.6", "6553.6 is outside what this uint16 can hold: 0 to 6553.5"],
  [tenth, "-0.1", "-0.1 is outside what this uint16 can hold: 0 to 6553.5"],
  [typed("int16", { scale: dec("-1") }), "32769", "32769 is outside what this int16 can hold: -32767 to 32768"],
  [typed("uint64"), "18446744073709551616", "18446744073709551616 is outside what this uint64 can hold: 0 to 18446744073709551615"],
  [tenth, "high", "high is not a finite decimal number"],
  [typed("float32"), "NaN", "NaN is not a finite decimal number"],
  [typed("float64"), "Infinity", "Infinity is not a finite decimal number"],
  [typed("float32"), "3.5e38", "3.5e38 is outside what this float32 can hold"],
  [typed("string"), "ABCDEFGHI", "9 characters are more than the 8 of this string"],
  [typed("string"), "ä", "only printable ASCII characters can stand in this string"],
  [typed("string"), "a\u0000", "only printable ASCII characters can stand in this string"],
];

for (const [point, text, why] of REFUSED) {
  values(`RULINGS 7: ${point.type} does not take ${JSON.stringify(text)}: it is said why`, () => assert.is(encodePoint(point, text), why));
}

values("what devices send and nobody may write is still shown", () => {
  const float = (octets: string) => decodePoint(typed("float32"), Uint8Array.from(Buffer.from(octets, "hex")), 0);
  assert.equal(float("7fc00000"), { text: "NaN", number: null });
  assert.equal(float("7f800000"), { text: "Infinity", number: null });
  assert.equal(float("ff800000"), { text: "-Infinity", number: null });
  assert.equal(float("80000000"), { text: "0", number: 0 }, "minus zero is zero");
  assert.equal(decodeCells(typed("string"), [0x41ff, 0x0042, 0x0000, 0x0000]), { text: "A\\xff\\x00B", number: null });
});

values("RULINGS 7: 64-bit integers are text, never a double near them", () => {
  assert.equal(decodeCells(typed("uint64"), [0x20, 0, 0, 1]), { text: "9007199254740993", number: null });
  assert.equal(decodeCells(typed("int64"), [0xffff, 0xffff, 0xffff, 0xffff]), { text: "-1", number: null });
  assert.equal(decodeCells(typed("uint32"), [0xffff, 0xffff]), { text: "4294967295", number: 4294967295 });
  assert.equal(decodeCells(tenth, [812]), { text: "81.2", number: 81.2 });
});

values("a point is found inside a longer write by the index of its first cell", () => {
  const octets = Uint8Array.from([9, 9, 0, 1, 3, 0x2c, 0, 7]);
  assert.is(decodePoint(tenth, octets, 2, 1).text, "81.2");
  const coils = Uint8Array.of(0xff, 0b0000_0000, 0b0000_0010);
  assert.is(decodePoint(typed("bool"), coils, 1, 9).text, "1");
  assert.is(decodePoint(typed("bool"), coils, 1, 8).text, "0");
});

const scaled = fc
  .tuple(
    fc.bigInt({ min: -100_000n, max: 100_000n }).filter((n) => n !== 0n),
    fc.integer({ min: 0, max: 9 }),
  )
  .map(([units, places]) => decimal(units, places));
const moved = fc
  .tuple(fc.bigInt({ min: -(10n ** 9n), max: 10n ** 9n }), fc.integer({ min: 0, max: 9 }))
  .map(([units, places]) => decimal(units, places));
const order = fc.constantFrom("big" as const, "little" as const);
const numeric = fc.constantFrom(...POINT_TYPES.filter((type) => type !== "bool" && type !== "bit" && type !== "string"));

values("property: any cells of any integer type, order, scale and offset are read to text and written back unchanged", () => {
  const integer = fc.constantFrom(
    "int16" as const,
    "uint16" as const,
    "int32" as const,
    "uint32" as const,
    "int64" as const,
    "uint64" as const,
  );
  fc.assert(
    fc.property(
      integer,
      order,
      order,
      scaled,
      moved,
      fc.uint8Array({ minLength: 8, maxLength: 8 }),
      (type, byteOrder, wordOrder, scale, offset, octets) => {
        const point = typed(type, { byteOrder, wordOrder, scale, offset });
        const raw = octets.subarray(0, REGISTERS[type] * 2);
        const back = encodePoint(point, decodePoint(point, raw, 0).text);
        assert.is(hex(back), hex(raw));
      },
    ),
    { numRuns: 3000 },
  );
});

values("property: any finite float of either width and any order is read to text and written back unchanged", () => {
  const float = fc.constantFrom("float32" as const, "float64" as const);
  fc.assert(
    fc.property(float, order, order, fc.uint8Array({ minLength: 8, maxLength: 8 }), (type, byteOrder, wordOrder, octets) => {
      const point = typed(type, { byteOrder, wordOrder });
      const raw = octets.subarray(0, REGISTERS[type] * 2);
      const shown = decodePoint(point, raw, 0);
      if (shown.number === null) assert.match(shown.text, /^(NaN|-?Infinity)$/);
      else if (shown.number !== 0) assert.is(hex(encodePoint(point, shown.text)), hex(raw));
    }),
    { numRuns: 3000 },
  );
});

values("property: scaled floats come back as the same text, and texts stay short", () => {
  const float = fc.constantFrom("float32" as const, "float64" as const);
  fc.assert(
    fc.property(float, scaled, moved, fc.double({ min: -1e9, max: 1e9, noNaN: true }), (type, scale, offset, value) => {
      const point = typed(type, { scale, offset });
      const cells = encodePoint(point, String(value));
      if (typeof cells === "string") return;
      const shown = decodePoint(point, cells, 0);
      assert.ok(shown.text.length <= 60, shown.text);
      const again = encodePoint(point, shown.text);
      assert.is(decodePoint(point, again as Uint8Array, 0).text, shown.text);
    }),
    { numRuns: 2000 },
  );
});

values("property: strings of printable ASCII, in either byte order", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme-ascii", maxLength: 8 }), order, (text, byteOrder) => {
      const point = typed("string", { byteOrder });
      assert.is(decodePoint(point, encodePoint(point, text) as Uint8Array, 0).text, text);
    }),
    { numRuns: 1000 },
  );
});

values("property: the ends of a point's range can be written, and a step beyond cannot", () => {
  fc.assert(
    fc.property(numeric, scaled, moved, (type, scale, offset) => {
      fc.pre(!type.startsWith("float") && type !== "number");
      const point = typed(type, { scale, offset });
      const [low, high] = rangeOf(point);
      const step = decimal(scale.units < 0n ? -scale.units : scale.units, scale.places);
      const text = ({ units, places }: Decimal): string => `${units}e-${places}`;
      const plus = (a: Decimal, b: Decimal, sign: bigint): Decimal => {
        const places = Math.max(a.places, b.places);
        return decimal(a.units * 10n ** BigInt(places - a.places) + sign * b.units * 10n ** BigInt(places - b.places), places);
      };
      for (const end of [low, high]) assert.instance(encodePoint(point, text(end)), Uint8Array);
      assert.match(encodePoint(point, text(plus(low, step, -1n))) as string, /is outside/);
      assert.match(encodePoint(point, text(plus(high, step, 1n))) as string, /is outside/);
    }),
    { numRuns: 500 },
  );
});

values("property: no text makes the encoder throw", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...POINT_TYPES),
      fc.oneof(fc.string(), fc.constantFrom("1e999", "-", "+.e1", "0x1", "9".repeat(500))),
      (type, text) => {
        const cells = encodePoint(typed(type), text);
        assert.ok(typeof cells === "string" || cells.length > 0);
      },
    ),
    { numRuns: 2000 },
  );
});

values.run();
