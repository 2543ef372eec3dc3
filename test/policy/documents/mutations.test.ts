/** The loaders against documents nobody would write: whatever stands there, they answer with a policy or with problems, and never throw. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadSite } from "#config/load";
import { sayProblem } from "#documents/problems";
import { VOCABULARIES } from "#gateway/documents";
import { SPACES } from "#modbus/spaces";
import { loadCases, runCases } from "#policy/cases";
import { compile, finish } from "#policy/compile";
import { lint } from "#policy/lint";
import { loadPolicy } from "#policy/load";
import type { AssetModel } from "#process/points";

const policies = path.resolve(import.meta.dirname, "../../../policies");

interface Example {
  readonly assets: ReadonlyMap<string, AssetModel>;
  readonly policy: string;
  readonly cases: readonly string[];
}

const EXAMPLES: readonly Example[] = ["boiler-house", "solar-plant", "water-pumping-station"].map((name) => {
  const folder = path.join(policies, name);
  const read = (file: string): string => readFileSync(path.resolve(folder, file), "utf8");
  const site = loadSite({ file: path.join(folder, "site.yaml"), text: read("site.yaml") }, read, VOCABULARIES);
  if (!site.ok) throw new Error(site.error.map(sayProblem).join("\n"));
  const assets = new Map([...site.value.site.assets].map(([asset, { model }]) => [asset, model]));
  const cases = readdirSync(folder)
    .filter((file) => file.endsWith(".cases.yaml"))
    .map(read);
  return { assets, policy: read("policy.yaml"), cases };
});

/** Pieces of the grammar in places where they do not belong, and text that belongs nowhere. */
const SCRAPS = [
  "*",
  "&a",
  "!!int",
  "<<: x",
  "- ",
  ": ",
  "{",
  "}",
  "[",
  "]",
  "\n",
  "\t",
  '"',
  "'",
  "#",
  "|",
  ">",
  "?",
  "%",
  "@",
  "null",
  "~",
  "true",
  "0",
  "-1",
  "1e309",
  "0x10",
  "0o7",
  ".inf",
  ".nan",
  "9".repeat(400),
  "1.5",
  "40-43",
  "never",
  "include: operator",
  "id: a",
  "deny: '*'",
  "on: '*'",
  "points: []",
  "values: { min: 1 }",
  "functions: [90]",
  "opaque: true",
  "hours: x",
  "rate: 1/s",
  "__proto__: 1",
  "constructor",
  "\u202e",
  "\u0000",
  "\ud800",
  "é",
  "💧",
  "a".repeat(3000),
];

interface Cut {
  readonly at: number;
  readonly gone: number;
  readonly scrap: string;
}

const cuts = fc.array(
  fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), gone: fc.nat({ max: 40 }), scrap: fc.constantFrom("", "", ...SCRAPS) }),
  { minLength: 1, maxLength: 6 },
);

/** Lines, too, change places: most of what is left is still YAML, which reaches deeper than noise does. */
const swaps = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })), { maxLength: 3 });

function mutate(text: string, edits: readonly Cut[], moves: readonly (readonly [number, number])[]): string {
  const lines = text.split("\n");
  for (const [from, to] of moves) {
    const a = Math.floor(from * (lines.length - 1));
    const b = Math.floor(to * (lines.length - 1));
    const [x = "", y = ""] = [lines[a], lines[b]];
    lines[a] = y;
    lines[b] = x;
  }
  let changed = lines.join("\n");
  for (const { at, gone, scrap } of edits) {
    const from = Math.floor(at * changed.length);
    changed = changed.slice(0, from) + scrap + changed.slice(from + gone);
  }
  return changed;
}

/** Words of one example's values in another place: keeps the document's shape. */
const words = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })), {
  minLength: 1,
  maxLength: 4,
});

function transplant(text: string, moves: readonly (readonly [number, number])[]): string {
  const tokens = text.split(/([A-Za-z0-9_./*-]+)/);
  for (const [from, to] of moves) {
    const pick = (share: number): number => 2 * Math.floor((share * (tokens.length - 2)) / 2) + 1;
    tokens[pick(to)] = tokens[pick(from)] as string;
  }
  return tokens.join("");
}

/** A longer search: PENSTOCK_MUTANTS=20. */
const TIMES = Number(process.env.PENSTOCK_MUTANTS ?? 1);
const tally = { loaded: 0, refused: 0 };

function tryAll(example: Example, policyText: string, caseTexts: readonly string[]): void {
  const loaded = loadPolicy({ file: "p.yaml", text: policyText }, example.assets, VOCABULARIES);
  if (!loaded.ok) {
    tally.refused += 1;
    assert.ok(loaded.error.length > 0 && loaded.error.length <= 50);
    const lines = policyText.split(/\r\n|\n/);
    for (const problem of loaded.error) {
      assert.ok(problem.line >= 1 && problem.line <= lines.length + 1, sayProblem(problem));
      assert.ok(problem.column >= 1 && problem.column <= (lines[problem.line - 1]?.length ?? 0) + 2, sayProblem(problem));
      assert.not.match(sayProblem(problem), /\p{C}/u);
    }
    return;
  }
  tally.loaded += 1;
  const policy = loaded.value;
  const compiled = finish(compile(policy, () => SPACES));
  lint(policy, { listeners: [], management: { web: null }, assets: new Map() }, VOCABULARIES, compiled.crowded);
  const files = caseTexts.flatMap((text) => {
    const cases = loadCases({ file: "c.yaml", text }, policy, VOCABULARIES);
    return cases.ok ? [cases.value] : [];
  });
  for (const failure of runCases(policy, compiled, VOCABULARIES, files).failures) assert.not.match(failure, /both ways of deciding/);
}

const mutations = suite("policy/documents/mutations");

for (const [i, example] of EXAMPLES.entries()) {
  mutations(
    `example ${i}: cut, pasted and shuffled policies are refused with a place, or load; compiled and explained agree on every case`,
    () => {
      fc.assert(
        fc.property(cuts, swaps, (edits, moves) => tryAll(example, mutate(example.policy, edits, moves), example.cases)),
        { numRuns: 80 * TIMES },
      );
    },
  );

  mutations(`example ${i}: policies whose words changed places`, () => {
    fc.assert(
      fc.property(words, (moves) => tryAll(example, transplant(example.policy, moves), example.cases)),
      { numRuns: 30 * TIMES },
    );
  });

  mutations(`example ${i}: broken cases never throw either`, () => {
    const policy = loadPolicy({ file: "p.yaml", text: example.policy }, example.assets, VOCABULARIES);
    assert.ok(policy.ok);
    if (!policy.ok) return;
    const compiled = finish(compile(policy.value, () => SPACES));
    fc.assert(
      fc.property(fc.constantFrom(...example.cases), cuts, words, fc.boolean(), (text, edits, moves, whole) => {
        const loaded = loadCases(
          { file: "c.yaml", text: whole ? transplant(text, moves) : mutate(text, edits, []) },
          policy.value,
          VOCABULARIES,
        );
        if (!loaded.ok) return;
        for (const failure of runCases(policy.value, compiled, VOCABULARIES, [loaded.value]).failures)
          assert.not.match(failure, /both ways of deciding/);
      }),
      { numRuns: 40 * TIMES },
    );
  });
}

mutations("both ends were reached: some mutants load, most are refused", () => {
  assert.ok(tally.loaded > 20, `${tally.loaded} loaded`);
  assert.ok(tally.refused > 100, `${tally.refused} refused`);
});

mutations.run();
