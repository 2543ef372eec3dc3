import { fields, type ObjectGroup } from "./entry.ts";
import { COUNTERS_WITH_FLAG } from "./shapes.ts";

export const g20: ObjectGroup = {
  group: 20,
  name: "counter",
  kind: "static",
  table: "counter",
  source: "IEEE 1815-2012 Annex A; the delta variations by one public source only (obsolete)",
  variations: {
    ...COUNTERS_WITH_FLAG,
    5: { name: "32BitWithoutFlag", layout: fields(["value", "u32"]) },
    6: { name: "16BitWithoutFlag", layout: fields(["value", "u16"]) },
    7: { name: "32BitDeltaWithoutFlag", layout: fields(["value", "u32"]) },
    8: { name: "16BitDeltaWithoutFlag", layout: fields(["value", "u16"]) },
  },
  others: null,
};
