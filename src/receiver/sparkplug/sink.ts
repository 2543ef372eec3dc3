/**
 * Samples to Sparkplug hosts: an edge node, and an MQTT session of its own, for every gateway (a session has one will, and that is its death).
 * The node (`edgeNode.ts`) decides; here are the clock, the octets and the broker.
 */
import type { PointInfo, Sample, Sink } from "../model.ts";
import { MqttClient } from "../mqttClient.ts";
import { type BrokerOptions, checkBroker, type Message, type MqttSession } from "../mqttSession.ts";
import { EdgeNode } from "./edgeNode.ts";
import { encodePayload } from "./payload.ts";
import type { Note, Now, Outgoing, Step } from "./step.ts";
import { isId } from "./topics.ts";
import type { Uint32Field } from "./types.ts";

export interface SparkplugOptions {
  readonly name: string;
  readonly broker: BrokerOptions;
  readonly group: string;
  /** The edge node a gateway is; its own name unless stated. Two gateways may not be one. */
  readonly nodeOf?: (gateway: string) => string;
  readonly primaryHost: string | null;
  /** The client of a node is `<clientId>-<node>`. */
  readonly clientId?: string;
  readonly doubtfulMs?: number;
  readonly uint32?: Uint32Field;
}

export type SparkplugNote =
  | Note
  | { readonly is: "connected" }
  | { readonly is: "lost"; readonly reason: string; readonly retryMs: number }
  /** Its name is no Sparkplug id, another gateway is that edge node, or there are too many. */
  | { readonly is: "gatewayRefused" };

/** Edge nodes, and so sessions, of one sink. */
const NODES = 64;
const DOUBTFUL_MS = 30_000;
const TICK_MS = 100;
const PING_MS = 2_000;

export class SparkplugSink implements Sink {
  readonly name: string;
  readonly #options: SparkplugOptions;
  readonly #tell: (gateway: string, note: SparkplugNote) => void;
  readonly #random: () => number;
  readonly #runners = new Map<string, Runner>();
  #isClosed = false;

  /**
   * @param tell what people should know; commands that were ignored are among it (RULINGS 41)
   * @throws TypeError for a group or host that is no Sparkplug id, and as `checkBroker`
   */
  constructor(options: SparkplugOptions, tell: (gateway: string, note: SparkplugNote) => void, random: () => number = Math.random) {
    for (const id of [options.group, options.primaryHost ?? "any"]) if (!isId(id)) throw new TypeError(`not a Sparkplug id: ${id}`);
    checkBroker(options.broker);
    this.name = options.name;
    this.#options = options;
    this.#tell = tell;
    this.#random = random;
  }

  births(gateway: string, points: readonly PointInfo[]): void {
    this.#runnerOf(gateway)?.step((node, now) => node.learn(points, now));
  }

  link(gateway: string, isAlive: boolean): void {
    this.#runnerOf(gateway)?.step((node, now) => node.link(isAlive, now));
  }

  async deliver(samples: readonly Sample[]): Promise<boolean> {
    const groups = new Map<Runner, Sample[]>();
    for (const sample of samples) {
      const runner = this.#runnerOf(sample.gateway);
      if (runner === null) continue;
      const group = groups.get(runner) ?? [];
      groups.set(runner, group);
      group.push(sample);
    }
    if (this.#isClosed) return false;
    // All or none: what went for one gateway would go twice when they are offered again for another.
    if ([...groups.keys()].some((runner) => !runner.isReady)) {
      for (const [runner, group] of groups) runner.node.remember(group);
      return false;
    }
    const done = await Promise.all([...groups].map(([runner, group]) => runner.deliver(group)));
    return done.every(Boolean);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#runners.values()].map((runner) => runner.close()));
  }

  #runnerOf(gateway: string): Runner | null {
    const known = this.#runners.get(gateway);
    if (known !== undefined) return known;
    const node = this.#options.nodeOf?.(gateway) ?? gateway;
    const isTaken = [...this.#runners.values()].some((runner) => runner.node.name.node === node);
    if (this.#isClosed || isTaken || this.#runners.size >= NODES || !isId(node)) {
      this.#tell(gateway, { is: "gatewayRefused" });
      return null;
    }
    const runner = new Runner(this.#options, node, (note) => this.#tell(gateway, note), this.#random);
    this.#runners.set(gateway, runner);
    return runner;
  }
}

class Runner {
  readonly node: EdgeNode;
  readonly #uint32: Uint32Field;
  readonly #tell: (note: SparkplugNote) => void;
  readonly #client: MqttClient;
  readonly #timer: NodeJS.Timeout;
  #pingedMs = 0;

  constructor(options: SparkplugOptions, node: string, tell: (note: SparkplugNote) => void, random: () => number) {
    const { broker, group, primaryHost, uint32 = "int", doubtfulMs = DOUBTFUL_MS, clientId = "penstock" } = options;
    this.#uint32 = uint32;
    this.#tell = tell;
    this.node = new EdgeNode({ name: { group, node }, primaryHost, servers: broker.servers.length, doubtfulMs });
    this.#client = new MqttClient(
      broker,
      `${clientId}-${node}`,
      this.node.subscriptions,
      {
        connecting: (server) => this.#message(this.node.connecting(server)),
        opened: () => {
          tell({ is: "connected" });
          this.step((each, now) => each.opened(now));
        },
        lost: (reason, retryMs) => {
          tell({ is: "lost", reason, retryMs });
          this.step((each, now) => each.lost(now));
        },
        heard: (topic, payload, retained) => this.step((each, now) => each.heard(topic, payload, retained, now)),
        proven: (untilMs) => this.node.proven(untilMs),
      },
      random,
    );
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  get isReady(): boolean {
    return this.node.isReady && this.#client.session?.isFull === false;
  }

  /** @returns whether all of it was written */
  step(ask: (node: EdgeNode, now: Now) => Step): Promise<boolean> {
    const step = ask(this.node, clock());
    for (const note of step.notes) this.#tell(note);
    const { session } = this.#client;
    const done = step.publish.map((outgoing) => session?.publish(this.#message(outgoing)) ?? Promise.resolve(false));
    if (step.leave !== null && session !== null) leave(session, step.leave === "farewell");
    return Promise.all(done).then((all) => all.every(Boolean));
  }

  async deliver(samples: readonly Sample[]): Promise<boolean> {
    let taken = false;
    const written = await this.step((node, now) => {
      const step = node.data(samples, now);
      taken = step.taken;
      return step;
    });
    if (taken) this.node.written(clock());
    return taken && written;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    void this.step((node, now) => node.leaving(now));
    await this.#client.close(true);
  }

  #tick(): void {
    void this.step((node, now) => node.tick(now));
    const { ms } = clock();
    if (!this.node.isUnproven || ms - this.#pingedMs < PING_MS) return;
    this.#pingedMs = ms;
    this.#client.session?.ping();
  }

  #message({ topic, payload, qos }: Outgoing): Message {
    return { topic, payload: encodePayload(payload, this.#uint32), qos, retain: false };
  }
}

function leave(session: MqttSession, isFarewell: boolean): void {
  if (isFarewell) void session.farewell(true);
  else session.drop();
}

function clock(): Now {
  return { ms: performance.now(), wallMs: Date.now() };
}
