/** What is current, whatever comes late, twice, in the same millisecond, or from a clock that is wrong. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CurrentValues } from "#receiver/current";
import type { Sample } from "#receiver/model";
import { sampleOf } from "./stage.ts";

const current = suite("receiver/current");
const NOW = 1_760_000_100_000;
const at = (n: number, timeMs: number, more: Partial<Sample> = {}): Sample => sampleOf(0, { id: `i${n}`, value: n, timeMs, ...more });
const valueOfPoint = (values: CurrentValues): unknown => values.of("plant-1", "boiler-0", "pressure-0")?.value;

for (const [what, samples, expected] of [
  ["newer replaces older", [at(1, 10), at(2, 20)], 2],
  ["older does not replace newer", [at(1, 20), at(2, 10)], 1],
  ["historical never does, however new", [at(1, 10), at(2, 90, { historical: true })], 1],
  ["historical alone is no current value", [at(1, 10, { historical: true })], undefined],
  ["of one time the later to arrive", [at(1, 10), at(2, 10)], 2],
  ["one that comes again is not later for that", [at(1, 10), at(2, 10), at(1, 10)], 2],
  ["nor after several", [at(1, 10), at(2, 10), at(3, 10), at(2, 10), at(1, 10)], 3],
  ["worse quality is a value like any other", [at(1, 10), at(2, 20, { value: null, quality: "comm-lost" })], null],
  ["no time is no sample", [at(1, 10), at(2, Number.NaN)], 1],
] as const) {
  current(what, () => {
    const values = new CurrentValues(10, () => NOW);
    for (const sample of samples) values.offer(sample);
    assert.is(valueOfPoint(values), expected);
  });
}

current(
  "RULINGS 41, DESIGN 6: the same samples in any order of arrival, with repeats: the newest that is not historical, of ties the first to last arrive",
  () => {
    const some = fc.record({ timeMs: fc.integer({ min: 0, max: 5 }), historical: fc.boolean(), repeat: fc.boolean() });
    fc.assert(
      fc.property(fc.array(some, { maxLength: 12 }), fc.infiniteStream(fc.nat()), (made, chance) => {
        const first = made.map(({ timeMs, historical }, n) => at(n, timeMs, { historical }));
        const arriving = [...first];
        made.forEach(({ repeat }, n) => {
          if (!repeat) return;
          // Somewhere behind itself: the repeats of earlier ones stand there too.
          const behind = arriving.indexOf(first[n] as Sample) + 1;
          arriving.splice(behind + ((chance.next().value as number) % (arriving.length - behind + 1)), 0, first[n] as Sample);
        });
        const values = new CurrentValues(10, () => NOW);
        for (const sample of arriving) values.offer(sample);
        const live = first.filter(({ historical }) => !historical);
        const newest = Math.max(...live.map(({ timeMs }) => timeMs));
        assert.is(valueOfPoint(values), live.filter(({ timeMs }) => timeMs === newest).at(-1)?.value);
      }),
      { numRuns: 500 },
    );
  },
);

current("a time from the future does not hold its point for ever", () => {
  let now = NOW;
  const values = new CurrentValues(10, () => now);
  values.offer(at(1, NOW + 1e12));
  assert.is(valueOfPoint(values), 1);
  now += 30_000;
  assert.is(values.offer(at(2, now)), false, "within what clocks may differ it is the newer one");
  now += 30_001;
  assert.is(values.offer(at(3, now)), true);
  assert.is(valueOfPoint(values), 3);
});

current("bounded by points: what has a place keeps it, the rest is counted; a birth frees the places of points that are no more", () => {
  const values = new CurrentValues(3, () => NOW);
  for (let n = 0; n < 5; n++) values.offer(sampleOf(0, { point: `p${n}`, timeMs: 1 }));
  assert.is(values.size, 3);
  assert.is(values.turnedAway, 2);
  assert.is(values.offer(sampleOf(0, { id: "later", point: "p1", timeMs: 2 })), true);
  values.born("plant-1", [{ gateway: "plant-1", asset: "boiler-0", point: "p1", type: "bool", unit: "", description: "" }]);
  assert.is(values.size, 1);
  assert.is(values.offer(sampleOf(0, { point: "p4", timeMs: 1 })), true);
  values.born("plant-1", []);
  assert.is(values.size, 0);
  assert.equal([...values.values(10)], []);
});

current("names cannot be put so that two points are one", () => {
  const values = new CurrentValues(10, () => NOW);
  values.offer(sampleOf(0, { asset: "a", point: "bc", value: 1 }));
  values.offer(sampleOf(0, { asset: "ab", point: "c", value: 2, id: "x" }));
  values.offer(sampleOf(0, { asset: "1 a", point: "b", value: 3, id: "y" }));
  assert.is(values.size, 3);
});

current("all of them in bounded batches, of one gateway or of all", () => {
  const values = new CurrentValues(1_000, () => NOW);
  for (let n = 0; n < 25; n++) values.offer(sampleOf(0, { gateway: n < 10 ? "one" : "two", point: `p${n}`, value: n }));
  const all = [...values.values(10)];
  assert.equal(
    all.map((batch) => batch.length),
    [10, 10, 5],
  );
  assert.equal(
    all.flat().map(({ value }) => value),
    Array.from({ length: 25 }, (_, n) => n),
  );
  assert.is([...values.values(10, "one")].flat().length, 10);
  assert.equal([...values.values(10, "none")], []);
});

current.run();
