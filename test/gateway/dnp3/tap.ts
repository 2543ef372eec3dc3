/** Both ends of a gateway for tests that count octets: an outstation that keeps what it is sent, and masters that send many requests at a time. */
import { once } from "node:events";
import net from "node:net";
import tls from "node:tls";
import * as assert from "uvu/assert";
import { CONTROL, FUNCTION } from "#test/peers/dnp3/application";
import { encodeFrame, FrameReader, Reassembly } from "#test/peers/dnp3/wire";
import type { OperatorTls } from "#test/support/operator";
import { type Asked, OUTSTATION } from "./kinds.ts";

export const MASTER = 1;
/** Octets of a fragment in one link frame. */
const SEGMENT = 249;
/** PRM and unconfirmed user data; from a master DIR too. */
export const [FROM_MASTER, FROM_OUTSTATION] = [0xc4, 0x44];
const { select, directOperate, directOperateNoReply: noAck } = FUNCTION;

/** Without its sequence, and where it is sent. */
export function keyOf(fragment: Uint8Array, destination: number): string {
  return `${destination} ${Buffer.from(fragment.with(0, (fragment[0] as number) & ~CONTROL.sequence)).toString("latin1")}`;
}

/** An outstation that keeps every octet, and answers everything as done. */
export class Tap {
  readonly octets: Buffer[][] = [];
  /** As they come, to know when it is over; what they are is told by the octets. */
  fragments = 0;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  constructor() {
    this.#server = net.createServer((socket) => this.#serve(socket));
  }

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as net.AddressInfo).port;
  }

  #serve(socket: net.Socket): void {
    const log: Buffer[] = [];
    this.octets.push(log);
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    const taken = new Fragments();
    let sequence = 0;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      log.push(Buffer.from(chunk));
      const answers: Uint8Array[] = [];
      for (const { fragment, destination } of taken.feed(chunk)) {
        const [control = 0, functionCode = 0] = fragment;
        this.fragments += 1;
        if (destination !== OUTSTATION || functionCode === noAck || functionCode === FUNCTION.confirm) continue;
        const isEchoed = functionCode >= select && functionCode <= directOperate;
        const objects = isEchoed ? fragment.subarray(2) : new Uint8Array(0);
        sequence = (sequence + 1) & 0x3f;
        const head = [0xc0 | sequence, 0xc0 | (control & CONTROL.sequence), FUNCTION.response, 0, 0];
        answers.push(encodeFrame(FROM_OUTSTATION, MASTER, OUTSTATION, Uint8Array.of(...head, ...objects)));
      }
      if (answers.length > 0) socket.write(Buffer.concat(answers));
    });
  }

  /** What stands in the octets it was sent: every one of them is of a whole frame, and every frame of a whole fragment. */
  account(): Map<string, number> {
    const arrived = new Map<string, number>();
    for (const log of this.octets) {
      const all = Buffer.concat(log);
      const taken = new Fragments();
      for (const { fragment, destination } of taken.feed(all)) count(arrived, keyOf(fragment, destination));
      assert.is(taken.framed, all.length, "every octet is of a frame");
      assert.equal(taken.faults, [], "every frame is of a fragment");
    }
    return arrived;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** Fragments out of a stream, with the test peers' own link and transport. */
class Fragments {
  /** Octets of whole frames. */
  framed = 0;
  readonly faults: string[] = [];
  readonly #reader = new FrameReader((what) => this.faults.push(what));
  readonly #series = new Map<number, Reassembly>();

  *feed(octets: Uint8Array): Generator<{ readonly fragment: Uint8Array; readonly destination: number }> {
    for (const { data, destination } of this.#reader.feed(octets)) {
      this.framed += 10 + data.length + 2 * Math.ceil(data.length / 16);
      if (data.length === 0) continue;
      const series = this.#series.get(destination) ?? new Reassembly();
      this.#series.set(destination, series);
      const fragment = series.take(data);
      if (typeof fragment === "string") this.faults.push(fragment);
      else if (fragment !== null) yield { fragment, destination };
    }
  }
}

/** A master: its answers by their sequence. */
export class Asker {
  readonly socket: net.Socket;
  readonly answers = new Map<number, Uint8Array>();
  readonly closed: Promise<void>;
  readonly #fragments = new Fragments();
  #segment = 0;
  #wanted: { readonly sequences: readonly number[]; readonly resolve: () => void } | null = null;

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      for (const { fragment } of this.#fragments.feed(chunk)) this.answers.set((fragment[0] as number) & CONTROL.sequence, fragment);
      this.#look();
    });
    this.closed = new Promise((resolve) =>
      socket.on("close", () => {
        resolve();
        this.#wanted?.resolve();
      }),
    );
  }

  static async open(port: number, { certificatePem: cert, keyPem: key, caPem: ca }: OperatorTls): Promise<Asker> {
    const socket = tls.connect({ port, host: "127.0.0.1", cert, key, ca, checkServerIdentity: () => undefined });
    await once(socket, "secureConnect");
    return new Asker(socket);
  }

  /** @param control  of every link frame, from `source` */
  frame(
    { fragment, destination }: Pick<Asked, "fragment" | "destination">,
    sequence: number,
    source = MASTER,
    control = FROM_MASTER,
  ): Buffer {
    const octets = fragment.with(0, (fragment[0] as number) | sequence);
    const frames: Uint8Array[] = [];
    for (let at = 0; at < octets.length; at += SEGMENT) {
      this.#segment = (this.#segment + 1) & 0x3f;
      const head = (at === 0 ? 0x40 : 0) | (at + SEGMENT >= octets.length ? 0x80 : 0) | this.#segment;
      frames.push(encodeFrame(control, destination, source, Uint8Array.of(head, ...octets.subarray(at, at + SEGMENT))));
    }
    return Buffer.concat(frames);
  }

  /** Until these are answered, or the connection is over. */
  async answered(sequences: readonly number[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wanted = { sequences, resolve };
    this.#look();
    await promise;
    this.#wanted = null;
  }

  /** One alone. @returns its answer */
  async ask(one: Asked, sequence: number): Promise<Uint8Array | undefined> {
    this.answers.delete(sequence);
    this.socket.write(this.frame(one, sequence));
    await this.answered([sequence]);
    return this.answers.get(sequence);
  }

  #look(): void {
    if (this.#wanted?.sequences.every((each) => this.answers.has(each)) === true) this.#wanted.resolve();
  }
}

/** Does it say that nothing was done? The status of the last command, or the indications. */
export function isDenial(answer: Uint8Array): boolean {
  return answer.length === 4 ? answer[3] !== 0 : answer[answer.length - 1] !== 0;
}

export function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1);
}
