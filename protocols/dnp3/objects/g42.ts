import { FLAGS, type ObjectGroup } from "./entry.ts";
import { analogEvents } from "./shapes.ts";

export const g42: ObjectGroup = {
  group: 42,
  name: "analogOutputEvent",
  kind: "event",
  table: "analogOutput",
  source: "IEEE 1815-2012 Annex A",
  variations: analogEvents(FLAGS),
  others: null,
};
