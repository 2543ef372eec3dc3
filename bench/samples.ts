/**
 * What telemetry costs: a sample, of points that changed and that did not; and the gateway's data path with somebody to offer to and without.
 * No sockets: client and device are streams in this process. The two gateways take turns; the figure is the median of the rounds.
 *
 *     node bench/samples.ts [--json]
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
import { Telemetry } from "#gateway/telemetry";
import { modbusVocabulary } from "#modbus/vocabulary";
import type { Showing } from "#operation";
import { decimal, ONE, ZERO } from "#process/decimal";
import type { Decimal, Point, PointType } from "#process/points";
import type { Offer, OfferedSample } from "#telemetry/offer";
import { Samples } from "#telemetry/samples";
import type { ByteStream, StreamHandler } from "#transport/stream";
import { machine, median, warning } from "./machine.ts";

const HOLDING = 3;
const POINTS = 60;
const ROUNDS = 9;
const REPLIES = 5_000;
const REQUESTS = 4_000;

/** Takes everything, and looks at it, so that nothing of it can be left undone. */
class Sink implements Offer {
  sum = 0;
  count = 0;

  points(): void {}

  sample({ pointId, value, timeMs }: OfferedSample): boolean {
    this.count += 1;
    this.sum += pointId + timeMs + (value === null ? 0 : 1);
    return true;
  }

  event(): boolean {
    return true;
  }

  checkpoint(): boolean {
    return true;
  }
}

interface Kind {
  readonly name: string;
  readonly type: PointType;
  readonly registers: number;
  readonly scale: Decimal;
  readonly changes: boolean;
}

const KINDS: readonly Kind[] = [
  { name: "float32, unchanged", type: "float32", registers: 2, scale: ONE, changes: false },
  { name: "float32, changed", type: "float32", registers: 2, scale: ONE, changes: true },
  { name: "float32 x 0.1, changed", type: "float32", registers: 2, scale: decimal(1n, 1), changes: true },
  { name: "uint16 x 0.1, unchanged", type: "uint16", registers: 1, scale: decimal(1n, 1), changes: false },
  { name: "uint16 x 0.1, changed", type: "uint16", registers: 1, scale: decimal(1n, 1), changes: true },
  { name: "uint64, changed", type: "uint64", registers: 4, scale: ONE, changes: true },
  { name: "bit, changed", type: "bit", registers: 1, scale: ONE, changes: true },
];

function pointOf({ type, registers, scale }: Kind, i: number): Point {
  const none = { writeMin: null, writeMax: null, plausibleMin: null, plausibleMax: null, bitOf: null, aliasOf: null, deadband: null };
  const place = { unitId: 1, space: HOLDING, first: registers * i, last: registers * (i + 1) - 1 };
  const words = { byteOrder: "big", wordOrder: "big", access: "r", unit: "", description: "" } as const;
  return {
    index: i,
    name: `p${i}`,
    type,
    scale,
    offset: ZERO,
    bit: type === "bit" ? 0 : null,
    minInterval: null,
    ...none,
    ...place,
    ...words,
  };
}

/** Microseconds a sample. */
function measure(kind: Kind): number {
  const sink = new Sink();
  const samples = new Samples(sink);
  const points = Array.from({ length: POINTS }, (_, i) => pointOf(kind, i));
  const plain = {
    name: "plc",
    protocol: "modbus-tcp",
    units: [1],
    unitAliases: new Map(),
    unitZero: "broadcast",
    addressing: "zero-based",
  } as const;
  samples.follow([{ model: { ...plain, points }, spaces: modbusVocabulary.spaces, isRaw: false, staleMs: () => 60_000 }]);
  const asset = samples.of("plc");
  // Two pictures of the plant, in turns.
  const pictures = [0, 1].map((turn) => {
    const octets = new Uint8Array(2 * kind.registers * POINTS);
    for (let i = 0; i < octets.length; i++) octets[i] = i % (2 * kind.registers) === 0 ? 0x41 : (37 * i + (kind.changes ? turn : 0)) & 0xff;
    const last = kind.registers * POINTS - 1;
    const showing: Showing = { space: HOLDING, first: 0, last, octets, at: 0, bits: 16, quality: "good", timeMs: null, isEvent: false };
    return showing;
  }) as [Showing, Showing];
  const run = (): void => {
    for (let i = 0; i < REPLIES; i++) asset?.see(1, pictures[(i & 1) as 0 | 1], "alice", i, i);
  };
  for (let i = 0; i < 3; i++) run();
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const started = process.hrtime.bigint();
    run();
    times.push(Number(process.hrtime.bigint() - started) / 1000 / REPLIES / POINTS);
  }
  return median(times);
}

/** The far end of a stream, in this process. */
class End implements ByteStream {
  readonly remoteAddress = "127.0.0.1";
  readonly remotePort = 1;
  readonly queued = 0;
  handler: StreamHandler | null = null;
  written: (octets: Uint8Array) => void = () => {};

  start(handler: StreamHandler): void {
    this.handler = handler;
  }

  write(octets: Uint8Array, length = octets.length): void {
    this.written(octets.subarray(0, length));
  }

  end(): void {}
  destroy(): void {}
  pause(): void {}
  resume(): void {}
}

/** A gateway, one client, and a device whose sixty floats change with each read where they are to. */
class Path {
  readonly sink = new Sink();
  readonly #gateway: Gateway;
  readonly #client = new End();
  #done: () => void = () => {};

  private constructor(gateway: Gateway) {
    this.#gateway = gateway;
    this.#client.written = () => this.#done();
  }

  static async open(home: string, isOffered: boolean, changes: boolean): Promise<Path> {
    mkdirSync(home);
    writeDocuments(home);
    const clock = new GateClock(systemClock);
    const documents = await loadDocuments(path.join(home, "site.yaml"), path.join(home, "policy.yaml"));
    const { directory, retainMs, maxOctets, key: keyFile } = documents.site.audit;
    const key = loadSigningKey(keyFile);
    const audit = await openLog({ directory, key, retainMs, maxOctets, clock });
    const journal = await Journal.open(directory, key);
    const log = pino({ level: "silent" });
    const connect = (_h: string, _p: number, _ms: number, _tls: unknown, connected: (stream: ByteStream) => void): void => {
      setImmediate(() => connected(deviceOf(changes)));
    };
    const road = new Road({ ...LIMITS }, clock, log, audit, journal, connect, documents.site.audit);
    const gateway = new Gateway(documents, road, null, Memory.open(directory), Blocks.open(directory));
    await gateway.recall();
    const found = new Path(gateway);
    if (isOffered) {
      road.telemetry = new Telemetry(found.sink, clock, log);
      road.telemetry.follow(documents.site, gateway.assets);
    }
    for (const asset of gateway.assets.values()) asset.device = deviceFor(gateway, asset);
    const asset = gateway.assets.get("plant");
    if (asset === undefined) throw new Error("no asset");
    admitSource(gateway, asset, "bench", found.#client);
    await new Promise((resolve) => setTimeout(resolve, 50));
    return found;
  }

  /** Microseconds of processor time a request, there and back. */
  async measure(requests: number): Promise<number> {
    const frame = Uint8Array.of(0, 0, 0, 0, 0, 6, 1, 3, 0, 0, 0, 2 * POINTS);
    const before = process.cpuUsage();
    for (let i = 0; i < requests; i++) {
      frame[0] = i >> 8;
      frame[1] = i & 0xff;
      const answered = new Promise<void>((resolve) => {
        this.#done = resolve;
      });
      this.#client.handler?.received(frame);
      await answered;
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / requests;
  }

  close(): Promise<void> {
    return this.#gateway.close();
  }
}

function deviceOf(changes: boolean): End {
  const end = new End();
  let turn = 0;
  end.written = (asked) => {
    const reply = new Uint8Array(9 + 4 * POINTS);
    reply.set(asked.subarray(0, 8));
    reply[5] = 3 + 4 * POINTS;
    reply[8] = 4 * POINTS;
    turn += changes ? 1 : 0;
    for (let i = 9; i < reply.length; i += 4) reply.set([0x41, i, turn & 0xff, 0], i);
    setImmediate(() => end.handler?.received(reply));
  };
  return end;
}

function writeDocuments(home: string): void {
  const points = Array.from({ length: POINTS }, (_, i) => `p${i},1,holding,${2 * i},float32,bar,r,`);
  writeFileSync(path.join(home, "points.csv"), `name,unit_id,table,address,type,unit,access,description\n${points.join("\n")}\n`);
  writeFileSync(
    path.join(home, "site.yaml"),
    `site: bench
listeners: [{ asset: plant, interface: lo, port: 0, tls: none, from: [127.0.0.0/8] }]
assets:
  plant: { protocol: modbus-tcp, address: "127.0.0.1:502", units: [1], addressing: zero-based, points: points.csv }
audit: { directory: audit }
management: { socket: penstock.sock }
`,
  );
  writeFileSync(
    path.join(home, "policy.yaml"),
    'policy: bench\nversion: 1\nroles: { hmi: [{ id: read, allow: read, on: "*" }] }\nbindings: [{ role: hmi, source: 127.0.0.0/8, kind: machine }]\n',
  );
}

const root = mkdtempSync(path.join(os.tmpdir(), "penstock-bench-"));
try {
  const samples = KINDS.map((kind) => ({ kind: kind.name, us: measure(kind) }));
  const paths: { readonly what: string; readonly without: number; readonly with: number; readonly perSample: number }[] = [];
  for (const changes of [false, true]) {
    const [without, offered] = [
      await Path.open(path.join(root, `${changes}-without`), false, changes),
      await Path.open(path.join(root, `${changes}-with`), true, changes),
    ];
    for (const each of [without, offered]) await each.measure(REQUESTS);
    const rounds: (readonly [number, number])[] = [];
    for (let round = 0; round < ROUNDS; round++) rounds.push([await without.measure(REQUESTS), await offered.measure(REQUESTS)]);
    const [a, b] = [0, 1].map((i) => median(rounds.map((round) => round[i] as number))) as [number, number];
    const more = median(rounds.map(([one, other]) => other - one));
    paths.push({ what: `60 float32 a reply, ${changes ? "all changed" : "none changed"}`, without: a, with: b, perSample: more / POINTS });
    await without.close();
    await offered.close();
  }
  if (process.argv.includes("--json")) console.log(JSON.stringify({ machine: machine(), samples, paths }));
  else {
    console.log(machine());
    console.log(warning());
    for (const { kind, us } of samples) console.log(`${kind.padEnd(28)} ${us.toFixed(3).padStart(8)} us a sample`);
    for (const each of paths)
      console.log(
        `${each.what.padEnd(36)} ${each.without.toFixed(1)} us of processor time a request without, ${each.with.toFixed(1)} with: ${each.perSample.toFixed(3)} us a sample`,
      );
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
