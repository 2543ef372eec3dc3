/** The naive twin of manage.ts: it goes through the rules as the document has them, and says of each why it grants a right or not. */
import type { ManageRight, ManageRule, Policy } from "./model.ts";

export interface ManageExplanation {
  /** The one that grants it; null: none does. */
  readonly rule: ManageRule | null;
  /** Every rule of management these roles have, in the order of the document. */
  readonly considered: readonly { readonly rule: ManageRule; readonly grants: boolean; readonly verdict: string }[];
}

/** @param asset  null: the gateway as a whole */
export function explainManage(policy: Policy, roles: readonly string[], right: ManageRight, asset: string | null): ManageExplanation {
  const held: ManageRule[] = [];
  for (const [name, role] of policy.roles)
    if (roles.includes(name)) for (const rule of role.manage) if (!held.some(({ order }) => order === rule.order)) held.push(rule);
  held.sort((a, b) => a.order - b.order);
  const considered = held.map((rule) => ({ rule, ...judge(rule, right, asset) }));
  return { rule: considered.find(({ grants }) => grants)?.rule ?? null, considered };
}

function judge({ rights, assets }: ManageRule, right: ManageRight, asset: string | null): { grants: boolean; verdict: string } {
  if (!rights.some((each) => each === right)) return { grants: false, verdict: `is about ${rights.join(", ")}, not ${right}` };
  if (assets === null) return { grants: true, verdict: `grants ${right} everywhere` };
  const about = `is about ${assets.join(", ")}`;
  if (asset === null) return { grants: false, verdict: `${about}, not the gateway as a whole` };
  return assets.some((each) => each === asset)
    ? { grants: true, verdict: `grants ${right} on ${asset}` }
    : { grants: false, verdict: `${about}, not ${asset}` };
}
