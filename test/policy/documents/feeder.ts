/** A DNP3 asset for the tests of the policy documents, beside one that speaks Modbus. */
import { dnp3Vocabulary } from "#dnp3/vocabulary";
import { modbusVocabulary } from "#modbus/vocabulary";
import type { Vocabulary } from "#operation";
import type { AssetModel, Point } from "#process/points";
import { exact, point, TANK } from "./plant.ts";

export const BOTH: ReadonlyMap<string, Vocabulary> = new Map([
  ["modbus-tcp", modbusVocabulary],
  ["dnp3-tcp", dnp3Vocabulary],
]);

const TABLE = { binaryInput: 0, binaryOutput: 2, counter: 3, analogInput: 5, analogOutput: 7 } as const;

function at(index: number, name: string, table: keyof typeof TABLE, first: number, more: Partial<Point> = {}): Point {
  const stride = table === "binaryInput" || table === "binaryOutput" ? 1 : 4;
  const place = { space: TABLE[table], first: first * stride, last: (first + 1) * stride - 1, unitId: 7 } as const;
  return { ...point(index, name, "holding", 0), ...place, type: stride === 1 ? "bool" : "number", access: "rw", ...more };
}

export const FEEDER: AssetModel = {
  name: "feeder",
  protocol: "dnp3-tcp",
  units: [7],
  unitAliases: new Map(),
  unitZero: "broadcast",
  addressing: "zero-based",
  points: [
    at(0, "breaker", "binaryOutput", 0),
    at(1, "coupler", "binaryOutput", 1),
    at(2, "earthing", "binaryOutput", 2, { access: "r" }),
    at(3, "volts", "analogOutput", 0, { unit: "kV", scale: exact("0.01"), writeMin: exact("18"), writeMax: exact("24") }),
    at(4, "vars", "analogOutput", 1, { unit: "kvar" }),
    at(5, "position", "binaryInput", 0, { access: "r" }),
    at(6, "current", "analogInput", 0, { access: "r", unit: "A" }),
    at(7, "energy", "counter", 0, { access: "r", unit: "kWh" }),
  ],
};

export const SITE_OF_BOTH: ReadonlyMap<string, AssetModel> = new Map([
  ["tank", TANK],
  ["feeder", FEEDER],
]);
