/**
 * What a denied request is answered with, as the policy's `on_deny` says (RULINGS 13). The most specific place wins: the rule that denied,
 * the asset, the roles, the document. Where several roles of a subject say something, the gentlest counts: exception over drop over close.
 * Nothing said: exception 01, as Modbus/TCP Security has it. Made once per session; a denial looks up its plan.
 */
import type { Action } from "#events";
import type { Decision } from "./decision.ts";
import type { OnDeny, Policy, Rule } from "./model.ts";

export interface Plan {
  readonly action: Exclude<Action, "forward">;
  /** 1..4; 0 where nothing is answered. */
  readonly exception: number;
}

export type CloseAfter = NonNullable<OnDeny["closeAfter"]>;

export interface Answers {
  plan(decision: Decision): Plan;
  /** Denied writes and controls after which a session is closed, where no rule says otherwise. Null: never. */
  readonly closeAfter: CloseAfter | null;
  /** The same for one denial: the rule that denied may state its own. */
  closeAfterOf(decision: Decision): CloseAfter | null;
}

export function answersFor(policy: Policy, asset: string, roles: readonly string[]): Answers {
  const held = [...new Set(roles)].sort().flatMap((name) => policy.roles.get(name) ?? []);
  const ofAsset = policy.assetOnDeny.get(asset) ?? null;
  const ofRoles = held.flatMap(({ onDeny }) => onDeny ?? []);
  const usual = planOf(ofAsset) ?? gentlest(ofRoles) ?? planOf(policy.onDeny) ?? ILLEGAL_FUNCTION;
  const closeAfter = ofAsset?.closeAfter ?? mostPatient(ofRoles) ?? policy.onDeny.closeAfter;
  const plans = new Map<number, Plan>();
  const limits = new Map<number, CloseAfter>();
  for (const rule of rulesOf(policy, asset, held)) {
    const plan = planOf(rule.onDeny);
    if (plan !== null) plans.set(rule.order, plan);
    if (rule.onDeny?.closeAfter != null) limits.set(rule.order, rule.onDeny.closeAfter);
  }
  return {
    closeAfter,
    plan: ({ rules }) => plans.get(rules[0] ?? NO_RULE) ?? usual,
    closeAfterOf: ({ rules }) => limits.get(rules[0] ?? NO_RULE) ?? closeAfter,
  };
}

/** MODBUS Application Protocol V1.1b3 section 7, code 01. */
const ILLEGAL_FUNCTION: Plan = { action: "exception", exception: 1 };
const NO_RULE = -1;
const GENTLE = ["exception", "drop", "close"] as const;

/** A place that states only an exception code means to answer with it. */
function planOf(onDeny: OnDeny | null): Plan | null {
  if (onDeny === null || (onDeny.answer === null && onDeny.exception === null)) return null;
  const action = onDeny.answer ?? "exception";
  return { action, exception: action === "exception" ? (onDeny.exception ?? ILLEGAL_FUNCTION.exception) : 0 };
}

function gentlest(all: readonly OnDeny[]): Plan | null {
  const plans = all.flatMap((onDeny) => planOf(onDeny) ?? []);
  for (const action of GENTLE) {
    const plan = plans.find((candidate) => candidate.action === action);
    if (plan !== undefined) return plan;
  }
  return null;
}

/** The one that bears the most denials, and of those the one that forgets them soonest. */
function mostPatient(all: readonly OnDeny[]): CloseAfter | null {
  const stated = all.flatMap(({ closeAfter }) => closeAfter ?? []);
  return stated.sort((a, b) => b.denials - a.denials || a.withinMs - b.withinMs)[0] ?? null;
}

function* rulesOf(policy: Policy, asset: string, held: readonly { readonly rules: readonly Rule[] }[]): Iterable<Rule> {
  for (const rules of [policy.never, ...held.map((role) => role.rules)]) for (const rule of rules) if (rule.asset === asset) yield rule;
}
