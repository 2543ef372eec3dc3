/** The form on the disk: every cut, every flipped bit of a segment loses what it hit and nothing else. */
import path from "node:path";
import { crc32 } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Carousel } from "#telemetry/carousel";
import { fileOf, findRecord, headerOf, judgeHeader, putRecord, sealRecord } from "#telemetry/segment";
import { Spool } from "#telemetry/spool";
import { INDEX_NAME } from "#telemetry/spoolIndex";
import { MemoryFiles } from "./memoryFiles.ts";
import { DIRECTORY, everything, frame, SMALL, settle, T0 } from "./spools.ts";

const FRAMES = 6;
const LENGTH = 9;
const RECORD = 24 + LENGTH;
const HEADER = 32;
const segment = suite("telemetry/segment");

/** One closed segment, number 1. */
async function written(count = FRAMES): Promise<MemoryFiles> {
  const files = new MemoryFiles();
  const spool = await Spool.open({ ...SMALL, files }, T0);
  for (let n = 1; n <= count; n++) spool.append(n, T0 + n, frame(1, n, LENGTH));
  assert.ok(await spool.close(T0));
  return files;
}

/** The same directory, the segment changed, the index lost. */
function changed(files: MemoryFiles, change: (octets: Buffer) => Buffer): MemoryFiles {
  const next = files.crash(null);
  next.live.delete(path.join(DIRECTORY, INDEX_NAME));
  const inode = next.live.get(fileOf(DIRECTORY, 1));
  if (inode === undefined) throw new Error("there is no segment");
  inode.octets = change(Buffer.from(inode.octets));
  return next;
}

async function opened(files: MemoryFiles): Promise<{ readonly numbers: number[]; readonly damaged: number; readonly sent: number[] }> {
  const spool = await Spool.open({ ...SMALL, files }, T0 + 100_000);
  const kept = await everything(files);
  const carousel = new Carousel(spool);
  assert.is(carousel.next(T0 + 100_000), null);
  await settle();
  const sent: number[] = [];
  for (let i = 0; i < spool.stats().frames; i++) {
    const octets = carousel.next(T0 + 100_000) ?? new Uint8Array(0);
    sent.push(Array.from({ length: FRAMES }, (_, n) => n + 1).find((n) => frame(1, n, LENGTH).equals(octets)) ?? -1);
  }
  const { frames, damaged, trouble } = spool.stats();
  assert.is(trouble, null);
  assert.is(frames, kept.length);
  return { numbers: kept.map(({ sequence }) => sequence), damaged, sent };
}

segment("as it is drawn: header and record, octet for octet", () => {
  assert.is(
    headerOf(42, 0x0102_0304_0506).toString("hex"),
    "70656e73746f636b2d73706f6f6c" + "0001" + "0000002a" + "0000010203040506" + "2e6af8bf",
  );
  const record = Buffer.alloc(27);
  assert.is(putRecord(record, 0, 0x1_0000_0002, 0x0102_0304_0506, Uint8Array.of(1, 2, 3)), 27);
  sealRecord(record, 0, 42);
  assert.is(record.toString("hex"), "f75c" + "4251688a" + "0003" + "0000000100000002" + "0000010203040506" + "010203");
  assert.is(findRecord(record, 0, 27, 42), 0);
  assert.is(findRecord(record, 0, 27, 43), -1, "of another segment");
});

segment("cut at any octet: the whole records before it are there, the rest is cut, the next start goes on", async () => {
  const files = await written();
  for (let most = 0; most < HEADER + FRAMES * RECORD; most++) {
    const cut = changed(files, (octets) => octets.subarray(0, most));
    const whole = Math.max(0, Math.floor((most - HEADER) / RECORD));
    const { numbers, damaged, sent } = await opened(cut);
    assert.equal(numbers, [1, 2, 3, 4, 5, 6].slice(0, whole), `${most} octets`);
    assert.equal(sent, numbers);
    assert.is(damaged, 0);
    const left = cut.live.get(fileOf(DIRECTORY, 1))?.octets.length;
    assert.is(left, whole === 0 ? undefined : HEADER + whole * RECORD);
  }
});

segment("any bit flipped: its record is lost and counted, no other; a damaged header costs none", async () => {
  const files = await written();
  for (let bit = 0; bit < (HEADER + FRAMES * RECORD) * 8; bit++) {
    const at = bit >>> 3;
    const hit = at < HEADER ? 0 : 1 + Math.floor((at - HEADER) / RECORD);
    const flipped = changed(files, (octets) => {
      octets[at] = (octets[at] as number) ^ (1 << (bit & 7));
      return octets;
    });
    const { numbers, damaged, sent } = await opened(flipped);
    assert.equal(
      numbers,
      [1, 2, 3, 4, 5, 6].filter((n) => n !== hit),
      `bit ${bit}`,
    );
    assert.equal(sent, numbers);
    // The last record of a file may be one that was being written.
    assert.is(damaged, hit === FRAMES ? 0 : 1, `bit ${bit}`);
  }
});

segment("octets lost, added, doubled and zeroed in the middle: what stands behind is found", async () => {
  const files = await written();
  const at = HEADER + RECORD + 5;
  for (const [what, change, numbers] of [
    ["lost", (o: Buffer) => Buffer.concat([o.subarray(0, at), o.subarray(at + 3)]), [1, 3, 4, 5, 6]],
    ["added", (o: Buffer) => Buffer.concat([o.subarray(0, at), Buffer.alloc(70, 0xf7), o.subarray(at)]), [1, 3, 4, 5, 6]],
    ["two of them zeroed", (o: Buffer) => o.fill(0, HEADER + RECORD, HEADER + 3 * RECORD), [1, 4, 5, 6]],
  ] as const) {
    const found = await opened(changed(files, change));
    assert.equal(found.numbers, numbers, what);
    assert.equal(found.sent, numbers, what);
    assert.is(found.damaged, 1, what);
  }
});

segment("damage that comes after the index was written is found by the carousel, and counted once", async () => {
  const files = (await written()).crash(null);
  const octets = files.live.get(fileOf(DIRECTORY, 1))?.octets as Buffer;
  octets[HEADER + RECORD + 30] = (octets[HEADER + RECORD + 30] as number) ^ 1;
  let spool = await Spool.open({ ...SMALL, files }, T0 + 100_000);
  assert.is(spool.stats().damaged, 0);
  const carousel = new Carousel(spool);
  for (let i = 0; i < 40; i++) if (carousel.next(T0 + 100_000) === null) await settle();
  assert.ok(carousel.stats(T0 + 100_000).passes > 2);
  assert.is(spool.stats().damaged, 1);
  await spool.close(T0 + 100_000);
  spool = await Spool.open({ ...SMALL, files }, T0 + 100_000);
  assert.is(spool.stats().damaged, 1, "a restart knows of it");
});

segment("a segment of another version is neither read nor cut, and goes when its turn comes", async () => {
  const files = changed(await written(), (octets) => {
    const header = headerOf(1, T0);
    header.writeUInt16BE(2, 14);
    header.copy(octets);
    return octets;
  });
  const foreign = Buffer.from(files.live.get(fileOf(DIRECTORY, 1))?.octets ?? []);
  assert.is(judgeHeader(foreign, 1), "damaged", "its crc32 must hold before its version counts");
  const whole = changed(files, (octets) => {
    headerOfVersion(2).copy(octets);
    return octets;
  });
  const spool = await Spool.open({ ...SMALL, maxSegments: 4, files: whole }, T0);
  assert.is(spool.stats().segments, 1);
  const carousel = new Carousel(spool);
  for (let i = 0; i < 10; i++) {
    assert.is(carousel.next(T0 + 100_000), null);
    await settle();
  }
  assert.is(whole.live.get(fileOf(DIRECTORY, 1))?.octets.length, foreign.length);
  for (let n = 1; n <= 60; n++) {
    spool.append(n, T0, frame(1, n, 1_400));
    await spool.flush(T0);
  }
  assert.not(whole.live.has(fileOf(DIRECTORY, 1)));
});

function headerOfVersion(version: number): Buffer {
  const header = headerOf(1, T0);
  header.writeUInt16BE(version, 14);
  header.writeUInt32BE(crc32(header.subarray(0, 28)), 28);
  return header;
}

segment("what is no segment is let be: other names, folders' files, an index of rubbish", async () => {
  const files = (await written()).crash(null);
  for (const name of ["spool-1.seg", "notes.txt", "spool-0000000001.seg.bak"]) await files.create(path.join(DIRECTORY, name));
  const index = files.live.get(path.join(DIRECTORY, INDEX_NAME));
  if (index === undefined) throw new Error("there is no index");
  for (let at = 0; at < index.octets.length; at++) {
    const rubbish = files.crash(null);
    const octets = rubbish.live.get(path.join(DIRECTORY, INDEX_NAME))?.octets as Buffer;
    octets[at] = (octets[at] as number) ^ 0x10;
    const spool = await Spool.open({ ...SMALL, files: rubbish }, T0);
    assert.is(spool.stats().frames, FRAMES);
    assert.is(rubbish.live.size, 5);
  }
});

segment.run();
