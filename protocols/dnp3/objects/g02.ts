import { FLAGS, fields, type ObjectGroup, RELATIVE_TIME, TIME } from "./entry.ts";

export const g2: ObjectGroup = {
  group: 2,
  name: "binaryInputEvent",
  kind: "event",
  table: "binaryInput",
  source: "IEEE 1815-2012 Annex A",
  variations: {
    1: { name: "withoutTime", layout: fields(FLAGS) },
    2: { name: "withAbsoluteTime", layout: fields(FLAGS, TIME) },
    3: { name: "withRelativeTime", layout: fields(FLAGS, RELATIVE_TIME) },
  },
  others: null,
};
