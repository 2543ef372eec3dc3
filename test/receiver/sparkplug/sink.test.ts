/** The Sparkplug sink against a real broker (Mosquitto), seen by a consumer that shares nothing with it, and on the wire between them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Sample } from "#receiver/model";
import type { BrokerOptions } from "#receiver/mqttSession";
import { encodePayload } from "#receiver/sparkplug/payload";
import { type SparkplugNote, type SparkplugOptions, SparkplugSink } from "#receiver/sparkplug/sink";
import { hasTool, need } from "#test/support/need";
import { Broker, needBroker, pause, tlsBroker, until, Watcher } from "../broker.ts";
import { SternBroker, Tap } from "../tap.ts";
import { Host } from "./host.ts";
import { point, sample } from "./rig.ts";

const sink = suite("receiver/sparkplug/sink");
const root = path.resolve(import.meta.dirname, "../../..");

const closing: (() => Promise<void>)[] = [];
sink.after.each(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
function later<T extends { end(): Promise<void> }>(thing: T): T {
  closing.push(() => thing.end());
  return thing;
}

const POINTS = [point("boiler", "pressure", "float64", "bar"), point("boiler", "count", "uint64"), point("tank", "level", "int16", "mm")];

/** A broker, a tap before it, and a host that hears all the broker passes on. */
async function stage(): Promise<{ broker: Broker; tap: Tap; host: Host; watcher: Watcher }> {
  const broker = later(await Broker.start());
  const host = new Host(true);
  const tap = later(
    await Tap.start(broker.port, ({ will }) => will !== undefined && host.connects(will.topic, will.payload, will.qos, will.retain)),
  );
  const watcher = later(
    await Watcher.start(broker.url, "spBv1.0/plant/#", ({ topic, payload, qos, retain }) => {
      // Watched with QoS 1, so that its own QoS is seen.
      if (!topic.includes("CMD")) host.receives(topic, payload, qos, retain);
    }),
  );
  return { broker, tap, host, watcher };
}

function open(
  url: string,
  more: Omit<Partial<SparkplugOptions>, "broker"> & { broker?: Partial<BrokerOptions> } = {},
): { sink: SparkplugSink; notes: SparkplugNote[] } {
  const notes: SparkplugNote[] = [];
  const broker: BrokerOptions = { servers: [url], version: "3.1.1", ...more.broker };
  const options = { name: "sparkplug", group: "plant", primaryHost: null, ...more, broker };
  const made = new SparkplugSink(
    options,
    (_, note) => notes.push(note),
    () => 0,
  );
  closing.push(() => made.close());
  return { sink: made, notes };
}

/** As whoever owns the samples does: in order, again until it is taken. */
async function deliver(to: SparkplugSink, samples: readonly Sample[]): Promise<void> {
  for (let i = 0; !(await to.deliver(samples)); i++) {
    if (i > 1_000) throw new Error("never delivered");
    await pause(20);
  }
}

for (const version of ["3.1.1", "5"] as const) {
  sink(
    `a session of MQTT ${version} on the wire: clean, with its death as will; subscribed, then births, data, death, DISCONNECT`,
    async () => {
      if (!needBroker()) return;
      const { tap, host } = await stage();
      const { sink: made } = open(tap.url, { broker: { version } });
      made.births("gw1", POINTS);
      await deliver(made, [sample("boiler", "pressure", 4.5, Date.now())]);
      await until("the value is shown", () => host.current.get("gw1/boiler/pressure")?.value === 4.5);
      await made.close();
      await until("the death is heard", () => host.nodes.get("gw1")?.isBorn === false);

      const [connect] = tap.of("connect");
      assert.is(connect?.clean, true);
      assert.is(connect?.clientId, "penstock-gw1");
      assert.is(connect?.protocolVersion, version === "5" ? 5 : 4);
      if (version === "5") assert.is(connect?.properties?.sessionExpiryInterval, 0);
      assert.equal([connect?.will?.topic, connect?.will?.qos, connect?.will?.retain], ["spBv1.0/plant/NDEATH/gw1", 1, false]);
      const order = tap.packets
        .map(({ cmd, topic }) => (cmd === "publish" ? (topic?.split("/")[2] as string) : cmd))
        .filter((cmd) => cmd !== "pingreq");
      assert.equal(order.slice(0, 5), ["connect", "subscribe", "NBIRTH", "DBIRTH", "DBIRTH"]);
      assert.equal(order.slice(-2), ["NDEATH", "disconnect"]);
      const subscriptions = tap.of("subscribe")[0]?.subscriptions?.map(({ topic, qos }) => [topic, qos]);
      assert.equal(subscriptions, [
        ["spBv1.0/plant/NCMD/gw1", 1],
        ["spBv1.0/plant/DCMD/gw1/+", 1],
      ]);
      for (const { topic, qos, retain } of tap.of("publish")) {
        assert.is(qos, topic?.includes("NDEATH") ? 1 : 0, topic);
        assert.is(retain, false, topic);
      }
      if (version === "5") assert.is(tap.of("disconnect")[0]?.reasonCode, 4, "disconnect with will message");
    },
  );
}

sink("a rebirth is asked for through the broker and answered; a command to a device is told of and nothing else", async () => {
  if (!needBroker()) return;
  const { host, tap, watcher } = await stage();
  const { sink: made, notes } = open(tap.url);
  made.births("gw1", POINTS);
  await deliver(made, [sample("tank", "level", -7, Date.now())]);
  const rebirth = encodePayload({ timeMs: Date.now(), seq: null, metrics: [{ ...COMMAND, name: "Node Control/Rebirth", value: true }] });
  await watcher.client.publishAsync("spBv1.0/plant/NCMD/gw1", Buffer.from(rebirth));
  await until("it is born again", () => host.births === 2);
  await until("with the last value", () => host.current.get("gw1/tank/level")?.value === 0xfffffff9);
  const write = encodePayload({ timeMs: Date.now(), seq: null, metrics: [{ ...COMMAND, name: "level", value: true }] });
  await watcher.client.publishAsync("spBv1.0/plant/DCMD/gw1/tank", Buffer.from(write));
  await until("the command is told of", () => notes.some(({ is }) => is === "commandIgnored"));
  assert.equal(
    notes.filter(({ is }) => is === "commandIgnored"),
    [{ is: "commandIgnored", command: "DCMD tank: level", count: 1 }],
  );
});

sink("a line that is cut: the broker tells of the death, the next session has the next bdSeq and what was doubtful", async () => {
  if (!needBroker()) return;
  const { host, tap } = await stage();
  const { sink: made } = open(tap.url);
  made.births("gw1", POINTS);
  await deliver(made, [sample("boiler", "count", 18446744073709551615n, Date.now())]);
  await until("the value is shown", () => host.current.get("gw1/boiler/count")?.value === "18446744073709551615");
  tap.cut();
  await until("the will is sent", () => host.verbs.at(-1) === "NDEATH");
  await until("it is born again", () => host.births === 2);
  await until("the doubtful value goes again", () => host.history.filter(({ historical }) => historical).length === 1);
  assert.is(host.nodes.get("gw1")?.willBdSeq, 1);
});

sink("the link falls silent and speaks again", async () => {
  if (!needBroker()) return;
  const { host, tap } = await stage();
  const { sink: made } = open(tap.url);
  made.births("gw1", POINTS);
  await until("it is born", () => host.verbs.includes("DBIRTH tank"));
  made.link("gw1", false);
  await until("devices are dead", () => host.current.get("gw1/Link/Alive")?.value === false);
  assert.is(host.nodes.get("gw1")?.born.size, 0);
  made.link("gw1", true);
  await until("devices are born", () => host.nodes.get("gw1")?.born.size === 2);
});

sink("two gateways are two edge nodes with a session each; one batch for both goes whole or not at all", async () => {
  if (!needBroker()) return;
  const { host, tap } = await stage();
  const { sink: made } = open(tap.url, { nodeOf: (gateway) => `site-${gateway}` });
  const other = { ...sample("boiler", "pressure", 2, Date.now()), gateway: "gw2" };
  made.births("gw1", POINTS);
  made.births("gw2", [{ ...point("boiler", "pressure"), gateway: "gw2" }]);
  await deliver(made, [sample("boiler", "pressure", 1, Date.now()), other]);
  await until("both are shown", () => host.current.get("site-gw2/boiler/pressure")?.value === 2);
  assert.is(host.current.get("site-gw1/boiler/pressure")?.value, 1);
  assert.equal(
    tap.of("connect").map(({ clientId }) => clientId),
    ["penstock-site-gw1", "penstock-site-gw2"],
  );
});

sink("a gateway that is no Sparkplug id, or would be another's edge node, is refused, and its samples do not stop others'", async () => {
  if (!needBroker()) return;
  const { host, tap } = await stage();
  const { sink: made, notes } = open(tap.url, { nodeOf: (gateway) => (gateway === "gw2" ? "gw1" : gateway) });
  made.births("gw1", POINTS);
  for (const gateway of ["a/b", "a+", "gw2"]) made.births(gateway, POINTS);
  assert.is(notes.filter(({ is }) => is === "gatewayRefused").length, 3);
  await deliver(made, [sample("boiler", "pressure", 1, Date.now()), { ...sample("boiler", "pressure", 2, Date.now()), gateway: "gw2" }]);
  await until("the value is shown", () => host.current.get("gw1/boiler/pressure")?.value === 1);
  assert.is(tap.of("connect").length, 1);
});

sink("several brokers: one session at a time; on to the next where the primary host is offline, and where nobody listens", async () => {
  if (!needBroker()) return;
  const brokers = [later(await Broker.start()), later(await Broker.start())] as const;
  const host = new Host(true);
  const taps: Tap[] = [];
  for (const { port } of brokers)
    taps.push(
      later(await Tap.start(port, ({ will }) => will !== undefined && host.connects(will.topic, will.payload, will.qos, will.retain))),
    );
  const gone = later(await Watcher.start(brokers[0].url, "spBv1.0/STATE/scada"));
  await gone.client.publishAsync("spBv1.0/STATE/scada", '{"online":false,"timestamp":5}', { qos: 1, retain: true });
  const scada = later(await primaryHost(brokers[1].url, host));
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, taps.filter(({ isUsed }) => isUsed).length);
  }, 1);
  try {
    const { sink: made } = open("", { primaryHost: "scada", broker: { servers: taps.map(({ url }) => url) } });
    made.births("gw1", POINTS);
    await deliver(made, [sample("boiler", "pressure", 1, Date.now())]);
    await until("the value is shown", () => host.current.get("gw1/boiler/pressure")?.value === 1);
    assert.ok((taps[0] as Tap).of("publish").length === 0, "nothing was said where the host is not");
    await brokers[1].kill();
    await gone.client.publishAsync("spBv1.0/STATE/scada", '{"online":true,"timestamp":6}', { qos: 1, retain: true });
    await deliver(made, [sample("boiler", "pressure", 2, Date.now())]);
    await until("it is born at the first", () => (taps[0] as Tap).of("publish").length > 0);
    assert.is(most, 1);
    assert.ok(scada.received.length > 0);
  } finally {
    clearInterval(watch);
  }
});

/** A host with a STATE, that is gone with its connection. */
async function primaryHost(url: string, host: Host): Promise<Watcher> {
  const timestamp = Date.now();
  const state = (online: boolean): Buffer => Buffer.from(JSON.stringify({ online, timestamp }));
  const will = { topic: "spBv1.0/STATE/scada", payload: state(false), qos: 1 as const, retain: true };
  const watcher = await Watcher.start(
    url,
    "spBv1.0/plant/#",
    ({ topic, payload, qos, retain }) => host.receives(topic, payload, qos, retain),
    { will },
  );
  // mqtt.js subscribes again by itself after it has come back; its state follows the confirmation.
  watcher.client.on("packetreceive", ({ cmd }) => {
    if (cmd === "suback") watcher.client.publish("spBv1.0/STATE/scada", state(true), { qos: 1, retain: true });
  });
  watcher.client.publish("spBv1.0/STATE/scada", state(true), { qos: 1, retain: true });
  return watcher;
}

sink("the primary host dies: the node dies and holds its data; it comes back: births, then all of it as historical", async () => {
  if (!needBroker()) return;
  const broker = later(await Broker.start());
  const host = new Host(true);
  const tap = later(
    await Tap.start(broker.port, ({ will }) => will !== undefined && host.connects(will.topic, will.payload, will.qos, will.retain)),
  );
  const { sink: made, notes } = open(tap.url, { primaryHost: "scada" });
  made.births("gw1", POINTS);
  await pause(300);
  assert.not(tap.of("publish").length > 0, "nothing before the host is there");
  assert.not(await made.deliver([sample("boiler", "pressure", 1, Date.now())]));
  const scada = later(await primaryHost(broker.url, host));
  await deliver(made, [sample("boiler", "pressure", 1, Date.now())]);
  await until("the value is shown", () => host.current.get("gw1/boiler/pressure")?.value === 1);
  scada.client.stream.destroy();
  await until("the node is told", () => notes.some(({ is }) => is === "hostOffline"));
  const missed = sample("boiler", "pressure", 2, Date.now());
  await deliver(made, [missed]);
  await until("what was missed is told", () => host.history.some(({ value, historical }) => value === 2 && historical));
  assert.ok(host.births >= 2);
});

sink("the broker is killed (kill -9) again and again while data flows: nothing that was taken is lost to the primary host", async () => {
  if (!needBroker()) return;
  const broker = later(await Broker.start());
  const host = new Host(true);
  const tap = later(
    await Tap.start(broker.port, ({ will }) => will !== undefined && host.connects(will.topic, will.payload, will.qos, will.retain)),
  );
  later(await primaryHost(broker.url, host));
  const { sink: made, notes } = open(tap.url, { primaryHost: "scada" });
  made.births("gw1", POINTS);
  const taken: number[] = [];
  let isOver = false;
  const flow = (async () => {
    for (let n = 0; !isOver; ) {
      const batch = Array.from({ length: 10 }, (_, i) => sample("boiler", "pressure", n + i, Date.now()));
      if (await made.deliver(batch)) {
        taken.push(...batch.map(({ value }) => value as number));
        n += 10;
        await pause(2);
      } else await pause(20);
    }
  })();
  await until("data flows", () => taken.length > 500);
  for (let i = 0; i < 3; i++) {
    const before = taken.length;
    await broker.kill();
    await pause(100);
    await broker.start();
    await until("data flows again", () => taken.length > before + 500);
  }
  isOver = true;
  await flow;
  await until("the last is shown", () => host.current.get("gw1/boiler/pressure")?.value === taken.at(-1));
  const told = new Set(host.history.map(({ value }) => value));
  assert.equal(
    taken.filter((value) => !told.has(value)),
    [],
  );
  assert.ok(notes.filter(({ is }) => is === "lost").length >= 3);
});

sink("TLS: with a certificate the broker knows, and with no other; a broker of another authority is no broker", async () => {
  if (!needBroker()) return;
  const { broker, url, files, stranger } = await tlsBroker();
  later(broker);
  const good = open(url, { broker: { version: "5", tls: files } });
  good.sink.births("gw1", POINTS);
  await deliver(good.sink, [sample("boiler", "pressure", 1, Date.now())]);
  const bad = open(url, { broker: { tls: stranger } });
  bad.sink.births("gw2", POINTS);
  await until("the stranger is refused", () => bad.notes.some((note) => note.is === "lost"));
  const wrong = open(url, { broker: { tls: { ...files, caFile: stranger.certificateFile } } });
  wrong.sink.births("gw3", POINTS);
  await until("the broker is refused", () => wrong.notes.some((note) => note.is === "lost"));
  assert.match(JSON.stringify(wrong.notes), /UNABLE_TO|SELF_SIGNED|unable to/i);
  for (const { notes } of [bad, wrong]) assert.not(notes.some(({ is }) => is === "connected"));
});

sink("nobody listens there, then somebody does; closing meanwhile ends it", async () => {
  if (!needBroker()) return;
  const broker = later(await Broker.start());
  await broker.kill();
  const { sink: made, notes } = open(broker.url);
  made.births("gw1", POINTS);
  await until("it was refused", () => notes.some((note) => note.is === "lost" && note.reason === "ECONNREFUSED"));
  await broker.start();
  await deliver(made, [sample("boiler", "pressure", 1, Date.now())]);
  const other = open("mqtt://127.0.0.1:1").sink;
  other.births("gw1", POINTS);
  await other.close();
  assert.not(await other.deliver([sample("boiler", "pressure", 1, Date.now())]));
});

sink("a broker that does not let it subscribe is no session", async () => {
  const stern = later(await SternBroker.start({ subscribe: false }));
  const { sink: made, notes } = open(stern.url);
  made.births("gw1", POINTS);
  await until("it is told", () => notes.some((note) => note.is === "lost" && note.reason === "not subscribed"));
  assert.not(notes.some(({ is }) => is === "born"));
  assert.not(stern.commands.includes("publish"));
});

sink("what cannot be meant is refused at once", () => {
  const broker: BrokerOptions = { servers: ["mqtt://localhost:1"], version: "5" };
  const files = { caFile: "ca.pem" };
  const bad: Partial<SparkplugOptions>[] = [
    { group: "a/b" },
    { group: "" },
    { group: "a+" },
    { primaryHost: "#" },
    { broker: { ...broker, servers: [] } },
    { broker: { ...broker, servers: ["http://localhost"] } },
    { broker: { ...broker, servers: ["mqtts://localhost"] } },
    { broker: { ...broker, servers: ["mqtt://me:secret@localhost"] } },
    { broker: { ...broker, tls: files } },
    { broker: { servers: ["mqtts://localhost"], version: "5", tls: { ...files, keyFile: "key.pem" } } },
  ];
  const good = { name: "sparkplug", group: "plant", primaryHost: null, broker };
  for (const more of bad)
    assert.throws(
      () => new SparkplugSink({ ...good, ...more }, () => {}),
      (error: unknown) => error instanceof TypeError,
    );
});

sink("tshark reads topics and payloads of a session as Sparkplug B", async () => {
  if (!needBroker() || !need("tshark", hasTool("tshark"))) return;
  const { host, tap } = await stage();
  const { sink: made } = open(tap.url);
  made.births("gw1", POINTS);
  await deliver(made, [sample("boiler", "pressure", 4.5, Date.now()), sample("tank", "level", -7, Date.now())]);
  await until("the value is shown", () => host.current.get("gw1/tank/level")?.value === 0xfffffff9);
  made.link("gw1", false);
  await until("devices are dead", () => host.nodes.get("gw1")?.born.size === 0);
  await made.close();

  const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-tshark-"));
  try {
    tap.writeCapture(path.join(dir, "session.pcap"));
    const fields = ["groupid", "messagetype", "edgenodeid", "deviceid"].flatMap((name) => ["-e", `sparkplugb.${name}`]);
    const read = (...args: string[]): string =>
      execFileSync("tshark", ["-n", "-r", path.join(dir, "session.pcap"), ...args], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
    const seen = read("-Y", "sparkplugb", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,", ...fields)
      .trim()
      .split("\n");
    const types = seen.flatMap((line) => line.split("\t")[1]?.split(",") ?? []);
    const own = tap.of("publish").map(({ topic }) => topic?.split("/")[2]);
    assert.equal(types, own);
    assert.not(read("-Y", "_ws.malformed || _ws.expert.severity >= 8388608").trim());
    // With the messages' definition under the name tshark looks for, it reads the payloads too.
    const proto = readFileSync(path.join(root, "src/receiver/sparkplug/sparkplug.proto"), "utf8");
    writeFileSync(
      path.join(dir, "sparkplug.proto"),
      proto.replace("package penstock.sparkplug;", "package com.cirruslink.sparkplug.protobuf;"),
    );
    const text = read("-o", `uat:protobuf_search_paths:"${dir}","TRUE"`, "-Y", "sparkplugb", "-V");
    assert.match(text, /Node Control\/Rebirth/);
    assert.match(text, /Field\(10\): int_value = 4294967289/);
    assert.match(text, /Field\(13\): double_value = 4\.5/);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

const COMMAND = { alias: null, timeMs: null, type: "Boolean", historical: false, properties: [] } as const;
sink.run();
