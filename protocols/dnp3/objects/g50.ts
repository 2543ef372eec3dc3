import { fields, type ObjectGroup, TIME } from "./entry.ts";

export const g50: ObjectGroup = {
  group: 50,
  name: "timeAndDate",
  kind: "time",
  table: null,
  source: "IEEE 1815-2012 Annex A",
  variations: {
    1: { name: "absolute", layout: fields(TIME) },
    2: { name: "absoluteAndInterval", layout: fields(TIME, ["interval", "u32", "ms"]) },
    3: { name: "lastRecorded", layout: fields(TIME) },
    4: { name: "indexedAbsoluteAndInterval", layout: fields(TIME, ["interval", "u32"], ["units", "u8"]) },
  },
  others: null,
};
