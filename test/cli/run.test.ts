/** `penstock run` as the people and programs beside it see it: its log on a terminal, `ready` for scripts, readiness for systemd, a wrong option. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { askDaemon } from "#management/client";
import { penstock } from "#test/support/daemon";
import { until, writeDocuments } from "#test/support/house";
import { hasTool, need } from "#test/support/need";
import { Plc } from "#test/support/plc";

const WAIT_MS = 30_000;
const main = path.resolve(import.meta.dirname, "../../src/cli/main.ts");
const daemon = [process.execPath, "--disable-warning=ExperimentalWarning", main, "run"];

interface Context {
  dir: string;
  plc: Plc;
  programs: Program[];
}
const run = suite<Context>("cli/run");
run.before.each(async (context) => {
  context.dir = mkdtempSync(path.join(os.tmpdir(), "penstock-run-"));
  context.plc = new Plc();
  context.programs = [];
  writeDocuments(context.dir, await context.plc.listen(), {});
});
run.after.each(async ({ dir, plc, programs }) => {
  // What runs on a terminal outlives it: losing the terminal is a reload to it.
  await signal(dir, "SIGKILL").catch(() => {});
  for (const program of programs) await program.kill();
  await plc.close();
  rmSync(dir, { recursive: true, force: true });
});

/** A program of its own, and what it says. */
class Program {
  readonly child: ChildProcess;
  out = "";
  err = "";
  readonly ended: Promise<number | null>;

  constructor([command = "", ...args]: readonly string[], { dir, programs }: Context, env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(command, args, { cwd: dir, env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.out += text;
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.err += text;
    });
    this.ended = new Promise((resolve) => this.child.once("close", resolve));
    programs.push(this);
  }

  get lines(): string[] {
    return this.out.split(/\r?\n/).filter((line) => line !== "");
  }

  says(what: RegExp): Promise<void> {
    return until(() => what.test(this.out), `it says ${what}`, WAIT_MS);
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

/** A terminal that shows a command, from whichever tool is here: both its streams come out of ours. Null: there is none. */
function terminal(words: readonly string[]): string[] | null {
  const quoted = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  if (hasTool("script")) return ["script", "-qec", quoted, "/dev/null"];
  const spawned = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
  return hasTool("python3") ? ["python3", "-c", spawned, ...words] : null;
}

async function signal(dir: string, name: NodeJS.Signals): Promise<void> {
  const { status } = await askDaemon(path.join(dir, "penstock.sock"), { ask: "status" });
  process.kill(status?.pid as number, name);
}

run("the log on a terminal is a line for people: clock, level, words, details; nothing in it moves the cursor", async (context) => {
  const shown = terminal(daemon);
  if (!need("script or python3 (for a terminal)", shown !== null)) return;
  const program = new Program(shown as string[], context);
  await program.says(/^ready\r?$/m);
  writeFileSync(path.join(context.dir, "policy.yaml"), "policy: \u001b[2J\u202e\n");
  await signal(context.dir, "SIGHUP");
  await program.says(/documents refused/);
  await signal(context.dir, "SIGTERM");
  assert.is(await program.ended, 0, program.out);
  const log = program.lines.filter((line) => line !== "ready");
  assert.is(log.length, program.lines.length - 1);
  for (const line of log) assert.match(line, /^\d\d:\d\d:\d\d (info |warn |error) [a-z;, ]+( {2}\w+=.*)?$/);
  const port = /^\d\d:\d\d:\d\d info {2}listening {2}listener=\S+ address=127\.0\.0\.1\b.* port=(\d+) tls=none$/m.exec(log.join("\n"))?.[1];
  assert.ok(Number(port) > 0, log.join("\n"));
  assert.match(log.join("\n"), /^\S+ error documents refused; the old ones stay in force {2}problems=\["policy\.yaml:1:9: found /m);
  assert.match(log.join("\n"), /^\S+ info {2}draining {2}signal=SIGTERM$/m);
  assert.not.match(program.out, /[^\r\n\x20-\x7e]/);
});

run(
  "RULINGS 33: documents that change while it starts, announced by SIGHUP before it is ready, are in force after all",
  async (context) => {
    const { dir } = context;
    // Where it reads which clients it has seen, after its documents: it waits there until somebody writes.
    const gate = path.join(dir, "audit.seen.json");
    execFileSync("mkfifo", [gate]);
    const program = new Program(daemon, context);
    const held = await open(gate, "w");
    const policy = path.join(dir, "policy.yaml");
    writeFileSync(policy, readFileSync(policy, "utf8").replace("version: 1", "version: 2"));
    program.child.kill("SIGHUP");
    await held.close();
    await program.says(/^ready$/m);
    let version = 0;
    const ask = async (): Promise<void> => {
      version = (await askDaemon(path.join(dir, "penstock.sock"), { ask: "status" })).status?.policy.version ?? 0;
    };
    const asking = setInterval(() => void ask(), 20);
    await until(() => version === 2, "the second version is in force", WAIT_MS).finally(() => clearInterval(asking));
  },
);

run("--json: on a terminal too, all it says is one JSON object a line, `ready` with its listeners among them", async (context) => {
  const shown = terminal([...daemon, "--json"]);
  if (!need("script or python3 (for a terminal)", shown !== null)) return;
  const program = new Program(shown as string[], context);
  await program.says(/"ready"/);
  await signal(context.dir, "SIGTERM");
  assert.is(await program.ended, 0, program.out);
  const objects = program.lines.map((line) => JSON.parse(line) as { level?: number; event?: string });
  assert.ok(objects.some(({ level }) => level === 30));
  assert.is(objects.filter(({ event }) => event === "ready").length, 1);
});

run("--json: standard output holds one object, which says where it listens; without it, `ready`", async (context) => {
  const program = new Program([...daemon, "--json"], context);
  await program.says(/\n/);
  const { event, listeners } = JSON.parse(program.out) as { event: string; listeners: Record<string, unknown>[] };
  assert.is(event, "ready");
  assert.is(listeners.length, 1);
  const { name, asset, addresses, port, tls } = listeners[0] as Record<string, unknown>;
  assert.equal([asset, (addresses as string[])[0], tls], ["plc", "127.0.0.1", "none"]);
  assert.type(name, "string");
  assert.ok(await answers(port as number));
  program.child.kill("SIGTERM");
  assert.is(await program.ended, 0);
  assert.is(program.out.split("\n").length, 2);
  const plain = new Program(daemon, context);
  await plain.says(/\n/);
  assert.is(plain.out, "ready\n");
  plain.child.kill("SIGTERM");
  assert.is(await plain.ended, 0);
});

function answers(port: number): Promise<boolean> {
  const socket = net.connect(port, "127.0.0.1");
  return new Promise<boolean>((resolve) => socket.once("connect", () => resolve(true)).once("error", () => resolve(false))).finally(() =>
    socket.destroy(),
  );
}

/** A `systemd-notify` that writes down how it was called, found before the system's own. A line counts once it is whole. */
function notifier(dir: string): { env: NodeJS.ProcessEnv; calls: () => string[] } {
  const log = path.join(dir, "notified");
  const tool = path.join(dir, "systemd-notify");
  writeFileSync(tool, `#!/bin/sh\necho "$@" >> '${log}'\n`);
  chmodSync(tool, 0o755);
  return {
    env: { PATH: `${dir}:${process.env.PATH}` },
    calls: () => (existsSync(log) ? readFileSync(log, "utf8").split("\n").slice(0, -1) : []),
  };
}

run("systemd is told when it is ready, and when it stops", async (context) => {
  const { env, calls } = notifier(context.dir);
  const program = new Program(daemon, context, { ...env, NOTIFY_SOCKET: path.join(context.dir, "notify") });
  await until(() => calls().length > 0, "told", WAIT_MS);
  assert.equal(calls(), ["READY=1"]);
  assert.is(program.out, "ready\n", "every listener is bound by then");
  program.child.kill("SIGTERM");
  assert.is(await program.ended, 0, program.err);
  await until(() => calls().length > 1, "told of the end", WAIT_MS);
  assert.equal(calls(), ["READY=1", "STOPPING=1"]);
});

run("systemd's own tool takes what it is told", async (context) => {
  if (!need("systemd-notify", hasTool("systemd-notify")) || !need("python3", hasTool("python3"))) return;
  const at = path.join(context.dir, "notify");
  // What systemd is to the daemon: a datagram socket that somebody reads.
  const script = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True: print(s.recv(4096).decode(), flush=True)`;
  const systemd = new Program(["python3", "-c", script, at], context);
  await systemd.says(/bound/);
  const program = new Program(daemon, context, { NOTIFY_SOCKET: at });
  await systemd.says(/^READY=1$/m);
  program.child.kill("SIGTERM");
  await systemd.says(/^STOPPING=1$/m);
  assert.is(await program.ended, 0, program.err);
});

run("systemd is told nothing by a start that fails, nor where nobody asked", async (context) => {
  const { env, calls } = notifier(context.dir);
  const quiet = new Program(daemon, context, { ...env, NOTIFY_SOCKET: undefined });
  await quiet.says(/ready/);
  quiet.child.kill("SIGTERM");
  assert.is(await quiet.ended, 0, quiet.err);
  const site = path.join(context.dir, "site.yaml");
  writeFileSync(site, readFileSync(site, "utf8").replace("port: 0", `port: ${context.plc.port}`));
  const failing = new Program(daemon, context, { ...env, NOTIFY_SOCKET: path.join(context.dir, "notify") });
  assert.is(await failing.ended, 2, failing.err);
  assert.equal([failing.out, calls()], ["", []]);
});

run("--log-level takes the levels there are; another word is exit 2 and one line that names them", async () => {
  const { code, stdout, stderr } = await penstock(["run", "--log-level", "silly"]);
  assert.equal([code, stdout], [2, ""]);
  assert.match(
    stderr,
    /^penstock: option '--log-level <level>' argument 'silly' is invalid\. Allowed choices are trace, debug, info, warn, error\.\n\(.*--help.*\)\n$/,
  );
});

run.run();
