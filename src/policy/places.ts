/**
 * Where changes are counted. `max_changes` holds per asset, unit and point over all subjects and rules (RULINGS 10), so every allowed write
 * to a place that some rule counts takes its place in the window, whichever rule allowed it. A place is a point's index (the point itself
 * where it is another name), or `placeOf` an address that no point names as a whole; a bit has its own, beside that of its word.
 */
import { isWriting, type Operation } from "#operation";
import type { Present } from "./decision.ts";
import type { Ground, Spot } from "./ground.ts";
import { cut, type Intervals, NO_INTERVALS, type Span, seek } from "./intervals.ts";
import type { Rule } from "./model.ts";
import type { Cells } from "./shape.ts";
import { leavesAlone, placeOf } from "./value.ts";

/** The first `count` of each list. */
export interface Places {
  readonly count: number;
  readonly units: Int32Array;
  readonly places: Int32Array;
}

/**
 * The places that these operations change and some rule counts, each once per operation and unit.
 *
 * @param present  what stands in the device; a place that is written as it stands is not changed. Null: nobody has looked
 * @returns one object for all callers, valid until the next call: nothing is made per message
 */
export function placesOf(ground: Ground, operations: readonly Operation[], present: Present | null): Places {
  found.count = 0;
  if (ground.counted === null) return found;
  for (let i = 0; i < operations.length; i++) {
    const operation = operations[i] as Operation;
    // What only arms the device changes nothing yet.
    if (!isWriting(operation.verb) || operation.verb === "select") continue;
    if (operation.broadcast) {
      for (let slot = 0; slot < ground.units.length; slot++) addPlaces(ground, ground.counted, operation, slot, present);
    } else {
      const slot = ground.slots[operation.unit] ?? -1;
      if (slot >= 0) addPlaces(ground, ground.counted, operation, slot, present);
    }
  }
  return found;
}

/**
 * The cells over which some rule limits changes, by `slot * spaces + space`: disjoint, and no point lies partly in one.
 *
 * @returns null where no rule limits changes
 */
export function* countedCells(ground: Ground, rules: readonly Rule[]): Generator<void, readonly Intervals[] | null> {
  const limiting = rules.filter(
    (rule) => rule.effect === "allow" && rule.verbs.some(isWriting) && (rule.values?.maxChanges ?? null) !== null,
  );
  if (limiting.length === 0) return null;
  const ranges: Range[][] = ground.layouts.map(() => []);
  for (const rule of limiting) for (const { lane, range } of cellsOf(ground, rule)) ranges[lane]?.push(range);
  const lanes: Intervals[] = [];
  for (const [lane, named] of ranges.entries()) {
    const cells = yield* cut(merged(named), () => false);
    const whole = ground.spots.filter((spot) => laneOf(ground, spot) === lane && isOver(cells, spot)).map(rangeOf);
    lanes.push(yield* cut(merged([...named, ...whole]), () => false));
  }
  return lanes;
}

function addPlaces(
  ground: Ground,
  counted: readonly Intervals[],
  { target, values }: Operation,
  slot: number,
  present: Present | null,
): void {
  if (target.at !== "range") return;
  const { space, first, last } = target;
  const unit = ground.units[slot] as number;
  const touched = values.is === "cells" ? 0xffff & ~values.keep : 0xffff;
  const cells = counted[slot * ground.spaces.length + space] ?? NO_INTERVALS;
  const layout = ground.layouts[slot * ground.spaces.length + space] ?? NO_INTERVALS;
  look(present, values.is === "cells" ? values : null, unit, space, first, last);
  for (let k = seek(cells, first); k < cells.count && (cells.firsts[k] as number) <= last; k++) {
    const from = Math.max(cells.firsts[k] as number, first);
    const to = Math.min(cells.lasts[k] as number, last);
    let at = seek(layout, from);
    for (let address = from; address <= to; address++) {
      while (at < layout.count && (layout.lasts[at] as number) < address) at += 1;
      if (at < layout.count && (layout.firsts[at] as number) <= address) addNamed(ground, layout, at, unit, space, address, first, touched);
      else if (!stays(address, address, 0xffff)) add(unit, placeOf(space, address));
    }
  }
}

/** The points over one address, each at the first of its cells that is written; and the address itself where only bits have a name. */
function addNamed(
  ground: Ground,
  layout: Intervals,
  at: number,
  unit: number,
  space: number,
  address: number,
  first: number,
  touched: number,
): void {
  let whole = false;
  for (let i = layout.from[at] as number; i < (layout.from[at + 1] as number); i++) {
    const spot = ground.spots[layout.entries[i] as number] as Spot;
    if (spot.isPrimary) whole = true;
    if (spot.canonical !== spot.index || (spot.mask & touched) === 0) continue;
    if (address === Math.max(spot.first, first) && !stays(spot.first, spot.last, spot.mask)) add(unit, spot.index);
  }
  if (!whole && !stays(address, address, 0xffff)) add(unit, placeOf(space, address));
}

/** The write that `stays` is asked about. */
const looked: {
  present: Present | null;
  cells: Cells | null;
  unit: number;
  space: number;
  first: number;
  last: number;
} = { present: null, cells: null, unit: 0, space: 0, first: 0, last: 0 };

function look(present: Present | null, cells: Cells | null, unit: number, space: number, first: number, last: number): void {
  looked.present = present;
  looked.cells = cells;
  looked.unit = unit;
  looked.space = space;
  looked.first = first;
  looked.last = last;
}

/** Is what is written from `from` to `to` what stands there already, in the bits of `mask`? */
function stays(from: number, to: number, mask: number): boolean {
  const { present, cells, unit, space, first, last } = looked;
  if (present === null || cells === null) return false;
  const end = Math.min(to, last);
  return leavesAlone(cells, first, Math.max(from, first), end, mask, present, unit, space);
}

function add(unit: number, place: number): void {
  if (found.count === found.units.length) {
    found.units = grown(found.units);
    found.places = grown(found.places);
  }
  found.units[found.count] = unit;
  found.places[found.count] = place;
  found.count += 1;
}

/** Grows with the largest write ever seen: at most every cell and bit of one message, on every unit of a broadcast. */
function grown(list: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * list.length);
  larger.set(list);
  return larger;
}

const found = { count: 0, units: new Int32Array(256), places: new Int32Array(256) };

type Range = readonly [first: number, last: number];

function* cellsOf(ground: Ground, rule: Rule): Iterable<{ readonly lane: number; readonly range: Range }> {
  const { scope } = rule;
  const slots = new Set(rule.units.map((unit) => ground.slots[unit] ?? -1));
  slots.delete(-1);
  const width = ground.spaces.length;
  switch (scope.is) {
    case "points":
      for (const index of scope.points) {
        const spot = ground.spots[index] as Spot;
        const lane = laneOf(ground, spot);
        if (slots.has(Math.floor(lane / width))) yield { lane, range: rangeOf(spot) };
      }
      return;
    case "addresses":
      for (const slot of slots) for (const range of scope.ranges) yield { lane: slot * width + scope.space, range };
      return;
    case "process":
      for (const slot of slots)
        for (const [number, space] of ground.spaces.entries())
          if (space.wild.some((verb) => isWriting(verb) && rule.verbs.includes(verb)))
            yield { lane: slot * width + number, range: [0, space.last] };
      return;
    case "device":
  }
}

/** -1 where the device has no such unit. */
function laneOf(ground: Ground, spot: Spot): number {
  const slot = ground.slots[ground.model.points[spot.index]?.unitId ?? -1] ?? -1;
  return slot < 0 ? -1 : slot * ground.spaces.length + spot.space;
}

function rangeOf({ first, last }: Spot): Range {
  return [first, last];
}

function isOver(cells: Intervals, { first, last }: Spot): boolean {
  const k = seek(cells, first);
  return k < cells.count && (cells.firsts[k] as number) <= last;
}

/** Overlapping and adjacent ranges made one. */
function merged(ranges: readonly Range[]): Span[] {
  const spans: { first: number; last: number; entry: number }[] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = spans.at(-1);
    if (before !== undefined && first <= before.last + 1) before.last = Math.max(before.last, last);
    else spans.push({ first, last, entry: 0 });
  }
  return spans;
}
