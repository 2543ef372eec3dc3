/** Ask both forms of the engine the same questions, and count what came of it. */
import { modbusVocabulary } from "#modbus/vocabulary";
import type { Operation } from "#operation";
import { type Compiled, compile, finish } from "#policy/compile";
import { decide, leftOpen } from "#policy/decide";
import type { Decision, Facts } from "#policy/decision";
import { type Asking, explain, judge } from "#policy/explain";
import type { Policy, Rule } from "#policy/model";
import { STATE } from "#policy/state";
import type { AssetModel } from "#process/points";
import { ASSET, Random, ROLES, randomFacts, randomOperations, randomPolicy, readFacts } from "./random.ts";

export interface Tally {
  pairs: number;
  policies: number;
  /** Rules put into words. */
  said: number;
  /** By denial code, `allowed` and `allowedBySeveral`. */
  readonly codes: Map<string, number>;
}

export type Twin = typeof judge;

/** @returns null where the twins agree throughout, else the first question they answer differently */
export function compare(seed: number, pairs: number, tally: Tally, twin: Twin = judge): string | null {
  for (let stream = 0; tally.pairs < pairs; stream++) {
    const random = new Random(seed, stream);
    const policy = randomPolicy(random);
    const compiled = finish(compile(policy, () => modbusVocabulary.spaces));
    tally.policies += 1;
    for (let i = 0; i < REQUESTS_PER_POLICY && tally.pairs < pairs; i++) {
      const roles = random.chance(2) ? ["nobody"] : [...new Set([random.one(ROLES), random.one(ROLES)])];
      const assurance = random.one(["certificate", "certificate", "certificate", "certificate", "accepted", "none"] as const);
      const asset = random.chance(1) ? "elsewhere" : ASSET;
      const operations = randomOperations(random, policy.assets.get(ASSET) as AssetModel);
      const facts = randomFacts(random);
      const fast = decide(compiled.tableFor(asset, roles, assurance), operations, facts);
      const open = leftOpen();
      const depends = open.count > 0 || open.states.length > 0;
      const stop = tally.pairs % STOPS_EACH === 0 ? stopsDiffer(policy, compiled, { asset, roles, assurance }, operations, facts) : null;
      if (stop !== null) return stop;
      const slow = twin(policy, { asset, roles, assurance }, operations, facts, modbusVocabulary);
      if (tally.pairs % SAY_EACH === 0)
        tally.said += explain(policy, asset, roles, assurance, operations, facts, modbusVocabulary).considered.length;
      tally.pairs += 1;
      const key = fast.code ?? (fast.rules.length > 1 ? "allowedBySeveral" : "allowed");
      tally.codes.set(key, (tally.codes.get(key) ?? 0) + 1);
      const later = decide(compiled.tableFor(asset, roles, assurance), operations, readFacts(random, facts));
      if (fast.allowed ? !depends && !isSame(fast, later) : !isUnread(facts) ? false : later.allowed)
        return `judged before the device was read it is otherwise than after\n${say(seed, stream, i, policy, { asset, roles, assurance }, operations, facts, fast, later)}`;
      if (!isSame(fast, slow)) return say(seed, stream, i, policy, { asset, roles, assurance }, operations, facts, fast, slow);
    }
  }
  return null;
}

/** What passes as essential is what the policy would allow if its other allow rules did not stand there (RULINGS 15). */
function stopsDiffer(policy: Policy, compiled: Compiled, asking: Asking, operations: readonly Operation[], facts: Facts): string | null {
  const { essential } = compiled.tableFor(asking.asset, asking.roles, asking.assurance);
  // They stay where they are, for facts go by the place of an expression among all rules; of no unit, they allow nothing.
  const idle = (rule: Rule): Rule => (rule.effect === "deny" || rule.essential ? rule : { ...rule, units: [] });
  const roles = new Map([...policy.roles].map(([name, role]) => [name, { ...role, rules: role.rules.map(idle) }]));
  const slow = judge({ ...policy, roles }, asking, operations, facts, modbusVocabulary);
  if (essential === null) return slow.allowed ? `nothing is essential, and yet it passes: ${show({ asking, operations })}` : null;
  const fast = decide(essential, operations, facts);
  return isSame(fast, slow) ? null : `what is essential differs: ${show({ asking, operations, fast, slow })}`;
}

export function newTally(): Tally {
  return { pairs: 0, policies: 0, said: 0, codes: new Map() };
}

const REQUESTS_PER_POLICY = 40;
/** What would pass as a stop is asked of one question in so many. */
const STOPS_EACH = 4;
/** Words are put together for one question in so many. */
const SAY_EACH = 10;

/** Facts before anything was read: whatever the device then shows, what was denied stays denied. */
function isUnread({ present, states }: Facts): boolean {
  return present === null || states.includes(STATE.unread);
}

function isSame(a: Decision, b: Decision): boolean {
  return (
    a.allowed === b.allowed &&
    a.code === b.code &&
    a.operation === b.operation &&
    a.unit === b.unit &&
    a.space === b.space &&
    a.address === b.address &&
    a.point === b.point &&
    a.rules.length === b.rules.length &&
    a.rules.every((order, i) => order === b.rules[i])
  );
}

function say(
  seed: number,
  stream: number,
  request: number,
  policy: Policy,
  subject: { readonly asset: string; readonly roles: readonly string[]; readonly assurance: string },
  operations: readonly Operation[],
  facts: Facts,
  fast: Decision,
  slow: Decision,
): string {
  const { units, points } = policy.assets.get(ASSET) as AssetModel;
  const rules = [...policy.never, ...subject.roles.flatMap((role) => policy.roles.get(role)?.rules ?? [])];
  const near = points.filter(({ space, first, last }) =>
    operations.some(({ target }) => target.at === "range" && target.space === space && target.first <= last && first <= target.last),
  );
  return [
    `the twins differ: seed ${seed}, policy ${stream}, request ${request}`,
    `subject ${show(subject)}`,
    `units ${show(units)}, hours ${show([...facts.hoursOpen])}`,
    ...rules.map((rule) => `rule ${show(rule)}`),
    ...near.map((point) => `point ${show(point)}`),
    ...operations.map((operation) => `operation ${show(operation)}`),
    `compiled  ${show(fast)}`,
    `explained ${show(slow)}`,
  ].join("\n");
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === "bigint") return part.toString();
    if (part instanceof Uint8Array) return Buffer.from(part).toString("hex");
    return part;
  });
}
