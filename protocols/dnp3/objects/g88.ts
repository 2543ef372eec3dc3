import { type ObjectGroup, sized } from "./entry.ts";

export const g88: ObjectGroup = {
  group: 88,
  name: "dataSetSnapshot",
  kind: "other",
  table: null,
  source: "IEEE 1815-2012 Annex A; opaque",
  variations: {},
  others: sized(),
};
