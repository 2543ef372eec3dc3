/**
 * All that a fragment tells of the process: what stands there now and events, whatever their quality, each with the time the outstation gives it.
 * For telemetry; what may be judged by is `readingsOf` in replies.ts.
 *
 *     flags   0 online, 1 restart, 2 communication lost, 3 remote forced, 4 local forced
 *             5 chatter filter (binary), over-range (analog), rollover (counter)
 *             6 reference error (analog), discontinuity (counter), state (double-bit); 7 state
 *
 * @source IEEE 1815-2012 Annex A: flags and times of each object, g51 (common time of occurrence)
 */
import type { Quality, See, Showing } from "#operation";
import { putF64be } from "#wire";
import type { Fragment, ObjectHeader } from "./application.ts";
import { COMMON_TIME } from "./asked.ts";
import { eachItem, fieldOf, type Item } from "./items.ts";
import type { Layout } from "./objects/entry.ts";
import { cellOf, lastCellOf, NUMBER_CELLS, SPACES, spaceOfTable } from "./spaces.ts";

const ONLINE = 0x01;
const COMM_LOST = 0x04;
/**
 * Bits beside ONLINE that put a value in doubt, by space. Restart: not measured since. Forced: somebody's word, and not the process. Chatter,
 * over-range, reference error: not what it would be. A counter that rolled over, or was set, shows what it shows.
 */
const DOUBT: Readonly<Record<number, number>> = { 1: 0x3a, 3: 0x1a, 4: 0x1a };
const DOUBT_OF_OTHERS = 0x7a;

export function qualityOf(space: number, flags: number): Quality {
  if ((flags & COMM_LOST) !== 0) return "comm-lost";
  if ((flags & ONLINE) === 0) return "bad";
  return (flags & (DOUBT[space] ?? DOUBT_OF_OTHERS)) === 0 ? "good" : "uncertain";
}

/** In the order of the fragment. What tells who commanded a point, and how much a counter grew, is not what stands there, and is passed over. */
export function showAll(fragment: Fragment, see: See): void {
  let common = NO_TIME;
  let isSynchronized = true;
  for (const header of fragment.headers) {
    const { kind, table, layout, name } = header.entry;
    if (header.group === COMMON_TIME) {
      common = fieldOf(fragment.octets, header, header.itemsAt, "time") ?? NO_TIME;
      isSynchronized = header.variation === SYNCHRONIZED;
      continue;
    }
    if (table === null || !header.hasData || (kind !== "static" && kind !== "event")) continue;
    const space = spaceOfTable(table);
    if (SPACES[space]?.process !== true || name.includes("Delta")) continue;
    if (kind === "event" && !hasField(layout, "flags")) continue;
    SHOWING.space = space;
    SHOWING.isEvent = kind === "event";
    if (layout.is === "packed" && layout.bits === 1 && header.first >= 0) {
      showPacked(fragment, header, space, see);
      continue;
    }
    const isRelative = hasField(layout, "relativeTime");
    eachItem(fragment, header, (item) => {
      if (item.index < 0 || lastCellOf(space, item.index) > (SPACES[space]?.last ?? -1)) return;
      const flags = layout.is === "packed" ? ONLINE : (fieldOf(fragment.octets, header, item.at, "flags") ?? ONLINE);
      put(fragment, header, item, space, flags);
      SHOWING.first = cellOf(space, item.index);
      SHOWING.last = lastCellOf(space, item.index);
      SHOWING.quality = qualityOf(space, flags);
      // By a clock that is not set the order of events is right, and no more.
      if (isRelative && !isSynchronized && SHOWING.quality === "good") SHOWING.quality = "uncertain";
      SHOWING.timeMs = timeOf(fragment, header, item, isRelative, common);
      see(SHOWING);
    });
  }
}

function showPacked({ octets }: Fragment, { first, last, itemsAt }: ObjectHeader, space: number, see: See): void {
  SHOWING.first = first;
  SHOWING.last = last;
  SHOWING.octets = octets;
  SHOWING.at = itemsAt;
  SHOWING.bits = 1;
  SHOWING.quality = "good";
  SHOWING.timeMs = null;
  if (last <= (SPACES[space]?.last ?? -1)) see(SHOWING);
}

/** A device that was never told the time has 0, which is no time of this plant. */
function timeOf({ octets }: Fragment, header: ObjectHeader, { at }: Item, isRelative: boolean, common: number): number | null {
  const time = isRelative
    ? common === NO_TIME
      ? NO_TIME
      : common + (fieldOf(octets, header, at, "relativeTime") ?? 0)
    : (fieldOf(octets, header, at, "time") ?? NO_TIME);
  return time === NO_TIME ? null : time;
}

function put({ octets }: Fragment, header: ObjectHeader, item: Item, space: number, flags: number): void {
  const { stride, bits } = SPACES[space] as (typeof SPACES)[number];
  const isPacked = header.entry.layout.is === "packed";
  if (stride === NUMBER_CELLS) putF64be(SCRATCH, 0, fieldOf(octets, header, item.at, "value") ?? Number.NaN);
  else if (bits === 1) SCRATCH[0] = isPacked ? item.bits : flags >> 7;
  else {
    SCRATCH[0] = 0;
    SCRATCH[1] = isPacked ? item.bits : flags >> 6;
  }
  SHOWING.octets = SCRATCH;
  SHOWING.at = 0;
  SHOWING.bits = bits;
}

function hasField(layout: Layout, name: string): boolean {
  return layout.is === "fields" && layout.fields.some(([field]) => field === name);
}

const NO_TIME = 0;
const SYNCHRONIZED = 1;
const SCRATCH = new Uint8Array(2 * NUMBER_CELLS);
const SHOWING: Showing = {
  space: 0,
  first: 0,
  last: 0,
  octets: SCRATCH,
  at: 0,
  bits: 1,
  quality: "good",
  timeMs: null,
  isEvent: false,
};
