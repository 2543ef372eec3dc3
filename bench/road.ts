/**
 * The whole road: added round trip, throughput, CPU and memory of the gate against a direct connection, haproxy and nginx, in one run,
 * interleaved. Clients and device are small C programs on one core, the proxy under test alone on the other; nobody is given priority.
 *
 *     node bench/road.ts [--seconds 2] [--rounds 5] [--only "1 plain"] [--program dist/penstock.mjs]
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { machine, quantile, warning } from "./machine.ts";
import { type Bound, closing, hold } from "./musts.ts";
import { CLIENT_CORE, firstLine, type Gate, type GatewayProxy, Proxies } from "./proxies.ts";

/** What bench/peers/load.c prints. Microseconds, kB. */
interface Figures {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly cpu: number;
  readonly kept: number;
  readonly rss: number;
  readonly pss: number;
}

interface Way {
  readonly name: string;
  readonly port: number;
  readonly tls: boolean;
  readonly pids: readonly number[];
}

interface Task {
  readonly connections: number;
  readonly tls: boolean;
}

const { values: options } = parseArgs({
  options: {
    seconds: { type: "string", default: "2" },
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
    program: { type: "string", default: "src/cli/main.ts" },
  },
});
const TASKS: readonly Task[] = [false, true].flatMap((tls) => [1, 16, 64].map((connections) => ({ connections, tls })));
const SHARED = "penstock shared";
const OWN = "penstock per_session";
const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-bench-"));
const proxies = new Proxies(dir, options.program);
/** What each way needed a request, by task and way, for the growth with the connections. */
const cpu = new Map<string, number>();

try {
  await bench(Number(options.seconds), Number(options.rounds));
} finally {
  await proxies.close();
  rmSync(dir, { recursive: true, force: true });
}
closing();

async function bench(seconds: number, rounds: number): Promise<void> {
  const load = compile("load", ["-lssl", "-lcrypto"]);
  const device = Number(await firstLine(proxies.pinned(CLIENT_CORE, [compile("plc", [])])));
  const haproxy = await proxies.haproxy(device);
  const nginx = await proxies.nginx(device);
  const shared = await proxies.gateway(device, "shared");
  const own = await proxies.gateway(device, "per_session");
  console.log(
    `${machine()}\n${warning()}${rounds} rounds of ${seconds} s, interleaved; P-256 certificates, TLS 1.3, FC 3 of ten registers`,
  );
  console.log(`(12 octets out, 29 back)${nginx === null ? "; nginx with its stream module is not installed: left out" : ""}\n`);

  for (const task of TASKS) {
    if (options.only !== undefined && options.only !== titleOf(task)) continue;
    const way = (name: string, proxy: Gate): Way => ({ name, port: task.tls ? proxy.tls : proxy.plain, tls: task.tls, pids: proxy.pids });
    const ways: Way[] = [{ name: "direct", port: device, tls: false, pids: [] }, way("haproxy", haproxy)];
    if (nginx !== null) ways.push(way("nginx", nginx));
    ways.push(way(SHARED, shared));
    if (task.connections > 1) ways.push(way(OWN, own));
    const seen = new Map<string, Figures[]>(ways.map(({ name }) => [name, []]));
    // One round first that does not count: code is compiled as it is used.
    for (const each of ways) oneRound(load, each, task.connections, seconds);
    for (let round = 0; round < rounds; round++)
      for (const each of ways) seen.get(each.name)?.push(oneRound(load, each, task.connections, seconds));
    report(task, seen);
  }
  await tellInspection(shared, own);
  tellGrowth();
}

function oneRound(load: string, { port, pids, tls }: Way, connections: number, seconds: number): Figures {
  const args = [load, port, connections, seconds, pids.length === 0 ? "-" : pids, ...(tls ? proxies.credentials : [])].map(String);
  return JSON.parse(execFileSync("taskset", ["-c", CLIENT_CORE, ...args], { encoding: "utf8" })) as Figures;
}

/** Times and throughput are medians over the rounds; tails and CPU their lower quartile, for a busy machine only ever adds to them. */
function over(rounds: readonly Figures[]): Figures {
  const at = (key: keyof Figures, q: number): number =>
    quantile(
      rounds.map((figures) => figures[key]),
      q,
    );
  return {
    perSecond: at("perSecond", 0.5),
    p50: at("p50", 0.5),
    p99: at("p99", 0.25),
    p999: at("p999", 0.25),
    cpu: at("cpu", 0.25),
    kept: at("kept", 0.5),
    rss: at("rss", 1),
    pss: at("pss", 1),
  };
}

function report(task: Task, seen: ReadonlyMap<string, readonly Figures[]>): void {
  const title = titleOf(task);
  const base = over(seen.get("direct") ?? []);
  const peer = over(seen.get("haproxy") ?? []);
  console.log(
    `${title} connection${task.connections === 1 ? "" : "s"}                                          | of its core, µs a request`,
  );
  console.log(
    "                          p50 µs   p99 µs  p99.9 µs      req/s |  used  kept from |  RSS MB  PSS MB | added p50/p99/p99.9 against haproxy   throughput",
  );
  for (const [name, rounds] of seen) {
    const own = over(rounds);
    const ratio = (key: "p50" | "p99" | "p999"): number => (own[key] - base[key]) / (peer[key] - base[key]);
    const throughput = own.perSecond / peer.perSecond;
    const times = `${[own.p50, own.p99, own.p999].map((n) => n.toFixed(1).padStart(8)).join(" ")}  ${own.perSecond.toFixed(0).padStart(9)}`;
    if (name === "direct") {
      console.log(`  ${name.padEnd(22)} ${times} |`);
      continue;
    }
    const core = `${own.cpu.toFixed(1).padStart(5)} ${own.kept.toFixed(1).padStart(10)}`;
    const memory = `${megabytes(own.rss)} ${megabytes(own.pss)}`;
    const against = `${(["p50", "p99", "p999"] as const).map((key) => `${ratio(key).toFixed(2)}x`).join(" / ")}`;
    console.log(`  ${name.padEnd(22)} ${times} | ${core} | ${memory} | ${against.padEnd(36)} ${throughput.toFixed(2)}x`);
    cpu.set(`${title} ${name}`, own.cpu);
    if (name === SHARED || name === OWN)
      holdAll(task, name, { p50: ratio("p50"), p99: ratio("p99"), p999: ratio("p999"), throughput, rss: own.rss });
  }
  console.log("");
}

/** The rows of DESIGN section 11 that are the road's. */
function holdAll(
  { connections, tls }: Task,
  name: string,
  own: { p50: number; p99: number; p999: number; throughput: number; rss: number },
): void {
  const kind = tls ? "mutual TLS" : "plain";
  const ratios: readonly [keyof typeof own, string, Bound][] = tls
    ? [
        ["p50", "p50", ["<=", 1.05]],
        ["p99", "p99", ["<=", 1.15]],
        ["p999", "p99.9", ["<=", 4]],
      ]
    : [
        ["p50", "p50", ["<=", 1.1]],
        ["p99", "p99", ["<=", 1.15]],
        ["p999", "p99.9", ["<=", 3]],
      ];
  if (connections === 1)
    for (const [key, word, must] of ratios)
      hold(`added round trip against haproxy, 1 ${kind} connection, ${word}`, own[key], "x", must, ["<", 1]);
  if (connections === 16 && tls)
    hold(`throughput against haproxy, 16 mutual-TLS connections, ${name}`, own.throughput, "x", [">=", 0.75], [">=", 1]);
  if (connections === 64 && !tls && name === OWN)
    hold(`throughput against haproxy, 64 plain connections, ${name}`, own.throughput, "x", [">=", 0.85], [">=", 1]);
  if (connections === 64 && tls)
    hold(`resident memory, 64 mutual-TLS sessions, ${name} (soak: after an hour)`, own.rss / 1024, "MB", ["<", 150], ["<", 100]);
}

/** What the gateways say of themselves: every request by itself, the reading of the clock included. */
async function tellInspection(shared: GatewayProxy, own: GatewayProxy): Promise<void> {
  for (const [name, gateway] of [
    [SHARED, shared],
    [OWN, own],
  ] as const) {
    const inspection = (await gateway.status())?.inspection;
    if (inspection === undefined || inspection.count === 0) continue;
    const { count, p50, p99, p999 } = inspection;
    console.log(
      `inspection as ${name} counted it: p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)}, p99.9 ${p999.toFixed(1)} µs of ${count} requests`,
    );
  }
}

function tellGrowth(): void {
  for (const tls of [false, true]) {
    const of = (connections: number, name: string): number => cpu.get(`${titleOf({ connections, tls })} ${name}`) ?? Number.NaN;
    for (const name of ["haproxy", "nginx", SHARED]) {
      const [one, many] = [of(1, name), of(64, name)];
      if (Number.isFinite(one) && Number.isFinite(many))
        console.log(
          `CPU a request with 1 and with 64 ${tls ? "mutual-TLS" : "plain"} connections, ${name}: ${one.toFixed(1)} and ${many.toFixed(1)} µs`,
        );
    }
  }
}

function titleOf({ connections, tls }: Task): string {
  return `${connections} ${tls ? "mutual TLS" : "plain"}`;
}

function megabytes(kB: number): string {
  return kB < 0 ? "      -" : (kB / 1024).toFixed(1).padStart(7);
}

function compile(name: string, libraries: readonly string[]): string {
  const program = path.join(dir, name);
  execFileSync("gcc", ["-O2", "-o", program, path.join(import.meta.dirname, "peers", `${name}.c`), ...libraries]);
  return program;
}
