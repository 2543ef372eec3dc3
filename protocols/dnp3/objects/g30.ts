import { FLAGS, fields, type ObjectGroup } from "./entry.ts";

export const g30: ObjectGroup = {
  group: 30,
  name: "analogInput",
  kind: "static",
  table: "analogInput",
  source: "IEEE 1815-2012 Annex A",
  variations: {
    1: { name: "32BitWithFlag", layout: fields(FLAGS, ["value", "i32"]) },
    2: { name: "16BitWithFlag", layout: fields(FLAGS, ["value", "i16"]) },
    3: { name: "32BitWithoutFlag", layout: fields(["value", "i32"]) },
    4: { name: "16BitWithoutFlag", layout: fields(["value", "i16"]) },
    5: { name: "singlePrecisionWithFlag", layout: fields(FLAGS, ["value", "f32"]) },
    6: { name: "doublePrecisionWithFlag", layout: fields(FLAGS, ["value", "f64"]) },
  },
  others: null,
};
