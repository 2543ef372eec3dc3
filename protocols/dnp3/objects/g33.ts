import { FLAGS, type ObjectGroup } from "./entry.ts";
import { analogEvents } from "./shapes.ts";

export const g33: ObjectGroup = {
  group: 33,
  name: "frozenAnalogInputEvent",
  kind: "event",
  table: "frozenAnalogInput",
  source: "IEEE 1815-2012 Annex A",
  variations: analogEvents(FLAGS),
  others: null,
};
