/** Random DNP3 assets, policies and fragments, as random.ts makes them for Modbus: few indexes, values near the limits, all from one seed. */
import { decodeFragment } from "#dnp3/application";
import { operationsOf } from "#dnp3/operations";
import { NUMBER_CELLS, SPACES } from "#dnp3/spaces";
import { isWriting, type Operation, type Verb } from "#operation";
import type { Facts } from "#policy/decision";
import type { ControlLimits, Policy, Rule, Scope, Values } from "#policy/model";
import { add, decimal } from "#process/decimal";
import type { AssetModel, Decimal, Point } from "#process/points";
import { f64be, putF32le, putF64be, putF64le, putU16le, putU32le } from "#wire";
import { ASSET, type Random, ROLES } from "./random.ts";

const UNIT = 7;
/** Points and requests lie below this index; a few requests reach beyond. */
const LAST = 5;
const BINARY_OUTPUT = 2;
const COUNTER = 3;
const ANALOG_INPUT = 5;
const ANALOG_OUTPUT = 7;
const CLASS = 11;
const INDICATION = 13;

export function randomPolicy(random: Random): Policy {
  const model: AssetModel = {
    name: ASSET,
    protocol: "dnp3-tcp",
    units: [UNIT],
    unitAliases: new Map(),
    unitZero: "broadcast",
    addressing: "zero-based",
    points: randomPoints(random),
  };
  let order = 0;
  const next = (effect: "allow" | "deny", owner: string): Rule => {
    order += random.between(1, 3);
    return randomRule(random, model, effect, order, owner);
  };
  const never = random.chance(20) ? [next("deny", "never")] : [];
  const roles = new Map(
    ROLES.map((role) => {
      const rules = Array.from({ length: random.between(2, 8) }, () => next(random.chance(10) ? "deny" : "allow", role));
      return [role, { rules, manage: [], onDeny: null }] as const;
    }),
  );
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

const ZERO: Decimal = decimal(0n, 0);
const ONE: Decimal = decimal(1n, 0);
const SCALES = [ONE, ONE, decimal(1n, 1), decimal(1n, 2), decimal(-1n, 0), decimal(25n, 2)];

function randomPoints(random: Random): readonly Point[] {
  const points: Point[] = [];
  for (const space of [0, BINARY_OUTPUT, COUNTER, ANALOG_INPUT, ANALOG_OUTPUT])
    for (let at = 0; at <= LAST; at++) {
      if (!random.chance(70)) continue;
      const stride = SPACES[space]?.stride ?? 1;
      const isOutput = space === BINARY_OUTPUT || space === ANALOG_OUTPUT;
      const limited = space === ANALOG_OUTPUT && random.chance(20);
      points.push({
        index: points.length,
        name: `p${points.length}`,
        unitId: UNIT,
        space,
        first: at * stride,
        last: (at + 1) * stride - 1,
        type: stride === 1 ? "bool" : "number",
        unit: "",
        access: isOutput && random.chance(90) ? "rw" : "r",
        description: "",
        bit: null,
        byteOrder: "big",
        wordOrder: "big",
        scale: stride === 1 ? ONE : random.one(SCALES),
        offset: stride === 1 ? ZERO : random.one([ZERO, ZERO, decimal(-5n, 0)]),
        writeMin: limited ? decimal(-20n, 0) : null,
        writeMax: limited ? decimal(20n, 0) : null,
        plausibleMin: null,
        plausibleMax: null,
        bitOf: null,
        aliasOf: null,
        deadband: null,
        minInterval: null,
      });
    }
  return points;
}

const COMMANDS: readonly Verb[] = ["operate", "select"];
const ALLOWED: readonly (readonly Verb[])[] = [
  COMMANDS,
  COMMANDS,
  COMMANDS,
  COMMANDS,
  COMMANDS,
  ["read"],
  ["events", "read"],
  ["freeze"],
  ["unsolicited"],
  ["write"],
  ["raw"],
  ["time"],
  ["restart", "configure"],
  ["authenticate", ...COMMANDS],
];
const DENIED: readonly (readonly Verb[])[] = [
  COMMANDS,
  ["select"],
  ["read"],
  ["freeze", "events"],
  ["raw", "restart"],
  ["write", "unsolicited", ...COMMANDS],
];
const CODES = [0x81, 0x41, 0x01, 0x03, 0x04, 0x91];
const OBJECTS = [0x0c01, 0x2901, 0x2902, 0x2903, 0x2904, 0x1401, 0x1e05, 0x3c02];

function randomRule(random: Random, model: AssetModel, effect: "allow" | "deny", order: number, owner: string): Rule {
  const isAllow = effect === "allow";
  const verbs = random.one(isAllow ? ALLOWED : DENIED);
  const scope = randomScope(random, model, verbs);
  const commands = verbs.includes("operate");
  return {
    order,
    id: `${owner}/r${order}`,
    file: "policy.yaml",
    line: order,
    effect,
    asset: ASSET,
    verbs,
    scope,
    units: [UNIT],
    functions: verbs.includes("raw") && isAllow ? [2 | (10 << 8)] : random.chance(12) ? random.one([[7, 8], [4, 3], [5], [9], [20]]) : null,
    vias: commands && random.chance(60) ? random.one([[1], [1], [2], [1, 2], [3], [1, 2, 3]]) : null,
    objects: random.chance(20) ? random.some(OBJECTS, 50) : null,
    files: null,
    reply: "whole",
    control: commands && isAllow && random.chance(70) ? randomControl(random) : null,
    broadcast: isAllow && random.chance(30),
    opaque: verbs.includes("raw"),
    hours: random.chance(8) ? { days: new Array<boolean>(7).fill(true), from: 0, to: 0, zone: "UTC", text: `h${random.below(2)}` } : null,
    state: random.chance(6) ? { text: `state ${random.below(3)}`, conditions: [], maxAgeMs: 1_000 } : null,
    rate: isAllow && random.chance(8) ? { count: random.between(1, 3), windowMs: 1_000 } : null,
    values: isAllow && verbs.some(isWriting) && random.chance(55) ? randomValues(random, scope, model) : null,
    gap: 0,
    essential: isAllow && random.chance(10),
    onDeny: null,
  };
}

function randomControl(random: Random): ControlLimits {
  const [least, most] = random.one([
    [0, 255],
    [1, 1],
    [1, 2],
    [2, 3],
  ]) as [number, number];
  const times = (): readonly [number, number] =>
    random.one([
      [0, 0xffff_ffff],
      [100, 500],
      [0, 100],
      [500, 500],
    ] as const);
  return { codes: random.some(CODES, 60), count: [least, most], onTimeMs: times(), offTimeMs: times() };
}

function randomScope(random: Random, model: AssetModel, verbs: readonly Verb[]): Scope {
  const kind = random.below(100);
  const space = spaceFor(random, verbs);
  const named = model.points.filter((point) => point.space === space);
  if (kind < (space === ANALOG_OUTPUT ? 75 : 50) && named.length > 0) {
    const chosen = new Set([random.one(named), ...random.some(named, 40)]);
    return { is: "points", points: [...chosen].map(({ index }) => index).sort((a, b) => a - b) };
  }
  if (kind < 85) {
    const { stride, last } = SPACES[space] as { readonly stride: number; readonly last: number };
    if (random.chance(25)) return { is: "addresses", space, ranges: [[0, last]] };
    const first = random.below(LAST + 1);
    const to = first + random.below(3);
    return { is: "addresses", space, ranges: [[first * stride, Math.min(last, (to + 1) * stride - 1)]] };
  }
  return { is: kind < 95 ? "process" : "device" };
}

function spaceFor(random: Random, verbs: readonly Verb[]): number {
  if (verbs.includes("operate")) return random.one([BINARY_OUTPUT, ANALOG_OUTPUT]);
  if (verbs.includes("unsolicited")) return CLASS;
  if (verbs.includes("write")) return INDICATION;
  if (verbs.includes("freeze")) return COUNTER;
  return random.one([0, COUNTER, ANALOG_INPUT, ANALOG_OUTPUT, CLASS]);
}

/** Raw numbers that requests, limits and what stands in the device have in common. */
const RAW = [0, 1, 2, 5, 10, 12, 20, 100, -1, -5, -20, 2.5, 0.1, 32767, -32768];
const NUDGES = [ZERO, ZERO, decimal(1n, 1), decimal(-1n, 1), decimal(1n, 6), decimal(-1n, 6)];

function randomValues(random: Random, scope: Scope, model: AssetModel): Values {
  const isSwitch = scope.is === "points" && scope.points.every((index) => model.points[index]?.type === "bool");
  const maxChanges = random.chance(40) ? { count: 2, windowMs: 60_000 } : null;
  if (isSwitch || scope.is === "addresses")
    return { min: null, max: null, set: random.chance(50) ? [ONE] : null, maxStep: null, maxChanges };
  const a = add(decimal(BigInt(Math.round(random.one([...RAW, -20, -20, -5]) * 10)), 1), random.one(NUDGES));
  const isSet = random.chance(20);
  return {
    min: isSet ? null : a,
    max: isSet ? null : add(a, decimal(BigInt(random.below(40)), 0)),
    set: isSet ? [a, decimal(10n, 0), decimal(1n, 0)] : null,
    maxStep: random.chance(60) ? decimal(BigInt(random.one([1, 2, 5, 25, 100])), random.below(2)) : null,
    maxChanges,
  };
}

/** A request as a master would send it, decoded; what no policy can grant (NaN, one index twice) is asked too. */
export function randomOperations(random: Random): readonly Operation[] {
  for (;;) {
    const octets = Uint8Array.from([0xc0, ...randomBody(random)]);
    const read = decodeFragment(octets, 0, octets.length);
    if (read.ok && read.value.fault === null) return operationsOf(read.value, random.chance(3) ? 8 : UNIT, random.chance(6)).operations;
  }
}

function randomBody(random: Random): readonly number[] {
  const index = (): number => (random.chance(3) ? 0x4000 : random.below(LAST + 2));
  // Every object of a group is 65,536 cells, which the naive twin looks at one by one.
  const range = (): readonly number[] => {
    if (random.chance(2)) return [0x06];
    const first = random.below(LAST + 1);
    return [0x00, first, first + random.below(3)];
  };
  const command = random.one([3, 4, 4, 5, 6]);
  switch (random.below(14)) {
    case 0:
    case 1:
    case 2:
      return [command, ...relays(random, index)];
    case 3:
    case 4:
    case 5:
      return [command, ...analogs(random, index)];
    case 12:
    case 13:
      return [command, ...analogs(random, index)];
    case 6:
      return [command, ...relays(random, index), ...analogs(random, index)];
    case 7:
      return [1, random.one([1, 10, 20, 30, 40]), random.one([0, 1, 5]), ...range()];
    case 8:
      return random.one([
        [1, 60, 2, 6],
        [1, 60, 1, 6],
        [20, 60, 2, 6, 60, 3, 6],
        [21, 60, 4, 6],
        [1, 32, 0, 6],
        [1, 60, 2, 6, 60, 1, 6],
      ]);
    case 9:
      return [random.one([7, 8, 9, 10]), random.one([20, 30]), 0, ...range()];
    case 10:
      return random.one([
        [2, 80, 1, 0, 7, 7, 0],
        [2, 80, 1, 0, 4, 7, 8],
        [2, 50, 1, 7, 1, 0, 0, 0, 0, 0, 0],
        [2, 10, 1, 0, 0, 7, 1],
        [13],
        [15],
      ]);
    default:
      return [command, 120, 3, 7, 1, 1, 0, 0, 0, random.below(4), 0, ...relays(random, index), 120, 9, 0x5b, 1, 4, 0, 1, 2, 3, 4];
  }
}

function relays(random: Random, index: () => number): readonly number[] {
  const items = Array.from({ length: random.one([1, 1, 1, 2, 3]) }, () => {
    const block = new Uint8Array(13);
    putU16le(block, 0, index());
    block[2] = random.one(CODES);
    block[3] = random.one([0, 1, 1, 1, 2, 3]);
    putU32le(block, 4, random.one([0, 100, 250, 500, 501]));
    putU32le(block, 8, random.one([0, 0, 100, 500, 501]));
    return [...block];
  });
  return [12, 1, 0x28, items.length, 0, ...items.flat()];
}

const SIZES = [0, 4, 2, 4, 8];

function analogs(random: Random, index: () => number): readonly number[] {
  const variation = random.between(1, 4);
  const size = SIZES[variation] as number;
  const items = Array.from({ length: random.one([1, 1, 1, 2]) }, () => {
    const number = random.chance(3) && variation > 2 ? random.one([Number.NaN, Number.POSITIVE_INFINITY]) : random.one(RAW);
    const block = new Uint8Array(3 + size);
    putU16le(block, 0, index());
    if (variation === 1) putU32le(block, 2, Math.trunc(number) >>> 0);
    else if (variation === 2) putU16le(block, 2, Math.trunc(number) & 0xffff);
    else if (variation === 3) putF32le(block, 2, number);
    else putF64le(block, 2, number);
    return [...block];
  });
  return [41, variation, 0x28, items.length, 0, ...items.flat()];
}

export function randomFacts(random: Random): Facts {
  const salt = random.below(0x10000);
  const known = random.one([100, 90]);
  const busy = random.one([0, 2, 3]);
  const octets = new Uint8Array(2 * NUMBER_CELLS);
  return {
    now: random.below(1_000_000),
    hoursOpen: Uint8Array.from([0, 0], () => random.one([0, 1, 1, 1, 2])),
    implausible: Uint8Array.from({ length: 64 }, () => (random.chance(4) ? 1 : 0)),
    states: Uint8Array.from({ length: 6 }, () => random.one([0, 1, 1, 1, 2, 3])),
    present: random.chance(20)
      ? null
      : {
          cell(_, space, address) {
            const stride = SPACES[space]?.stride ?? 1;
            const noise = hash(salt, space, Math.floor(address / stride));
            if (noise % 100 >= known) return -1;
            if (stride === 1) return noise & 1;
            putF64be(octets, 0, RAW[(noise >>> 8) % RAW.length] as number);
            const at = 2 * (address % stride);
            return ((octets[at] as number) << 8) | (octets[at + 1] as number);
          },
        },
    changes: { count: (_, place, windowMs) => hash(salt, place, windowMs) % (busy + 1) },
    rates: { count: (order, windowMs) => hash(salt, order, windowMs) % (busy + 1) },
  };
}

function hash(a: number, b: number, c: number): number {
  let mixed = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35) ^ Math.imul(c + 0x165667b1, 0x27d4eb2f);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

/** What a command says, for whoever has to find out why the twins differ. */
export function sayOperation({ verb, function: number, object, via, unit, broadcast, actor, target, control, values }: Operation): unknown {
  const value = values.is === "cells" && values.bits === 16 ? f64be(values.octets, values.at) : values.is;
  return { verb, number, object: object.toString(16), via, unit, broadcast, actor, target, control, value };
}
