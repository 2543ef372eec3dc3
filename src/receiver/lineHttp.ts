/**
 * Line protocol to a server that takes it over HTTP: `/api/v2/write`, or `/write` of version 1 and of the many that learned it.
 *
 *     204              taken
 *     400, 413, 422    something in it will never be taken: halves are sent until it stands alone, and is set aside
 *     401, 403         the token is not the right one (any more): it is read again, the batch waits
 *     429, 503         the batch waits, as long as the server asks (five minutes at most)
 *     anything else, no answer, a cut connection: the batch waits
 *
 * A partial write (400, some lines are in) is treated the same: a line that goes again is written over itself.
 */
import { promisify } from "node:util";
import { constants, gzip } from "node:zlib";
import { reasonOf } from "#disk/reason";
import type { HttpAnswer, HttpClient } from "./httpClient.ts";
import { encodeLine, type LineOptions } from "./lineProtocol.ts";
import type { Sample, Sink } from "./model.ts";
import { readSecret } from "./secret.ts";
import { type Sent, type SetAside, TAKEN } from "./setAside.ts";
import { type SinkStatus, SinkTally } from "./sinkTally.ts";
import { readTls, type TlsFiles } from "./tlsFiles.ts";

export interface LineHttpOptions extends LineOptions {
  readonly name: string;
  /** With path and query as the server wants them; `writeUrl` makes the usual ones. */
  readonly url: URL;
  readonly client: HttpClient;
  readonly tls?: TlsFiles;
  /** A file of mode 0600 with the token, or with `user:password` for `Basic`; null: none is sent. */
  readonly tokenFile?: string | null;
  readonly scheme?: "Token" | "Bearer" | "Basic";
  readonly gzip?: boolean;
  /** Default 10 s. */
  readonly timeoutMs?: number;
  readonly aside?: SetAside;
  /** Monotonic ms. */
  readonly now?: () => number;
}

export type Api = { readonly is: "v2"; readonly org: string; readonly bucket: string } | { readonly is: "v1"; readonly db: string };

const DEFAULT_TIMEOUT_MS = 10_000;
/** A server that asks for longer is asked again all the same. */
const LONGEST_WAIT_MS = 300_000;
const REFUSED: readonly number[] = [400, 413, 422];
const zipped = promisify(gzip);

/** @param base `https://host:port`, with a path where the server stands behind one */
export function writeUrl(base: string, api: Api): URL {
  const url = new URL(base);
  const above = url.pathname.replace(/\/$/, "");
  url.pathname = above + (api.is === "v2" ? "/api/v2/write" : "/write");
  url.search = new URLSearchParams(
    api.is === "v2" ? { org: api.org, bucket: api.bucket, precision: "ns" } : { db: api.db, precision: "ns" },
  ).toString();
  return url;
}

export class LineHttp implements Sink {
  readonly name: string;
  readonly #options: LineHttpOptions;
  readonly #tally: SinkTally;
  readonly #now: () => number;
  #token: string | null = null;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(options: LineHttpOptions) {
    this.name = options.name;
    this.#options = options;
    this.#tally = new SinkTally(options.aside);
    this.#now = options.now ?? (() => performance.now());
  }

  get status(): SinkStatus {
    return this.#tally.status;
  }

  births(): void {}

  link(): void {}

  async deliver(samples: readonly Sample[]): Promise<boolean> {
    if (this.#now() < this.#notBeforeMs) return false;
    return this.#tally.deliver(samples, (part) => this.#send(part));
  }

  async close(): Promise<void> {
    this.#options.client.close();
    await this.#tally.aside.close();
  }

  async #send(samples: readonly Sample[]): Promise<Sent> {
    const lines = samples.map((sample) => encodeLine(sample, this.#options));
    if (lines.includes(null)) return { is: "refused", reason: "the time is beyond what line protocol holds" };
    const headers: Record<string, string> = { "content-type": "text/plain; charset=utf-8" };
    try {
      const authorization = this.#authorization();
      if (authorization !== null) headers.authorization = authorization;
      let body: Uint8Array = Buffer.from(lines.join(""));
      if (this.#options.gzip === true) {
        body = await zipped(body, { level: constants.Z_BEST_SPEED });
        headers["content-encoding"] = "gzip";
      }
      const { client, url, tls = {}, timeoutMs = DEFAULT_TIMEOUT_MS } = this.#options;
      return this.#judge(await client.post({ url, headers, body, timeoutMs, tls: readTls(tls) }));
    } catch (error) {
      return { is: "later", reason: reasonOf(error) };
    }
  }

  #judge({ status, retryAfter, text }: HttpAnswer): Sent {
    const reason = `${status} ${wordsOf(text)}`.trim();
    // Version 1 could answer 200 with an error in it.
    if (status === 204 || (status >= 200 && status < 300 && !/"error"/.test(text))) return TAKEN;
    if (REFUSED.includes(status)) return { is: "refused", reason };
    if (status === 401 || status === 403) this.#token = null;
    const waitMs = waitOf(retryAfter);
    if (waitMs !== null && (status === 429 || status === 503)) this.#notBeforeMs = this.#now() + waitMs;
    return { is: "later", reason };
  }

  /** @throws Error where the file is not as it should be */
  #authorization(): string | null {
    const { tokenFile = null, scheme = "Token" } = this.#options;
    if (tokenFile === null) return null;
    if (this.#token === null) {
      const secret = readSecret(tokenFile);
      this.#token = scheme === "Basic" ? Buffer.from(secret).toString("base64") : secret;
    }
    return `${scheme} ${this.#token}`;
  }
}

/** What a server says of its error, in JSON or not. */
function wordsOf(text: string): string {
  try {
    const { message, error } = JSON.parse(text) as { message?: unknown; error?: unknown };
    return String(message ?? error ?? "").slice(0, 300);
  } catch {
    return text.slice(0, 300);
  }
}

/** Seconds, or a date. null: it says nothing that can be kept to. @source RFC 9110 §10.2.3 */
function waitOf(retryAfter: string | null): number | null {
  if (retryAfter === null) return null;
  const ms = /^[0-9]+$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - Date.now();
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, LONGEST_WAIT_MS) : null;
}
