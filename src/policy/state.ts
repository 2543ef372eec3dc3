/**
 * `state: "boiler-1.drum_pressure < 2 and boiler-1.burner = 0"`: a rule holds while process values are such (RULINGS 9). Values come from
 * replies of the device, which nobody signs: a guard against mistakes, no safety function.
 */
import { quoted } from "#documents/problems";
import { expectedName } from "#documents/yaml";
import { parseDecimal } from "#process/decimal";
import type { AssetModel, Point } from "#process/points";
import { canHold } from "./bounds.ts";
import { engineeringOf, isAbove, isBelow } from "./explainValue.ts";
import type { Comparison, Condition, Policy, Rule, State } from "./model.ts";

/** What came of a state, by index of `Facts.states`. `unread`: not asked of the device yet; `stale`: what was seen is too old. */
export const STATE = { isNot: 0, is: 1, unknown: 2, stale: 3, unread: 4 } as const;

/** The longest a value may be old, milliseconds, and what it may be unless the rule says less. */
export const MOST_AGE_MS = 10_000;
const MOST_CONDITIONS = 8;

/** Every state of a policy once, by its first rule: the order of `Facts.states`. */
export function statesOf(policy: Policy): readonly State[] {
  const rules: Rule[] = [...policy.never];
  for (const role of policy.roles.values()) rules.push(...role.rules);
  rules.sort((a, b) => a.order - b.order);
  const byText = new Map<string, State>();
  for (const { state } of rules) if (state !== null && !byText.has(stateKey(state))) byText.set(stateKey(state), state);
  return [...byText.values()];
}

export function stateKey({ text, maxAgeMs }: State): string {
  return `${text} ${maxAgeMs}`;
}

/** The cells of a point: raw, or why they are not known. */
export type Cells = readonly number[] | "unknown" | "stale" | "unread";

/**
 * Does it hold? Something that is known to be otherwise settles it, whatever else is not known.
 *
 * @returns a value of STATE
 */
export function stateNow(state: State, cellsOf: (condition: Condition) => Cells): number {
  let worst: number = STATE.is;
  for (const condition of state.conditions) {
    const now = conditionNow(condition, cellsOf(condition));
    if (now === STATE.isNot) return now;
    // Unread asks for a read, which may settle it; so it stands before what no read will tell.
    if (now !== STATE.is && (worst === STATE.is || now === STATE.unread)) worst = now;
  }
  return worst;
}

function conditionNow({ point, comparison, value }: Condition, cells: Cells): number {
  if (typeof cells === "string") return STATE[cells];
  if (cells.some((cell) => cell < 0)) return STATE.unknown;
  const present = engineeringOf(point, cells);
  if (typeof present === "string") return STATE.unknown;
  const below = isBelow(present, value);
  const above = isAbove(present, value);
  return HOLDS[comparison](below, above) ? STATE.is : STATE.isNot;
}

const HOLDS: Readonly<Record<Comparison, (below: boolean, above: boolean) => boolean>> = {
  "<": (below) => below,
  "<=": (_, above) => !above,
  ">": (_, above) => above,
  ">=": (below) => !below,
  "=": (below, above) => !below && !above,
  "!=": (below, above) => below || above,
};

const CONDITION = /^([A-Za-z0-9_.-]{1,64})\.([A-Za-z0-9_.-]{1,64}?) ?(<=|>=|!=|<|>|=) ?(\S+)$/;
const STATE_IS = 'one or more conditions joined by "and", such as boiler-1.drum_pressure < 2 and boiler-1.burner = 0';

/** @returns the conditions, or what is wrong with the text and what would be right */
export function parseState(
  text: string,
  assets: ReadonlyMap<string, AssetModel>,
): readonly Condition[] | { readonly found: string; readonly expected: string } {
  const parts = text.trim().split(/ +and +/);
  if (parts.length > MOST_CONDITIONS) return { found: `${parts.length} conditions`, expected: `at most ${MOST_CONDITIONS}` };
  const conditions: Condition[] = [];
  for (const part of parts) {
    const comparison = /(<=|>=|!=|<|>|=)/.exec(part)?.[1] as Comparison | undefined;
    if (comparison === undefined || !CONDITION.test(part)) return { found: quoted(part), expected: STATE_IS };
    const place = part.slice(0, part.indexOf(comparison)).trim();
    const named = pointAt(place, assets);
    if (!("type" in named)) return { found: quoted(place), expected: named.expected };
    const { asset, point } = { asset: named.asset, point: named.point };
    const value = parseDecimal(part.slice(part.indexOf(comparison) + comparison.length).trim());
    if (typeof value === "string") return { found: quoted(part), expected: value };
    if (point.type === "string") return { found: `${quoted(place)}, which is text`, expected: "a point that is a number or a switch" };
    if ((point.type === "bool" || point.type === "bit") && !canHold(point, value))
      return { found: quoted(part), expected: `0 or 1: ${place} is a switch` };
    conditions.push({ asset, point, comparison, value });
  }
  return conditions;
}

type Named = { readonly type: "named"; readonly asset: string; readonly point: Point } | { readonly expected: string };

/** Names of assets and of points may hold dots, so every cut that gives two known names is looked at. */
function pointAt(place: string, assets: ReadonlyMap<string, AssetModel>): Named {
  const cuts: { readonly model: AssetModel; readonly word: string }[] = [];
  for (const [name, model] of assets) if (place.startsWith(`${name}.`)) cuts.push({ model, word: place.slice(name.length + 1) });
  for (const { model, word } of cuts) {
    const point = model.points.find(({ name }) => name === word);
    if (point !== undefined) return { type: "named", asset: model.name, point };
  }
  const [first] = cuts;
  if (first !== undefined) {
    const names = first.model.points.map(({ name }) => name);
    return { expected: expectedName(first.word, `a point of ${first.model.name}`, names) };
  }
  return { expected: expectedName(place.split(".")[0] ?? "", "the name of an asset", [...assets.keys()]) };
}
