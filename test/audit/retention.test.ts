/** Pruning that proves itself (RULINGS 32). */
import { existsSync, rmSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Log } from "#audit/log";
import { verify } from "#audit/verify";
import { InjectedFiles } from "./injected.ts";
import { allLines, copyLog, DAY, eventually, newKey, open, scratch, segmentFiles, settled, TestEntry, testClock } from "./logs.ts";

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

/** A minute passes; `gone` is to be pruned in it, or nothing is. */
async function aMinute(log: Log, clock: { ahead: number }, gone?: string): Promise<void> {
  clock.ahead += 60_001;
  log.tick();
  if (gone === undefined) await new Promise((resolve) => setTimeout(resolve, 60));
  else assert.ok(await eventually(() => !existsSync(gone)), `${gone} is pruned`);
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
    log.tick();
    await aMinute(log, clock);
    const count = (): number => names(directory).length;
    const pruned = (): number => allLines(directory).filter(({ event }) => event === "prune").length;
    assert.not(names(directory).includes("audit-00000001.jsonl"));
    const first = { count: count(), pruned: pruned() };
    // Many ticks in one minute prune no second one.
    for (let i = 0; i < 20; i++) log.tick();
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal({ count: count(), pruned: pruned() }, first);
    await aMinute(log, clock);
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

retention("a prune record that is not under a checkpoint excuses nothing", async () => {
  const { hashLine, recordFront, recordLine } = await import("#audit/format");
  const { appendFileSync } = await import("node:fs");
  const { linesOf } = await import("./logs.ts");
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
