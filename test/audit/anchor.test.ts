/** RULINGS 31: how long a change stands unsigned, by the real clock. */
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Log } from "#audit/log";
import { InjectedFiles } from "./injected.ts";
import { newKey, open, scratch, TestEntry } from "./logs.ts";

const anchor = suite("audit/anchor");
const root = scratch();
const key = newKey();
const CHANGES = 12;
/** A machine that stands still for a while says nothing about the log: another attempt does. */
const ATTEMPTS = 3;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Changes at uneven moments. @returns for each the milliseconds until a checkpoint over it was synced */
async function measure(directory: string, files: InjectedFiles, meanwhile: (log: Log) => Promise<void>): Promise<number[]> {
  const log = await open(directory, key, { files });
  const unsigned = new Map<number, number>();
  const took: number[] = [];
  let seen = 0;
  log.onProgress = () => {
    const now = performance.now();
    // One batch at a time: what is written when it tells of progress is synced.
    for (const call of files.operations.slice(seen)) {
      if (call.op !== "write" || !call.file.endsWith(".jsonl")) continue;
      for (const [, seq] of Buffer.from(call.octets)
        .toString()
        .matchAll(/\{"seq":(\d+),[^\n]*"event":"checkpoint"/g)) {
        for (const [number, since] of unsigned) {
          if (number >= Number(seq)) continue;
          took.push(now - since);
          unsigned.delete(number);
        }
      }
    }
    seen = files.operations.length;
  };
  let going = true;
  const flood = (async () => {
    while (going) await meanwhile(log);
  })();
  for (let i = 0; i < CHANGES; i++) {
    unsigned.set(log.append(new TestEntry({ i }, true, i % 2 === 0 ? "decision" : "outcome")), performance.now());
    await sleep(37 * (i % 5));
  }
  for (let waited = 0; unsigned.size > 0 && waited < 3_000; waited += 50) await sleep(50);
  going = false;
  await flood;
  log.onProgress = null;
  await log.close();
  return [...took, ...[...unsigned.values()].map(() => Number.POSITIVE_INFINITY)];
}

const CASES: readonly (readonly [string, number, (log: Log) => Promise<void>])[] = [
  ["an idle log", 0, () => sleep(10)],
  ["a disk whose syncs take 100 ms", 100, () => sleep(10)],
  [
    "a log flooded with denials",
    0,
    async (log) => {
      for (let i = 0; i < 500; i++) log.append(new TestEntry({ text: "x".repeat(300), decision: "deny" }));
      await sleep(1);
    },
  ],
];

for (const [name, delayMs, meanwhile] of CASES) {
  anchor(`RULINGS 31: a change is under a signed and synced checkpoint within 1 s: ${name}`, async () => {
    let worst = Number.POSITIVE_INFINITY;
    for (let attempt = 1; attempt <= ATTEMPTS && worst > 1_000; attempt++) {
      const files = new InjectedFiles();
      files.delayMs = delayMs;
      const took = await measure(path.join(root, `${name} ${attempt}`), files, meanwhile);
      assert.is(took.length, CHANGES);
      worst = Math.max(...took);
    }
    console.log(`${name}: at most ${worst.toFixed(0)} ms`);
    assert.ok(worst <= 1_000, `${worst} ms`);
  });
}

anchor.run();
