/** Overlapping spans cut into intervals, against looking at every span. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cut, finish, NO_INTERVALS, type Span, seek } from "#policy/intervals";
import { Random } from "./random.ts";

const intervals = suite("policy/intervals");

intervals("every address has the entries of the spans over it, and seek finds them", () => {
  for (let stream = 0; stream < 300; stream++) {
    const random = new Random(5, stream);
    const step = random.one([1, 1, 7, 1000, 0x0100_0000]);
    const spans: Span[] = Array.from({ length: random.between(0, 40) }, (_, entry) => {
      const first = random.below(60);
      return { first: first * step, last: (first + random.below(random.one([1, 3, 30]))) * step + step - 1, entry };
    });
    const made = finish(cut(spans, () => false));
    for (let cell = 0; cell < 100; cell++)
      for (const address of [cell * step, cell * step + step - 1]) {
        const k = seek(made, address);
        const isOver = k < made.count && (made.firsts[k] as number) <= address && address <= (made.lasts[k] as number);
        const entries = isOver ? [...made.entries.subarray(made.from[k], made.from[k + 1])] : [];
        const expected = spans.filter(({ first, last }) => first <= address && address <= last).map(({ entry }) => entry);
        assert.equal(entries, expected, `stream ${stream}, address ${address}`);
        if (k < made.count) assert.ok((made.lasts[k] as number) >= address);
        if (k > 0) assert.ok((made.lasts[k - 1] as number) < address);
      }
    assert.is(seek(made, 0xffff_ffff), made.count);
    for (let k = 1; k < made.count; k++) assert.ok((made.firsts[k] as number) > (made.lasts[k - 1] as number), "disjoint and sorted");
  }
  assert.is(seek(NO_INTERVALS, 0), 0);
});

intervals("the pages of a table stay in proportion to its intervals", () => {
  for (const [count, gap] of [
    [1, 0xffff],
    [3, 20_000],
    [1000, 65],
    [40_000, 1],
    [2, 0xffff_0000],
  ] as const) {
    const spans = Array.from({ length: count }, (_, entry) => ({ first: entry * gap, last: entry * gap, entry }));
    const { pages } = finish(cut(spans, () => false));
    assert.ok(pages.length <= 2 * count + 2, `${pages.length} pages for ${count}`);
  }
});

intervals("a large set is cut in slices, and stops when told to", () => {
  const spans = Array.from({ length: 5000 }, (_, entry) => ({ first: 2 * entry, last: 2 * entry, entry }));
  let slices = 0;
  const work = cut(spans, () => false);
  while (!work.next().done) slices += 1;
  assert.ok(slices >= 5, `${slices}`);
  assert.is(finish(cut(spans, (first) => first >= 100)).count, 51);
});

intervals.run();
