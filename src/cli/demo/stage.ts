/** What the demo plays on: a folder with a real site, a CA, the gateway as a process of its own, and the simulated PLC. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { Pki } from "#identity/pki";
import { askDaemon } from "#management/client";
import type { Status, VerifiedPoint } from "#management/protocol";
import type { Outstation } from "#test/peers/dnp3/outstation";
import { casesText, pointsText, policyText, siteText, TRUST_DOMAIN } from "../initTexts.ts";
import { Boiler } from "./boiler.ts";
import { Desk, feederCases, feederPoints, startFeeder, withFeeder, withFeederRules } from "./feeder.ts";
import { Historian } from "./historian.ts";
import { Hmi, type HmiOptions } from "./hmi.ts";

const READY_MS = 20_000;
/** What the log may take, as the site says it: 1MB. Small, so that it is soon full. */
const LOG_OCTETS = 1_000_000;

export class Stage {
  readonly dir: string;
  readonly boiler: Boiler;
  readonly feeder: Outstation;
  readonly pki: Pki;
  readonly historian: Historian;
  #daemon: ChildProcess;
  #ended: Promise<void>;
  readonly #hmis: (Hmi | Desk)[] = [];
  readonly #keep: boolean;

  constructor(dir: string, boiler: Boiler, feeder: Outstation, pki: Pki, historian: Historian, daemon: ChildProcess, keep: boolean) {
    this.dir = dir;
    this.boiler = boiler;
    this.feeder = feeder;
    this.pki = pki;
    this.historian = historian;
    this.#daemon = daemon;
    this.#ended = new Promise((resolve) => daemon.once("close", () => resolve()));
    this.#keep = keep;
  }

  /** @param keep a new directory to leave everything in; else a temporary one, removed at the end */
  static async set(keep: string | undefined): Promise<Stage> {
    const dir = keep === undefined ? mkdtempSync(path.join(os.tmpdir(), "penstock-demo-")) : path.resolve(keep);
    mkdirSync(path.join(dir, "points"), { recursive: true });
    const plcPort = await freePort();
    const boiler = await Boiler.start(plcPort);
    const feederPort = await freePort();
    const feeder = await startFeeder(feederPort);
    // A plain CA key: nowhere but here, where everything is thrown away (RULINGS 26).
    const pki = await Pki.create(path.join(dir, "pki"), { name: "demo CA", trustDomain: TRUST_DOMAIN, passphrase: null, plainKey: true });
    await pki.issue({ kind: "gateway", name: "gateway", dns: ["localhost"], ips: ["127.0.0.1"] });
    const historian = await Historian.open(dir);
    const texts = {
      "site.yaml": withLine(
        historian,
        withFeeder(siteText("boiler-house", `127.0.0.1:${plcPort}`), `127.0.0.1:${feederPort}`)
          .replaceAll("plc-1", "boiler-1")
          .replace("port: 8021", "port: 0")
          .replace("retain: 90d,", `retain: 90d, max_size: 1MB,`),
      ),
      "policy.yaml": withFeederRules(policyText("boiler-house")).replaceAll("plc-1", "boiler-1"),
      "policy.cases.yaml": casesText.replaceAll("{ as:", "{ on: boiler-1, as:"),
      "feeder.cases.yaml": feederCases,
      "points/boiler-1.csv": pointsText,
      "points/feeder-7.csv": feederPoints,
    };
    for (const [name, text] of Object.entries(texts)) writeFileSync(path.join(dir, name), text);
    const stage = new Stage(dir, boiler, feeder, pki, historian, startDaemon(dir), keep !== undefined);
    try {
      await stage.#ready();
    } catch (error) {
      await stage.clear();
      throw error;
    }
    return stage;
  }

  /** What the log may take is taken, whether by it or by somebody else; the gateway is started on that. */
  async fillLog(): Promise<void> {
    await this.stopGateway();
    writeFileSync(this.#ballast, Buffer.alloc(LOG_OCTETS));
    await this.#startAgain();
  }

  async freeLog(): Promise<void> {
    await this.stopGateway();
    rmSync(this.#ballast);
    await this.#startAgain();
  }

  get #ballast(): string {
    return path.join(this.auditDirectory, "documents", "ballast");
  }

  async #startAgain(): Promise<void> {
    this.#daemon = startDaemon(this.dir);
    this.#ended = new Promise((resolve) => this.#daemon.once("close", () => resolve()));
    await this.#ready();
  }

  async #ready(): Promise<void> {
    let said = "";
    this.#daemon.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4096);
    });
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`the gateway is not ready after ${READY_MS / 1000} s: ${said}`)), READY_MS);
      this.#daemon.stdout?.setEncoding("utf8").on("data", (text: string) => {
        if (!text.includes("ready")) return;
        clearTimeout(late);
        resolve();
      });
      this.#daemon.once("close", (code) => {
        clearTimeout(late);
        reject(new Error(`the gateway ended with ${code}: ${said}`));
      });
    });
  }

  async status(): Promise<Status> {
    const answer = await askDaemon(path.join(this.dir, "penstock.sock"), { ask: "status" });
    if (answer.status === undefined) throw new Error(answer.error ?? "the gateway does not say how it is");
    return answer.status;
  }

  /** What stands at the points now, as `penstock points verify` asks for it. */
  async points(): Promise<readonly VerifiedPoint[]> {
    const answer = await askDaemon(path.join(this.dir, "penstock.sock"), {
      ask: "pointsVerify",
      asset: "boiler-1",
      points: null,
      from: 0,
      uid: process.getuid?.() ?? 0,
    });
    if (answer.verification === undefined) throw new Error(answer.error ?? "the gateway does not say what stands there");
    return answer.verification.points;
  }

  /** A person with a certificate of their own, at a screen of their own. */
  async person(name: string, role: string, lifetimeMs?: number): Promise<Hmi> {
    await this.pki.issue({ kind: "operator", name, role, ...(lifetimeMs === undefined ? {} : { lifetimeMs }) });
    return this.again(name);
  }

  /** The same person comes back. */
  async again(name: string): Promise<Hmi> {
    const hmi = await Hmi.open(await this.#papersOf(name, "boiler-1"));
    this.#hmis.push(hmi);
    return hmi;
  }

  /** Somebody before the feeder. @param role of a certificate yet to be issued */
  async desk(name: string, role: string | null = null): Promise<Desk> {
    if (role !== null) await this.pki.issue({ kind: "operator", name, role });
    const desk = await Desk.open(await this.#papersOf(name, "feeder-7"));
    this.#hmis.push(desk);
    return desk;
  }

  async #papersOf(name: string, asset: string): Promise<HmiOptions> {
    const { listeners } = await this.status();
    const file = (suffix: string): string => path.join(this.dir, "pki", suffix);
    const gatewayPort = listeners.find((listener) => listener.asset === asset)?.port ?? 0;
    return { name, gatewayPort, certificate: file(`${name}.pem`), key: file(`${name}.key`), ca: file("ca.pem") };
  }

  get auditDirectory(): string {
    return path.join(this.dir, "audit");
  }

  get auditKeyFile(): string {
    return path.join(this.dir, "audit.key.pub");
  }

  /** SIGTERM, as an init system would; the log is closed with a signed checkpoint. */
  async stopGateway(): Promise<void> {
    for (const hmi of this.#hmis.splice(0)) await hmi.close();
    this.#daemon.kill("SIGTERM");
    await this.#ended;
  }

  async clear(): Promise<void> {
    for (const hmi of this.#hmis.splice(0)) await hmi.close();
    this.#daemon.kill("SIGKILL");
    await this.#ended;
    await this.boiler.stop();
    await this.feeder.close();
    await this.historian.close();
    if (!this.#keep) rmSync(this.dir, { recursive: true, force: true });
  }
}

/** The gate reads the boiler by itself, twice a second, and what it sees leaves by the line. */
function withLine({ site }: Historian, text: string): string {
  const poll = "    poll: [{ every: 500ms, points: [drum_pressure, feed_setpoint] }]\n";
  return `${text.replace("    points: points/boiler-1.csv\n", (line) => `${line}${poll}`)}${site}`;
}

function startDaemon(dir: string): ChildProcess {
  return spawn(process.execPath, ["--disable-warning=ExperimentalWarning", process.argv[1] as string, "run", "--json"], {
    cwd: dir,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
