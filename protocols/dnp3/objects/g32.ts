import { FLAGS, type ObjectGroup } from "./entry.ts";
import { analogEvents } from "./shapes.ts";

export const g32: ObjectGroup = {
  group: 32,
  name: "analogInputEvent",
  kind: "event",
  table: "analogInput",
  source: "IEEE 1815-2012 Annex A",
  variations: analogEvents(FLAGS),
  others: null,
};
