import { type Field, fields, type ObjectGroup, sized, TIME } from "./entry.ts";

/** Challenge sequence number. */
const CSQ: Field = ["challengeSequence", "u32"];
/** Key change sequence number. */
const KSQ: Field = ["keyChangeSequence", "u32"];
/** The only name of a person that DNP3 carries: evidence, never identity. */
const USER: Field = ["user", "u16"];

export const g120: ObjectGroup = {
  group: 120,
  name: "authentication",
  kind: "authentication",
  table: null,
  source: "IEEE 1815-2012 Annex A and IEEE 1815-2012 clause 7 (SAv5); layouts by Suricata and Zeek, checked against recordings",
  variations: {
    1: { name: "challenge", layout: sized(CSQ, USER, ["macAlgorithm", "u8"], ["reason", "u8"]) },
    2: { name: "reply", layout: sized(CSQ, USER) },
    3: { name: "aggressiveModeRequest", layout: fields(CSQ, USER) },
    4: { name: "sessionKeyStatusRequest", layout: fields(USER) },
    5: {
      name: "sessionKeyStatus",
      layout: sized(KSQ, USER, ["keyWrapAlgorithm", "u8"], ["keyStatus", "u8"], ["macAlgorithm", "u8"], ["challengeLength", "u16"]),
    },
    6: { name: "sessionKeyChange", layout: sized(KSQ, USER) },
    7: { name: "error", layout: sized(["sequence", "u32"], USER, ["association", "u16"], ["code", "u8"], TIME) },
    8: { name: "userCertificate", layout: sized(["method", "u8"], ["type", "u8"]) },
    9: { name: "mac", layout: sized() },
    10: {
      name: "userStatusChange",
      layout: sized(
        ["method", "u8"],
        ["operation", "u8"],
        ["statusChangeSequence", "u32"],
        ["role", "u16"],
        ["roleExpiry", "u16"],
        ["nameLength", "u16"],
        ["keyLength", "u16"],
        ["certificationLength", "u16"],
      ),
    },
    11: { name: "updateKeyChangeRequest", layout: sized(["method", "u8"], ["nameLength", "u16"], ["challengeLength", "u16"]) },
    12: { name: "updateKeyChangeReply", layout: sized(KSQ, USER, ["challengeLength", "u16"]) },
    13: { name: "updateKeyChange", layout: sized(KSQ, USER, ["keyLength", "u16"]) },
    14: { name: "updateKeyChangeSignature", layout: sized() },
    15: { name: "updateKeyChangeConfirmation", layout: sized() },
  },
  others: null,
};

const ANNOUNCED = 3;
const PROOF = 9;

/** As a request's first object it says who asks: aggressive mode. */
export function announces(group: number, variation: number): boolean {
  return group === g120.group && variation === ANNOUNCED;
}

/** Behind what is asked it proves who asks. */
export function proves(group: number, variation: number): boolean {
  return group === g120.group && variation === PROOF;
}
