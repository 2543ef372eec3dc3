import { fields, type ObjectGroup } from "./entry.ts";

export const g34: ObjectGroup = {
  group: 34,
  name: "analogInputDeadband",
  kind: "deadband",
  table: "analogInput",
  source: "IEEE 1815-2012 Annex A",
  variations: {
    1: { name: "16Bit", layout: fields(["value", "u16"]) },
    2: { name: "32Bit", layout: fields(["value", "u32"]) },
    3: { name: "singlePrecision", layout: fields(["value", "f32"]) },
  },
  others: null,
};
