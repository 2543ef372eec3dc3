/** `penstock audit` as a person runs it: what it prints, where, and how it exits. */
import { execFile, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { VerifyFlags } from "#cli/audit/commands";
import * as commands from "#cli/audit/commands";
import { UsageError } from "#cli/exit";
import { copyLog, linesOf, newKey, open, scratch, segmentFiles, settled, TestEntry } from "../audit/logs.ts";
import { aShortDay } from "../audit/records.ts";

const cli = suite("cli/audit");
const root = scratch();
const directory = path.join(root, "log");
const key = newKey();
const keyFile = path.join(root, "audit.key.pub");
writeFileSync(keyFile, key.publicPem);
const MAIN = path.resolve(import.meta.dirname, "../../src/cli/main.ts");
const ARGS = ["--disable-warning=ExperimentalWarning", MAIN, "audit"];

const log = await open(directory, key);
await aShortDay(log);
await log.close();

function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [...ARGS, ...args], { maxBuffer: 1e8 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

cli(
  "RULINGS 31: verify: 0, what was not checked and the unanchored tail; 1 and the kind of tampering; --json is one object and nothing else",
  async () => {
    const good = await run("verify", directory, "--key", keyFile);
    assert.equal([good.code, good.err], [0, ""]);
    assert.match(good.out, /nothing was tampered with/);
    assert.match(good.out, /not checked: rollback/);
    assert.match(good.out, /unanchored 0 records, 0\.0 s: the last record is under a signed checkpoint/);
    const json = JSON.parse((await run("verify", directory, "--key", keyFile, "--json")).out) as Record<string, unknown>;
    assert.is(json.ok, true);
    assert.is(json.lastSeq, json.records);

    const work = path.join(root, "edited");
    copyLog(directory, work);
    const [file] = segmentFiles(work) as [string];
    writeFileSync(file, readFileSync(file, "utf8").replace('"after":"39.5"', '"after":"38.5"'));
    const bad = await run("verify", work, "--key", keyFile);
    assert.is(bad.code, 1);
    assert.match(bad.out, /BROKEN, 1 finding\n {2}edit +audit-00000001\.jsonl:5 record 4: the line was altered/);
    const badJson = await run("verify", work, "--key", keyFile, "--json");
    assert.is(badJson.code, 1);
    assert.equal(
      (JSON.parse(badJson.out) as { findings: { what: string }[] }).findings.map(({ what }) => what),
      ["edit"],
    );
  },
);

cli("verify: two lines altered between two checkpoints: both are named, and what it might be instead", async () => {
  const work = path.join(root, "twice");
  copyLog(directory, work);
  const [file] = segmentFiles(work) as [string];
  const lines = linesOf(file);
  const altered = (i: number): string => (lines[i] as string).replace("plant", "plane");
  assert.ok([3, 4, 6].every((i) => lines[i]?.includes("plant")));
  for (const [first, last, words] of [
    [3, 6, "splice     audit-00000001.jsonl:5 record 4: either lines 5 to 7 are of another log, or lines 4 and 7 were altered"],
    [3, 4, "splice     audit-00000001.jsonl:5 record 4: either line 5 is of another log, or it was altered, alone or with line 4"],
  ] as const) {
    writeFileSync(file, `${lines.with(first, altered(first)).with(last, altered(last)).join("\n")}\n`);
    const { code, out } = await run("verify", work, "--key", keyFile);
    assert.is(code, 1);
    assert.ok(out.includes(`BROKEN, 1 finding\n  ${words}\n`), out);
  }
});

cli("RULINGS 31: checkpoint prints what verify --expect takes, and a rolled back log fails against it", async () => {
  const older = path.join(root, "older");
  copyLog(directory, older);
  const again = await open(directory, key);
  again.append(new TestEntry({ n: "later" }));
  await again.close();
  const kept = path.join(root, "kept.json");
  const printed = await run("checkpoint", directory);
  assert.is(printed.code, 0);
  writeFileSync(kept, printed.out);
  const good = await run("verify", directory, "--key", keyFile, "--expect", kept);
  assert.is(good.code, 0);
  assert.not.match(good.out, /not checked/);
  const bad = await run("verify", older, "--key", keyFile, "--expect", kept);
  assert.is(bad.code, 1);
  assert.match(bad.out, /rollback/);
});

cli("show: one line a record, filters, JSON lines as they stand in the file", async () => {
  const shown = await run("show", directory, "--who", "spiffe://plant.example/operator/alice", "--point", "feed_setpoint", "--since", "1h");
  assert.is(shown.code, 0);
  const lines = shown.out.trimEnd().split("\n");
  assert.is(lines.length, 3);
  assert.match(
    lines[0] ?? "",
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} #4 alice@boiler-1: write holding 40 \(feed_setpoint = 39\.5 t\/h, was 38\.0 t\/h\): allowed/,
  );
  const json = await run("show", directory, "--decision", "deny", "--json");
  const stored = segmentFiles(directory).flatMap(linesOf);
  for (const line of json.out.trimEnd().split("\n")) assert.ok(stored.includes(line));
  assert.is((await run("show", directory, "--until", "2020-01-01")).out, "");
});

cli("export: JSON lines and a table", async () => {
  const jsonl = await run("export", directory, "--format", "jsonl", "--kind", "session");
  assert.is(jsonl.code, 0);
  assert.is((JSON.parse(jsonl.out) as { event: string }).event, "open");
  const csv = await run("export", directory, "--format", "csv", "--decision", "allow");
  const rows = csv.out.split("\r\n");
  assert.match(rows[0] ?? "", /^seq,time,kind,/);
  assert.is(rows.length, 5);
});

cli("2 and one clear line for a mistake", async () => {
  for (const [args, words] of [
    [["verify", directory], /required option '--key <file>'/],
    [["verify", directory, "--key", path.join(root, "none.pub")], /^penstock: .*none\.pub: the public key cannot be read \(ENOENT\)\n$/],
    [["show", directory, "--decision", "perhaps"], /Allowed choices are allow, deny/],
    [["show", directory, "--kind", "nonsense"], /Allowed choices are decision, outcome, session, handshake-refused, /],
    [["export", directory], /required option '--format <format>'/],
  ] as const) {
    const { code, out, err } = await run(...args);
    assert.equal([code, out], [2, ""], args.join(" "));
    assert.match(err, words);
    assert.not.match(err, /\n\s+at /);
  }
  const given = (name: string, text: string): string => {
    const file = path.join(root, name);
    writeFileSync(file, text);
    return file;
  };
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "pem" });
  const rsaFile = given("rsa.pub", `\n\n${rsa}`);
  const tornFile = given("torn.pub", "\n-----BEGIN PUBLIC KEY-----\nMCowBQYDK2Vw\n-----END PUBLIC KEY-----\n");
  const otherFile = given("other.pub", newKey().publicPem);
  const kept = readFileSync(path.join(directory, "checkpoint.json"), "utf8");
  const keptFile = given("kept.json", kept);
  const alteredFile = given("altered.json", kept.replace(/"seq":\d+/, '"seq":1'));
  const verify = (where: string, flags: Partial<VerifyFlags> = {}) => commands.verifyCommand(where, { key: keyFile, ...flags });
  for (const [attempt, words] of [
    [() => verify(directory, { key: MAIN }), /main\.ts:1:1: found no public key; expected Ed25519/],
    [() => verify(directory, { key: rsaFile }), /rsa\.pub:3:1: found a public key of type rsa; expected Ed25519$/],
    [() => verify(directory, { key: tornFile }), /torn\.pub:2:1: found a public key that cannot be read; expected Ed25519/],
    [() => verify(path.join(root, "nowhere")), /nowhere: cannot be read \(ENOENT\)/],
    [() => verify(root), /found no segment of an audit log/],
    [() => verify(directory, { expect: keyFile }), /audit\.key\.pub:1:1: found no checkpoint; expected the one line/],
    [
      () => verify(directory, { expect: alteredFile }),
      /altered\.json:1:1: found a checkpoint whose signature does not fit: it was altered$/,
    ],
    [
      () => verify(directory, { key: otherFile, expect: keptFile }),
      /kept\.json:1:1: found a checkpoint that is signed by key [0-9a-f]{16}, which/,
    ],
    [() => commands.show(path.join(root, "nowhere"), {}), /nowhere: cannot be read \(ENOENT\)/],
    [() => commands.show(directory, { since: "yesterday" }), /--since: found "yesterday"; expected a time/],
    [() => commands.checkpoint(root), /found no checkpoint/],
  ] as const) {
    try {
      await attempt();
      assert.unreachable(String(words));
    } catch (error) {
      assert.instance(error, UsageError);
      assert.match((error as UsageError).message, words);
    }
  }
});

cli("a reader that leaves early ends it quietly; --help shows examples", async () => {
  const long = path.join(root, "long");
  const big = await open(long, key);
  for (let i = 0; i < 3_000; i++) big.append(new TestEntry({ i, text: "x".repeat(300) }));
  await settled(big);
  await big.close();
  const child = spawn(process.execPath, [...ARGS, "show", long, "--json"]);
  let err = "";
  child.stderr.on("data", (text) => {
    err += text;
  });
  child.stdout.once("data", () => child.stdout.destroy());
  const code = await new Promise((resolve) => child.on("close", resolve));
  assert.equal([code, err], [0, ""]);
  const help = await run("verify", "--help");
  assert.is(help.code, 0);
  assert.match(help.out, /Examples:\n {2}penstock audit/);
});

cli.run();
