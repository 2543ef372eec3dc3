/**
 * Who may do what to the gateway itself (RULINGS 27), as the management port asks it at each command. Silence denies; there is no deny to beat.
 * Its naive twin is explainManage.ts.
 */
import { type Claim, personRoles } from "./bindings.ts";
import type { ManageRight, ManageRule, Policy } from "./model.ts";

export interface ManageTable {
  /**
   * The rule that grants a right to these roles: the first of the document. -1: none does.
   *
   * @param asset  null: the gateway as a whole, which only a rule with `on: "*"` covers
   */
  granting(roles: readonly string[], right: ManageRight, asset: string | null): number;
}

/** Of one role and right. */
interface Grants {
  everywhere: number;
  readonly on: Map<string, number>;
}

export function manageTable(policy: Policy): ManageTable {
  const byRole = new Map<string, Map<ManageRight, Grants>>();
  for (const [role, { manage }] of policy.roles) {
    const byRight = new Map<ManageRight, Grants>();
    byRole.set(role, byRight);
    for (const { order, rights, assets } of manage)
      for (const right of rights) {
        const grants = byRight.get(right) ?? { everywhere: NONE, on: new Map() };
        byRight.set(right, grants);
        if (assets === null) grants.everywhere = first(grants.everywhere, order);
        for (const asset of assets ?? []) grants.on.set(asset, first(grants.on.get(asset) ?? NONE, order));
      }
  }
  return {
    granting(roles, right, asset) {
      let found = NONE;
      for (const role of roles) {
        const grants = byRole.get(role)?.get(right);
        if (grants === undefined) continue;
        found = first(found, grants.everywhere);
        if (asset !== null) found = first(found, grants.on.get(asset) ?? NONE);
      }
      return found;
    },
  };
}

const NONE = -1;

function first(a: number, b: number): number {
  if (a === NONE || b === NONE) return Math.max(a, b);
  return Math.min(a, b);
}

/** Why somebody may not manage. */
export type NoManager = "noRole" | "unknownRole" | "notAPerson" | "nothingAllows";

/** @returns the number of the rule that grants it, or why nothing does */
export function decideManage(
  policy: Policy,
  table: ManageTable,
  who: { readonly roles: readonly string[] } | { readonly claim: Claim },
  right: ManageRight,
  asset: string | null,
): number | NoManager {
  const roles = "roles" in who ? who.roles : personRoles(policy, who.claim);
  if (typeof roles === "string") return roles;
  const order = table.granting(roles, right, asset);
  return order === NONE ? "nothingAllows" : order;
}

/** Every rule of management once, in the order of the document. */
export function manageRulesOf(policy: Policy): ManageRule[] {
  const rules = new Map<number, ManageRule>();
  for (const role of policy.roles.values()) for (const rule of role.manage) rules.set(rule.order, rule);
  return [...rules.values()].sort((a, b) => a.order - b.order);
}
