/**
 * The management port: HTTP over mutual TLS (docs/adr/0016). Metrics for whoever may open a session, and commands for persons:
 *
 *     GET /metrics                                                      Prometheus text: counts, names and states, never a plant value
 *     POST /command   content-type: application/json   {"ask": ...}     one question, answered with one JSON object
 *
 * One request a connection. Nobody is answered, and nothing is read, before a certificate has been judged good.
 */
import type http from "node:http";
import type { TLSSocket } from "node:tls";
import type { SessionEnd } from "#events";
import { listenTlsSockets, type TlsHello, type TlsListenOptions } from "#transport/tls";
import type { TlsContext } from "#transport/tlsContext";
import type { Answer, Ask } from "./protocol.ts";
import { QUESTION_LIMIT, readBody } from "./questions.ts";

/** @template Visitor what the gateway knows of somebody who is connected */
export interface WebOptions<Visitor> extends Omit<TlsListenOptions, "serves"> {
  readonly maxHeaderOctets: number;
  /** From the end of the handshake to the end of a request, and again for taking the answer, milliseconds. */
  readonly patienceMs: number;
  /** Who is it? Null: nobody who may be here; the gateway has noted why. */
  admit(address: string, hello: TlsHello): Visitor | null;
  /** May it still be here? Where not, the gateway has noted why. Asked when its request has come, and by `watch`. */
  mayStay(visitor: Visitor): boolean;
  left(visitor: Visitor): void;
  /** Somebody was turned away before that. */
  refused(address: string, reason: SessionEnd, words: string): void;
  metrics(): Promise<string>;
  answer(ask: Ask, visitor: Visitor): Promise<Answer>;
}

export interface WebServer {
  readonly port: number;
  /** Connections now, handshakes among them. */
  readonly connections: number;
  renewContext(context: TlsContext): void;
  /** Whoever may no longer be here is cut. */
  watch(): void;
  close(): void;
}

/** One connection. */
interface Visit<Visitor> {
  readonly visitor: Visitor;
  readonly socket: TLSSocket;
  deadline: NodeJS.Timeout;
  hasAsked: boolean;
}

/** @throws the system's error when it cannot be bound */
export async function serveWeb<Visitor>(options: WebOptions<Visitor>): Promise<WebServer> {
  const visits = new Map<unknown, Visit<Visitor>>();
  // It never listens itself: connections are counted, proven and judged first, and then handed to it.
  // Not imported: of an imported module Node looks at every export, and one of this one's is a whole web client (30 ms of each start).
  const server = process.getBuiltinModule("node:http").createServer({ maxHeaderSize: options.maxHeaderOctets }, (request, response) => {
    const visit = visits.get(request.socket);
    // Whoever asks on before it is answered is not heard: what waits here would grow with what it sends.
    if (visit === undefined || visit.hasAsked || !options.mayStay(visit.visitor)) {
      request.socket.destroy();
      return;
    }
    visit.hasAsked = true;
    hear(request, visit).then(
      ({ status, type, text }) => {
        visit.deadline = setTimeout(() => visit.socket.destroy(), options.patienceMs);
        response.writeHead(status, { "content-type": type, connection: "close" }).end(text);
      },
      () => visit.socket.destroy(),
    );
  });

  const hear = async (request: http.IncomingMessage, { deadline, visitor }: Visit<Visitor>): Promise<Said> => {
    const { method, url } = request;
    if (method === "GET" && url === "/metrics") {
      clearTimeout(deadline);
      return { status: 200, type: "text/plain; version=0.0.4; charset=utf-8", text: await options.metrics() };
    }
    const body = await bodyOf(request);
    clearTimeout(deadline);
    if (method !== "POST" || url !== "/command") return { status: 404, type: "text/plain", text: "only GET /metrics and POST /command\n" };
    // A page in a browser that holds the person's certificate may send forms and plain text elsewhere, and always says where it is from.
    if (request.headers.origin !== undefined || request.headers["content-type"] !== "application/json")
      return said(415, { ok: false, error: "expected content-type: application/json, and no origin" });
    if (body === null) return said(413, { ok: false, error: "question too long" });
    const ask = readBody(body);
    if (ask === null) return said(400, { ok: false, error: "not a question this daemon knows" });
    return said(200, await options.answer(ask, visitor));
  };

  const listening = await listenTlsSockets(options, {
    peer: (socket, hello) => {
      const visitor = options.admit(socket.remoteAddress ?? "", hello);
      if (visitor === null) {
        socket.destroy();
        return;
      }
      const visit = { visitor, socket, deadline: setTimeout(() => socket.destroy(), options.patienceMs), hasAsked: false };
      visits.set(socket, visit);
      socket.once("close", () => {
        clearTimeout(visit.deadline);
        visits.delete(socket);
        options.left(visitor);
      });
      server.emit("connection", socket);
    },
    refused: (address, _port, reason, words) => options.refused(address, reason, words),
  });
  return {
    port: listening.port,
    get connections() {
      return listening.connections;
    },
    renewContext: (context) => listening.renewContext(context),
    watch() {
      for (const { visitor, socket } of visits.values()) if (!options.mayStay(visitor)) socket.destroy();
    },
    close() {
      listening.close();
      for (const { socket } of visits.values()) socket.destroy();
    },
  };
}

interface Said {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

function said(status: number, answer: Answer): Said {
  return { status, type: "application/json", text: `${JSON.stringify(answer)}\n` };
}

/** @returns null: it was longer than a question is, and not kept */
async function bodyOf(request: http.IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let octets = 0;
  // Left early, it must not take the connection along: the answer goes over it.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    octets += chunk.length;
    if (octets > QUESTION_LIMIT) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
