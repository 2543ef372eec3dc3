/** Events are one identity's (RULINGS 34): rules that let others take them grant nothing, and an owner without them lets them pile up. */
import type { AssetModel } from "#process/points";
import { matchesIdentity } from "./bindings.ts";
import type { Binding, Policy, Rule } from "./model.ts";

/** What an asset's site says of its events; null: nobody takes them. */
export interface EventSite {
  readonly eventOwner: string | null;
}

export interface Unowned {
  /** Null: it is about the policy as a whole. */
  readonly rule: Rule | null;
  readonly words: string;
}

/** @param name an asset whose protocol has events */
export function unownedEvents(policy: Policy, { name }: AssetModel, { eventOwner }: EventSite): Unowned[] {
  const rules = [...policy.roles.values()].flatMap((role) => role.rules).filter((rule) => rule.asset === name && takesEvents(rule));
  if (eventOwner === null)
    return rules.map((rule) => ({
      rule,
      words: `${rule.id} grants events of ${name}, and the site names no event_owner there: nobody takes them`,
    }));
  const bindings = bindingsOf(policy, eventOwner);
  const roles = bindings.map(({ role }) => role);
  const held = roles.some((role) => policy.roles.get(role)?.rules.some((rule) => rules.includes(rule)));
  const whose = roles.length === 0 ? "no role" : `${[...new Set(roles)].sort().join(" and ")}, without a rule for events or unsolicited`;
  return held ? [] : [{ rule: null, words: `the event_owner of ${name}, ${eventOwner}, has ${whose}: its events pile up` }];
}

/** May the one who is named be bound so? A common name without its authority may be anybody's. */
function mayBe(pattern: string, owner: string): boolean {
  if (owner.startsWith("spiffe:")) return matchesIdentity(pattern, `spiffe:${owner}`);
  return matchesIdentity(owner.includes("@") ? pattern : pattern.replace(/@[^@]*$/, ""), owner);
}

function takesEvents({ effect, verbs }: Rule): boolean {
  return effect === "allow" && (verbs.includes("events") || verbs.includes("unsolicited"));
}

/** Those of its identity; where it has none, those of whatever role its certificate may assert. */
function bindingsOf({ bindings }: Policy, owner: string): readonly Binding[] {
  const own = bindings.filter(({ identity }) => identity !== null && mayBe(identity, owner));
  return own.length > 0 ? own : bindings.filter(({ certificateRole }) => certificateRole !== null);
}
