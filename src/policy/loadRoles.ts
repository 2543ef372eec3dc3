/** `roles`: rules, and other roles whole. An included rule keeps the id of the role that wrote it (RULINGS 4). */

import { quoted } from "#documents/problems";
import { isWriting } from "#operation";
import type { Point } from "#process/points";
import type { Desk } from "./loadDesk.ts";
import { resolveManage } from "./loadManage.ts";
import { resolveOnDeny } from "./loadOnDeny.ts";
import type { ManageRule, OnDeny, Policy, Role, Rule } from "./model.ts";
import { resolveRule } from "./resolve.ts";
import { extentOf, extentsOf, extentsTouch, touches } from "./resolveOverlap.ts";
import type { RoleItem } from "./schema.ts";

/** Records and cases say `never/...` and `default` of what no role wrote; `self` is the gateway's own subject. */
const RESERVED = ["never", "default", "self"];

/** More roles than a plant has kinds of people; it bounds what a chain of includes can cost at load. */
const MOST_ROLES = 256;

interface Draft {
  readonly own: Rule[];
  readonly manage: ManageRule[];
  readonly includes: { readonly role: string; readonly path: readonly PropertyKey[] }[];
  onDeny: OnDeny | null;
}

export function loadRoles(desk: Desk, documents: Readonly<Record<string, readonly RoleItem[]>>): Policy["roles"] {
  const drafts = new Map<string, Draft>();
  if (Object.keys(documents).length > MOST_ROLES) {
    desk.refuse(["roles"], `at most ${MOST_ROLES} roles`, `${Object.keys(documents).length} roles`);
    return new Map();
  }
  for (const [name, items] of Object.entries(documents)) {
    if (RESERVED.includes(name)) desk.refuseKey(["roles", name], `another name: ${RESERVED.join(", ")} have a meaning of their own`);
    drafts.set(name, draftRole(desk, name, items, Object.keys(documents)));
  }
  if (drafts.size === 0) desk.refuse(["roles"], "at least one role", "no role");
  const roles = new Map<string, Role>();
  for (const [name, draft] of drafts) {
    const others = collect(desk, drafts, name);
    const included = inOrder(others.flatMap(({ own }) => own));
    checkWidens(desk, name, draft, included);
    const rules = inOrder([...included, ...draft.own]);
    checkStates(desk, name, rules);
    const manage = inOrder([...others.flatMap((other) => other.manage), ...draft.manage]);
    roles.set(name, { rules, manage, onDeny: draft.onDeny });
  }
  return roles;
}

function draftRole(desk: Desk, name: string, items: readonly RoleItem[], known: readonly string[]): Draft {
  const draft: Draft = { own: [], manage: [], includes: [], onDeny: null };
  const ids = new Map<string, number>();
  const included = new Set<string>();
  items.forEach((item, i) => {
    const path = ["roles", name, i];
    const stated = Object.keys(item).filter((key) => item[key as keyof RoleItem] !== undefined);
    if (item.include !== undefined) {
      const extra = stated.find((key) => key !== "include");
      if (extra !== undefined) desk.refuseKey([...path, extra], "include alone in its item", `the key ${quoted(extra)} beside include`);
      item.include.forEach((role, k) => {
        const at = desk.itemPath([...path, "include"], k);
        if (!known.includes(role)) desk.unknown([...path, "include"], k, role, "the name of a role", known);
        else if (included.has(role)) desk.refuse(at, "each role once", `${quoted(role)} a second time`);
        else draft.includes.push({ role, path: at });
        included.add(role);
      });
      return;
    }
    if (stated.length === 1 && item.on_deny !== undefined) {
      if (draft.onDeny !== null) desk.refuse(path, "one on_deny for a role", "a second on_deny");
      draft.onDeny = resolveOnDeny(desk, item.on_deny, [...path, "on_deny"]);
      return;
    }
    desk.once(ids, item.id, [...path, "id"]);
    if (item.manage !== undefined) {
      draft.manage.push(...resolveManage(desk, item, item.manage, path, name));
      return;
    }
    draft.own.push(...resolveRule(desk, item, path, name));
  });
  return draft;
}

/** What a role includes, each role once, itself not among them. Coming back to where it began is a cycle, told at each role that is on it. */
function collect(desk: Desk, drafts: ReadonlyMap<string, Draft>, start: string): readonly Draft[] {
  const found: Draft[] = [];
  const visited = new Set<string>();
  const visit = (name: string, way: readonly string[]): void => {
    visited.add(name);
    const draft = drafts.get(name) as Draft;
    if (name !== start) found.push(draft);
    for (const { role, path } of draft.includes) {
      if (role === start) desk.refuse(path, "roles that do not include each other", `a cycle: ${[...way, role].join(" includes ")}`);
      else if (!visited.has(role)) visit(role, [...way, role]);
    }
  };
  visit(start, [start]);
  return found;
}

function inOrder<T extends { readonly order: number }>(rules: readonly T[]): T[] {
  return [...rules].sort((a, b) => a.order - b.order);
}

/** Whoever may write what a rule depends on, could make it hold (RULINGS 9). */
function checkStates(desk: Desk, name: string, rules: readonly Rule[]): void {
  for (const rule of rules)
    for (const { asset, point } of rule.state?.conditions ?? []) {
      const writing = rules.find(
        (other) => other.effect === "allow" && other.verbs.some(isWriting) && other.asset === asset && reaches(other, point, desk.assets),
      );
      if (writing !== undefined)
        desk.refuseAt(
          rule,
          `a state of points that ${quoted(name)} may not write`,
          `a state that depends on ${quoted(`${asset}.${point.name}`)}, which ${writing.id} (line ${writing.line}) lets it write`,
        );
    }
}

function reaches(rule: Rule, point: Point, assets: Desk["assets"]): boolean {
  const model = assets.get(rule.asset);
  if (model === undefined || point.access === "r") return false;
  const extents = extentsOf(rule, model);
  return extents === null || extents.some((extent) => extentsTouch(extent, extentOf(point)));
}

/** An including role only widens: a deny of its own may not take away what an included role grants. */
function checkWidens(desk: Desk, name: string, draft: Draft, included: readonly Rule[]): void {
  if (included.length === 0) return;
  for (const deny of draft.own) {
    if (deny.effect !== "deny") continue;
    const model = desk.assets.get(deny.asset);
    const taken = included.find(
      (rule) => rule.effect === "allow" && rule.asset === deny.asset && model !== undefined && touches(deny, rule, model),
    );
    if (taken !== undefined)
      desk.refuseAt(
        deny,
        `the deny under never or in ${quoted(taken.id.split("/")[0] as string)}: a role that includes another only widens it`,
        `a deny in ${quoted(name)} that takes away from ${taken.id} (line ${taken.line})`,
      );
  }
}
