import { type ObjectGroup, sized } from "./entry.ts";

export const g83: ObjectGroup = {
  group: 83,
  name: "dataSet",
  kind: "other",
  table: null,
  source: "IEEE 1815-2012 Annex A; by Suricata and Zeek",
  variations: {
    1: { name: "privateRegistration", layout: sized(["vendor", "u32"], ["objectId", "u16"], ["length", "u16"]) },
    2: { name: "privateRegistrationDescriptor", layout: sized() },
  },
  others: null,
};
