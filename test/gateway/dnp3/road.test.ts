/** DNP3 masters through the gateway to a real outstation: what passes comes out as it went in, what does not never leaves. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { all, analog, classes, clearRestart, crob, range, time } from "#test/peers/dnp3/builders";
import { parseObjects } from "#test/peers/dnp3/parse";
import { Substation, type SubstationOptions } from "#test/support/substation";

const TRIP = { code: 0x81, count: 1, onTimeMs: 500, offTimeMs: 0 };
const [READ, WRITE, SELECT, OPERATE, DIRECT, DIRECT_NO_ACK] = [1, 2, 3, 4, 5, 6] as const;

const road = suite<{ station: Substation }>("gateway/dnp3/road");
road.after.each(async ({ station }) => {
  await station?.close();
});

async function opening(context: { station: Substation }, options: SubstationOptions = {}): Promise<Substation> {
  context.station = await Substation.open(options);
  return context.station;
}

road("a read passes, and so does its answer", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  const reply = await master.read(range(30, 1, 0, 3));
  assert.equal(
    parseObjects(reply.objects, true)[0]?.items.map(({ value }) => value),
    [100, 101, 102, 103],
  );
  assert.equal(station.asked.length, 1);
});

road("RULINGS 35: a breaker is tripped by select before operate, once", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  const reply = await master.selectOperate(crob(0, TRIP));
  assert.equal([reply.iin2, parseObjects(reply.objects, true)[0]?.items[0]?.status], [0, 0]);
  assert.equal(
    station.outstation.operated.map(({ index, code }) => [index, code]),
    [[0, 0x81]],
  );
  const records = (await station.house.written("decision")).filter(({ effect }) => effect === "change");
  assert.equal(
    records.map(({ name, decision, rule }) => [name, decision, rule]),
    [
      ["select", "allow", "operator/trip"],
      ["operate", "allow", "operator/trip"],
    ],
  );
});

road("another way, another code, another index, too long a pulse: refused with status 9, and nothing of it leaves", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  const denied: [number, Uint8Array, string][] = [
    [DIRECT, crob(0, TRIP), "viaNotListed"],
    [SELECT, crob(0, { ...TRIP, code: 0x41 }), "codeNotListed"],
    [SELECT, crob(1, TRIP), "nothingAllows"],
    [SELECT, crob(2, TRIP), "readOnly"],
    [SELECT, crob(0, { ...TRIP, onTimeMs: 1001 }), "onTimeOutside"],
    [SELECT, crob(0, { ...TRIP, count: 2 }), "countOutside"],
    [DIRECT, analog(3, 0, 31), "aboveMaximum"],
  ];
  for (const [code, objects, why] of denied) {
    const reply = await master.request(code, objects);
    assert.is(parseObjects(reply.objects, true)[0]?.items[0]?.status, 9, why);
    const record = (await station.house.written("decision")).at(-1);
    assert.equal([record?.decision, record?.code], ["deny", why], why);
  }
  master.send(DIRECT_NO_ACK, crob(0, TRIP));
  await master.read(range(1, 2, 0, 0));
  assert.equal(station.asked.length, 1, "the read alone");
});

road(
  "RULINGS 34: class data is a right of its own, and the owner's; events leave the buffer when the owner says they came",
  async (context) => {
    const station = await opening(context);
    station.outstation.update("binary", 1, true);
    const alice = await station.operator();
    const refused = await alice.read(classes(1));
    assert.equal([refused.iin2 & 1, refused.objects.length], [1, 0]);
    const integrity = await alice.read(classes(0));
    assert.ok(integrity.objects.length > 0);
    const scada = await station.scada({ autoConfirm: false });
    const first = await scada.read(classes(1, 2, 3));
    assert.ok(first.con);
    assert.is(parseObjects(first.objects, true)[0]?.group, 2);
    const again = await scada.read(classes(1));
    assert.ok(again.con, "nobody said that they came");
    scada.confirm(again.seq);
    const none = await scada.read(classes(1));
    assert.equal([none.con, none.objects.length], [false, 0]);
  },
);

road("a reply of several fragments comes fragment by fragment, each confirmed", async (context) => {
  const station = await opening(context, { device: { fragmentSize: 249 } });
  for (let index = 0; index < 200; index++) station.outstation.add("analog", index, index);
  const master = await station.operator();
  const reply = await master.read(all(30, 1));
  assert.ok(reply.fragments > 3);
  assert.is(
    parseObjects(reply.objects, true).reduce((sum, { items }) => sum + items.length, 0),
    200,
  );
  const next = await master.read(range(1, 2, 0, 1));
  assert.is(next.fragments, 1);
});

road("time, restart bit and link status", async (context) => {
  const station = await opening(context);
  const scada = await station.scada();
  assert.is((await scada.write(clearRestart())).iin2, 0);
  assert.not.ok(station.outstation.isRestarted);
  assert.is((await scada.write(time(Date.now()))).iin2, 0);
  const late = await scada.write(time(Date.now() - 10_000));
  assert.is(late.iin2, 4, "RULINGS 36: a time that is not ours");
  assert.is(await scada.linkStatus(), 11);
  assert.ok(station.asked.every((octets) => !octets.startsWith("09")));
  assert.ok(READ + WRITE + OPERATE > 0);
});

road.run();
