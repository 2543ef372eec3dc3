/**
 * policy.yaml, read whole: shape, then names and numbers against the site's assets, then what rules mean together. A policy with any problem
 * is no policy; every problem names its place.
 */
import { MOST_PROBLEMS, type Problem } from "#documents/problems";
import { checkShape } from "#documents/shape";
import { readYaml } from "#documents/yaml";
import type { Vocabulary } from "#operation";
import type { AssetModel } from "#process/points";
import { err, ok, type Result } from "#wire";
import { loadBindings } from "./loadBindings.ts";
import { Desk } from "./loadDesk.ts";
import { NOTHING_STATED, resolveOnDeny } from "./loadOnDeny.ts";
import { loadRoles } from "./loadRoles.ts";
import type { OnDeny, Policy, Rule } from "./model.ts";
import { resolveRule } from "./resolve.ts";
import { POLICY_SHAPE, type PolicyDocument } from "./schema.ts";

export interface Source {
  /** As messages name it. */
  readonly file: string;
  readonly text: string;
}

/**
 * @param assets        every asset of the site, by name
 * @param vocabularies  by protocol; an asset whose protocol has none is a fault of the caller
 * @returns             the policy, or every problem found (at most MOST_PROBLEMS), in the order of the document
 */
export function loadPolicy(
  source: Source,
  assets: ReadonlyMap<string, AssetModel>,
  vocabularies: ReadonlyMap<string, Vocabulary>,
): Result<Policy, readonly Problem[]> {
  for (const asset of assets.values())
    if (!vocabularies.has(asset.protocol)) throw new Error(`no vocabulary for ${asset.protocol}, the protocol of ${asset.name}`);
  const document = readYaml(source.file, source.text);
  if (!document.ok) return document;
  const shaped = checkShape(document.value, POLICY_SHAPE);
  if (!shaped.ok) return shaped;
  const desk = new Desk(document.value, assets, vocabularies);
  const policy = assemble(desk, shaped.value);
  if (desk.problems.length === 0) return ok(policy);
  const problems = desk.problems.sort((a, b) => a.line - b.line || a.column - b.column);
  return err(problems.slice(0, MOST_PROBLEMS));
}

function assemble(desk: Desk, document: PolicyDocument): Policy {
  const never = loadNever(desk, document);
  const roles = loadRoles(desk, document.roles);
  return {
    name: document.policy,
    version: document.version,
    file: desk.document.file,
    never,
    roles,
    bindings: loadBindings(desk, document.bindings, Object.keys(document.roles)),
    onDeny: document.on_deny === undefined ? NOTHING_STATED : resolveOnDeny(desk, document.on_deny, ["on_deny"]),
    assetOnDeny: loadAssets(desk, document),
    assets: desk.assets,
  };
}

/** `never` denies bind every subject, whatever the roles say (RULINGS 4). */
function loadNever(desk: Desk, document: PolicyDocument): Rule[] {
  const ids = new Map<string, number>();
  return (document.never ?? []).flatMap((rule, i) => {
    const path = ["never", i];
    desk.once(ids, rule.id, [...path, "id"]);
    if (rule.manage !== undefined) {
      desk.refuseKey([...path, "manage"], "manage only in roles: it grants, and under never nothing is granted");
      return [];
    }
    return resolveRule(desk, rule, path, "never");
  });
}

function loadAssets(desk: Desk, document: PolicyDocument): Map<string, OnDeny> {
  const found = new Map<string, OnDeny>();
  for (const [name, { on_deny: onDeny }] of Object.entries(document.assets ?? {})) {
    const path = ["assets", name];
    if (!desk.assets.has(name)) desk.unknownKey(path, "the name of an asset", [...desk.assets.keys()]);
    if (onDeny === undefined) desk.missing(path, "on_deny", "on_deny: what differs on this asset");
    else found.set(name, resolveOnDeny(desk, onDeny, [...path, "on_deny"]));
  }
  return found;
}
