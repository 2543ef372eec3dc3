/** The example sites: complete, sound, and every rule of theirs shown at work by a case, for what it grants and for what it refuses. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import { z } from "zod";
import { policyWords } from "#cli/policyWords";
import { dnp3Vocabulary } from "#dnp3/vocabulary";
import { sayProblem } from "#documents/problems";
import { type Documents, readDocuments, VOCABULARIES } from "#gateway/documents";
import { modbusVocabulary } from "#modbus/vocabulary";
import { loadCases, rulesOf, runCases } from "#policy/cases";
import { lint } from "#policy/lint";
import type { Rule } from "#policy/model";
import { schemaFiles } from "#policy/schemaFiles";

const root = path.resolve(import.meta.dirname, "../../..");
const policies = path.join(root, "policies");
const SITES = readdirSync(policies, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== "schema")
  .map(({ name }) => name)
  .sort();

const documents = new Map<string, Documents>();
async function documentsOf(site: string): Promise<Documents> {
  const known = documents.get(site);
  if (known !== undefined) return known;
  const read = await readDocuments(path.join(policies, site, "site.yaml"), path.join(policies, site, "policy.yaml"));
  assert.equal(read.failed, []);
  documents.set(site, read.documents);
  return read.documents;
}

const isConditional = (rule: Rule): boolean => rule.values !== null || rule.hours !== null || rule.rate !== null;

const examples = suite("policy/documents/examples");

examples("the four sites are there", () => {
  assert.equal(SITES, ["boiler-house", "solar-plant", "substation", "water-pumping-station"]);
});

for (const site of SITES) {
  examples(`${site}: every case passes, and the cases show every rule at work`, async () => {
    const { policy, compiled, cases } = await documentsOf(site);
    const { verdicts, coverage, failures } = runCases(policy, compiled, VOCABULARIES, cases);
    assert.equal(failures, []);
    assert.ok(verdicts.some(({ of }) => of.expect === "allow") && verdicts.some(({ of }) => of.expect === "deny"));
    assert.equal(
      coverage.filter(({ covered }) => !covered).map(({ id }) => id),
      [],
    );
    const rules = new Map(rulesOf(policy).map((rule) => [rule.id, rule]));
    const unrefused = coverage.filter(
      ({ id, effect, denied }) => effect === "allow" && denied === 0 && isConditional(rules.get(id) as Rule),
    );
    assert.equal(
      unrefused.map(({ id }) => id),
      [],
      "a rule with a condition needs a case that breaks it",
    );
  });

  examples(`${site}: every role is somebody's, and is asked about`, async () => {
    const { policy, cases } = await documentsOf(site);
    const asked = new Set(cases.flatMap((file) => file.cases.flatMap(({ who }) => ("roles" in who ? who.roles : []))));
    for (const role of policy.roles.keys()) {
      assert.ok(
        policy.bindings.some((binding) => binding.role === role),
        role,
      );
      assert.ok(asked.has(role), role);
    }
  });

  examples(`${site}: lint finds nothing but what its README says`, async () => {
    const { policy, site: loaded, compiled } = await documentsOf(site);
    const codes = new Set(lint(policy, loaded, VOCABULARIES, compiled.crowded).map(({ code }) => code));
    codes.delete("ramp");
    assert.equal([...codes], site === "solar-plant" || site === "substation" ? [] : ["source-binding"]);
  });

  examples(`${site}: a case that expects otherwise fails, with its place`, async () => {
    const { policy, compiled, cases } = await documentsOf(site);
    for (const file of cases) {
      const text = readFileSync(file.file, "utf8");
      const turned = text.replaceAll(/expect: (allow|deny)/g, (_, word) => `expect: ${word === "allow" ? "deny" : "allow"}`);
      // A code beside `allow` is refused at load, so codes go with it.
      const loaded = loadCases(
        { file: "turned.cases.yaml", text: turned.replaceAll(/\bcode: \w+/g, "expect_: x").replaceAll(/, expect_: x/g, "") },
        policy,
        VOCABULARIES,
      );
      assert.ok(loaded.ok, loaded.ok ? "" : loaded.error.map(sayProblem).join("\n"));
      if (!loaded.ok) continue;
      const report = runCases(policy, compiled, VOCABULARIES, [loaded.value]);
      assert.is(report.failures.length, loaded.value.cases.length);
      report.failures.forEach((line, i) => {
        const { line: at, column } = loaded.value.cases[i] as { line: number; column: number };
        assert.ok(line.startsWith(`turned.cases.yaml:${at}:${column}: found `), line);
      });
    }
  });

  examples(`${site}: the JSON Schemas accept its documents`, async () => {
    const folder = path.join(policies, site);
    const accepts = (schema: string, file: string): void => {
      const shape = z.fromJSONSchema(JSON.parse(readFileSync(path.join(policies, "schema", schema), "utf8")));
      const result = shape.safeParse(parse(readFileSync(path.join(folder, file), "utf8"), { version: "1.2", schema: "core" }));
      assert.ok(result.success, `${file}: ${result.error?.message}`);
    };
    accepts("policy.schema.json", "policy.yaml");
    const caseFiles = readdirSync(folder).filter((name) => name.endsWith(".cases.yaml"));
    assert.ok(caseFiles.length > 0);
    for (const file of caseFiles) accepts("cases.schema.json", file);
  });
}

examples("the JSON Schemas refuse what the loader refuses by shape", () => {
  const shape = z.fromJSONSchema(JSON.parse(readFileSync(path.join(policies, "schema/policy.schema.json"), "utf8")));
  const sound = { policy: "p", version: 1, roles: { r: [{ id: "a", allow: "read", on: "tank" }] }, bindings: [] };
  assert.ok(shape.safeParse(sound).success);
  assert.not(shape.safeParse({ ...sound, surplus: 1 }).success);
  assert.not(shape.safeParse({ ...sound, version: 0 }).success);
  assert.not(shape.safeParse({ ...sound, roles: { r: [{ id: "a", allow: "wriet", on: "tank" }] } }).success);
  assert.not(shape.safeParse({ ...sound, roles: { r: [{ id: "a", allow: "read", on: "tank", require: {} }] } }).success);
});

examples("policies/schema is what the code says (make schemas)", () => {
  for (const [file, text] of schemaFiles()) assert.is(readFileSync(path.join(policies, "schema", file), "utf8"), text, file);
});

examples("docs/policy-words.md is what `policy explain --words` prints", () => {
  const printed = policyWords();
  assert.is(readFileSync(path.join(root, "docs/policy-words.md"), "utf8"), printed);
  for (const { functions, spaces } of [modbusVocabulary, dnp3Vocabulary])
    for (const { name } of [...functions, ...spaces]) assert.ok(printed.includes(`| ${name} |`), name);
});

examples.run();
