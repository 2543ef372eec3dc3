/** The JSON sink against a real broker (Mosquitto), with a consumer of its own, killed brokers and brokers that do not answer. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { PointInfo, Sample } from "#receiver/model";
import { backoffMs } from "#receiver/mqttClient";
import { jsonOf, type MqttJsonNote, MqttJsonSink } from "#receiver/mqttJson";
import type { BrokerOptions } from "#receiver/mqttSession";
import { Order } from "#receiver/order";
import { Broker, needBroker, pause, tlsBroker, until, Watcher } from "./broker.ts";
import { SternBroker, Tap } from "./tap.ts";

const json = suite("receiver/mqttJson");

const closing: (() => Promise<void>)[] = [];
json.after.each(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
function later<T extends { end(): Promise<void> }>(thing: T): T {
  closing.push(() => thing.end());
  return thing;
}

const info = (point: string, type: string, unit = ""): PointInfo => ({
  gateway: "gw1",
  asset: "boiler",
  point,
  type,
  unit,
  description: "",
});
const sample = (point: string, value: Sample["value"], more: Partial<Sample> = {}): Sample => ({
  gateway: "gw1",
  asset: "boiler",
  point,
  id: `${point}-${String(value)}`,
  value,
  quality: "good",
  timeMs: 1_700_000_000_123,
  timeOf: "device",
  historical: false,
  ...more,
});

function open(broker: Partial<BrokerOptions> & { servers: string[] }): { sink: MqttJsonSink; notes: MqttJsonNote[] } {
  const notes: MqttJsonNote[] = [];
  const made = new MqttJsonSink(
    { name: "json", root: "site/penstock", broker: { version: "5", ...broker } },
    (_, note) => notes.push(note),
    () => 0,
  );
  closing.push(() => made.close());
  return { sink: made, notes };
}

async function deliver(to: MqttJsonSink, ...samples: Sample[]): Promise<void> {
  for (let i = 0; !(await to.deliver(samples)); i++) {
    if (i > 1_000) throw new Error("never delivered");
    await pause(20);
  }
}

/** topic -> what a newcomer is given */
async function retained(url: string): Promise<Map<string, Record<string, unknown>>> {
  const found = new Map<string, Record<string, unknown>>();
  const watcher = await Watcher.start(url, "site/#", ({ topic, payload }) => found.set(topic, JSON.parse(payload.toString())));
  await pause(200);
  await watcher.end();
  return found;
}

for (const version of ["3.1.1", "5"] as const) {
  json(`the tree: current values retained, late ones not, the state of the link, QoS 1 (MQTT ${version})`, async () => {
    if (!needBroker()) return;
    const broker = later(await Broker.start());
    const watcher = later(await Watcher.start(broker.url, "site/#"));
    const { sink } = open({ servers: [broker.url], version });
    sink.births("gw1", [info("pressure", "float64", "bar"), info("count", "uint64")]);
    await deliver(
      sink,
      sample("pressure", 21.5),
      sample("count", 18446744073709551615n),
      sample("pressure", 20, { historical: true, id: "late" }),
    );
    await until("all came", () => watcher.received.length === 4);
    assert.ok(watcher.received.every(({ qos }) => qos === 1));
    const found = await retained(broker.url);
    const rest = { quality: "good", time: 1_700_000_000_123, timeOf: "device", historical: false };
    assert.equal(found.get("site/penstock/gw1/boiler/pressure"), {
      value: 21.5,
      type: "float64",
      unit: "bar",
      ...rest,
      id: "pressure-21.5",
    });
    assert.is(found.get("site/penstock/gw1/boiler/count")?.value, "18446744073709551615");
    assert.is(found.get("site/penstock/gw1/$status")?.link, "alive");
    assert.is(found.size, 3);
    const late = watcher.received.find(({ topic }) => topic === "site/penstock/gw1/boiler/pressure/history");
    assert.equal(JSON.parse(String(late?.payload)), { value: 20, type: "float64", unit: "bar", ...rest, id: "late", historical: true });
  });
}

json("the state of the link: alive, silent, and unknown once the receiver is gone, closed or not", async () => {
  if (!needBroker()) return;
  const broker = later(await Broker.start());
  const tap = later(await Tap.start(broker.port));
  const watcher = later(await Watcher.start(broker.url, "site/penstock/+/$status"));
  const links = (): string[] => watcher.received.map(({ payload }) => (JSON.parse(payload.toString()) as { link: string }).link);
  const { sink } = open({ servers: [tap.url] });
  sink.link("gw1", true);
  await until("alive", () => links().at(-1) === "alive");
  sink.link("gw1", false);
  await until("silent", () => links().at(-1) === "silent");
  tap.open(false);
  await until("the will", () => links().at(-1) === "unknown");
  tap.open(true);
  await until("back", () => links().at(-1) === "silent");
  await sink.close();
  await until("closed", () => links().at(-1) === "unknown");
  assert.is((await retained(broker.url)).get("site/penstock/gw1/$status")?.link, "unknown");
  const [connect] = tap.of("connect");
  assert.equal([connect?.will?.topic, connect?.will?.qos, connect?.will?.retain], ["site/penstock/gw1/$status", 1, true]);
  assert.is(tap.of("disconnect").at(-1)?.reasonCode ?? 0, 0);
});

json(
  "the broker is killed (kill -9) again and again: nothing acknowledged is lost, and in the end the newest value is retained",
  async () => {
    if (!needBroker()) return;
    const broker = later(await Broker.start(["allow_anonymous true", "max_inflight_messages 0"]));
    const seen = new Set<number>();
    let listens = true;
    const watcher = later(
      await Watcher.start(broker.url, "site/penstock/gw1/boiler/#", ({ payload }) =>
        seen.add((JSON.parse(payload.toString()) as { value: number }).value),
      ),
    );
    watcher.client.on("close", () => {
      listens = false;
    });
    watcher.client.on("packetreceive", ({ cmd }) => {
      if (cmd === "suback") listens = true;
    });
    const { sink } = open({ servers: [broker.url] });
    const acknowledged: number[] = [];
    let isOver = false;
    const flow = (async () => {
      for (let n = 0; !isOver; ) {
        const batch = Array.from({ length: 10 }, (_, i) => sample("pressure", n + i));
        // What is acknowledged while nobody listens is nobody's loss.
        if (listens && (await sink.deliver(batch))) {
          acknowledged.push(...batch.map(({ value }) => value as number));
          n += 10;
        } else await pause(10);
      }
    })();
    await until("data flows", () => acknowledged.length > 300);
    for (let i = 0; i < 3; i++) {
      const before = acknowledged.length;
      await broker.kill();
      await pause(100);
      await broker.start();
      await until("data flows again", () => acknowledged.length > before + 300);
    }
    isOver = true;
    await flow;
    await until("all is seen", () => seen.has(acknowledged.at(-1) as number));
    assert.equal(
      acknowledged.filter((value) => !seen.has(value)),
      [],
    );
    assert.is((await retained(broker.url)).get("site/penstock/gw1/boiler/pressure")?.value, acknowledged.at(-1));
  },
);

json("a broker that takes and never acknowledges: the offer comes back as refused, and the session is ended", async () => {
  const stern = later(await SternBroker.start({ publish: false }));
  const { sink, notes } = open({ servers: [stern.url], version: "3.1.1" });
  sink.births("gw1", [info("pressure", "float64")]);
  await until("it is connected", () => notes.some(({ is }) => is === "connected"));
  const started = performance.now();
  assert.not(await sink.deliver(Array.from({ length: 200 }, (_, i) => sample("pressure", i))));
  assert.ok(performance.now() - started < 15_000);
  await until("the session has ended", () => notes.some(({ is }) => is === "lost"));
  // What is under way is bounded, whatever is offered.
  assert.ok(stern.commands.filter((cmd) => cmd === "publish").length <= 64);
});

json("TLS with a certificate", async () => {
  if (!needBroker()) return;
  const { broker, url, files } = await tlsBroker();
  later(broker);
  const { sink } = open({ servers: [url], tls: files });
  await deliver(sink, sample("pressure", 1));
});

json("a gateway or point that is no level of a topic is refused, and its samples do not stop others'", async () => {
  if (!needBroker()) return;
  const broker = later(await Broker.start());
  const { sink, notes } = open({ servers: [broker.url] });
  const strange = [sample("a/b", 1), sample("#", 1), sample("x", 1, { asset: "" }), sample("y", 1, { asset: "+" })];
  await deliver(sink, sample("pressure", 1), sample("pressure", 1, { gateway: "a+b" }), ...strange);
  assert.ok(notes.some(({ is }) => is === "gatewayRefused"));
  const refused = notes.flatMap((note) => (note.is === "pointRefused" ? [note.point] : []));
  for (const point of ["boiler/a/b", "boiler/#", "/x", "+/y"]) assert.ok(refused.includes(point), point);
  assert.throws(() => new MqttJsonSink({ name: "x", root: "a/#", broker: { servers: [broker.url], version: "5" } }, () => {}));
});

json("values as JSON has them, and as it does not", () => {
  const vectors: readonly (readonly [Sample["value"], PointInfo | null, unknown, string])[] = [
    [1.5, null, 1.5, "number"],
    [true, null, true, "bool"],
    ["x", null, "x", "string"],
    [null, info("p", "int16"), null, "int16"],
    [-5n, null, "-5", "int64"],
    [18446744073709551615n, null, "18446744073709551615", "uint64"],
    [5, info("p", "int64"), "5", "int64"],
    [5, info("p", "uint32"), 5, "uint32"],
    [Number.NaN, info("p", "float32"), "NaN", "float32"],
    [Number.NEGATIVE_INFINITY, null, "-Infinity", "number"],
  ];
  for (const [value, point, expected, type] of vectors) {
    const got = JSON.parse(jsonOf(sample("p", value), point)) as Record<string, unknown>;
    assert.equal([got.value, got.type], [expected, type]);
  }
});

json("a sample that comes again after another overtook it is not the current value; a clock that was set back does not matter", () => {
  const order = new Order();
  const first = order.offer("p", "1");
  const second = order.offer("p", "2");
  assert.not(first.isOvertaken);
  second.isCurrent();
  assert.ok(order.offer("p", "1").isOvertaken);
  assert.not(order.offer("q", "1").isOvertaken, "of another point");
  assert.not(order.offer("p", "2").isOvertaken, "it is itself the current one");
  assert.not(order.offer("p", "3").isOvertaken);
  for (let i = 0; i < 100_000; i++) order.offer(`p${i % 70_000}`, `x${i}`).isCurrent();
  assert.not(order.offer("p", "1").isOvertaken, "after so long it is a new one");
});

json("backoff grows to half a minute, and many do not come back as one", () => {
  assert.equal(
    [0, 1, 5, 6, 100].map((failures) => backoffMs(failures, 1)),
    [500, 1_000, 16_000, 30_000, 30_000],
  );
  assert.is(backoffMs(6, 0), 15_000);
});

json.run();
