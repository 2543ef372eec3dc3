import { FLAGS, fields, type ObjectGroup } from "./entry.ts";

export const g121: ObjectGroup = {
  group: 121,
  name: "securityStatistic",
  kind: "static",
  table: "securityStatistic",
  source: "IEEE 1815-2012 Annex A; by Suricata",
  variations: {
    1: { name: "32Bit", layout: fields(FLAGS, ["association", "u16"], ["value", "u32"]) },
  },
  others: null,
};
