/** Closing by command: a session, an asset (RULINGS 27). At once, recorded with the uid, and not undone by a restart or a reload. */
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Blocks } from "#gateway/blocks";
import { UNRECORDED } from "#gateway/verificationWords";
import { askDaemon } from "#management/client";
import type { Answer, Question } from "#management/protocol";
import { DAY, MovedClock } from "#test/support/clock";
import { type CommandResult, Daemon, penstock } from "#test/support/daemon";
import { FailingDisk } from "#test/support/failingDisk";
import { type House, OPEN_POLICY, opened, until, writeDocuments } from "#test/support/house";
import { coil, read, write } from "#test/support/operator";
import { Plc } from "#test/support/plc";

const block = suite<{ house: House }>("gateway/block");
block.after.each(async (context) => {
  await context.house?.close();
});

const ask = (house: House, question: Question): Promise<Answer> => askDaemon(path.join(house.dir, "penstock.sock"), question);
const hex = async (answer: Promise<Buffer>): Promise<string> => (await answer).toString("hex");
const fails = (doing: Promise<void>): Promise<boolean> =>
  doing.then(
    () => false,
    () => true,
  );

block("RULINGS 27: a blocked asset lets no change through, whoever asks, and reads flow; lifted, all is as before", async (context) => {
  const house = await opened(context);
  const operator = await house.plain();
  assert.equal(await ask(house, { ask: "block", asset: "plc", reads: false, uid: 4711 }), { ok: true });
  assert.is(await hex(operator.ask(write(1, 1))), "8601");
  assert.is(await hex(operator.ask(coil(1, true))), "8501");
  assert.is(await hex(operator.ask(read(1, 1))), "03020000");
  assert.is(house.gateway.status().assets[0]?.blocked, "changes");
  assert.match(house.gateway.status().warnings.join(), /plc: BLOCKED to every change/);
  assert.equal(await ask(house, { ask: "unblock", asset: "plc", uid: 4711 }), { ok: true });
  assert.is(await hex(operator.ask(write(1, 1))), "0600010001");
  assert.is(house.plc.requests.filter((adu) => adu[7] === 6 || adu[7] === 5).length, 1);
  const records = await house.written();
  assert.equal(
    records.filter(({ asked }) => asked !== undefined).map(({ asked, asset, uid }) => [asked, asset, uid]),
    [
      ["block", "plc", 4711],
      ["unblock", "plc", 4711],
    ],
  );
  assert.equal(records.filter(({ code }) => code === "blocked").length, 2);
});

block("RULINGS 27: two lifted at once are both lifted on the disk too", async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-blocks-"));
  const blocks = Blocks.open(path.join(dir, "audit"));
  for (const asset of ["one", "other", "third"]) await blocks.set({ asset, reads: true, by: "uid 1", sinceMs: 1 });
  await Promise.all([blocks.lift("one"), blocks.lift("other")]);
  const again = Blocks.open(path.join(dir, "audit"));
  for (const each of [blocks, again])
    assert.equal(
      ["one", "other", "third"].map((asset) => each.of(asset) !== null),
      [false, false, true],
    );
  rmSync(dir, { recursive: true });
});

block(
  "RULINGS 27: what is done while nothing can be recorded is recorded when it can be: a block, a session ended, documents",
  async (context) => {
    const disk = new FailingDisk();
    const house = await opened(context, { disk: { files: disk } });
    const { records, audit, sessions } = house.gateway.road;
    const operator = await house.plain();
    await operator.ask(read(1, 1));
    disk.fails = "EIO";
    void records.note("management", { event: "test" });
    await until(() => audit.state !== "ok", "the log knows");
    const [session] = [...sessions.open];
    assert.ok((await ask(house, { ask: "endSession", session: session?.id ?? "", uid: 4711 })).ok);
    await operator.gone();
    assert.ok((await ask(house, { ask: "block", asset: "plc", reads: false, uid: 4711 })).ok);
    house.rewrite("policy.yaml", OPEN_POLICY.replace("version: 1\n", "version: 2\n"));
    assert.equal((await house.gateway.reload()).problems, []);
    disk.fails = null;
    await until(() => audit.state === "ok", "well again");
    await house.gateway.close();
    const written = house.records();
    assert.equal(
      written.filter(({ asked }) => asked !== undefined).map(({ asked, uid }) => [asked, uid]),
      [
        ["session end", 4711],
        ["block", 4711],
      ],
    );
    assert.is(written.filter(({ event, session: id }) => event === "end" && id === session?.id).length, 1);
    assert.is(written.findLast(({ kind, event }) => kind === "config" && event === "loaded")?.version, 2);
  },
);

block(
  "RULINGS 27: what opens something is refused while nothing can be recorded: a block stays, the clock stays suspect",
  async (context) => {
    const disk = new FailingDisk();
    const clock = new MovedClock();
    const house = await opened(context, { disk: { files: disk }, clock });
    const { records, audit, clock: gate } = house.gateway.road;
    const operator = await house.plain();
    assert.ok((await ask(house, { ask: "block", asset: "plc", reads: true, uid: 4711 })).ok);
    clock.set = DAY;
    await until(() => gate.suspicion !== null, "the clock is suspect");
    disk.fails = "EIO";
    void records.note("management", { event: "test" });
    await until(() => audit.state !== "ok", "the log knows");
    for (const question of [{ ask: "unblock", asset: "plc", uid: 4711 } as const, { ask: "clockConfirm", uid: 4711 } as const])
      assert.equal(await ask(house, question), { ok: false, error: UNRECORDED }, question.ask);
    assert.is(await hex(operator.ask(read(1, 1))), "8301");
    assert.is(house.plc.requests.length, 0);
    assert.ok(gate.suspicion !== null);
    disk.fails = null;
    await until(() => audit.state === "ok", "well again");
    assert.equal(await ask(house, { ask: "unblock", asset: "plc", uid: 4711 }), { ok: true });
    assert.ok((await ask(house, { ask: "clockConfirm", uid: 4711 })).ok);
    assert.is(await hex(operator.ask(read(1, 1))), "03020000");
    assert.is(gate.suspicion, null);
  },
);

block(
  "RULINGS 27: a block that cannot be written down is in force, and its answer says so; what cannot be lifted stays blocked",
  async (context) => {
    const house = await opened(context);
    const operator = await house.plain();
    const file = `${house.auditDirectory}.blocks.json`;
    mkdirSync(file);
    const told = await ask(house, { ask: "block", asset: "plc", reads: false, uid: 1 });
    assert.match(told.error ?? "ok", /^plc is blocked, but a restart will not know it: E[A-Z]+$/);
    assert.is(await hex(operator.ask(write(1, 1))), "8601");
    assert.match((await ask(house, { ask: "unblock", asset: "plc", uid: 1 })).error ?? "ok", /^plc stays blocked: E[A-Z]+$/);
    assert.is(await hex(operator.ask(write(1, 1))), "8601");
    rmdirSync(file);
    assert.equal(await ask(house, { ask: "unblock", asset: "plc", uid: 1 }), { ok: true });
    assert.is(await hex(operator.ask(write(1, 1))), "0600010001");
  },
);

block("RULINGS 27: what failed to be lifted is in force, and on the disk with the next command", async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-blocks-"));
  const file = path.join(dir, "audit.blocks.json");
  const blocks = Blocks.open(path.join(dir, "audit"));
  mkdirSync(file);
  const block = { asset: "one", reads: true, by: "uid 1", sinceMs: 1 };
  assert.ok(await fails(blocks.set(block)));
  assert.ok(await fails(blocks.lift("one")));
  assert.equal(blocks.of("one"), block);
  rmdirSync(file);
  await blocks.set({ ...block, asset: "other" });
  const again = Blocks.open(path.join(dir, "audit"));
  assert.equal(again.of("one"), block);
  assert.ok(again.of("other") !== null);
  rmSync(dir, { recursive: true });
});

block("RULINGS 27: a lift that failed is put back on the disk where other commands were written without it meanwhile", async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-blocks-"));
  const file = path.join(dir, "audit.blocks.json");
  const blocks = Blocks.open(path.join(dir, "audit"));
  const block = { asset: "one", reads: true, by: "uid 1", sinceMs: 1 };
  await blocks.set(block);
  rmSync(file);
  mkdirSync(file);
  const lift = fails(blocks.lift("one"));
  const [second, third, fourth] = ["two", "three", "four"].map((asset) => fails(blocks.set({ ...block, asset })));
  assert.ok(await second, "and the lift before it");
  rmdirSync(file);
  await third;
  assert.not(await fourth);
  assert.equal(Blocks.open(path.join(dir, "audit")).of("one"), null, "written without it");
  assert.ok(await lift);
  assert.equal(blocks.of("one"), block);
  assert.equal(Blocks.open(path.join(dir, "audit")).of("one"), block);
  rmSync(dir, { recursive: true });
});

block("RULINGS 27: what waits when the block comes does not leave; with `reads` nothing does", async (context) => {
  const house = await opened(context, { asset: "    upstream: { timeout: 2s }" });
  const [a, b, c] = [await house.plain(), await house.plain(), await house.plain()];
  house.plc.faults = { delayMs: 100 };
  const first = hex(a.ask(read(1, 1)));
  const [write2, read2] = [hex(b.ask(write(2, 1))), hex(c.ask(read(2, 1)))];
  await until(() => house.gateway.status().assets[0]?.waiting === 2, "two wait");
  await ask(house, { ask: "block", asset: "plc", reads: true, uid: 0 });
  assert.equal(await Promise.all([first, write2, read2]), ["03020000", "8601", "8301"]);
  assert.is(house.plc.requests.length, 1);
});

block("RULINGS 27: a block stays over a reload, and cannot be asked of what is not there", async (context) => {
  const house = await opened(context);
  await ask(house, { ask: "block", asset: "plc", reads: false, uid: 0 });
  house.rewrite("policy.yaml", OPEN_POLICY.replace("version: 1\n", "version: 2\n"));
  assert.equal((await house.gateway.reload()).problems, []);
  assert.is(await hex((await house.plain()).ask(write(1, 1))), "8601");
  assert.match((await ask(house, { ask: "block", asset: "nothing", reads: false, uid: 0 })).error ?? "", /no asset nothing; there are plc/);
  assert.match((await ask(house, { ask: "endSession", session: "x", uid: 0 })).error ?? "", /no session x is open/);
  for (const words of [
    { ask: "block", asset: "plc", reads: false },
    { ask: "endSession", session: 7, uid: 0 },
    { ask: "unblock", uid: -1, asset: "plc" },
  ])
    assert.is((await ask(house, words as Question)).error, "not a question this daemon knows");
});

block("RULINGS 27: a session is ended at once, and the record says by whom", async (context) => {
  const house = await opened(context);
  const [gone, stays] = [await house.plain(), await house.plain()];
  await gone.ask(read(1, 1));
  await stays.ask(read(1, 1));
  const id = [...house.gateway.road.sessions.open][0]?.id ?? "";
  assert.equal(await ask(house, { ask: "endSession", session: id, uid: 7 }), { ok: true });
  await gone.gone(1_000);
  assert.is(await hex(stays.ask(read(1, 1))), "03020000");
  const end = (await house.written("session")).find(({ event }) => event === "end");
  assert.equal([end?.session, end?.reason, end?.words], [id, "endedByOperator", "by uid 7"]);
});

block("RULINGS 27: on the command line; over a restart the block stands; a damaged file refuses the start", async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-block-"));
  const plc = new Plc();
  writeDocuments(dir, await plc.listen(), {});
  let daemon = await Daemon.start(dir);
  try {
    const run = (...args: string[]): Promise<CommandResult> => penstock(args, { cwd: dir });
    assert.match((await run("session", "list")).stdout, /nobody is connected/);
    const blocked = await run("block", "plc");
    assert.equal([blocked.code, blocked.stdout.trim()], [0, "plc is blocked: no write and no control passes; reads do"], blocked.stderr);
    const file = path.join(dir, "audit.blocks.json");
    assert.is(statSync(file).mode & 0o777, 0o600);
    await daemon.stop("SIGKILL");
    daemon = await Daemon.start(dir);
    assert.match((await run("status")).stdout, /plc: BLOCKED to every change/);
    assert.is((await run("block", "plc", "--lift", "--reads")).code, 2);
    assert.match((await run("block", "plc", "--lift")).stdout, /plc is open again/);
    assert.equal(JSON.parse(readFileSync(file, "utf8")).blocks, []);
    assert.is((await run("block", "plc", "--lift")).code, 1);
    await daemon.stop();
    writeFileSync(file, "{");
    const refused = await run("run");
    assert.is(refused.code, 2);
    assert.match(refused.stderr, /audit.blocks.json: is damaged/);
  } finally {
    await daemon.stop();
    await plc.close();
    rmSync(dir, { recursive: true, force: true });
  }
});

block.run();
