/** The same request once more: held while it is pending, answered as before when it was answered, and never sent to the outstation twice. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Session } from "#gateway/session";
import { analog, classes, crob, range } from "#test/peers/dnp3/builders";
import type { Reply } from "#test/peers/dnp3/master";
import { parseObjects } from "#test/peers/dnp3/parse";
import { encodeFrame } from "#test/peers/dnp3/wire";
import { until } from "#test/support/house";
import { FEEDER_POLICY, Substation, type SubstationOptions } from "#test/support/substation";
import type { ByteStream } from "#transport/stream";

const TRIP = { code: 0x81, count: 1, onTimeMs: 500, offTimeMs: 0 };
const [READ, SELECT, OPERATE, DIRECT, DIRECT_NO_ACK] = [1, 3, 4, 5, 6] as const;
const ALL_WAYS = FEEDER_POLICY.replace(
  "on_time: 100-1000ms }",
  "on_time: 100-1000ms }, via: [select-before-operate, direct, direct-no-ack]",
);

const again = suite<{ station: Substation }>("gateway/dnp3/retransmission");
again.after.each(async ({ station }) => {
  await station?.close();
});

async function opening(context: { station: Substation }, options: SubstationOptions = {}): Promise<Substation> {
  context.station = await Substation.open(options);
  return context.station;
}

const statusOf = ({ objects }: Reply): number | undefined => parseObjects(objects, true)[0]?.items[0]?.status;
const functions = ({ asked }: Substation): number[] => asked.map((octets) => Number.parseInt(octets.slice(0, 2), 16));

again("RULINGS 35: what is asked again while it is pending is held: it acts once, and is answered once", async (context) => {
  const station = await opening(context, { policy: ALL_WAYS });
  const master = await station.operator();
  station.outstation.delayMs = 100;
  const { seq } = master;
  const reply = master.request(DIRECT, crob(0, TRIP));
  for (let i = 0; i < 3; i++) master.send(DIRECT, crob(0, TRIP), seq);
  assert.is(statusOf(await reply), 0);
  await master.read(range(30, 1, 0, 0));
  assert.equal(functions(station), [DIRECT, READ]);
  assert.equal([master.strays.length, station.outstation.operated.length], [0, 1]);
});

again("RULINGS 35: what is asked again after its answer gets that answer, octet for octet, and does not leave", async (context) => {
  const station = await opening(context, { policy: ALL_WAYS });
  const master = await station.operator();
  for (let index = 4; index < 200; index++) station.outstation.add("analog", index, index);
  const asked: [string, number, Uint8Array][] = [
    ["a command", DIRECT, crob(0, TRIP)],
    ["a read that is answered in many segments", READ, range(30, 1, 0, 199)],
    ["a denied command", DIRECT, crob(1, TRIP)],
    ["a malformed one", READ, Uint8Array.of(30, 1, 0x77)],
  ];
  for (const [what, code, objects] of asked) {
    const { seq } = master;
    const octets = station.asked.length;
    await master.request(code, objects);
    const left = station.asked.length - octets;
    for (let i = 0; i < 2; i++) {
      await master.request(code, objects, { seq });
      assert.equal(master.received.at(-1), master.received.at(-2 - i), what);
    }
    assert.is(station.asked.length - octets, left, what);
  }
  assert.equal([station.outstation.operated.length, functions(station)], [1, [DIRECT, READ]]);
  const decisions = (await station.house.written("decision")).filter(({ effect, decision }) => effect === "change" || decision === "deny");
  assert.is(decisions.length, 3, "nor is it judged twice");
});

again("RULINGS 35: another request with the same sequence is another request; while that is pending it is none", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  await master.read(range(30, 1, 0, 0), { seq: 3 });
  const other = await master.read(range(30, 1, 1, 1), { seq: 3 });
  assert.is(parseObjects(other.objects, true)[0]?.items[0]?.value, 101);
  assert.equal(functions(station), [READ, READ]);
  station.outstation.onRequest = () => "silent";
  master.send(READ, range(30, 1, 0, 0), 4);
  master.send(READ, range(30, 1, 1, 1), 4);
  await master.closed;
  assert.equal(functions(station), [READ, READ, READ]);
  const denied = (await station.house.written("decision")).find(({ decision }) => decision === "deny");
  assert.equal([denied?.code, denied?.action], ["transactionReused", "close"]);
});

again("RULINGS 35: a sequence that waits only for its CONFIRM is free for whoever asks for something else", async (context) => {
  const station = await opening(context);
  station.outstation.update("binary", 1, true);
  const scada = await station.scada({ autoConfirm: false });
  const events = await scada.read(classes(1), { seq: 5 });
  assert.ok(events.con);
  assert.is((await scada.read(range(30, 1, 0, 0), { seq: 5 })).iin2, 0);
  assert.ok((await scada.read(classes(1))).con, "nobody confirmed the events");
});

again("RULINGS 34, 35: events asked for again come from the store, and one CONFIRM takes them", async (context) => {
  const station = await opening(context);
  station.outstation.update("binary", 1, true);
  const scada = await station.scada({ autoConfirm: false });
  const { seq } = scada;
  const first = await scada.read(classes(1));
  const second = await scada.read(classes(1), { seq });
  assert.equal(second.objects, first.objects);
  assert.is(station.asked.length, 1);
  scada.confirm(seq);
  scada.confirm(seq);
  assert.is((await scada.read(classes(1))).objects.length, 0);
  assert.equal(
    station.outstation.received.map(({ octets }) => octets[1]),
    [READ, 0, READ],
  );
});

again("RULINGS 35: a command that the outstation did not answer is not sent again, however often it is asked for", async (context) => {
  const station = await opening(context, { policy: ALL_WAYS, asset: "    upstream: { timeout: 400ms }" });
  const [master, bob] = [await station.operator(), await station.operator("bob")];
  station.outstation.onRequest = ([, code]) => (code === DIRECT ? "mute" : "answer");
  const { seq } = master;
  master.send(DIRECT, crob(0, TRIP));
  await until(() => station.outstation.operated.length === 1, "it was done");
  for (let i = 0; i < 3; i++) master.send(DIRECT, crob(0, TRIP), seq);
  await bob.read(range(30, 1, 0, 0));
  for (let i = 0; i < 3; i++) master.send(DIRECT, crob(0, TRIP), seq);
  await master.read(range(30, 1, 0, 0));
  assert.equal(functions(station), [DIRECT, READ, READ]);
  assert.is(station.outstation.operated.length, 1);
  assert.equal(
    (await station.house.written("outcome")).filter(({ of }) => of !== null && of !== undefined).map(({ outcome }) => outcome),
    ["indeterminate"],
  );
});

again("RULINGS 35: a command without an answer is done once, too", async (context) => {
  const station = await opening(context, { policy: ALL_WAYS });
  const master = await station.operator();
  const { seq } = master;
  for (let i = 0; i < 3; i++) master.send(DIRECT_NO_ACK, crob(0, TRIP), seq);
  await master.read(range(30, 1, 0, 0));
  assert.equal(functions(station), [DIRECT_NO_ACK, READ]);
  assert.equal(master.strays, []);
});

again("RULINGS 10, 35: a retransmission takes no place in a window: neither of changes nor of messages", async (context) => {
  const policy = FEEDER_POLICY.replace(
    "values: { min: 0, max: 30, max_step: 5 } }",
    "values: { min: 0, max: 30, max_changes: 2/min }, rate: 5/min }",
  );
  const station = await opening(context, { policy });
  const master = await station.operator();
  const { seq } = master;
  const objects = analog(3, 0, 21);
  const twice = async (code: number, at: number): Promise<void> => {
    for (let i = 0; i < 2; i++) assert.is(statusOf(await master.request(code, objects, { seq: at })), 0);
  };
  await twice(SELECT, seq);
  await twice(OPERATE, seq + 1);
  assert.is(statusOf(await master.request(DIRECT, analog(3, 0, 22))), 0, "the second change, the third message");
  assert.is(statusOf(await master.request(DIRECT, analog(3, 0, 23))), 9);
  const [denied] = (await station.house.written("decision")).filter(({ decision }) => decision === "deny");
  assert.is(denied?.code, "tooManyChanges");
  assert.equal(functions(station), [SELECT, OPERATE, DIRECT]);
});

again("RULINGS 35: the same octets to all outstations are another request", async (context) => {
  const station = await opening(context);
  const master = await station.operator();
  const { seq } = master;
  master.send(READ, range(30, 1, 0, 0), seq, 0xffff);
  assert.is((await master.read(range(30, 1, 0, 0), { seq })).iin2, 0);
  assert.is(station.asked.length, 1);
});

again("a session that is owed answers by the link layer and reads none of them is cut, before they fill the memory", async (context) => {
  const station = await opening(context);
  const { road } = station.house.gateway;
  await (await station.operator()).read(range(30, 1, 0, 0));
  const [open] = [...road.sessions.open];
  const stream = new Unread();
  const { asset, device, rights } = open as Session;
  const session = new Session(road, "unread", asset, device, stream, "test", rights, null, road.clock.monotonic());
  road.sessions.begin(session, null);
  const asks = Buffer.concat(Array.from({ length: 4096 }, () => encodeFrame(0xc9, 10, 1)));
  for (let i = 0; i < 8; i++) session.received(asks);
  assert.equal(
    [session.ended, stream.isPaused, stream.queued <= road.limits.sessionBacklogOctets + asks.length],
    ["slowReader", true, true],
  );
});

/** A peer that reads nothing. */
class Unread implements ByteStream {
  readonly remoteAddress = "127.0.0.1";
  readonly remotePort = 1;
  queued = 0;
  isPaused = false;
  start(): void {}
  write(octets: Uint8Array, length = octets.length): void {
    this.queued += length;
  }
  end(): void {}
  destroy(): void {}
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {}
}

again.run();
