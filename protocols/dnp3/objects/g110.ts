import type { ObjectGroup } from "./entry.ts";

export const g110: ObjectGroup = {
  group: 110,
  name: "octetString",
  kind: "static",
  table: "octetString",
  source: "IEEE 1815-2012 Annex A",
  variations: {},
  others: { is: "variation" },
};
