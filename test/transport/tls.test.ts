/** The mutual-TLS listener: what it lets in, what it turns away and with which word, and that nothing of it can be resumed, dragged out or renegotiated. */
import { spawn } from "node:child_process";
import net from "node:net";
import path from "node:path";
import tls from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ByteStream } from "#transport/stream";
import { clientContext, connectTls, listenTls, type TlsHello, type TlsListening, type TlsListenOptions } from "#transport/tls";
import type { TlsContext } from "#transport/tlsContext";
import { Ear, pause, until } from "./ends.ts";
import { type IssueOptions, type Paper, Papers } from "./papers.ts";

const HOST = "127.0.0.1";
const papers = new Papers();
const ca = papers.issue("ca", { ca: true });
const issue = (name: string, options: IssueOptions): Paper => papers.issue(name, { by: "ca", ...options });
const gateway = issue("gateway", { use: "serverAuth", names: "IP:127.0.0.1,DNS:gateway.plant" });
const rsaGateway = issue("rsa-gateway", { use: "serverAuth", names: "IP:127.0.0.1", key: "rsa" });
const operator = issue("operator", { use: "clientAuth" });

function contextOf(paper: Paper, ...authorities: Paper[]): TlsContext {
  return { certificatePem: paper.certificatePem, keyPem: paper.keyPem, caPem: authorities.map((a) => a.certificatePem) };
}

interface Peer {
  readonly stream: ByteStream;
  readonly hello: TlsHello;
  readonly ear: Ear;
}

interface Gate {
  readonly at: TlsListening;
  readonly peers: Peer[];
  /** `reason: words`, in order. */
  readonly refused: string[];
  close(): void;
}

/** A listener that echoes, once started. */
async function openGate(options: Partial<TlsListenOptions> = {}, start = true): Promise<Gate> {
  const peers: Peer[] = [];
  const refused: string[] = [];
  const at = await listenTls(
    {
      host: HOST,
      port: 0,
      context: contextOf(gateway, ca),
      handshakeMs: 2_000,
      halfOpen: 8,
      halfOpenPerSource: 64,
      maxConnections: 16,
      ...options,
    },
    {
      peer(stream, hello) {
        const ear = new Ear();
        const received = ear.received.bind(ear);
        ear.received = (octets) => {
          received(octets);
          stream.write(octets);
        };
        peers.push({ stream, hello, ear });
        if (start) stream.start(ear);
      },
      refused: (address, _port, reason, words) => refused.push(`${address} ${reason}: ${words}`),
    },
  );
  return {
    at,
    peers,
    refused,
    close: () => {
      for (const { stream } of peers) stream.destroy();
      at.close();
    },
  };
}

interface Caller {
  readonly socket: tls.TLSSocket;
  octets: Buffer;
  error: string | null;
  closed: boolean;
}

/** Node's own client, asked to be as bad as the test wants. */
function call(gate: Gate, options: tls.ConnectionOptions = {}, paper: Paper | null = operator): Caller {
  const socket = tls.connect({
    host: HOST,
    port: gate.at.port,
    ca: ca.certificatePem,
    ...(paper === null ? {} : { cert: paper.certificatePem, key: paper.keyPem }),
    ...options,
  });
  const caller: Caller = { socket, octets: Buffer.alloc(0), error: null, closed: false };
  socket.on("data", (octets: Buffer) => {
    caller.octets = Buffer.concat([caller.octets, octets]);
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    caller.error = error.code ?? error.message;
  });
  socket.on("close", () => {
    caller.closed = true;
  });
  return caller;
}

const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;

const parameters = suite("transport/listenTls parameters");

const SUITES: readonly [tls.SecureVersion, Paper, string, string][] = [
  ["TLSv1.2", gateway, "ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"],
  ["TLSv1.2", gateway, "ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"],
  ["TLSv1.2", gateway, "ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"],
  ["TLSv1.2", rsaGateway, "ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
  ["TLSv1.2", rsaGateway, "ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"],
  ["TLSv1.2", rsaGateway, "ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"],
  ["TLSv1.3", gateway, "TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"],
  ["TLSv1.3", gateway, "TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"],
  ["TLSv1.3", gateway, "TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"],
  ["TLSv1.3", gateway, "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_SHA256"],
];
for (const [version, paper, ciphers, name] of SUITES) {
  parameters(`RULINGS 17: ${version} with ${name} is served`, async () => {
    const gate = await openGate({ context: contextOf(paper, ca) });
    const caller = call(gate, { minVersion: version, maxVersion: version, ciphers });
    caller.socket.write("question");
    await until("an echo", () => caller.octets.length === 8);
    const { hello } = gate.peers[0] as Peer;
    assert.equal([hello.protocol, hello.cipher, hello.verdict], [version, name, null]);
    caller.socket.destroy();
    gate.close();
  });
}

for (const group of ["P-256", "P-384", "X25519"]) {
  parameters(`RULINGS 17: group ${group} is served`, async () => {
    const gate = await openGate();
    const caller = call(gate, { ecdhCurve: group });
    await until("in", () => gate.peers.length === 1);
    caller.socket.destroy();
    gate.close();
  });
}

/** Each needs its own leave on the client's side, or it would be the client that refuses. */
const REFUSED: readonly [string, tls.ConnectionOptions, Paper, RegExp][] = [
  ["TLS 1.0", { minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "ALL:@SECLEVEL=0" }, gateway, /no TLS version from 1.2 on/],
  ["TLS 1.1", { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" }, gateway, /no TLS version from 1.2 on/],
  ["CBC with ECDHE", { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA256" }, gateway, /no cipher suite/],
  ["CBC and SHA-1", { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0" }, gateway, /no cipher suite/],
  ["RSA key exchange", { maxVersion: "TLSv1.2", ciphers: "AES128-GCM-SHA256" }, rsaGateway, /no cipher suite/],
  ["finite-field DHE", { maxVersion: "TLSv1.2", ciphers: "DHE-RSA-AES128-GCM-SHA256" }, rsaGateway, /no cipher suite/],
  ["no authentication", { maxVersion: "TLSv1.2", ciphers: "AECDH-AES128-SHA:@SECLEVEL=0" }, gateway, /no cipher suite/],
  ["no encryption", { maxVersion: "TLSv1.2", ciphers: "NULL-SHA256:@SECLEVEL=0" }, rsaGateway, /no cipher suite/],
  [
    "8-octet authentication tags",
    { ciphers: "TLS_AES_128_CCM_8_SHA256:DEFAULT:@SECLEVEL=0", minVersion: "TLSv1.3" },
    gateway,
    /no cipher suite/,
  ],
  ["group P-521", { ecdhCurve: "P-521", minVersion: "TLSv1.3" }, gateway, /no key exchange group/],
  ["SHA-224 signatures", { sigalgs: "ECDSA+SHA224", maxVersion: "TLSv1.2" }, gateway, /signature algorithm/],
  ["SHA-1 signatures", { sigalgs: "ECDSA+SHA1", maxVersion: "TLSv1.2", ciphers: "DEFAULT:@SECLEVEL=0" }, gateway, /signature algorithm/],
];
for (const [what, options, paper, words] of REFUSED) {
  parameters(`RULINGS 17: ${what} is refused`, async () => {
    const gate = await openGate({ context: contextOf(paper, ca) });
    const caller = call(gate, options);
    await until("refused", () => gate.refused.length > 0);
    await until("closed", () => caller.closed);
    assert.is(gate.peers.length, 0);
    assert.is(gate.refused.length, 1);
    assert.match(gate.refused[0] as string, /^127\.0\.0\.1 handshakeFailed: /);
    assert.match(gate.refused[0] as string, words);
    gate.close();
  });
}

parameters.run();

const peers = suite("transport/listenTls peers");

for (const version of VERSIONS) {
  peers(`${version}: without a certificate there is no peer`, async () => {
    const gate = await openGate();
    const caller = call(gate, { minVersion: version, maxVersion: version }, null);
    caller.socket.write("question");
    await until("closed", () => caller.closed);
    assert.equal(gate.refused, ["127.0.0.1 noClientCertificate: "]);
    assert.equal([gate.peers.length, caller.octets.length], [0, 0]);
    gate.close();
  });

  peers(`${version}: nothing is read or said before start; what came with the handshake is not lost`, async () => {
    const gate = await openGate({}, false);
    const caller = call(gate, { minVersion: version, maxVersion: version });
    caller.socket.write("the first request rides with the handshake");
    await until("in", () => gate.peers.length === 1);
    await pause(100);
    const { stream, ear } = gate.peers[0] as Peer;
    assert.equal([ear.octets, caller.octets.length], [0, 0]);
    stream.start(ear);
    await until("an echo", () => caller.octets.toString() === "the first request rides with the handshake");
    caller.socket.destroy();
    gate.close();
  });
}

peers("the chain is what the peer presented, leaf first, and no more", async () => {
  const cell = issue("cell-ca", { ca: true });
  const leaf = papers.issue("cell-operator", { by: "cell-ca", use: "clientAuth" });
  const gate = await openGate();
  const whole = { ...leaf, certificatePem: leaf.certificatePem + cell.certificatePem };
  for (const paper of [whole, leaf]) {
    const caller = call(gate, {}, paper);
    await until("in or out", () => caller.closed || gate.peers.length === (paper === whole ? 1 : 2));
    caller.socket.destroy();
  }
  const der = (pem: string): string => pem.replace(/-----[A-Z ]+-----|\s/g, "");
  const chains = gate.peers.map(({ hello }) => hello.chain.map((c) => Buffer.from(c).toString("base64")));
  assert.equal(chains, [[der(leaf.certificatePem), der(cell.certificatePem)], [der(leaf.certificatePem)]]);
  assert.equal(
    gate.peers.map(({ hello }) => hello.verdict),
    [null, "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
  );
  gate.close();
});

const VERDICTS: readonly [string, () => Paper, string][] = [
  ["expired", () => issue("late", { use: "clientAuth", over: true }), "CERT_HAS_EXPIRED"],
  ["self-signed", () => papers.issue("self", { use: "clientAuth" }), "DEPTH_ZERO_SELF_SIGNED_CERT"],
  ["a server's", () => issue("server", { use: "serverAuth" }), "INVALID_PURPOSE"],
];
for (const [what, paper, verdict] of VERDICTS) {
  peers(`a certificate that is ${what} comes with the verdict ${verdict}; who judges may still refuse by name`, async () => {
    const gate = await openGate({}, false);
    const caller = call(gate, {}, paper());
    await until("in", () => gate.peers.length === 1);
    const { stream, hello } = gate.peers[0] as Peer;
    assert.is(hello.verdict, verdict);
    stream.destroy();
    await until("closed", () => caller.closed);
    assert.is(caller.octets.length, 0);
    gate.close();
  });
}

peers("renewed: new handshakes get the new certificate and authorities, live peers stay, a bad one changes nothing", async () => {
  const gate = await openGate();
  const early = call(gate);
  await until("in", () => gate.peers.length === 1);
  const before = early.socket.getPeerX509Certificate()?.fingerprint256;

  assert.throws(() => gate.at.renewContext({ ...contextOf(gateway, ca), keyPem: rsaGateway.keyPem }));
  assert.throws(() => gate.at.renewContext({ ...contextOf(gateway, ca), certificatePem: "nonsense" }));
  assert.throws(() => gate.at.renewContext({ ...contextOf(gateway, ca), caPem: [] }));
  const still = call(gate);
  await until("still served", () => gate.peers.length === 2);
  assert.is(still.socket.getPeerX509Certificate()?.fingerprint256, before);
  assert.is(gate.peers[1]?.hello.verdict, null);

  const other = papers.issue("other-ca", { ca: true });
  const next = papers.issue("next-gateway", { by: "other-ca", use: "serverAuth", names: "IP:127.0.0.1" });
  const stranger = papers.issue("stranger", { by: "other-ca", use: "clientAuth" });
  gate.at.renewContext(contextOf(next, other));
  const late = call(gate, { ca: other.certificatePem }, stranger);
  await until("in", () => gate.peers.length === 3);
  assert.is.not(late.socket.getPeerX509Certificate()?.fingerprint256, before);
  assert.is(gate.peers[2]?.hello.verdict, null);
  // The parameters are renewed with it, not lost.
  const weak = call(gate, { ca: other.certificatePem, maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA256" }, stranger);
  await until("refused", () => weak.closed && gate.refused.length === 1);

  early.socket.write("still here");
  await until("an echo", () => early.octets.toString() === "still here");
  for (const { socket } of [early, still, late]) socket.destroy();
  gate.close();
});

peers("a listener with no authority, or a key of another certificate, does not open", async () => {
  for (const context of [
    { ...contextOf(gateway), caPem: [] },
    { ...contextOf(gateway, ca), keyPem: operator.keyPem },
  ]) {
    const opened = await openGate({ context }).then(
      (gate) => {
        gate.close();
        return true;
      },
      () => false,
    );
    assert.is(opened, false);
  }
});

peers.run();

const resumption = suite("transport/listenTls resumption");

/** Connect twice, the second time with the session of the first. @returns whether the second was a resumption, by the client's own word */
async function resumed(port: number, version: tls.SecureVersion): Promise<boolean> {
  let session: Buffer | undefined;
  let reused = false;
  for (const turn of [1, 2]) {
    const socket = tls.connect({
      host: HOST,
      port,
      ca: ca.certificatePem,
      cert: operator.certificatePem,
      key: operator.keyPem,
      minVersion: version,
      maxVersion: version,
      ...(session === undefined ? {} : { session }),
    });
    socket.on("session", (s: Buffer) => {
      session = s;
    });
    socket.on("error", () => {});
    socket.write("question");
    await new Promise((resolve) => socket.once("data", resolve));
    session ??= socket.getSession();
    if (turn === 2) reused = socket.isSessionReused();
    socket.destroy();
  }
  return reused;
}

for (const version of VERSIONS) {
  resumption(`RULINGS 17: ${version}: Node's client cannot resume; the same client can at a server that lets it`, async () => {
    const gate = await openGate();
    assert.is(await resumed(gate.at.port, version), false);
    assert.is(gate.peers.length, 2);
    gate.close();

    const lax = tls.createServer(
      { cert: gateway.certificatePem, key: gateway.keyPem, ca: ca.certificatePem, requestCert: true },
      (socket) => socket.on("error", () => {}).on("data", (octets) => socket.write(octets)),
    );
    await new Promise<void>((resolve) => lax.listen(0, HOST, resolve));
    assert.is(await resumed((lax.address() as net.AddressInfo).port, version), true);
    lax.close();
  });
}

/** Run openssl s_client against the gate; `say` gets its standard input. */
async function sClient(gate: Gate, words: string[], say: (input: NodeJS.WritableStream) => Promise<void>): Promise<string> {
  const caFile = path.join(papers.directory, "ca.pem");
  const common = ["-connect", `${HOST}:${gate.at.port}`, "-CAfile", caFile, "-cert", operator.certificateFile, "-key", operator.keyFile];
  const child = spawn("openssl", ["s_client", ...common, ...words], { stdio: ["pipe", "pipe", "pipe"] });
  let output = "";
  for (const pipe of [child.stdout, child.stderr]) pipe.on("data", (octets: Buffer) => (output += octets.toString()));
  child.stdin.on("error", () => {});
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const overtime = setTimeout(() => child.kill("SIGKILL"), 8_000);
  await say(child.stdin);
  child.stdin.end();
  await ended;
  clearTimeout(overtime);
  return output;
}

resumption("RULINGS 17: openssl s_client -reconnect (TLS 1.2) gets five new sessions and no old one", async () => {
  const gate = await openGate();
  const output = await sClient(gate, ["-tls1_2", "-reconnect"], async () => {
    await until("six connections", () => gate.peers.length >= 6);
  });
  assert.not.match(output, /^Reused, /m);
  assert.is(output.match(/^New, TLSv1\.2/gm)?.length, 6);
  gate.close();
});

for (const [flag, version] of [
  ["-tls1_2", "TLSv1.2"],
  ["-tls1_3", "TLSv1.3"],
] as const) {
  resumption(`RULINGS 17: openssl s_client -sess_out, then -sess_in: ${version} starts anew`, async () => {
    const gate = await openGate();
    const file = path.join(papers.directory, `session${flag}`);
    for (const option of ["-sess_out", "-sess_in"]) {
      const before = gate.peers.length;
      const output = await sClient(gate, [flag, option, file], async (input) => {
        await until("in", () => gate.peers.length === before + 1);
        input.write("question\n");
        await until("a question", () => (gate.peers[before] as Peer).ear.octets > 0);
        await pause(50);
      });
      assert.match(output, new RegExp(`^New, ${version.replace(".", "\\.")}`, "m"));
      assert.not.match(output, /^Reused, /m);
    }
    gate.close();
  });
}

resumption("RULINGS 17: renegotiation is refused (openssl s_client, R)", async () => {
  const gate = await openGate();
  const output = await sClient(gate, ["-tls1_2"], async (input) => {
    await until("in", () => gate.peers.length === 1);
    input.write("hello\n");
    await until("hello", () => (gate.peers[0] as Peer).ear.octets > 0);
    input.write("R\n");
    await pause(300);
  });
  assert.match(output, /RENEGOTIATING/);
  assert.match(output, /no renegotiation|unexpected eof|connection reset|alert/i);
  assert.is(gate.peers.length, 1);
  assert.is((gate.peers[0] as Peer).ear.octets, "hello\n".length);
  gate.close();
});

resumption.run();

const pressure = suite("transport/listenTls pressure");

pressure("before a certificate no octet of an application is answered: plain Modbus, HTTP and rubbish", async () => {
  const gate = await openGate({ handshakeMs: 400 });
  const sent = ["000100000006010300000001", Buffer.from("GET / HTTP/1.0\r\n\r\n").toString("hex"), "ff".repeat(64), "00"];
  for (const hex of sent) {
    const answer: Buffer[] = [];
    const socket = net.connect(gate.at.port, HOST).on("error", () => {});
    socket.on("data", (octets) => answer.push(octets));
    socket.write(Buffer.from(hex, "hex"));
    await new Promise((resolve) => socket.once("close", resolve));
    // At most a TLS alert record: 15 03 xx 00 02, level, description.
    const all = Buffer.concat(answer).toString("hex");
    assert.match(all, /^(1503..0002....)?$/);
  }
  await until("told", () => gate.refused.length === sent.length);
  assert.match(gate.refused[0] as string, /handshakeFailed: the peer does not speak TLS/);
  assert.match(gate.refused[1] as string, /handshakeFailed: the peer speaks HTTP, not TLS/);
  assert.is(gate.peers.length, 0);
  assert.is(gate.at.halfOpen, 0);
  gate.close();
});

pressure("a silent peer and one that dribbles its hello are cut at the deadline, from the connection on", async () => {
  const gate = await openGate({ handshakeMs: 400 });
  const started = performance.now();
  const silent = net.connect(gate.at.port, HOST).on("error", () => {});
  const slow = net.connect(gate.at.port, HOST).on("error", () => {});
  // A record header that promises 512 octets of hello, then one octet at a time.
  slow.write(Buffer.from("1603010200010001fc0303", "hex"));
  const drip = setInterval(() => slow.write(Buffer.of(7)), 20);
  await Promise.all([silent, slow].map((socket) => new Promise((resolve) => socket.once("close", resolve))));
  clearInterval(drip);
  const took = performance.now() - started;
  assert.ok(took > 350 && took < 1_200, `${took} ms`);
  await until("told", () => gate.refused.length === 2);
  for (const line of gate.refused) assert.match(line, /handshakeTimeout: no end after 400 ms/);
  await until("nothing open", () => gate.at.halfOpen === 0 && gate.at.connections === 0);
  gate.close();
});

pressure("a peer that stops in the middle of the handshake is cut at the deadline", async () => {
  const gate = await openGate({ handshakeMs: 400 });
  // A relay that passes the client's hello on and then nothing more of what the client says.
  const relay = net.createServer((near) => {
    const far = net.connect(gate.at.port, HOST).on("error", () => {});
    near.on("error", () => {}).once("data", (octets) => far.write(octets));
    far.on("data", (octets) => near.write(octets));
    far.on("close", () => near.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(0, HOST, resolve));
  const caller = tls.connect({
    host: HOST,
    port: (relay.address() as net.AddressInfo).port,
    rejectUnauthorized: false,
    maxVersion: "TLSv1.2",
  });
  caller.on("error", () => {});
  await until("told", () => gate.refused.length === 1);
  assert.match(gate.refused[0] as string, /handshakeTimeout/);
  caller.destroy();
  relay.close();
  gate.close();
});

pressure("handshakes under way have a cap of their own; a peer that is in does not count", async () => {
  const gate = await openGate({ halfOpen: 2, halfOpenPerSource: 64, isKnown: () => true, handshakeMs: 5_000 });
  const inside = call(gate);
  await until("in", () => gate.peers.length === 1);
  const idle = [1, 2].map(() => net.connect(gate.at.port, HOST).on("error", () => {}));
  await until("two under way", () => gate.at.halfOpen === 2);
  const over = net.connect(gate.at.port, HOST).on("error", () => {});
  await new Promise((resolve) => over.once("close", resolve));
  assert.equal(gate.refused, ["127.0.0.1 tooManyConnections: 2 handshakes are under way"]);
  inside.socket.write("unharmed");
  await until("an echo", () => inside.octets.toString() === "unharmed");
  for (const socket of idle) socket.destroy();
  await until("places", () => gate.at.halfOpen === 0);
  const next = call(gate);
  await until("in", () => gate.peers.length === 2);
  for (const socket of [...idle, inside.socket, next.socket]) socket.destroy();
  gate.close();
});

pressure("connections have a cap; a place freed is a place", async () => {
  const gate = await openGate({ maxConnections: 1 });
  const first = call(gate);
  await until("in", () => gate.peers.length === 1);
  const second = call(gate);
  await until("out", () => second.closed);
  assert.equal(gate.refused, ["127.0.0.1 tooManyConnections: 1 connections are open"]);
  first.socket.destroy();
  await until("a place", () => gate.at.connections === 0);
  const third = call(gate);
  await until("in", () => gate.peers.length === 2);
  third.socket.destroy();
  gate.close();
});

pressure("closing drops handshakes under way and keeps peers", async () => {
  const gate = await openGate();
  const inside = call(gate);
  await until("in", () => gate.peers.length === 1);
  const idle = net.connect(gate.at.port, HOST).on("error", () => {});
  await until("under way", () => gate.at.halfOpen === 1);
  gate.at.close();
  await new Promise((resolve) => idle.once("close", resolve));
  inside.socket.write("still here");
  await until("an echo", () => inside.octets.toString() === "still here");
  assert.equal(gate.refused, []);
  inside.socket.destroy();
  gate.close();
});

pressure("a peer that resets after its handshake is ECONNRESET, once", async () => {
  const gate = await openGate();
  const raw = net.connect(gate.at.port, HOST);
  const socket = tls.connect({
    socket: raw,
    ca: ca.certificatePem,
    cert: operator.certificatePem,
    key: operator.keyPem,
    servername: "gateway.plant",
  });
  socket.on("error", () => {});
  await until("in", () => gate.peers.length === 1);
  raw.resetAndDestroy();
  const { ear } = gate.peers[0] as Peer;
  await until("closed", () => ear.ends.length > 0);
  await pause(20);
  assert.equal([ear.ends, ear.afterwards], [["ECONNRESET"], []]);
  gate.close();
});

pressure.run();

const connecting = suite("transport/connectTls");

async function failure(context: TlsContext, port: number, serverName = HOST, timeoutMs = 1_000): Promise<string> {
  const said: string[] = [];
  connectTls(
    { host: HOST, port, context: clientContext(context), serverName, timeoutMs },
    (stream) => {
      said.push("connected");
      stream.destroy();
    },
    (reason) => said.push(reason),
  );
  assert.equal(said, [], "nothing is said before it returns");
  await until("an answer", () => said.length > 0);
  await pause(20);
  assert.is(said.length, 1);
  return said[0] as string;
}

connecting("the server's certificate must be for the expected name or address", async () => {
  const gate = await openGate();
  const context = contextOf(operator, ca);
  assert.is(await failure(context, gate.at.port, HOST), "connected");
  assert.is(await failure(context, gate.at.port, "gateway.plant"), "connected");
  assert.is(await failure(context, gate.at.port, "other.plant"), "ERR_TLS_CERT_ALTNAME_INVALID");
  assert.is(await failure(context, gate.at.port, "127.0.0.2"), "ERR_TLS_CERT_ALTNAME_INVALID");
  gate.close();
});

const IMPOSTORS: readonly [string, () => Paper, RegExp][] = [
  [
    "of another authority",
    () => {
      papers.issue("foreign-ca", { ca: true });
      return papers.issue("foreign", { by: "foreign-ca", use: "serverAuth", names: "IP:127.0.0.1" });
    },
    /^(UNABLE_TO|SELF_SIGNED)/,
  ],
  ["self-signed", () => papers.issue("lonely", { use: "serverAuth", names: "IP:127.0.0.1" }), /^DEPTH_ZERO_SELF_SIGNED_CERT$/],
  ["expired", () => issue("old-gateway", { use: "serverAuth", names: "IP:127.0.0.1", over: true }), /^CERT_HAS_EXPIRED$/],
  ["an operator's", () => issue("thief", { use: "clientAuth", names: "IP:127.0.0.1" }), /^INVALID_PURPOSE$/],
];
for (const [what, paper, reason] of IMPOSTORS) {
  connecting(`a server whose certificate is ${what} is refused`, async () => {
    const gate = await openGate({ context: contextOf(paper(), ca) });
    assert.match(await failure(contextOf(operator, ca), gate.at.port), reason);
    assert.is(gate.peers.length, 0);
    gate.close();
  });
}

connecting("nobody listens; a peer that says nothing; one that closes; one that speaks no TLS", async () => {
  const context = contextOf(operator, ca);
  const server = net.createServer((socket) => socket.on("error", () => {}).resume());
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as net.AddressInfo;
  const started = performance.now();
  assert.is(await failure(context, port, HOST, 300), "ETIMEDOUT");
  assert.ok(performance.now() - started < 1_200);
  server.removeAllListeners("connection").on("connection", (socket: net.Socket) => socket.destroy());
  assert.is(await failure(context, port), "ECONNRESET");
  server.removeAllListeners("connection").on("connection", (socket: net.Socket) =>
    socket
      .on("error", () => {})
      .resume()
      .write("220 ready\r\n"),
  );
  assert.match(await failure(context, port), /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/);
  await new Promise((resolve) => server.close(resolve));
  assert.is(await failure(context, port), "ECONNREFUSED");
});

connecting("a context that does not load says so before anything is connected", () => {
  assert.throws(() => clientContext({ ...contextOf(operator, ca), keyPem: gateway.keyPem }));
  assert.throws(() => clientContext({ ...contextOf(operator, ca), caPem: [] }));
  assert.throws(() => clientContext({ ...contextOf(operator, ca), certificatePem: "rubbish" }));
});

connecting.after(() => papers.remove());
connecting.run();
