import { FLAGS, fields, type ObjectGroup, TIME } from "./entry.ts";

export const g122: ObjectGroup = {
  group: 122,
  name: "securityStatisticEvent",
  kind: "event",
  table: "securityStatistic",
  source: "IEEE 1815-2012 Annex A; by Suricata",
  variations: {
    1: { name: "32Bit", layout: fields(FLAGS, ["association", "u16"], ["value", "u32"]) },
    2: { name: "32BitWithTime", layout: fields(FLAGS, ["association", "u16"], ["value", "u32"], TIME) },
  },
  others: null,
};
