import { fields, type ObjectGroup } from "./entry.ts";

export const g101: ObjectGroup = {
  group: 101,
  name: "binaryCodedDecimal",
  kind: "other",
  table: null,
  source: "IEEE 1815-2012 Annex A; by Zeek",
  variations: {
    1: { name: "small", layout: fields(["value", "u16"]) },
    2: { name: "medium", layout: fields(["value", "u32"]) },
    3: { name: "large", layout: fields(["low", "u32"], ["high", "u32"]) },
  },
  others: null,
};
