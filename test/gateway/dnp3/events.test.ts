/** Events are one identity's: it alone takes them, it alone says that they came; what is told unasked goes to it, and copies to whoever may look. */
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Unsolicited } from "#gateway/unsolicited";
import { askDaemon } from "#management/client";
import { all, classes, clearRestart, range } from "#test/peers/dnp3/builders";
import type { Master, MasterOptions, Reply } from "#test/peers/dnp3/master";
import { parseObjects } from "#test/peers/dnp3/parse";
import { MovedClock } from "#test/support/clock";
import { until } from "#test/support/house";
import { FEEDER_POLICY, OWNER, Substation, type SubstationOptions } from "#test/support/substation";

const [READ, WRITE, ENABLE, DISABLE, UNSOLICITED] = [1, 2, 20, 21, 130] as const;
const TELLS = { unsolicited: true, confirmTimeoutMs: 100 } as const;
/** Nothing is written out, and begun anew, that a test counts by. */
const COUNTING = { readWindowMs: 3_600_000 } as const;
/** Operators have every right over events but that of being their owner. */
const EVENTS = `    - { id: events, allow: events, on: plc, table: class }
    - { id: changes, allow: events, on: plc, table: binary-input }
    - { id: unsolicited, allow: unsolicited, on: plc }
    - { id: restart-bit, allow: write, on: plc, table: indication, addresses: 7 }
`;
const EVERYBODY = FEEDER_POLICY.replace("    - { id: trip,", `${EVENTS}    - { id: trip,`);
/** Of one who may look at the current and at nothing else. */
const SIDE = "spiffe://plant.example/scada/side";
const WITH_SIDE = FEEDER_POLICY.replace(
  "  scada:\n",
  "  side:\n    - { id: current, allow: read, on: plc, points: [current] }\n  scada:\n",
).replace(
  '  - { role: scada, identity: "spiffe://plant.example/scada/*", kind: machine }\n',
  `  - { role: scada, identity: "${OWNER}", kind: machine }\n  - { role: side, identity: "${SIDE}", kind: machine }\n`,
);

/** Of binary input 1, unsolicited. */
const EVENT = Uint8Array.of(0xf5, UNSOLICITED, 0, 0, 2, 1, 0x17, 1, 1, 0x81);

const events = suite<{ station: Substation }>("gateway/dnp3/events");
events.after.each(async ({ station }) => {
  await station?.close();
});

async function opening(context: { station: Substation }, options: SubstationOptions = {}): Promise<Substation> {
  context.station = await Substation.open(options);
  return context.station;
}

const countersOf = ({ house }: Substation): Unsolicited => house.gateway.road.assets.get("plc")?.unsolicited as Unsolicited;
/** The control octets of what confirms something at the outstation. */
const confirms = ({ outstation }: Substation): number[] =>
  outstation.received.filter(({ octets }) => octets[1] === 0).map(({ octets }) => octets[0] as number);
const indexes = ({ objects }: Reply): number[] => parseObjects(objects, true).flatMap(({ items }) => items.map(({ index }) => index));
const unsolicited = ({ received }: Master): Uint8Array[] => received.filter(([, code]) => code === UNSOLICITED);
const asksConfirm = ([control = 0]: Uint8Array): boolean => (control & 0x20) !== 0;

/** The owner, who wants to be told; that the outstation is there was confirmed. */
async function told(station: Substation, options: MasterOptions = {}): Promise<Master> {
  const scada = await station.scada();
  await until(() => confirms(station).length === 1, "the first is confirmed");
  assert.is((await scada.request(ENABLE, classes(1, 2, 3))).iin2, 0);
  scada.unsolicited.length = 0;
  scada.received.length = 0;
  return Object.assign(scada, options);
}

async function codes(station: Substation): Promise<string[]> {
  return (await station.house.written("decision")).filter(({ decision }) => decision === "deny").map(({ code }) => code);
}

events("RULINGS 34: whatever the policy allows, events, their telling and the restart bit are the owner's", async (context) => {
  const station = await opening(context, { policy: EVERYBODY });
  station.outstation.update("binary", 1, true);
  const alice = await station.operator();
  const asked: [number, Uint8Array][] = [
    [READ, classes(1)],
    [READ, all(2, 0)],
    [READ, classes(0, 1, 2, 3)],
    [ENABLE, classes(1)],
    [DISABLE, classes(1)],
    [WRITE, clearRestart()],
  ];
  for (const [code, objects] of asked) {
    const { iin2, objects: answer } = await alice.request(code, objects);
    assert.equal([iin2, answer.length], [1, 0]);
  }
  assert.equal(
    await codes(station),
    asked.map(() => "notEventOwner"),
  );
  assert.equal(station.asked, []);
  const scada = await station.scada();
  assert.equal(indexes(await scada.read(classes(1))), [1]);
});

events("RULINGS 34: an asset without an owner gives its events to nobody", async (context) => {
  const station = await opening(context, { eventOwner: null, device: TELLS, policy: EVERYBODY, limits: COUNTING });
  const scada = await station.scada();
  assert.is((await scada.read(classes(1))).iin2, 1);
  await until(() => confirms(station).length === 1, "that it has started tells no event");
  station.outstation.sendFragment(EVENT);
  await until(() => countersOf(station).count === 2, "told");
  assert.is((await scada.read(range(30, 1, 0, 0))).iin2, 0);
  assert.equal([confirms(station).length, unsolicited(scada).map(asksConfirm)], [1, [false]], "a copy, for it may look");
});

events("RULINGS 34: a CONFIRM of another session, or of another number, takes no event from the outstation", async (context) => {
  const station = await opening(context);
  station.outstation.update("binary", 1, true);
  const [alice, scada] = [await station.operator(), await station.scada({ autoConfirm: false })];
  const { seq, con } = await scada.read(classes(1));
  assert.ok(con);
  for (const number of [seq, seq + 1]) alice.confirm(number);
  scada.confirm((seq + 1) % 16);
  scada.confirm(seq, true);
  scada.sendFragment(Uint8Array.of(0xc0 | seq, 0), 0xffff);
  scada.sendFragment(Uint8Array.of(0xe0 | seq, 0));
  scada.sendFragment(Uint8Array.of(0x80 | seq, 0));
  scada.sendFragment(Uint8Array.of(0xc0 | seq, 0, 60, 2, 6));
  assert.is(await scada.linkStatus(), 11);
  const waits = alice.read(range(30, 1, 0, 0));
  assert.equal(confirms(station), []);
  scada.confirm(seq);
  await waits;
  assert.is(confirms(station).length, 1);
  assert.is((await scada.read(classes(1))).objects.length, 0);
});

events("RULINGS 34: events in several fragments leave as far as they are confirmed, and no farther", async (context) => {
  const station = await opening(context, { device: { fragmentSize: 249 } });
  for (let i = 0; i < 100; i++) station.outstation.update("binary", 1, i % 2 === 0);
  const scada = await station.scada({ autoConfirm: false });
  scada.send(READ, classes(1), 3);
  await until(() => scada.received.length === 1, "the first");
  scada.confirm(3);
  await until(() => scada.received.length === 2, "the second");
  assert.equal(
    scada.received.map(([control]) => (control as number) & 0xaf),
    [0xa3, 0x24],
  );
  // Something else is asked in place of the second CONFIRM, and that comes too late then.
  const reply = scada.read(range(30, 1, 0, 0), { seq: 9 });
  scada.confirm(4);
  await reply;
  scada.autoConfirm = true;
  const rest = await scada.read(classes(1));
  const firsts = parseObjects(scada.received[0]?.subarray(4) as Uint8Array, true).reduce((sum, { items }) => sum + items.length, 0);
  assert.is(indexes(rest).length, 100 - firsts);
  assert.is((await scada.read(classes(1))).objects.length, 0);
});

events("RULINGS 34: whoever does not confirm keeps the outstation from others no longer than a reply may take", async (context) => {
  const clock = new MovedClock();
  const station = await opening(context, { clock, asset: "    upstream: { timeout: 5s }" });
  station.outstation.update("binary", 1, true);
  const [alice, scada] = [await station.operator(), await station.scada({ autoConfirm: false })];
  const { seq } = await scada.read(classes(1));
  const waits = alice.read(range(30, 1, 0, 0));
  const { device } = station.house.gateway.road.assets.get("plc") ?? {};
  await until(() => device?.waiting === 1, "alice waits");
  clock.passed += 2_000;
  assert.is(station.asked.length, 1);
  clock.passed += 3_001;
  await waits;
  scada.confirm(seq);
  assert.is((await alice.read(range(30, 1, 0, 0))).iin2, 0);
  assert.equal([station.asked.length, confirms(station), device?.state], [3, [], "ready"]);
  const again = await scada.read(classes(1));
  assert.equal([again.con, indexes(again)], [true, [1]]);
});

events("RULINGS 34: an owner that leaves before its CONFIRM leaves the events, and the outstation to others at once", async (context) => {
  const station = await opening(context, { asset: "    upstream: { timeout: 20s }" });
  station.outstation.update("binary", 1, true);
  const [alice, scada] = [await station.operator(), await station.scada({ autoConfirm: false })];
  assert.ok((await scada.read(classes(1))).con);
  await scada.close();
  await alice.read(range(30, 1, 0, 0));
  assert.equal(confirms(station), []);
  assert.equal(indexes(await (await station.scada()).read(classes(1))), [1]);
});

events("RULINGS 34: what is told unasked goes to the owner, is confirmed by it, once, and copied to whoever may look", async (context) => {
  const station = await opening(context, { device: TELLS, policy: WITH_SIDE });
  const alice = await station.operator();
  const side = await station.master(station.pki.credentials(station.pki.ca.issue({ uri: SIDE })));
  await Promise.all([alice, side].map((master) => master.linkStatus()));
  const scada = await told(station);
  station.outstation.update("binary", 1, true);
  for (const master of [scada, alice]) assert.equal(indexes(await master.waitForUnsolicited()), [1]);
  await until(() => confirms(station).length === 2, "confirmed");
  station.outstation.update("analog", 0, 500);
  for (const master of [scada, alice, side]) assert.equal(indexes(await master.waitForUnsolicited()), [0]);
  await until(() => confirms(station).length === 3, "confirmed");
  assert.equal(unsolicited(scada).map(asksConfirm), [true, true]);
  assert.equal(unsolicited(alice).map(asksConfirm), [false, false], "that it has started is told to nobody but the owner");
  assert.equal(unsolicited(side).map(asksConfirm), [false]);
  assert.is((await scada.read(classes(1, 2))).objects.length, 0);
  assert.is(confirms(station).length, 3);
});

events("RULINGS 1, 34: what a deny of the static points keeps from somebody no copy tells", async (context) => {
  const policy = WITH_SIDE.replace(
    "{ id: current, allow: read, on: plc, points: [current] }",
    "{ id: current, allow: read, on: plc, table: analog-input }\n    - { id: not-this, deny: read, on: plc, group: 30, indexes: [1] }",
  );
  const station = await opening(context, { device: TELLS, policy });
  const side = await station.master(station.pki.credentials(station.pki.ca.issue({ uri: SIDE })));
  await side.linkStatus();
  const scada = await told(station);
  station.outstation.update("analog", 1, 500);
  assert.equal(indexes(await scada.waitForUnsolicited()), [1]);
  station.outstation.update("analog", 0, 600);
  assert.equal(indexes(await side.waitForUnsolicited()), [0]);
  assert.is(unsolicited(side).length, 1);
});

events("RULINGS 34: a copy is of all of it or there is none", async (context) => {
  const station = await opening(context, { device: TELLS, policy: WITH_SIDE });
  const side = await station.master(station.pki.credentials(station.pki.ca.issue({ uri: SIDE })));
  await side.linkStatus();
  const scada = await told(station);
  station.outstation.update("analog", 0, 500);
  station.outstation.update("binary", 1, true);
  assert.is(indexes(await scada.waitForUnsolicited()).length, 2);
  station.outstation.update("analog", 0, 600);
  assert.equal(indexes(await side.waitForUnsolicited()), [0]);
  assert.is(unsolicited(side).length, 1);
});

events(
  "RULINGS 34: without the owner, and without room, nothing is confirmed; back again it is told, and its CONFIRM passed on once",
  async (context) => {
    const station = await opening(context, { device: TELLS, limits: { ...COUNTING, storedEvents: 0 } });
    await (await told(station)).close();
    const alice = await station.operator();
    await alice.linkStatus();
    const { count } = countersOf(station);
    station.outstation.update("binary", 1, true);
    await until(() => countersOf(station).count >= count + 3, "told three times");
    const { seq } = await alice.waitForUnsolicited();
    assert.equal([confirms(station).length, unsolicited(alice).length], [1, 1], "to whoever looks once");
    alice.confirm(seq, true);
    const scada = await station.scada();
    assert.equal(indexes(await scada.waitForUnsolicited()), [1]);
    await until(() => confirms(station).length === 2, "confirmed");
    assert.is((await scada.read(classes(1))).objects.length, 0);
    assert.equal([confirms(station).length, unsolicited(alice).length], [2, 1]);
  },
);

events("RULINGS 34: of two sessions of the owner the newer is asked, and what the other confirms is nothing", async (context) => {
  const station = await opening(context, { device: TELLS });
  const older = await told(station);
  const newer = await station.scada({ confirmUnsolicited: false });
  await newer.linkStatus();
  station.outstation.update("binary", 1, true);
  const { seq, con } = await newer.waitForUnsolicited();
  assert.ok(con);
  for (let number = 0; number < 16; number++) older.confirm(number, true);
  newer.confirm((seq + 1) % 16, true);
  newer.confirm(seq);
  await Promise.all([older, newer].map((master) => master.linkStatus()));
  assert.equal([confirms(station).length, older.received.length], [1, 0]);
  const again = await newer.waitForUnsolicited();
  assert.equal([again.seq, indexes(again)], [seq, [1]], "the same once more has the same number");
  newer.confirm(seq, true);
  await until(() => confirms(station).length === 2, "confirmed");
});

events("RULINGS 34: what the outstation tells again, though it was confirmed, is confirmed again and told to nobody", async (context) => {
  const station = await opening(context, { device: TELLS });
  const scada = await told(station);
  for (let i = 0; i < 3; i++) {
    station.outstation.sendFragment(EVENT);
    await until(() => confirms(station).length === 2 + i, "confirmed");
  }
  assert.is(await scada.linkStatus(), 11);
  assert.is(unsolicited(scada).length, 1);
});

events("RULINGS 34: what was told on a connection that is gone is not confirmed on the next", async (context) => {
  const station = await opening(context, { device: { ...TELLS, confirmTimeoutMs: 5_000 } });
  const scada = await told(station, { confirmUnsolicited: false });
  station.outstation.update("binary", 1, true);
  const { seq } = await scada.waitForUnsolicited();
  station.outstation.sendRaw(new Uint8Array(32));
  const again = await scada.waitForUnsolicited();
  assert.is.not(again.seq, seq);
  scada.confirm(seq, true);
  assert.is(await scada.linkStatus(), 11);
  assert.is(confirms(station).length, 1);
  scada.confirm(again.seq, true);
  await until(() => confirms(station).length === 2, "confirmed");
  // Nor is what was confirmed there the same thing where it is told on another.
  scada.confirmUnsolicited = true;
  station.outstation.sendFragment(EVENT);
  await until(() => confirms(station).length === 3, "confirmed");
  station.outstation.sendRaw(new Uint8Array(32));
  const { road } = station.house.gateway;
  await until(() => road.stats.strays.get("brokenFraming") === 2, "dropped");
  await until(() => road.assets.get("plc")?.device?.state === "ready", "connected anew");
  await scada.read(range(30, 1, 0, 0));
  scada.unsolicited.length = 0;
  station.outstation.sendFragment(EVENT);
  assert.equal(indexes(await scada.waitForUnsolicited()), [1]);
});

events(
  "RULINGS 34: a CONFIRM of what was told before does not stand for what the outstation tells since, and is not kept yet",
  async (context) => {
    const station = await opening(context, { device: TELLS, limits: { ...COUNTING, storedEvents: 0 } });
    const scada = await told(station, { confirmUnsolicited: false });
    station.outstation.sendFragment(EVENT);
    const { seq } = await scada.waitForUnsolicited();
    const { count } = countersOf(station);
    // The owner may not be told this one.
    station.outstation.sendFragment(Uint8Array.of(0xf6, UNSOLICITED, 0, 0, 111, 1, 0x17, 1, 1, 0x41));
    await until(() => countersOf(station).count === count + 1, "told");
    scada.confirm(seq, true);
    assert.is(await scada.linkStatus(), 11);
    assert.is(confirms(station).length, 1);
  },
);

events("RULINGS 34: an owner that does not confirm what it is told blinds nobody: it is kept, and told to it again", async (context) => {
  const station = await opening(context, {
    device: { ...TELLS, confirmTimeoutMs: 20_000 },
    limits: { eventRetryMs: 100 },
    asset: "    upstream: { timeout: 2s }",
  });
  const [alice, scada] = [await station.operator(), await told(station, { confirmUnsolicited: false })];
  station.outstation.update("binary", 1, true);
  const { seq } = await scada.waitForUnsolicited();
  assert.is((await alice.read(range(30, 1, 0, 0))).iin2, 0, "an outstation that waits for the word answers no READ");
  assert.equal([confirms(station).length, countersOf(station).waiting], [2, 1]);
  const again = await scada.waitForUnsolicited();
  assert.equal([again.seq, indexes(again)], [seq, [1]], "under the same number");
  scada.confirm(seq, true);
  await until(() => countersOf(station).waiting === 0, "had");
  await scada.linkStatus();
  scada.unsolicited.length = 0;
  station.outstation.update("binary", 2, false);
  assert.equal(indexes(await scada.waitForUnsolicited()), [2], "and then the next");
});

events("RULINGS 27, 34: of an asset that is closed to reads nobody is told anything; opened again its owner is", async (context) => {
  const station = await opening(context, { device: TELLS, limits: { eventRetryMs: 100 } });
  const [alice, scada] = [await station.operator(), await told(station)];
  const socket = path.join(station.house.dir, "penstock.sock");
  assert.ok((await askDaemon(socket, { ask: "block", asset: "plc", reads: true, uid: 1 })).ok);
  station.outstation.update("binary", 1, true);
  await until(() => confirms(station).length === 2, "kept");
  await Promise.all([alice, scada].map((master) => master.linkStatus()));
  assert.equal([unsolicited(alice).length, unsolicited(scada).length], [0, 0]);
  assert.ok((await askDaemon(socket, { ask: "unblock", asset: "plc", uid: 1 })).ok);
  assert.equal(indexes(await scada.waitForUnsolicited()), [1]);
});

events("RULINGS 34: what says of itself that it is unsolicited and cannot be judged is told to nobody, and recorded", async (context) => {
  const station = await opening(context);
  const scada = await station.scada();
  await scada.linkStatus();
  const { outstation } = station;
  const said: [string, Uint8Array][] = [
    ["an event of no point", Uint8Array.of(2, 1, 0x07, 1, 0x81)],
    ["a command", Uint8Array.of(12, 1, 0x17, 1, 0, 0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
    ["an event that is cut short", Uint8Array.of(2, 1, 0x17, 2, 1, 0x81)],
    ["an object of no table", Uint8Array.of(99, 1, 0x06)],
  ];
  for (const [, objects] of said) outstation.sendFragment(Uint8Array.of(0xf0, UNSOLICITED, 0, 0, ...objects));
  // In two parts.
  outstation.sendFragment(Uint8Array.of(0xb0, UNSOLICITED, 0, 0));
  outstation.sendFragment(Uint8Array.of(0xf1, UNSOLICITED, 0, 0, 2, 1, 0x17, 1, 1, 0x81));
  assert.equal(indexes(await scada.waitForUnsolicited()), [1]);
  assert.is(unsolicited(scada).length, 1, said.map(([what]) => what).join());
  assert.is(station.house.gateway.road.stats.strays.get("malformedUnsolicited"), 5);
  const [stray] = (await station.house.written("outcome")).filter(({ event }) => event === "strayReply");
  assert.is(stray?.what, "malformedUnsolicited");
});

events.run();
