/** The points of the outstation test peer and the events they made. */
import { type Extent, encodeValue, layoutOf, ONLINE, packedBits } from "./objects.ts";
import type { Unit } from "./pack.ts";

export type Kind = "binary" | "doubleBit" | "binaryOutput" | "counter" | "frozenCounter" | "analog" | "analogOutput" | "octetString";
export type EventClass = 0 | 1 | 2 | 3;

interface Table {
  readonly staticGroup: number;
  readonly staticVariation: number;
  readonly eventGroup: number;
  readonly eventVariation: number;
  readonly eventClass: EventClass;
}

/** In the order a class 0 read reports them; class 0 of events: none. */
const TABLES: Readonly<Record<Kind, Table>> = {
  binary: { staticGroup: 1, staticVariation: 2, eventGroup: 2, eventVariation: 2, eventClass: 1 },
  doubleBit: { staticGroup: 3, staticVariation: 2, eventGroup: 4, eventVariation: 2, eventClass: 1 },
  binaryOutput: { staticGroup: 10, staticVariation: 2, eventGroup: 11, eventVariation: 2, eventClass: 1 },
  counter: { staticGroup: 20, staticVariation: 1, eventGroup: 22, eventVariation: 1, eventClass: 3 },
  frozenCounter: { staticGroup: 21, staticVariation: 1, eventGroup: 23, eventVariation: 1, eventClass: 0 },
  analog: { staticGroup: 30, staticVariation: 1, eventGroup: 32, eventVariation: 1, eventClass: 2 },
  analogOutput: { staticGroup: 40, staticVariation: 1, eventGroup: 42, eventVariation: 1, eventClass: 2 },
  octetString: { staticGroup: 110, staticVariation: 0, eventGroup: 111, eventVariation: 0, eventClass: 3 },
};
export const KINDS = Object.keys(TABLES) as readonly Kind[];

export interface PointOptions {
  readonly flags?: number;
  readonly time?: number;
  readonly eventClass?: EventClass;
  /** Of a numeric point: a change of no more makes no event. */
  readonly deadband?: number;
  /** What variation 0 and class reads report; counted within the kind's static or event group. */
  readonly staticVariation?: number;
  readonly eventVariation?: number;
  /** Of an output: the status that every control of it gets instead of being done. */
  readonly refusal?: number;
  /** Of a binary output: the codes it takes; else those of the interoperable set. */
  readonly codes?: readonly number[];
  /** Of an analog output: what it takes; anything else is out of range. */
  readonly least?: number;
  readonly most?: number;
}

/** State of a point: binaries a boolean, double bits 0..3, octet strings 1..255 octets, the rest a number. */
export type PointValue = boolean | number | Uint8Array;

export interface Point {
  value: PointValue;
  flags: number;
  time: number;
  eventClass: EventClass;
  deadband: number;
  /** The value that the last event told. */
  reported: PointValue;
  readonly staticVariation: number;
  readonly eventVariation: number;
  readonly refusal: number;
  readonly codes: readonly number[] | null;
  readonly least: number;
  readonly most: number;
}

export interface PointEvent {
  readonly kind: Kind;
  readonly index: number;
  readonly eventClass: EventClass;
  readonly value: PointValue;
  readonly flags: number;
  readonly time: number;
  readonly variation: number;
}

export class Database {
  readonly #points: Readonly<Record<Kind, Map<number, Point>>>;
  readonly #capacity: number;
  #events: PointEvent[] = [];
  hasOverflowed = false;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#points = Object.fromEntries(KINDS.map((kind) => [kind, new Map()])) as unknown as Record<Kind, Map<number, Point>>;
  }

  get events(): readonly PointEvent[] {
    return this.#events;
  }

  add(kind: Kind, index: number, value: PointValue, options: PointOptions = {}): void {
    const table = TABLES[kind];
    this.#points[kind].set(index, {
      value,
      reported: value,
      flags: options.flags ?? ONLINE,
      time: options.time ?? 0,
      eventClass: options.eventClass ?? table.eventClass,
      deadband: options.deadband ?? 0,
      staticVariation: options.staticVariation ?? table.staticVariation,
      eventVariation: options.eventVariation ?? table.eventVariation,
      refusal: options.refusal ?? 0,
      codes: options.codes ?? null,
      least: options.least ?? -Infinity,
      most: options.most ?? Infinity,
    });
  }

  point(kind: Kind, index: number): Point | undefined {
    return this.#points[kind].get(index);
  }

  indexes(kind: Kind): number[] {
    return [...this.#points[kind].keys()].sort((a, b) => a - b);
  }

  /** @returns whether it made an event */
  update(kind: Kind, index: number, value: PointValue, time: number, flags?: number): boolean {
    const point = this.#points[kind].get(index);
    if (point === undefined) throw new Error(`there is no ${kind} ${index}`);
    const sameFlags = flags === undefined || flags === point.flags;
    const change = typeof value === "number" && typeof point.reported === "number" ? Math.abs(value - point.reported) : Infinity;
    point.value = value;
    point.time = time;
    point.flags = flags ?? point.flags;
    if (point.eventClass === 0 || (sameFlags && point.deadband > 0 && change <= point.deadband)) return false;
    point.reported = value;
    if (this.#events.length >= this.#capacity) {
      this.#events.shift();
      this.hasOverflowed = true;
    }
    const { eventClass, eventVariation: variation } = point;
    this.#events.push({ kind, index, eventClass, value, flags: point.flags, time, variation });
    return true;
  }

  /** Reported and confirmed: gone. */
  confirmed(events: ReadonlySet<PointEvent>): void {
    if (events.size === 0) return;
    this.#events = this.#events.filter((event) => !events.has(event));
    this.hasOverflowed = false;
  }

  /** IIN1 bits 1 to 3 of the classes with events beside those given. */
  pending(beside: ReadonlySet<PointEvent>): number {
    return this.#events.reduce((bits, event) => (beside.has(event) ? bits : bits | (1 << event.eventClass)), 0);
  }

  kindOfStatic(group: number): Kind | undefined {
    return KINDS.find((kind) => TABLES[kind].staticGroup === group);
  }

  kindOfEvent(group: number): Kind | undefined {
    return KINDS.find((kind) => TABLES[kind].eventGroup === group);
  }

  /** The static values a header asks for, and whether all of its points are installed. */
  statics(kind: Kind, extent: Extent, variation: number): { readonly units: readonly Unit[]; readonly isWhole: boolean } {
    const installed = this.indexes(kind);
    const { indexes, isWhole } = select(installed, extent, (index) => this.#points[kind].has(index));
    return { units: indexes.map((index) => this.#static(kind, index, variation)), isWhole };
  }

  #static(kind: Kind, index: number, asked: number): Unit {
    const point = this.#points[kind].get(index)!;
    const group = TABLES[kind].staticGroup;
    const common = { group, index, form: "range" } as const;
    if (point.value instanceof Uint8Array) return { ...common, variation: point.value.length, data: point.value };
    const number = Number(point.value);
    let variation = asked === 0 ? point.staticVariation : asked;
    const bits = packedBits(group, variation);
    // Packed bits have no room for flags: what is not simply online is told with them.
    if (bits !== undefined && (point.flags & ~STATE_BITS) !== ONLINE) variation = 2;
    else if (bits !== undefined) return { ...common, variation, bits, data: Uint8Array.of(number) };
    return { ...common, variation, data: this.#encode(group, variation, kind, point.flags, number, point.time) };
  }

  /** @param limit  at most so many, the oldest first */
  select(wanted: (event: PointEvent) => boolean, variation: number, limit: number, taken: ReadonlySet<PointEvent>): readonly Unit[] {
    const chosen: Unit[] = [];
    for (const event of this.#events) {
      if (chosen.length >= limit) break;
      if (wanted(event) && !taken.has(event)) chosen.push(this.#event(event, variation === 0 ? event.variation : variation));
    }
    return chosen;
  }

  #event(event: PointEvent, variation: number): Unit {
    const group = TABLES[event.kind].eventGroup;
    const common = { group, index: event.index, form: "list", event } as const;
    if (event.value instanceof Uint8Array) return { ...common, variation: event.value.length, data: event.value };
    const data = this.#encode(group, variation, event.kind, event.flags, Number(event.value), event.time);
    const isRelative = layoutOf(group, variation)?.time === 2;
    return { ...common, variation, data, ...(isRelative ? { relativeTime: event.time } : {}) };
  }

  #encode(group: number, variation: number, kind: Kind, flags: number, value: number, time: number): Uint8Array {
    const layout = layoutOf(group, variation);
    if (layout === undefined) throw new Error(`there is no g${group}v${variation}`);
    let said = flags;
    if (kind === "binary" || kind === "binaryOutput") said = (flags & 0x7f) | (value === 0 ? 0 : 0x80);
    if (kind === "doubleBit") said = (flags & 0x3f) | (value << 6);
    return encodeValue(layout, said, value, time);
  }
}

/** Of a point's flags, where its state stands in some kinds. */
const STATE_BITS = 0xc0;

/** The installed points that an extent names, in its order. */
export function select(
  installed: readonly number[],
  extent: Extent,
  has: (index: number) => boolean,
): { readonly indexes: readonly number[]; readonly isWhole: boolean } {
  switch (extent.is) {
    case "all":
      return { indexes: installed, isWhole: true };
    case "count":
      return { indexes: installed.slice(0, extent.count), isWhole: true };
    case "range": {
      const indexes = installed.filter((index) => index >= extent.first && index <= extent.last);
      return { indexes, isWhole: indexes.length === extent.last - extent.first + 1 };
    }
    case "list": {
      const indexes = extent.indexes.filter(has);
      return { indexes, isWhole: indexes.length === extent.indexes.length };
    }
  }
}
