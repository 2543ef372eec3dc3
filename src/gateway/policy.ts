/** The policy in force: what was loaded, compiled, and how its rules are named in records. One object per load; sessions keep theirs until reload. */
import type { Subject } from "#events";
import type { Operation } from "#operation";
import type { Compiled } from "#policy/compile";
import type { Decision } from "#policy/decision";
import { hoursOpen } from "#policy/hours";
import { manageRulesOf } from "#policy/manage";
import type { Policy, Rule } from "#policy/model";
import { SELF_ORDER, SELF_RULE } from "#policy/self";
import { STATE } from "#policy/state";
import { sayDenial } from "#policy/words";
import type { Layout } from "./layout.ts";

const MINUTE_MS = 60_000;
const UNKNOWN_MINUTE = -1;

export class PolicyInForce {
  readonly policy: Policy;
  readonly compiled: Compiled;
  readonly hash: string;
  /** Counts loads; a ticket judged under an older one is judged again before it leaves. */
  readonly epoch: number;
  readonly loadedWallMs: number;
  /** The most changes and messages any rule counts, and the longest window it counts them in: how much the windows must remember. */
  readonly changeDepth: number;
  readonly rateDepth: number;
  readonly longestWindowMs: number;
  /** By `Rule.order`. */
  readonly #rules: readonly (Rule | undefined)[];
  /** Some rule is essential (RULINGS 15). */
  readonly hasStops: boolean;
  /** Rules that say nothing of requests: of management, and the gateway's own. */
  readonly #others: ReadonlyMap<number, string>;
  /** States before anything has been read. */
  readonly unread: Uint8Array;
  readonly #hoursOpen: Uint8Array;
  #minute = Number.NaN;

  constructor(policy: Policy, compiled: Compiled, hash: string, epoch: number, loadedWallMs: number) {
    this.policy = policy;
    this.compiled = compiled;
    this.hash = hash;
    this.epoch = epoch;
    this.loadedWallMs = loadedWallMs;
    const rules: (Rule | undefined)[] = [];
    for (const rule of allRules(policy)) rules[rule.order] = rule;
    this.#rules = rules;
    this.#others = new Map([[SELF_ORDER, SELF_RULE], ...manageRulesOf(policy).map(({ order, id }) => [order, id] as const)]);
    const changes = rules.map((rule) => rule?.values?.maxChanges ?? null).filter((rate) => rate !== null);
    const rates = rules.map((rule) => rule?.rate ?? null).filter((rate) => rate !== null);
    this.changeDepth = changes.reduce((most, { count }) => Math.max(most, count), 0);
    this.rateDepth = rates.reduce((most, { count }) => Math.max(most, count), 0);
    this.longestWindowMs = [...changes, ...rates].reduce((most, { windowMs }) => Math.max(most, windowMs), 0);
    this.hasStops = rules.some((rule) => rule?.essential === true);
    this.unread = new Uint8Array(compiled.states.length).fill(STATE.unread);
    this.#hoursOpen = new Uint8Array(compiled.hours.length);
  }

  rule(order: number): Rule | undefined {
    return this.#rules[order];
  }

  get ruleIds(): readonly (string | undefined)[] {
    // Rights to manage take places in the order too, and are no rules: `map` would leave holes, and a hole is nothing to iterate over.
    return Array.from(this.#rules, (rule) => rule?.id);
  }

  ruleName(order: number): string {
    return this.#rules[order]?.id ?? this.#others.get(order) ?? "default";
  }

  denialWords(subject: Subject, layout: Layout, operations: readonly Operation[], decision: Decision): string {
    return sayDenial({
      subject,
      asset: layout.model,
      vocabulary: layout.vocabulary,
      operations,
      decision,
      rule: this.rule(decision.rules[0] ?? -1) ?? null,
      timeless: this.#minute === UNKNOWN_MINUTE,
    });
  }

  /** Which `hours` are open at this wall time; worked out once a minute. Null: nobody knows what time it is, so none can be evaluated. */
  hoursAt(wallMs: number | null): Uint8Array {
    const minute = wallMs === null ? UNKNOWN_MINUTE : Math.floor(wallMs / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#minute = minute;
      const { hours } = this.compiled;
      for (let i = 0; i < hours.length; i++) {
        const expression = hours[i];
        this.#hoursOpen[i] = expression === undefined || wallMs === null ? 2 : hoursOpen(expression, wallMs) ? 1 : 0;
      }
    }
    return this.#hoursOpen;
  }
}

function* allRules(policy: Policy): Iterable<Rule> {
  yield* policy.never;
  for (const role of policy.roles.values()) yield* role.rules;
}
