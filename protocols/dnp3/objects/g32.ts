import { FLAGS, fields, type ObjectGroup, TIME } from "./entry.ts";

export const g32: ObjectGroup = {
  group: 32,
  name: "analogInputEvent",
  kind: "event",
  table: "analogInput",
  source: "IEEE 1815-2012 Annex A",
  variations: {
    1: { name: "32BitWithoutTime", layout: fields(FLAGS, ["value", "i32"]) },
    2: { name: "16BitWithoutTime", layout: fields(FLAGS, ["value", "i16"]) },
    3: { name: "32BitWithTime", layout: fields(FLAGS, ["value", "i32"], TIME) },
    4: { name: "16BitWithTime", layout: fields(FLAGS, ["value", "i16"], TIME) },
    5: { name: "singlePrecisionWithoutTime", layout: fields(FLAGS, ["value", "f32"]) },
    6: { name: "doublePrecisionWithoutTime", layout: fields(FLAGS, ["value", "f64"]) },
    7: { name: "singlePrecisionWithTime", layout: fields(FLAGS, ["value", "f32"], TIME) },
    8: { name: "doublePrecisionWithTime", layout: fields(FLAGS, ["value", "f64"], TIME) },
  },
  others: null,
};
