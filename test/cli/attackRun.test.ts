/**
 * `penstock run` as a process: whatever befalls it, the gate is shut or judges on. It never stands open, it never goes quietly, and its log
 * verifies afterwards.
 */
import { execFileSync, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { askDaemon } from "#management/client";
import { penstock } from "#test/support/daemon";
import { certificates } from "#test/support/gatewayCertificates";
import { OPEN_POLICY, sleep, until } from "#test/support/house";
import { hasTool, need } from "#test/support/need";
import { Operator, read, write } from "#test/support/operator";
import { Stage } from "#test/support/stage";

const run = suite<{ stage: Stage | null; mounts: string[] }>("cli/attackRun");
run.before.each((context) => {
  context.stage = null;
  context.mounts = [];
});
run.after.each(async (context) => {
  await context.stage?.daemon.stop("SIGKILL");
  for (const at of context.mounts) execFileSync("umount", [at]);
  await context.stage?.clear();
});

const hex = async (answer: Promise<Buffer>): Promise<string> => (await answer).toString("hex");

/** The daemon loads this before anything of its own: on SIGUSR2 a fault comes out of the event loop that nobody catches. */
async function withFault(fault: string, open: () => Promise<Stage>, context: { stage: Stage | null }): Promise<Stage> {
  const hook = `data:text/javascript;base64,${Buffer.from(`process.on("SIGUSR2", () => { ${fault} })`).toString("base64")}`;
  const before = process.env.NODE_OPTIONS;
  process.env.NODE_OPTIONS = `--import=${hook}`;
  try {
    context.stage = await open();
    return context.stage;
  } finally {
    if (before === undefined) delete process.env.NODE_OPTIONS;
    else process.env.NODE_OPTIONS = before;
  }
}

for (const [what, fault] of [
  ["an exception nobody catches", "setImmediate(() => { throw new Error('a fault of our own'); })"],
  ["a rejection nobody handles", "Promise.reject(new Error('a fault of our own'))"],
  ["an error event nobody listens to", "process.emit('error', new Error('a fault of our own'))"],
] as const) {
  run(`${what} shuts the gate: exit 3, its reason in the log, no further octet to the PLC`, async (context) => {
    const stage = await withFault(fault, () => Stage.open({ asset: "    upstream: { timeout: 400ms }" }), context);
    const operator = await stage.plain();
    assert.is(await hex(operator.ask(write(1, 1))), "0600010001");
    const { octets } = stage.plc;
    stage.daemon.signal("SIGUSR2");
    const { code, signal } = await stage.daemon.ended;
    assert.equal([code, signal], [3, null], stage.daemon.stderr);
    await operator.gone();
    assert.not(await stage.listens());
    assert.is(stage.plc.octets, octets);
    const last = JSON.parse(stage.daemon.stderr.trimEnd().split("\n").at(-1) as string) as { level: number; msg: string; fault: unknown };
    assert.is(last.level, 60);
    assert.match(last.msg, /nobody caught/);
    assert.match(JSON.stringify(last.fault), /a fault of our own/);
    assert.ok((await stage.verify()).ok);
  });
}

run(
  "SIGHUP on SIGHUP, then SIGTERM in the middle: every reload ends, it drains, exits 0, and nothing is half in force",
  async (context) => {
    const stage = await Stage.open();
    context.stage = stage;
    const operator = await stage.plain();
    await operator.ask(read(0, 1));
    for (let version = 2; version < 8; version++) {
      writeFileSync(path.join(stage.dir, "policy.yaml"), OPEN_POLICY.replace("version: 1", `version: ${version}`));
      stage.daemon.signal("SIGHUP");
      stage.daemon.signal("SIGHUP");
      assert.is(await hex(operator.ask(write(1, version))), `0600010${version.toString(16).padStart(3, "0")}`);
    }
    await until(() => stage.daemon.stderr.includes('"version":7,"msg":"documents reloaded"'), "the last one is in force");
    writeFileSync(path.join(stage.dir, "policy.yaml"), OPEN_POLICY.replace("version: 1", "version: 8"));
    for (const signal of ["SIGHUP", "SIGTERM", "SIGHUP", "SIGTERM", "SIGINT"] as const) stage.daemon.signal(signal);
    const { code } = await stage.daemon.ended;
    assert.is(code, 0, stage.daemon.stderr);
    assert.not(await stage.listens());
    assert.ok((await stage.verify()).ok);
    assert.is(stage.records("stop").length, 1);
  },
);

/**
 * The lowest number the process has no file descriptor of: with that for a limit it can open no further one. Looked for a while: files that
 * the daemon only writes and closes come and go.
 */
async function lowestFree(pid: number): Promise<number> {
  let lowest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 40; i++) {
    const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
    let free = 0;
    while (open.has(free)) free += 1;
    lowest = Math.min(lowest, free);
    await sleep(50);
  }
  return lowest;
}

run("no file descriptors left: nobody new gets in, who is in works on, and all is well once there are some again", async (context) => {
  if (!need("prlimit", hasTool("prlimit"))) return;
  const pki = await certificates();
  const stage = await Stage.open(pki.house);
  context.stage = stage;
  const pid = stage.daemon.child.pid as number;
  const alice = await stage.mutual(pki.operator);
  const thief = pki.operatorNamed("thief");
  const mallory = await stage.mutual(thief);
  assert.is(await hex(alice.ask(write(1, 1))), "0600010001");
  execFileSync("prlimit", ["--pid", String(pid), `--nofile=${await lowestFree(pid)}:4096`]);
  const crowd = Array.from({ length: 50 }, () => net.connect(stage.port(), "127.0.0.1").on("error", () => {}));
  // Longer than the daemon goes without a look at its interfaces, for which it needs a descriptor too.
  for (let i = 0; i < 60; i++) {
    assert.is(await hex(alice.ask(read(1, 1))), "03020001");
    assert.is(await hex(alice.ask(write(2, i))), `060002${i.toString(16).padStart(4, "0")}`);
    await sleep(100);
  }
  // Neither a new list nor new documents can be read: the old ones stay.
  writeFileSync(path.join(stage.dir, "ca.crl"), pki.ca.list({ number: 2, revoked: [thief.made.serial] }));
  await until(() => stage.daemon.stderr.includes("revocation lists refused"), "refused");
  stage.daemon.signal("SIGHUP");
  await until(() => stage.daemon.stderr.includes("documents refused"), "refused");
  for (const socket of crowd) socket.destroy();
  assert.not(mallory.closed);
  execFileSync("prlimit", ["--pid", String(pid), "--nofile=4096:4096"]);
  await mallory.gone(5_000);
  assert.is((await stage.status()).state, "enforcing");
  const bob = await stage.mutual(pki.operatorNamed("bob"));
  assert.is(await hex(bob.ask(write(3, 3))), "0600030003");
  stage.daemon.signal("SIGHUP");
  await until(() => /documents (are unchanged|reloaded)/.test(stage.daemon.stderr), "reloaded");
  await stage.endsWell();
});

/** A small disk of its own under the log; false where this machine does not let us. */
function disk(context: { mounts: string[] }, dir: string, size: string): boolean {
  const at = path.join(dir, "audit");
  mkdirSync(at, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=0700`, "tmpfs", at], { stdio: "ignore" });
  } catch {
    return false;
  }
  context.mounts.push(at);
  return true;
}

const mayMount = process.getuid?.() === 0 && hasTool("mount");

/** Leave `free` octets of the disk. */
function fill(dir: string, free: number): string {
  const file = path.join(dir, "audit", "ballast");
  const { bavail, bsize } = statfsSync(path.join(dir, "audit"));
  writeFileSync(file, Buffer.alloc(Math.max(0, bavail * bsize - free)));
  return file;
}

run(
  "a full disk: writes are denied and reads go on (when_full: deny-writes); once there is room, writes pass and the log verifies",
  async (context) => {
    if (!need("root and mount", mayMount)) return;
    let mounted = false;
    const stage = await Stage.open({}, (dir) => {
      mounted = disk(context, dir, "2m");
    });
    context.stage = stage;
    if (!need("a mount of tmpfs", mounted)) return;
    const operator = await stage.plain();
    assert.is(await hex(operator.ask(write(1, 1))), "0600010001");
    const ballast = fill(stage.dir, 64 * 1024);
    let full = "";
    for (let i = 0; i < 2_000 && full !== "8606"; i++) full = await hex(operator.ask(write(1, i)));
    assert.is(full, "8606");
    const { length } = stage.plc.requests;
    for (let i = 0; i < 20; i++) {
      assert.is(await hex(operator.ask(write(50, i))), "8606");
      assert.match(await hex(operator.ask(read(1, 1))), /^0302/);
    }
    assert.is(stage.plc.requests.slice(length).filter((request) => request[7] === 6).length, 0);
    const { audit, warnings } = await stage.status();
    assert.is(audit.state, "full");
    assert.ok(warnings.some((line) => line.startsWith("EVIDENCE FULL")));
    rmSync(ballast);
    let again = "";
    for (let i = 0; i < 100 && again !== "06002d0007"; i++) {
      again = await hex(operator.ask(write(45, 7)));
      await sleep(50);
    }
    assert.is(again, "06002d0007");
    await stage.endsWell();
  },
);

run("it starts on a full disk: reads go on, writes are denied until there is room", async (context) => {
  if (!need("root and mount", mayMount)) return;
  let mounted = false;
  const stage = await Stage.open({}, (dir) => {
    mounted = disk(context, dir, "2m");
  });
  context.stage = stage;
  if (!need("a mount of tmpfs", mounted)) return;
  const before = await stage.plain();
  assert.is(await hex(before.ask(write(1, 1))), "0600010001");
  await stage.daemon.stop("SIGKILL");
  let ballast = fill(stage.dir, 0);
  await stage.again();
  // However it ended: a clean stop leaves no less room for the next start.
  await stage.daemon.stop();
  rmSync(ballast);
  await stage.again();
  await stage.daemon.stop();
  ballast = fill(stage.dir, 0);
  await stage.again();
  const operator = await stage.plain();
  assert.is(await hex(operator.ask(read(1, 1))), "03020001");
  let denied = "";
  for (let i = 0; i < 500 && denied !== "8606"; i++) denied = await hex(operator.ask(write(2, i)));
  assert.is(denied, "8606");
  rmSync(ballast);
  let again = "";
  for (let i = 0; i < 100 && again !== "06002d0007"; i++) {
    again = await hex(operator.ask(write(45, 7)));
    await sleep(50);
  }
  assert.is(again, "06002d0007");
  await stage.endsWell();
});

run("a folder of evidence that cannot be written is no start: one line, exit 2, nothing listens", async (context) => {
  if (!need("root and mount", mayMount)) return;
  let mounted = false;
  const stage = await Stage.open({}, (dir) => {
    mounted = disk(context, dir, "2m");
  });
  context.stage = stage;
  if (!need("a mount of tmpfs", mounted)) return;
  await (await stage.plain()).ask(write(1, 1));
  await stage.daemon.stop();
  execFileSync("mount", ["-o", "remount,ro", path.join(stage.dir, "audit")]);
  const { code, stdout, stderr } = await penstock(["run"], { cwd: stage.dir });
  assert.equal([code, stdout], [2, ""], stderr);
  const said = stderr.split("\n").filter((line) => line.startsWith("penstock: "));
  assert.is(said.length, 1, stderr);
  assert.match(said[0] ?? "", /audit: .*EROFS/);
  assert.not.match(stderr, /at .*\.ts/);
  assert.not(await stage.listens());
  execFileSync("mount", ["-o", "remount,rw", path.join(stage.dir, "audit")]);
  await stage.again();
  assert.is(await hex((await stage.plain()).ask(write(1, 2))), "0600010002");
  await stage.endsWell();
});

run("nobody reads what it says: its memory is bounded all the same", async () => {
  const script = `import { openLog } from "#log";
const log = openLog("info", false);
const words = "x".repeat(1000);
for (let i = 0; i < 200; i++) {
  for (let n = 0; n < 1000; n++) log.warn({ i, n }, words);
  await new Promise((resolve) => setTimeout(resolve, 1));
}
process.stdout.write(String(process.memoryUsage.rss()));
process.exit(0);
`;
  const root = path.resolve(import.meta.dirname, "../..");
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  // Its standard error is a pipe that fills and stays full.
  let said = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  await until(() => said !== "" || child.exitCode !== null, "it says what it takes", 30_000);
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("close", resolve));
  const mb = Number(said) / 1024 / 1024;
  assert.ok(mb > 20 && mb < 150, `${mb.toFixed(0)} MB after 200 MB of log nobody reads`);
});

for (const [signal, ends] of [
  ["SIGTERM", 0],
  ["SIGUSR2", 3],
] as const) {
  run(`nobody reads what it says: ${signal} ends it all the same, with ${ends}`, async (context) => {
    const stage = await withFault("setImmediate(() => { throw new Error('a fault of our own'); })", () => Stage.open(), context);
    stage.daemon.child.stderr?.pause();
    for (let i = 0; i < 800; i++) {
      const operator = await stage.plain(`127.0.1.${1 + (i % 250)}`);
      await operator.ask(read(0, 1));
      operator.close();
    }
    const unread = stage.daemon.stderr.split("\n").length;
    stage.daemon.signal(signal);
    const { child } = stage.daemon;
    await until(() => child.exitCode !== null || child.signalCode !== null, "it ends").finally(() => child.stderr?.resume());
    assert.is(child.exitCode, ends);
    assert.ok(unread < 1_600, `${unread} lines were read`);
    assert.ok((await stage.verify()).ok);
  });
}

run("a log that cannot be written (/dev/full on standard output and error) stops nothing", async (context) => {
  const stage = await Stage.open();
  context.stage = stage;
  await stage.daemon.stop();
  const full = openSync("/dev/full", "w");
  const main = path.resolve(import.meta.dirname, "../../src/cli/main.ts");
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", main, "run"], {
    cwd: stage.dir,
    stdio: ["ignore", full, full],
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  closeSync(full);
  try {
    const ask = () => askDaemon(path.join(stage.dir, "penstock.sock"), { ask: "status" });
    let port = 0;
    for (let i = 0; i < 200 && port === 0; i++) {
      port = (await ask()).status?.listeners[0]?.port ?? 0;
      await sleep(50);
    }
    for (let i = 0; i < 5; i++) {
      const operator = await Operator.plain(port);
      assert.is(await hex(operator.ask(write(1, i))), `060001000${i}`);
      operator.close();
    }
    await sleep(300);
    assert.is((await ask()).status?.state, "enforcing");
    child.kill("SIGTERM");
    assert.is(await ended, 0);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
});

run.run();
