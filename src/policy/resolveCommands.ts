/**
 * What a rule says of commands and objects (DNP3): how they may be sent, which control codes, which groups and variations.
 *
 * @source RULINGS 36: control codes are exact octets; queue and clear are 0 unless they are named
 */
import { quoted } from "#documents/problems";
import type { Path } from "#documents/yaml";
import type { Verb, Vocabulary } from "#operation";
import type { AssetModel } from "#process/points";
import type { Desk } from "./loadDesk.ts";
import type { ControlLimits, Rule, Scope } from "./model.ts";
import { type ControlDocument, type RuleDocument, VIA_WORDS } from "./schema.ts";

/** Does the protocol have commands that are selected and operated? */
function hasCommands({ functions }: Vocabulary): boolean {
  return functions.some(({ verbs }) => verbs.includes("operate"));
}

/** A rule over operate is one over select as well: what arms the device is held against the same limits. */
export function withSelect(verbs: readonly Verb[]): Verb[] {
  return verbs.includes("operate") && !verbs.includes("select") ? [...verbs, "select" as const].sort() : [...verbs];
}

/** By `Operation.via`; null: however. Commands go the careful way unless a grant says otherwise; a deny is about every way. */
export function resolveVias(
  desk: Desk,
  rule: RuleDocument,
  vocabulary: Vocabulary,
  verbs: readonly Verb[],
  effect: "allow" | "deny",
  path: Path,
): number[] | null {
  if (rule.via === undefined) return effect === "allow" && isCommanding(verbs) && hasCommands(vocabulary) ? [1] : null;
  const at = [...path, "via"];
  if (!isCommanding(verbs) || !hasCommands(vocabulary)) {
    desk.refuseKey(at, "via only where the rule is about operate, on an asset that has such commands");
    return null;
  }
  const vias = new Set<number>();
  rule.via.forEach((word, i) => {
    const via = VIA_WORDS.indexOf(word) + 1;
    if (vias.has(via)) desk.refuseItem(at, i, "each way once", `${quoted(word)} a second time`);
    vias.add(via);
  });
  return [...vias].sort((a, b) => a - b);
}

/** Null: the rule is about no commands of that kind. Without a word the codes people have names for, whatever count and times. */
export function resolveControl(
  desk: Desk,
  rule: RuleDocument,
  vocabulary: Vocabulary,
  verbs: readonly Verb[],
  effect: "allow" | "deny",
  path: Path,
): ControlLimits | null {
  const names = Object.entries(vocabulary.controlCodes);
  const at = [...path, "control"];
  if (rule.control === undefined) {
    if (effect === "deny" || !isCommanding(verbs) || names.length === 0) return null;
    return { codes: names.map(([, code]) => code).sort((a, b) => a - b), count: [0, 255], onTimeMs: WHOLE, offTimeMs: WHOLE };
  }
  if (effect === "deny") {
    desk.refuseKey(at, "a deny without it: a deny holds whatever is commanded");
    return null;
  }
  if (!isCommanding(verbs) || names.length === 0) {
    desk.refuseKey(at, "control only where the rule allows operate, on an asset that has such commands");
    return null;
  }
  const { codes, count = [0, 255], on_time: onTimeMs = WHOLE, off_time: offTimeMs = WHOLE } = rule.control;
  return { codes: codesOf(desk, codes, rule.control, vocabulary, [...at, "codes"]), count, onTimeMs, offTimeMs };
}

/** A number is told what to be, not what to do: beside one, `control` would look like a limit and be none. */
export function checkCommanded(desk: Desk, scope: Scope, { points }: AssetModel, { spaces }: Vocabulary, path: Path): void {
  if (scope.is === "process") {
    desk.refuseKey(path, "points or a table of binary outputs beside it: it limits no number", "control without a place");
    return;
  }
  const named =
    scope.is === "points" ? scope.points.map((index) => points[index]?.space ?? -1) : scope.is === "addresses" ? [scope.space] : [];
  const number = named.find((space) => spaces[space]?.bits !== 1);
  if (number !== undefined) desk.refuseKey(path, "values: control is for binary outputs", `control on the ${spaces[number]?.name} table`);
}

const WHOLE = [0, 0xffff_ffff] as const;
/** Bits of a control code that are 0 unless they are named. */
const QUEUE = 0x10;
const CLEAR = 0x20;

function codesOf(
  desk: Desk,
  words: ControlDocument["codes"],
  { queue, clear }: ControlDocument,
  { controlCodes }: Vocabulary,
  path: Path,
): number[] {
  const codes = new Set<number>();
  words.forEach(({ words: word }, i) => {
    const named = Object.hasOwn(controlCodes, word) ? controlCodes[word] : undefined;
    const code = named ?? (/^(?:[0-9]{1,3}|0x[0-9a-fA-F]{1,2})$/.test(word) ? Number(word) : 256);
    if (code > 255) desk.unknown(path, i, word, "a control code, which is a word or an octet from 0 to 255", Object.keys(controlCodes));
    else if (codes.has(code)) desk.refuseItem(path, i, "each code once", `${quoted(word)} a second time`);
    codes.add(code);
  });
  const bits = [queue === true ? QUEUE : 0, clear === true ? CLEAR : 0];
  for (const bit of bits) for (const code of [...codes]) codes.add(code | bit);
  return [...codes].sort((a, b) => a - b);
}

/** Does the protocol name its objects by group and variation? */
export function hasGroups({ spaceOfGroup }: Vocabulary): boolean {
  return Array.from({ length: 256 }, (_, group) => spaceOfGroup(group)).some((space) => space !== undefined);
}

/** Every group << 8 | variation the rule is about; null: it names none. */
export function resolveObjects(desk: Desk, rule: RuleDocument, vocabulary: Vocabulary, path: Path): number[] | null {
  if (rule.group === undefined) {
    if (rule.variation !== undefined) desk.refuseKey([...path, "variation"], "variation only beside group");
    return null;
  }
  if (!hasGroups(vocabulary)) {
    desk.refuseKey([...path, "group"], "group only on an asset whose protocol has object groups (DNP3)");
    return null;
  }
  const groups = new Set<number>();
  rule.group.forEach((group, i) => {
    if (vocabulary.spaceOfGroup(group) === undefined)
      desk.refuseItem([...path, "group"], i, "an object group of the asset's protocol", `group ${group}`);
    else if (groups.has(group)) desk.refuseItem([...path, "group"], i, "each group once", `group ${group} a second time`);
    groups.add(group);
  });
  const variations = rule.variation ?? Array.from({ length: 256 }, (_, variation) => variation);
  if (new Set(variations).size < variations.length) desk.refuseKey([...path, "variation"], "each variation once");
  return [...groups].flatMap((group) => variations.map((variation) => (group << 8) | variation)).sort((a, b) => a - b);
}

/** Only a class asks for points without naming them. */
export function resolveReply(
  desk: Desk,
  { reply }: RuleDocument,
  scope: Scope,
  { spaces }: Vocabulary,
  effect: "allow" | "deny",
  path: Path,
): Rule["reply"] {
  if (reply === undefined) return "whole";
  const at = [...path, "reply"];
  if (effect === "deny") desk.refuseKey(at, "a deny without it: what is forbidden has no reply");
  else if (scope.is !== "addresses" || spaces[scope.space]?.name !== "class")
    desk.refuseKey(at, "reply only beside table: class, or group: 60");
  return reply;
}

function isCommanding(verbs: readonly Verb[]): boolean {
  return verbs.includes("operate") || verbs.includes("select");
}
