import { type ObjectGroup, sized } from "./entry.ts";

export const g85: ObjectGroup = {
  group: 85,
  name: "dataSetPrototype",
  kind: "other",
  table: null,
  source: "IEEE 1815-2012 Annex A; opaque",
  variations: {},
  others: sized(),
};
