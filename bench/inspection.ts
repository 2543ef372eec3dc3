/**
 * What inspection costs where it stands: from the octets of a whole frame to the queued record, through the gateway's own session, policy and
 * log, with 100 and with 10,000 rules, 1 and 64 sessions. No sockets: client and device are streams in this process. Sixteen requests are timed
 * as one (the clock costs as much as a request), each of another session where there are as many.
 *
 *     node bench/inspection.ts [--json]
 *
 * Must (DESIGN section 11): p50 / p99 / p99.9 below 5 / 50 / 250 µs; growth below 10 % beyond noise.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import pino from "pino";
import { Journal } from "#audit/journal";
import { loadSigningKey } from "#audit/key";
import { openLog } from "#audit/log";
import { admitSource } from "#gateway/admit";
import { Blocks } from "#gateway/blocks";
import { GateClock, systemClock } from "#gateway/clock";
import { Gateway } from "#gateway/compose";
import { loadDocuments } from "#gateway/documents";
import { LIMITS } from "#gateway/limits";
import { Memory } from "#gateway/memory";
import { deviceFor } from "#gateway/reload";
import { Road } from "#gateway/road";
import type { ByteStream, StreamHandler } from "#transport/stream";
import { machine, median, quantile, warning } from "./machine.ts";
import { closing, hold } from "./musts.ts";

/** Requests timed as one. */
const BATCH = 16;
const BATCHES = 400;
/** Gateways are measured in turn, so often; figures are the median of the rounds, tails their lower quartile. */
const ROUNDS = 9;
const WARM_BATCHES = 1_500;
/** Of an asset; the rules beyond the first few are for points nobody asks for. */
const SIZES = [100, 10_000] as const;
/** That ask. One more is open: with one session alone what it asks would leave at once, within what is timed. */
const SESSIONS = [1, 64] as const;

interface Kind {
  readonly name: string;
  /** The PDU; its address is one of the first ninety points'. */
  readonly pdu: (point: number) => readonly number[];
}

const READ: Kind = { name: "read 10 registers (FC 3)", pdu: (point) => [3, ...u16(2 * point), ...u16(10)] };
const KINDS: readonly Kind[] = [
  READ,
  { name: "write 1 float32 (FC 16)", pdu: (point) => [16, ...u16(2 * point), ...u16(2), 4, 0x41, 0x48, 0, 0] },
  { name: "denied: write above its limit", pdu: (point) => [16, ...u16(2 * point), ...u16(2), 4, 0x42, 0xc6, 0, 0] },
];

/** The far end of a stream, in this process. */
class End implements ByteStream {
  readonly remoteAddress: string;
  readonly remotePort = 1;
  readonly queued = 0;
  handler: StreamHandler | null = null;
  /** Called with what is written. */
  readonly #written: (octets: Uint8Array) => void;

  constructor(remoteAddress: string, written: (octets: Uint8Array) => void) {
    this.remoteAddress = remoteAddress;
    this.#written = written;
  }

  start(handler: StreamHandler): void {
    this.handler = handler;
  }

  write(octets: Uint8Array, length = octets.length): void {
    this.#written(octets.subarray(0, length));
  }

  end(): void {}
  destroy(): void {}
  pause(): void {}
  resume(): void {}
}

/** A gateway with its clients and its device. */
class Bench {
  readonly title: string;
  readonly #gateway: Gateway;
  readonly #clients: readonly End[];
  #answers = 0;
  #awaited = 0;
  #done: () => void = () => {};
  #turn = 0;
  #transaction = 0;

  private constructor(title: string, gateway: Gateway, sessions: number) {
    this.title = title;
    this.#gateway = gateway;
    this.#clients = Array.from({ length: sessions }, (_, i) => new End(`127.0.1.${i + 1}`, (octets) => this.#answered(octets)));
  }

  static async open(home: string, rules: number, sessions: number): Promise<Bench> {
    mkdirSync(home);
    writeDocuments(home, rules);
    const clock = new GateClock(systemClock);
    const documents = await loadDocuments(path.join(home, "site.yaml"), path.join(home, "policy.yaml"));
    const { directory, retainMs, maxOctets } = documents.site.audit;
    const key = loadSigningKey(documents.site.audit.key);
    const audit = await openLog({ directory, key, retainMs, maxOctets, clock });
    const journal = await Journal.open(directory, key);
    const road = new Road(
      { ...LIMITS },
      clock,
      pino({ level: "silent" }),
      audit,
      journal,
      (_host, _port, _ms, _tls, connected) => setImmediate(() => connected(device())),
      documents.site.audit,
    );
    const gateway = new Gateway(documents, road, null, Memory.open(directory), Blocks.open(directory));
    await gateway.recall();
    for (const asset of gateway.assets.values()) asset.device = deviceFor(gateway, asset);
    // What a running gateway does when records reached the disk: changes that waited for it may go.
    road.audit.onProgress = () => {
      for (const each of road.devices) if (each.waiting > 0) road.wants(each);
      road.turn(clock.monotonic());
    };
    const bench = new Bench(`${rules} rules, ${sessions} session${sessions === 1 ? "" : "s"}`, gateway, sessions);
    const asset = gateway.assets.get("plant");
    if (asset === undefined) throw new Error("no asset");
    for (const client of [...bench.#clients, new End("127.0.2.1", () => {})]) admitSource(gateway, asset, "bench", client);
    return bench;
  }

  close(): Promise<void> {
    return this.#gateway.close();
  }

  /**
   * Microseconds a request, of batches: only what happens before the session's turn ends. A batch of reads by the same sessions goes before each:
   * what a pause for the disk left cold is the pause's cost, not the sessions'.
   */
  async measure(kind: Kind, batches: number): Promise<number[]> {
    const times: number[] = [];
    const [before, frames] = [READ, kind].map(({ pdu }) => Array.from({ length: BATCH }, () => new Uint8Array(7 + pdu(0).length)));
    for (let batch = 0; batch < batches; batch++) {
      await this.#ask(before ?? [], READ);
      times.push(await this.#ask(frames ?? [], kind));
      this.#turn += BATCH;
    }
    return times;
  }

  /** Ask, each frame by the next session, and wait for the answers. @returns microseconds a request, the waiting left out */
  async #ask(frames: readonly Uint8Array[], kind: Kind): Promise<number> {
    for (const frame of frames) this.#fill(frame, kind);
    const answered = new Promise<void>((resolve) => {
      this.#done = resolve;
    });
    this.#awaited = this.#answers + frames.length;
    const started = process.hrtime.bigint();
    for (let i = 0; i < frames.length; i++)
      this.#clients[(this.#turn + i) % this.#clients.length]?.handler?.received(frames[i] as Uint8Array);
    const took = Number(process.hrtime.bigint() - started);
    await answered;
    return took / 1000 / frames.length;
  }

  #fill(frame: Uint8Array, kind: Kind): void {
    this.#transaction = (this.#transaction + 1) & 0xffff;
    const pdu = kind.pdu(this.#transaction % 90);
    frame.set([...u16(this.#transaction), 0, 0, ...u16(pdu.length + 1), 1, ...pdu]);
  }

  #answered(octets: Uint8Array): void {
    for (let at = 0; at < octets.length; at += 6 + (octets[at + 5] as number)) this.#answers += 1;
    if (this.#answers >= this.#awaited) this.#done();
  }
}

/** Answers FC 3 with what is asked for and FC 16 with its echo, in the next round of the loop. */
function device(): End {
  const end = new End("127.0.0.1", (octets) => {
    const asked = octets.slice();
    setImmediate(() => {
      for (let at = 0; at < asked.length; at += 6 + (asked[at + 5] as number)) end.handler?.received(replyTo(asked.subarray(at)));
    });
  });
  return end;
}

function replyTo(asked: Uint8Array): Uint8Array {
  if (asked[7] === 16) return Uint8Array.of(...asked.subarray(0, 4), 0, 6, ...asked.subarray(6, 12));
  const octets = 2 * (asked[11] as number);
  return Uint8Array.of(...asked.subarray(0, 4), 0, 3 + octets, ...asked.subarray(6, 8), octets, ...new Uint8Array(octets));
}

const root = mkdtempSync(path.join(os.tmpdir(), "penstock-bench-"));
try {
  await main();
} finally {
  rmSync(root, { recursive: true, force: true });
}
closing();

async function main(): Promise<void> {
  const before = process.cwd();
  process.chdir(root);
  const benches: Bench[] = [];
  for (const rules of SIZES)
    for (const sessions of SESSIONS) benches.push(await Bench.open(path.join(root, `${rules}-${sessions}`), rules, sessions));
  console.log(
    `${machine()}\n${warning()}microseconds a request, of batches of ${BATCH}; p50 the median of ${ROUNDS} rounds, tails their lower quartile\n`,
  );
  const worst = { p50: 0, p99: 0, p999: 0 };
  const growths = { rules: 0, sessions: 0 };
  for (const kind of KINDS) {
    for (const bench of benches) await bench.measure(kind, WARM_BATCHES);
    const rounds = new Map<Bench, number[][]>(benches.map((bench) => [bench, []]));
    for (let round = 0; round < ROUNDS; round++) for (const bench of benches) rounds.get(bench)?.push(await bench.measure(kind, BATCHES));
    console.log(`${kind.name.padEnd(32)}     p50     p99   p99.9`);
    for (const [bench, times] of rounds) {
      const at = (q: number, over: number): number =>
        quantile(
          times.map((each) => quantile(each, q)),
          over,
        );
      const [p50, p99, p999] = [at(0.5, 0.5), at(0.99, 0.25), at(0.999, 0.25)];
      console.log(`  ${bench.title.padEnd(30)}${[p50, p99, p999].map((us) => us.toFixed(2).padStart(8)).join("")}`);
      worst.p50 = Math.max(worst.p50, p50);
      worst.p99 = Math.max(worst.p99, p99);
      worst.p999 = Math.max(worst.p999, p999);
    }
    const [small1, small64, large1, large64] = [...rounds.values()].map((times) => times.map((each) => quantile(each, 0.5)));
    const rules = growth([small1, large1], [small64, large64]);
    const sessions = growth([small1, small64], [large1, large64]);
    console.log(`  growth                        ${percent(rules)} from 100 to 10,000 rules, ${percent(sessions)} from 1 to 64 sessions\n`);
    growths.rules = Math.max(growths.rules, rules);
    growths.sessions = Math.max(growths.sessions, sessions);
  }
  for (const bench of benches) await bench.close();
  process.chdir(before);
  hold("inspection, frame to queued record, worst of the above, p50", worst.p50, "µs", ["<", 5], ["<", 1]);
  hold("inspection, frame to queued record, worst of the above, p99", worst.p99, "µs", ["<", 50], ["<", 10]);
  hold("inspection, frame to queued record, worst of the above, p99.9", worst.p999, "µs", ["<", 250], ["<", 50]);
  hold("inspection, growth from 100 to 10,000 rules", 100 * growths.rules, "%", ["<", 10], ["<=", 0]);
  hold("inspection, growth from 1 to 64 sessions", 100 * growths.sessions, "%", ["<", 10], ["<=", 0]);
}

/** The median of the rounds' ratios, over both pairs: a busy moment falls on neighbours alike. */
function growth(...pairs: (readonly [readonly number[] | undefined, readonly number[] | undefined])[]): number {
  return median(pairs.flatMap(([before = [], after = []]) => after.map((us, round) => us / (before[round] as number)))) - 1;
}

function writeDocuments(home: string, rules: number): void {
  const points = Array.from({ length: rules }, (_, i) => `p${i},1,holding,${2 * i},float32,t/h,rw,`);
  writeFileSync(
    path.join(home, "site.yaml"),
    `site: bench
listeners:
  - { name: plain, asset: plant, interface: lo, port: 0, tls: none, from: [127.0.0.0/8] }
assets:
  plant: { protocol: modbus-tcp, address: "127.0.0.1:502", units: [1], addressing: zero-based, points: points.csv }
audit: { directory: ${path.join(home, "audit")}, key: ${path.join(home, "audit.key")} }
`,
  );
  writeFileSync(path.join(home, "points.csv"), `name,unit_id,table,address,type,unit,access,description\n${points.join("\n")}\n`);
  const limits = Array.from(
    { length: rules - 1 },
    (_, i) => `    - { id: w${i}, allow: write, on: plant, points: [p${i}], values: { min: 0, max: 40 } }`,
  );
  writeFileSync(
    path.join(home, "policy.yaml"),
    `policy: bench
version: 1
roles:
  operator:
    - { id: read, allow: read, on: plant }
${limits.join("\n")}
bindings:
  - { role: operator, source: 127.0.0.0/8, kind: machine, accept_unauthenticated: true }
`,
  );
}

function u16(value: number): number[] {
  return [value >> 8, value & 0xff];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
