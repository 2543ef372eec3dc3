/**
 * Stands between a client and a broker: keeps what the client says, as MQTT packets and as a capture, and cuts the line when told to.
 * Packets are read with mqtt-packet, which has the octets as they are and knows nothing of us.
 */
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import net from "node:net";

const require = createRequire(import.meta.url);

/** As mqtt-packet shows them, as far as tests look. */
export interface Packet {
  readonly cmd: string;
  readonly messageId?: number;
  readonly clientId?: string;
  readonly protocolVersion?: number;
  readonly clean?: boolean;
  readonly will?: { readonly topic: string; readonly payload: Buffer; readonly qos: number; readonly retain: boolean };
  readonly properties?: { readonly sessionExpiryInterval?: number };
  readonly topic?: string;
  readonly payload?: Buffer;
  readonly qos?: number;
  readonly retain?: boolean;
  readonly reasonCode?: number;
  readonly subscriptions?: readonly { readonly topic: string; readonly qos: number }[];
}

interface Parser {
  on(event: "packet", take: (packet: Packet) => void): void;
  parse(octets: Buffer): void;
}
const { parser, generate } = require("mqtt-packet") as { parser(options: object): Parser; generate(packet: object): Buffer };

/** Accepts everybody, and then answers as little as it is told to. */
export class SternBroker {
  readonly commands: string[] = [];
  readonly clients: string[] = [];
  readonly #server: net.Server;
  readonly #lines = new Set<net.Socket>();

  private constructor(grants: { readonly subscribe?: boolean; readonly publish?: boolean }) {
    this.#server = net.createServer((line) => {
      this.#lines.add(line);
      line.on("error", () => {});
      line.on("close", () => this.#lines.delete(line));
      const own = parser({});
      own.on("packet", ({ cmd, messageId, qos, subscriptions, clientId }) => {
        this.commands.push(cmd);
        if (cmd === "connect") this.clients.push(clientId ?? "");
        if (cmd === "connect") line.write(generate({ cmd: "connack", returnCode: 0, sessionPresent: false }));
        const granted = subscriptions?.map(() => (grants.subscribe === false ? 128 : 1));
        if (cmd === "subscribe") line.write(generate({ cmd: "suback", messageId, granted }));
        if (cmd === "publish" && qos === 1 && grants.publish !== false) line.write(generate({ cmd: "puback", messageId }));
      });
      line.on("data", (octets: Buffer) => own.parse(octets));
    });
  }

  static async start(grants: { readonly subscribe?: boolean; readonly publish?: boolean }): Promise<SternBroker> {
    const broker = new SternBroker(grants);
    await new Promise<void>((resolve) => broker.#server.listen(0, "127.0.0.1", resolve));
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  async end(): Promise<void> {
    for (const line of this.#lines) line.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

interface Chunk {
  readonly connection: number;
  readonly fromClient: boolean;
  readonly octets: Buffer;
}

export class Tap {
  /** Of all connections, in order. */
  readonly packets: Packet[] = [];
  readonly #chunks: Chunk[] = [];
  readonly #lines = new Set<net.Socket>();
  readonly #server: net.Server;
  #isOpen = true;
  #connections = 0;

  private constructor(brokerPort: number, on: (packet: Packet) => void) {
    this.#server = net.createServer((near) => {
      const connection = this.#connections++;
      const far = net.connect(brokerPort, "127.0.0.1");
      if (!this.#isOpen) {
        near.destroy();
        far.destroy();
        return;
      }
      const own = parser({});
      own.on("packet", (packet) => {
        this.packets.push(packet);
        on(packet);
      });
      for (const [one, other, fromClient] of [
        [near, far, true],
        [far, near, false],
      ] as const) {
        this.#lines.add(one);
        one.on("data", (octets: Buffer) => {
          this.#chunks.push({ connection, fromClient, octets });
          if (fromClient) own.parse(octets);
          other.write(octets);
        });
        one.on("error", () => {});
        one.on("close", () => {
          this.#lines.delete(one);
          other.destroy();
        });
      }
    });
  }

  static async start(brokerPort: number, on: (packet: Packet) => void = () => {}): Promise<Tap> {
    const tap = new Tap(brokerPort, on);
    await new Promise<void>((resolve) => tap.#server.listen(0, "127.0.0.1", resolve));
    return tap;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${(this.#server.address() as net.AddressInfo).port}`;
  }

  /** Is anybody connected? */
  get isUsed(): boolean {
    return this.#lines.size > 0;
  }

  of(cmd: string): Packet[] {
    return this.packets.filter((packet) => packet.cmd === cmd);
  }

  cut(): void {
    for (const line of this.#lines) line.destroy();
  }

  /** Nobody gets through until it is opened again. */
  open(isOpen: boolean): void {
    this.#isOpen = isOpen;
    if (!isOpen) this.cut();
  }

  async end(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** A capture of all that passed: raw IPv4, one segment for each read, to port 1883. */
  writeCapture(file: string): void {
    const header = Buffer.alloc(24);
    header.writeUInt32LE(0xa1b2c3d4, 0);
    header.writeUInt16LE(2, 4);
    header.writeUInt16LE(4, 6);
    header.writeUInt32LE(262_144, 16);
    header.writeUInt32LE(101, 20);
    const next = new Map<string, number>();
    const records = this.#chunks.flatMap(({ connection, fromClient, octets }, i) => {
      const parts: Buffer[] = [];
      for (let at = 0; at < octets.length; at += 32_768) {
        const part = octets.subarray(at, at + 32_768);
        const [to, back] = [`${connection} ${fromClient}`, `${connection} ${!fromClient}`];
        parts.push(record(i, segment(connection, fromClient, next.get(to) ?? 1, next.get(back) ?? 1, part)));
        next.set(to, (next.get(to) ?? 1) + part.length);
      }
      return parts;
    });
    writeFileSync(file, Buffer.concat([header, ...records]));
  }
}

function record(i: number, packet: Buffer): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(1_700_000_000, 0);
  head.writeUInt32LE(i % 1_000_000, 4);
  head.writeUInt32LE(packet.length, 8);
  head.writeUInt32LE(packet.length, 12);
  return Buffer.concat([head, packet]);
}

function segment(connection: number, fromClient: boolean, seq: number, ack: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(40);
  head.writeUInt8(0x45, 0);
  head.writeUInt16BE(40 + payload.length, 2);
  head.writeUInt8(64, 8);
  head.writeUInt8(6, 9);
  head.writeUInt32BE(fromClient ? 0x7f000001 : 0x7f000002, 12);
  head.writeUInt32BE(fromClient ? 0x7f000002 : 0x7f000001, 16);
  head.writeUInt16BE(fromClient ? 40_000 + connection : 1883, 20);
  head.writeUInt16BE(fromClient ? 1883 : 40_000 + connection, 22);
  head.writeUInt32BE(seq, 24);
  head.writeUInt32BE(ack, 28);
  head.writeUInt16BE(0x5018, 32);
  head.writeUInt16BE(0xffff, 34);
  return Buffer.concat([head, payload]);
}
