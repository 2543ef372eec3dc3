/**
 * The compiled decision equals the naive one, over random policies, requests and facts. PENSTOCK_SEED asks other questions; the same
 * generator runs much longer in test/fuzz/policy.ts.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { judge } from "#policy/explain";
import type { Policy, Rule, Values } from "#policy/model";
import { add, decimal } from "#process/decimal";
import type { Decimal, Point } from "#process/points";
import { compare, newTally, type Twin } from "./twins.ts";

const PAIRS = 50_000;
const PARTS = 5;
const seed = Number(process.env.PENSTOCK_SEED ?? 20_240_601);
const tally = newTally();

const twin = suite("policy/twin");

for (let part = 1; part <= PARTS; part++) {
  twin(`compiled equals explained over ${PAIRS / PARTS} random questions, seed ${seed + part}`, () => {
    const difference = compare(seed + part, (PAIRS / PARTS) * part, tally);
    assert.ok(difference === null, difference ?? "");
    assert.is(tally.pairs, (PAIRS / PARTS) * part);
  });
}

/** How often at least each outcome must have come up for the property to say something about it. */
const REACHABLE: ReadonlyMap<string, number> = new Map([
  ["allowed", 3000],
  ["allowedBySeveral", 200],
  ["never", 300],
  ["forbidden", 1500],
  ["nothingAllows", 5000],
  ["empty", 200],
  ["functionNotListed", 1500],
  ["broadcastNotAllowed", 100],
  ["outsideHours", 200],
  ["stateNotMet", 60],
  ["stale", 30],
  ["rateExceeded", 100],
  ["belowMinimum", 800],
  ["aboveMaximum", 500],
  ["notInSet", 120],
  ["stepTooLarge", 120],
  ["factUnavailable", 25],
  ["tooManyChanges", 70],
  ["notANumber", 150],
  ["ambiguousMask", 150],
  ["split", 3000],
  ["readOnly", 2000],
  ["pointLimit", 1000],
  ["implausible", 150],
  ["unauthenticated", 1500],
  ["unknownUnit", 1000],
  ["broadcastRead", 300],
  ["opaque", 200],
  ["internal", 150],
]);

twin("every outcome that a decision can have came up often", () => {
  assert.is(tally.pairs, PAIRS);
  const seldom = [...REACHABLE].filter(([code, least]) => (tally.codes.get(code) ?? 0) < least).map(([code]) => code);
  assert.equal(seldom, [], [...tally.codes].map(([code, count]) => `${code} ${count}`).join(", "));
  assert.equal(
    [...tally.codes.keys()].filter((code) => !REACHABLE.has(code)),
    [],
  );
  assert.ok(tally.said > PAIRS / 50, "rules were put into words");
});

/** Slips that the property must notice: the naive twin answers a question that is a little different from the one asked. */
const SLIPS: readonly (readonly [string, Twin])[] = [
  ["a max one too high", onRules((rule) => onValues(rule, ({ max }) => ({ max: nudged(max, 1n) })))],
  ["a min one too low", onRules((rule) => onValues(rule, ({ min }) => ({ min: nudged(min, -1n) })))],
  [
    "one change more than stated",
    onRules((rule) =>
      onValues(rule, ({ maxChanges }) => ({ maxChanges: maxChanges === null ? null : { ...maxChanges, count: maxChanges.count + 1 } })),
    ),
  ],
  ["max_step left out", onRules((rule) => onValues(rule, () => ({ maxStep: null })))],
  ["the set left out", onRules((rule) => onValues(rule, () => ({ set: null })))],
  ["units left out", onRules((rule) => ({ ...rule, units: [0, 1, 2, 3] }))],
  ["functions left out", onRules((rule) => ({ ...rule, functions: rule.opaque ? rule.functions : null }))],
  ["hours left out", onRules((rule) => ({ ...rule, hours: null }))],
  ["states left out", onRules((rule) => ({ ...rule, state: null }))],
  ["gaps left out", onRules((rule) => ({ ...rule, gap: 0 }))],
  ["gaps one wider", onRules((rule) => ({ ...rule, gap: rule.gap === 0 ? 0 : rule.gap + 1 }))],
  ["rates left out", onRules((rule) => ({ ...rule, rate: null }))],
  ["every rule for broadcasts", onRules((rule) => ({ ...rule, broadcast: true }))],
  [
    "addresses one too many",
    onRules((rule) =>
      rule.scope.is === "addresses"
        ? { ...rule, scope: { ...rule.scope, ranges: rule.scope.ranges.map(([first, last]) => [first, last + 1] as const) } }
        : rule,
    ),
  ],
  [
    "never as a mere deny",
    (policy, asking, ...rest) =>
      judge(
        {
          ...policy,
          never: [],
          roles: new Map([...policy.roles].map(([name, role]) => [name, { ...role, rules: [...policy.never, ...role.rules] }])),
        },
        asking,
        ...rest,
      ),
  ],
  ["write_max one too high", onPoints((point) => ({ ...point, writeMax: nudged(point.writeMax, 1n) }))],
  ["read-only forgotten", onPoints((point) => ({ ...point, access: "rw" }))],
  ["offset forgotten", onPoints((point) => ({ ...point, offset: decimal(0n, 0) }))],
  ["byte order forgotten", onPoints((point) => ({ ...point, byteOrder: "big" }))],
  ["word order forgotten", onPoints((point) => ({ ...point, wordOrder: "big" }))],
  ["an alias counted as a point", onPoints((point) => ({ ...point, aliasOf: null }))],
  ["every bit the lowest", onPoints((point) => (point.bit === null ? point : { ...point, bit: 0 }))],
  [
    "the mask forgotten",
    (policy, asking, operations, ...rest) =>
      judge(
        policy,
        asking,
        operations.map((operation) =>
          operation.values.is === "cells" ? { ...operation, values: { ...operation.values, keep: 0 } } : operation,
        ),
        ...rest,
      ),
  ],
  [
    "unit aliases forgotten",
    (policy, ...rest) =>
      judge(
        onModel(policy, (model) => ({ ...model, unitAliases: new Map() })),
        ...rest,
      ),
  ],
  ["everybody certified", (policy, asking, ...rest) => judge(policy, { ...asking, assurance: "certificate" }, ...rest)],
];

for (const [slip, faulty] of SLIPS) {
  twin(`the property notices: ${slip}`, () => {
    const found = compare(seed, 20_000, newTally(), faulty);
    assert.ok(found !== null, "20,000 questions and no difference");
  });
}

function onRules(change: (rule: Rule) => Rule): Twin {
  return (policy, ...rest) =>
    judge(
      {
        ...policy,
        never: policy.never.map(change),
        roles: new Map([...policy.roles].map(([name, role]) => [name, { ...role, rules: role.rules.map(change) }])),
      },
      ...rest,
    );
}

function onValues(rule: Rule, change: (values: Values) => Partial<Values>): Rule {
  return rule.values === null ? rule : { ...rule, values: { ...rule.values, ...change(rule.values) } };
}

function onPoints(change: (point: Point) => Point): Twin {
  return (policy, ...rest) =>
    judge(
      onModel(policy, (model) => ({ ...model, points: model.points.map(change) })),
      ...rest,
    );
}

function onModel(policy: Policy, change: (model: NonNullable<ReturnType<Policy["assets"]["get"]>>) => typeof model): Policy {
  return { ...policy, assets: new Map([...policy.assets].map(([name, model]) => [name, change(model)])) };
}

/** The smallest step a limit of these tests can differ by. */
function nudged(limit: Decimal | null, by: bigint): Decimal | null {
  return limit === null ? null : add(limit, decimal(by, 2));
}

twin.run();
