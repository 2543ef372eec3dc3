import { NOTHING, type ObjectGroup } from "./entry.ts";

export const g60: ObjectGroup = {
  group: 60,
  name: "class",
  kind: "class",
  table: null,
  source: "IEEE 1815-2012 Annex A",
  variations: {
    1: { name: "class0", layout: NOTHING },
    2: { name: "class1", layout: NOTHING },
    3: { name: "class2", layout: NOTHING },
    4: { name: "class3", layout: NOTHING },
  },
  others: null,
};
