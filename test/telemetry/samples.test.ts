/** From what is shown to what is offered: changes, deadbands, intervals, qualities, events, unnamed points, what is not seen. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Quality, Showing } from "#operation";
import { ONE, parseDecimal, ZERO } from "#process/decimal";
import type { AssetModel, Decimal, Point, PointType } from "#process/points";
import { RAW_POINTS, type SampledAsset, Samples } from "#telemetry/samples";
import { COIL, DISCRETE, HOLDING, SPACES } from "#test/process/spaces";
import { Recording } from "#test/telemetry/recording";

const samples = suite("telemetry/samples");

const HOLDINGS = SPACES.indexOf(HOLDING);
const COILS = SPACES.indexOf(COIL);
const DISCRETES = SPACES.indexOf(DISCRETE);
const STALE_MS = 60_000;
const dec = (text: string): Decimal => parseDecimal(text) as Decimal;

let index = 0;
function point(name: string, type: PointType, first: number, more: Partial<Point> = {}): Point {
  return {
    index: index++,
    name,
    unitId: 1,
    space: HOLDINGS,
    first,
    last: first,
    type,
    unit: "",
    access: "r",
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
    ...more,
  };
}

function model(points: readonly Point[], more: Partial<AssetModel> = {}): AssetModel {
  const plain = { protocol: "modbus-tcp", units: [1], unitAliases: new Map(), unitZero: "broadcast", addressing: "zero-based" } as const;
  return { name: "plc", ...plain, points, ...more };
}

class Bench {
  readonly offer = new Recording();
  readonly samples = new Samples(this.offer);
  readonly model: AssetModel;

  constructor(points: readonly Point[], isRaw = false, more: Partial<AssetModel> = {}) {
    this.model = model(points, more);
    this.follow(this.model, isRaw);
  }

  follow(of: AssetModel, isRaw = false): void {
    const asset: SampledAsset = { model: of, spaces: SPACES, isRaw, staleMs: () => STALE_MS };
    this.samples.follow([asset]);
  }

  /** Words from an address on, `now` monotonic milliseconds; the wall clock stands a million ahead. */
  words(
    first: number,
    words: readonly number[],
    now: number,
    more: Partial<Showing> & { readonly asker?: string; readonly unit?: number } = {},
  ): void {
    const { asker = "alice", unit = 1, ...rest } = more;
    const octets = Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]));
    const last = first + words.length - 1;
    const showing: Showing = {
      space: HOLDINGS,
      first,
      last,
      octets,
      at: 0,
      bits: 16,
      quality: "good",
      timeMs: null,
      isEvent: false,
      ...rest,
    };
    this.samples.of("plc")?.see(unit, showing, asker, now + 1_000_000, now);
  }

  bits(space: number, first: number, octets: readonly number[], count: number, now: number): void {
    this.words(first, [], now, { space, last: first + count - 1, octets: Uint8Array.from(octets), bits: 1 });
  }

  tick(now: number): void {
    this.samples.tick(now + 1_000_000, now);
  }
}

samples("the list of points, and a sample of each that a reply shows whole", () => {
  const bench = new Bench([
    point("setpoint", "uint16", 40, { scale: dec("0.1"), unit: "t/h", description: "Feed water" }),
    point("pressure", "float32", 41, { last: 42 }),
    point("beyond", "uint32", 43, { last: 44 }),
    point("auto", "bit", 40, { bit: 3 }),
    point("pump", "bool", 9, { space: COILS }),
    point("tag", "string", 45, { last: 46 }),
  ]);
  assert.equal(bench.offer.lists[0]?.[0], {
    id: 1,
    asset: "plc",
    point: "setpoint",
    type: "float64",
    unit: "t/h",
    description: "Feed water",
  });
  assert.equal(
    bench.offer.lists[0]?.map(({ type }) => type),
    ["float64", "float32", "uint32", "bit", "bool", "string"],
    "of what is told, not of the register",
  );
  assert.equal(
    bench.offer.lists[0]?.map(({ id }) => id),
    [1, 2, 3, 4, 5, 6],
  );
  bench.words(39, [0, 305, 0x4104, 0, 7], 5, { asker: "bob" });
  assert.equal(
    bench.offer.samples.map(({ name, value }) => [name, value]),
    [
      ["plc.setpoint", 30.5],
      ["plc.auto", false],
      ["plc.pressure", 8.25],
    ],
  );
  const [first] = bench.offer.samples;
  assert.equal(first, {
    pointId: 1,
    name: "plc.setpoint",
    value: 30.5,
    quality: "good",
    timeMs: 1_000_005,
    timeOf: "gateway",
    asker: "bob",
    isEvent: false,
  });
  bench.bits(COILS, 8, [0b10], 2, 6);
  bench.bits(DISCRETES, 8, [0b10], 2, 6);
  assert.equal(bench.offer.said("pump"), ["true good"]);
  bench.words(45, [0x4142, 0x4300], 7);
  assert.equal(bench.offer.said("tag"), ["ABC good"]);
  assert.equal(bench.offer.said("beyond"), []);
});

samples("what did not change is not told again; of an aliased unit it is the same", () => {
  const bench = new Bench([point("level", "int16", 7)], false, { unitAliases: new Map([[255, 1]]) });
  bench.words(7, [5], 0);
  bench.words(7, [5], 1);
  bench.words(7, [5], 2, { unit: 255 });
  bench.words(7, [6], 3, { unit: 255 });
  bench.words(7, [9], 3, { unit: 2 });
  bench.words(7, [5], 4);
  assert.equal(bench.offer.said("level"), ["5 good", "6 good", "5 good"]);
});

samples("the deadband counts from what was offered last, not from what was seen last", () => {
  const bench = new Bench([point("flow", "uint16", 0, { scale: dec("0.1"), deadband: dec("0.5") })]);
  for (const [now, raw] of [200, 203, 205, 206, 201, 200].entries()) bench.words(0, [raw], now);
  assert.equal(bench.offer.said("flow"), ["20 good", "20.6 good", "20 good"]);
});

samples("min_interval: the last value goes when it is over, if it still differs, with the time it was seen at", () => {
  const bench = new Bench([point("flow", "uint16", 0, { minInterval: 1_000, deadband: dec("1") })]);
  bench.words(0, [10], 0);
  bench.words(0, [20], 100);
  bench.words(0, [30], 200);
  bench.tick(900);
  assert.equal(bench.offer.said("flow"), ["10 good"]);
  bench.tick(1_000);
  assert.equal(bench.offer.said("flow"), ["10 good", "30 good"]);
  assert.is(bench.offer.samples[1]?.timeMs, 1_000_200);
  // It moved, and came back, to within the deadband.
  bench.words(0, [50], 1_100);
  bench.words(0, [31], 1_200);
  bench.tick(2_500);
  assert.equal(bench.offer.said("flow"), ["10 good", "30 good"]);
  // After it, at once.
  bench.words(0, [60], 2_600);
  assert.equal(bench.offer.said("flow"), ["10 good", "30 good", "60 good"]);
});

samples("a value that is held and seen again unchanged is held with the newer time, and goes once", () => {
  const bench = new Bench([point("flow", "uint16", 0, { minInterval: 1_000 })]);
  bench.words(0, [1], 0);
  for (let now = 100; now < 1_000; now += 100) bench.words(0, [2], now);
  for (let now = 1_000; now < 3_000; now += 20) bench.tick(now);
  assert.equal(bench.offer.said("flow"), ["1 good", "2 good"]);
  assert.is(bench.offer.samples[1]?.timeMs, 1_000_900);
});

samples("a change of quality goes at once, with the value, whatever deadband and interval say", () => {
  const bench = new Bench([point("flow", "uint16", 0, { minInterval: 10_000, deadband: dec("5") })]);
  const told: readonly (readonly [number, Quality])[] = [
    [10, "good"],
    [11, "uncertain"],
    [11, "uncertain"],
    [12, "comm-lost"],
    [12, "good"],
  ];
  for (const [now, [raw, quality]] of told.entries()) bench.words(0, [raw], now, { quality });
  assert.equal(bench.offer.said("flow"), ["10 good", "11 uncertain", "12 comm-lost", "12 good"]);
});

samples("no number is bad, and outside what is plausible uncertain", () => {
  const bench = new Bench([point("pressure", "float32", 0, { last: 1, plausibleMin: dec("0"), plausibleMax: dec("16") })]);
  bench.words(0, [0x4104, 0], 0);
  bench.words(0, [0x7fc0, 0], 1);
  bench.words(0, [0x4204, 0], 2);
  bench.words(0, [0x4180, 0], 3);
  assert.equal(bench.offer.said("pressure"), ["8.25 good", "null bad", "33 uncertain", "16 good"]);
});

samples("an event goes each time, with its own time, past deadband and interval; told twice it is one", () => {
  const bench = new Bench([point("flow", "uint16", 0, { minInterval: 10_000, deadband: dec("100") })]);
  bench.words(0, [10], 0);
  for (const [i, raw] of [11, 11, 12, 10].entries()) bench.words(0, [raw], 5, { isEvent: true, timeMs: 500 + i, asker: "device" });
  bench.words(0, [12], 6, { isEvent: true, timeMs: 502 });
  bench.words(0, [12], 7, { isEvent: true });
  bench.words(0, [12], 8, { isEvent: true });
  const events = bench.offer.samples.slice(1);
  assert.equal(
    events.map(({ value, timeMs, timeOf, isEvent }) => [value, timeMs, timeOf, isEvent]),
    [
      [11, 500, "device", true],
      [11, 501, "device", true],
      [12, 502, "device", true],
      [10, 503, "device", true],
      // Without a time of their own nothing tells them apart from another of the same.
      [12, 1_000_007, "gateway", true],
      [12, 1_000_008, "gateway", true],
    ],
  );
  assert.is(bench.samples.counts.repeated, 1);
});

samples("an old event does not hide what stands there now", () => {
  const bench = new Bench([point("flow", "uint16", 0)]);
  bench.words(0, [10], 0);
  bench.words(0, [3], 1, { isEvent: true, timeMs: 500 });
  bench.words(0, [10], 2);
  assert.equal(bench.offer.said("flow"), ["10 good", "3 good", "10 good"]);
});

samples("what is dropped is offered again once it is seen again, and counted each time", () => {
  const bench = new Bench([point("flow", "uint16", 0)]);
  bench.offer.isFull = true;
  bench.words(0, [10], 0);
  bench.words(0, [10], 1);
  assert.equal({ ...bench.samples.counts }, { offered: 0, dropped: 2, repeated: 0, leftOut: 0 });
  bench.offer.isFull = false;
  bench.words(0, [10], 2);
  bench.words(0, [10], 3);
  assert.equal(bench.offer.said("flow"), ["10 good"]);
});

samples("not seen for long: stale, once, with its value; seen again: good, unchanged or not", () => {
  const bench = new Bench([point("flow", "uint16", 0), point("never", "uint16", 9)]);
  bench.words(0, [10], 0);
  bench.words(0, [10], 30_000);
  for (let now = 30_000; now <= 30_000 + 3 * STALE_MS; now += 500) bench.tick(now);
  assert.equal(bench.offer.said("flow"), ["10 good", "10 stale"]);
  const stale = bench.offer.samples[1];
  assert.ok(stale !== undefined && stale.timeMs > 1_090_000 && stale.timeMs <= 1_092_000 && stale.asker === "self");
  bench.words(0, [10], 300_000);
  assert.equal(bench.offer.said("flow"), ["10 good", "10 stale", "10 good"]);
  assert.equal(bench.offer.said("never"), [], "nobody has seen it");
});

samples("a device that tells what changes: what it says nothing of is not stale while it is heard", () => {
  const bench = new Bench([point("flow", "uint16", 0)]);
  bench.words(0, [10], 0);
  for (let now = 0; now <= 5 * STALE_MS; now += 1_000) {
    if (now < 3 * STALE_MS && now % 30_000 === 0) bench.samples.of("plc")?.heard(now);
    bench.tick(now);
    if (now === 3 * STALE_MS) assert.equal(bench.offer.said("flow"), ["10 good"]);
  }
  assert.equal(bench.offer.said("flow"), ["10 good", "10 stale"]);
});

samples("its device is away: every point, once, with the last value; what was held goes before", () => {
  const bench = new Bench([point("flow", "uint16", 0, { minInterval: 10_000 }), point("never", "uint16", 9)]);
  bench.words(0, [10], 0);
  bench.words(0, [11], 1);
  bench.samples.of("plc")?.away(true);
  for (let now = 1_000; now < 2 * STALE_MS; now += 250) bench.tick(now);
  assert.equal(bench.offer.said("flow"), ["10 good", "11 good", "11 comm-lost"]);
  assert.equal(bench.offer.said("never"), ["null comm-lost"]);
  bench.samples.of("plc")?.away(false);
  bench.tick(200_000);
  bench.words(0, [11], 200_001);
  assert.equal(bench.offer.said("flow").at(-1), "11 good");
  assert.is(bench.offer.samples.length, 5);
});

samples("nobody takes it that a thousand points are away: they are offered every ten seconds, not at every look", () => {
  const bench = new Bench(Array.from({ length: 1_000 }, (_, i) => point(`p${i}`, "uint16", i)));
  bench.samples.of("plc")?.away(true);
  bench.offer.isFull = true;
  for (let now = 0; now < 30_000; now += 250) bench.tick(now);
  assert.is(bench.samples.counts.dropped, 3_000);
  bench.offer.isFull = false;
  for (let now = 30_000; now < 60_000; now += 250) bench.tick(now);
  assert.is(bench.samples.counts.offered, 1_000);
});

samples("unnamed addresses: told of first, then sampled, once a second at most, in the asset's own addressing", () => {
  const bench = new Bench([point("wide", "uint32", 1, { last: 2 })], true, { addressing: "modicon" });
  bench.words(0, [5, 0, 6, 7], 0);
  assert.is(bench.offer.lists.length, 1);
  assert.equal(
    bench.offer.samples.map(({ name }) => name),
    ["plc.wide"],
  );
  bench.words(0, [8, 0, 6, 7], 10);
  bench.tick(1_000);
  assert.equal(
    bench.offer.lists[1]?.map(({ id, point: name, type }) => [id, name, type]),
    [
      [1, "wide", "uint32"],
      [2, "holding.40001", "raw"],
      [3, "holding.40004", "raw"],
    ],
  );
  bench.tick(1_020);
  assert.equal(bench.offer.said("holding.40001"), ["8 good"]);
  assert.equal(bench.offer.said("holding.40004"), ["7 good"]);
  bench.words(0, [9, 0, 6, 7], 1_100);
  bench.words(0, [10, 0, 6, 7], 1_200);
  bench.tick(1_300);
  assert.equal(bench.offer.said("holding.40001"), ["8 good"]);
  bench.tick(2_020);
  assert.equal(bench.offer.said("holding.40001"), ["8 good", "10 good"]);
  bench.bits(COILS, 3, [1], 1, 3_000);
  bench.tick(3_100);
  bench.tick(3_120);
  assert.equal(bench.offer.said("coil.00004"), ["true good"]);
});

samples("unnamed addresses of several units carry theirs; one whose name is taken stays out; there are so many and no more", () => {
  const bench = new Bench([point("u2.holding.1", "uint16", 500)], true, { units: [1, 2] });
  bench.words(0, [5, 6], 0, { unit: 2 });
  bench.tick(1_000);
  assert.equal(
    bench.offer.lists[1]?.map(({ point: name }) => name),
    ["u2.holding.1", "u2.holding.0"],
  );
  for (let first = 1_000; first < 1_000 + RAW_POINTS; first += 100) bench.words(first, new Array(100).fill(1), 2_000);
  bench.tick(3_000);
  assert.is(bench.offer.lists.at(-1)?.length, 1 + RAW_POINTS);
  assert.ok(bench.samples.counts.leftOut > 0);
});

samples("new documents: ids anew; what stayed what it was is not told again, what changed is", () => {
  const same = point("same", "uint16", 0);
  const bench = new Bench([point("gone", "uint16", 5), same, point("other", "uint16", 1)]);
  bench.words(0, [10, 20, 0, 0, 0, 30], 0);
  bench.follow(model([same, point("other", "uint16", 1, { scale: dec("0.1") })]));
  assert.equal(
    bench.offer.lists[1]?.map(({ id, point: name }) => [id, name]),
    [
      [1, "same"],
      [2, "other"],
    ],
  );
  bench.words(0, [10, 20], 1);
  assert.equal(bench.offer.said("same"), ["10 good"]);
  assert.equal(bench.offer.said("other"), ["20 good", "2 good"]);
  bench.samples.forget();
  bench.words(0, [10, 20], 2);
  assert.equal(bench.offer.said("same"), ["10 good", "10 good"]);
});

samples("a sample that is the same as before costs no memory", () => {
  const points = Array.from({ length: 60 }, (_, i) => point(`p${i}`, "float32", 2 * i, { last: 2 * i + 1 }));
  const bench = new Bench(points);
  const octets = new Uint8Array(240).map((_, i) => (i % 4 === 0 ? 0x41 : i));
  const showing: Showing = { space: HOLDINGS, first: 0, last: 119, octets, at: 0, bits: 16, quality: "good", timeMs: null, isEvent: false };
  const asset = bench.samples.of("plc");
  const run = (times: number): void => {
    for (let i = 0; i < times; i++) asset?.see(1, showing, "alice", 1, 1);
  };
  run(20_000);
  const before = process.memoryUsage().heapUsed;
  run(20_000);
  const grown = process.memoryUsage().heapUsed - before;
  assert.is(bench.offer.samples.length, 60);
  assert.ok(grown < 20_000 * 60 * 2, `${grown} octets for ${20_000 * 60} values`);
});

samples("a refresh tells what is seen next of each once more, and nothing of what is not seen", () => {
  const bench = new Bench([point("setpoint", "uint16", 40), point("level", "uint16", 41)]);
  bench.words(40, [7, 8], 5);
  bench.words(40, [7, 8], 6);
  assert.is(bench.offer.samples.length, 2, "nothing changed");
  bench.samples.refresh();
  assert.is(bench.offer.samples.length, 2);
  bench.words(40, [7], 7);
  bench.words(40, [7], 8);
  assert.equal(
    bench.offer.samples.slice(2).map(({ name, value }) => [name.slice(4), value]),
    [["setpoint", 7]],
  );
});

samples.run();
