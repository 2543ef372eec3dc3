import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { expectedAddress, formatAddress, formatAddresses, parseAddress, parseAddresses } from "#process/addressing";
import type { Addressing } from "#process/points";
import { COIL, DISCRETE, FILE, HOLDING, INPUT } from "./spaces.ts";

const addressing = suite("process/addressing");

/** Wire address and how each style writes it. Modicon: digit of the table, then the number from 1. */
const TABLE = [
  [HOLDING, 0, "0", "1", "40001"],
  [HOLDING, 39, "39", "40", "40040"],
  [HOLDING, 9998, "9998", "9999", "49999"],
  [HOLDING, 9999, "9999", "10000", "410000"],
  [HOLDING, 65535, "65535", "65536", "465536"],
  [INPUT, 0, "0", "1", "30001"],
  [INPUT, 107, "107", "108", "30108"],
  [DISCRETE, 9999, "9999", "10000", "110000"],
  [COIL, 0, "0", "1", "00001"],
  [COIL, 39, "39", "40", "00040"],
  [COIL, 9999, "9999", "10000", "010000"],
  [COIL, 65535, "65535", "65536", "065536"],
] as const;

for (const [space, wire, zero, one, modicon] of TABLE) {
  addressing(`RULINGS 3: ${space.name} ${wire} is ${zero}, ${one} and ${modicon}`, () => {
    for (const [style, words] of [
      ["zero-based", zero],
      ["one-based", one],
      ["modicon", modicon],
    ] as const) {
      assert.is(parseAddress(style, space, words), wire, style);
      assert.is(formatAddress(style, space, wire), words, style);
    }
  });
}

addressing("modicon: six digits reach low addresses too; a coil may have lost its zeros to a spreadsheet", () => {
  assert.is(parseAddress("modicon", HOLDING, "400001"), 0);
  assert.is(parseAddress("modicon", COIL, "000001"), 0);
  assert.is(parseAddress("modicon", COIL, "1"), 0);
  assert.is(parseAddress("modicon", COIL, "9999"), 9998);
});

const WRONG: readonly (readonly [Addressing, typeof HOLDING, string])[] = [
  ["zero-based", HOLDING, "65536"],
  ["zero-based", HOLDING, "-1"],
  ["zero-based", HOLDING, ""],
  ["zero-based", HOLDING, "1.0"],
  ["zero-based", HOLDING, "0x10"],
  ["zero-based", HOLDING, "007"],
  ["zero-based", HOLDING, "1234567"],
  ["one-based", HOLDING, "0"],
  ["one-based", HOLDING, "65537"],
  ["modicon", HOLDING, "40000"],
  ["modicon", HOLDING, "400000"],
  ["modicon", HOLDING, "465537"],
  ["modicon", HOLDING, "30001"],
  ["modicon", HOLDING, "40"],
  ["modicon", HOLDING, "4001"],
  ["modicon", HOLDING, "1"],
  ["modicon", COIL, "0"],
  ["modicon", COIL, "00000"],
  ["modicon", COIL, "10001"],
  ["modicon", COIL, "0040"],
  ["modicon", COIL, "065537"],
];

for (const [style, space, words] of WRONG) {
  addressing(`${style} ${space.name} "${words}" is no address, and the answer speaks ${style}`, () => {
    assert.is(parseAddress(style, space, words), expectedAddress(style, space));
  });
}

addressing("what would be right is said in the document's own addressing", () => {
  assert.is(expectedAddress("zero-based", HOLDING), "a holding address from 0 to 65535 (zero-based)");
  assert.is(expectedAddress("one-based", COIL), "a coil address from 1 to 65536 (one-based)");
  assert.is(expectedAddress("modicon", HOLDING), "a holding address from 40001 to 49999 or 400001 to 465536 (modicon)");
  assert.is(expectedAddress("modicon", COIL), "a coil address from 00001 to 09999 or 000001 to 065536 (modicon)");
});

addressing("ranges", () => {
  assert.equal(parseAddresses("zero-based", HOLDING, "40-43"), [40, 43]);
  assert.equal(parseAddresses("one-based", HOLDING, "40 - 43"), [39, 42]);
  assert.equal(parseAddresses("modicon", HOLDING, "40041"), [40, 40]);
  assert.equal(parseAddresses("modicon", COIL, "00041-00043"), [40, 42]);
  assert.is(parseAddresses("zero-based", HOLDING, "43-40"), "a range that does not go backwards, such as 40-43");
  assert.is(parseAddresses("one-based", HOLDING, "0-3"), "a holding address from 1 to 65536 (one-based)");
  assert.is(parseAddresses("zero-based", HOLDING, "1-x"), "a holding address from 0 to 65535 (zero-based)");
  assert.is(parseAddresses("zero-based", HOLDING, "1-2-3"), "a holding address from 0 to 65535 (zero-based), or a range of two");
  assert.is(formatAddresses("modicon", HOLDING, 40, 43), "40041-40044");
  assert.is(formatAddresses("zero-based", HOLDING, 40, 40), "40");
});

addressing("a table without a leading digit counts from one in a modicon document", () => {
  assert.is(parseAddress("modicon", FILE, "1"), 0);
  assert.is(formatAddress("modicon", FILE, 0), "1");
});

addressing("files: FILE/RECORD in every style, whole files by their number, read back as they are written", () => {
  const files = { ...FILE, last: 0xffff * 0x10000 + 9_999 };
  const record = (file: number, number: number): number => file * 0x10000 + number;
  for (const style of ["zero-based", "one-based", "modicon"] as const) {
    assert.is(formatAddress(style, files, 262_151), "4/7");
    assert.is(parseAddress(style, files, "4/7"), 262_151);
    for (const [first, last, words] of [
      [record(4, 7), record(4, 7), "4/7"],
      [record(4, 0), record(4, 99), "4/0-99"],
      [record(4, 0), record(4, 9_999), "4"],
      [record(4, 0), record(6, 9_999), "4-6"],
      [record(65_535, 9_999), record(65_535, 9_999), "65535/9999"],
    ] as const) {
      assert.is(formatAddresses(style, files, first, last), words);
      assert.equal(parseAddresses(style, files, words), [first, last]);
    }
    for (const words of ["262151", "4", "4/0-9", "0/7", "4/10000", "65536/1", "4/-1", "4/"])
      assert.is(parseAddress(style, files, words), "a record of a file such as 4/7, files from 1 to 65535, records from 0 to 9999");
  }
  assert.is(formatAddresses("zero-based", files, record(4, 7), record(5, 3)), "4/7-5/3");
});

addressing("property: an address is read back from its text, in every style and table", () => {
  const style = fc.constantFrom<Addressing>("zero-based", "one-based", "modicon");
  fc.assert(
    fc.property(style, fc.constantFrom(COIL, DISCRETE, INPUT, HOLDING, FILE), fc.integer({ min: 0, max: 65535 }), (how, space, wire) => {
      assert.is(parseAddress(how, space, formatAddress(how, space, wire)), wire);
    }),
    { numRuns: 3000 },
  );
});

addressing.run();
