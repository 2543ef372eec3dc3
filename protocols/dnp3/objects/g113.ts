import type { ObjectGroup } from "./entry.ts";

export const g113: ObjectGroup = {
  group: 113,
  name: "virtualTerminalEvent",
  kind: "event",
  table: "virtualTerminal",
  source: "IEEE 1815-2012 Annex A",
  variations: {},
  others: { is: "variation" },
};
