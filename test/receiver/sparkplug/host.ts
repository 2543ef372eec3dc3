/**
 * A Sparkplug host that believes nothing: it reads every message with Tahu's decoder, holds each against the specification's rules for edge
 * nodes, and keeps what a real host would show: who is born, each current value, and the history. One for a group of edge nodes.
 */
import * as assert from "uvu/assert";
import { oracleFields, type WireFields } from "./oracle.ts";

type WireMetric = WireFields["metrics"][number];

/** type code -> field */
const FIELD_OF: Readonly<Record<number, keyof WireMetric>> = {
  1: "intValue",
  2: "intValue",
  3: "intValue",
  4: "longValue",
  5: "intValue",
  6: "intValue",
  7: "intValue",
  8: "longValue",
  9: "floatValue",
  10: "doubleValue",
  11: "booleanValue",
  12: "stringValue",
};

export interface Told {
  readonly metric: string;
  readonly value: unknown;
  readonly timeMs: number;
  readonly quality: number;
}

interface Known {
  readonly name: string;
  readonly datatype: number;
  readonly device: string;
}

class Node {
  /** null: not in this session. */
  seq: number | null = null;
  willBdSeq: number | null = null;
  group = "";
  isBorn = false;
  birthsMs = 0;
  readonly aliases = new Map<number, Known>();
  readonly born = new Set<string>();
}

export class Host {
  readonly nodes = new Map<string, Node>();
  /** `node/device/metric` -> what is shown. */
  readonly current = new Map<string, Told>();
  /** In order, current ones too. */
  readonly history: (Told & { readonly historical: boolean })[] = [];
  readonly units = new Map<string, string>();
  readonly verbs: string[] = [];
  births = 0;
  /** The broker sends wills: of sessions without a birth, after a farewell (MQTT 5), and late ones. */
  readonly #hearsWills: boolean;

  constructor(hearsWills = false) {
    this.#hearsWills = hearsWills;
  }

  node(name: string): Node {
    const known = this.nodes.get(name) ?? new Node();
    this.nodes.set(name, known);
    return known;
  }

  /** A CONNECT with this will. */
  connects(topic: string, octets: Uint8Array, qos: number, retain = false): void {
    const [namespace, group = "", verb, name = "", ...rest] = topic.split("/");
    // tck-id-message-flow-edge-node-birth-publish-will-message, tck-id-payloads-ndeath-will-message: there is one.
    // tck-id-topics-ndeath-topic
    assert.equal(
      [namespace, verb, rest.length],
      ["spBv1.0", "NDEATH", 0],
      "tck-id-message-flow-edge-node-birth-publish-will-message-topic",
    );
    assert.ok(group !== "" && name !== "");
    // tck-id-message-flow-edge-node-birth-publish-will-message-qos
    assert.is(qos, 1, "tck-id-payloads-ndeath-will-message-qos");
    // tck-id-message-flow-edge-node-birth-publish-will-message-will-retained
    assert.is(retain, false, "tck-id-payloads-ndeath-will-message-retain");
    const node = this.node(name);
    // tck-id-message-flow-edge-node-birth-publish-will-message-payload
    const bdSeq = deathOf(octets);
    const expected = node.willBdSeq === null ? 0 : (node.willBdSeq + 1) % 256;
    // tck-id-message-flow-edge-node-birth-publish-will-message-payload-bdSeq
    assert.is(bdSeq, expected, "tck-id-topics-nbirth-bdseq-increment");
    Object.assign(node, { willBdSeq: bdSeq, group, seq: null, isBorn: false });
    node.born.clear();
  }

  /** @param nowMs its clock */
  receives(topic: string, octets: Uint8Array, qos: number, retain: boolean, nowMs = Date.now()): void {
    const [namespace, group, verb = "", name = "", device, ...rest] = topic.split("/");
    assert.is(namespace, "spBv1.0", "tck-id-topic-structure-namespace-a");
    // tck-id-topics-nbirth-topic, tck-id-message-flow-edge-node-birth-publish-nbirth-topic, tck-id-topics-ndata-topic
    // tck-id-topics-dbirth-topic, tck-id-message-flow-device-birth-publish-dbirth-topic, tck-id-topics-ddata-topic, tck-id-topics-ddeath-topic
    assert.is(rest.length, 0, "tck-id-topic-structure");
    // tck-id-topics-nbirth-mqtt, tck-id-message-flow-edge-node-birth-publish-nbirth-retained, tck-id-payloads-nbirth-retain
    // tck-id-topics-dbirth-mqtt, tck-id-message-flow-device-birth-publish-dbirth-retained, tck-id-payloads-dbirth-retain
    // tck-id-topics-ndata-mqtt, tck-id-payloads-ndata-retain, tck-id-topics-ddata-mqtt, tck-id-payloads-ddata-retain, tck-id-topics-ddeath-mqtt
    assert.is(retain, false, `${verb} is retained`);
    // tck-id-topic-structure-namespace-device-id-non-associated-message-types
    assert.is(verb.startsWith("D"), device !== undefined, "tck-id-topic-structure-namespace-device-id-associated-message-types");
    this.verbs.push(device === undefined ? verb : `${verb} ${device}`);
    const node = this.node(name);
    // Of the node that connected.
    assert.is(group, node.group, "tck-id-message-flow-device-birth-publish-dbirth-match-edge-node-topic");
    if (verb === "NDEATH") this.#death(node, name, octets, qos);
    else this.#living(node, topic, octets, qos, nowMs);
  }

  #living(node: Node, topic: string, octets: Uint8Array, qos: number, nowMs: number): void {
    const [, , verb = "", name = "", device] = topic.split("/");
    // tck-id-message-flow-edge-node-birth-publish-nbirth-qos, tck-id-payloads-nbirth-qos, tck-id-message-flow-device-birth-publish-dbirth-qos
    // tck-id-payloads-dbirth-qos, tck-id-payloads-ndata-qos, tck-id-payloads-ddata-qos
    assert.is(qos, 0, `QoS of ${verb}`);
    // tck-id-message-flow-edge-node-birth-publish-nbirth-payload, tck-id-message-flow-device-birth-publish-dbirth-payload
    const payload = oracleFields(octets);
    // tck-id-topics-nbirth-timestamp, tck-id-payloads-nbirth-timestamp, tck-id-topics-dbirth-timestamp, tck-id-payloads-dbirth-timestamp
    // tck-id-topics-ndata-timestamp, tck-id-payloads-ndata-timestamp, tck-id-topics-ddata-timestamp, tck-id-payloads-ddata-timestamp
    // tck-id-payloads-ddeath-timestamp, tck-id-payloads-timestamp-in-UTC
    assert.ok(Math.abs(Number(payload.timestamp) - nowMs) < 60_000, `timestamp of ${verb}`);
    // tck-id-payloads-sequence-num-always-included, tck-id-payloads-dbirth-seq, tck-id-payloads-ndata-seq, tck-id-payloads-ddata-seq
    // tck-id-payloads-ddeath-seq, tck-id-payloads-ddeath-seq-number
    assert.ok(payload.seq !== undefined, `seq of ${verb}`);
    const seq = Number(payload.seq);
    // tck-id-payloads-nbirth-seq, tck-id-payloads-sequence-num-req-nbirth, tck-id-message-flow-edge-node-birth-publish-nbirth-payload-seq
    if (verb === "NBIRTH") assert.is(seq, 0, "tck-id-topics-nbirth-seq-num");
    else {
      // tck-id-message-flow-device-birth-publish-nbirth-wait, tck-id-payloads-ndata-order
      assert.ok(node.isBorn && node.seq !== null, `${topic}: tck-id-principles-birth-certificates-order`);
      // tck-id-topics-dbirth-seq, tck-id-payloads-dbirth-seq-inc, tck-id-message-flow-device-birth-publish-dbirth-payload-seq
      // tck-id-topics-ndata-seq-num, tck-id-payloads-ndata-seq-inc, tck-id-topics-ddata-seq-num, tck-id-payloads-ddata-seq-inc
      // tck-id-topics-ddeath-seq-num, tck-id-payloads-ddeath-seq-inc
      assert.is(seq, ((node.seq as number) + 1) % 256, "tck-id-payloads-sequence-num-incrementing");
    }
    node.seq = seq;
    for (const metric of payload.metrics) checkProperties(metric);
    if (verb === "NBIRTH") this.#nodeBirth(node, name, payload);
    else if (verb === "DBIRTH") this.#birth(node, name, device as string, payload.metrics);
    else if (verb === "NDATA" || verb === "DDATA") this.#data(node, name, device ?? "", payload.metrics);
    else if (verb === "DDEATH") {
      assert.ok(node.born.delete(device as string), "DDEATH of a device that is not born");
      assert.is(payload.metrics.length, 0);
    } else assert.unreachable(topic);
  }

  #death(node: Node, name: string, octets: Uint8Array, qos: number): void {
    assert.is(qos, 1);
    const bdSeq = deathOf(octets);
    if (this.#hearsWills && node.willBdSeq === (bdSeq + 1) % 256) return;
    assert.is(bdSeq, node.willBdSeq, "tck-id-payloads-ndeath-bdseq");
    assert.ok(node.isBorn || this.#hearsWills, `${name}: a death without a birth`);
    node.isBorn = false;
    node.born.clear();
  }

  #nodeBirth(node: Node, name: string, payload: WireFields): void {
    this.births++;
    node.isBorn = true;
    node.born.clear();
    node.aliases.clear();
    const metrics = new Map(payload.metrics.map((metric) => [metric.name, metric]));
    // tck-id-topics-nbirth-bdseq-included, tck-id-payloads-nbirth-bdseq, tck-id-payloads-nbirth-bdseq-repeat
    // tck-id-operational-behavior-data-commands-rebirth-action-3
    assert.is(Number(metrics.get("bdSeq")?.longValue), node.willBdSeq, "tck-id-topics-nbirth-bdseq-matching");
    assert.is(metrics.get("bdSeq")?.datatype, 4, "tck-id-message-flow-edge-node-birth-publish-nbirth-payload-bdSeq");
    // tck-id-payloads-nbirth-rebirth-req, tck-id-operational-behavior-data-commands-rebirth-name
    // tck-id-operational-behavior-data-commands-rebirth-value
    const rebirth = metrics.get("Node Control/Rebirth");
    assert.is(rebirth?.booleanValue, false, "tck-id-topics-nbirth-rebirth-metric");
    assert.is(rebirth?.datatype, 11, "tck-id-operational-behavior-data-commands-rebirth-datatype");
    assert.is(rebirth?.alias, undefined, "tck-id-operational-behavior-data-commands-rebirth-name-aliases");
    const others = payload.metrics.filter((metric) => metric !== rebirth);
    this.#birth(node, name, "", others);
  }

  #birth(node: Node, name: string, device: string, metrics: readonly WireMetric[]): void {
    for (const [alias, known] of node.aliases) if (known.device === device) node.aliases.delete(alias);
    if (device !== "") node.born.add(device);
    for (const metric of metrics) {
      // tck-id-topics-nbirth-metrics, tck-id-topics-dbirth-metrics, tck-id-payloads-name-requirement
      assert.ok(metric.name !== undefined && metric.alias !== undefined, "tck-id-payloads-alias-birth-requirement");
      const alias = Number(metric.alias);
      assert.not(node.aliases.has(alias), "tck-id-payloads-alias-uniqueness");
      // tck-id-payloads-metric-datatype-req, tck-id-payloads-metric-datatype-value-type
      const datatype = metric.datatype as number;
      assert.ok(FIELD_OF[datatype] !== undefined, "tck-id-payloads-metric-datatype-value");
      const known = { name: metric.name as string, datatype, device };
      node.aliases.set(alias, known);
      const told = this.#tell(name, known, metric, true);
      const unit = propertyOf(metric, "engUnit")?.stringValue;
      if (unit !== undefined) this.units.set(told, unit);
    }
  }

  #data(node: Node, name: string, device: string, metrics: readonly WireMetric[]): void {
    // tck-id-payloads-ddata-order
    assert.ok(device === "" || node.born.has(device), `DDATA of ${device}, which is not born`);
    let last = 0;
    for (const metric of metrics) {
      assert.is(metric.name, undefined, "tck-id-payloads-alias-data-cmd-requirement");
      assert.is(metric.datatype, undefined, "tck-id-payloads-metric-datatype-not-req");
      // tck-id-topics-nbirth-metric-reqs, tck-id-topics-dbirth-metric-reqs
      // tck-id-operational-behavior-data-publish-nbirth, tck-id-operational-behavior-data-publish-dbirth
      const known = node.aliases.get(Number(metric.alias));
      assert.ok(known !== undefined && known.device === device, `alias ${metric.alias} is not one of ${device}'s`);
      if (metric.isHistorical !== true) {
        // tck-id-operational-behavior-data-publish-nbirth-order
        assert.ok(Number(metric.timestamp) >= last, "tck-id-operational-behavior-data-publish-dbirth-order");
        last = Number(metric.timestamp);
      }
      this.#tell(name, known as Known, metric, false);
    }
  }

  #tell(node: string, known: Known, metric: WireMetric, isBirth: boolean): string {
    // tck-id-payloads-metric-timestamp-in-UTC
    assert.ok(metric.timestamp !== undefined, "tck-id-payloads-name-birth-data-requirement");
    for (const never of ["datasetValue", "templateValue", "bytesValue", "metadata"]) assert.not(never in metric, never);
    const field = FIELD_OF[known.datatype] as keyof WireMetric;
    const values = Object.values(FIELD_OF).filter((each, i, all) => all.indexOf(each) === i && metric[each] !== undefined);
    // tck-id-operational-behavior-data-publish-nbirth-values
    if (metric.isNull === true) assert.equal(values, [], "tck-id-operational-behavior-data-publish-dbirth-values");
    else assert.equal(values, [field], `${known.name}: of type ${known.datatype}`);
    const at = known.device === "" ? `${node}/${known.name}` : `${node}/${known.device}/${known.name}`;
    const quality = propertyOf(metric, "Quality")?.intValue ?? 192;
    const told = { metric: at, value: metric.isNull === true ? null : plain(metric[field]), timeMs: Number(metric.timestamp), quality };
    const historical = metric.isHistorical === true;
    if (!historical) this.current.set(at, told);
    if (!isBirth && known.device !== "") this.history.push({ ...told, historical });
    return at;
  }
}

/** @returns its bdSeq */
function deathOf(octets: Uint8Array): number {
  const payload = oracleFields(octets);
  // tck-id-topics-ndeath-seq
  assert.is(payload.seq, undefined, "tck-id-payloads-ndeath-seq");
  assert.is(payload.metrics.length, 1, "tck-id-topics-ndeath-payload");
  const [metric] = payload.metrics;
  assert.is(metric?.name, "bdSeq");
  assert.is(metric?.datatype, 4, "tck-id-message-flow-edge-node-birth-publish-will-message-payload-bdSeq");
  return Number(metric?.longValue);
}

function propertyOf(metric: WireMetric, key: string): NonNullable<WireMetric["properties"]>["values"][number] | undefined {
  const at = metric.properties?.keys.indexOf(key) ?? -1;
  return at < 0 ? undefined : metric.properties?.values[at];
}

function checkProperties(metric: WireMetric): void {
  if (metric.properties === undefined) return;
  // tck-id-payloads-propertyset-values-array-size
  assert.is(metric.properties.keys.length, metric.properties.values.length, "tck-id-payloads-propertyset-keys-array-size");
  // tck-id-payloads-metric-propertyvalue-type-type
  for (const value of metric.properties.values) assert.ok(value.type !== undefined, "tck-id-payloads-metric-propertyvalue-type-req");
  for (const { type } of metric.properties.values) assert.ok(FIELD_OF[type as number], "tck-id-payloads-metric-propertyvalue-type-value");
  const quality = propertyOf(metric, "Quality");
  if (quality === undefined) return;
  assert.is(quality.type, 3, "tck-id-payloads-propertyset-quality-value-type");
  assert.ok([0, 192, 500].includes(quality.intValue as number), "tck-id-payloads-propertyset-quality-value-value");
}

/** A 64-bit number as its digits. */
function plain(value: unknown): unknown {
  return typeof value === "object" && value !== null ? String(value) : value;
}
