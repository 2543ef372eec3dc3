import { fields, type ObjectGroup, STATUS } from "./entry.ts";

export const g41: ObjectGroup = {
  group: 41,
  name: "analogOutput",
  kind: "command",
  table: "analogOutput",
  source: "IEEE 1815-2012 Annex A: the value first, the status last",
  variations: {
    1: { name: "32Bit", layout: fields(["value", "i32"], STATUS) },
    2: { name: "16Bit", layout: fields(["value", "i16"], STATUS) },
    3: { name: "singlePrecision", layout: fields(["value", "f32"], STATUS) },
    4: { name: "doublePrecision", layout: fields(["value", "f64"], STATUS) },
  },
  others: null,
};
