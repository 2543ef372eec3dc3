import { FLAGS, fields, type ObjectGroup, TIME } from "./entry.ts";

export const g11: ObjectGroup = {
  group: 11,
  name: "binaryOutputEvent",
  kind: "event",
  table: "binaryOutput",
  source: "IEEE 1815-2012 Annex A",
  variations: {
    1: { name: "withoutTime", layout: fields(FLAGS) },
    2: { name: "withTime", layout: fields(FLAGS, TIME) },
  },
  others: null,
};
