import { FLAGS, fields, type ObjectGroup } from "./entry.ts";

export const g40: ObjectGroup = {
  group: 40,
  name: "analogOutputStatus",
  kind: "static",
  table: "analogOutput",
  source: "IEEE 1815-2012 Annex A",
  variations: {
    1: { name: "32Bit", layout: fields(FLAGS, ["value", "i32"]) },
    2: { name: "16Bit", layout: fields(FLAGS, ["value", "i16"]) },
    3: { name: "singlePrecision", layout: fields(FLAGS, ["value", "f32"]) },
    4: { name: "doublePrecision", layout: fields(FLAGS, ["value", "f64"]) },
  },
  others: null,
};
