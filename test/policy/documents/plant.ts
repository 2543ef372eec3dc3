/** Two small assets for the tests of the policy documents: points of every kind, three ways of counting between them. */
import { modbusVocabulary } from "#modbus/vocabulary";
import type { Vocabulary } from "#operation";
import { parseDecimal } from "#process/decimal";
import type { AssetModel, Decimal, Point } from "#process/points";

export const VOCABULARIES: ReadonlyMap<string, Vocabulary> = new Map([["modbus-tcp", modbusVocabulary]]);

const SPACE = { coil: 0, discrete: 1, input: 2, holding: 3 } as const;

export function point(index: number, name: string, table: keyof typeof SPACE, first: number, more: Partial<Point> = {}): Point {
  return {
    index,
    name,
    unitId: 1,
    space: SPACE[table],
    first,
    last: more.last ?? first,
    type: table === "coil" || table === "discrete" ? "bool" : "uint16",
    unit: "",
    access: SPACE[table] === 1 || SPACE[table] === 2 ? "r" : "rw",
    description: "",
    bit: null,
    byteOrder: "big",
    wordOrder: "big",
    scale: exact("1"),
    offset: exact("0"),
    writeMin: null,
    writeMax: null,
    plausibleMin: null,
    plausibleMax: null,
    bitOf: null,
    aliasOf: null,
    deadband: null,
    minInterval: null,
    ...more,
  };
}

export function exact(text: string): Decimal {
  const decimal = parseDecimal(text);
  if (typeof decimal === "string") throw new Error(`${text}: ${decimal}`);
  return decimal;
}

export const TANK: AssetModel = {
  name: "tank",
  protocol: "modbus-tcp",
  units: [1, 2],
  unitAliases: new Map([[11, 1]]),
  unitZero: "broadcast",
  addressing: "zero-based",
  points: [
    point(0, "inflow", "holding", 40, { unit: "t/h", scale: exact("0.1") }),
    point(1, "outflow", "holding", 41, { unit: "t/h", scale: exact("0.1") }),
    point(2, "level", "holding", 42, { unit: "mm", type: "int16" }),
    point(3, "pressure", "holding", 43, { last: 44, unit: "bar", type: "float32" }),
    point(4, "tag", "holding", 50, { last: 53, type: "string" }),
    point(5, "modes", "holding", 60),
    point(6, "auto", "holding", 60, { type: "bit", bit: 0, bitOf: 5 }),
    point(7, "pump", "coil", 0),
    point(8, "valve", "coil", 1),
    point(9, "wet", "discrete", 0),
    point(10, "measured", "input", 0, { unit: "t/h" }),
    point(11, "second_pump", "coil", 0, { unitId: 2 }),
    point(12, "serial", "holding", 70, { access: "r" }),
    point(13, "count", "holding", 71, { last: 74, type: "uint64" }),
  ],
};

export const WELL: AssetModel = {
  name: "well",
  protocol: "modbus-tcp",
  units: [1],
  unitAliases: new Map(),
  unitZero: "device",
  addressing: "modicon",
  points: [point(0, "inflow", "holding", 39, { unit: "m3/h" }), point(1, "pump", "coil", 0)],
};

export const ASSETS: ReadonlyMap<string, AssetModel> = new Map([
  ["tank", TANK],
  ["well", WELL],
]);
