/** `penstock policy explain --manage` and `policy test` on rights of management (RULINGS 27). */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type ExplainOptions, explain, test } from "#cli/policy";
import { UserProblems } from "#documents/problems";
import { writeDocuments } from "#test/support/house";

const POLICY = `policy: p
version: 1
roles:
  shift:
    - { id: look, manage: view, on: "*" }
    - { id: cut, manage: end-session, on: plc }
bindings:
  - { role: shift, identity: "cn:alice@plant", kind: person }
  - { role: shift, identity: "cn:hmi@plant", kind: machine }
`;

const folder = mkdtempSync(path.join(tmpdir(), "penstock-manage-"));
writeDocuments(folder, 1, { policy: POLICY });
writeFileSync(path.join(folder, "p.cases.yaml"), "- { as: shift, manage: end-session, on: plc, expect: allow }\n");
const documents = { site: path.join(folder, "site.yaml"), policy: path.join(folder, "policy.yaml") };

async function said(run: () => Promise<number>): Promise<readonly [code: number | null, text: string]> {
  const written: string[] = [];
  const write = process.stdout.write;
  process.stdout.write = ((text: string) => written.push(text) > 0) as typeof process.stdout.write;
  try {
    return [await run(), written.join("")];
  } catch (error) {
    if (!(error instanceof UserProblems)) throw error;
    return [null, error.lines.join("\n")];
  } finally {
    process.stdout.write = write;
  }
}

const ask = (options: Partial<ExplainOptions>, words = ""): ReturnType<typeof said> =>
  said(() => explain(words, { ...documents, ...options }));

const manage = suite("cli/explainManage");
manage.after(() => rmSync(folder, { recursive: true, force: true }));

manage("RULINGS 27: policy explain --manage says of every rule why it grants a right or not", async () => {
  assert.equal(await ask({ as: "shift", manage: "end-session", on: "plc" }), [
    0,
    "  line 5  manage  shift/look  is about view, not end-session\n  line 6  manage  shift/cut   grants end-session on plc\nallowed shift: end-session on plc; by shift/cut (line 6)\n",
  ]);
  const [code, text] = await ask({ as: "cn:alice@plant", manage: "end-session" });
  assert.equal(
    [code, text.split("\n").slice(1)],
    [
      1,
      [
        "  line 6  manage  shift/cut   is about plc, not the gateway as a whole",
        "denied cn:alice@plant: end-session on the gateway as a whole; no rule grants it",
        "code nothingAllows",
        "",
      ],
    ],
  );
  const [, machine] = await ask({ as: "cn:hmi@plant", manage: "view" });
  assert.match(
    machine,
    /^denied cn:hmi@plant: view on .*; no binding of a person names who asks, and only persons manage\ncode notAPerson\n$/,
  );
  const [, json] = await ask({ as: "shift", manage: "view", json: true });
  assert.equal(JSON.parse(json), {
    allowed: true,
    code: null,
    words: "allowed shift: view on the gateway as a whole; by shift/look (line 5)",
    as: "shift",
    roles: ["shift"],
    manage: "view",
    asset: null,
    rules: [
      { id: "shift/look", line: 5, effect: "manage", decisive: true, verdict: "grants view everywhere" },
      { id: "shift/cut", line: 6, effect: "manage", decisive: false, verdict: "is about end-session, not view" },
    ],
  });
});

manage("RULINGS 27: what does not go with --manage is told", async () => {
  const tries: readonly (readonly [options: Partial<ExplainOptions>, words: string, said: RegExp])[] = [
    [{ as: "shift", manage: "approve" }, "", /^--manage: found "approve"; expected one of: view, end-session, mode, confirm$/],
    [{ as: "shift", manage: "view" }, "read holding 1", /^found a request beside --manage/],
    [{ as: "shift", manage: "view", unit: "1" }, "", /^found --unit beside --manage/],
    [{ as: "shift", manage: "view", seen: ["a=1"] }, "", /^found --seen beside --manage/],
    [{ as: "shift", manage: "view", on: "nowhere" }, "", /^--on: found "nowhere"; expected one of: plc/],
    [{ manage: "view" }, "", /^--as: found nothing/],
  ];
  for (const [options, words, expected] of tries) {
    const [code, text] = await ask(options, words);
    assert.is(code, null);
    assert.match(text, expected);
  }
});

manage("RULINGS 27: policy test covers rules of management, and names those that no case shows at work", async () => {
  const [code, text] = await said(() => test([], documents));
  assert.is(code, 0);
  assert.match(
    text,
    /rules that no case shows at work:\n {2}shift\/look +line 5 +allowed 0 +denied 0\np version 1: 1 of 1 cases passed, 1 of 2 rules covered\n/,
  );
});

manage.run();
