/** What a running daemon tells and takes: the local socket, metrics, signals. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import https from "node:https";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { askDaemon } from "#management/client";
import { selfSigned } from "#test/support/certificates";
import { Daemon, penstock } from "#test/support/daemon";
import { certificates } from "#test/support/gatewayCertificates";
import { type House, OPEN_POLICY, opened, until, writeDocuments } from "#test/support/house";
import { Operator, type OperatorTls, read, write } from "#test/support/operator";
import { Plc } from "#test/support/plc";

const management = suite<{ house: House }>("gateway/management");
management.after.each(async (context) => {
  await context.house?.close();
});

management("the socket is for its owner alone and tells sessions, assets, denials, latency and the policy's hash", async (context) => {
  const house = await opened(context);
  const socket = path.join(house.dir, "penstock.sock");
  assert.is(statSync(socket).mode & 0o777, 0o600);
  const operator = await house.plain();
  await operator.ask(read(0, 1));
  await operator.ask(write(100, 1));
  const { status } = await askDaemon(socket, { ask: "status" });
  assert.is(status?.state, "enforcing");
  assert.is(status?.hardware, "none");
  assert.is(status?.policy.hash, house.gateway.policy.hash);
  assert.equal(status?.denials, { nothingAllows: 1 });
  assert.is(status?.sessions[0]?.who, "source:127.0.0.1");
  assert.equal([status?.sessions[0]?.requests, status?.sessions[0]?.denied], [2, 1]);
  assert.equal([status?.assets[0]?.deviceState, status?.assets[0]?.mode, status?.assets[0]?.waiting], ["ready", "enforce", 0]);
  assert.is(status?.inspection.count, 2);
  assert.ok((status?.inspection.max ?? 0) >= (status?.inspection.p50 ?? 0) && (status?.inspection.p50 ?? 0) > 0);
});

management("Prometheus text over the socket, and over mutual TLS for whoever may open a session", async (context) => {
  const pki = await certificates();
  const house = await opened(context, { ...pki.house });
  await house.close();
  const web = await opened(context, { ...pki.house, management: "interface: lo, port: 0" });
  const text = (await askDaemon(path.join(web.dir, "penstock.sock"), { ask: "metrics" })).metrics ?? "";
  assert.match(text, /^penstock_info\{.*policy="test".*\} 1$/m);
  assert.match(text, /^# TYPE penstock_denials_total counter$/m);
  const [port] = web.gateway.status().managementPorts;
  assert.match(await get(port ?? 0, pki.operator), /^penstock_audit_ok 1$/m);
  assert.is(await get(port ?? 0, pki.operator, "/"), "only GET /metrics and POST /command\n");
  const strangers = [
    null,
    pki.credentials(selfSigned({ uri: "spiffe://plant.example/operator/alice" })),
    pki.credentials(pki.ca.issue({ uri: "spiffe://plant.example/scada/main" })), // proven, and no role is bound to it
  ];
  for (const nobody of strangers) {
    const outcome = await get(port ?? 0, nobody).catch((error: Error) => error);
    assert.ok(outcome instanceof Error, "no answer without a certificate that would open a session");
  }
});

function get(port: number, credentials: OperatorTls | null, url = "/metrics"): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = https.get(
      {
        host: "127.0.0.1",
        port,
        path: url,
        agent: false,
        rejectUnauthorized: false,
        ...(credentials === null ? {} : { cert: credentials.certificatePem, key: credentials.keyPem }),
      },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve(text));
      },
    );
    request.on("error", reject);
  });
}

management("a question that is none, or too long, is answered so; another daemon's socket is not taken", async (context) => {
  const house = await opened(context);
  const socket = path.join(house.dir, "penstock.sock");
  assert.match(await raw(socket, '{"ask":"open the gate"}\n'), /not a question/);
  assert.match(await raw(socket, "\n"), /not a question/);
  assert.match(await raw(socket, "x".repeat(5000)), /too long/);
  const again = await penstock(["run"], { cwd: house.dir });
  assert.is(again.code, 2);
  assert.match(again.stderr, /audit|another daemon/);
});

function raw(socket: string, words: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const client = net.connect(socket, () => client.write(words));
    client.on("data", (chunk) => {
      resolve(chunk.toString());
      client.destroy();
    });
    client.on("error", reject);
  });
}

management("penstock run: ready, SIGHUP reloads (a bad document keeps the old one), status asks, SIGTERM drains", async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-run-"));
  const plc = new Plc();
  await plc.listen();
  writeDocuments(dir, plc.port, {});
  const daemon = await Daemon.start(dir);
  try {
    const port = await daemon.port();
    const operator = await Operator.plain(port);
    await operator.ask(read(0, 1));
    writeFileSync(path.join(dir, "policy.yaml"), "policy: [");
    daemon.signal("SIGHUP");
    await until(() => daemon.stderr.includes("documents refused"), "refused");
    assert.is((await daemon.status()).policy.version, 1);
    writeFileSync(
      path.join(dir, "policy.yaml"),
      OPEN_POLICY.replace("version: 1", "version: 2").replace(
        "addresses: 0-99 }\n    - { id: switch",
        "addresses: 0-9 }\n    - { id: switch",
      ),
    );
    daemon.signal("SIGHUP");
    await until(() => daemon.stderr.includes("documents reloaded"), "reloaded");
    assert.is((await operator.ask(write(50, 1))).toString("hex"), "8601", "the same session, the new policy");
    const told = await penstock(["status"], { cwd: dir });
    assert.is(told.code, 0);
    assert.match(told.stdout, /policy test version 2/);
    const json = await penstock(["status", "--json"], { cwd: dir });
    assert.is((JSON.parse(json.stdout) as { policy: { version: number } }).policy.version, 2);
    const asked = await penstock(["reload", "--json"], { cwd: dir });
    assert.is(asked.code, 0);
    plc.faults = { delayMs: 300 };
    const last = operator.ask(write(3, 3));
    await until(() => plc.requests.some((r) => r[7] === 6), "at the device");
    daemon.signal("SIGTERM");
    assert.is((await last).toString("hex"), "0600030003", "what was at the device is still answered");
    assert.is((await daemon.ended).code, 0);
    const gone = await penstock(["status"], { cwd: dir });
    assert.is(gone.code, 1);
    assert.match(gone.stderr, /no daemon answers/);
  } finally {
    await daemon.stop("SIGKILL");
    await plc.close();
    rmSync(dir, { recursive: true, force: true });
  }
});

management("penstock run with a bad document: its lines, exit 2, and nothing listens", async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-run-"));
  try {
    writeDocuments(dir, 1, { policy: OPEN_POLICY.replace("kind: machine", "kind: robot") });
    const { code, stderr, stdout } = await penstock(["run"], { cwd: dir });
    assert.is(code, 2);
    assert.is(stdout, "");
    assert.match(stderr, /policy\.yaml:\d+:\d+: found "robot"; expected one of: person, machine/);
    assert.not.match(stderr, /at .*\.ts/);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

management.run();
