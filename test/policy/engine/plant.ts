/** A small plant to ask the engine about, written as a test wants to read it. Every question goes to both twins, which must agree. */
import * as assert from "uvu/assert";
import { modbusVocabulary } from "#modbus/vocabulary";
import type { Operation } from "#operation";
import { type Assurance, type Compiled, compile, finish } from "#policy/compile";
import { decide } from "#policy/decide";
import type { Decision, Facts } from "#policy/decision";
import { explain } from "#policy/explain";
import { hoursOf, parseHours } from "#policy/hours";
import type { Hours, Policy, Rule, Scope, State, Values } from "#policy/model";
import { parseState } from "#policy/state";
import { parseDecimal } from "#process/decimal";
import type { AssetModel, Decimal, Point, PointType } from "#process/points";

export const COIL = 0;
export const DISCRETE = 1;
export const INPUT = 2;
export const HOLDING = 3;
export const FILE = 4;

export function dec(text: string): Decimal {
  const value = parseDecimal(text);
  if (typeof value === "string") throw new Error(value);
  return value;
}

const SIZES: Partial<Record<PointType, number>> = { int32: 2, uint32: 2, float32: 2, int64: 4, uint64: 4, float64: 4, string: 4 };

export interface PointWords {
  readonly at: number;
  readonly type?: PointType;
  readonly unit?: string;
  readonly space?: number;
  readonly unitId?: number;
  readonly access?: Point["access"];
  readonly bit?: number;
  readonly bitOf?: string;
  readonly aliasOf?: string;
  readonly byteOrder?: Point["byteOrder"];
  readonly wordOrder?: Point["wordOrder"];
  readonly scale?: string;
  readonly offset?: string;
  readonly writeMin?: string;
  readonly writeMax?: string;
}

export interface RuleWords {
  readonly id: string;
  readonly allow?: Rule["verbs"];
  readonly deny?: Rule["verbs"];
  readonly on?: string;
  readonly points?: readonly string[];
  readonly table?: number;
  readonly addresses?: readonly (readonly [number, number])[];
  readonly device?: boolean;
  readonly units?: readonly number[];
  readonly functions?: readonly number[];
  readonly broadcast?: boolean;
  readonly opaque?: boolean;
  readonly hours?: string;
  readonly state?: string;
  readonly gap?: number;
  readonly essential?: boolean;
  readonly rate?: Rule["rate"];
  readonly values?: {
    readonly min?: string;
    readonly max?: string;
    readonly set?: readonly string[];
    readonly step?: string;
    readonly changes?: number;
  };
  readonly onDeny?: Rule["onDeny"];
}

export interface PlantWords {
  readonly units?: readonly number[];
  readonly unitAliases?: readonly (readonly [number, number])[];
  readonly unitZero?: AssetModel["unitZero"];
  readonly addressing?: AssetModel["addressing"];
  readonly points?: Readonly<Record<string, PointWords>>;
  readonly never?: readonly RuleWords[];
  /** Rules of the role `operator`, or of several by name. */
  readonly rules?: readonly RuleWords[];
  readonly roles?: Readonly<Record<string, readonly RuleWords[]>>;
  /** Role to the role whose rules it has as well. */
  readonly include?: Readonly<Record<string, string>>;
}

export interface Asked {
  readonly unit?: number;
  readonly broadcast?: boolean;
  readonly roles?: readonly string[];
  readonly assurance?: Assurance;
  readonly facts?: Partial<Facts>;
}

export class Plant {
  readonly policy: Policy;
  readonly model: AssetModel;
  readonly compiled: Compiled;

  constructor(words: PlantWords) {
    this.model = modelOf(words);
    let order = 0;
    const rules = (owner: string, list: readonly RuleWords[]): Rule[] => list.map((rule) => ruleOf(this.model, owner, rule, order++));
    const never = rules("never", words.never ?? []);
    const own = Object.entries(words.roles ?? { operator: words.rules ?? [] }).map(
      ([name, list]) => [name, { rules: rules(name, list), manage: [], onDeny: null }] as const,
    );
    const roles = new Map(own);
    for (const [name, included] of Object.entries(words.include ?? {})) {
      const list = [...(roles.get(included)?.rules ?? []), ...(roles.get(name)?.rules ?? [])];
      roles.set(name, { rules: list, manage: [], onDeny: null });
    }
    this.policy = {
      name: "boiler-house",
      version: 1,
      file: "policy.yaml",
      never,
      roles,
      bindings: [],
      onDeny: { answer: null, exception: null, closeAfter: null },
      assetOnDeny: new Map(),
      assets: new Map([[this.model.name, this.model]]),
    };
    this.compiled = finish(compile(this.policy, () => modbusVocabulary.spaces));
  }

  /** The decision on a request given as the hex of its PDU, or as operations. */
  decide(request: string | readonly Operation[], asked: Asked = {}): Decision {
    const {
      unit = this.model.units[0] as number,
      broadcast = false,
      roles = [...this.policy.roles.keys()],
      assurance = "certificate",
    } = asked;
    const operations = typeof request === "string" ? operationsOf(request, unit, broadcast) : request;
    const facts: Facts = {
      now: 1_000_000,
      hoursOpen: new Uint8Array(hoursOf(this.policy).length).fill(1),
      states: new Uint8Array(8).fill(1),
      implausible: new Uint8Array(8),
      present: { cell: () => -1 },
      changes: { count: () => 0 },
      rates: { count: () => 0 },
      ...asked.facts,
    };
    const decision = decide(this.compiled.tableFor(this.model.name, roles, assurance), operations, facts);
    const explained = explain(this.policy, this.model.name, roles, assurance, operations, facts, modbusVocabulary);
    assert.equal(explained.decision, decision, "explained and compiled");
    return decision;
  }

  /** `allowed`, or the denial's code, with the rules that did it: `aboveMaximum operator/setpoint`. */
  ask(request: string | readonly Operation[], asked: Asked = {}): string {
    const { code, rules } = this.decide(request, asked);
    return [code ?? "allowed", ...rules.map((order) => this.ruleName(order))].join(" ");
  }

  ruleName(order: number): string {
    const all = [...this.policy.never, ...[...this.policy.roles.values()].flatMap((role) => role.rules)];
    return all.find((rule) => rule.order === order)?.id ?? "?";
  }
}

export function operationsOf(hex: string, unit = 1, broadcast = false): readonly Operation[] {
  const message = modbusVocabulary.operationsOf(Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex")), unit, broadcast);
  if (typeof message === "string") throw new Error(`the test asks what is malformed: ${message} in ${hex}`);
  return message.operations;
}

/** Last seen words by address, the rest unknown. */
export function seen(words: Readonly<Record<number, number>>): Partial<Facts> {
  return { present: { cell: (_unit, _space, address) => words[address] ?? -1 } };
}

function modelOf(words: PlantWords): AssetModel {
  const entries = Object.entries(words.points ?? {});
  const indexOf = (name: string | undefined): number | null => (name === undefined ? null : entries.findIndex(([key]) => key === name));
  const units = words.units ?? [1];
  const points = entries.map(([name, point], index): Point => {
    const type = point.type ?? (point.bit === undefined ? "uint16" : "bit");
    return {
      index,
      name,
      unitId: point.unitId ?? (units[0] as number),
      space: point.space ?? HOLDING,
      first: point.at,
      last: point.at + (SIZES[type] ?? 1) - 1,
      type,
      unit: point.unit ?? "",
      access: point.access ?? "rw",
      description: "",
      bit: point.bit ?? null,
      byteOrder: point.byteOrder ?? "big",
      wordOrder: point.wordOrder ?? "big",
      scale: dec(point.scale ?? "1"),
      offset: dec(point.offset ?? "0"),
      writeMin: point.writeMin === undefined ? null : dec(point.writeMin),
      writeMax: point.writeMax === undefined ? null : dec(point.writeMax),
      plausibleMin: null,
      plausibleMax: null,
      bitOf: indexOf(point.bitOf),
      aliasOf: indexOf(point.aliasOf),
      deadband: null,
      minInterval: null,
    };
  });
  return {
    name: "boiler-1",
    protocol: "modbus-tcp",
    units,
    unitAliases: new Map(words.unitAliases ?? []),
    unitZero: words.unitZero ?? "broadcast",
    addressing: words.addressing ?? "zero-based",
    points,
  };
}

function ruleOf(model: AssetModel, owner: string, words: RuleWords, order: number): Rule {
  const isAllow = words.allow !== undefined;
  return {
    order,
    id: `${owner}/${words.id}`,
    file: "/etc/penstock/policy.yaml",
    line: 31 + order,
    effect: isAllow ? "allow" : "deny",
    asset: words.on ?? model.name,
    verbs: words.allow ?? words.deny ?? [],
    scope: scopeOf(model, words),
    units: words.units ?? model.units,
    functions: words.functions ?? null,
    broadcast: words.broadcast ?? false,
    vias: null,
    objects: null,
    files: null,
    control: null,
    reply: "whole",
    opaque: words.opaque ?? false,
    hours: words.hours === undefined ? null : hoursNamed(words.hours),
    state: words.state === undefined ? null : stateNamed(words.state, model),
    gap: words.gap ?? 0,
    essential: words.essential ?? false,
    rate: words.rate ?? null,
    values: words.values === undefined ? null : valuesOf(words.values),
    onDeny: words.onDeny ?? null,
  };
}

function scopeOf(model: AssetModel, { points, addresses, table, device }: RuleWords): Scope {
  if (points !== undefined) return { is: "points", points: points.map((name) => model.points.findIndex((point) => point.name === name)) };
  if (addresses !== undefined) return { is: "addresses", space: table ?? HOLDING, ranges: addresses };
  return { is: device === true ? "device" : "process" };
}

function stateNamed(text: string, model: AssetModel): State {
  const conditions = parseState(text, new Map([[model.name, model]]));
  if ("found" in conditions) throw new Error(conditions.expected);
  return { text, conditions, maxAgeMs: 10_000 };
}

function hoursNamed(text: string): Hours {
  const hours = parseHours(text);
  if (typeof hours === "string") throw new Error(hours);
  return hours;
}

function valuesOf(words: NonNullable<RuleWords["values"]>): Values {
  return {
    min: words.min === undefined ? null : dec(words.min),
    max: words.max === undefined ? null : dec(words.max),
    set: words.set?.map(dec) ?? null,
    maxStep: words.step === undefined ? null : dec(words.step),
    maxChanges: words.changes === undefined ? null : { count: words.changes, windowMs: 60_000 },
  };
}
