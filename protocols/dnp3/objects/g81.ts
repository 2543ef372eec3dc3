import { fields, type ObjectGroup } from "./entry.ts";

export const g81: ObjectGroup = {
  group: 81,
  name: "deviceStorage",
  kind: "other",
  table: null,
  source: "IEEE 1815-2012 Annex A; by Suricata and Zeek",
  variations: {
    1: { name: "bufferFill", layout: fields(["fill", "u8", "%"], ["group", "u8"], ["variation", "u8"]) },
  },
  others: null,
};
