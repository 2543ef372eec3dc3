/** RULINGS 12, 13, 14: broadcasts, answers to a denial, subjects without a certificate; and which table a subject gets. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { modbusVocabulary } from "#modbus/vocabulary";
import { answersFor } from "#policy/answers";
import { compile, finish } from "#policy/compile";
import { decide } from "#policy/decide";
import type { Binding, OnDeny, Policy } from "#policy/model";
import { Plant } from "./plant.ts";

const subjects = suite("policy/subjects");

subjects("RULINGS 12: a broadcast needs its right, and every unit's points to allow it", () => {
  const plant = new Plant({
    units: [1, 2, 3],
    points: { limited: { at: 40, unitId: 3, writeMax: "10" } },
    rules: [
      { id: "one-by-one", allow: ["write"], addresses: [[50, 50]] },
      { id: "all", allow: ["read", "write"], addresses: [[40, 40]], broadcast: true },
      { id: "two", allow: ["write"], addresses: [[60, 60]], broadcast: true, units: [1, 2] },
      { id: "reset", allow: ["control"], device: true, broadcast: true },
    ],
  });
  const cast = { unit: 0, broadcast: true };
  assert.is(plant.ask("06 0028 000a", cast), "allowed operator/all");
  assert.is(plant.ask("06 0028 000b", cast), "pointLimit");
  assert.is(plant.decide("06 0028 000b", cast).unit, 3);
  assert.is(plant.ask("06 0032 0001", cast), "broadcastNotAllowed operator/one-by-one");
  assert.is(plant.ask("06 003c 0001", cast), "nothingAllows");
  assert.is(plant.decide("06 003c 0001", cast).unit, 3);
  assert.is(plant.ask("08 000a 0000", cast), "allowed operator/reset");
  assert.is(plant.ask("03 0028 0001", cast), "broadcastRead");
  assert.is(plant.ask("17 0028 0001 0028 0001 02 0001", cast), "broadcastRead", "FC 23 reads as well");
  assert.is(plant.ask("07", cast), "broadcastRead");
  const denied = new Plant({
    units: [1, 2],
    rules: [
      { id: "all", allow: ["write"], broadcast: true },
      { id: "not-2", deny: ["write"], units: [2] },
    ],
  });
  assert.is(denied.ask("06 0028 000a", cast), "forbidden operator/not-2");
});

subjects("RULINGS 12: unit 0 is a unit where the asset says so", () => {
  const plant = new Plant({ units: [0], unitZero: "device", rules: [{ id: "all", allow: ["read", "write"] }] });
  assert.is(plant.ask("06 0028 000a", { unit: 0 }), "allowed operator/all");
  assert.is(plant.ask("03 0028 0001", { unit: 0 }), "allowed operator/all");
  assert.is(plant.ask("03 0028 0001", { unit: 1 }), "unknownUnit");
});

const NOTHING: OnDeny = { answer: null, exception: null, closeAfter: null };

/** A denial by the first rule of `operator`, and one by no rule at all. */
function answersOf(change: { rule?: OnDeny; asset?: OnDeny; roles?: Readonly<Record<string, OnDeny>>; document?: OnDeny }) {
  const names = Object.keys(change.roles ?? { operator: NOTHING });
  const plant = new Plant({
    roles: Object.fromEntries(names.map((name) => [name, [{ id: "r", allow: ["write"], points: [], onDeny: change.rule ?? null }]])),
  });
  const policy: Policy = {
    ...plant.policy,
    onDeny: change.document ?? NOTHING,
    assetOnDeny: new Map(change.asset === undefined ? [] : [["boiler-1", change.asset]]),
    roles: new Map([...plant.policy.roles].map(([name, role]) => [name, { ...role, onDeny: change.roles?.[name] ?? null }])),
  };
  const answers = answersFor(policy, "boiler-1", names);
  const decision = plant.decide("06 0001 0001");
  assert.equal(decision.rules, []);
  const byRule = { ...decision, rules: [plant.policy.roles.get(names[0] as string)?.rules[0]?.order as number] };
  const say = (plan: { action: string; exception: number }): string =>
    plan.action === "exception" ? `exception ${plan.exception}` : plan.action;
  return { rule: say(answers.plan(byRule)), none: say(answers.plan(decision)), answers, byRule, decision };
}

subjects("RULINGS 13: the default answer is exception 1", () => {
  const { rule, none, answers } = answersOf({});
  assert.equal([rule, none], ["exception 1", "exception 1"]);
  assert.is(answers.closeAfter, null);
});

subjects("RULINGS 13: the most specific place wins: rule, asset, role, document; no rule starts at the asset", () => {
  const drop: OnDeny = { answer: "drop", exception: null, closeAfter: null };
  const close: OnDeny = { answer: "close", exception: null, closeAfter: null };
  const four: OnDeny = { answer: "exception", exception: 4, closeAfter: null };
  const two: OnDeny = { answer: null, exception: 2, closeAfter: null };
  const told = ({ rule, none }: { rule: string; none: string }): string[] => [rule, none];
  assert.equal(told(answersOf({ rule: four, asset: drop, roles: { operator: close }, document: two })), ["exception 4", "drop"]);
  assert.equal(told(answersOf({ asset: drop, roles: { operator: close }, document: two })), ["drop", "drop"]);
  assert.equal(told(answersOf({ roles: { operator: close }, document: two })), ["close", "close"]);
  assert.equal(told(answersOf({ document: two })), ["exception 2", "exception 2"]);
  assert.equal(
    told(answersOf({ rule: { ...NOTHING, closeAfter: { denials: 3, withinMs: 1 } }, document: drop })),
    ["drop", "drop"],
    "a place that says nothing of the answer is passed over",
  );
});

subjects("RULINGS 13: of several roles the gentlest answer counts: exception over drop over close", () => {
  const of = (...answers: readonly OnDeny["answer"][]): string =>
    answersOf({
      roles: Object.fromEntries(answers.map((answer, i) => [`role${i}`, { answer, exception: null, closeAfter: null }])),
      document: { ...NOTHING, answer: "close" },
    }).none;
  assert.is(of("close", "drop", "exception"), "exception 1");
  assert.is(of("close", "drop"), "drop");
  assert.is(of("close", null), "close");
  assert.is(of(null, null), "close", "the document's");
});

subjects("RULINGS 13: close_after is looked up alike, and a rule may state its own", () => {
  const after = (denials: number): OnDeny => ({ ...NOTHING, closeAfter: { denials, withinMs: 60_000 } });
  const { answers, byRule, decision } = answersOf({ rule: after(1), roles: { operator: after(3), viewer: after(5) }, document: after(9) });
  assert.is(answers.closeAfter?.denials, 5, "the most patient role");
  assert.is(answers.closeAfterOf(decision)?.denials, 5);
  assert.is(answers.closeAfterOf(byRule)?.denials, 1);
  assert.is(answersOf({ asset: after(2), roles: { operator: after(3) } }).answers.closeAfter?.denials, 2);
  assert.is(answersOf({ document: after(9) }).answers.closeAfter?.denials, 9);
});

subjects("RULINGS 14: without a certificate there is reading, diagnosing and identifying; writing where it is accepted by name", () => {
  const plant = new Plant({
    rules: [
      { id: "process", allow: ["read", "write"] },
      { id: "device", allow: ["diagnose", "identify", "control"], device: true },
      { id: "files", allow: ["file-read", "file-write"] },
      { id: "umas", allow: ["raw"], device: true, opaque: true, functions: [90] },
    ],
  });
  const requests = [
    "03 0001 0001",
    "07",
    "11",
    "06 0001 0001",
    "08 0001 0000",
    "14 07 06 0001 0000 0001",
    "15 09 06 0003 0000 0001 0abc",
    "5a 00 02",
  ];
  const granted = (assurance: "certificate" | "accepted" | "none"): number[] =>
    requests.flatMap((pdu, i) => (plant.decide(pdu, { assurance }).allowed ? [i] : []));
  assert.equal(granted("certificate"), [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.equal(granted("accepted"), [0, 1, 2, 3]);
  assert.equal(granted("none"), [0, 1, 2]);
  assert.is(plant.ask("06 0001 0001", { assurance: "none" }), "unauthenticated");
  assert.is(plant.ask("17 0001 0001 0002 0001 02 0007", { assurance: "none" }), "unauthenticated");
});

subjects("unknown assets and roles may do nothing", () => {
  const plant = new Plant({ rules: [{ id: "all", allow: ["read", "write"] }] });
  assert.is(plant.ask("03 0001 0001", { roles: ["stranger"] }), "nothingAllows");
  assert.is(plant.ask("03 0001 0001", { roles: [] }), "nothingAllows");
  assert.is(plant.ask("03 0001 0001", { roles: ["operator", "stranger", "operator"] }), "allowed operator/all");
  const elsewhere = plant.compiled.tableFor("boiler-2", ["operator"], "certificate");
  const operations = modbusVocabulary.operationsOf(Uint8Array.of(3, 0, 1, 0, 1), 1, false);
  assert.ok(typeof operations === "object");
  const facts = {
    now: 0,
    hoursOpen: new Uint8Array(0),
    states: new Uint8Array(8).fill(1),
    implausible: new Uint8Array(8),
    present: { cell: () => -1 },
    changes: { count: () => 0 },
    rates: { count: () => 0 },
  };
  assert.is(decide(elsewhere, operations.operations, facts).code, "unknownUnit");
});

subjects("every set of roles the bindings give is compiled at load; others when they come, and not without end", () => {
  const names = Array.from({ length: 12 }, (_, i) => `r${i}`);
  const plant = new Plant({ roles: Object.fromEntries(names.map((name) => [name, [{ id: "read", allow: ["read"] }]])) });
  const compiled = finish(compile(plant.policy, () => modbusVocabulary.spaces));
  const pair = compiled.tableFor("boiler-1", ["r0", "r1"], "certificate");
  assert.is(compiled.tableFor("boiler-1", ["r1", "r0"], "certificate"), pair, "kept");
  assert.is(compiled.tableFor("boiler-1", ["r1", "r0"], "none").lanes, pair.lanes);
  for (let set = 1; set < 512; set++)
    compiled.tableFor(
      "boiler-1",
      names.filter((_, i) => (set & (1 << i)) !== 0),
      "certificate",
    );
  assert.is.not(compiled.tableFor("boiler-1", ["r0", "r1"], "certificate"), pair, "long pushed out");
  const alone = compiled.tableFor("boiler-1", ["r3"], "certificate");
  assert.is(compiled.tableFor("boiler-1", ["r3"], "certificate"), alone, "single roles stay");
});

subjects("a set that bindings give somebody stays, however many others come", () => {
  const names = Array.from({ length: 12 }, (_, i) => `r${i}`);
  const plant = new Plant({ roles: Object.fromEntries(names.map((name) => [name, [{ id: "read", allow: ["read"] }]])) });
  const binding = {
    order: 0,
    line: 1,
    identity: null,
    certificateRole: null,
    source: null,
    kind: "person",
    acceptUnauthenticated: false,
    expiredMs: null,
  } as const;
  const bindings: readonly Binding[] = [
    { ...binding, role: "r0", identity: "spiffe://plant.example/operator/*" },
    { ...binding, role: "r1", identity: "spiffe://plant.example/operator/alice" },
    { ...binding, role: "r2", identity: "cn:*@plant" },
    { ...binding, role: "r3", identity: "cn:bob@plant" },
    { ...binding, role: "r4", identity: "cn:*" },
    { ...binding, role: "r5", certificateRole: "engineer" },
    { ...binding, role: "r6", certificateRole: "engineer" },
    { ...binding, role: "r7", source: { text: "10.10.0.0/16", address: Uint8Array.of(10, 10, 0, 0), prefix: 16 } },
    { ...binding, role: "r8", source: { text: "10.10.5.0/24", address: Uint8Array.of(10, 10, 5, 0), prefix: 24 } },
  ];
  const compiled = finish(compile({ ...plant.policy, bindings }, () => modbusVocabulary.spaces));
  const given = [
    ["r0", "r1"],
    ["r2", "r4"],
    ["r2", "r3", "r4"],
    ["r5", "r6"],
    ["r7", "r8"],
  ];
  const tables = given.map((roles) => compiled.tableFor("boiler-1", roles, "certificate"));
  for (let set = 1; set < 2048; set += 3)
    compiled.tableFor(
      "boiler-1",
      names.filter((_, i) => (set & (1 << i)) !== 0),
      "certificate",
    );
  for (const [i, roles] of given.entries()) assert.is(compiled.tableFor("boiler-1", roles, "certificate"), tables[i], roles.join(" "));
});

subjects("too many rules over one address are named; a table that would run away denies everything", () => {
  const rules = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      id: `r${i}`,
      allow: ["write"] as const,
      addresses: [[0, i]] as const,
      values: { min: "0", max: String(i) },
    }));
  const sixteen = new Plant({ rules: rules(16) });
  assert.is(sixteen.compiled.crowded.length, 0);
  assert.is(sixteen.ask("06 0000 000f"), "allowed operator/r15");
  const seventeen = new Plant({ rules: rules(17) });
  const [crowded] = seventeen.compiled.crowded;
  assert.equal(
    [crowded?.asset, crowded?.roles, crowded?.verb, crowded?.unit, crowded?.space, crowded?.address, crowded?.rules.length],
    ["boiler-1", ["operator"], "write", 1, 3, 0, 17],
  );
  const { policy } = new Plant({ rules: [...rules(300), { id: "not", deny: ["write"], addresses: [[299, 299]] }] });
  const table = finish(compile(policy, () => modbusVocabulary.spaces)).tableFor("boiler-1", ["operator"], "certificate");
  assert.equal(table.lanes, {});
});

subjects.run();
