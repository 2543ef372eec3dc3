import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Plausible } from "#policy/plausible";
import { decimal } from "#process/decimal";
import type { Point } from "#process/points";
import { HOLDING, Plant } from "./plant.ts";

const plausible = suite("policy/plausible");

/** Marks after one reading of holding registers from 40 on. */
function marks(type: Point["type"], words: readonly number[], range: readonly [number, number] | null, more: Partial<Point> = {}): number {
  const { model } = new Plant({ points: { flow: { at: 40, type } } });
  const point = {
    ...(model.points[0] as Point),
    plausibleMin: range === null ? null : decimal(BigInt(range[0]), 0),
    plausibleMax: range === null ? null : decimal(BigInt(range[1]), 0),
    ...more,
  };
  const found = new Uint8Array([7]);
  const octets = Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]));
  new Plausible({ ...model, points: [point] }).mark(
    1,
    point.space,
    40,
    39 + words.length,
    { is: "cells", octets, at: 0, bits: 16, keep: 0 },
    found,
  );
  return found[0] as number;
}

plausible("RULINGS 7: a value within its range can be, one outside it, NaN and the infinities cannot", () => {
  assert.is(marks("float32", [0x4120, 0], [0, 100]), 0, "10");
  assert.is(marks("float32", [0x42c9, 0], [0, 100]), 1, "100.5");
  assert.is(marks("float32", [0x42c8, 0], [0, 100]), 0, "100");
  assert.is(marks("float32", [0x7fc0, 0], null), 1, "NaN");
  assert.is(marks("float32", [0xff80, 0], null), 1, "-infinity");
  assert.is(marks("int32", [0xffff, 0xffff], [0, 100]), 1, "-1");
  assert.is(marks("uint64", [0, 0, 0, 100], [0, 100]), 0);
  assert.is(marks("uint64", [0, 0, 0, 101], [0, 100]), 1);
});

plausible("RULINGS 7: 10.0 with its words swapped is subnormal; zero is not", () => {
  assert.is(marks("float32", [0, 0x4120], null), 1, "2.3e-41");
  assert.is(marks("float32", [0, 0x4120], null, { wordOrder: "little" }), 0);
  assert.is(marks("float32", [0, 0], null), 0);
  assert.is(marks("float32", [0x8000, 0], null), 0, "-0");
  assert.is(marks("float64", [0, 0, 0, 0x4024], null), 1);
});

plausible("what is read in part, or is of one register, or has no range, tells nothing", () => {
  assert.is(marks("float32", [0x7fc0], null), 7);
  assert.is(marks("uint16", [0xffff], [0, 10]), 7);
  assert.is(marks("uint32", [0xffff, 0xffff], null), 7);
});

plausible("RULINGS 3, 7: a point listed under an alias of its unit is judged as one of that unit", () => {
  for (const unitId of [1, 11]) {
    const { model } = new Plant({ units: [1], unitAliases: [[11, 1]], points: { flow: { at: 40, type: "float32", unitId } } });
    const found = new Uint8Array(1);
    const octets = Uint8Array.of(0x7f, 0xc0, 0, 0);
    new Plausible(model).mark(1, HOLDING, 40, 41, { is: "cells", octets, at: 0, bits: 16, keep: 0 }, found);
    assert.is(found[0], 1, `unit ${unitId}`);
  }
});

plausible.run();
