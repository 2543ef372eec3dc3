import { fields, type ObjectGroup } from "./entry.ts";

export const g102: ObjectGroup = {
  group: 102,
  name: "unsigned8",
  kind: "other",
  table: null,
  source: "IEEE 1815-2012 Annex A",
  variations: {
    1: { name: "value", layout: fields(["value", "u8"]) },
  },
  others: null,
};
