/**
 * What the receiver's book-keeping costs: one frame looked up, noted and booked (`take`), in order, with gaps, from far behind; the tag check;
 * and a flush of so many frames on a disk.
 *
 *     node bench/ledger.ts [directory on the disk to measure]
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { TagWindow } from "#receiver/nonceReuse";
import { SeenStore, type TakenFrame } from "#receiver/seenStore";
import { Start } from "#receiver/starts";
import { wallMillis } from "#wire";
import { machine, median, quantile, warning } from "./machine.ts";

const FRAMES = 200_000;
const ROUNDS = 9;
const FLUSHES = 300;
/** Frames of 50 ms at the sender's default rate. */
const PER_FLUSH = 100;
const T0 = 1_700_000_000_000;
const NOW = wallMillis(T0);

const root = fs.mkdtempSync(path.join(process.argv[2] ?? os.tmpdir(), "penstock-bench-"));
console.log(`${machine()}\n${warning()}on ${root}`);
try {
  await main();
} finally {
  fs.rmSync(root, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const shuffled = Uint32Array.from({ length: FRAMES }, (_, i) => i);
  for (let i = FRAMES - 1, state = 1; i > 0; i--) {
    state = (state * 48_271) % 0x7fff_ffff;
    const j = state % (i + 1);
    [shuffled[i], shuffled[j]] = [shuffled[j] as number, shuffled[i] as number];
  }
  await ways("take, in order", (i) => i);
  await ways("take, one of a hundred missing", (i) => i + Math.floor(i / 99));
  await ways("take, every second one missing", (i) => 2 * i);
  await ways("take, in any order", (i) => shuffled[i] as number);
  tags();
  await flushes();
}

async function ways(name: string, seqOf: (i: number) => number): Promise<void> {
  const each: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const store = await SeenStore.open({ directory: path.join(root, `${name} ${round}`) }, NOW);
    const start = startOf(store);
    const frame: TakenFrame = { seq: 0, sentMs: 0, samples: 20, events: 0, checkpoints: 0 };
    const started = performance.now();
    for (let i = 0; i < FRAMES; i++) {
      frame.seq = seqOf(i);
      // 2,000 frames a second.
      frame.sentMs = T0 + (frame.seq >> 1);
      if (store.take(start, frame, "received", NOW) !== "new") throw new Error(`${name}: ${frame.seq}`);
      // What a flush would take from it, so that nothing piles up; its cost is the batch's.
      if (i % PER_FLUSH === 0) {
        store.starts.takeChanges();
        store.ledger.takeChanges();
      }
    }
    each.push(((performance.now() - started) * 1000) / FRAMES);
    await store.close();
  }
  console.log(`${name.padEnd(34)} ${median(each).toFixed(3)} us a frame`);
}

function tags(): void {
  const each: number[] = [];
  const tag = new Uint8Array(16);
  for (let round = 0; round < ROUNDS; round++) {
    const window = new TagWindow();
    const started = performance.now();
    for (let i = 0; i < FRAMES; i++) window.check(i, tag);
    each.push(((performance.now() - started) * 1000) / FRAMES);
  }
  console.log(`${"tag check".padEnd(34)} ${median(each).toFixed(3)} us a frame`);
}

async function flushes(): Promise<void> {
  const directory = path.join(root, "flushes");
  const store = await SeenStore.open({ directory }, NOW);
  const start = startOf(store);
  const took: number[] = [];
  const bare: number[] = [];
  const fd = fs.openSync(path.join(root, "beside"), "a");
  const line = Buffer.alloc(300, "x");
  let seq = 0;
  for (let i = 0; i < FLUSHES; i++) {
    for (let n = 0; n < PER_FLUSH; n++, seq++)
      store.take(start, { seq, sentMs: T0 + (seq >> 1), samples: 20, events: 0, checkpoints: 0 }, "received", NOW);
    const started = performance.now();
    if (!(await store.flush())) throw new Error(String(store.trouble));
    const between = performance.now();
    fs.writeSync(fd, line);
    fs.fdatasyncSync(fd);
    took.push(between - started);
    bare.push(performance.now() - between);
  }
  fs.closeSync(fd);
  await store.close();
  const { size } = fs.statSync(path.join(directory, "journal"));
  for (const [name, times] of [
    [`flush of ${PER_FLUSH} frames`, took],
    ["write + fdatasync alone", bare],
  ] as const)
    console.log(`${name.padEnd(34)} p50 ${quantile(times, 0.5).toFixed(2)} ms, p99 ${quantile(times, 0.99).toFixed(2)} ms`);
  console.log(`${"journal".padEnd(34)} ${(size / FLUSHES).toFixed(0)} octets a flush`);
}

function startOf(store: SeenStore): Start {
  const start = store.admit(7, "00".repeat(16), 1n, T0, NOW);
  if (!(start instanceof Start)) throw new Error(start);
  return start;
}
