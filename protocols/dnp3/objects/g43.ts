import { fields, type ObjectGroup, STATUS, TIME } from "./entry.ts";

export const g43: ObjectGroup = {
  group: 43,
  name: "analogOutputCommandEvent",
  kind: "event",
  table: "analogOutput",
  source: "IEEE 1815-2012 Annex A",
  variations: {
    1: { name: "32BitWithoutTime", layout: fields(STATUS, ["value", "i32"]) },
    2: { name: "16BitWithoutTime", layout: fields(STATUS, ["value", "i16"]) },
    3: { name: "32BitWithTime", layout: fields(STATUS, ["value", "i32"], TIME) },
    4: { name: "16BitWithTime", layout: fields(STATUS, ["value", "i16"], TIME) },
    5: { name: "singlePrecisionWithoutTime", layout: fields(STATUS, ["value", "f32"]) },
    6: { name: "doublePrecisionWithoutTime", layout: fields(STATUS, ["value", "f64"]) },
    7: { name: "singlePrecisionWithTime", layout: fields(STATUS, ["value", "f32"], TIME) },
    8: { name: "doublePrecisionWithTime", layout: fields(STATUS, ["value", "f64"], TIME) },
  },
  others: null,
};
