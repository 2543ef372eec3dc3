/** `penstock policy test|explain|lint` and `penstock check`, as a person and a script meet them: lines, JSON and exit codes. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { check } from "#cli/check";
import { type ExplainOptions, explain, lint, test } from "#cli/policy";
import { policyWords } from "#cli/policyWords";
import type { TlsSite } from "#config/site";
import { UserProblems } from "#documents/problems";
import { readDocuments, VOCABULARIES } from "#gateway/documents";
import { Trust } from "#gateway/trust";
import type { Vocabulary } from "#operation";
import { judgeCase } from "#policy/cases";
import { decide } from "#policy/decide";
import { explain as explainDecision } from "#policy/explain";
import { authority, SERVER_AUTH } from "#test/support/certificates";
import { need } from "#test/support/need";

const root = path.resolve(import.meta.dirname, "../..");
const boiler = path.join(root, "policies/boiler-house");
const folder = mkdtempSync(path.join(tmpdir(), "penstock-policy-"));

interface Said {
  readonly code: number | null;
  readonly lines: readonly string[];
  /** What a UserProblems carried; the command line prints these and ends with 2. */
  readonly refused: readonly string[];
}

async function said(run: () => Promise<number>): Promise<Said> {
  const written: string[] = [];
  const write = process.stdout.write;
  process.stdout.write = ((text: string) => written.push(text) > 0) as typeof process.stdout.write;
  try {
    return { code: await run(), lines: written.join("").replace(/\n$/, "").split("\n"), refused: [] };
  } catch (error) {
    if (!(error instanceof UserProblems)) throw error;
    return { code: null, lines: [], refused: error.lines };
  } finally {
    process.stdout.write = write;
  }
}

const plant = authority("Plant CA");
const gate = plant.issue({ name: "gateway", ips: ["127.0.0.1"], extendedKeyUsage: [SERVER_AUTH] });
const PAPERS: Readonly<Record<string, string>> = {
  "ca.pem": plant.pem,
  "ca.crl": plant.list(),
  "gateway.pem": gate.chainPem,
  "gateway.key": gate.keyPem,
};

/** A copy of the boiler house, with certificates, and with one file changed. */
function site(name: string, change: (text: string) => string = (text) => text, file = "policy.yaml"): { site: string; policy: string } {
  const copy = path.join(folder, name);
  cpSync(boiler, copy, { recursive: true });
  const changed = path.join(copy, file);
  writeFileSync(changed, change(readFileSync(changed, "utf8")));
  mkdirSync(path.join(copy, "pki"));
  for (const [name, text] of Object.entries(PAPERS))
    writeFileSync(path.join(copy, "pki", name), text, { mode: name.endsWith(".key") ? 0o600 : 0o644 });
  return { site: path.join(copy, "site.yaml"), policy: path.join(copy, "policy.yaml") };
}

const sound = site("sound");
const ask = (words: string, options: Partial<ExplainOptions> = {}): Promise<Said> =>
  said(() => explain(words, { ...sound, at: "2026-11-24T10:00:00Z", ...options }));

const commands = suite("cli/policy");
commands.after(() => rmSync(folder, { recursive: true, force: true }));

commands("policy test: all cases, all rules, one line", async () => {
  const { code, lines } = await said(() => test([], sound));
  assert.equal([code, lines], [0, ["boiler-house version 14: 64 of 64 cases passed, 17 of 17 rules covered"]]);
});

commands("policy test: a policy that changed its mind fails the cases that say so, with their places", async () => {
  const other = site("wider", (text) => text.replace("max: 40, max_step: 2", "max: 45, max_step: 2"));
  const { code, lines } = await said(() => test([], other));
  assert.is(code, 1);
  assert.equal(lines, [
    `${path.dirname(other.policy)}/boiler-1.cases.yaml:20:3: found allow by operator/feed-setpoint in case "operator: write feed_setpoint = 40.1"; expected deny aboveMaximum by operator/feed-setpoint`,
    "boiler-house version 14: 63 of 64 cases passed, 17 of 17 rules covered",
  ]);
});

commands("policy test FILE: the cases named alone, and the rules they leave out", async () => {
  const few = path.join(folder, "few.cases.yaml");
  writeFileSync(few, "- { as: viewer, request: read drum_level, expect: allow }\n");
  const { code, lines } = await said(() => test([few], sound));
  assert.is(code, 0);
  assert.is(lines.at(-1), "boiler-house version 14: 1 of 1 cases passed, 1 of 17 rules covered");
  assert.ok(
    lines.some((line) => /^ {2}operator\/feed-setpoint +line 19 +allowed 0 +denied 0$/.test(line)),
    lines.join("\n"),
  );
});

commands("policy test --json: one object, nothing else", async () => {
  const { code, lines } = await said(() => test([], { ...sound, json: true }));
  assert.equal([code, lines.length], [0, 1]);
  const told = JSON.parse(lines[0] ?? "");
  assert.equal([told.ok, told.passed, told.failed, told.cases.length, told.rules.length], [true, 64, 0, 64, 17]);
  assert.match(told.policy.hash, /^[0-9a-f]{64}$/);
});

commands("policy test: a file that is not there, and one that is no list, are bad input", async () => {
  assert.equal((await said(() => test([path.join(folder, "nowhere.yaml")], sound))).refused, [`${folder}/nowhere.yaml: no such file`]);
  const bad = path.join(folder, "bad.cases.yaml");
  writeFileSync(bad, "cases: []\n");
  assert.equal((await said(() => test([bad], sound))).refused, [`${bad}:1:1: found a map; expected a list`]);
});

commands("policy explain: every rule considered, why, and the decision in plant language", async () => {
  const { code, lines } = await ask("write feed_setpoint = 41", { as: "operator", seen: ["feed_setpoint=40"] });
  assert.is(code, 1);
  assert.is(lines[0], "operator on boiler-1, unit 1, at 2026-11-24T10:00:00.000Z: write feed_setpoint = 41");
  assert.equal(
    lines.slice(1, -2).map((line) => line.replaceAll(/ {2,}/g, "  ").trim()),
    [
      "line 6  deny  never/no-restart  is about control, restart, not write",
      "line 7  deny  never/no-firmware  is about file-write, raw, not write",
      "line 8  deny  never/no-service-mode  does not touch holding 40 (feed_setpoint)",
      "line 15  allow  viewer/read-all  is about read, not write",
      "line 19  allow  operator/feed-setpoint  covers holding 40 (feed_setpoint), but the value is above its max",
      "line 25  allow  operator/drum-level  does not cover holding 40 (feed_setpoint)",
      "line 30  allow  operator/pumps  does not cover holding 40 (feed_setpoint)",
      "line 36  allow  operator/burner-off  does not cover holding 40 (feed_setpoint)",
      "line 42  allow  operator/acknowledge  does not cover holding 40 (feed_setpoint)",
      "line 47  allow  operator/automatic  does not cover holding 40 (feed_setpoint)",
    ],
  );
  assert.equal(lines.slice(-2), [
    "denied operator@boiler-1: write holding 40 (feed_setpoint) = 41 t/h is above 40; rule operator/feed-setpoint (policy.yaml:19)",
    "code aboveMaximum",
  ]);
});

commands("policy explain: allowed ends with 0 and names the rule", async () => {
  const { code, lines } = await ask("write feed_setpoint = 40", { as: "operator", seen: ["feed_setpoint = 38"] });
  assert.equal([code, lines.at(-1)], [0, "allowed operator@boiler-1: write feed_setpoint = 40; by operator/feed-setpoint (line 19)"]);
});

commands("policy explain: several roles, identities, addresses", async () => {
  assert.is((await ask("read drum_level", { as: "viewer+operator" })).code, 0);
  assert.is((await ask("read drum_level", { as: "spiffe://plant.example/scada/a" })).code, 0);
  const address = await ask("write burner_enable = on", { as: "10.10.5.9" });
  assert.equal(address.lines.slice(-2), [
    "denied 10.10.5.9@boiler-1: write coil 0 = 1 needs a certificate, and 10.10.5.9 has shown none; default",
    "code unauthenticated",
  ]);
  const nobody = await ask("read drum_level", { as: "cn:eve@plant" });
  assert.equal(nobody.lines.slice(-2), ["denied cn:eve@plant@boiler-1: no binding of the policy matches", "code noRole"]);
});

commands("policy explain --at: hours count", async () => {
  const at = (time: string) => ask("write burner_enable = on", { as: "engineer", at: time });
  assert.is((await at("2026-11-24T15:59:59Z")).code, 0);
  const late = await at("2026-11-24T16:00:00Z");
  assert.equal([late.code, late.lines.at(-1)], [1, "code outsideHours"]);
});

commands("policy explain --json: one object with the deciding rule marked", async () => {
  const { code, lines } = await ask("write feed_setpoint = 41", { as: "operator", json: true });
  assert.equal([code, lines.length], [1, 1]);
  const told = JSON.parse(lines[0] ?? "");
  assert.equal([told.allowed, told.code, told.roles, told.unit], [false, "aboveMaximum", ["operator"], 1]);
  assert.equal(
    told.rules.filter((rule: { decisive: boolean }) => rule.decisive).map((rule: { id: string }) => rule.id),
    ["operator/feed-setpoint"],
  );
});

commands("policy explain: a malformed request is told by its code", async () => {
  const { code, lines } = await ask("raw 3 = 00 00 00 7E", { as: "viewer" });
  assert.equal([code, ...lines.slice(-2)], [1, "denied viewer@boiler-1: the request is malformed (badQuantity)", "code badQuantity"]);
});

const MISTAKES: readonly (readonly [words: string, options: Partial<ExplainOptions>, line: string])[] = [
  ["", { as: "viewer" }, "found no request; expected one in words, such as: write holding 40 = 300"],
  ["read drum_level", {}, "--as: found nothing; expected a role (viewer, operator, engineer), several joined by +, or an identity"],
  ["read drum_level", { as: "viewer+oprator" }, '--as: found "oprator"; expected a role "operator" (did you mean that?)'],
  ["read drum_level", { as: "viewer", on: "boiler-2" }, '--on: found "boiler-2"; expected one of: boiler-1'],
  ["read drum_level", { as: "viewer", unit: "256" }, '--unit: found "256"; expected a unit id from 0 to 255'],
  ["read drum_level", { as: "viewer", unit: "1e1" }, '--unit: found "1e1"; expected a unit id from 0 to 255'],
  [
    "read drum_level",
    { as: "viewer", at: "noon" },
    '--at: found "noon"; expected a time with its zone, such as 2026-11-24T10:00:00Z or 2026-11-24T11:00+01:00',
  ],
  ["read drum_level", { as: "viewer", seen: ["drum_level"] }, '--seen: found "drum_level"; expected point=value, such as feed_setpoint=20'],
  [
    "read drum_level",
    { as: "viewer", seen: ["drum=1"] },
    '--seen: found "drum"; expected a point of boiler-1, one of: burner_enable, feed_pump_a_run, feed_pump_b_run, blowdown_valve_open, alarm_acknowledge, low_water_cutout, flame_detected, high_pressure_trip, drum_pressure, drum_level, feed_flow, steam_flow, ...',
  ],
  [
    "read drum_levle",
    { as: "viewer" },
    'request: found "drum_levle"; expected a table and its addresses, or a point of boiler-1 "drum_level" (did you mean that?)',
  ],
  ["read \u202edrum", { as: "viewer" }, "request: "],
];
for (const [words, options, line] of MISTAKES) {
  commands(`policy explain, a slip: ${line.slice(0, 60)}`, async () => {
    const { refused } = await ask(words, options);
    assert.is(refused.length, 1);
    if (line === "request: ") assert.not.match(refused[0] ?? "", /\p{C}/u, "RULINGS 16: a terminal is a sink");
    else assert.is(refused[0], line);
  });
}

commands("policy explain --words prints the page, without any site", async () => {
  const { code, lines } = await said(() => explain("", { site: "/nowhere/site.yaml", policy: "/nowhere/policy.yaml", words: true }));
  assert.equal([code, `${lines.join("\n")}\n`], [0, policyWords()]);
  assert.match(policyWords(), /^\| raw \| [^|]+ \| 43\/13, 90, and every number without a row of its own, 125 and 126 too \| 1, 2 \|$/m);
});

commands("explain's decision is the compiled one for every case of the example sites", async () => {
  let compared = 0;
  for (const name of ["boiler-house", "solar-plant", "water-pumping-station"]) {
    const at = path.join(root, "policies", name);
    const { documents } = await readDocuments(path.join(at, "site.yaml"), path.join(at, "policy.yaml"));
    const { policy, compiled, cases } = documents;
    for (const each of cases.flatMap((file) => file.cases)) {
      assert.is(judgeCase(policy, compiled, VOCABULARIES, each).disagreement, null, each.title);
      compared += 1;
    }
  }
  assert.ok(compared > 150, String(compared));
  assert.type(decide, "function");
  assert.type(explainDecision, "function");
  assert.ok((VOCABULARIES.get("modbus-tcp") as Vocabulary).functions.length > 20);
});

commands("policy lint: findings with place and code; warnings do not fail", async () => {
  const open = site("open", (text) =>
    text
      .replace("      values: { min: 20, max: 95.5, max_step: 10, max_changes: 2/min }\n", "")
      .replace(
        "    - id: load-limit",
        "    - id: free-mode\n      allow: write\n      on: boiler-1\n      points: [mode_word]\n    - id: load-limit",
      ),
  );
  const { code, lines } = await said(() => lint(open));
  assert.is(code, 0);
  const at = path.dirname(open.policy);
  assert.ok(
    lines.includes(
      `${at}/policy.yaml:67:7: warning write-without-limit: engineer/free-mode lets mode_word be written to anything; give it values, or write_min and write_max`,
    ),
    lines.join("\n"),
  );
  assert.is(lines.at(-1), "boiler-house version 14: 3 warnings, 3 notes");
});

commands("check: ok, with what a person should look at", async () => {
  const { code, lines } = await said(() => check(sound));
  assert.is(code, 0);
  assert.match(
    lines.at(-1) ?? "",
    /^ok: site boiler-house, policy boiler-house version 14 \([0-9a-f]{12}\): 1 asset, 24 points, 3 roles, 64 cases passed; 1 warning, 4 notes$/,
  );
  assert.equal(
    lines.filter((line) => line.includes("/pki/")),
    [],
  );
});

commands("check: every problem on a line of its own, exit 2, no stack trace", async () => {
  const broken = site("broken", (text) =>
    text.replace("points: [feed_setpoint]", "points: [feed_setpiont]").replace("kind: person }", "kind: robot }"),
  );
  const { code, lines } = await said(() => check(broken));
  assert.equal(
    [code, lines],
    [
      2,
      [`${broken.policy}:82:71: found "robot"; expected one of: person, machine`].map((line) =>
        line.replace(/:82:\d+:/, lines[0]?.match(/:\d+:\d+:/)?.[0] ?? ""),
      ),
    ],
  );
  const slip = site("slip", (text) => text.replace("points: [feed_setpoint]", "points: [feed_setpiont]"));
  assert.equal(await said(() => check(slip)), {
    code: 2,
    lines: [`${slip.policy}:22:16: found "feed_setpiont"; expected a point of boiler-1 "feed_setpoint" (did you mean that?)`],
    refused: [],
  });
});

commands("check: a mistake in the points file is told there", async () => {
  const wrong = site("points", (text) => text.replace("drum_level,1,input,2,int16", "drum_level,1,input,2,int17"), "points/boiler-1.csv");
  const { code, lines } = await said(() => check(wrong));
  assert.is(code, 2);
  assert.match(lines[0] ?? "", /points\/boiler-1\.csv:11:\d+: found type "int17"; expected one of/);
});

commands("check: a case that fails fails the check", async () => {
  const other = site("failing", (text) => text.replace("max: 40, max_step: 2", "max: 45, max_step: 2"));
  const { code, lines } = await said(() => check({ ...other, json: true }));
  const told = JSON.parse(lines[0] ?? "");
  assert.equal([code, lines.length, told.ok, told.failedCases.length], [1, 1, false, 1]);
});

commands("check --json: bad input is one object as well", async () => {
  const { code, lines } = await said(() => check({ site: path.join(folder, "none.yaml"), policy: sound.policy, json: true }));
  assert.equal([code, lines.length], [2, 1]);
  assert.equal(JSON.parse(lines[0] ?? ""), { ok: false, problems: [`${folder}/none.yaml: no such file`], failedCases: [], findings: [] });
});

const pkiOf = ({ site: file }: { readonly site: string }): string => path.join(path.dirname(file), "pki");

commands(
  "RULINGS 26: check refuses a plain authority's key beside its certificate, whatever it is called, and takes an encrypted one",
  async () => {
    const paths = site("keys");
    const pki = pkiOf(paths);
    writeFileSync(path.join(pki, "authority.key"), plant.made.keyPem, { mode: 0o600 });
    const plain = await said(() => check(paths));
    assert.is(plain.code, 1);
    assert.equal(
      plain.lines.filter((line) => line.includes("/pki/")),
      [
        `${pki}/authority.key:1:1: found the plain private key of an authority in ca.pem; expected it encrypted with a passphrase, or kept elsewhere (pki init --ca-out)`,
      ],
    );
    assert.match(plain.lines.at(-1) ?? "", /^not ok: /);
    execFileSync("openssl", ["pkcs8", "-topk8", "-in", "authority.key", "-out", "ca.key", "-passout", "pass:secret-word"], {
      cwd: pki,
      stdio: "ignore",
    });
    rmSync(path.join(pki, "authority.key"));
    const encrypted = await said(() => check(paths));
    assert.equal([encrypted.code, encrypted.lines.filter((line) => line.includes("/pki/"))], [0, []]);
  },
);

const other = authority("Other CA");
const TRUST: readonly [string, Readonly<Record<string, string | null>>, readonly string[]][] = [
  ["junk in ca.pem", { "ca.pem": "junk\n" }, ["ca.pem:1:1: found no certificate; expected the CA's certificates in PEM"]],
  ["junk in ca.crl", { "ca.crl": "junk\n" }, ["ca.crl:1:1: found no revocation list; expected -----BEGIN X509 CRL-----"]],
  [
    "another CA's list",
    { "ca.crl": `\n${other.list()}` },
    ["ca.crl:2:1: found a revocation list of CN=Other CA; expected one signed by a CA of this site"],
  ],
  ["a missing list", { "ca.crl": null }, ["ca.crl: no such file; the gateway does not start without it"]],
  [
    "no files at all",
    { "ca.pem": null, "ca.crl": null, "gateway.pem": null, "gateway.key": null },
    ["gateway.pem", "gateway.key", "ca.pem", "ca.crl"].map((name) => `${name}: no such file; the gateway does not start without it`),
  ],
  [
    "another's key",
    { "gateway.key": other.made.keyPem },
    ["gateway.pem: does not load with gateway.key: the private key does not belong to the certificate"],
  ],
  [
    "a missing certificate, and junk in ca.pem",
    { "gateway.pem": null, "ca.pem": "junk\n" },
    [
      "gateway.pem: no such file; the gateway does not start without it",
      "ca.pem:1:1: found no certificate; expected the CA's certificates in PEM",
    ],
  ],
];
for (const [what, files, expected] of TRUST) {
  commands(`check refuses what run would: ${what}`, async () => {
    const paths = site(what.replaceAll(" ", "-"));
    const pki = pkiOf(paths);
    for (const [name, text] of Object.entries(files)) {
      if (text === null) rmSync(path.join(pki, name));
      else writeFileSync(path.join(pki, name), text);
    }
    const { code, lines } = await said(() => check(paths));
    assert.is(code, 1);
    assert.equal(
      lines.filter((line) => line.includes("/pki/")).map((line) => line.replaceAll(`${pki}/`, "")),
      expected,
    );
    const { documents } = await readDocuments(paths.site, paths.policy);
    assert.throws(
      () => Trust.load(documents.site.tls as TlsSite, Date.now(), null),
      (error: Error) => error instanceof UserProblems,
    );
    const [json] = (await said(() => check({ ...paths, json: true }))).lines;
    assert.equal([JSON.parse(json ?? "").ok, JSON.parse(json ?? "").problems.length], [false, expected.length]);
  });
}

commands("check: a gateway key that others may read is refused, and what else is wrong is told with it", async () => {
  const paths = site("modes");
  const pki = pkiOf(paths);
  chmodSync(path.join(pki, "gateway.key"), 0o644);
  const { code, lines } = await said(() => check(paths));
  assert.equal([code, lines[0]], [1, `${pki}/gateway.key:1:1: found a private key that others may read; expected mode 0600`]);
  assert.is(lines.filter((line) => line.includes("/pki/")).length, 1);
  writeFileSync(path.join(pki, "ca.crl"), "junk");
  assert.is((await said(() => check(paths))).lines.filter((line) => line.includes("/pki/")).length, 2);
});

commands("check: a key that is only for the gateway's own user is no mistake to somebody else who asks", async () => {
  if (!need("root (to ask as another user)", process.getuid?.() === 0)) return;
  const paths = site("asked-by-another");
  chmodSync(folder, 0o755);
  process.seteuid?.(65_534);
  try {
    const { code, lines } = await said(() => check(paths));
    assert.equal(
      [code, lines.filter((line) => line.includes("/pki/"))],
      [0, [`${pkiOf(paths)}/gateway.key: note: may not be read by this user; what it holds was not checked`]],
    );
  } finally {
    process.seteuid?.(0);
  }
});

commands("through the front door: exit codes and streams", () => {
  const main = path.join(root, "src/cli/main.ts");
  const run = (...args: readonly string[]) =>
    spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", main, ...args], {
      cwd: path.dirname(sound.site),
      encoding: "utf8",
    });
  const allowed = run("policy", "explain", "--as", "viewer", "read", "drum_level");
  assert.equal([allowed.status, allowed.stderr], [0, ""]);
  const slip = run("policy", "explain", "--as", "nobody", "read", "drum_level");
  assert.equal([slip.status, slip.stdout], [2, ""]);
  assert.match(slip.stderr, /^penstock: --as: found "nobody"; expected a role, one of: viewer, operator, engineer\n$/);
});

commands.run();
