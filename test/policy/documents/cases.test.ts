/** Cases: how they are read, what each word of them does, and how a failing one is told. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sayProblem } from "#documents/problems";
import { SPACES } from "#modbus/spaces";
import { type CaseFile, loadCases, runCases } from "#policy/cases";
import { compile, finish } from "#policy/compile";
import { loadPolicy } from "#policy/load";
import type { Policy } from "#policy/model";
import { ASSETS, VOCABULARIES } from "./plant.ts";

const POLICY = `policy: p
version: 1
never:
  - { id: n, deny: control, on: "*" }
roles:
  viewer:
    - { id: look, allow: read, on: "*" }
  operator:
    - include: viewer
    - { id: flow, allow: write, on: tank, points: [inflow, outflow], values: { min: 0, max: 40, max_step: 2, max_changes: 3/min } }
    - { id: pumps, allow: write, on: tank, points: [pump, second_pump], broadcast: true, rate: 5/min }
    - { id: late, allow: write, on: tank, points: valve, hours: "Mon-Fri 07:00-17:00 Europe/Berlin" }
    - { id: auto, allow: write, on: tank, points: auto }
    - { id: well, allow: write, on: well, table: holding, addresses: 40040-40041, values: { min: 5, max: 10, max_step: 1, max_changes: 2/min } }
bindings:
  - { role: operator, identity: "spiffe://plant/operator/*", kind: person }
  - { role: viewer, identity: "cn:*@ca", kind: person }
  - { role: operator, certificate_role: op, kind: person }
  - { role: viewer, source: 10.0.0.0/8 }
  - { role: operator, source: 10.1.0.0/16, accept_unauthenticated: true }
`;

const policy: Policy = (() => {
  const loaded = loadPolicy({ file: "p.yaml", text: POLICY }, ASSETS, VOCABULARIES);
  if (!loaded.ok) throw new Error(loaded.error.map(sayProblem).join("\n"));
  return loaded.value;
})();
const compiled = finish(compile(policy, () => SPACES));

function read(text: string): CaseFile | string[] {
  const loaded = loadCases({ file: "c.yaml", text }, policy, VOCABULARIES);
  return loaded.ok ? loaded.value : loaded.error.map(sayProblem);
}

/** What came out of one case. */
function outcome(item: string): string {
  const file = read(`- ${item}\n`);
  if (Array.isArray(file)) return file.join("\n");
  return runCases(policy, compiled, VOCABULARIES, [file]).verdicts[0]?.outcome ?? "nothing";
}

const cases = suite("policy/documents/cases");

const OUTCOMES: readonly (readonly [why: string, item: string, outcome: string])[] = [
  ["a role", "{ as: viewer, on: tank, request: read inflow, expect: allow }", "allow by viewer/look"],
  ["several roles", "{ as: [operator, viewer], on: tank, request: write auto = 1 by 16, expect: allow }", "deny nothingAllows by default"],
  ["an identity", '{ as: "spiffe://plant/operator/al", on: tank, request: write pump = 1, expect: allow }', "allow by operator/pumps"],
  ["a common name", '{ as: "cn:al@ca", on: tank, request: read inflow, expect: allow }', "allow by viewer/look"],
  ["an identity nobody bound", '{ as: "cn:al@other", on: tank, request: read inflow, expect: deny }', "deny noRole by default"],
  [
    "a certificate role",
    '{ as: { identity: "cn:al@ca", certificate_role: op }, on: tank, request: write pump = 1, expect: allow }',
    "allow by operator/pumps",
  ],
  [
    "an unknown certificate role",
    "{ as: { certificate_role: boss }, on: tank, request: read inflow, expect: deny }",
    "deny unknownRole by default",
  ],
  [
    "RULINGS 14: an address proves nobody",
    "{ as: 10.2.0.1, on: tank, request: write pump = 1, expect: deny }",
    "deny unauthenticated by default",
  ],
  ["RULINGS 14: accepted by name", "{ as: 10.1.0.1, on: tank, request: write pump = 1, expect: allow }", "allow by operator/pumps"],
  [
    "RULINGS 14: accepted writes are writes, not control",
    "{ as: 10.1.0.1, on: well, request: raw 90 = 00, expect: deny }",
    "deny unauthenticated by default",
  ],
  [
    "seen in engineering units",
    "{ as: operator, on: tank, request: write inflow = 22, seen: { inflow: 20 }, expect: allow }",
    "allow by operator/flow",
  ],
  [
    "seen by address is raw",
    "{ as: operator, on: tank, request: write inflow = 22, seen: { holding 40: 200 }, expect: allow }",
    "allow by operator/flow",
  ],
  [
    "one tenth further is too far",
    "{ as: operator, on: tank, request: write inflow = 22.1, seen: { inflow: 20 }, expect: deny }",
    "deny stepTooLarge by operator/flow",
  ],
  ["nothing seen", "{ as: operator, on: tank, request: write inflow = 22, expect: deny }", "deny factUnavailable by operator/flow"],
  [
    "seen on another unit is not seen here",
    "{ as: operator, on: tank, unit: 1, request: write inflow = 22, seen: { outflow: 22 }, expect: deny }",
    "deny factUnavailable by operator/flow",
  ],
  [
    "changes counted",
    "{ as: operator, on: tank, request: write inflow = 1, seen: { inflow: 0 }, changes: { inflow: 3 }, expect: deny }",
    "deny tooManyChanges by operator/flow",
  ],
  [
    "changes by address are the point's that stands there",
    "{ as: operator, on: tank, request: write inflow = 1, seen: { inflow: 0 }, changes: { holding 40: 3 }, expect: deny }",
    "deny tooManyChanges by operator/flow",
  ],
  [
    "changes of an address without a name",
    "{ as: operator, on: well, request: write holding 40041 = 7, seen: { holding 40041: 6 }, changes: { holding 40041: 2 }, expect: deny }",
    "deny tooManyChanges by operator/well",
  ],
  [
    "one below the count",
    "{ as: operator, on: tank, request: write inflow = 1, seen: { inflow: 0 }, changes: { inflow: 2 }, expect: allow }",
    "allow by operator/flow",
  ],
  [
    "a rate used up",
    "{ as: operator, on: tank, request: write pump = 1, requests: 5, expect: deny }",
    "deny rateExceeded by operator/pumps",
  ],
  [
    "within hours",
    '{ as: operator, on: tank, request: write valve = 1, at: "2026-07-01T05:30:00Z", expect: allow }',
    "allow by operator/late",
  ],
  [
    "the same hour in winter",
    '{ as: operator, on: tank, request: write valve = 1, at: "2026-12-01T05:30:00Z", expect: deny }',
    "deny outsideHours by operator/late",
  ],
  [
    "a time with its own zone",
    '{ as: operator, on: tank, request: write valve = 1, at: "2026-12-01T07:00+01:00", expect: allow }',
    "allow by operator/late",
  ],
  [
    "no time told: hours cannot be evaluated",
    "{ as: operator, on: tank, request: write valve = 1, expect: deny }",
    "deny outsideHours by operator/late",
  ],
  ["a point takes its own unit", "{ as: operator, on: tank, request: write second_pump = 1, expect: allow }", "allow by operator/pumps"],
  [
    "RULINGS 12: unit 0 asks every unit",
    "{ as: operator, on: tank, unit: 0, request: write coil 0 = 1, expect: allow }",
    "allow by operator/pumps",
  ],
  [
    "RULINGS 12: where unit 0 is the device, it is a unit like others",
    "{ as: operator, on: well, unit: 0, request: read inflow, expect: deny }",
    'c.yaml:1:47: found "inflow" asked of unit 0; expected unit 1, where it is',
  ],
  ["RULINGS 3: a unit alias", "{ as: viewer, on: tank, unit: 11, request: read inflow, expect: allow }", "allow by viewer/look"],
  ["a unit that is not there", "{ as: viewer, on: tank, unit: 9, request: read holding 40, expect: deny }", "deny unknownUnit by default"],
  ["never", "{ as: operator, on: tank, request: control 8/4, expect: deny }", "deny never by never/n"],
  [
    "a malformed request has its code",
    "{ as: viewer, on: tank, request: raw 3 = 00 00 00 00, expect: deny }",
    "deny badQuantity by default",
  ],
  ["modicon counting", "{ as: viewer, on: well, request: read holding 40001-40002, expect: allow }", "allow by viewer/look"],
  [
    "RULINGS 11: a masked write of a bit",
    "{ as: operator, on: tank, request: mask modes and 0xFFFE or 1, expect: allow }",
    "allow by operator/auto",
  ],
];

for (const [why, item, expected] of OUTCOMES) cases(why, () => assert.is(outcome(item), expected));

const FAULTS: readonly (readonly [why: string, text: string, said: readonly string[]])[] = [
  ["no list", "as: viewer\n", ["1:1: found a map; expected a list"]],
  [
    "an unknown key",
    "- { as: viewer, on: tank, request: read inflow, expekt: allow }\n",
    [
      "1:3: found no expect; expected one of: allow, deny",
      '1:49: found the unknown key "expekt"; expected the key "expect" (did you mean that?)',
    ],
  ],
  [
    "an unknown role",
    "- { as: viewr, on: tank, request: read inflow, expect: allow }\n",
    ['1:9: found "viewr"; expected a role "viewer" (did you mean that?)'],
  ],
  [
    "an unknown role in a list",
    "- { as: [viewer, boss], on: tank, request: read inflow, expect: allow }\n",
    ['1:18: found "boss"; expected a role, one of: viewer, operator'],
  ],
  [
    "a common name without its authority",
    '- { as: "cn:al", on: tank, request: read inflow, expect: allow }\n',
    [
      '1:9: found "cn:al"; expected an identity such as spiffe://plant.example/operator/alice or cn:alice@plant, where @ names the authority',
    ],
  ],
  [
    "a claim that claims nothing",
    "- { as: {}, on: tank, request: read inflow, expect: allow }\n",
    ["1:9: found a claim that claims nothing; expected at least one of: identity, certificate_role, source"],
  ],
  [
    "no asset where there are two",
    "- { as: viewer, request: read inflow, expect: allow }\n",
    ["1:3: found no on; expected on: with the name of an asset, one of: tank, well"],
  ],
  [
    "an unknown asset",
    "- { as: viewer, on: tonk, request: read inflow, expect: allow }\n",
    ['1:21: found "tonk"; expected the name of an asset "tank" (did you mean that?)'],
  ],
  [
    "words that ask nothing",
    "- { as: viewer, on: tank, request: look inflow, expect: allow }\n",
    ['1:36: found "look"; expected read, write, mask, readwrite, file-read, file-write, diagnose, control, identify or raw'],
  ],
  [
    "an unknown point in a request",
    "- { as: viewer, on: tank, request: read inflaw, expect: allow }\n",
    ['1:36: found "inflaw"; expected a table and its addresses, or a point of tank "inflow" (did you mean that?)'],
  ],
  [
    "an address in another way of counting",
    "- { as: viewer, on: well, request: read holding 40, expect: allow }\n",
    ['1:36: found "40"; expected a holding address from 40001 to 49999 or 400001 to 465536 (modicon)'],
  ],
  [
    "a value the point cannot hold",
    "- { as: operator, on: tank, request: write inflow = -1, expect: deny }\n",
    ['1:38: found "-1"; expected a value of inflow: -1 is outside what this uint16 can hold: 0 to 6553.5'],
  ],
  [
    "a point of another unit",
    "- { as: operator, on: tank, unit: 1, request: write second_pump = 1, expect: deny }\n",
    ['1:47: found "second_pump" asked of unit 1; expected unit 2, where it is'],
  ],
  [
    "an unknown rule",
    "- { as: viewer, on: tank, request: read inflow, expect: allow, rule: viewer/luk }\n",
    ['1:70: found "viewer/luk"; expected the id of a rule, or default "viewer/look" (did you mean that?)'],
  ],
  [
    "a code where it is allowed",
    "- { as: viewer, on: tank, request: read inflow, expect: allow, code: never }\n",
    ['1:70: found "never"; expected a code only where the case expects deny'],
  ],
  [
    "an unknown code",
    "- { as: viewer, on: tank, request: read inflow, expect: deny, code: forbiden }\n",
    ['1:69: found "forbiden"; expected a denial code such as aboveMaximum (penstock policy explain --words lists them)'],
  ],
  [
    "a time without a zone",
    '- { as: viewer, on: tank, request: read inflow, expect: allow, at: "2026-11-24T10:00:00" }\n',
    ['1:68: found "2026-11-24T10:00:00"; expected a time with its zone, such as 2026-11-24T10:00:00Z or 2026-11-24T11:00+01:00'],
  ],
  [
    "a day that does not exist",
    '- { as: viewer, on: tank, request: read inflow, expect: allow, at: "2026-13-24T10:00:00Z" }\n',
    ['1:68: found "2026-13-24T10:00:00Z"; expected a time with its zone, such as 2026-11-24T10:00:00Z or 2026-11-24T11:00+01:00'],
  ],
  [
    "seen: an unknown point",
    "- { as: viewer, on: tank, request: read inflow, expect: allow, seen: { levl: 1 } }\n",
    ['1:78: found "levl"; expected a point of tank "level" (did you mean that?)'],
  ],
  [
    "seen: a raw word too large",
    "- { as: viewer, on: tank, request: read inflow, expect: allow, seen: { holding 40: 70000 } }\n",
    ['1:84: found "70000"; expected a raw word from 0 to 65535'],
  ],
  [
    "changes: an unknown table",
    "- { as: viewer, on: tank, request: read inflow, expect: allow, changes: { hold 40: 1 } }\n",
    ['1:84: found "hold"; expected a table, one of: coil, discrete, input, holding, file'],
  ],
];

for (const [why, text, said] of FAULTS) {
  cases(`refused: ${why}`, () => {
    const got = read(text);
    assert.equal(
      Array.isArray(got) ? got : "loaded",
      said.map((line) => `c.yaml:${line}`),
    );
  });
}

cases("a failing case tells its place, what came out and what was expected", () => {
  const file = read(`- { name: "the first", as: viewer, on: tank, request: read inflow, expect: deny, code: never, rule: never/n }
- { as: operator, on: tank, request: write inflow = 41, seen: { inflow: 40 }, expect: deny, code: stepTooLarge }
- { as: viewer, on: tank, request: read inflow, expect: allow, rule: default }
- { as: viewer, on: tank, request: read inflow, expect: allow }
`);
  assert.not(Array.isArray(file));
  if (Array.isArray(file)) return;
  const report = runCases(policy, compiled, VOCABULARIES, [file]);
  assert.equal(report.failures, [
    'c.yaml:1:3: found allow by viewer/look in case "the first"; expected deny never by never/n',
    'c.yaml:2:3: found deny aboveMaximum by operator/flow in case "operator: write inflow = 41"; expected deny stepTooLarge',
    'c.yaml:3:3: found allow by viewer/look in case "viewer: read inflow"; expected allow by default',
  ]);
  assert.equal(
    report.verdicts.map(({ passed }) => passed),
    [false, false, false, true],
  );
});

cases("coverage counts what each rule decided", () => {
  const file = read(`- { as: viewer, on: tank, request: read inflow, expect: allow }
- { as: viewer, on: well, request: read inflow, expect: allow }
- { as: operator, on: tank, request: write inflow = 41, seen: { inflow: 40 }, expect: deny }
- { as: operator, on: tank, request: control 8/4, expect: deny }
`);
  assert.not(Array.isArray(file));
  if (Array.isArray(file)) return;
  const { coverage } = runCases(policy, compiled, VOCABULARIES, [file]);
  assert.equal(
    coverage.map(({ id, allowed, denied, covered }) => [id, allowed, denied, covered]),
    [
      ["never/n", 0, 1, true],
      ["viewer/look", 2, 0, true],
      ["operator/flow", 0, 1, false],
      ["operator/pumps", 0, 0, false],
      ["operator/late", 0, 0, false],
      ["operator/auto", 0, 0, false],
      ["operator/well", 0, 0, false],
    ],
  );
});

cases("the twins must agree: a compiled policy that is not this one fails every case it decides otherwise", () => {
  const other = loadPolicy({ file: "p.yaml", text: POLICY.replace("max: 40,", "max: 30,") }, ASSETS, VOCABULARIES);
  assert.ok(other.ok);
  if (!other.ok) return;
  const file = read("- { as: operator, on: tank, request: write inflow = 35, seen: { inflow: 34 }, expect: allow }\n");
  if (Array.isArray(file)) throw new Error(file.join("\n"));
  const strange = finish(compile(other.value, () => SPACES));
  const [failure = ""] = runCases(policy, strange, VOCABULARIES, [file]).failures;
  assert.match(failure, /^c\.yaml:1:3: found deny aboveMaximum .*expected both ways of deciding to agree/);
});

cases.run();
