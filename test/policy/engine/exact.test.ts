/** Limits cross from decimal to device numbers without a rounding nobody asked for; held against a second implementation and IEEE 754's neighbours. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ceil, ceilFloat, compare, type FloatWidth, type Fraction, floor, floorFloat, nearestFloat, ofDouble } from "#policy/exact";
import { nearestFloat as nearestByProcess } from "#process/decimal";
import { Random } from "./random.ts";

const exact = suite("policy/exact");

/** The next float up, by its bits: floats of one sign are ordered as their bits are. */
function nextUp(value: number, width: FloatWidth): number {
  const view = new DataView(new ArrayBuffer(8));
  if (width === 32) {
    view.setFloat32(0, value === 0 ? 0 : value);
    view.setInt32(0, view.getInt32(0) + (value < 0 ? -1 : 1));
    return view.getFloat32(0);
  }
  view.setFloat64(0, value === 0 ? 0 : value);
  view.setBigInt64(0, view.getBigInt64(0) + (value < 0 ? -1n : 1n));
  return view.getFloat64(0);
}

function randomFraction(random: Random): Fraction {
  const big = (): bigint => BigInt(random.below(2 ** 31)) * 2n ** BigInt(random.one([0, 0, 0, 31, 100, 140])) + BigInt(random.below(1000));
  const top = random.chance(5) ? 0n : big();
  return { top: random.chance(50) ? -top : top, bottom: random.one([1n, 10n, 1000n, 3n, 10n ** 20n, 10n ** 50n, big() + 1n]) };
}

exact("floor and ceiling floats are the last ones inside", () => {
  for (let i = 0; i < 4000; i++) {
    const random = new Random(9, i);
    const width = random.one([32, 64] as const);
    const f = random.chance(20)
      ? ofDouble(random.one([0.5, -0.5, 2 ** -149, 1, 2 ** 24, -(2 ** 24) - 1, 16777217, 0.1]))
      : randomFraction(random);
    const below = floorFloat(f, width);
    const above = ceilFloat(f, width);
    if (Number.isFinite(below)) {
      assert.is(width === 32 ? Math.fround(below) : below, below, "is a float of its width");
      assert.ok(compare(ofDouble(below), f) <= 0);
      const next = nextUp(below, width);
      assert.ok(!Number.isFinite(next) || compare(ofDouble(next), f) > 0, `${f.top}/${f.bottom}: ${next} fits as well`);
    }
    if (Number.isFinite(above)) assert.ok(compare(ofDouble(above), f) >= 0);
    assert.ok(compare({ top: floor(f), bottom: 1n }, f) <= 0 && compare({ top: floor(f) + 1n, bottom: 1n }, f) > 0);
    assert.ok(compare({ top: ceil(f), bottom: 1n }, f) >= 0 && compare({ top: ceil(f) - 1n, bottom: 1n }, f) < 0);
    const nearest = nearestFloat(f, width);
    const other = nearestByProcess(f.top, f.bottom, width);
    // Beyond the largest float there is none: NaN here, so that nothing is a member of such a set.
    if (Number.isFinite(nearest)) assert.ok(nearest === other, `${f.top}/${f.bottom} at ${width}: ${nearest} and ${other}`);
    else assert.ok(!Number.isFinite(below) || !Number.isFinite(above));
  }
});

exact("the edges of what floats can hold", () => {
  const beyond = { top: 10n ** 40n, bottom: 1n };
  assert.is(floorFloat(beyond, 32), 3.4028234663852886e38);
  assert.is(ceilFloat(beyond, 32), Number.POSITIVE_INFINITY);
  assert.is(floorFloat({ top: -(10n ** 40n), bottom: 1n }, 32), Number.NEGATIVE_INFINITY);
  assert.is(floorFloat({ top: 10n ** 400n, bottom: 1n }, 64), Number.MAX_VALUE);
  assert.is(floorFloat({ top: 1n, bottom: 10n ** 60n }, 32), 0, "smaller than the smallest");
  assert.is(ceilFloat({ top: 1n, bottom: 10n ** 60n }, 32), 2 ** -149);
  assert.is(ceilFloat({ top: 1n, bottom: 10n ** 400n }, 64), Number.MIN_VALUE);
});

exact.run();
