import { fields, type ObjectGroup } from "./entry.ts";

export const g52: ObjectGroup = {
  group: 52,
  name: "timeDelay",
  kind: "time",
  table: null,
  source: "IEEE 1815-2012 Annex A",
  variations: {
    1: { name: "coarse", layout: fields(["delay", "u16", "s"]) },
    2: { name: "fine", layout: fields(["delay", "u16", "ms"]) },
  },
  others: null,
};
