/** RULINGS 41: what once passed never passes again, whatever comes in whatever order, and no order of arrivals takes more memory than the cap. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { TagWindow } from "#receiver/nonceReuse";
import { type Seen, SeenSet } from "#receiver/seen";

const seen = suite("receiver/seen");

const TABLE: readonly (readonly [what: string, seqs: readonly number[], verdicts: string, serial: readonly number[]])[] = [
  ["in order", [0, 1, 2, 3], "n n n n", [0, 0, 4]],
  ["one twice", [0, 1, 1, 0], "n n a a", [0, 0, 2]],
  ["backwards", [3, 2, 1, 0], "n n n n", [0, 0, 4]],
  ["a gap, filled", [0, 2, 1, 1], "n n n a", [0, 0, 3]],
  ["gaps that stay", [5, 7, 9], "n n n", [0, 5, 1, 1, 1, 1, 1]],
  ["the cap gives up the gap below the oldest", [1, 3, 5, 7, 9, 0, 2, 4], "n n n n n t n n", [2, 0, 4, 1, 1, 1, 1]],
  ["below all when it is full: itself the oldest", [11, 13, 15, 17, 3], "n n n n t", [4, 7, 1, 1, 1, 1, 1, 1, 1]],
  ["the largest sequence", [2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 - 2], "n a n", [0, 2 ** 53 - 2, 2]],
];

for (const [what, seqs, verdicts, serial] of TABLE) {
  seen(what, () => {
    const set = new SeenSet(4);
    assert.is(seqs.map((seq) => set.add(seq)[0]).join(" "), verdicts);
    assert.equal(set.serial(), serial);
  });
}

/** The same in the plainest words. */
class Plain {
  readonly #came = new Set<number>();
  floor = 0;

  add(seq: number): Seen {
    if (seq < this.floor) return "tooOld";
    if (this.#came.has(seq)) return "again";
    this.#came.add(seq);
    return "new";
  }
}

seen("is the plain set, for any arrivals, floors, restarts; and once the cap is met it only forgets, never lets pass twice", () => {
  const step = fc.oneof(
    { weight: 20, arbitrary: fc.record({ is: fc.constant("add" as const), seq: fc.nat(3_000) }) },
    {
      weight: 8,
      arbitrary: fc.record({ is: fc.constant("run" as const), seq: fc.nat(3_000), count: fc.nat(300), by: fc.integer({ min: 1, max: 3 }) }),
    },
    { weight: 1, arbitrary: fc.record({ is: fc.constant("floor" as const), seq: fc.nat(3_000) }) },
    { weight: 1, arbitrary: fc.record({ is: fc.constant("restore" as const) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(20, 200, 100_000), (steps, most) => {
      let set = new SeenSet(most);
      const plain = new Plain();
      const passed = new Set<number>();
      const add = (seq: number): void => {
        const expected = plain.add(seq);
        const got = set.add(seq);
        if (got === "new") {
          assert.not(passed.has(seq), `${seq} passed twice`);
          passed.add(seq);
        }
        assert.ok(set.ranges <= most);
        plain.floor = Math.max(plain.floor, set.floor);
        if (seq >= set.floor) assert.is(got, expected);
        else assert.is(got, "tooOld");
      };
      for (const each of steps) {
        if (each.is === "add") add(each.seq);
        else if (each.is === "run") for (let i = 0; i < each.count; i++) add(each.seq + i * each.by);
        else if (each.is === "floor") {
          set.forgetBelow(each.seq);
          plain.floor = Math.max(plain.floor, each.seq);
        } else set = SeenSet.restore(set.serial(), most);
      }
      const serial = set.serial();
      assert.is(serial.length, 1 + 2 * set.ranges);
      assert.ok(
        serial.slice(3).every((distance) => distance > 0),
        "two ranges touch",
      );
      assert.equal(SeenSet.restore(serial, most).serial(), serial);
    }),
    { numRuns: 400 },
  );
});

seen("merging what another set took, in any order, is the union above the higher floor", () => {
  const ranges = fc.array(fc.tuple(fc.nat(2_000), fc.nat(40)), { maxLength: 300 });
  fc.assert(
    fc.property(ranges, ranges, fc.nat(1_000), (mine, others, floor) => {
      const [a, b, both] = [new SeenSet(), new SeenSet(), new SeenSet()];
      for (const [from, count] of mine) for (let i = 0; i <= count; i++) [a, both].map((set) => set.add(from + i));
      for (const [from, count] of others) for (let i = 0; i <= count; i++) [b, both].map((set) => set.add(from + i));
      b.forgetBelow(floor);
      both.forgetBelow(floor);
      const [at = 0, ...distances] = b.serial();
      a.merge(at, distances);
      assert.equal(a.serial(), both.serial());
    }),
    { numRuns: 200 },
  );
});

seen("every second sequence missing for 10 million frames: the cap holds, memory stays flat, and nothing of it passes again", () => {
  const set = new SeenSet();
  const started = performance.now();
  for (let i = 0; i < 10_000_000; i++) if (set.add(2 * i) !== "new") throw new Error(`${2 * i}`);
  const each = ((performance.now() - started) * 1000) / 10_000_000;
  assert.is(set.ranges, 262_144);
  assert.ok(set.octets < 9e6, `${set.octets} octets`);
  // There is no gap below the first.
  assert.is(set.gaveUp, 10_000_000 - 262_144 - 1);
  for (let seq = 0; seq < 20_000_000; seq += 1_234) assert.is.not(set.add(seq), seq % 2 === 0 || seq < set.floor ? "new" : "again");
  console.log(`every second one missing: ${each.toFixed(3)} us a frame, ${(set.octets / 1e6).toFixed(1)} MB`);
});

seen("the chunks never outgrow the ranges: filled and emptied to one range each, again and again", () => {
  const set = new SeenSet(100_000);
  let at = 0;
  for (let round = 0; round < 40; round++) {
    const from = at;
    for (let i = 0; i < 20_000; i++, at += 2) set.add(at);
    // All gaps but every 128th are filled.
    for (let seq = from + 1; seq < at; seq += 2) if (((seq - 1) / 2) % 128 !== 0) set.add(seq);
  }
  assert.ok(set.octets <= 2_048 * (2 + (4 * set.ranges) / 128), `${set.octets} octets for ${set.ranges} ranges`);
});

seen("in order nothing is allocated", () => {
  const set = new SeenSet();
  for (let seq = 0; seq < 100_000; seq++) set.add(seq);
  const before = process.memoryUsage().heapUsed;
  for (let seq = 100_000; seq < 2_100_000; seq++) set.add(seq);
  const octets = process.memoryUsage().heapUsed - before;
  assert.ok(octets < 1_000_000, `${octets} octets for two million`);
  assert.equal(set.serial(), [0, 0, 2_100_000]);
});

seen("RULINGS 39: a copy has the same tag, another frame under its sequence differs; older than the window is unknown", () => {
  const tags = new TagWindow(4_096);
  const tag = (n: number): Uint8Array => Uint8Array.from({ length: 16 }, (_, i) => (n >> (i % 4)) & 255);
  assert.is(tags.check(7, tag(1)), "unknown");
  assert.is(tags.check(7, tag(1)), "same");
  assert.is(tags.check(7, tag(2)), "differs");
  assert.is(tags.check(7, tag(1)), "same", "the first stays");
  for (let bit = 0; bit < 64; bit++) {
    const other = tag(1);
    other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.is(tags.check(7, other), "differs", `bit ${bit}`);
  }
  assert.is(tags.check(7 + 4_096, tag(3)), "unknown");
  assert.is(tags.check(7, tag(2)), "unknown", "out of the window");
  assert.is(tags.check(7 + 4_096, tag(3)), "same", "an old one takes no newer one's place");
  assert.is(tags.check(2 ** 53 - 1, tag(4)), "unknown");
  assert.is(tags.check(2 ** 53 - 1, tag(5)), "differs");
});

seen("the tags of one start take at most 4.2 MB", () => {
  const tags = new TagWindow();
  assert.is(tags.octets, 0);
  const tag = new Uint8Array(16);
  for (let seq = 0; seq < 1_000_000; seq++) tags.check(seq, tag);
  assert.is(tags.octets, 262_144 * 16);
});

seen.run();
