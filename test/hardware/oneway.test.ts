/** The real line against a real host on the other side, which talks back: what it says reaches nobody (RULINGS 42). */
import { type ChildProcess, spawn } from "node:child_process";
import dgram from "node:dgram";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { handOver, SOCKET_FD } from "#hardware/oneway/handOver";
import { hasTool, need } from "#test/support/need";

const line = suite("hardware/oneway");

/** Sends a frame whenever a line comes in on its standard input; then tries to receive, in every way there is. */
const SENDER = `
const fs = require("node:fs");
process.stdin.on("data", (octets) => {
  for (const word of String(octets).trim().split("\\n")) {
    if (word === "read") {
      let got = "nothing";
      try { got = String(fs.readSync(${SOCKET_FD}, Buffer.alloc(2000))); } catch (error) { got = error.code; }
      console.log("read " + got);
    } else {
      let sent = 0;
      for (let i = 0; i < 3 && sent === 0; i++) try { sent = fs.writeSync(${SOCKET_FD}, Buffer.from(word)); } catch {}
      console.log("sent " + sent);
    }
  }
});
`;

interface Far {
  readonly socket: dgram.Socket;
  readonly port: number;
  readonly got: { readonly words: string; readonly port: number }[];
}

async function farOf(): Promise<Far> {
  const socket = dgram.createSocket("udp4");
  const got: { words: string; port: number }[] = [];
  socket.on("message", (octets, { port }) => got.push({ words: String(octets), port }));
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return { socket, port: socket.address().port, got };
}

interface Near {
  readonly child: ChildProcess;
  ask(word: string): Promise<string>;
  end(): Promise<void>;
}

function nearOf(port: number, prefix: readonly string[] = []): Near {
  const { file, args } = handOver({ from: "127.0.0.1", to: "127.0.0.1", port, interface: null }, [process.execPath, "-e", SENDER]);
  const [program = file, ...before] = prefix;
  const child = spawn(program, prefix.length > 0 ? [...before, file, ...args] : args, { stdio: ["pipe", "pipe", "inherit"] });
  const waiting: ((line: string) => void)[] = [];
  let rest = "";
  child.stdout?.on("data", (octets) => {
    const lines = (rest + String(octets)).split("\n");
    rest = lines.pop() ?? "";
    for (const each of lines) waiting.shift()?.(each);
  });
  return {
    child,
    ask: (word) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        child.stdin?.write(`${word}\n`);
      }),
    end: () =>
      new Promise((resolve) => {
        child.once("exit", () => resolve());
        child.kill("SIGKILL");
      }),
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

line("frames leave; what the far side sends back is seen by nobody, and floods change nothing", async () => {
  const far = await farOf();
  const near = nearOf(far.port);
  assert.is(await near.ask("one"), "sent 3");
  while (far.got.length === 0) await pause(5);
  const { port } = far.got[0] as { port: number };
  for (let i = 0; i < 2_000; i++) far.socket.send("back", port, "127.0.0.1");
  await pause(100);
  const readable = readFileSync("/proc/net/udp", "latin1")
    .split("\n")
    .filter((row) => row.includes(`:${port.toString(16).toUpperCase().padStart(4, "0")} `) && row.includes(" 0100007F:"))
    .map((row) => row.trim().split(/\s+/)[4]?.split(":")[1]);
  assert.ok(readable.includes("00000000"), "nothing waits in its buffer");
  assert.is(await near.ask("two"), "sent 3");
  while (far.got.length < 2) await pause(5);
  assert.equal(
    far.got.map(({ words }) => words),
    ["one", "two"],
  );
  far.socket.close();
  await near.end();
});

line("nobody there, which the far host's ICMP says: every frame is sent all the same", async () => {
  const far = await farOf();
  const near = nearOf(far.port);
  far.socket.close();
  for (let i = 0; i < 20; i++) assert.is(await near.ask("one"), "sent 3");
  await near.end();
});

line("RULINGS 42: the filter cannot be taken away, by whoever has the socket", async () => {
  const far = await farOf();
  const { file, args } = handOver({ from: "127.0.0.1", to: "127.0.0.1", port: far.port, interface: null }, [
    "/usr/bin/perl",
    "-e",
    `use Socket; open(my $line, "+<&=", ${SOCKET_FD}) or die; print setsockopt($line, SOL_SOCKET, 27, pack("i", 0)) ? "gone" : "stays: $!"`,
  ]);
  const child = spawn(file, args);
  let said = "";
  child.stdout.on("data", (octets) => {
    said += String(octets);
  });
  await new Promise((resolve) => child.once("close", resolve));
  assert.match(said, /^stays: Operation not permitted/);
  far.socket.close();
});

line("an address that is none, one that is not ours, an interface that is none: one line, and nothing runs", async () => {
  for (const [address, words] of [
    [{ from: "127.0.0.1", to: "host.example", port: 9, interface: null }, /^penstock send: address host\.example: /],
    [{ from: "192.0.2.1", to: "127.0.0.1", port: 9, interface: null }, /^penstock send: bind to 192\.0\.2\.1: /],
    [{ from: "127.0.0.1", to: "127.0.0.1", port: 9, interface: "none0" }, /^penstock send: interface none0: /],
  ] as const) {
    const { file, args } = handOver(address, ["/bin/echo", "runs"]);
    const child = spawn(file, args);
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (octets) => {
        said += String(octets);
      });
    const code = await new Promise((resolve) => child.once("close", resolve));
    assert.is(code, 1);
    assert.match(said, words);
    assert.not.match(said, /runs/);
  }
});

line("no receive call is made on the socket, nor a read", async () => {
  if (!need("strace", hasTool("strace"))) return;
  const folder = mkdtempSync(path.join(os.tmpdir(), "penstock-line-"));
  const trace = path.join(folder, "trace");
  const far = await farOf();
  const near = nearOf(far.port, ["strace", "-f", "-e", "trace=network,read,readv,pread64,preadv", "-o", trace]);
  assert.is(await near.ask("one"), "sent 3");
  while (far.got.length === 0) await pause(5);
  far.socket.send("back", (far.got[0] as { port: number }).port, "127.0.0.1");
  await pause(50);
  assert.is(await near.ask("two"), "sent 3");
  await near.end();
  const calls = readFileSync(trace, "latin1").split("\n");
  assert.ok(
    calls.some((call) => /setsockopt\(3, SOL_SOCKET, SO_ATTACH_FILTER/.test(call)),
    "the filter",
  );
  assert.ok(
    calls.some((call) => /setsockopt\(3, SOL_SOCKET, SO_LOCK_FILTER/.test(call)),
    "its lock",
  );
  const after = calls.slice(calls.findIndex((call) => /connect\(3, /.test(call)) + 1);
  assert.equal(
    after.filter((call) => /\b(?:recv\w*|read\w*|pread\w*)\(3\b/.test(call)),
    [],
  );
  far.socket.close();
  rmSync(folder, { recursive: true });
});

line.run();
