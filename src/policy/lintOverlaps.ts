/**
 * Places that two rules of one role both let be written: a limit that another rule does not have is no limit. One sweep over the rules'
 * addresses, so that ten thousand rules are compared with their neighbours and not with each other.
 */
import { isWriting, type Space } from "#operation";
import type { AssetModel } from "#process/points";
import type { Rule } from "./model.ts";
import { type Extent, extentsOf, extentsTouch, touches } from "./resolveOverlap.ts";

export interface Overlap {
  /** By order in the document. */
  readonly first: Rule;
  readonly second: Rule;
  readonly space: number;
  readonly from: number;
  readonly to: number;
}

/** More would be read by nobody. */
const MOST = 1000;

/** @param rules  of one asset */
export function overlaps(rules: readonly Rule[], model: AssetModel, spaces: readonly Space[]): Overlap[] {
  const stretches = rules.filter(grantsWrite).flatMap((rule) => stretchesOf(rule, model, spaces).map((extent) => ({ rule, extent })));
  stretches.sort((a, b) => a.extent.unit - b.extent.unit || a.extent.space - b.extent.space || a.extent.first - b.extent.first);
  const found = new Map<string, Overlap>();
  let open: { readonly rule: Rule; readonly extent: Extent }[] = [];
  for (const next of stretches) {
    const { unit, space, first } = next.extent;
    open = open.filter(({ extent }) => extent.unit === unit && extent.space === space && extent.last >= first);
    for (const { rule, extent } of open) {
      if (found.size >= MOST) return [...found.values()];
      if (rule === next.rule || !extentsTouch(extent, next.extent) || !touches(rule, next.rule, model)) continue;
      const [a, b] = rule.order < next.rule.order ? [rule, next.rule] : [next.rule, rule];
      const key = `${a.order} ${b.order}`;
      const to = Math.min(extent.last, next.extent.last);
      if (!found.has(key)) found.set(key, { first: a, second: b, space, from: first, to });
    }
    open.push(next);
  }
  return [...found.values()];
}

function grantsWrite(rule: Rule): boolean {
  return rule.effect === "allow" && rule.verbs.some(isWriting);
}

function stretchesOf(rule: Rule, model: AssetModel, spaces: readonly Space[]): readonly Extent[] {
  const extents = extentsOf(rule, model);
  if (extents !== null) return extents;
  return rule.units.flatMap((unit) =>
    spaces.flatMap((space, i) =>
      space.wild.some((verb) => isWriting(verb) && rule.verbs.includes(verb)) && space.writable
        ? [{ unit, space: i, first: 0, last: space.last, mask: 0xffff }]
        : [],
    ),
  );
}
