/**
 * Mutual TLS, both ends. The listener settles only what TLS itself is asked: version, suite, signature, deadline, how many at once. Who the
 * peer is, and whether its certificate is good enough, is judged by whoever gets it (`peer`); until then nothing is read from it or said to it.
 */
import { isIP, type Socket } from "node:net";
import tls from "node:tls";
import type { SessionEnd } from "#events";
import type { HandshakeShare, Withdraw } from "./share.ts";
import { KEEP_ALIVE_MS, plainAddress, SocketStream } from "./socket.ts";
import type { ByteStream } from "./stream.ts";
import { type Listening, listenSockets } from "./tcp.ts";
import { contextOptions, PARAMETERS, type TlsContext } from "./tlsContext.ts";

/** A chain is judged by whoever gets it; more than this is not even copied. */
const CHAIN_CERTIFICATES = 16;

export interface TlsListenOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly context: TlsContext;
  /** From the connection to the end of the handshake, however busily the peer dawdles. */
  readonly handshakeMs: number;
  /** Handshakes at once, those that wait for their turn among them. Addresses that are not known share half of them. */
  readonly halfOpen: number;
  /** Handshakes of one address at once: one is under way, the others wait for it (RULINGS 24). */
  readonly halfOpenPerSource: number;
  /** Has somebody proven itself from this address lately? Left out: nobody has. */
  readonly isKnown?: (address: string) => boolean;
  /** What all handshakes of the process may cost, and whose turn it is. Left out: they cost what they cost. */
  readonly share?: HandshakeShare;
  /** Connections at once, handshakes among them. */
  readonly maxConnections: number;
  /** Which addresses are served at all; the others are closed before a handshake. Left out: all. */
  readonly serves?: (address: string) => boolean;
}

export interface TlsHello {
  /** DER, leaf first, as the peer presented it; at least one, at most 16. */
  readonly chain: readonly Uint8Array[];
  /** OpenSSL's word on the chain against `caPem` (`CERT_HAS_EXPIRED`); null: it verifies. Not a decision: the peer is there all the same. */
  readonly verdict: string | null;
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly protocol: string;
  /** The standard's name: `TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256`. */
  readonly cipher: string;
}

export interface TlsHandlers<Peer = ByteStream> {
  /** A handshake succeeded, with a certificate. Octets that came with its last flight wait until they are read. Refusing is `destroy()`. */
  peer(stream: Peer, hello: TlsHello): void;
  /** A connection was closed without a peer: `handshakeFailed`, `handshakeTimeout`, `noClientCertificate`, `sourceNotAllowed`, `tooManyConnections`. */
  refused(remoteAddress: string, remotePort: number, reason: SessionEnd, words: string): void;
}

export interface TlsListening extends Listening {
  /** Handshakes under way now. */
  readonly halfOpen: number;
  /**
   * New handshakes use it; live peers keep theirs.
   * @throws the crypto library's error when certificate, key or authority do not load; then the old one stays
   */
  renewContext(context: TlsContext): void;
  /** Take no more, and drop handshakes under way; peers that are in stay. */
  close(): void;
}

/** A connection that has not shown its certificate. */
interface Newcomer {
  readonly raw: Socket;
  readonly address: string;
  readonly known: boolean;
  readonly port: number;
  readonly deadline: NodeJS.Timeout;
  /** It waits for its turn, or has had it. */
  withdraw: Withdraw | null;
  chain: readonly Uint8Array[] | null;
}

/**
 * Listen for peers with certificates. Resolves when bound.
 *
 * @throws the system's error when it cannot be bound, the crypto library's when the context does not load
 */
export function listenTls(options: TlsListenOptions, handlers: TlsHandlers): Promise<TlsListening> {
  return listenTlsSockets(options, {
    peer: (socket, hello) => handlers.peer(new SocketStream(socket, true), hello),
    refused: (...refusal) => handlers.refused(...refusal),
  });
}

/** The same, and a peer is the bare socket: for a library that speaks its own protocol over it. */
export async function listenTlsSockets(options: TlsListenOptions, handlers: TlsHandlers<tls.TLSSocket>): Promise<TlsListening> {
  const newcomers = new Map<string, Newcomer>();
  /** By address, the one whose handshake is under way first. */
  const queues = new Map<string, Newcomer[]>();
  // It never listens itself: sockets are counted first and then handed to it, which is what its `connection` event is documented for.
  const server = tls.createServer({
    ...contextOptions(options.context),
    requestCert: true,
    rejectUnauthorized: false,
    handshakeTimeout: options.handshakeMs + DEADLINE_SLACK_MS,
  });

  const dismiss = (newcomer: Newcomer, reason: SessionEnd, words: string): void => {
    if (!forget(newcomer)) return;
    newcomer.raw.destroy();
    handlers.refused(newcomer.address, newcomer.port, reason, words);
  };
  const forget = (newcomer: Newcomer): boolean => {
    clearTimeout(newcomer.deadline);
    newcomer.withdraw?.();
    if (!newcomers.delete(keyOf(newcomer.raw, newcomer.address, newcomer.port))) return false;
    const queue = queues.get(newcomer.address) ?? [];
    const wasUnderWay = queue[0] === newcomer;
    queue.splice(queue.indexOf(newcomer), 1);
    if (queue.length === 0) queues.delete(newcomer.address);
    else if (wasUnderWay) shake(queue[0] as Newcomer);
    return true;
  };
  const shake = (newcomer: Newcomer): void => {
    const begin = (): void => {
      server.emit("connection", newcomer.raw);
    };
    if (options.share === undefined) begin();
    else newcomer.withdraw = options.share.ask(newcomer.known, begin);
  };
  /** Why there is no room for one more; null: there is. */
  const noRoom = (address: string, known: boolean): string | null => {
    if (newcomers.size >= options.halfOpen) return `${newcomers.size} handshakes are under way`;
    if ((queues.get(address)?.length ?? 0) >= options.halfOpenPerSource)
      return `${options.halfOpenPerSource} handshakes of this address are under way`;
    if (known) return null;
    let strangers = 0;
    for (const newcomer of newcomers.values()) if (!newcomer.known) strangers += 1;
    return strangers >= Math.ceil(options.halfOpen / 2) ? `${strangers} handshakes of addresses that are not known are under way` : null;
  };

  const accepted = (raw: Socket): void => {
    const address = plainAddress(raw.remoteAddress as string);
    const port = raw.remotePort as number;
    raw.on("error", () => {});
    if (options.serves?.(address) === false) {
      raw.destroy();
      handlers.refused(address, port, "sourceNotAllowed", "the address is not one that is served");
      return;
    }
    const known = options.isKnown?.(address) ?? false;
    const full = noRoom(address, known);
    if (full !== null) {
      raw.destroy();
      handlers.refused(address, port, "tooManyConnections", full);
      return;
    }
    const newcomer: Newcomer = {
      raw,
      address,
      known,
      port,
      deadline: setTimeout(() => dismiss(newcomer, "handshakeTimeout", `no end after ${options.handshakeMs} ms`), options.handshakeMs),
      withdraw: null,
      chain: null,
    };
    newcomers.set(keyOf(raw, address, port), newcomer);
    raw.once("close", () => dismiss(newcomer, "handshakeFailed", "the peer closed the connection"));
    const queue = queues.get(address) ?? [];
    queues.set(address, queue);
    queue.push(newcomer);
    if (queue.length === 1) shake(newcomer);
  };

  // Node's server forgets a chain's intermediates before it tells of the peer (nodejs/node#65579, in 24.21 and 26.8), so the chain is read
  // a moment earlier. This is the only event that shows the socket by then; the secret it is meant for is wiped unread.
  server.on("keylog", (line, socket) => {
    line.fill(0);
    const newcomer = newcomers.get(keyOf(socket));
    if (newcomer === undefined || newcomer.chain !== null) return;
    newcomer.chain = [];
    socket.prependOnceListener("secure", () => {
      newcomer.chain = presented(socket);
    });
  });
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    const newcomer = newcomers.get(keyOf(socket));
    socket.destroy();
    if (newcomer !== undefined) dismiss(newcomer, "handshakeFailed", plainFault(error));
  });
  server.on("secureConnection", (socket) => {
    const newcomer = newcomers.get(keyOf(socket));
    if (newcomer === undefined) {
      socket.destroy(); // dismissed in this very moment
      return;
    }
    const chain = newcomer.chain ?? presented(socket);
    if (chain.length === 0) {
      dismiss(newcomer, "noClientCertificate", "");
      return;
    }
    if (socket.isSessionReused()) {
      dismiss(newcomer, "handshakeFailed", "the peer resumed a session");
      return;
    }
    forget(newcomer);
    socket.disableRenegotiation();
    handlers.peer(socket, {
      chain,
      verdict: socket.authorized ? null : String(socket.authorizationError),
      protocol: socket.getProtocol() ?? "",
      cipher: socket.getCipher().standardName,
    });
  });

  const listening = await listenSockets(options, accepted, (address, port) =>
    handlers.refused(address, port, "tooManyConnections", `${options.maxConnections} connections are open`),
  );
  return {
    address: listening.address,
    port: listening.port,
    get connections() {
      return listening.connections;
    },
    get halfOpen() {
      return newcomers.size;
    },
    renewContext(context) {
      server.setSecureContext(contextOptions(context));
    },
    close() {
      listening.close();
      const all = [...newcomers.values()];
      queues.clear();
      for (const newcomer of all) {
        forget(newcomer);
        newcomer.raw.destroy();
      }
    },
  };
}

/** Our own deadline comes first; the library's is behind it. */
const DEADLINE_SLACK_MS = 1_000;

/** One listener has one local address and port, so the far end names the connection. */
function keyOf(socket: Socket, address = socket.remoteAddress ?? "", port = socket.remotePort ?? 0): string {
  return `${plainAddress(address)} ${port}`;
}

function presented(socket: tls.TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  for (
    let certificate = socket.getPeerX509Certificate();
    certificate !== undefined && chain.length < CHAIN_CERTIFICATES;
    certificate = certificate.issuerCertificate
  ) {
    chain.push(certificate.raw);
  }
  return chain;
}

/** A client's certificate, key and authorities, loaded. */
export type ClientContext = tls.SecureContext;

/** @throws the crypto library's error when certificate, key or authority do not load or do not belong together */
export function clientContext(context: TlsContext): ClientContext {
  return tls.createSecureContext(contextOptions(context));
}

/** What a TLS client of ours connects with, for a library that connects by itself. */
export function clientOptions(context: ClientContext, serverName: string): tls.ConnectionOptions {
  return {
    secureContext: context,
    minVersion: PARAMETERS.minVersion,
    maxVersion: PARAMETERS.maxVersion,
    // An address is not sent as a name (RFC 6066 §3), and is checked all the same.
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    checkServerIdentity: (_host, certificate) => tls.checkServerIdentity(serverName, certificate),
  };
}

export interface TlsConnectOptions {
  readonly host: string;
  readonly port: number;
  readonly context: ClientContext;
  /** The name or address the server's certificate must carry. */
  readonly serverName: string;
  /** For everything: name lookup, connection, handshake. */
  readonly timeoutMs: number;
  /** Of a server whose certificate verified, on its chain in DER, leaf first: what stands against it all the same. */
  readonly objection?: (chain: readonly Uint8Array[]) => { readonly reason: string; readonly words: string } | null;
}

/**
 * Connect to a server whose certificate must verify against our authorities, be meant for servers and carry `serverName`. Exactly one of the
 * two callbacks is called, once, never before this returns. In TLS 1.3 the server looks at our certificate after `connected`: its refusal
 * is the end of the stream.
 *
 * @param connected the stream reads nothing until it is started
 * @param failed    `reason`: a Node or OpenSSL code (ECONNREFUSED, CERT_HAS_EXPIRED, ERR_TLS_CERT_ALTNAME_INVALID); `words`: the library's own
 */
export function connectTls(
  options: TlsConnectOptions,
  connected: (stream: ByteStream) => void,
  failed: (reason: string, words: string) => void,
): void {
  const { host, port, context, serverName, timeoutMs, objection } = options;
  const socket = tls.connect({ host, port, ...clientOptions(context, serverName) });
  socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
  const deadline = setTimeout(() => fail("ETIMEDOUT", `no end after ${timeoutMs} ms`), timeoutMs);
  const fail = (reason: string, words: string): void => {
    clearTimeout(deadline);
    socket.removeListener("secureConnect", open).removeListener("error", broke).removeListener("close", gone);
    socket.on("error", () => {}).destroy();
    failed(reason, words);
  };
  const broke = (error: NodeJS.ErrnoException): void => fail(error.code ?? "handshakeFailed", error.message);
  const gone = (): void => fail("ECONNRESET", "the server closed the connection during the handshake");
  const open = (): void => {
    const against = objection?.(presented(socket)) ?? null;
    if (against !== null) {
      fail(against.reason, against.words);
      return;
    }
    clearTimeout(deadline);
    socket.removeListener("error", broke).removeListener("close", gone);
    socket.disableRenegotiation();
    connected(new SocketStream(socket, true));
  };
  socket.once("error", broke);
  socket.once("close", gone);
  socket.once("secureConnect", open);
}

function plainFault(error: NodeJS.ErrnoException): string {
  const code = error.code ?? "";
  const words = FAULTS[code];
  return words === undefined ? code || error.message : `${words} (${code})`;
}

/** What goes wrong before there is a peer, in words for the people who set it up. */
const FAULTS: Readonly<Record<string, string>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: "the peer does not speak TLS",
  ERR_SSL_HTTP_REQUEST: "the peer speaks HTTP, not TLS",
  ERR_SSL_UNSUPPORTED_PROTOCOL: "the peer offers no TLS version from 1.2 on",
  ERR_SSL_NO_SHARED_CIPHER: "the peer offers no cipher suite that is allowed here",
  ERR_SSL_NO_SHARED_SIGNATURE_ALGORITHMS: "the peer offers no signature algorithm that is allowed here",
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: "the peer offers no signature algorithm that is allowed here",
  ERR_SSL_NO_SUITABLE_KEY_SHARE: "the peer offers no key exchange group that is allowed here",
  ERR_SSL_NO_SHARED_GROUP: "the peer offers no key exchange group that is allowed here",
  ECONNRESET: "the peer closed the connection",
};
