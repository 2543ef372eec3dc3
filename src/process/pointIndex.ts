/** Which named points lie over an address range; for records and status, not for decisions. */
import type { Point } from "./points.ts";

/** Registers of the longest point there can be (a string): how far before a range a point that reaches into it may start. */
const LONGEST = 125;

export class PointIndex {
  /** By unit and space, ascending by first address. */
  readonly #lists = new Map<number, Point[]>();

  constructor(points: readonly Point[]) {
    for (const point of points) {
      const key = point.unitId * 256 + point.space;
      const list = this.#lists.get(key);
      if (list === undefined) this.#lists.set(key, [point]);
      else list.push(point);
    }
    for (const list of this.#lists.values()) list.sort((a, b) => a.first - b.first || a.index - b.index);
  }

  in(unit: number, space: number, first: number, last: number): readonly Point[] {
    const list = this.#lists.get(unit * 256 + space);
    if (list === undefined) return [];
    const found: Point[] = [];
    for (let at = startOf(list, first - LONGEST); at < list.length; at++) {
      const point = list[at] as Point;
      if (point.first > last) break;
      if (point.last >= first) found.push(point);
    }
    return found;
  }
}

/** Position of the first point that starts at or after `address`. */
function startOf(list: readonly Point[], address: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as Point).first < address) low = middle + 1;
    else high = middle;
  }
  return low;
}
