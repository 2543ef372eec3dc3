/** The carousel: the most overdue first, over restarts and clocks; within its window, after its delay; what an outage costs. */
import path from "node:path";
import { crc32 } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Carousel, healMs } from "#telemetry/carousel";
import { fileOf } from "#telemetry/segment";
import { Spool, type SpoolOptions } from "#telemetry/spool";
import { INDEX_NAME } from "#telemetry/spoolIndex";
import { MemoryFiles } from "./memoryFiles.ts";
import { Line } from "./outages.ts";
import { DIRECTORY, frame, SMALL, settle, T0 } from "./spools.ts";

const PER_SEGMENT = 3;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
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

carousels("after a start the newest of those that never went goes first; all of them once before any a second time", async () => {
  const files = new MemoryFiles();
  for (let number = 1; number <= 4; number++) await start(files, number, T0 + number * 1_000);
  const spool = await Spool.open({ ...SMALL, files }, T0);
  const carousel = new Carousel(spool);
  const now = T0 + 100_000;
  assert.is(carousel.next(now), null, "it is being read");
  assert.equal(await rounds(carousel, now, 10), [4, 3, 2, 1, 4, 3, 2, 1, 4, 3]);
  assert.is(carousel.stats(now).passes, (3 + 2 + 2 + 2) / 4, "one is in hand");
});

carousels("counts and times survive restarts: what never went goes before what did, and of that the newest", async () => {
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
  spool = await Spool.open({ ...SMALL, files }, now + 70_000);
  carousel = new Carousel(spool);
  assert.equal(await rounds(carousel, now + 70_000, 4), [4, 3, 2, 1]);
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
  assert.equal(await rounds(carousel, now - 2, 2), [1, 2], "what is about to leave goes first");
  const edge = new Carousel(spool, { windowMs: 24 * HOUR });
  const numbers: (readonly [number | undefined, number | undefined])[] = [];
  for (let i = 0; i < 4; i++) {
    const octets = await one(edge, now);
    numbers.push([octets?.[0], octets?.[1]]);
  }
  assert.equal(
    numbers,
    [
      [2, 1],
      [2, 2],
      [2, 3],
      [1, 3],
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

/** When a segment was sent first and went last, minutes ago; null: it never went. Oldest first, numbered from 1; then in which order they go. */
const ORDERS: readonly (readonly [string, readonly (readonly [number, number | null])[], readonly number[]])[] = [
  [
    "equally long ago: the newer",
    [
      [60, 10],
      [50, 10],
      [40, 10],
    ],
    [3, 2, 1],
  ],
  [
    "sent equally long ago: the one that went longer ago",
    [
      [60, 10],
      [60, 30],
      [60, 20],
    ],
    [2, 3, 1],
  ],
  [
    "four times as old as it went, twice as long to wait",
    [
      [65, 26],
      [22, 13.1],
      [22, 12.9],
    ],
    [2, 1, 3],
  ],
  [
    "the newest of those that never went and are more overdue than all others",
    [
      [200, null],
      [100, 60],
      [60, null],
      [3, null],
    ],
    [3, 1, 2, 4],
  ],
  [
    "nothing went yet",
    [
      [1_000, null],
      [100, null],
      [2, null],
    ],
    [3, 2, 1],
  ],
  [
    "about to leave, and went in its youth or never: before all others, the oldest first",
    [
      [1_300, 1_000],
      [1_280, null],
      [2, null],
    ],
    [1, 2, 3],
  ],
  [
    "about to leave, and went since",
    [
      [1_300, 900],
      [600, 590],
      [2, null],
    ],
    [2, 1, 3],
  ],
  [
    "nobody knows how it went in the time to come: the clock was set back",
    [
      [200, 30],
      [150, -120],
      [100, -1],
    ],
    [2, 1, 3],
  ],
];
for (const [why, ago, order] of ORDERS)
  carousels(`who goes first: ${why}`, async () => {
    const files = new MemoryFiles();
    const now = T0 + 24 * HOUR;
    for (const [i, [sent]] of ago.entries()) await start(files, i + 1, now - sent * MINUTE);
    let spool = await Spool.open({ ...SMALL, files }, now);
    for (const [i, [, gone]] of ago.entries()) if (gone !== null) Object.assign(spool.segments[i] ?? {}, { goneMs: now - gone * MINUTE });
    assert.ok(await spool.close(now));
    spool = await Spool.open({ ...SMALL, files }, now);
    const carousel = new Carousel(spool);
    assert.equal(await rounds(carousel, now, order.length), order);
  });

carousels("an index of version 1: counts are kept, and the newest goes first as if none had gone", async () => {
  const files = new MemoryFiles();
  for (let number = 1; number <= 3; number++) await start(files, number, T0 + number * 1_000);
  const now = T0 + 100_000;
  const spool = await Spool.open({ ...SMALL, files }, now);
  await rounds(new Carousel(spool), now, 2);
  await spool.close(now);
  const index = files.live.get(path.join(DIRECTORY, INDEX_NAME));
  if (index === undefined) throw new Error("there is no index");
  index.octets = versionOne(index.octets);
  const reads = files.done.get("readInto") ?? 0;
  const carousel = new Carousel(await Spool.open({ ...SMALL, files }, now + HOUR));
  assert.is((files.done.get("readInto") ?? 0) - reads, 1, "no segment is read through");
  assert.is(carousel.stats(now + HOUR).passes, 1 / 3);
  assert.equal(await rounds(carousel, now + HOUR, 3), [3, 2, 1]);
});

/** The same without the times. */
function versionOne(octets: Buffer): Buffer {
  const entries = Array.from({ length: (octets.length - 32) / 44 }, (_, i) => octets.subarray(32 + i * 44, 32 + i * 44 + 36));
  const old = Buffer.concat([octets.subarray(0, 32), ...entries]);
  old.writeUInt16BE(1, 14);
  old.writeUInt32BE(crc32(old.subarray(32), crc32(old.subarray(0, 28))), 28);
  return old;
}

carousels("segments are looked at once a second, however small they are", async () => {
  const files = new MemoryFiles();
  for (let number = 1; number <= 6; number++) await start(files, number, T0 + number * 1_000);
  const spool = await Spool.open({ ...SMALL, files }, T0 + HOUR);
  let looks = 0;
  const { segments } = spool;
  Object.defineProperty(spool, "segments", {
    get: () => {
      looks += 1;
      return segments;
    },
  });
  const carousel = new Carousel(spool);
  for (let i = 0; i < 10; i++) assert.is((await rounds(carousel, T0 + HOUR + i * 100, 2)).length, 2);
  assert.is(looks, 1);
  await rounds(carousel, T0 + HOUR + 1_000, 2);
  assert.is(looks, 2);
});

const told: readonly (readonly [outageMs: number, live: number, carousel: number, atMost: number])[] = [
  [0, 0.5, 0.2, 0],
  [HOUR, 0, 0, 0],
  [HOUR, 0.5, 0, Number.POSITIVE_INFINITY],
  [MINUTE, 0.3, 0.2, Number.POSITIVE_INFINITY],
  [MINUTE, 0.2, 0.2, 24 * HOUR],
  [6 * HOUR, 0.2, 0.2, 24 * HOUR],
  [7 * HOUR, 0.2, 0.2, Number.POSITIVE_INFINITY],
  [HOUR, 0.05, 0.2, 4 * HOUR],
  [12 * HOUR, 0.05, 0.2, Number.POSITIVE_INFINITY],
  [HOUR, 0.01, 0.2, 35 * MINUTE],
  [HOUR, 0.1, 0.3, 6 * HOUR],
  [HOUR, 1e-12, 0.2, 4 * MINUTE],
];
for (const [outageMs, live, share, atMost] of told)
  carousels(`told of ${outageMs / MINUTE} min at ${live} live and ${share} again: ${atMost / MINUTE} min at most`, () => {
    const healed = healMs(outageMs, live, share);
    assert.ok(healed === atMost || (healed < atMost && healed > atMost * 0.85), String(healed / MINUTE));
  });

carousels("after 26 h of steady running an outage of an hour is healed wholly within the time told, whenever it begins", async () => {
  const line = await Line.run(26 + 2 + 1 + 5, 4);
  const within = healMs(HOUR, 0.05, 0.2);
  assert.ok(within < 5 * HOUR);
  for (let fromMs = 26 * HOUR; fromMs < 28 * HOUR; fromMs += MINUTE) {
    const outage = line.outage(fromMs, HOUR);
    assert.ok(outage.missed >= 360);
    assert.is(outage.lost, 0);
    assert.ok(outage.healMs <= within, `${outage.healMs / MINUTE} of ${within / MINUTE} min`);
  }
});

carousels("the time told is never shorter than what it took, and what is told to heal does", async () => {
  for (const ratio of [1, 2.3]) {
    const line = await Line.run(26 + 1 + 5 + 24, ratio);
    for (const forMs of [MINUTE, 10 * MINUTE, HOUR, 5 * HOUR])
      for (let fromMs = 26 * HOUR; fromMs < 27 * HOUR; fromMs += 7 * MINUTE) {
        const outage = line.outage(fromMs, forMs);
        assert.is(outage.lost, 0);
        assert.ok(outage.healMs <= healMs(forMs, 0.01, 0.01 * ratio), `${ratio}: ${forMs / MINUTE} min took ${outage.healMs / MINUTE}`);
      }
  }
});

carousels.run();
