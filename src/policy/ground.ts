/** What stands at each address of an asset, whoever asks: units, points, and the limits that bind every role. Made once per asset and load. */
import type { Space } from "#operation";
import type { AssetModel, Point } from "#process/points";
import { type Bounds, pointBounds } from "./bounds.ts";
import { cut, type Intervals, NO_INTERVALS, type Span, seek } from "./intervals.ts";
import { type Shape, shapeOf } from "./shape.ts";

export interface Ground {
  readonly model: AssetModel;
  readonly spaces: readonly Space[];
  /** Canonical unit ids; a unit's position is its slot. */
  readonly units: readonly number[];
  /** Slot by unit id as asked for, aliases resolved; -1 where the device has no such unit. */
  readonly slots: Int16Array;
  /** By point index. */
  readonly spots: readonly Spot[];
  /** Points over each address, by `slot * spaces.length + space`; entries are point indexes. */
  readonly layouts: readonly Intervals[];
  /** Cells over which some rule of the policy limits changes, laid out alike; null where none does. Not the ground's own: compile adds it. */
  readonly counted: readonly Intervals[] | null;
}

/** One point as the engine needs it. */
export interface Spot {
  readonly index: number;
  readonly space: number;
  readonly first: number;
  readonly last: number;
  /** The bits of each of its cells that are its own. */
  readonly mask: number;
  readonly isBit: boolean;
  /** Neither a bit nor another name: what an unnamed look at the address finds. */
  readonly isPrimary: boolean;
  /** More than one cell, whole or not at all (RULINGS 2). */
  readonly isWide: boolean;
  readonly readOnly: boolean;
  /** The point its changes are counted under: itself, or what it is another name of. */
  readonly canonical: number;
  readonly shape: Shape;
  readonly limits: Bounds | null;
}

/** A generator, so that an asset of many points is laid out in slices off the event loop. */
export function* groundOf(model: AssetModel, spaces: readonly Space[]): Generator<void, Ground> {
  const slots = new Int16Array(Math.max(UNIT_IDS, ...model.units.map((unit) => unit + 1))).fill(-1);
  model.units.forEach((unit, slot) => {
    slots[unit] = slot;
  });
  for (const [alias, unit] of model.unitAliases) slots[alias] = slots[unit] as number;
  const places: Span[][] = model.units.flatMap(() => spaces.map(() => []));
  for (const point of model.points) {
    const slot = slots[point.unitId] ?? -1;
    if (slot < 0) continue;
    places[slot * spaces.length + point.space]?.push({ first: point.first, last: point.last, entry: point.index });
  }
  const layouts: Intervals[] = [];
  for (const spans of places) layouts.push(spans.length === 0 ? NO_INTERVALS : yield* cut(spans, () => false));
  const spots: Spot[] = [];
  for (const point of model.points) {
    spots.push(spotOf(point, spaces));
    if (spots.length % POINTS_PER_SLICE === 0) yield;
  }
  return { model, spaces, units: model.units, slots, spots, layouts, counted: null };
}

/** All the bits of one cell. */
export function fullMask(space: Space | undefined): number {
  return space?.bits === 1 ? 1 : 0xffff;
}

/**
 * The point a reader would name at an address: what stands there whole, else the bit; -1 where nothing has a name.
 *
 * @param bitFirst  a masked write speaks of bits: name the bit where there is one.
 */
export function pointAt(ground: Ground, layout: Intervals, address: number, bits: number, bitFirst: boolean): number {
  const k = seek(layout, address);
  if (k >= layout.count || (layout.firsts[k] as number) > address) return -1;
  let whole = -1;
  let bit = -1;
  for (let i = layout.from[k] as number; i < (layout.from[k + 1] as number); i++) {
    const spot = ground.spots[layout.entries[i] as number] as Spot;
    if (whole < 0 && spot.isPrimary) whole = spot.index;
    if (bit < 0 && spot.isBit && (spot.mask & bits) !== 0) bit = spot.index;
  }
  return bitFirst ? (bit >= 0 ? bit : whole) : whole >= 0 ? whole : bit;
}

/** As many as Modbus has; the address of an outstation may be larger. */
const UNIT_IDS = 256;
const POINTS_PER_SLICE = 128;

function spotOf(point: Point, spaces: readonly Space[]): Spot {
  const isBit = point.type === "bit";
  return {
    index: point.index,
    space: point.space,
    first: point.first,
    last: point.last,
    mask: isBit ? 1 << (point.bit ?? 0) : fullMask(spaces[point.space]),
    isBit,
    isPrimary: !isBit && point.aliasOf === null,
    isWide: !isBit && point.last > point.first,
    readOnly: point.access === "r",
    canonical: point.aliasOf ?? point.index,
    shape: shapeOf(point),
    limits: pointBounds(point),
  };
}
