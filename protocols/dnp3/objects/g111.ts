import type { ObjectGroup } from "./entry.ts";

export const g111: ObjectGroup = {
  group: 111,
  name: "octetStringEvent",
  kind: "event",
  table: "octetString",
  source: "IEEE 1815-2012 Annex A",
  variations: {},
  others: { is: "variation" },
};
