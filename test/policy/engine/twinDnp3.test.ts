/** The compiled decision equals the naive one over random DNP3 policies, fragments and facts: commands, objects, numbers. PENSTOCK_SEED asks others. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SPACES } from "#dnp3/spaces";
import { dnp3Vocabulary } from "#dnp3/vocabulary";
import { compile, finish } from "#policy/compile";
import { decide } from "#policy/decide";
import type { Decision } from "#policy/decision";
import { judge } from "#policy/explain";
import type { ControlLimits, Policy, Rule } from "#policy/model";
import { add, decimal } from "#process/decimal";
import type { Decimal } from "#process/points";
import { ASSET, Random, ROLES } from "./random.ts";
import { randomFacts, randomOperations, randomPolicy, sayOperation } from "./randomDnp3.ts";

const QUESTIONS = 10_000;
const PARTS = 4;
const PER_POLICY = 40;
const seed = Number(process.env.PENSTOCK_SEED ?? 20_240_601);

const twin = suite("policy/twinDnp3");

/** @returns null where the twins agree throughout, else the first question they answer differently */
function compare(start: number, questions: number, codes: Map<string, number>, naive: typeof judge = judge): string | null {
  for (let asked = 0, stream = 0; asked < questions; stream++) {
    const random = new Random(start, stream);
    const policy = randomPolicy(random);
    const compiled = finish(compile(policy, () => SPACES));
    for (let i = 0; i < PER_POLICY; i++, asked++) {
      const roles = [...new Set([random.one(ROLES), random.one(ROLES)])];
      const assurance = random.one([
        "certificate",
        "certificate",
        "certificate",
        "certificate",
        "certificate",
        "certificate",
        "accepted",
        "none",
      ] as const);
      const operations = randomOperations(random);
      const facts = randomFacts(random);
      const fast = decide(compiled.tableFor(ASSET, roles, assurance), operations, facts);
      const slow = naive(policy, { asset: ASSET, roles, assurance }, operations, facts, dnp3Vocabulary);
      const code = fast.code ?? "allowed";
      codes.set(code, (codes.get(code) ?? 0) + 1);
      if (isSame(fast, slow)) continue;
      const rules = [...policy.never, ...roles.flatMap((role) => policy.roles.get(role)?.rules ?? [])];
      return show({ seed: start, stream, i, roles, assurance, rules, operations: operations.map(sayOperation), fast, slow });
    }
  }
  return null;
}

function isSame(a: Decision, b: Decision): boolean {
  const told = ({ allowed, code, operation, unit, space, address, point, rules }: Decision): string =>
    JSON.stringify([allowed, code, operation, unit, space, address, point, rules]);
  return told(a) === told(b);
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? part.toString() : part), 1);
}

/** How often at least each outcome must have come up for the property to say something about it. */
const REACHABLE: ReadonlyMap<string, number> = new Map([
  ["allowed", 400],
  ["never", 20],
  ["forbidden", 200],
  ["nothingAllows", 1000],
  ["functionNotListed", 50],
  ["viaNotListed", 200],
  ["objectNotListed", 100],
  ["codeNotListed", 100],
  ["countOutside", 50],
  ["onTimeOutside", 30],
  ["offTimeOutside", 20],
  ["broadcastNotAllowed", 20],
  ["outsideHours", 20],
  ["stateNotMet", 5],
  ["rateExceeded", 20],
  ["belowMinimum", 20],
  ["aboveMaximum", 20],
  ["notInSet", 10],
  ["stepTooLarge", 5],
  ["tooManyChanges", 1],
  ["notANumber", 10],
  ["readOnly", 50],
  ["pointLimit", 20],
  ["unauthenticated", 500],
]);

const codes = new Map<string, number>();

for (let part = 1; part <= PARTS; part++) {
  twin(`compiled equals explained over ${QUESTIONS / PARTS} random questions, seed ${seed + part}`, () => {
    const difference = compare(seed + part, QUESTIONS / PARTS, codes);
    assert.ok(difference === null, difference ?? "");
  });
}

twin("every outcome came up often", () => {
  const seldom = [...REACHABLE].filter(([code, least]) => (codes.get(code) ?? 0) < least).map(([code]) => code);
  assert.equal(seldom, [], [...codes].map(([code, count]) => `${code} ${count}`).join(", "));
});

/** These are about the test: whatever else is asked, they are shown on questions that are known to tell. */
const SLIPS_SEED = 20_240_601;

/** Slips that the property must notice: the naive twin answers a question that is a little different from the one asked. */
const SLIPS: readonly (readonly [string, (rule: Rule) => Rule])[] = [
  ["ways left out", (rule) => ({ ...rule, vias: null })],
  ["direct taken for selected", (rule) => ({ ...rule, vias: rule.vias?.includes(1) === true ? [...rule.vias, 2] : rule.vias })],
  ["objects left out", (rule) => ({ ...rule, objects: null })],
  ["the variation left out", (rule) => ({ ...rule, objects: rule.objects?.flatMap(variations) ?? null })],
  ["control left out", (rule) => ({ ...rule, control: null })],
  ["the queue bit not looked at", onControl((control) => ({ codes: [...control.codes, ...control.codes.map((code) => code | 0x10)] }))],
  ["a count one too high", onControl(({ count: [least, most] }) => ({ count: [least, most + 1] }))],
  ["an on-time one millisecond too long", onControl(({ onTimeMs: [least, most] }) => ({ onTimeMs: [least, most + 1] }))],
  ["an off-time one millisecond too long", onControl(({ offTimeMs: [least, most] }) => ({ offTimeMs: [least, most + 1] }))],
  ["functions left out", (rule) => ({ ...rule, functions: rule.opaque ? rule.functions : null })],
  ["a max a tenth too high", onValues("max", decimal(1n, 1))],
  ["a min a tenth too low", onValues("min", decimal(-1n, 1))],
  ["max_step left out", (rule) => ({ ...rule, values: rule.values === null ? null : { ...rule.values, maxStep: null } })],
  [
    "a deny of commands that lets one be selected",
    (rule) => (rule.effect === "deny" ? { ...rule, verbs: rule.verbs.filter((verb) => verb !== "select") } : rule),
  ],
];

for (const [slip, change] of SLIPS) {
  twin(`the property notices: ${slip}`, () => {
    const faulty: typeof judge = (policy, ...rest) => judge(changed(policy, change), ...rest);
    assert.ok(compare(SLIPS_SEED, QUESTIONS, new Map(), faulty) !== null, `${QUESTIONS} questions and no difference`);
  });
}

function changed(policy: Policy, change: (rule: Rule) => Rule): Policy {
  const roles = new Map([...policy.roles].map(([name, role]) => [name, { ...role, rules: role.rules.map(change) }]));
  return { ...policy, never: policy.never.map(change), roles };
}

function onControl(change: (control: ControlLimits) => Partial<ControlLimits>): (rule: Rule) => Rule {
  return (rule) => (rule.control === null ? rule : { ...rule, control: { ...rule.control, ...change(rule.control) } });
}

function onValues(key: "min" | "max", by: Decimal): (rule: Rule) => Rule {
  return (rule) => {
    const limit = rule.values?.[key] ?? null;
    return rule.values === null || limit === null ? rule : { ...rule, values: { ...rule.values, [key]: add(limit, by) } };
  };
}

function variations(object: number): number[] {
  return Array.from({ length: 8 }, (_, i) => (object & 0xff00) | i);
}

twin.run();
