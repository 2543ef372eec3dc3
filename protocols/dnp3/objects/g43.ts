import { type ObjectGroup, STATUS } from "./entry.ts";
import { analogEvents } from "./shapes.ts";

export const g43: ObjectGroup = {
  group: 43,
  name: "analogOutputCommandEvent",
  kind: "event",
  table: "analogOutput",
  source: "IEEE 1815-2012 Annex A",
  variations: analogEvents(STATUS),
  others: null,
};
