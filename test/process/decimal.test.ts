import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  add,
  compareDecimals,
  DECIMAL_IS,
  decimal,
  decimalOfFloat,
  formatDecimal,
  multiply,
  nearestFloat,
  parseDecimal,
  quotient,
  roundDecimal,
  subtract,
} from "#process/decimal";
import type { Decimal } from "#process/points";

const decimals = suite("process/decimal");

function parse(text: string): Decimal {
  const value = parseDecimal(text);
  if (typeof value === "string") throw new Error(`${text}: ${value}`);
  return value;
}

decimals("RULINGS 7: a decimal is what was written, in one form; minus zero is zero", () => {
  const same = {
    "0.1": [1n, 1],
    "0.10": [1n, 1],
    ".1": [1n, 1],
    "1e-1": [1n, 1],
    "+0.1": [1n, 1],
    "-0": [0n, 0],
    "0.000": [0n, 0],
    "1e3": [1000n, 0],
    "12.": [12n, 0],
    "-0.05": [-5n, 2],
    "007": [7n, 0],
    "1.5E+1": [15n, 0],
  } as const;
  for (const [text, [units, places]] of Object.entries(same)) assert.equal(parse(text), { units, places }, text);
});

decimals("RULINGS 7: NaN, infinities and everything that is no finite decimal are refused", () => {
  for (const text of [
    "",
    " ",
    "NaN",
    "Infinity",
    "-Infinity",
    ".inf",
    ".nan",
    "0x10",
    "1,5",
    "1.2.3",
    "1e",
    "e1",
    "--1",
    "1 ",
    "1_000",
    "one",
    ".",
    "1e1000",
  ]) {
    assert.is(parseDecimal(text), DECIMAL_IS, text);
  }
  assert.type(parseDecimal("1e401"), "string");
  assert.type(parseDecimal("9".repeat(401)), "string");
  assert.type(parseDecimal("10e400"), "string");
  assert.type(parseDecimal(".5e-400"), "string");
  assert.type(parseDecimal(`1.${"1".repeat(400)}`), "string");
});

decimals("text has no exponent until it grows long", () => {
  const shown = {
    "0.0001": "0.0001",
    "1e20": "100000000000000000000",
    "1e40": "1e+40",
    "-1.5e-40": "-1.5e-40",
    "123456789012345678901234567890.5": "1.234567890123456789012345678905e+29",
  };
  for (const [text, said] of Object.entries(shown)) assert.is(formatDecimal(parse(text)), said);
});

const anyDecimal = fc
  .tuple(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.integer({ min: 0, max: 45 }))
  .map(([units, places]) => decimal(units, places));

decimals("the longest there are are read back too", () => {
  for (const text of ["1e400", "1e-400", `${"9".repeat(400)}e1`, `0.${"1".repeat(400)}`, `${"1".repeat(200)}.${"2".repeat(200)}`])
    assert.equal(parse(formatDecimal(parse(text))), parse(text), text);
});

decimals("property: a decimal is read back from its text", () => {
  fc.assert(
    fc.property(anyDecimal, (value) => assert.equal(parse(formatDecimal(value)), value)),
    { numRuns: 2000 },
  );
});

decimals("property: sums, differences, products and order are those of whole numbers at a common scale", () => {
  const scale = 10n ** 90n;
  const at = ({ units, places }: Decimal): bigint => units * 10n ** BigInt(90 - places);
  fc.assert(
    fc.property(anyDecimal, anyDecimal, (a, b) => {
      assert.is(at(add(a, b)), at(a) + at(b));
      assert.is(at(subtract(a, b)), at(a) - at(b));
      assert.is(at(multiply(a, b)) * scale, at(a) * at(b));
      assert.is(compareDecimals(a, b), at(a) < at(b) ? -1 : at(a) > at(b) ? 1 : 0);
    }),
    { numRuns: 1000 },
  );
});

decimals("rounding is half away from zero, at the digit asked for", () => {
  assert.is(formatDecimal(roundDecimal(parse("1.25"), 2)), "1.3");
  assert.is(formatDecimal(roundDecimal(parse("-1.25"), 2)), "-1.3");
  assert.is(formatDecimal(roundDecimal(parse("1.249"), 2)), "1.2");
  assert.is(formatDecimal(roundDecimal(parse("99.96"), 3)), "100");
  assert.is(formatDecimal(roundDecimal(parse("12345"), 2)), "12000");
  assert.is(formatDecimal(roundDecimal(parse("0.001"), 2)), "0.001");
});

/** Digits and exponents as a plant, a programmer or an attacker writes them. */
const written = fc
  .tuple(
    fc.constantFrom("", "-"),
    fc.stringMatching(/^[0-9]{1,25}$/),
    fc.stringMatching(/^[0-9]{1,25}$/),
    fc.integer({ min: -350, max: 320 }),
  )
  .map(([sign, whole, part, exponent]) => `${sign}${whole}.${part}e${exponent}`);

decimals("property: the nearest double is the one the platform reads", () => {
  fc.assert(
    fc.property(written, (text) => {
      const { top, bottom } = quotient(parse(text), { units: 1n, places: 0 });
      const expected = Number(text);
      assert.is(nearestFloat(top, bottom, 64), expected === 0 ? 0 : expected);
    }),
    { numRuns: 3000 },
  );
});

decimals("the nearest double at the edges: ties to even, subnormals, overflow", () => {
  const near = (text: string, width: 32 | 64): number => {
    const { top, bottom } = quotient(parse(text), { units: 1n, places: 0 });
    return nearestFloat(top, bottom, width);
  };
  assert.is(near("9007199254740993", 64), 9007199254740992);
  assert.is(near("9007199254740995", 64), 9007199254740996);
  assert.is(near("5e-324", 64), 5e-324);
  assert.is(near("2.4e-324", 64), 0);
  assert.is(near("2.5e-324", 64), 5e-324);
  assert.is(near("1.7976931348623157e308", 64), Number.MAX_VALUE);
  assert.is(near("1.7976931348623159e308", 64), Number.POSITIVE_INFINITY);
  assert.is(near("-1e400", 64), Number.NEGATIVE_INFINITY);
  assert.is(near("16777217", 32), 16777216);
  assert.is(near("16777219", 32), 16777220);
  assert.is(near("3.4028234663852886e38", 32), 3.4028234663852886e38);
  assert.is(near("340282356779733661637539395458142568448", 32), Number.POSITIVE_INFINITY, "halfway to the next power of two");
  assert.is(near("340282356779733661637539395458142568447", 32), 3.4028234663852886e38);
  assert.is(near("1e-45", 32), 2 ** -149);
  assert.is(near("7e-46", 32), 0);
});

decimals("property: the nearest single of a double-exact number is Math.fround's", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const { top, bottom } = quotient(decimalOfFloat(value, 64), { units: 1n, places: 0 });
      // A shortest decimal stands for its double; Math.fround rounds the double itself, which differs only on a tie of the two steps.
      const expected = Math.fround(Number(formatDecimal(decimalOfFloat(value, 64))));
      const got = nearestFloat(top, bottom, 32);
      assert.ok(got === expected || Math.abs(got - value) <= Math.abs(expected - value), `${value}: ${got} ${expected}`);
    }),
    { numRuns: 3000 },
  );
});

decimals("property: a float's shortest decimal reads back as that float", () => {
  const single = fc.float({ noNaN: true, noDefaultInfinity: true });
  const double = fc.double({ noNaN: true, noDefaultInfinity: true });
  const back = (value: number, width: 32 | 64) => {
    const { top, bottom } = quotient(decimalOfFloat(value, width), { units: 1n, places: 0 });
    assert.is(nearestFloat(top, bottom, width), value === 0 ? 0 : value);
  };
  fc.assert(
    fc.property(single, (value) => back(value, 32)),
    { numRuns: 3000 },
  );
  fc.assert(
    fc.property(double, (value) => back(value, 64)),
    { numRuns: 3000 },
  );
  assert.is(formatDecimal(decimalOfFloat(Math.fround(0.1), 32)), "0.1");
  assert.is(formatDecimal(decimalOfFloat(Math.fround(16777215), 32)), "16777215");
});

decimals("property: a fraction rounds to the nearest: no other float of the width is nearer", () => {
  const part = fc.bigInt({ min: 1n, max: 10n ** 30n });
  const width = fc.constantFrom(32 as const, 64 as const);
  fc.assert(
    fc.property(part, part, width, (top, bottom, bits) => {
      const got = nearestFloat(top, bottom, bits);
      const step = got * 2 ** (bits === 32 ? -24 : -53);
      // Exact distance of a float to top/bottom, over bottom * 2 ** 200.
      const off = (value: number): bigint => {
        const scaled = BigInt(value * 2 ** 100) * 2n ** 100n * bottom - top * 2n ** 200n;
        return scaled < 0n ? -scaled : scaled;
      };
      fc.pre(got > 1e-6 && got < 1e20);
      for (const other of [got + 2 * step, got - 2 * step, got - step]) {
        const near = bits === 32 ? Math.fround(other) : other;
        if (near !== got) assert.ok(off(got) <= off(near), `${top}/${bottom}: ${got} against ${near}`);
      }
    }),
    { numRuns: 1000 },
  );
});

decimals.run();
