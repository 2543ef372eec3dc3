/** A real handshake on loopback: what node:tls and OpenSSL on a listening side make of a client's certificate. */
import type { X509Certificate } from "node:crypto";
import type { AddressInfo } from "node:net";
import tls from "node:tls";
import type { Made } from "#test/support/certificates";

export interface Seen {
  /** As presented, leaf first. */
  readonly chain: readonly Uint8Array[];
  /** Null: authorized. */
  readonly verdict: string | null;
}

export interface Offer {
  readonly ca: readonly string[];
  readonly server: Made;
  /** PEM chain and key; null: the client presents none. */
  readonly client: { readonly cert: string; readonly key: string } | null;
  readonly version?: "TLSv1.2" | "TLSv1.3";
  /** OpenSSL's security level on both sides: 0 lets a client present what a careful one would not. */
  readonly level?: number;
}

/** The certificates a peer presented, in its order. */
export function presentedBy(socket: tls.TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  for (let each: X509Certificate | undefined = socket.getPeerX509Certificate(); each !== undefined; each = each.issuerCertificate) {
    chain.push(each.raw);
    if (chain.length > 16) break;
  }
  return chain;
}

export async function handshake(offer: Offer): Promise<Seen> {
  const version = offer.version ?? "TLSv1.3";
  const server = tls.createServer({
    ca: [...offer.ca],
    cert: offer.server.chainPem,
    key: offer.server.keyPem,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
  });
  const seen = new Promise<Seen>((resolve, reject) => {
    server.on("tlsClientError", reject);
    server.on("secureConnection", (socket) => {
      socket.on("error", () => {});
      resolve({ chain: presentedBy(socket), verdict: socket.authorized ? null : String(socket.authorizationError) });
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = tls.connect({
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    ...(offer.client ?? {}),
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
    ...(offer.level === undefined ? {} : { ciphers: `DEFAULT@SECLEVEL=${offer.level}` }),
  });
  client.on("error", () => {});
  try {
    return await seen;
  } finally {
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
