import type { ObjectGroup } from "./entry.ts";

export const g0: ObjectGroup = {
  group: 0,
  name: "deviceAttribute",
  kind: "attribute",
  table: null,
  source: "IEEE 1815-2012 Annex A clause A.1; layout by stepfunc/dnp3 and Wireshark",
  variations: {},
  others: { is: "attribute" },
};
