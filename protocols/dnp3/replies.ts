/**
 * Does a fragment answer what was asked, and with no more than that? What it shows of the process, in the words all protocols share.
 *
 * @source IEEE 1815-2012 clauses 4.2 and 5; which objects answer which request: reference of the outstations in the field
 */
import type { Operation, Reading, Target, Values } from "#operation";
import { err, ok, putF64be, type Result, sameOctets } from "#wire";
import { askedIn, isAggressive, type Span, spanAsked } from "./aggressive.ts";
import { IIN2 } from "./answers.ts";
import {
  decodeFragment,
  type Fragment,
  type FragmentFault,
  type HeaderFault,
  type ObjectHeader,
  REQUEST_HEADER,
  RESPONSE_HEADER,
} from "./application.ts";
import { Asked, CLOCK_GROUP, COMMON_TIME } from "./asked.ts";
import { FUNCTION } from "./functions.ts";
import { eachItem, fieldOf, type Item } from "./items.ts";
import { isCommand } from "./objections.ts";
import { cellOf, lastCellOf, NUMBER_CELLS, SPACES, spaceOfTable } from "./spaces.ts";
import { FRAGMENT_LIMIT } from "./transport.ts";

export type ReplyFault =
  | HeaderFault
  | FragmentFault
  /** No response, or one of another kind. */
  | "notAResponse"
  /** An object, or a point, that was not asked for. */
  | "notAsked"
  /** A command that comes back as another. */
  | "echoDiffers";

/** @returns the reply, views into `octets` */
export function matchReply(
  request: Fragment,
  octets: Uint8Array,
  at: number,
  length: number,
): Result<Fragment, { readonly kind: ReplyFault }> {
  const decoded = decodeFragment(octets, at, length);
  if (!decoded.ok) return decoded;
  const reply = decoded.value;
  const isChallenge = reply.row.code === FUNCTION.authenticationResponse;
  if (reply.row.code !== FUNCTION.response && !isChallenge) return err({ kind: "notAResponse" });
  if (reply.fault !== null) return err({ kind: reply.fault });
  if (isChallenge)
    return reply.headers.length > 0 && reply.headers.every(({ group }) => group === AUTHENTICATION) ? ok(reply) : err({ kind: "notAsked" });
  const { code } = request.row;
  if (isCommand(code)) return isEcho(request, reply) || isRefusal(reply) ? ok(reply) : err({ kind: "echoDiffers" });
  if (code === FUNCTION.read) ASKED.collect(request);
  for (const header of reply.headers) if (!isAsked(request, header, reply)) return err({ kind: "notAsked" });
  return code === FUNCTION.read && countOf(reply) > mostOf(request) ? err({ kind: "notAsked" }) : ok(reply);
}

/** Objects of a fragment, times that others are told by apart. */
function countOf({ headers }: Fragment): number {
  return headers.reduce((sum, { group, count }) => sum + (group === COMMON_TIME ? 0 : count), 0);
}

/** How many objects a READ may be answered with, where it says how many. */
function mostOf(request: Fragment): number {
  let most = 0;
  for (const { entry, qualifier, count } of askedIn(request)) {
    if (qualifier.range === "all" || entry.kind === "attribute") return Number.POSITIVE_INFINITY;
    most += count;
  }
  return most;
}

/** Bits of the second octet of internal indications that say a request was not done. */
export const NOT_DONE = IIN2.noFunction | IIN2.unknownObject | IIN2.parameterError | IIN2.alreadyExecuting;

/** An answer without objects that says why. */
function isRefusal({ headers, iin }: Fragment): boolean {
  return headers.length === 0 && ((iin >> 8) & NOT_DONE) !== 0;
}

/** The objects of the request, octet for octet but for what became of each; who asked and the proof of it may be left out. */
function isEcho(request: Fragment, reply: Fragment): boolean {
  const whole = { at: request.at + REQUEST_HEADER, length: request.length - REQUEST_HEADER };
  return echoes(request, whole, reply) || (isAggressive(request) && echoes(request, spanAsked(request), reply));
}

function echoes(request: Fragment, { at: from, length }: Span, reply: Fragment): boolean {
  const to = reply.at + RESPONSE_HEADER;
  if (length !== reply.length - RESPONSE_HEADER) return false;
  let at = 0;
  let same = true;
  for (const header of request.headers) {
    if (header.entry.kind !== "command") continue;
    eachItem(request, header, (item) => {
      const status = item.at + item.length - 1 - from;
      if (item.length === 0) return;
      same &&= sameOctets(request.octets, from + at, reply.octets, to + at, status - at);
      at = status + 1;
    });
  }
  return same && sameOctets(request.octets, from + at, reply.octets, to + at, length - at);
}

function isAsked(request: Fragment, header: ObjectHeader, reply: Fragment): boolean {
  const { kind } = header.entry;
  switch (request.row.code) {
    case FUNCTION.read:
      return isAskedFor(header, reply);
    case FUNCTION.coldRestart:
    case FUNCTION.warmRestart:
    case FUNCTION.delayMeasurement:
      return header.group === DELAY_GROUP;
    case FUNCTION.openFile:
    case FUNCTION.closeFile:
    case FUNCTION.deleteFile:
    case FUNCTION.getFileInfo:
    case FUNCTION.authenticateFile:
    case FUNCTION.abortFile:
      return kind === "file";
    case FUNCTION.write:
      return kind === "file" && request.headers.some((asked) => asked.entry.kind === "file");
    case FUNCTION.activateConfiguration:
      return header.group === STATUS_OF_OPERATION;
    case FUNCTION.authenticationRequest:
      return true;
    default:
      return false;
  }
}

/** Of the READ that was collected. */
function isAskedFor(header: ObjectHeader, reply: Fragment): boolean {
  const about = ASKED.about(header);
  return about === "all" || (about === "points" && pointsWithin(header, reply));
}

/** Is every point that is told one of those asked for? */
function pointsWithin(header: ObjectHeader, reply: Fragment): boolean {
  const { group } = header;
  if (header.first >= 0) {
    for (let at = header.first; at <= header.last; ) {
      const to = ASKED.to(group, at);
      if (to < at) return false;
      at = to + 1;
    }
    return true;
  }
  let within = true;
  eachItem(reply, header, ({ index }) => {
    within &&= ASKED.to(group, index) >= index;
  });
  return within;
}

/** What an unsolicited response tells of, point by point, as taking those events; null: it tells what is no event, or not of which point. */
export function toldBy(fragment: Fragment, unit: number): readonly Operation[] | null {
  const operations: Operation[] = [];
  let isNamed = true;
  for (const header of fragment.headers) {
    const { kind, table } = header.entry;
    if (header.group === COMMON_TIME || header.group === CLOCK_GROUP) continue;
    if ((kind !== "event" && kind !== "static") || table === null) return null;
    const space = spaceOfTable(table);
    const { last } = SPACES[space] as (typeof SPACES)[number];
    eachItem(fragment, header, ({ index }) => {
      isNamed &&= index >= 0;
      // A point beyond what has places here (docs/adr/0019) is told to whoever may have the whole table.
      const isPlaced = lastCellOf(space, index) <= last;
      const target: Target = {
        at: "range",
        space,
        first: isPlaced ? cellOf(space, index) : 0,
        last: isPlaced ? lastCellOf(space, index) : last,
      };
      const object = (header.group << 8) | header.variation;
      operations.push({
        verb: "events",
        effect: "observe",
        via: 0,
        function: FUNCTION.read,
        object,
        unit,
        broadcast: false,
        actor: 0,
        target,
        values: { is: "none" },
        control: null,
      });
    });
  }
  return isNamed ? operations : null;
}

/** Were some of its commands carried out, and some not? */
export function isMixed(reply: Fragment): boolean {
  let done = 0;
  let refused = 0;
  for (const header of reply.headers) {
    if (header.entry.kind !== "command") continue;
    eachItem(reply, header, ({ at }) => {
      const status = fieldOf(reply.octets, header, at, "status");
      if (status === undefined) return;
      if ((status & 0x7f) === 0) done += 1;
      else refused += 1;
    });
  }
  return done > 0 && refused > 0;
}

/** What became of the commands: the first status that is not success, 0 where all are, or the reply is of none. */
export function statusOf(reply: Fragment): number {
  let found = 0;
  for (const header of reply.headers) {
    if (header.entry.kind !== "command") continue;
    eachItem(reply, header, ({ at }) => {
      const status = (fieldOf(reply.octets, header, at, "status") ?? 0) & 0x7f;
      if (found === 0) found = status;
    });
  }
  return found;
}

/**
 * What a reply shows of the process now: static points alone, for an event tells of a past. A point whose flags say that its value cannot be
 * counted on is told without one. The views are into the reply, or into one place made once: good until the next call.
 */
export function readingsOf(reply: Fragment): readonly Reading[] {
  const readings: Reading[] = [];
  let used = 0;
  for (const header of reply.headers) {
    const { kind, table, layout } = header.entry;
    if (kind !== "static" || table === null || !header.hasData) continue;
    const space = spaceOfTable(table);
    // Strings and statistics of the outstation itself are nothing a rule can ask about.
    if (SPACES[space]?.process !== true) continue;
    const object = (header.group << 8) | header.variation;
    const tell = (first: number, last: number, values: Values, flags: number): void => {
      const target: Target = { at: "range", space, first: cellOf(space, first), last: lastCellOf(space, last) };
      if (target.last <= (SPACES[space]?.last ?? -1)) readings.push({ object, target, values, flags, sourceTime: null });
    };
    if (layout.is === "packed" && layout.bits === 1 && header.first >= 0) {
      tell(header.first, header.last, { is: "cells", octets: reply.octets, at: header.itemsAt, bits: 1, keep: 0 }, ONLINE);
      continue;
    }
    eachItem(reply, header, (item) => {
      const size = SPACES[space]?.bits === 1 ? 1 : SPACES[space]?.stride === NUMBER_CELLS ? 2 * NUMBER_CELLS : 2;
      if (item.index < 0 || used + size > SCRATCH.length) return;
      const flags = layout.is === "packed" ? ONLINE : (fieldOf(reply.octets, header, item.at, "flags") ?? ONLINE);
      if (!isGood(space, flags)) {
        tell(item.index, item.index, { is: "none" }, flags);
        return;
      }
      const bits = SPACES[space]?.bits ?? 16;
      put(reply, header, item, space, flags, used);
      tell(item.index, item.index, { is: "cells", octets: SCRATCH, at: used, bits, keep: 0 }, flags);
      used += size;
    });
  }
  return readings;
}

function put(reply: Fragment, header: ObjectHeader, item: Item, space: number, flags: number, to: number): void {
  const { stride, bits } = SPACES[space] as (typeof SPACES)[number];
  if (stride === NUMBER_CELLS) putF64be(SCRATCH, to, fieldOf(reply.octets, header, item.at, "value") ?? Number.NaN);
  else if (bits === 1) SCRATCH[to] = header.entry.layout.is === "packed" ? item.bits : flags >> 7;
  else {
    SCRATCH[to] = 0;
    SCRATCH[to + 1] = header.entry.layout.is === "packed" ? item.bits : flags >> 6;
  }
}

/** A fragment holds no more than this: of double bits four in an octet, each of them two octets here. */
const SCRATCH = new Uint8Array(8 * FRAGMENT_LIMIT);
const ONLINE = 0x01;

/** Online, and neither restarted, cut off, forced, chattering nor out of range. The bits above are the state, or of counters what they went through. */
function isGood(space: number, flags: number): boolean {
  return (flags & (QUALITY[space] ?? 0x7f)) === ONLINE;
}

/** By space; bits that must be clear but for ONLINE. */
const QUALITY: Readonly<Record<number, number>> = { 1: 0x3f, 3: 0x1f, 4: 0x1f };

const AUTHENTICATION = 120;
const DELAY_GROUP = 52;
/** Of the READ whose reply is looked at. */
const ASKED = new Asked();
const STATUS_OF_OPERATION = 91;
