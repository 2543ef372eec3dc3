import { type ObjectGroup, sized } from "./entry.ts";

export const g86: ObjectGroup = {
  group: 86,
  name: "dataSetDescriptor",
  kind: "other",
  table: null,
  source: "IEEE 1815-2012 Annex A; opaque",
  variations: {},
  others: sized(),
};
