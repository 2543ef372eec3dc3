/** What a policy that loads has become: rules per asset, exact limits, flattened roles, answers at four levels. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sayProblem } from "#documents/problems";
import { loadPolicy } from "#policy/load";
import type { Policy, Rule } from "#policy/model";
import { ALL_VERBS } from "#policy/schema";
import { ASSETS, exact, VOCABULARIES } from "./plant.ts";

function load(text: string): Policy {
  const loaded = loadPolicy({ file: "p.yaml", text }, ASSETS, VOCABULARIES);
  if (!loaded.ok) throw new Error(loaded.error.map(sayProblem).join("\n"));
  return loaded.value;
}

function loadRole(...items: readonly string[]): readonly Rule[] {
  const text = `policy: p\nversion: 1\nroles:\n  r:\n${items.map((item) => `    - ${item}\n`).join("")}bindings: []\n`;
  return load(text).roles.get("r")?.rules ?? [];
}

function only(...items: readonly string[]): Rule {
  const rules = loadRole(...items);
  assert.is(rules.length, 1);
  return rules[0] as Rule;
}

const loading = suite("policy/documents/load");

loading("a rule keeps its place, and stands once for each asset it names", () => {
  const rules = loadRole("{ id: a, allow: read, on: [well, tank] }", "{ id: b, allow: read, on: '*' }");
  assert.equal(
    rules.map(({ id, asset, line, column, order, file }) => [id, asset, line, column, order, file]),
    [
      ["r/a", "well", 5, 7, 0, "p.yaml"],
      ["r/a", "tank", 5, 7, 1, "p.yaml"],
      ["r/b", "tank", 6, 7, 2, "p.yaml"],
      ["r/b", "well", 6, 7, 3, "p.yaml"],
    ],
  );
});

loading("addresses are read as each asset counts: one rule, two meanings", () => {
  const [tank] = loadRole("{ id: a, allow: read, on: tank, table: holding, addresses: [40-43, 7] }");
  const [well] = loadRole("{ id: a, allow: read, on: well, table: holding, addresses: [40001-40003, 400100] }");
  assert.equal(tank?.scope, {
    is: "addresses",
    space: 3,
    ranges: [
      [40, 43],
      [7, 7],
    ],
  });
  assert.equal(well?.scope, {
    is: "addresses",
    space: 3,
    ranges: [
      [0, 2],
      [99, 99],
    ],
  });
});

loading("files: whole, several, or records of one", () => {
  const rule = only("{ id: a, allow: file-read, on: tank, table: file, addresses: [4, 6-7, 10/0-99, 65535/9999] }");
  const file = 0x10000;
  assert.equal(rule.scope, {
    is: "addresses",
    space: 4,
    ranges: [
      [4 * file, 4 * file + 9999],
      [6 * file, 7 * file + 9999],
      [10 * file, 10 * file + 99],
      [65535 * file + 9999, 65535 * file + 9999],
    ],
  });
});

loading("nothing named: the process tables, or the device for verbs that have no address", () => {
  assert.equal(only("{ id: a, allow: write, on: tank }").scope, { is: "process" });
  assert.equal(only("{ id: a, allow: [diagnose, read], on: tank }").scope, { is: "process" });
  assert.equal(only("{ id: a, allow: [diagnose, identify], on: tank }").scope, { is: "device" });
  assert.equal(only("{ id: a, allow: read, on: tank, table: coil }").scope, { is: "addresses", space: 0, ranges: [[0, 65535]] });
});

loading("points are indexes of the asset, by name; units narrow them", () => {
  assert.equal(only("{ id: a, allow: write, on: tank, points: [valve, pump] }").scope, { is: "points", points: [7, 8] });
  const rule = only("{ id: a, allow: write, on: tank, points: second_pump, units: [2] }");
  assert.equal([rule.scope, rule.units], [{ is: "points", points: [11] }, [2]]);
});

loading("RULINGS 3: a unit alias is its unit", () => {
  assert.equal(only("{ id: a, allow: read, on: tank, units: 11 }").units, [1]);
  assert.equal(only("{ id: a, allow: read, on: tank }").units, [1, 2]);
});

loading("RULINGS 5: the wildcard is read in an allow, and every verb in a deny", () => {
  assert.equal(only('{ id: a, allow: "*", on: tank }').verbs, ["read"]);
  assert.equal(only('{ id: a, deny: "*", on: tank, points: inflow }').verbs, [...ALL_VERBS].sort());
});

loading("RULINGS 5: raw names opaque functions one by one", () => {
  const rule = only("{ id: a, allow: raw, on: tank, opaque: true, functions: [90, 43/13, 8/19] }");
  assert.equal(
    [rule.verbs, rule.opaque, rule.functions, rule.scope],
    [["raw"], true, [90, 43 | (13 << 8), 8 | (19 << 8)].sort((a, b) => a - b), { is: "device" }],
  );
  assert.equal(only("{ id: a, deny: raw, on: tank, functions: umas }").functions, [90], "a deny needs no opaque");
});

loading("functions by number or by name", () => {
  const rule = only("{ id: a, allow: write, on: tank, functions: [writeMultipleRegisters, 6, 0x17] }");
  assert.equal(rule.functions, [6, 16, 23]);
  assert.is(only("{ id: a, allow: write, on: tank }").functions, null);
});

loading("RULINGS 1: a deny may name a verb that no asset has yet", () => {
  assert.equal(only("{ id: a, deny: [control, restart], on: tank }").verbs, ["control", "restart"]);
});

loading("RULINGS 7: limits are exact decimals, as they were written", () => {
  const { values } = only(
    "{ id: a, allow: write, on: tank, points: inflow, values: { min: 0.1, max: 4.0e1, max_step: 2.50, max_changes: 6/min } }",
  );
  assert.equal(values, {
    min: exact("0.1"),
    max: exact("40"),
    set: null,
    maxStep: { units: 25n, places: 1 },
    maxChanges: { count: 6, windowMs: 60_000 },
  });
  assert.equal(values?.min, { units: 1n, places: 1 });
});

loading("RULINGS 7: set alone is enough, beside min and max it narrows", () => {
  assert.equal(only("{ id: a, allow: write, on: tank, points: modes, values: { set: [1, 3] } }").values?.set, [exact("1"), exact("3")]);
  const both = only("{ id: a, allow: write, on: tank, points: modes, values: { min: 0, max: 9, set: [1] } }").values;
  assert.equal([both?.min, both?.max, both?.set], [exact("0"), exact("9"), [exact("1")]]);
});

loading("RULINGS 7: a limit of sixty digits keeps every one of them", () => {
  const digits = "3.14159265358979323846264338327950288419";
  const { values } = only(`{ id: a, allow: write, on: tank, points: pressure, values: { min: 0, max: ${digits} } }`);
  assert.equal(values?.max, exact(digits));
  assert.is(String(values?.max?.units), digits.replace(".", ""));
});

loading("RULINGS 2: one limit over several points of one type and unit", () => {
  const rule = only("{ id: a, allow: write, on: tank, points: [inflow, outflow], values: { min: 0, max: 5 } }");
  assert.equal(rule.scope, { is: "points", points: [0, 1] });
});

loading("RULINGS 3: raw limits are unsigned words, at their very ends", () => {
  const { values } = only("{ id: a, allow: write, on: tank, table: holding, addresses: 0-9, values: { min: 0, max: 65535 } }");
  assert.equal([values?.min, values?.max], [exact("0"), exact("65535")]);
});

loading("hours and rate", () => {
  const rule = only('{ id: a, allow: read, on: tank, hours: "Sat,Sun 22:00-06:00 Europe/Berlin", rate: 10/10s }');
  assert.equal(rule.hours, {
    days: [false, false, false, false, false, true, true],
    from: 22 * 60,
    to: 6 * 60,
    zone: "Europe/Berlin",
    text: "Sat,Sun 22:00-06:00 Europe/Berlin",
  });
  assert.equal(rule.rate, { count: 10, windowMs: 10_000 });
});

loading("RULINGS 12: broadcast is a right of its own", () => {
  assert.is(only("{ id: a, allow: write, on: tank, points: [pump, second_pump], broadcast: true }").broadcast, true);
  assert.is(only("{ id: a, allow: write, on: tank, points: [pump] }").broadcast, false);
});

const LAYERS = `policy: p
version: 3
never:
  - { id: n, deny: raw, on: "*" }
roles:
  top:
    - include: [middle, base]
    - { id: t, allow: write, on: tank, points: pump }
  base:
    - { id: b, allow: read, on: tank }
    - { id: d, deny: write, on: tank, points: valve }
    - on_deny: { answer: close }
  middle:
    - include: base
    - { id: m, allow: write, on: tank, points: inflow, on_deny: { exception: 3 } }
bindings: []
assets:
  well: { on_deny: { answer: drop, close_after: { denials: 2, within: 1m } } }
on_deny: { close_after: { denials: 3, within: 60s } }
`;

loading("RULINGS 4: include copies all rules, denies too, each once; ids stay those of the role that wrote them", () => {
  const { roles, never } = load(LAYERS);
  const ids = (role: string): unknown => roles.get(role)?.rules.map(({ id, effect }) => `${effect} ${id}`);
  assert.equal(ids("base"), ["allow base/b", "deny base/d"]);
  assert.equal(ids("middle"), ["allow base/b", "deny base/d", "allow middle/m"]);
  assert.equal(ids("top"), ["allow top/t", "allow base/b", "deny base/d", "allow middle/m"]);
  assert.equal(
    never.map(({ id, asset }) => `${id} ${asset}`),
    ["never/n tank", "never/n well"],
  );
  assert.is(roles.get("top")?.rules[1], roles.get("base")?.rules[0], "the same rule, so the same order and the same windows");
});

loading("RULINGS 4: an including role may deny what it alone grants", () => {
  const text = `policy: p
version: 1
roles:
  a:
    - { id: r, allow: read, on: tank }
    - { id: w, allow: write, on: tank, points: [inflow] }
  b:
    - include: a
    - { id: x, allow: write, on: tank, table: coil, addresses: 0-9 }
    - { id: y, deny: write, on: tank, points: valve }
    - { id: z, deny: write, on: tank, points: inflow, functions: 5 }
bindings: []
`;
  const loaded = loadPolicy({ file: "p.yaml", text }, ASSETS, VOCABULARIES);
  assert.equal(loaded.ok ? [] : loaded.error.map(sayProblem), [
    'p.yaml:11:7: found a deny in "b" that takes away from a/w (line 6); expected the deny under never or in "a": a role that includes another only widens it',
  ]);
});

loading("RULINGS 13: on_deny at document, asset, role and rule", () => {
  const { onDeny, assetOnDeny, roles } = load(LAYERS);
  assert.equal(onDeny, { answer: null, exception: null, closeAfter: { denials: 3, withinMs: 60_000 } });
  assert.equal([...assetOnDeny], [["well", { answer: "drop", exception: null, closeAfter: { denials: 2, withinMs: 60_000 } }]]);
  assert.equal(roles.get("base")?.onDeny, { answer: "close", exception: null, closeAfter: null });
  assert.equal(roles.get("middle")?.onDeny, null, "an answer is the role's own, not included");
  assert.equal(roles.get("middle")?.rules.at(-1)?.onDeny, { answer: null, exception: 3, closeAfter: null });
});

loading("RULINGS 13: nothing said is nothing stated", () => {
  assert.equal(load("policy: p\nversion: 1\nroles: { r: [] }\nbindings: []\n").onDeny, { answer: null, exception: null, closeAfter: null });
});

loading("bindings, with what the source is in octets", () => {
  const { bindings } = load(`policy: p
version: 1
roles: { r: [] }
bindings:
  - { role: r, identity: "spiffe://plant.example/operator/*", kind: person }
  - { role: r, identity: "cn:*@plant", kind: machine }
  - { role: r, certificate_role: engineer, kind: person }
  - { role: r, source: 10.10.5.0/24, accept_unauthenticated: true }
`);
  assert.equal(
    bindings.map(({ line, column, order }) => [line, column, order]),
    [
      [5, 5, 0],
      [6, 5, 1],
      [7, 5, 2],
      [8, 5, 3],
    ],
  );
  assert.equal(bindings[3]?.source, { text: "10.10.5.0/24", address: Uint8Array.of(10, 10, 5, 0), prefix: 24 });
  assert.equal([bindings[3]?.kind, bindings[3]?.acceptUnauthenticated], ["machine", true]);
  assert.equal(bindings[1]?.identity, "cn:*@plant");
});

loading("an asset without a vocabulary is our fault, not the document's", () => {
  assert.throws(() => loadPolicy({ file: "p.yaml", text: "" }, ASSETS, new Map()), /no vocabulary for modbus-tcp/);
});

loading("a chain of 250 roles loads, and the last has every rule", () => {
  const roles = Array.from(
    { length: 250 },
    (_, i) => `  r${i}:\n    - { id: a, allow: read, on: tank }\n${i === 0 ? "" : `    - include: r${i - 1}\n`}`,
  );
  const policy = load(`policy: p\nversion: 1\nroles:\n${roles.join("")}bindings: []\n`);
  assert.is(policy.roles.get("r249")?.rules.length, 250);
});

loading.run();
