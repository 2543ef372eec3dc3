/** Findings: what a policy that loads may still have wrong, with code and place; and what is no finding. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sayProblem } from "#documents/problems";
import { SPACES } from "#modbus/spaces";
import { compile, finish } from "#policy/compile";
import { LINTS, type LintSite, lint, sayFinding } from "#policy/lint";
import { loadPolicy } from "#policy/load";
import type { Policy } from "#policy/model";
import { ASSETS, VOCABULARIES } from "./plant.ts";

/** One plain listener, for 10.10.0.0/16, and a management port. */
const SITE: LintSite = {
  listeners: [
    { tls: "none", from: [{ address: Uint8Array.of(10, 10, 0, 0), prefix: 16 }] },
    { tls: "mutual", from: [{ address: Uint8Array.of(10, 9, 0, 0), prefix: 16 }] },
  ],
  management: { web: {} },
  assets: new Map(),
};

function load(text: string): Policy {
  const loaded = loadPolicy({ file: "p.yaml", text }, ASSETS, VOCABULARIES);
  if (!loaded.ok) throw new Error(loaded.error.map(sayProblem).join("\n"));
  return loaded.value;
}

const FOUND: readonly (readonly [title: string, text: string, said: readonly string[]])[] = [
  [
    "RULINGS 27: machine-cannot-manage: a machine, and a source, whose role has rules of management",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: read, on: tank }\n    - { id: m, manage: mode, on: tank }\nbindings:\n  - { role: r, identity: "cn:*", kind: machine }\n  - { role: r, source: 10.10.5.0/24 }\n',
    [
      "8:5: warning machine-cannot-manage: r has r/m (line 6), and a machine manages nothing: only kind: person does",
      "9:5: warning machine-cannot-manage: r has r/m (line 6), and a machine manages nothing: only kind: person does",
      "9:5: warning source-binding: anybody in 10.10.5.0/24 is r: an address proves nobody",
    ],
  ],
  [
    "role-unused: a role of nothing but rules of management",
    "policy: p\nversion: 1\nroles:\n  r:\n    - { id: m, manage: mode, on: tank }\nbindings: []\n",
    ["5:7: warning role-unused: no binding gives the role r, and no role includes it"],
  ],
  [
    "write-without-limit: a number by name",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: write, on: tank, points: [inflow, pump] }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    ["5:7: warning write-without-limit: r/a lets inflow be written to anything; give it values, or write_min and write_max"],
  ],
  [
    "write-without-limit: max_step is no limit",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: write, on: tank, points: [inflow], values: { max_step: 1 } }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    ["5:7: warning write-without-limit: r/a lets inflow be written to anything; give it values, or write_min and write_max"],
  ],
  [
    "write-without-limit: registers by address",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: write, on: tank, table: holding, addresses: 0-9 }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    ["5:7: warning write-without-limit: r/a lets registers that it does not name be written to anything; name points or give it values"],
  ],
  [
    "write-without-limit: every table",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: write, on: well }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    ["5:7: warning write-without-limit: r/a lets registers that it does not name be written to anything; name points or give it values"],
  ],
  [
    "no finding: coils, bits, text and limited numbers",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: write, on: tank, table: coil }\n    - { id: b, allow: write, on: tank, points: [auto] }\n    - { id: c, allow: write, on: tank, points: tag }\n    - { id: d, allow: write, on: tank, points: inflow, values: { min: 0, max: 1 } }\n    - { id: e, allow: write, on: tank, points: level, values: { set: [1] } }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    [],
  ],
  [
    "RULINGS 15: no finding: a stop beside the rules for every day",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: write, on: tank, points: inflow, values: { min: 0, max: 1 } }\n    - { id: b, allow: write, on: tank, table: coil }\n    - { id: c, allow: write, on: tank, points: [inflow], values: { set: [0] }, essential: true }\n    - { id: d, allow: write, on: tank, table: coil, addresses: 0, values: { set: [0] }, essential: true }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    [],
  ],
  [
    "RULINGS 15: essential-barred: a deny that touches it",
    'policy: p\nversion: 1\nnever:\n  - { id: n, deny: write, on: tank, table: holding, addresses: 40, hours: "01:00-02:00 UTC" }\nroles:\n  r:\n    - { id: c, allow: write, on: tank, points: [inflow], values: { set: [0] }, essential: true }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    ["7:7: warning essential-barred: r/c is denied where never/n (line 4) touches it"],
  ],
  [
    "hollow-values: no raw word between",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: write, on: tank, points: inflow, values: { min: 0.11, max: 0.19 } }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    ["5:7: warning hollow-values: r/a: no value that inflow can hold lies between min and max"],
  ],
  [
    "hollow-values: beyond the type",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: write, on: tank, points: level, values: { min: 40000, max: 50000 } }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    ["5:7: warning hollow-values: r/a: min and max lie outside what level can hold or may be written to"],
  ],
  [
    "read-only-point",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: write, on: tank, points: serial, values: { min: 0, max: 1 } }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    ["5:7: warning read-only-point: r/a allows writes to serial, whose access is r"],
  ],
  [
    "overlap: a wider rule beside a narrower",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: write, on: tank, points: inflow, values: { min: 0, max: 1 } }\n    - { id: b, allow: write, on: tank, table: holding, addresses: 30-49, units: 1, values: { min: 0, max: 500 } }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    ["6:7: warning overlap: r/b and r/a (line 5) both let r write holding 40 of tank"],
  ],
  [
    "overlap: not where functions or bits are apart",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: write, on: tank, points: pump, functions: 5, hours: "Mon-Fri 07:00-17:00 UTC" }\n    - { id: b, allow: write, on: tank, points: pump, functions: 15 }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    [],
  ],
  [
    "overlap: through an include",
    'policy: p\nversion: 1\nroles:\n  a: [{ id: x, allow: write, on: tank, points: pump, rate: 1/s }]\n  b: [{ include: a }, { id: y, allow: write, on: tank, points: [pump, valve], rate: 9/s }]\nbindings: [{ role: b, identity: "cn:*", kind: person }]\n',
    ["5:23: warning overlap: b/y and a/x (line 4) both let b write coil 0 of tank"],
  ],
  [
    "unreachable: denied whole by never",
    'policy: p\nversion: 1\nnever:\n  - { id: n, deny: write, on: tank }\nroles:\n  r:\n    - { id: a, allow: write, on: tank, points: pump }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    ["7:7: warning unreachable: r/a never decides: never/n (line 4) denies all of it"],
  ],
  [
    "unreachable: denied whole by the role's own deny",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: d, deny: "*", on: tank, table: coil, addresses: 0-9 }\n    - { id: a, allow: write, on: tank, points: [pump, valve] }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    ["6:7: warning unreachable: r/a never decides: r/d (line 5) denies all of it"],
  ],
  [
    "unreachable: allowed already",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: read, on: tank }\n    - { id: b, allow: read, on: tank, table: holding, addresses: 0-9, hours: "Mon-Fri 07:00-17:00 UTC" }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    ["6:7: warning unreachable: r/b adds nothing: r/a (line 5) allows all of it already"],
  ],
  [
    "unreachable: a deny within an earlier deny",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, deny: write, on: tank }\n    - { id: b, deny: write, on: tank, points: pump }\n    - { id: c, allow: read, on: tank }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    ["6:7: warning unreachable: r/b never decides: r/a (line 5) denies all of it"],
  ],
  [
    "unreachable: not by a deny that has hours",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: d, deny: write, on: tank, hours: "Sat,Sun 00:00-24:00 UTC" }\n    - { id: a, allow: write, on: tank, points: pump }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    [],
  ],
  [
    "unreachable: not by a deny of other functions",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: d, deny: write, on: tank, functions: 5 }\n    - { id: a, allow: write, on: tank, points: pump }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    [],
  ],
  [
    "role-unused",
    'policy: p\nversion: 1\nroles:\n  a: [{ id: x, allow: read, on: tank }]\n  b: [{ include: a }]\n  c: [{ id: z, allow: read, on: tank }]\nbindings: [{ role: b, identity: "cn:*", kind: person }]\n',
    ["6:7: warning role-unused: no binding gives the role c, and no role includes it"],
  ],
  [
    "source-binding",
    "policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: read, on: tank }\nbindings: [{ role: r, source: 10.10.5.0/24 }]\n",
    ["6:12: warning source-binding: anybody in 10.10.5.0/24 is r: an address proves nobody"],
  ],
  [
    "source-may-write",
    "policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: write, on: tank, points: pump }\nbindings:\n  - { role: r, source: 10.10.5.0/24, accept_unauthenticated: true }\n",
    ["7:5: warning source-may-write: anybody in 10.10.5.0/24 may write as r: nobody is proven there"],
  ],
  [
    "source-may-write: nothing to accept",
    "policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: read, on: tank }\nbindings:\n  - { role: r, source: 10.10.5.0/24, accept_unauthenticated: true }\n",
    ["7:5: warning source-may-write: r has no write rule, so nothing is accepted: nobody is proven there"],
  ],
  [
    "source-cannot-write",
    "policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: write, on: tank, points: pump }\nbindings:\n  - { role: r, source: 10.10.5.0/24 }\n",
    ["7:5: warning source-cannot-write: r has write rules, but writes from 10.10.5.0/24 are denied without accept_unauthenticated"],
  ],
  [
    "source-wide and source-not-served",
    "policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: read, on: tank }\nbindings:\n  - { role: r, source: 0.0.0.0/0 }\n  - { role: r, source: 10.9.0.0/16 }\n",
    [
      "7:5: warning source-binding: anybody in 0.0.0.0/0 is r: an address proves nobody",
      "7:5: warning source-wide: 0.0.0.0/0 is every address",
      "8:5: warning source-binding: anybody in 10.9.0.0/16 is r: an address proves nobody",
      "8:5: warning source-not-served: no listener of the site with tls: none serves 10.9.0.0/16",
    ],
  ],
  [
    "drop-authenticated: document, asset, role, rule",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: read, on: tank, on_deny: { answer: drop } }\n    - on_deny: { answer: drop }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\nassets: { tank: { on_deny: { answer: drop } } }\non_deny: { answer: drop }\n',
    [
      "1:1: warning drop-authenticated: denials of proven senders are dropped everywhere; answer exception, or close",
      "1:1: warning drop-authenticated: denials of proven senders are dropped on tank; answer exception, or close",
      "5:7: warning drop-authenticated: denials of r, whose holders are proven, are dropped; answer exception, or close",
      "5:7: warning drop-authenticated: r/a drops denials of proven senders; answer exception, or close",
    ],
  ],
  [
    "drop-authenticated: not where nobody is proven",
    "policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: read, on: tank }\nbindings: [{ role: r, source: 10.10.5.0/24 }]\non_deny: { answer: drop }\n",
    ["6:12: warning source-binding: anybody in 10.10.5.0/24 is r: an address proves nobody"],
  ],
  [
    "never-idle: a verb nobody has",
    'policy: p\nversion: 1\nnever:\n  - { id: n, deny: [restart, freeze], on: tank }\nroles:\n  r:\n    - { id: a, allow: read, on: tank }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    ["4:5: warning never-idle: never/n: nothing that modbus-tcp can ask is freeze or restart"],
  ],
  [
    "never-idle: a write nobody can make",
    'policy: p\nversion: 1\nnever:\n  - { id: n, deny: write, on: tank, points: serial }\n  - { id: m, deny: write, on: tank, table: input }\nroles:\n  r:\n    - { id: a, allow: read, on: tank }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    [
      "4:5: warning never-idle: never/n: the points file lets nobody write there as it is",
      "5:5: warning never-idle: never/m: no request can write that table",
    ],
  ],
  [
    "never-idle: not where one verb of several matches",
    'policy: p\nversion: 1\nnever:\n  - { id: n, deny: [control, restart], on: tank }\nroles:\n  r:\n    - { id: a, allow: read, on: tank }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    [],
  ],
  [
    "RULINGS 7: no-plausible-range: a wide number that may be written and has none",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: write, on: tank, points: pressure, values: { min: 0, max: 40 } }\n    - { id: b, allow: write, on: tank, points: tag, values: { max_changes: 1/d } }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    ["5:7: warning no-plausible-range: r/a writes pressure; give it plausible_min and plausible_max in the points file"],
  ],
  [
    "ramp",
    'policy: p\nversion: 1\nroles:\n  r:\n    - { id: a, allow: write, on: tank, points: inflow, values: { min: 0, max: 40, max_step: 2.5, max_changes: 6/min } }\n    - { id: b, allow: write, on: tank, points: level, values: { min: 0, max: 40, max_step: 3, max_changes: 2/90s } }\n    - { id: c, allow: write, on: tank, table: holding, addresses: 200, values: { min: 0, max: 9, max_step: 1, max_changes: 1/d } }\nbindings: [{ role: r, identity: "cn:*", kind: person }]\n',
    [
      "5:7: note ramp: r/a permits a ramp of 15 t/h per min on inflow",
      "6:7: note ramp: r/b permits a ramp of 6 mm per 90 s on level",
      "7:7: note ramp: r/c permits a ramp of 1 per d on its addresses",
    ],
  ],
];

const linting = suite("policy/documents/lint");

for (const [title, text, said] of FOUND) {
  linting(title, () => {
    assert.equal(
      lint(load(text), SITE, VOCABULARIES).map(sayFinding),
      said.map((line) => `p.yaml:${line}`),
    );
  });
}

linting("crowded: more than sixteen rules of one role over one address is an error", () => {
  const rule = (i: number): string =>
    `    - { id: a${i}, allow: write, on: tank, points: pump, functions: ${i % 2 === 0 ? 5 : 15}, rate: ${i + 1}/s }\n`;
  const text = (n: number): string =>
    `policy: p\nversion: 1\nroles:\n  r:\n${Array.from({ length: n }, (_, i) => rule(i)).join("")}bindings: []\n`;
  const crowded = (n: number): string[] => {
    const policy = load(text(n));
    const { crowded } = finish(compile(policy, () => SPACES));
    return lint(policy, SITE, VOCABULARIES, crowded)
      .filter(({ level }) => level === "error")
      .map(sayFinding);
  };
  assert.equal(crowded(16), []);
  const [said = "", ...more] = crowded(17);
  assert.equal(more, []);
  assert.ok(said.startsWith("p.yaml:21:7: error crowded: 17 rules of r lie over coil 0 of tank, unit 1 (r/a0, r/a1, "), said);
});

linting("every code is shown by a finding here", () => {
  const shown = new Set(FOUND.flatMap(([, , said]) => said.map((line) => /^\d+:\d+: \w+ ([a-z-]+):/.exec(line)?.[1])));
  assert.equal(
    Object.keys(LINTS).filter((code) => !shown.has(code)),
    ["crowded", "events-unowned", "manage-not-served", "poll-denied"],
  );
});

linting("RULINGS 27: manage-not-served: rights that nobody can use, for the site has no management port", () => {
  const manage = "policy: p\nversion: 1\nroles:\n  r:\n    - { id: m, manage: [view, mode], on: tank }\n";
  const policy = load(`${manage}bindings: [{ role: r, identity: "cn:*", kind: person }]\n`);
  assert.equal(lint(policy, { ...SITE, management: { web: null } }, VOCABULARIES).map(sayFinding), [
    "p.yaml:5:7: warning manage-not-served: r/m grants view, mode, and the site's management names no interface",
  ]);
  assert.equal(lint(policy, SITE, VOCABULARIES), []);
});

linting("ten thousand rules are linted in a blink", () => {
  const items = Array.from(
    { length: 9_000 },
    (_, i) => `    - { id: a${i}, allow: write, on: tank, table: coil, addresses: ${i}, rate: 1/s }\n`,
  );
  const policy = load(`policy: p\nversion: 1\nroles:\n  r:\n${items.join("")}bindings: [{ role: r, identity: "cn:*", kind: person }]\n`);
  const before = process.cpuUsage().user;
  assert.equal(lint(policy, SITE, VOCABULARIES), []);
  const ms = (process.cpuUsage().user - before) / 1000;
  assert.ok(ms < 2_000, `${ms} ms of CPU`);
});

linting.run();
