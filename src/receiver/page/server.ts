/**
 * The receiver's page: a small web server that shows, and can do nothing else.
 *
 *     GET /         points             GET /live     what changes of one of them
 *     GET /trend    one point          GET /page.js /page.css /uplot.js /uplot.css /icon.svg
 *     GET /ledger   the last hour
 *     GET /lines    which are heard, and what was refused
 *
 * INVARIANT: nothing that a browser sends changes anything here. Only GET is answered, no cookie is set or read, no body is read, one request a
 * connection. A `host` that is not a loopback name or the address that was bound is refused: another site's name may be pointed here.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type net from "node:net";
import { CLIENT_JS, PAGE_CSS, UPLOT_CSS, UPLOT_JS } from "#receiver/page/assets";
import { documentOf, type Page } from "./layout.ts";
import { ledgerAsked, ledgerPage } from "./ledgerView.ts";
import { linesPage } from "./linesView.ts";
import { LIVE_LIMITS, Live, type LiveLimits, type View } from "./live.ts";
import { type Listed, MOST_SEARCH } from "./pointList.ts";
import { pointsPage } from "./pointsView.ts";
import { trendPage } from "./trendView.ts";
import type { Watched } from "./watched.ts";

export interface PageLimits extends LiveLimits {
  readonly connections: number;
  readonly headerOctets: number;
  /** For a request to come, and again for its answer to be taken. */
  readonly patienceMs: number;
}

export const PAGE_LIMITS: PageLimits = { ...LIVE_LIMITS, connections: 48, headerOctets: 8_192, patienceMs: 10_000 };

export interface PageServer {
  readonly port: number;
  /** Those who are told what changes. */
  readonly live: number;
  close(): Promise<void>;
}

const SAFE = {
  "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
  connection: "close",
} as const;

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#35506b"/><path d="M3 11h3V5h4v6h3" fill="none" stroke="#fff" stroke-width="2"/></svg>`;

const FILES: Readonly<Record<string, readonly [type: string, text: string]>> = {
  "/page.js": ["text/javascript; charset=utf-8", CLIENT_JS],
  "/page.css": ["text/css; charset=utf-8", PAGE_CSS],
  "/uplot.js": ["text/javascript; charset=utf-8", UPLOT_JS],
  "/uplot.css": ["text/css; charset=utf-8", UPLOT_CSS],
  "/icon.svg": ["image/svg+xml", ICON],
};

const NOT_HERE = "There is no such page, or no such point any more.";

/** @error rejects with the system's error when it cannot be bound */
export async function servePage(host: string, port: number, watched: Watched, limits: PageLimits = PAGE_LIMITS): Promise<PageServer> {
  const live = new Live(watched, limits);
  const site = new Site(host, watched, live, limits);
  const server: Server = process.getBuiltinModule("node:http").createServer(
    {
      maxHeaderSize: limits.headerOctets,
      headersTimeout: limits.patienceMs,
      requestTimeout: limits.patienceMs,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      // A fault of the page is never one of the receiver.
      try {
        site.answer(request, response);
      } catch {
        response.destroy();
      }
    },
  );
  server.maxConnections = limits.connections;
  server.on("clientError", (_error, socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  server.on("error", () => {});
  return {
    port: (server.address() as net.AddressInfo).port,
    get live() {
      return live.clients;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        live.close();
        server.closeAllConnections();
      }),
  };
}

class Site {
  readonly #hosts: ReadonlySet<string>;
  readonly #watched: Watched;
  readonly #live: Live;
  readonly #limits: PageLimits;

  constructor(host: string, watched: Watched, live: Live, limits: PageLimits) {
    this.#hosts = new Set(["localhost", "127.0.0.1", "[::1]", host.includes(":") ? `[${host}]` : host]);
    this.#watched = watched;
    this.#live = live;
    this.#limits = limits;
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    response.on("error", () => {});
    const url = URL.parse(request.url ?? "", "http://page");
    if (!this.#isOurs(request)) this.#refuse(response, 421, "This page is asked for by the receiver's own address.");
    else if (request.method !== "GET") this.#refuse(response, 405, "This page is only looked at: GET.");
    else if (url === null) this.#refuse(response, 400, "That is no address.");
    else if (url.pathname === "/live") this.#follow(request, response, url.searchParams);
    else this.#show(response, url);
  }

  #show(response: ServerResponse, { pathname, searchParams }: URL): void {
    const file = Object.hasOwn(FILES, pathname) ? FILES[pathname] : undefined;
    const page = file === undefined ? this.#page(pathname, searchParams) : null;
    if (file !== undefined) this.#send(response, 200, ...file);
    else if (page === null) this.#refuse(response, 404, NOT_HERE);
    else this.#send(response, 200, "text/html; charset=utf-8", documentOf(this.#watched, page));
  }

  /** The port may be another: a tunnel to this host ends where it likes. */
  #isOurs({ headers }: IncomingMessage): boolean {
    const host = (headers.host ?? "").toLowerCase().replace(/:\d{1,5}$/, "");
    return this.#hosts.has(host);
  }

  #page(path: string, query: URLSearchParams): Page | null {
    switch (path) {
      case "/":
        return pointsPage(this.#watched, searchIn(query), pageIn(query));
      case "/ledger":
        return ledgerPage(this.#watched, ledgerAsked(this.#watched, query));
      case "/lines":
        return linesPage(this.#watched);
      case "/trend": {
        const listed = this.#listed(query);
        return listed === null ? null : trendPage(this.#watched, listed);
      }
      default:
        return null;
    }
  }

  #listed(query: URLSearchParams): Listed | null {
    return this.#watched.looking.points.of(query.get("gateway") ?? "", query.get("asset") ?? "", query.get("point") ?? "");
  }

  #follow({ headers }: IncomingMessage, response: ServerResponse, query: URLSearchParams): void {
    const view = this.#view(query);
    // Another site's page could take all places, though it could read nothing.
    if ((headers["sec-fetch-site"] ?? "same-origin") !== "same-origin") this.#refuse(response, 403, "Only this page follows itself.");
    else if (view === null) this.#refuse(response, 404, NOT_HERE);
    else if (this.#live.isFull) this.#refuse(response, 503, "As many as there is room for look on already.");
    else this.#begin(response, view);
  }

  #begin(response: ServerResponse, view: View): void {
    response.writeHead(200, { ...SAFE, "content-type": "text/event-stream; charset=utf-8" });
    this.#live.add(response, view);
  }

  #view(query: URLSearchParams): View | null {
    switch (query.get("view")) {
      case "points":
        return { is: "points", search: searchIn(query), page: pageIn(query) };
      case "ledger":
        return { is: "ledger", asked: ledgerAsked(this.#watched, query) };
      case "lines":
        return { is: "lines" };
      case "trend": {
        const listed = this.#listed(query);
        return listed === null ? null : { is: "trend", listed };
      }
      default:
        return null;
    }
  }

  #refuse(response: ServerResponse, status: number, words: string): void {
    this.#send(response, status, "text/plain; charset=utf-8", `${words}\n`, status === 405 ? { allow: "GET" } : {});
  }

  /** Whoever does not take it in time is cut. */
  #send(response: ServerResponse, status: number, type: string, text: string, more: Readonly<Record<string, string>> = {}): void {
    const deadline = setTimeout(() => response.destroy(), this.#limits.patienceMs);
    response.once("close", () => clearTimeout(deadline));
    response.writeHead(status, { ...SAFE, ...more, "content-type": type }).end(text);
  }
}

function searchIn(query: URLSearchParams): string {
  return (query.get("q") ?? "").slice(0, MOST_SEARCH).trim();
}

function pageIn(query: URLSearchParams): number {
  const text = query.get("page") ?? "1";
  return /^\d{1,6}$/.test(text) ? Number(text) : 1;
}
