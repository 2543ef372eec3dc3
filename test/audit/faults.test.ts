/** Disks that are full, that fail, that lie: nothing is called durable that is not, and writing goes on when it can (RULINGS 30). */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { verify } from "#audit/verify";
import { InjectedFiles, SystemError } from "./injected.ts";
import { allLines, eventually, linesOf, newKey, open, scratch, segmentFiles, settled, TestEntry, testClock, until } from "./logs.ts";

const faults = suite("audit/faults");
const root = scratch();
const key = newKey();
let made = 0;
const place = (): string => path.join(root, String(++made));
const inLog = (file: string): boolean => file.endsWith(".jsonl");

for (const [name, code, op, partial, state] of [
  ["ENOSPC amid a write", "ENOSPC", "write", 70, "full"],
  ["EDQUOT on a write", "EDQUOT", "write", 0, "full"],
  ["EIO on a write", "EIO", "write", 0, "failed"],
  ["a failing fdatasync", "EIO", "sync", 0, "failed"],
] as const) {
  faults(
    `RULINGS 30: ${name}: ${state}, nothing claimed, and the same records under the same numbers in a new segment when it ends`,
    async () => {
      const directory = place();
      const files = new InjectedFiles();
      const clock = testClock();
      const log = await open(directory, key, { files, clock });
      const good = log.append(new TestEntry({ n: "good" }));
      await settled(log);
      let broken = true;
      files.partial = partial;
      files.before = (operation) => {
        if (broken && operation.op === op && inLog(operation.file)) throw new SystemError(code);
      };
      const doubtful = log.append(new TestEntry({ n: "doubtful" }));
      await until(log, () => log.state === state);
      assert.is(log.durable, good);
      assert.is(log.append(new TestEntry({ n: "refused" })), -1);
      // Still broken: an attempt changes nothing.
      clock.ahead += 1_100;
      log.tick();
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.is(log.state, state);
      assert.is(log.durable, good);
      assert.ok((await verify(directory, key.publicPem)).ok, "what is there verifies meanwhile");
      broken = false;
      clock.ahead += 1_100;
      const back = until(log, () => log.state === "ok");
      log.tick();
      await back;
      assert.is(log.state, "ok");
      assert.is(log.durable, doubtful);
      assert.ok(log.append(new TestEntry({ n: "after" })) > doubtful);
      await log.close();
      assert.is(segmentFiles(directory).length, 2);
      const report = await verify(directory, key.publicPem);
      assert.equal(report.findings, []);
      if (partial > 0) assert.match(report.notes.join(), /70 octets of segment 1 after a failed write are not evidence/);
      const second = allLines(directory).filter(({ n, seq }) => n === "doubtful" && seq === doubtful);
      assert.ok(second.length >= 1);
      assert.is(allLines(directory).filter(({ n }) => n === "refused").length, 0);
    },
  );
}

faults("RULINGS 30: a new segment after a failure counts only when it reads back", async () => {
  const directory = place();
  const files = new InjectedFiles();
  const clock = testClock();
  const log = await open(directory, key, { files, clock });
  let broken = true;
  files.before = (operation) => {
    if (broken && operation.op === "sync" && inLog(operation.file)) throw new SystemError("EIO");
  };
  const number = log.append(new TestEntry({ n: 1 }));
  await until(log, () => log.state === "failed");
  broken = false;
  const read = files.read.bind(files);
  files.read = async (file, from) => (await read(file, from)).map((octet) => octet ^ 1);
  clock.ahead += 1_100;
  log.tick();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.is(log.state, "failed");
  assert.ok(log.durable < number);
  files.read = read;
  clock.ahead += 1_100;
  const back = until(log, () => log.state === "ok");
  log.tick();
  await back;
  assert.is(log.durable, number);
  await log.close();
  assert.equal((await verify(directory, key.publicPem)).findings, []);
});

faults(
  "RULINGS 29: a fifth of the space is kept for changes and management; then it is full, signs on, and takes records again when a segment is pruned",
  async () => {
    const directory = place();
    const clock = testClock();
    const files = new InjectedFiles();
    files.sync = false;
    const most = 80_000;
    const log = await open(directory, key, { files, clock, maxOctets: most, segmentOctets: 8_000, retainMs: 3_600_000 });
    const denial = (): TestEntry => new TestEntry({ text: "x".repeat(500), decision: "deny" });
    const change = (): TestEntry => new TestEntry({ text: "x".repeat(500) }, true);
    while (log.append(denial()) > 0) await settled(log);
    await settled(log);
    assert.is(log.state, "ok");
    assert.ok(log.octets > most * 0.75 && log.octets < most * 0.83, `${log.octets} octets of denials`);
    for (const kind of ["decision", "outcome", "session", "handshake-refused"] as const)
      assert.is(log.append(new TestEntry({}, false, kind)), -1, kind);
    for (const kind of ["management", "config", "mode", "clock", "start", "stop"] as const)
      assert.ok(log.append(new TestEntry({}, false, kind)) > 0, kind);
    await settled(log);
    assert.ok(log.onlyKept);
    assert.match(log.troubles.join(), /four fifths of the log's space are taken/);
    let changes = 0;
    for (; log.append(change()) > 0; changes++) await settled(log);
    assert.ok(changes > 5, `${changes} changes in the kept fifth`);
    assert.is(log.state, "full");
    assert.is(log.append(new TestEntry({}, false, "management")), -1);
    assert.ok(log.octets <= most);
    assert.is(
      segmentFiles(directory).reduce((sum, file) => sum + statSync(file).size, 0),
      log.octets,
    );
    for (let minute = 0; minute < 9 && log.append(denial()) < 0; minute++) {
      clock.ahead += 3_600_001;
      log.tick();
      await eventually(() => !log.onlyKept, 200);
    }
    assert.is(log.state, "ok");
    assert.not(log.onlyKept);
    await settled(log);
    clock.ahead += 11_000;
    log.tick();
    await settled(log);
    const told = allLines(directory).filter(({ event }) => event === "unrecorded");
    await log.close();
    assert.equal((await verify(directory, key.publicPem)).findings, []);
    assert.ok(told.length >= 1);
    assert.ok(Number(told[0]?.count) >= 7, "what was refused meanwhile is told when there is room");
  },
);

faults("a disk that is full at start: the log opens, takes nothing, and goes on when there is room", async () => {
  for (const begun of [false, true]) {
    const directory = place();
    if (begun) await (await open(directory, key)).close();
    const files = new InjectedFiles();
    const clock = testClock();
    let broken = true;
    files.before = ({ op }) => {
      if (broken && (op === "write" || op === "create")) throw new SystemError("ENOSPC");
    };
    const log = await open(directory, key, { files, clock });
    assert.is(log.state, "full");
    assert.is(log.append(new TestEntry({})), -1);
    broken = false;
    clock.ahead += 1_100;
    const back = until(log, () => log.state === "ok");
    log.tick();
    await back;
    assert.is(log.state, "ok");
    assert.ok(log.append(new TestEntry({})) > 0);
    await log.close();
    assert.equal((await verify(directory, key.publicPem)).findings, []);
  }
});

/** What the page cache shows and the disk may not have: written, sync failed, the process gone. */
async function failsAndEnds(directory: string, segmentOctets?: number): Promise<{ good: number; doubtful: string }> {
  const files = new InjectedFiles();
  const log = await open(directory, key, { files, ...(segmentOctets === undefined ? {} : { segmentOctets }) });
  const good = log.append(new TestEntry({ n: "good" }));
  await settled(log);
  await eventually(() => segmentOctets === undefined || segmentFiles(directory).length > 1);
  files.before = ({ op, file }) => {
    if (op === "sync" && inLog(file)) throw new SystemError("EIO");
  };
  log.append(new TestEntry({ n: "doubtful" }));
  await until(log, () => log.state === "failed");
  const last = readFileSync(segmentFiles(directory).at(-1) as string, "utf8");
  await log.close().catch(() => {});
  return { good, doubtful: last };
}

faults("RULINGS 30: a segment whose sync failed stays retired when the gateway is started anew, whatever of it can be read", async () => {
  const directory = place();
  const { good, doubtful } = await failsAndEnds(directory);
  assert.match(doubtful, /"n":"doubtful"/);
  const [first] = segmentFiles(directory) as [string];
  const log = await open(directory, key);
  assert.is(segmentFiles(directory).length, 2, "a new segment");
  const next = log.append(new TestEntry({ n: "next" }));
  await log.close();
  assert.is(readFileSync(first, "utf8"), doubtful, "nothing is cut, nothing added");
  const header = allLines(directory).find(({ segment, event }) => event === "segment" && segment === 2) as Record<string, unknown>;
  assert.is(header.after, good);
  assert.equal(header.previous, {
    segment: 1,
    octets: Buffer.byteLength(doubtful.slice(0, doubtful.indexOf(`{"seq":${good + 1},`))),
    state: "retired",
  });
  const report = await verify(directory, key.publicPem);
  assert.equal(report.findings, []);
  assert.is(report.records, allLines(directory).filter(({ seq, n }) => seq !== undefined && n !== "doubtful").length);
  assert.ok(next > good);

  // The sign is one segment's: another that bears its number later is read whole.
  const other = place();
  await (await open(other, key)).close();
  const ends = linesOf(segmentFiles(other)[0] as string).map((line) => line.length + 1);
  const end = ends.reduce((sum, octets) => sum + octets, 0);
  for (const name of readdirSync(directory).filter((each) => each.endsWith(".retired")))
    writeFileSync(path.join(other, name.replace(/\.\d+\./, `.${end}.`)), "");
  const taken = await open(other, key);
  const mine = taken.append(new TestEntry({ n: "mine" }));
  await taken.close();
  const again = await open(other, key);
  assert.is(segmentFiles(other).length, 1);
  assert.ok(again.durable > mine);
  await again.close();
  assert.equal((await verify(other, key.publicPem)).findings, []);
});

faults("RULINGS 30: a segment that failed before its first sync is not found by the next start", async () => {
  const directory = place();
  const { good } = await failsAndEnds(directory, 100);
  const log = await open(directory, key);
  log.append(new TestEntry({ n: "next" }));
  await log.close();
  assert.equal((await verify(directory, key.publicPem)).findings, []);
  assert.not(allLines(directory).some(({ n }) => n === "doubtful"));
  assert.ok(allLines(directory).some(({ seq, n }) => seq === good && n === "good"));
});

faults("RULINGS 30: a sync that fails at start retires the segment found there, and the gateway starts all the same", async () => {
  const directory = place();
  await (await open(directory, key)).close();
  const [first] = segmentFiles(directory) as [string];
  const before = readFileSync(first);
  const files = new InjectedFiles();
  let broken = true;
  files.before = ({ op, file }) => {
    if (broken && op === "sync" && inLog(file)) throw new SystemError("EIO");
  };
  const clock = testClock();
  const log = await open(directory, key, { files, clock });
  assert.is(log.state, "failed");
  assert.is(log.append(new TestEntry({}, true)), -1);
  broken = false;
  clock.ahead += 1_100;
  const back = until(log, () => log.state === "ok");
  log.tick();
  await back;
  assert.ok(log.append(new TestEntry({}, true)) > 0);
  await log.close();
  assert.equal(readFileSync(first), before);
  assert.equal((await verify(directory, key.publicPem)).findings, []);
});

faults("RULINGS 30: an unbegun segment that somebody removed meanwhile keeps nobody from opening the next", async () => {
  const directory = place();
  const files = new InjectedFiles();
  const clock = testClock();
  const log = await open(directory, key, { files, clock, segmentOctets: 100 });
  let broken = true;
  files.before = ({ op, file }) => {
    if (broken && ["sync", "unlink"].includes(op) && inLog(file)) throw new SystemError("EIO");
  };
  const number = log.append(new TestEntry({ n: 1 }));
  await until(log, () => log.state === "failed");
  clock.ahead += 1_100;
  log.tick();
  await eventually(() => segmentFiles(directory).length > 1);
  rmSync(segmentFiles(directory).at(-1) as string);
  broken = false;
  const back = until(log, () => log.state === "ok");
  clock.ahead += 1_100;
  log.tick();
  await back;
  assert.ok(log.durable >= number);
  await log.close();
  assert.equal((await verify(directory, key.publicPem)).findings, []);
});

faults("a directory that may not be written is a person's mistake, in one line", async () => {
  const files = new InjectedFiles();
  files.before = ({ op }) => {
    if (op === "create") throw new SystemError("EACCES");
  };
  const directory = place();
  try {
    await open(directory, key, { files });
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /^AuditProblem: .*EACCES$/);
  }
  await (await open(directory, key)).close();
});

faults("closing a log that cannot be written says how much is lost", async () => {
  const files = new InjectedFiles();
  const log = await open(place(), key, { files });
  files.before = ({ op, file }) => {
    if (op === "sync" && inLog(file)) throw new SystemError("EIO");
  };
  log.append(new TestEntry({}));
  try {
    await log.close();
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /records could not be written/);
  }
});

faults(
  "RULINGS 32 and 33: documents by their hash: stored once, on the disk before a record that names them, missed and altered ones found",
  async () => {
    const directory = place();
    const files = new InjectedFiles();
    const log = await open(directory, key, { files });
    const text = Buffer.from("version: 12\n");
    const sha256 = log.keep(text);
    text.fill(0);
    assert.is(sha256, createHash("sha256").update("version: 12\n").digest("hex"));
    assert.is(log.keep(Buffer.from("version: 12\n")), sha256);
    log.append(new TestEntry({ policy: sha256 }));
    await settled(log);
    const stored = files.operations.findIndex((o) => o.op === "rename" && o.to.endsWith(sha256));
    const named = files.operations.findLastIndex((o) => o.op === "write" && inLog(o.file));
    assert.ok(stored >= 0 && stored < named);
    assert.ok(files.operations.slice(0, stored).some((o) => o.op === "sync" && o.file.includes(sha256)));
    assert.is(files.operations[stored + 1]?.op, "syncDirectory");
    const file = path.join(directory, "documents", sha256);
    assert.is(readFileSync(file, "utf8"), "version: 12\n");
    await log.close();
    const again = await open(directory, key);
    const records = (): number => allLines(directory).filter(({ event }) => event === "document").length;
    const before = statSync(file).mtimeMs;
    for (let i = 0; i < 2; i++) again.keep(Buffer.from("version: 12\n"));
    await again.close();
    assert.is(statSync(file).mtimeMs, before, "stored once");
    assert.is(records(), 2, "each process says once what it works with");
    assert.ok((await verify(directory, key.publicPem)).ok);

    writeFileSync(file, "version: 13\n");
    assert.equal(
      (await verify(directory, key.publicPem)).findings.map(({ what, file: where }) => [what, where]),
      [["edit", `documents/${sha256}`]],
    );
    rmSync(file);
    assert.equal(
      (await verify(directory, key.publicPem)).findings.map(({ what }) => what),
      ["deletion"],
    );
  },
);

faults.run();
