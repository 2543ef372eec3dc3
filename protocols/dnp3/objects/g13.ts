import { fields, type ObjectGroup, STATUS, TIME } from "./entry.ts";

export const g13: ObjectGroup = {
  group: 13,
  name: "binaryCommandEvent",
  kind: "event",
  table: "binaryOutput",
  source: "IEEE 1815-2012 Annex A",
  variations: {
    1: { name: "withoutTime", layout: fields(STATUS) },
    2: { name: "withTime", layout: fields(STATUS, TIME) },
  },
  others: null,
};
