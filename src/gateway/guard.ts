/**
 * What one request needs to know of the device before it may leave (RULINGS 8, 9): reads of our own, made one after another in the request's
 * own turn, with nothing else at the asset. Judged on them, the request goes, or is denied; either way what was read stands in its record.
 */
import type { Operation } from "#operation";
import type { Open } from "#policy/decide";
import type { Present } from "#policy/decision";
import type { Condition, State } from "#policy/model";
import { type Cells, STATE, stateNow } from "#policy/state";
import type { Framer, Protocol, Request } from "#session/protocol";
import type { Asset } from "./asset.ts";

/** One read: cells of one unit and space, and what stood there. */
export interface GuardRead {
  /** Of the message, by index: the one that depends on it. */
  readonly operation: number;
  /** As it is asked on the wire, and as facts are kept under. */
  readonly unitId: number;
  readonly unit: number;
  readonly space: number;
  readonly first: number;
  readonly last: number;
  /** Raw cells; -1 until read. */
  readonly cells: Int32Array;
}

/** Of any protocol. */
const READ_OCTETS = 16;

type Place = Pick<GuardRead, "space" | "first" | "last" | "cells">;

/** What of the other assets is known. */
export type Elsewhere = (asset: string) => Asset | undefined;

export class Guard {
  readonly reads: GuardRead[] = [];
  /** By index of `Facts.states`. */
  readonly states: Uint8Array;
  /** The request PDU of the read at hand. */
  readonly pdu = new Uint8Array(READ_OCTETS);
  pduLength = 0;
  readonly #asset: Asset;
  readonly #states: readonly State[];
  readonly #asked = new Set<number>();
  readonly #cells: Present = { cell: (unit, space, address) => this.#cell(unit, space, address) };
  #ofWrites = false;
  #next = 0;
  #request: Request | null = null;

  constructor(asset: Asset, states: readonly State[]) {
    this.#asset = asset;
    this.#states = states;
    this.states = new Uint8Array(states.length).fill(STATE.unread);
  }

  /**
   * Ask for what a decision left open.
   *
   * @param most  reads one request may cost the device
   * @returns false where it cannot be read: too many units or points, or a table that no function reads
   */
  ask(operations: readonly Operation[], open: Open, most: number): boolean {
    this.#ofWrites ||= open.count > 0;
    for (let i = 0; i < open.count; i++) {
      const index = open.operations[i] as number;
      const operation = operations[index] as Operation;
      const { target } = operation;
      if (target.at !== "range") return false;
      for (const unitId of operation.broadcast ? this.#asset.model.units : [operation.unit])
        this.#want(index, unitId, target.space, target.first, target.last);
    }
    for (const state of open.states) {
      this.#asked.add(state);
      for (const { asset, point } of this.#states[state]?.conditions ?? [])
        if (asset === this.#asset.name) this.#want(0, point.unitId, point.space, point.first, point.last);
    }
    return this.reads.length <= most && (this.isRead || this.#prepare());
  }

  /** What stands where the request writes; null: nothing depends on it so far, so nobody has asked. */
  get present(): Present | null {
    return this.#ofWrites ? this.#cells : null;
  }

  /** How much has been asked for so far: nothing more is to be known where it does not grow. */
  get asked(): number {
    return this.reads.length + this.#asked.size + (this.#ofWrites ? 1 : 0);
  }

  /** Everything it asked for is known. */
  get isRead(): boolean {
    return this.#next === this.reads.length;
  }

  /** The read at hand; the last where all are done. Null: what it depends on is another asset's. */
  get at(): GuardRead | null {
    return this.reads[Math.min(this.#next, this.reads.length - 1)] ?? null;
  }

  /**
   * A reply to the read at hand.
   *
   * @returns why it tells nothing, or null
   */
  take(framer: Framer): string | null {
    const { protocol } = this.#asset;
    const read = this.reads[this.#next];
    if (read === undefined || this.#request === null) return "unasked";
    const matched = framer.unitId === read.unitId ? protocol.match(this.#request, framer.octets, framer.pduAt, framer.pduLength) : null;
    let reply = matched?.ok === true ? matched.value : null;
    if (reply === null) {
      const { quirks } = this.#asset;
      const straight = this.#asset.straighten(this.#request, read.unitId, framer);
      if (straight === null || !quirks.passes(straight)) return matched?.ok === false ? matched.error.kind : "unitMismatch";
      reply = straight.reply;
    }
    const exception = protocol.exceptionOf(reply);
    if (exception !== 0) return `exception ${exception}`;
    keepCells(read, protocol.readings(this.#request, reply));
    if (read.cells.includes(-1)) return "incomplete";
    this.#next += 1;
    return this.isRead || this.#prepare() ? null : "unreadable";
  }

  /** Was it made for these states? Those of other documents have the same numbers and mean another thing. */
  isFor(states: readonly State[]): boolean {
    return states === this.#states;
  }

  /** All that was asked is read: what does it come to? @param now monotonic milliseconds */
  judgeStates(elsewhere: Elsewhere, now: number): void {
    for (const index of this.#asked) {
      const state = this.#states[index] as State;
      this.states[index] = stateNow(state, (condition) =>
        condition.asset === this.#asset.name ? this.#cellsHere(condition) : cellsThere(condition, elsewhere, state.maxAgeMs, now),
      );
    }
  }

  /** The raw cell that stands there, or -1 where this did not ask. */
  #cell(unit: number, space: number, address: number): number {
    for (let i = 0; i < this.reads.length; i++) {
      const read = this.reads[i] as GuardRead;
      if (read.unit === unit && read.space === space && address >= read.first && address <= read.last)
        return read.cells[address - read.first] as number;
    }
    return -1;
  }

  #cellsHere({ point }: Condition): Cells {
    if (this.#asset.implausible[point.index] === 1) return "unknown";
    const unit = this.#asset.canonicalUnit(point.unitId);
    return Array.from({ length: point.last - point.first + 1 }, (_, i) => this.#cell(unit, point.space, point.first + i));
  }

  #want(operation: number, unitId: number, space: number, first: number, last: number): void {
    const unit = this.#asset.canonicalUnit(unitId);
    const has = this.reads.some((read) => read.unit === unit && read.space === space && read.first <= first && last <= read.last);
    if (!has) this.reads.push({ operation, unitId, unit, space, first, last, cells: new Int32Array(last - first + 1).fill(-1) });
  }

  #prepare(): boolean {
    const { protocol } = this.#asset;
    const read = this.reads[this.#next] as GuardRead;
    this.pduLength = protocol.encodeRead(this.pdu, 0, read.space, read.first, read.last);
    const decoded = protocol.decode(this.pdu, 0, this.pduLength);
    this.#request = decoded.ok ? decoded.value : null;
    return decoded.ok;
  }
}

/** Keep the cells of a read that a reply shows. */
export function keepCells({ space, first, last, cells }: Place, readings: ReturnType<Protocol["readings"]>): void {
  for (const { target, values } of readings) {
    if (target.at !== "range" || values.is !== "cells" || target.space !== space) continue;
    for (let address = target.first, i = 0; address <= target.last; address++, i++) {
      if (address < first || address > last) continue;
      cells[address - first] =
        values.bits === 1
          ? ((values.octets[values.at + (i >> 3)] as number) >> (i & 7)) & 1
          : ((values.octets[values.at + 2 * i] as number) << 8) | (values.octets[values.at + 2 * i + 1] as number);
    }
  }
}

/** Of another asset, what its replies last showed; what was only written is no fact (RULINGS 9). */
function cellsThere({ asset, point }: Condition, elsewhere: Elsewhere, maxAgeMs: number, now: number): Cells {
  const other = elsewhere(asset);
  if (other === undefined || other.implausible[point.index] === 1) return "unknown";
  const unit = other.canonicalUnit(point.unitId);
  const cells: number[] = [];
  for (let address = point.first; address <= point.last; address++) {
    const cell = other.lastSeen.cell(unit, point.space, address);
    if (cell < 0 || other.lastSeen.sourceOf(unit, point.space, address) === WRITTEN) return "unknown";
    if (now - other.lastSeen.seenAt(unit, point.space, address) > maxAgeMs) return "stale";
    cells.push(cell);
  }
  return cells;
}

const WRITTEN = 2;
