/** The tunnel, end to end: a plain client, the tunnel, a gateway that is a mutual-TLS echo. */
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, writeFileSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ByteStream } from "#transport/stream";
import { listenTls, type TlsListening } from "#transport/tls";
import { isLocalOnly, openTunnel, type Tunnel, type TunnelEvent, type TunnelOptions } from "#tunnel/connect";
import { ownerOf } from "#tunnel/owner";
import { readPapers } from "#tunnel/papers";
import { sayFailure } from "#tunnel/words";
import { pause, until } from "../transport/ends.ts";
import { Papers } from "../transport/papers.ts";

const HOST = "127.0.0.1";
const papers = new Papers();
const ca = papers.issue("ca", { ca: true });
const gatewayPaper = papers.issue("gateway", { by: "ca", use: "serverAuth", names: "IP:127.0.0.1" });
const alice = papers.issue("alice", { by: "ca", use: "clientAuth" });
const files = { certificate: alice.certificateFile, key: alice.keyFile, ca: ca.certificateFile };
chmodSync(alice.keyFile, 0o600);

interface Gateway {
  readonly at: TlsListening;
  readonly streams: ByteStream[];
  octets: number;
  close(): void;
}

type Manner = "echo" | "turnAway" | "silent";

async function openGateway(manner: Manner = "echo", port = 0, paper = gatewayPaper): Promise<Gateway> {
  const streams: ByteStream[] = [];
  const context = { certificatePem: paper.certificatePem, keyPem: paper.keyPem, caPem: [ca.certificatePem] };
  const at = await listenTls(
    { host: HOST, port, context, handshakeMs: 2_000, halfOpen: 64, halfOpenPerSource: 64, maxConnections: 128 },
    {
      peer(stream) {
        if (manner === "turnAway") {
          stream.destroy();
          return;
        }
        streams.push(stream);
        stream.start({
          received(octets) {
            gateway.octets += octets.length;
            if (manner === "silent") return;
            stream.write(octets);
            if (stream.queued > 256 * 1024) stream.pause();
          },
          drained: () => {
            if (manner === "echo") stream.resume();
          },
          closed: () => {},
        });
      },
      refused: () => {},
    },
  );
  const gateway: Gateway = {
    at,
    streams,
    octets: 0,
    close: () => {
      at.close();
      for (const stream of streams) stream.destroy();
    },
  };
  return gateway;
}

interface Opened {
  readonly tunnel: Tunnel;
  readonly events: TunnelEvent[];
  /** Words of events of one kind. */
  words(event: "failed" | "refused"): string[];
}

async function open(port: number, changes: Partial<TunnelOptions> = {}): Promise<Opened> {
  const events: TunnelEvent[] = [];
  const tunnel = await openTunnel(
    {
      gatewayHost: HOST,
      gatewayPort: port,
      gatewayName: HOST,
      papers: files,
      listenHost: HOST,
      listenPort: 0,
      anyLocalUser: false,
      uid: process.getuid?.() as number,
      timeoutMs: 1_000,
      backoffMs: { first: 20, most: 200 },
      ...changes,
    },
    (event) => events.push(event),
  );
  return { tunnel, events, words: (kind) => events.flatMap((e) => (e.event === kind ? [e.words] : [])) };
}

interface Hmi {
  readonly socket: net.Socket;
  received: Buffer;
  closed: boolean;
}

function hmi(tunnel: Tunnel, host = HOST): Hmi {
  const socket = net.connect(tunnel.port, host);
  const client: Hmi = { socket, received: Buffer.alloc(0), closed: false };
  socket.on("data", (octets: Buffer) => {
    client.received = Buffer.concat([client.received, octets]);
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    client.closed = true;
  });
  return client;
}

/** MBAP and Read Holding Registers 0..9 of unit 1. */
const REQUEST = Buffer.from("00010000000601030000000a", "hex");

const carry = suite("tunnel/connect carries");

carry("a request goes through and its answer comes back; one TLS connection for each local one", async () => {
  const gateway = await openGateway();
  const { tunnel, events } = await open(gateway.at.port);
  await pause(50);
  assert.is(gateway.at.connections, 0, "nothing is opened before the HMI connects");
  const [a, b] = [hmi(tunnel), hmi(tunnel)];
  for (const client of [a, b]) client.socket.write(REQUEST);
  await until("both answers", () => a.received.equals(REQUEST) && b.received.equals(REQUEST));
  assert.equal([gateway.streams.length, tunnel.connections], [2, 2]);
  assert.is(events.filter((e) => e.event === "connected" && e.subject === "CN=alice").length, 2);
  a.socket.end();
  await until("one gone at both ends", () => gateway.at.connections === 1 && tunnel.connections === 1 && a.closed);
  gateway.close();
  await until("the other follows the gateway", () => b.closed && tunnel.connections === 0);
  await tunnel.close();
});

carry("what the HMI sends while the gateway is still shaking hands is not lost, even much of it", async () => {
  const gateway = await openGateway();
  const { tunnel } = await open(gateway.at.port);
  const client = hmi(tunnel);
  const much = Buffer.alloc(1_048_576, REQUEST);
  client.socket.write(much);
  await until("all of it back", () => client.received.length === much.length, 10_000);
  assert.is(client.received.compare(much), 0);
  client.socket.destroy();
  await tunnel.close();
  gateway.close();
});

/** More than the kernel's buffers and the tunnel's hold on the whole way. */
const FLOOD = 32 * 1024 * 1024;

carry("an HMI that does not read, and a gateway that does not, each stop the other side before memory grows", async () => {
  const gateway = await openGateway("silent");
  const { tunnel } = await open(gateway.at.port);
  const client = hmi(tunnel);
  client.socket.write(REQUEST);
  await until("through", () => gateway.octets === REQUEST.length);
  const stream = gateway.streams[0] as ByteStream;
  const block = Buffer.alloc(1_048_576, 1);
  const before = process.memoryUsage().arrayBuffers;
  stream.pause();
  client.socket.pause();
  for (let sent = 0; sent < FLOOD; sent += block.length) {
    client.socket.write(block); // one Buffer, written often: the memory that grows here would be the tunnel's
    stream.write(block.subarray(0, 1)); // and keep both ways alive
  }
  await pause(500);
  const held = client.socket.writableLength;
  assert.ok(held > FLOOD / 4, `${held} octets are held back at the HMI`);
  await pause(200);
  assert.is(client.socket.writableLength, held, "nothing moves");
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < 16 * 1024 * 1024, `${grown} octets of buffers`);
  stream.resume();
  await until("the flood is through", () => gateway.octets === REQUEST.length + FLOOD, 20_000);

  for (let sent = 0; sent < FLOOD; sent += block.length) stream.write(block);
  await pause(500);
  const queued = stream.queued;
  assert.ok(queued > FLOOD / 4, `${queued} octets are held back at the gateway`);
  await pause(200);
  assert.is(stream.queued, queued, "nothing moves");
  let back = 0;
  client.socket.removeAllListeners("data").on("data", (octets: Buffer) => {
    back += octets.length;
  });
  client.socket.resume();
  await until("the flood is back", () => back === FLOOD + FLOOD / block.length, 20_000);
  client.socket.destroy();
  await tunnel.close();
  gateway.close();
});

carry("an HMI that talks on while the gateway is not there yet is not read for ever", async () => {
  const server = net.createServer((socket) => socket.on("error", () => {}).resume());
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { tunnel } = await open((server.address() as net.AddressInfo).port);
  const client = hmi(tunnel);
  client.socket.write(Buffer.alloc(FLOOD));
  await pause(500);
  assert.ok(client.socket.writableLength > 0, "it is held back");
  client.socket.destroy();
  await tunnel.close();
  server.close();
});

carry("the HMI resets: the gateway's side ends too", async () => {
  const gateway = await openGateway();
  const { tunnel } = await open(gateway.at.port);
  const client = hmi(tunnel);
  client.socket.write(REQUEST);
  await until("an answer", () => client.received.length > 0);
  client.socket.resetAndDestroy();
  await until("all gone", () => gateway.at.connections === 0 && tunnel.connections === 0);
  await tunnel.close();
  gateway.close();
});

carry("closing sends on what is under way, then closes everything", async () => {
  const gateway = await openGateway();
  const { tunnel } = await open(gateway.at.port);
  const client = hmi(tunnel);
  client.socket.write(REQUEST);
  await until("an answer", () => client.received.length > 0);
  await tunnel.close();
  await until("all gone", () => client.closed && gateway.at.connections === 0);
  const late = hmi(tunnel);
  await until("refused", () => late.closed);
  gateway.close();
});

carry.run();

const trouble = suite("tunnel/connect trouble");

trouble("the gateway restarts: the HMI is cut, and served again when it comes back", async () => {
  const first = await openGateway();
  const { tunnel, words } = await open(first.at.port);
  const a = hmi(tunnel);
  a.socket.write(REQUEST);
  await until("an answer", () => a.received.length > 0);
  first.close();
  await until("cut", () => a.closed);
  const b = hmi(tunnel);
  await until("cut again", () => b.closed);
  assert.match(words("failed")[0] as string, /nobody listens at 127\.0\.0\.1:\d+: is the gateway running/);
  const second = await openGateway("echo", first.at.port);
  const c = hmi(tunnel);
  c.socket.write(REQUEST);
  await until("an answer", () => c.received.equals(REQUEST));
  c.socket.destroy();
  await tunnel.close();
  second.close();
});

trouble("an HMI that reconnects at once and for ever makes few attempts, ever fewer", async () => {
  const port = await closedPort();
  const { tunnel, words } = await open(port, { backoffMs: { first: 50, most: 400 } });
  const begun = performance.now();
  const attempts = (): number => words("failed").length;
  let connections = 0;
  while (attempts() < 5 && performance.now() - begun < 15_000) {
    const client = hmi(tunnel);
    connections += 1;
    await Promise.race([until("cut", () => client.closed), pause(30)]);
    client.socket.destroy();
  }
  const tookMs = performance.now() - begun;
  assert.is(attempts(), 5);
  // At 0, 50, 150, 350, 750 ms, by its own clock.
  assert.ok(tookMs >= 700, `5 attempts in ${Math.round(tookMs)} ms`);
  assert.ok(connections > 10, `${connections} connections of the HMI`);
  await tunnel.close();
});

trouble("a gateway that turns the certificate away after the handshake is told apart", async () => {
  const gateway = await openGateway("turnAway");
  const { tunnel, words } = await open(gateway.at.port);
  const client = hmi(tunnel);
  await until("cut", () => client.closed);
  assert.match(
    words("failed")[0] as string,
    /closed the connection before it answered anything: it may not accept this certificate \(CN=alice\)/,
  );
  await tunnel.close();
  gateway.close();
});

trouble("an impostor gets no octet of the HMI", async () => {
  papers.issue("foreign-ca", { ca: true });
  const foreign = papers.issue("foreign", { by: "foreign-ca", use: "serverAuth", names: "IP:127.0.0.1" });
  const gateway = await openGateway("silent", 0, foreign);
  const { tunnel, words } = await open(gateway.at.port);
  const client = hmi(tunnel);
  client.socket.write(REQUEST);
  await until("cut", () => client.closed);
  assert.match(words("failed")[0] as string, /is not from the authority in --ca/);
  assert.equal([gateway.octets, gateway.streams.length], [0, 0]);
  await tunnel.close();
  gateway.close();
});

trouble("a gateway that says nothing: the deadline, in seconds", async () => {
  const server = net.createServer((socket) => socket.on("error", () => {}).resume());
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { tunnel, words } = await open((server.address() as net.AddressInfo).port, { timeoutMs: 200 });
  const client = hmi(tunnel);
  await until("cut", () => client.closed);
  assert.match(words("failed")[0] as string, /does not answer within 0\.2 s/);
  await tunnel.close();
  server.close();
});

trouble("an HMI that gives up while the gateway is away leaves nothing behind", async () => {
  const server = net.createServer((socket) => socket.on("error", () => {}).resume());
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { tunnel, events } = await open((server.address() as net.AddressInfo).port, { timeoutMs: 300 });
  const client = hmi(tunnel);
  await until("waiting", () => tunnel.connections === 1);
  client.socket.destroy();
  await until("nothing", () => tunnel.connections === 0);
  await pause(400);
  assert.equal(events, []);
  await tunnel.close();
  server.close();
});

trouble("a certificate renewed on disk is used from the next connection on; one that went bad is said", async () => {
  const gateway = await openGateway();
  const own = { certificate: path.join(papers.directory, "own.pem"), key: path.join(papers.directory, "own.key"), ca: files.ca };
  const install = (from: typeof alice): void => {
    copyFileSync(from.certificateFile, own.certificate);
    copyFileSync(from.keyFile, own.key);
    chmodSync(own.key, 0o600);
  };
  install(alice);
  const { tunnel, events, words } = await open(gateway.at.port, { papers: own });
  const subjects = (): string[] => events.flatMap((e) => (e.event === "connected" ? [e.subject] : []));
  const a = hmi(tunnel);
  await until("as alice", () => subjects().join() === "CN=alice");
  install(papers.issue("alice-renewed", { by: "ca", use: "clientAuth" }));
  const b = hmi(tunnel);
  await until("as renewed", () => subjects().join() === "CN=alice,CN=alice-renewed");
  writeFileSync(own.certificate, "half a file");
  const c = hmi(tunnel);
  await until("cut", () => c.closed);
  assert.match(words("failed")[0] as string, /own\.pem: found no certificate/);
  for (const { socket } of [a, b]) socket.destroy();
  await tunnel.close();
  gateway.close();
});

trouble("alerts and errors have words, none of them the code alone", () => {
  for (const code of ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED", "ERR_SSL_TLSV1_ALERT_ACCESS_DENIED"])
    assert.match(sayFailure(code, "gw:8021", 1_000), /^the gateway refuses this certificate: /);
  assert.match(sayFailure("ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR", "gw:8021", 1_000), /TLS alert internal error/);
  assert.match(sayFailure("ENOTFOUND", "gw:8021", 1_000), /the name in gw:8021 is not known/);
  assert.is(sayFailure("EWEIRD", "gw:8021", 1_000), "no connection to gw:8021 (EWEIRD)");
});

trouble.run();

const paper = suite("tunnel/papers");

const PROBLEMS: readonly [string, () => Partial<typeof files>, RegExp][] = [
  ["a key that others may read", () => ({ key: keyWith(0o640) }), /key may be used by others \(mode 0640\); expected 0600/],
  ["a key all may read", () => ({ key: keyWith(0o604) }), /key may be used by others \(mode 0604\)/],
  [
    "no certificate",
    () => ({ certificate: path.join(papers.directory, "none.pem") }),
    /the certificate cannot be read \(there is no such file\)/,
  ],
  ["no key", () => ({ key: path.join(papers.directory, "none.key") }), /the key cannot be read \(there is no such file\)/],
  ["another's key", () => ({ key: otherKey() }), /the key does not belong to the certificate/],
  ["rubbish for a CA", () => ({ ca: alice.keyFile }), /found no certificate; expected PEM/],
  ["a certificate for a key", () => ({ key: certificateAsKey() }), /found no private key; expected PEM/],
];
for (const [what, change, words] of PROBLEMS) {
  paper(`${what} is one clear line before anything listens`, async () => {
    const problem = await open(1, { papers: { ...files, ...change() } }).then(
      () => "it opened",
      (error: Error) => error.message,
    );
    assert.match(problem, words);
    assert.not.match(problem, /PRIVATE KEY-----\n/);
    assert.not.match(problem, /\n/);
  });
}

paper("RULINGS 18: a certificate that has ended is shown all the same: the gateway may let it look", async () => {
  const { tunnel } = await open(1, { papers: { ...files, ...expired() } });
  assert.ok(tunnel.notAfterMs < Date.now());
  await tunnel.close();
});

paper("a certificate that is not valid yet blames the clock", () => {
  assert.throws(() => readPapers(files, Date.now() - 90 * 86_400_000), /is not valid before .*; is the clock of this computer right/);
});

function keyWith(mode: number): string {
  const file = path.join(papers.directory, `key-${mode.toString(8)}`);
  copyFileSync(alice.keyFile, file);
  chmodSync(file, mode);
  return file;
}

function otherKey(): string {
  const other = papers.issue("bob", { by: "ca", use: "clientAuth" });
  chmodSync(other.keyFile, 0o600);
  return other.keyFile;
}

function certificateAsKey(): string {
  const file = path.join(papers.directory, "not-a-key");
  copyFileSync(alice.certificateFile, file);
  chmodSync(file, 0o600);
  return file;
}

function expired(): Partial<typeof files> {
  const late = papers.issue("late", { by: "ca", use: "clientAuth", over: true });
  chmodSync(late.keyFile, 0o600);
  return { certificate: late.certificateFile, key: late.keyFile };
}

paper.run();

const owner = suite("tunnel/owner");

// /proc/net/tcp of a little-endian machine; the peer is 127.0.0.1:50000, we are 127.0.0.1:1502.
const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const line = (local: string, remote: string, state: string, uid: string): string =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 91532 1 0000000000000000 20 4 30 10 -1\n`;
const [PEER, OWN] = ["0100007F:C350", "0100007F:05DE"];
const MAPPED = (v4: string): string => `0000000000000000FFFF0000${v4}`;
const TABLES: readonly [string, string[], number | null][] = [
  ["the peer's own line", [line(PEER, OWN, "01", "1000")], 1000],
  ["our end's line says nothing about the peer", [line(OWN, PEER, "01", "1000")], null],
  ["a connection to another port", [line(PEER, "0100007F:0050", "01", "1000")], null],
  ["a connection that is closing is shown as root's: not believed", [line(PEER, OWN, "06", "0"), line(PEER, OWN, "04", "0")], null],
  ["an IPv6 socket that speaks IPv4", ["", line(MAPPED(PEER), MAPPED(OWN), "01", "1001")], 1001],
  ["a number that is none", [line(PEER, OWN, "01", "x")], null],
  ["a line cut short", [`   0: ${PEER} ${OWN} 01`], null],
  ["an empty table", [""], null],
  ["no table", [], null],
];
for (const [what, tables, uid] of TABLES) {
  owner(`RULINGS 25: ${what}: ${uid ?? "cannot tell"}`, () => {
    const heads = tables.map((table) => HEAD + table);
    assert.is(ownerOf({ address: HOST, port: 50_000 }, { address: HOST, port: 1_502 }, heads), uid);
  });
}

owner("RULINGS 25: IPv6 as the table writes it", () => {
  const one = "00000000000000000000000001000000";
  const table = HEAD + line(`${one}:C350`, `${one}:05DE`, "01", "7");
  assert.is(ownerOf({ address: "::1", port: 50_000 }, { address: "::1", port: 1_502 }, ["", table]), 7);
});

owner("RULINGS 25: a user who did not start it is refused, and no octet of it reaches the gateway", async () => {
  const gateway = await openGateway();
  const { tunnel, words } = await open(gateway.at.port, { uid: (process.getuid?.() as number) + 1 });
  const client = hmi(tunnel);
  client.socket.write(REQUEST);
  await until("cut", () => client.closed);
  assert.match(words("refused")[0] as string, /runs as another user .* --any-local-user/);
  await pause(50);
  assert.equal([gateway.octets, gateway.at.connections, client.received.length, tunnel.connections], [0, 0, 0, 0]);
  await tunnel.close();
  gateway.close();
});

owner("RULINGS 25: a peer whose user cannot be told is refused: it was gone before it was looked up", async () => {
  const gateway = await openGateway();
  const { tunnel, words } = await open(gateway.at.port);
  const script = `const s = require("node:net").connect(${tunnel.port}, "${HOST}", () => s.end("question", () => process.exit()));`;
  spawnSync(process.execPath, ["-e", script]); // this process accepts only afterwards
  await until("told", () => words("refused").length === 1);
  assert.match(words("refused")[0] as string, /it cannot be told which user connects/);
  await pause(50);
  assert.equal([gateway.octets, gateway.at.connections, tunnel.connections], [0, 0, 0]);
  await tunnel.close();
  gateway.close();
});

owner("RULINGS 25: over IPv6 too", async () => {
  const gateway = await openGateway();
  const { tunnel, words } = await open(gateway.at.port, { listenHost: "::1" });
  const client = hmi(tunnel, "::1");
  client.socket.write(REQUEST);
  await until("an answer", () => client.received.equals(REQUEST));
  assert.equal(words("refused"), []);
  client.socket.destroy();
  await tunnel.close();
  gateway.close();
});

owner("only loopback addresses are local", () => {
  for (const host of ["127.0.0.1", "127.8.8.8", "::1"]) assert.ok(isLocalOnly(host), host);
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "localhost", ""]) assert.not.ok(isLocalOnly(host), host);
});

owner.after(() => papers.remove());
owner.run();

async function closedPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
