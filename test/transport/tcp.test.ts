/** Connecting and listening over plain TCP: every way it can fail, and how many at once. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import net from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { handleOf, readPast, rewrapped } from "#transport/handle";
import type { ByteStream } from "#transport/stream";
import { connectTcp, type Listening, listenTcp } from "#transport/tcp";
import { Ear, pause, until } from "./ends.ts";

const HOST = "127.0.0.1";

/** What `connectTcp` said, in order. */
function attempt(host: string, port: number, timeoutMs: number): { readonly said: string[]; stream: ByteStream | null } {
  const result: { said: string[]; stream: ByteStream | null } = { said: [], stream: null };
  let returned = false;
  const say = (what: string): void => {
    result.said.push(returned ? what : `${what} before return`);
  };
  connectTcp(
    host,
    port,
    timeoutMs,
    (stream) => {
      result.stream = stream;
      say("connected");
    },
    (reason) => say(reason),
  );
  returned = true;
  return result;
}

/** A port nobody listens on. */
async function freePort(): Promise<number> {
  const listening = await listenTcp({ host: HOST, port: 0, maxConnections: 1 }, () => {});
  listening.close();
  return listening.port;
}

const connecting = suite("transport/connectTcp");

connecting("connected once", async () => {
  const listening = await listenTcp({ host: HOST, port: 0, maxConnections: 1 }, (stream) => stream.start(new Ear()));
  const tried = attempt(HOST, listening.port, 1_000);
  await until("an answer", () => tried.said.length > 0);
  await pause(20);
  assert.equal(tried.said, ["connected"]);
  tried.stream?.destroy();
  listening.close();
});

connecting("refused: ECONNREFUSED, once, not before return", async () => {
  const tried = attempt(HOST, await freePort(), 1_000);
  await until("an answer", () => tried.said.length > 0);
  await pause(20);
  assert.equal(tried.said, ["ECONNREFUSED"]);
});

connecting("a host that answers nothing: ETIMEDOUT at the deadline", async () => {
  // A listener whose process is stopped: the kernel completes as many connections as its backlog holds and ignores the rest.
  const script = `const s = require("net").createServer().listen(0, "${HOST}", 1, () => console.log(s.address().port))`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const fillers: net.Socket[] = [];
  try {
    const port = await new Promise<number>((resolve) => child.stdout.once("data", (text: Buffer) => resolve(Number(text.toString()))));
    child.kill("SIGSTOP");
    for (let i = 0; i < 8; i++) fillers.push(net.connect(port, HOST).on("error", () => {}));
    await pause(100);
    const started = performance.now();
    const tried = attempt(HOST, port, 300);
    await until("an answer", () => tried.said.length > 0);
    const took = performance.now() - started;
    await pause(20);
    assert.equal(tried.said, ["ETIMEDOUT"]);
    assert.ok(took > 250 && took < 1_500, `${took} ms`);
  } finally {
    for (const filler of fillers) filler.destroy();
    child.kill("SIGKILL");
  }
});

connecting("a name nobody knows fails with a word, within the deadline", async () => {
  const tried = attempt("no-such-host.invalid", 502, 2_000);
  await until("an answer", () => tried.said.length > 0);
  assert.is(tried.said.length, 1);
  assert.ok(["ENOTFOUND", "EAI_AGAIN", "EAI_FAIL", "ETIMEDOUT"].includes(tried.said[0] as string), tried.said[0]);
});

connecting("a reset by the peer is ECONNRESET, once", async () => {
  const accepted = Promise.withResolvers<net.Socket>();
  const server = net.createServer(accepted.resolve).listen(0, HOST);
  await new Promise((resolve) => server.once("listening", resolve));
  const tried = attempt(HOST, (server.address() as net.AddressInfo).port, 1_000);
  const ear = new Ear();
  await until("an answer", () => tried.stream !== null);
  tried.stream?.start(ear);
  (await accepted.promise).resetAndDestroy();
  await until("closed", () => ear.ends.length > 0);
  tried.stream?.write(new Uint8Array(10));
  tried.stream?.end();
  tried.stream?.destroy();
  await pause(20);
  assert.equal([ear.ends, ear.afterwards], [["ECONNRESET"], []]);
  server.close();
});

connecting("a peer that resets between connecting and start is told at start", async () => {
  const accepted = Promise.withResolvers<net.Socket>();
  const server = net.createServer(accepted.resolve).listen(0, HOST);
  await new Promise((resolve) => server.once("listening", resolve));
  const tried = attempt(HOST, (server.address() as net.AddressInfo).port, 1_000);
  await until("an answer", () => tried.stream !== null);
  (await accepted.promise).resetAndDestroy();
  await pause(30);
  const ear = new Ear();
  tried.stream?.start(ear);
  await until("closed", () => ear.ends.length > 0);
  assert.equal(ear.ends, ["ECONNRESET"]);
  server.close();
});

connecting.run();

const listening = suite("transport/listenTcp");

async function open(maxConnections: number): Promise<{ at: Listening; streams: ByteStream[]; ears: Ear[]; refused: string[] }> {
  const streams: ByteStream[] = [];
  const ears: Ear[] = [];
  const refused: string[] = [];
  const at = await listenTcp(
    { host: HOST, port: 0, maxConnections },
    (stream) => {
      const ear = new Ear();
      ears.push(ear);
      streams.push(stream);
      stream.start(ear);
    },
    (address, port) => refused.push(`${address}:${port}`),
  );
  return { at, streams, ears, refused };
}

listening("connections beyond the cap are closed unanswered and told; a place freed is a place", async () => {
  const { at, streams, refused } = await open(2);
  const first = attempt(HOST, at.port, 1_000);
  const second = attempt(HOST, at.port, 1_000);
  await until("two accepted", () => streams.length === 2);
  const third = net.connect(at.port, HOST).on("error", () => {});
  let answer = 0;
  third.on("data", (octets) => {
    answer += octets.length;
  });
  await new Promise((resolve) => third.once("close", resolve));
  assert.equal([at.connections, answer, streams.length], [2, 0, 2]);
  assert.is(refused.length, 1);
  assert.match(refused[0] as string, /^127\.0\.0\.1:\d+$/);
  first.stream?.destroy();
  await until("a place", () => at.connections === 1);
  const fourth = attempt(HOST, at.port, 1_000);
  await until("accepted", () => streams.length === 3);
  for (const { stream } of [second, fourth]) stream?.destroy();
  for (const stream of streams) stream.destroy();
  at.close();
});

listening("a reset by the peer is ECONNRESET, once", async () => {
  const { at, ears } = await open(1);
  const peer = net.connect(at.port, HOST).on("error", () => {});
  await until("accepted", () => ears.length === 1);
  peer.resetAndDestroy();
  const ear = ears[0] as Ear;
  await until("closed", () => ear.ends.length > 0);
  await pause(20);
  assert.equal([ear.ends, ear.afterwards], [["ECONNRESET"], []]);
  await until("counted out", () => at.connections === 0);
  at.close();
});

listening("half-closed by the peer: what came before is received, then closed, and our side closes too", async () => {
  const { at, ears } = await open(1);
  const peer = net.connect({ port: at.port, host: HOST, allowHalfOpen: true });
  peer.resume();
  const ended = new Promise((resolve) => peer.once("end", resolve));
  peer.end(new Uint8Array(100));
  await ended;
  const ear = ears[0] as Ear;
  assert.equal([ear.octets, ear.ends], [100, [null]]);
  at.close();
});

listening("closed: new connections are refused, open ones go on", async () => {
  const { at, streams, ears } = await open(2);
  const first = attempt(HOST, at.port, 1_000);
  await until("accepted", () => streams.length === 1 && first.stream !== null);
  at.close();
  const second = attempt(HOST, at.port, 1_000);
  await until("an answer", () => second.said.length > 0);
  assert.equal(second.said, ["ECONNREFUSED"]);
  first.stream?.start(new Ear());
  first.stream?.write(new Uint8Array(7));
  await until("octets", () => (ears[0] as Ear).octets === 7);
  first.stream?.destroy();
  streams[0]?.destroy();
});

listening("an address in use is the system's error", async () => {
  const { at } = await open(1);
  const error = await listenTcp({ host: HOST, port: at.port, maxConnections: 1 }, () => {}).then(
    () => null,
    (e: NodeJS.ErrnoException) => e.code,
  );
  assert.is(error, "EADDRINUSE");
  at.close();
});

listening("dead peers are noticed: keep-alive runs at both ends", async () => {
  const { at, streams } = await open(1);
  const tried = attempt(HOST, at.port, 1_000);
  await until("both ends", () => streams.length === 1 && tried.stream !== null);
  const port = at.port.toString(16).toUpperCase().padStart(4, "0");
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n");
  // Columns: sl local remote state tx:rx timer:when ...; timer 02 is keep-alive (Documentation/networking/proc_net_tcp).
  const timers = lines
    .filter((line) => line.includes(`:${port} `) && / 01 [0-9A-F]{8}:/.test(line))
    .map((line) => line.trim().split(/ +/)[5]);
  assert.is(timers.length, 2);
  for (const timer of timers) assert.match(timer as string, /^02:/);
  tried.stream?.destroy();
  streams[0]?.destroy();
  at.close();
});

listening("a stream that is over writes to nobody, though its descriptor is another connection's by now", async () => {
  const streams: ByteStream[] = [];
  const at = await listenTcp({ host: HOST, port: 0, maxConnections: 8 }, (stream) => streams.push(stream));
  const first = net.connect(at.port, HOST);
  await until("one", () => streams.length === 1);
  const [over] = streams as [ByteStream];
  over.start(new Ear());
  const descriptors = readdirSync("/proc/self/fd").length;
  over.destroy();
  first.destroy();
  await until("let go", () => at.connections === 0);
  let octets = 0;
  const next = net.connect(at.port, HOST).on("data", (chunk) => {
    octets += chunk.length;
  });
  await until("the next", () => streams.length === 2);
  assert.ok(readdirSync("/proc/self/fd").length <= descriptors, "descriptors are used again");
  for (let i = 0; i < 100; i++) over.write(Uint8Array.of(1, 2, 3));
  streams[1]?.write(Uint8Array.of(9));
  await until("its own", () => octets > 0);
  await pause(20);
  assert.is(octets, 1);
  next.destroy();
  streams[1]?.destroy();
  at.close();
});

/** Accepted streams, and their far ends as sockets that do not read. */
async function unread(count: number): Promise<{ streams: ByteStream[]; ears: Ear[]; peers: net.Socket[]; close(): void }> {
  const streams: ByteStream[] = [];
  const at = await listenTcp({ host: HOST, port: 0, maxConnections: count }, (stream) => streams.push(stream));
  const peers: net.Socket[] = [];
  const ears: Ear[] = [];
  for (let i = 0; i < count; i++) {
    peers.push(net.connect(at.port, HOST).pause());
    await until("accepted", () => streams.length === i + 1);
    ears.push(new Ear());
    streams[i]?.start(ears[i] as Ear);
  }
  const close = (): void => {
    for (const end of [...streams, ...peers]) end.destroy();
    at.close();
  };
  return { streams, ears, peers, close };
}

/** Write until the kernel is full; chunks of one value, so that it shows whose they are. @returns octets written */
function fill(stream: ByteStream, value: number): number {
  const chunk = new Uint8Array(1_000);
  let written = 0;
  for (; stream.queued === 0; written += chunk.length) stream.write(chunk.fill(value));
  chunk.fill(0xff);
  return written;
}

function readAll(peer: net.Socket): { readonly chunks: Buffer[]; octets: number; ended: boolean } {
  const read = { chunks: [] as Buffer[], octets: 0, ended: false };
  peer.on("data", (chunk) => {
    read.chunks.push(chunk);
    read.octets += chunk.length;
  });
  peer.on("end", () => {
    read.ended = true;
  });
  peer.resume();
  return read;
}

listening("DESIGN 11: what the kernel takes at once is written past the stream", async () => {
  const { streams, peers, close } = await unread(1);
  const [stream, peer] = [streams[0] as ByteStream, peers[0] as net.Socket];
  const read = readAll(peer);
  stream.write(Uint8Array.of(1)); // the first of the process shows what Node makes for a write
  const { _write: byStream } = net.Socket.prototype;
  let through = 0;
  net.Socket.prototype._write = function (this: net.Socket, ...args) {
    through += 1;
    byStream.apply(this, args);
  };
  for (let i = 2; i <= 100; i++) stream.write(Uint8Array.of(i));
  net.Socket.prototype._write = byStream;
  await until("all", () => read.octets === 100);
  assert.is(through, 0);
  assert.equal(
    [...Buffer.concat(read.chunks)],
    Array.from({ length: 100 }, (_, i) => i + 1),
  );
  close();
});

listening("octets the kernel has not taken are safe from what others write, and all are told when they are gone", async () => {
  const { streams, peers, close } = await unread(3);
  const written = streams.map((stream, i) => fill(stream, i + 1));
  for (const [i, stream] of streams.entries()) stream.write(new Uint8Array(1_000).fill(i + 1));
  const reads = peers.map(readAll);
  await until("all octets", () => reads.every(({ octets }, i) => octets === (written[i] as number) + 1_000));
  await until("all told", () => streams.every(({ queued }) => queued === 0));
  for (const [i, { chunks }] of reads.entries()) assert.ok(Buffer.concat(chunks).every((octet) => octet === i + 1));
  close();
});

listening("`queued` is what the kernel has not taken, to the octet", async () => {
  const { streams, peers, close } = await unread(1);
  const [stream, peer] = [streams[0] as ByteStream, peers[0] as net.Socket];
  const written = fill(stream, 1);
  const { queued } = stream;
  stream.destroy();
  const read = readAll(peer);
  await until("the end", () => read.ended);
  assert.is(read.octets, written - queued);
  close();
});

listening("a peer that is gone with octets on their way to it ends the stream, though nothing is read from it", async () => {
  const { streams, ears, peers, close } = await unread(2);
  for (const [i, stream] of streams.entries()) {
    fill(stream, i);
    stream.pause();
  }
  streams[1]?.write(Uint8Array.of(1)); // one that waits in the stream, behind those
  await pause(10);
  for (const peer of peers) peer.resetAndDestroy();
  await until("both are told", () => ears.every(({ ends }) => ends.length === 1));
  for (const { ends } of ears) assert.ok(ends[0] !== null, "and why");
  close();
});

listening("where Node shows no handle, streams do it", () => {
  const socket = new net.Socket();
  assert.is(handleOf(socket), null, "none yet");
  assert.is(rewrapped(socket, { buffer: new Uint8Array(8), callback: () => true }), null);
  const handle = { writeQueueSize: 0, writeBuffer: () => 0 };
  const withHandle = (_handle: object, destroyed: boolean): net.Socket => ({ _handle, destroyed }) as unknown as net.Socket;
  assert.is(handleOf(withHandle(handle, false)), handle);
  assert.is(handleOf(withHandle(handle, true)), null);
  assert.is(handleOf(withHandle({ ...handle, writeBuffer: undefined }, false)), null);
  assert.is(handleOf(withHandle({ ...handle, writeQueueSize: "0" }, false)), null);
  assert.not(readPast(socket, { buffer: new Uint8Array(8), callback: () => true }), "and no TLS layer");
  socket.destroy();
});

listening.run();
