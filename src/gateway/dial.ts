/**
 * How a device is reached: plainly, or over mutual TLS where the site says so (IEC 62351-3 practice). Certificates are read anew for every
 * connection, so that renewed ones serve the next; a set that does not load is a device that cannot be reached, and says why.
 */
import { readFileSync } from "node:fs";
import type { DeviceTls, TlsSite } from "#config/site";
import { UserProblems } from "#documents/problems";
import type { Refusal, TrustStore } from "#identity/trust";
import type { ByteStream } from "#transport/stream";
import { connectTcp } from "#transport/tcp";
import { type ClientContext, clientContext, connectTls } from "#transport/tls";
import { systemClock } from "./clock.ts";
import { whyUnreadable } from "./documents.ts";
import { loadStore, readKey } from "./trust.ts";

/** Opens a connection to a device; exactly one of the two callbacks is called, once. */
export function dial(
  host: string,
  port: number,
  timeoutMs: number,
  tls: DeviceTls | null,
  connected: (stream: ByteStream) => void,
  failed: (reason: string) => void,
): void {
  if (tls === null) {
    connectTcp(host, port, timeoutMs, connected, failed);
    return;
  }
  let towards: Towards;
  try {
    towards = deviceContext(tls);
  } catch (error) {
    if (!(error instanceof UserProblems)) throw error;
    const words = error.lines.join("; ");
    // Never before this returns.
    setImmediate(() => failed(words));
    return;
  }
  const { context, store } = towards;
  const objection = (chain: readonly Uint8Array[]): Refusal | null => store?.revocationOf(chain, systemClock.wall()) ?? null;
  const options = { host, port, context, serverName: tls.name, timeoutMs, objection };
  connectTls(options, connected, (reason, words) => failed(`${reason}: ${words}`));
}

/** What a device is shown, and whom of its authorities' it is not believed. */
interface Towards {
  readonly context: ClientContext;
  /** Null: no revocation lists. */
  readonly store: TrustStore | null;
}

/** @throws UserProblems when a file is missing, unreadable or not what it should be */
export function deviceContext({ certificate, key, ca, crl }: DeviceTls): Towards {
  const context = { certificatePem: readPem(certificate), keyPem: readKey(key), caPem: ca.map(readPem) };
  const store = crl.length === 0 ? null : loadStore(deviceAuthorities(ca, crl), systemClock.wall(), null);
  try {
    return { context: clientContext(context), store };
  } catch (error) {
    throw new UserProblems([`${certificate}: does not load with ${key}: ${error instanceof Error ? error.message : String(error)}`]);
  }
}

/** Devices have no identity here, so their authorities may give none. */
function deviceAuthorities(ca: readonly string[], crl: readonly string[]): Pick<TlsSite, "ca" | "crl"> {
  return { ca: ca.map((file, i) => ({ name: `device-ca-${i + 1}`, file, mayIdentify: [], mayAssertRoles: false })), crl };
}

function readPem(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UserProblems([`${file}: ${whyUnreadable(error)}`]);
  }
}
