/**
 * A policy over the assets of an example: refused with places, or it compiles, lints, decides and explains without a fault, the two ways of
 * deciding agree, and what nobody asked for is denied.
 *
 *     0                 1..
 *     which example     the policy
 */
import { VOCABULARIES } from "#gateway/documents";
import { HOLDING, SPACES } from "#modbus/spaces";
import { modbusVocabulary } from "#modbus/vocabulary";
import type { Operation } from "#operation";
import { answersFor } from "#policy/answers";
import { bind } from "#policy/bindings";
import { type CaseFile, loadCases, runCases, sameDecision } from "#policy/cases";
import { statedFacts } from "#policy/casesFacts";
import { askInWords, isMisread } from "#policy/casesQuestion";
import { type Compiled, compile, finish } from "#policy/compile";
import { decide } from "#policy/decide";
import { explain, judge } from "#policy/explain";
import { lint, sayFinding } from "#policy/lint";
import { loadPolicy } from "#policy/load";
import type { Policy } from "#policy/model";
import type { AssetModel } from "#process/points";
import { accepted, dictionaryOf, must, octetsOf, refused, type Target, textOf } from "../target.ts";
import { EXAMPLES, exampleOf, mustBePlaced } from "./documents.ts";
import { join } from "./modbus.ts";

const FILE = "policy.yaml";
const WALL_MS = Date.UTC(2026, 10, 24, 10);
/** Where the questions write, and what was last seen there. */
const CELLS = [40, 60, 61];
const QUESTIONS = [
  "read holding 0-3",
  "write holding 40 = 300",
  "write coil 1-2 = on off",
  "mask holding 60 and 0xFFFE or 1",
  "control 8/4",
  "raw 90 = 00 02",
];

/** What the examples do not say, for the boiler's operator. */
const MORE_RULES = `    - { id: gapped, allow: read, on: boiler-1, points: [drum_level, flue_gas_temperature], gap: 4 }
    - { id: cold, allow: write, on: boiler-1, points: [feed_setpoint], state: "boiler-1.drum_pressure < 2 and boiler-1.flame_detected = 0" }
    - { id: raw-words, allow: write, on: boiler-1, table: holding, addresses: [44, 61-63], values: { set: [0, 16, 65535] }, units: 1 }
    - { id: everywhere, allow: [write, control], on: "*", table: coil, addresses: 0-9, broadcast: true, functions: [5, writeMultipleCoils, 8/4] }
    - { id: umas, allow: raw, on: boiler-1, functions: [90], opaque: true, rate: 3/10s, on_deny: { answer: close } }
    - { id: not-at-night, deny: write, on: boiler-1, points: [feed_setpoint, pressure_auto], hours: "22:00-05:00 UTC" }
    - { id: files, allow: [file-read, file-write], on: boiler-1, table: file }
`;

export const policyDocument: Target = {
  name: "policyDocument",
  limitMs: 500,
  inputs: null,
  most: 5_000,
  text: true,
  dictionary: dictionaryOf([
    ...[
      '"*"',
      "never",
      "include: operator",
      "id: a",
      'deny: "*"',
      'on: "*"',
      "points: []",
      "values: { min: 0, max: 1 }",
      "functions: [90]",
      "opaque: true",
      "manage: [view, end-session, mode, confirm]",
      "manage: approve",
    ],
    ...[
      "hours: x",
      "rate: 1/s",
      "rate: 1000000/1d",
      "max_step: 0",
      "max_changes: 1/ms",
      "set: [0, -0, 1e400]",
      "units: [0]",
      "broadcast: true",
    ],
    ...[
      "table: holding",
      "addresses: 0-65535",
      "addresses: [40, 41-43]",
      "accept_unauthenticated: true",
      "kind: person",
      "source: ::/0",
      "cn:*",
    ],
    ...["0", "-1", "1e309", "0x10", "9".repeat(60), "40-43", "[]", "{}", "null", "~", "read", "write", "raw", "restart", "role: viewer"],
  ]),
  corpus: () =>
    EXAMPLES.flatMap(({ policyText }, i) =>
      [policyText, policyText.replace("  engineer:\n", `${MORE_RULES}  engineer:\n`)].map((text) => join([i], octetsOf(text))),
    ),
  run(input) {
    const { assets, cases, site } = exampleOf(input[0] ?? 0);
    const text = textOf(input.subarray(1));
    const loaded = loadPolicy({ file: FILE, text }, assets, VOCABULARIES);
    if (!loaded.ok) return refused(mustBePlaced(loaded.error, (file) => (file === FILE ? text : undefined)));
    const policy = loaded.value;
    const compiled = finish(compile(policy, () => SPACES));
    const findings = lint(policy, site, VOCABULARIES, compiled.crowded).map((finding) => {
      must(!/[\p{C}\p{Zl}\p{Zp}]/u.test(sayFinding(finding)), "a finding that is not safe to print");
      return finding.code;
    });
    for (const asset of assets.values()) mustDecide(policy, compiled, asset);
    const files = cases.flatMap((words, i): CaseFile[] => {
      const read = loadCases({ file: `${i}.yaml`, text: words }, policy, VOCABULARIES);
      return read.ok ? [read.value] : [];
    });
    const { verdicts } = runCases(policy, compiled, VOCABULARIES, files);
    for (const { expected } of verdicts) must(expected?.includes("both ways of deciding") !== true, String(expected));
    return accepted(`${Math.min(9, policy.roles.size)} roles, ${[...new Set(findings)].sort().join(" ")}`);
  },
};

function mustDecide(policy: Policy, compiled: Compiled, asset: AssetModel): void {
  const { units } = asset;
  const seen = units.flatMap((unit) =>
    CELLS.map((address) => ({ asset: asset.name, unit, space: HOLDING, address, mask: 0xffff, cell: 7 })),
  );
  const seenNow = statedFacts({ seen, changes: [], requests: 1, at: WALL_MS }, asset, compiled);
  // What a request is judged by before the device was read for it (RULINGS 8).
  const unread = { ...seenNow, present: null };
  const asked = QUESTIONS.flatMap((words): readonly (readonly Operation[])[] => {
    const read = askInWords(asset, modbusVocabulary, words, null);
    return isMisread(read) || typeof read.message === "string" ? [] : [read.message.operations];
  });
  const nobody = bind(policy, { identity: "spiffe:spiffe://nowhere.invalid/nobody/at-all/here", certificateRole: null, source: null });
  must(
    typeof nobody === "string" || policy.bindings.some(({ identity }) => identity?.startsWith("spiffe://nowhere") === true),
    "a stranger has a role",
  );
  const ways = [
    ["certificate", seenNow],
    ["certificate", unread],
    ["none", seenNow],
  ] as const;
  for (const roles of [[], ["no such role"], ...[...policy.roles.keys()].map((role) => [role])]) {
    for (const [assurance, facts] of ways) {
      const table = compiled.tableFor(asset.name, roles, assurance);
      const nothing = decide(table, [], facts);
      must(!nothing.allowed && nothing.code === "empty", `a request for nothing is decided ${nothing.code}`);
      for (const operations of asked) {
        const decided = decide(table, operations, facts);
        const decision = judge(policy, { asset: asset.name, roles, assurance }, operations, facts, modbusVocabulary);
        must(sameDecision(decided, decision), `decided ${JSON.stringify(decided)}, explained ${JSON.stringify(decision)}`);
        must(!decided.allowed || policy.roles.has(roles[0] ?? ""), "allowed without a role");
      }
    }
    // The words take longer than the decision: once for each role.
    explain(policy, asset.name, roles, "certificate", asked[0] ?? [], seenNow, modbusVocabulary);
    answersFor(policy, asset.name, roles);
  }
}
