import { FLAGS, fields, type ObjectGroup, TIME } from "./entry.ts";

export const g31: ObjectGroup = {
  group: 31,
  name: "frozenAnalogInput",
  kind: "static",
  table: "frozenAnalogInput",
  source: "IEEE 1815-2012 Annex A",
  variations: {
    1: { name: "32BitWithFlag", layout: fields(FLAGS, ["value", "i32"]) },
    2: { name: "16BitWithFlag", layout: fields(FLAGS, ["value", "i16"]) },
    3: { name: "32BitWithTime", layout: fields(FLAGS, ["value", "i32"], TIME) },
    4: { name: "16BitWithTime", layout: fields(FLAGS, ["value", "i16"], TIME) },
    5: { name: "32BitWithoutFlag", layout: fields(["value", "i32"]) },
    6: { name: "16BitWithoutFlag", layout: fields(["value", "i16"]) },
    7: { name: "singlePrecisionWithFlag", layout: fields(FLAGS, ["value", "f32"]) },
    8: { name: "doublePrecisionWithFlag", layout: fields(FLAGS, ["value", "f64"]) },
  },
  others: null,
};
