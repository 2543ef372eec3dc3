/**
 * What evidence costs: the latency a durable record adds over the disk's own fdatasync, measured in turns in the same run on the same disk,
 * and how many records a second go through when nobody waits.
 *
 *     node bench/audit.ts [directory on the disk to measure]
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { Entry } from "#audit/entry";
import { loadSigningKey } from "#audit/key";
import { type Log, openLog } from "#audit/log";
import { verify } from "#audit/verify";
import { machine, quantile, warning } from "./machine.ts";
import { closing, hold } from "./musts.ts";

/** Short turns, so that a busy moment of the machine falls on both alike. */
const ROUNDS = 200;
const PER_ROUND = 10;
const FREE = 200_000;

const root = fs.mkdtempSync(path.join(process.argv[2] ?? os.tmpdir(), "penstock-bench-"));
try {
  await main();
} finally {
  fs.rmSync(root, { recursive: true, force: true });
}
closing();

async function main(): Promise<void> {
  console.log(`${machine()}
${warning()}on ${root}`);
  const key = loadSigningKey(path.join(root, "key", "audit.key"));
  const directory = path.join(root, "log");
  const clock = { monotonic: () => performance.now(), wall: () => Date.now() };
  const log = await openLog({ directory, key, retainMs: 1e12, maxOctets: 4 * 1024 ** 3, clock });
  await alone(log);
  await together(log);
  await free(log);
  await log.close();
  const started = performance.now();
  const report = await verify(directory, key.publicPem);
  const seconds = (performance.now() - started) / 1000;
  if (!report.ok) throw new Error("the log does not verify");
  console.log(
    `verify                     ${(report.records / seconds / 1000).toFixed(0)}k lines/s, ${(report.octets / seconds / 1e6).toFixed(0)} MB/s`,
  );
}

/** One record at a time, each waited for, in turns with write and fdatasync of as many octets on a file beside. */
async function alone(log: Log): Promise<void> {
  const fd = fs.openSync(path.join(root, "beside"), "a");
  const line = Buffer.from(`${JSON.stringify(members(1))}${"x".repeat(170)}\n`);
  const bare: number[] = [];
  const durable: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < PER_ROUND; i++) bare.push(await timed(() => writeAndSync(fd, line)));
    for (let i = 0; i < PER_ROUND; i++) durable.push(await timed(() => append(log)));
  }
  fs.closeSync(fd);
  show("write + fdatasync alone", bare);
  show("durable append", durable);
  for (const [word, q] of [
    ["p50", 0.5],
    ["p99", 0.99],
  ] as const)
    hold(
      `durable write over the disk's own write + fdatasync, ${word}`,
      quantile(durable, q) / quantile(bare, q),
      "x",
      ["<=", 1.3],
      ["<=", 1.1],
    );
}

/** Sixteen writers that each wait for their own record: group commit. */
async function together(log: Log): Promise<void> {
  const took: number[] = [];
  const started = performance.now();
  const waiting: { number: number; at: number; done: () => void }[] = [];
  log.onProgress = () => {
    while (waiting[0] !== undefined && waiting[0].number <= log.durable) {
      const first = waiting.shift();
      if (first === undefined) break;
      took.push(performance.now() - first.at);
      first.done();
    }
  };
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let i = 0; i < 200; i++) {
        await new Promise<void>((done) => waiting.push({ number: log.append(record(i)), at: performance.now(), done }));
      }
    }),
  );
  log.onProgress = null;
  show("16 writers, durable append", took);
  console.log(`16 writers                 ${((took.length / (performance.now() - started)) * 1000).toFixed(0)} durable records/s`);
}

/** As fast as the ring takes them. */
async function free(log: Log): Promise<void> {
  const started = performance.now();
  let appending = 0;
  for (let i = 0; i < FREE; ) {
    const from = performance.now();
    let full = false;
    while (i < FREE && !full) {
      if (log.append(record(i)) < 0) full = true;
      else i++;
    }
    appending += performance.now() - from;
    if (full) await new Promise((resolve) => setImmediate(resolve));
  }
  while (log.waiting > 0) await new Promise((resolve) => setImmediate(resolve));
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `nobody waits               ${(FREE / seconds / 1000).toFixed(0)}k records/s rendered, hashed, written and synced; append itself ${((appending / FREE) * 1e6).toFixed(0)} ns`,
  );
}

function members(i: number): Record<string, unknown> {
  return {
    session: "s1",
    who: "spiffe:spiffe://plant.example/operator/alice",
    roles: ["operator"],
    asset: "boiler-1",
    unit: 1,
    transaction: i & 0xffff,
    function: 6,
    name: "writeSingleRegister",
    effect: "change",
    operations: [
      {
        verb: "write",
        table: "holding",
        first: 40,
        last: 40,
        points: [{ name: "feed_setpoint", unit: "t/h", after: "39.5" }],
        after: [395],
      },
    ],
    decision: "allow",
    rule: "operator/feed-setpoint",
    action: "forward",
    latencyUs: 3.1,
  };
}

function record(i: number): Entry {
  return { kind: "decision", wallMs: Date.now(), change: true, members: () => members(i), rendered() {} };
}

function append(log: Log): Promise<void> {
  return new Promise((resolve) => {
    const number = log.append(record(1));
    log.onProgress = () => {
      if (log.durable < number) return;
      log.onProgress = null;
      resolve();
    };
  });
}

function writeAndSync(fd: number, octets: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.write(fd, octets, 0, octets.length, null, (writeError) => {
      if (writeError !== null) reject(writeError);
      else fs.fdatasync(fd, (error) => (error === null ? resolve() : reject(error)));
    });
  });
}

async function timed(work: () => Promise<void>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

function show(what: string, ms: readonly number[]): void {
  console.log(`${what.padEnd(26)} p50 ${(quantile(ms, 0.5) * 1000).toFixed(0)} µs, p99 ${(quantile(ms, 0.99) * 1000).toFixed(0)} µs`);
}
