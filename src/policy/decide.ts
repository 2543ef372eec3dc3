/**
 * The decision. Pure: a table made at load, the operations of one message, facts handed in; out comes allow or deny with its reasons.
 * Its naive twin is explain.ts; a property test holds the two equal over random policies and requests.
 *
 * One fixed order says which failure is reported. Operation by operation, unit by unit (a broadcast is asked for every unit):
 *   1. what binds every role, address by address: deny rules (`never`, then roles); ambiguousMask; split; readOnly; notANumber; pointLimit
 *   2. a verb the subject's assurance does not reach: unauthenticated
 *   3. the first address with a bit that no allow rule covers: the code of the rule that came nearest
 *
 * Cost: O(log rules + addresses touched x rules on the same interval). No closure, string, buffer or promise; one object for a denial, none for
 * an allow by one rule.
 */
import type { DenialCode } from "#events";
import { type Control, isWriting, type Operation, type Verb } from "#operation";
import type { Decision, Facts } from "./decision.ts";
import { matchesName } from "./fileNames.ts";
import { fullMask, type Ground, pointAt, type Spot } from "./ground.ts";
import { type Intervals, seek } from "./intervals.ts";
import type { ControlLimits } from "./model.ts";
import { type Cells, cellAt } from "./shape.ts";
import { STATE } from "./state.ts";
import { type Assurance, allowedBy, deviceSpace, EMPTY_LANE, type Lane, type Table, type TableRule } from "./table.ts";
import { FAILED, type Failed, judgeFitness, judgeValue, leftUnread } from "./value.ts";

/**
 * Judge one message. The decision's `rules` are those that allowed, sorted: of each cell the first ones that cover it. Beyond sixteen only
 * those with a `rate` are named, for the road counts by them.
 */
export function decide(table: Table, operations: readonly Operation[], facts: Facts): Decision {
  if (operations.length === 0) return denied("empty", -1, 0, -1, -1, -1, -1);
  decisions += 1;
  usedCount = 0;
  usedInOrder = true;
  open.count = 0;
  if (open.states.length > 0) open.states.length = 0; // setting it costs more than asking
  for (let i = 0; i < operations.length; i++) {
    leftUnread.yes = false;
    const denial = judgeOperation(table, operations[i] as Operation, i, facts);
    if (denial !== null) return denial;
    if (leftUnread.yes) leaveOpen(i);
  }
  if (usedCount === 1) return (table.rules[table.used[0] as number] as TableRule).allowed;
  return allowedBy(usedOrders(table));
}

/** What the last decision left open: it allowed only if what stands in the device is such. Read it, and decide again on it (RULINGS 8). */
export interface Open {
  /** Writes, by index, that depend on what stands where they write. */
  readonly count: number;
  readonly operations: Int32Array;
  /** Indexes of `Facts.states`. */
  readonly states: readonly number[];
}

/** Of the decision made last; one object, valid until the next. Nothing is open where it was denied or `Facts.present` was given. */
export function leftOpen(): Open {
  return open;
}

function leaveOpen(operation: number): void {
  if (open.count === open.operations.length) {
    const larger = new Int32Array(2 * open.count);
    larger.set(open.operations);
    open.operations = larger;
  }
  open.operations[open.count] = operation;
  open.count += 1;
}

function leaveState(state: number): void {
  if (!open.states.includes(state)) open.states.push(state);
}

const open = { count: 0, operations: new Int32Array(4), states: [] as number[] };

/** What is asked, in one place: filled in per operation and unit, read by everything below. Never kept. */
interface Question {
  index: number;
  operation: Operation;
  unit: number;
  /** -1: the device as a whole. */
  space: number;
  first: number;
  last: number;
  /** Bits of each cell it touches. */
  touched: number;
  /** Of a write, else null. */
  cells: Cells | null;
  facts: Facts;
}

function judgeOperation(table: Table, operation: Operation, index: number, facts: Facts): Decision | null {
  const { ground } = table;
  const { target, unit } = operation;
  // What goes by name stands at the one place of its space.
  const isNamed = target.at === "name";
  const isRange = target.at === "range" || isNamed;
  const space = isRange ? target.space : -1;
  const first = target.at === "range" ? target.first : isNamed ? 0 : -1;
  const last = target.at === "range" ? target.last : isNamed ? 0 : -1;
  const slot = operation.broadcast ? -1 : (ground.slots[unit] ?? -1);
  if (operation.broadcast && (operation.effect === "observe" || operation.verb === "read"))
    return denied("broadcastRead", -1, index, unit, space, first, -1);
  if (operation.broadcast ? ground.units.length === 0 : slot < 0) return denied("unknownUnit", -1, index, unit, space, first, -1);
  if (isRange ? ground.spaces[space] === undefined : target.at !== "device") return denied("internal", -1, index, unit, space, first, -1);
  if (last < first) return denied("empty", -1, index, unit, space, first, -1);
  const writes = isWriting(operation.verb);
  const cells = writes && operation.control === null ? cellsOf(operation, ground, space, first, last) : null;
  if (writes && (operation.control === null ? cells === null : !isRange)) return denied("internal", -1, index, unit, space, first, -1);
  asked.index = index;
  asked.operation = operation;
  asked.space = space;
  asked.first = first;
  asked.last = last;
  asked.cells = cells;
  asked.touched = touchedBits(cells, space < 0 ? 0xffff : fullMask(ground.spaces[space]));
  asked.facts = facts;
  if (!operation.broadcast) return judgeUnit(table, asked, slot);
  for (let each = 0; each < ground.units.length; each++) {
    const denial = judgeUnit(table, asked, each);
    if (denial !== null) return denial;
  }
  return null;
}

function judgeUnit(table: Table, question: Question, slot: number): Decision | null {
  const { ground } = table;
  const { operation, cells } = question;
  question.unit = ground.units[slot] as number;
  const device = deviceSpace(ground);
  const space = question.space < 0 ? device : question.space;
  const first = space !== device ? question.first : operation.verb === "raw" ? operation.function : 0;
  const last = space !== device ? question.last : first;
  const lane = table.lanes[operation.verb]?.[slot * (device + 1) + space] ?? EMPTY_LANE;
  const forbidden = lane.deny.count === 0 ? null : firstDeny(table, lane.deny, question, first, last);
  if (cells !== null) {
    const layout = ground.layouts[slot * device + space] as Intervals;
    const limited = firstLimit(ground, layout, question, cells, forbidden === null ? last : forbidden.address - 1);
    if (limited !== null) return limited;
  } else if (operation.control !== null) {
    const layout = ground.layouts[slot * device + space] as Intervals;
    const limited = firstReadOnly(ground, layout, question, forbidden === null ? last : forbidden.address - 1);
    if (limited !== null) return limited;
  }
  if (forbidden !== null) return forbidden;
  if (question.touched === 0) return deniedNaming("empty", -1, question, first, -1, ground, 0);
  if (!mayHold(table.assurance, operation.verb)) return deniedHere("unauthenticated", -1, question, first, -1);
  return firstUncovered(table, lane, question, first, last);
}

/** RULINGS 14: without a certificate there is reading, diagnosing and identifying, and writing only where the site accepts it by name. */
function mayHold(assurance: Assurance, verb: Verb): boolean {
  if (assurance === "certificate" || verb === "read" || verb === "diagnose" || verb === "identify") return true;
  return assurance === "accepted" && verb === "write";
}

/** The first address a deny rule touches. One whose hours cannot be told matches (RULINGS 1). */
function firstDeny(table: Table, deny: Intervals, question: Question, first: number, last: number): Decision | null {
  const { touched, facts, operation } = question;
  for (let k = seek(deny, first); k < deny.count && (deny.firsts[k] as number) <= last; k++) {
    for (let i = deny.from[k] as number; i < (deny.from[k + 1] as number); i++) {
      const entry = deny.entries[i] as number;
      if (((table.entryMask[entry] as number) & touched) === 0) continue;
      const { rule, isNever, hours, state } = table.rules[table.entryRule[entry] as number] as TableRule;
      if (rule.functions !== null && !rule.functions.includes(operation.function)) continue;
      if (rule.vias !== null && operation.via !== 0 && !rule.vias.includes(operation.via)) continue;
      if (rule.objects !== null && !isUntold(operation) && !rule.objects.includes(operation.object)) continue;
      if (rule.files !== null && !namesFile(rule.files, operation)) continue;
      if (hours >= 0 && facts.hoursOpen[hours] === 0) continue;
      if (state >= 0 && isSpared(state, facts)) continue;
      const address = Math.max(deny.firsts[k] as number, first);
      const named = table.entryPoint[entry] as number;
      const bits = (table.entryMask[entry] as number) & touched;
      return deniedNaming(isNever ? "never" : "forbidden", rule.order, question, address, named, table.ground, bits);
    }
  }
  return null;
}

/** A point without a word which of its objects: a deny of any of them touches it. */
function isUntold({ object, target }: Operation): boolean {
  return object === 0 && target.at === "range";
}

/** A deny is spared by a state that is known not to be so; and for now by one that is yet to be read. */
function isSpared(state: number, facts: Facts): boolean {
  const now = facts.states[state];
  if (now === STATE.unread) leaveState(state);
  return now === STATE.isNot || now === STATE.unread;
}

/** The first address where the write breaks what binds every role. A point is judged at the first of its cells that the write touches. */
function firstLimit(ground: Ground, layout: Intervals, question: Question, cells: Cells, last: number): Decision | null {
  const { first } = question;
  if (cells.keep !== 0) return firstMaskLimit(ground, layout, question, cells, last);
  for (let k = seek(layout, first); k < layout.count; k++) {
    const address = Math.max(layout.firsts[k] as number, first);
    if (address > last) return null;
    const denial = limitAt(ground, layout, k, question, cells, address);
    if (denial !== null) return denial;
  }
  return null;
}

/** A command puts no value to a place; that nobody may command it binds it all the same. */
function firstReadOnly(ground: Ground, layout: Intervals, question: Question, last: number): Decision | null {
  const { first } = question;
  for (let k = seek(layout, first); k < layout.count; k++) {
    const address = Math.max(layout.firsts[k] as number, first);
    if (address > last) return null;
    for (let i = layout.from[k] as number; i < (layout.from[k + 1] as number); i++) {
      const spot = ground.spots[layout.entries[i] as number] as Spot;
      if (spot.readOnly) return deniedHere("readOnly", -1, question, address, spot.index);
    }
  }
  return null;
}

/** A masked write (FC 22): devices differ on what a bit both kept and set becomes (RULINGS 11). */
function firstMaskLimit(ground: Ground, layout: Intervals, question: Question, cells: Cells, last: number): Decision | null {
  for (let address = question.first; address <= last; address++) {
    if ((cellAt(cells, address - question.first) & cells.keep) !== 0)
      return deniedNaming("ambiguousMask", -1, question, address, -1, ground, question.touched);
    const k = seek(layout, address);
    if (k >= layout.count || (layout.firsts[k] as number) > address) continue;
    const denial = limitAt(ground, layout, k, question, cells, address);
    if (denial !== null) return denial;
  }
  return null;
}

/** Checks in their order, points by index: the lowest check that fails, and of those the lowest point. */
function limitAt(ground: Ground, layout: Intervals, k: number, question: Question, cells: Cells, address: number): Decision | null {
  let worst: number = NO_LIMIT;
  let point = -1;
  for (let i = layout.from[k] as number; i < (layout.from[k + 1] as number) && worst > 0; i++) {
    const spot = ground.spots[layout.entries[i] as number] as Spot;
    if (spot.first < address && address > question.first) continue; // judged at its first cell
    if ((spot.mask & question.touched) === 0) continue;
    const check = brokenLimit(spot, question, cells);
    if (check < worst) {
      worst = check;
      point = spot.index;
    }
  }
  return worst === NO_LIMIT ? null : deniedHere(LIMITS[worst] as DenialCode, -1, question, address, point);
}

/** Those after `readOnly` are `UNFIT` beyond it, then what the device last showed. */
const LIMITS: readonly DenialCode[] = ["split", "readOnly", "notANumber", "pointLimit", "implausible"];
const READ_ONLY = 1;
const IMPLAUSIBLE = LIMITS.length - 1;
const NO_LIMIT = LIMITS.length;

/** Index into `LIMITS` of the first one that this write breaks at the point, or `NO_LIMIT`. */
function brokenLimit(spot: Spot, { first, last, facts }: Question, cells: Cells): number {
  if (spot.isWide && (spot.first < first || spot.last > last || cells.keep !== 0)) return 0;
  if (spot.readOnly) return READ_ONLY;
  const unfit = judgeFitness(spot.shape, spot.limits, cells, first);
  if (unfit !== 0) return READ_ONLY + unfit;
  return spot.isWide && facts.implausible[spot.index] === 1 ? IMPLAUSIBLE : NO_LIMIT;
}

function firstUncovered(table: Table, lane: Lane, question: Question, first: number, last: number): Decision | null {
  const { allow, byAddress } = lane;
  judgedRule = -1;
  let k = seek(allow, first);
  for (let address = first; address <= last; ) {
    if (k >= allow.count || (allow.firsts[k] as number) > address) return uncovered(table, lane, -1, question, address, question.touched);
    let left = question.touched;
    for (let i = allow.from[k] as number; i < (allow.from[k + 1] as number) && left !== 0; i++) {
      const entry = allow.entries[i] as number;
      const mask = table.entryMask[entry] as number;
      if ((mask & left) === 0 || standing(table, entry, question, address) !== 0) continue;
      left &= ~mask;
      use(table, table.entryRule[entry] as number);
    }
    if (left !== 0) left = changedBits(question, address, left);
    if (left !== 0) return uncovered(table, lane, k, question, address, left);
    address = byAddress[k] === 0 ? (allow.lasts[k] as number) + 1 : address + 1;
    if (address > (allow.lasts[k] as number)) k += 1;
  }
  return null;
}

/**
 * A whole word is written for the sake of some of its bits, which a rule grants: the others pass where they stay as they are (RULINGS 11).
 *
 * @returns what is left of `left`, the bits that no rule covers
 */
function changedBits({ cells, touched, facts, unit, space, first }: Question, address: number, left: number): number {
  if (cells === null || cells.bits === 1 || cells.keep !== 0 || left === touched) return left;
  if (facts.present === null) {
    leftUnread.yes = true;
    return 0;
  }
  const cell = facts.present.cell(unit, space, address);
  return cell < 0 ? left : left & (cell ^ cellAt(cells, address - first));
}

/** Does the entry's rule hold here? 0, or how far it got. */
function standing(table: Table, entry: number, question: Question, address: number): Failed {
  const gap = table.entryGap[2 * entry] as number;
  if (gap >= 0 && (question.first >= gap || question.last <= (table.entryGap[2 * entry + 1] as number))) return FAILED.apart;
  const rule = table.entryRule[entry] as number;
  if (rule !== judgedRule) {
    judgedRule = rule;
    judged = conditions(table.rules[rule] as TableRule, question);
  }
  if (judged !== 0) return judged;
  const bounds = table.entryBounds[entry] as Table["entryBounds"][number];
  if (bounds === null || question.cells === null) return 0;
  return judgeValue(bounds, question.cells, question.first, address, question.facts, question.unit, question.space);
}

/** What a rule asks of the message as a whole, in the order of stages. */
function conditions({ rule, hours, state }: TableRule, { operation, facts }: Question): Failed {
  if (rule.functions !== null && !rule.functions.includes(operation.function)) return FAILED.function;
  if (rule.vias !== null && operation.via !== 0 && !rule.vias.includes(operation.via)) return FAILED.via;
  if (rule.objects !== null && !rule.objects.includes(operation.object)) return FAILED.object;
  if (rule.files !== null && !namesFile(rule.files, operation)) return FAILED.file;
  // What is to be done is which command it is, as a function is: a rule for closing came nearer to a close than one for tripping.
  const command = rule.control === null ? null : operation.control;
  if (command !== null && rule.control?.codes.includes(command.code) === false) return FAILED.code;
  if (operation.broadcast && !rule.broadcast) return FAILED.broadcast;
  if (hours >= 0 && facts.hoursOpen[hours] !== 1) return FAILED.hours;
  if (state >= 0) {
    const now = facts.states[state];
    if (now === STATE.unread) leaveState(state);
    else if (now !== STATE.is) return now === STATE.isNot ? FAILED.state : now === STATE.stale ? FAILED.stale : FAILED.stateUnknown;
  }
  const { rate } = rule;
  if (rate !== null && facts.rates.count(rule.order, rate.windowMs, facts.now) >= rate.count) return FAILED.rate;
  return rule.control === null || command === null ? 0 : commandWithin(rule.control, command);
}

/** Files are asked for a few times a day; nothing is laid out for them. */
function namesFile(patterns: readonly string[], { target }: Operation): boolean {
  return target.at === "name" && patterns.some((pattern) => matchesName(pattern, target.name));
}

function commandWithin(limits: ControlLimits, { count, onTimeMs, offTimeMs }: Control): Failed {
  if (count < limits.count[0] || count > limits.count[1]) return FAILED.count;
  if (onTimeMs < limits.onTimeMs[0] || onTimeMs > limits.onTimeMs[1]) return FAILED.onTime;
  return offTimeMs < limits.offTimeMs[0] || offTimeMs > limits.offTimeMs[1] ? FAILED.offTime : 0;
}

/**
 * Name the rule that came nearest over the lowest bit left: the one that failed at the latest stage, of those the first. That a write is no stop
 * tells nobody why it is denied, so an essential rule is named only where no other lies there.
 */
function uncovered(table: Table, lane: Lane, k: number, question: Question, address: number, left: number): Decision {
  const { allow } = lane;
  const lowest = left & -left;
  let nearest = -1;
  let failed: Failed = 0;
  let furthest = 0;
  for (let i = k < 0 ? 0 : (allow.from[k] as number); k >= 0 && i < (allow.from[k + 1] as number); i++) {
    const entry = allow.entries[i] as number;
    if (((table.entryMask[entry] as number) & lowest) === 0) continue;
    const code = standing(table, entry, question, address);
    const { rule } = table.rules[table.entryRule[entry] as number] as TableRule;
    const got = code === FAILED.apart ? 0 : (code >> 4) + (rule.essential ? 0 : STAGES);
    if (got <= furthest) continue;
    furthest = got;
    failed = code;
    nearest = entry;
  }
  if (failed === 0) {
    const code = question.operation.verb === "raw" ? "opaque" : "nothingAllows";
    return deniedNaming(code, -1, question, address, -1, table.ground, lowest);
  }
  const { rule } = table.rules[table.entryRule[nearest] as number] as TableRule;
  return deniedNaming(CODES[failed], rule.order, question, address, table.entryPoint[nearest] as number, table.ground, lowest);
}

/** Name the point that was asked about where the rule itself names none. */
function deniedNaming(
  code: DenialCode,
  rule: number,
  question: Question,
  address: number,
  named: number,
  ground: Ground,
  bits: number,
): Decision {
  if (named >= 0 || question.space < 0) return deniedHere(code, rule, question, address, named);
  const layout = ground.layouts[(ground.slots[question.unit] as number) * ground.spaces.length + question.space] as Intervals;
  const masked = question.cells !== null && question.cells.keep !== 0;
  return deniedHere(code, rule, question, address, pointAt(ground, layout, address, bits, masked));
}

function deniedHere(code: DenialCode, rule: number, question: Question, address: number, point: number): Decision {
  const { index, unit, space } = question;
  return denied(code, rule, index, unit, space, space < 0 ? -1 : address, point);
}

function denied(code: DenialCode, rule: number, operation: number, unit: number, space: number, address: number, point: number): Decision {
  return { allowed: false, code, rules: rule < 0 ? NO_RULES : [rule], operation, unit, space, address, point };
}

/** The cells of a write; null where they are not what its target says, which no decoder may let happen. */
function cellsOf({ values }: Operation, ground: Ground, space: number, first: number, last: number): Cells | null {
  if (values.is !== "cells" || values.bits !== ground.spaces[space]?.bits) return null;
  const count = last - first + 1;
  const octets = values.bits === 1 ? (count + 7) >> 3 : 2 * count;
  return values.at + octets <= values.octets.length ? values : null;
}

/** A masked write touches the bits its mask does not keep, every other access all of a cell (RULINGS 11). */
function touchedBits(cells: Cells | null, full: number): number {
  return cells === null ? full : full & ~cells.keep;
}

/** This rule allows something of the message. */
function use(table: Table, rule: number): void {
  if (table.usedIn[rule] === decisions) return;
  table.usedIn[rule] = decisions;
  if (usedCount > 0 && rule < (table.used[usedCount - 1] as number)) usedInOrder = false;
  table.used[usedCount] = rule;
  usedCount += 1;
}

/** Allow rules stand in the table in their order. */
function usedOrders(table: Table): number[] {
  const used = table.used.subarray(0, usedCount);
  if (!usedInOrder) used.sort();
  const orders: number[] = [];
  for (let i = 0; i < usedCount; i++) {
    const { rule } = table.rules[used[i] as number] as TableRule;
    if (i < RULES_NAMED || rule.rate !== null) orders.push(rule.order);
  }
  return orders;
}

/** More than there are in `FAILED`. */
const STAGES = 16;

const CODES = {
  [FAILED.function]: "functionNotListed",
  [FAILED.via]: "viaNotListed",
  [FAILED.object]: "objectNotListed",
  [FAILED.file]: "fileNotListed",
  [FAILED.broadcast]: "broadcastNotAllowed",
  [FAILED.apart]: "nothingAllows",
  [FAILED.hours]: "outsideHours",
  [FAILED.state]: "stateNotMet",
  [FAILED.stateUnknown]: "factUnavailable",
  [FAILED.stale]: "stale",
  [FAILED.rate]: "rateExceeded",
  [FAILED.below]: "belowMinimum",
  [FAILED.above]: "aboveMaximum",
  [FAILED.notInSet]: "notInSet",
  [FAILED.code]: "codeNotListed",
  [FAILED.count]: "countOutside",
  [FAILED.onTime]: "onTimeOutside",
  [FAILED.offTime]: "offTimeOutside",
  [FAILED.step]: "stepTooLarge",
  [FAILED.unread]: "factUnavailable",
  [FAILED.changes]: "tooManyChanges",
} as const satisfies Record<number, DenialCode>;

/** Rules named by an allow; more than that tells nobody anything. */
const RULES_NAMED = 16;
const NO_RULES: readonly number[] = [];

/** The number of the decision under way, and what it has used so far. One thread, one decision at a time, nothing outlives it. */
let decisions = 0;
let usedCount = 0;
let usedInOrder = true;

/** The rule `conditions` last judged for the question at hand, and what came of it. */
let judgedRule = -1;
let judged: Failed = 0;

const asked: Question = {
  index: 0,
  operation: {
    verb: "raw",
    effect: "change",
    via: 0,
    function: 0,
    object: 0,
    unit: 0,
    broadcast: false,
    actor: 0,
    target: { at: "device" },
    values: { is: "none" },
    control: null,
  },
  unit: 0,
  space: -1,
  first: 0,
  last: 0,
  touched: 0,
  cells: null,
  facts: {
    now: 0,
    hoursOpen: new Uint8Array(0),
    states: new Uint8Array(0),
    implausible: new Uint8Array(0),
    present: null,
    changes: { count: () => Number.POSITIVE_INFINITY },
    rates: { count: () => Number.POSITIVE_INFINITY },
  },
};
