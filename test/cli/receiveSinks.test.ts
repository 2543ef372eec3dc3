/** Sinks as receive.yaml names them reach their servers with the papers it names; what fails there is said, and what is refused is kept. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadReceive } from "#config/receive";
import { sayProblem } from "#documents/problems";
import { type Log, openLog } from "#log";
import type { Sample } from "#receiver/model";
import { MqttSession } from "#receiver/mqttSession";
import { SternBroker } from "#test/receiver/tap";
import { authority, SERVER_AUTH } from "#test/support/certificates";
import { type OpenSink, sinksOf } from "../../src/cli/receiveSinks.ts";
import { SinkWatch } from "../../src/cli/receiveStatus.ts";

const sinks = suite("cli/receiveSinks");
const folder = mkdtempSync(path.join(os.tmpdir(), "penstock-sinks-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

function sinkOf(yaml: string): OpenSink {
  const text = `receiver: far\nlisten: 127.0.0.1:1\nstate: state\nstreams: [{ stream: 1, keys: k }]\nsinks:\n  ${yaml}\n`;
  const read = loadReceive({ file: path.join(folder, "receive.yaml"), text });
  if (!read.ok) throw new Error(read.error.map(sayProblem).join("\n"));
  return sinksOf(read.value, openLog("silent", false))[0] as OpenSink;
}

function sampleOf(n: number): Sample {
  const names = { gateway: "plant-1", asset: "boiler", point: "pressure" };
  return { ...names, id: `1.${n}`, value: n, quality: "good", timeMs: 1_700_000_000_000 + n, timeOf: "gateway", historical: false };
}

sinks(
  "line_http: a server of the plant's own authority, that wants our certificate; what it refuses is in the state's folder",
  async () => {
    const ca = authority("Plant CA");
    const made = ca.issue({ name: "influx", dns: ["localhost"], ips: ["127.0.0.1"], extendedKeyUsage: [SERVER_AUTH] });
    const ours = ca.issue({ name: "receiver" });
    const stranger = authority("Another CA");
    for (const [name, text] of [
      ["ca.pem", ca.pem],
      ["other.pem", stranger.pem],
      ["ours.pem", ours.chainPem],
      ["ours.key", ours.keyPem],
    ] as const)
      writeFileSync(path.join(folder, name), text, { mode: 0o600 });
    let status = 204;
    const options = { cert: made.chainPem, key: made.keyPem, ca: ca.pem, requestCert: true, rejectUnauthorized: true };
    const server = https.createServer(options, (request, response) => {
      request.resume().on("end", () => response.writeHead(status).end());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const over = (tls: string): OpenSink => sinkOf(`line_http: [{ name: influx, url: "https://127.0.0.1:${port}", db: d${tls} }]`);
    try {
      const good = over(", tls: { ca: ca.pem, certificate: ours.pem, key: ours.key }");
      assert.is(await good.sink.deliver([sampleOf(1)]), true, good.sink.status?.trouble ?? "");
      status = 400;
      assert.is(await good.sink.deliver([sampleOf(2)]), true);
      assert.equal(good.sink.status?.setAside, 1);
      assert.equal(good.sink.status?.unkept, 0);
      const kept = readFileSync(path.join(folder, "state/refused/influx"), "utf8");
      assert.match(kept, /^# \S+ 1 sample: 400\n[0-9a-f]{8} .*"1\.2"/);
      await good.sink.close();
      for (const [tls, expected] of [
        ["", /CERT|UNABLE_TO_VERIFY/],
        [", tls: { ca: other.pem, certificate: ours.pem, key: ours.key }", /CERT|UNABLE_TO_VERIFY/],
        [", tls: { ca: absent.pem }", /absent\.pem: cannot be read \(ENOENT\)/],
      ] as const) {
        const bad = over(tls);
        assert.is(await bad.sink.deliver([sampleOf(3)]), false, tls);
        assert.match(bad.sink.status?.trouble ?? "", expected, tls);
        await bad.sink.close();
      }
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  },
);

sinks("a sink that takes nothing is told of once, with its reason, and again when it is over; all of it stands in the status", async () => {
  mkdirSync(path.join(folder, "taken"));
  const { sink } = sinkOf("line_file: [{ name: lines, file: taken }]");
  const said: string[] = [];
  const say = (level: string) => (what: object, words: string) => said.push(`${level} ${words} ${JSON.stringify(what)}`);
  const log = { info: say("info"), warn: say("warn") } as unknown as Log;
  let failuresInRow = 0;
  const still = {
    octets: 9,
    waiting: 9,
    delivered: 4,
    damaged: 0,
    refused: 0,
    unfit: 0,
    failures: 0,
    again: false,
    foreign: [],
    trouble: null,
  };
  const queue = {
    get status() {
      return { ...still, failuresInRow, dropped: { "plant-1/boiler": 7 } };
    },
    push: () => Promise.resolve(true),
    close: () => Promise.resolve(),
  };
  const watch = new SinkWatch([{ sink, queue }], log);
  assert.is(await sink.deliver([sampleOf(1)]), false, "a folder is no file");
  watch.look();
  assert.equal(said, [], "once is no trouble yet");
  failuresInRow = 3;
  watch.look();
  watch.look();
  assert.equal(said, ['warn the sink does not take what is offered: it waits on the disk {"sink":"lines","trouble":"EISDIR","waiting":9}']);
  assert.equal(watch.status, { lines: { waiting: 9, delivered: 4, dropped: { "plant-1/boiler": 7 }, trouble: "EISDIR" } });
  failuresInRow = 0;
  watch.look();
  assert.is(said.length, 2);
  assert.match(said[1] ?? "", /^info the sink takes what is offered again/);
  await sink.close();
});

sinks(
  "three sinks come to one broker under three names, by receiver, sink and gateway: it throws none of them out for another",
  async () => {
    const broker = await SternBroker.start({});
    const open = ["mqtt: [{ name: a", "mqtt: [{ name: b", "sparkplug: [{ group: g, name: c"].map(
      (kind) => sinkOf(`${kind}, version: 3.1.1, servers: ["${broker.url}"] }]`).sink,
    );
    for (const sink of open) sink.births("plant-1", []);
    const until = Date.now() + 10_000;
    while (broker.clients.length < 3 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 20));
    for (const sink of open) await sink.close();
    await broker.end();
    assert.equal(broker.clients.sort(), ["penstock-far-a-plant-1", "penstock-far-b-plant-1", "penstock-far-c-plant-1"]);
  },
);

sinks("a password others may read is not sent to a broker, nor is one where TLS has a wrong file", async () => {
  const broker = await SternBroker.start({});
  writeFileSync(path.join(folder, "open"), "hunter2\n", { mode: 0o600 });
  chmodSync(path.join(folder, "open"), 0o644);
  const broken = { servers: [broker.url], version: "5", passwordFile: path.join(folder, "open"), user: "u" } as const;
  const will = { topic: "a", payload: new Uint8Array(), qos: 0, retain: false } as const;
  const session = await MqttSession.open(broken, broken.servers[0], "c", will, { heard() {}, proven() {} });
  await broker.end();
  assert.match(String(session), /open: may be read by others \(mode 0644\); expected 0600: chmod 600/);
  assert.not.match(String(session), /hunter2/);
  assert.equal(broker.clients, []);
});

sinks.run();
