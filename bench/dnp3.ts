/**
 * What inspecting DNP3 costs: octets of link frames to a fragment (CRCs, segments), to a message, to its operations, to a decision; and of a
 * reply to what is matched and learned. In batches of 16, for a clock read costs something too. Then how it grows with the headers, the
 * objects and the octets of one fragment.
 *
 *     node bench/dnp3.ts [--json]
 *
 * Must (DESIGN section 11): p50 / p99 / p99.9 below 5 / 50 / 250 us for a command and a class poll; nothing grows faster than what is asked.
 */
import { encodeLink } from "#dnp3/link";
import { encodeSegment, segmentsOf } from "#dnp3/transport";
import { compile, finish, type Table } from "#policy/compile";
import { decide } from "#policy/decide";
import type { Facts } from "#policy/decision";
import { loadPolicy } from "#policy/load";
import type { AssetModel } from "#process/points";
import { dnp3Tcp } from "#session/dnp3";
import type { Framer } from "#session/protocol";
import { machine, quantile, warning } from "./machine.ts";
import { closing, hold } from "./musts.ts";

const LINK = { master: 1, outstation: 10 };
const BATCH = 16;
const BATCHES = 3_000;
const ROUNDS = 7;

const POLICY = `policy: bench
version: 1
roles:
  scada:
    - { id: look, allow: [read, events], on: feeder }
    - { id: trip, allow: operate, on: feeder, table: binary-output, addresses: 0-200, via: [select-before-operate, direct], control: { codes: [trip, close], on_time: 0-1000ms } }
    - { id: volts, allow: operate, on: feeder, table: analog-output, addresses: 0-200, via: direct }
bindings:
  - { role: scada, identity: "cn:*", kind: machine }
`;
const facts: Facts = {
  now: 0,
  hoursOpen: new Uint8Array(0),
  states: new Uint8Array(0),
  implausible: new Uint8Array(0),
  present: { cell: () => 0 },
  changes: { count: () => 0 },
  rates: { count: () => 0 },
};
const table = tableOf();

/** Framed as the far end would send it, each with the next transport sequence. */
function framed(fragment: Uint8Array, fromMaster: boolean): Uint8Array[] {
  const control = fromMaster ? 0xc4 : 0x44;
  const [source, destination] = fromMaster ? [LINK.master, LINK.outstation] : [LINK.outstation, LINK.master];
  return Array.from({ length: 64 }, (_, turn) => {
    const out = new Uint8Array(9 * 292);
    const segment = new Uint8Array(250);
    let to = 0;
    for (let i = 0; i < segmentsOf(fragment.length); i++) {
      const length = encodeSegment(segment, 0, fragment, 0, fragment.length, i, turn);
      to += encodeLink(out, to, control, destination, source, segment, 0, length);
    }
    return out.slice(0, to);
  });
}

interface Subject {
  readonly name: string;
  readonly octets: number;
  run(turn: number): void;
}

function request(name: string, fragment: readonly number[], allowed = true): Subject {
  const frames = framed(Uint8Array.from(fragment), true);
  const framer = dnp3Tcp.framer("session", LINK);
  return {
    name,
    octets: fragment.length,
    run(turn) {
      take(framer, frames[turn & 63] as Uint8Array);
      const decoded = dnp3Tcp.decode(framer.octets, framer.pduAt, framer.pduLength);
      if (!decoded.ok) throw new Error(`${name}: ${decoded.error.kind}`);
      const { operations } = dnp3Tcp.message(decoded.value, LINK.outstation, false, null);
      if (decide(table, operations, facts).allowed !== allowed) throw new Error(`${name} is judged otherwise`);
    },
  };
}

function reply(name: string, asked: readonly number[], fragment: readonly number[]): Subject {
  const frames = framed(Uint8Array.from(fragment), false);
  const framer = dnp3Tcp.framer("device", LINK);
  const decoded = dnp3Tcp.decode(Uint8Array.from(asked), 0, asked.length);
  if (!decoded.ok) throw new Error(`${name}: ${decoded.error.kind}`);
  const question = decoded.value;
  return {
    name,
    octets: fragment.length,
    run(turn) {
      take(framer, frames[turn & 63] as Uint8Array);
      const matched = dnp3Tcp.match(question, framer.octets, framer.pduAt, framer.pduLength);
      if (!matched.ok) throw new Error(`${name}: ${matched.error.kind}`);
      if (dnp3Tcp.readings(question, matched.value).length === 0) throw new Error(`${name} shows nothing`);
    },
  };
}

function take(framer: Framer, octets: Uint8Array): void {
  framer.feed(octets);
  if (framer.next() !== "frame") throw new Error("no whole fragment");
}

const WHOLE = 0xc0;
const block = (index: number): number[] => [index & 0xff, index >> 8, 0x41, 1, 0xf4, 1, 0, 0, 0, 0, 0, 0, 0];
const commands = (count: number): number[] => [WHOLE, 5, 12, 1, 0x28, count & 0xff, count >> 8, ...range(count).flatMap(block)];
/** One class after the other, as often as wanted. */
const polls = (headers: number): number[] => [WHOLE, 1, ...range(headers).flatMap((i) => [60, 1 + (i % 4), 6])];
const ALL_ANALOGS = [WHOLE, 1, 30, 0, 6];
const analogs = (count: number): number[] => {
  const last = count - 1;
  return [WHOLE, 129, 0, 0, 30, 1, 1, 0, 0, last & 0xff, last >> 8, ...range(count).flatMap((i) => [1, i & 0xff, i >> 8, 0, 0])];
};
const packed = (count: number): number[] => [
  ...[WHOLE, 129, 0, 0, 10, 1, 1, 0, 0, (count - 1) & 0xff, (count - 1) >> 8],
  ...range(Math.ceil(count / 8)).map((i) => (8 * i + 8 <= count ? 0xff : 0xff >> (8 - (count % 8)))),
];

/** Points by name, from the last to the first; each told by name. */
const byName = (count: number): number[] => [
  ...[WHOLE, 1, 1, 2, 0x28, count & 0xff, count >> 8],
  ...range(count).flatMap((i) => [(count - 1 - i) & 0xff, (count - 1 - i) >> 8]),
];
const toldByName = (count: number): number[] => [
  ...[WHOLE, 129, 0, 0, 1, 2, 0x28, count & 0xff, count >> 8],
  ...range(count).flatMap((i) => [i & 0xff, i >> 8, 1]),
];
/** Every second point by a header of its own; each told by one of its own. */
const apart = (count: number): number[] => [
  WHOLE,
  1,
  ...range(count).flatMap((i) => [1, 2, 1, ...[0, 1].flatMap(() => [(2 * i) & 0xff, i >> 7])]),
];
const toldApart = (count: number): number[] => [
  ...[WHOLE, 129, 0, 0],
  ...range(count).flatMap((i) => [1, 2, 1, ...[0, 1].flatMap(() => [(2 * i) & 0xff, i >> 7]), 1]),
];

const LARGEST_REPLY = 407;
const TURNS = 3;
const main: readonly Subject[] = [
  request("CROB direct operate", commands(1)),
  request("class poll (classes 1, 2, 3, 0)", polls(4)),
  request("denied: another code", [...commands(1).slice(0, 8), 0x42, ...commands(1).slice(9)], false),
  reply("2 kB reply of 9 segments, 407 analogs", ALL_ANALOGS, analogs(LARGEST_REPLY)),
];
const figures = main.map((subject) => ({ name: subject.name, octets: subject.octets, ...measure(subject) }));

/** The cost of one more, at the small end and at the large: what grows faster than what is asked shows here. */
const growths: readonly (readonly [what: string, make: (n: number) => Subject, sizes: readonly number[]])[] = [
  ["headers of a READ", (n) => request(`${n} headers`, polls(n)), [1, 10, 100, 680]],
  ["commands of one header", (n) => request(`${n} commands`, commands(n)), [1, 10, 50, 150]],
  ["analogs of a reply", (n) => reply(`${n} analogs`, ALL_ANALOGS, analogs(n)), [1, 10, 100, LARGEST_REPLY]],
  ["points by name, each told", (n) => reply(`${n} names`, byName(n), toldByName(n)), [1, 10, 100, 650]],
  ["headers, each told by one", (n) => reply(`${n} headers`, apart(n), toldApart(n)), [1, 10, 100, 250]],
  ["packed bits of a reply", (n) => reply(`${n} bits`, [WHOLE, 1, 10, 0, 6], packed(n)), [8, 80, 800, 8000]],
];
const grown = growths.map(([what, make, sizes]) => {
  // All sizes in turn, three times, the least of each: what else the machine did at one of them is no growth.
  const subjects = sizes.map(make);
  const rounds = Array.from({ length: TURNS }, () => subjects.map((subject) => measure(subject).p50));
  const costs = sizes.map((_, i) => Math.min(...rounds.map((round) => round[i] as number)));
  const [first = 0, middle = 0, last = 0] = [costs[0], costs[2], costs[3]];
  const each = (from: number, to: number, a: number, b: number): number => (b - a) / (to - from);
  const early = each(sizes[0] as number, sizes[2] as number, first, middle);
  const late = each(sizes[2] as number, sizes[3] as number, middle, last);
  return { what, sizes, costs, early, late, ratio: late / early };
});

if (process.argv.includes("--json")) console.log(JSON.stringify({ machine: machine(), figures, grown }));
else {
  console.log(`${machine()}\n${warning()}`);
  console.log("                                        octets       p50       p99     p99.9");
  for (const { name, octets, p50, p99, p999 } of figures)
    console.log(
      `${name.padEnd(40)}${String(octets).padStart(6)}${[p50, p99, p999].map((us) => `${us.toFixed(2)} us`.padStart(10)).join("")}`,
    );
  console.log("\nhow it grows (p50, us)");
  for (const { what, sizes, costs, early, late, ratio } of grown) {
    const shown = sizes.map((n, i) => `${n}: ${(costs[i] as number).toFixed(2)}`).join("   ");
    console.log(`${what.padEnd(26)}${shown.padEnd(58)}one more costs ${early.toFixed(3)}, then ${late.toFixed(3)} (${ratio.toFixed(2)}x)`);
  }
  const small = figures.slice(0, 3);
  for (const [key, must, aim] of [
    ["p50", 5, 1],
    ["p99", 50, 10],
    ["p999", 250, 50],
  ] as const)
    hold(
      `DNP3: a command, a class poll, a denial, worst ${key}`,
      Math.max(...small.map((each) => each[key])),
      "µs",
      ["<", must],
      ["<", aim],
    );
  hold(
    "DNP3: one more header, command, analog or bit at the large end over the small",
    Math.max(...grown.map(({ ratio }) => ratio)),
    "x",
    ["<=", 1.5],
    ["<=", 1.1],
  );
  closing();
}

function measure(subject: Subject): { readonly p50: number; readonly p99: number; readonly p999: number } {
  const batches = Math.max(200, Math.min(BATCHES, Math.round((BATCHES * 64) / subject.octets)));
  let turn = 0;
  for (let i = 0; i < 4 * batches; i++) subject.run(turn++);
  let best = { p50: Number.POSITIVE_INFINITY, p99: Number.POSITIVE_INFINITY, p999: Number.POSITIVE_INFINITY };
  for (let round = 0; round < ROUNDS; round++) {
    const times = new Float64Array(batches);
    for (let batch = 0; batch < batches; batch++) {
      const from = process.hrtime.bigint();
      for (let i = 0; i < BATCH; i++) subject.run(turn++);
      times[batch] = Number(process.hrtime.bigint() - from) / 1000 / BATCH;
    }
    const at = (q: number): number => quantile([...times], q);
    best = { p50: Math.min(best.p50, at(0.5)), p99: Math.min(best.p99, at(0.99)), p999: Math.min(best.p999, at(0.999)) };
  }
  return best;
}

function tableOf(): Table {
  const model: AssetModel = {
    name: "feeder",
    protocol: "dnp3-tcp",
    units: [LINK.outstation],
    unitAliases: new Map(),
    unitZero: "broadcast",
    addressing: "zero-based",
    points: [],
  };
  const policy = loadPolicy(
    { file: "policy.yaml", text: POLICY },
    new Map([["feeder", model]]),
    new Map([["dnp3-tcp", dnp3Tcp.vocabulary]]),
  );
  if (!policy.ok) throw new Error(JSON.stringify(policy.error));
  return finish(compile(policy.value, () => dnp3Tcp.vocabulary.spaces)).tableFor("feeder", ["scada"], "certificate");
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
