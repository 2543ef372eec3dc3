import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FairQueue, type Lane, Ring, type Source } from "#upstream/fair";

const ring = suite("upstream/ring");

ring("first in, first out, and says no when full", () => {
  const r = new Ring<number>(3);
  assert.is(r.first(), null);
  for (let i = 0; i < 4; i++) assert.ok(r.push(i), "capacity is rounded up to 4");
  assert.not(r.push(4));
  assert.is(r.shift(), 0);
  assert.ok(r.push(4));
  assert.equal([r.at(0), r.at(3), r.at(4)], [1, 4, null]);
  assert.equal([r.shift(), r.shift(), r.shift(), r.shift(), r.shift()], [1, 2, 3, 4, null]);
});

ring.run();

const fair = suite("upstream/fair");

class Line implements Source<string> {
  readonly identity: string;
  readonly waiting = new Ring<string>(64);
  enrolled = false;
  lane: Lane<string> | null = null;
  constructor(identity: string) {
    this.identity = identity;
  }
}

function queueOf(mayGo: (item: string) => boolean = () => true) {
  const queue = new FairQueue<string>(mayGo, (item) => (item.startsWith("stop") ? 0 : item.startsWith("w") ? 1 : 2));
  const add = (line: Line, ...items: string[]): void => {
    for (const item of items) line.waiting.push(item);
    queue.enroll(line);
  };
  const all = (): string[] => {
    const out: string[] = [];
    for (let item = queue.next(); item !== null; item = queue.next()) out.push(item);
    return out;
  };
  return { queue, add, all };
}

fair("one identity with many sessions takes one turn of two", () => {
  const { add, all } = queueOf();
  const greedy = [new Line("greedy"), new Line("greedy"), new Line("greedy")];
  greedy.forEach((line, i) => {
    add(line, `g${i}a`, `g${i}b`);
  });
  add(new Line("modest"), "m1", "m2", "m3");
  assert.equal(all(), ["g0a", "m1", "g1a", "m2", "g2a", "m3", "g0b", "g1b", "g2b"]);
});

fair("what waits for everybody goes when nothing else may go, and holds nothing back", () => {
  const queue = new FairQueue<string>(
    (item) => item !== "r-held",
    (item) => (item.startsWith("w") ? 1 : item.startsWith("r") ? 2 : 3),
  );
  const [idle, reader, writer, held] = ["self", "reader", "writer", "held"].map((name) => new Line(name)) as [Line, Line, Line, Line];
  const add = (line: Line, ...items: string[]): void => {
    for (const item of items) line.waiting.push(item);
    queue.enroll(line);
  };
  add(idle, "p1", "p2", "p3");
  add(reader, "r1", "r2");
  add(writer, "w1", "w2", "w3");
  add(held, "r-held");
  const taken = Array.from({ length: 6 }, () => queue.next());
  assert.equal(taken, ["w1", "r1", "w2", "r2", "w3", "p1"]);
  assert.is(queue.next(2, 2), null, "reads alone");
  add(reader, "r3");
  assert.equal([queue.next(3, 2), queue.next(3, 2), queue.next(), queue.next()], ["r3", "p2", "p3", null]);
});

fair("RULINGS 22: what is urgent goes first, but not twice in a row while something else may go", () => {
  const { queue, add } = queueOf((item) => item !== "w-held");
  add(new Line("reader"), "r1", "r2", "r3");
  add(new Line("writer"), "w1", "w2", "w3");
  add(new Line("third"), "r4");
  const order = Array.from({ length: 7 }, () => queue.next());
  assert.equal(order, ["w1", "r1", "w2", "r4", "w3", "r2", "r3"]);
  add(new Line("writer"), "w4");
  add(new Line("other"), "w5");
  assert.equal([queue.next(), queue.next(), queue.next()], ["w4", "w5", null], "nothing else waits");
  add(new Line("writer"), "w-held");
  add(new Line("reader"), "r5");
  assert.equal([queue.next(), queue.next()], ["r5", null], "what may not go holds up nobody");
});

fair("RULINGS 22: a stop goes before every change and read; after eight in a row one other takes its turn", () => {
  const { queue, add, all } = queueOf((item) => item !== "stop-held");
  add(new Line("reader"), "r1", "r2");
  add(new Line("writer"), "w1", "w2", "w3");
  assert.equal([queue.next(), queue.next()], ["w1", "r1"]);
  add(new Line("shift"), "stop1", "stop2");
  add(new Line("other"), "stop3", "r3");
  assert.equal(all(), ["stop1", "stop3", "stop2", "w2", "r2", "w3", "r3"]);
  add(new Line("reader"), "r4");
  add(new Line("writer"), "w4");
  const flood = Array.from({ length: 12 }, (_, i) => `stop${i}`);
  add(new Line("flood"), ...flood);
  assert.equal(all(), [...flood.slice(0, 8), "w4", ...flood.slice(8), "r4"]);
  add(new Line("shift"), "stop-held", "w5");
  add(new Line("reader"), "r5");
  assert.equal(all(), ["r5"], "one that may not go holds up nobody else");
});

fair("DESIGN 10: stops and writes without end leave every second turn that is no stop's to reads", () => {
  const { queue, add } = queueOf();
  const flooder = new Line("flood");
  const writer = new Line("flood");
  const given: string[] = [];
  add(new Line("reader"), "r1", "r2", "r3");
  for (let turn = 0; turn < 60; turn++) {
    if (flooder.waiting.size === 0) add(flooder, "stop");
    if (writer.waiting.size === 0) add(writer, "w");
    given.push(queue.next() ?? "");
  }
  assert.equal(
    given.filter((item) => item !== "stop"),
    ["w", "r1", "w", "r2", "w", "r3"],
  );
});

fair("sessions of one identity take turns, each in its own order", () => {
  const { add, all } = queueOf();
  add(new Line("a"), "x1", "x2");
  add(new Line("a"), "y1", "y2");
  assert.equal(all(), ["x1", "y1", "x2", "y2"]);
});

fair("a head that may not go holds back its own session only", () => {
  const held = new Set(["w"]);
  const { queue, add, all } = queueOf((item) => !held.has(item));
  add(new Line("a"), "w", "after-w");
  add(new Line("b"), "r1", "r2");
  assert.equal(all(), ["r1", "r2"]);
  held.clear();
  assert.equal(all(), ["w", "after-w"]);
  assert.is(queue.next(), null);
});

fair("DESIGN 10: whoever asks now and then waits for no second turn of whoever never stops asking", () => {
  const { queue, add } = queueOf();
  const [rare, greedy, second] = [new Line("rare"), new Line("greedy"), new Line("greedy")];
  add(greedy, "g1", "g2", "g3", "g4");
  add(second, "h1", "h2");
  add(rare, "r1");
  assert.equal([queue.next(), queue.next()], ["g1", "r1"], "it comes for the first time: at the back");
  assert.is(queue.next(), "h1", "at the device, as it asks again");
  add(rare, "r2");
  assert.equal([queue.next(), queue.next()], ["r2", "g2"]);
  queue.leave(rare);
  queue.leave(rare);
  const again = new Line("rare");
  add(again, "r3");
  assert.equal([queue.next(), queue.next()], ["h2", "r3"], "nothing is gained by coming anew");
  add(again, "r4");
  add(new Line("rare"), "r5");
  assert.equal([queue.next(), queue.next(), queue.next(), queue.next()], ["g3", "r4", "g4", "r5"], "nor by a second session");
});

fair("withdraw takes a session out and leaves the turns of the others", () => {
  const { queue, add, all } = queueOf();
  const gone = new Line("b");
  add(new Line("a"), "a1", "a2");
  add(gone, "b1");
  add(new Line("c"), "c1");
  assert.is(queue.next(), "a1");
  queue.withdraw(gone);
  queue.withdraw(gone);
  assert.not(gone.enrolled);
  assert.equal(all(), ["c1", "a2"]);
});

fair("DESIGN 11: where nothing but reads waits the first that may go is the one, and nobody behind it is asked", () => {
  const asked: string[] = [];
  const queue = new FairQueue<string>(
    (item) => item !== "r-held",
    (item) => {
      asked.push(item);
      return 2;
    },
  );
  for (const item of ["r-held", "r1", "r2", "r3", "r4"]) {
    const line = new Line(item);
    line.waiting.push(item);
    queue.enroll(line);
  }
  assert.is(queue.next(0, 2), null, "no stop, so nothing for a device whose pace lets only stops through");
  assert.equal(asked, []);
  assert.is(queue.next(2, 2), "r1");
  assert.equal(asked.slice(0, 2), ["r-held", "r1"]);
  assert.ok(!asked.includes("r2"));
});

fair("DESIGN 11: told what can be there at most, it chooses as by asking everybody", () => {
  let seed = 20261126;
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % n;
  };
  for (let round = 0; round < 100; round++) {
    const [asking, told] = [queueOf(), queueOf()];
    const lines = Array.from({ length: 4 }, (_, i) => [new Line(`id${i}`), new Line(`id${i}`)] as const);
    let changes = 0;
    for (let step = 0; step < 200; step++) {
      if (random(2) === 0) {
        const pair = lines[random(4)] as readonly [Line, Line];
        const item = `${["stop", "w", "r", "r"][random(4)]}${step}`;
        asking.add(pair[0], item);
        told.add(pair[1], item);
        if (!item.startsWith("r")) changes += 1;
      } else {
        const item = asking.queue.next();
        assert.is(told.queue.next(2, changes > 0 ? 0 : 2), item);
        if (item !== null && !item.startsWith("r")) changes -= 1;
      }
    }
  }
});

fair("drain empties everything, ready or not", () => {
  const { queue, add } = queueOf(() => false);
  add(new Line("a"), "1", "2");
  add(new Line("b"), "3");
  assert.is(queue.next(), null);
  assert.equal([queue.drain(), queue.drain(), queue.drain(), queue.drain()], ["1", "3", "2", null]);
});

fair(
  "random histories: nothing is lost, nothing twice, order within a session holds, each waiting identity is served within one round",
  () => {
    let seed = 20261124;
    const random = (n: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % n;
    };
    for (let round = 0; round < 200; round++) {
      const { queue, add } = queueOf();
      const lines = Array.from({ length: 6 }, (_, i) => new Line(`id${i % 3}`));
      const put = new Map<Line, number>();
      const taken = new Map<Line, number>();
      let waiting = 0;
      const passed = new Map<string, number>();
      for (let step = 0; step < 200; step++) {
        if (random(2) === 0) {
          const line = lines[random(lines.length)] as Line;
          const serial = (put.get(line) ?? 0) + 1;
          if (line.waiting.size === 64) continue;
          put.set(line, serial);
          add(line, `${lines.indexOf(line)}:${serial}`);
          waiting += 1;
        } else {
          const before = new Set(lines.filter((l) => l.waiting.size > 0).map((l) => l.identity));
          const item = queue.next();
          assert.is(item === null, waiting === 0);
          if (item === null) continue;
          waiting -= 1;
          const [at, serial] = item.split(":").map(Number) as [number, number];
          const line = lines[at] as Line;
          assert.is(serial, (taken.get(line) ?? 0) + 1);
          taken.set(line, serial);
          for (const identity of before) {
            const count = identity === line.identity ? 0 : (passed.get(identity) ?? 0) + 1;
            passed.set(identity, count);
            assert.ok(count < 3, `${identity} was passed over ${count} times`);
          }
        }
      }
    }
  },
);

fair.run();
