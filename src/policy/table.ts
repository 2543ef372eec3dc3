/**
 * All that one role set may do on one asset, laid out for the hot path: per verb, unit and space the intervals that rules lie over, and per
 * entry (a rule, and the point it names) flat arrays. Everything is made at load; deciding only looks.
 */
import { isWriting, type Verb } from "#operation";
import { type Bounds, isLimiting, ruleBounds, type Words } from "./bounds.ts";
import type { Decision } from "./decision.ts";
import { fullMask, type Ground, pointAt, type Spot } from "./ground.ts";
import { cut, type Intervals, NO_INTERVALS, type Span, seek } from "./intervals.ts";
import type { Rule } from "./model.ts";

/** How a subject was proven: by certificate; by its source address alone; the same where the site accepts its writes by name (RULINGS 14). */
export type Assurance = "certificate" | "accepted" | "none";

export interface Table {
  readonly ground: Ground;
  readonly assurance: Assurance;
  readonly rules: readonly TableRule[];
  /** By verb, then `slot * (spaces + 1) + space`; the space after the last is the device as a whole (`deviceSpace`). */
  readonly lanes: Readonly<Partial<Record<Verb, readonly Lane[]>>>;
  /** Entry by entry: index into `rules`, point named (-1: an address), bits of a cell it covers, what the value must satisfy. */
  readonly entryRule: Int32Array;
  readonly entryPoint: Int32Array;
  readonly entryMask: Uint16Array;
  readonly entryBounds: readonly (Bounds | null)[];
  /** Of an entry over cells that are only read along, its first and last (RULINGS 6); -1 of all others. */
  readonly entryGap: Int32Array;
  /** Marks of the rules used by the decision under way: the number of that decision; and the rules it has marked so far. */
  readonly usedIn: Float64Array;
  readonly used: Int32Array;
  /** The same with none but the essential rules to allow anything (RULINGS 15); null: there is none. */
  readonly essential: Table | null;
}

export interface TableRule {
  readonly rule: Rule;
  readonly isNever: boolean;
  /** Index into `Facts.hoursOpen`, -1: always. */
  readonly hours: number;
  /** Index into `Facts.states`, -1: none. */
  readonly state: number;
  /** The whole answer where this rule alone allowed. */
  readonly allowed: Decision;
}

export interface Lane {
  readonly allow: Intervals;
  /** 1 where a rule of the interval judges each address by itself. */
  readonly byAddress: Uint8Array;
  readonly deny: Intervals;
}

/** Too many rules of one role set over one address: a decision must not take longer because a policy grew careless. */
export interface Crowded {
  readonly verb: Verb;
  readonly unit: number;
  readonly space: number;
  readonly address: number;
  readonly rules: readonly Rule[];
}

/** DESIGN 3: a decision costs addresses touched times rules on the same interval. */
export const RULES_PER_INTERVAL = 16;

/** The pseudo space of targets without an address. Its one address is 0; an opaque function stands at its own number. */
export function deviceSpace(ground: Ground): number {
  return ground.spaces.length;
}

export const EMPTY_LANE: Lane = { allow: NO_INTERVALS, byAddress: new Uint8Array(0), deny: NO_INTERVALS };

/**
 * @param denies  deny rules in the order they are judged: `never` first.
 * @param allows  allow rules of the role set on this asset, ascending.
 * @param asks    index into `Facts.hoursOpen` of a rule's hours and into `Facts.states` of its state; -1: it has none.
 */
export function* buildTable(
  ground: Ground,
  assurance: Assurance,
  never: readonly Rule[],
  denies: readonly Rule[],
  allows: readonly Rule[],
  asks: (rule: Rule) => { readonly hours: number; readonly state: number },
): Generator<void, { readonly table: Table; readonly crowded: Crowded | null }> {
  const draft = new Draft(ground);
  const ordered = [...never, ...denies, ...allows];
  for (const [index, rule] of ordered.entries()) {
    if (rule.effect === "deny") draft.deny(index, rule);
    else draft.allow(index, rule);
    if (index % RULES_PER_SLICE === 0) yield;
  }
  const rules = ordered.map((rule, index) => ({
    rule,
    isNever: index < never.length,
    ...asks(rule),
    allowed: allowedBy([rule.order]),
  }));
  const { lanes, crowded, runaway } = yield* draft.lanes(ordered);
  const table: Table = {
    ground,
    assurance,
    rules,
    // What was cut short may lack a deny: nothing is decided by it, and so nothing is allowed.
    lanes: runaway ? {} : lanes,
    entryRule: Int32Array.from(draft.rules),
    entryPoint: Int32Array.from(draft.points),
    entryMask: Uint16Array.from(draft.masks),
    entryBounds: draft.bounds,
    entryGap: Int32Array.from(draft.gaps),
    usedIn: new Float64Array(rules.length),
    used: new Int32Array(rules.length),
    essential: null,
  };
  return { table, crowded };
}

export function allowedBy(orders: readonly number[]): Decision {
  return { allowed: true, code: null, rules: orders, operation: -1, unit: -1, space: -1, address: -1, point: -1 };
}

const RULES_PER_SLICE = 64;
const NO_GAP = [-1, -1] as const;
const HIGHEST = 0xffff_ffff;

interface Lanes {
  readonly lanes: Partial<Record<Verb, readonly Lane[]>>;
  readonly crowded: Crowded | null;
  readonly runaway: boolean;
}

interface Spans {
  readonly allow: Span[];
  readonly deny: Span[];
}

/** Spans collected per lane while the rules are walked, in their order: entry numbers ascend with it, and so do the lists of the lanes. */
class Draft {
  readonly rules: number[] = [];
  readonly points: number[] = [];
  readonly masks: number[] = [];
  readonly bounds: (Bounds | null)[] = [];
  /** First and last cell of each, one after the other. */
  readonly gaps: number[] = [];
  readonly #ground: Ground;
  readonly #spans = new Map<Verb, Map<number, Spans>>();

  constructor(ground: Ground) {
    this.#ground = ground;
  }

  /** A deny touches: every bit of an address range, the cells of a named point, or with nothing named whatever there is. */
  deny(index: number, rule: Rule): void {
    const { scope } = rule;
    const { spaces } = this.#ground;
    switch (scope.is) {
      case "points":
        for (const spot of this.#spots(rule)) {
          const entry = this.#entry(index, spot.index, spot.mask, null);
          for (const verb of rule.verbs) this.#span(verb, this.#slot(spot), spot.space, "deny", spot.first, spot.last, entry);
        }
        return;
      case "addresses": {
        const entry = this.#entry(index, -1, fullMask(spaces[scope.space]), null);
        for (const slot of this.#slots(rule))
          for (const verb of rule.verbs)
            for (const [first, last] of joined(scope.ranges)) this.#span(verb, slot, scope.space, "deny", first, last, entry);
        return;
      }
      default: {
        const entry = this.#entry(index, -1, 0xffff, null);
        for (const slot of this.#slots(rule))
          for (const verb of rule.verbs) {
            this.#span(verb, slot, spaces.length, "deny", 0, HIGHEST, entry);
            if (scope.is === "device") continue;
            for (const s of spaces.keys()) this.#span(verb, slot, s, "deny", 0, HIGHEST, entry);
          }
      }
    }
  }

  /** An allow covers. A write is covered bit by bit and value by value, so it has entries of its own. */
  allow(index: number, rule: Rule): void {
    for (const verb of rule.verbs) {
      if (verb === "raw") this.#allowRaw(index, rule);
      else if (rule.scope.is === "points") this.#allowPoints(index, rule, verb);
      else if (rule.scope.is === "addresses") this.#allowAddresses(index, rule, verb, rule.scope.space, joined(rule.scope.ranges));
      else this.#allowUnnamed(index, rule, verb);
    }
  }

  /** Opaque functions stand at their own number, so only a rule that names it is found there (RULINGS 5). */
  #allowRaw(index: number, rule: Rule): void {
    if (!rule.opaque || rule.functions === null || rule.scope.is === "points" || rule.scope.is === "addresses") return;
    const entry = this.#entry(index, -1, 0xffff, null);
    for (const slot of this.#slots(rule))
      for (const number of rule.functions) this.#span("raw", slot, this.#ground.spaces.length, "allow", number, number, entry);
  }

  #allowPoints(index: number, rule: Rule, verb: Verb): void {
    for (const spot of this.#spots(rule)) {
      const mask = isWriting(verb) ? spot.mask : 0xffff;
      const point = this.#ground.model.points[spot.index] ?? null;
      const bounds = isWriting(verb) ? ruleBounds(rule.values, point, spot.canonical) : null;
      this.#span(verb, this.#slot(spot), spot.space, "allow", spot.first, spot.last, this.#entry(index, spot.index, mask, bounds));
    }
    if (verb === "read" && rule.gap > 0) this.#allowGaps(index, rule);
  }

  /** The cells between two of its points that lie near enough: read along with both of them. */
  #allowGaps(index: number, rule: Rule): void {
    const lanes = new Map<number, Spot[]>();
    const width = this.#ground.spaces.length;
    for (const spot of this.#spots(rule)) {
      const lane = this.#slot(spot) * width + spot.space;
      lanes.set(lane, [...(lanes.get(lane) ?? []), spot]);
    }
    for (const [lane, spots] of lanes) {
      const covered = joined(spots.map(({ first, last }) => [first, last] as const));
      for (let i = 1; i < covered.length; i++) {
        const first = (covered[i - 1]?.[1] as number) + 1;
        const last = (covered[i]?.[0] as number) - 1;
        if (last - first + 1 > rule.gap) continue;
        const entry = this.#entry(index, -1, 0xffff, null, [first, last]);
        this.#span("read", Math.floor(lane / width), lane % width, "allow", first, last, entry);
      }
    }
  }

  #allowAddresses(index: number, rule: Rule, verb: Verb, space: number, ranges: readonly (readonly [number, number])[]): void {
    for (const slot of this.#slots(rule))
      for (const [first, last] of ranges) {
        if (isWriting(verb)) this.#allowWrite(index, rule, verb, slot, space, first, last);
        else this.#span(verb, slot, space, "allow", first, last, this.#entry(index, -1, 0xffff, null));
      }
  }

  /** Nothing named: the tables where the verb needs no name; and for verbs without an address the device. */
  #allowUnnamed(index: number, rule: Rule, verb: Verb): void {
    const { spaces } = this.#ground;
    for (const slot of this.#slots(rule)) this.#span(verb, slot, spaces.length, "allow", 0, 0, this.#entry(index, -1, 0xffff, null));
    if (rule.scope.is === "device") return;
    for (const [s, space] of spaces.entries()) if (space.wild.includes(verb)) this.#allowAddresses(index, rule, verb, s, [[0, space.last]]);
  }

  /**
   * A write rule over addresses. What it would cut a wide point in two for is not covered; a wide point is judged whole, and changes are
   * counted per point where one stands. So the range is cut where points begin and end, if the rule limits anything.
   */
  #allowWrite(index: number, rule: Rule, verb: Verb, slot: number, space: number, first: number, last: number): void {
    const ground = this.#ground;
    const layout = ground.layouts[slot * ground.spaces.length + space] ?? NO_INTERVALS;
    const mask = fullMask(ground.spaces[space]);
    const [from, to] = wholePoints(ground, layout, first, last);
    if (rule.values === null || !isLimiting(rule.values)) {
      this.#span(verb, slot, space, "allow", from, to, this.#entry(index, -1, mask, null));
      return;
    }
    const unnamed = this.#entry(index, -1, mask, ruleBounds(rule.values, null, -1));
    let address = from;
    for (let k = seek(layout, from); k < layout.count && (layout.firsts[k] as number) <= to; k++) {
      const start = Math.max(layout.firsts[k] as number, from);
      const end = Math.min(layout.lasts[k] as number, to);
      const point = pointAt(ground, layout, start, 0, false);
      const place = point < 0 ? -1 : (ground.spots[point] as Spot).canonical;
      const words = wideWords(spotsAt(ground, layout, start));
      if (place < 0 && words === null) continue;
      this.#span(verb, slot, space, "allow", address, start - 1, unnamed);
      this.#span(verb, slot, space, "allow", start, end, this.#entry(index, -1, mask, ruleBounds(rule.values, null, place, words)));
      address = end + 1;
    }
    this.#span(verb, slot, space, "allow", address, to, unnamed);
  }

  *lanes(rules: readonly Rule[]): Generator<void, Lanes> {
    const { units, spaces } = this.#ground;
    const width = spaces.length + 1;
    const lanes: Partial<Record<Verb, Lane[]>> = {};
    let crowded: Crowded | null = null;
    let runaway = false;
    for (const [verb, spansByLane] of this.#spans) {
      const row = new Array<Lane>(units.length * width).fill(EMPTY_LANE);
      for (const [at, { allow, deny }] of spansByLane) {
        const over = (address: number, entries: readonly number[]): boolean => {
          if (entries.length <= RULES_PER_INTERVAL) return false;
          const distinct = [...new Set(entries.map((entry) => this.rules[entry] as number))];
          if (distinct.length <= RULES_PER_INTERVAL) return false;
          const unit = units[Math.floor(at / width)] as number;
          crowded ??= { verb, unit, space: at % width, address, rules: distinct.map((index) => rules[index] as Rule) };
          if (distinct.length > RUNAWAY) runaway = true;
          return runaway;
        };
        const allowed = yield* cut(allow, over);
        const denied = yield* cut(deny, over);
        if (allow.length > 0 && deny.length > 0 && most(allowed) + most(denied) > RULES_PER_INTERVAL) yield* cut([...deny, ...allow], over);
        row[at] = { allow: allowed, byAddress: this.#byAddress(allowed), deny: denied };
      }
      lanes[verb] = row;
    }
    return { lanes, crowded, runaway };
  }

  #byAddress(intervals: Intervals): Uint8Array {
    const byAddress = new Uint8Array(intervals.count);
    for (let k = 0; k < intervals.count; k++)
      for (let i = intervals.from[k] as number; i < (intervals.from[k + 1] as number); i++)
        if (judgesEach(this.bounds[intervals.entries[i] as number] ?? null)) byAddress[k] = 1;
    return byAddress;
  }

  #entry(index: number, point: number, mask: number, bounds: Bounds | null, gap: readonly [number, number] = NO_GAP): number {
    this.rules.push(index);
    this.points.push(point);
    this.masks.push(mask);
    this.gaps.push(...gap);
    return this.bounds.push(bounds) - 1;
  }

  #span(verb: Verb, slot: number, space: number, side: "allow" | "deny", first: number, last: number, entry: number): void {
    if (last < first) return;
    const row = this.#spans.get(verb) ?? new Map<number, Spans>();
    this.#spans.set(verb, row);
    const at = slot * (this.#ground.spaces.length + 1) + space;
    const spans = row.get(at) ?? { allow: [], deny: [] };
    row.set(at, spans);
    spans[side].push({ first, last, entry });
  }

  #slot(spot: Spot): number {
    return this.#ground.slots[this.#ground.model.points[spot.index]?.unitId ?? -1] ?? -1;
  }

  #slots(rule: Rule): number[] {
    return [...new Set(rule.units.map((unit) => this.#ground.slots[unit] ?? -1))].filter((slot) => slot >= 0);
  }

  /** The points a rule names on the units it is about, ascending. */
  #spots(rule: Rule): Spot[] {
    if (rule.scope.is !== "points") return [];
    const slots = new Set(this.#slots(rule));
    const spots = rule.scope.points.map((index) => this.#ground.spots[index] as Spot);
    return spots.filter((spot) => slots.has(this.#slot(spot))).sort((a, b) => a.index - b.index);
  }
}

/** Beyond this many rules on one interval the table would grow with their square; `check` has long refused it. */
const RUNAWAY = 256;

/** Sorted, with overlapping and adjacent ranges made one. */
function joined(ranges: readonly (readonly [number, number])[]): [number, number][] {
  const out: [number, number][] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = out.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else out.push([first, last]);
  }
  return out;
}

/** The part of a range that cuts no wide point in two. */
function wholePoints(ground: Ground, layout: Intervals, first: number, last: number): [number, number] {
  let from = first;
  let to = last;
  for (let cut = true; cut && from <= to; ) {
    cut = false;
    for (const spot of spotsAt(ground, layout, from)) if (spot.isWide && spot.first < from) [from, cut] = [spot.last + 1, true];
    for (const spot of spotsAt(ground, layout, to)) if (spot.isWide && spot.last > to) [to, cut] = [spot.first - 1, true];
  }
  return [from, to];
}

/** The cells of the wide points over an address; null where there is none. */
function wideWords(spots: readonly Spot[]): Words | null {
  const wide = spots.filter((spot) => spot.isWide);
  if (wide.length === 0) return null;
  return { first: Math.min(...wide.map((spot) => spot.first)), last: Math.max(...wide.map((spot) => spot.last)) };
}

function judgesEach(bounds: Bounds | null): boolean {
  return bounds?.bare === true && bounds.words === null;
}

function spotsAt(ground: Ground, layout: Intervals, address: number): Spot[] {
  const k = seek(layout, address);
  if (k >= layout.count || (layout.firsts[k] as number) > address) return [];
  return [...layout.entries.subarray(layout.from[k], layout.from[k + 1])].map((index) => ground.spots[index] as Spot);
}

function most(intervals: Intervals): number {
  let longest = 0;
  for (let k = 0; k < intervals.count; k++) longest = Math.max(longest, (intervals.from[k + 1] as number) - (intervals.from[k] as number));
  return longest;
}
