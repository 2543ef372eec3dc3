/** Rights of management (RULINGS 27): who has them, on what; by both ways of deciding, by bindings and by cases. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sayProblem } from "#documents/problems";
import { SPACES } from "#modbus/spaces";
import type { Claim } from "#policy/bindings";
import { loadCases, runCases } from "#policy/cases";
import { compile, finish } from "#policy/compile";
import { decide } from "#policy/decide";
import { explain } from "#policy/explain";
import { explainManage } from "#policy/explainManage";
import { loadPolicy } from "#policy/load";
import { decideManage } from "#policy/manage";
import type { ManageRight, Policy } from "#policy/model";
import { MANAGE_WORDS } from "#policy/schema";
import { SELF } from "#policy/self";
import { ASSETS, VOCABULARIES } from "./plant.ts";

const TEXT = `policy: p
version: 1
never:
  - { id: quiet, deny: read, on: tank, points: serial }
roles:
  looker:
    - { id: look, manage: view, on: "*" }
  shift:
    - include: looker
    - { id: read, allow: read, on: tank }
    - { id: cut, manage: [end-session, view], on: [tank, well] }
    - { id: cut-again, manage: end-session, on: tank }
  boss:
    - include: shift
    - { id: all, manage: [mode, confirm], on: "*" }
bindings:
  - { role: shift, identity: "cn:alice@plant", kind: person }
  - { role: boss, identity: "cn:bob@plant", kind: person }
  - { role: boss, identity: "cn:hmi@plant", kind: machine }
  - { role: looker, identity: "cn:carl@plant", kind: person }
  - { role: boss, identity: "cn:carl@plant", kind: machine }
  - { role: boss, certificate_role: panel, kind: machine }
  - { role: boss, certificate_role: chief, kind: person }
  - { role: boss, source: 10.0.0.0/8 }
`;

function load(text: string): Policy {
  const loaded = loadPolicy({ file: "p.yaml", text }, ASSETS, VOCABULARIES);
  if (!loaded.ok) throw new Error(loaded.error.map(sayProblem).join("\n"));
  return loaded.value;
}

const policy = load(TEXT);
const compiled = finish(compile(policy, () => SPACES));
const person = (name: string, certificateRole: string | null = null): Claim => ({
  identity: `cn:${name}@plant`,
  certificateRole,
  source: null,
});

/** The id of the rule that grants it, or why nothing does. */
function may(who: Claim | readonly string[], right: ManageRight, asset: string | null = null): string {
  const decided = decideManage(policy, compiled.manage, "identity" in who ? { claim: who } : { roles: who }, right, asset);
  if (typeof decided === "string") return decided;
  return [...policy.roles.values()].flatMap(({ manage }) => manage).find(({ order }) => order === decided)?.id ?? "nobody's";
}

const manage = suite("policy/documents/manage");

manage('RULINGS 27: each right by itself, on the assets its rule names; the gateway as a whole takes on: "*"', () => {
  const alice = person("alice");
  assert.is(may(alice, "view"), "looker/look");
  assert.is(may(alice, "view", "tank"), "looker/look", "the first of the document");
  assert.is(may(alice, "end-session", "tank"), "shift/cut");
  assert.is(may(alice, "end-session"), "nothingAllows");
  assert.is(may(alice, "end-session", "nowhere"), "nothingAllows");
  assert.is(may(alice, "mode", "tank"), "nothingAllows");
  assert.is(may(alice, "confirm"), "nothingAllows");
  assert.is(may(person("bob"), "mode", "tank"), "boss/all");
  assert.is(may(person("bob"), "mode", "nowhere"), "boss/all");
  assert.is(may(person("bob"), "confirm"), "boss/all");
  assert.is(may(person("bob"), "end-session", "well"), "shift/cut", "what is included counts");
});

manage("RULINGS 27: only a binding of a person gives them: no machine, no source, no role a machine's binding gives beside", () => {
  assert.is(may(person("hmi"), "view"), "notAPerson");
  assert.is(may({ identity: null, certificateRole: null, source: Uint8Array.of(10, 1, 2, 3) }, "view"), "notAPerson");
  assert.is(may(person("carl"), "view"), "looker/look");
  assert.is(may(person("carl"), "mode", "tank"), "nothingAllows", "he has the role, by a machine's binding");
  assert.is(may(person("nobody"), "view"), "noRole");
  assert.is(may(person("bob", "stranger"), "view"), "unknownRole");
  assert.is(may(person("bob", "panel"), "view"), "notAPerson", "a certificate's role is the only one");
  assert.is(may(person("nobody", "chief"), "mode", "tank"), "boss/all");
});

manage("RULINGS 27: rules of management give nothing on the plant, and rules on the plant no management", () => {
  const rules = policy.roles.get("shift");
  assert.equal(
    rules?.rules.map(({ id }) => id),
    ["shift/read"],
  );
  assert.equal(
    rules?.manage.map(({ id, rights, assets }) => [id, rights, assets]),
    [
      ["looker/look", ["view"], null],
      ["shift/cut", ["end-session", "view"], ["tank", "well"]],
      ["shift/cut-again", ["end-session"], ["tank"]],
    ],
  );
  const orders = [...policy.never, ...[...policy.roles.values()].flatMap((role) => [...role.rules, ...role.manage])].map(
    ({ order, id }) => `${order} ${id}`,
  );
  assert.is(new Set(orders).size, new Set(orders.map((each) => each.split(" ")[0])).size, "one number, one rule");
});

manage("RULINGS 27: 20,000 random policies: the naive twin agrees on every right", () => {
  let seed = 27;
  const below = (n: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (seed >> 8) % n;
  };
  const assets = ["a", "b", "c"];
  let granted = 0;
  for (let round = 0; round < 20_000; round++) {
    let order = 0;
    const roles = new Map(
      ["x", "y", "z"].map((name) => {
        const rules = Array.from({ length: below(4) }, () => ({
          order: order++,
          id: `${name}/${order}`,
          file: "p.yaml",
          line: order,
          column: 1,
          rights: MANAGE_WORDS.filter(() => below(2) === 0),
          assets: below(3) === 0 ? null : assets.filter(() => below(2) === 0),
        }));
        return [name, { rules: [], manage: rules, onDeny: null }] as const;
      }),
    );
    const random = { ...policy, roles };
    const table = finish(compile({ ...random, never: [], bindings: [], assets: new Map() }, () => SPACES)).manage;
    const held = ["x", "y", "z", "nobody"].filter(() => below(2) === 0);
    const right = MANAGE_WORDS[below(MANAGE_WORDS.length)] ?? "view";
    const asset = below(4) === 0 ? null : (assets[below(3)] ?? null);
    const found = table.granting(held, right, asset);
    assert.is(found, explainManage(random, held, right, asset).rule?.order ?? -1);
    if (found >= 0) granted += 1;
  }
  assert.ok(granted > 4_000 && granted < 16_000, `${granted} granted`);
});

const OUTCOMES: readonly (readonly [item: string, outcome: string])[] = [
  ["{ as: shift, manage: end-session, on: tank, expect: allow, rule: shift/cut }", "allow by shift/cut"],
  ["{ as: shift, manage: end-session, expect: deny, code: nothingAllows, rule: default }", "deny nothingAllows by default"],
  ['{ as: "cn:hmi@plant", manage: view, expect: deny, code: notAPerson }', "deny notAPerson by default"],
  ["{ as: 10.1.2.3, manage: view, expect: deny, code: notAPerson }", "deny notAPerson by default"],
  ['{ as: { identity: "cn:x@plant", certificate_role: chief }, manage: confirm, expect: allow }', "allow by boss/all"],
  ["{ as: [looker, boss], manage: view, on: well, expect: allow, rule: looker/look }", "allow by looker/look"],
];

manage("RULINGS 27: cases ask for rights, and a rule that none shows at work is told", () => {
  const text = OUTCOMES.map(([item]) => `- ${item}\n`).join("");
  const loaded = loadCases({ file: "c.yaml", text }, policy, VOCABULARIES);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  if (!loaded.ok) return;
  const { verdicts, coverage, failures } = runCases(policy, compiled, VOCABULARIES, [loaded.value]);
  assert.equal(failures, []);
  assert.equal(
    verdicts.map(({ outcome }) => outcome),
    OUTCOMES.map(([, outcome]) => outcome),
  );
  assert.equal(verdicts[0]?.of.title, "shift: manage end-session on tank");
  assert.equal(
    coverage.filter(({ effect }) => effect === "manage").map(({ id, allowed, covered }) => [id, allowed, covered]),
    [
      ["looker/look", 1, true],
      ["shift/cut", 1, true],
      ["shift/cut-again", 0, false],
      ["boss/all", 1, true],
    ],
  );
});

const MISREAD: readonly (readonly [item: string, said: string])[] = [
  [
    "{ as: shift, expect: allow }",
    "c.yaml:1:3: found a case that asks nothing; expected request: with a request in words, or manage: with a right",
  ],
  [
    "{ as: shift, manage: view, request: read inflow, on: tank, expect: allow }",
    "c.yaml:1:16: found both request and manage; expected either request or manage in one case",
  ],
  [
    "{ as: shift, manage: view, unit: 1, expect: allow }",
    'c.yaml:1:30: found the key "unit"; expected no unit beside manage: a right depends on who and where alone',
  ],
  [
    "{ as: shift, manage: stage, expect: deny }",
    'c.yaml:1:24: found "stage"; expected view, end-session, mode or confirm (stage, approve, revoke and export come with later work)',
  ],
  [
    "{ as: shift, manage: view, on: nowhere, expect: deny }",
    'c.yaml:1:34: found "nowhere"; expected the name of an asset, one of: tank, well',
  ],
  [
    "{ as: shift, manage: view, expect: allow, rule: shift/nothing }",
    'c.yaml:1:51: found "shift/nothing"; expected the id of a rule, or default, one of: never/quiet, shift/read, looker/look, shift/cut, shift/cut-again, boss/all',
  ],
];
for (const [item, said] of MISREAD) {
  manage(`RULINGS 27: a slip in a case: ${item}`, () => {
    const loaded = loadCases({ file: "c.yaml", text: `- ${item}\n` }, policy, VOCABULARIES);
    assert.equal(loaded.ok ? [] : loaded.error.map(sayProblem), [said]);
  });
}

manage("RULINGS 4: the gateway's own subject reads everything but what `never` forbids, and does nothing else", () => {
  const vocabulary = VOCABULARIES.get("modbus-tcp");
  const tank = ASSETS.get("tank");
  if (vocabulary === undefined || tank === undefined) throw new Error("no plant");
  const facts = {
    now: 0,
    hoursOpen: new Uint8Array(0),
    states: new Uint8Array(0),
    implausible: new Uint8Array(tank.points.length),
    present: null,
    changes: { count: () => 0 },
    rates: { count: () => 0 },
  };
  const asked = (words: string): string => {
    const [verb = "read", first = "0", last = first] = words.split(" ");
    const operation = {
      verb: verb as "read",
      effect: verb === "read" ? ("observe" as const) : ("change" as const),
      via: 0 as const,
      function: verb === "read" ? 3 : 6,
      object: 0,
      unit: 1,
      broadcast: false,
      actor: 0,
      target: { at: "range" as const, space: 3, first: Number(first), last: Number(last) },
      values:
        verb === "read" ? { is: "none" as const } : { is: "cells" as const, octets: new Uint8Array(2), at: 0, bits: 16 as const, keep: 0 },
      control: null,
    };
    const decided = decide(compiled.tableFor("tank", [SELF], "none"), [operation], facts);
    assert.equal(decided, explain(policy, "tank", [SELF], "none", [operation], facts, vocabulary).decision);
    return decided.code ?? "allowed";
  };
  assert.is(asked("read 40 44"), "allowed");
  assert.is(asked("read 500 510"), "allowed", "what no point names too");
  assert.is(asked("read 69 71"), "never");
  assert.is(asked("read 70"), "never");
  assert.is(asked("write 40"), "unauthenticated");
});

manage.run();
