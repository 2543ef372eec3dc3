/**
 * What the sender's spool costs: a frame appended, flushed and synced in batches; a frame of the carousel; the opening of a large spool, with
 * its index and without.
 *
 *     node bench/spool.ts [directory on the disk to measure]
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { Carousel } from "#telemetry/carousel";
import { Spool } from "#telemetry/spool";
import { machine, median, warning } from "./machine.ts";

const MEBIBYTE = 1024 * 1024;
const WHOLE = 256 * MEBIBYTE;
const FRAME = 1_200;
/** Frames between flushes: 100 ms at 10 Mbit/s, and as many as half the buffer takes. */
const BATCHES = [100, 800] as const;
const ROUNDS = 5;

const root = fs.mkdtempSync(path.join(process.argv[2] ?? os.tmpdir(), "penstock-bench-"));
try {
  await main();
} finally {
  fs.rmSync(root, { recursive: true, force: true });
}

async function main(): Promise<void> {
  console.log(`${machine()}\n${warning()}on ${root}`);
  for (const batch of BATCHES) await append(batch);
  await again();
  await open("its index read", () => {});
  await open("without index: read through, checked", () => fs.rmSync(path.join(root, "800", "spool.index")));
}

/** The same frame over and over: nothing looks into it. */
async function append(batch: number): Promise<void> {
  const spool = await Spool.open({ directory: path.join(root, String(batch)) }, Date.now());
  const octets = Buffer.alloc(FRAME, 0xa5);
  const frames = Math.floor(WHOLE / (FRAME + 24));
  const started = performance.now();
  const cpu = process.cpuUsage();
  let appending = 0;
  for (let n = 0; n < frames; ) {
    const from = performance.now();
    const now = Date.now();
    for (const until = Math.min(frames, n + batch); n < until; n++) if (!spool.append(n, now, octets)) throw new Error("refused");
    appending += performance.now() - from;
    if (!(await spool.flush(now))) throw new Error(`not written: ${spool.stats().trouble}`);
  }
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  await spool.close(Date.now());
  const us = (total: number): string => `${(total / frames).toFixed(2)} µs`;
  console.log(
    `append, flush each ${String(batch).padEnd(3)}     ${us(ms * 1_000)} a frame with flush and fdatasync (processor ${us(user + system)}, append itself ${us(appending * 1_000)}), ${((frames * FRAME) / ms / 1_000).toFixed(0)} MB/s`,
  );
}

async function again(): Promise<void> {
  const spool = await Spool.open({ directory: path.join(root, "800") }, Date.now());
  const carousel = new Carousel(spool, { delayMs: 0 });
  const { frames } = spool.stats();
  const started = performance.now();
  const now = Date.now() + 1;
  let walking = 0;
  for (let n = 0; n < frames; ) {
    const from = performance.now();
    while (n < frames && carousel.next(now) !== null) n += 1;
    walking += performance.now() - from;
    await new Promise((resolve) => setImmediate(resolve));
  }
  const ms = performance.now() - started;
  console.log(
    `carousel                  ${((walking / frames) * 1_000).toFixed(2)} µs a call, ${((frames * FRAME) / ms / 1_000).toFixed(0)} MB/s with reading ahead`,
  );
}

async function open(how: string, before: () => void): Promise<void> {
  const took: number[] = [];
  let words = "";
  for (let round = 0; round < ROUNDS; round++) {
    before();
    const started = performance.now();
    const spool = await Spool.open({ directory: path.join(root, "800") }, Date.now());
    took.push(performance.now() - started);
    const { frames, octets, damaged } = spool.stats();
    words = `${(octets / MEBIBYTE).toFixed(0)} MiB, ${frames} frames, ${damaged} damaged`;
    await spool.close(Date.now());
  }
  console.log(`open, ${how.padEnd(38)} ${median(took).toFixed(1)} ms for ${words}`);
}
