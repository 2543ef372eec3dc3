import { fields, type ObjectGroup, TIME } from "./entry.ts";

export const g51: ObjectGroup = {
  group: 51,
  name: "commonTimeOfOccurrence",
  kind: "time",
  table: null,
  source: "IEEE 1815-2012 Annex A",
  variations: {
    1: { name: "synchronized", layout: fields(TIME) },
    2: { name: "unsynchronized", layout: fields(TIME) },
  },
  others: null,
};
