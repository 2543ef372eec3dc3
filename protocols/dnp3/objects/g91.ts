import { type ObjectGroup, sized } from "./entry.ts";

export const g91: ObjectGroup = {
  group: 91,
  name: "statusOfRequestedOperation",
  kind: "other",
  table: null,
  source: "IEEE 1815-2012 Annex A; opaque",
  variations: {
    1: { name: "status", layout: sized() },
  },
  others: null,
};
