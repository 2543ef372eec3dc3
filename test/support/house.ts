/** A gateway in this process for tests: a folder with documents, a PLC stand-in, listeners on free ports of `lo`, and the log to read back. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import pino from "pino";
import type { Clock } from "#gateway/clock";
import { type Disk, type Gateway, startGateway } from "#gateway/compose";
import type { Limits } from "#gateway/limits";
import type { SenderStatus } from "#management/protocol";
import type { Offer } from "#telemetry/offer";
import { Operator, type OperatorTls } from "#test/support/operator";
import { Plc } from "#test/support/plc";

export interface HouseOptions {
  /** policy.yaml; default: everybody on loopback may read everything and write holding 0-99. */
  readonly policy?: string;
  /** points of asset plc. */
  readonly points?: string;
  /** Lines of the asset, indented by four, beside protocol, address, points. */
  readonly asset?: string;
  readonly listeners?: string;
  /** Whole top-level sections (tls, ...). */
  readonly site?: string;
  readonly audit?: string;
  readonly management?: string;
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  /** What the evidence is written with. */
  readonly disk?: Disk;
  readonly telemetry?: Offer;
  readonly sender?: () => SenderStatus | null;
  /** Files beside the documents, by name. */
  readonly files?: Readonly<Record<string, string>>;
  readonly plc?: Plc;
  /** The asset is a DNP3 outstation there; null: nobody takes its events. */
  readonly outstation?: { readonly port: number; readonly owner: string | null };
  /** The operational log; silent unless PENSTOCK_TEST_LOG says otherwise. */
  readonly log?: pino.Logger;
}

export const POINTS = "name,unit_id,table,address,type,unit,access,description\n";

export const OPEN_POLICY = `policy: test
version: 1
roles:
  hmi:
    - { id: read, allow: read, on: "*" }
    - { id: look, allow: [diagnose, identify], on: plc }
    - { id: write, allow: write, on: plc, table: holding, addresses: 0-99 }
    - { id: switch, allow: write, on: plc, table: coil, addresses: 0-99 }
bindings:
  - { role: hmi, source: 127.0.0.0/8, kind: machine, accept_unauthenticated: true }
`;

export class House {
  readonly dir: string;
  readonly plc: Plc;
  gateway: Gateway;
  readonly #operators: Operator[] = [];

  constructor(dir: string, plc: Plc, gateway: Gateway) {
    this.dir = dir;
    this.plc = plc;
    this.gateway = gateway;
  }

  static async open(options: HouseOptions = {}): Promise<House> {
    const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-house-"));
    const plc = options.plc ?? new Plc();
    if (options.plc === undefined) await plc.listen();
    try {
      writeDocuments(dir, plc.port, options);
      return new House(dir, plc, await start(dir, options));
    } catch (error) {
      await plc.close();
      rmSync(dir, { recursive: true, force: true });
      throw error;
    }
  }

  /** End the gateway and start one again on the same folder. */
  async restart(options: Pick<HouseOptions, "clock" | "limits" | "log" | "disk" | "telemetry" | "sender"> = {}): Promise<void> {
    await this.gateway.close();
    this.gateway = await start(this.dir, options);
  }

  port(listener = 0): number {
    return this.gateway.listeners[listener]?.status().port ?? 0;
  }

  async plain(listener = 0): Promise<Operator> {
    const operator = await Operator.plain(this.port(listener));
    this.#operators.push(operator);
    return operator;
  }

  async mutual(credentials: OperatorTls, listener = 0): Promise<Operator> {
    const operator = await Operator.mutual(this.port(listener), credentials);
    this.#operators.push(operator);
    return operator;
  }

  rewrite(file: string, text: string): void {
    writeFileSync(path.join(this.dir, file), text);
  }

  read(file: string): string {
    return readFileSync(path.join(this.dir, file), "utf8");
  }

  get auditDirectory(): string {
    return path.join(this.dir, "audit");
  }

  /** Records on disk now, of one kind or all. */
  records(kind?: string): AuditRecord[] {
    return recordsIn(this.auditDirectory, kind);
  }

  /** Records on disk once everything said so far has been written. */
  async written(kind?: string): Promise<AuditRecord[]> {
    const last = this.gateway.road.records.note("management", { event: "test" });
    await until(() => this.gateway.road.audit.durable >= last, "the log is written");
    return this.records(kind);
  }

  async close(): Promise<void> {
    for (const operator of this.#operators) operator.close();
    await this.gateway.close();
    await this.plc.close();
    const untold = this.#untoldMembers();
    rmSync(this.dir, { recursive: true, force: true });
    if (untold.length > 0) throw new Error(`docs/audit-format.md does not tell of ${untold.join(", ")}`);
  }

  /** Whatever a test made the gateway record, the format's page has a word on it. */
  #untoldMembers(): string[] {
    const untold = new Set<string>();
    if (!existsSync(this.auditDirectory)) return [];
    for (const record of recordsIn(this.auditDirectory, undefined, true))
      if (record.event !== "test")
        for (const member of Object.keys(record)) if (!isTold(member)) untold.add(`${record.kind} ${record.event ?? ""} ${member}`);
    return [...untold];
  }
}

const isTold = (member: string): boolean => FORMAT.includes(`\`${member}\``) || FORMAT.includes(`"${member}":`);
const FORMAT = readFileSync(path.resolve(import.meta.dirname, "../../docs/audit-format.md"), "utf8");

function start(
  dir: string,
  { limits, clock, log, disk, telemetry, sender }: Pick<HouseOptions, "clock" | "limits" | "log" | "disk" | "telemetry" | "sender">,
): Promise<Gateway> {
  return startGateway({
    siteFile: path.join(dir, "site.yaml"),
    policyFile: path.join(dir, "policy.yaml"),
    log: log ?? pino({ level: process.env.PENSTOCK_TEST_LOG ?? "silent" }, pino.destination(2)),
    ...(limits === undefined ? {} : { limits }),
    ...(clock === undefined ? {} : { clock }),
    ...(disk === undefined ? {} : { disk }),
    ...(telemetry === undefined ? {} : { telemetry }),
    ...(sender === undefined ? {} : { sender }),
  });
}

/** Open a house that the suite's `after.each` closes. */
export async function opened(context: { house: House }, options: HouseOptions = {}): Promise<House> {
  context.house = await House.open(options);
  return context.house;
}

// biome-ignore lint/suspicious/noExplicitAny: a record is whatever JSON the log holds; tests assert on its members
export type AuditRecord = Record<string, any>;

/** @param torn a line that was cut short is passed over: a disk that failed leaves such, behind the end of the chain */
export function recordsIn(directory: string, kind?: string, torn = false): AuditRecord[] {
  const records: AuditRecord[] = [];
  for (const file of readdirSync(directory).sort()) {
    if (!file.endsWith(".jsonl")) continue;
    for (const line of readFileSync(path.join(directory, file), "utf8").split("\n")) {
      if (line === "" || (torn && !line.endsWith("}"))) continue;
      records.push(JSON.parse(line));
    }
  }
  return kind === undefined ? records : records.filter((record) => record.kind === kind);
}

export function writeDocuments(dir: string, plcPort: number, options: HouseOptions): void {
  writeFileSync(
    path.join(dir, "site.yaml"),
    `site: test
listeners:
${options.listeners ?? "  - { asset: plc, interface: lo, port: 0, tls: none, from: [127.0.0.0/8] }"}
${options.site ?? ""}
assets:
  plc:
${options.outstation === undefined ? modbusAsset(plcPort) : dnp3Asset(options.outstation)}
    points: points.csv
${options.asset ?? ""}
audit: { directory: audit${options.audit === undefined ? "" : `, ${options.audit}`} }
management: { socket: penstock.sock${options.management === undefined ? "" : `, ${options.management}`} }
`,
  );
  writeFileSync(path.join(dir, "points.csv"), options.points ?? POINTS);
  writeFileSync(path.join(dir, "policy.yaml"), options.policy ?? OPEN_POLICY);
  for (const [name, text] of Object.entries(options.files ?? {}))
    writeFileSync(path.join(dir, name), text, { mode: name.endsWith(".key") ? 0o600 : 0o644 });
}

function modbusAsset(port: number): string {
  return `    protocol: modbus-tcp\n    address: 127.0.0.1:${port}\n    units: [1]\n    addressing: zero-based`;
}

function dnp3Asset({ port, owner }: NonNullable<HouseOptions["outstation"]>): string {
  const owned = owner === null ? "" : `\n    event_owner: "${owner}"`;
  return `    protocol: dnp3-tcp\n    address: 127.0.0.1:${port}\n    link: { master: 1, outstation: 10 }${owned}`;
}

/** Wait for a condition by looking at it every few milliseconds. */
export async function until(condition: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
