/** What the gateway offers while it works: samples of what passes, decisions, checkpoints, health; and that nothing of it touches the data path. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { askDaemon } from "#management/client";
import { all, classes } from "#test/peers/dnp3/builders";
import { MovedClock } from "#test/support/clock";
import { House, type HouseOptions, OPEN_POLICY, recordsIn, sleep, until } from "#test/support/house";
import { coil, read, write } from "#test/support/operator";
import { FEEDER_POINTS, FEEDER_POLICY, OWNER, plantPki, Substation, type SubstationOptions } from "#test/support/substation";
import { Recording } from "#test/telemetry/recording";

const POINTS = `name,unit_id,table,address,type,unit,access,description,scale,deadband,bit,bit_of,min_interval
setpoint,1,holding,40,uint16,t/h,rw,Feed water,0.1,,,,
pressure,1,holding,41,float32,bar,r,Drum,,,,,
modes,1,holding,60,uint16,,rw,Modes,,,,,
auto,1,holding,60,bit,,rw,Automatic,,,3,modes,
flow,1,holding,70,uint16,t/h,r,Flow,0.1,0.5,,,
pump,1,coil,2,bool,,rw,Pump,,,,,
`;

const ME = "source:127.0.0.1";
const ENABLE_UNSOLICITED = 20;

const telemetry = suite<{ house: House | null; station: Substation | null }>("gateway/telemetry");
telemetry.after.each(async (context) => {
  await context.station?.close();
  await context.house?.close();
  context.house = context.station = null;
});

async function opening(context: { house: House | null }, options: HouseOptions = {}): Promise<{ house: House; offer: Recording }> {
  const offer = new Recording();
  context.house = await House.open({ points: POINTS, telemetry: offer, ...options });
  return { house: context.house, offer };
}

async function stationed(
  context: { station: Substation | null },
  options: SubstationOptions = {},
): Promise<{ station: Substation; offer: Recording }> {
  const offer = new Recording();
  context.station = await Substation.open({ telemetry: offer, ...options });
  return { station: context.station, offer };
}

const faultsOf = (house: House): number => house.gateway.status().telemetry?.faults ?? -1;

telemetry("a reply that passes: its points, in engineering units, and who asked; what was written is no sample", async (context) => {
  const { house, offer } = await opening(context);
  const operator = await house.plain();
  Object.assign(house.plc.unit(1), { 40: 305, 41: 0x4104, 60: 8 });
  await operator.ask(read(39, 30));
  const before = Date.now();
  assert.equal(
    offer.samples.map(({ name, value, quality, asker, timeOf, isEvent }) => [name, value, quality, asker, timeOf, isEvent]),
    [
      ["plc.setpoint", 30.5, "good", ME, "gateway", false],
      ["plc.pressure", 8.25, "good", ME, "gateway", false],
      ["plc.modes", 8, "good", ME, "gateway", false],
      ["plc.auto", true, "good", ME, "gateway", false],
    ],
  );
  for (const { timeMs } of offer.samples) assert.ok(Number.isInteger(timeMs) && Math.abs(timeMs - before) < 2_000);
  await operator.ask(write(40, 310));
  await operator.ask(coil(2, true));
  assert.is(offer.samples.length, 4);
  await operator.ask(read(40, 1));
  await operator.ask("01 0000 0008");
  assert.equal(offer.said("setpoint"), ["30.5 good", "31 good"]);
  assert.equal(offer.said("pump"), ["true good"]);
  assert.is(faultsOf(house), 0);
});

telemetry("none of an exception, of a reply that is dropped, of a broadcast, of a denied request", async (context) => {
  const { house, offer } = await opening(context, {
    policy: OPEN_POLICY.replace("table: holding, addresses: 0-99 }", "table: holding, addresses: 0-99, broadcast: true }"),
  });
  const operator = await house.plain();
  house.plc.faults = { exception: 2 };
  await operator.ask(read(40, 1));
  house.plc.faults = { rewrite: (answer) => Buffer.concat([answer.subarray(0, 5), Buffer.from([7, 1, 3, 4, 0, 1, 0, 2])]) };
  assert.is((await operator.ask(read(40, 1))).toString("hex"), "830b");
  house.plc.faults = {};
  operator.send(write(40, 7), 0);
  await operator.ask(read(40, 1), 9);
  await until(() => house.plc.requests.some((adu) => adu[6] === 0), "the broadcast went");
  assert.equal(offer.samples, []);
  await operator.ask(read(40, 1));
  assert.equal(offer.said("setpoint"), ["0 good"]);
});

telemetry("what the gateway reads itself counts as its own: guard reads, and `points verify`", async (context) => {
  const policy = OPEN_POLICY.replace("addresses: 0-99 }", "addresses: 0-99, values: { min: 0, max: 1000, max_step: 5 } }");
  const { house, offer } = await opening(context, { policy });
  const operator = await house.plain();
  house.plc.unit(1)[40] = 100;
  await operator.ask(write(40, 103));
  assert.equal(
    offer.samples.map(({ name, value, asker }) => [name, value, asker]),
    [["plc.setpoint", 10, "self"]],
  );
  await askDaemon(
    path.join(house.dir, "penstock.sock"),
    { ask: "pointsVerify", asset: "plc", points: ["setpoint", "pump"], from: 0, uid: 4711 },
    10_000,
  );
  assert.equal(
    offer.samples.slice(1).map(({ name, value, asker }) => [name, value, asker]),
    [
      ["plc.pump", false, "self"],
      ["plc.setpoint", 10.3, "self"],
    ],
  );
});

telemetry("deadband over polls of an operator", async (context) => {
  const { house, offer } = await opening(context);
  const operator = await house.plain();
  for (const raw of [200, 203, 205, 206, 206, 201]) {
    house.plc.unit(1)[70] = raw;
    await operator.ask(read(70, 1));
  }
  assert.equal(offer.said("flow"), ["20 good", "20.6 good"]);
});

telemetry(
  "whatever the far end does, operators are answered: faults are counted and told once, what is dropped is counted by class",
  async (context) => {
    const { house, offer } = await opening(context);
    const operator = await house.plain();
    offer.fault = new Error("a sender that breaks its promise");
    house.plc.unit(1)[40] = 305;
    for (let i = 0; i < 5; i++) assert.is((await operator.ask(read(40, 1))).toString("hex"), "03020131");
    assert.is((await operator.ask(write(40, 306))).toString("hex"), "0600280132");
    assert.equal((await house.gateway.reload()).problems, []);
    await house.written();
    assert.ok(faultsOf(house) >= 7, `${faultsOf(house)} faults`);
    assert.match(house.gateway.status().warnings.join("\n"), /telemetry: \d+ faults since the start/);
    offer.fault = null;
    offer.isFull = true;
    await house.gateway.reload();
    for (let i = 0; i < 3; i++) await operator.ask(read(40, 1));
    await house.written();
    const { dropped } = house.gateway.status().telemetry as NonNullable<ReturnType<House["gateway"]["status"]>["telemetry"]>;
    assert.is(dropped.samples, 3);
    assert.ok(dropped.events > 0);
    const { metrics } = await askDaemon(path.join(house.dir, "penstock.sock"), { ask: "metrics" }, 10_000);
    assert.match(metrics ?? "", /penstock_telemetry_dropped_total\{class="samples"\} 3/);
    assert.match(metrics ?? "", /penstock_telemetry_points 6/);
    assert.equal(
      [...house.gateway.road.sessions.open].map(({ ended }) => ended),
      [null],
    );
  },
);

telemetry("the device away: every point comm-lost, once; back, and seen: good", async (context) => {
  const { house, offer } = await opening(context, { asset: "    upstream: { timeout: 200ms }" });
  const operator = await house.plain();
  house.plc.unit(1)[40] = 305;
  await operator.ask(read(40, 1));
  const port = await house.plc.goAway();
  await until(() => offer.samples.length === 7, "all six are told");
  await sleep(600);
  assert.equal(offer.said("setpoint"), ["30.5 good", "30.5 comm-lost"]);
  assert.equal(offer.said("pump"), ["null comm-lost"]);
  await house.plc.listen(port);
  await until(() => house.gateway.assets.get("plc")?.device?.state === "ready", "it is back");
  await operator.ask(read(40, 1));
  assert.equal(offer.said("setpoint"), ["30.5 good", "30.5 comm-lost", "30.5 good"]);
  await sleep(1_500);
  assert.is(offer.samples.length, 8);
});

telemetry("a connection that is only made anew loses nothing", async (context) => {
  const { house, offer } = await opening(context);
  const operator = await house.plain();
  await operator.ask(read(40, 1));
  for (const socket of house.plc.sockets) socket.destroy();
  await until(() => house.plc.connections === 2, "it is connected to again");
  await sleep(1_500);
  assert.equal(offer.said("setpoint"), ["0 good"]);
});

telemetry("not read for as long as the site says: stale", async (context) => {
  const clock = new MovedClock();
  const { house, offer } = await opening(context, { clock, site: "telemetry: { stale: 30s }" });
  const operator = await house.plain();
  await operator.ask(read(40, 1));
  clock.passed = 27_000;
  await sleep(1_300);
  assert.equal(offer.said("setpoint"), ["0 good"]);
  clock.passed = 32_000;
  await until(() => offer.samples.length === 2, "it is stale");
  assert.equal(offer.said("setpoint"), ["0 good", "0 stale"]);
});

telemetry("unnamed addresses, where the site wants them", async (context) => {
  const { house, offer } = await opening(context, { site: "telemetry: { raw: [plc] }" });
  const operator = await house.plain();
  Object.assign(house.plc.unit(1), { 39: 4711, 40: 305 });
  await operator.ask(read(39, 2));
  await until(() => offer.of("holding.39").length > 0, "it was told of");
  assert.equal(offer.said("holding.39"), ["4711 good"]);
  assert.equal(offer.lists.at(-1)?.at(-1), { id: 7, asset: "plc", point: "holding.39", type: "raw", unit: "", description: "" });
  assert.equal(offer.said("setpoint"), ["30.5 good"]);
});

telemetry("a reload: the whole list anew, under new ids; a name nobody gave away is refused", async (context) => {
  const { house, offer } = await opening(context);
  const operator = await house.plain();
  house.plc.unit(1)[60] = 8;
  await operator.ask(read(60, 1));
  house.rewrite("points.csv", `${POINTS.split("\n")[0]}\n${POINTS.split("\n").slice(3).join("\n")}`);
  assert.equal((await house.gateway.reload()).problems, []);
  assert.equal(
    offer.lists.map((list) => list.map(({ id, point }) => `${id} ${point}`).join(", ")),
    ["1 setpoint, 2 pressure, 3 modes, 4 auto, 5 flow, 6 pump", "1 modes, 2 auto, 3 flow, 4 pump"],
  );
  house.plc.unit(1)[60] = 9;
  await operator.ask(read(60, 1));
  assert.equal(offer.said("modes"), ["8 good", "9 good"]);
  assert.equal(offer.said("auto"), ["true good"]);
  house.rewrite("site.yaml", house.read("site.yaml").replace("assets:", "telemetry: { raw: [plk] }\nassets:"));
  assert.match((await house.gateway.reload()).problems.join("\n"), /site\.yaml:\d+:\d+: found "plk"; expected .*"plc"/);
});

telemetry(
  "what the evidence gets, in few words: decisions, reads as they are counted, sessions; and its checkpoints as they stand",
  async (context) => {
    const { house, offer } = await opening(context, { limits: { readWindowMs: 300 } });
    const operator = await house.plain();
    await operator.ask(read(40, 2));
    await operator.ask(read(40, 2));
    await operator.ask(write(40, 7));
    await operator.ask(write(400, 7));
    await until(() => offer.events.some(({ is, count }) => is === "decision" && count === 2), "the reads were counted");
    await house.written();
    const decisions = offer.events.filter(({ is }) => is === "decision");
    const { operations, ...denied } = decisions.find(({ decision }) => decision === "deny") ?? {};
    assert.equal(operations, [{ verb: "write", unit: 1, table: "holding", place: "400" }]);
    assert.equal(
      { who: denied.who, asset: denied.asset, name: denied.name, code: denied.code, rule: denied.rule, action: denied.action },
      { who: ME, asset: "plc", name: "writeSingleRegister", code: "nothingAllows", rule: "default", action: "exception" },
    );
    const written = decisions.find(({ effect, decision }) => effect === "change" && decision === "allow");
    assert.equal(written?.operations, [{ verb: "write", unit: 1, table: "holding", place: "40", points: ["setpoint"] }]);
    assert.is(offer.events.filter(({ is, outcome }) => is === "outcome" && outcome === "answered").length, 1);
    assert.is(offer.events.filter(({ is, event }) => is === "session" && event === "open").length, 1);
    // Each is a record's; no value, octet or sentence of it.
    const text = JSON.stringify(offer.events);
    for (const never of ['"after"', '"before"', '"octets"', '"words"', '"port"', '"certificate"'])
      assert.not.ok(text.includes(never), never);
    const records = new Map(house.records().map((record) => [record.seq, record]));
    for (const { is, seq, time } of offer.events)
      if (is !== "health") assert.equal([records.get(seq)?.kind, records.get(seq)?.time], [is, time]);
    await until(() => offer.checkpoints.length > 0, "a checkpoint");
    const log = readFileSync(path.join(house.auditDirectory, "audit-00000001.jsonl"), "utf8");
    for (const checkpoint of offer.checkpoints) assert.ok(log.includes(`${JSON.stringify(checkpoint)}\n`));
    assert.equal(
      recordsIn(house.auditDirectory, "audit")
        .filter(({ event, seq }) => event === "checkpoint" && seq > 1)
        .map(({ seq }) => seq),
      offer.checkpoints.map(({ seq }) => seq),
    );
  },
);

telemetry("health, every ten seconds", async (context) => {
  const clock = new MovedClock();
  const { house, offer } = await opening(context, { clock });
  await house.plain();
  const health = (): Record<string, unknown>[] => offer.events.filter(({ is }) => is === "health");
  await until(() => health().length === 1, "the first");
  await sleep(600);
  assert.is(health().length, 1);
  clock.passed = 10_000;
  await until(() => health().length === 2, "the next");
  const last = health()[1] as Record<string, unknown>;
  assert.equal(
    [last.site, last.state, last.clock, last.sessions, (last.audit as Record<string, unknown>).state],
    ["test", "enforcing", "believed", 1, "ok"],
  );
  assert.equal(last.assets, [{ name: "plc", device: "ready", sessions: 1, waiting: 0, blocked: null, silent: 0 }]);
});

telemetry("a site that asks for telemetry where nobody sends it says so", async (context) => {
  const house = await House.open({ points: POINTS, site: "telemetry: {}" });
  context.house = house;
  const { warnings, telemetry: none } = house.gateway.status();
  assert.is(none, null);
  assert.match(warnings.join("\n"), /TELEMETRY: the site asks for it, and nobody sends it/);
});

const OWNERS_POINTS = `${FEEDER_POINTS}door,,binary-input,1,bool,,r,cabinet door,,,
energy,,counter,0,number,kWh,r,energy,,,
`;

telemetry("DNP3, class 0: points with their quality", async (context) => {
  const { station, offer } = await stationed(context, { points: OWNERS_POINTS });
  station.outstation.add("analog", 0, 1234, { flags: 0x05 });
  const alice = await station.operator();
  assert.is((await alice.read(classes(0))).iin2, 0);
  assert.equal(offer.said("current"), ["123.4 comm-lost"]);
  assert.equal(offer.said("breaker_52"), ["true good"]);
  assert.equal(offer.said("door"), ["false good"]);
  assert.equal(offer.said("energy"), ["7 good"]);
  assert.match(offer.samples[0]?.asker ?? "", /^spiffe:.*alice$/);
  assert.ok(offer.samples.every(({ isEvent, timeOf }) => !isEvent && timeOf === "gateway"));
});

telemetry("of a reply that is trimmed for its reader all that the device told; of one that is refused nothing", async (context) => {
  const policy = (reply: string): string =>
    FEEDER_POLICY.replace(
      /operator:\n {4}- \{ id: look.*\n/,
      `operator:\n    - { id: class-0, allow: read, on: plc, table: class, addresses: 0, reply: ${reply} }\n`,
    );
  const { station, offer } = await stationed(context, { points: OWNERS_POINTS, policy: policy("trim") });
  const alice = await station.operator();
  assert.is((await alice.read(classes(0))).objects.length, 0);
  assert.equal(offer.said("energy"), ["7 good"]);
  const { house } = station;
  house.rewrite("policy.yaml", policy("refuse").replace("version: 1", "version: 2"));
  assert.equal((await house.gateway.reload()).problems, []);
  const told = offer.samples.length;
  station.outstation.add("counter", 0, 8);
  assert.is((await alice.read(classes(0))).iin2, 1);
  assert.is(offer.samples.length, told);
});

telemetry("DNP3 events: each one, with the outstation's time, whatever the deadband; over several fragments too", async (context) => {
  const points = OWNERS_POINTS.replace("write_max\n", "write_max,deadband\n")
    .replaceAll(/(,[^,\n]*)$/gm, "$1,")
    .replace("description,scale,write_min,write_max,deadband,", "description,scale,write_min,write_max,deadband")
    .replace("feeder current,0.1,,,", "feeder current,0.1,,,1000");
  const { station, offer } = await stationed(context, { points, device: { fragmentSize: 60 } });
  const times = Array.from({ length: 12 }, (_, i) => 1_700_000_000_000 + i);
  station.outstation.add("analog", 0, 0, { eventVariation: 3, eventClass: 2 });
  for (const [i, time] of times.entries()) station.outstation.update("analog", 0, 10 + i, { time });
  const scada = await station.scada();
  assert.is((await scada.read(classes(1, 2, 3))).iin2, 0);
  const events = offer.of("current");
  assert.equal(
    events.map(({ value, timeMs, timeOf, isEvent }) => [value, timeMs, timeOf, isEvent]),
    times.map((time, i) => [(10 + i) / 10, time, "device", true]),
  );
  assert.ok(events.every(({ asker }) => asker === `spiffe:${OWNER}`));
});

telemetry("an outstation whose events are taken: what it says nothing of is not stale, until nobody asks any more", async (context) => {
  const clock = new MovedClock();
  const { site } = (await plantPki()).house;
  const { station, offer } = await stationed(context, { points: OWNERS_POINTS, clock, site: `${site}\ntelemetry: { stale: 30s }` });
  const scada = await station.scada();
  await scada.read(classes(0));
  for (let i = 0; i < 4; i++) {
    clock.passed += 20_000;
    await scada.read(classes(1, 2, 3));
    await sleep(300);
  }
  assert.equal(offer.said("energy"), ["7 good"]);
  clock.passed += 31_000;
  await until(() => offer.of("energy").length === 2, "nobody asks any more");
  assert.equal(offer.said("energy"), ["7 good", "7 stale"]);
});

telemetry(
  "unsolicited: once, though the device tells it again; while the owner is away, and when it is told what was kept",
  async (context) => {
    const { station, offer } = await stationed(context, {
      points: OWNERS_POINTS,
      device: { unsolicited: true, confirmTimeoutMs: 150 },
    });
    const scada = await station.scada({ confirmUnsolicited: false });
    assert.is((await scada.request(ENABLE_UNSOLICITED, classes(1, 2, 3))).iin2, 0);
    station.outstation.update("binary", 1, true, { time: 1_700_000_000_000 });
    await until(() => offer.of("door").length > 0, "it came");
    await sleep(700);
    assert.equal(
      offer.of("door").map(({ value, asker, isEvent, timeMs }) => [value, asker, isEvent, timeMs]),
      [[true, "device", true, 1_700_000_000_000]],
    );
    await scada.close();
    await until(() => station.house.gateway.road.sessions.open.size === 0, "the owner is gone");
    station.outstation.update("binary", 1, false, { time: 1_700_000_000_001 });
    await until(() => offer.of("door").length === 2, "it came, and nobody was there");
    await until(() => station.house.gateway.assets.get("plc")?.unsolicited.waiting !== 0, "it is kept");
    const again = await station.scada();
    await until(() => station.house.gateway.assets.get("plc")?.unsolicited.waiting === 0, "the owner had it");
    await again.read(all(1, 2));
    assert.is(offer.of("door").filter(({ isEvent }) => isEvent).length, 2);
    assert.is(station.house.gateway.status().telemetry?.faults, 0);
  },
);

telemetry.run();
