/** A disk on a bad day: it fails, is full, hangs, was torn. Nothing that changes the plant passes without its record, and reads go on as the site says. */
import { appendFileSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { verify } from "#audit/verify";
import { FailingDisk } from "#test/support/failingDisk";
import { type AuditRecord, type House, type HouseOptions, opened, sleep, until } from "#test/support/house";
import { read, write } from "#test/support/operator";

interface Context {
  house: House;
  disk: FailingDisk;
}

const disks = suite<Context>("gateway/disk");
disks.before.each((context) => {
  context.disk = new FailingDisk();
});
disks.after.each(async ({ house, disk }) => {
  disk.fails = null;
  disk.resume();
  await house?.close();
});

const hex = async (answer: Promise<Buffer>): Promise<string> => (await answer).toString("hex");
const kind = async (answer: Promise<Buffer>): Promise<string> => (await hex(answer)).slice(0, 4);
const READ = "0302";
const WRITTEN = "0600";
const BUSY = "8606";

/** The gateway stops in good order, and its log is whole. */
async function verified(house: House): Promise<void> {
  await house.gateway.close();
  const report = await verify(house.auditDirectory, readFileSync(path.join(house.dir, "audit.key.pub"), "utf8"));
  assert.ok(report.ok, JSON.stringify(report.findings));
}

/** What a retired segment holds beyond its last sync is no evidence, so it is not read. */
const told = (disk: FailingDisk, kind: string): AuditRecord[] =>
  disk.durableLines.map((line) => JSON.parse(line)).filter((record) => record.kind === kind);

/** A gateway on this disk; nothing that is no durable record comes to the PLC, and nothing is called durable that is not. */
async function onDisk(context: Context, more: Partial<HouseOptions> = {}): Promise<House> {
  const { disk } = context;
  const house = await opened(context, { disk: { files: disk }, ...more });
  house.plc.seen = (adu) => {
    if (adu[7] !== 6) return;
    const [at, value] = [adu.readUInt16BE(8), adu.readUInt16BE(10)];
    const lines = disk.durableLines.map((line) => JSON.parse(line));
    const told = lines.find(
      ({ kind: each, operations }) => each === "decision" && operations?.[0]?.first === at && operations[0].after[0] === value,
    );
    if (told === undefined) house.plc.faults = { rewrite: () => Buffer.from("no record of this write is durable") };
    if (house.gateway.road.audit.durable > lines.at(-1).seq) house.plc.faults = { rewrite: () => Buffer.from("called durable and is not") };
  };
  return house;
}

for (const whenFull of ["deny-writes", "deny-all"] as const) {
  for (const [words, code, on, state] of [
    ["fdatasync fails", "EIO", "sync", "failed"],
    ["writes find no room", "ENOSPC", "write", "full"],
  ] as const) {
    disks(
      `RULINGS 30: ${words}, when_full: ${whenFull}: writes are answered 06 and not an octet of them leaves, until the disk is well again`,
      async (context) => {
        const { disk } = context;
        const house = await onDisk(context, { audit: `when_full: ${whenFull}` });
        const { audit } = house.gateway.road;
        const [operator, viewer] = [await house.plain(), await house.plain()];
        assert.is(await kind(operator.ask(write(1, 1_001))), WRITTEN);
        await house.written();
        const { durable } = audit;
        disk.on = [on];
        disk.partial = on === "write" ? 70 : 0;
        disk.fails = code;
        assert.is(await kind(operator.ask(write(2, 1_002))), BUSY, "its record was on the way");
        assert.is(audit.state, state);
        assert.is(audit.durable, durable, "nothing of it is called durable");
        for (let i = 0; i < 30; i++) {
          assert.is(await kind(operator.ask(write(3, 1_003))), BUSY);
          assert.is(await kind(viewer.ask(read(3, 1))), whenFull === "deny-writes" ? READ : "8306");
        }
        const tries = disk.failed;
        await until(() => disk.failed > tries, "it tries again by itself");
        assert.is(await kind(operator.ask(write(3, 1_003))), BUSY);
        assert.is(house.plc.requests.filter((adu) => adu[7] === 6).length, 1);
        const { warnings } = house.gateway.status();
        assert.ok(
          warnings.some((line) => line.startsWith(`EVIDENCE ${state.toUpperCase()}`)),
          warnings.join("\n"),
        );
        disk.fails = null;
        await until(() => audit.state === "ok", "it goes on");
        assert.is(await kind(operator.ask(write(4, 1_004))), WRITTEN);
        assert.is(await kind(viewer.ask(read(4, 1))), READ);
        assert.equal(
          house.plc.requests.filter((adu) => adu[7] === 6).map((adu) => adu.readUInt16BE(10)),
          [1_001, 1_004],
        );
        await verified(house);
        const outcomes = told(disk, "outcome").filter(({ outcome }) => outcome === "notSent");
        assert.equal(
          outcomes.map(({ reason }) => reason),
          ["evidenceUnavailable"],
          "whose record came late was not sent, and the log says so",
        );
      },
    );
  }
}

disks(
  "RULINGS 21, 30: a disk that hangs for 3 s: reads flow, a write is answered 06 in its time and never sent, then all is well",
  async (context) => {
    const { disk } = context;
    const house = await onDisk(context);
    const [operator, viewer] = [await house.plain(), await house.plain()];
    assert.is(await kind(operator.ask(write(1, 1_001))), WRITTEN);
    disk.hang();
    const over = sleep(3_000).then(() => disk.resume());
    const started = performance.now();
    const late = operator.ask(write(2, 1_002));
    let reads = 0;
    let answered = "";
    void kind(late).then((answer) => {
      answered = answer;
    });
    for (; answered === ""; reads++) assert.is(await kind(viewer.ask(read(2, 1))), READ);
    const took = performance.now() - started;
    assert.is(answered, BUSY);
    assert.ok(took >= 1_000 && took < 2_500, `${took.toFixed(0)} ms`);
    assert.ok(reads > 20, `${reads} reads meanwhile`);
    assert.is(await kind(operator.ask(read(2, 1))), READ, "and its session goes on");
    await over;
    assert.is(await kind(operator.ask(write(3, 1_003))), WRITTEN);
    assert.equal(
      house.plc.requests.filter((adu) => adu[7] === 6).map((adu) => adu.readUInt16BE(10)),
      [1_001, 1_003],
    );
    await verified(house);
    const [record] = told(disk, "decision").filter(({ operations }) => operations[0].after?.[0] === 1_002);
    assert.is(told(disk, "outcome").find(({ of }) => of === record?.seq)?.outcome, "notSent");
  },
);

disks("DESIGN 5: the disk fails while a write is at the device: what became of it is told once the disk is well again", async (context) => {
  const { disk } = context;
  const house = await onDisk(context);
  const operator = await house.plain();
  await operator.ask(read(1, 1));
  house.plc.faults = { delayMs: 100 };
  const sent = operator.ask(write(1, 1_001));
  await until(() => house.plc.requests.some((adu) => adu[7] === 6), "it is at the device");
  disk.fails = "EIO";
  house.gateway.road.records.note("management", { event: "test" });
  await until(() => house.gateway.road.audit.state !== "ok", "the log knows");
  assert.is(await kind(sent), WRITTEN, "the operator is told what the device said");
  house.plc.faults = {};
  disk.fails = null;
  await until(() => house.gateway.road.audit.state === "ok", "it goes on");
  await verified(house);
  const [record] = told(disk, "decision").filter(({ function: fn }) => fn === 6);
  assert.is(told(disk, "outcome").find(({ of }) => of === record?.seq)?.outcome, "answered");
});

disks("RULINGS 30: a log torn in its last line: the gateway starts, keeps what was torn, says so, and writes go on", async (context) => {
  const house = await opened(context);
  assert.is(await kind((await house.plain()).ask(write(1, 1_001))), WRITTEN);
  await house.gateway.close();
  const [last] = readdirSync(house.auditDirectory)
    .filter((file) => file.endsWith(".jsonl"))
    .sort()
    .reverse();
  appendFileSync(path.join(house.auditDirectory, last as string), '{"seq":9,"time":"2026-01-01T00:00');
  await house.restart();
  assert.is(await kind((await house.plain()).ask(write(1, 1_002))), WRITTEN);
  assert.ok(readdirSync(house.auditDirectory).some((file) => file.endsWith(".torn")));
  assert.is(house.records("audit").filter(({ event }) => event === "repair").length, 1);
  await verified(house);
});
disks.run();
