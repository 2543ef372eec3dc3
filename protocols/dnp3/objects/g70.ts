import { type ObjectGroup, sized } from "./entry.ts";

export const g70: ObjectGroup = {
  group: 70,
  name: "file",
  kind: "file",
  table: null,
  source: "IEEE 1815-2012 Annex A; layouts by stepfunc/dnp3, Suricata, Zeek. 1 is obsolete and opaque here",
  variations: {
    1: { name: "identifier", layout: sized() },
    2: {
      name: "authentication",
      layout: sized(
        ["userOffset", "u16"],
        ["userSize", "u16"],
        ["passwordOffset", "u16"],
        ["passwordSize", "u16"],
        ["authenticationKey", "u32"],
      ),
    },
    3: {
      name: "command",
      layout: sized(
        ["nameOffset", "u16"],
        ["nameSize", "u16"],
        ["created", "u48", "ms"],
        ["permissions", "u16"],
        ["authenticationKey", "u32"],
        ["fileSize", "u32"],
        ["mode", "u16"],
        ["maxBlock", "u16"],
        ["requestId", "u16"],
      ),
    },
    4: {
      name: "commandStatus",
      layout: sized(["handle", "u32"], ["fileSize", "u32"], ["maxBlock", "u16"], ["requestId", "u16"], ["status", "u8"]),
    },
    5: { name: "transport", layout: sized(["handle", "u32"], ["block", "u32"]) },
    6: { name: "transportStatus", layout: sized(["handle", "u32"], ["block", "u32"], ["status", "u8"]) },
    7: {
      name: "descriptor",
      layout: sized(
        ["nameOffset", "u16"],
        ["nameSize", "u16"],
        ["type", "u16"],
        ["fileSize", "u32"],
        ["created", "u48", "ms"],
        ["permissions", "u16"],
        ["requestId", "u16"],
      ),
    },
    8: { name: "specification", layout: sized() },
  },
  others: null,
};
