/** Ask a running daemon one question over its socket. */
import net from "node:net";
import type { Answer, Question } from "./protocol.ts";

const PATIENCE_MS = 5_000;

/** Never rejects: what went wrong is the answer's `error`, in words for the person at the terminal. */
export function askDaemon(socketPath: string, question: Question, patienceMs = PATIENCE_MS): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = net.connect(socketPath);
    let text = "";
    const finish = (answer: Answer): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setEncoding("utf8");
    socket.setTimeout(patienceMs, () => finish({ ok: false, error: `no answer on ${socketPath} within ${patienceMs / 1000} s` }));
    socket.on("connect", () => socket.write(`${JSON.stringify(question)}\n`));
    socket.on("error", (error: NodeJS.ErrnoException) => finish({ ok: false, error: whyNot(socketPath, error.code ?? error.message) }));
    socket.on("data", (chunk: string) => {
      text += chunk;
      const end = text.indexOf("\n");
      if (end >= 0) finish(parse(text.slice(0, end)) ?? { ok: false, error: `what answers on ${socketPath} is no Penstock daemon` });
    });
    socket.on("end", () => finish({ ok: false, error: `the daemon closed ${socketPath} without answering` }));
  });
}

function parse(line: string): Answer | null {
  try {
    return JSON.parse(line) as Answer;
  } catch {
    return null;
  }
}

function whyNot(socketPath: string, code: string): string {
  if (code === "ENOENT" || code === "ECONNREFUSED")
    return `no daemon answers on ${socketPath}; is \`penstock run\` running with this site?`;
  if (code === "EACCES") return `${socketPath} may only be opened by the user the daemon runs as`;
  return `${socketPath}: ${code}`;
}
