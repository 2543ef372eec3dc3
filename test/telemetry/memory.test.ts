/** 200,000 frames through a small ring, the carousel running: memory stays what it was, on the heap and beside it. */
import { mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Carousel } from "#telemetry/carousel";
import { Spool } from "#telemetry/spool";
import { MEMORY } from "#test/audit/logs";
import { frame, T0 } from "./spools.ts";

const FRAMES = 200_000;
const LEARNT = 40_000;
const MEBIBYTE = 1024 * 1024;
const memory = suite("telemetry/memory");
const directory = mkdtempSync(path.join(MEMORY, "penstock-spool-"));
memory.after(() => rmSync(directory, { recursive: true, force: true }));

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

memory(`${FRAMES} frames: buffers of the stated size, an index of the stated length, nothing else`, async () => {
  const spool = await Spool.open({ directory, maxOctets: 16 * MEBIBYTE, segmentOctets: MEBIBYTE, bufferOctets: MEBIBYTE }, T0);
  const carousel = new Carousel(spool, { delayMs: 0 });
  const octets = frame(1, 1, 200);
  let again = 0;
  let before = usage();
  for (let n = 1; n <= FRAMES; n++) {
    const now = T0 + n;
    assert.ok(spool.append(n, now, octets));
    if (carousel.next(now) !== null) again += 1;
    if (n % 500 === 0) assert.ok(await spool.flush(now));
    if (n === LEARNT) before = usage();
  }
  const after = usage();
  const { segments, octets: onDisk, refused } = spool.stats();
  const words = `${again} sent again, ${segments} segments; heap ${after.heap - before.heap}, beside it ${after.beside} octets`;
  console.log(words);
  assert.ok(again > FRAMES / 2, words);
  assert.ok(onDisk <= 16 * MEBIBYTE && segments <= 17, words);
  assert.is(refused, 0);
  assert.ok(after.beside <= 3 * MEBIBYTE + MEBIBYTE / 2, words);
  assert.ok(after.heap - before.heap < MEBIBYTE, words);
  await spool.close(T0 + FRAMES);
});

memory("an index of 16,384 segments takes a few MiB", async () => {
  const before = usage();
  const segments = Array.from({ length: 16_384 }, (_, i) => ({
    number: i,
    octets: 4 * MEBIBYTE,
    frames: 4_000,
    firstMs: T0 + i * 1_000.5,
    lastMs: T0 + i * 1_000.25,
    sent: 1,
    damaged: 0,
    isForeign: false,
    isGone: false,
  }));
  const each = (usage().heap - before.heap) / segments.length;
  console.log(`${Math.round(each)} octets of memory a segment`);
  assert.ok(each < 250, `${each}`);
});

function usage(): { readonly heap: number; readonly beside: number } {
  for (let i = 0; i < 3; i++) collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { heap: heapUsed, beside: arrayBuffers };
}

memory.run();
