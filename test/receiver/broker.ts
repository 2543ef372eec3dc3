/** Eclipse Mosquitto, a broker of Debian's, in a process of its own on a free port; killed, started again, and ended with the test. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import mqtt, { type MqttClient } from "mqtt";
import { authority } from "#test/support/certificates";
import { need } from "#test/support/need";

const PROGRAM = "/usr/sbin/mosquitto";
const living = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});

export function needBroker(): boolean {
  return need("mosquitto", existsSync(PROGRAM));
}

export interface Files {
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

export class Broker {
  readonly dir = mkdtempSync(path.join(os.tmpdir(), "penstock-broker-"));
  readonly port: number;
  readonly #config: string;
  #child: ChildProcess | null = null;

  private constructor(port: number, lines: readonly string[]) {
    this.port = port;
    this.#config = path.join(this.dir, "mosquitto.conf");
    writeFileSync(
      this.#config,
      [`listener ${port} 127.0.0.1`, "user root", "persistence false", "max_queued_messages 0", ...lines, ""].join("\n"),
    );
  }

  static async start(lines: readonly string[] = ["allow_anonymous true"]): Promise<Broker> {
    const broker = new Broker(await freePort(), lines);
    await broker.start();
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const child = spawn(PROGRAM, ["-c", this.#config], { stdio: "ignore" });
    living.add(child);
    child.once("exit", () => living.delete(child));
    this.#child = child;
    for (let i = 0; i < 500; i++) {
      if (await answers(this.port)) return;
      await pause(20);
    }
    throw new Error("mosquitto does not answer");
  }

  /** At once, with all it holds. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  /** Stops reading, or goes on. */
  freeze(isFrozen: boolean): void {
    this.#child?.kill(isFrozen ? "SIGSTOP" : "SIGCONT");
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** A broker that lets in who has a certificate of its authority; with the files of one, and of a stranger. */
export async function tlsBroker(): Promise<{ broker: Broker; url: string; files: Files; stranger: Files }> {
  const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-papers-"));
  process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
  const write = (name: string, text: string): string => {
    writeFileSync(path.join(dir, name), text, { mode: 0o600 });
    return path.join(dir, name);
  };
  const ca = authority("Broker CA");
  const other = authority("Another CA");
  const server = ca.issue({ name: "localhost", dns: ["localhost"], ips: ["127.0.0.1"], extendedKeyUsage: ["1.3.6.1.5.5.7.3.1"] });
  const caFile = write("ca.pem", ca.pem);
  const filesOf = (name: string, by: typeof ca): Files => {
    const made = by.issue({ name });
    return { caFile, certificateFile: write(`${name}.pem`, made.chainPem), keyFile: write(`${name}.key`, made.keyPem) };
  };
  const broker = await Broker.start([
    `cafile ${caFile}`,
    `certfile ${write("server.pem", server.chainPem)}`,
    `keyfile ${write("server.key", server.keyPem)}`,
    "require_certificate true",
    "use_identity_as_username true",
    "tls_version tlsv1.2",
  ]);
  return { broker, url: `mqtts://127.0.0.1:${broker.port}`, files: filesOf("receiver", ca), stranger: filesOf("stranger", other) };
}

export interface Received {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: number;
  readonly retain: boolean;
}

/** What somebody who listens found wrong; whoever waits is told. */
const failures: unknown[] = [];

/** Somebody who listens, and comes back when the broker does. */
export class Watcher {
  readonly received: Received[] = [];
  readonly client: MqttClient;

  private constructor(client: MqttClient, on: (message: Received) => void) {
    this.client = client;
    client.on("message", (topic, payload, { qos, retain }) => {
      this.received.push({ topic, payload, qos, retain });
      try {
        on({ topic, payload, qos, retain });
      } catch (error) {
        failures.push(error);
      }
    });
  }

  /** Resolves when it is subscribed. */
  static async start(url: string, filter: string, on: (message: Received) => void = () => {}, options: object = {}): Promise<Watcher> {
    const client = mqtt.connect(url, { reconnectPeriod: 50, ...options });
    const watcher = new Watcher(client, on);
    await new Promise<void>((resolve) => client.once("connect", () => resolve()));
    await client.subscribeAsync(filter, { qos: 1 });
    return watcher;
  }

  async end(): Promise<void> {
    await this.client.endAsync(true);
  }
}

export async function until(what: string, isSo: () => boolean, ms = 20_000): Promise<void> {
  const started = performance.now();
  for (;;) {
    if (failures.length > 0) throw failures.splice(0)[0];
    if (isSo()) return;
    if (performance.now() - started > ms) throw new Error(`not within ${ms} ms: ${what}`);
    await pause(10);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
