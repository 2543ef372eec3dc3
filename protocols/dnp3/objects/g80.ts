import { type ObjectGroup, packed } from "./entry.ts";

export const g80: ObjectGroup = {
  group: 80,
  name: "internalIndications",
  kind: "indications",
  table: null,
  source: "IEEE 1815-2012 Annex A",
  variations: {
    1: { name: "packed", layout: packed(1) },
  },
  others: null,
};
