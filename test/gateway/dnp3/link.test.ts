/** Link and transport are the gateway's own at both its ends: what passes there is a fragment that was judged whole, and nothing else does. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { all, analog, classes, crob, join, range } from "#test/peers/dnp3/builders";
import type { Master, Reply } from "#test/peers/dnp3/master";
import { parseObjects } from "#test/peers/dnp3/parse";
import { encodeFrame, LINK } from "#test/peers/dnp3/wire";
import { type AuditRecord, until } from "#test/support/house";
import { FEEDER_POLICY, Substation, type SubstationOptions } from "#test/support/substation";

const TRIP = { code: 0x81, count: 1, onTimeMs: 500, offTimeMs: 0 };
const [CONFIRM, READ, DIRECT] = [0, 1, 5] as const;
const [DIR, PRM, FCV] = [0x80, 0x40, 0x10] as const;
const [MASTER, OUTSTATION] = [1, 10] as const;
const DATA = DIR | PRM | LINK.data;
/** A READ of one analog input, whole in one segment. */
const SEGMENT = Uint8Array.of(0xc0, 0xc0, READ, ...range(30, 1, 0, 0));
const BROADCAST = FEEDER_POLICY.replace(
  "    - { id: volts",
  "    - { id: all, allow: operate, on: plc, points: [breaker_52], via: [direct], broadcast: true, control: { codes: [trip], count: 1, on_time: 100-1000ms } }\n    - { id: volts",
);

const link = suite<{ station: Substation }>("gateway/dnp3/link");
link.after.each(async ({ station }) => {
  await station?.close();
});

async function opening(context: { station: Substation }, options: SubstationOptions = {}): Promise<Substation> {
  context.station = await Substation.open(options);
  return context.station;
}

async function denials(station: Substation): Promise<AuditRecord[]> {
  return (await station.house.written("decision")).filter(({ decision }) => decision === "deny");
}

async function codes(station: Substation): Promise<(readonly [string, string])[]> {
  return (await denials(station)).map(({ code, action }) => [code, action] as const);
}

const values = ({ objects }: Reply): unknown[] => parseObjects(objects, true).flatMap(({ items }) => items.map(({ value }) => value));
const changed = (octets: Uint8Array, at: number): Uint8Array => octets.map((octet, i) => (i === at ? octet ^ 0x10 : octet));

const STRANGERS: readonly (readonly [what: string, octets: Uint8Array, code: string])[] = [
  ["from the outstation's own address", encodeFrame(DATA, OUTSTATION, OUTSTATION, SEGMENT), "wrongSource"],
  ["from another master", encodeFrame(DATA, OUTSTATION, 2, SEGMENT), "wrongSource"],
  ["from a broadcast address", encodeFrame(DATA, OUTSTATION, 0xffff, SEGMENT), "wrongSource"],
  ["to another outstation", encodeFrame(DATA, 11, MASTER, SEGMENT), "wrongDestination"],
  ["to whoever hears it", encodeFrame(DATA, 0xfffc, MASTER, SEGMENT), "wrongDestination"],
  ["to a reserved address", encodeFrame(DATA, 0xfff0, MASTER, SEGMENT), "wrongDestination"],
  ["asking another outstation's link", encodeFrame(DIR | PRM | LINK.requestStatus, 11, MASTER), "wrongDestination"],
  ["with a CRC of its head that is wrong", changed(encodeFrame(DATA, OUTSTATION, MASTER, SEGMENT), 8), "badCrc"],
  ["with a CRC of its data that is wrong", changed(encodeFrame(DATA, OUTSTATION, MASTER, SEGMENT), 11), "badCrc"],
  ["that begins as none does", Uint8Array.of(0x05, 0x65, 1, 2, 3, 4, 5, 6, 7, 8), "badStart"],
];

for (const [what, octets, code] of STRANGERS)
  link(`only the configured addresses pass, and a stream that is broken ends: a frame ${what}`, async (context) => {
    const station = await opening(context);
    const [master, bob] = [await station.operator(), await station.operator("bob")];
    // What follows it in the same packet is not read either.
    master.sendRaw(Buffer.concat([octets, encodeFrame(DATA, OUTSTATION, MASTER, SEGMENT)]));
    await master.closed;
    assert.equal(values(await bob.read(range(30, 1, 0, 0))), [100]);
    assert.equal([station.asked.length, master.octetsIn], [1, 0]);
    const [denial, more] = await denials(station);
    assert.equal([denial?.code, denial?.action, more], [code, "close", undefined]);
    const shown = Buffer.from(denial?.octets ?? "", "hex");
    assert.ok(shown.length > 0);
    assert.equal(shown, Buffer.from(octets.subarray(0, shown.length)));
  });

const OVER: readonly (readonly [what: string, control: number, data: Uint8Array])[] = [
  ["it calls itself the outstation", PRM | LINK.data, SEGMENT],
  ["it answers as one", LINK.status, new Uint8Array(0)],
  ["it counts what is not counted", DATA | FCV, SEGMENT],
  ["data without octets", DATA, new Uint8Array(0)],
  ["octets with a question of the link", DIR | PRM | LINK.requestStatus, SEGMENT],
  ["a function nobody has", DIR | PRM | 5, new Uint8Array(0)],
];

for (const [what, control, data] of OVER)
  link(`a frame that is none of a master is passed over and recorded, and the next is read: ${what}`, async (context) => {
    const station = await opening(context);
    const master = await station.operator();
    master.sendRaw(encodeFrame(control, OUTSTATION, MASTER, data));
    assert.equal(values(await master.read(range(30, 1, 1, 1))), [101]);
    assert.equal([station.asked.length, master.received.length, master.faults], [1, 1, []]);
    assert.equal(await codes(station), [["badControl", "drop"]]);
  });

link("the role is that of the connection: a response that a master sends is told to nobody", async (context) => {
  const station = await opening(context);
  const [master, bob] = [await station.operator(), await station.operator("bob")];
  const fragment = Uint8Array.of(0xc0, 0x81, 0, 0, ...range(30, 1, 0, 0), 1, 7, 0, 0, 0);
  const unsolicited = Uint8Array.of(0xf0, 0x82, 0, 0, 2, 1, 0x17, 1, 1, 0x81);
  for (const each of [fragment, unsolicited]) master.sendFragment(each);
  assert.equal(values(await master.read(range(30, 1, 0, 0))), [100]);
  await bob.linkStatus();
  assert.equal([station.asked.length, bob.received.length], [1, 0]);
  const told = await denials(station);
  assert.equal(
    told.map(({ code, octets }) => [code, octets]),
    [fragment, unsolicited].map((octets) => ["badControl", Buffer.from(octets).toString("hex")]),
  );
});

link("what an outstation sends with the wrong direction is no answer", async (context) => {
  const station = await opening(context, { asset: "    upstream: { timeout: 400ms }" });
  const master = await station.operator();
  station.outstation.onRequest = () => {
    station.outstation.onRequest = null;
    const answer = Uint8Array.of(0xc0, 0xc0, 0x81, 0, 0, ...range(30, 1, 0, 0), 1, 7, 0, 0, 0);
    station.outstation.sendRaw(encodeFrame(DATA, MASTER, OUTSTATION, answer));
    return "silent";
  };
  master.send(READ, range(30, 1, 0, 0));
  await until(() => station.house.gateway.road.stats.strays.get("badSegment") === 1, "a stray");
  assert.equal(values(await master.read(range(30, 1, 1, 1))), [101]);
  assert.is(master.received.length, 1);
});

link("the link's own questions are answered at this end, and reach nobody at the other", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  await master.read(range(30, 1, 0, 0));
  const { octetsIn } = station.outstation;
  assert.is(await master.link(LINK.test), LINK.nack, "before a reset nothing is counted");
  assert.is(await master.linkStatus(), LINK.status);
  assert.is(await master.link(LINK.reset), LINK.ack);
  assert.is(await master.link(LINK.test), LINK.ack);
  assert.is(await master.link(1), LINK.notSupported, "a reset of the user process resets nothing");
  assert.equal([station.outstation.octetsIn, await codes(station)], [octetsIn, []]);
});

link("RULINGS 35: data under confirmation is acknowledged, and taken once for each FCB", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  const segment = (sequence: number, index: number): Uint8Array =>
    Uint8Array.of(0xc0 | sequence, 0xc0 | sequence, READ, ...range(30, 1, index, index));
  assert.is(await master.link(LINK.confirmedData, segment(0, 0)), LINK.nack, "no reset came before");
  assert.is(await master.link(LINK.reset), LINK.ack);
  assert.is(await master.link(LINK.confirmedData, segment(1, 1)), LINK.ack);
  await until(() => master.received.length === 1, "answered");
  assert.is(await master.link(LINK.confirmedData, segment(2, 2), { isRepeat: true }), LINK.ack, "the FCB of the one before");
  assert.is(await master.link(LINK.confirmedData, segment(3, 3)), LINK.ack);
  await until(() => master.received.length === 2, "answered");
  assert.equal(
    station.asked.map((octets) => octets.slice(-2)),
    ["01", "03"],
  );
});

link("the outstation's link asks, and is answered", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  await master.read(range(30, 1, 0, 0));
  station.outstation.sendRaw(encodeFrame(PRM | LINK.requestStatus, MASTER, OUTSTATION));
  station.outstation.sendRaw(encodeFrame(PRM | LINK.reset, MASTER, OUTSTATION));
  const { octetsIn } = station.outstation;
  await until(() => station.outstation.octetsIn === octetsIn + 20, "two answers");
  assert.equal(station.outstation.faults, []);
});

link("RULINGS 38: octet by octet at both ends it is the same conversation", async (context) => {
  const station = await opening(context, { device: { drip: true, fragmentSize: 249 } });
  const master = await station.operator("alice", { drip: true });
  for (let index = 0; index < 60; index++) station.outstation.add("analog", index, index);
  const reply = await master.read(all(30, 1));
  assert.ok(reply.fragments > 1);
  assert.equal(
    values(reply),
    Array.from({ length: 60 }, (_, index) => index),
  );
  assert.is((await master.selectOperate(crob(0, TRIP))).iin2, 0);
  assert.is(station.outstation.operated.length, 1);
});

link("RULINGS 21: what comes in one packet is taken frame by frame, and answered in its order", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  const frame = (sequence: number, objects: Uint8Array): Uint8Array =>
    encodeFrame(DATA, OUTSTATION, MASTER, Uint8Array.of(0xc0 | sequence, 0xc0 | sequence, READ, ...objects));
  const asks = [range(30, 1, 0, 0), range(30, 1, 1, 1), classes(1), range(30, 1, 3, 3)];
  master.sendRaw(Buffer.concat([...asks.map((objects, i) => frame(i, objects)), frame(3, range(30, 1, 3, 3))]));
  await until(() => master.received.length === asks.length, "answered");
  await master.linkStatus();
  assert.equal(
    master.received.map(([control, , , iin2]) => [(control as number) & 0x0f, iin2]),
    [
      [0, 0],
      [1, 0],
      [2, 1],
      [3, 0],
    ],
  );
  assert.is(station.asked.length, 3);
});

/** Transport octets, each with so many octets of a READ behind it; what of it is no series is passed over. */
const SERIES: readonly (readonly [what: string, segments: readonly (readonly number[])[]])[] = [
  ["the end of what was never begun", [[0x81, 0xc0, READ]]],
  [
    "a part that is missing",
    [
      [0x40, 0xc0],
      [0x82, READ],
    ],
  ],
  ["one without an octet", [[0xc0]]],
];

for (const [what, segments] of SERIES)
  link(`segments that make no fragment are passed over and recorded: ${what}`, async (context) => {
    const station = await opening(context);
    const master = await station.operator();
    for (const segment of segments) master.sendRaw(encodeFrame(DATA, OUTSTATION, MASTER, Uint8Array.from(segment)));
    assert.equal(values(await master.read(range(30, 1, 1, 1))), [101]);
    assert.is(station.asked.length, 1);
    assert.equal(await codes(station), [["badOrder", "drop"]]);
  });

link("a series that begins anew is the new one, a segment that is told twice is one", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  const said = [
    [0x40, 0xc0, DIRECT],
    [0x45, 0xc0, READ],
    [0x06, ...range(30, 1, 2, 2).subarray(0, 2)],
    [0x06, ...range(30, 1, 2, 2).subarray(0, 2)],
    [0x87, ...range(30, 1, 2, 2).subarray(2)],
  ];
  for (const segment of said) master.sendRaw(encodeFrame(DATA, OUTSTATION, MASTER, Uint8Array.from(segment)));
  await until(() => master.received.length === 1, "answered");
  assert.equal(station.asked, [Buffer.from([READ, ...range(30, 1, 2, 2)]).toString("hex")]);
});

link("the first octet of a fragment leaves when the last has come and all of it was judged", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  const headers = Array.from({ length: 399 }, () => range(30, 1, 0, 0));
  await master.read(range(30, 1, 0, 0));
  const { octetsIn } = station.outstation;
  const denied = await master.read(join(...headers, all(12, 0)));
  assert.is.not(denied.iin2, 0);
  assert.equal([station.outstation.octetsIn, station.asked.length], [octetsIn, 1]);
  const whole = join(...headers, range(30, 1, 1, 1));
  const reply = await master.read(whole);
  assert.is(values(reply).length, 400);
  assert.is(station.asked[1], Buffer.from([READ, ...whole]).toString("hex"), "as it came");
});

link("a fragment of more than 2048 octets is passed over, whatever stands in it; one of 2048 passes", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  // Two octets of header, then headers of five, and the last of six.
  const most = (last: Uint8Array): Uint8Array => join(...Array.from({ length: 408 }, () => range(30, 1, 0, 0)), last);
  const fits = most(Uint8Array.of(30, 1, 0x17, 2, 0, 1));
  assert.is(fits.length, 2046);
  assert.ok(values(await master.read(fits)).length > 400);
  const { length } = station.asked;
  master.send(READ, most(Uint8Array.of(30, 1, 0x17, 3, 0, 1, 2)));
  assert.equal(values(await master.read(range(30, 1, 3, 3))), [103]);
  assert.is(station.asked.length, length + 1);
  assert.ok((await codes(station)).some(([code, action]) => code === "tooLong" && action === "drop"));
});

async function quiet(master: Master): Promise<void> {
  await master.read(range(30, 1, 0, 0));
  assert.equal(master.strays, []);
}

link("RULINGS 12: a broadcast without the right reaches nobody and is answered by nobody", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  for (const address of [0xfffd, 0xfffe, 0xffff]) {
    master.send(DIRECT, analog(3, 0, 21), master.seq, address);
    master.send(READ, range(30, 1, 0, 0), master.seq, address);
  }
  await quiet(master);
  assert.is(station.asked.length, 1);
  assert.equal(
    await codes(station),
    Array.from({ length: 6 }, (_, i) => [i % 2 === 0 ? "broadcastNotAllowed" : "broadcastRead", "drop"]),
  );
});

link(
  "RULINGS 12: a broadcast with the right is done and unacknowledged; the next answer says it came, and is confirmed",
  async (context) => {
    const station = await opening(context, { policy: BROADCAST });
    const master = await station.operator();
    for (const address of [0xfffd, 0xfffe, 0xffff]) {
      master.send(DIRECT, crob(0, TRIP), master.seq, address);
      const reply = await master.read(range(30, 1, 0, 0));
      assert.equal([reply.iin1 & 1, reply.con], [1, address === 0xfffe], `${address}`);
      assert.is((await master.read(range(30, 1, 1, 1))).iin1 & 1, 0);
    }
    await quiet(master);
    assert.is(station.outstation.operated.length, 3);
    const confirms = station.outstation.received.filter(({ octets }) => octets[1] === CONFIRM);
    assert.is(confirms.length, 1);
    const outcomes = (await station.house.written("outcome")).map(({ outcome }) => outcome);
    assert.equal(
      outcomes.filter((outcome) => outcome !== undefined),
      ["unacknowledged", "unacknowledged", "unacknowledged"],
    );
  },
);

link.run();
