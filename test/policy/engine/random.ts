/**
 * Random assets, policies, requests and facts for the property that the compiled decision equals the explained one. Everything comes from
 * one seed. Addresses are few and values lie near the limits, so that rules, points and requests meet often; what a loader refuses is made
 * too, for the engine must not rely on it.
 */
import { modbusVocabulary } from "#modbus/vocabulary";
import type { Operation, Verb } from "#operation";
import type { Facts } from "#policy/decision";
import type { Hours, ManageRule, Policy, Rate, Rule, Scope, State, Values } from "#policy/model";
import { STATE } from "#policy/state";
import { add, decimal, multiply } from "#process/decimal";
import type { AssetModel, Decimal, Point, PointType } from "#process/points";

export const ASSET = "boiler-1";
export const ROLES = ["viewer", "operator", "engineer"] as const;
const COIL = 0;
const HOLDING = 3;
/** Points and requests lie below this address; a few rules reach beyond. */
const LAST = 23;
const UMAS = 90;

/** sfc32: small, fast, good enough to find a wrong comparison. */
export class Random {
  #a: number;
  #b: number;
  #c = 0x9e3779b9;
  #count = 1;

  constructor(seed: number, stream: number) {
    this.#a = seed | 0;
    this.#b = stream | 0;
    for (let i = 0; i < 16; i++) this.#next();
  }

  #next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** 0 to below `limit`. */
  below(limit: number): number {
    return this.#next() % limit;
  }

  between(first: number, last: number): number {
    return first + this.below(last - first + 1);
  }

  /** True `percent` times in a hundred. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  one<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  some<T>(list: readonly T[], percent: number): T[] {
    return list.filter(() => this.chance(percent));
  }
}

export function randomModel(random: Random): AssetModel {
  const units = random.one([[1], [1, 2], [0, 1], [1, 2, 3]]);
  const points: Point[] = [];
  const put = (point: Partial<Point> & Pick<Point, "unitId" | "space" | "first" | "last" | "type">): Point => {
    const made: Point = { ...PLAIN, index: points.length, name: `p${points.length}`, ...point };
    points.push(made);
    return made;
  };
  for (const unitId of units)
    for (const space of [0, 1, 2, 3])
      for (let address = random.below(3); address <= LAST; ) {
        const isBits = space < 2;
        const type = isBits ? "bool" : random.one(TYPES);
        const size = type === "string" ? random.between(1, 3) : SIZES[type];
        const last = address + size - 1;
        if (last > LAST) break;
        const measured = type === "bool" || type === "bit" || type === "string" ? {} : randomMeasure(random);
        const access = space === COIL || space === HOLDING ? random.one(ACCESSES) : "r";
        const where = { unitId, space, first: address, last };
        if (type === "bit") {
          for (const bit of randomBits(random)) put({ ...where, type, bit, access: random.one(ACCESSES), ...randomLimits(random, null) });
        } else {
          const orders = isBits ? {} : { byteOrder: random.one(ORDERS), wordOrder: random.one(ORDERS) };
          const point = put({ ...where, type, access, ...orders, ...measured });
          if (type !== "string") Object.assign(point, randomLimits(random, point));
          if (!isBits && random.chance(25)) {
            const at = random.between(address, last);
            for (const bit of randomBits(random))
              put({ unitId, space, first: at, last: at, type: "bit", bit, bitOf: point.index, access: random.one(ACCESSES) });
          }
          if (type !== "string" && random.chance(25)) {
            const alias = put({ ...where, type, access, ...orders, ...(isBits ? {} : randomMeasure(random)), aliasOf: point.index });
            Object.assign(alias, randomLimits(random, alias));
          }
        }
        if (random.chance(5) && !isBits && last < LAST) put({ unitId, space, first: last, last: last + 1, type: "int32", access: "r" });
        address = last + 1 + random.one([0, 0, 0, 1, 2]);
      }
  return {
    name: ASSET,
    protocol: "modbus-tcp",
    units,
    unitAliases: new Map(random.chance(50) ? [[11, units[0] as number]] : []),
    unitZero: units.includes(0) ? "device" : "broadcast",
    addressing: random.one(["zero-based", "one-based", "modicon"]),
    points,
  };
}

export function randomPolicy(random: Random): Policy {
  const model = randomModel(random);
  let order = random.below(3);
  const next = (effect: "allow" | "deny", owner: string): Rule => {
    order += random.between(1, 3);
    return randomRule(random, model, effect, order, owner);
  };
  const never = random.chance(20) ? [next("deny", "never"), ...(random.chance(30) ? [next("deny", "never")] : [])] : [];
  const roles = new Map<string, { rules: Rule[]; manage: ManageRule[]; onDeny: null }>();
  for (const role of ROLES) {
    const rules: Rule[] = [];
    const included = ROLES[ROLES.indexOf(role) - 1];
    if (included !== undefined && random.chance(40)) rules.push(...(roles.get(included)?.rules ?? []));
    for (let i = random.between(2, 9); i > 0; i--) rules.push(next(random.chance(8) ? "deny" : "allow", role));
    roles.set(role, { rules, manage: [], onDeny: null });
  }
  return {
    name: "random",
    version: 1,
    file: "policy.yaml",
    never,
    roles,
    bindings: [],
    onDeny: { answer: null, exception: null, closeAfter: null },
    assetOnDeny: new Map(),
    assets: new Map([[ASSET, model]]),
  };
}

/** A request as a client would send it, decoded; now and then what no decoder gives. */
export function randomOperations(random: Random, model: AssetModel): readonly Operation[] {
  if (random.chance(1)) return random.one(STRANGE);
  for (;;) {
    const isBroadcast = model.unitZero === "broadcast" && random.chance(8);
    const unit = isBroadcast ? 0 : random.chance(4) ? 77 : random.one([...model.units, ...model.unitAliases.keys()]);
    const message = modbusVocabulary.operationsOf(
      randomPdu(random, model, isBroadcast ? (model.units[0] as number) : unit),
      unit,
      isBroadcast,
    );
    if (typeof message !== "string") return message.operations;
  }
}

export function randomFacts(random: Random): Facts {
  const salt = random.below(0x10000);
  const known = random.one([100, 97, 70]);
  const busy = random.one([0, 2, 4]);
  const isUnread = random.chance(25);
  return {
    now: random.below(1_000_000),
    hoursOpen: Uint8Array.from(HOURS, () => random.one([0, 1, 1, 1, 2])),
    implausible: Uint8Array.from({ length: 512 }, () => (random.chance(8) ? 1 : 0)),
    states: Uint8Array.from({ length: 6 }, () => random.one([0, 1, 1, 1, 2, 3, isUnread ? 4 : 1, isUnread ? 4 : 1])),
    present: isUnread
      ? null
      : {
          cell(unit, space, address) {
            const noise = hash(salt, unit, space * 0x10000 + address);
            if (noise % 100 >= known) return -1;
            const word = noise >>> 8;
            if (space < 2) return word & 1;
            return (word & 0xf00) === 0 ? word & 0xffff : (word >> 12) & 0xf;
          },
        },
    changes: { count: (unit, place, windowMs) => hash(salt, unit * 1000 + place, windowMs) % (busy + 1) },
    rates: { count: (ruleOrder, windowMs) => hash(salt, ruleOrder, windowMs) % (busy + 1) },
  };
}

/** The same facts once the device has been read. */
export function readFacts(random: Random, facts: Facts): Facts {
  return {
    ...facts,
    present: facts.present ?? { cell: () => random.one([-1, 0, 1, 5, 0x7fff]) },
    states: facts.states.map((state) => (state === STATE.unread ? random.one([0, 1, 2, 3]) : state)),
  };
}

function hash(a: number, b: number, c: number): number {
  let mixed = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35) ^ Math.imul(c + 0x165667b1, 0x27d4eb2f);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

const ZERO: Decimal = { units: 0n, places: 0 };
const ONE: Decimal = { units: 1n, places: 0 };
const PLAIN: Omit<Point, "index" | "name" | "unitId" | "space" | "first" | "last" | "type"> = {
  unit: "",
  access: "rw",
  description: "",
  bit: null,
  byteOrder: "big",
  wordOrder: "big",
  scale: ONE,
  offset: ZERO,
  writeMin: null,
  writeMax: null,
  plausibleMin: null,
  plausibleMax: null,
  bitOf: null,
  aliasOf: null,
  deadband: null,
  minInterval: null,
};
const TYPES: readonly PointType[] = [
  "bit",
  "int16",
  "int16",
  "uint16",
  "uint16",
  "int32",
  "uint32",
  "int64",
  "uint64",
  "float32",
  "float32",
  "float64",
  "string",
];
const SIZES: Readonly<Record<Exclude<PointType, "string">, number>> = {
  bool: 1,
  bit: 1,
  int16: 1,
  uint16: 1,
  int32: 2,
  uint32: 2,
  int64: 4,
  uint64: 4,
  float32: 2,
  float64: 4,
  number: 4,
};
const ACCESSES = ["rw", "rw", "rw", "rw", "rw", "rw", "rw", "w", "w", "r"] as const;
const ORDERS = ["big", "big", "little"] as const;
const SCALES = [
  ONE,
  ONE,
  decimal(1n, 1),
  decimal(25n, 2),
  decimal(1n, 3),
  decimal(-1n, 0),
  decimal(-5n, 1),
  decimal(3n, 0),
  decimal(7n, 2),
];
const OFFSETS = [ZERO, ZERO, ZERO, decimal(-40n, 0), decimal(5n, 2), decimal(1000n, 0)];

function randomMeasure(random: Random): Pick<Point, "scale" | "offset"> {
  return { scale: random.one(SCALES), offset: random.one(OFFSETS) };
}

function randomBits(random: Random): readonly number[] {
  return [...new Set(Array.from({ length: random.between(1, 5) }, () => random.one([0, 1, 2, 7, 8, 14, 15])))];
}

/** A few points limit what anybody may write. */
function randomLimits(random: Random, point: Point | null): Partial<Point> {
  if (!random.chance(12)) return {};
  const [writeMin, writeMax] = randomRange(random, point);
  return random.one([{ writeMin, writeMax }, { writeMin, writeMax }, { writeMin }, { writeMax }]);
}

/** Raw numbers that requests use as well, so that a limit and a value meet on the same number, or one beside it. */
const RAW = [
  0n,
  1n,
  2n,
  3n,
  5n,
  7n,
  8n,
  10n,
  12n,
  15n,
  16n,
  100n,
  255n,
  256n,
  1000n,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x1_0000n,
  -1n,
  -2n,
  -8n,
  -0x8000n,
];
const WIDE_RAW = [1n << 31n, (1n << 32n) - 1n, 1n << 53n, (1n << 53n) + 1n, (1n << 63n) - 1n, -(1n << 63n), (1n << 64n) - 1n, -(1n << 31n)];
const NUDGES = [
  ZERO,
  ZERO,
  ZERO,
  decimal(1n, 1),
  decimal(-1n, 1),
  decimal(5n, 1),
  decimal(1n, 4),
  decimal(-1n, 4),
  decimal(1n, 20),
  decimal(-1n, 20),
];

/** An engineering value at, or a little beside, a raw value. */
function randomValue(random: Random, point: Point | null): Decimal {
  const raw = decimal(random.chance(90) ? random.one(RAW) : random.one(WIDE_RAW), 0);
  const isScaled = point !== null && point.type !== "bool" && point.type !== "bit";
  const exact = isScaled ? add(multiply(raw, point.scale), point.offset) : raw;
  return add(exact, random.one(NUDGES));
}

function randomRange(random: Random, point: Point | null): readonly [Decimal, Decimal] {
  const a = randomValue(random, point);
  const b = random.chance(50) ? add(a, decimal(BigInt(random.below(50)), random.below(2))) : randomValue(random, point);
  const isOrdered = a.units * 10n ** BigInt(b.places) <= b.units * 10n ** BigInt(a.places);
  return isOrdered || random.chance(3) ? [a, b] : [b, a];
}

const HOURS: readonly Hours[] = ["07:00-17:00 UTC", "22:00-06:00 UTC", "Sat 00:00-24:00 UTC"].map((text) => ({
  days: Array.from({ length: 7 }, () => true),
  from: 0,
  to: 0,
  zone: "UTC",
  text,
}));
const RATES: readonly Rate[] = [
  { count: 1, windowMs: 1000 },
  { count: 2, windowMs: 60_000 },
  { count: 4, windowMs: 60_000 },
];
const DENIED: readonly Verb[] = ["read", "write", "control", "diagnose", "identify", "file-read", "file-write", "raw"];

function randomRule(random: Random, model: AssetModel, effect: "allow" | "deny", order: number, owner: string): Rule {
  const isAllow = effect === "allow";
  const verbs: readonly Verb[] = random.chance(70)
    ? [random.one<Verb>(["write", "write", "write", "read"])]
    : random.one<readonly Verb[]>([
        DENIED,
        ["read", "write"],
        ["control", "diagnose", "identify"],
        ["file-read", "file-write"],
        ["raw"],
        ["raw", "read"],
      ]);
  const scope = randomScope(random, model, isAllow);
  const opaque = isAllow && verbs.includes("raw") && random.chance(85);
  return {
    order,
    id: `${owner}/r${order}`,
    file: "policy.yaml",
    line: order,
    effect,
    asset: random.chance(98) ? ASSET : "another",
    verbs,
    scope,
    units: random.chance(75) ? model.units : random.some([...model.units, ...model.unitAliases.keys()], 60),
    functions: opaque ? random.one([[UMAS], [65, UMAS], [43 | (13 << 8)]]) : random.chance(25) ? random.one(FUNCTION_LISTS) : null,
    broadcast: isAllow && random.chance(50),
    vias: null,
    files: null,
    objects: null,
    control: null,
    reply: "whole",
    opaque,
    hours: random.chance(15) ? random.one(HOURS) : null,
    state: random.chance(12) ? randomState(random) : null,
    rate: isAllow && random.chance(10) ? random.one(RATES) : null,
    values: isAllow && verbs.includes("write") && random.chance(65) ? randomValues(random, model, scope) : null,
    gap: isAllow && random.chance(30) ? random.between(1, 4) : 0,
    essential: isAllow && random.chance(25),
    onDeny: null,
  };
}

/** What comes of a state is a fact; its conditions are judged elsewhere. */
function randomState(random: Random): State {
  return { text: `state ${random.below(3)}`, conditions: [], maxAgeMs: 1_000 * random.between(1, 2) };
}

const FUNCTION_LISTS: readonly (readonly number[])[] = [
  [6, 16],
  [5, 15],
  [16],
  [22],
  [23],
  [3],
  [1, 2, 3, 4],
  [6, 16, 22, 23],
  [8 | (1 << 8)],
];

function randomScope(random: Random, model: AssetModel, isAllow: boolean): Scope {
  const kind = random.below(100);
  if (kind < 45 && model.points.length > 0) {
    const writable = model.points.filter(({ space }) => space === COIL || space === HOLDING);
    const from = random.chance(85) && writable.length > 0 ? writable : model.points;
    const chosen = new Set(random.chance(40) ? [random.one(from)] : random.some(from, random.one([10, 30, 60])));
    return { is: "points", points: [...chosen].map(({ index }) => index) };
  }
  if (kind < 78) {
    const ranges = Array.from({ length: random.one([1, 1, 2, 3]) }, (): readonly [number, number] => {
      const first = random.below(LAST + 4);
      return [isAllow && random.chance(25) ? 0 : first, first + random.one(isAllow ? [0, 1, 2, 5, LAST] : [0, 1, 2])];
    });
    return { is: "addresses", space: random.one([HOLDING, HOLDING, HOLDING, COIL, COIL, 1, 2, 4]), ranges };
  }
  return { is: kind < 92 && (isAllow || random.chance(30)) ? "process" : "device" };
}

function randomValues(random: Random, model: AssetModel, scope: Scope): Values {
  const named = scope.is === "points" ? (model.points[scope.points[0] ?? -1] ?? null) : null;
  const ranged = random.chance(75) ? randomRange(random, named) : null;
  const isOneSided = random.chance(5);
  if (random.chance(15)) return { min: null, max: null, set: null, maxStep: null, maxChanges: random.one(RATES) };
  return {
    min: isOneSided ? null : (ranged?.[0] ?? null),
    max: ranged?.[1] ?? null,
    set: random.chance(20) ? Array.from({ length: random.between(1, 5) }, () => randomValue(random, named)) : null,
    maxStep: random.chance(30) ? decimal(BigInt(random.one([0, 1, 2, 5, 10, 25, 1000, 100000])), random.below(3)) : null,
    maxChanges: random.chance(30) ? random.one(RATES) : null,
  };
}

function randomPdu(random: Random, model: AssetModel, unit: number): Uint8Array {
  const at = random.below(LAST + 2);
  switch (random.one(REQUESTS)) {
    case "read":
      return octets([random.between(1, 4)], u16(at), u16(random.between(1, 6)));
    case "coil":
      return octets([5], u16(at), random.chance(50) ? [0xff, 0] : [0, 0]);
    case "register":
      return octets([6], u16(registerAddress(random, model, unit) ?? at), u16(randomWord(random)));
    case "coils": {
      const count = random.between(1, 12);
      const bits = random.below(2 ** count);
      return octets([15], u16(at), u16(count), count > 8 ? [2, bits & 0xff, bits >> 8] : [1, bits]);
    }
    case "registers": {
      const { first, words } = randomWords(random, model, unit, at);
      return octets([16], u16(first), u16(words.length), [2 * words.length], words.flatMap(u16));
    }
    case "mask": {
      const touched = random.one([1, 2, 0x8001, 0xff00, 0xffff, 0, 0xfff0, 0xfffe, 0x7fff, 0xfeff, 0xbf7e, 0x7ff0]);
      const or = random.chance(90) ? randomWord(random) & touched : randomWord(random);
      return octets([22], u16(registerAddress(random, model, unit) ?? at), u16(~touched & 0xffff), u16(or));
    }
    case "exchange": {
      const { first, words } = randomWords(random, model, unit, at);
      return octets(
        [23],
        u16(random.below(LAST)),
        u16(random.between(1, 4)),
        u16(first),
        u16(words.length),
        [2 * words.length],
        words.flatMap(u16),
      );
    }
    case "other":
      return random.one(OTHERS);
  }
}

const REQUESTS = [
  "read",
  "read",
  "coil",
  "coil",
  "register",
  "register",
  "register",
  "coils",
  "registers",
  "registers",
  "registers",
  "registers",
  "mask",
  "mask",
  "exchange",
  "other",
] as const;
const OTHERS = [
  "07",
  "080000a537",
  "08000100 00",
  "080004 0000",
  "08000a0000",
  "0b",
  "0c",
  "11",
  "180003",
  "2b0e0100",
  "2b0d0102",
  "5a0002",
  "41ff",
  "7d01",
  "1407060001000a0002",
  "1509060002000500010abc",
].map((hex) => Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)));

function randomWord(random: Random): number {
  return random.chance(85) ? Number(random.one(RAW) & 0xffffn) : random.below(0x10000);
}

/** Mostly where a value of one register stands. */
function registerAddress(random: Random, model: AssetModel, unit: number): number | null {
  const own = model.unitAliases.get(unit) ?? unit;
  const points = model.points.filter(({ unitId, space, first, last }) => unitId === own && space === HOLDING && first === last);
  return points.length === 0 || random.chance(25) ? null : random.one(points).first;
}

/** Registers from a point on, most of them whole values in the order of their points. */
function randomWords(random: Random, model: AssetModel, unit: number, at: number): { readonly first: number; readonly words: number[] } {
  const own = model.unitAliases.get(unit) ?? unit;
  const points = model.points.filter(
    ({ unitId, space, type, aliasOf }) => unitId === own && space === HOLDING && type !== "bit" && aliasOf === null,
  );
  if (points.length === 0 || random.chance(25))
    return { first: at, words: Array.from({ length: random.between(1, 5) }, () => randomWord(random)) };
  let index = random.below(points.length);
  const first = (points[index] as Point).first;
  const words: number[] = [];
  for (let left = random.between(1, 4); left > 0; left--, index++) {
    const point = points[index];
    if (point === undefined) break;
    while (first + words.length < point.first) words.push(randomWord(random));
    if (first + words.length > point.first) break;
    words.push(...wordsOf(random, point));
  }
  return { first, words };
}

function wordsOf(random: Random, point: Point): number[] {
  const count = point.last - point.first + 1;
  const view = new DataView(new ArrayBuffer(2 * Math.max(count, 4)));
  const raw = random.chance(count > 1 ? 80 : 100) ? random.one(RAW) : random.one(WIDE_RAW);
  const odd = random.one([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0.1, 2 ** -149, 1e30, 1e300]);
  const float = random.chance(80) ? Number(raw) + random.one([0, 0, 0, 0.5, 1e-4, -1e-7]) : odd;
  if (point.type === "float32") view.setFloat32(0, float);
  else if (point.type === "float64") view.setFloat64(0, float);
  else if (count === 4) view.setBigInt64(0, raw);
  else if (count === 2) view.setInt32(0, Number(BigInt.asIntN(32, raw)));
  else view.setInt16(0, Number(BigInt.asIntN(16, raw)));
  const words = Array.from({ length: count }, (_, i) => view.getUint16(2 * i, point.byteOrder === "little"));
  return point.wordOrder === "little" ? words.reverse() : words;
}

function u16(value: number): number[] {
  return [value >> 8, value & 0xff];
}

function octets(...parts: readonly (readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flat());
}

const BARE: Operation = {
  verb: "write",
  effect: "change",
  via: 0,
  function: 16,
  object: 0,
  unit: 1,
  broadcast: false,
  actor: 0,
  target: { at: "range", space: HOLDING, first: 3, last: 2 },
  values: { is: "none" },
  control: null,
};
/** What no Modbus decoder gives, and the engine must refuse nevertheless. */
const STRANGE: readonly (readonly Operation[])[] = [
  [],
  [BARE],
  [{ ...BARE, target: { at: "range", space: HOLDING, first: 3, last: 3 } }],
  [{ ...BARE, target: { at: "range", space: 9, first: 3, last: 3 } }],
  [{ ...BARE, target: { at: "device" } }],
  [{ ...BARE, verb: "read", effect: "observe", target: { at: "all", space: HOLDING } }],
  [{ ...BARE, verb: "file-read", target: { at: "name", space: 4, name: "x" } }],
  [
    {
      ...BARE,
      target: { at: "range", space: HOLDING, first: 3, last: 4 },
      values: { is: "cells", octets: new Uint8Array(3), at: 0, bits: 16, keep: 0 },
    },
  ],
  [
    {
      ...BARE,
      target: { at: "range", space: HOLDING, first: 3, last: 3 },
      values: { is: "cells", octets: new Uint8Array(9), at: 0, bits: 1, keep: 0 },
    },
  ],
  [
    { ...BARE, verb: "restart" },
    { ...BARE, verb: "restart", target: { at: "device" } },
  ],
];
