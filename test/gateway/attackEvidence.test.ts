/** What a peer, a document or a clock puts into the log stays inside its record: no line, cell or terminal is led astray by it. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import tls from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { verify } from "#audit/verify";
import type { Clock } from "#gateway/clock";
import { authority, type CertificateOptions, CN, cn, utf8String } from "#test/support/certificates";
import { penstock } from "#test/support/daemon";
import { certificates } from "#test/support/gatewayCertificates";
import { type House, OPEN_POLICY, opened, POINTS, sleep, until } from "#test/support/house";
import { type Operator, read, write } from "#test/support/operator";

const evidence = suite<{ house: House }>("gateway/attackEvidence");
evidence.after.each(async (context) => {
  await context.house?.close();
});

const hex = async (answer: Promise<Buffer>): Promise<string> => (await answer).toString("hex");
const publicKey = (house: House): string => readFileSync(path.join(house.dir, "audit.key.pub"), "utf8");
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const MOVES_THE_CURSOR = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

const FORGED = '\n{"seq":1,"time":"2026-01-01T00:00:00.000Z","kind":"decision","prev":"00"}\n';

evidence(
  "names of certificates: controls, line ends, another direction, formulas and megabytes stay words in one record",
  async (context) => {
    const pki = await certificates();
    // Refusals of one kind are counted together in a window: here each has a window of its own.
    const house = await opened(context, { ...pki.house, limits: { readWindowMs: 50 } });
    const nasty: CertificateOptions[] = [
      { name: `alice${FORGED}` },
      { name: "\u001b[2J\u001b[Halice" },
      { name: "alice\u202eecila" },
      { name: '=HYPERLINK("http://x","y")' },
      { name: "@SUM(A1)" },
      { name: "alice\u0000bob" },
      { name: "a".repeat(8_000) },
      { uri: `spiffe://plant.example/operator/alice${FORGED}` },
      { uri: "spiffe://plant.example/operator/=1+1" },
      { uri: `spiffe://plant.example/${"a/".repeat(2_000)}b` },
      { role: `operator${FORGED.slice(0, 40)}` },
      { role: "=1+1" },
      { subject: [...cn("alice"), ["2.5.4.10", utf8String(`Plant${FORGED}\u001b[31m`)]] },
      { subject: Array.from({ length: 200 }, (_, i) => [CN, utf8String(`\n=${i}`)] as const) },
    ];
    const certs = nasty.map((options) => pki.ca.issue(options));
    // A CA nobody believes says anything it likes of itself, too.
    const foreign = authority("x", { subject: cn(`Plant CA${FORGED}\u001b[2J`) });
    certs.push(foreign.issue({ name: `=cmd|' /C calc'!A0` }));
    for (const made of certs) {
      await new Promise<void>((resolve) => {
        const socket = tls.connect({
          port: house.port(),
          host: "127.0.0.1",
          cert: made.chainPem,
          key: made.keyPem,
          rejectUnauthorized: false,
        });
        socket.on("error", () => {}).on("data", () => {});
        socket.on("close", () => resolve());
        // One of them is well formed enough to be let in; it has nothing to say.
        socket.once("secureConnect", () => setTimeout(() => socket.destroy(), 100));
      });
      await sleep(100);
    }
    const records = await house.written();
    const refused = records.filter((r) => r.kind === "handshake-refused");
    assert.ok(refused.length >= certs.length - 1, `${refused.length} refusals told one by one`);
    for (const record of records) assert.ok(JSON.stringify(record).length < 4_096, JSON.stringify(record).slice(0, 200));
    for (const { words } of refused) assert.not.match(words, MOVES_THE_CURSOR);
    await house.gateway.close();
    const report = await verify(house.auditDirectory, publicKey(house));
    assert.ok(report.ok, JSON.stringify(report.findings));
    assert.is(report.records, report.lastSeq, "no line more than was numbered");
    const shown = await penstock(["audit", "show", house.auditDirectory]);
    assert.not.match(shown.stdout, MOVES_THE_CURSOR);
    const lines = house.records().filter(({ event }) => event !== "segment" && event !== "checkpoint");
    assert.is(shown.stdout.trimEnd().split("\n").length, lines.length);
    const csv = await penstock(["audit", "export", house.auditDirectory, "--format", "csv"]);
    const rows = csv.stdout.trimEnd().split("\r\n");
    assert.is(rows.length, lines.length + 1);
    for (const row of rows) assert.not.match(row, /(^|,)"?[=+@-]/);
  },
);

evidence("units and names of documents are words too; a value below zero is no formula", async (context) => {
  const points = `${POINTS.trimEnd()},scale,write_min,write_max\nlevel,1,holding,5,int16,"=1+1|' ,""m",rw,"=HYPERLINK(1)",0.1,-100,100\n`;
  const house = await opened(context, { points });
  const operator = await house.plain();
  assert.is(await hex(operator.ask(write(5, 0xffff))), "060005ffff");
  assert.is(await hex(operator.ask(write(5, 0x7fff))), "8601");
  await house.written();
  await house.gateway.close();
  const shown = await penstock(["audit", "show", house.auditDirectory, "--kind", "decision"]);
  assert.match(shown.stdout, /level = -0\.1 =1\+1\|' ,"m/);
  assert.not.match(shown.stdout, MOVES_THE_CURSOR);
  const csv = await penstock(["audit", "export", house.auditDirectory, "--format", "csv", "--kind", "decision"]);
  for (const row of csv.stdout.trimEnd().split("\r\n")) assert.not.match(row, /(^|,)"?[=+@-]/);

  assert.match(csv.stdout, /'-0\.1/, `${csv.code} ${csv.stderr} ${csv.stdout}`);
});

evidence("file names: what cannot be read is named so that no terminal is moved by it, in the log as on the screen", async (context) => {
  const house = await opened(context);
  const name = `night\u001b[2J\nforged.cases.yaml`;
  writeFileSync(path.join(house.dir, name), "- nonsense\n");
  const { problems } = await house.gateway.reload();
  assert.is(problems.length, 1);
  const checked = await penstock(["check"], { cwd: house.dir });
  assert.is(checked.code, 2);
  for (const text of [...problems, checked.stdout, checked.stderr]) assert.not.match(text, MOVES_THE_CURSOR);
  writeFileSync(path.join(house.dir, name), Buffer.from([0xff, 0xfe]));
  const unreadable = await penstock(["check"], { cwd: house.dir });
  assert.is(unreadable.code, 2);
  assert.match(unreadable.stdout, /is not UTF-8 text/);
  assert.not.match(unreadable.stdout, MOVES_THE_CURSOR);
  assert.is(unreadable.stdout.trimEnd().split("\n").length, 1);
  await house.written();
  await house.gateway.close();
  assert.ok((await verify(house.auditDirectory, publicKey(house))).ok);
});

class SteppedClock implements Clock {
  offsetMs = 0;
  monotonic(): number {
    return performance.now();
  }
  wall(): number {
    return Date.now() + this.offsetMs;
  }
}

evidence("RULINGS 19: a clock that goes back leaves records in their order, and the log verifies, over a restart too", async (context) => {
  const clock = new SteppedClock();
  const house = await opened(context, { clock, limits: { readWindowMs: 50 } });
  const operator: Operator = await house.plain();
  const DAY = 86_400_000;
  let value = 0;
  for (const offset of [0, -DAY, -400 * DAY, 30 * DAY, -Date.now() - DAY, 0]) {
    clock.offsetMs = offset;
    for (let i = 0; i < 5; i++) {
      value += 1;
      assert.is(await hex(operator.ask(write(1, value))), `06000100${value.toString(16).padStart(2, "0")}`);
      await operator.ask(read(1, 1));
    }
    await until(() => house.records("decision").filter((r) => r.function === 6).length === value, "written");
  }
  const writes = (await house.written("decision")).filter((r) => r.function === 6);
  assert.equal(
    writes.map((r) => r.operations[0].after[0]),
    Array.from({ length: value }, (_, i) => i + 1),
  );
  const numbers = house.records().flatMap((r) => (r.seq === undefined ? [] : [r.seq]));
  assert.equal(
    numbers,
    numbers.map((_, i) => i + 1),
  );
  await house.gateway.close();
  assert.ok((await verify(house.auditDirectory, publicKey(house))).ok);
});

evidence("two gateways that start in one second, or by a clock that was set back, name no two sessions alike", async (context) => {
  const wallMs = Date.now();
  const clock: Clock = { monotonic: () => performance.now(), wall: () => wallMs };
  const names: string[] = [];
  for (let start = 0; start < 2; start++) {
    const house = await opened(context, { clock });
    await (await house.plain()).ask(read(0, 1));
    names.push((await house.written("session"))[0]?.session);
    await house.close();
  }
  assert.is.not(names[0], names[1]);
});

evidence("a record's words are those of its own policy, in plain text, whatever a rule is called", async (context) => {
  const policy = OPEN_POLICY.replace("id: write,", "id: =write,");
  try {
    context.house = await opened(context, { policy });
  } catch (error) {
    assert.match((error as Error).message, /policy\.yaml:\d+:\d+: found "=write"/);
    return;
  }
  assert.unreachable("a rule's name may not start a formula");
});

evidence.run();
