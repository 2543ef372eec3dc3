/**
 * Operations as a record tells them: table, addresses, named points, values before (with age and source) and after (DESIGN 5). The before
 * values are copied when the request is judged; everything that costs words is done later, in the batch writer.
 */
import { isWriting, type Operation, type Values, type Vocabulary } from "#operation";
import { VIA_WORDS } from "#policy/schema";
import { SOURCES, type Source } from "#process/lastSeen";
import type { AssetModel, Point } from "#process/points";
import { decodePoint } from "#process/values";
import type { Asset } from "./asset.ts";
import type { Guard } from "./guard.ts";
import type { Layout } from "./layout.ts";

/** Cells a record lists one by one; a longer write is listed point by point and its tail counted. */
const LISTED_CELLS = 125;
/** Cells whose values before are copied for one record: the longest write there is, on one unit. */
const CAPTURED_CELLS = 2048;
/**
 * The same for a denied request. Anybody may be denied, thousands of times before the log has caught up; the longest write of words is
 * still told whole.
 */
const CAPTURED_DENIED = 128;
/** Arrays larger than this are let go with the record they were needed for. */
const KEPT_CELLS = 256;

/** What stood at the places a message writes, as it was judged. One per pooled record. What is beyond the cap is told without. */
export class Before {
  #model: AssetModel | null = null;
  #nowMs = 0;
  #count = 0;
  /** Cells that may be captured; 0 once something did not fit, so that what follows is not taken for it. */
  #most = 0;
  #cells = new Int32Array(0);
  #seenMs = new Float64Array(0);
  #source = new Uint8Array(0);
  #read = 0;

  capture(asset: Asset, operations: readonly Operation[], nowMs: number, allowed: boolean): void {
    this.#model = asset.model;
    this.#nowMs = nowMs;
    this.#count = 0;
    this.#most = allowed ? CAPTURED_CELLS : CAPTURED_DENIED;
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i] as Operation;
      const { target } = operation;
      if (!isWriting(operation.verb) || target.at !== "range") continue;
      if (!operation.broadcast) this.#copy(asset, asset.canonicalUnit(operation.unit), target.space, target.first, target.last);
      else for (const unit of asset.model.units) this.#copy(asset, unit, target.space, target.first, target.last);
    }
  }

  clear(): void {
    this.#model = null;
    this.#count = 0;
    if (this.#cells.length > KEPT_CELLS) this.#resize(0);
  }

  /** Start telling from the first write; writes are told in the order they were captured. */
  rewind(): void {
    this.#read = 0;
  }

  /** Units the next write was captured for. */
  unitsOf(operation: Operation, canonical: number): readonly number[] {
    return operation.broadcast && this.#model !== null ? this.#model.units : [canonical];
  }

  /** The next `count` cells: raw, -1 where unknown, with the oldest sight of them. */
  take(count: number): BeforeCells | null {
    const at = this.#read;
    if (this.#model === null || at + count > this.#count) return null;
    this.#read += count;
    const { cells, source, seenMs } = this.#views(at, count);
    return { cells, ageOf: (from, to) => this.#age(seenMs, from, to), sourceOf: (index) => SOURCES[source[index] as Source] ?? null };
  }

  #views(at: number, count: number): { cells: Int32Array; source: Uint8Array; seenMs: Float64Array } {
    return {
      cells: this.#cells.subarray(at, at + count),
      source: this.#source.subarray(at, at + count),
      seenMs: this.#seenMs.subarray(at, at + count),
    };
  }

  #age(seenMs: Float64Array, from: number, to: number): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (let i = from; i <= to; i++) oldest = Math.min(oldest, seenMs[i] as number);
    return Math.max(0, Math.round(this.#nowMs - oldest));
  }

  #copy(asset: Asset, unit: number, space: number, first: number, last: number): void {
    const needed = this.#count + last - first + 1;
    if (needed > this.#most) {
      this.#most = 0;
      return;
    }
    if (needed > this.#cells.length) this.#resize(Math.max(needed, 2 * this.#cells.length));
    for (let address = first; address <= last; address++) {
      const at = this.#count;
      this.#cells[at] = asset.lastSeen.cell(unit, space, address);
      this.#seenMs[at] = asset.lastSeen.seenAt(unit, space, address);
      this.#source[at] = asset.lastSeen.sourceOf(unit, space, address);
      this.#count += 1;
    }
  }

  /** What was captured stays as far as it fits. */
  #resize(size: number): void {
    const kept = Math.min(size, this.#count);
    const cells = new Int32Array(size);
    cells.set(this.#cells.subarray(0, kept));
    const seenMs = new Float64Array(size);
    seenMs.set(this.#seenMs.subarray(0, kept));
    const source = new Uint8Array(size);
    source.set(this.#source.subarray(0, kept));
    this.#cells = cells;
    this.#seenMs = seenMs;
    this.#source = source;
  }
}

interface BeforeCells {
  /** -1: unknown. */
  readonly cells: Int32Array;
  /** Milliseconds since the oldest of these cells was seen. */
  ageOf(from: number, to: number): number;
  sourceOf(index: number): string | null;
}

/** @param before rewound; null where nothing is written */
export function describeOperations(layout: Layout, operations: readonly Operation[], before: Before | null): Record<string, unknown>[] {
  before?.rewind();
  return operations.flatMap((operation) => {
    const { target } = operation;
    const also = describeCommand(operation, layout.vocabulary);
    if (target.at !== "range")
      return [{ verb: operation.verb, unit: operation.unit, target: target.at === "name" ? target.name : target.at, ...also }];
    const { space, first, last } = target;
    if (!isWriting(operation.verb)) return [{ ...describeRange(layout, operation.verb, operation.unit, space, first, last), ...also }];
    const units = before?.unitsOf(operation, layout.canonicalUnit(operation.unit)) ?? [layout.canonicalUnit(operation.unit)];
    return units.map((unit) => ({ ...describeWrite(layout, operation, unit, before?.take(last - first + 1) ?? null), ...also }));
  });
}

/** What only DNP3 has to tell: the object, the way of a command and what it commands, and who the request claims to be. Empty for others. */
function describeCommand({ object, via, control, actor }: Operation, { controlCodes }: Vocabulary): Record<string, unknown> {
  const told: Record<string, unknown> = {};
  if (object !== 0) told.object = `g${object >> 8}v${object & 0xff}`;
  if (via !== 0) told.via = VIA_WORDS[via - 1];
  if (control !== null) {
    const { code: octet, count, onTimeMs, offTimeMs } = control;
    const word = Object.keys(controlCodes).find((name) => controlCodes[name] === octet);
    told.control = { code: word ?? `0x${octet.toString(16).padStart(2, "0")}`, octet, count, onTimeMs, offTimeMs };
  }
  // Claimed, not proven: the gateway has no keys to hold it against.
  if (actor !== 0) told.actor = actor;
  return told;
}

/** Do the operations of a record leave out some of what the request would write? Then its octets must tell it. */
export function leavesContentOut(operations: readonly Operation[]): boolean {
  return operations.some(({ effect, verb, target, values }) => {
    if (effect !== "change") return false;
    return verb !== "write" || target.at !== "range" || values.is !== "cells" || target.last - target.first >= LISTED_CELLS;
  });
}

/** Where a read or an unwritten range lies, with the names that stand there. */
export function describeRange(
  layout: Layout,
  verb: string,
  unit: number,
  space: number,
  first: number,
  last: number,
): Record<string, unknown> {
  const told: Record<string, unknown> = { verb, unit, ...layout.extent(space, first, last) };
  const names = layout.pointsIn(layout.canonicalUnit(unit), space, first, last).map((point) => point.name);
  if (names.length > 0) told.points = names;
  return told;
}

/** What the gateway read for one request, raw and by name. */
export function describeGuard(layout: Layout, { reads }: Guard): Record<string, unknown>[] {
  return reads.map(({ unit, space, first, last, cells }) => {
    const told = {
      ...describeRange(layout, "read", unit, space, first, last),
      value: layout.told(
        space,
        [...cells].map((cell) => (cell < 0 ? null : cell)),
      ),
    };
    const points = layout.pointsIn(unit, space, first, last).filter((point) => point.first >= first && point.last <= last);
    if (points.length === 0) return told;
    const named = points.map((point) => ({
      name: point.name,
      ...(point.unit === "" ? {} : { unit: point.unit }),
      value: engineering(point, [...cells.subarray(point.first - first, point.last - first + 1)]),
    }));
    return { ...told, points: named };
  });
}

function describeWrite(layout: Layout, operation: Operation, unit: number, before: BeforeCells | null): Record<string, unknown> {
  const { target, values } = operation;
  if (target.at !== "range") return { verb: operation.verb, unit };
  if (values.is !== "cells") {
    const { space, first, last } = target;
    const told = describeRange(layout, operation.verb, unit, space, first, last);
    if (operation.broadcast) told.broadcast = true;
    return before === null ? told : { ...told, before: beforeOf(layout, space, before, 0, last - first) };
  }
  const told: Record<string, unknown> = {
    verb: operation.verb,
    unit,
    ...layout.extent(target.space, target.first, target.last),
  };
  if (operation.broadcast) told.broadcast = true;
  const count = target.last - target.first + 1;
  const listed = Math.min(count, LISTED_CELLS);
  const after = Array.from({ length: count }, (_, i) => writtenCell(values, i, before?.cells[i] ?? -1));
  if (values.keep !== 0) told.mask = { and: values.keep, or: writtenCell({ ...values, keep: 0 }, 0, 0) };
  told.after = layout.told(target.space, after.slice(0, listed));
  if (before !== null) told.before = beforeOf(layout, target.space, before, 0, listed - 1);
  if (listed < count) told.unlisted = count - listed;
  const points = layout.pointsIn(unit, target.space, target.first, target.last);
  if (points.length > 0) told.points = points.map((point) => describePoint(point, target.first, target.last, after, before));
  return told;
}

function beforeOf(layout: Layout, space: number, before: BeforeCells, from: number, to: number): Record<string, unknown> | null {
  const cells = [...before.cells.subarray(from, to + 1)];
  if (cells.every((cell) => cell < 0)) return null;
  const told: Record<string, unknown> = {
    value: layout.told(
      space,
      cells.map((cell) => (cell < 0 ? null : cell)),
    ),
  };
  if (cells.every((cell) => cell >= 0)) {
    told.ageMs = before.ageOf(from, to);
    told.source = before.sourceOf(from);
  }
  return told;
}

/** A named point of a write in engineering units; a value that cannot be told (a part of it is not written, or was never seen) is null. */
function describePoint(
  point: Point,
  first: number,
  last: number,
  after: readonly (number | null)[],
  before: BeforeCells | null,
): Record<string, unknown> {
  const told: Record<string, unknown> = { name: point.name };
  if (point.unit !== "") told.unit = point.unit;
  const from = point.first - first;
  const to = point.last - first;
  const whole = from >= 0 && point.last <= last;
  const seen = whole && before !== null ? engineering(point, [...before.cells.subarray(from, to + 1)]) : null;
  told.before = seen === null || before === null ? null : { value: seen, ageMs: before.ageOf(from, to), source: before.sourceOf(from) };
  told.after = whole ? engineering(point, after.slice(from, to + 1)) : null;
  return told;
}

function engineering(point: Point, cells: readonly (number | null)[]): string | null {
  const octets = new Uint8Array(2 * cells.length);
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i] ?? -1;
    if (cell < 0) return null;
    if (point.type === "bool") octets[0] = cell;
    else {
      octets[2 * i] = cell >> 8;
      octets[2 * i + 1] = cell & 0xff;
    }
  }
  return decodePoint(point, octets, 0).text;
}

/** The cell a write leaves behind; null where kept bits are not known. */
function writtenCell(values: Extract<Values, { is: "cells" }>, index: number, before: number): number | null {
  if (values.bits === 1) return ((values.octets[values.at + (index >> 3)] as number) >> (index & 7)) & 1;
  const at = values.at + 2 * index;
  const cell = ((values.octets[at] as number) << 8) | (values.octets[at + 1] as number);
  if (values.keep === 0) return cell;
  return before < 0 ? null : (before & values.keep) | (cell & ~values.keep & 0xffff);
}
