/**
 * Samples as JSON over MQTT, acknowledged by the broker one by one (QoS 1).
 *
 *     <root>/<gateway>/<asset>/<point>           the current value, retained
 *     <root>/<gateway>/<asset>/<point>/history   what came late or was overtaken, not retained
 *     <root>/<gateway>/$status                   the link to the gateway, retained; the will says that nobody knows any more
 *
 *     {"value":21.5,"type":"float64","unit":"bar","quality":"good","time":1700000000123,"timeOf":"device","id":"...","historical":false}
 *     {"link":"alive","time":1700000000123}      alive, silent, or unknown (without a time, by the will)
 *
 * `type` is as in points.csv, or what the value shows where no birth told of the point. int64 and uint64 are strings of digits, whatever their
 * size: no reader of JSON can be trusted with more than 53 bits. NaN and the infinities, which JSON does not have, are "NaN", "Infinity" and
 * "-Infinity". Delivery is at least once; the same `id` is the same sample.
 */
import { Counts } from "./counts.ts";
import type { PointInfo, Sample, Sink } from "./model.ts";
import { MqttClient } from "./mqttClient.ts";
import { type BrokerOptions, checkBroker, type Message } from "./mqttSession.ts";
import { Order } from "./order.ts";

export interface MqttJsonOptions {
  readonly name: string;
  readonly broker: BrokerOptions;
  /** Of every topic; may have levels of its own. */
  readonly root: string;
  /** The client of a gateway is `<clientId>-<gateway>`. */
  readonly clientId?: string;
}

export type MqttJsonNote =
  | { readonly is: "connected" }
  | { readonly is: "lost"; readonly reason: string; readonly retryMs: number }
  /** Its name is no level of a topic, or there are too many. */
  | { readonly is: "gatewayRefused" }
  /** A point whose names are no levels of a topic has none: its samples go nowhere. `count`: of samples, in all. */
  | { readonly is: "pointRefused"; readonly point: string; readonly count: number };

/** Gateways, and so sessions, of one sink: a session has one will. */
const GATEWAYS = 64;

export class MqttJsonSink implements Sink {
  readonly name: string;
  readonly #options: MqttJsonOptions;
  readonly #tell: (gateway: string, note: MqttJsonNote) => void;
  readonly #random: () => number;
  readonly #gateways = new Map<string, Gateway>();
  #isClosed = false;

  /** @throws TypeError for a root that is no topic, and as `checkBroker` */
  constructor(options: MqttJsonOptions, tell: (gateway: string, note: MqttJsonNote) => void, random: () => number = Math.random) {
    if (!isTopic(options.root)) throw new TypeError(`not a topic: ${options.root}`);
    checkBroker(options.broker);
    this.name = options.name;
    this.#options = options;
    this.#tell = tell;
    this.#random = random;
  }

  births(gateway: string, points: readonly PointInfo[]): void {
    this.#gatewayOf(gateway)?.learn(points);
  }

  link(gateway: string, isAlive: boolean): void {
    this.#gatewayOf(gateway)?.link(isAlive);
  }

  async deliver(samples: readonly Sample[]): Promise<boolean> {
    if (this.#isClosed) return false;
    const groups = new Map<Gateway, Sample[]>();
    for (const sample of samples) {
      const gateway = this.#gatewayOf(sample.gateway);
      if (gateway === null) continue;
      const group = groups.get(gateway) ?? [];
      groups.set(gateway, group);
      group.push(sample);
    }
    const isReady = [...groups.keys()].every((gateway) => gateway.isReady);
    const done = await Promise.all([...groups].map(([gateway, group]) => gateway.deliver(group, isReady)));
    return done.every(Boolean);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#gateways.values()].map((gateway) => gateway.close()));
  }

  #gatewayOf(name: string): Gateway | null {
    const known = this.#gateways.get(name);
    if (known !== undefined) return known;
    if (this.#isClosed || this.#gateways.size >= GATEWAYS || !isLevel(name)) {
      this.#tell(name, { is: "gatewayRefused" });
      return null;
    }
    const gateway = new Gateway(this.#options, name, (note) => this.#tell(name, note), this.#random);
    this.#gateways.set(name, gateway);
    return gateway;
  }
}

class Gateway {
  readonly #topic: string;
  readonly #client: MqttClient;
  readonly #points = new Map<string, PointInfo>();
  readonly #order = new Order();
  readonly #refused = new Counts();
  readonly #tell: (note: MqttJsonNote) => void;
  #status: Status = { link: "unknown" };

  constructor(options: MqttJsonOptions, name: string, tell: (note: MqttJsonNote) => void, random: () => number) {
    const { broker, root, clientId = "penstock" } = options;
    this.#topic = `${root}/${name}`;
    this.#tell = tell;
    this.#client = new MqttClient(
      broker,
      `${clientId}-${name}`,
      [],
      {
        connecting: () => this.#statusMessage({ link: "unknown" }),
        opened: (session) => {
          tell({ is: "connected" });
          void session.publish(this.#statusMessage(this.#status));
        },
        lost: (reason, retryMs) => tell({ is: "lost", reason, retryMs }),
        heard: () => {},
        proven: () => {},
      },
      random,
    );
  }

  get isReady(): boolean {
    return this.#client.session?.isFull === false;
  }

  learn(points: readonly PointInfo[]): void {
    this.#points.clear();
    for (const point of points) this.#points.set(`${point.asset}/${point.point}`, point);
    if (this.#status.link === "unknown") this.link(true);
  }

  link(isAlive: boolean): void {
    const link = isAlive ? "alive" : "silent";
    if (this.#status.link === link) return;
    this.#status = { link, time: Date.now() };
    void this.#client.session?.publish(this.#statusMessage(this.#status));
  }

  async deliver(samples: readonly Sample[], isReady: boolean): Promise<boolean> {
    const done = samples.map(async (sample) => {
      if (!isLevel(sample.asset) || !isLevel(sample.point)) return this.#refuse(sample);
      const turn = this.#order.offer(pointOf(sample), sample.id);
      const isAcknowledged = isReady && (await this.#publish(sample, turn.isOvertaken));
      if (isAcknowledged && !sample.historical) turn.isCurrent();
      return isAcknowledged;
    });
    return (await Promise.all(done)).every(Boolean);
  }

  async close(): Promise<void> {
    // Nobody will tell of the link any more.
    void this.#client.session?.publish(this.#statusMessage({ link: "unknown" }));
    await this.#client.close(false);
  }

  /** @returns there is nothing to wait for */
  #refuse(sample: Sample): true {
    const told = this.#refused.note(pointOf(sample).slice(0, 256), performance.now());
    if (told !== null) this.#tell({ is: "pointRefused", point: told.kind, count: told.count });
    return true;
  }

  #publish(sample: Sample, isOvertaken: boolean): Promise<boolean> {
    const { session } = this.#client;
    if (session === null) return Promise.resolve(false);
    const historical = sample.historical || isOvertaken;
    const topic = `${this.#topic}/${pointOf(sample)}`;
    const payload = Buffer.from(jsonOf({ ...sample, historical }, this.#points.get(pointOf(sample)) ?? null));
    return session.publish({ topic: historical ? `${topic}/history` : topic, payload, qos: 1, retain: !historical });
  }

  #statusMessage(status: Status): Message {
    return { topic: `${this.#topic}/$status`, payload: Buffer.from(JSON.stringify(status)), qos: 1, retain: true };
  }
}

interface Status {
  readonly link: "alive" | "silent" | "unknown";
  readonly time?: number;
}

function pointOf({ asset, point }: Sample): string {
  return `${asset}/${point}`;
}

export function jsonOf(sample: Sample, point: PointInfo | null): string {
  const { value, quality, timeMs, timeOf, id, historical } = sample;
  const type = point?.type ?? typeOf(value);
  const isWide = type === "int64" || type === "uint64";
  return JSON.stringify({
    value: typeof value === "bigint" || (isWide && typeof value === "number") || isNoJson(value) ? String(value) : value,
    type,
    unit: point?.unit ?? "",
    quality,
    time: timeMs,
    timeOf,
    id,
    historical,
  });
}

function isNoJson(value: Sample["value"]): boolean {
  return typeof value === "number" && !Number.isFinite(value);
}

function typeOf(value: Sample["value"]): string {
  switch (typeof value) {
    case "bigint":
      return value >= 1n << 63n ? "uint64" : "int64";
    case "boolean":
      return "bool";
    case "string":
      return "string";
    default:
      return "number";
  }
}

function isLevel(text: string): boolean {
  return isTopic(text) && !text.includes("/");
}

function isTopic(text: string): boolean {
  return text.length > 0 && text.length <= 1024 && text.isWellFormed() && !/[+#\p{Cc}]|^\/|\/$/u.test(text);
}
