/** RULINGS 39, 41: which starts are taken in, what is forgotten of them and when, and that no recording passes for it. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Start, Starts } from "#receiver/starts";
import { wallMillis } from "#wire";
import { saltOf, T0 } from "./stores.ts";

const starts = suite("receiver/starts");
const DAY = 86_400_000;
const HOUR = 3_600_000;
const at = (ms: number) => wallMillis(T0 + ms);

/** "new", or why not. */
function pass(of: Starts, name: string, epoch: number, seq: number, sentMs: number, nowMs = sentMs): string {
  const start = of.admit(7, saltOf(name), BigInt(epoch), T0 + sentMs, at(nowMs));
  return start instanceof Start ? of.take(start, seq, T0 + sentMs, at(nowMs)) : start;
}

starts("copies of starts never heard of pass once, though later ones are known; so do those of known ones", () => {
  const of = new Starts();
  assert.is(pass(of, "a", 5, 0, 100), "new");
  assert.is(pass(of, "b", 7, 0, 200), "new");
  assert.is(pass(of, "missed", 6, 3, 150, 210), "new");
  assert.is(pass(of, "missed", 6, 3, 150, 211), "again");
  assert.is(pass(of, "older yet", 2, 9, 50, 212), "new");
  assert.is(pass(of, "a", 5, 1, 110, 213), "new");
  assert.is(pass(of, "a", 5, 0, 100, 214), "again");
  const [b, a] = [of.admit(7, saltOf("b"), 7n, T0, at(0)), of.admit(7, saltOf("a"), 5n, T0, at(0))];
  assert.ok(of.isNewest(b as Start));
  assert.not(of.isNewest(a as Start), "what it brings is historical");
});

starts("a salt has one epoch; 64 streams", () => {
  const of = new Starts();
  assert.is(pass(of, "a", 5, 0, 0), "new");
  assert.is(pass(of, "a", 6, 1, 1), "otherEpoch");
  for (let stream = 100; stream < 163; stream++) assert.ok(of.admit(stream, saltOf("a"), 1n, T0, at(0)) instanceof Start);
  assert.is(of.admit(200, saltOf("a"), 1n, T0, at(0)), "tooManyStreams");
  assert.equal([of.counts.otherEpoch, of.counts.tooManyStreams], [1, 1]);
});

starts("the largest epoch and sequence", () => {
  const of = new Starts();
  const most = 2n ** 64n - 1n;
  const start = of.admit(7, saltOf("a"), most, T0, at(0)) as Start;
  assert.is(of.take(start, 2 ** 53 - 1, T0, at(0)), "new");
  const copy = new Starts();
  copy.restore(of.takeChanges());
  const again = copy.admit(7, saltOf("a"), most, T0, at(0)) as Start;
  assert.is(copy.take(again, 2 ** 53 - 1, T0, at(0)), "again");
});

starts("beyond the cap the lowest epoch is forgotten, and nothing of it or below passes as a start of its own", () => {
  const of = new Starts({ mostStarts: 3 });
  for (let epoch = 1; epoch <= 5; epoch++) assert.is(pass(of, `e${epoch}`, epoch, 0, epoch * 1_000), "new");
  assert.is(of.counts.startsForgotten, 2);
  assert.is(pass(of, "e1", 1, 0, 1_000), "oldEpoch");
  assert.is(pass(of, "e2", 2, 0, 2_000), "oldEpoch");
  assert.is(pass(of, "another", 2, 0, 1_500), "oldEpoch");
  assert.is(pass(of, "e3", 3, 0, 3_000), "again");
  assert.is(pass(of, "e2", 2, 1, 2_001), "new", "sent after all that was forgotten: it cannot have passed");
  assert.is(pass(of, "e2", 2, 0, 2_000), "tooOld", "but this may have");
});

starts("a sender that lost its epoch file goes on, for its frames are newer; an hour ahead and back, it still goes on by its epoch", () => {
  const of = new Starts({ mostStarts: 3 });
  for (let epoch = 10; epoch < 20; epoch++) assert.is(pass(of, `e${epoch}`, epoch, 0, epoch * 1_000), "new");
  assert.is(pass(of, "anew", 1, 0, 30_000), "new");
  assert.is(pass(of, "anew", 1, 1, 30_001), "new");
  assert.is(pass(of, "anew 2", 2, 0, 31_000), "new");
  assert.is(pass(of, "anew 2", 2, 1, 31_001), "new");
  const wild = new Starts({ mostStarts: 3 });
  for (let epoch = 1; epoch < 6; epoch++) assert.is(pass(wild, `w${epoch}`, epoch, 0, 1e12, epoch), "new");
  assert.is(pass(wild, "right again", 6, 0, 10), "new");
  assert.is(pass(wild, "both lost", 1, 0, 11), "oldEpoch");
});

starts("what was reached a window ago is the floor, on our clock, whatever the sender's says", () => {
  const of = new Starts();
  // The sender's clock stands still in 1970.
  const sent = -T0;
  for (let hour = 0; hour < 24 * 10; hour++) {
    for (let i = 0; i < 10; i++) if (i !== 3) assert.is(pass(of, "a", 1, hour * 10 + i, sent, hour * HOUR), "new");
    of.tick(at(hour * HOUR));
  }
  const start = of.admit(7, saltOf("a"), 1n, 0, at(0)) as Start;
  const days = (24 * 10 - 1 - start.seen.floor / 10) / 24;
  assert.ok(days >= 7.9 && days <= 8.1, `${days} days`);
  assert.is(pass(of, "a", 1, 13, sent, 240 * HOUR), "tooOld");
  assert.is(pass(of, "a", 1, 2_003, sent, 240 * HOUR), "new");
});

starts("a dead start is forgotten a window after its last news; the newest and the one heard last never", () => {
  const of = new Starts();
  assert.is(pass(of, "a", 1, 0, 0), "new");
  assert.is(pass(of, "b", 2, 0, HOUR), "new");
  assert.is(pass(of, "c", 3, 0, 2 * HOUR), "new");
  assert.is(pass(of, "b", 2, 1, HOUR + 1, 3 * HOUR), "new");
  of.tick(at(2 * HOUR));
  of.tick(at(100 * DAY));
  assert.equal(
    [...of.all()].map(({ salt }) => salt),
    [saltOf("b"), saltOf("c")],
  );
  assert.is(pass(of, "a", 1, 0, 0, 100 * DAY), "oldEpoch");
  assert.is(pass(of, "a", 1, 5, 5, 100 * DAY), "new", "never came");
  assert.is(pass(of, "a", 1, 0, 0, 100 * DAY), "tooOld");
});

starts("every second sequence missing in many starts: the cap is the stream's, the oldest start gives", () => {
  const of = new Starts({ mostRanges: 1_000, mostStarts: 8 });
  for (let epoch = 1; epoch <= 20; epoch++)
    for (let seq = 0; seq < 3_000; seq += 2) assert.is(pass(of, `e${epoch}`, epoch, seq, epoch), "new");
  const ranges = [...of.all()].reduce((sum, { seen }) => sum + seen.ranges, 0);
  assert.ok(ranges <= 1_000, `${ranges} ranges`);
  assert.ok(of.counts.gaveUp > 0);
});

starts("after a loss of memory: what is known began before for good; what is not, until it is shown to have begun after", () => {
  const of = new Starts();
  assert.is(pass(of, "known", 1, 0, 0), "new");
  of.lost(at(HOUR));
  const known = of.admit(7, saltOf("known"), 1n, T0, at(HOUR)) as Start;
  of.began(known, T0 + 5 * HOUR);
  assert.is(known.doubt, "proven");
  assert.is(pass(of, "unknown", 2, 7, 3 * HOUR), "new");
  const unknown = of.admit(7, saltOf("unknown"), 2n, T0, at(HOUR)) as Start;
  assert.is(unknown.doubt, "unproven", "a frame sent later shows nothing of when its start began");
  assert.is(pass(of, "unknown", 2, 0, HOUR - 1, 3 * HOUR), "new");
  assert.is(unknown.doubt, "unproven");
  assert.is(pass(of, "after", 3, 5, 4 * HOUR), "new");
  const after = of.admit(7, saltOf("after"), 3n, T0, at(HOUR)) as Start;
  assert.is(after.doubt, "unproven");
  assert.is(pass(of, "after", 3, 0, 4 * HOUR - 1), "new");
  assert.is(after.doubt, "none");
  const told = of.admit(7, saltOf("told"), 4n, T0 + 5 * HOUR, at(5 * HOUR)) as Start;
  of.began(told, T0 + 5 * HOUR);
  assert.is(told.doubt, "none", "the sender's word in a heartbeat");
});

starts("a start that was let go of and taken in again in one batch is there after a restore, with what passed of it", () => {
  const of = new Starts();
  const copy = new Starts();
  assert.is(pass(of, "a", 5, 7, 7), "new");
  assert.is(pass(of, "b", 6, 0, 8), "new");
  copy.restore(of.takeChanges());
  of.tick(at(HOUR));
  of.tick(at(8 * DAY + 2 * HOUR));
  assert.is(pass(of, "a", 5, 8, 8, 8 * DAY + 2 * HOUR), "new", "never came");
  copy.restore(of.takeChanges());
  assert.is(pass(copy, "a", 5, 8, 8, 8 * DAY + 2 * HOUR), "again");
});

starts("no frame passes twice: any senders, lost epoch files, wild clocks on both sides, caps, ticks, restores", () => {
  const step = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        is: fc.constant("send" as const),
        count: fc.integer({ min: 1, max: 12 }),
        every: fc.integer({ min: 1, max: 3 }),
      }),
    },
    { weight: 12, arbitrary: fc.record({ is: fc.constant("replay" as const), pick: fc.nat() }) },
    { weight: 3, arbitrary: fc.record({ is: fc.constant("restart" as const), epoch: fc.option(fc.nat(12), { nil: null, freq: 4 }) }) },
    { weight: 2, arbitrary: fc.record({ is: fc.constant("sender's clock" as const), by: fc.integer({ min: -20, max: 20 }) }) },
    { weight: 3, arbitrary: fc.record({ is: fc.constant("our clock" as const), by: fc.integer({ min: -5, max: 20 }) }) },
    { weight: 2, arbitrary: fc.record({ is: fc.constant("restore" as const), whole: fc.boolean() }) },
  );
  let passes = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 200 }), (steps) => {
      const options = { mostStarts: 4, mostRanges: 12 };
      let of = new Starts(options);
      let copy = new Starts(options);
      const frames: { salt: string; epoch: number; seq: number; sent: number }[] = [];
      const passed = new Set<string>();
      let [salt, epoch, seq, sender, ours] = [0, 5, 0, 0, 0];
      const arrive = (frame: (typeof frames)[number]): void => {
        if (pass(of, frame.salt, frame.epoch, frame.seq, frame.sent, ours) !== "new") return;
        const id = `${frame.salt} ${frame.seq}`;
        assert.not(passed.has(id), `${id} passed twice`);
        passed.add(id);
        passes += 1;
      };
      for (const each of steps) {
        if (each.is === "send") {
          for (let i = 0; i < each.count; i++) {
            const frame = { salt: `s${salt}`, epoch, seq: seq++, sent: sender++ };
            frames.push(frame);
            ours += 1;
            if (i % each.every === 0) arrive(frame);
          }
        } else if (each.is === "replay") {
          const frame = frames[each.pick % Math.max(1, frames.length)];
          if (frame !== undefined) arrive(frame);
        } else if (each.is === "restart") {
          salt += 1;
          epoch = each.epoch ?? epoch + 1;
          seq = 0;
        } else if (each.is === "sender's clock") sender += each.by * HOUR;
        else if (each.is === "our clock") {
          ours += each.by * 6 * HOUR;
          of.tick(at(ours));
        } else {
          copy.restore(of.takeChanges());
          if (each.whole) {
            copy = new Starts(options);
            for (const part of of.parts()) copy.restore(part);
          }
          of = copy;
          copy = new Starts(options);
          for (const part of of.parts()) copy.restore(part);
        }
      }
      // All of them twice more. One that was refused while its start was forgotten may pass the second time: for the first time.
      for (let i = 0; i < 2; i++) for (const frame of frames) arrive(frame);
    }),
    { numRuns: 400 },
  );
  assert.ok(passes > 10_000, `${passes} passed`);
});

starts.run();
