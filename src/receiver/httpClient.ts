/** One request to a server, with an end in any case. A port: the sinks know no sockets, and tests hand in what they like. */
import http from "node:http";
import https from "node:https";
import { PARAMETERS } from "#transport/tlsContext";
import type { TlsPapers } from "./tlsFiles.ts";

export interface HttpPost {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** For all of it, from the connection to the last octet of the answer. */
  readonly timeoutMs: number;
  /** For https; others than before make another connection. */
  readonly tls: TlsPapers;
}

export interface HttpAnswer {
  readonly status: number;
  /** As it was sent; null: it was not. */
  readonly retryAfter: string | null;
  /** Its beginning. */
  readonly text: string;
}

export interface HttpClient {
  /** Follows no redirect. @throws whatever kept the answer from coming, with a `code` or a message */
  post(request: HttpPost): Promise<HttpAnswer>;
  close(): void;
}

const ANSWER_OCTETS = 16 * 1024;

/** One connection, kept between requests. */
export function httpClient(): HttpClient {
  const options = { keepAlive: true, maxSockets: 1 };
  const plain = new http.Agent(options);
  const secure = new https.Agent({ ...options, ...PARAMETERS });
  return {
    post: (request) => post(request, request.url.protocol === "https:" ? secure : plain),
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}

function post({ url, headers, body, timeoutMs, tls }: HttpPost, agent: http.Agent): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === "https:" ? https : http).request(url, {
      ...tls,
      method: "POST",
      agent,
      headers: { ...headers, "content-length": String(body.length) },
    });
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const fail = (error: Error): void => {
      clearTimeout(timer);
      request.destroy();
      reject(error);
    };
    request.on("error", fail);
    request.on("response", (response) => {
      const parts: Buffer[] = [];
      let octets = 0;
      const finish = (): void => {
        clearTimeout(timer);
        const text = Buffer.concat(parts).toString("utf8");
        resolve({ status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"] ?? null, text });
      };
      response.on("data", (part: Buffer) => {
        if (octets < ANSWER_OCTETS) parts.push(part.subarray(0, ANSWER_OCTETS - octets));
        octets += part.length;
        // Whoever has so much to say is not listened to any longer.
        if (octets > ANSWER_OCTETS) {
          finish();
          request.destroy();
        }
      });
      response.on("end", finish);
      response.on("error", fail);
      response.on("aborted", () => fail(new Error("the answer was cut short")));
    });
    request.end(body);
  });
}
