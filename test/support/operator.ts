/** An operator's client for tests: raw PDUs over plain TCP or mutual TLS, several at once. Knows nothing of the gateway's codec. */
import net from "node:net";
import tls from "node:tls";

export interface OperatorTls {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly caPem: string;
}

export interface Answer {
  readonly transaction: number;
  readonly unit: number;
  readonly pdu: Buffer;
}

export class Operator {
  readonly socket: net.Socket;
  /** Every ADU received, in order. */
  readonly answers: Answer[] = [];
  closed = false;
  #next = 1;
  #rest: Buffer = Buffer.alloc(0);
  readonly #waiting = new Map<number, { resolve: (answer: Buffer) => void; reject: (error: Error) => void }>();
  readonly #ends: (() => void)[] = [];

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("close", () => {
      this.closed = true;
      for (const { reject } of this.#waiting.values()) reject(new Error("connection closed"));
      this.#waiting.clear();
      for (const end of this.#ends) end();
    });
  }

  /** @param localAddress where it comes from: another identity to a plain listener */
  static async plain(port: number, host = "127.0.0.1", localAddress?: string): Promise<Operator> {
    const socket = net.connect({ port, host, ...(localAddress === undefined ? {} : { localAddress }) });
    await once(socket, "connect");
    return new Operator(socket);
  }

  static async mutual(port: number, credentials: OperatorTls, host = "127.0.0.1", localAddress?: string): Promise<Operator> {
    const socket = tls.connect({
      port,
      host,
      ...(localAddress === undefined ? {} : { localAddress }),
      cert: credentials.certificatePem,
      key: credentials.keyPem,
      ca: credentials.caPem,
      checkServerIdentity: () => undefined,
    });
    await once(socket, "secureConnect");
    return new Operator(socket);
  }

  /** The reply PDU; rejects when the connection closes first or nothing comes in time. */
  ask(pdu: Buffer | string, unit = 1, transaction = this.#id(), timeoutMs = 10_000): Promise<Buffer> {
    this.send(pdu, unit, transaction);
    return this.answerTo(transaction, timeoutMs);
  }

  answerTo(transaction: number, timeoutMs = 10_000): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.closed) {
        reject(new Error("connection closed"));
        return;
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(transaction);
        reject(new Error(`no answer to ${transaction} within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiting.set(transaction, {
        resolve: (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
    });
  }

  send(pdu: Buffer | string, unit = 1, transaction = this.#id()): number {
    this.socket.write(adu(pdu, unit, transaction));
    return transaction;
  }

  /** Resolves when the other side has closed. */
  gone(timeoutMs = 10_000): Promise<void> {
    if (this.closed) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`still connected after ${timeoutMs} ms`)), timeoutMs);
      this.#ends.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  close(): void {
    this.socket.destroy();
  }

  #id(): number {
    this.#next = (this.#next % 0xffff) + 1;
    return this.#next;
  }

  #take(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 7) {
      const size = 6 + this.#rest.readUInt16BE(4);
      if (this.#rest.length < size) return;
      const transaction = this.#rest.readUInt16BE(0);
      const pdu = Buffer.from(this.#rest.subarray(7, size));
      this.answers.push({ transaction, unit: this.#rest[6] as number, pdu });
      this.#rest = this.#rest.subarray(size);
      const waiting = this.#waiting.get(transaction);
      this.#waiting.delete(transaction);
      waiting?.resolve(pdu);
    }
  }
}

/** A Modbus TCP frame; `pdu` may be hex with spaces. */
export function adu(pdu: Buffer | string, unit: number, transaction: number): Buffer {
  const octets = typeof pdu === "string" ? Buffer.from(pdu.replace(/\s/g, ""), "hex") : pdu;
  const frame = Buffer.alloc(7 + octets.length);
  frame.writeUInt16BE(transaction, 0);
  frame.writeUInt16BE(1 + octets.length, 4);
  frame[6] = unit;
  octets.copy(frame, 7);
  return frame;
}

export const read = (first: number, count: number): Buffer => words(3, first, count);
export const write = (at: number, value: number): Buffer => words(6, at, value);
export const coil = (at: number, on: boolean): Buffer => words(5, at, on ? 0xff00 : 0);

function words(code: number, a: number, b: number): Buffer {
  const pdu = Buffer.alloc(5);
  pdu[0] = code;
  pdu.writeUInt16BE(a, 1);
  pdu.writeUInt16BE(b, 3);
  return pdu;
}

function once(socket: net.Socket, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve());
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed")));
  });
}
