/** `penstock connect` as a person runs it: what it prints, what it refuses, whom it serves, how it ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { Command } from "commander";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { addConnectCommand } from "#cli/connect";
import { UsageError } from "#cli/exit";
import { authority, SERVER_AUTH } from "#test/support/certificates";
import type { ByteStream } from "#transport/stream";
import { listenTls, type TlsListening } from "#transport/tls";
import { openTunnel, type TunnelEvent } from "#tunnel/connect";
import { need } from "../support/need.ts";
import { pause, until } from "../transport/ends.ts";
import { type Paper, Papers } from "../transport/papers.ts";

const HOST = "127.0.0.1";
const root = path.resolve(import.meta.dirname, "../..");
const papers = new Papers();
const ca = papers.issue("ca", { ca: true });
const paper = papers.issue("gateway", { by: "ca", use: "serverAuth", names: "IP:127.0.0.1" });
const alice = papers.issue("alice", { by: "ca", use: "clientAuth" });
chmodSync(alice.keyFile, 0o600);
const FILES = ["--certificate", alice.certificateFile, "--key", alice.keyFile, "--ca", ca.certificateFile];

class Program {
  readonly child: ChildProcess;
  out = "";
  err = "";
  readonly ended: Promise<number | null>;

  constructor(words: readonly string[]) {
    const main = path.join(root, "src/cli/main.ts");
    this.child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", main, "connect", ...words], {
      cwd: os.tmpdir(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stdout?.on("data", (octets: Buffer) => {
      this.out += octets.toString();
    });
    this.child.stderr?.on("data", (octets: Buffer) => {
      this.err += octets.toString();
    });
    this.ended = new Promise((resolve) => this.child.once("close", resolve));
  }

  /** The port it says it is ready on. */
  async ready(): Promise<number> {
    await until("ready", () => /ready|"ready"/.test(this.out) || this.child.exitCode !== null, 15_000);
    const port = /(?:ready |"listen":")(?:127\.0\.0\.1|0\.0\.0\.0):(\d+)/.exec(this.out)?.[1];
    if (port === undefined) throw new Error(`not ready: ${this.out}${this.err}`);
    return Number(port);
  }

  async stop(): Promise<number | null> {
    this.child.kill("SIGTERM");
    return this.ended;
  }
}

/** @param unread takes the peer, unstarted; without it, peers are echoed */
async function openGateway(unread?: (stream: ByteStream) => void): Promise<TlsListening & { octets: number }> {
  const context = { certificatePem: paper.certificatePem, keyPem: paper.keyPem, caPem: [ca.certificatePem] };
  const count = { octets: 0 };
  const listening = await listenTls(
    { host: HOST, port: 0, context, handshakeMs: 2_000, halfOpen: 8, halfOpenPerSource: 64, maxConnections: 8 },
    {
      peer(stream) {
        if (unread !== undefined) {
          unread(stream);
          return;
        }
        stream.start({
          received(octets) {
            count.octets += octets.length;
            stream.write(octets);
          },
          drained() {},
          closed() {},
        });
      },
      refused() {},
    },
  );
  return Object.defineProperties(Object.create(listening), { octets: { get: () => count.octets } });
}

/** Send `text`, return what comes back until the connection ends or `text` is back. As another user: in a process of its own. */
function ask(port: number, uid?: number, host = HOST): Promise<string> {
  const script = `
    const s = require("node:net").connect(${port}, "${host}", () => s.write("question"));
    let answer = "";
    s.on("data", (d) => { answer += d; if (answer === "question") s.destroy(); });
    s.on("error", () => {});
    s.on("close", () => console.log("answer:" + answer));`;
  return new Promise((resolve, reject) => {
    const child = spawn("node", ["-e", script], {
      cwd: "/",
      stdio: ["ignore", "pipe", "inherit"],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    let out = "";
    child.stdout.on("data", (octets: Buffer) => {
      out += octets.toString();
    });
    child.once("error", reject);
    child.once("close", () => resolve(out.trim()));
  });
}

const connect = suite("cli/connect");

connect("prints ready and the port, carries requests, ends cleanly on SIGTERM with a connection open", async () => {
  const gateway = await openGateway();
  const program = new Program([`${HOST}:${gateway.port}`, ...FILES, "--listen", `${HOST}:0`]);
  const port = await program.ready();
  assert.match(program.out, /^ready 127\.0\.0\.1:\d+\n$/);
  assert.is(await ask(port), "answer:question");
  const open = net.connect(port, HOST);
  open
    .on("error", () => {})
    .resume()
    .write("still here");
  await until("through", () => gateway.octets === "questionstill here".length);
  const closed = new Promise((resolve) => open.once("close", resolve));
  assert.is(await program.stop(), 0);
  await closed;
  assert.not.match(program.out + program.err, /PRIVATE KEY/);
  gateway.close();
});

connect("--json: one object a line, ready first, failures with reason and words", async () => {
  const gateway = await openGateway();
  const program = new Program([`${HOST}:${gateway.port}`, ...FILES, "--listen", `${HOST}:0`, "--json"]);
  const port = await program.ready();
  await ask(port);
  gateway.close();
  await until("closed", () => program.out.includes('"closed"'));
  await ask(port);
  await until("failed", () => program.out.includes('"failed"'));
  assert.is(await program.stop(), 0);
  const events = program.out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(
    events.map(({ event }) => event),
    ["ready", "connected", "closed", "failed"],
  );
  const { listen, gateway: to, subject, daysLeft, anyLocalUser, beyondLoopback } = events[0] as Record<string, unknown>;
  assert.equal(
    [listen, to, subject, anyLocalUser, beyondLoopback],
    [`${HOST}:${port}`, `${HOST}:${gateway.port}`, "CN=alice", false, false],
  );
  assert.ok((daysLeft as number) >= 28 && (daysLeft as number) <= 30);
  assert.equal([events[2]?.toGateway, events[2]?.fromGateway], [8, 8]);
  assert.is(events[3]?.reason, "ECONNREFUSED");
  assert.match(events[3]?.words as string, /nobody listens/);
  assert.is(program.err, "");
});

const isRoot = process.getuid?.() === 0;

connect("RULINGS 25: another user of this machine is refused by name of the flag; no octet reaches the gateway", async () => {
  if (!need("root (to run a client as another user)", isRoot)) return;
  const gateway = await openGateway();
  const program = new Program([`${HOST}:${gateway.port}`, ...FILES, "--listen", `${HOST}:0`]);
  const port = await program.ready();
  assert.is(await ask(port, 65_534), "answer:");
  await until("told", () => program.err.includes("refused"));
  assert.match(program.err, /127\.0\.0\.1:\d+ refused: the program that connects runs as another user of this computer; --any-local-user/);
  assert.equal([gateway.octets, gateway.connections], [0, 0]);
  assert.is(await ask(port), "answer:question");
  assert.is(await program.stop(), 0);
  gateway.close();
});

connect("RULINGS 25: with --any-local-user the other user is served, and that it is so is said", async () => {
  if (!need("root (to run a client as another user)", isRoot)) return;
  const gateway = await openGateway();
  const program = new Program([`${HOST}:${gateway.port}`, ...FILES, "--listen", `${HOST}:0`, "--any-local-user"]);
  const port = await program.ready();
  assert.is(await ask(port, 65_534), "answer:question");
  assert.match(program.err, /whoever reaches 127\.0\.0\.1:\d+ acts as CN=alice/);
  assert.is(await program.stop(), 0);
  gateway.close();
});

connect("bound beyond loopback, users are still told apart, whichever address of this machine they use", async () => {
  const gateway = await openGateway();
  const program = new Program([`${HOST}:${gateway.port}`, ...FILES, "--listen", "0.0.0.0:0", "--bind-beyond-loopback"]);
  const port = await program.ready();
  assert.is(await ask(port), "answer:question");
  if (need("root (to run a client as another user)", isRoot)) assert.is(await ask(port, 65_534), "answer:");
  assert.is(await program.stop(), 0);
  gateway.close();
});

connect("its memory does not grow with what an HMI or a gateway does not take", async () => {
  const streams: ByteStream[] = [];
  const gateway = await openGateway((stream) => streams.push(stream));
  const program = new Program([`${HOST}:${gateway.port}`, ...FILES, "--listen", `${HOST}:0`]);
  const hmi = net.connect(await program.ready(), HOST).on("error", () => {});
  await until("in", () => streams.length === 1);
  const before = residentOctets(program);
  const block = new Uint8Array(1_048_576);
  // Neither side reads; each sends far more than the kernel holds on the way.
  for (let i = 0; i < FLOOD_MEGABYTES; i++) {
    hmi.write(block);
    streams[0]?.write(block);
  }
  let most = 0;
  for (let i = 0; i < 10; i++) {
    await pause(100);
    most = Math.max(most, residentOctets(program) - before);
  }
  assert.ok(hmi.writableLength > 0, "the HMI is held back");
  assert.ok((streams[0] as ByteStream).queued > 0, "the gateway is held back");
  assert.ok(most < 48 * 1_048_576, `${most} octets more`);
  hmi.destroy();
  assert.is(await program.stop(), 0);
  streams[0]?.destroy();
  gateway.close();
});

/** Each way: what an unbounded tunnel would keep. */
const FLOOD_MEGABYTES = 96;

function residentOctets({ child }: Program): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) * 1_024;
}

connect("the same failure again and again is said once, and counted", async () => {
  const gateway = await openGateway();
  gateway.close();
  const program = new Program([`${HOST}:${gateway.port}`, ...FILES, "--listen", `${HOST}:0`]);
  const port = await program.ready();
  for (let i = 0; i < 3; i++) await ask(port);
  assert.is(await program.stop(), 0);
  assert.is(program.err.match(/nobody listens/g)?.length, 2);
  assert.match(program.err, /nobody listens .*\(2 more times/);
});

/** A gateway behind a wire that can break. `streams` are the gateway's ends, which answer; `wires` are what the tunnel is connected to. */
async function openWire(certificate: Paper = paper, authority: Paper = ca) {
  const streams: ByteStream[] = [];
  const context = { certificatePem: certificate.certificatePem, keyPem: certificate.keyPem, caPem: [authority.certificatePem] };
  const gateway = await listenTls(
    { host: HOST, port: 0, context, handshakeMs: 2_000, halfOpen: 8, halfOpenPerSource: 64, maxConnections: 8 },
    {
      peer(stream) {
        streams.push(stream);
        stream.start({ received: (octets) => stream.write(octets), drained() {}, closed() {} });
      },
      refused() {},
    },
  );
  const wires: net.Socket[] = [];
  const server = net.createServer((wire) => {
    wires.push(wire);
    const on = net.connect(gateway.port, HOST);
    for (const socket of [wire, on]) socket.on("error", () => {});
    wire.pipe(on).pipe(wire);
    wire.once("close", () => on.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    streams,
    wires,
    close: () => {
      server.close();
      gateway.close();
      for (const stream of streams) stream.destroy();
    },
  };
}

/** An HMI in the middle of its work: it has asked and has its answer. */
async function working(port: number): Promise<net.Socket> {
  const socket = net.connect(port, HOST).on("error", () => {});
  const answered = new Promise((resolve) => socket.once("data", resolve));
  socket.write("question");
  await answered;
  return socket;
}

const CUTS: readonly [string, (wire: Awaited<ReturnType<typeof openWire>>) => void, string, string][] = [
  [
    "the gateway ends it",
    ({ streams }) => streams[0]?.end(),
    "closedByGateway",
    "the gateway GATE ended the session: idle for too long, ended by somebody, its rights taken away, or the gateway stopped; its records say why",
  ],
  ["the connection breaks", ({ wires }) => void wires[0]?.resetAndDestroy(), "ECONNRESET", "the connection to GATE broke (ECONNRESET)"],
];
for (const [what, cut, reason, words] of CUTS) {
  connect(`a live session is cut, ${what}: one line with the reason, on no terminal too; the HMI is let go`, async () => {
    const wire = await openWire();
    const gate = `${HOST}:${wire.port}`;
    const program = new Program([gate, ...FILES, "--listen", `${HOST}:0`]);
    const port = await program.ready();
    const leaving = await working(port);
    leaving.destroy();
    await until("gone", () => wire.wires[0]?.destroyed === true);
    wire.streams.splice(0);
    wire.wires.splice(0);
    const hmi = await working(port);
    const closed = new Promise((resolve) => hmi.once("close", resolve));
    const from = `${HOST}:${hmi.localPort}`;
    cut(wire);
    await closed;
    assert.is(await program.stop(), 0);
    const said = program.err.split("\n").filter((line) => !line.includes("the certificate CN=alice ends in"));
    assert.equal(said, [`penstock: ${from} cut: ${words.replace("GATE", gate)}`, ""], "and nothing of the HMI that left by itself");
    wire.close();
  });

  connect(`--json: a live session is cut, ${what}: an event with the reason, then closed`, async () => {
    const wire = await openWire();
    const program = new Program([`${HOST}:${wire.port}`, ...FILES, "--listen", `${HOST}:0`, "--json"]);
    const hmi = await working(await program.ready());
    const closed = new Promise((resolve) => hmi.once("close", resolve));
    cut(wire);
    await closed;
    assert.is(await program.stop(), 0);
    const events = program.out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.equal(
      events.map(({ event }) => event),
      ["ready", "connected", "cut", "closed"],
    );
    assert.equal([events[2]?.reason, events[2]?.words], [reason, words.replace("GATE", `${HOST}:${wire.port}`)]);
    wire.close();
  });
}

connect("a live session is cut because its certificate has ended: that is the reason it gives", async () => {
  const plant = authority("Plant CA");
  const kept = ({ pem, keyPem }: { readonly pem: string; readonly keyPem: string }, name: string): Paper => {
    const at = (suffix: string): string => path.join(papers.directory, `${name}.${suffix}`);
    writeFileSync(at("pem"), pem);
    writeFileSync(at("key"), keyPem, { mode: 0o600 });
    return { certificateFile: at("pem"), keyFile: at("key"), certificatePem: pem, keyPem };
  };
  const root = kept(plant.made, "plant");
  const wire = await openWire(kept(plant.issue({ name: "gateway", ips: [HOST], extendedKeyUsage: [SERVER_AUTH] }), "gate"), root);
  const ending = kept(plant.issue({ name: "zoe", endsIn: 3_000 }), "zoe");
  const events: TunnelEvent[] = [];
  const tunnel = await openTunnel(
    {
      gatewayHost: HOST,
      gatewayPort: wire.port,
      gatewayName: HOST,
      papers: { certificate: ending.certificateFile, key: ending.keyFile, ca: root.certificateFile },
      listenHost: HOST,
      listenPort: 0,
      anyLocalUser: true,
      uid: 0,
    },
    (event) => events.push(event),
  );
  await working(tunnel.port);
  await pause(tunnel.notAfterMs - Date.now() + 100);
  wire.streams[0]?.end();
  await until("cut", () => events.length === 3);
  const cut = events.flatMap((event) => (event.event === "cut" ? [event] : []))[0];
  assert.is(cut?.reason, "certificateExpired");
  assert.match(cut?.words ?? "", /^the session at \S+ ended: the certificate CN=zoe has expired \(penstock pki renew\)$/);
  await tunnel.close();
  wire.close();
});

const GATEWAY = "127.0.0.1:8021";
const REFUSED: readonly [string, readonly string[], RegExp][] = [
  [
    "an address others reach",
    [GATEWAY, ...FILES, "--listen", "0.0.0.0:0"],
    /--listen: found 0\.0\.0\.0, which other computers may reach[\s\S]*--bind-beyond-loopback allows it/,
  ],
  ["all of IPv6", [GATEWAY, ...FILES, "--listen", "[::]:0"], /--bind-beyond-loopback/],
  ["a name to listen on", [GATEWAY, ...FILES, "--listen", "localhost:0"], /--listen: found "localhost:0"/],
  ["no port", ["gateway", ...FILES], /<gateway:port>: found "gateway"; expected an address and a port/],
  ["port 0 of a gateway", ["gateway:0", ...FILES], /<gateway:port>: found "gateway:0"/],
  ["an impossible port", ["gateway:65536", ...FILES], /<gateway:port>: found "gateway:65536"/],
  ["a bare IPv6 address", ["fd00::1:8021", ...FILES], /<gateway:port>: found "fd00::1:8021"/],
  ["no certificate", [GATEWAY, "--key", alice.keyFile, "--ca", ca.certificateFile], /required option '--certificate <file>' not specified/],
  [
    "a key others may read",
    [GATEWAY, "--certificate", paper.certificateFile, "--key", paper.keyFile, "--ca", ca.certificateFile, "--listen", `${HOST}:0`],
    /key may be used by others/,
  ],
];
chmodSync(paper.keyFile, 0o644);

for (const [what, words, expected] of REFUSED) {
  connect(`${what} is one clear line, and nothing listens`, async () => {
    const problem = await command(words).then(
      (code) => `it ended with ${code}`,
      (error: unknown) => (error instanceof UsageError ? error.lines.join("\n") : String(error)),
    );
    assert.match(problem, expected);
  });
}

/** The command in this process; it cannot get as far as listening. */
async function command(words: readonly string[]): Promise<number | undefined> {
  let code: number | undefined;
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  addConnectCommand(program, (result) => {
    code = result;
  });
  await program.parseAsync(["node", "penstock", "connect", ...words]);
  return code;
}

connect("bad input is exit 2 and no stack", async () => {
  const program = new Program([GATEWAY, ...FILES, "--listen", "0.0.0.0:0"]);
  assert.equal([await program.ended, program.out], [2, ""]);
  assert.match(program.err, /^penstock: --listen: found 0\.0\.0\.0.*\npenstock: whoever reaches.*\n$/);
});

connect("a port in use is one clear line and exit 2", async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as net.AddressInfo;
  const program = new Program([GATEWAY, ...FILES, "--listen", `${HOST}:${port}`]);
  assert.is(await program.ended, 2);
  assert.match(program.err, /cannot be used: another program listens there/);
  server.close();
});

connect.after(() => papers.remove());
connect.run();
