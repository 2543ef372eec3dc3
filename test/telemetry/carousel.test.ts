/** The carousel: fewest-sent first, newest among equals, over restarts; within its window, after its delay; two segments in memory. */
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Carousel, healMs } from "#telemetry/carousel";
import { fileOf } from "#telemetry/segment";
import { Spool, type SpoolOptions } from "#telemetry/spool";
import { INDEX_NAME } from "#telemetry/spoolIndex";
import { MemoryFiles } from "./memoryFiles.ts";
import { DIRECTORY, frame, SMALL, settle, T0 } from "./spools.ts";

const PER_SEGMENT = 3;
const HOUR = 3_600_000;
const carousels = suite("telemetry/carousel");

/** A start that writes one segment, and ends. Its frames' first octet is its number. */
async function start(files: MemoryFiles, number: number, timeMs: number, more: Partial<SpoolOptions> = {}): Promise<void> {
  const spool = await Spool.open({ ...SMALL, ...more, files }, timeMs);
  for (let n = 1; n <= PER_SEGMENT; n++) spool.append(n, timeMs + n, labelled(number, n));
  assert.ok(await spool.close(timeMs));
}

function labelled(number: number, n: number): Buffer {
  return Buffer.concat([Buffer.of(number, n), frame(number, n, 40)]);
}

/** Segments in the order in which they go, each whole and in its own order. */
async function rounds(carousel: Carousel, now: number, count: number): Promise<number[]> {
  const order: number[] = [];
  for (let i = 0; i < count; i++) {
    for (let n = 1; n <= PER_SEGMENT; n++) {
      const octets = await one(carousel, now);
      if (octets === null) return order;
      const number = octets[0] as number;
      assert.ok(labelled(number, n).equals(octets), "octet for octet");
      if (n === 1) order.push(number);
    }
  }
  // What the last call left undone: the segment in hand is told to be through by the next one.
  return order;
}

async function one(carousel: Carousel, now: number): Promise<Uint8Array | null> {
  for (let i = 0; i < 4; i++) {
    const octets = carousel.next(now);
    if (octets !== null) return octets;
    await settle();
  }
  return null;
}

carousels("newest first, then the next newest; all of them once before any a second time", async () => {
  const files = new MemoryFiles();
  for (let number = 1; number <= 4; number++) await start(files, number, T0 + number * 1_000);
  const spool = await Spool.open({ ...SMALL, files }, T0);
  const carousel = new Carousel(spool);
  const now = T0 + 100_000;
  assert.is(carousel.next(now), null, "it is being read");
  assert.equal(await rounds(carousel, now, 10), [4, 3, 2, 1, 4, 3, 2, 1, 4, 3]);
  assert.is(carousel.stats(now).passes, (3 + 2 + 2 + 2) / 4, "one is in hand");
});

carousels("counts survive restarts; of a new segment's they say none: it goes first", async () => {
  const files = new MemoryFiles();
  for (let number = 1; number <= 3; number++) await start(files, number, T0 + number * 1_000);
  const now = T0 + 100_000;
  let spool = await Spool.open({ ...SMALL, files }, now);
  let carousel = new Carousel(spool);
  assert.equal(await rounds(carousel, now, 2), [3, 2]);
  assert.ok((await one(carousel, now)) !== null, "the third is begun");
  await spool.close(now);
  spool = await Spool.open({ ...SMALL, files }, now);
  carousel = new Carousel(spool);
  assert.is(carousel.stats(now).passes, 2 / 3);
  assert.equal(await rounds(carousel, now, 1), [1], "what was interrupted begins again");
  assert.ok((await one(carousel, now)) !== null);
  await spool.close(now);
  await start(files, 4, now);
  // The third was chosen while the fourth was in hand; then the fourth is the newest of those that went once.
  spool = await Spool.open({ ...SMALL, files }, now + 70_000);
  carousel = new Carousel(spool);
  assert.equal(await rounds(carousel, now + 70_000, 6), [4, 3, 4, 2, 1, 4]);
});

carousels("killed: counts may be older, and without the file they start over; nothing is lost by it", async () => {
  let files = new MemoryFiles();
  for (let number = 1; number <= 3; number++) await start(files, number, T0 + number * 1_000);
  const now = T0 + 100_000;
  const first = new Carousel(await Spool.open({ ...SMALL, files }, now));
  assert.equal(await rounds(first, now, 2), [3, 2]);
  files = files.crash(null);
  assert.equal(await rounds(new Carousel(await Spool.open({ ...SMALL, files }, now)), now, 3), [3, 2, 1]);
  files.live.delete(path.join(DIRECTORY, INDEX_NAME));
  assert.equal(await rounds(new Carousel(await Spool.open({ ...SMALL, files }, now)), now, 3), [3, 2, 1]);
});

carousels("counts are written every half minute, not only at the end", async () => {
  let files = new MemoryFiles();
  for (let number = 1; number <= 3; number++) await start(files, number, T0 + number * 1_000);
  const now = T0 + 100_000;
  const spool = await Spool.open({ ...SMALL, files }, now);
  const carousel = new Carousel(spool);
  await rounds(carousel, now, 2);
  await one(carousel, now);
  await spool.flush(now + 30_000);
  files = files.crash(null);
  assert.is(new Carousel(await Spool.open({ ...SMALL, files }, now)).stats(now).passes, 2 / 3);
});

carousels("the segment being written goes round once it is closed and the delay has passed; age closes it", async () => {
  const files = new MemoryFiles();
  const spool = await Spool.open({ ...SMALL, segmentMs: 120_000, files }, T0);
  const carousel = new Carousel(spool, { delayMs: 60_000 });
  for (let n = 1; n <= PER_SEGMENT; n++) spool.append(n, T0, labelled(1, n));
  await spool.flush(T0);
  assert.is(await one(carousel, T0 + 100_000), null, "open");
  spool.append(9, T0 + 119_000, frame(1, 9));
  await spool.flush(T0 + 120_000);
  assert.is(await one(carousel, T0 + 120_000), null, "closed, and its newest frame a second old");
  assert.is(await one(carousel, T0 + 178_999), null);
  assert.equal(await rounds(carousel, T0 + 180_000, 1), [1]);
});

carousels("only frames of the window, of a segment on its edge too; frames of the future are due at once", async () => {
  const files = new MemoryFiles();
  await start(files, 1, T0);
  await start(files, 2, T0 + HOUR);
  const spool = await Spool.open({ ...SMALL, files }, T0 + HOUR);
  const carousel = new Carousel(spool, { windowMs: 24 * HOUR });
  const now = T0 + 24 * HOUR + 2;
  assert.equal(await rounds(carousel, now - 2, 2), [2, 1]);
  const edge = new Carousel(spool, { windowMs: 24 * HOUR });
  const numbers: (readonly [number | undefined, number | undefined])[] = [];
  for (let i = 0; i < 4; i++) {
    const octets = await one(edge, now);
    numbers.push([octets?.[0], octets?.[1]]);
  }
  assert.equal(
    numbers,
    [
      [1, 3],
      [2, 1],
      [2, 2],
      [2, 3],
    ],
    "of the older segment what is not too old",
  );
  assert.is(await one(new Carousel(spool), T0 + 26 * HOUR), null);
  assert.ok((await one(new Carousel(spool), T0 - HOUR)) !== null, "the clock was set back");
});

carousels("a segment that was let go, or cannot be read, stands in no other's way", async () => {
  const files = new MemoryFiles();
  for (let number = 1; number <= 3; number++) await start(files, number, T0 + number * 1_000);
  const spool = await Spool.open({ ...SMALL, files }, T0);
  const carousel = new Carousel(spool);
  const now = T0 + 100_000;
  files.fails = "readInto";
  assert.equal(await rounds(carousel, now, 3), [2, 1, 3]);
  assert.is(spool.stats().damaged, 1);
  files.live.delete(fileOf(DIRECTORY, 1));
  assert.equal(await rounds(carousel, now, 2), [2, 3]);
});

carousels("a view holds until the next call, over the change from one segment to another", async () => {
  const files = new MemoryFiles();
  for (let number = 1; number <= 4; number++) await start(files, number, T0 + number * 1_000);
  const carousel = new Carousel(await Spool.open({ ...SMALL, files }, T0));
  const now = T0 + 100_000;
  let held: Uint8Array | null = null;
  for (let i = 0; i < 60; i++) {
    const before: Buffer | null = held === null ? null : Buffer.from(held);
    await settle();
    if (held !== null) assert.ok(before?.equals(held), `call ${i}`);
    held = carousel.next(now);
    const copy = held === null ? null : Buffer.from(held);
    await settle();
    if (held !== null) assert.ok(copy?.equals(held), `call ${i}`);
  }
});

carousels("heal time = outage x live share / carousel share", () => {
  assert.is(healMs(HOUR, 0.5, 0.2), 2.5 * HOUR);
  assert.is(healMs(600_000, 0.1, 0.2), 300_000);
  assert.is(healMs(0, 0.5, 0.2), 0);
  assert.is(healMs(HOUR, 0, 0), 0);
  assert.is(healMs(HOUR, 0.5, 0), Number.POSITIVE_INFINITY);
});

carousels.run();
