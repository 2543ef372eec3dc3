import { fields, type ObjectGroup } from "./entry.ts";
import { COUNTERS_WITH_FLAG, COUNTERS_WITH_TIME } from "./shapes.ts";

export const g21: ObjectGroup = {
  group: 21,
  name: "frozenCounter",
  kind: "static",
  table: "frozenCounter",
  source: "IEEE 1815-2012 Annex A; the delta variations by one public source only (obsolete)",
  variations: {
    ...COUNTERS_WITH_FLAG,
    ...COUNTERS_WITH_TIME,
    9: { name: "32BitWithoutFlag", layout: fields(["value", "u32"]) },
    10: { name: "16BitWithoutFlag", layout: fields(["value", "u16"]) },
    11: { name: "32BitDeltaWithoutFlag", layout: fields(["value", "u32"]) },
    12: { name: "16BitDeltaWithoutFlag", layout: fields(["value", "u16"]) },
  },
  others: null,
};
