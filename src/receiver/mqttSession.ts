/**
 * One MQTT session, from its CONNECT to its end; the next one is another. It reconnects for nobody: the will must be another each time
 * (Sparkplug's bdSeq), and what was under way is offered again by whoever owns it. What it adds to the mqtt package:
 *
 *     publish: FIFO, at most WINDOW under way (or as many as the broker takes), the rest waits;
 *              settles always: written or acknowledged, or false when the session ends
 *     silence: a publish or a ping that nothing comes back for within ANSWER_MS ends the session
 *     pings:   an answered one proves that the broker has read all that was written before it
 */
import type { IClientOptions, MqttClient } from "mqtt";
import { reasonOf } from "#disk/reason";
import { PARAMETERS } from "#transport/tlsContext";
import { readSecret } from "./secret.ts";
import { readTls, type TlsFiles } from "./tlsFiles.ts";

export interface BrokerOptions {
  /** `mqtt://host:port` or `mqtts://host:port`. Where there are several, they are gone to in turn, one at a time. */
  readonly servers: readonly string[];
  readonly version: "3.1.1" | "5";
  readonly user?: string;
  /** A file of mode 0600, read for each session. */
  readonly passwordFile?: string;
  /** For mqtts. */
  readonly tls?: TlsFiles & { readonly caFile: string };
  readonly keepAliveSeconds?: number;
}

/** @throws TypeError for what cannot be meant: no broker, another protocol, TLS without authorities, half a certificate */
export function checkBroker({ servers, tls }: BrokerOptions): void {
  if (servers.length === 0) throw new TypeError("no broker");
  for (const server of servers) {
    const protocol = URL.canParse(server) ? new URL(server).protocol : "";
    if (protocol !== "mqtt:" && protocol !== "mqtts:") throw new TypeError(`not mqtt:// nor mqtts://: ${server}`);
    if (new URL(server).username !== "" || new URL(server).password !== "") throw new TypeError("a broker's address with a user in it");
    // The library would fall back to every public authority, and turn mqtt:// into TLS where there is a certificate.
    if ((protocol === "mqtts:") !== (tls !== undefined)) throw new TypeError(`${server} and ${tls === undefined ? "no " : ""}TLS files`);
  }
  if ((tls?.certificateFile === undefined) !== (tls?.keyFile === undefined)) throw new TypeError("a certificate and its key go together");
}

export interface Message {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1;
  readonly retain: boolean;
}

export interface SessionEvents {
  heard(topic: string, payload: Uint8Array, retained: boolean): void;
  /** The broker has read all that was written until then (monotonic milliseconds). */
  proven(untilMs: number): void;
}

/** Publishes under way at once; a broker that takes fewer (MQTT 5, Receive Maximum) gets fewer. */
const WINDOW = 64;
/** More than these waiting: whoever offers more should wait too. */
const FULL = 1024;
const CONNECT_MS = 10_000;
const ANSWER_MS = 10_000;
const FAREWELL_MS = 2_000;
const KEEP_ALIVE_SECONDS = 30;
/** MQTT 5: the disconnect that has the will sent nevertheless. */
const DISCONNECT_WITH_WILL = 4;

interface Pending {
  readonly message: Message;
  readonly settle: (isDone: boolean) => void;
  sentMs: number;
}

export class MqttSession {
  /** Why it ended; resolves once. */
  readonly ended: Promise<string>;
  readonly #client: MqttClient;
  readonly #isVersion5: boolean;
  readonly #window: number;
  readonly #waiting: Pending[] = [];
  readonly #underWay = new Set<Pending>();
  readonly #pings: number[] = [];
  readonly #watch: NodeJS.Timeout;
  #isOver = false;

  private constructor(client: MqttClient, isVersion5: boolean, receiveMaximum: number, events: SessionEvents, reason: () => string) {
    this.#client = client;
    this.#isVersion5 = isVersion5;
    this.#window = Math.max(1, Math.min(WINDOW, receiveMaximum));
    client.on("message", (topic, payload, packet) => events.heard(topic, payload, packet.retain));
    client.on("packetsend", ({ cmd }) => {
      if (cmd === "pingreq") this.#pings.push(performance.now());
    });
    client.on("packetreceive", ({ cmd }) => {
      const sentMs = cmd === "pingresp" ? this.#pings.shift() : undefined;
      if (sentMs !== undefined) events.proven(sentMs);
    });
    this.#watch = setInterval(() => this.#look(), 1_000);
    this.#watch.unref();
    this.ended = new Promise((resolve) => {
      client.once("close", () => {
        this.#end();
        resolve(reason());
      });
    });
  }

  /** @returns the session once the broker has accepted it, or why it did not; never rejects */
  static async open(
    broker: BrokerOptions,
    server: string,
    clientId: string,
    will: Message,
    events: SessionEvents,
  ): Promise<MqttSession | string> {
    let options: IClientOptions;
    try {
      options = optionsOf(broker, server, clientId, will);
    } catch (error) {
      return reasonOf(error);
    }
    const { default: mqtt } = await import("mqtt");
    let reason = "closed";
    const client = mqtt.connect(options);
    client.on("error", (error) => {
      reason = reasonOf(error);
    });
    return new Promise((resolve) => {
      client.once("close", () => {
        client.end(true);
        resolve(reason);
      });
      client.once("connect", (packet) => {
        // The library writes each packet by itself; held back, all but the first of a batch would wait for the broker's delayed ACK.
        (client.stream as { setNoDelay?: (on: boolean) => void }).setNoDelay?.(true);
        const maximum = packet.properties?.receiveMaximum ?? WINDOW;
        resolve(new MqttSession(client, broker.version === "5", maximum, events, () => reason));
      });
    });
  }

  get isFull(): boolean {
    return this.#waiting.length >= FULL;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** @returns whether the broker lets us */
  subscribe(filters: readonly string[]): Promise<boolean> {
    if (filters.length === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ANSWER_MS);
      void this.ended.then(() => settle(false));
      const settle = (isDone: boolean): void => {
        clearTimeout(timer);
        resolve(isDone);
      };
      this.#client.subscribe([...filters], { qos: 1 }, (error, granted) => {
        settle(error === null && (granted ?? []).every(({ qos }) => qos < 128));
      });
    });
  }

  /** @returns true: written (QoS 0) or acknowledged (QoS 1); false: nobody knows, or it was refused. Never rejects. */
  publish(message: Message): Promise<boolean> {
    if (this.#isOver) return Promise.resolve(false);
    return new Promise((settle) => {
      this.#waiting.push({ message, settle, sentMs: 0 });
      this.#send();
    });
  }

  /** One at a time; `proven` tells of the answer. */
  ping(): void {
    if (!this.#isOver && this.#pings.length === 0) this.#client.sendPing();
  }

  /** What was published goes out first, within bounds, then a DISCONNECT; with MQTT 5 one after which the will is sent, where that is wanted. */
  async farewell(withWill: boolean): Promise<void> {
    const until = performance.now() + FAREWELL_MS;
    while (!this.#isOver && this.#underWay.size + this.#waiting.length > 0 && performance.now() < until) await passes(10);
    if (this.#isOver) return;
    const isClean = this.#underWay.size + this.#waiting.length === 0;
    if (isClean) this.#client.end(false, withWill && this.#isVersion5 ? { reasonCode: DISCONNECT_WITH_WILL } : {});
    if (!isClean || !(await Promise.race([this.ended.then(() => true), passes(FAREWELL_MS)]))) this.drop();
    await this.ended;
  }

  /** At once and without a DISCONNECT: the broker sends the will. */
  drop(): void {
    if (!this.#isOver) this.#client.stream.destroy();
  }

  #send(): void {
    while (this.#waiting.length > 0 && this.#underWay.size < this.#window) {
      const pending = this.#waiting.shift() as Pending;
      const { topic, payload, qos, retain } = pending.message;
      pending.sentMs = performance.now();
      this.#underWay.add(pending);
      this.#client.publish(topic, Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength), { qos, retain }, (error) => {
        // Told of the end of the session, or late: it has been settled.
        if (!this.#underWay.delete(pending)) return;
        pending.settle(error === undefined || error === null);
        this.#send();
      });
    }
  }

  #look(): void {
    const oldest = Math.min(this.#pings[0] ?? Number.POSITIVE_INFINITY, ...[...this.#underWay].map(({ sentMs }) => sentMs));
    if (performance.now() - oldest > ANSWER_MS) this.drop();
  }

  #end(): void {
    this.#isOver = true;
    clearInterval(this.#watch);
    const left = [...this.#underWay, ...this.#waiting.splice(0)];
    this.#underWay.clear();
    for (const { settle } of left) settle(false);
    this.#client.end(true);
  }
}

/** @throws Error where a file is not as it should be */
function optionsOf(broker: BrokerOptions, server: string, clientId: string, will: Message): IClientOptions {
  const { tls } = broker;
  const { protocol, hostname, port } = new URL(server);
  const isTls = protocol === "mqtts:";
  const isVersion5 = broker.version === "5";
  return {
    ...(tls === undefined ? {} : { ...PARAMETERS, ...readTls(tls), rejectUnauthorized: true }),
    protocol: isTls ? "mqtts" : "mqtt",
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (isTls ? 8883 : 1883) : Number(port),
    protocolVersion: isVersion5 ? 5 : 4,
    clientId,
    // Nothing is kept for us while we are away (Sparkplug 3.0 §2.5).
    clean: true,
    ...(isVersion5 ? { properties: { sessionExpiryInterval: 0, maximumPacketSize: 1024 * 1024 } } : {}),
    keepalive: broker.keepAliveSeconds ?? KEEP_ALIVE_SECONDS,
    connectTimeout: CONNECT_MS,
    reconnectPeriod: 0,
    queueQoSZero: false,
    resubscribe: false,
    ...(broker.user === undefined ? {} : { username: broker.user }),
    ...(broker.passwordFile === undefined ? {} : { password: readSecret(broker.passwordFile) }),
    will: { topic: will.topic, payload: Buffer.from(will.payload), qos: will.qos, retain: will.retain },
  };
}

function passes(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms));
}
