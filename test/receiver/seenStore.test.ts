/**
 * RULINGS 40, 41: what a flush called durable is forgotten by no crash, torn write or full disk; sequences and ledger are of one moment; a loss
 * of either is noticed. The disk is in memory here; power.test.ts goes through every disk that the calls of a real one may leave.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { How } from "#receiver/ledger";
import type { Seen } from "#receiver/seen";
import { markOf, type SeenStore } from "#receiver/seenStore";
import { Start } from "#receiver/starts";
import { millis } from "#wire";
import { SystemError } from "../audit/injected.ts";
import { MemoryFiles } from "./memoryFiles.ts";
import { addsUp, admitted, at, DAY, DIRECTORY, HOUR, JOURNAL, open, saltOf, stateOf, T0, take } from "./stores.ts";

const store = suite("receiver/seenStore");
const SMALL = { starts: { mostStarts: 4, mostRanges: 40, tagsKept: 4_096 } };
const closed = (sent: number) => ({ offered: sent, sent, droppedAtSource: 0, closed: true });

async function used(files: MemoryFiles): Promise<SeenStore> {
  const of = await open(files);
  const start = admitted(of, "a", 1);
  for (const seq of [0, 1, 2, 5]) assert.is(take(of, start, seq), "new");
  assert.is(of.tell(start, 0, T0, closed(6), at(0)), "told");
  assert.ok(await of.flush());
  return of;
}

store("what was flushed is there after a restart: sequences, counts, start", async () => {
  const files = new MemoryFiles();
  const of = await used(files);
  const state = stateOf(of);
  await of.close();
  const again = await open(files);
  assert.is(stateOf(again), state);
  assert.equal([again.loss, again.trouble, again.damaged, again.torn], [null, null, 0, 0]);
  const start = admitted(again, "a", 1);
  assert.equal(
    [0, 1, 2, 3, 5].map((seq) => take(again, start, seq)),
    ["again", "again", "again", "new", "again"],
  );
  const [row] = again.ledger.rows();
  assert.equal([row?.sent, row?.received, row?.late, row?.lost, row?.revision], [6, 4, 1, 1, 1]);
});

store("a frame of which nothing is new books nothing; one that no sender sends throws, and nothing is taken of it", async () => {
  const of = await open(new MemoryFiles());
  const start = admitted(of, "a", 1);
  const frame = { seq: 4, sentMs: T0, samples: 2, events: 3, checkpoints: 1 };
  assert.equal([of.take(start, frame, "received", at(0)), of.take(start, frame, "copy", at(0))], ["new", "again"]);
  assert.equal(
    of.ledger.totals().map(({ received, late }) => [received, late]),
    [
      [2, 0],
      [3, 0],
      [1, 0],
    ],
  );
  for (const bad of [{ seq: 2 ** 53 }, { seq: -1 }, { sentMs: 0.5 }, { samples: 5_000 }, { checkpoints: -1 }])
    assert.throws(
      () => of.take(start, { ...frame, seq: 9, ...bad }, "received", at(0)),
      (error: Error) => error instanceof RangeError,
    );
  assert.is(take(of, start, 9), "new");
});

store("flushes that wait share one write, and each holds what was taken before it was called", async () => {
  const files = new MemoryFiles();
  const of = await open(files);
  const start = admitted(of, "a", 1);
  await of.flush();
  const before = files.calls;
  const flushes = [0, 1, 2, 3, 4].map((seq) => {
    take(of, start, seq);
    return of.flush();
  });
  assert.equal(await Promise.all(flushes), [true, true, true, true, true]);
  assert.is(files.calls - before, 2, "a write and a sync");
  assert.ok(await of.flush());
  assert.is(files.calls - before, 2, "nothing to write");
});

for (const [name, op, code, partial] of [
  ["a full disk", "write", "ENOSPC", 0],
  ["a full disk amid a line", "write", "ENOSPC", 25],
  ["a failing sync", "sync", "EIO", 0],
] as const) {
  store(`${name}: the flush is false until it can be written, then all of it is there; killed before, what was true is`, async () => {
    for (const isKilled of [false, true]) {
      const files = new MemoryFiles();
      const of = await used(files);
      const start = admitted(of, "a", 1);
      files.partial = partial;
      files.before = (each) => {
        if (each === op) throw new SystemError(code);
      };
      assert.is(take(of, start, 3), "new");
      assert.not(await of.flush());
      assert.is(of.trouble, code);
      assert.is(take(of, start, 3), "again");
      assert.not(await of.flush());
      assert.is(files.octets(`${JOURNAL}.new`), null, "what failed leaves no room taken");
      files.before = () => {};
      if (!isKilled) {
        assert.ok(await of.flush());
        assert.is(of.trouble, null);
      }
      files.crash(() => 1);
      const again = await open(files);
      assert.is(again.loss, null);
      const verdicts = [0, 1, 2, 5].map((seq) => take(again, admitted(again, "a", 1), seq));
      assert.equal(verdicts, ["again", "again", "again", "again"]);
      if (!isKilled) assert.is(take(again, admitted(again, "a", 1), 3), "again");
      addsUp(again);
    }
  });
}

store("a disk that cannot be written when it is opened: what it holds is known, and flushes are false", async () => {
  const files = new MemoryFiles();
  await (await used(files)).close();
  files.before = () => {
    throw new SystemError("EROFS");
  };
  const of = await open(files);
  assert.is(of.trouble, "EROFS");
  assert.is(take(of, admitted(of, "a", 1), 1), "again");
  assert.not(await of.flush());
  files.read = () => Promise.reject(new SystemError("EIO"));
  await open(files).then(
    () => assert.unreachable(),
    (error: SystemError) => assert.is(error.code, "EIO"),
  );
});

type Harm = (files: MemoryFiles) => void;
const HARMS: readonly (readonly [what: string, harm: Harm, why: string | null])[] = [
  ["nothing", () => {}, null],
  ["journal and mark gone: never used", (files) => files.removeAll([JOURNAL, markOf(DIRECTORY)]), null],
  ["the journal gone", (files) => files.remove(JOURNAL), "the journal is gone"],
  ["the mark gone", (files) => files.remove(markOf(DIRECTORY)), "the mark beside the journal is gone"],
  ["the mark damaged", (files) => files.put(markOf(DIRECTORY), Buffer.from("x\n")), "the mark beside the journal is gone"],
  ["the journal empty", (files) => files.put(JOURNAL, Buffer.alloc(0)), "the journal is damaged"],
  ["its first line damaged", (files) => flip(files, 12), "the journal is damaged"],
  ["a line amid damaged", (files) => flip(files, (files.octets(JOURNAL) as Buffer).indexOf(10) + 30), "the journal is damaged"],
  ["a line amid gone", (files) => withoutLine(files, 2), "the journal is damaged"],
  [
    "the last line cut: it was never called durable",
    (files) => files.put(JOURNAL, (files.octets(JOURNAL) as Buffer).subarray(0, -7)),
    null,
  ],
];

for (const [what, harm, why] of HARMS) {
  store(`loss: ${what}`, async () => {
    const files = new MemoryFiles();
    await (await used(files)).close();
    const more = await open(files);
    for (const seq of [7, 8, 9]) {
      take(more, admitted(more, "a", 1), seq);
      await more.flush();
    }
    await more.close();
    harm(files);
    const of = await open(files, {}, at(HOUR));
    assert.is(of.loss?.why ?? null, why);
    const start = admitted(of, "a", 1, 0, at(HOUR));
    assert.is(of.isHistorical(start), why !== null);
    // It stays so, and a start that begins later is free of it.
    assert.ok(await of.flush());
    await of.close();
    const again = await open(files, {}, at(2 * HOUR));
    assert.is(again.loss?.why ?? null, why);
    assert.is(again.loss?.atMs ?? null, why === null ? null : T0 + HOUR);
    assert.is(again.isHistorical(admitted(again, "a", 1, 0, at(HOUR))), why !== null);
    const later = admitted(again, "b", 2, 3 * HOUR);
    assert.is(again.isHistorical(later), why !== null);
    assert.is(take(again, later, 0, { ms: 3 * HOUR }), "new");
    assert.not(again.isHistorical(later));
    if (again.damaged + of.damaged > 0) assert.ok(files.octets(`${DIRECTORY}/damaged`), "kept for people");
  });
}

store("loss: an earlier copy of the journal put back", async () => {
  const files = new MemoryFiles();
  await (await used(files)).close();
  const copy = files.octets(JOURNAL) as Buffer;
  const of = await open(files);
  take(of, admitted(of, "a", 1), 77);
  await of.close();
  files.put(JOURNAL, copy);
  const again = await open(files, {}, at(HOUR));
  assert.is(again.loss?.why, "the journal is older than the one written last");
  const start = admitted(again, "a", 1);
  assert.is(take(again, start, 77), "new", "it cannot be known");
  assert.ok(again.isHistorical(start), "so it is delivered as historical");
  assert.is(take(again, start, 5), "again", "what is known still counts");
});

store(
  "any octet of the journal flipped: it opens, and what was called durable is there, or the loss is told; only its last line feed is not told from a cut",
  async () => {
    const files = new MemoryFiles();
    const of = await used(files);
    for (const seq of [7, 9]) {
      take(of, admitted(of, "a", 1), seq);
      await of.flush();
    }
    await of.close();
    const whole = files.octets(JOURNAL) as Buffer;
    const mark = files.octets(markOf(DIRECTORY)) as Buffer;
    for (let i = 0; i < whole.length - 1; i++) {
      const harmed = new MemoryFiles();
      const octets = Buffer.from(whole);
      octets[i] = (octets[i] as number) ^ (1 << (i % 7));
      harmed.put(JOURNAL, octets);
      harmed.put(markOf(DIRECTORY), mark);
      const again = await open(harmed, {}, at(HOUR));
      assert.is(again.loss?.why, "the journal is damaged", `octet ${i}`);
      addsUp(again);
    }
  },
);

function flip(files: MemoryFiles, i: number): void {
  const octets = Buffer.from(files.octets(JOURNAL) as Buffer);
  octets[i] = (octets[i] as number) ^ 4;
  files.put(JOURNAL, octets);
}

function withoutLine(files: MemoryFiles, n: number): void {
  const lines = (files.octets(JOURNAL) as Buffer).toString("latin1").split("\n");
  lines.splice(n, 1);
  files.put(JOURNAL, Buffer.from(lines.join("\n"), "latin1"));
}

store("the journal is written anew when most of it is old; where that fails it goes on, and tries again later", async () => {
  const files = new MemoryFiles();
  const of = await open(files, { letBe: 4_000 });
  const start = admitted(of, "a", 1);
  let most = 0;
  let refusals = 0;
  let isFull = false;
  files.before = (op, file) => {
    if (!isFull || op !== "write" || !file.endsWith(".new")) return;
    refusals += 1;
    throw new SystemError("ENOSPC");
  };
  for (let seq = 0; seq < 1_000; seq++) {
    isFull = seq > 500 && seq < 600;
    take(of, start, seq);
    assert.ok(await of.flush(), `${seq}`);
    most = Math.max(most, files.octets(JOURNAL)?.length ?? 0);
  }
  assert.ok(refusals >= 1 && refusals < 10, `${refusals} refusals`);
  assert.ok(most < 60_000, `${most} octets`);
  assert.is(of.trouble, null);
  const state = stateOf(of);
  await of.close();
  assert.is(stateOf(await open(files)), state);
});

store("64 streams at most, for starts and ledger alike; heartbeats of a start that was forgotten tell nothing", async () => {
  const of = await open(new MemoryFiles(), SMALL);
  for (let stream = 0; stream < 64; stream++) admitted(of, "a", 1, 0, at(0), stream);
  assert.is(of.admit(64, saltOf("a"), 1n, T0, at(0)), "tooManyStreams");
  const first = admitted(of, "a", 1, 0, at(0), 3);
  for (let epoch = 2; epoch < 8; epoch++) take(of, admitted(of, `e${epoch}`, epoch, epoch, at(epoch), 3), 0, { ms: epoch });
  assert.ok(first.isForgotten);
  assert.is(of.tell(first, 0, T0, closed(1), at(9)), "tooOld");
  assert.is(take(of, first, 50), "tooOld");
});

interface World {
  readonly frames: { salt: number; epoch: number; seq: number; ms: number; count: number }[];
  salt: number;
  epoch: number;
  seq: number;
  sender: number;
  ours: number;
}

/** What the store must hold: which frames passed, and how many records that were. */
interface Known {
  readonly passed: ReadonlySet<string>;
  readonly records: number;
}

store(
  "any life: senders and receiver restart, frames come in any order, twice, as recordings, counts come late, contradict or never, the disk fails, the machine dies amid any call. Nothing passes twice, nothing durable is forgotten, sequences and ledger are of one moment and add up",
  async () => {
    const step = fc.oneof(
      {
        weight: 12,
        arbitrary: fc.record({
          is: fc.constant("send" as const),
          count: fc.integer({ min: 1, max: 9 }),
          every: fc.integer({ min: 1, max: 3 }),
          how: fc.constantFrom<How>("received", "repaired"),
        }),
      },
      { weight: 12, arbitrary: fc.record({ is: fc.constant("copy" as const), pick: fc.nat() }) },
      { weight: 6, arbitrary: fc.record({ is: fc.constant("tell" as const), back: fc.nat(3), sent: fc.nat(40), closed: fc.boolean() }) },
      { weight: 3, arbitrary: fc.record({ is: fc.constant("restart" as const), lost: fc.boolean() }) },
      { weight: 4, arbitrary: fc.record({ is: fc.constant("time" as const), ms: fc.constantFrom(1_000, 60_000, HOUR, DAY, 3 * DAY) }) },
      { weight: 10, arbitrary: fc.record({ is: fc.constant("flush" as const) }) },
      {
        weight: 2,
        arbitrary: fc.record({ is: fc.constant("fault" as const), calls: fc.integer({ min: 1, max: 8 }), partial: fc.nat(200) }),
      },
      {
        weight: 5,
        arbitrary: fc.record({
          is: fc.constant("crash" as const),
          calls: fc.nat(12),
          parts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }),
        }),
      },
    );
    const ran = { passes: 0, crashes: 0, amid: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 120 }), async (steps) => {
        const files = new MemoryFiles();
        const world: World = { frames: [], salt: 0, epoch: 1, seq: 0, sender: 0, ours: 0 };
        let of = await open(files, { ...SMALL, letBe: 1_500 });
        let passed = new Set<string>();
        let records = 0;
        /** States that the disk may hold, by what they are, the last acknowledged first. */
        let candidates = new Map<string, Known>([[stateOf(of), { passed: new Set(), records: 0 }]]);
        const remember = (): void => {
          candidates.set(stateOf(of), { passed: new Set(passed), records });
        };
        const arrive = (frame: World["frames"][number], how: How): Seen | string => {
          const start = of.admit(7, saltOf(frame.salt), BigInt(frame.epoch), T0 + frame.ms, at(world.ours));
          if (!(start instanceof Start)) return start;
          const seen = of.take(
            start,
            { seq: frame.seq, sentMs: T0 + frame.ms, samples: frame.count, events: 0, checkpoints: 0 },
            how,
            at(world.ours),
          );
          if (seen !== "new") return seen;
          const id = `${frame.salt} ${frame.seq}`;
          assert.not(passed.has(id), `${id} passed twice`);
          passed.add(id);
          records += frame.count;
          ran.passes += 1;
          return seen;
        };
        const flush = async (): Promise<boolean> => {
          remember();
          const durable = await of.flush();
          if (durable) {
            candidates = new Map();
            remember();
          }
          return durable;
        };
        const holds = (): void => {
          addsUp(of);
          const booked = of.ledger.totals().reduce((sum, each) => sum + each.received + each.repaired + each.late, 0);
          assert.is(booked, records, "booked is what passed");
        };
        for (const each of steps) {
          switch (each.is) {
            case "send":
              for (let i = 0; i < each.count; i++) {
                const frame = { salt: world.salt, epoch: world.epoch, seq: world.seq++, ms: world.sender++, count: i % 4 };
                world.frames.push(frame);
                world.ours += 1;
                if (i % each.every === 0) arrive(frame, each.how);
              }
              break;
            case "copy": {
              const frame = world.frames[each.pick % Math.max(1, world.frames.length)];
              if (frame !== undefined) arrive(frame, "copy");
              break;
            }
            case "tell": {
              const start = of.admit(7, saltOf(world.salt), BigInt(world.epoch), T0 + world.sender, at(world.ours));
              const minute = T0 + Math.max(0, world.sender - each.back * 60_000);
              if (start instanceof Start) of.tell(start, 0, minute, { ...closed(each.sent), closed: each.closed }, at(world.ours));
              break;
            }
            case "restart":
              world.salt += 1;
              world.epoch = each.lost ? 1 : world.epoch + 1;
              world.seq = 0;
              world.sender += 10;
              break;
            case "time":
              world.sender += each.ms;
              world.ours += each.ms;
              of.tick(millis(world.ours), at(world.ours));
              break;
            case "flush":
              await flush();
              holds();
              break;
            case "fault": {
              let left = each.calls;
              files.partial = each.partial;
              files.before = () => {
                if (left-- > 0) throw new SystemError("ENOSPC");
                files.before = () => {};
              };
              await flush();
              break;
            }
            case "crash": {
              // Die at one of the calls that a flush makes; or after it.
              const until = files.calls + each.calls;
              files.partial = 0;
              let isDead = false;
              files.before = () => {
                if (files.calls > until) isDead = true;
                if (isDead) throw new SystemError("EIO");
              };
              await flush();
              await of.flush().catch(() => {});
              if (isDead) ran.amid += 1;
              remember();
              let part = 0;
              files.crash(() => each.parts[part++ % 3] as number);
              of = await open(files, { ...SMALL, letBe: 1_500 }, at(world.ours));
              assert.is(of.loss, null);
              const found = candidates.get(stateOf(of));
              assert.ok(found, "a state that the store was in, not older than the last that was called durable");
              passed = new Set(found?.passed);
              records = found?.records ?? 0;
              candidates = new Map();
              remember();
              ran.crashes += 1;
              holds();
              break;
            }
          }
        }
        holds();
        for (const frame of world.frames) arrive(frame, "copy");
        for (const frame of world.frames) assert.is.not(arrive(frame, "copy"), "new");
        holds();
      }),
      { numRuns: 300 },
    );
    console.log(`${ran.passes} frames passed, ${ran.crashes} crashes, ${ran.amid} of them amid a flush`);
    assert.ok(ran.crashes > 200 && ran.amid > 30, JSON.stringify(ran));
  },
);

store.run();
