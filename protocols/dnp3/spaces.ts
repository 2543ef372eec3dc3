/**
 * Where things stand in an outstation, as policy and points name it; a space's number is its position. A number that carries its type on the
 * wire (counters, analogs) takes four cells: it is a double, which holds every type of them exactly.
 */
import type { Space, Verb } from "#operation";
import type { Kind, PointTable } from "./objects/entry.ts";
import { GROUPS, groupOf } from "./objects/index.ts";

/** Cells of a number. */
export const NUMBER_CELLS = 4;

const LOOK: readonly Verb[] = ["read", "events", "assignClass"];
const COMMAND: readonly Verb[] = [...LOOK, "operate", "select"];

/** Every verb here is one a rule has to name; a rule that names none is a look at the process. */
function points(name: string, bits: 1 | 16, verbs: readonly Verb[], stride: 1 | 4 = 1): Space {
  const writable = verbs.includes("operate");
  return {
    name,
    bits,
    stride,
    writable,
    process: true,
    verbs,
    wild: verbs,
    byName: false,
    last: 0xffff,
    modicon: null,
  };
}

/** @param wild what a rule covers that names no table */
function named(name: string, last: number, verbs: readonly Verb[], wild: readonly Verb[]): Space {
  return { name, bits: 1, stride: 1, writable: verbs.includes("write"), process: false, verbs, wild, byName: false, last, modicon: null };
}

export const SPACES: readonly Space[] = [
  points("binary-input", 1, LOOK),
  points("double-bit-input", 16, LOOK),
  points("binary-output", 1, COMMAND),
  points("counter", 16, [...LOOK, "freeze"], NUMBER_CELLS),
  points("frozen-counter", 16, LOOK, NUMBER_CELLS),
  points("analog-input", 16, [...LOOK, "freeze", "configure"], NUMBER_CELLS),
  points("frozen-analog-input", 16, LOOK, NUMBER_CELLS),
  points("analog-output", 16, COMMAND, NUMBER_CELLS),
  named("octet-string", 0xffff, LOOK, ["read", "events"]),
  named("virtual-terminal", 0xffff, LOOK, []),
  named("security-statistic", 0xffff, LOOK, ["read", "events"]),
  // Class 0 is a look at everything; taking events is a right of its own (RULINGS 34).
  named("class", 3, ["read", "events", "unsolicited"], ["read", "events", "unsolicited"]),
  named("attribute", 0xff, ["read", "write"], []),
  named("indication", 0xff, ["read", "write"], []),
  named("clock", 0, ["read"], ["read"]),
  // Files go by name: there is one place, and rules that are about it say which (RULINGS 37).
  { ...named("file", 0, ["file-read", "file-write"], []), byName: true },
];

export const BINARY_OUTPUT = 2;
export const ANALOG_INPUT = 5;
export const ANALOG_OUTPUT = 7;
export const VIRTUAL_TERMINAL = 9;
export const CLASS = 11;
export const ATTRIBUTE = 12;
export const INDICATION = 13;
export const CLOCK = 14;
export const FILE = 15;

const BY_TABLE: Readonly<Record<PointTable, number>> = {
  binaryInput: 0,
  doubleBitInput: 1,
  binaryOutput: BINARY_OUTPUT,
  counter: 3,
  frozenCounter: 4,
  analogInput: ANALOG_INPUT,
  frozenAnalogInput: 6,
  analogOutput: ANALOG_OUTPUT,
  octetString: 8,
  virtualTerminal: VIRTUAL_TERMINAL,
  securityStatistic: 10,
};

export function spaceOfTable(table: PointTable): number {
  return BY_TABLE[table];
}

/** null: about the device as a whole; undefined: no such group. */
export function spaceOfGroup(number: number): number | null | undefined {
  const group = groupOf(number);
  if (group === null) return undefined;
  if (group.table !== null) return BY_TABLE[group.table];
  switch (group.kind) {
    case "class":
      return CLASS;
    case "attribute":
      return ATTRIBUTE;
    case "indications":
      return INDICATION;
    case "time":
      return CLOCK;
    case "file":
      return FILE;
    default:
      return null;
  }
}

/** The group that shows what stands there now, by space; undefined: what stands there is not shown as points. */
const STATICS = groupsOf("static");
/** The group that tells its events. Those that tell who commanded it come second, and do not count here. */
const EVENTS = groupsOf("event");

function groupsOf(kind: Kind): readonly (number | undefined)[] {
  return SPACES.map((_, space) => GROUPS.find((group) => group.kind === kind && spaceOfGroup(group.group) === space)?.group);
}

export function staticGroupOf(space: number): number | undefined {
  return STATICS[space];
}

export function eventGroupOf(space: number): number | undefined {
  return EVENTS[space];
}

/** First cell of a point; one behind the last of the space where it has no such point, so that no rule covers it. */
export function cellOf(space: number, index: number): number {
  const { stride, last } = SPACES[space] as Space;
  return Math.min(index * stride, last + 1);
}

/** Last cell of a point; likewise. */
export function lastCellOf(space: number, index: number): number {
  const { stride, last } = SPACES[space] as Space;
  return Math.min(index * stride + stride - 1, last + 1);
}
