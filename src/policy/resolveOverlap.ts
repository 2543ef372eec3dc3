/** Can two rules speak of one request? For the loader and for lint, which compare rules with rules; no request is judged here. */
import type { Space } from "#operation";
import type { AssetModel, Point } from "#process/points";
import type { ControlLimits, Rule } from "./model.ts";

/** One stretch of addresses a rule is about. `mask`: the bits of each cell. */
export interface Extent {
  readonly unit: number;
  readonly space: number;
  readonly first: number;
  readonly last: number;
  readonly mask: number;
}

const WHOLE_CELL = 0xffff;

/** Null: everything its verbs can be about. */
export function extentsOf(rule: Rule, model: AssetModel): readonly Extent[] | null {
  const { scope, units } = rule;
  switch (scope.is) {
    case "points":
      return scope.points.flatMap((index) => {
        const point = model.points[index];
        return point === undefined || !units.includes(point.unitId) ? [] : [extentOf(point)];
      });
    case "addresses":
      return units.flatMap((unit) => scope.ranges.map(([first, last]) => ({ unit, space: scope.space, first, last, mask: WHOLE_CELL })));
    default:
      return null;
  }
}

export function extentOf(point: Point): Extent {
  const mask = point.type === "bit" ? 1 << (point.bit ?? 0) : WHOLE_CELL;
  return { unit: point.unitId, space: point.space, first: point.first, last: point.last, mask };
}

/** Is there a request that both rules, of one asset, are about? Conditions (hours, values, rate) are not looked at. */
export function touches(a: Rule, b: Rule, model: AssetModel): boolean {
  if (a.asset !== b.asset || !a.units.some((unit) => b.units.includes(unit)) || !shareVerb(a, b)) return false;
  if (!meet(a.functions, b.functions) || !meet(a.vias, b.vias) || !meet(a.objects, b.objects)) return false;
  if (!meet(a.control?.codes ?? null, b.control?.codes ?? null)) return false;
  const left = extentsOf(a, model);
  const right = extentsOf(b, model);
  if (left === null || right === null) return true;
  return left.some((one) => right.some((other) => extentsTouch(one, other)));
}

export function extentsTouch(a: Extent, b: Extent): boolean {
  return a.unit === b.unit && a.space === b.space && a.first <= b.last && b.first <= a.last && (a.mask & b.mask) !== 0;
}

/** Does `outer` speak of everything that `inner` speaks of, whatever is written and whenever? Never a false yes. */
export function contains(outer: Rule, inner: Rule, model: AssetModel, spaces: readonly Space[]): boolean {
  if (outer.asset !== inner.asset || outer.hours !== null || outer.state !== null) return false;
  if (!inner.units.every((unit) => outer.units.includes(unit)) || !inner.verbs.every((verb) => outer.verbs.includes(verb))) return false;
  if (!lists(outer.functions, inner.functions) || !lists(outer.vias, inner.vias) || !lists(outer.objects, inner.objects)) return false;
  if (!commands(outer.control, inner.control) || !named(outer.files, inner.files)) return false;
  const right = extentsOf(inner, model);
  if (outer.scope.is === "device") return inner.scope.is === "device";
  if (outer.scope.is === "process") {
    // A deny is about every place; a grant without one is not about those that want to be named.
    const wild = (space: number): boolean => inner.verbs.every((verb) => spaces[space]?.wild.includes(verb));
    return outer.effect === "deny" || right === null || right.every(({ space }) => wild(space));
  }
  if (right === null) return false;
  const left = extentsOf(outer, model) ?? [];
  return right.every((part) => left.some((whole) => extentContains(whole, part)));
}

/** Null lists everything. */
function meet(a: readonly number[] | null, b: readonly number[] | null): boolean {
  return a === null || b === null || a.some((number) => b.includes(number));
}

function lists(outer: readonly number[] | null, inner: readonly number[] | null): boolean {
  return outer === null || (inner?.every((number) => outer.includes(number)) ?? false);
}

/** Two names may say the same in other words; that is a no. */
function named(outer: readonly string[] | null, inner: readonly string[] | null): boolean {
  return outer === null || (inner?.every((name) => outer.includes(name)) ?? false);
}

function commands(outer: ControlLimits | null, inner: ControlLimits | null): boolean {
  if (outer === null) return true;
  if (inner === null || !lists(outer.codes, inner.codes)) return false;
  return (["count", "onTimeMs", "offTimeMs"] as const).every((key) => outer[key][0] <= inner[key][0] && inner[key][1] <= outer[key][1]);
}

function extentContains(whole: Extent, part: Extent): boolean {
  if (whole.unit !== part.unit || whole.space !== part.space) return false;
  return whole.first <= part.first && part.last <= whole.last && (part.mask & ~whole.mask) === 0;
}

function shareVerb(a: Rule, b: Rule): boolean {
  return a.verbs.some((verb) => b.verbs.includes(verb));
}
