/** A real daemon in a process of its own before a PLC stand-in, for tests that look at a process: its memory, its signals, its end. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { type Report, verify } from "#audit/verify";
import type { Status } from "#management/protocol";
import { Daemon } from "#test/support/daemon";
import { type AuditRecord, type HouseOptions, recordsIn, sleep, writeDocuments } from "#test/support/house";
import { Operator, type OperatorTls } from "#test/support/operator";
import { Plc } from "#test/support/plc";

export class Stage {
  readonly dir: string;
  readonly plc: Plc;
  daemon: Daemon;
  readonly #ports: number[];
  readonly #operators: Operator[] = [];

  constructor(dir: string, plc: Plc, daemon: Daemon, ports: number[]) {
    this.dir = dir;
    this.plc = plc;
    this.daemon = daemon;
    this.#ports = ports;
  }

  /** @param prepare called with the folder before the daemon starts */
  static async open(options: HouseOptions = {}, prepare: (dir: string) => void = () => {}): Promise<Stage> {
    const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-stage-"));
    const plc = new Plc();
    await plc.listen();
    try {
      writeDocuments(dir, plc.port, options);
      mkdirSync(path.join(dir, "audit"), { mode: 0o700 });
      prepare(dir);
      const daemon = await Daemon.start(dir);
      const { listeners } = await daemon.status();
      return new Stage(
        dir,
        plc,
        daemon,
        listeners.map(({ port }) => port),
      );
    } catch (error) {
      await plc.close();
      throw error;
    }
  }

  port(listener = 0): number {
    return this.#ports[listener] ?? 0;
  }

  status(): Promise<Status> {
    return this.daemon.status();
  }

  /** @param from the operator's own address on loopback: another identity to a plain listener */
  async plain(from = "127.0.0.1", listener = 0): Promise<Operator> {
    const operator = await Operator.plain(this.port(listener), "127.0.0.1", from);
    this.#operators.push(operator);
    return operator;
  }

  async mutual(credentials: OperatorTls, listener = 0): Promise<Operator> {
    const operator = await Operator.mutual(this.port(listener), credentials);
    this.#operators.push(operator);
    return operator;
  }

  /** Does anybody listen there? */
  async listens(listener = 0): Promise<boolean> {
    const probe = net.connect(this.port(listener), "127.0.0.1");
    const open = await new Promise<boolean>((resolve) => probe.once("connect", () => resolve(true)).once("error", () => resolve(false)));
    probe.destroy();
    return open;
  }

  records(kind?: string): AuditRecord[] {
    return recordsIn(path.join(this.dir, "audit"), kind);
  }

  /** Once nothing more is on its way to the disk. */
  async settled(kind?: string): Promise<AuditRecord[]> {
    let before = -1;
    for (let now = this.records().length; now !== before; now = this.records().length) {
      before = now;
      await sleep(500);
    }
    return this.records(kind);
  }

  verify(): Promise<Report> {
    return verify(path.join(this.dir, "audit"), readFileSync(path.join(this.dir, "audit.key.pub"), "utf8"));
  }

  /** Start again after an end, on the same folder. */
  async again(): Promise<void> {
    this.daemon = await Daemon.start(this.dir);
    this.#ports.splice(0, this.#ports.length, ...(await this.status()).listeners.map(({ port }) => port));
  }

  /** However the test went: nothing stays behind. */
  async clear(): Promise<void> {
    for (const operator of this.#operators) operator.close();
    await this.daemon.stop("SIGKILL");
    await this.plc.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** The end of a good test: it drains, exits 0, and its log verifies. @throws Error in words when not */
  async endsWell(): Promise<void> {
    for (const operator of this.#operators) operator.close();
    const { code, signal } = await this.daemon.stop();
    if (code !== 0) throw new Error(`ended with ${code ?? signal}: ${this.daemon.stderr}`);
    const report = await this.verify();
    if (!report.ok) throw new Error(JSON.stringify(report.findings));
  }
}
