/** RULINGS 7, 8, 10, 11: written values. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { PointType } from "#process/points";
import { type Asked, Plant, type PointWords, type RuleWords, seen } from "./plant.ts";

const values = suite("policy/values");

/** A plant with one point at 40 and one rule for it. */
function plantWith(point: Omit<PointWords, "at">, limits: NonNullable<RuleWords["values"]>): Plant {
  return new Plant({ points: { p: { at: 40, ...point } }, rules: [{ id: "r", allow: ["write"], points: ["p"], values: limits }] });
}

/** Write these octets (hex) at 40 by FC 16. */
function write(plant: Plant, hex: string, facts = {}): string {
  const octets = hex.replaceAll(" ", "").length / 2;
  return plant
    .ask(`10 0028 ${(octets / 2).toString(16).padStart(4, "0")} ${octets.toString(16).padStart(2, "0")} ${hex}`, { facts })
    .split(" ")[0] as string;
}

function f32(value: number): string {
  const octets = Buffer.alloc(4);
  octets.writeFloatBE(value);
  return octets.toString("hex");
}

function f64(value: number): string {
  const octets = Buffer.alloc(8);
  octets.writeDoubleBE(value);
  return octets.toString("hex");
}

values("RULINGS 7: limits round inward, so what passes is within what was written", () => {
  const tenth = plantWith({ scale: "0.1" }, { min: "0.05", max: "40.05" });
  assert.is(write(tenth, "0000"), "belowMinimum", "0.0");
  assert.is(write(tenth, "0001"), "allowed", "0.1");
  assert.is(write(tenth, "0190"), "allowed", "40.0");
  assert.is(write(tenth, "0191"), "aboveMaximum", "40.1");
  // 0.1 is no float32: the nearest is a little above it, and the next below it is below.
  const float = plantWith({ type: "float32" }, { min: "0.1", max: "0.3" });
  assert.is(write(float, f32(0.1)), "allowed");
  assert.is(write(float, "3dcccccc"), "belowMinimum", "the float32 before it");
  assert.is(write(float, f32(0.3)), "aboveMaximum", "the float32 nearest to 0.3 is 0.300000012");
  assert.is(write(float, "3e999999"), "allowed", "the float32 before it");
  const double = plantWith({ type: "float64" }, { min: "0", max: "0.1" });
  assert.is(write(double, f64(0.1)), "aboveMaximum", "the double 0.1 is above one tenth");
  assert.is(write(double, "3fb9999999999999"), "allowed");
});

values("RULINGS 7: -0 is 0", () => {
  assert.is(write(plantWith({ type: "float32" }, { min: "0", max: "1" }), f32(-0)), "allowed");
  assert.is(write(plantWith({ type: "float32" }, { set: ["0"] }), f32(-0)), "allowed");
  assert.is(write(plantWith({ type: "float32" }, { min: "-1", max: "-0" }), f32(0)), "allowed");
});

values("RULINGS 7: NaN and infinities never pass, whoever writes them and by whatever rule", () => {
  const plant = new Plant({
    points: { single: { at: 40, type: "float32" }, double: { at: 42, type: "float64", wordOrder: "little" } },
    rules: [{ id: "all", allow: ["write"] }],
  });
  for (const hex of ["7fc00000", "ffc00000", "7f800001", "7f800000", "ff800000"]) assert.is(write(plant, hex), "notANumber", hex);
  assert.is(write(plant, "7f7fffff"), "allowed", "the largest float32");
  assert.is(plant.ask("10 002a 0004 08 0000 0000 0000 7ff8"), "notANumber");
  assert.is(plant.decide("10 002a 0004 08 0000 0000 0000 7ff8").point, 1);
  assert.is(plant.ask("10 002a 0004 08 7ff8 0000 0000 0000"), "allowed operator/all", "the words in the other order are a number");
});

values("RULINGS 7: a negative scale turns the bounds about", () => {
  const plant = plantWith({ type: "int16", scale: "-0.5", offset: "10" }, { min: "-5", max: "5" });
  assert.is(write(plant, "000a"), "allowed", "10 * -0.5 + 10 = 5");
  assert.is(write(plant, "0009"), "aboveMaximum", "5.5");
  assert.is(write(plant, "001e"), "allowed", "-5");
  assert.is(write(plant, "001f"), "belowMinimum", "-5.5");
  const wide = plantWith({ type: "int64", scale: "-1" }, { min: "-5", max: "5" });
  assert.is(write(wide, "fffffffffffffffa"), "aboveMaximum", "-6 counts as 6");
  assert.is(write(wide, "0000000000000006"), "belowMinimum");
});

values("RULINGS 7: 64-bit numbers compare exactly", () => {
  const signed = plantWith({ type: "int64" }, { min: "-9007199254740993", max: "9007199254740993" });
  assert.is(write(signed, "0020000000000001"), "allowed");
  assert.is(write(signed, "0020000000000002"), "aboveMaximum");
  assert.is(write(signed, "ffdfffffffffffff"), "allowed");
  assert.is(write(signed, "ffdffffffffffffe"), "belowMinimum");
  const unsigned = plantWith({ type: "uint64", scale: "0.001" }, { min: "0", max: "18446744073709551.614" });
  assert.is(write(unsigned, "fffffffffffffffe"), "allowed");
  assert.is(write(unsigned, "ffffffffffffffff"), "aboveMaximum");
  assert.is(write(plantWith({ type: "uint64" }, { set: ["18446744073709551615"] }), "ffffffffffffffff"), "allowed");
  assert.is(write(plantWith({ type: "uint64" }, { set: ["18446744073709551615"] }), "fffffffffffffffe"), "notInSet");
});

values("every type and order is read as the device means it", () => {
  const cases: readonly (readonly [PointType, Omit<PointWords, "at" | "type">, string, string, string])[] = [
    // type, orders, value, its octets, octets of the value beside it
    ["int16", {}, "-2", "fffe", "fffd"],
    ["int16", { byteOrder: "little" }, "258", "0201", "0102"],
    ["uint16", {}, "65534", "fffe", "ffff"],
    ["int32", {}, "-70000", "fffeee90", "fffeee91"],
    ["int32", { wordOrder: "little" }, "-70000", "ee90fffe", "ee91fffe"],
    ["uint32", { byteOrder: "little" }, "4026531841", "00f00100", "00f00200"],
    ["uint32", { byteOrder: "little", wordOrder: "little" }, "4026531841", "010000f0", "020000f0"],
    ["int64", { wordOrder: "little" }, "281474976710657", "0001000000000001", "0002000000000001"],
    ["float32", { wordOrder: "little" }, "-12.5", "0000c148", "0001c148"],
    ["float64", { byteOrder: "little" }, "-12.5", "29c0000000000000", "29c0000000000001"],
  ];
  for (const [type, orders, value, octets, beside] of cases) {
    const plant = plantWith({ type, ...orders }, { set: [value] });
    assert.is(write(plant, octets), "allowed", `${type} ${JSON.stringify(orders)} ${value}`);
    assert.is(write(plant, beside), "notInSet", `${type} ${JSON.stringify(orders)} beside ${value}`);
  }
});

values("RULINGS 8: max_step is judged against the value last seen, in engineering units", () => {
  const plant = plantWith({ scale: "0.1" }, { min: "0", max: "100", step: "2" });
  assert.is(write(plant, "0064"), "factUnavailable");
  assert.is(write(plant, "0064", seen({ 40: 0x50 })), "allowed", "8.0 to 10.0");
  assert.is(write(plant, "0065", seen({ 40: 0x50 })), "stepTooLarge", "8.0 to 10.1");
  assert.is(write(plant, "003c", seen({ 40: 0x50 })), "allowed", "8.0 to 6.0");
  assert.is(write(plant, "003b", seen({ 40: 0x50 })), "stepTooLarge");
  const float = plantWith({ type: "float32" }, { min: "0", max: "100", step: "0.1" });
  const before = { 40: 0x3f80, 41: 0x0000 };
  assert.is(write(float, f32(1), seen({ 40: 0x3f80 })), "factUnavailable", "half a value is none");
  assert.is(write(float, f32(1.1), seen(before)), "stepTooLarge", "the float32 1.1 is 1.10000002");
  assert.is(write(float, "3f8ccccc", seen(before)), "allowed", "the one before it");
  assert.is(write(float, f32(1), seen({ 40: 0x7fc0, 41: 0 })), "factUnavailable", "NaN was seen");
  const wide = plantWith({ type: "int64", scale: "-2" }, { min: "-100000", max: "100000", step: "5" });
  const zero = { 40: 0, 41: 0, 42: 0, 43: 0 };
  assert.is(write(wide, "0000000000000002", seen(zero)), "allowed");
  assert.is(write(wide, "0000000000000003", seen(zero)), "stepTooLarge", "6 is more than 5");
  assert.is(write(wide, "fffffffffffffffd", seen(zero)), "stepTooLarge");
});

values("RULINGS 10: changes are counted per unit and point, whichever name and rule is used", () => {
  const plant = new Plant({
    units: [1, 2],
    points: { p: { at: 40 }, q: { at: 40, aliasOf: "p" }, b: { at: 40, bit: 3, bitOf: "p" }, wide: { at: 50, type: "uint32" } },
    rules: [
      { id: "p", allow: ["write"], points: ["p"], functions: [6], values: { changes: 6 } },
      { id: "q", allow: ["write"], points: ["q"], functions: [16], values: { changes: 5 } },
      { id: "b", allow: ["write"], points: ["b"], functions: [22], values: { changes: 4 } },
      { id: "by-address", allow: ["write"], addresses: [[30, 60]], functions: [23], values: { changes: 3 } },
      { id: "read", allow: ["read"] },
    ],
  });
  const asked: string[] = [];
  const facts = {
    changes: {
      count(unit: number, place: number, windowMs: number): number {
        asked.push(`${unit}:${place}:${windowMs}`);
        return 0;
      },
    },
  };
  const places = (pdu: string, unit = 1): readonly string[] => {
    asked.length = 0;
    plant.ask(pdu, { facts, unit });
    return [...new Set(asked)];
  };
  assert.equal(places("06 0028 0001"), ["1:0:60000"]);
  assert.equal(places("10 0028 0001 02 0001"), ["1:0:60000"], "the alias is the point");
  assert.equal(places("16 0028 fff7 0008"), ["1:2:60000"], "a bit has its own");
  assert.equal(places("17 0000 0001 0028 0001 02 0001"), ["1:0:60000"], "by address too");
  assert.equal(places("17 0000 0001 0029 0001 02 0001"), [`1:${-1 - (3 * 65536 + 41)}:60000`], "where nothing has a name");
  assert.equal(places("17 0000 0001 0032 0002 04 0001 0001"), ["1:3:60000"], "once for a value of two registers");
  assert.equal(places("17 0000 0001 0028 0001 02 0001", 2), [`2:${-1 - (3 * 65536 + 40)}:60000`], "unit 2 has no such point");
  const full = (count: number): object => ({ facts: { changes: { count: () => count } } });
  assert.is(plant.ask("06 0028 0001", full(5)), "allowed operator/p");
  assert.is(plant.ask("06 0028 0001", full(6)), "tooManyChanges operator/p");
});

values("RULINGS 11: a mask that sets bits it keeps is denied", () => {
  const plant = new Plant({ rules: [{ id: "all", allow: ["write"] }] });
  assert.is(plant.ask("16 0028 00f0 0010"), "ambiguousMask");
  assert.is(plant.ask("16 0028 00f0 0f0f"), "allowed operator/all");
  assert.is(plant.ask("16 0028 ffff 8000"), "ambiguousMask");
});

values("RULINGS 11: on a scalar every value the kept bits allow is judged", () => {
  const plant = plantWith({ type: "int16" }, { min: "-8", max: "15" });
  assert.is(plant.ask("16 0028 000f 0000"), "allowed operator/r", "0 to 15");
  assert.is(plant.ask("16 0028 001f 0000"), "aboveMaximum operator/r", "0 to 31");
  assert.is(plant.ask("16 0028 8000 0000"), "belowMinimum operator/r", "0 or -32768");
  assert.is(plant.ask("16 0028 8007 7ff8"), "aboveMaximum operator/r", "-8 to -1, or 32760 to 32767");
  assert.is(plant.ask("16 0028 0007 fff8"), "allowed operator/r", "-8 to -1");
  const listed = plantWith({}, { set: ["1", "3", "5", "7", "9"] });
  assert.is(listed.ask("16 0028 0006 0001"), "allowed operator/r", "1, 3, 5 or 7");
  assert.is(listed.ask("16 0028 000e 0001"), "notInSet operator/r", "11 as well");
  const swapped = plantWith({ byteOrder: "little" }, { min: "0", max: "255" });
  assert.is(swapped.ask("16 0028 ff00 0000"), "allowed operator/r", "the high octet of the wire is the low one of the value");
  assert.is(swapped.ask("16 0028 00ff 0000"), "aboveMaximum operator/r");
  const stepped = plantWith({}, { min: "0", max: "65535", step: "4" });
  assert.is(stepped.ask("16 0028 0003 0008", { facts: seen({ 40: 7 }) }), "allowed operator/r", "8 to 11");
  assert.is(stepped.ask("16 0028 0003 0008", { facts: seen({ 40: 6 }) }), "stepTooLarge operator/r");
});

values("RULINGS 11: a rule on a bit grants masked writes of that bit alone", () => {
  const plant = new Plant({
    points: { word: { at: 40 }, on: { at: 40, bit: 3, bitOf: "word" }, fan: { at: 40, bit: 4, bitOf: "word" } },
    rules: [
      { id: "on", allow: ["write"], points: ["on"] },
      { id: "fan", allow: ["write"], points: ["fan"], values: { set: ["0"] } },
      { id: "not-on-41", deny: ["write"], addresses: [[41, 41]] },
    ],
  });
  assert.is(plant.ask("16 0028 fff7 0008"), "allowed operator/on");
  assert.is(plant.ask("16 0028 ffe7 0008"), "allowed operator/on operator/fan");
  assert.is(plant.ask("16 0028 ffe7 0018"), "notInSet operator/fan", "the fan may be switched off, not on");
  assert.is(plant.ask("16 0028 ffe3 0000"), "nothingAllows", "bit 2 as well");
  assert.is(plant.ask("06 0028 0008"), "nothingAllows", "FC 6 touches all sixteen");
  assert.is(plant.ask("10 0028 0001 02 0008"), "nothingAllows");
  const denied = new Plant({
    points: { word: { at: 40 }, on: { at: 40, bit: 3, bitOf: "word" } },
    rules: [
      { id: "word", allow: ["write"], points: ["word"] },
      { id: "not-on", deny: ["write"], points: ["on"] },
    ],
  });
  assert.is(denied.ask("16 0028 0008 0000"), "allowed operator/word", "keeps bit 3");
  assert.is(denied.ask("16 0028 fff0 0000"), "forbidden operator/not-on");
  assert.is(denied.ask("06 0028 0000"), "forbidden operator/not-on");
});

values("the nearest rule is named: the one that got furthest, of those the first", () => {
  const plant = new Plant({
    points: { p: { at: 40 } },
    rules: [
      { id: "fc16", allow: ["write"], points: ["p"], functions: [16] },
      { id: "low", allow: ["write"], points: ["p"], values: { min: "0", max: "10" } },
      { id: "high", allow: ["write"], points: ["p"], values: { min: "50", max: "60" } },
      { id: "stepped", allow: ["write"], addresses: [[0, 99]], values: { min: "0", max: "20", step: "1" } },
    ],
  });
  assert.is(plant.ask("06 0028 001e"), "aboveMaximum operator/low", "30");
  assert.is(plant.ask("06 0028 000f", { facts: seen({ 40: 5 }) }), "stepTooLarge operator/stepped");
  assert.is(plant.ask("10 0028 0001 02 001e"), "allowed operator/fc16");
});

values("a message allowed by more than sixteen rules names sixteen, and beyond them those that count", () => {
  const points = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`p${i}`, { at: i }]));
  const rules = Object.keys(points).map((name, i) => ({
    id: name,
    allow: ["write"] as const,
    points: [name],
    rate: i === 3 || i === 30 ? { count: 9, windowMs: 1000 } : null,
  }));
  const plant = new Plant({ points, rules: [...rules].reverse() });
  const { rules: named, allowed } = plant.decide(`10 0000 0028 50 ${"0001".repeat(40)}`);
  assert.ok(allowed);
  assert.equal(
    named.map((order) => plant.ruleName(order)),
    [...Array.from({ length: 16 }, (_, i) => `operator/p${39 - i}`), "operator/p3"],
  );
});

values("RULINGS 7: a wide point whose last reading cannot be is not written, whoever asks; the others are", () => {
  const plant = new Plant({
    points: { flow: { at: 40, type: "float32" }, total: { at: 42, type: "uint32" }, narrow: { at: 44 } },
    rules: [{ id: "all", allow: ["write"], addresses: [[0, 99]] }],
  });
  const implausible = (index: number): Asked => ({
    facts: { implausible: Uint8Array.from([0, 1, 2], (each) => (each === index ? 1 : 0)) },
  });
  assert.is(plant.ask("10 0028 0002 04 41200000", implausible(0)), "implausible");
  assert.is(plant.ask("10 0028 0002 04 41200000", implausible(1)), "allowed operator/all");
  assert.is(plant.ask("10 0028 0004 08 41200000 00000001", implausible(1)), "implausible");
  assert.is(plant.ask("06 002c 0001", implausible(2)), "allowed operator/all", "one register has no word order");
});

values.run();
