import { type ObjectGroup, sized } from "./entry.ts";

export const g90: ObjectGroup = {
  group: 90,
  name: "application",
  kind: "other",
  table: null,
  source: "IEEE 1815-2012 Annex A; opaque",
  variations: {
    1: { name: "identifier", layout: sized() },
  },
  others: null,
};
