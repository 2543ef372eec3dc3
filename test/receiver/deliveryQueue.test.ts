/** The queue of one sink: order, retries, bounds, and what it does about everything that may be wrong with its disk. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Sample } from "#receiver/model";
import { decodeState } from "#receiver/queueState";
import { encodeSamples } from "#receiver/sampleLines";
import { SystemError } from "#test/audit/injected";
import { eventually, InjectedDisk, idsOf, openQueue, sampleOf, samplesFrom, scratch, TestSink } from "./stage.ts";

const queue = suite("receiver/deliveryQueue");
const root = scratch();
let made = 0;
const place = (): string => path.join(root, String(++made));
const segments = (directory: string): string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith(".samples1"))
    .sort();

queue("what is pushed comes to the sink in order, in bounded batches, and leaves the disk", async () => {
  const directory = place();
  const sink = new TestSink();
  const q = await openQueue(directory, sink, { batch: 100, segmentOctets: 4096 });
  const pushed = samplesFrom(0, 2_000);
  for (let at = 0; at < pushed.length; at += 130) assert.is(await q.push(pushed.slice(at, at + 130)), true);
  await eventually("all of it", () => sink.taken.length === pushed.length);
  assert.equal(sink.taken, pushed);
  assert.ok(sink.batches.every((batch) => batch.length < 100 + 64));
  assert.is(q.status.waiting, 0);
  assert.ok(segments(directory).length <= 1, segments(directory).join());
  await q.close();
  assert.is(q.status.delivered, 2_000);
  assert.is(q.status.trouble, null);
});

queue("many pushes that do not wait for each other share a sync, in order", async () => {
  const directory = place();
  const sink = new TestSink();
  const disk = new InjectedDisk();
  const q = await openQueue(directory, sink, { disk });
  const pushed = samplesFrom(0, 500);
  const told = await Promise.all(pushed.map((sample) => q.push([sample])));
  assert.ok(told.every((isKept) => isKept));
  const syncs = disk.operations.filter(({ op, file }) => op === "sync" && file.endsWith(".samples1")).length;
  assert.ok(syncs <= 3, `${syncs} syncs`);
  await eventually("all of it", () => sink.taken.length === 500);
  assert.equal(sink.taken, pushed);
  await q.close();
});

queue("a push is answered after the sync of its octets, and nothing is offered before", async () => {
  const directory = place();
  const sink = new TestSink();
  const disk = new InjectedDisk();
  disk.delayMs = 40;
  const q = await openQueue(directory, sink, { disk });
  const from = disk.events.length;
  let offered = -1;
  sink.takes = () => {
    offered = disk.events.length;
    return true;
  };
  await q.push([sampleOf(1)]);
  const answered = disk.events.length;
  const synced = disk.events.findIndex(
    ({ is, ...event }, i) =>
      i >= from && is === "end" && "call" in event && event.call.op === "sync" && event.call.file.endsWith(".samples1"),
  );
  assert.ok(synced >= 0 && synced < answered);
  await eventually("an offer", () => offered >= 0);
  assert.ok(synced < offered);
  await q.close();
});

queue("a sink that says no, rejects or throws gets the same batch again until it takes it; then the next", async () => {
  const directory = place();
  const sink = new TestSink();
  const q = await openQueue(directory, sink, { batch: 10, segmentOctets: 4096 });
  const answers = [false, new Error("rejects"), false, true, "thrown", false];
  sink.takes = () => {
    const answer = answers.length > 0 ? answers.shift() : true;
    if (answer instanceof Error) return Promise.reject(answer);
    if (answer === "thrown") throw new Error(answer);
    return answer as boolean;
  };
  const pushed = samplesFrom(0, 300);
  for (let at = 0; at < 300; at += 10) await q.push(pushed.slice(at, at + 10));
  await eventually("all of it", () => sink.taken.length === 300);
  assert.equal(sink.taken, pushed);
  assert.is(q.status.failures, 5);
  assert.is(q.status.failuresInRow, 0);
  await q.close();
});

queue("attempts come later and later, by half at least of what they may, and begin anew after a success", async () => {
  const sink = new TestSink();
  const at: number[] = [];
  const q = await openQueue(place(), sink, { retry: { firstMs: 20, mostMs: 80 }, random: () => 0 });
  sink.takes = () => {
    at.push(performance.now());
    return at.length === 6;
  };
  await q.push([sampleOf(1)]);
  await eventually("six offers", () => at.length === 6);
  const gaps = at.slice(1).map((ms, i) => ms - (at[i] as number));
  [10, 20, 40, 40, 40].forEach((least, i) => {
    assert.ok((gaps[i] as number) >= least - 1, `gap ${i} is ${gaps[i]}`);
  });
  await q.close();
});

queue("closed with a sink that never answers: ends within its patience, and the batch goes again", async () => {
  const directory = place();
  const sink = new TestSink();
  sink.takes = () => new Promise(() => {});
  const q = await openQueue(directory, sink, { patienceMs: 50 });
  await q.push([sampleOf(1)]);
  await eventually("the offer", () => sink.offers === 1);
  const started = performance.now();
  await q.close();
  assert.ok(performance.now() - started < 2_000);
  assert.is(await q.push([sampleOf(2)]), false);
  const next = new TestSink();
  const again = await openQueue(directory, next);
  await eventually("it", () => next.taken.length === 1);
  assert.equal(next.taken, [sampleOf(1)]);
  await again.close();
});

queue("closed between batches and opened again: nothing twice, nothing missing", async () => {
  const directory = place();
  const pushed = samplesFrom(0, 400);
  const all: Sample[] = [];
  let next = 0;
  for (let run = 0; run < 8; run++) {
    const sink = new TestSink();
    sink.takes = () => sink.offers < 3;
    const q = await openQueue(directory, sink, { batch: 10, segmentOctets: 4096 });
    for (let i = 0; i < 5; i++, next += 10) await q.push(pushed.slice(next, next + 10));
    await eventually("three offers", () => sink.offers >= 3);
    await q.close();
    all.push(...sink.taken);
  }
  const last = new TestSink();
  const q = await openQueue(directory, last);
  await eventually("the rest", () => all.length + last.taken.length === next);
  assert.equal([...all, ...last.taken], pushed.slice(0, next));
  assert.is(q.status.delivered, next);
  await q.close();
});

queue("full: the oldest go, are counted by class, and what is left is the newest, in order; the counts outlive the process", async () => {
  const directory = place();
  const sink = new TestSink();
  sink.takes = () => false;
  const maxOctets = 64 * 1024;
  const q = await openQueue(directory, sink, { maxOctets, segmentOctets: 8 * 1024, classOf: ({ asset }) => asset });
  const pushed = samplesFrom(0, 4_000);
  for (let at = 0; at < pushed.length; at += 20) {
    assert.is(await q.push(pushed.slice(at, at + 20)), true);
    const onDisk = segments(directory).reduce((sum, name) => sum + statSync(path.join(directory, name)).size, 0);
    assert.ok(onDisk <= maxOctets, `${onDisk} octets`);
  }
  await q.close();
  const next = new TestSink();
  const again = await openQueue(directory, next);
  await eventually("the rest", () => again.status.waiting === 0);
  const kept = next.taken.length;
  assert.ok(kept > 100 && kept < 1_000, `${kept} kept`);
  assert.equal(next.taken, pushed.slice(-kept));
  const dropped = again.status.dropped;
  const expected: Record<string, number> = {};
  for (const { asset } of pushed.slice(0, -kept)) expected[asset] = (expected[asset] ?? 0) + 1;
  assert.equal(dropped, expected);
  await again.close();
});

queue("given up while the sink has it: taken after all it is not counted as dropped; refused it is not offered again", async () => {
  for (const isTaken of [true, false]) {
    const sink = new TestSink();
    let answer: (isTaken: boolean) => void = () => {};
    sink.takes = () =>
      sink.offers > 1 ||
      new Promise((resolve) => {
        answer = resolve;
      });
    const q = await openQueue(place(), sink, { maxOctets: 16 * 1024, segmentOctets: 4096, batch: 20, classOf: () => "all" });
    const pushed = samplesFrom(0, 1_000);
    for (let at = 0; at < pushed.length; at += 20) await q.push(pushed.slice(at, at + 20));
    const first = 20;
    answer(isTaken);
    await eventually("the rest", () => q.status.waiting === 0);
    const { dropped, delivered } = q.status;
    assert.is(delivered + (dropped.all ?? 0), 1_000);
    assert.is(delivered, sink.taken.length);
    assert.is(sink.taken[0]?.id === "run.0", isTaken);
    assert.equal(sink.taken.slice(isTaken ? first : 0), pushed.slice(-(delivered - (isTaken ? first : 0))));
    await q.close();
  }
});

queue("full with `refuse`: the oldest stay, and whoever pushes is told; room comes back as the sink takes", async () => {
  const sink = new TestSink();
  let takes = false;
  sink.takes = () => takes;
  const q = await openQueue(place(), sink, { maxOctets: 16 * 1024, segmentOctets: 4096, whenFull: "refuse" });
  const kept: Sample[] = [];
  let refused = 0;
  for (let n = 0; n < 600; n += 20) {
    const some = samplesFrom(n, 20);
    if (await q.push(some)) kept.push(...some);
    else refused += 20;
  }
  assert.ok(kept.length > 50 && refused > 50);
  assert.equal(kept, samplesFrom(0, kept.length));
  assert.is(q.status.refused, refused);
  assert.equal(q.status.dropped, {});
  takes = true;
  await eventually("all of it", () => sink.taken.length === kept.length);
  assert.equal(sink.taken, kept);
  for (let n = 600; n < 1_200; n += 20) {
    assert.is(await q.push(samplesFrom(n, 20)), true, `${n}`);
    await eventually("it", () => sink.taken.length === kept.length + n - 580);
  }
  await q.close();
});

queue("a push that is larger than all there may be is refused, and nothing is given up for it", async () => {
  const sink = new TestSink();
  sink.takes = () => false;
  const q = await openQueue(place(), sink, { maxOctets: 8 * 1024, segmentOctets: 4096 });
  assert.is(await q.push(samplesFrom(0, 30)), true);
  assert.is(await q.push(samplesFrom(30, 1_000)), false);
  assert.equal(q.status.dropped, {});
  await q.close();
});

queue("memory is bounded: who pushes without waiting is told no", async () => {
  const disk = new InjectedDisk();
  disk.delayMs = 30;
  const q = await openQueue(place(), new TestSink(), { disk });
  const heavy = samplesFrom(0, 64).map((sample) => ({ ...sample, value: "x".repeat(1_500) }));
  const told = await Promise.all(Array.from({ length: 400 }, () => q.push(heavy)));
  assert.ok(told.slice(0, 100).every((isKept) => isKept));
  assert.ok(told.some((isKept) => !isKept));
  assert.is(q.status.refused, told.filter((isKept) => !isKept).length * 64);
  await q.close();
});

for (const [what, op, code, partial] of [
  ["a full disk", "write", "ENOSPC", 0],
  ["a full disk amid a line", "write", "ENOSPC", 37],
  ["a failing write", "write", "EIO", 500],
  ["a failing sync", "sync", "EIO", 0],
  ["a segment that cannot be made", "create", "EACCES", 0],
] as const) {
  queue(`${what}: the push says no, those behind it too; when it is well again all goes on, in order`, async () => {
    const directory = place();
    const sink = new TestSink();
    const disk = new InjectedDisk();
    const q = await openQueue(directory, sink, { disk });
    assert.is(await q.push(samplesFrom(0, 10)), true);
    await eventually("the first", () => sink.taken.length === 10);
    let isBroken = true;
    disk.partial = partial;
    disk.before = (call) => {
      if (isBroken && call.op === op && call.file.endsWith(".samples1")) throw new SystemError(code);
    };
    // What is open is ended by the first failure; a new one must be made.
    if (op === "create") {
      disk.before = (call) => {
        if (isBroken && (call.op === "create" || call.op === "write") && call.file.endsWith(".samples1")) throw new SystemError(code);
      };
    }
    const told = await Promise.all([q.push(samplesFrom(10, 10)), q.push(samplesFrom(20, 10)), q.push(samplesFrom(30, 10))]);
    assert.equal(told, [false, false, false]);
    assert.match(q.status.trouble ?? "", new RegExp(`write: ${code}`));
    isBroken = false;
    assert.is(await q.push(samplesFrom(10, 30)), true);
    assert.is(q.status.trouble, null);
    await eventually("all of it", () => sink.taken.length >= 40);
    await q.close();
    assert.equal([...new Set(idsOf(sink.taken))], idsOf(samplesFrom(0, 40)));
    assert.is(sink.taken.length, 40, "what was not promised was cut off");
    const next = new TestSink();
    const again = await openQueue(directory, next);
    await again.close();
    assert.is(next.taken.length, 0);
  });
}

queue("one push fails and the disk is well again at once: those behind it fail too, and do not overtake it", async () => {
  const disk = new InjectedDisk();
  const sink = new TestSink();
  const q = await openQueue(place(), sink, { disk });
  let isBroken = true;
  disk.before = (call) => {
    if (!isBroken || call.op !== "write" || !call.file.endsWith(".samples1")) return;
    isBroken = false;
    throw new SystemError("EIO");
  };
  const told = await Promise.all([q.push(samplesFrom(0, 10)), q.push(samplesFrom(10, 10)), q.push(samplesFrom(20, 10))]);
  assert.equal(told, [false, false, false]);
  assert.is(q.status.refused, 30);
  assert.is(await q.push(samplesFrom(0, 30)), true);
  await eventually("all of it", () => sink.taken.length === 30);
  assert.equal(sink.taken, samplesFrom(0, 30));
  await q.close();
});

queue("what was written and not synced is cut off: a push that was answered no does not come after a restart", async () => {
  const directory = place();
  const disk = new InjectedDisk();
  const away = new TestSink();
  away.takes = () => false;
  const q = await openQueue(directory, away, { disk });
  await q.push(samplesFrom(0, 10));
  disk.before = (call) => {
    if (call.op === "sync" && call.file.endsWith(".samples1")) throw new SystemError("EIO");
  };
  assert.is(await q.push(samplesFrom(10, 10)), false);
  disk.before = () => {};
  await q.push(samplesFrom(20, 10));
  await q.close();
  const sink = new TestSink();
  const again = await openQueue(directory, sink);
  await eventually("the rest", () => again.status.waiting === 0);
  assert.equal(sink.taken, [...samplesFrom(0, 10), ...samplesFrom(20, 10)]);
  await again.close();
});

queue("what is given up is counted on the disk before it is gone from it", async () => {
  const directory = place();
  const disk = new InjectedDisk();
  const away = new TestSink();
  away.takes = () => false;
  const q = await openQueue(directory, away, { disk, maxOctets: 16 * 1024, segmentOctets: 4096, classOf: () => "all" });
  let looked = 0;
  let before = 0;
  disk.before = (call) => {
    if (call.op !== "unlink" || !call.file.endsWith(".samples1")) return;
    const state = decodeState(readFileSync(path.join(directory, "state1")));
    assert.ok(state !== null && state.at.segment > Number(path.basename(call.file, ".samples1")), call.file);
    assert.ok((state.dropped.all ?? 0) > before);
    before = state.dropped.all ?? 0;
    looked += 1;
  };
  for (let n = 0; n < 1_000; n += 20) await q.push(samplesFrom(n, 20));
  assert.ok(looked > 5, `${looked}`);
  assert.is(q.status.trouble, null);
  await q.close();
});

queue("a disk that others have filled: older segments make room; the last one is not given up", async () => {
  const directory = place();
  const sink = new TestSink();
  sink.takes = () => false;
  const disk = new InjectedDisk();
  const q = await openQueue(directory, sink, { disk, segmentOctets: 4096, classOf: () => "all" });
  for (let n = 0; n < 400; n += 20) await q.push(samplesFrom(n, 20));
  const before = segments(directory).length;
  assert.ok(before > 3);
  let hasRoom = false;
  disk.before = (call) => {
    if (!call.file.endsWith(".samples1")) return;
    if (call.op === "unlink") hasRoom = true;
    if (call.op === "write" && !hasRoom) throw new SystemError("ENOSPC");
  };
  assert.is(await q.push(samplesFrom(400, 20)), true, "one segment made room");
  const { all = 0 } = q.status.dropped;
  assert.ok(all > 20 && all < 120, `${all} dropped`);
  disk.before = (call) => {
    if (call.op === "write" && call.file.endsWith(".samples1")) throw new SystemError("ENOSPC");
  };
  for (let i = 0; i < before + 3; i++) assert.is(await q.push([sampleOf(9_000)]), false);
  const { waiting, dropped } = q.status;
  assert.ok(waiting > 0);
  assert.is(await q.push([sampleOf(9_000)]), false);
  assert.equal(q.status.dropped, dropped);
  disk.before = () => {};
  assert.is(await q.push([sampleOf(9_000)]), true);
  sink.takes = () => true;
  await eventually("the rest", () => q.status.waiting === 0);
  assert.is(sink.taken.length + (dropped.all ?? 0), 421);
  await q.close();
});

queue("a state that cannot be written holds nothing up, and is written when it can", async () => {
  const directory = place();
  const sink = new TestSink();
  const disk = new InjectedDisk();
  const q = await openQueue(directory, sink, { disk });
  disk.before = (call) => {
    if (call.file.includes("state1")) throw new SystemError("ENOSPC");
  };
  for (let n = 0; n < 100; n += 10) assert.is(await q.push(samplesFrom(n, 10)), true);
  await eventually("all of it", () => sink.taken.length === 100);
  await eventually("the trouble", () => q.status.trouble === "state: ENOSPC");
  disk.before = () => {};
  await eventually("no trouble", () => q.status.trouble === null);
  await q.close();
  const next = new TestSink();
  const again = await openQueue(directory, next);
  await again.close();
  assert.is(next.taken.length, 0);
});

for (const [what, damage] of [
  ["gone", (file: string) => rmSync(file)],
  ["empty", (file: string) => writeFileSync(file, "")],
  ["of zeros", (file: string) => writeFileSync(file, Buffer.alloc(120))],
  ["changed in one digit", (file: string) => writeFileSync(file, readFileSync(file, "utf8").replace(/"segment":1/, '"segment":9'))],
] as const) {
  queue(
    `RULINGS 41: the state is ${what}: everything that is there goes again as historical, also over one more restart; what comes after does not`,
    async () => {
      const directory = place();
      const sink = new TestSink();
      sink.takes = () => sink.offers < 3;
      const q = await openQueue(directory, sink, { batch: 10 });
      for (let n = 0; n < 100; n += 10) await q.push(samplesFrom(n, 10));
      await eventually("two batches", () => sink.offers >= 3);
      await q.close();
      assert.is(sink.taken.length, 20);
      damage(path.join(directory, "state1"));
      const half = new TestSink();
      half.takes = () => half.offers < 4;
      const second = await openQueue(directory, half, { batch: 10 });
      await eventually("three batches", () => half.offers >= 4);
      assert.is(second.status.again, true);
      await second.push(samplesFrom(100, 10));
      await second.close();
      const rest = new TestSink();
      const third = await openQueue(directory, rest);
      await eventually("the rest", () => rest.taken.length === 80);
      assert.is(third.status.again, false);
      await third.close();
      const historical = (samples: readonly Sample[]): Sample[] => samples.map((sample) => ({ ...sample, historical: true }));
      assert.equal([...half.taken, ...rest.taken], [...historical(samplesFrom(0, 100)), ...samplesFrom(100, 10)]);
    },
  );
}

queue("an unfinished last line is passed over without a word; a damaged one is counted; what is behind goes on", async () => {
  const directory = place();
  const away = new TestSink();
  away.takes = () => false;
  const q = await openQueue(directory, away);
  for (let n = 0; n < 50; n += 10) await q.push(samplesFrom(n, 10));
  await q.close();
  const [first] = segments(directory) as [string];
  const file = path.join(directory, first);
  const octets = readFileSync(file);
  const second = octets.indexOf(10) + 1;
  octets[second + 40] = (octets[second + 40] as number) ^ 1;
  writeFileSync(file, Buffer.concat([octets, encodeSamples(samplesFrom(900, 5)).octets.subarray(0, 100)]));
  writeFileSync(path.join(directory, "0000000007.samples1"), encodeSamples(samplesFrom(50, 10)).octets);
  const sink = new TestSink();
  const again = await openQueue(directory, sink);
  await eventually("all but one line", () => sink.taken.length === 50);
  assert.equal(sink.taken, [...samplesFrom(0, 10), ...samplesFrom(20, 40)]);
  assert.is(again.status.damaged, 1);
  assert.is(await again.push(samplesFrom(60, 1)), true);
  await eventually("the new one", () => sink.taken.length === 51);
  await again.close();
});

queue("megabytes of zeros, of one endless line and of noise are passed over in bounded parts", async () => {
  const directory = place();
  const q = await openQueue(directory, new TestSink());
  await q.close();
  const good = encodeSamples(samplesFrom(0, 10)).octets;
  const noise = Buffer.from(Array.from({ length: 700_000 }, (_, i) => (i * 2_654_435_761) >>> 24));
  writeFileSync(
    path.join(directory, "0000000003.samples1"),
    Buffer.concat([
      Buffer.alloc(1_500_000),
      Buffer.from("\n"),
      good,
      Buffer.alloc(2_000_000, "x"),
      Buffer.from("\n"),
      noise,
      Buffer.from("\n"),
      good,
    ]),
  );
  const sink = new TestSink();
  const again = await openQueue(directory, sink);
  await eventually("the good ones", () => sink.taken.length === 20);
  assert.ok(again.status.damaged >= 3);
  await eventually("the end", () => again.status.waiting === 0);
  await again.close();
});

queue("a segment that is gone, cut short or not readable: counted, and newer ones go on", async () => {
  const directory = place();
  const away = new TestSink();
  away.takes = () => false;
  const q = await openQueue(directory, away, { segmentOctets: 4096 });
  for (let n = 0; n < 400; n += 20) await q.push(samplesFrom(n, 20));
  await q.close();
  const names = segments(directory);
  assert.ok(names.length >= 6);
  const disk = new InjectedDisk();
  disk.beforeRead = (file) => {
    if (file.endsWith(names[1] as string)) throw new SystemError("EIO");
  };
  const sink = new TestSink();
  let isFirst = true;
  sink.takes = () => {
    if (isFirst) {
      // Behind its back, after it looked.
      rmSync(path.join(directory, names[2] as string));
      truncateSync(path.join(directory, names[3] as string), 0);
    }
    isFirst = false;
    return true;
  };
  const again = await openQueue(directory, sink, { disk, segmentOctets: 4096, batch: 20 });
  await eventually("the end", () => again.status.waiting === 0);
  assert.is(again.status.damaged, 3);
  const got = idsOf(sink.taken);
  assert.equal(
    got,
    [...got].sort((a, b) => Number(a.slice(4)) - Number(b.slice(4))),
  );
  assert.is(got.at(-1), "run.399");
  await again.close();
});

queue("files of another format are left alone and told of; their numbers are no trouble", async () => {
  const directory = place();
  const q = await openQueue(directory, new TestSink());
  await q.close();
  for (const name of ["0000000001.samples", "0000000002.samples0", "state0", "0000000009.samples2"])
    writeFileSync(path.join(directory, name), "older");
  const sink = new TestSink();
  const again = await openQueue(directory, sink);
  assert.equal([...again.status.foreign].sort(), ["0000000001.samples", "0000000002.samples0", "0000000009.samples2", "state0"]);
  await again.push(samplesFrom(0, 5));
  await eventually("it", () => sink.taken.length === 5);
  await again.close();
  assert.is(readFileSync(path.join(directory, "0000000002.samples0"), "utf8"), "older");
});

queue("a directory that cannot be used says no to every push, and is used once it can be", async () => {
  const directory = place();
  writeFileSync(directory, "a file in its place");
  const sink = new TestSink();
  const q = await openQueue(directory, sink);
  assert.is(await q.push([sampleOf(1)]), false);
  assert.match(q.status.trouble ?? "", /^directory: /);
  rmSync(directory);
  await eventually("no trouble", () => q.status.trouble === null);
  assert.is(await q.push([sampleOf(1)]), true);
  await eventually("it", () => sink.taken.length === 1);
  const second = await openQueue(directory, new TestSink());
  assert.match(second.status.trouble ?? "", /one writer a directory/);
  await second.close();
  await q.close();
  assert.ok(existsSync(path.join(directory, "state1")));
});

queue("a slow sink holds up nobody but itself, and what is read ahead is one part", async () => {
  const slow = new TestSink();
  const fast = new TestSink();
  slow.takes = () => new Promise((resolve) => setTimeout(resolve, 30, true));
  const disk = new InjectedDisk();
  let parts = 0;
  disk.beforeRead = () => {
    parts += 1;
  };
  const a = await openQueue(place(), slow, { disk, batch: 64 });
  const b = await openQueue(place(), fast, { batch: 64 });
  const pushed = samplesFrom(0, 20_000);
  for (let at = 0; at < pushed.length; at += 500) {
    const some = pushed.slice(at, at + 500);
    assert.equal(await Promise.all([a.push(some), b.push(some)]), [true, true]);
  }
  await eventually("the fast one", () => fast.taken.length === 20_000);
  assert.ok(slow.taken.length < 10_000, `${slow.taken.length}`);
  assert.ok(parts <= 20, `${parts} parts read for ${slow.taken.length} samples`);
  await a.close();
  await b.close();
});

queue("hurry: a sink that is back does not wait for the next attempt", async () => {
  const sink = new TestSink();
  let takes = false;
  sink.takes = () => takes;
  const q = await openQueue(place(), sink, { retry: { firstMs: 60_000, mostMs: 60_000 } });
  await q.push([sampleOf(1)]);
  await eventually("an offer", () => sink.offers === 1);
  takes = true;
  await new Promise((resolve) => setTimeout(resolve, 20));
  q.hurry();
  await eventually("it", () => sink.taken.length === 1);
  await q.close();
});

queue.run();
