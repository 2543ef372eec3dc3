import { FLAGS, fields, type ObjectGroup } from "./entry.ts";

export const g20: ObjectGroup = {
  group: 20,
  name: "counter",
  kind: "static",
  table: "counter",
  source: "IEEE 1815-2012 Annex A; the delta variations by one public source only (obsolete)",
  variations: {
    1: { name: "32BitWithFlag", layout: fields(FLAGS, ["value", "u32"]) },
    2: { name: "16BitWithFlag", layout: fields(FLAGS, ["value", "u16"]) },
    3: { name: "32BitDeltaWithFlag", layout: fields(FLAGS, ["value", "u32"]) },
    4: { name: "16BitDeltaWithFlag", layout: fields(FLAGS, ["value", "u16"]) },
    5: { name: "32BitWithoutFlag", layout: fields(["value", "u32"]) },
    6: { name: "16BitWithoutFlag", layout: fields(["value", "u16"]) },
    7: { name: "32BitDeltaWithoutFlag", layout: fields(["value", "u32"]) },
    8: { name: "16BitDeltaWithoutFlag", layout: fields(["value", "u16"]) },
  },
  others: null,
};
