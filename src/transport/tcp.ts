/** Plain TCP, out and in. */
import net from "node:net";
import { reading, rewrapped } from "./handle.ts";
import { KEEP_ALIVE_MS, plainAddress, SocketStream } from "./socket.ts";
import type { ByteStream } from "./stream.ts";

/**
 * Connect. Exactly one of the two callbacks is called, once, never before this returns.
 *
 * @param timeoutMs for everything, name lookup included
 * @param connected the stream reads nothing until it is started
 * @param failed    a Node error code: ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENOTFOUND ...
 */
export function connectTcp(
  host: string,
  port: number,
  timeoutMs: number,
  connected: (stream: ByteStream) => void,
  failed: (reason: string) => void,
): void {
  let stream: SocketStream | null = null;
  const socket = net.connect({
    host,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
    onread: reading((octets) => stream?.take(octets)),
  });
  socket.pause();
  const deadline = setTimeout(() => fail("ETIMEDOUT"), timeoutMs);
  const fail = (reason: string): void => {
    clearTimeout(deadline);
    socket.removeListener("connect", open).removeListener("error", broke).on("error", ignore).destroy();
    failed(reason);
  };
  const broke = (error: NodeJS.ErrnoException): void => fail(error.code ?? error.message);
  const open = (): void => {
    clearTimeout(deadline);
    socket.removeListener("error", broke);
    stream = new SocketStream(socket);
    connected(stream);
  };
  socket.once("error", broke);
  socket.once("connect", open);
}

export interface ListenOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** More at once are closed unanswered. */
  readonly maxConnections: number;
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export interface Listening {
  readonly address: string;
  readonly port: number;
  /** Connections open now. */
  readonly connections: number;
  /** Take no more; those that are open stay. */
  close(): void;
}

/**
 * Listen. Resolves when bound.
 *
 * @param accepted the stream reads nothing until it is started; not started, it must be destroyed. `arrivedAt`: our own end of it
 * @param refused  a connection beyond `maxConnections` was closed
 * @throws the system's error (EADDRINUSE, EACCES, EADDRNOTAVAIL) when it cannot be bound
 */
export function listenTcp(
  options: ListenOptions,
  accepted: (stream: ByteStream, arrivedAt: Endpoint) => void,
  refused: (remoteAddress: string, remotePort: number) => void = () => {},
): Promise<Listening> {
  return listenSockets(
    options,
    (socket) => {
      const arrivedAt = { address: plainAddress(socket.localAddress ?? ""), port: socket.localPort ?? 0 };
      const stream = new SocketStream(socket);
      readers.get(socket)?.(stream);
      readers.delete(socket);
      accepted(stream, arrivedAt);
    },
    refused,
    true,
  );
}

/** Of sockets that are read into a buffer of ours, how they learn whom to hand it to. */
const readers = new WeakMap<net.Socket, (stream: SocketStream) => void>();

/** The same connection as a socket that is read into the buffer all share, as outgoing ones are; itself where that cannot be. */
function readDirectly(socket: net.Socket): net.Socket {
  let stream: SocketStream | null = null;
  const own = rewrapped(
    socket,
    reading((octets) => stream?.take(octets)),
  );
  if (own === null) return socket;
  readers.set(own, (made) => {
    stream = made;
  });
  return own;
}

/**
 * Listen, and hand over sockets that are open and paused; for the plain and the TLS listener.
 *
 * @param direct they are read into a buffer of ours
 */
export function listenSockets(
  options: ListenOptions,
  accepted: (socket: net.Socket) => void,
  refused: (remoteAddress: string, remotePort: number) => void,
  direct = false,
): Promise<Listening> {
  let connections = 0;
  const server = net.createServer({
    pauseOnConnect: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  });
  server.on("connection", (arrived) => {
    const socket = direct ? readDirectly(arrived) : arrived;
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.on("error", ignore).destroy(); // gone before it was accepted
      return;
    }
    if (connections >= options.maxConnections) {
      socket.on("error", ignore).destroy();
      refused(plainAddress(remoteAddress), remotePort);
      return;
    }
    connections += 1;
    socket.once("close", () => {
      connections -= 1;
    });
    accepted(socket);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.host, port: options.port, backlog: BACKLOG }, () => {
      server.removeListener("error", reject);
      // After binding only accept() can fail (no file descriptors left): the listener stays, the connection waits.
      server.on("error", ignore);
      const bound = server.address() as net.AddressInfo;
      resolve({
        address: bound.address,
        port: bound.port,
        get connections() {
          return connections;
        },
        close: () => void server.close(),
      });
    });
  });
}

/** Connections the kernel holds for us between two turns of the loop. */
const BACKLOG = 128;

function ignore(): void {}
