/** How commands reach a daemon: what the options say together, and what went wrong on the way in words for the person who asked. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type net from "node:net";
import os from "node:os";
import path from "node:path";
import tls from "node:tls";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "#cli/exit";
import { askGateway, type WayOptions } from "#cli/way";
import { authority, SERVER_AUTH } from "#test/support/certificates";

interface Context {
  dir: string;
  options: WayOptions;
  servers: net.Server[];
}

const ca = authority("Plant CA");
const alice = ca.issue({ uri: "spiffe://plant.example/operator/alice" });
const gate = ca.issue({ name: "gate", ips: ["127.0.0.1"], extendedKeyUsage: [SERVER_AUTH] });

const way = suite<Context>("cli/way");
way.before.each((context) => {
  context.dir = mkdtempSync(path.join(os.tmpdir(), "penstock-way-"));
  context.servers = [];
  const file = (name: string, text: string): string => {
    writeFileSync(path.join(context.dir, name), text, { mode: 0o600 });
    return path.join(context.dir, name);
  };
  context.options = {
    site: "site.yaml",
    certificate: file("a.pem", alice.chainPem),
    key: file("a.key", alice.keyPem),
    ca: file("ca.pem", ca.pem),
  };
});
way.after.each((context) => {
  for (const server of context.servers) server.close();
  rmSync(context.dir, { recursive: true, force: true });
});

/** A gateway that is none: what it does with whoever has finished the handshake. */
async function gateway(context: Context, then: (socket: tls.TLSSocket) => void): Promise<string> {
  const server = tls.createServer({ cert: gate.chainPem, key: gate.keyPem, requestCert: true, rejectUnauthorized: false }, (socket) => {
    socket.on("error", () => {});
    then(socket);
  });
  context.servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

const said = (options: WayOptions, patienceMs?: number): Promise<string> =>
  askGateway(options, { ask: "status" }, patienceMs).then(
    ({ error }) => error ?? "answered",
    (error: unknown) => (error instanceof UsageError ? `usage: ${error.lines.join()}` : String(error)),
  );

way("RULINGS 27: options that do not fit together are told, and nobody is asked", async ({ options }) => {
  const { certificate, key, ca: authorities, site } = options;
  assert.match(await said(options), /^usage: found --certificate without --gateway; expected both, or neither/);
  assert.match(await said({ site, gatewayName: "x" }), /^usage: found --gateway-name without --gateway/);
  assert.match(await said({ ...options, gateway: "127.0.0.1:1", socket: "s" }), /^usage: found --gateway and --socket/);
  for (const less of [
    { certificate, key },
    { certificate, ca: authorities },
    { key, ca: authorities },
  ])
    assert.match(await said({ site, gateway: "127.0.0.1:1", ...(less as Partial<WayOptions>) }), /^usage: found --gateway without all of/);
  for (const gateway of ["nowhere", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", "[x]:1", ":1"])
    assert.match(await said({ ...options, gateway }), /^usage: --gateway: found ".*"; expected an address and a port/);
  assert.match(await said({ ...options, gateway: "127.0.0.1:1", key: `${key}x` }), /^usage: .*a\.keyx: the key cannot be read/);
});

way("RULINGS 27: what goes wrong on the way is told in words, whoever answers there", async (context) => {
  const { options } = context;
  assert.match(await said({ ...options, gateway: "127.0.0.1:1" }), /^nobody listens at 127\.0\.0\.1:1/);
  const turnsAway = await gateway(context, (socket) => socket.destroy());
  assert.match(
    await said({ ...options, gateway: turnsAway }),
    /closed the connection before it answered anything: it may not accept this certificate \(URI:spiffe:.*alice\)/,
  );
  assert.match(await said({ ...options, gateway: turnsAway, gatewayName: "other" }), /is for another name/);
  const mute = await gateway(context, () => {});
  assert.match(await said({ ...options, gateway: mute }, 300), /does not answer within 0\.3 s/);
  const other = await gateway(context, (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"));
  assert.match(await said({ ...options, gateway: other }), /is no management port of a Penstock gateway/);
  const half = await gateway(context, (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"ok":true'));
  assert.match(await said({ ...options, gateway: half }), /closed the connection before it answered/);
  const endless = await gateway(context, (socket) => {
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    const more = setInterval(() => socket.write(Buffer.alloc(1024 * 1024, 0x20)), 5);
    socket.on("close", () => clearInterval(more));
  });
  assert.match(await said({ ...options, gateway: endless }), /closed the connection|is no management port/);
  const escapes = await gateway(context, (socket) =>
    socket.end('HTTP/1.1 403 No\r\nconnection: close\r\n\r\n{"ok":false,"error":"a\\u001b[2Jb"}'),
  );
  assert.is(await said({ ...options, gateway: escapes }), "a\u001b[2Jb", "as it came: whoever prints it makes it visible");
});

way("RULINGS 17: a gateway whose certificate is of another authority is not asked", async (context) => {
  const other = authority("Other CA");
  writeFileSync(path.join(context.dir, "ca.pem"), other.pem);
  let octets = 0;
  const there = await gateway(context, (socket) => socket.on("data", (chunk: Buffer) => (octets += chunk.length)));
  assert.match(await said({ ...context.options, gateway: there }), /is not from the authority in --ca/);
  assert.is(octets, 0);
});

way.run();
