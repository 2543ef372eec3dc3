/** The edge node as a host sees it: every message of every test is held against the specification's rules by `host.ts`. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { GRACE_MS, HOST_MS, IDLE_MS, NAMING_MS, REBIRTH_MS } from "#receiver/sparkplug/edgeNode";
import { DEVICES, POINTS } from "#receiver/sparkplug/points";
import { METRICS } from "#receiver/sparkplug/publisher";
import { point, Rig, sample } from "./rig.ts";

const node = suite("receiver/sparkplug/edgeNode");

const P = point("boiler", "pressure", "float64", "bar");
const PUMP = point("boiler", "pump", "bool");
const LEVEL = point("tank", "level", "uint16", "mm");

/** Born, and nothing stored any more. */
function live(options: ConstructorParameters<typeof Rig>[0] = {}): Rig {
  const rig = new Rig(options).learn(P, PUMP, LEVEL).open();
  if (options.primaryHost !== undefined && options.primaryHost !== null) rig.state(true, 1);
  rig.pass(10);
  rig.offer(sample("boiler", "pressure", 1, rig.wallMs));
  return rig.pass(10);
}

node("CONNECT has the death as its will; NBIRTH, a DBIRTH of every device, then data", () => {
  const rig = new Rig().learn(P, PUMP, LEVEL);
  assert.equal(rig.verbs, [], "nothing is said without a session");
  assert.not(rig.offer(sample("boiler", "pressure", 4.5, rig.wallMs)), "and nothing is taken");
  rig.connect();
  assert.is(rig.node.at, "connecting");
  assert.not(rig.offer(sample("boiler", "pressure", 4.5, rig.wallMs)));
  rig.hear(rig.node.opened(rig.now));
  assert.equal(rig.verbs, ["NBIRTH", "DBIRTH boiler", "DBIRTH tank"]);
  assert.equal(
    rig.said.map(({ payload }) => payload.seq),
    [0, 1, 2],
  );
  assert.is(rig.host.units.get("gw1/boiler/pressure"), "bar");
  assert.equal(rig.host.current.get("gw1/boiler/pressure")?.value, 4.5, "births have what was offered before them");
  assert.equal(rig.host.current.get("gw1/tank/level"), { metric: "gw1/tank/level", value: null, timeMs: rig.wallMs, quality: 500 });
  rig.pass(10);
  assert.ok(rig.offer(sample("tank", "level", 65535, rig.wallMs)));
  assert.equal(rig.verbs, ["DDATA tank"]);
  assert.is(rig.host.current.get("gw1/tank/level")?.value, 65535);
  assert.equal(rig.noted("born"), [{ is: "born", devices: 2, points: 3, rebirth: false }]);
});

node("it listens to commands to itself and its devices, and to the primary host", () => {
  assert.equal(new Rig().node.subscriptions, ["spBv1.0/plant/NCMD/gw1", "spBv1.0/plant/DCMD/gw1/+"]);
  assert.equal(new Rig({ primaryHost: "scada" }).node.subscriptions.at(-1), "spBv1.0/STATE/scada");
});

node("seq goes on over node and devices, 255 -> 0", () => {
  const rig = live();
  const seen: number[] = [];
  for (let i = 0; i < 600; i++) {
    rig.pass(10).offer(sample(i % 2 === 0 ? "boiler" : "tank", i % 2 === 0 ? "pressure" : "level", i, rig.wallMs));
    if (i % 100 === 50) rig.hear(rig.node.link(false, rig.now));
    if (i % 100 === 50) rig.hear(rig.node.link(true, rig.now));
    seen.push(rig.said[0]?.payload.seq as number);
  }
  assert.ok(seen.includes(0) && seen.includes(255));
});

node("bdSeq is of the CONNECT: from 0, one more with each, 255 -> 0; a rebirth keeps it", () => {
  const rig = new Rig().learn(P);
  const seen: unknown[] = [];
  for (let i = 0; i < 258; i++) {
    rig.open();
    seen.push(rig.said[0]?.payload.metrics[0]?.value);
    rig.pass(REBIRTH_MS).rebirth();
    assert.is(rig.said[0]?.payload.metrics[0]?.value, i % 256);
    rig.lose();
  }
  assert.equal(seen.slice(0, 3), [0, 1, 2]);
  assert.equal(seen.slice(254), [254, 255, 0, 1]);
});

node("a CONNECT that leads to no session counts too", () => {
  const rig = new Rig().learn(P).connect().lose().connect().lose().open();
  assert.is(rig.said[0]?.payload.metrics[0]?.value, 2);
});

node("after a restart bdSeq goes on where somebody kept it", () => {
  const rig = new Rig({ firstBdSeq: 255 });
  assert.is(rig.node.connecting(0).payload.metrics[0]?.value, 255);
  assert.is(rig.node.connecting(0).payload.metrics[0]?.value, 0);
});

node("rebirth: all births again from what is known, last values and all, then data goes on", () => {
  const rig = live();
  rig.offer(sample("boiler", "pressure", 7.25, rig.wallMs));
  rig.pass(REBIRTH_MS).rebirth();
  assert.equal(rig.verbs, ["NBIRTH", "DBIRTH boiler", "DBIRTH tank"]);
  assert.is(rig.host.current.get("gw1/boiler/pressure")?.value, 7.25);
  assert.ok(rig.offer(sample("boiler", "pressure", 8, rig.wallMs)));
  assert.equal(rig.noted("rebirthAsked").length, 1);
});

node("a rebirth right after births waits a second, no data goes meanwhile, and asking on does not make more", () => {
  const rig = live();
  for (let i = 0; i < 1_000; i++) rig.rebirth();
  assert.not(rig.node.isReady);
  assert.not(rig.offer(sample("boiler", "pressure", 9, rig.wallMs)));
  assert.is(rig.tick().verbs.length, 0);
  rig.pass(REBIRTH_MS).tick();
  assert.equal(rig.verbs, ["NBIRTH", "DBIRTH boiler", "DBIRTH tank"]);
  assert.is(rig.host.births, 2);
  assert.is(rig.host.current.get("gw1/boiler/pressure")?.value, 9, "with what was offered meanwhile");
});

node("any other command ends here: ignored, counted, told", () => {
  const rig = live();
  const before = rig.host.verbs.length;
  rig.command("spBv1.0/plant/NCMD/gw1", [
    { name: "Node Control/Reboot", value: true },
    { name: "Node Control/Rebirth", value: false },
    { alias: 2, value: false },
  ]);
  rig.command("spBv1.0/plant/DCMD/gw1/boiler", [{ name: "pressure", type: "Double", value: 99 }]);
  rig.command("spBv1.0/plant/DCMD/gw1/boiler", [{ name: "Node Control/Rebirth", value: true }]);
  rig.command("spBv1.0/plant/NCMD/gw1", []);
  rig.command("spBv1.0/plant/NCMD/gw1", [{ name: "Node Control/Rebirth", value: true }], true);
  rig.hear(rig.node.heard("spBv1.0/plant/NCMD/gw1", Buffer.from("hello"), false, rig.now));
  assert.is(rig.host.verbs.length, before, "nothing was said");
  assert.is(rig.node.counts.commandsIgnored, 8);
  assert.equal(
    rig.noted("commandIgnored").map((note) => note.is === "commandIgnored" && note.command),
    [
      "NCMD: Node Control/Reboot",
      "NCMD: Node Control/Rebirth",
      "NCMD: alias 2",
      "DCMD boiler: pressure",
      "DCMD boiler: Node Control/Rebirth",
      "NCMD: not a payload",
    ],
  );
});

node("one command among others: the rebirth is done, the rest is not", () => {
  const rig = live().pass(REBIRTH_MS);
  rig.command("spBv1.0/plant/NCMD/gw1", [
    { name: "Node Control/Next Server", value: true },
    { name: "Node Control/Rebirth", value: true },
  ]);
  assert.is(rig.verbs[0], "NBIRTH");
  assert.is(rig.node.counts.commandsIgnored, 1);
});

node("a flood of commands with ever other names is told as a number, in bounded room", () => {
  const rig = live();
  for (let i = 0; i < 10_000; i++) rig.command("spBv1.0/plant/NCMD/gw1", [{ name: `n${i}`, value: true }]);
  assert.is(rig.node.counts.commandsIgnored, 10_000);
  assert.is(rig.noted("commandIgnored").length, 65);
});

node("what is not for it moves nothing", () => {
  const rig = live({ primaryHost: "scada" }).pass(REBIRTH_MS);
  const rebirth = [{ name: "Node Control/Rebirth", value: true }];
  for (const topic of ["spBv1.0/plant/NCMD/gw2", "spBv1.0/other/NCMD/gw1", "spBv1.0/plant/NDATA/gw1", "x", "spBv1.0/STATE/scada/x"])
    rig.command(topic, rebirth);
  rig.state(false, 99, "another");
  assert.is(rig.node.at, "born");
  assert.is(rig.node.counts.commandsIgnored, 0);
});

node("the link falls silent: DDEATH of every device; it speaks: DBIRTH of each", () => {
  const rig = live();
  rig.hear(rig.node.link(false, rig.now));
  assert.equal(rig.verbs, ["DDEATH boiler", "DDEATH tank", "NDATA"]);
  assert.is(rig.host.current.get("gw1/Link/Alive")?.value, false);
  rig.hear(rig.node.link(false, rig.now));
  assert.equal(rig.verbs, [], "once");
  rig.pass(REBIRTH_MS).rebirth();
  assert.equal(rig.verbs, ["NBIRTH"], "nobody is alive to be born");
  rig.hear(rig.node.link(true, rig.now));
  assert.equal(rig.verbs, ["DBIRTH boiler", "DBIRTH tank", "NDATA"]);
  assert.is(rig.host.current.get("gw1/boiler/pressure")?.value, 1);
  assert.is(rig.host.current.get("gw1/Link/Alive")?.value, true);
});

node("what came before the silence and goes only now: the device is born for it, it is historical, the device dies again", () => {
  const rig = live();
  rig.hear(rig.node.link(false, rig.now));
  assert.ok(rig.offer(sample("boiler", "pressure", 3, rig.wallMs - 5)));
  assert.equal(rig.verbs, ["DBIRTH boiler", "DDATA boiler", "DDEATH boiler"]);
  assert.is(rig.host.history.at(-1)?.historical, true);
  rig.hear(rig.node.link(true, rig.now));
  assert.is(rig.host.current.get("gw1/boiler/pressure")?.value, 3, "and is the last value when it comes back");
});

node("new points: a DBIRTH of their device alone; the aliases of the others stay", () => {
  const rig = live();
  const alias = rig.said[0]?.payload.metrics[0]?.alias;
  rig.learn(P, PUMP, LEVEL, point("tank", "temperature", "int16", "°C"));
  assert.equal(rig.verbs, ["DBIRTH tank"]);
  rig.learn(P, PUMP, LEVEL, point("tank", "temperature", "int16", "°C"));
  assert.equal(rig.verbs, [], "told again, nothing new");
  rig.offer(sample("boiler", "pressure", 2, rig.wallMs), sample("tank", "temperature", -40, rig.wallMs));
  assert.is(rig.said[0]?.payload.metrics[0]?.alias, alias);
  assert.is(rig.host.current.get("gw1/tank/temperature")?.value, 0xffffffd8, "as two's complement");
});

node("points that are no more: DBIRTH without them, DDEATH where none is left; another type or unit: DBIRTH", () => {
  const rig = live();
  rig.learn(P, LEVEL);
  assert.equal(rig.verbs, ["DBIRTH boiler"]);
  rig.learn(P);
  assert.equal(rig.verbs, ["DDEATH tank"]);
  rig.learn(point("boiler", "pressure", "float64", "kPa"));
  assert.is(rig.host.units.get("gw1/boiler/pressure"), "kPa");
  assert.is(rig.host.current.get("gw1/boiler/pressure")?.value, 1, "the value stays");
  rig.learn(point("boiler", "pressure", "int32", "kPa"));
  assert.is(rig.host.current.get("gw1/boiler/pressure")?.value, null, "a value of another type is none");
});

node("samples of points nobody told of wait for somebody to tell, but not for ever", () => {
  const rig = new Rig().open();
  const unknown = (name: string, value: number | bigint | string | boolean): ReturnType<typeof sample> =>
    sample("boiler", name, value, rig.wallMs);
  assert.not(rig.offer(unknown("a", 1)));
  assert.not(rig.pass(GRACE_MS - 1).offer(unknown("a", 1)));
  assert.ok(rig.pass(1).offer(unknown("a", 1), unknown("b", 2n), unknown("c", "x"), unknown("d", true), unknown("e", 1n << 63n)));
  assert.equal(rig.verbs, ["DBIRTH boiler", "DDATA boiler"]);
  assert.equal(
    rig.said[0]?.payload.metrics.map(({ type }) => type),
    ["Double", "Int64", "String", "Boolean", "UInt64"],
  );
  assert.not(rig.offer(unknown("f", 1)), "a DBIRTH for each new name, no more than one a second");
  assert.ok(rig.offer(unknown("a", 2)), "known ones go on");
  assert.ok(rig.pass(NAMING_MS).offer(unknown("f", 1)));
  rig.learn(point("boiler", "a", "float64", "bar"));
  assert.is(rig.host.units.get("gw1/boiler/a"), "bar", "who knows better is believed");
});

node("a sample that came late is historical and no current value", () => {
  const rig = live();
  rig.offer(sample("boiler", "pressure", 5, rig.wallMs));
  rig.offer(sample("boiler", "pressure", 6, rig.wallMs + 1, { historical: true }));
  assert.is(rig.host.history.at(-1)?.historical, true);
  assert.is(rig.host.current.get("gw1/boiler/pressure")?.value, 5);
  rig.pass(REBIRTH_MS).rebirth();
  assert.is(rig.host.current.get("gw1/boiler/pressure")?.value, 5, "nor in a birth");
});

node("the order of times within a message is kept, whatever order they come in", () => {
  const rig = live();
  rig.offer(
    sample("boiler", "pressure", 2, rig.wallMs + 2),
    sample("boiler", "pump", true, rig.wallMs),
    sample("boiler", "pressure", 3, rig.wallMs + 3),
  );
  const times = rig.said[0]?.payload.metrics.map(({ timeMs }) => timeMs) as number[];
  assert.equal(
    times,
    [...times].sort((a, b) => a - b),
  );
  assert.is(rig.host.current.get("gw1/boiler/pressure")?.value, 3);
});

node("quality: good needs no word, the rest has a code, and back to good is said", () => {
  const rig = live();
  const seen: [string, number | undefined, number][] = [];
  for (const quality of ["good", "stale", "comm-lost", "bad", "uncertain", "good", "good"] as const) {
    rig.pass(1).offer(sample("boiler", "pressure", 1, rig.wallMs, { quality }));
    const properties = rig.said[0]?.payload.metrics[0]?.properties ?? [];
    seen.push([quality, properties.find(([key]) => key === "Quality")?.[1].value as number | undefined, properties.length]);
  }
  assert.equal(seen, [
    ["good", undefined, 0],
    ["stale", 500, 1],
    ["comm-lost", 500, 2],
    ["bad", 0, 1],
    ["uncertain", 0, 2],
    ["good", 192, 1],
    ["good", undefined, 0],
  ]);
});

node("a value its type does not hold is null and bad, and told of", () => {
  const rig = live();
  rig.offer(sample("tank", "level", 70_000, rig.wallMs));
  assert.equal(rig.host.current.get("gw1/tank/level"), { metric: "gw1/tank/level", value: null, timeMs: rig.wallMs, quality: 0 });
  assert.equal(rig.noted("misfit"), [{ is: "misfit", point: "tank/level", count: 1 }]);
});

node("a long batch is several messages", () => {
  const rig = live();
  const many = Array.from({ length: METRICS * 2 + 1 }, (_, i) => sample("boiler", "pressure", i, rig.wallMs + i));
  assert.ok(rig.offer(...many));
  assert.equal(
    rig.said.map(({ payload }) => payload.metrics.length),
    [METRICS, METRICS, 1],
  );
});

// What may be lost, and what was stored

node("after a lost session what was doubtful goes again, as historical, after the births", () => {
  const rig = live();
  rig.offer(sample("boiler", "pressure", 2, rig.wallMs), sample("tank", "level", 3, rig.wallMs));
  rig.pass(100).lose().pass(60_000).open();
  assert.equal(rig.verbs, ["NBIRTH", "DBIRTH boiler", "DBIRTH tank", "DDATA boiler", "DDATA tank"]);
  for (const { payload } of rig.said.slice(3)) assert.ok(payload.metrics.every(({ historical }) => historical));
  assert.equal(
    rig.said.slice(3).flatMap(({ payload }) => payload.metrics.map(({ value }) => value)),
    [1, 2, 3],
  );
  assert.is(rig.host.current.get("gw1/boiler/pressure")?.value, 2);
});

node("what the broker has read for certain, and long enough ago, is not doubtful any more", () => {
  const rig = live();
  assert.ok(rig.node.isUnproven);
  rig.pass(1).node.proven(rig.ms);
  assert.not(rig.node.isUnproven);
  rig.offer(sample("boiler", "pressure", 2, rig.wallMs));
  rig.pass(5_000).lose().open();
  const again = rig.said.slice(3).flatMap(({ payload }) => payload.metrics.map(({ value }) => value));
  assert.equal(again, [2], "old, but nothing proved that it was read");
  rig.pass(1).node.proven(rig.ms);
  rig.pass(4_000).lose().open();
  assert.equal(rig.verbs.slice(3), ["DDATA boiler"], "proven, but a host may have died unnoticed");
  rig.pass(1).node.proven(rig.ms);
  rig.pass(5_000).lose().open();
  assert.equal(rig.verbs.slice(3), []);
});

node("the doubtful window has an end: what left it unsent is told of", () => {
  const rig = live();
  for (let i = 0; i < 25; i++)
    rig.offer(...Array.from({ length: 1_000 }, (_, k) => sample("boiler", "pressure", k, rig.wallMs + i * 1_000 + k)));
  rig.lose();
  assert.equal(rig.noted("doubtLeftOut"), [{ is: "doubtLeftOut", count: 5_001 }]);
});

node("what was stored while nobody took it goes as historical; the newest of each point is the current value in the end", () => {
  const rig = live();
  rig.lose();
  const from = rig.wallMs;
  const stored = Array.from({ length: 10 }, (_, i) => sample("boiler", "pressure", 100 + i, from + i * 1_000));
  for (let i = 0; i < 5; i++) assert.not(rig.pass(2_000).offer(...stored.slice(0, 3)));
  rig.pass(1_000).open();
  assert.is(rig.host.current.get("gw1/boiler/pressure")?.value, 102, "the births say what is known");
  const before = rig.host.history.length;
  for (let i = 0; i < 10; i += 3) assert.ok(rig.offer(...stored.slice(i, i + 3)));
  assert.ok(rig.host.history.slice(before).every(({ historical }) => historical));
  assert.equal(
    rig.host.history.slice(before).map(({ value }) => value),
    stored.map(({ value }) => value),
  );
  rig.pass(IDLE_MS).tick();
  assert.is(rig.host.current.get("gw1/boiler/pressure")?.value, 109);
  assert.is(rig.host.history.at(-1)?.historical, false);
});

node("a live sample ends the catching up, even of a device whose clock is far off", () => {
  for (const skewMs of [-3_600_000, 0, 3_600_000]) {
    const rig = live();
    const at = (value: number): ReturnType<typeof sample> => sample("boiler", "pressure", value, rig.wallMs + skewMs, { timeOf: "device" });
    rig.offer(at(2));
    rig.lose().pass(1_000);
    const stored = at(3);
    rig.pass(1_000).open().pass(50);
    rig.offer(stored);
    assert.is(rig.host.history.at(-1)?.historical, true, `stored, ${skewMs}`);
    rig.offer(at(4));
    assert.is(rig.host.history.at(-1)?.historical, false, `live, ${skewMs}`);
    assert.is(rig.host.current.get("gw1/boiler/pressure")?.value, 4);
  }
});

// The primary host

node("births wait for the primary host", () => {
  const rig = new Rig({ primaryHost: "scada" }).learn(P).open();
  assert.equal(rig.verbs, []);
  assert.is(rig.node.at, "waiting");
  assert.not(rig.offer(sample("boiler", "pressure", 1, rig.wallMs)));
  rig.state(false, 100);
  assert.is(rig.node.at, "waiting");
  rig.state(true, 99);
  assert.is(rig.node.at, "waiting", "that was before it went");
  assert.equal(rig.noted("stateIgnored"), [{ is: "stateIgnored", why: "older", count: 1 }]);
  rig.state(true, 200, "another");
  assert.is(rig.node.at, "waiting", "another host");
  rig.state(true, 100);
  assert.equal(rig.verbs, ["NBIRTH", "DBIRTH boiler"], "the same time will do");
});

node("the primary host's state may come before the subscriptions are confirmed", () => {
  const rig = new Rig({ primaryHost: "scada" }).learn(P).connect().state(true, 5);
  assert.equal(rig.verbs, []);
  rig.hear(rig.node.opened(rig.now));
  assert.equal(rig.verbs, ["NBIRTH", "DBIRTH boiler"]);
});

node("the primary host goes: NDEATH, the session ends, data waits; it comes: births, what was doubtful, then what was stored", () => {
  const rig = live({ primaryHost: "scada" });
  rig.state(true, 1_000);
  rig.offer(sample("boiler", "pressure", 2, rig.wallMs));
  rig.state(false, 999);
  assert.is(rig.node.at, "born", "a will of a session before this one");
  rig.state(false, 1_000);
  assert.equal(rig.verbs, ["NDEATH"]);
  assert.is(rig.leave, "farewell");
  assert.is(rig.node.at, "away");
  assert.equal(rig.noted("hostOffline").length, 1);
  const stored = sample("boiler", "pressure", 3, rig.pass(10).wallMs);
  assert.not(rig.offer(stored));
  rig.pass(1_000).open();
  assert.equal(rig.verbs, []);
  assert.not(rig.offer(stored));
  rig.state(false, 1_000);
  assert.is(rig.node.at, "waiting");
  rig.pass(1_000).state(true, 2_000);
  assert.equal(rig.verbs, ["NBIRTH", "DBIRTH boiler", "DBIRTH tank", "DDATA boiler"]);
  assert.ok(rig.pass(5).offer(stored));
  assert.equal(rig.host.history.at(-1), { metric: "gw1/boiler/pressure", value: 3, timeMs: stored.timeMs, quality: 192, historical: true });
});

node("what is no state is none", () => {
  const rig = new Rig({ primaryHost: "scada" }).learn(P).open();
  const bad = [
    "ONLINE",
    "OFFLINE",
    "",
    "{}",
    "null",
    "[]",
    '{"online":"true","timestamp":1}',
    '{"online":true}',
    '{"online":true,"timestamp":"1"}',
  ];
  for (const text of [...bad, `{"online":true,"timestamp":1,"x":"${"x".repeat(5_000)}"}`])
    rig.hear(rig.node.heard("spBv1.0/STATE/scada", Buffer.from(text), true, rig.now));
  assert.is(rig.node.at, "waiting");
  assert.is(rig.node.counts.statesIgnored, bad.length + 1);
});

node("several brokers: it goes on to the next where the primary host is not; each has times of its own", () => {
  const rig = new Rig({ primaryHost: "scada", servers: 2 }).learn(P).open(0).state(false, 5_000);
  assert.is(rig.leave, "drop", "no birth was sent, so no death is");
  assert.equal(rig.verbs, []);
  rig.lose().open(1).state(true, 10);
  assert.equal(rig.verbs, ["NBIRTH", "DBIRTH boiler"], "another broker's time is another");
  rig.state(false, 10);
  assert.is(rig.leave, "farewell");
  rig.lose().open(0);
  assert.is(rig.leave, null);
  rig.pass(HOST_MS).tick();
  assert.is(rig.leave, "drop", "nothing was heard of it there");
});

// Ends

node("before it closes a session itself it dies", () => {
  const rig = live();
  rig.hear(rig.node.leaving(rig.now));
  assert.equal(rig.verbs, ["NDEATH"]);
  assert.is(rig.said[0]?.qos, 1);
  assert.is(rig.leave, "farewell");
  rig.hear(rig.node.leaving(rig.now));
  assert.equal(rig.verbs, []);
});

node("more points or devices than a node may have are refused and told of, and their samples do not stop the rest", () => {
  const rig = new Rig();
  const points = Array.from({ length: POINTS + 5 }, (_, i) => point("boiler", `p${i}`));
  rig.learn(...points).open();
  assert.is(rig.said[1]?.payload.metrics.length, POINTS);
  assert.equal(rig.noted("refused"), [{ is: "refused", what: "points", count: 5 }]);
  assert.ok(rig.offer(sample("boiler", `p${POINTS + 1}`, 1, rig.wallMs), sample("boiler", "p0", 7, rig.wallMs)));
  assert.is(rig.host.current.get("gw1/boiler/p0")?.value, 7);
  assert.equal(rig.noted("refused").at(-1), { is: "refused", what: "samples", count: 1 });
  const wide = new Rig().learn(...Array.from({ length: DEVICES + 2 }, (_, i) => point(`d${i}`, "p"))).open();
  assert.is(wide.said.length, 1 + DEVICES);
});

node("an asset that is no Sparkplug id has no device, and its samples do not stop the rest", () => {
  const rig = new Rig().learn(point("a/b", "x"), point("c+", "x"), point("#", "x"), point("", "x"), P).open();
  assert.equal(rig.verbs, ["NBIRTH", "DBIRTH boiler"]);
  assert.equal(rig.noted("refused"), [{ is: "refused", what: "points", count: 4 }]);
  assert.ok(rig.offer(sample("a/b", "x", 1, rig.wallMs), sample("boiler", "pressure", 2, rig.wallMs)));
  assert.is(rig.host.current.get("gw1/boiler/pressure")?.value, 2);
});

node("it speaks when something has changed, and not because time has passed", () => {
  const rig = live();
  rig.pass(IDLE_MS).tick();
  const before = rig.host.verbs.length;
  for (let i = 0; i < 1_000; i++) rig.pass(60_000).tick();
  rig.learn(P, PUMP, LEVEL).offer();
  assert.is(rig.host.verbs.length, before);
});

node("names that differ by case alone are told of", () => {
  const rig = new Rig().learn(point("boiler", "Level"), point("boiler", "level"), point("Boiler", "x"));
  assert.equal(rig.noted("alike"), [{ is: "alike", names: ["boiler, Boiler", "boiler/Level, boiler/level"] }]);
});

node.run();
