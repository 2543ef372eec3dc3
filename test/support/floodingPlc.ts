/**
 * A PLC in a thread of its own that sends what nobody asked for, as fast as it is taken. Three ways:
 *
 *     always    from the moment it is connected, without end; what it is asked it never answers
 *     settled   the same, but quiet at first for as long as a connection takes to count as a good one
 *     between   before each answer as many octets as a device may send unasked, in the smallest frames there are
 *
 * It starts quiet, and is told `flood` or `quiet`; it answers reads of one register only.
 */
import net from "node:net";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

export type Way = "always" | "settled" | "between";

/** Longer than a connection has to live before the next one is made at once. */
const SETTLED_MS = 1_050;
/** One frame less than cuts the connection. */
const ALLOWED_OCTETS = 4 * 1024 - 20;

export class FloodingPlc {
  readonly port: number;
  readonly #worker: Worker;
  /** What it has sent unasked until it was last told to be quiet. */
  octets = 0;
  connections = 0;

  constructor(worker: Worker, port: number) {
    this.#worker = worker;
    this.port = port;
  }

  static async open(way: Way): Promise<FloodingPlc> {
    const worker = new Worker(import.meta.filename, { workerData: way });
    const port = await new Promise<number>((resolve, reject) => worker.once("message", resolve).once("error", reject));
    return new FloodingPlc(worker, port);
  }

  flood(): void {
    this.#worker.postMessage("flood");
  }

  /** Resolves when it is. */
  async quiet(): Promise<void> {
    const told = new Promise<{ octets: number; connections: number }>((resolve) => this.#worker.once("message", resolve));
    this.#worker.postMessage("quiet");
    Object.assign(this, await told);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

function serve(way: Way): void {
  let flooding = false;
  let octets = 0;
  let connections = 0;
  const open = new Map<net.Socket, number>();
  // Unit 1, function 3, nothing else: eight octets, the shortest frame there is.
  const frame = (id: number): Buffer => Buffer.from([id >> 8, id & 0xff, 0, 0, 0, 2, 1, 3]);
  const much = Buffer.concat(Array.from({ length: 8_192 }, (_, i) => frame(0x8000 + i)));
  const send = (socket: net.Socket, what: Buffer): boolean => {
    octets += what.length;
    return socket.write(what);
  };
  const pour = (socket: net.Socket): void => {
    if (!flooding || way === "between" || !open.has(socket)) return;
    const wait = way === "settled" ? SETTLED_MS - (performance.now() - (open.get(socket) ?? 0)) : 0;
    if (wait > 0) setTimeout(pour, wait, socket).unref();
    else if (send(socket, much)) setImmediate(pour, socket);
    else socket.once("drain", () => pour(socket));
  };
  const server = net.createServer((socket) => {
    connections += 1;
    open.set(socket, performance.now());
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
    socket.on("data", (request: Buffer) => {
      if (flooding && way !== "between") return;
      if (flooding) send(socket, much.subarray(0, ALLOWED_OCTETS - (ALLOWED_OCTETS % 8)));
      for (let at = 0; at + 12 <= request.length; at += 12)
        socket.write(Buffer.concat([request.subarray(at, at + 4), Buffer.from([0, 5, request[at + 6] as number, 3, 2, 0x12, 0x34])]));
    });
    pour(socket);
  });
  server.listen(0, "127.0.0.1", () => parentPort?.postMessage((server.address() as net.AddressInfo).port));
  parentPort?.on("message", (word) => {
    flooding = word === "flood";
    if (flooding) for (const socket of open.keys()) pour(socket);
    else parentPort?.postMessage({ octets, connections });
  });
}

if (!isMainThread) serve(workerData as Way);
