import { type ObjectGroup, sized } from "./entry.ts";

export const g82: ObjectGroup = {
  group: 82,
  name: "deviceProfile",
  kind: "other",
  table: null,
  source: "IEEE 1815-2012 Annex A; opaque: one public source",
  variations: {
    1: { name: "functionsAndIndexes", layout: sized() },
  },
  others: null,
};
