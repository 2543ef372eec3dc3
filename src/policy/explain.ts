/**
 * The naive twin of the decision: it reads the policy rule by rule, address by address, bit by bit, and says what it made of each rule. It is
 * what `policy explain` shows, and what a property test holds the compiled form against; the two share data types and no judgement.
 *
 * The order of failures is the contract both keep (decide.ts): deny rules and what binds every role address by address; then how the subject
 * was proven; then the first address that the allow rules do not cover, with the rule that came nearest.
 */
import type { DenialCode } from "#events";
import { type Control, isWriting, type Operation, type Space, type Verb, type Vocabulary } from "#operation";
import { formatAddress } from "#process/addressing";
import type { AssetModel, Point } from "#process/points";
import type { Decision, Facts } from "./decision.ts";
import {
  type Candidate,
  distance,
  engineeringOf,
  isAbove,
  isBelow,
  isFloat,
  isMember,
  type Ratio,
  Written,
  whole,
} from "./explainValue.ts";
import { hoursOf } from "./hours.ts";
import type { Policy, Rule, State, Values } from "./model.ts";
import { SELF, selfRule } from "./self.ts";
import { STATE, stateKey, statesOf } from "./state.ts";

export interface Explanation {
  readonly decision: Decision;
  /** Every rule on this asset that the subject has, in the order they are judged. */
  readonly considered: readonly Considered[];
}

export interface Considered {
  readonly rule: Rule;
  /** Why it did or did not match, at the place the decision names or over the whole request. */
  readonly verdict: string;
}

/** Who asks, and where. */
export interface Asking {
  readonly asset: string;
  readonly roles: readonly string[];
  readonly assurance: "certificate" | "accepted" | "none";
}

export function explain(
  policy: Policy,
  asset: string,
  roles: readonly string[],
  assurance: Asking["assurance"],
  operations: readonly Operation[],
  facts: Facts,
  vocabulary: Vocabulary,
): Explanation {
  const inquiry = new Inquiry(policy, { asset, roles, assurance }, facts, vocabulary.spaces);
  const decision = inquiry.judge(operations);
  return { decision, considered: inquiry.rules.map((rule) => ({ rule, verdict: inquiry.sayRule(rule, operations, decision) })) };
}

/** The decision alone, without the words. */
export function judge(policy: Policy, asking: Asking, operations: readonly Operation[], facts: Facts, vocabulary: Vocabulary): Decision {
  return new Inquiry(policy, asking, facts, vocabulary.spaces).judge(operations);
}

/** `never` first, then the denies of the roles, then what they allow; each in the order of the document. */
function rulesFor(policy: Policy, asset: string, roles: readonly string[]): readonly Rule[] {
  const held: Rule[] = [];
  for (const role of roles)
    for (const rule of policy.roles.get(role)?.rules ?? []) if (!held.some(({ order }) => order === rule.order)) held.push(rule);
  const model = policy.assets.get(asset);
  if (roles.includes(SELF) && model !== undefined) held.push(selfRule(model));
  held.sort((a, b) => a.order - b.order);
  const denies = held.filter(({ effect }) => effect === "deny");
  const allows = held.filter(({ effect }) => effect === "allow");
  return [...policy.never, ...denies, ...allows].filter((rule) => rule.asset === asset);
}

/** An asset nobody knows has no unit. */
const UNKNOWN: AssetModel = {
  name: "",
  protocol: "",
  units: [],
  unitAliases: new Map(),
  unitZero: "device",
  addressing: "zero-based",
  points: [],
};

/** One cell of one unit that is asked about; `space` -1 is the device as a whole. */
interface Place {
  readonly operation: Operation;
  readonly index: number;
  readonly unit: number;
  readonly space: number;
  readonly address: number;
  readonly bits: number;
  readonly written: Written | null;
}

/** How far an allow rule got at a place. Stages in the order they are judged. */
interface Standing {
  readonly stage: number;
  readonly code: DenialCode | null;
}

const HOLDS: Standing = { stage: 99, code: null };
const STAGE: Partial<Record<DenialCode, number>> = {
  functionNotListed: 1,
  viaNotListed: 1,
  objectNotListed: 1,
  fileNotListed: 1,
  codeNotListed: 1,
  broadcastNotAllowed: 2,
  outsideHours: 3,
  stateNotMet: 3,
  stale: 3,
  rateExceeded: 4,
  belowMinimum: 5,
  aboveMaximum: 5,
  notInSet: 5,
  countOutside: 5,
  onTimeOutside: 5,
  offTimeOutside: 5,
  stepTooLarge: 6,
  factUnavailable: 6,
  tooManyChanges: 7,
};

/** Not known is no value's fault: it fails where the other conditions do, before any value is looked at. */
const unknownState: Standing = { stage: 3, code: "factUnavailable" };

function fails(code: DenialCode): Standing {
  return { stage: STAGE[code] ?? 0, code };
}

/** What an allow rule offers at a place: some of its bits, on the strength of one point or of the address. */
interface Offer {
  readonly bits: number;
  readonly point: Point | null;
}

const RULES_NAMED = 16;

class Inquiry {
  readonly rules: readonly Rule[];
  readonly #model: AssetModel;
  readonly #never: readonly Rule[];
  readonly #assurance: Asking["assurance"];
  readonly #facts: Facts;
  readonly #spaces: readonly Space[];
  readonly #hours: readonly string[];
  readonly #states: readonly string[];

  constructor(policy: Policy, { asset, roles, assurance }: Asking, facts: Facts, spaces: readonly Space[]) {
    this.rules = rulesFor(policy, asset, roles);
    this.#model = policy.assets.get(asset) ?? UNKNOWN;
    this.#never = policy.never;
    this.#assurance = assurance;
    this.#facts = facts;
    this.#spaces = spaces;
    this.#hours = hoursOf(policy).map(({ text }) => text);
    this.#states = statesOf(policy).map(stateKey);
  }

  judge(operations: readonly Operation[]): Decision {
    if (operations.length === 0) return refused("empty", null, 0, -1, -1, -1, -1);
    const used = new Set<Rule>();
    for (const [index, operation] of operations.entries()) {
      const denial = this.#judgeOperation(operation, index, used);
      if (denial !== null) return denial;
    }
    const sorted = [...used].sort((a, b) => a.order - b.order);
    const named = sorted.filter((rule, i) => i < RULES_NAMED || rule.rate !== null);
    return {
      allowed: true,
      code: null,
      rules: named.map(({ order }) => order),
      operation: -1,
      unit: -1,
      space: -1,
      address: -1,
      point: -1,
    };
  }

  #judgeOperation(operation: Operation, index: number, used: Set<Rule>): Decision | null {
    const { target, unit } = operation;
    const space = target.at === "device" ? -1 : target.at === "name" ? target.space : target.at === "range" ? target.space : -1;
    const first = target.at === "range" ? target.first : target.at === "name" ? 0 : -1;
    const deny = (code: DenialCode): Decision => refused(code, null, index, unit, space, first, -1);
    if (operation.broadcast && (operation.effect === "observe" || operation.verb === "read")) return deny("broadcastRead");
    const units = operation.broadcast ? this.#model.units : this.#canonical(unit);
    if (units.length === 0) return deny("unknownUnit");
    const width = this.#spaces[space]?.bits;
    if (target.at !== "device" && ((target.at !== "range" && target.at !== "name") || width === undefined)) return deny("internal");
    if (target.at === "range" && target.last < target.first) return deny("empty");
    let written: Written | null = null;
    if (isWriting(operation.verb) && width === undefined) return deny("internal");
    if (isWriting(operation.verb) && operation.control === null && width !== undefined) {
      try {
        written = new Written(operation, width);
      } catch {
        return deny("internal");
      }
    }
    const full = width === 1 ? 1 : 0xffff;
    const bits = written === null ? full : full & ~written.keep;
    const last = target.at === "range" ? target.last : first;
    for (const own of units) {
      const places: Place[] = [];
      for (let address = first; address <= last; address++) places.push({ operation, index, unit: own, space, address, bits, written });
      const denial = this.#judgeUnit(places, used);
      if (denial !== null) return denial;
    }
    return null;
  }

  /** The unit a device answers to under this number, or none. */
  #canonical(unit: number): readonly number[] {
    const own = this.#model.unitAliases.get(unit) ?? unit;
    return this.#model.units.includes(own) ? [own] : [];
  }

  #judgeUnit(places: readonly Place[], used: Set<Rule>): Decision | null {
    for (const place of places) {
      const bound = this.#firstDeny(place) ?? this.#limits(place);
      if (bound !== null) return bound;
    }
    const start = places[0] as Place;
    if (start.bits === 0) return refusedAt("empty", null, start, this.#nameOf(start, 0));
    if (!isWithinReach(this.#assurance, start.operation.verb)) return refusedAt("unauthenticated", null, start, null);
    for (const place of places) {
      const denial = this.#cover(place, used);
      if (denial !== null) return denial;
    }
    return null;
  }

  #firstDeny(place: Place): Decision | null {
    for (const rule of this.rules) {
      if (rule.effect !== "deny") continue;
      const touch = this.#touch(rule, place);
      if (touch === null || this.#isSpared(rule, place) !== null) continue;
      const code = this.#never.includes(rule) ? "never" : "forbidden";
      return refusedAt(code, rule, place, touch.point ?? this.#nameOf(place, touch.bits));
    }
    return null;
  }

  /** Which bits of the place a deny rule touches; null: none. */
  #touch(rule: Rule, place: Place): Offer | null {
    if (!rule.verbs.includes(place.operation.verb) || !this.#isAbout(rule, place.unit)) return null;
    const { scope } = rule;
    switch (scope.is) {
      case "process":
        return place.bits === 0 ? null : { bits: place.bits, point: null };
      case "device":
        return place.space < 0 ? { bits: place.bits, point: null } : null;
      case "addresses":
        if (place.space !== scope.space || place.bits === 0 || !isIn(scope.ranges, place.address)) return null;
        return { bits: place.bits, point: null };
      case "points": {
        const points = this.#pointsAt(place).filter(({ index }) => scope.points.includes(index));
        const point = points.find((candidate) => (this.#bitsOf(candidate) & place.bits) !== 0);
        return point === undefined ? null : { bits: this.#bitsOf(point) & place.bits, point };
      }
    }
  }

  /** Why a deny rule that touches does not hold; null: it holds. Hours that cannot be told hold. */
  #isSpared(rule: Rule, { operation }: Place): string | null {
    if (rule.functions !== null && !rule.functions.includes(operation.function)) return `does not list function ${sayFunction(operation)}`;
    if (!isVia(rule, operation)) return "is about another way of operating";
    const isTold = operation.object > 0 || operation.target.at !== "range";
    if (isTold && !isObject(rule, operation)) return "is about other objects";
    if (!isFile(rule, operation)) return "is about other files";
    if (rule.hours !== null && this.#hoursState(rule) === 0) return `does not hold now: ${rule.hours.text}`;
    const state = rule.state === null ? STATE.is : this.#stateOf(rule.state);
    if (rule.state !== null && (state === STATE.isNot || state === STATE.unread)) return `does not hold in this state: ${rule.state.text}`;
    return null;
  }

  #limits(place: Place): Decision | null {
    const { written, operation } = place;
    if (written === null) {
      const point = operation.control === null ? undefined : this.#pointsAt(place).find(({ access }) => access === "r");
      return point === undefined ? null : refusedAt("readOnly", null, place, point);
    }
    if ((written.cell(place.address) & written.keep) !== 0) return refusedAt("ambiguousMask", null, place, this.#nameOf(place, place.bits));
    const points = this.#pointsAt(place).filter(
      (point) => (this.#bitsOf(point) & place.bits) !== 0 && place.address === Math.max(point.first, written.first),
    );
    for (const [code, breaks] of LIMITS) {
      const point = points.find((candidate) => breaks(candidate, written, this.#facts));
      if (point !== undefined) return refusedAt(code, null, place, point);
    }
    return null;
  }

  #cover(place: Place, used: Set<Rule>): Decision | null {
    let left = place.bits;
    for (const rule of this.rules) {
      for (const offer of this.#offers(rule, place)) {
        if ((offer.bits & left) === 0 || this.#standing(rule, offer, place).code !== null) continue;
        left &= ~offer.bits;
        used.add(rule);
      }
    }
    if (left !== place.bits) left &= this.#changing(place);
    if (left === 0) return null;
    let lowest = 1;
    while ((left & lowest) === 0) lowest *= 2;
    let nearest: { readonly rule: Rule; readonly offer: Offer; readonly standing: Standing } | null = null;
    // That a write is no stop tells nobody why it is denied: an essential rule is named only where no other lies there.
    for (const rule of [...this.rules.filter(({ essential }) => !essential), ...this.rules.filter(({ essential }) => essential)])
      for (const offer of this.#offers(rule, place)) {
        if (rule.essential && nearest !== null && !nearest.rule.essential) continue;
        const standing = this.#standing(rule, offer, place);
        if ((offer.bits & lowest) === 0 || standing.stage <= (nearest?.standing.stage ?? 0)) continue;
        nearest = { rule, offer, standing };
      }
    if (nearest === null)
      return refusedAt(place.operation.verb === "raw" ? "opaque" : "nothingAllows", null, place, this.#nameOf(place, lowest));
    const { rule, offer, standing } = nearest;
    return refusedAt(standing.code as DenialCode, rule, place, offer.point ?? this.#nameOf(place, lowest));
  }

  /** Bits that need a rule once some of a whole word's bits have one: those that do not stay as they are (RULINGS 11). */
  #changing({ written, unit, space, address }: Place): number {
    if (written === null || this.#spaces[space]?.bits === 1 || written.keep !== 0) return 0xffff;
    const { present } = this.#facts;
    if (present === null) return 0;
    const cell = present.cell(unit, space, address);
    return cell < 0 ? 0xffff : cell ^ written.cell(address);
  }

  /** What an allow rule offers at a place before its conditions and values are looked at. */
  #offers(rule: Rule, place: Place): readonly Offer[] {
    const { operation, space, address } = place;
    const { scope } = rule;
    if (rule.effect !== "allow" || !rule.verbs.includes(operation.verb) || !this.#isAbout(rule, place.unit)) return [];
    const all: Offer = { bits: 0xffff, point: null };
    if (operation.verb === "raw") {
      const isNamed = rule.opaque && rule.functions?.includes(operation.function) === true;
      return isNamed && space < 0 && (scope.is === "device" || scope.is === "process") ? [all] : [];
    }
    if (space < 0) return scope.is === "device" || scope.is === "process" ? [all] : [];
    switch (scope.is) {
      case "device":
        return [];
      case "process": {
        return this.#spaces[space]?.wild.includes(operation.verb) === true && this.#isThere(place) ? [all] : [];
      }
      case "addresses": {
        if (space !== scope.space || !isIn(scope.ranges, address)) return [];
        return !isWriting(operation.verb) || this.#wideAt(place).every((cell) => isIn(scope.ranges, cell)) ? [all] : [];
      }
      case "points": {
        const points = this.#pointsAt(place).filter(({ index }) => scope.points.includes(index));
        if (points.length > 0) return points.map((point) => ({ bits: isWriting(operation.verb) ? this.#bitsOf(point) : 0xffff, point }));
        return operation.verb === "read" && this.#isBetween(scope.points, rule.gap, place) ? [all] : [];
      }
    }
  }

  /** The place behind the last of a table stands for what the table does not have: nothing is granted there. */
  #isThere({ space, address }: Place): boolean {
    return space < 0 || address <= (this.#spaces[space]?.last ?? -1);
  }

  /** Lies it between two points of the rule, near each other, that are both read as well (RULINGS 6)? */
  #isBetween(named: readonly number[], gap: number, { operation, unit, space, address }: Place): boolean {
    const { target } = operation;
    if (gap === 0 || target.at !== "range") return false;
    const points = named
      .map((index) => this.#model.points[index] as Point)
      .filter((point) => point.space === space && (this.#model.unitAliases.get(point.unitId) ?? point.unitId) === unit);
    const before = Math.max(...points.map(({ last }) => last).filter((last) => last < address));
    const after = Math.min(...points.map(({ first }) => first).filter((first) => first > address));
    return after - before - 1 <= gap && target.first <= before && after <= target.last;
  }

  #standing(rule: Rule, offer: Offer, place: Place): Standing {
    const { operation, written } = place;
    if (rule.functions !== null && !rule.functions.includes(operation.function)) return fails("functionNotListed");
    if (!isVia(rule, operation)) return fails("viaNotListed");
    if (!isObject(rule, operation)) return fails("objectNotListed");
    if (!isFile(rule, operation)) return fails("fileNotListed");
    if (!isCode(rule, operation)) return fails("codeNotListed");
    if (operation.broadcast && !rule.broadcast) return fails("broadcastNotAllowed");
    if (rule.hours !== null && this.#hoursState(rule) !== 1) return fails("outsideHours");
    if (rule.state !== null) {
      const state = this.#stateOf(rule.state);
      if (state === STATE.isNot) return fails("stateNotMet");
      if (state === STATE.stale) return fails("stale");
      if (state === STATE.unknown) return unknownState;
    }
    const { rate, values } = rule;
    if (rate !== null && this.#facts.rates.count(rule.order, rate.windowMs, this.#facts.now) >= rate.count) return fails("rateExceeded");
    const misfit = commandMisfit(rule, operation.control);
    if (misfit !== null) return fails(misfit);
    if (values === null || written === null) return HOLDS;
    const code = offer.point === null ? this.#judgeCells(values, place, written) : this.#judgePoint(values, offer.point, place, written);
    if (code !== null) return fails(code);
    const { maxChanges } = values;
    if (maxChanges === null) return HOLDS;
    if (values.maxStep !== null && this.#isNoChange(offer, place, written)) return HOLDS;
    const changes = this.#facts.changes.count(place.unit, this.#countedAt(offer, place), maxChanges.windowMs, this.#facts.now);
    return changes >= maxChanges.count ? fails("tooManyChanges") : HOLDS;
  }

  /** A rule over addresses: each raw cell by itself, and all cells of a value that takes several. */
  #judgeCells(values: Values, place: Place, written: Written): DenialCode | null {
    const wide = this.#wideAt(place);
    if (wide.length > 0 && !isWhole(written, wide[0] as number, wide.at(-1) as number)) return "split";
    for (const address of wide.length > 0 ? wide : [place.address]) {
      const code = judgeValues(values, null, written.candidatesAt(address), () => {
        const cell = this.#facts.present === null ? null : this.#facts.present.cell(place.unit, place.space, address);
        return cell === null ? "unread" : cell < 0 ? null : whole(BigInt(cell));
      });
      if (code !== null) return code;
    }
    return null;
  }

  #judgePoint(values: Values, point: Point, place: Place, written: Written): DenialCode | null {
    if (!isWhole(written, point.first, point.last)) return "split";
    if (values.min === null && values.max === null && values.set === null && values.maxStep === null) return null;
    const all = written.candidates(point);
    if (all === "notANumber" || all === "text") return null;
    return judgeValues(values, point, all, () => {
      const { present } = this.#facts;
      if (present === null) return "unread";
      const words: number[] = [];
      for (let address = point.first; address <= point.last; address++) words.push(present.cell(place.unit, place.space, address));
      if (words.some((word) => word < 0)) return null;
      const seen = engineeringOf(point, words);
      return typeof seen === "string" ? null : seen;
    });
  }

  /** What leaves the place as it stands is no change; nobody can tell before the place has been read. */
  #isNoChange(offer: Offer, place: Place, written: Written): boolean {
    const { present } = this.#facts;
    if (present === null) return true;
    const { point } = offer;
    const wide = this.#wideAt(place);
    const cells = point !== null ? range(point.first, point.last) : wide.length > 0 ? wide : [place.address];
    return cells.every((address) => {
      const cell = present.cell(place.unit, place.space, address);
      return cell >= 0 && (cell & ~written.keep) === (written.cell(address) & ~written.keep);
    });
  }

  /** Where a change is counted: the point, under its first name; else what stands whole at the address; else the address. */
  #countedAt(offer: Offer, place: Place): number {
    const point = offer.point ?? this.#pointsAt(place).find(({ type, aliasOf }) => type !== "bit" && aliasOf === null) ?? null;
    return point === null ? -1 - (place.space * 65536 + place.address) : (point.aliasOf ?? point.index);
  }

  /** All cells of the values over this address that take more than one. */
  #wideAt(place: Place): readonly number[] {
    const wide = this.#pointsAt(place).filter((point) => point.type !== "bit" && point.last > point.first);
    const cells: number[] = [];
    for (let address = Math.min(...wide.map(({ first }) => first)); address <= Math.max(...wide.map(({ last }) => last)); address++)
      cells.push(address);
    return cells;
  }

  #pointsAt({ unit, space, address }: Place): readonly Point[] {
    return this.#model.points.filter(
      (point) =>
        (this.#model.unitAliases.get(point.unitId) ?? point.unitId) === unit &&
        point.space === space &&
        point.first <= address &&
        address <= point.last,
    );
  }

  #bitsOf(point: Point): number {
    if (point.type === "bit") return 1 << (point.bit ?? 0);
    return this.#spaces[point.space]?.bits === 1 ? 1 : 0xffff;
  }

  /** What a person would call the place: the value that stands there whole, else its bit; under a mask, which is about bits, the bit first. */
  #nameOf(place: Place, bits: number): Point | null {
    const points = this.#pointsAt(place);
    const whole = points.find(({ type, aliasOf }) => type !== "bit" && aliasOf === null) ?? null;
    const bit = points.find((point) => point.type === "bit" && (this.#bitsOf(point) & bits) !== 0) ?? null;
    const isMasked = place.written !== null && place.written.keep !== 0;
    return isMasked ? (bit ?? whole) : (whole ?? bit);
  }

  #isAbout(rule: Rule, unit: number): boolean {
    return rule.units.some((named) => (this.#model.unitAliases.get(named) ?? named) === unit);
  }

  /** 0 closed, 1 open, else it cannot be told. */
  #hoursState(rule: Rule): number {
    return this.#facts.hoursOpen[this.#hours.indexOf(rule.hours?.text ?? "")] ?? 2;
  }

  #stateOf(state: State): number {
    const now = this.#facts.states[this.#states.indexOf(stateKey(state))] ?? STATE.unknown;
    return now > STATE.unread ? STATE.unknown : now;
  }

  /** In words, what came of one rule: at the place where the request was denied, or over all of an allowed one. */
  sayRule(rule: Rule, operations: readonly Operation[], decision: Decision): string {
    const places = this.#placesOf(operations).filter(
      (place) =>
        decision.allowed ||
        (place.index === decision.operation && place.unit === decision.unit && (place.space < 0 || place.address === decision.address)),
    );
    const start = places[0];
    if (start === undefined) return "was not asked: the request came to nothing that rules judge";
    if (!places.some(({ operation }) => rule.verbs.includes(operation.verb)))
      return `is about ${rule.verbs.join(", ")}, not ${start.operation.verb}`;
    if (!places.some(({ unit }) => this.#isAbout(rule, unit))) return `is about unit ${rule.units.join(", ")}`;
    return rule.effect === "deny" ? this.#sayDeny(rule, places) : this.#sayAllow(rule, places);
  }

  #sayDeny(rule: Rule, places: readonly Place[]): string {
    let why: string | null = null;
    for (const place of places) {
      const touch = this.#touch(rule, place);
      if (touch === null) continue;
      const spared = this.#isSpared(rule, place);
      if (spared === null) return `forbids ${this.#sayPlace(place, touch.point)}`;
      why ??= `touches ${this.#sayPlace(place, touch.point)}, but ${spared}`;
    }
    return why ?? `does not touch ${this.#sayPlaces(places)}`;
  }

  #sayAllow(rule: Rule, places: readonly Place[]): string {
    let held = 0;
    let bits = 0;
    let why: string | null = null;
    for (const place of places) {
      const offers = this.#offers(rule, place);
      const holding = offers.filter((offer) => this.#standing(rule, offer, place).code === null);
      const covered = holding.reduce((all, offer) => all | offer.bits, 0) & place.bits;
      if (covered === place.bits) held += 1;
      else if (covered !== 0) bits += 1;
      const failed = offers.find((offer) => (offer.bits & place.bits) !== 0 && !holding.includes(offer));
      if (failed !== undefined)
        why ??= `covers ${this.#sayPlace(place, failed.point)}, but ${SAID[this.#standing(rule, failed, place).code ?? "internal"] ?? "fails"}`;
    }
    if (held === places.length) return `allows ${this.#sayPlaces(places)}`;
    if (why !== null) return why;
    if (held > 0 || bits > 0) return `allows a part of ${this.#sayPlaces(places)}`;
    return `does not cover ${this.#sayPlaces(places)}`;
  }

  /** Every place the operations ask about, without judging them; none where an operation cannot be judged at all. */
  #placesOf(operations: readonly Operation[]): readonly Place[] {
    const places: Place[] = [];
    for (const [index, operation] of operations.entries()) {
      const { target } = operation;
      const space = target.at === "range" || target.at === "name" ? target.space : -1;
      const width = this.#spaces[space]?.bits;
      if (target.at === "range" || target.at === "name" ? width === undefined : target.at !== "device") continue;
      let written: Written | null = null;
      if (isWriting(operation.verb) && operation.control === null) {
        if (width === undefined) continue;
        try {
          written = new Written(operation, width);
        } catch {
          continue;
        }
      }
      const bits = (width === 1 ? 1 : 0xffff) & ~(written?.keep ?? 0);
      const [first, last] = target.at === "range" ? [target.first, target.last] : target.at === "name" ? [0, 0] : [-1, -1];
      for (const unit of operation.broadcast ? this.#model.units : this.#canonical(operation.unit))
        for (let address = first; address <= last; address++) places.push({ operation, index, unit, space, address, bits, written });
    }
    return places;
  }

  #sayPlace(place: Place, point: Point | null): string {
    const space = this.#spaces[place.space];
    if (space === undefined) return `function ${sayFunction(place.operation)}`;
    const name = point ?? this.#nameOf(place, place.bits);
    return `${space.name} ${formatAddress(this.#model.addressing, space, place.address)}${name === null ? "" : ` (${name.name})`}`;
  }

  #sayPlaces(places: readonly Place[]): string {
    const start = this.#sayPlace(places[0] as Place, null);
    return places.length === 1 ? start : `${start} to ${this.#sayPlace(places.at(-1) as Place, null)}`;
  }
}

/** Why an allow rule that covers the place does not hold. */
const SAID: Partial<Record<DenialCode, string>> = {
  functionNotListed: "does not list the function",
  broadcastNotAllowed: "does not allow broadcasts",
  outsideHours: "only within its hours",
  stateNotMet: "only in another state",
  stale: "only in a state that was last seen too long ago to tell",
  rateExceeded: "its rate is used up",
  belowMinimum: "the value is below its min",
  aboveMaximum: "the value is above its max",
  notInSet: "the value is not in its set",
  viaNotListed: "does not list this way of operating",
  objectNotListed: "does not list the object",
  fileNotListed: "does not list the file",
  codeNotListed: "does not list the control code",
  countOutside: "the count is not what it allows",
  onTimeOutside: "the on-time is not what it allows",
  offTimeOutside: "the off-time is not what it allows",
  stepTooLarge: "the step is larger than its max_step",
  factUnavailable: "the present value, which max_step needs, is not known",
  tooManyChanges: "its max_changes is used up",
  split: "only a part of its value is written",
};

/** What binds every role, in the order it is judged at a point. */
const LIMITS: readonly (readonly [DenialCode, (point: Point, written: Written, facts: Facts) => boolean])[] = [
  [
    "split",
    (point, written) => point.last > point.first && (point.first < written.first || point.last > written.last || written.keep !== 0),
  ],
  ["readOnly", (point) => point.access === "r"],
  ["notANumber", (point, written) => isFloat(point) && written.candidates(point) === "notANumber"],
  ["pointLimit", isOutside],
  ["implausible", (point, _, { implausible }) => point.type !== "bit" && point.last > point.first && implausible[point.index] === 1],
];

/** Only commands go some way. */
function isVia({ vias }: Rule, { via }: Operation): boolean {
  return vias === null || via === 0 || vias.some((named) => named === via);
}

function isObject({ objects }: Rule, { object }: Operation): boolean {
  return objects === null || objects.some((named) => named === object);
}

/** The pattern as a regular expression; the compiled form walks it by hand. */
function isFile({ files }: Rule, { target }: Operation): boolean {
  if (files === null) return true;
  if (target.at !== "name") return false;
  const { name } = target;
  return files.some((pattern) =>
    new RegExp(
      `^${pattern
        .split("*")
        .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"))
        .join("[^/]*")}$`,
    ).test(name),
  );
}

function isCode({ control }: Rule, { control: command }: Operation): boolean {
  return control === null || command === null || control.codes.some((code) => code === command.code);
}

function commandMisfit({ control }: Rule, command: Control | null): DenialCode | null {
  if (control === null || command === null) return null;
  const limits = [
    ["countOutside", control.count, command.count],
    ["onTimeOutside", control.onTimeMs, command.onTimeMs],
    ["offTimeOutside", control.offTimeMs, command.offTimeMs],
  ] as const;
  return limits.find(([, [least, most], stated]) => stated < least || stated > most)?.[0] ?? null;
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** Values of several cells are written whole, and not under a mask (RULINGS 2, 11). */
function isWhole(written: Written, first: number, last: number): boolean {
  return first >= written.first && last <= written.last && (first === last || written.keep === 0);
}

function isOutside(point: Point, written: Written): boolean {
  const { writeMin, writeMax } = point;
  if (writeMin === null && writeMax === null) return false;
  const all = written.candidates(point);
  if (typeof all === "string") return false;
  return all.some(({ value }) => (writeMin !== null && isBelow(value, writeMin)) || (writeMax !== null && isAbove(value, writeMax)));
}

/**
 * Every value the write can leave must pass.
 *
 * @param present  the value that stands there, null where it cannot be told; `unread`: it is judged once it has been read
 */
function judgeValues(
  values: Values,
  point: Point | null,
  all: readonly Candidate[],
  present: () => Ratio | null | "unread",
): DenialCode | null {
  const { min, max, set, maxStep } = values;
  if (min !== null && all.some(({ value }) => isBelow(value, min))) return "belowMinimum";
  if (max !== null && all.some(({ value }) => isAbove(value, max))) return "aboveMaximum";
  if (set !== null && !all.every(({ words, value }) => set.some((member) => isMember(point, words, value, member)))) return "notInSet";
  if (maxStep === null) return null;
  const seen = present();
  if (seen === "unread") return null;
  if (seen === null) return "factUnavailable";
  return all.some(({ value }) => isAbove(distance(value, seen), maxStep)) ? "stepTooLarge" : null;
}

/** RULINGS 14. */
function isWithinReach(assurance: Asking["assurance"], verb: Verb): boolean {
  const anyone: readonly Verb[] = ["read", "diagnose", "identify"];
  return assurance === "certificate" || anyone.includes(verb) || (assurance === "accepted" && verb === "write");
}

function isIn(ranges: readonly (readonly [number, number])[], address: number): boolean {
  return ranges.some(([first, last]) => first <= address && address <= last);
}

function sayFunction({ function: number }: Operation): string {
  return number > 0xff ? `${number & 0xff}/${number >> 8}` : String(number);
}

function refusedAt(code: DenialCode, rule: Rule | null, place: Place, point: Point | null): Decision {
  const { index, unit, space, address } = place;
  return refused(code, rule, index, unit, space, space < 0 ? -1 : address, space < 0 || point === null ? -1 : point.index);
}

function refused(
  code: DenialCode,
  rule: Rule | null,
  operation: number,
  unit: number,
  space: number,
  address: number,
  point: number,
): Decision {
  return { allowed: false, code, rules: rule === null ? [] : [rule.order], operation, unit, space, address, point };
}
