/**
 * Octets written to the management socket: one answer a line, whole and of a bounded size, and the daemon's end lives on for the next.
 *
 *     0              1..
 *     how it is cut   what is written
 */
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Answer, Question } from "#management/protocol";
import { type ManagementServer, serveManagement } from "#management/server";
import { accepted, dictionaryOf, must, octetsOf, refused, type Target, textOf } from "../target.ts";
import { join } from "./modbus.ts";

const LINE_LIMIT = 4_096;
/** What is no UTF-8 becomes one character or more, as the pieces fall. */
const INEXACT = 64;
const LONGEST_ANSWER = 1_024;
const KNOWN: ReadonlySet<unknown> = new Set(["status", "sessions", "metrics", "reload"] satisfies Question["ask"][]);

/** What a daemon does when it is asked is not tried here: one question is answered, one late, one never rightly. */
async function answer({ ask }: Question): Promise<Answer> {
  if (ask === "metrics") await new Promise((resolve) => setImmediate(resolve));
  if (ask === "reload") throw new Error("no such documents");
  return { ok: true, metrics: ask };
}

interface Door {
  readonly folder: string;
  readonly socket: string;
  readonly server: ManagementServer;
}

let door: Promise<Door> | null = null;

async function open(): Promise<Door> {
  const folder = mkdtempSync(path.join(tmpdir(), "penstock-fuzz-socket-"));
  const socket = path.join(folder, "penstock.sock");
  return { folder, socket, server: await serveManagement(socket, answer) };
}

export const managementQuestion: Target = {
  name: "managementQuestion",
  limitMs: 10,
  inputs: null,
  most: 6_000,
  text: true,
  dictionary: dictionaryOf([
    ...[
      '{"ask":"status"}\n',
      '{"ask":"sessions"}\n',
      '{"ask":"metrics"}\n',
      '{"ask":"reload"}\n',
      '{"ask":',
      '"ask"',
      "null\n",
      "[]\n",
      "1\n",
      "\n",
      "\r\n",
      "\u0000",
      "é",
    ],
    ...['{"__proto__":{"ask":"status"}}\n', '"status"\n', "x".repeat(3_000)],
  ]),
  corpus: () => [
    ...[
      '{"ask":"status"}\n',
      '{"ask":"metrics"}\n',
      '{"ask":"reload"}\n',
      '{"ask":"open the gate"}\n',
      '{"ask":"status","more":[1]}\r\n',
    ].map(questions),
    questions(`${'{"ask":"status"}\n'.repeat(40)}null\n{"ask":["status"]}\n\n`),
    questions("x".repeat(5_000)),
    join([200], octetsOf('{"ask":"metrics"}\n{"ask":"reload"}\n{"ask":"sta')),
  ],
  async run(input) {
    door ??= open();
    const { socket } = await door;
    const written = join(input.subarray(1), [10]);
    const told = await converse(socket, written, input[0] ?? 0);
    const lines = textOf(written).split("\n").slice(0, -1);
    must(told.length <= lines.length + 1, `${told.length} answers to ${lines.length} lines`);
    const tooLong = told.at(-1)?.error === "question too long";
    if (!tooLong) {
      must(told.length === lines.length, `${told.length} answers to ${lines.length} lines`);
      for (const [i, line] of lines.entries()) mustAnswer(line, told[i] as Answer);
      must(
        lines.every((line) => line.length <= LINE_LIMIT + INEXACT),
        "a line longer than the limit is answered",
      );
    } else must(written.length > LINE_LIMIT, "too long, and it is not");
    const known = told.filter(({ ok }) => ok).length;
    const word = `${Math.min(4, known)} known of ${Math.min(6, told.length)}${tooLong ? ", too long" : ""}, ${told.at(-1)?.error}`;
    return known > 0 ? accepted(word) : refused(word);
  },
  async close() {
    if (door === null) return;
    const { server, folder } = await door;
    door = null;
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  },
};

function questions(text: string): Uint8Array {
  return join([0], octetsOf(text));
}

/** Every answer until there is one a line, or the daemon has closed. */
function converse(socket: string, written: Uint8Array, cut: number): Promise<readonly Answer[]> {
  return new Promise((resolve, reject) => {
    const lines = written.filter((octet) => octet === 10).length;
    const client = net.connect(socket);
    let text = "";
    const finish = (): void => {
      client.destroy();
      try {
        resolve(text.split("\n").slice(0, -1).map(answerOf));
      } catch (error) {
        reject(error as Error);
      }
    };
    client.setEncoding("utf8");
    client.on("error", (error: NodeJS.ErrnoException) =>
      error.code === "EPIPE" || error.code === "ECONNRESET" ? finish() : reject(error),
    );
    client.on("close", finish);
    client.on("data", (chunk: string) => {
      text += chunk;
      if (text.split("\n").length - 1 >= lines) finish();
    });
    const at = Math.min(cut, written.length - 1);
    if (at > 0) client.write(written.subarray(0, at));
    setImmediate(() => client.write(written.subarray(at)));
  });
}

function answerOf(line: string): Answer {
  must(line.length <= LONGEST_ANSWER, `an answer of ${line.length} characters`);
  const answer = JSON.parse(line) as Answer;
  must(typeof answer.ok === "boolean" && (answer.ok || (answer.error ?? "") !== ""), `no answer: ${line}`);
  return answer;
}

function mustAnswer(line: string, { ok, metrics, error }: Answer): void {
  const ask = askOf(line);
  if (!KNOWN.has(ask)) must(!ok && error === "not a question this daemon knows", `answered, and nobody asked: ${JSON.stringify(line)}`);
  else if (ask === "reload") must(!ok && error === "no such documents", `another answer than the daemon's: ${error}`);
  else must(ok && metrics === ask, `an answer to another question: ${metrics}`);
}

function askOf(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as { readonly ask?: unknown }).ask : undefined;
  } catch {
    return undefined;
  }
}
