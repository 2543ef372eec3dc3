import { FLAGS, fields, type ObjectGroup, TIME } from "./entry.ts";

export const g23: ObjectGroup = {
  group: 23,
  name: "frozenCounterEvent",
  kind: "event",
  table: "frozenCounter",
  source: "IEEE 1815-2012 Annex A; the delta variations by one public source only (obsolete)",
  variations: {
    1: { name: "32BitWithFlag", layout: fields(FLAGS, ["value", "u32"]) },
    2: { name: "16BitWithFlag", layout: fields(FLAGS, ["value", "u16"]) },
    3: { name: "32BitDeltaWithFlag", layout: fields(FLAGS, ["value", "u32"]) },
    4: { name: "16BitDeltaWithFlag", layout: fields(FLAGS, ["value", "u16"]) },
    5: { name: "32BitWithFlagAndTime", layout: fields(FLAGS, ["value", "u32"], TIME) },
    6: { name: "16BitWithFlagAndTime", layout: fields(FLAGS, ["value", "u16"], TIME) },
    7: { name: "32BitDeltaWithFlagAndTime", layout: fields(FLAGS, ["value", "u32"], TIME) },
    8: { name: "16BitDeltaWithFlagAndTime", layout: fields(FLAGS, ["value", "u16"], TIME) },
  },
  others: null,
};
