/**
 * The whole road: added round trip and throughput of the gate against a direct connection and against haproxy, in one run, interleaved.
 * Clients and device are small C programs on one core, the proxy under test alone on the other; nobody is given priority.
 *
 *     node bench/road.ts [--seconds 2] [--rounds 5] [--only "1 plain"]
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { askDaemon } from "#management/client";
import { authority, SERVER_AUTH } from "#test/support/certificates";
import { machine, median, quantile } from "./machine.ts";

interface Figures {
  readonly count: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

interface Way {
  readonly name: string;
  readonly port: number;
  readonly tls: boolean;
}

const root = path.resolve(import.meta.dirname, "..");
/** No certificate ends soon: the gateways under test would have to say so. */
const LONG_MS = 60 * 86_400_000;
const CLIENT_CORE = "0";
const PROXY_CORE = os.availableParallelism() > 1 ? "1" : "0";
const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-bench-"));
const children: ChildProcess[] = [];

const { values: options } = parseArgs({
  options: { seconds: { type: "string", default: "2" }, rounds: { type: "string", default: "5" }, only: { type: "string" } },
});

try {
  await bench(Number(options.seconds), Number(options.rounds));
} finally {
  for (const child of children) child.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
}

async function bench(seconds: number, rounds: number): Promise<void> {
  const load = compile("load", ["-lssl", "-lcrypto"]);
  const device = spawn("taskset", ["-c", CLIENT_CORE, compile("plc", [])], { stdio: ["pipe", "pipe", "inherit"] });
  children.push(device);
  const plc = Number(await firstLine(device));
  const pki = writePki();
  const haproxy = await startHaproxy(plc);
  const shared = await startGateway(plc, "shared");
  const own = await startGateway(plc, "per_session");
  const credentials = [path.join(dir, "client.pem"), path.join(dir, "client.key"), path.join(dir, "ca.pem")];
  console.log(`${machine()}\n${rounds} rounds of ${seconds} s, interleaved; ${pki}\n`);

  const tasks: { title: string; connections: number; ways: Way[] }[] = [
    { title: "1 plain", connections: 1, ways: [direct(plc), way("haproxy", haproxy.plain), way("penstock", shared.plain)] },
    {
      title: "16 plain",
      connections: 16,
      ways: [direct(plc), way("haproxy", haproxy.plain), way("penstock shared", shared.plain), way("penstock per_session", own.plain)],
    },
    {
      title: "64 plain",
      connections: 64,
      ways: [direct(plc), way("haproxy", haproxy.plain), way("penstock shared", shared.plain), way("penstock per_session", own.plain)],
    },
    { title: "1 mutual TLS", connections: 1, ways: [direct(plc), way("haproxy", haproxy.tls, true), way("penstock", shared.tls, true)] },
    {
      title: "16 mutual TLS",
      connections: 16,
      ways: [
        direct(plc),
        way("haproxy", haproxy.tls, true),
        way("penstock shared", shared.tls, true),
        way("penstock per_session", own.tls, true),
      ],
    },
  ];
  for (const { title, connections, ways } of tasks) {
    if (options.only !== undefined && options.only !== title) continue;
    const seen = new Map<string, Figures[]>(ways.map((each) => [each.name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const each of ways) {
        const args = [load, String(each.port), String(connections), String(seconds), ...(each.tls ? credentials : [])];
        seen.get(each.name)?.push(JSON.parse(execFileSync("taskset", ["-c", CLIENT_CORE, ...args], { encoding: "utf8" })) as Figures);
      }
    }
    report(title, ways, seen);
  }
}

/** Times are medians over the rounds; p99 and p99.9 their lower quartile, for a busy machine only ever adds to them. */
function report(title: string, ways: readonly Way[], seen: ReadonlyMap<string, readonly Figures[]>): void {
  const of = (name: string): { p50: number; p99: number; p999: number; perSecond: number } => {
    const all = seen.get(name) ?? [];
    return {
      p50: median(all.map((f) => f.p50)),
      p99: quantile(
        all.map((f) => f.p99),
        0.25,
      ),
      p999: quantile(
        all.map((f) => f.p999),
        0.25,
      ),
      perSecond: median(all.map((f) => f.perSecond)),
    };
  };
  const base = of("direct");
  const peer = of("haproxy");
  console.log(`${title} connection${title.startsWith("1 ") ? "" : "s"}`);
  console.log("                          p50 µs   p99 µs  p99.9 µs      req/s   added p50/p99/p99.9 against haproxy   throughput");
  for (const { name } of ways) {
    const own = of(name);
    const ratio = (key: "p50" | "p99" | "p999"): string => ((own[key] - base[key]) / (peer[key] - base[key])).toFixed(2);
    const against = name === "direct" ? "" : `${ratio("p50")}x / ${ratio("p99")}x / ${ratio("p999")}x`;
    const throughput = name === "direct" ? "" : `${(own.perSecond / peer.perSecond).toFixed(2)}x`;
    console.log(
      `  ${name.padEnd(22)} ${[own.p50, own.p99, own.p999].map((n) => n.toFixed(1).padStart(8)).join(" ")}  ${own.perSecond.toFixed(0).padStart(9)}   ${against.padEnd(34)} ${throughput}`,
    );
  }
  console.log("");
}

function way(name: string, port: number, tls = false): Way {
  return { name, port, tls };
}

function direct(port: number): Way {
  return way("direct", port);
}

function compile(name: string, libraries: readonly string[]): string {
  const program = path.join(dir, name);
  execFileSync("gcc", ["-O2", "-o", program, path.join(root, "bench/peers", `${name}.c`), ...libraries]);
  return program;
}

function writePki(): string {
  const ca = authority("Bench CA", { endsIn: LONG_MS });
  const server = ca.issue({ name: "gateway", dns: ["localhost"], ips: ["127.0.0.1"], extendedKeyUsage: [SERVER_AUTH], endsIn: LONG_MS });
  const client = ca.issue({ uri: "spiffe://plant.example/operator/alice", endsIn: LONG_MS });
  const write = (name: string, text: string): void => writeFileSync(path.join(dir, name), text, { mode: 0o600 });
  write("ca.pem", ca.pem);
  write("ca.crl", ca.list({ number: 1, endsIn: LONG_MS }));
  write("server.pem", server.chainPem);
  write("server.key", server.keyPem);
  write("both.pem", server.chainPem + server.keyPem);
  write("client.pem", client.chainPem);
  write("client.key", client.keyPem);
  return "P-256 certificates, TLS 1.3, FC 3 of ten registers (12 octets out, 29 back)";
}

async function startHaproxy(plc: number): Promise<{ plain: number; tls: number }> {
  const [plain, tls] = [await freePort(), await freePort()];
  writeFileSync(
    path.join(dir, "haproxy.cfg"),
    `global
  nbthread 1
  maxconn 1000
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen plain
  bind 127.0.0.1:${plain}
  server plc 127.0.0.1:${plc}
listen mutual
  bind 127.0.0.1:${tls} ssl crt ${dir}/both.pem ca-file ${dir}/ca.pem crl-file ${dir}/ca.crl verify required
  server plc 127.0.0.1:${plc}
`,
  );
  children.push(
    spawn("taskset", ["-c", PROXY_CORE, "/usr/sbin/haproxy", "-db", "-f", path.join(dir, "haproxy.cfg")], { stdio: "inherit" }),
  );
  await listening(tls);
  return { plain, tls };
}

/** A gateway of its own for each way of reaching the device, so that neither shares a loop with the other. */
async function startGateway(plc: number, mode: "shared" | "per_session"): Promise<{ plain: number; tls: number }> {
  const home = path.join(dir, mode);
  mkdirSync(home);
  writeFileSync(
    path.join(home, "site.yaml"),
    `site: bench
listeners:
  - { name: plain, asset: plc, interface: lo, port: 0, tls: none, from: [127.0.0.0/8] }
  - { name: tls, asset: plc, interface: lo, port: 0, tls: mutual }
tls:
  certificate: ../server.pem
  key: ../server.key
  ca: [ { name: plant, file: ../ca.pem, may_identify: ["spiffe://plant.example/operator/*"], may_assert_roles: false } ]
  crl: [../ca.crl]
assets:
  plc:
    protocol: modbus-tcp
    address: 127.0.0.1:${plc}
    units: [1]
    addressing: zero-based
    points: points.csv
    sessions_per_identity: 64
    upstream: { outstanding: 16, mode: ${mode} }
audit: { directory: audit }
management: { socket: penstock.sock }
`,
  );
  writeFileSync(path.join(home, "points.csv"), "name,unit_id,table,address,type,unit,access,description\n");
  writeFileSync(
    path.join(home, "policy.yaml"),
    `policy: bench
version: 1
roles:
  reader:
    - { id: read, allow: read, on: "*" }
bindings:
  - { role: reader, source: 127.0.0.0/8, kind: machine }
  - { role: reader, identity: "spiffe://plant.example/operator/*", kind: machine }
`,
  );
  const child = spawn(
    "taskset",
    [
      "-c",
      PROXY_CORE,
      process.execPath,
      "--disable-warning=ExperimentalWarning",
      path.join(root, "src/cli/main.ts"),
      "run",
      "--log-level",
      "warn",
    ],
    { cwd: home, stdio: ["ignore", "pipe", "inherit"] },
  );
  children.push(child);
  if ((await firstLine(child)) !== "ready") throw new Error("penstock did not start");
  const { status } = await askDaemon(path.join(home, "penstock.sock"), { ask: "status" });
  const port = (name: string): number => status?.listeners.find((listener) => listener.name === name)?.port ?? 0;
  return { plain: port("plain"), tls: port("tls") };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.includes("\n")) resolve(said.slice(0, said.indexOf("\n")));
    });
    child.once("close", () => reject(new Error(`ended before it was ready: ${said}`)));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const up = await new Promise<boolean>((resolve) => {
      const socket = net.connect(port, "127.0.0.1");
      socket.once("connect", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nobody listens on ${port}`);
}
