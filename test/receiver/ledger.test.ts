/** RULINGS 40: the ledger always adds up, whatever comes in whatever order, twice, late, never, or in contradiction. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type How, Ledger, type LedgerEvent, type Row, type Told } from "#receiver/ledger";
import { CLASSES } from "#receiver/minutes";
import { Silence } from "#receiver/silence";
import { type Millis, millis, type WallMillis, wallMillis } from "#wire";

const ledger = suite("receiver/ledger");
const DAY = 86_400_000;
const MINUTE = 60_000;
/** A day begins. */
const T0 = Date.UTC(2026, 10, 20);
const NOW = wallMillis(T0);
const told = (sent: number, closed = true, droppedAtSource = 0): Told => ({
  offered: sent + droppedAtSource,
  sent,
  droppedAtSource,
  closed,
});
const tick = (of: Ledger, wall: WallMillis = NOW): LedgerEvent[] => of.tick(millis(0), wall);

function short({ state, sent, received, repaired, late, lost, disputed, revision }: Row): string {
  return `${state} ${sent ?? "-"} = ${received}+${repaired}+${late}+${lost ?? "?"} /${disputed} r${revision}`;
}

function addsUp({ state, offered, droppedAtSource, sent, received, repaired, late, lost, disputed }: Row): void {
  if (sent !== null) assert.is(offered, sent + (droppedAtSource as number));
  if (state === "closed") assert.is((sent as number) + disputed, received + repaired + late + (lost as number));
  else assert.is(lost, null);
}

type Step = readonly ["book", start: number, count: number, how: How] | readonly ["tell", start: number, told: Told, verdict?: string];
const TABLE: readonly (readonly [what: string, steps: readonly Step[], row: string, events: string])[] = [
  ["nothing told: open", [["book", 1, 5, "received"]], "open - = 5+0+0+? /0 r0", ""],
  [
    "told, not closed: open",
    [
      ["book", 1, 5, "received"],
      ["tell", 1, told(5, false)],
    ],
    "open 5 = 5+0+0+? /0 r0",
    "",
  ],
  [
    "closed and whole",
    [
      ["book", 1, 3, "received"],
      ["book", 1, 2, "repaired"],
      ["tell", 1, told(5)],
    ],
    "closed 5 = 3+2+0+0 /0 r0",
    "",
  ],
  ["closed, nothing sent", [["tell", 1, told(0)]], "closed 0 = 0+0+0+0 /0 r0", ""],
  [
    "closed, two lost",
    [
      ["book", 1, 3, "received"],
      ["tell", 1, told(5)],
    ],
    "closed 5 = 3+0+0+2 /0 r0",
    "loss 2",
  ],
  [
    "a copy before it is closed is late, and no revision",
    [
      ["book", 1, 5, "copy"],
      ["tell", 1, told(5)],
    ],
    "closed 5 = 0+0+5+0 /0 r0",
    "",
  ],
  [
    "after it is closed whatever comes is late",
    [
      ["tell", 1, told(5)],
      ["book", 1, 2, "received"],
      ["book", 1, 1, "repaired"],
    ],
    "closed 5 = 0+0+3+2 /0 r2",
    "loss 2",
  ],
  [
    "more than was sent is disputed, not cut",
    [
      ["book", 1, 7, "received"],
      ["tell", 1, told(5)],
    ],
    "closed 5 = 7+0+0+0 /2 r0",
    "",
  ],
  [
    "an older count that comes later changes nothing",
    [
      ["tell", 1, told(5)],
      ["tell", 1, told(3, false)],
    ],
    "closed 5 = 0+0+0+5 /0 r0",
    "loss 5",
  ],
  [
    "told again: the same",
    [
      ["tell", 1, told(5)],
      ["tell", 1, told(5)],
    ],
    "closed 5 = 0+0+0+5 /0 r0",
    "loss 5",
  ],
  [
    "closed twice, differently: the higher stands",
    [
      ["tell", 1, told(5)],
      ["tell", 1, told(6), "contradicts"],
    ],
    "closed 6 = 0+0+0+6 /0 r1",
    "loss 6",
  ],
  [
    "closed below what was told open",
    [
      ["tell", 1, told(5, false)],
      ["tell", 1, told(4), "contradicts"],
    ],
    "closed 5 = 0+0+0+5 /0 r0",
    "loss 5",
  ],
  [
    "offered is not the sum: not taken",
    [
      ["tell", 1, { ...told(5), offered: 6 }, "contradicts"],
      ["book", 1, 1, "received"],
    ],
    "open - = 1+0+0+? /0 r0",
    "",
  ],
  [
    "a number no minute holds: not taken",
    [
      ["tell", 1, told(2 ** 32), "contradicts"],
      ["book", 1, 1, "received"],
    ],
    "open - = 1+0+0+? /0 r0",
    "",
  ],
  [
    "two starts, one closed",
    [
      ["book", 1, 3, "received"],
      ["book", 2, 4, "received"],
      ["tell", 2, told(4)],
    ],
    "open 4 = 7+0+0+? /0 r0",
    "",
  ],
  [
    "two starts, both closed",
    [
      ["tell", 1, told(3)],
      ["tell", 2, told(4)],
      ["book", 2, 4, "received"],
    ],
    "closed 7 = 0+0+4+3 /0 r1",
    "loss 3",
  ],
  [
    "what one start lost another's surplus does not hide",
    [
      ["book", 1, 1, "received"],
      ["book", 2, 6, "received"],
      ["tell", 1, told(3)],
      ["tell", 2, told(4)],
    ],
    "closed 7 = 7+0+0+2 /2 r0",
    "loss 2",
  ],
  [
    "a record of one more start opens it again",
    [
      ["tell", 1, told(0)],
      ["book", 2, 1, "copy"],
    ],
    "open 0 = 0+0+1+? /0 r0",
    "",
  ],
];

for (const [what, steps, row, events] of TABLE) {
  ledger(what, () => {
    const of = new Ledger();
    for (const step of steps) {
      if (step[0] === "book") of.book(7, step[1], 0, T0, step[2], step[3], NOW);
      else assert.is(of.tell(7, step[1], 0, T0, step[2], NOW), step[3] ?? "told");
    }
    assert.equal(of.rows(7).map(short), [row]);
    of.rows().forEach(addsUp);
    assert.is(
      tick(of)
        .map((event) => `${event.is} ${event.is === "loss" ? event.lost : ""}`)
        .join(),
      events,
    );
    assert.equal(tick(of), [], "told once");
  });
}

ledger(
  "a loss is told when its minute closes, healed when the last of it came late; killed in between, it is not told as a new one",
  () => {
    let of = new Ledger();
    of.tell(7, 1, 1, T0 + 59_999, told(10), NOW);
    assert.equal(tick(of), [{ is: "loss", stream: 7, class: "events", fromMs: T0, lost: 10 }]);
    of.book(7, 1, 1, T0 + 1, 4, "copy", NOW);
    assert.equal(tick(of), []);
    const again = new Ledger();
    for (const part of of.parts()) again.restore(part);
    of = again;
    assert.equal(tick(of), [], "known to be told");
    of.book(7, 1, 1, T0 + 1, 6, "copy", NOW);
    assert.equal(tick(of), [{ is: "healed", stream: 7, class: "events", fromMs: T0, late: 10 }]);
    assert.equal(of.rows().map(short), ["closed 10 = 0+0+10+0 /0 r2"]);
  },
);

interface Share {
  sent: number;
  dropped: number;
  told: boolean;
  closed: boolean;
  came: number[];
  revision: number;
}

ledger("any arrivals and counts of several starts: the same as the plainest words for it, and all of it survives the journal", () => {
  const start = fc.integer({ min: 1, max: 4 });
  const minute = fc.constantFrom(0, 1, 1_439, 1_440, 3_000);
  const step = fc.oneof(
    fc.record({
      is: fc.constant("book" as const),
      start,
      minute,
      of: fc.nat(2),
      count: fc.nat(9),
      how: fc.constantFrom<How>("received", "repaired", "copy"),
    }),
    fc.record({
      is: fc.constant("tell" as const),
      start,
      minute,
      of: fc.nat(2),
      sent: fc.nat(30),
      dropped: fc.nat(3),
      closed: fc.boolean(),
    }),
    fc.record({ is: fc.constant("journal" as const), whole: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const of = new Ledger();
      const copy = new Ledger();
      const plain = new Map<string, Map<number, Share>>();
      const share = (each: { start: number; minute: number; of: number }): Share => {
        const key = `${each.minute} ${each.of}`;
        const cell = plain.get(key) ?? new Map<number, Share>();
        plain.set(key, cell);
        const there = cell.get(each.start) ?? { sent: 0, dropped: 0, told: false, closed: false, came: [0, 0, 0], revision: 0 };
        cell.set(each.start, there);
        return there;
      };
      for (const each of steps) {
        if (each.is === "journal") {
          if (each.whole) for (const part of of.parts()) copy.restore(part);
          copy.restore(of.takeChanges());
        } else if (each.is === "book") {
          of.book(7, each.start, each.of, T0 + each.minute * MINUTE, each.count, each.how, NOW);
          const mine = share(each);
          const at = mine.closed || each.how === "copy" ? 2 : each.how === "repaired" ? 1 : 0;
          mine.came[at] = (mine.came[at] as number) + each.count;
          if (mine.closed) mine.revision += 1;
        } else {
          const { sent, dropped, closed } = each;
          of.tell(7, each.start, each.of, T0 + each.minute * MINUTE, told(sent, closed, dropped), NOW);
          const mine = share(each);
          const more = sent > mine.sent || dropped > mine.dropped;
          if (mine.closed && more) mine.revision += 1;
          mine.sent = Math.max(mine.sent, sent);
          mine.dropped = Math.max(mine.dropped, dropped);
          mine.told = true;
          mine.closed ||= closed;
        }
      }
      copy.restore(of.takeChanges());
      assert.equal(copy.rows(), of.rows());
      assert.equal(copy.totals(), of.totals());
      const rows = of.rows();
      rows.forEach(addsUp);
      const keys = [...plain.keys()].sort(
        (a, b) => Number(a.split(" ")[0]) * 3 + Number(a.split(" ")[1]) - Number(b.split(" ")[0]) * 3 - Number(b.split(" ")[1]),
      );
      assert.equal(
        rows.map((row) => `${(row.fromMs - T0) / MINUTE} ${CLASSES.indexOf(row.class)} ${short(row)}`),
        keys.map((key) => {
          const shares = [...(plain.get(key) as Map<number, Share>).values()];
          const sum = (which: (s: Share) => number): number => shares.reduce((total, s) => total + which(s), 0);
          const over = (s: Share): number => s.sent - sum3(s.came);
          const closed = shares.every((s) => s.closed);
          const lost = closed ? sum((s) => Math.max(0, over(s))) : "?";
          const disputed = sum((s) => (s.closed ? Math.max(0, -over(s)) : 0));
          const came = [0, 1, 2].map((i) => sum((s) => s.came[i] as number)).join("+");
          const sent = shares.some((s) => s.told) ? sum((s) => s.sent) : "-";
          return `${key} ${closed ? "closed" : "open"} ${sent} = ${came}+${lost} /${disputed} r${sum((s) => s.revision)}`;
        }),
      );
    }),
    { numRuns: 400 },
  );
});

function sum3([a = 0, b = 0, c = 0]: readonly number[]): number {
  return a + b + c;
}

ledger(
  "a year of minutes: eight days of them are kept, the rest is a line a day; nothing of it is lost on the way, and memory is flat",
  () => {
    let of = new Ledger();
    const copy = new Ledger();
    const sizes: number[] = [];
    let sent = 0;
    for (let day = 0; day < 365; day++) {
      const wall = wallMillis(T0 + day * DAY);
      for (let minute = 0; minute < 1_440; minute++) {
        const at = wall + minute * MINUTE;
        for (let c = 0; c < 3; c++) {
          of.book(7, 1, c, at, 10, "received", wallMillis(at));
          // Every tenth minute loses one, every hundredth is never closed.
          const n = minute % 10 === 0 ? 11 : 10;
          of.tell(7, 1, c, at, told(n, minute % 100 !== 0, 1), wallMillis(at));
          sent += n;
        }
      }
      tick(of, wallMillis(wall + DAY));
      copy.restore(of.takeChanges());
      sizes.push(of.octets);
      if (day % 100 === 50) {
        const again = new Ledger();
        for (const part of of.parts()) again.restore(part);
        of = again;
      }
    }
    const rows = of.rows(7);
    assert.equal(rows, copy.rows(7));
    rows.forEach(addsUp);
    const minutes = rows.filter(({ span }) => span === "minute").length;
    assert.ok(minutes >= 8 * 4_320 && minutes <= 10 * 4_320, `${minutes} minutes`);
    const days = rows.filter(({ span }) => span === "day");
    assert.is(days.length, 6 * (365 - minutes / 4_320), "a line for its closed and one for its open minutes");
    assert.equal(
      [...new Set(days.map((row) => `${row.minutes} ${short(row)}`))],
      ["1425 closed 14379 = 14250+0+0+129 /0 r0", "15 open 165 = 150+0+0+? /0 r0"],
    );
    assert.is(
      rows.reduce((sum, row) => sum + (row.sent ?? 0), 0),
      sent,
    );
    assert.is(
      of.totals().reduce((sum, each) => sum + each.sent, 0),
      sent,
    );
    assert.is(
      of.totals().reduce((sum, each) => sum + each.received, 0),
      365 * 1_440 * 30,
    );
    const most = Math.max(...sizes);
    assert.ok(most < 1.8e6, `${most} octets`);
    console.log(`a year of one stream: ${(most / 1e6).toFixed(2)} MB at most, ${(of.octets / 1e6).toFixed(2)} MB at the end`);
  },
);

ledger("a day that is summed up: a late record goes from its lost ones, a count of it is too old, and it still adds up", () => {
  const of = new Ledger();
  for (let day = 0; day < 3; day++) of.tell(7, 1, 0, T0 + day * DAY, told(5), wallMillis(T0 + day * DAY));
  tick(of, wallMillis(T0 + 20 * DAY));
  assert.equal(
    of.rows(7).map(({ span }) => span),
    ["day", "minute", "minute"],
    "the two written last stay, whatever the clock says",
  );
  for (const [count, row] of [
    [3, "closed 5 = 0+0+3+2 /0 r1"],
    [4, "closed 5 = 0+0+7+0 /2 r2"],
  ] as const) {
    of.book(7, 1, 0, T0, count, "received", NOW);
    assert.is(short(of.rows(7)[0] as Row), row);
  }
  assert.is(of.tell(7, 1, 0, T0, told(9), NOW), "tooOld");
  of.book(7, 1, 2, T0, 1, "copy", NOW);
  assert.equal(of.rows(7, T0, T0 + 1).map(short), ["closed 5 = 0+0+7+0 /2 r2", "open 0 = 0+0+1+? /0 r1"]);
  of.rows().forEach(addsUp);
});

ledger("a sender's clock out of its mind fills no memory, and no record of it is missing from the sum", () => {
  const of = new Ledger();
  const copy = new Ledger();
  let state = 1;
  for (let i = 0; i < 20_000; i++) {
    state = (state * 48_271) % 0x7fff_ffff;
    of.book(7, 1, i % 3, state * 100_000, 1, "received", NOW);
    if (i % 3 === 0) of.tell(7, 1, 0, state * 100_000, told(1), NOW);
    if (i % 50 === 0) copy.restore(of.takeChanges());
  }
  copy.restore(of.takeChanges());
  assert.ok(of.octets < 2.2e6, `${of.octets} octets`);
  assert.equal(copy.totals(), of.totals());
  assert.is(
    of.totals().reduce((sum, each) => sum + each.received + each.late, 0),
    20_000,
  );
  of.rows().forEach(addsUp);
});

ledger("eight starts have a share of one minute; of what more of them bring the count is never known, and it stays open", () => {
  const of = new Ledger();
  for (let start = 1; start <= 20; start++) {
    of.book(7, start, 0, T0, 2, "received", NOW);
    assert.is(of.tell(7, start, 0, T0, told(2), NOW), start <= 8 ? "told" : "tooMany");
  }
  assert.equal(of.rows().map(short), ["open 16 = 40+0+0+? /0 r0"]);
});

ledger("64 streams, all minutes and classes of twelve days: the most that it takes; one more stream is refused", () => {
  const of = new Ledger();
  for (let stream = 0; stream < 64; stream++)
    for (let day = 0; day < 20; day++) assert.ok(of.book(stream, 1, 0, T0 + day * DAY, 1, "received", wallMillis(T0 + day * DAY)));
  assert.not(of.book(64, 1, 0, T0, 1, "received", NOW));
  assert.not(of.watch(65, millis(0)));
  assert.is(of.tell(66, 1, 0, T0, told(1), NOW), "tooMany");
  assert.ok(of.octets < 115e6, `${of.octets} octets`);
  console.log(`64 streams, 12 days each: ${(of.octets / 1e6).toFixed(0)} MB`);
});

ledger("no frame has 4,097 records, nor half a one", () => {
  for (const count of [4_097, 0.5, -1, Number.NaN])
    assert.throws(() => new Ledger().book(7, 1, 0, T0, count, "received", NOW), /records in one frame/);
});

const at = (ms: number): Millis => millis(ms);
ledger("silence is told before ten seconds are over, once, and so is its end; also where nobody looked in between", () => {
  const of = new Silence();
  of.watch(7, at(1_000));
  assert.equal(of.tick(at(10_499)), []);
  assert.is(of.since(7, at(10_499)), null);
  assert.equal(of.tick(at(10_500)), [{ is: "silent", stream: 7, since: 1_000 }]);
  assert.is(of.since(7, at(10_500)), 1_000);
  assert.equal(of.tick(at(99_000)), []);
  of.heard(7, at(100_000));
  assert.is(of.since(7, at(100_000)), null);
  assert.equal(of.tick(at(100_100)), [{ is: "alive", stream: 7, silentMs: 99_000 }]);
  of.heard(7, at(200_000));
  assert.equal(of.tick(at(200_000)), [
    { is: "silent", stream: 7, since: 100_000 },
    { is: "alive", stream: 7, silentMs: 100_000 },
  ]);
  assert.is(of.since(8, at(1e9)), null, "nobody waits for it");
});

ledger("the ledger tells of silence in its tick", () => {
  const of = new Ledger({ silentMs: 3_000, marginMs: 0 });
  of.watch(7, at(0));
  of.heard(9, at(2_000));
  assert.is(of.silentSince(7, at(3_000)), 0);
  assert.equal(of.tick(at(3_000), NOW), [{ is: "silent", stream: 7, since: 0 }]);
  assert.equal(of.tick(at(5_000), NOW), [{ is: "silent", stream: 9, since: 2_000 }]);
});

ledger.run();
