/**
 * `values`: what a write may put at the places a rule names. Limits are kept as exact decimals in the point's unit; compiling turns them into
 * raw words.
 *
 * @source RULINGS 2 (several points share unit and type), 3 (raw limits are unsigned 16-bit words), 7, 8 (no step where there is no distance)
 */
import { quoted } from "#documents/problems";
import type { Path } from "#documents/yaml";
import type { Space, Vocabulary } from "#operation";
import { compareDecimals, formatDecimal } from "#process/decimal";
import type { AssetModel, Decimal, Point } from "#process/points";
import { canHold } from "./bounds.ts";
import type { Desk } from "./loadDesk.ts";
import type { Scope, Values } from "./model.ts";
import type { ValuesDocument } from "./schema.ts";

/** What kind of value stands at the places of a rule. */
interface Kind {
  /** `switch`: a bool, a bit, a coil. */
  readonly is: "number" | "switch" | "text" | "mixed";
  readonly said: string;
  /** The points of the rule; empty where it names addresses or nothing. */
  readonly points: readonly Point[];
}

export function resolveValues(
  desk: Desk,
  values: ValuesDocument,
  scope: Scope,
  asset: AssetModel,
  vocabulary: Vocabulary,
  path: Path,
): Values {
  const { min = null, max = null, set = null, max_step: maxStep = null, max_changes: maxChanges = null } = values;
  const resolved: Values = { min, max, set, maxStep, maxChanges };
  if (min === null && max === null && set === null && maxStep === null && maxChanges === null) {
    desk.refuse(path, "at least one of: min and max, set, max_step, max_changes", "values without a limit");
    return resolved;
  }
  const kind = kindOf(desk, scope, asset, vocabulary, path);
  if (kind === null) return resolved;
  if (min !== null && max === null) desk.missing(path, "max", "max beside min: a limit on one side is half a limit");
  if (max !== null && min === null) desk.missing(path, "min", "min beside max: a limit on one side is half a limit");
  for (const [key, limit] of [
    ["min", min],
    ["max", max],
  ] as const)
    if (limit !== null) checkLimit(desk, kind, limit, [...path, key]);
  if (min !== null && max !== null && compareDecimals(min, max) > 0)
    desk.refuse([...path, "max"], `max of at least ${formatDecimal(min)}, which is min`, formatDecimal(max));
  if (set !== null) for (const [i, member] of set.entries()) checkMember(desk, kind, set, member, i, [...path, "set"]);
  if (maxStep !== null) checkStep(desk, kind, maxStep, set, [...path, "max_step"]);
  return resolved;
}

function kindOf(desk: Desk, scope: Scope, asset: AssetModel, vocabulary: Vocabulary, path: Path): Kind | null {
  switch (scope.is) {
    case "device":
      desk.refuse(path, "values only where the rule names points or addresses", "values on a device as a whole");
      return null;
    case "process":
      if (vocabulary.spaces.some(isCommanded)) return refuseCommanded(desk, "every table", path);
      return { is: "mixed", said: "every table", points: [] };
    case "addresses": {
      const space = vocabulary.spaces[scope.space];
      if (space !== undefined && space.stride > 1) {
        desk.refuse(
          path,
          "points of the points file: the unit and scale of a number are stated there",
          `values on the ${space.name} table`,
        );
        return null;
      }
      if (space !== undefined && isCommanded(space)) return refuseCommanded(desk, `the ${space.name} table`, path);
      return { is: space?.bits === 1 ? "switch" : "number", said: `the ${space?.name ?? ""} table`, points: [] };
    }
    case "points": {
      const points = scope.points.map((index) => asset.points[index] as Point);
      const [first] = points as [Point];
      const other = points.find((point) => point.type !== first.type || point.unit !== first.unit);
      if (other !== undefined) {
        const told = `values over ${quoted(first.name)} (${sayType(first)}) and ${quoted(other.name)} (${sayType(other)})`;
        desk.refuse(path, "points of one type and one unit, or a rule for each", told);
        return null;
      }
      const said = `${quoted(first.name)}, a ${first.type}`;
      const space = vocabulary.spaces[first.space];
      if (space !== undefined && isCommanded(space)) return refuseCommanded(desk, `${quoted(first.name)} of the ${space.name} table`, path);
      if (first.type === "string") return { is: "text", said, points };
      return { is: first.type === "bool" || first.type === "bit" ? "switch" : "number", said, points };
    }
  }
}

/** Outputs that are told what to do, not what to be: a command carries no value that a limit could be held against. */
function isCommanded({ bits, verbs }: Space): boolean {
  return bits === 1 && verbs.includes("operate");
}

function refuseCommanded(desk: Desk, where: string, path: Path): null {
  desk.refuse(path, "control: with the codes that are granted, and rate: values are for numbers", `values on ${where}`);
  return null;
}

function sayType(point: Point): string {
  return point.unit === "" ? point.type : `${point.type}, ${point.unit}`;
}

function checkLimit(desk: Desk, kind: Kind, limit: Decimal, path: Path): void {
  const key = String(path.at(-1));
  if (kind.is === "switch") desk.refuseKey(path, "set: [0], [1] or [0, 1]", `${key} on ${kind.said}`);
  else if (kind.is === "text") desk.refuseKey(path, "no limit but max_changes on text", `${key} on ${kind.said}`);
  else if (kind.is === "mixed")
    desk.refuseKey(path, "points, or a table with addresses, for the limit to have a meaning", `${key} on ${kind.said}`);
  else if (kind.points.length === 0 && !canHold(null, limit))
    desk.refuse(path, "a raw word from 0 to 65535: addresses have no unit and no scale");
}

function checkMember(desk: Desk, kind: Kind, set: readonly Decimal[], member: Decimal, index: number, path: Path): void {
  const at = [...path, index];
  if (kind.is === "text" || kind.is === "mixed") {
    if (index > 0) return;
    const expected =
      kind.is === "text" ? "no limit but max_changes on text" : "points, or a table with addresses, for the set to have a meaning";
    desk.refuseKey(path, expected, `set on ${kind.said}`);
    return;
  }
  if (set.findIndex((other) => compareDecimals(other, member) === 0) < index) {
    desk.refuse(at, "each value once", `${formatDecimal(member)} a second time`);
    return;
  }
  const [first] = kind.points;
  if (kind.is === "switch") {
    if (member.places !== 0 || (member.units !== 0n && member.units !== 1n)) desk.refuse(at, "0 or 1");
  } else if (first === undefined) {
    if (!canHold(null, member)) desk.refuse(at, "a raw word from 0 to 65535: addresses have no unit and no scale");
  } else {
    const misfit = kind.points.find((point) => !canHold(point, member));
    if (misfit !== undefined)
      desk.refuse(at, `a value that ${quoted(misfit.name)} can hold (${misfit.type}, scale ${formatDecimal(misfit.scale)})`);
  }
}

function checkStep(desk: Desk, kind: Kind, maxStep: Decimal, set: readonly Decimal[] | null, path: Path): void {
  if (kind.is === "switch" || kind.is === "text")
    desk.refuseKey(path, "max_step only on numbers: there is no distance between such values", `max_step on ${kind.said}`);
  else if (kind.is === "mixed")
    desk.refuseKey(path, "points, or a table with addresses, for the step to have a meaning", `max_step on ${kind.said}`);
  else if (set !== null) desk.refuseKey(path, "either max_step or set: listed values are choices, not a scale", "both max_step and set");
  else if (maxStep.units <= 0n) desk.refuse(path, "a step above zero");
  else if (kind.points.length === 0 && !canHold(null, maxStep))
    desk.refuse(path, "a raw step from 1 to 65535: addresses have no unit and no scale");
}
