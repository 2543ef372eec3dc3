/**
 * What a request fragment would do to the outstation, header by header, in the words all protocols share. A fragment may mix many headers; each
 * is an operation of its own, and all must be allowed.
 */
import type { Control, Effect, Message, OpenFile, Operation, Target, Values, Verb } from "#operation";
import { putF64be } from "#wire";
import { askedIn, isAggressive } from "./aggressive.ts";
import type { Fragment, ObjectHeader } from "./application.ts";
import { BAD_NAME, type FileAct, fileRequestOf } from "./files.ts";
import { FUNCTION } from "./functions.ts";
import { eachItem, fieldOf, type Item, namedIndex } from "./items.ts";
import { ATTRIBUTE, CLASS, CLOCK, cellOf, FILE, INDICATION, lastCellOf, NUMBER_CELLS, SPACES, spaceOfTable } from "./spaces.ts";

/**
 * @param unit the outstation's address, under which rules and facts are kept
 * @param file what its handle stands for, where it has one; null: for nothing
 */
export function operationsOf(fragment: Fragment, unit: number, broadcast: boolean, file: OpenFile | null = null): Message {
  const drafting = new Drafting(fragment, unit, broadcast, file);
  drafting.draft();
  return { reply: fragment.row.silent || broadcast ? "none" : "many", operations: drafting.operations };
}

const NONE: Values = { is: "none" };
const DEVICE: Target = { at: "device" };
/** Octets of a number in its cells. */
const NUMBER_OCTETS = 2 * NUMBER_CELLS;

class Drafting {
  readonly operations: Operation[] = [];
  readonly #fragment: Fragment;
  readonly #unit: number;
  readonly #broadcast: boolean;
  /** SAv5 user number that the fragment claims: evidence, never identity. */
  readonly #actor: number;

  readonly #file: OpenFile | null;

  constructor(fragment: Fragment, unit: number, broadcast: boolean, file: OpenFile | null) {
    this.#file = file;
    this.#fragment = fragment;
    this.#unit = unit;
    this.#broadcast = broadcast;
    this.#actor = actorOf(fragment);
  }

  draft(): void {
    const { row, headers } = this.#fragment;
    const [first] = headers;
    // To say so who asks is a right, and what is asked is judged all the same.
    if (first !== undefined && isAggressive(this.#fragment)) this.#add("authenticate", "housekeep", objectOf(first), DEVICE, NONE);
    const whole = WHOLE[row.code];
    if (whole !== undefined) this.#add(...whole, 0, DEVICE, NONE);
    else for (const header of askedIn(this.#fragment)) this.#header(row.code, header);
    // Who asks for nothing is not asking to be known: what no operation is drafted for is denied.
    if (this.operations.length === 1 && isAggressive(this.#fragment)) this.operations.pop();
  }

  #header(code: number, header: ObjectHeader): void {
    if (header.entry.kind === "file" && header.hasData) {
      this.#files(header);
      return;
    }
    switch (code) {
      case FUNCTION.read:
        this.#read(header);
        return;
      case FUNCTION.write:
        this.#write(header);
        return;
      case FUNCTION.select:
        this.#command(header, "select", 1);
        return;
      case FUNCTION.operate:
        this.#command(header, "operate", 1);
        return;
      case FUNCTION.directOperate:
        this.#command(header, "operate", 2);
        return;
      case FUNCTION.directOperateNoAck:
        this.#command(header, "operate", 3);
        return;
      case FUNCTION.immediateFreeze:
      case FUNCTION.immediateFreezeNoAck:
      case FUNCTION.freezeAndClear:
      case FUNCTION.freezeAndClearNoAck:
        if (header.entry.table === null || header.entry.kind !== "static") this.#opaque(header);
        else this.#ranges(header, "freeze", "change", spaceOfTable(header.entry.table));
        return;
      case FUNCTION.freezeAtTime:
      case FUNCTION.freezeAtTimeNoAck:
        // The time stands before what it is for.
        if (header.entry.kind === "time") return;
        if (header.entry.table === null || header.entry.kind !== "static") this.#opaque(header);
        else this.#ranges(header, "freeze", "change", spaceOfTable(header.entry.table));
        return;
      case FUNCTION.enableUnsolicited:
      case FUNCTION.disableUnsolicited:
        if (header.entry.kind === "class" && header.variation > 1) this.#class(header, "unsolicited", "change");
        else this.#opaque(header);
        return;
      case FUNCTION.assignClass:
        // The class stands before what is put into it.
        if (header.entry.kind === "class") return;
        if (header.entry.table === null) this.#opaque(header);
        else this.#ranges(header, "assignClass", "change", spaceOfTable(header.entry.table));
        return;
      default:
        this.#opaque(header);
    }
  }

  #read(header: ObjectHeader): void {
    const { kind, table } = header.entry;
    switch (kind) {
      case "static":
      case "deadband":
        if (table !== null) this.#ranges(header, "read", "observe", spaceOfTable(table));
        return;
      case "event":
        if (table !== null) this.#ranges(header, "events", "observe", spaceOfTable(table));
        return;
      case "class":
        this.#class(header, header.variation === 1 ? "read" : "events", "observe");
        return;
      case "time":
        this.#add("read", "observe", objectOf(header), { at: "range", space: CLOCK, first: 0, last: 0 }, NONE);
        return;
      case "indications":
        this.#ranges(header, "read", "observe", INDICATION);
        return;
      case "attribute":
        this.#attribute(header, "read", "observe");
        return;
      case "authentication":
        this.#add("authenticate", "housekeep", objectOf(header), DEVICE, NONE);
        return;
      default:
        this.#opaque(header);
    }
  }

  #write(header: ObjectHeader): void {
    const { octets } = this.#fragment;
    switch (header.entry.kind) {
      case "time":
        if (header.group === CLOCK_GROUP && (header.variation === 1 || header.variation === 3))
          this.#add("time", "change", objectOf(header), DEVICE, NONE);
        else this.#opaque(header);
        return;
      case "deadband":
        this.#ranges(header, "configure", "change", spaceOfTable("analogInput"));
        return;
      case "indications": {
        const { first, last, itemsAt } = header;
        const target: Target = { at: "range", space: INDICATION, first: cellOf(INDICATION, first), last: lastCellOf(INDICATION, last) };
        const values: Values = { is: "cells", octets, at: itemsAt, bits: 1, keep: 0 };
        if (first < 0) this.#opaque(header);
        else this.#add("write", "change", objectOf(header), target, values);
        return;
      }
      default:
        this.#opaque(header);
    }
  }

  /** Commands: an operation for each, or for several points that are told the same. */
  #command(header: ObjectHeader, verb: "select" | "operate", via: 1 | 2 | 3): void {
    if (header.group === RELAY_GROUP && header.variation === 1) this.#relays(header, verb, via);
    else if (header.group === ANALOG_GROUP) this.#analogs(header, verb, via);
    else this.#opaque(header);
  }

  #relays(header: ObjectHeader, verb: "select" | "operate", via: 1 | 2 | 3): void {
    const { octets } = this.#fragment;
    const space = spaceOfTable("binaryOutput");
    eachItem(this.#fragment, header, ({ index, at }) => {
      if (index < 0) {
        this.#opaque(header);
        return;
      }
      const control: Control = {
        code: fieldOf(octets, header, at, "code") ?? 0,
        count: fieldOf(octets, header, at, "count") ?? 0,
        onTimeMs: fieldOf(octets, header, at, "onTime") ?? 0,
        offTimeMs: fieldOf(octets, header, at, "offTime") ?? 0,
      };
      this.#add(verb, "change", objectOf(header), pointAt(space, index), NONE, via, control);
    });
  }

  #analogs(header: ObjectHeader, verb: "select" | "operate", via: 1 | 2 | 3): void {
    const space = spaceOfTable("analogOutput");
    // Made per command and not per message: a few in a minute. What was read is put into cells in one place made once (replies.ts).
    const cells = new Uint8Array(NUMBER_OCTETS * header.count);
    let at = 0;
    eachItem(this.#fragment, header, (item) => {
      if (item.index < 0) {
        this.#opaque(header);
        return;
      }
      putF64be(cells, at, numberOf(this.#fragment, header, item));
      this.#add(verb, "change", objectOf(header), pointAt(space, item.index), { is: "cells", octets: cells, at, bits: 16, keep: 0 }, via);
      at += NUMBER_OCTETS;
    });
  }

  #class(header: ObjectHeader, verb: Verb, effect: Effect): void {
    const number = header.variation - 1;
    // Variation 0 is no class; the place behind the last is covered by no rule.
    const cell = number < 0 ? cellOf(CLASS, 0xffff) : number;
    this.#add(verb, effect, objectOf(header), { at: "range", space: CLASS, first: cell, last: cell }, NONE);
  }

  #attribute(header: ObjectHeader, verb: Verb, effect: Effect): void {
    // 254 asks for all of them, 255 for the list of their numbers.
    const [first, last] = header.variation === ALL_ATTRIBUTES ? [0, 0xff] : [header.variation, header.variation];
    this.#add(verb, effect, objectOf(header), { at: "range", space: ATTRIBUTE, first, last }, NONE);
  }

  /** The points a header is about: a range, all of them, or a list, whose neighbours make ranges. */
  #ranges(header: ObjectHeader, verb: Verb, effect: Effect, space: number): void {
    const { qualifier, first, last, count, hasData } = header;
    if (qualifier.range === "startStop") {
      this.#add(verb, effect, objectOf(header), rangeOf(space, first, last), NONE);
      return;
    }
    if (qualifier.prefix !== "index") {
      // So many of them at most: whichever the device likes.
      this.#add(verb, effect, objectOf(header), { at: "range", space, first: 0, last: lastOf(space) }, NONE);
      return;
    }
    let from = -1;
    let to = -1;
    const index = (at: number): void => {
      if (from >= 0 && at === to + 1) to = at;
      else {
        if (from >= 0) this.#add(verb, effect, objectOf(header), rangeOf(space, from, to), NONE);
        from = at;
        to = at;
      }
    };
    if (hasData) eachItem(this.#fragment, header, (item) => index(item.index));
    else for (let i = 0; i < count; i++) index(namedIndex(this.#fragment, header, i));
    if (from >= 0) this.#add(verb, effect, objectOf(header), rangeOf(space, from, to), NONE);
  }

  #files(header: ObjectHeader): void {
    const asked = fileRequestOf(this.#fragment, header);
    if (asked === null || asked === BAD_NAME) {
      this.#opaque(header);
      return;
    }
    const [verb, effect] = asked.act === "close" ? closing(this.#file) : ACTS[asked.act];
    // A handle that stands for nothing is a file without a name, which no rule lists.
    const name = asked.name ?? this.#file?.name ?? "";
    this.#add(verb, effect, objectOf(header), { at: "name", space: FILE, name }, NONE);
  }

  /** Granted by its function and group alone: `2/12` is WRITE of group 12. */
  #opaque(header: ObjectHeader): void {
    this.#add("raw", "change", objectOf(header), DEVICE, NONE, 0, null, this.#fragment.row.code | (header.group << 8));
  }

  #add(
    verb: Verb,
    effect: Effect,
    object: number,
    target: Target,
    values: Values,
    via: 0 | 1 | 2 | 3 = 0,
    control: Control | null = null,
    number: number = this.#fragment.row.code,
  ): void {
    const operation = { verb, effect, via, function: number, object, unit: this.#unit, broadcast: this.#broadcast, actor: this.#actor };
    this.operations.push({ ...operation, target, values, control });
  }
}

const ACTS: Readonly<Record<Exclude<FileAct, "close">, readonly [verb: Verb, effect: Effect]>> = {
  open: ["file-read", "observe"],
  openForWriting: ["file-write", "change"],
  read: ["file-read", "observe"],
  write: ["file-write", "change"],
  delete: ["file-write", "change"],
  list: ["file-read", "observe"],
};

/** Whoever may open a file may close it. */
function closing(file: OpenFile | null): readonly [verb: Verb, effect: Effect] {
  return [file?.writes === true ? "file-write" : "file-read", "housekeep"];
}

/** Functions that are about the device as a whole, whatever stands behind them. */
const WHOLE: Readonly<Record<number, readonly [verb: Verb, effect: Effect]>> = {
  [FUNCTION.confirm]: ["confirm", "housekeep"],
  [FUNCTION.coldRestart]: ["restart", "change"],
  [FUNCTION.warmRestart]: ["restart", "change"],
  [FUNCTION.initializeData]: ["configure", "change"],
  [FUNCTION.initializeApplication]: ["control", "change"],
  [FUNCTION.startApplication]: ["control", "change"],
  [FUNCTION.stopApplication]: ["control", "change"],
  [FUNCTION.saveConfiguration]: ["configure", "change"],
  [FUNCTION.activateConfiguration]: ["configure", "change"],
  [FUNCTION.delayMeasurement]: ["time", "observe"],
  [FUNCTION.recordCurrentTime]: ["time", "change"],
  [FUNCTION.authenticationRequest]: ["authenticate", "housekeep"],
  [FUNCTION.authenticationRequestNoAck]: ["authenticate", "housekeep"],
  [FUNCTION.authenticateFile]: ["authenticate", "housekeep"],
};

/** Which verbs a function can carry, for the words of a policy. */
export const VERBS_OF: Readonly<Record<number, readonly Verb[]>> = {
  ...Object.fromEntries(Object.entries(WHOLE).map(([code, [verb]]) => [code, [verb]])),
  [FUNCTION.read]: ["read", "events", "file-read", "authenticate", "raw"],
  [FUNCTION.write]: ["write", "time", "configure", "file-write", "raw"],
  [FUNCTION.select]: ["select"],
  [FUNCTION.operate]: ["operate"],
  [FUNCTION.directOperate]: ["operate"],
  [FUNCTION.directOperateNoAck]: ["operate"],
  [FUNCTION.immediateFreeze]: ["freeze"],
  [FUNCTION.immediateFreezeNoAck]: ["freeze"],
  [FUNCTION.freezeAndClear]: ["freeze"],
  [FUNCTION.freezeAndClearNoAck]: ["freeze"],
  [FUNCTION.freezeAtTime]: ["freeze"],
  [FUNCTION.freezeAtTimeNoAck]: ["freeze"],
  [FUNCTION.enableUnsolicited]: ["unsolicited"],
  [FUNCTION.disableUnsolicited]: ["unsolicited"],
  [FUNCTION.assignClass]: ["assignClass"],
  [FUNCTION.openFile]: ["file-read", "file-write"],
  [FUNCTION.closeFile]: ["file-read", "file-write"],
  [FUNCTION.deleteFile]: ["file-write"],
  [FUNCTION.getFileInfo]: ["file-read"],
  [FUNCTION.abortFile]: ["file-read", "file-write"],
};

const AUTHENTICATION = 120;
const CLOCK_GROUP = 50;
const RELAY_GROUP = 12;
const ANALOG_GROUP = 41;
const ALL_ATTRIBUTES = 254;

function objectOf({ group, variation }: ObjectHeader): number {
  return (group << 8) | variation;
}

function pointAt(space: number, index: number): Target {
  return rangeOf(space, index, index);
}

function rangeOf(space: number, first: number, last: number): Target {
  return { at: "range", space, first: cellOf(space, first), last: lastCellOf(space, last) };
}

function lastOf(space: number): number {
  return SPACES[space]?.last ?? 0;
}

/** The value of a number's object. */
export function numberOf({ octets }: Fragment, header: ObjectHeader, { at }: Item): number {
  return fieldOf(octets, header, at, "value") ?? Number.NaN;
}

/** Of the first object that says who asks. */
function actorOf(fragment: Fragment): number {
  for (const header of fragment.headers) {
    if (header.group !== AUTHENTICATION) continue;
    let user = 0;
    eachItem(fragment, header, ({ at }) => {
      user = fieldOf(fragment.octets, header, at, "user") ?? user;
    });
    return user;
  }
  return 0;
}
