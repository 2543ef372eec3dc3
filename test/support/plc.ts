/**
 * A PLC stand-in with a byte log, written apart from the gateway's codec so that the two cannot share a mistake. It keeps coils and registers
 * per unit and answers as MODBUS Application Protocol V1.1b3 says; its faults are set by the test.
 */
import net from "node:net";

export interface PlcFaults {
  /** Answer nothing. */
  silent?: boolean;
  /** Milliseconds before an answer leaves. */
  delayMs?: number;
  /** The answer leaves once this is kept. */
  after?: Promise<void>;
  /** Send the answer octet by octet, this many milliseconds apart. */
  dripMs?: number;
  /** Answer with this exception instead. */
  exception?: number;
  /** Rewrite the answer ADU before it leaves; null sends nothing. */
  rewrite?: (answer: Buffer, request: Buffer) => Buffer | Buffer[] | null;
  /** Close the connection instead of answering. */
  close?: boolean;
  /** Do the write, answer nothing. */
  actSilently?: boolean;
}

export class Plc {
  readonly requests: Buffer[] = [];
  readonly registers = new Map<number, Uint16Array>();
  readonly inputs = new Map<number, Uint16Array>();
  readonly coils = new Map<number, Uint8Array>();
  /** Every octet that arrived, ADU or not. */
  octets = 0;
  connections = 0;
  faults: PlcFaults = {};
  /** Called for each ADU before it is answered. */
  seen: ((adu: Buffer) => void) | null = null;
  /** False: do not keep `requests` (long runs). */
  keep = true;
  #server: net.Server;
  readonly sockets = new Set<net.Socket>();

  constructor() {
    this.#server = net.createServer((socket) => this.#serve(socket));
  }

  async listen(port = 0, host = "127.0.0.1"): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => resolve());
    });
    return this.port;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Go away and come back: connections die, the port refuses until `listen` is called again with it. */
  async goAway(): Promise<number> {
    const { port } = this;
    await this.close();
    this.#server = net.createServer((socket) => this.#serve(socket));
    return port;
  }

  /** From now on no answer leaves, until the function that is returned is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.faults = { after: promise };
    return () => {
      this.faults = {};
      resolve();
    };
  }

  /** Octets out of nowhere to every connection. */
  shout(octets: Buffer): void {
    for (const socket of this.sockets) socket.write(octets);
  }

  unit(unit: number): Uint16Array {
    return cells(this.registers, unit, () => new Uint16Array(65_536));
  }

  bits(unit: number): Uint8Array {
    return cells(this.coils, unit, () => new Uint8Array(65_536));
  }

  #serve(socket: net.Socket): void {
    this.connections += 1;
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.sockets.delete(socket));
    let rest: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      this.octets += chunk.length;
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      while (rest.length >= 7) {
        const size = 6 + rest.readUInt16BE(4);
        if (rest.length < size) break;
        const adu = rest.subarray(0, size);
        rest = rest.subarray(size);
        if (this.keep) this.requests.push(Buffer.from(adu));
        this.seen?.(adu);
        this.#answer(socket, adu);
      }
    });
  }

  #answer(socket: net.Socket, adu: Buffer): void {
    const { faults } = this;
    if (faults.silent === true) return;
    if (faults.close === true) {
      socket.destroy();
      return;
    }
    const pdu =
      faults.exception === undefined
        ? this.act(adu[6] as number, adu.subarray(7))
        : Buffer.from([(adu[7] as number) | 0x80, faults.exception]);
    if (pdu === null || adu[6] === 0 || faults.actSilently === true) return;
    const answer = Buffer.alloc(7 + pdu.length);
    adu.copy(answer, 0, 0, 7);
    answer.writeUInt16BE(1 + pdu.length, 4);
    pdu.copy(answer, 7);
    const rewritten = faults.rewrite === undefined ? answer : faults.rewrite(answer, adu);
    if (rewritten === null) return;
    for (const part of Array.isArray(rewritten) ? rewritten : [rewritten]) this.#send(socket, part, faults);
  }

  #send(socket: net.Socket, octets: Buffer, { delayMs = 0, dripMs = 0, after }: PlcFaults): void {
    if (after !== undefined) {
      void after.then(() => socket.writable && socket.write(octets));
    } else if (delayMs === 0 && dripMs === 0) {
      socket.write(octets);
    } else if (dripMs === 0) {
      setTimeout(() => socket.writable && socket.write(octets), delayMs).unref();
    } else {
      for (let i = 0; i < octets.length; i++)
        setTimeout(() => socket.writable && socket.write(octets.subarray(i, i + 1)), delayMs + i * dripMs).unref();
    }
  }

  /** The reply PDU; null: none (8/4). */
  act(unit: number, pdu: Buffer): Buffer | null {
    const code = pdu[0] as number;
    const refuse = (exception: number): Buffer => Buffer.from([code | 0x80, exception]);
    const registers = this.unit(unit);
    const bits = this.bits(unit);
    switch (code) {
      case 1:
      case 2: {
        const first = pdu.readUInt16BE(1);
        const count = pdu.readUInt16BE(3);
        const answer = Buffer.alloc(2 + Math.ceil(count / 8));
        answer[0] = code;
        answer[1] = answer.length - 2;
        for (let i = 0; i < count; i++) if (bits[first + i] === 1) answer[2 + (i >> 3)] = (answer[2 + (i >> 3)] as number) | (1 << (i & 7));
        return answer;
      }
      case 3:
      case 4: {
        const cellsOf = code === 3 ? registers : cells(this.inputs, unit, () => new Uint16Array(65_536));
        return registersReply(code, cellsOf, pdu.readUInt16BE(1), pdu.readUInt16BE(3));
      }
      case 5:
        bits[pdu.readUInt16BE(1)] = pdu.readUInt16BE(3) === 0xff00 ? 1 : 0;
        return Buffer.from(pdu);
      case 6:
        registers[pdu.readUInt16BE(1)] = pdu.readUInt16BE(3);
        return Buffer.from(pdu);
      case 7:
        return Buffer.from([7, 0x6d]);
      case 8:
        return pdu.readUInt16BE(1) === 4 ? null : Buffer.from(pdu);
      case 11:
        return Buffer.from([11, 0, 0, 1, 8]);
      case 15: {
        const first = pdu.readUInt16BE(1);
        for (let i = 0; i < pdu.readUInt16BE(3); i++) bits[first + i] = ((pdu[6 + (i >> 3)] as number) >> (i & 7)) & 1;
        return Buffer.from(pdu.subarray(0, 5));
      }
      case 16: {
        const first = pdu.readUInt16BE(1);
        for (let i = 0; i < pdu.readUInt16BE(3); i++) registers[first + i] = pdu.readUInt16BE(6 + 2 * i);
        return Buffer.from(pdu.subarray(0, 5));
      }
      case 17:
        return Buffer.from([17, 3, 0x41, 0x42, 0xff]);
      case 22: {
        const at = pdu.readUInt16BE(1);
        const and = pdu.readUInt16BE(3);
        registers[at] = ((registers[at] as number) & and) | (pdu.readUInt16BE(5) & ~and);
        return Buffer.from(pdu);
      }
      case 23: {
        const first = pdu.readUInt16BE(5);
        for (let i = 0; i < pdu.readUInt16BE(7); i++) registers[first + i] = pdu.readUInt16BE(10 + 2 * i);
        return registersReply(23, registers, pdu.readUInt16BE(1), pdu.readUInt16BE(3));
      }
      case 43:
        return Buffer.from([43, 14, pdu[2] as number, 1, 0, 0, 1, 0, 3, 0x41, 0x43, 0x4d]);
      default:
        return refuse(1);
    }
  }
}

function registersReply(code: number, registers: Uint16Array, first: number, count: number): Buffer {
  const answer = Buffer.alloc(2 + 2 * count);
  answer[0] = code;
  answer[1] = 2 * count;
  for (let i = 0; i < count; i++) answer.writeUInt16BE(registers[first + i] ?? 0, 2 + 2 * i);
  return answer;
}

function cells<T>(map: Map<number, T>, unit: number, make: () => T): T {
  let found = map.get(unit);
  if (found === undefined) {
    found = make();
    map.set(unit, found);
  }
  return found;
}
