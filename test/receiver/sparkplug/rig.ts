/** An edge node, a clock and a host in one place: what the node says the host hears, encoded and read again. */
import type { PointInfo, Sample } from "#receiver/model";
import { EdgeNode, type EdgeNodeOptions } from "#receiver/sparkplug/edgeNode";
import { encodePayload, type Metric } from "#receiver/sparkplug/payload";
import type { Leave, Note, Outgoing, Step } from "#receiver/sparkplug/step";
import { Host } from "./host.ts";

export const NAME = { group: "plant", node: "gw1" };

export function point(asset: string, name: string, type = "float64", unit = ""): PointInfo {
  return { gateway: "gw1", asset, point: name, type, unit, description: "" };
}

export function sample(asset: string, name: string, value: Sample["value"], timeMs: number, more: Partial<Sample> = {}): Sample {
  const id = `${asset}/${name}/${timeMs}/${String(value)}`;
  return { gateway: "gw1", asset, point: name, id, value, quality: "good", timeMs, timeOf: "gateway", historical: false, ...more };
}

export class Rig {
  readonly node: EdgeNode;
  readonly host = new Host();
  readonly notes: Note[] = [];
  leave: Leave | null = null;
  /** The last step's messages. */
  said: readonly Outgoing[] = [];
  ms = 1_000;
  wallMs = 1_700_000_000_000;

  constructor(options: Partial<EdgeNodeOptions> = {}) {
    this.node = new EdgeNode({ name: NAME, primaryHost: null, servers: 1, doubtfulMs: 5_000, ...options });
  }

  get now(): { readonly ms: number; readonly wallMs: number } {
    return { ms: this.ms, wallMs: this.wallMs };
  }

  pass(ms: number): this {
    this.ms += ms;
    this.wallMs += ms;
    return this;
  }

  connect(server = 0): this {
    const will = this.node.connecting(server);
    this.host.connects(will.topic, encodePayload(will.payload), will.qos);
    return this;
  }

  open(server = 0): this {
    this.connect(server);
    this.hear(this.node.opened(this.now));
    return this;
  }

  lose(): this {
    this.hear(this.node.lost(this.now));
    return this;
  }

  learn(...points: PointInfo[]): this {
    this.hear(this.node.learn(points, this.now));
    return this;
  }

  /** @returns whether they were taken; a while passes, in which nothing else is offered */
  offer(...samples: Sample[]): boolean {
    const step = this.node.data(samples, this.now);
    this.hear(step);
    if (step.taken) this.node.written(this.now);
    return step.taken;
  }

  command(topic: string, metrics: readonly Partial<Metric>[], retained = false): this {
    const whole = metrics.map((metric) => ({ ...NOTHING, ...metric }));
    const octets = encodePayload({ timeMs: this.wallMs, seq: null, metrics: whole });
    this.hear(this.node.heard(topic, octets, retained, this.now));
    return this;
  }

  rebirth(): this {
    return this.command("spBv1.0/plant/NCMD/gw1", [{ name: "Node Control/Rebirth", type: "Boolean", value: true }]);
  }

  state(online: boolean, timestamp: number, host = "scada"): this {
    const octets = Buffer.from(JSON.stringify({ online, timestamp }));
    this.hear(this.node.heard(`spBv1.0/STATE/${host}`, octets, true, this.now));
    return this;
  }

  tick(): this {
    this.hear(this.node.tick(this.now));
    return this;
  }

  /** Verbs of the last step, with the device where there is one. */
  get verbs(): string[] {
    return this.said.map(({ topic }) => topic.split("/").slice(2).join(" ").replace(" gw1", ""));
  }

  noted(is: Note["is"]): Note[] {
    return this.notes.filter((note) => note.is === is);
  }

  hear(step: Step): void {
    this.said = step.publish;
    this.leave = step.leave;
    this.notes.push(...step.notes);
    for (const { topic, payload, qos } of step.publish) this.host.receives(topic, encodePayload(payload), qos, false, this.wallMs);
  }
}

const NOTHING: Metric = { name: null, alias: null, timeMs: null, type: "Boolean", value: null, historical: false, properties: [] };
