import type { ObjectGroup } from "./entry.ts";
import { COUNTERS_WITH_FLAG, COUNTERS_WITH_TIME } from "./shapes.ts";

export const g23: ObjectGroup = {
  group: 23,
  name: "frozenCounterEvent",
  kind: "event",
  table: "frozenCounter",
  source: "IEEE 1815-2012 Annex A; the delta variations by one public source only (obsolete)",
  variations: { ...COUNTERS_WITH_FLAG, ...COUNTERS_WITH_TIME },
  others: null,
};
