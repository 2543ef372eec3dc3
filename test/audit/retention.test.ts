/** Pruning that proves itself (RULINGS 32). */
import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Log } from "#audit/log";
import { verify } from "#audit/verify";
import { InjectedFiles } from "./injected.ts";
import { allLines, copyLog, DAY, eventually, linesOf, newKey, open, scratch, segmentFiles, settled, TestEntry, testClock } from "./logs.ts";

const retention = suite("audit/retention");
const root = scratch();
const key = newKey();
const names = (directory: string): string[] => segmentFiles(directory).map((file) => path.basename(file));

async function fill(log: Log, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    log.append(new TestEntry({ i }));
    await settled(log);
  }
}

/** Looked at until it is so; a tick that finds the last pruning not yet at its end does nothing. */
function isPruned(log: Log, file: string): Promise<boolean> {
  return eventually(() => {
    log.tick();
    return !existsSync(file);
  });
}

/** A minute passes; `gone` is to be pruned in it, or nothing is. */
async function aMinute(log: Log, clock: { ahead: number }, gone?: string): Promise<void> {
  clock.ahead += 60_001;
  log.tick();
  if (gone === undefined) await new Promise((resolve) => setTimeout(resolve, 60));
  else assert.ok(await isPruned(log, gone), `${gone} is pruned`);
  await settled(log);
}

retention(
  "RULINGS 32: pruning needs wall age and accumulated uptime both, takes one segment a minute, says so first, and verifies",
  async () => {
    const directory = path.join(root, "log");
    const files = new InjectedFiles();
    files.sync = false;
    const clock = testClock();
    const wall = { ahead: 0 };
    const split = { monotonic: () => clock.monotonic(), wall: () => clock.wall() + wall.ahead };
    const options = { files, clock: split, segmentOctets: 2_000, retainMs: DAY };
    let log = await open(directory, key, options);
    await fill(log, 60);
    const before = names(directory);
    assert.ok(before.length >= 4);

    // A wall clock set forward alone prunes nothing.
    wall.ahead = 30 * DAY;
    await aMinute(log, clock);
    assert.equal(names(directory), before);

    // Uptime accumulates over restarts: half before, half after.
    clock.ahead += DAY / 2;
    await fill(log, 1);
    await log.close();
    clock.ahead = 0;
    log = await open(directory, key, options);
    await aMinute(log, clock);
    assert.ok(names(directory).includes("audit-00000001.jsonl"));
    clock.ahead += DAY / 2 + 120_000;
    await aMinute(log, clock, path.join(directory, "audit-00000001.jsonl"));
    const count = (): number => names(directory).length;
    const pruned = (): number => allLines(directory).filter(({ event }) => event === "prune").length;
    assert.not(names(directory).includes("audit-00000001.jsonl"));
    const first = { count: count(), pruned: pruned() };
    // Many ticks in one minute prune no second one, though that is old enough.
    for (let i = 0; i < 20; i++) {
      clock.ahead += 2_500;
      log.tick();
    }
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal({ count: count(), pruned: pruned() }, first);
    await aMinute(log, clock, path.join(directory, "audit-00000002.jsonl"));
    assert.is(pruned(), first.pruned + 1);
    assert.not(names(directory).includes("audit-00000002.jsonl"));

    // The record and a checkpoint over it are synced before the file goes.
    const gone = files.operations.findIndex(({ op, file }) => op === "unlink" && file.endsWith("audit-00000001.jsonl"));
    const said = files.operations.findIndex((o) => o.op === "write" && Buffer.from(o.octets).includes('"event":"prune","segment":1,'));
    const signed = files.operations.findIndex(
      (o, i) =>
        i >= said &&
        o.op === "write" &&
        /"event":"prune","segment":1,[\s\S]*"event":"checkpoint"|^\{[^\n]*"event":"checkpoint"/.test(Buffer.from(o.octets).toString()),
    );
    assert.ok(
      said >= 0 && signed >= said && files.operations.slice(signed, gone).some(({ op }) => op === "sync"),
      `${said} ${signed} ${gone}`,
    );

    await log.close();
    const report = await verify(directory, key.publicPem);
    assert.equal(report.findings, []);
    assert.is(report.prunedThrough, (report.firstSeq ?? 0) - 1);
    assert.ok((report.prunedThrough ?? 0) > 0);

    // One more removed by hand is no pruning.
    const work = path.join(root, "work");
    copyLog(directory, work);
    rmSync(segmentFiles(work)[0] as string);
    const robbed = await verify(work, key.publicPem);
    assert.equal(
      robbed.findings.map(({ what }) => what),
      ["deletion"],
    );
    assert.match(robbed.findings[0]?.words ?? "", /no prune record under a checkpoint/);
  },
);

retention(
  "RULINGS 32: under a clock that steps by days and years, over restarts, nothing goes before its age by wall and uptime both",
  async () => {
    const directory = path.join(root, "stepping");
    const files = new InjectedFiles();
    files.sync = false;
    /** What the machine has been up, what its monotonic clock shows since the start, and what the wall clock is wrong by. */
    const ahead = { up: 0, monotonic: 0, wall: 0 };
    const clock = { monotonic: () => performance.now() + ahead.monotonic, wall: () => Date.now() + ahead.up + ahead.wall };
    const options = { files, clock, segmentOctets: 1_500, retainMs: DAY };
    /** When each segment was seen to have ended, in true uptime. */
    const ended = new Map<string, number>();
    let state = 19;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const pass = (ms: number): void => {
      ahead.up += ms;
      ahead.monotonic += ms;
    };
    let log = await open(directory, key, options);
    let pruned = 0;
    let kept = 0;
    const note = (): void => {
      for (const name of names(directory).slice(0, -1)) if (!ended.has(name)) ended.set(name, ahead.up);
    };
    /** A minute, in which one segment may go; what may not go is held against the rule. */
    const minute = async (): Promise<void> => {
      const before = names(directory);
      const [oldest, next] = before as [string, string];
      const end =
        next === undefined ? Number.POSITIVE_INFINITY : Date.parse(String(JSON.parse(linesOf(path.join(directory, next))[0] ?? "{}").time));
      pass(60_001);
      const wallAge = clock.wall() - end;
      const upAge = ahead.up - (ended.get(oldest) ?? Number.POSITIVE_INFINITY);
      log.tick();
      const may = wallAge > DAY && upAge > DAY;
      if (may) assert.ok(await isPruned(log, path.join(directory, oldest)), `${oldest} is old by both`);
      else await new Promise((resolve) => setTimeout(resolve, 15));
      await settled(log);
      note();
      const gone = before.filter((name) => !existsSync(path.join(directory, name)));
      assert.equal(gone, may ? [oldest] : [], `wall age ${wallAge / DAY} days, uptime ${upAge / DAY} days`);
      pruned += gone.length;
      if (!may && (wallAge > DAY || upAge > DAY)) kept++;
    };
    for (let step = 0; step < 60; step++) {
      ahead.wall = [0, DAY, -DAY, 365 * DAY, -365 * DAY][random(5)] as number;
      await fill(log, 2);
      note();
      pass(random(8) * 3_600_000);
      await minute();
      if (step % 20 === 19) {
        await fill(log, 1);
        await log.close();
        ahead.monotonic = 0;
        log = await open(directory, key, options);
        note();
      }
    }
    assert.ok(pruned >= 3 && kept >= 10, `${pruned} pruned, ${kept} kept though old by one of the two`);
    // What was written under a date a year ahead goes a year later; nothing stays for good.
    ahead.wall = 0;
    pass(800 * DAY);
    const old = names(directory).slice(0, -1);
    for (let minutes = old.length; minutes > 0; minutes--) await minute();
    assert.ok(old.length > 3 && old.every((name) => !existsSync(path.join(directory, name))), `of ${old.length}`);
    await log.close();
    assert.equal((await verify(directory, key.publicPem)).findings, []);
  },
);

retention("a prune record that is not under a checkpoint excuses nothing", async () => {
  const { hashLine, recordFront, recordLine } = await import("#audit/format");
  const { appendFileSync } = await import("node:fs");
  const directory = path.join(root, "forged");
  const log = await open(directory, key, { segmentOctets: 1_000 });
  await fill(log, 12);
  await log.close();
  const [, second] = segmentFiles(directory) as [string, string];
  const { after, prev } = JSON.parse(linesOf(second)[0] as string) as { after: number; prev: string };
  const last = segmentFiles(directory).at(-1) as string;
  const end = linesOf(last).at(-1) as string;
  const seq = (JSON.parse(end) as { seq: number }).seq + 1;
  const body = JSON.stringify({ event: "prune", segment: 1, last: after, hash: prev, octets: 1, ended: "" });
  appendFileSync(last, `${recordLine(recordFront(seq, new Date().toISOString(), "audit"), hashLine(end), body)}\n`);
  rmSync(segmentFiles(directory)[0] as string);
  assert.equal(
    (await verify(directory, key.publicPem)).findings.map(({ what }) => what),
    ["deletion"],
  );
});

retention.run();
