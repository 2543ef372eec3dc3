/** The far side of the demo: a line that loses, `penstock receive` behind it, a broker, and somebody who reads there. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import dgram from "node:dgram";
import { mkdirSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { decodePayload } from "#receiver/sparkplug/payload";
import type { DataType } from "#receiver/sparkplug/types";

const STREAM = 7;
/** Of so many frames one is lost. */
const LOSES_ONE_OF = 20;

/** As the consumer of a Sparkplug host sees a point. */
export interface Seen {
  readonly value: unknown;
  readonly unit: string;
  readonly alias: string;
}

export class Historian {
  /** Frames that left the sender, and of them those that the line lost. */
  frames = 0;
  lost = 0;
  /** By `device/metric`. */
  readonly seen = new Map<string, Seen>();
  /** Devices that were declared dead. */
  readonly dead = new Set<string>();
  readonly #dir: string;
  readonly #line: dgram.Socket;
  readonly #broker: net.Server;
  readonly #receiver: ChildProcess;
  readonly #ends: (() => Promise<unknown>)[];
  readonly linePort: number;

  private constructor(
    dir: string,
    line: dgram.Socket,
    linePort: number,
    broker: net.Server,
    receiver: ChildProcess,
    ends: (() => Promise<unknown>)[],
  ) {
    this.#dir = dir;
    this.#line = line;
    this.linePort = linePort;
    this.#broker = broker;
    this.#receiver = receiver;
    this.#ends = ends;
  }

  static async open(dir: string): Promise<Historian> {
    const far = path.join(dir, "historian");
    mkdirSync(path.join(far, "keys"), { recursive: true });
    const key = path.join(far, "keys", "2026-01-01.key");
    await penstock(["send", "--new-key", key]);
    const { Aedes } = await import("aedes");
    const aedes = await Aedes.createBroker();
    const broker = net.createServer(aedes.handle);
    await new Promise<void>((resolve) => broker.listen(0, "127.0.0.1", resolve));
    const { port } = broker.address() as net.AddressInfo;
    const linePort = await freeUdpPort();
    const farPort = await freeUdpPort();
    writeFileSync(
      path.join(far, "receive.yaml"),
      `receiver: historian
listen: 127.0.0.1:${farPort}
state: state
silent: 2s
streams:
  - { stream: ${STREAM}, keys: keys }
sinks:
  sparkplug:
    - { name: hall, servers: ["mqtt://127.0.0.1:${port}"], group: plant, version: "3.1.1" }
`,
    );
    const receiver = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", process.argv[1] as string, "receive", "run", "--json"],
      {
        cwd: far,
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    await said(receiver, "ready");
    const line = dgram.createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
    await new Promise<void>((resolve) => line.bind(linePort, "127.0.0.1", resolve));
    const historian = new Historian(far, line, linePort, broker, receiver, [
      () => new Promise<void>((resolve) => aedes.close(() => resolve())),
    ]);
    line.on("message", (octets) => historian.#carry(octets, farPort));
    await historian.#listen(port);
    return historian;
  }

  /** What a site says of this line. */
  get site(): string {
    return `telemetry:
  send:
    stream: ${STREAM}
    to: 127.0.0.1:${this.linePort}
    from: 127.0.0.1
    keys: historian/keys
    state: telemetry
    rate: 400/s
    redundancy: { sources: 8, repairs: 4, depth: 4 }
    content: 600
`;
  }

  #carry(octets: Uint8Array, to: number): void {
    this.frames += 1;
    if (this.frames % LOSES_ONE_OF === 0) this.lost += 1;
    else this.#line.send(octets, to, "127.0.0.1");
  }

  /** Like any Sparkplug host: births give names and units, data is by alias. */
  async #listen(port: number): Promise<void> {
    const { connectAsync } = await import("mqtt");
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`);
    const names = new Map<string, { readonly name: string; readonly unit: string; readonly type: DataType | null }>();
    client.on("message", (topic, octets) => {
      const [, , kind = "", , device = ""] = topic.split("/");
      if (kind === "DDEATH") this.dead.add(device);
      const typeOf = (alias: bigint): DataType | null => names.get(`${device} ${alias}`)?.type ?? null;
      const decoded = kind === "DBIRTH" || kind === "DDATA" ? decodePayload(octets, typeOf) : null;
      if (decoded === null || !decoded.ok) return;
      for (const { name, alias, type, value, historical, properties } of decoded.value.metrics) {
        const key = `${device} ${alias}`;
        if (kind === "DBIRTH" && name !== null) names.set(key, { name, type, unit: String(properties.get("engUnit")?.value ?? "") });
        const known = names.get(key);
        if (known !== undefined && !historical) this.seen.set(`${device}/${known.name}`, { value, unit: known.unit, alias: String(alias) });
      }
    });
    await client.subscribeAsync("spBv1.0/#");
    this.#ends.unshift(() => client.endAsync(true));
  }

  /** Sums of the ledger's closed minutes of one class, and whether each adds up. */
  async ledger(of: string): Promise<{
    readonly sent: number;
    readonly received: number;
    readonly repaired: number;
    readonly late: number;
    readonly lost: number;
    readonly open: number;
    readonly addsUp: boolean;
  }> {
    const text = await penstock(["receive", "ledger", "--json", "--config", path.join(this.#dir, "receive.yaml")]);
    const rows = text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, number | string | null>)
      .filter((row) => row.class === of);
    const closed = rows.filter(({ state }) => state === "closed");
    const sum = (key: string): number => closed.reduce((all, row) => all + Number(row[key]), 0);
    const addsUp = closed.every(
      ({ sent, received, repaired, late, lost }) => Number(sent) === Number(received) + Number(repaired) + Number(late) + Number(lost),
    );
    return {
      sent: sum("sent"),
      received: sum("received"),
      repaired: sum("repaired"),
      late: sum("late"),
      lost: sum("lost"),
      open: rows.length - closed.length,
      addsUp,
    };
  }

  async close(): Promise<void> {
    for (const end of this.#ends) await end();
    this.#line.close();
    this.#receiver.kill("SIGKILL");
    await new Promise((resolve) => this.#broker.close(resolve));
  }
}

function penstock(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ["--disable-warning=ExperimentalWarning", process.argv[1] as string, ...args], (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(stderr));
    });
  });
}

function said(child: ChildProcess, word: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let words = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      if (text.includes(word)) resolve();
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      words = (words + text).slice(-4096);
    });
    child.once("close", (code) => reject(new Error(`the receiver ended with ${code}: ${words}`)));
  });
}

function freeUdpPort(): Promise<number> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket("udp4");
    socket.bind(0, "127.0.0.1", () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
