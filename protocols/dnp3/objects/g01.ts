import { FLAGS, fields, type ObjectGroup, packed } from "./entry.ts";

export const g1: ObjectGroup = {
  group: 1,
  name: "binaryInput",
  kind: "static",
  table: "binaryInput",
  source: "IEEE 1815-2012 Annex A",
  variations: {
    1: { name: "packed", layout: packed(1) },
    2: { name: "withFlags", layout: fields(FLAGS) },
  },
  others: null,
};
