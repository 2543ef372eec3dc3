/** The question and the answer of the engine: pure data. `decide(compiled, operations, facts)`; facts come in, nothing reaches back. */
import type { DenialCode } from "#events";

/** What a rule may need to know that is not in the request. Read only: reserving a change or a rate slot is the road's act after an allow. */
export interface Facts {
  /** Monotonic milliseconds. */
  readonly now: number;
  /** Open (1) or closed (0) per hours expression, by `Compiled.hours` index; refreshed by the road each minute. 2: cannot be evaluated. */
  readonly hoursOpen: Uint8Array;
  /** What came of each `state`, by `Compiled.states` index: values of `STATE` in state.ts. Unread is left open, as what stands in the device is. */
  readonly states: Uint8Array;
  /**
   * What stands in the device now, as the gateway itself read it for this request (RULINGS 8); null: not read yet. What depends on it is then
   * left open: an allow holds only until it is judged again on what was read, if `leftOpen` names anything.
   */
  readonly present: Present | null;
  /** By point index: 1 where the last reading is a value that cannot be (RULINGS 7). */
  readonly implausible: Uint8Array;
  readonly changes: Changes;
  readonly rates: Rates;
}

/** Raw cells of one asset. */
export interface Present {
  /** The raw cell (bit or word) at this place, or -1 where it is not known. */
  cell(unit: number, space: number, address: number): number;
}

/** Sliding windows of changes per (asset, unit, place); a place is a point index, or -1 - (space << 16 | address) where unnamed. */
export interface Changes {
  /** Changes counted in the last `windowMs`. */
  count(unit: number, place: number, windowMs: number, now: number): number;
}

/** Sliding windows of allowed messages per (identity, asset, rule). Bound to one identity by the road. */
export interface Rates {
  count(ruleOrder: number, windowMs: number, now: number): number;
}

export interface Decision {
  readonly allowed: boolean;
  /** null when allowed. */
  readonly code: DenialCode | null;
  /** Orders (`Rule.order`) of the rules that allowed, or the one deny rule or nearest rule that failed; -1 ends the list where shorter. */
  readonly rules: readonly number[];
  /** Where it failed: index of the operation, unit, space and first address (-1: the device as a whole). Meaningless when allowed. */
  readonly operation: number;
  readonly unit: number;
  readonly space: number;
  readonly address: number;
  /** The point it failed on, -1 where unnamed. */
  readonly point: number;
}
