/**
 * What a decision costs: one by one in batches of 64 (a clock read costs more than a decision), with 100 and with 10,000 rules, on requests
 * that both policies answer alike; and how it grows with the points of one request.
 *
 *     node bench/decide.ts [--json]
 *
 * Must (DESIGN section 11): p50 / p99 / p99.9 below 5 / 50 / 250 us; at most 0.3 us a point; growth below 10 %.
 */
import { modbusVocabulary } from "#modbus/vocabulary";
import type { Operation } from "#operation";
import { compile, finish, type Table } from "#policy/compile";
import { decide } from "#policy/decide";
import type { Facts } from "#policy/decision";
import type { Policy, Rule } from "#policy/model";
import { decimal } from "#process/decimal";
import type { AssetModel, Point } from "#process/points";
import { machine, warning } from "./machine.ts";
import { closing, hold } from "./musts.ts";

const HOLDING = 3;
const BATCH = 64;
/** Of a request with one point; fewer where it has more. */
const BATCHES = 2_000;
/** Both sizes are measured in turn, so often; the median of the ratios is the growth. */
const ROUNDS = 9;

interface Question {
  readonly name: string;
  readonly points: number;
  readonly requests: readonly (readonly Operation[])[];
}

interface Figures {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

const SMALL = 100;
const LARGE = 10_000;
const small = tableOf(SMALL);
const large = tableOf(LARGE);
const facts: Facts = {
  now: 0,
  hoursOpen: new Uint8Array(0),
  states: new Uint8Array(8).fill(1),
  implausible: new Uint8Array(8),
  present: { cell: () => 0x4120 },
  changes: { count: () => 0 },
  rates: { count: () => 0 },
};

/** All within the first hundred points, so that both policies know them. */
const questions: readonly Question[] = [
  { name: "read 10 float32 (FC 3)", points: 10, requests: each((i) => [3, ...u16(2 * (i % 90)), ...u16(20)]) },
  { name: "write 1 float32 (FC 16)", points: 1, requests: each((i) => floats(2 * (i % 100), 1)) },
  { name: "write 10 float32 (FC 16)", points: 10, requests: each((i) => floats(2 * (i % 90), 10)) },
  { name: "write 60 float32 (FC 16)", points: 60, requests: each((i) => floats(2 * (i % 40), 60)) },
  { name: "denied: above its max", points: 1, requests: each((i) => floats(2 * (i % 100), 1, 99)) },
];

const results = questions.map((question) => {
  for (const table of [small, large]) warm(table, question);
  const ratios: number[] = [];
  let of100: Figures = nothing();
  let of10000: Figures = nothing();
  for (let round = 0; round < ROUNDS; round++) {
    const a = measure(small, question);
    const b = measure(large, question);
    ratios.push(b.p50 / a.p50);
    of100 = lower(of100, a);
    of10000 = lower(of10000, b);
  }
  return { question: question.name, points: question.points, of100, of10000, growth: median(ratios) - 1 };
});

const spread = measureSpread();
if (process.argv.includes("--json")) {
  console.log(JSON.stringify({ machine: machine(), results, spread }));
} else {
  console.log(`${machine()}\n${warning()}`);
  console.log("                                 100 rules: p50     p99   p99.9    10,000: p50     p99   p99.9   growth   a point");
  for (const { question, points, of100, of10000, growth } of results) {
    const columns = [of100.p50, of100.p99, of100.p999, of10000.p50, of10000.p99, of10000.p999].map((us) => us.toFixed(3).padStart(8));
    const perPoint = `${(of10000.p50 / points).toFixed(3)} us`;
    console.log(
      `${question.padEnd(34)}${columns.slice(0, 3).join("")}       ${columns.slice(3).join("")}  ${percent(growth)}  ${perPoint}`,
    );
  }
  console.log(
    `write 1 float32 anywhere among ${LARGE} points (cold caches): p50 ${spread.p50.toFixed(3)} us, p99 ${spread.p99.toFixed(3)} us`,
  );
  console.log("microseconds a decision; each figure the best of the rounds, growth their median");
  const [few, many] = [results.filter(({ points }) => points <= 10), results.filter(({ points }) => points > 10)];
  const worst = (key: keyof Figures): number => Math.max(...few.flatMap(({ of100, of10000 }) => [of100[key], of10000[key]]));
  const growth = Math.max(...results.map((each) => each.growth));
  hold("decision alone, at most 10 points, worst of the above, p50", worst("p50"), "µs", ["<", 5], ["<", 1]);
  hold("decision alone, at most 10 points, worst of the above, p99", worst("p99"), "µs", ["<", 50], ["<", 10]);
  hold("decision alone, at most 10 points, worst of the above, p99.9", worst("p999"), "µs", ["<", 250], ["<", 50]);
  hold(
    "decision alone, 60 points, a point",
    Math.max(...many.map((each) => each.of10000.p50 / each.points)),
    "µs",
    ["<=", 0.3],
    ["<=", 0.1],
  );
  hold("decision alone, growth from 100 to 10,000 rules, the most of the above", 100 * growth, "%", ["<", 10], ["<=", 0]);
  closing();
}

/** One rule for each point, over a plant of as many float32 points. */
function tableOf(rules: number): Table {
  const points = Array.from({ length: rules }, (_, index) => floatPoint(index));
  const model: AssetModel = {
    name: "plant",
    protocol: "modbus-tcp",
    units: [1],
    unitAliases: new Map(),
    unitZero: "broadcast",
    addressing: "zero-based",
    points,
  };
  const policy: Policy = {
    name: "bench",
    version: 1,
    file: "policy.yaml",
    never: [],
    roles: new Map([["operator", { rules: points.map(({ index }) => ruleFor(index)), manage: [], onDeny: null }]]),
    bindings: [],
    onDeny: { answer: null, exception: null, closeAfter: null },
    assetOnDeny: new Map(),
    assets: new Map([["plant", model]]),
  };
  return finish(compile(policy, () => modbusVocabulary.spaces)).tableFor("plant", ["operator"], "certificate");
}

function ruleFor(index: number): Rule {
  return {
    order: index,
    id: `operator/r${index}`,
    file: "policy.yaml",
    line: index,
    effect: "allow",
    asset: "plant",
    verbs: ["read", "write"],
    scope: { is: "points", points: [index] },
    units: [1],
    functions: null,
    broadcast: false,
    vias: null,
    objects: null,
    files: null,
    control: null,
    reply: "whole",
    opaque: false,
    hours: null,
    state: null,
    gap: 0,
    rate: null,
    values: { min: decimal(0n, 0), max: decimal(40n, 0), set: null, maxStep: decimal(50n, 0), maxChanges: null },
    essential: false,
    onDeny: null,
  };
}

function floatPoint(index: number): Point {
  return {
    index,
    name: `p${index}`,
    unitId: 1,
    space: HOLDING,
    first: 2 * index,
    last: 2 * index + 1,
    type: "float32",
    unit: "t/h",
    access: "rw",
    description: "",
    bit: null,
    byteOrder: "big",
    wordOrder: "big",
    scale: decimal(1n, 0),
    offset: decimal(0n, 0),
    writeMin: decimal(-10n, 0),
    writeMax: decimal(100n, 0),
    plausibleMin: null,
    plausibleMax: null,
    bitOf: null,
    aliasOf: null,
    deadband: null,
    minInterval: null,
  };
}

function each(pdu: (index: number) => readonly number[]): readonly (readonly Operation[])[] {
  return Array.from({ length: BATCH }, (_, index) => {
    const message = modbusVocabulary.operationsOf(Uint8Array.from(pdu(index)), 1, false);
    if (typeof message === "string") throw new Error(`the bench asks what is ${message}`);
    return message.operations;
  });
}

function floats(first: number, count: number, value = 12.5): number[] {
  const view = new DataView(new ArrayBuffer(4 * count));
  for (let i = 0; i < count; i++) view.setFloat32(4 * i, value + i / 4);
  return [16, ...u16(first), ...u16(2 * count), 4 * count, ...new Uint8Array(view.buffer)];
}

function u16(value: number): number[] {
  return [value >> 8, value & 0xff];
}

function warm(table: Table, { requests }: Question): void {
  for (let i = 0; i < 20_000; i++) decide(table, requests[i % BATCH] as readonly Operation[], facts);
}

/** Microseconds a decision, over batches: a percentile is of a batch's mean. */
function measure(table: Table, { requests, points }: Question): Figures {
  const times = new Float64Array(Math.ceil(BATCHES / Math.sqrt(points)));
  for (let batch = 0; batch < times.length; batch++) {
    const started = process.hrtime.bigint();
    for (let i = 0; i < BATCH; i++) decide(table, requests[i] as readonly Operation[], facts);
    times[batch] = Number(process.hrtime.bigint() - started) / 1000 / BATCH;
  }
  return figuresOf(times);
}

/** The same write at a point that nobody asked about lately. */
function measureSpread(): Figures {
  const all = Array.from({ length: LARGE }, (_, i) =>
    modbusVocabulary.operationsOf(Uint8Array.from(floats(2 * ((i * 7919) % LARGE), 1)), 1, false),
  );
  const times = new Float64Array(Math.floor(LARGE / BATCH));
  for (let batch = 0; batch < times.length; batch++) {
    const started = process.hrtime.bigint();
    for (let i = 0; i < BATCH; i++) {
      const message = all[batch * BATCH + i];
      if (typeof message === "object") decide(large, message.operations, facts);
    }
    times[batch] = Number(process.hrtime.bigint() - started) / 1000 / BATCH;
  }
  return figuresOf(times);
}

function figuresOf(times: Float64Array): Figures {
  times.sort();
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] as number;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999) };
}

function lower(a: Figures, b: Figures): Figures {
  return { p50: Math.min(a.p50, b.p50), p99: Math.min(a.p99, b.p99), p999: Math.min(a.p999, b.p999) };
}

function nothing(): Figures {
  return { p50: Number.POSITIVE_INFINITY, p99: Number.POSITIVE_INFINITY, p999: Number.POSITIVE_INFINITY };
}

function median(list: readonly number[]): number {
  return [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] as number;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`.padStart(8);
}
