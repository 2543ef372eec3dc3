/** `manage:` rules of a role: what a person may do to the gateway itself (RULINGS 27). */
import { quoted } from "#documents/problems";
import type { Path } from "#documents/yaml";
import type { Desk } from "./loadDesk.ts";
import type { ManageRight, ManageRule } from "./model.ts";
import { resolveAssets } from "./resolve.ts";
import type { RuleDocument } from "./schema.ts";

const KEYS: readonly string[] = ["id", "manage", "on"];

/** @returns the rule, or none where something is wrong with it; the desk knows what */
export function resolveManage(desk: Desk, rule: RuleDocument, rights: readonly ManageRight[], path: Path, owner: string): ManageRule[] {
  const before = desk.problems.length;
  const other = Object.keys(rule).find((key) => !KEYS.includes(key) && rule[key as keyof RuleDocument] !== undefined);
  if (other === "allow" || other === "deny")
    desk.refuseKey(
      [...path, "manage"],
      `either ${other} or manage in one rule: one is about the plant, one about the gateway`,
      `both ${other} and manage`,
    );
  else if (other !== undefined) desk.refuseKey([...path, other], "id, manage and on alone in a rule that grants rights of management");
  if (rule.id === undefined) desk.missing(path, "id", "an id for the rule: denials, records and cases name it");
  if (rule.on === undefined) desk.missing(path, "on", 'the asset the rule is about (on: boiler-1), or on: "*" for the gateway as a whole');
  const seen = new Set<ManageRight>();
  rights.forEach((right, i) => {
    if (seen.has(right)) desk.refuseItem([...path, "manage"], i, "each right once", `${quoted(right)} a second time`);
    seen.add(right);
  });
  if (rule.id === undefined || rule.on === undefined) return [];
  const assets = resolveAssets(desk, rule.on, [...path, "on"]);
  if (desk.problems.length > before) return [];
  const place = desk.document.place(path);
  return [
    {
      order: desk.nextOrder(),
      id: `${owner}/${rule.id}`,
      file: desk.document.file,
      line: place.line,
      column: place.column,
      rights: [...seen],
      assets: rule.on.includes("*") ? null : assets.map(({ name }) => name),
    },
  ];
}
