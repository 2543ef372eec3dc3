/**
 * The local management socket: 0600, one question a line, one answer a line. It never carries plant traffic.
 * Node has no peer credentials for a socket, so the file's mode is the gate: whoever may open it is `local-root`.
 */
import { chmodSync, lstatSync, mkdirSync, unlinkSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { UserProblems } from "#documents/problems";
import type { Answer, Question } from "./protocol.ts";
import { QUESTION_LIMIT, readLine } from "./questions.ts";

const CONNECTION_LIMIT = 16;
/** Whoever asks nothing for so long is cut. */
const IDLE_MS = 60_000;
/** So long whoever asked too much may take to read that it did, milliseconds. */
const LINGER_MS = 1_000;

export interface ManagementServer {
  close(): Promise<void>;
}

/** @throws UserProblems when the socket cannot be made; the line says which file and why */
export async function serveManagement(
  socketPath: string,
  answer: (question: Question) => Promise<Answer>,
  idleMs = IDLE_MS,
): Promise<ManagementServer> {
  try {
    mkdirSync(path.dirname(socketPath), { recursive: true });
    await clearStale(socketPath);
    return await listen(socketPath, answer, idleMs);
  } catch (error) {
    if (error instanceof UserProblems) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserProblems([`${socketPath}: the management socket cannot be made there (${code ?? message})`]);
  }
}

async function listen(socketPath: string, answer: (question: Question) => Promise<Answer>, idleMs: number): Promise<ManagementServer> {
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    converse(socket, answer, idleMs);
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
  // After binding only accept() can fail (no file descriptors left): the socket stays, whoever asks waits.
  server.removeAllListeners("error").on("error", () => {});
  chmodSync(socketPath, 0o600);
  return {
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/**
 * A socket that refuses connections is what a killed daemon left behind, and in the way. One that takes them, is too busy to, or lets only
 * others in is another daemon's. Anything else at its path is somebody's, and not ours to remove.
 */
async function clearStale(socketPath: string): Promise<void> {
  const found = lstatSync(socketPath, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new UserProblems([`${socketPath}: what stands there is no socket; expected nothing, or an old socket`]);
  if ((await probe(socketPath)) !== "ECONNREFUSED") throw new UserProblems([`another daemon answers on ${socketPath}`]);
  unlinkSync(socketPath);
}

/** Why nobody could be reached; null: somebody was. */
function probe(socketPath: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = net.connect(socketPath);
    socket.once("connect", () => {
      socket.destroy();
      resolve(null);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

function converse(socket: net.Socket, answer: (question: Question) => Promise<Answer>, idleMs: number): void {
  let text = "";
  let busy = false;
  let over = false;
  socket.setEncoding("utf8");
  socket.setTimeout(idleMs, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: string) => {
    if (over) return;
    text += chunk;
    if (text.length > QUESTION_LIMIT) {
      over = true;
      text = "";
      socket.end(`${JSON.stringify({ ok: false, error: "question too long" } satisfies Answer)}\n`);
      // Whoever goes on talking is not heard, and keeps no place for it.
      setTimeout(() => socket.destroy(), LINGER_MS).unref();
      return;
    }
    void next();
  });
  async function next(): Promise<void> {
    const end = text.indexOf("\n");
    if (busy || end < 0) return;
    busy = true;
    // Some answers take minutes: whoever waits for one is not idle.
    socket.setTimeout(0);
    const line = text.slice(0, end);
    text = text.slice(end + 1);
    const question = readLine(line);
    const reply: Answer =
      question === null
        ? { ok: false, error: "not a question this daemon knows" }
        : await answer(question).catch((fault: unknown) => ({
            ok: false,
            error: fault instanceof Error ? fault.message : "internal fault",
          }));
    if (!socket.writable) return;
    socket.setTimeout(idleMs);
    // Whoever does not read its answer gets no other.
    socket.write(`${JSON.stringify(reply)}\n`, () => {
      busy = false;
      void next();
    });
  }
}
