import type { ObjectGroup } from "./entry.ts";

export const g112: ObjectGroup = {
  group: 112,
  name: "virtualTerminalOutput",
  kind: "other",
  table: "virtualTerminal",
  source: "IEEE 1815-2012 Annex A",
  variations: {},
  others: { is: "variation" },
};
