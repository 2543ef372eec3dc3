import type { ObjectGroup } from "./entry.ts";
import { COUNTERS_WITH_FLAG, COUNTERS_WITH_TIME } from "./shapes.ts";

export const g22: ObjectGroup = {
  group: 22,
  name: "counterEvent",
  kind: "event",
  table: "counter",
  source: "IEEE 1815-2012 Annex A; the delta variations by one public source only (obsolete)",
  variations: { ...COUNTERS_WITH_FLAG, ...COUNTERS_WITH_TIME },
  others: null,
};
