/**
 * How a device is reached: plainly, or over mutual TLS where the site says so (IEC 62351-3 practice). Certificates are read anew for every
 * connection, so that renewed ones serve the next; a set that does not load is a device that cannot be reached, and says why.
 */
import { readFileSync } from "node:fs";
import type { DeviceTls } from "#config/site";
import { UserProblems } from "#documents/problems";
import type { ByteStream } from "#transport/stream";
import { connectTcp } from "#transport/tcp";
import { type ClientContext, clientContext, connectTls } from "#transport/tls";
import { whyUnreadable } from "./documents.ts";
import { readKey } from "./trust.ts";

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
  let context: ClientContext;
  try {
    context = deviceContext(tls);
  } catch (error) {
    if (!(error instanceof UserProblems)) throw error;
    const words = error.lines.join("; ");
    // Never before this returns.
    setImmediate(() => failed(words));
    return;
  }
  connectTls({ host, port, context, serverName: tls.name, timeoutMs }, connected, (reason, words) => failed(`${reason}: ${words}`));
}

/** @throws UserProblems when a file is missing, unreadable or not what it should be */
export function deviceContext({ certificate, key, ca }: DeviceTls): ClientContext {
  const context = { certificatePem: readPem(certificate), keyPem: readKey(key), caPem: ca.map(readPem) };
  try {
    return clientContext(context);
  } catch (error) {
    throw new UserProblems([`${certificate}: does not load with ${key}: ${error instanceof Error ? error.message : String(error)}`]);
  }
}

function readPem(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UserProblems([`${file}: ${whyUnreadable(error)}`]);
  }
}
