/** Somebody at the management port: as `penstock --gateway` asks, and as no honest client would. */
import tls from "node:tls";
import { askPort, type Unanswered } from "#management/portClient";
import type { Answer, Ask } from "#management/protocol";
import type { House } from "#test/support/house";
import type { OperatorTls } from "#test/support/operator";
import { clientContext } from "#transport/tls";

export const portOf = (house: House): number => house.gateway.status().managementPorts[0] ?? 0;

export async function ask(house: House, who: OperatorTls, question: Ask, timeoutMs = 10_000): Promise<Answer & Partial<Unanswered>> {
  const context = clientContext({ certificatePem: who.certificatePem, keyPem: who.keyPem, caPem: [who.caPem] });
  const answer = await askPort({ host: "127.0.0.1", port: portOf(house), context, serverName: "127.0.0.1", timeoutMs }, question);
  return "failed" in answer ? { ok: false, failed: answer.failed } : answer;
}

/** A TLS connection and what came over it, until it is closed. */
export interface Line {
  readonly socket: tls.TLSSocket;
  text(): string;
  readonly gone: Promise<void>;
}

/** @param who null: no certificate */
export function line(house: House, who: OperatorTls | null, words = "", localAddress = "127.0.0.1"): Promise<Line> {
  return new Promise((resolve) => {
    const identity = who === null ? {} : { cert: who.certificatePem, key: who.keyPem };
    const from = { port: portOf(house), host: "127.0.0.1", localAddress };
    const socket = tls.connect({ ...from, ...identity, rejectUnauthorized: false });
    let text = "";
    const gone = new Promise<void>((end) => socket.once("close", () => end()));
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      text += chunk;
    });
    const made = { socket, text: () => text, gone };
    socket.once("secureConnect", () => {
      if (words !== "") socket.write(words);
      resolve(made);
    });
    socket.once("close", () => resolve(made));
  });
}

/** A command as it goes over the wire. */
export function post(body: string, more = "content-type: application/json\r\n"): string {
  return `POST /command HTTP/1.1\r\nhost: gate\r\n${more}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
