/**
 * The gateway's own subject. What a person may see through the gateway (`points verify`) it reads as `self`, by this one rule; what binds
 * everybody, `never` first, binds it too (RULINGS 4). No document writes the rule, and none can name its role.
 */
import type { AssetModel } from "#process/points";
import type { Rule } from "./model.ts";

export const SELF = "self";
/** No document has so many rules. It fits where counts of reads keep a rule's number. */
export const SELF_ORDER = 0x7fff_ffff;
export const SELF_RULE = "self/read";

export function selfRule(model: AssetModel): Rule {
  return {
    order: SELF_ORDER,
    id: SELF_RULE,
    file: "",
    line: 0,
    effect: "allow",
    asset: model.name,
    verbs: ["read"],
    scope: { is: "process" },
    units: model.units,
    functions: null,
    vias: null,
    objects: null,
    files: null,
    control: null,
    reply: "whole",
    broadcast: false,
    opaque: false,
    hours: null,
    state: null,
    rate: null,
    values: null,
    gap: 0,
    essential: false,
    onDeny: null,
  };
}
