/** Essential stops (RULINGS 15): a full or failing disk must not stop a shutdown, and lets nothing else through. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { entriesWaiting, JOURNAL_SLOTS, journalOf, SLOT_OCTETS } from "#audit/journal";
import { verify } from "#audit/verify";
import { penstock } from "#test/support/daemon";
import { FailingDisk } from "#test/support/failingDisk";
import { type AuditRecord, type House, OPEN_POLICY, opened, sleep, until } from "#test/support/house";
import { hasTool, need } from "#test/support/need";
import { Operator, read, write } from "#test/support/operator";
import { Stage } from "#test/support/stage";

const stops = suite<{ house: House | null; stage: Stage | null; mount: string | null }>("gateway/stops");
stops.before.each((context) => {
  context.house = null;
  context.stage = null;
  context.mount = null;
});
stops.after.each(async ({ house, stage, mount }) => {
  await house?.close();
  // Its processes end with the stage, which cannot be removed while something is mounted in it.
  if (mount !== null) execFileSync("umount", ["--lazy", mount]);
  await stage?.clear();
});

/** Coil 7 off is the stop; holding 30 = 0 too, which every day may be written up to 50 in steps of 2. */
const POLICY = OPEN_POLICY.replace(
  "    - { id: write, allow: write, on: plc, table: holding, addresses: 0-99 }\n",
  `    - { id: write, allow: write, on: plc, table: holding, addresses: 0-29 }
    - { id: speed, allow: write, on: plc, table: holding, addresses: 30, values: { min: 0, max: 50, max_step: 2 } }
    - { id: stop, allow: write, on: plc, table: coil, addresses: 7, values: { set: [0] }, essential: true }
    - { id: zero, allow: write, on: plc, table: holding, addresses: 30, values: { set: [0] }, essential: true }
`,
);
const coil = (at: number, on: boolean): Buffer => Buffer.from([5, 0, at, on ? 0xff : 0, 0]);
const hex = async (answer: Promise<Buffer>): Promise<string> => (await answer).toString("hex");
const STOPPED = "0500070000";
const BUSY = "8606";

async function verified(house: House): Promise<AuditRecord[]> {
  const records = await house.written();
  await house.gateway.close();
  const report = await verify(house.auditDirectory, readFileSync(path.join(house.dir, "audit.key.pub"), "utf8"));
  assert.ok(report.ok, JSON.stringify(report.findings));
  return records;
}

/** Deny anything else until the log says that it is not well. */
async function broken(house: House, operator: Operator): Promise<void> {
  await until(() => house.gateway.road.audit.state !== "ok", "the log knows");
  assert.is(await hex(operator.ask(write(1, 1))), BUSY);
}

stops("RULINGS 15: fdatasync fails: a stop passes and is told, everything else is denied, and the log gets it later", async (context) => {
  const { disk, house } = await onDisk(context);
  const operator = await house.plain();
  house.plc.unit(1)[30] = 40;
  assert.is(await hex(operator.ask(write(1, 7))), "0600010007");
  disk.fails = "EIO";
  const first = operator.ask(write(1, 8));
  assert.is(await hex(first), BUSY, "its record was on the way when the disk failed");
  await broken(house, operator);
  assert.is(await hex(operator.ask(coil(7, false))), STOPPED);
  assert.is(await hex(operator.ask(write(30, 0))), "06001e0000", "at once, though 40 stands there and the step is 2: no read before it");
  const before = house.plc.requests.length;
  for (const other of [coil(7, true), coil(8, false), write(30, 1), write(30, 39), Buffer.from([15, 0, 7, 0, 2, 1, 0])])
    assert.is((await operator.ask(other)).subarray(1).toString("hex"), "06", other.toString("hex"));
  assert.is(house.plc.requests.length, before, "nothing else left");
  const { audit, warnings } = house.gateway.status();
  assert.equal(audit.stops, { passed: 2, waiting: 2, trouble: null });
  assert.ok(
    warnings.some((words) => words.startsWith("STOPS WITHOUT RECORD: 2")),
    warnings.join("\n"),
  );
  await until(() => readFileSync(journalOf(house.auditDirectory), "latin1").includes("answered"), "the journal has them on the disk");
  disk.fails = null;
  await until(() => house.gateway.status().audit.stops.waiting === 0, "merged");
  assert.is(await hex(operator.ask(write(1, 9))), "0600010009");
  await until(() => readFileSync(journalOf(house.auditDirectory)).every((octet) => octet === 0), "the journal is empty");
  const merged = (await verified(house)).filter(({ journal }) => journal !== undefined);
  assert.equal(
    merged.map(({ kind, decision, rule, octets, action, journal }) => [
      kind,
      decision,
      rule,
      octets,
      action,
      journal.count,
      journal.outcome,
    ]),
    [
      ["decision", "allow", "hmi/stop", "0500070000", "forward", 1, "answered"],
      ["decision", "allow", "hmi/zero", "06001e0000", "forward", 1, "answered"],
    ],
  );
  const shown = await penstock(["audit", "show", house.auditDirectory, "--kind", "decision"]);
  assert.match(shown.stdout, /write coil 7.*: allowed, rule hmi\/stop; passed without its record at 2.*Z, answered/);
  for (const { journal, time } of merged) assert.ok(Date.parse(journal.first) <= Date.parse(time));
});

stops(
  "RULINGS 15: a disk that does not answer: the stop waits a moment, then goes; what its session asked before it is refused",
  async (context) => {
    const disk = new FailingDisk();
    const house = await opened(context as { house: House }, {
      policy: POLICY,
      disk: { files: disk },
      limits: { stopWaitMs: 100 },
      asset: "    upstream: { timeout: 20s }",
    });
    const operator = await house.plain();
    const other = await house.plain();
    assert.is(await hex(operator.ask(write(1, 7))), "0600010007");
    disk.hang();
    const waits = other.ask(write(2, 2), 1, 77, 60_000);
    await sleep(50);
    const ahead = hex(operator.ask(write(1, 8)));
    const started = performance.now();
    assert.is(await hex(operator.ask(coil(7, false))), STOPPED);
    const took = performance.now() - started;
    assert.ok(took > 90 && took < 2_000, `${took} ms`);
    assert.is(await ahead, BUSY, "in order: first the answer to what came first");
    assert.not(
      house.plc.requests.some((adu) => adu[7] === 6 && (adu[11] === 8 || adu[11] === 2)),
      "no other write left",
    );
    assert.is(house.gateway.status().audit.stops.passed, 1);
    disk.resume();
    assert.is(await hex(waits), "0600020002", "that one had its record");
    await until(() => house.gateway.status().audit.stops.waiting === 0, "merged");
    const records = await verified(house);
    const own = records.filter(({ rule }) => rule === "hmi/stop");
    assert.is(own.length, 2, "its own record, which came late, and the journal's");
    assert.is(own.filter(({ journal }) => journal !== undefined).length, 1);
    const outcome = records.find(({ kind, of }) => kind === "outcome" && own.some(({ seq }) => seq === of));
    assert.is(outcome?.outcome, "answered");
  },
);

stops(
  "RULINGS 15: with a disk that works a stop is a write like any other: its record is on the disk before it leaves",
  async (context) => {
    const house = await opened(context as { house: House }, { policy: POLICY });
    const operator = await house.plain();
    let durable = 0;
    house.plc.seen = () => {
      durable = house.gateway.road.audit.durable;
    };
    assert.is(await hex(operator.ask(coil(7, false))), STOPPED);
    const [decision] = (await house.written("decision")).filter(({ rule }) => rule === "hmi/stop");
    assert.ok(decision !== undefined && decision.seq <= durable);
    assert.equal(house.gateway.status().audit.stops, { passed: 0, waiting: 0, trouble: null });
  },
);

stops("RULINGS 15: what binds everybody binds a stop: never, a block, a point of the other kind", async (context) => {
  const disk = new FailingDisk();
  const never = POLICY.replace("version: 1\n", "version: 1\nnever:\n  - { id: n, deny: write, on: plc, table: coil, addresses: 7 }\n");
  const house = await opened(context as { house: House }, { policy: never, disk: { files: disk } });
  const operator = await house.plain();
  disk.fails = "EIO";
  void house.gateway.road.records.note("management", { event: "test" });
  await broken(house, operator);
  assert.is(await hex(operator.ask(coil(7, false))), "8501");
  assert.is(await hex(operator.ask(write(30, 0))), "06001e0000");
  const asset = house.gateway.assets.get("plc");
  if (asset !== undefined) asset.block = { asset: "plc", reads: false, by: "uid 0", sinceMs: Date.now() };
  assert.is(await hex(operator.ask(write(30, 0))), "8601");
  assert.is(house.plc.requests.filter((adu) => adu[7] === 5 || adu[7] === 6).length, 1);
  disk.fails = null;
});

stops("RULINGS 15: equal stops of one identity are counted in one entry; a flood of them takes no more room", async (context) => {
  const { disk, house } = await onDisk(context);
  const operator = await house.plain();
  disk.fails = "ENOSPC";
  void house.gateway.road.records.note("management", { event: "test" });
  await broken(house, operator);
  for (let i = 0; i < 1_500; i++) assert.is(await hex(operator.ask(coil(7, false))), STOPPED);
  assert.equal(house.gateway.status().audit.stops, { passed: 1_500, waiting: 1, trouble: null });
  disk.fails = null;
  await until(() => house.gateway.status().audit.stops.waiting === 0, "merged");
  const merged = (await verified(house)).filter(({ journal }) => journal !== undefined);
  assert.equal(
    merged.map(({ journal }) => journal.count),
    [1_500],
  );
});

stops("RULINGS 15: the journal is full: then a stop has no evidence either, and is denied", async (context) => {
  const { disk, house } = await onDisk(context);
  const operator = await house.plain();
  const { journal } = house.gateway.road.stops;
  disk.fails = "ENOSPC";
  void house.gateway.road.records.note("management", { event: "test" });
  await broken(house, operator);
  for (let i = 0; i < JOURNAL_SLOTS; i++)
    journal.add({ passed: "2026-11-26T10:00:00Z", unit: i }, { count: 1, last: "", outcome: null, exception: 0, reason: "", outcomes: {} });
  assert.is(await hex(operator.ask(coil(7, false))), "8506");
  assert.is(house.plc.requests.length, 0);
  disk.fails = null;
});

stops(
  "RULINGS 2, 15: who it was is told too: a session that opened when no record could be written, and one that was only counted",
  async (context) => {
    const { disk, house } = await onDisk(context);
    const { records, audit } = house.gateway.road;
    for (let i = 0; i < 20; i++) {
      const gone = await house.plain();
      await gone.ask(read(0, 1));
      gone.close();
      await until(() => house.gateway.road.sessions.open.size === 0, "gone");
    }
    const counted = await house.plain();
    await counted.ask(read(0, 1));
    disk.fails = "ENOSPC";
    void records.note("management", { event: "test" });
    await until(() => audit.state !== "ok", "the log knows");
    const late = await Operator.plain(house.port(), "127.0.0.1", "127.0.0.2");
    assert.is(await hex(counted.ask(coil(7, false))), STOPPED);
    assert.is(await hex(late.ask(coil(7, false))), STOPPED);
    for (const operator of [counted, late]) operator.close();
    await until(() => house.gateway.road.sessions.open.size === 0, "all are gone");
    disk.fails = null;
    await until(() => house.gateway.status().audit.stops.waiting === 0, "merged");
    const written = await verified(house);
    const merged = written.filter(({ journal }) => journal !== undefined);
    assert.is(merged.length, 2);
    for (const { seq, session, who } of merged) {
      const opens = written.filter(({ kind, event, session: id }) => kind === "session" && event === "open" && id === session);
      assert.equal(
        opens.map(({ seq: before, who: whose, opened: since }) => [before < seq, whose, typeof since]),
        [[true, who, "string"]],
      );
    }
  },
);

/** On a disk that fails once it is told to. */
async function onDisk(context: object, timeout = ""): Promise<{ disk: FailingDisk; house: House }> {
  const disk = new FailingDisk();
  const asset = timeout === "" ? {} : { asset: `    upstream: { timeout: ${timeout} }` };
  const house = await opened(context as { house: House }, { policy: POLICY, disk: { files: disk }, ...asset });
  return { disk, house };
}

/** With one write on the way to a disk that hangs from now on. */
async function hanging(context: object): Promise<{ house: House; operator: Operator; resume(): Promise<void> }> {
  const { disk, house } = await onDisk(context, "5s");
  const [operator, writer] = [await house.plain(), await house.plain()];
  assert.is(await hex(operator.ask(write(1, 7))), "0600010007");
  disk.hang();
  const written = writer.ask(write(2, 2), 1, 77, 60_000).catch(() => {});
  await sleep(50);
  const resume = async (): Promise<void> => {
    disk.resume();
    await written;
  };
  return { house, operator, resume };
}

stops("RULINGS 15: a disk that hangs: a stop behind a write of its session, behind another stop, goes too", async (context) => {
  const { house, operator, resume } = await hanging(context);
  const since = performance.now();
  const asked = [coil(7, false), write(1, 8), write(30, 0)].map((pdu) => hex(operator.ask(pdu)));
  assert.equal(await Promise.all(asked), [STOPPED, BUSY, "06001e0000"]);
  assert.ok(performance.now() - since < 3_000, "long before the write would be given up");
  assert.equal(
    house.plc.requests.slice(1).map((adu) => adu[7]),
    [5, 6],
  );
  await resume();
});

stops("RULINGS 15: whoever asks a stop and leaves takes nobody else's stop along", async (context) => {
  const { house, operator, resume } = await hanging(context);
  const gone = await Operator.plain(house.port(), "127.0.0.1", "127.0.0.2");
  for (let i = 0; i < 4; i++) gone.send(coil(7, false));
  await sleep(30);
  const stopping = hex(operator.ask(write(30, 0)));
  await sleep(30);
  gone.close();
  assert.is(await stopping, "06001e0000");
  await resume();
});

stops("RULINGS 15: equal stops of two sessions are two entries; what became of each of several in one is counted", async (context) => {
  const { disk, house } = await onDisk(context);
  const [one, other] = [await house.plain(), await house.plain()];
  for (const operator of [one, other]) await operator.ask(read(1, 1));
  disk.fails = "EIO";
  void house.gateway.road.records.note("management", { event: "test" });
  await broken(house, one);
  assert.is(await hex(one.ask(coil(7, false))), STOPPED);
  house.plc.faults = { exception: 2 };
  assert.is(await hex(other.ask(coil(7, false))), "8502");
  house.plc.faults = {};
  assert.is(await hex(other.ask(coil(7, false))), STOPPED);
  disk.fails = null;
  await until(() => house.gateway.status().audit.stops.waiting === 0, "merged");
  const merged = (await verified(house)).filter(({ journal }) => journal !== undefined);
  assert.equal(
    merged.map(({ journal }) => [journal.count, journal.outcome, journal.outcomes]),
    [
      [1, "answered", undefined],
      [2, "answered", { exception: 1, answered: 1 }],
    ],
  );
  assert.is.not(merged[0]?.session, merged[1]?.session);
});

stops("RULINGS 15: a full journal behind a disk that hangs: a stop is tried once, and answered like any other write", async (context) => {
  const { house, operator, resume } = await hanging(context);
  const { stops: kept } = house.gateway.road;
  for (let i = 0; i < JOURNAL_SLOTS; i++)
    kept.journal.add(
      { passed: "2026-11-26T10:00:00Z", unit: i },
      { count: 1, last: "", outcome: null, exception: 0, reason: "", outcomes: {} },
    );
  let tries = 0;
  const { pass } = kept;
  kept.pass = (...args) => {
    tries += 1;
    return pass.apply(kept, args);
  };
  const stopping = hex(operator.ask(coil(7, false)));
  await sleep(1_000);
  assert.is(tries, 1);
  await resume();
  assert.is(await stopping, STOPPED, "once its record is on the disk");
});

stops("RULINGS 22: a write that only waits until the asset is its own lets a stop go first", async (context) => {
  const house = await opened(context as { house: House }, { policy: POLICY, asset: "    upstream: { outstanding: 4, timeout: 2s }" });
  const [reader, writer, operator] = [await house.plain(), await house.plain(), await house.plain()];
  for (const each of [reader, writer, operator]) await each.ask(read(50, 1));
  house.plc.unit(1)[30] = 3;
  const before = house.plc.requests.length;
  house.plc.faults = { delayMs: 300 };
  const reading = reader.ask(read(50, 1));
  await until(() => house.plc.requests.length > before, "it reads");
  const writing = hex(writer.ask(write(30, 4)));
  await sleep(30);
  assert.is(await hex(operator.ask(coil(7, false))), STOPPED);
  assert.is(await writing, "06001e0004");
  await reading;
  assert.equal(
    house.plc.requests.slice(before).map((adu) => adu[7]),
    [3, 5, 3, 6],
    "the read, the stop, what the write depends on, the write",
  );
});

stops("DESIGN 10, RULINGS 15: stops without end at a device with a pace leave room for others", async (context) => {
  const house = await opened(context as { house: House }, { policy: POLICY, asset: "    upstream: { rate: 10/s }" });
  const flooder = await Operator.plain(house.port(), "127.0.0.1", "127.0.0.2");
  const [reader, writer] = [await house.plain(), await house.plain()];
  let floods = true;
  const flood = (async () => {
    while (floods) {
      await flooder.ask(coil(7, false));
      await sleep(60);
    }
  })();
  await sleep(500);
  assert.is(await hex(writer.ask(write(1, 5))), "0600010005");
  assert.match(await hex(reader.ask(read(1, 1))), /^0302/);
  floods = false;
  await flood;
  flooder.close();
});

stops("RULINGS 15: new documents that know of no stop: what waits in the journal's name does not leave", async (context) => {
  const { disk, house } = await onDisk(context, "5s");
  const operator = await house.plain();
  const reader = await house.plain();
  disk.fails = "EIO";
  void house.gateway.road.records.note("management", { event: "test" });
  await broken(house, operator);
  house.plc.faults = { delayMs: 1_500 };
  const reading = reader.ask(read(1, 1));
  await until(() => house.plc.requests.length > 0, "the device is busy");
  const stopping = hex(operator.ask(coil(7, false)));
  await until(() => house.gateway.status().audit.stops.passed === 1, "in the journal");
  house.rewrite("policy.yaml", POLICY.replace("version: 1\n", "version: 2\n").replaceAll(", essential: true", ""));
  assert.equal((await house.gateway.reload()).problems, []);
  assert.is(await stopping, "8506");
  await reading;
  assert.not(house.plc.requests.some((adu) => adu[7] === 5));
  disk.fails = null;
  await until(() => house.gateway.status().audit.stops.waiting === 0, "merged");
  const merged = (await verified(house)).filter(({ journal }) => journal !== undefined);
  assert.equal(
    merged.map(({ journal }) => [journal.outcome, journal.reason]),
    [["notSent", "evidenceUnavailable"]],
  );
});

stops("RULINGS 15, 22: a stop finds a place in a full queue and goes first, behind what is at the device", async (context) => {
  const house = await opened(context as { house: House }, {
    policy: POLICY,
    limits: { queuePerDevice: 8, pendingPerSession: 16 },
    asset: "    sessions_per_identity: 8\n    upstream: { timeout: 5s }",
  });
  const [flooder, writer, operator] = [await house.plain(), await house.plain(), await house.plain()];
  house.plc.faults = { delayMs: 250 };
  for (let i = 0; i < 5; i++) flooder.send(read(i, 1));
  for (let i = 0; i < 8; i++) writer.send(write(1, i));
  await until(() => (house.gateway.status().assets[0]?.waiting ?? 0) >= 7, "the queue is full but for the one at the device");
  (await house.plain()).send(read(1, 1));
  assert.is(await hex(house.plain().then((other) => other.ask(write(2, 2)))), BUSY);
  const arrived = house.plc.requests.length;
  assert.is(await hex(operator.ask(coil(7, false))), STOPPED);
  const place = house.plc.requests.findIndex((adu) => adu[7] === 5);
  assert.ok(place <= arrived + 2, `place ${place} after ${arrived}`);
});

stops("RULINGS 15: the pace a device is held to does not hold back a stop", async (context) => {
  const house = await opened(context as { house: House }, { policy: POLICY, asset: "    upstream: { rate: 1/5s, timeout: 1s }" });
  const operator = await house.plain();
  assert.match(await hex(operator.ask(read(1, 1))), /^0302/);
  const late = hex(operator.ask(write(1, 1)));
  const other = await house.plain();
  assert.is(await hex(other.ask(coil(7, false))), STOPPED);
  assert.is(await late, BUSY, "a write waits for its turn, in vain");
  assert.equal(
    house.plc.requests.map((adu) => adu[7]),
    [3, 5],
  );
});

const mayMount = process.getuid?.() === 0 && hasTool("mount");

stops(
  "RULINGS 15: a disk that is really full: stops pass, over a kill -9 and a start on the full disk, and are merged once there is room",
  async (context) => {
    if (!need("root and mount", mayMount)) return;
    let mounted = false;
    const stage = await Stage.open({ policy: POLICY }, (dir) => {
      const at = path.join(dir, "disk");
      mkdirSync(at);
      try {
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m,mode=0700", "tmpfs", at], { stdio: "ignore" });
      } catch {
        return;
      }
      mounted = true;
      context.mount = at;
      const site = path.join(dir, "site.yaml");
      writeFileSync(site, readFileSync(site, "utf8").replace("directory: audit", "directory: disk/audit, key: audit.key"));
    });
    context.stage = stage;
    if (!need("a mount of tmpfs", mounted)) return;
    const disk = path.join(stage.dir, "disk");
    const journal = journalOf(path.join(disk, "audit"));
    assert.is(statSync(journal).size, JOURNAL_SLOTS * SLOT_OCTETS);
    let operator = await stage.plain();
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(path.join(disk, "ballast"), Buffer.alloc(bavail * bsize - 16 * 1024));
    let told = "";
    for (let i = 0; i < 2_000 && told !== BUSY; i++) told = await hex(operator.ask(write(1, i)));
    assert.is(told, BUSY);
    assert.is(statfsSync(disk).bavail < 4, true, "no room is left");
    assert.is(await hex(operator.ask(coil(7, false))), STOPPED);
    assert.is(await hex(operator.ask(coil(7, true))), "8506");
    await until(() => readFileSync(journal, "latin1").includes("answered"), "the journal has room");
    const checked = await penstock(["audit", "verify", path.join(disk, "audit"), "--key", path.join(stage.dir, "audit.key.pub")]);
    assert.match(checked.stdout, /not checked: 1 stops in .*audit\.journal/);
    await stage.daemon.stop("SIGKILL");
    await stage.again();
    operator = await stage.plain();
    assert.is(await hex(operator.ask(write(1, 1))), BUSY, "it starts on a full disk, and denies");
    assert.is(await hex(operator.ask(write(30, 0))), "06001e0000");
    assert.is((await stage.status()).audit.stops.waiting, 2, "one of the run before");
    rmSync(path.join(disk, "ballast"));
    for (let i = 0; i < 200 && (await stage.status()).audit.stops.waiting > 0; i++) await sleep(50);
    assert.is((await stage.status()).audit.stops.waiting, 0);
    assert.is(await entriesWaiting(path.join(disk, "audit")), 0);
    await stage.daemon.stop();
    const report = await verify(path.join(disk, "audit"), readFileSync(path.join(stage.dir, "audit.key.pub"), "utf8"));
    assert.ok(report.ok, JSON.stringify(report.findings));
    assert.ok(existsSync(journal));
  },
);

stops(
  "RULINGS 15: a stop that is at the device when the disk is well again is told once it is known what became of it",
  async (context) => {
    const { disk, house } = await onDisk(context, "20s");
    const operator = await house.plain();
    const { stops: kept, audit } = house.gateway.road;
    disk.fails = "EIO";
    void house.gateway.road.records.note("management", { event: "test" });
    await broken(house, operator);
    const letGo = house.plc.hold();
    const answer = hex(operator.ask(coil(7, false)));
    await until(() => house.plc.requests.at(-1)?.[7] === 5, "it is at the device");
    disk.fails = null;
    await until(() => audit.state === "ok", "the log is well");
    let looks = 0;
    const { look } = kept;
    kept.look = (now) => {
      look.call(kept, now);
      looks += 1;
    };
    await until(() => looks >= 3, "the journal was looked through");
    const early = (await house.written("decision")).filter(({ journal }) => journal !== undefined);
    const { waiting } = house.gateway.status().audit.stops;
    letGo();
    assert.is(await answer, STOPPED);
    assert.equal([early, waiting], [[], 1], "not told before");
    await until(() => house.gateway.status().audit.stops.waiting === 0, "merged");
    const merged = (await verified(house)).filter(({ journal }) => journal !== undefined);
    assert.equal(
      merged.map(({ journal }) => [journal.count, journal.outcome]),
      [[1, "answered"]],
    );
  },
);

stops(
  "RULINGS 15, 27: the asset is blocked while a kept stop waits for its turn: it is denied, and leaves the journal as notSent",
  async (context) => {
    const { disk, house } = await onDisk(context, "20s");
    const [operator, reader] = [await house.plain(), await house.plain()];
    disk.fails = "EIO";
    void house.gateway.road.records.note("management", { event: "test" });
    await broken(house, operator);
    const letGo = house.plc.hold();
    const reading = hex(reader.ask(read(1, 1)));
    await until(() => house.plc.requests.length === 1, "the device is busy");
    const stopping = hex(operator.ask(coil(7, false)));
    await until(() => house.gateway.status().audit.stops.passed === 1, "in the journal");
    assert.equal(await house.gateway.commands.fromSocket({ ask: "block", asset: "plc", reads: false, uid: 1 }), { ok: true });
    letGo();
    assert.is(await stopping, "8501");
    assert.is(await reading, "03020000");
    assert.not(house.plc.requests.some((adu) => adu[7] === 5));
    disk.fails = null;
    await until(() => house.gateway.status().audit.stops.waiting === 0, "merged");
    const merged = (await verified(house)).filter(({ journal }) => journal !== undefined);
    assert.equal(
      merged.map(({ journal }) => [journal.outcome, journal.reason]),
      [["notSent", "blocked"]],
    );
  },
);

stops.run();
