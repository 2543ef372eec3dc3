/** Both ends of one connection, as pairs of streams, over every kind of stream there is. */
import type { ByteStream, StreamHandler } from "#transport/stream";
import { connectTcp, listenTcp } from "#transport/tcp";
import { clientContext, connectTls, listenTls } from "#transport/tls";
import type { TlsContext } from "#transport/tlsContext";

export interface Pair {
  /** The end that connected. */
  readonly near: ByteStream;
  /** The end that was accepted. */
  readonly far: ByteStream;
  close(): void;
}

export async function tcpPair(): Promise<Pair> {
  const far = Promise.withResolvers<ByteStream>();
  const listening = await listenTcp({ host: "127.0.0.1", port: 0, maxConnections: 4 }, far.resolve);
  const near = Promise.withResolvers<ByteStream>();
  connectTcp("127.0.0.1", listening.port, 2_000, near.resolve, (reason) => near.reject(new Error(reason)));
  return paired(await near.promise, await far.promise, () => listening.close());
}

export async function tlsPair(server: TlsContext, client: TlsContext): Promise<Pair> {
  const far = Promise.withResolvers<ByteStream>();
  const listening = await listenTls(
    { host: "127.0.0.1", port: 0, context: server, handshakeMs: 2_000, halfOpen: 4, halfOpenPerSource: 64, maxConnections: 4 },
    { peer: far.resolve, refused: (_address, _port, reason, words) => far.reject(new Error(`${reason} ${words}`)) },
  );
  const near = Promise.withResolvers<ByteStream>();
  const context = clientContext(client);
  connectTls({ host: "127.0.0.1", port: listening.port, context, serverName: "127.0.0.1", timeoutMs: 2_000 }, near.resolve, (reason) =>
    near.reject(new Error(reason)),
  );
  return paired(await near.promise, await far.promise, () => listening.close());
}

function paired(near: ByteStream, far: ByteStream, close: () => void): Pair {
  return {
    near,
    far,
    close: () => {
      near.destroy();
      far.destroy();
      close();
    },
  };
}

/** A handler that keeps all it is told, and lets a test wait for it. */
export class Ear implements StreamHandler {
  readonly chunks: Uint8Array[] = [];
  readonly ends: (string | null)[] = [];
  octets = 0;
  drains = 0;
  /** What came after `closed`: must stay empty. */
  readonly afterwards: string[] = [];
  keep = true;

  received(octets: Uint8Array): void {
    if (this.ends.length > 0) this.afterwards.push("received");
    if (this.keep) this.chunks.push(Uint8Array.from(octets));
    this.octets += octets.length;
  }

  drained(): void {
    if (this.ends.length > 0) this.afterwards.push("drained");
    this.drains += 1;
  }

  closed(error: string | null): void {
    if (this.ends.length > 0) this.afterwards.push("closed");
    this.ends.push(error);
  }

  get all(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

/** Wait for a thing to become true. @throws after `ms`, naming it */
export async function until(what: string, is: () => boolean, ms = 5_000): Promise<void> {
  const end = performance.now() + ms;
  while (!is()) {
    if (performance.now() > end) throw new Error(`not in ${ms} ms: ${what}`);
    await pause(2);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
