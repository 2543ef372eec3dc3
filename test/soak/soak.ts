/**
 * The whole soak: a gateway in its own process, operators in another, devices in a third; what is done to them all; and the account at the end.
 * Used by `make soak` for an hour and by a test for some seconds.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "#test/fuzz/random";
import { penstock } from "#test/support/daemon";
import { settle } from "./accounting.ts";
import { Child } from "./child.ts";
import { Credentials } from "./credentials.ts";
import { crowd } from "./crowd.ts";
import type { AssetName } from "./documents.ts";
import { writeSite } from "./documents.ts";
import { Events } from "./events.ts";
import { Gateway } from "./gateway.ts";
import { happened, neverHappened } from "./happened.ts";
import { Lateness } from "./lateness.ts";
import {
  type ClientCounts,
  type DeviceCounts,
  type FromClients,
  type FromDevices,
  NO_COUNTS,
  type ToClients,
  type ToDevices,
} from "./messages.ts";
import type { Plan } from "./plan.ts";
import type { Result } from "./result.ts";

export interface SoakOptions {
  /** The gateway's program: this checkout's sources unless stated. */
  readonly program?: string;
  /** Called every ten seconds. */
  readonly progress?: (words: string) => void;
  /** Keep the folder with documents, log and ledgers. */
  readonly keep?: boolean;
}

const PROGRESS_MS = 10_000;
/** The last answers, the last records. */
const ENDING_MS = 300_000;
const MOST_WRONG = 50;

export async function soak(plan: Plan, options: SoakOptions = {}): Promise<Result> {
  const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-soak-"));
  const stage = new Stage(dir, plan, options);
  try {
    return await stage.run();
  } finally {
    await stage.clear();
    if (options.keep !== true) rmSync(dir, { recursive: true, force: true });
  }
}

class Stage {
  readonly #dir: string;
  readonly #plan: Plan;
  readonly #options: SoakOptions;
  readonly #gateway: Gateway;
  readonly #devices: Child<ToDevices, FromDevices>;
  readonly #clients: Child<ToClients, FromClients>;
  readonly #wrong: string[] = [];
  readonly #said: string[] = [];
  #clientCounts: ClientCounts = NO_COUNTS;
  #deviceCounts: DeviceCounts | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #lateness = new Lateness();
  #most = 0;
  #over = false;
  #portsOf: (ports: Readonly<Record<AssetName, number>>) => void = () => {};
  readonly #began = performance.now();

  constructor(dir: string, plan: Plan, options: SoakOptions) {
    this.#dir = dir;
    this.#plan = plan;
    this.#options = options;
    this.#gateway = new Gateway(dir, options.program);
    this.#devices = new Child("devices.ts", (message) => this.#heardDevices(message));
    this.#clients = new Child("clients.ts", (message) => this.#heardClients(message));
  }

  async run(): Promise<Result> {
    const plan = this.#plan;
    mkdirSync(this.#file("audit"), { mode: 0o700 });
    const ports = new Promise<Readonly<Record<AssetName, number>>>((resolve) => {
      this.#portsOf = resolve;
    });
    this.#devices.tell({ is: "plan", plan, file: this.#file("arrivals"), audit: this.#file("audit") });
    writeSite(this.#dir, await ports);
    const credentials = await Credentials.create(this.#dir, plan.certificateMs);
    const events = new Events({
      plan,
      gateway: this.#gateway,
      credentials,
      random: new Random(plan.seed, "events"),
      tellClients: (message) => this.#clients.tell(message),
      undisturbed: (work) => this.#undisturbed(work),
      wrong: (words) => this.#complain(words),
    });
    await events.begin();
    this.#clients.tell({ is: "plan", plan, sessions: crowd(plan.sessions), file: this.#file("sent") });
    this.#clients.tell({ is: "ports", ports: await this.#gateway.start() });
    const telling = setInterval(() => this.#options.progress?.(this.#progress(events)), PROGRESS_MS);
    const started = performance.now();
    await Promise.all([events.run(plan.seconds * 1000, plan.patienceMs, () => this.#enough(events)), this.#killing(started)]);
    clearInterval(telling);
    return this.#end(events);
  }

  async clear(): Promise<void> {
    this.#over = true;
    this.#clients.kill();
    this.#devices.kill();
    await this.#gateway.clear();
  }

  async #end(events: Events): Promise<Result> {
    const status = await this.#gateway.status();
    const last = this.#gateway.generation;
    this.#devices.tell({ is: "calm" });
    this.#clients.tell({ is: "stop" });
    await this.#within(this.#clients.ended, "the operators end");
    const { code, said } = await this.#gateway.stop();
    const endedMs = Date.now();
    this.#devices.tell({ is: "stop" });
    await this.#within(this.#devices.ended, "the devices end");
    this.#over = true;
    if (code !== 0) this.#complain(`the gateway ended with ${code}`);
    if (said !== "") this.#said.push(said);
    const verified = await penstock(["audit", "verify", "audit", "--key", "audit.key.pub", "--json"], { cwd: this.#dir, timeout: 600_000 });
    return settle({
      plan: this.#plan,
      dir: this.#dir,
      generations: this.#gateway.generations,
      last,
      endedMs,
      events,
      status,
      verified,
      wrong: this.#wrong,
      said: this.#said.join(""),
      clients: this.#clientCounts,
      devices: this.#deviceCounts,
      mostSessions: this.#most,
      latenessMs: this.#lateness.mostMs,
    });
  }

  /** kill -9 at moments nobody chose, and at once a new start; at first every few seconds, then seldom, then not at all. */
  async #killing(started: number): Promise<void> {
    const random = new Random(this.#plan.seed, "kills");
    for (const atMs of killTimes(this.#plan, random)) {
      await sleep(Math.max(0, atMs - (performance.now() - started)));
      if (this.#over) return;
      await this.#undisturbed(async () => {
        const { daemon } = this.#gateway;
        await this.#gateway.kill();
        if (daemon !== null && daemon.stderr !== "") this.#said.push(daemon.stderr);
        this.#clients.tell({ is: "ports", ports: null });
        this.#clients.tell({ is: "ports", ports: await this.#gateway.start() });
      });
    }
  }

  /** Has all of it happened that the account will ask for? */
  #enough({ counts }: Events): boolean {
    const all = happened(counts, this.#gateway.generations.length - 1, this.#clientCounts, this.#deviceCounts);
    return neverHappened(all).length === 0 && this.#clientCounts.answered >= this.#plan.least && this.#most === this.#plan.sessions;
  }

  #undisturbed<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #within(ended: Promise<number | null>, what: string): Promise<void> {
    const limit = new AbortController();
    const code = await Promise.race([ended, sleep(ENDING_MS, "late" as const, { signal: limit.signal })]);
    limit.abort();
    if (code !== 0) throw new Error(code === "late" ? `not within ${ENDING_MS / 1000} s: ${what}` : `${what}, with ${code}`);
  }

  #heardClients(message: FromClients): void {
    if (message.is === "wrong") this.#complain(message.words);
    else this.#clientCounts = message.counts;
    if (performance.now() - this.#began > 500 * this.#plan.seconds) this.#most = Math.max(this.#most, this.#clientCounts.connected);
  }

  #heardDevices(message: FromDevices): void {
    if (message.is === "wrong") this.#complain(message.words);
    else if (message.is === "ports") this.#portsOf(message.ports);
    else this.#deviceCounts = message.counts;
  }

  #complain(words: string): void {
    if (this.#wrong.length < MOST_WRONG) this.#wrong.push(words);
  }

  #progress(events: Events): string {
    const { connected, asked, answered, denied } = this.#clientCounts;
    const { generations } = this.#gateway;
    const last = generations.at(-1);
    const seconds = Math.round((performance.now() - this.#began) / 1000);
    const counts = Object.entries(events.counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(", ");
    return (
      `${seconds} s: ${asked} asked, ${answered} answered (${Math.round(answered / seconds)}/s), ${denied} denied, ${connected} sessions, ` +
      `${this.#deviceCounts?.writes ?? 0} writes at devices, ${generations.length - 1} kills, ` +
      `${(last?.memory.at(-1)?.value ?? 0).toFixed(1)} MB, ${last?.descriptors.at(-1)?.value ?? 0} fds; ${counts}` +
      (this.#wrong.length > 0 ? `; WRONG: ${this.#wrong.length}: ${this.#wrong[0]}` : "")
    );
  }

  #file(name: string): string {
    return path.join(this.#dir, name);
  }
}

/** Milliseconds from the start, in order. */
export function killTimes(plan: Plan, random: Random): number[] {
  const calm = Math.min(5_000, plan.stormMs / 2);
  const step = (plan.stormMs - calm) / plan.stormKills;
  const times = Array.from({ length: plan.stormKills }, (_, i) => calm + step * (i + random.below(1000) / 1000));
  for (let at = plan.stormMs; ; ) {
    at += plan.killMs * (0.5 + random.below(1000) / 1000);
    if (at >= plan.quietFromMs) return times;
    times.push(at);
  }
}
