import type { ObjectGroup } from "./entry.ts";
import { STATE_EVENTS } from "./shapes.ts";

export const g2: ObjectGroup = {
  group: 2,
  name: "binaryInputEvent",
  kind: "event",
  table: "binaryInput",
  source: "IEEE 1815-2012 Annex A",
  variations: STATE_EVENTS,
  others: null,
};
