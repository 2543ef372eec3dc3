/** Windows against a list of times that forgets nothing: what they say is free is free, whatever was reserved, taken back and reloaded. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Point } from "#process/points";
import { ChangeWindows, RateWindows } from "#process/windows";

const windows = suite("process/windows");
const MINUTE = 60_000;

function point(index: number, space: number, first: number, bit: number | null = null): Point {
  return { index, space, first, last: first, bit } as Point;
}

windows("an event counts until it is exactly as old as the window", () => {
  const changes = new ChangeWindows();
  changes.follow([point(0, 3, 40)], 6, MINUTE);
  changes.reserve(1, 0, 1_000);
  assert.is(changes.count(1, 0, MINUTE, 1_000), 1);
  assert.is(changes.count(1, 0, MINUTE, 1_000 + MINUTE - 1), 1);
  assert.is(changes.count(1, 0, MINUTE, 1_000 + MINUTE), 0);
  assert.is(changes.count(2, 0, MINUTE, 1_000), 0, "another unit");
});

windows("a word, each of its bits and an address without a name are counted apart", () => {
  const changes = new ChangeWindows();
  changes.follow([point(0, 3, 40), point(1, 3, 40, 0), point(2, 3, 40, 15)], 6, MINUTE);
  const unnamed = -1 - (3 * 0x10000 + 41);
  for (const [place, times] of [
    [0, 1],
    [1, 2],
    [2, 3],
    [unnamed, 4],
  ] as const)
    for (let i = 0; i < times; i++) changes.reserve(1, place, 5);
  assert.equal(
    [0, 1, 2, unnamed].map((place) => changes.count(1, place, MINUTE, 6)),
    [1, 2, 3, 4],
  );
});

windows("RULINGS 10: a place taken back is free once, however often it is taken back, and only it", () => {
  const changes = new ChangeWindows();
  changes.follow([point(0, 3, 40)], 2, MINUTE);
  changes.reserve(1, 0, 10);
  changes.reserve(1, 0, 11);
  changes.refund(1, 0, 10);
  changes.refund(1, 0, 10);
  changes.refund(1, 0, 9);
  assert.is(changes.count(1, 0, MINUTE, 12), 1);
});

windows("RULINGS 10: what is taken back does not hide what had to be forgotten for it", () => {
  const changes = new ChangeWindows();
  changes.follow([point(0, 3, 40)], 1, MINUTE);
  // Somebody without a limit changes it often; the last of these were never sent.
  for (let now = 1; now <= 100; now++) changes.reserve(1, 0, now);
  for (let now = 100; now > 50; now--) changes.refund(1, 0, now);
  assert.ok(changes.count(1, 0, MINUTE, 101) >= 1, "fifty changes were made within the minute");
  assert.is(changes.count(1, 0, MINUTE, 101 + MINUTE), 0);
});

windows("RULINGS 10: counts stay over a reload that moves points about and counts more", () => {
  const changes = new ChangeWindows();
  changes.follow([point(0, 3, 40)], 1, MINUTE);
  changes.reserve(1, 0, 1);
  changes.follow([point(0, 3, 2), point(1, 3, 40)], 10, MINUTE);
  assert.equal([changes.count(1, 0, MINUTE, 2), changes.count(1, 1, MINUTE, 2)], [0, 1]);
  for (let now = 2; now < 6; now++) changes.reserve(1, 1, now);
  assert.is(changes.count(1, 1, MINUTE, 6), 5);
});

windows("beyond the places there are, the answer is `too often`, never `not counted`", () => {
  const changes = new ChangeWindows();
  changes.follow([], 2, MINUTE);
  const unnamed = (address: number): number => -1 - address;
  for (let address = 0; address < 16_384; address++) changes.reserve(1, unnamed(address), 1);
  assert.is(changes.count(1, unnamed(20_000), MINUTE, 2), Number.POSITIVE_INFINITY);
  // One that found no place: when others leave and there is room again, it must not be as if it had never been.
  changes.reserve(1, unnamed(20_000), MINUTE - 1);
  assert.ok(changes.count(1, unnamed(20_000), MINUTE, MINUTE + 1) >= 1);
  assert.is(changes.count(1, unnamed(20_000), MINUTE, 2 * MINUTE), 0);
});

windows("property: never fewer than there were up to the limit, and exactly those while few are taken back", () => {
  const step = fc.record({
    what: fc.constantFrom("reserve" as const, "reserve" as const, "refund" as const, "count" as const),
    wait: fc.integer({ min: 0, max: 40 }),
    which: fc.nat({ max: 30 }),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 120 }), (depth, steps) => {
      const window = 100;
      const changes = new ChangeWindows();
      changes.follow([point(0, 3, 7)], depth, window);
      const model: number[] = [];
      let [now, refunds] = [0, 0];
      for (const { what, wait, which } of steps) {
        now += wait;
        if (what === "reserve") {
          changes.reserve(1, 0, now);
          model.push(now);
        } else if (what === "refund" && model.length > 0) {
          const [time] = model.splice(which % model.length, 1);
          changes.refund(1, 0, time as number);
          refunds += 1;
        }
        const truth = model.filter((time) => now - time < window).length;
        const said = changes.count(1, 0, window, now);
        assert.ok(said >= Math.min(truth, depth), `says ${said}, there were ${truth}`);
        if (refunds <= 10) assert.is(said >= depth, truth >= depth, `says ${said} of ${truth}, limit ${depth}`);
      }
    }),
    { numRuns: 500, seed: 4711 },
  );
});

windows("rates: by rule id, over reloads that number rules anew; idle when nothing can be asked for any more", () => {
  const rates = new RateWindows();
  rates.follow(["a", "b"], 3, MINUTE);
  rates.reserve(1, 10);
  rates.reserve(1, 11);
  rates.refund(1, 11);
  rates.follow(["x", "y", "b"], 3, MINUTE);
  assert.equal(
    [0, 1, 2].map((order) => rates.count(order, MINUTE, 12)),
    [0, 0, 1],
  );
  assert.not(rates.idle(12));
  assert.ok(rates.idle(10 + MINUTE));
});

windows.run();
