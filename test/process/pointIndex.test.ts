/** The index of named points against a look at every one of them. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { PointIndex } from "#process/pointIndex";
import type { Point } from "#process/points";

const index = suite("process/pointIndex");

const place = fc.record({
  unitId: fc.constantFrom(0, 1, 255),
  space: fc.constantFrom(0, 3),
  first: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 65_400, max: 65_535 })),
  length: fc.oneof(fc.constantFrom(1, 2, 4, 124, 125), fc.integer({ min: 1, max: 125 })),
});

index("property: every point with a cell in the range, by address, then as they are listed", () => {
  fc.assert(
    fc.property(
      fc.array(place, { maxLength: 40 }),
      fc.integer({ min: 0, max: 400 }),
      fc.integer({ min: 0, max: 200 }),
      (places, at, more) => {
        const points = places.map(
          ({ unitId, space, first, length }, i) =>
            ({ index: i, unitId, space, first, last: Math.min(first + length - 1, 65_535) }) as Point,
        );
        const built = new PointIndex(points);
        for (const unit of [0, 1, 255])
          for (const space of [0, 3])
            for (const [first, last] of [
              [at, at + more],
              [65_400, 65_535],
              [0, 65_535],
            ] as const) {
              const naive = points
                .filter((p) => p.unitId === unit && p.space === space && p.first <= last && p.last >= first)
                .sort((a, b) => a.first - b.first || a.index - b.index);
              assert.equal(
                built.in(unit, space, first, last).map((p) => p.index),
                naive.map((p) => p.index),
              );
            }
      },
    ),
    { numRuns: 300, seed: 4711 },
  );
});

index.run();
