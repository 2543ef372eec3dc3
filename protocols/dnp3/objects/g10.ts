import { FLAGS, fields, type ObjectGroup, packed } from "./entry.ts";

export const g10: ObjectGroup = {
  group: 10,
  name: "binaryOutputStatus",
  kind: "static",
  table: "binaryOutput",
  source: "IEEE 1815-2012 Annex A",
  variations: {
    1: { name: "packed", layout: packed(1) },
    2: { name: "withFlags", layout: fields(FLAGS) },
  },
  others: null,
};
