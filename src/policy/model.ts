/**
 * A policy after loading: names checked, decimals exact, addresses zero-based, includes flattened. Both twins read this:
 * `compile` turns it into typed arrays, `explain` walks it rule by rule. They share nothing else.
 */
import type { Verb } from "#operation";
import type { AssetModel, Decimal, Point } from "#process/points";

export interface Values {
  readonly min: Decimal | null;
  readonly max: Decimal | null;
  readonly set: readonly Decimal[] | null;
  readonly maxStep: Decimal | null;
  readonly maxChanges: Rate | null;
}

/** At most `count` in any sliding window of `windowMs`. */
export interface Rate {
  readonly count: number;
  readonly windowMs: number;
}

/** `hours: "Mon-Fri 07:00-17:00 Europe/Berlin"`. Minutes since local midnight; `to <= from` runs past midnight and belongs to the day it starts on. */
export interface Hours {
  /** Monday is 0. */
  readonly days: readonly boolean[];
  readonly from: number;
  readonly to: number;
  readonly zone: string;
  readonly text: string;
}

export type Comparison = "<" | "<=" | ">" | ">=" | "=" | "!=";

/** A process value held against a number, in the point's unit. */
export interface Condition {
  readonly asset: string;
  readonly point: Point;
  readonly comparison: Comparison;
  readonly value: Decimal;
}

/** `state: "boiler-1.drum_pressure < 2"`: all of them, on values no older than `maxAgeMs`. */
export interface State {
  readonly text: string;
  readonly conditions: readonly Condition[];
  readonly maxAgeMs: number;
}

/** What a command may be (DNP3 g12v1); each pair is the smallest and the largest that pass. */
export interface ControlLimits {
  /** Exact octets. */
  readonly codes: readonly number[];
  readonly count: readonly [number, number];
  readonly onTimeMs: readonly [number, number];
  readonly offTimeMs: readonly [number, number];
}

/** What a rule is about. Exactly one way of naming it. */
export type Scope =
  | { readonly is: "process" } //                                  nothing named: every process table
  | { readonly is: "points"; readonly points: readonly number[] } // indexes into the asset's points
  | { readonly is: "addresses"; readonly space: number; readonly ranges: readonly (readonly [number, number])[] }
  | { readonly is: "device" }; //                                  verbs that have no address (control, diagnose, identify, raw)

/** One rule on one asset. A rule that names several assets stands once for each. */
export interface Rule {
  /** Document order over the whole policy; ties in explanations go to the lower. */
  readonly order: number;
  /** `role/id`, or `never/id`. */
  readonly id: string;
  readonly file: string;
  readonly line: number;
  /** Where on the line the rule starts; absent in rules that no document wrote. */
  readonly column?: number;
  readonly effect: "allow" | "deny";
  readonly asset: string;
  /** Ascending set of verbs. In a deny `"*"` is every verb; in an allow `"*"` is read (RULINGS 5). */
  readonly verbs: readonly Verb[];
  readonly scope: Scope;
  /** Canonical unit ids; every unit of the asset where the rule names none. */
  readonly units: readonly number[];
  /** Function numbers as in `Operation.function`, null where the rule names none. */
  readonly functions: readonly number[] | null;
  /** `Operation.via` of commands, null where the rule names none. */
  readonly vias: readonly number[] | null;
  /** Every group << 8 | variation it is about, null where it names none. */
  readonly objects: readonly number[] | null;
  /** Patterns of the file names it is about, `*` for any run within a name's part; null where it names none. */
  readonly files: readonly string[] | null;
  /** Of commands; null: any, or the rule is about none. */
  readonly control: ControlLimits | null;
  /** What a reply to a class may carry: all of it, or what the sender may read: the rest is cut out, or the reply is refused. */
  readonly reply: "whole" | "trim" | "refuse";
  readonly broadcast: boolean;
  readonly opaque: boolean;
  readonly hours: Hours | null;
  readonly state: State | null;
  readonly rate: Rate | null;
  readonly values: Values | null;
  /** Reads only: cells between two of its points that may be read along, at most so many at a time (RULINGS 6). 0: none. */
  readonly gap: number;
  /** A stop: one fixed value at places named one by one. While no evidence can be written it passes all the same (RULINGS 15). */
  readonly essential: boolean;
  readonly onDeny: OnDeny | null;
}

/** What a person may do to the gateway itself (RULINGS 27); the words of rights whose commands are built. */
export type ManageRight = "view" | "end-session" | "mode" | "confirm";

/** A rule of a role that grants rights of management. */
export interface ManageRule {
  /** Counted with the other rules, so that one number names one rule. */
  readonly order: number;
  /** `role/id`. */
  readonly id: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly rights: readonly ManageRight[];
  /** Null: everywhere, which is every asset and the gateway as a whole. */
  readonly assets: readonly string[] | null;
}

export interface OnDeny {
  readonly answer: "exception" | "drop" | "close" | null;
  /** Modbus exception code stated instead of the default, 1..4. */
  readonly exception: number | null;
  readonly closeAfter: { readonly denials: number; readonly withinMs: number } | null;
}

export interface Binding {
  readonly order: number;
  readonly line: number;
  readonly column?: number;
  readonly role: string;
  /** Exactly one of the next three. `identity` is `spiffe://...` or `cn:name[@ca]`; `*` is one whole last segment. */
  readonly identity: string | null;
  readonly certificateRole: string | null;
  readonly source: { readonly text: string; readonly address: Uint8Array; readonly prefix: number } | null;
  readonly kind: "person" | "machine";
  readonly acceptUnauthenticated: boolean;
  /** Milliseconds after its end in which a certificate still gets a session that reads; null: none (RULINGS 18). */
  readonly expiredMs: number | null;
}

/** Includes flattened. */
export interface Role {
  readonly rules: readonly Rule[];
  readonly manage: readonly ManageRule[];
  readonly onDeny: OnDeny | null;
}

export interface Policy {
  readonly name: string;
  readonly version: number;
  readonly file: string;
  readonly never: readonly Rule[];
  /** Includes flattened: a role's list holds every rule it has, with ids of the role that wrote them. */
  readonly roles: ReadonlyMap<string, Role>;
  readonly bindings: readonly Binding[];
  readonly onDeny: OnDeny;
  /** `assets: { boiler-1: { on_deny: ... } }` at the top level of the policy (RULINGS 13); by asset, only those that state it. */
  readonly assetOnDeny: ReadonlyMap<string, OnDeny>;
  readonly assets: ReadonlyMap<string, AssetModel>;
}
