import { fields, type ObjectGroup, packed, STATUS } from "./entry.ts";

const CONTROL_BLOCK = fields(["code", "u8"], ["count", "u8"], ["onTime", "u32", "ms"], ["offTime", "u32", "ms"], STATUS);

export const g12: ObjectGroup = {
  group: 12,
  name: "binaryCommand",
  kind: "command",
  table: "binaryOutput",
  source: "IEEE 1815-2012 Annex A (11 octets; which points a pattern means is in no source)",
  variations: {
    1: { name: "controlRelayOutputBlock", layout: CONTROL_BLOCK },
    2: { name: "patternControlBlock", layout: CONTROL_BLOCK },
    3: { name: "patternMask", layout: packed(1) },
  },
  others: null,
};
