import { FLAGS, fields, type ObjectGroup, packed } from "./entry.ts";

export const g3: ObjectGroup = {
  group: 3,
  name: "doubleBitInput",
  kind: "static",
  table: "doubleBitInput",
  source: "IEEE 1815-2012 Annex A",
  variations: {
    1: { name: "packed", layout: packed(2) },
    2: { name: "withFlags", layout: fields(FLAGS) },
  },
  others: null,
};
