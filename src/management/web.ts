/**
 * The management port: Prometheus text over mutual TLS, and nothing else. It tells counts, names and states, never a plant value, and takes
 * no command. Whoever asks must have a certificate that would open a session.
 */
import https from "node:https";
import type net from "node:net";
import type tls from "node:tls";
import { contextOptions, type TlsContext } from "#transport/tls";

export interface WebOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly context: TlsContext;
  /** At once. */
  readonly maxConnections: number;
  readonly maxHeaderOctets: number;
  /** For a handshake, and for a request, milliseconds. */
  readonly patienceMs: number;
  /** Is this who may read? The reason when not. @param verdict OpenSSL's word on the chain, null: it verifies */
  admit(leaf: Uint8Array, verdict: string | null): string | null;
  /** Somebody was turned away. */
  refused(address: string, reason: string): void;
  metrics(): Promise<string>;
}

export interface WebServer {
  readonly port: number;
  renewContext(context: TlsContext): void;
  close(): void;
}

/** @throws the system's error when it cannot be bound */
export async function serveWeb(options: WebOptions): Promise<WebServer> {
  const server = https.createServer(
    {
      ...contextOptions(options.context),
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: options.patienceMs,
      headersTimeout: options.patienceMs,
      requestTimeout: options.patienceMs,
      keepAliveTimeout: options.patienceMs,
      // Deadlines of requests are looked at this often.
      connectionsCheckingInterval: options.patienceMs / 4,
      maxHeaderSize: options.maxHeaderOctets,
    },
    (request, response) => {
      // A connection may outlive its owner's right to it.
      const refusal = whyNot(request.socket as tls.TLSSocket);
      if (refusal !== null) {
        options.refused(request.socket.remoteAddress ?? "", refusal);
        request.socket.destroy();
        return;
      }
      if (request.method !== "GET" || request.url !== "/metrics") {
        response.writeHead(404, { "content-type": "text/plain" }).end("only GET /metrics\n");
        return;
      }
      options.metrics().then(
        (text) => response.writeHead(200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }).end(text),
        () => response.writeHead(500).end(),
      );
    },
  );
  server.maxConnections = options.maxConnections;
  const whyNot = (socket: tls.TLSSocket): string | null => {
    const leaf = socket.getPeerX509Certificate()?.raw;
    const verdict = socket.authorized ? null : String(socket.authorizationError);
    return leaf === undefined ? "noClientCertificate" : options.admit(leaf, verdict);
  };
  server.on("secureConnection", (socket: tls.TLSSocket) => {
    const reason = whyNot(socket);
    if (reason === null) return;
    options.refused(socket.remoteAddress ?? "", reason);
    socket.destroy();
  });
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, () => resolve());
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    renewContext: (context) => server.setSecureContext(contextOptions(context)),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
