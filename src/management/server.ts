/**
 * The local management socket: 0600, one question a line, one answer a line. It tells and reloads; it never carries plant traffic.
 * Node has no peer credentials for a socket, so the file's mode is the gate: whoever may open it is `local-root`.
 */
import { chmodSync, mkdirSync, unlinkSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import type { Answer, Question } from "./protocol.ts";

/** A question is a few words; whoever sends more is not asking. */
const LINE_LIMIT = 4096;
const CONNECTION_LIMIT = 16;
const IDLE_MS = 60_000;

export interface ManagementServer {
  close(): Promise<void>;
}

/** @throws when the socket cannot be made; the message says which file and why */
export async function serveManagement(socketPath: string, answer: (question: Question) => Promise<Answer>): Promise<ManagementServer> {
  mkdirSync(path.dirname(socketPath), { recursive: true });
  await clearStale(socketPath);
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    converse(socket, answer);
  });
  server.maxConnections = CONNECTION_LIMIT;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    // A socket file is made before `listen` returns, so the mask holds for nothing else this process makes meanwhile.
    const before = process.umask(0o177);
    try {
      server.listen(socketPath, () => resolve());
    } finally {
      process.umask(before);
    }
  });
  chmodSync(socketPath, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** A socket file nobody listens on any more is in the way; one that somebody answers on is another daemon. */
async function clearStale(socketPath: string): Promise<void> {
  const alive = await new Promise<boolean>((resolve) => {
    const probe = net.connect(socketPath);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", () => resolve(false));
  });
  if (alive) throw new Error(`another daemon answers on ${socketPath}`);
  try {
    unlinkSync(socketPath);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

function converse(socket: net.Socket, answer: (question: Question) => Promise<Answer>): void {
  let text = "";
  let busy = false;
  let over = false;
  socket.setEncoding("utf8");
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: string) => {
    if (over) return;
    text += chunk;
    if (text.length > LINE_LIMIT) {
      over = true;
      text = "";
      socket.end(`${JSON.stringify({ ok: false, error: "question too long" } satisfies Answer)}\n`);
      return;
    }
    void next();
  });
  async function next(): Promise<void> {
    const end = text.indexOf("\n");
    if (busy || end < 0) return;
    busy = true;
    const line = text.slice(0, end);
    text = text.slice(end + 1);
    const question = parse(line);
    const reply: Answer =
      question === null
        ? { ok: false, error: "not a question this daemon knows" }
        : await answer(question).catch((fault: unknown) => ({
            ok: false,
            error: fault instanceof Error ? fault.message : "internal fault",
          }));
    if (!socket.writable) return;
    // Whoever does not read its answer gets no other.
    socket.write(`${JSON.stringify(reply)}\n`, () => {
      busy = false;
      void next();
    });
  }
}

const ASKS = ["status", "metrics", "reload"] as const;

function parse(line: string): Question | null {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null || !("ask" in value)) return null;
    const ask = ASKS.find((known) => known === value.ask);
    return ask === undefined ? null : { ask };
  } catch {
    return null;
  }
}
