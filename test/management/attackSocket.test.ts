/** The management socket under attack: junk, floods, clients that never read, and everything else that may stand at its path. */
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { askDaemon } from "#management/client";
import type { Answer, Question } from "#management/protocol";
import { type ManagementServer, serveManagement } from "#management/server";
import { penstock } from "#test/support/daemon";
import { sleep, until, writeDocuments } from "#test/support/house";
import { Stage } from "#test/support/stage";

interface Context {
  dir: string;
  at: string;
  server: ManagementServer | null;
  clients: net.Socket[];
  children: ChildProcess[];
}

const socket = suite<Context>("management/attackSocket");
socket.before.each((context) => {
  context.dir = mkdtempSync(path.join(os.tmpdir(), "penstock-socket-"));
  context.at = path.join(context.dir, "penstock.sock");
  context.server = null;
  context.clients = [];
  context.children = [];
});
socket.after.each(async (context) => {
  for (const client of context.clients) client.destroy();
  for (const child of context.children) {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await new Promise((resolve) => child.once("close", resolve));
  }
  await context.server?.close();
  rmSync(context.dir, { recursive: true, force: true });
});

const PONG: Answer = { ok: true, metrics: "pong" };

async function serve(context: Context, answer: (question: Question) => Promise<Answer> = () => Promise.resolve(PONG)): Promise<void> {
  context.server = await serveManagement(context.at, answer);
}

interface Client {
  readonly socket: net.Socket;
  /** What came so far. */
  text(): string;
}

/** @param stays it does not hang up when the other side does */
async function client(context: Context, stays = false): Promise<Client> {
  const made = net.connect({ path: context.at, allowHalfOpen: stays });
  context.clients.push(made);
  let text = "";
  made.on("error", () => {});
  made.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  await new Promise((resolve) => made.once("connect", resolve).once("close", resolve));
  return { socket: made, text: () => text };
}

socket("whoever waits for an answer is not idle, however long it takes; whoever asks nothing is cut", async (context) => {
  const slowly = async (): Promise<Answer> => {
    await new Promise((resolve) => setTimeout(resolve, 900));
    return PONG;
  };
  context.server = await serveManagement(context.at, slowly, 300);
  const idle = await client(context);
  assert.equal(await askDaemon(context.at, { ask: "status" }), PONG);
  await until(() => idle.socket.closed, "cut");
});

const alive = async ({ at }: Context): Promise<boolean> => (await askDaemon(at, { ask: "status" })).metrics === "pong";

socket(
  "binary junk, half a question, an empty line, another's protocol: one plain answer a line, and nobody else notices",
  async (context) => {
    await serve(context);
    for (const junk of [
      Buffer.from(Array.from({ length: 2_000 }, (_, i) => (i % 255) + (i % 255 >= 10 ? 1 : 0))),
      Buffer.from([0xff, 0xfe, 0x00, 0xd8]),
      Buffer.from("\u0000\u202e"),
      Buffer.from('{"ask":{"ask":"reload"}}'),
      Buffer.from('["reload"]'),
      Buffer.from('{"ask":"__proto__"}'),
      Buffer.from("GET /metrics HTTP/1.1"),
      Buffer.from("[".repeat(4_000)),
    ]) {
      const one = await client(context);
      one.socket.write(Buffer.concat([junk, Buffer.from("\n")]));
      await until(() => one.text().endsWith("\n"), "answered");
      assert.equal(JSON.parse(one.text().split("\n")[0] as string), { ok: false, error: "not a question this daemon knows" });
      one.socket.destroy();
    }
    const half = await client(context);
    for (const octet of Buffer.from('{"ask":"metrics"}\n')) {
      half.socket.write(Buffer.from([octet]));
      await sleep(1);
    }
    await until(() => half.text() !== "", "answered");
    assert.equal(JSON.parse(half.text()), PONG);
    assert.ok(await alive(context));
  },
);

socket("a question without end is refused once, and whoever goes on talking is cut", async (context) => {
  await serve(context);
  const one = await client(context, true);
  const talk = setInterval(() => {
    if (one.socket.writable) one.socket.write(Buffer.alloc(4_096, 0x61));
  }, 2);
  try {
    await until(() => one.text().includes("\n"), "answered");
    assert.match(one.text(), /too long/);
    await until(() => one.socket.destroyed, "cut");
  } finally {
    clearInterval(talk);
  }
  assert.ok(await alive(context));
});

socket("whoever asks and never reads is given one answer, however much it asks", async (context) => {
  let asked = 0;
  await serve(context, () => {
    asked += 1;
    return Promise.resolve({ ok: true, metrics: "x".repeat(4 * 1024 * 1024) });
  });
  const one = await client(context);
  one.socket.pause();
  for (let i = 0; i < 200; i++) {
    one.socket.write('{"ask":"metrics"}\n');
    await sleep(1);
  }
  await sleep(100);
  assert.is(asked, 1);
});

socket("more connections than there is room for are closed, the others are answered; room comes back", async (context) => {
  await serve(context);
  const all = await Promise.all(Array.from({ length: 60 }, () => client(context)));
  await until(() => all.filter((each) => each.socket.destroyed).length === 44, "16 stay");
  const [stays] = all.filter((each) => !each.socket.destroyed);
  stays?.socket.write('{"ask":"status"}\n');
  await until(() => stays?.text() !== "", "answered");
  for (const each of all) each.socket.destroy();
  let back = false;
  for (let i = 0; i < 50 && !back; i++) back = await alive(context);
  assert.ok(back);
});

socket("a fault in answering is an answer, and the next question has one too", async (context) => {
  let first = true;
  await serve(context, async () => {
    if (!first) return PONG;
    first = false;
    throw new Error("a fault of our own");
  });
  const one = await client(context);
  one.socket.write('{"ask":"status"}\n{"ask":"status"}\n');
  await until(() => one.text().split("\n").length === 3, "two answers");
  assert.equal(
    one
      .text()
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as Answer).ok),
    [false, true],
  );
});

socket("it is made 0600 whatever the mask, and goes with the daemon", async (context) => {
  const before = process.umask(0);
  try {
    await serve(context);
  } finally {
    process.umask(before);
  }
  const found = lstatSync(context.at);
  assert.ok(found.isSocket());
  assert.is(found.mode & 0o777, 0o600);
  await context.server?.close();
  context.server = null;
  assert.is(lstatSync(context.at, { throwIfNoEntry: false }), undefined);
});

async function refusal(context: Context): Promise<string> {
  try {
    await serve(context);
  } catch (error) {
    return (error as Error).message;
  }
  return "it serves";
}

socket("a file, a folder or a link at its path is somebody's: refused in words, and left as it is", async (context) => {
  writeFileSync(context.at, "a policy, say");
  assert.match(await refusal(context), /penstock\.sock: .*no socket/);
  assert.is(readFileSync(context.at, "utf8"), "a policy, say");
  rmSync(context.at);

  mkdirSync(context.at);
  assert.match(await refusal(context), /no socket/);
  assert.ok(statSync(context.at).isDirectory());
  rmSync(context.at, { recursive: true });

  const other = path.join(context.dir, "other");
  for (const make of [() => {}, () => writeFileSync(other, "kept", { mode: 0o644 })]) {
    make();
    symlinkSync(other, context.at);
    assert.match(await refusal(context), /no socket/);
    assert.is(readlinkSync(context.at), other);
    rmSync(context.at);
  }
  assert.equal([readFileSync(other, "utf8"), statSync(other).mode & 0o777], ["kept", 0o644]);
});

socket("a folder it may not be made in is one line", async (context) => {
  writeFileSync(path.join(context.dir, "file"), "");
  context.at = path.join(context.dir, "file", "penstock.sock");
  assert.match(await refusal(context), /file\/penstock\.sock: .*\((ENOTDIR|EEXIST)\)/);
});

const LISTEN = "require('node:net').createServer(()=>{}).listen({path:process.argv[1],backlog:1},()=>console.log('up'))";

async function listener(context: Context): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["-e", LISTEN, context.at], { stdio: ["ignore", "pipe", "inherit"] });
  context.children.push(child);
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  return child;
}

socket("what a killed daemon left behind is replaced", async (context) => {
  const child = await listener(context);
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("close", resolve));
  assert.ok(lstatSync(context.at).isSocket());
  await serve(context);
  assert.ok(await alive(context));
});

socket("another daemon's socket is not taken, even where it is too busy to answer or may not be opened", async (context) => {
  const child = await listener(context);
  const { ino } = lstatSync(context.at);
  assert.match(await refusal(context), /another daemon/);
  child.kill("SIGSTOP");
  // Its queue fills, and a further connection is neither taken nor refused.
  for (let i = 0; i < 4; i++) {
    const waiting = net.connect(context.at);
    waiting.on("error", () => {});
    context.clients.push(waiting);
  }
  await sleep(50);
  assert.match(await refusal(context), /another daemon/);
  assert.is(lstatSync(context.at).ino, ino);
  chmodSync(context.at, 0o000);
  assert.match(await refusal(context), /another daemon/);
  assert.is(lstatSync(context.at).ino, ino);
});

socket("two daemons: one socket, or one log, serves one of them; the second says so in a line and exits with 2", async (context) => {
  const stage = await Stage.open();
  const second = path.join(context.dir, "second");
  mkdirSync(second);
  try {
    writeDocuments(second, stage.plc.port, {});
    const site = readFileSync(path.join(second, "site.yaml"), "utf8");
    const both = async (text: string, words: RegExp): Promise<void> => {
      writeFileSync(path.join(second, "site.yaml"), text);
      const { code, stdout, stderr } = await penstock(["run"], { cwd: second });
      assert.equal([code, stdout], [2, ""]);
      const said = stderr.split("\n").filter((line) => line.startsWith("penstock: "));
      assert.is(said.length, 1, stderr);
      assert.match(said[0] ?? "", words);
      assert.not.match(stderr, / at .*\.ts/);
    };
    await both(
      site.replace("socket: penstock.sock", `socket: ${path.join(stage.dir, "penstock.sock")}`),
      /another daemon answers on .*penstock\.sock/,
    );
    await both(
      site.replace("directory: audit", `directory: ${path.join(stage.dir, "audit")}`),
      /process \d+ is writing there; one writer a directory/,
    );
    assert.is((await stage.status()).state, "enforcing");
    await stage.endsWell();
  } finally {
    await stage.clear();
  }
});

socket.run();
