/** Select before operate through the gateway: what a selection is worth, to whom, for how long, and what ends it. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Asset } from "#gateway/asset";
import { analog, crob, crobs, join, range } from "#test/peers/dnp3/builders";
import type { Master, Reply } from "#test/peers/dnp3/master";
import { parseObjects } from "#test/peers/dnp3/parse";
import { MovedClock } from "#test/support/clock";
import { until } from "#test/support/house";
import { FEEDER_POLICY, Substation, type SubstationOptions } from "#test/support/substation";

const TRIP = { code: 0x81, count: 1, onTimeMs: 500, offTimeMs: 0 };
const [READ, SELECT, OPERATE, DIRECT, DIRECT_NO_ACK] = [1, 3, 4, 5, 6] as const;
const [SUCCESS, TIMEOUT, NO_SELECT, TOO_MANY] = [0, 1, 2, 8] as const;
/** Rules beside those of the operator. */
const operatorsMay = (rules: string, policy = FEEDER_POLICY): string => policy.replace("    - { id: volts", `${rules}\n    - { id: volts`);
const newer = (policy: string): string => policy.replace("version: 1\n", "version: 2\n");
const BOTH = operatorsMay(
  "    - { id: both, allow: operate, on: plc, points: [breaker_89], control: { codes: [trip], count: 1, on_time: 100-1000ms } }",
);
const STOP = operatorsMay(
  "    - { id: stop, allow: operate, on: plc, points: [breaker_89], via: direct, control: { codes: [trip], count: 1 }, essential: true }",
);

const selection = suite<{ station: Substation }>("gateway/dnp3/selection");
selection.after.each(async ({ station }) => {
  await station?.close();
});

async function opening(context: { station: Substation }, options: SubstationOptions = {}): Promise<Substation> {
  context.station = await Substation.open(options);
  return context.station;
}

const statuses = ({ objects }: Reply): (number | undefined)[] =>
  parseObjects(objects, true).flatMap(({ items }) => items.map(({ status }) => status));
const statusOf = (reply: Reply): number | undefined => statuses(reply)[0];
/** Function codes that reached the outstation, confirms apart. */
const functions = ({ asked }: Substation): number[] => asked.map((octets) => Number.parseInt(octets.slice(0, 2), 16));
const assetOf = ({ house }: Substation): Asset => house.gateway.road.assets.get("plc") as Asset;

async function select(master: Master, objects = crob(0, TRIP)): Promise<void> {
  assert.ok(statuses(await master.request(SELECT, objects)).every((status) => status === SUCCESS));
}

async function codes(station: Substation): Promise<string[]> {
  return (await station.house.written("decision")).filter(({ decision }) => decision === "deny").map(({ code }) => code);
}

selection("RULINGS 35: OPERATE has the next sequence; with another it ends the selection", async (context) => {
  const station = await opening(context);
  for (const wrong of [15, 1, 8]) {
    const master = await station.operator(`operator-${wrong}`);
    await select(master);
    const { seq } = master;
    assert.is(statusOf(await master.request(OPERATE, crob(0, TRIP), { seq: (seq + wrong) % 16 })), NO_SELECT);
    assert.is(statusOf(await master.request(OPERATE, crob(0, TRIP), { seq })), NO_SELECT, "the right one comes too late");
  }
  assert.equal(functions(station), [SELECT, SELECT, SELECT]);
  assert.is((await codes(station)).filter((code) => code === "notSelected").length, 6);
});

selection("RULINGS 35: OPERATE is its SELECT octet for octet: values, times, index width, what stands beside it", async (context) => {
  const station = await opening(context, { policy: BOTH });
  const others: [string, Uint8Array][] = [
    ["a longer pulse", crob(0, { ...TRIP, onTimeMs: 501 })],
    ["another point", crob(1, TRIP)],
    ["a wider index", crob(0, TRIP, 2)],
    ["one more", join(crob(0, TRIP), crob(1, TRIP))],
  ];
  for (const [what, objects] of others) {
    const master = await station.operator(what.replaceAll(" ", "-"));
    await select(master);
    assert.is(statusOf(await master.request(OPERATE, objects)), NO_SELECT, what);
  }
  assert.equal(functions(station), [SELECT, SELECT, SELECT, SELECT]);
});

selection("RULINGS 35: a selection stands two seconds, and not a moment longer", async (context) => {
  const clock = new MovedClock();
  const station = await opening(context, { clock });
  const master = await station.operator();
  await select(master);
  clock.passed += 2_001;
  assert.is(statusOf(await master.request(OPERATE, crob(0, TRIP))), TIMEOUT);
  await select(master);
  clock.passed += 1_000;
  assert.is(statusOf(await master.request(OPERATE, crob(0, TRIP))), SUCCESS);
  assert.equal(functions(station), [SELECT, SELECT, OPERATE]);
  assert.equal(await codes(station), ["selectExpired"]);
});

selection("RULINGS 35: any request ends a selection, one that is denied, and one that is malformed, among them", async (context) => {
  const station = await opening(context);
  const between: [string, (master: Master) => Promise<unknown>][] = [
    ["a read", (master) => master.read(range(30, 1, 0, 0))],
    ["a denied command", (master) => master.request(DIRECT, crob(0, TRIP))],
    ["another selection", (master) => master.request(SELECT, analog(3, 0, 21))],
    ["an OPERATE that is none", (master) => master.request(OPERATE, Uint8Array.of(12, 1, 0x17, 9))],
  ];
  for (const [what, ask] of between) {
    const master = await station.operator(what.replaceAll(" ", "-"));
    await select(master);
    const { seq } = master;
    await ask(master);
    assert.is(statusOf(await master.request(OPERATE, crob(0, TRIP), { seq })), NO_SELECT, what);
    await master.close();
  }
  assert.not.ok(functions(station).includes(OPERATE));
});

selection("RULINGS 35: a CONFIRM ends no selection, nor does the same SELECT again, which does not leave twice", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  const { seq } = master;
  await select(master);
  master.confirm(seq);
  master.confirm(seq, true);
  assert.is(statusOf(await master.request(SELECT, crob(0, TRIP), { seq })), SUCCESS);
  assert.is(statusOf(await master.request(OPERATE, crob(0, TRIP))), SUCCESS);
  assert.equal(functions(station), [SELECT, OPERATE]);
});

selection("RULINGS 35: another session, of the same person too, neither uses a selection nor disturbs it", async (context) => {
  const station = await opening(context);
  const alice = await station.operator();
  const bob = await station.operator("bob");
  const again = await station.operator();
  await select(alice);
  const { seq } = alice;
  for (const other of [bob, again]) assert.is(statusOf(await other.request(OPERATE, crob(0, TRIP), { seq })), NO_SELECT);
  assert.is(statusOf(await alice.request(OPERATE, crob(0, TRIP))), SUCCESS);
  assert.equal(functions(station), [SELECT, OPERATE]);
  assert.is(station.outstation.operated.length, 1);
});

selection("RULINGS 35: an OPERATE to all outstations is not the one that was selected at this", async (context) => {
  const policy = operatorsMay(
    "    - { id: all, allow: operate, on: plc, points: [breaker_52], broadcast: true, control: { codes: [trip], count: 1, on_time: 100-1000ms } }",
  );
  const station = await opening(context, { policy });
  const master = await station.operator();
  await select(master);
  master.send(OPERATE, crob(0, TRIP), master.seq, 0xffff);
  await master.read(range(30, 1, 0, 0));
  assert.equal(functions(station), [SELECT, READ]);
  assert.equal(await codes(station), ["notSelected"]);
});

selection("RULINGS 35: an OPERATE that does not wait for the answer to its SELECT is not carried out", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  station.outstation.delayMs = 50;
  const selected = master.request(SELECT, crob(0, TRIP));
  const operated = master.request(OPERATE, crob(0, TRIP));
  assert.equal([statusOf(await selected), statusOf(await operated)], [SUCCESS, NO_SELECT]);
  assert.is(statusOf(await master.selectOperate(crob(0, TRIP))), SUCCESS);
  assert.equal(functions(station), [SELECT, SELECT, OPERATE]);
});

selection("RULINGS 35: what is asked right behind an OPERATE does not take its selection away", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  await select(master);
  const [operated, read] = [master.request(OPERATE, crob(0, TRIP)), master.read(range(30, 1, 0, 0))];
  assert.equal([statusOf(await operated), (await read).iin2], [SUCCESS, 0]);
  assert.equal(functions(station), [SELECT, OPERATE, READ]);
});

selection("RULINGS 35: a SELECT of which one point fails arms nothing, and keeps nobody waiting", async (context) => {
  const station = await opening(context, { policy: BOTH });
  station.outstation.add("binaryOutput", 1, false, { refusal: 7 });
  const [alice, bob] = [await station.operator(), await station.operator("bob")];
  const two = crobs([
    [0, TRIP],
    [1, TRIP],
  ]);
  assert.equal(statuses(await alice.request(SELECT, two)), [SUCCESS, 7]);
  assert.is(assetOf(station).lease.holder, null);
  await bob.read(range(30, 1, 0, 0));
  assert.equal(statuses(await alice.request(OPERATE, two)), [NO_SELECT, NO_SELECT]);
  assert.equal(functions(station), [SELECT, READ]);
});

selection("RULINGS 35: a SELECT that is never answered is indeterminate, arms nothing and is not sent again", async (context) => {
  const station = await opening(context, { asset: "    upstream: { timeout: 400ms }" });
  const [alice, bob] = [await station.operator(), await station.operator("bob")];
  station.outstation.onRequest = ([, code]) => (code === SELECT ? "silent" : "answer");
  alice.send(SELECT, crob(0, TRIP));
  await until(() => station.asked.length === 1, "the SELECT is there");
  await bob.read(range(30, 1, 0, 0));
  assert.is(statusOf(await alice.request(OPERATE, crob(0, TRIP))), NO_SELECT);
  assert.equal(functions(station), [SELECT, READ]);
  const outcomes = (await station.house.written("outcome")).filter(({ function: code }) => code === SELECT);
  assert.equal(
    outcomes.map(({ outcome }) => outcome),
    ["indeterminate"],
  );
});

selection("RULINGS 20, 35: an OPERATE that the policy no longer allows is denied, and the outstation free at once", async (context) => {
  const station = await opening(context);
  const [alice, bob] = [await station.operator(), await station.operator("bob")];
  await select(alice);
  station.house.rewrite("policy.yaml", newer(FEEDER_POLICY).replace("codes: [trip]", "codes: [close]"));
  assert.equal((await station.house.gateway.reload()).problems, []);
  assert.is(statusOf(await alice.request(OPERATE, crob(0, TRIP))), 9);
  assert.is(assetOf(station).lease.holder, null);
  await bob.read(range(30, 1, 0, 0));
  assert.equal(functions(station), [SELECT, READ]);
  assert.equal(await codes(station), ["codeNotListed"]);
});

selection("RULINGS 9, 35: a state that another policy asks for is not judged by what was read for the one before", async (context) => {
  const withState = (state: string): string => FEEDER_POLICY.replace("on_time: 100-1000ms }", `on_time: 100-1000ms }, state: "${state}"`);
  const station = await opening(context, { policy: withState("plc.current < 20") });
  const master = await station.operator();
  assert.is(statusOf(await master.selectOperate(crob(0, TRIP))), SUCCESS);
  await select(master);
  station.house.rewrite("policy.yaml", newer(withState("plc.current < 5")));
  assert.equal((await station.house.gateway.reload()).problems, []);
  assert.is(statusOf(await master.request(OPERATE, crob(0, TRIP))), 9);
  assert.equal(functions(station), [READ, SELECT, OPERATE, READ, SELECT]);
  assert.equal(await codes(station), ["factUnavailable"]);
});

selection("RULINGS 35: a session that ends leaves what it selected to nobody, and the outstation to everybody", async (context) => {
  const station = await opening(context);
  const [alice, bob] = [await station.operator(), await station.operator("bob")];
  await select(alice);
  const { seq } = alice;
  const reply = bob.read(range(30, 1, 0, 0));
  await until(() => assetOf(station).device?.waiting === 1, "bob waits");
  await alice.close();
  await until(() => station.house.gateway.road.sessions.open.size === 1, "alice is gone");
  assert.is(assetOf(station).lease.holder, null);
  await reply;
  assert.is(statusOf(await bob.request(OPERATE, crob(0, TRIP), { seq })), NO_SELECT);
  assert.equal(functions(station), [SELECT, READ]);
});

selection("RULINGS 35: others wait while something is selected, for two seconds at most, and are served then", async (context) => {
  const clock = new MovedClock();
  const station = await opening(context, { clock });
  const [alice, bob] = [await station.operator(), await station.operator("bob")];
  await select(alice);
  const reply = bob.read(range(30, 1, 0, 0));
  await until(() => assetOf(station).device?.waiting === 1, "bob waits");
  clock.passed += 1_000;
  assert.equal(functions(station), [SELECT]);
  assert.is(statusOf(await alice.request(OPERATE, crob(0, TRIP))), SUCCESS);
  await reply;
  assert.equal(functions(station), [SELECT, OPERATE, READ], "its OPERATE goes before who waited");
  await select(alice);
  const later = bob.read(range(30, 1, 0, 0));
  await until(() => assetOf(station).device?.waiting === 1, "bob waits");
  clock.passed += 2_001;
  await later;
  assert.equal(functions(station), [SELECT, OPERATE, READ, SELECT, READ]);
});

selection("RULINGS 35: whoever leaves three selections unused in a minute selects nothing for a minute; others do", async (context) => {
  const clock = new MovedClock();
  const station = await opening(context, { clock });
  const [alice, again, bob] = [await station.operator(), await station.operator(), await station.operator("bob")];
  const leave = [
    (): Promise<unknown> => alice.read(range(30, 1, 0, 0)),
    async (): Promise<void> => {
      clock.passed += 2_001;
      await until(() => assetOf(station).lease.holder === null, "two seconds are over");
    },
    (): Promise<unknown> => alice.request(OPERATE, crob(0, { ...TRIP, onTimeMs: 501 })),
  ];
  for (const unused of leave) {
    await select(alice);
    await unused();
  }
  for (const session of [alice, again]) assert.is(statusOf(await session.request(SELECT, crob(0, TRIP))), TOO_MANY);
  assert.is(statusOf(await bob.selectOperate(crob(0, TRIP))), SUCCESS);
  assert.is((await alice.read(range(30, 1, 0, 0))).iin2, 0, "all else it may");
  clock.passed += 50_000;
  assert.is(statusOf(await alice.request(SELECT, crob(0, TRIP))), TOO_MANY);
  clock.passed += 10_000;
  assert.is(statusOf(await alice.selectOperate(crob(0, TRIP))), SUCCESS);
  assert.equal(
    (await codes(station)).filter((code) => code !== "notSelected"),
    ["tooManySelects", "tooManySelects", "tooManySelects"],
  );
});

selection("RULINGS 35: what was operated was not left unused, however often", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  for (let i = 0; i < 5; i++) assert.is(statusOf(await master.selectOperate(crob(0, TRIP))), SUCCESS);
  assert.is(station.outstation.operated.length, 5);
});

selection("RULINGS 15, 35: a stop of another session does not wait for a selection, which is over then", async (context) => {
  const station = await opening(context, { policy: STOP });
  const [alice, bob] = [await station.operator(), await station.operator("bob")];
  await select(alice);
  const waits = bob.read(range(30, 1, 0, 0));
  await until(() => assetOf(station).device?.waiting === 1, "bob's read waits");
  const carol = await station.operator("carol");
  assert.is(statusOf(await carol.request(DIRECT, crob(1, TRIP))), SUCCESS);
  await waits;
  assert.is(statusOf(await alice.request(OPERATE, crob(0, TRIP))), NO_SELECT);
  assert.equal(functions(station), [SELECT, DIRECT, READ]);
  for (let i = 0; i < 3; i++) {
    await select(alice);
    assert.is(statusOf(await carol.request(DIRECT, crob(1, TRIP))), SUCCESS);
  }
  assert.is(statusOf(await alice.selectOperate(crob(0, TRIP))), SUCCESS, "it is not alice who left them unused");
});

selection("RULINGS 35: a connection that breaks takes the selection along", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  await select(master);
  station.outstation.sendRaw(new Uint8Array(32));
  await until(() => assetOf(station).lease.holder === null, "the connection is dropped", 1_000);
  assert.is(statusOf(await master.request(OPERATE, crob(0, TRIP))), NO_SELECT);
  assert.equal(functions(station), [SELECT]);
});

selection(
  "RULINGS 8, 35: what a step is measured by is read before the SELECT, in its turn, and not again for the OPERATE",
  async (context) => {
    const station = await opening(context);
    const [alice, bob] = [await station.operator(), await station.operator("bob")];
    await select(alice, analog(3, 0, 24));
    const waits = bob.read(range(30, 1, 0, 0));
    await until(() => assetOf(station).device?.waiting === 1, "bob waits");
    station.outstation.update("analogOutput", 0, 5);
    assert.is(statusOf(await alice.request(OPERATE, analog(3, 0, 24))), SUCCESS);
    await waits;
    assert.equal(functions(station), [READ, SELECT, OPERATE, READ]);
    assert.match(station.asked[0] ?? "", /^0128/, "g40");
    const guards = (await station.house.written("outcome")).map(({ function: code, guard }) => [code, guard !== undefined]);
    assert.equal(guards, [
      [SELECT, true],
      [OPERATE, true],
    ]);
    assert.is(statusOf(await alice.request(SELECT, analog(3, 0, 18))), 9, "24 to 18 is too large a step");
    assert.equal(await codes(station), ["stepTooLarge"]);
    assert.equal(functions(station).slice(4), [READ]);
  },
);

selection("RULINGS 35: SELECT, OPERATE, DIRECT_OPERATE and the one without answer are held against the same limits", async (context) => {
  const policy = FEEDER_POLICY.replace("via: [select-before-operate, direct],", "via: [select-before-operate, direct, direct-no-ack],");
  const station = await opening(context, { policy });
  const master = await station.operator();
  const limits: [number, string][] = [
    [31, "aboveMaximum"],
    [-1, "pointLimit"],
    [26, "stepTooLarge"],
  ];
  for (const [value, why] of limits) {
    for (const code of [SELECT, DIRECT]) assert.is(statusOf(await master.request(code, analog(3, 0, value))), 9, why);
    master.send(DIRECT_NO_ACK, analog(3, 0, value));
    await master.read(range(30, 1, 0, 0));
    assert.equal((await codes(station)).splice(-3), [why, why, why]);
  }
  assert.ok(functions(station).every((code) => code === READ));
  for (const value of [24, 28]) {
    master.send(DIRECT_NO_ACK, analog(3, 0, value));
    await until(() => station.outstation.setpoints.at(-1)?.value === value, `${value}`);
  }
  assert.equal(master.strays, []);
});

selection.run();
