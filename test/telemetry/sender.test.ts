/** The sender: what goes into a frame, in which order, at which rate, and what is counted of it. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeContent, type OneWayRecord } from "#oneway/records";
import { Counts } from "#telemetry/counts";
import { FramePace } from "#telemetry/pace";
import { RecordQueue } from "#telemetry/queue";
import { opened, recordOf, sampleOf, senderOf } from "#test/receiver/link";

const sending = suite("telemetry/sender");
const SMALL = { sources: 4, repairs: 1, depth: 2 } as const;
const GROUP = 10;

/** What frames hold, one list for each source frame. */
function readAll(frames: readonly Uint8Array[]): OneWayRecord[][] {
  return frames.flatMap((octets) => {
    const { header, content } = opened(octets);
    if (header.kind !== 1) return [];
    const read = decodeContent(content);
    if (typeof read === "string") throw new Error(read);
    return [[...read.records]];
  });
}

const pointOf = (id: number): Uint8Array =>
  recordOf((writer) => writer.point({ id, asset: "a", point: `p${id}`, type: "bool", unit: "", description: "" }));
const birthOf = (points: number): Uint8Array => recordOf((writer) => writer.birth(0, points, "gate"));

sending("sequences run on through sources and repairs; a group is filled, whatever there is to say", () => {
  const frames: Uint8Array[] = [];
  const sender = senderOf(SMALL, { send: (octets) => frames.push(octets.slice()) });
  for (let i = 0; i < 3 * GROUP; i++) sender.step(i);
  const headers = frames.map((octets) => opened(octets).header);
  assert.equal(
    headers.map(({ sequence }) => sequence),
    Array.from({ length: 3 * GROUP }, (_, i) => i),
  );
  assert.equal(
    headers.map(({ kind }) => kind),
    Array.from({ length: 3 * GROUP }, (_, i) => (i % GROUP < 8 ? 1 : 2)),
  );
  assert.is(sender.repairs, 6);
});

sending("records leave in the order they came, as many to a frame as fit, and are kept; what only fills is not", () => {
  const frames: Uint8Array[] = [];
  const kept: number[] = [];
  const sender = senderOf(SMALL, { send: (octets) => frames.push(octets.slice()), keep: (_, sequence) => kept.push(sequence) });
  for (let i = 0; i < 100; i++) sender.take(sampleOf(i, i), 0);
  for (let i = 0; i < 2 * GROUP; i++) sender.step(1);
  const samples = readAll(frames)
    .flat()
    .flatMap((record) => (record.is === "sample" ? [record.value] : []));
  assert.equal(
    samples,
    Array.from({ length: 100 }, (_, i) => i),
  );
  assert.equal(kept, [0, 1, 2]);
  assert.is(sender.waiting, 0);
  assert.equal(
    sender.counts.tell(0).map(({ of, offered, sent }) => [of, offered, sent]),
    [["samples", 100, 100]],
  );
});

sending("RULINGS 40: what is offered is what is sent and what is dropped, here or before it came here", () => {
  const sender = senderOf(SMALL);
  const long = recordOf((writer) => writer.text({ of: "events", number: 1, part: 0, parts: 1, octets: new Uint8Array(1_800) }));
  sender.take(long, 0);
  for (let i = 0; i < 300_000; i++) sender.take(sampleOf(1, i), 0);
  sender.take(
    recordOf((writer) => writer.counts({ of: "samples", minute: 0, offered: 0, sent: 0, dropped: 70_000, isClosed: false })),
    0,
  );
  for (let i = 0; i < 8 * GROUP; i++) sender.step(0);
  const told = Object.fromEntries(sender.counts.tell(0).map(({ of, ...counts }) => [of, counts]));
  assert.equal(told.events, { minute: 0, offered: 1, sent: 0, dropped: 1, isClosed: false });
  assert.is(told.samples?.offered, (told.samples?.sent ?? 0) + (told.samples?.dropped ?? 0));
  assert.ok((told.samples?.dropped ?? 0) > 70_000 + 100_000, "its queue is bounded");
  sender.take(Uint8Array.of(9, 9, 9), 0);
  sender.take(new Uint8Array(0), 0);
});

sending("a full birth at the start, whenever the points change, and every minute; names before what is told by them", () => {
  const frames: Uint8Array[] = [];
  const sender = senderOf(SMALL, { send: (octets) => frames.push(octets.slice()) });
  const heard = (fromMs: number): string[] => {
    frames.length = 0;
    for (let i = 0; i < 4 * GROUP; i++) sender.step(fromMs);
    return readAll(frames)
      .flat()
      .flatMap((each) =>
        each.is === "birth"
          ? [`birth ${each.birth} of ${each.points}`]
          : each.is === "point"
            ? [each.point]
            : each.is === "asker"
              ? [each.identity]
              : [],
      );
  };
  assert.equal(heard(0), ["birth 0 of 0"]);
  sender.take(birthOf(2), 0);
  sender.take(pointOf(1), 0);
  assert.equal(heard(1), [], "not before it is whole");
  sender.take(pointOf(2), 0);
  sender.take(
    recordOf((writer) => writer.asker(1, "alice")),
    0,
  );
  assert.equal(heard(2), ["birth 1 of 2", "p1", "p2", "alice"]);
  assert.equal(heard(60_001), []);
  assert.equal(heard(60_002), ["birth 1 of 2", "p1", "p2", "alice"]);
  sender.take(birthOf(1), 0);
  sender.take(pointOf(3), 0);
  assert.equal(heard(60_003), ["birth 2 of 1", "p3", "alice"]);
  for (let i = 0; i < 5_000; i++) sender.take(pointOf(i), 0);
  assert.equal(heard(60_004), [], "points of no birth are none");
});

sending("births of many points take turns with what waits: neither keeps the other out", () => {
  const frames: Uint8Array[] = [];
  const sender = senderOf(SMALL, { send: (octets) => frames.push(octets.slice()) });
  sender.take(birthOf(2_000), 0);
  for (let i = 0; i < 2_000; i++) sender.take(pointOf(i), 0);
  sender.take(sampleOf(1, true), 0);
  for (let i = 0; i < 10 * GROUP; i++) sender.step(0);
  const read = readAll(frames);
  const first = read.findIndex((records) => records.some(({ is }) => is === "sample"));
  assert.ok(first >= 0 && first < 60, `the sample is in frame ${first}`);
  assert.is(read.flat().filter(({ is }) => is === "point").length, 2_000);
});

sending("a heartbeat each second, counts every ten", () => {
  const frames: Uint8Array[] = [];
  const sender = senderOf(SMALL, { send: (octets) => frames.push(octets.slice()) });
  sender.take(sampleOf(1, true), 0);
  for (let ms = 0; ms < 21_000; ms += 20) sender.step(ms);
  const records = readAll(frames).flat();
  assert.is(records.filter(({ is }) => is === "heartbeat").length, 21);
  assert.is(records.filter(({ is }) => is === "counts").length, 2);
});

sending("a clock that is set back holds up neither heartbeats nor births", () => {
  const frames: Uint8Array[] = [];
  const sender = senderOf(SMALL, { send: (octets) => frames.push(octets.slice()) });
  for (let ms = 0; ms < 125_000; ms += 50) sender.step(ms < 3_000 ? 10_000_000 : 5, ms);
  const records = readAll(frames).flat();
  assert.is(records.filter(({ is }) => is === "heartbeat").length, 125);
  assert.is(records.filter(({ is }) => is === "birth").length, 3);
});

sending("copies take their share of the rate and no more, and no sequence; without any the frames take all of it", () => {
  let copies = 0;
  const sent: Uint8Array[] = [];
  const copy = Uint8Array.of(1, 2, 3);
  const sender = senderOf(
    { ...SMALL, carouselShare: 0.2 },
    {
      send: (octets) => sent.push(octets.slice()),
      again: () => {
        copies += 1;
        return copies <= 100 ? copy : null;
      },
    },
  );
  for (let i = 0; i < 500; i++) sender.step(0);
  assert.is(sent.filter((octets) => octets.length === 3).length, 100);
  assert.is(sender.sequence, 400);
  for (let i = 0; i < 100; i++) sender.step(0);
  assert.is(sender.sequence, 500);
});

sending("the pace is even, grows at the start, makes up for a short stall and not for a long one", () => {
  const pace = new FramePace(1_000, 0);
  let early = 0;
  for (let ms = 5; ms <= 100; ms += 5) early += pace.due(ms);
  assert.ok(early > 5 && early < 25, `${early} in the first tenth of a second`);
  for (let ms = 105; ms <= 2_000; ms += 5) pace.due(ms);
  let even = 0;
  for (let ms = 2_005; ms <= 3_000; ms += 5) {
    const due = pace.due(ms);
    assert.ok(due >= 4 && due <= 6, `${due} at once`);
    even += due;
  }
  assert.is(even, 1_000);
  assert.is(pace.due(3_050), 50);
  assert.is(pace.due(60_000), 100);
  assert.is(pace.due(59_000), 0, "nor for a clock that goes back");
});

sending("a pace of less than one frame at a time comes to the same", () => {
  const pace = new FramePace(3, 0);
  let sent = 0;
  for (let ms = 0; ms <= 21_000; ms += 5) sent += pace.due(ms);
  assert.ok(sent >= 60 && sent <= 63, `${sent} in 21 seconds`);
});

sending("a queue gives back what it was given, and takes no more than it holds", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.uint8Array({ minLength: 1, maxLength: 40 }), { freq: 3 }), { maxLength: 200 }), (steps) => {
      const queue = new RecordQueue(100);
      const model: Uint8Array[] = [];
      for (const step of steps) {
        if (step === null) {
          const target = new Uint8Array(50);
          const length = queue.take(target, 3);
          assert.equal(target.slice(3, 3 + length), model.shift() ?? new Uint8Array(0));
        } else {
          const fits = model.reduce((sum, each) => sum + each.length + 2, 0) + step.length + 2 <= 100;
          assert.is(queue.push(step), fits);
          if (fits) model.push(step);
        }
        assert.is(queue.next, model[0]?.length ?? 0);
      }
    }),
  );
});

sending("RULINGS 40: a minute is closed once what was sent at its end has come, and stays as it was; it is told six times", () => {
  const counts = new Counts();
  const minute = 60_000;
  const told = (ms: number) => counts.tell(ms).map(({ minute: at, sent, isClosed }) => [at, sent, isClosed]);
  counts.sent("samples", 0);
  counts.sent("samples", minute);
  assert.equal(told(minute + 4_999), [
    [0, 1, false],
    [1, 1, false],
  ]);
  for (let i = 0; i < 6; i++)
    assert.equal(told(minute + 5_000), [
      [0, 1, true],
      [1, 1, false],
    ]);
  assert.equal(told(minute + 5_000), [[1, 1, false]]);
});

sending("the time of frames never goes back, and goes on: what is booked under a minute was sent in it", () => {
  const frames: Uint8Array[] = [];
  const sender = senderOf(SMALL, { send: (octets) => frames.push(octets.slice()) });
  for (let ms = 0; ms < 300_000; ms += 100) {
    const wall = ms < 100_000 ? ms + 3_600_000 : ms;
    if (ms % 1_000 === 0) sender.take(sampleOf(1, ms), wall);
    sender.step(wall, ms);
  }
  const byMinute = new Map<number, number>();
  let before = 0;
  for (const octets of frames) {
    const { header, content } = opened(octets);
    const read = header.kind === 1 ? decodeContent(content) : null;
    if (read === null || typeof read === "string") continue;
    assert.ok(read.timeMs >= before);
    before = read.timeMs;
    const minute = Math.floor(read.timeMs / 60_000);
    byMinute.set(minute, (byMinute.get(minute) ?? 0) + read.records.filter(({ is }) => is === "sample").length);
  }
  const counted = new Map<number, number>();
  for (const octets of frames) {
    const { header, content } = opened(octets);
    const read = header.kind === 1 ? decodeContent(content) : null;
    if (read === null || typeof read === "string") continue;
    for (const record of read.records) if (record.is === "counts" && record.isClosed) counted.set(record.minute, record.sent);
  }
  assert.ok(counted.size >= 4, `${counted.size} minutes closed`);
  for (const [minute, sent] of counted) assert.is(byMinute.get(minute), sent);
});

sending.run();
