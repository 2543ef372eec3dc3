import { type ObjectGroup, sized } from "./entry.ts";

export const g87: ObjectGroup = {
  group: 87,
  name: "dataSetPresentValue",
  kind: "other",
  table: null,
  source: "IEEE 1815-2012 Annex A; opaque",
  variations: {},
  others: sized(),
};
