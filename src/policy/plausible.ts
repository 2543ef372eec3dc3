/**
 * Is what a device shows at a point of several registers a value that can be (RULINGS 7)? A word order that is wrong, in the points file or
 * after a firmware update, shows as values out of the world; writing then would send another such value the other way.
 */
import type { AssetModel, Point } from "#process/points";
import { type Bounds, ruleBounds } from "./bounds.ts";
import { type Cells, type Shape, shapeOf } from "./shape.ts";
import { isSubnormalAt, judgeFitness } from "./value.ts";

interface Watched {
  readonly index: number;
  readonly first: number;
  readonly last: number;
  readonly shape: Shape;
  readonly range: Bounds | null;
}

/** The wide points of one asset, by unit and space, ascending. Made once per load. */
export class Plausible {
  readonly #watched = new Map<number, readonly Watched[]>();

  constructor(model: AssetModel) {
    const places = new Map<number, Watched[]>();
    for (const point of model.points) {
      if (!isWatched(point)) continue;
      const key = keyOf(model.unitAliases.get(point.unitId) ?? point.unitId, point.space);
      const list = places.get(key) ?? [];
      list.push({ index: point.index, first: point.first, last: point.last, shape: shapeOf(point), range: rangeOf(point) });
      places.set(key, list);
    }
    for (const [key, list] of places)
      this.#watched.set(
        key,
        list.sort((a, b) => a.first - b.first),
      );
  }

  /**
   * Mark every point that a reading shows whole: 1 where its value cannot be, 0 where it can.
   *
   * @param first address of the first cell
   * @param marks by point index
   */
  mark(unit: number, space: number, first: number, last: number, cells: Cells, marks: Uint8Array): void {
    const list = this.#watched.get(keyOf(unit, space));
    if (list === undefined) return;
    for (let i = startOf(list, first); i < list.length; i++) {
      const watched = list[i] as Watched;
      if (watched.first > last) return;
      if (watched.last <= last) marks[watched.index] = isPlausible(watched, cells, first) ? 0 : 1;
    }
  }
}

/** A point of several registers that is a number. A float shows a wrong word order even where no range is stated. */
export function isWatched(point: Point): boolean {
  if (point.last === point.first || point.type === "string") return false;
  return point.plausibleMin !== null || point.type === "float32" || point.type === "float64" || point.type === "number";
}

function isPlausible({ shape, range }: Watched, cells: Cells, start: number): boolean {
  return judgeFitness(shape, range, cells, start) === 0 && !isSubnormalAt(shape, cells, start);
}

function rangeOf(point: Point): Bounds | null {
  if (point.plausibleMin === null || point.plausibleMax === null) return null;
  const values = { min: point.plausibleMin, max: point.plausibleMax, set: null, maxStep: null, maxChanges: null };
  return ruleBounds(values, point, point.index);
}

/** Index of the first that begins at or after `first`. */
function startOf(list: readonly Watched[], first: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((list[middle] as Watched).first < first) low = middle + 1;
    else high = middle;
  }
  return low;
}

function keyOf(unit: number, space: number): number {
  return unit * 256 + space;
}
