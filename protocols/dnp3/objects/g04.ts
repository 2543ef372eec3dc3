import type { ObjectGroup } from "./entry.ts";
import { STATE_EVENTS } from "./shapes.ts";

export const g4: ObjectGroup = {
  group: 4,
  name: "doubleBitInputEvent",
  kind: "event",
  table: "doubleBitInput",
  source: "IEEE 1815-2012 Annex A",
  variations: STATE_EVENTS,
  others: null,
};
