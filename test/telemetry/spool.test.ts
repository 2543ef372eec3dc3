/** The spool's limits and a disk that is full, fails, or is not there: frames are refused and counted, never anything thrown. */
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FRAME_OCTETS, fileOf } from "#telemetry/segment";
import { DAY_MS, Spool } from "#telemetry/spool";
import { INDEX_NAME } from "#telemetry/spoolIndex";
import { MemoryFiles, type Operation } from "./memoryFiles.ts";
import { DIRECTORY, everything, frame, SMALL, T0 } from "./spools.ts";

const spools = suite("telemetry/spool");
const numbersIn = async (files: MemoryFiles): Promise<number[]> => (await everything(files)).map(({ sequence }) => sequence);

spools("append copies: what the caller does with its octets afterwards changes nothing", async () => {
  const files = new MemoryFiles();
  const spool = await Spool.open({ ...SMALL, files }, T0);
  const octets = frame(1, 1, 100);
  assert.is(spool.append(1, T0 + 0.7, octets), true, "no promise");
  octets.fill(0);
  assert.ok(await spool.flush(T0));
  const [kept] = await everything(files);
  assert.ok(kept?.octets.equals(frame(1, 1, 100)));
  assert.is(kept?.timeMs, T0);
});

spools("what is no frame is refused and counted", async () => {
  const spool = await Spool.open({ ...SMALL, files: new MemoryFiles() }, T0);
  for (const [sequence, now, length] of [
    [1, T0, 0],
    [1, T0, FRAME_OCTETS + 1],
    [-1, T0, 10],
    [0.5, T0, 10],
    [2 ** 53, T0, 10],
    [1, Number.NaN, 10],
    [1, -1, 10],
  ] as const)
    assert.not(spool.append(sequence, now, new Uint8Array(length)));
  assert.is(spool.stats().refused, 7);
  assert.ok(spool.append(2 ** 53 - 1, T0, new Uint8Array(FRAME_OCTETS)));
  await spool.close(T0);
  assert.not(spool.append(3, T0, new Uint8Array(1)), "closed");
});

spools("the buffer is bounded: beyond it frames are refused until the disk has taken some", async () => {
  const files = new MemoryFiles();
  const spool = await Spool.open({ ...SMALL, files }, T0);
  let taken = 0;
  while (spool.append(taken + 1, T0, frame(1, taken + 1, 1_000))) taken += 1;
  assert.is(taken, 16, "half of 32 KiB; the other half is for what is being written");
  const flush = spool.flush(T0);
  for (let more = 0; more < 16; more++) assert.ok(spool.append(++taken, T0, frame(1, taken, 1_000)), "while it is written");
  assert.not(spool.append(taken + 1, T0, frame(1, taken + 1, 1_000)));
  assert.ok(await flush);
  assert.ok(await spool.flush(T0));
  assert.equal(await numbersIn(files), range(1, 32));
  assert.is(spool.stats().refused, 2);
});

spools("one flush at a time; all who ask meanwhile share the next, and it covers what they appended", async () => {
  const files = new MemoryFiles();
  const spool = await Spool.open({ ...SMALL, files }, T0);
  spool.append(1, T0, frame(1, 1));
  const first = spool.flush(T0);
  spool.append(2, T0, frame(1, 2));
  const second = spool.flush(T0);
  spool.append(3, T0, frame(1, 3));
  assert.is(spool.flush(T0), second);
  assert.equal(await Promise.all([first, second]), [true, true]);
  assert.equal(await numbersIn(files), [1, 2, 3]);
  assert.ok((files.done.get("sync") ?? 0) <= 2);
});

spools("the oldest segment goes whole: by octets, by number, by age; a clock that is not believed lets none go", async () => {
  const files = new MemoryFiles();
  let isBelieved = false;
  const spool = await Spool.open({ ...SMALL, files, maxAgeMs: 7 * DAY_MS, mayExpire: () => isBelieved }, T0);
  for (let n = 1; n <= 300; n++) {
    spool.append(n, T0 + n, frame(1, n, 1_000));
    await spool.flush(T0 + n);
    const { octets } = spool.stats();
    assert.ok(octets <= 128 * 1024 && octets === inSegments(files), `${octets} of ${inSegments(files)}`);
  }
  const kept = await numbersIn(files);
  assert.equal(kept, range(301 - kept.length, 300));
  assert.ok(kept.length > 100);
  assert.is(spool.stats().oldestMs, T0 + (kept[0] as number));
  const late = T0 + 8 * DAY_MS;
  await spool.flush(late);
  assert.is(spool.stats().frames, kept.length);
  isBelieved = true;
  await spool.flush(late);
  await spool.flush(late);
  assert.is(spool.stats().frames, 0);
  assert.is(spool.stats().oldestMs, null);
});

spools("each start begins a segment, none if it sends nothing; so many segments at most", async () => {
  const files = new MemoryFiles();
  for (let start = 1; start <= 20; start++) {
    const spool = await Spool.open({ ...SMALL, maxSegments: 8, files }, T0);
    if (start % 2 === 0) spool.append(start, T0, frame(start, 1));
    assert.ok(await spool.close(T0));
    assert.ok(spool.stats().segments <= 8);
  }
  assert.equal(
    await numbersIn(files),
    range(3, 10).map((n) => 2 * n),
  );
  assert.equal(new Set((await everything(files)).map(({ segment }) => segment)).size, 8);
});

spools("a full disk: frames wait, then are refused and counted, the oldest segment makes room, one in a minute if in vain", async () => {
  const files = new MemoryFiles();
  const spool = await Spool.open({ ...SMALL, files }, T0);
  let n = 0;
  const append = (): boolean => spool.append(n + 1, T0, frame(1, n + 1, 1_000)) && ++n > 0;
  while (n < 60) {
    append();
    await spool.flush(T0);
  }
  const before = await numbersIn(files);
  files.room = files.octets + 100;
  for (let more = 0; more < 30; more++) {
    append();
    assert.ok(await spool.flush(T0), "the oldest made room");
  }
  const after = await numbersIn(files);
  assert.ok(after.length < before.length + 30 && after.at(-1) === 90 && spool.stats().dropped > 0);
  // Somebody else takes what is freed.
  files.room = 0;
  const { dropped } = spool.stats();
  append();
  for (let second = 0; second < 50; second++) assert.not(await spool.flush(T0 + second * 1_000));
  assert.is(spool.stats().trouble, "ENOSPC");
  assert.is(spool.stats().dropped, dropped + 1);
  while (append());
  assert.ok(spool.stats().refused > 0);
  assert.ok(spool.stats().waiting <= 32 * 1024);
  files.room = Number.POSITIVE_INFINITY;
  assert.ok(await spool.flush(T0 + 60_000));
  assert.is(spool.stats().trouble, null);
  const all = await numbersIn(files);
  assert.equal(all, range(all[0] as number, n), "nothing that was taken is missing");
});

for (const operation of ["create", "write", "sync", "syncDirectory"] as const satisfies readonly Operation[])
  spools(`${operation} fails under a batch: not promised, then written anew in another segment, once`, async () => {
    const files = new MemoryFiles();
    const spool = await Spool.open({ ...SMALL, files }, T0);
    for (const isFirst of [true, false]) {
      for (let n = isFirst ? 1 : 11; n <= (isFirst ? 10 : 20); n++) spool.append(n, T0, frame(1, n));
      const needsNew = operation === "create" || operation === "syncDirectory";
      files.fails = operation;
      assert.is(await spool.flush(T0), needsNew && !isFirst);
      files.fails = null;
      assert.ok(await spool.flush(T0));
    }
    assert.equal(await numbersIn(files), range(1, 20));
    assert.is(spool.stats().frames, 20);
    assert.ok(spool.stats().segments <= 2);
  });

spools("a file that can be neither begun nor removed is removed before the next is begun", async () => {
  const files = new MemoryFiles();
  const spool = await Spool.open({ ...SMALL, files }, T0);
  spool.append(1, T0, frame(1, 1));
  const { unlink } = MemoryFiles.prototype;
  files.unlink = () => Promise.reject(new Error("EROFS"));
  for (let i = 0; i < 5; i++) {
    files.fails = "write";
    assert.not(await spool.flush(T0));
    assert.is(files.live.size, 1, "no second one");
  }
  files.fails = null;
  files.unlink = unlink.bind(files);
  assert.ok(await spool.flush(T0));
  assert.is(files.live.size, 1);
  assert.equal(await numbersIn(files), [1]);
});

spools("a directory that cannot be read at open: frames wait, and are written once it can", async () => {
  const files = new MemoryFiles();
  const list = files.list.bind(files);
  files.list = () => Promise.reject(new Error("EACCES"));
  const spool = await Spool.open({ ...SMALL, files }, T0);
  assert.is(spool.stats().trouble, "EACCES");
  assert.ok(spool.append(1, T0, frame(1, 1)));
  assert.not(await spool.flush(T0));
  files.list = list;
  assert.ok(await spool.flush(T0));
  assert.equal(await numbersIn(files), [1]);
  assert.ok(await spool.close(T0));
});

spools("a segment that a foreign process made under the next name is let be", async () => {
  const files = new MemoryFiles();
  const spool = await Spool.open({ ...SMALL, files }, T0);
  await files.create(fileOf(DIRECTORY, 1));
  spool.append(1, T0, frame(1, 1));
  assert.not(await spool.flush(T0));
  assert.ok(await spool.flush(T0));
  assert.ok(files.live.has(fileOf(DIRECTORY, 1)) && files.live.has(fileOf(DIRECTORY, 2)));
});

spools("a start reads through only what the index does not know", async () => {
  const files = new MemoryFiles();
  let spool = await Spool.open({ ...SMALL, files }, T0);
  for (let n = 1; n <= 60; n++) {
    spool.append(n, T0, frame(1, n, 1_000));
    await spool.flush(T0);
  }
  await spool.close(T0);
  const stats = spool.stats();
  const reads = (): number => files.done.get("readInto") ?? 0;
  let before = reads();
  spool = await Spool.open({ ...SMALL, files }, T0);
  assert.is(reads() - before, 1);
  assert.equal(spool.stats(), stats);
  files.live.delete(path.join(DIRECTORY, INDEX_NAME));
  before = reads();
  spool = await Spool.open({ ...SMALL, files }, T0);
  assert.is(reads() - before, 1 + stats.segments);
  assert.equal(spool.stats(), stats);
});

function inSegments(files: MemoryFiles): number {
  return [...files.live].reduce((sum, [name, { octets }]) => sum + (name.endsWith(".seg") ? octets.length : 0), 0);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}

spools.run();
