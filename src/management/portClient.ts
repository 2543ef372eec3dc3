/** Ask a gateway one question over its management port. */
import type http from "node:http";
import type { TLSSocket } from "node:tls";
import { type ClientContext, clientOptions } from "#transport/tls";
import type { Answer, Ask } from "./protocol.ts";

export interface PortOptions {
  readonly host: string;
  readonly port: number;
  readonly context: ClientContext;
  /** The name or address the gateway's certificate must carry. */
  readonly serverName: string;
  /** For all of it, milliseconds. */
  readonly timeoutMs: number;
}

/** A Node or OpenSSL code; `closed`: the gateway ended the connection without an answer; `noAnswer`: what answers is no gateway. */
export interface Unanswered {
  readonly failed: string;
}

/** An answer is a few octets a session or a point; what sends more is no gateway. */
const MOST_OCTETS = 8 * 1024 * 1024;

/** Never rejects. */
export function askPort({ host, port, context, serverName, timeoutMs }: PortOptions, ask: Ask): Promise<Answer | Unanswered> {
  return new Promise((resolve) => {
    // No import, as in web.ts.
    const request = process.getBuiltinModule("node:https").request(
      {
        host,
        port,
        method: "POST",
        path: "/command",
        agent: false,
        ...clientOptions(context, serverName),
        headers: { "content-type": "application/json" },
      },
      (response) => take(response, resolve),
    );
    const deadline = setTimeout(() => request.destroy(Object.assign(new Error("late"), { code: "ETIMEDOUT" })), timeoutMs);
    request.on("close", () => clearTimeout(deadline));
    request.on("error", (error: NodeJS.ErrnoException) => {
      // In TLS 1.3 the gateway looks at our certificate after the handshake, for us, is done: its refusal is the end of the connection.
      const wasThere = (request.socket as TLSSocket | null)?.authorized === true && error.code === "ECONNRESET";
      resolve({ failed: wasThere ? "closed" : (error.code ?? error.message) });
    });
    request.end(JSON.stringify(ask));
  });
}

function take(response: http.IncomingMessage, resolve: (answer: Answer | Unanswered) => void): void {
  let text = "";
  response.setEncoding("utf8");
  response.on("data", (chunk: string) => {
    text += chunk;
    if (text.length > MOST_OCTETS) response.destroy();
  });
  response.on("error", () => {});
  response.on("close", () => {
    const answer = parse(text);
    resolve(answer ?? { failed: response.complete ? "noAnswer" : "closed" });
  });
}

function parse(text: string): Answer | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "ok" in value && typeof value.ok === "boolean" ? (value as Answer) : null;
  } catch {
    return null;
  }
}
