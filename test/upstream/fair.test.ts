import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FairQueue, Ring, type Source } from "#upstream/fair";

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
  constructor(identity: string) {
    this.identity = identity;
  }
}

function queueOf(mayGo: (item: string) => boolean = () => true) {
  const queue = new FairQueue<string>(mayGo, (item) => item.startsWith("w"));
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
