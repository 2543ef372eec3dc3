/** What the gateway reads by itself: as few requests as can be, behind everybody, bound by what binds everybody, and no events. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { lintDocuments } from "#cli/policy";
import { spreadOf } from "#gateway/polls";
import { sayFinding } from "#policy/lint";
import { classes } from "#test/peers/dnp3/builders";
import { parseObjects } from "#test/peers/dnp3/parse";
import { House, type HouseOptions, OPEN_POLICY, sleep, until } from "#test/support/house";
import { read } from "#test/support/operator";
import { FEEDER_POINTS, Substation } from "#test/support/substation";
import { Recording } from "#test/telemetry/recording";

const POINTS = `name,unit_id,table,address,type,unit,access,description,scale,bit,bit_of
setpoint,1,holding,40,uint16,t/h,rw,Feed water,0.1,,
pressure,1,holding,41,float32,bar,r,Drum,,,
modes,1,holding,60,uint16,,rw,Modes,,,
auto,1,holding,60,bit,,rw,Automatic,,3,modes
apart,1,holding,62,uint16,,r,Apart,,,
pump,1,coil,2,bool,,rw,Pump,,,
`;
const ALL = "points: [setpoint, pressure, modes, auto, apart, pump]";
const POLLS = ["asked", "answered", "skipped", "denied", "yielded", "withheld", "failed"] as const;

const poll = suite<{ house: House | null; station: Substation | null }>("gateway/poll");
poll.after.each(async (context) => {
  await context.station?.close();
  await context.house?.close();
  context.house = context.station = null;
});

interface Opened {
  readonly house: House;
  readonly offer: Recording;
}

async function opening(context: { house: House | null }, polls: string, options: HouseOptions = {}): Promise<Opened> {
  const offer = new Recording();
  const { asset = "", ...more } = options;
  context.house = await House.open({ points: POINTS, telemetry: offer, ...more, asset: `    poll:\n${polls}\n${asset}` });
  return { house: context.house, offer };
}

/** `function@address x count` of what reached the device. */
const arrived = (house: House): string[] => house.plc.requests.map((adu) => `${adu[7]}@${adu.readUInt16BE(8)} x ${adu.readUInt16BE(10)}`);

const countsOf = (house: House): Record<(typeof POLLS)[number], number> => {
  const counts = house.gateway.status().assets[0]?.polls;
  if (counts === null || counts === undefined) throw new Error("nothing is polled");
  return { ...counts };
};

poll("points that touch are asked for together, and nothing that nobody named; samples are the gateway's own", async (context) => {
  const { house, offer } = await opening(context, `      - { every: 200ms, ${ALL} }`);
  Object.assign(house.plc.unit(1), { 40: 305, 41: 0x4104, 60: 8, 62: 5 });
  await until(() => countsOf(house).answered >= 8, "two rounds");
  assert.equal([...new Set(arrived(house))].sort(), ["1@2 x 1", "3@40 x 3", "3@60 x 1", "3@62 x 1"]);
  assert.equal(offer.samples.map(({ name, value, asker }) => [name.slice(4), value, asker]).sort(), [
    ["apart", 5, "self"],
    ["auto", true, "self"],
    ["modes", 8, "self"],
    ["pressure", 8.25, "self"],
    ["pump", false, "self"],
    ["setpoint", 30.5, "self"],
  ]);
  house.plc.unit(1)[40] = 306;
  await until(() => offer.of("setpoint").length === 2, "the next round saw it");
  const { asked, answered, withheld: _, ...others } = countsOf(house);
  assert.ok(asked - answered <= 1);
  assert.equal(others, { skipped: 0, denied: 0, yielded: 0, failed: 0 });
});

poll("addresses of a table; not more in one request than it holds", async (context) => {
  const { house } = await opening(context, "      - { every: 300ms, table: holding, addresses: [0-99, 100-199, 300] }");
  await until(() => countsOf(house).answered >= 3, "a round");
  assert.equal([...new Set(arrived(house))].sort(), ["3@0 x 100", "3@100 x 100", "3@300 x 1"]);
});

poll("counted in the evidence as anybody's reads, as `self` by its own rule", async (context) => {
  const { house } = await opening(context, "      - { every: 100ms, points: [setpoint] }", { limits: { readWindowMs: 500 } });
  await until(() => countsOf(house).answered >= 8, "polls");
  const counted = (await house.written("decision")).find(({ who, count }) => who === "self" && count > 1);
  assert.equal([counted?.rule, counted?.decision, counted?.operations[0].points], ["self/read", "allow", ["setpoint"]]);
});

poll("RULINGS 4: what `never` denies is not polled, what it was joined with is; `check` says so, and it is asked once", async (context) => {
  const policy = OPEN_POLICY.replace("roles:", "never:\n  - { id: no-drum, deny: read, on: plc, points: [pressure] }\nroles:");
  const { house, offer } = await opening(context, `      - { every: 100ms, ${ALL} }`, { policy });
  await until(() => countsOf(house).answered >= 12, "several rounds");
  assert.not.ok(
    arrived(house).some((each) => /^3@4[012] x [23]$|^3@4[12] /.test(each)),
    "no octet of it",
  );
  assert.equal(offer.said("setpoint"), ["0 good"]);
  assert.equal(offer.said("pressure"), []);
  assert.is(countsOf(house).denied, 2, "together, then alone");
  const denials = (await house.written("decision")).filter(({ decision }) => decision === "deny");
  assert.is(denials.length, 2);
  const said = lintDocuments(house.gateway.documents)
    .map(sayFinding)
    .filter((line) => line.includes("poll"));
  assert.is(said.length, 1);
  assert.match(
    said[0] ?? "",
    /site\.yaml:\d+:1: warning poll-denied: plc: pressure cannot be polled: never\/no-drum denies it to the gateway too$/,
  );
  house.rewrite("policy.yaml", OPEN_POLICY.replace("version: 1", "version: 2"));
  assert.equal((await house.gateway.reload()).problems, []);
  await until(() => offer.of("pressure").length > 0, "it may now");
  assert.is(lintDocuments(house.gateway.documents).filter(({ code }) => code === "poll-denied").length, 0);
});

poll("it waits while anybody has something waiting, and goes on when nobody has", async (context) => {
  const { house } = await opening(context, "      - { every: 100ms, points: [setpoint] }");
  await until(() => countsOf(house).answered >= 1, "it polls");
  const operator = await house.plain();
  house.plc.faults = { delayMs: 10 };
  let isBusy = true;
  const busy = Array.from({ length: 4 }, async () => {
    while (isBusy) await operator.ask(read(500, 1));
  });
  await until(() => arrived(house).at(-1) === "3@500 x 1", "the operator is served");
  await sleep(300);
  const before = { polls: arrived(house).filter((each) => each === "3@40 x 1").length, all: arrived(house).length };
  await sleep(1_000);
  const polls = arrived(house).filter((each) => each === "3@40 x 1").length - before.polls;
  assert.ok(arrived(house).length - before.all > 40, `${arrived(house).length - before.all} requests in the time`);
  assert.is(polls, 0);
  assert.ok(countsOf(house).skipped >= 8, "rounds passed over");
  isBusy = false;
  await Promise.all(busy);
  house.plc.faults = {};
  const { answered } = countsOf(house);
  await until(() => countsOf(house).answered >= answered + 2, "it goes on");
});

poll("a device that is slow has one poll at a time, and none behind it", async (context) => {
  const { house } = await opening(context, "      - { every: 100ms, points: [setpoint] }");
  house.plc.faults = { delayMs: 350 };
  await sleep(2_000);
  const { asked, skipped, answered } = countsOf(house);
  assert.ok(asked <= 6 && asked - answered <= 1, `${asked} asked, ${answered} answered`);
  assert.ok(skipped >= 8, `${skipped} skipped`);
});

poll("RULINGS 22: a place that keeps silent is left in peace, and so is a device that is away", async (context) => {
  const { house, offer } = await opening(context, "      - { every: 100ms, points: [setpoint] }", {
    asset: "    upstream: { timeout: 100ms }",
  });
  await until(() => offer.samples.length > 0, "it polls");
  house.plc.faults = { silent: true };
  await until(() => countsOf(house).withheld > 5, "it is quarantined");
  const asked = house.plc.requests.length;
  await sleep(500);
  assert.is(house.plc.requests.length, asked);
  assert.ok(countsOf(house).failed >= 2);
  const recorded = (await house.written("decision")).filter(({ who, decision }) => who === "self" && decision === "deny");
  assert.equal(recorded, [], "nothing was asked in vain");
  await house.plc.goAway();
  await until(() => offer.said("setpoint").at(-1) === "0 comm-lost", "it is away");
});

poll("blocked: nothing is asked, and nothing recorded of it", async (context) => {
  const { house } = await opening(context, "      - { every: 100ms, points: [setpoint] }");
  await until(() => countsOf(house).answered > 0, "it polls");
  const asset = house.gateway.assets.get("plc");
  if (asset === undefined) throw new Error("no asset");
  asset.block = { reads: true, by: "test", sinceMs: 0 } as never;
  await sleep(200);
  const asked = house.plc.requests.length;
  await sleep(500);
  assert.is(house.plc.requests.length, asked);
  assert.ok(countsOf(house).withheld >= 3);
  assert.is(countsOf(house).denied, 0);
});

poll("rounds of many assets are spread over their time", () => {
  const tenths = new Array(10).fill(0) as number[];
  for (let i = 0; i < 1_000; i++) tenths[Math.floor(10 * spreadOf(`feeder-${i % 500}`, i < 500 ? 0 : 1))]! += 1;
  for (const count of tenths) assert.ok(count > 60 && count < 140, tenths.join(" "));
  assert.is(spreadOf("boiler-1", 0), spreadOf("boiler-1", 0));
});

poll("a reload: other points, another time", async (context) => {
  const { house } = await opening(context, "      - { every: 100ms, points: [setpoint] }");
  await until(() => countsOf(house).answered > 0, "it polls");
  house.rewrite("site.yaml", house.read("site.yaml").replace("points: [setpoint]", "points: [pump]"));
  assert.equal((await house.gateway.reload()).problems, []);
  await until(() => arrived(house).includes("1@2 x 1"), "the other is polled");
  const before = arrived(house).filter((each) => each === "3@40 x 1").length;
  await sleep(400);
  assert.is(arrived(house).filter((each) => each === "3@40 x 1").length, before);
});

poll("DNP3: what stands there now, in as many fragments as it takes; no event is taken or confirmed", async (context) => {
  const offer = new Recording();
  const points = `${FEEDER_POINTS}${Array.from({ length: 30 }, (_, i) => `a${i},,analog-input,${i + 1},number,A,r,,,,`).join("\n")}\n`;
  context.station = await Substation.open({
    telemetry: offer,
    points,
    device: { fragmentSize: 60 },
    asset:
      "    poll:\n      - { every: 300ms, table: analog-input, addresses: 0-30 }\n      - { every: 300ms, points: [breaker_52, breaker_89] }",
  });
  const { station } = context;
  for (let index = 4; index <= 30; index++) station.outstation.add("analog", index, index);
  for (let index = 0; index <= 30; index++) station.outstation.update("analog", index, 1_000 + index);
  await until(() => offer.of("a29").length > 0 && offer.of("breaker_52").length > 0, "all of it came");
  assert.equal(offer.said("a29"), ["1030 good"]);
  assert.equal(offer.said("current"), ["100 good"]);
  assert.ok(offer.samples.every(({ asker, isEvent }) => asker === "self" && !isEvent));
  const { failed, denied, answered } = countsOf(station.house);
  assert.equal([failed, denied], [0, 0]);
  assert.ok(answered >= 2);
  const scada = await station.scada();
  const { objects } = await scada.read(classes(1, 2, 3));
  const events = parseObjects(objects, true).flatMap(({ items }) => items);
  assert.ok(events.length >= 31, `${events.length} events are still there`);
});

poll.run();
