/** What is done to a running gateway in a soak: reloads, renewals, revocations, sessions cut, assets blocked. One thing at a time. */
import { setTimeout as sleep } from "node:timers/promises";
import { askDaemon } from "#management/client";
import type { Answer, Question, Status } from "#management/protocol";
import type { Random } from "#test/fuzz/random";
import type { Daemon } from "#test/support/daemon";
import type { Credentials } from "./credentials.ts";
import { GUEST, HOLDERS } from "./crowd.ts";
import { ASSETS, right, WRONG } from "./documents.ts";
import type { Gateway } from "./gateway.ts";
import type { Blocked } from "./ledger.ts";
import type { ToClients } from "./messages.ts";
import type { Plan } from "./plan.ts";

const POLL_MS = 50;
/** A reload, an answer, a start in between: nothing of it takes longer. */
const PATIENCE_MS = 60_000;
const AWAY_MS = 1_000;
const UNTOLD = Number.MAX_SAFE_INTEGER;

export interface Scene {
  readonly plan: Plan;
  readonly gateway: Gateway;
  readonly credentials: Credentials;
  readonly random: Random;
  tellClients(message: ToClients): void;
  /** Nobody kills the gateway meanwhile: it could not start on what stands in the folder just now. */
  undisturbed<T>(work: () => Promise<T>): Promise<T>;
  wrong(words: string): void;
}

export class Events {
  readonly counts: Record<string, number> = {};
  readonly blocked: Blocked[] = [];
  readonly #scene: Scene;
  readonly #acts: { name: string; everyMs: number; dueMs: number; act: () => Promise<void> }[];
  readonly #serials = new Map<string, string[]>();
  #version = 1;
  #holder = 0;
  #wrong = 0;

  constructor(scene: Scene) {
    this.#scene = scene;
    const { plan, random } = scene;
    const act = (name: string, everyMs: number, run: () => Promise<void>) => ({
      name,
      everyMs,
      dueMs: everyMs * (0.5 + random.below(100) / 200),
      act: run,
    });
    this.#acts = [
      act("reload", plan.reloadMs, () => this.#reload()),
      act("reload refused", 3 * plan.reloadMs, () => this.#refused()),
      act("renewal", plan.certificateMs / 2 / HOLDERS.length, () => this.#renewNext()),
      act("gateway renewal", plan.gatewayCertificateMs, () => this.#renewGateway()),
      act("revocation", plan.revokeMs, () => this.#revoke()),
      act("session ended", plan.endSessionMs, () => this.#endSession()),
      act("block", plan.blockMs, () => this.#block()),
    ];
  }

  /** Everybody's first papers. */
  async begin(): Promise<void> {
    right(this.#scene.gateway.dir, this.#version);
    this.#scene.tellClients({ is: "gateway", serial: this.#scene.credentials.gatewaySerial, sinceMs: 0 });
    for (const holder of HOLDERS) await this.#issue(holder.name);
  }

  /** So long, and where it was not enough so much longer until it is. */
  async run(forMs: number, patienceMs: number, enough: () => boolean): Promise<void> {
    const began = performance.now();
    for (let now = 0; now < forMs || (now < forMs + patienceMs && !enough()); now = performance.now() - began) {
      const next = this.#acts.reduce((a, b) => (a.dueMs <= b.dueMs ? a : b));
      if (next.dueMs > now) {
        await sleep(Math.min(POLL_MS, next.dueMs - now));
        continue;
      }
      const lives = this.#scene.gateway.generations.length;
      try {
        await next.act();
        this.#count(next.name);
      } catch (error) {
        // A gateway that was killed meanwhile answers nothing.
        const { generations, daemon } = this.#scene.gateway;
        if (lives === generations.length && daemon !== null) this.#scene.wrong(`${next.name}: ${(error as Error).message}`);
      }
      next.dueMs = performance.now() - began + next.everyMs * (0.75 + this.#scene.random.below(100) / 200);
    }
  }

  #count(name: string): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }

  async #reload(): Promise<void> {
    const { gateway, random } = this.#scene;
    // A gateway that is just starting refuses documents that change under its eyes.
    await this.#scene.undisturbed(async () => {
      this.#version += 1;
      right(gateway.dir, this.#version);
    });
    if (random.below(2) === 0) return this.#inForce();
    const { problems = [] } = (await this.#ask({ ask: "reload" })).reload ?? {};
    if (problems.length > 0) this.#scene.wrong(`a good policy was refused: ${problems[0]}`);
    await this.#inForce(gateway.daemon);
  }

  /** By SIGHUP, but for the process that was told already; one that was starting when the documents changed is told too. */
  async #inForce(told: Daemon | null = null): Promise<void> {
    const { gateway } = this.#scene;
    const version = this.#version;
    let last = told;
    await until(async () => {
      if (gateway.daemon !== last) gateway.daemon?.signal("SIGHUP");
      last = gateway.daemon;
      return (await this.#status()).policy.version === version;
    }, `policy ${version} in force`);
  }

  /** Each of the wrong documents in its turn. */
  #refused(): Promise<void> {
    const { gateway } = this.#scene;
    const wrong = WRONG[this.#wrong++ % WRONG.length] as (typeof WRONG)[number];
    return this.#scene.undisturbed(async () => {
      const before = (await this.#status()).policy.hash;
      wrong.write(gateway.dir, this.#version);
      try {
        const { reload } = await this.#ask({ ask: "reload" });
        if (reload === undefined || reload.problems.length === 0) this.#scene.wrong(`a reload was not refused though ${wrong.name}`);
        if ((await this.#status()).policy.hash !== before) this.#scene.wrong(`a refused reload changed the policy (${wrong.name})`);
      } finally {
        right(gateway.dir, this.#version);
      }
    });
  }

  #renewNext(): Promise<void> {
    return this.#renew((HOLDERS[this.#holder++ % HOLDERS.length] as (typeof HOLDERS)[number]).name);
  }

  async #renew(name: string): Promise<void> {
    const papers = await this.#scene.credentials.renew(name);
    this.#serials.get(name)?.push(papers.serial);
    this.#scene.tellClients({ is: "papers", papers });
  }

  async #issue(name: string): Promise<void> {
    const holder = HOLDERS.find((each) => each.name === name) as (typeof HOLDERS)[number];
    const papers = await this.#scene.credentials.issue(holder);
    this.#serials.set(name, [papers.serial]);
    this.#scene.tellClients({ is: "papers", papers });
  }

  #renewGateway(): Promise<void> {
    const { credentials, gateway, tellClients } = this.#scene;
    return this.#scene.undisturbed(async () => {
      await credentials.renewGateway();
      const serial = credentials.gatewaySerial;
      tellClients({ is: "gateway", serial, sinceMs: UNTOLD });
      this.#version += 1;
      right(gateway.dir, this.#version);
      await this.#inForce();
      tellClients({ is: "gateway", serial, sinceMs: Date.now() });
    });
  }

  async #revoke(): Promise<void> {
    // On a slow machine the last one may have ended by now.
    await this.#renew(GUEST);
    await this.#scene.credentials.revoke(GUEST);
    const sinceMs = Date.now();
    for (const serial of this.#serials.get(GUEST) ?? []) this.#scene.tellClients({ is: "revoked", serial, sinceMs });
    await sleep(AWAY_MS);
    await this.#issue(GUEST);
  }

  async #endSession(): Promise<void> {
    const { random } = this.#scene;
    let sessions: Status["sessions"] = [];
    // Just after a start nobody is back yet.
    await until(async () => {
      sessions = (await this.#status()).sessions;
      return sessions.length > 0;
    }, "somebody is connected");
    const { id } = random.of(sessions);
    const answer = await this.#ask({ ask: "endSession", session: id, uid: process.getuid?.() ?? 0 });
    // It may have gone by itself.
    if (!answer.ok && !/no session/i.test(answer.error ?? "")) throw new Error(`session ${id} was not ended: ${answer.error}`);
    if ((await this.#status()).sessions.some((session) => session.id === id))
      this.#scene.wrong(`session ${id} is there after it was ended`);
  }

  /** A kill may come meanwhile: it stays blocked. */
  async #block(): Promise<void> {
    const { random, plan } = this.#scene;
    const asset = random.of(ASSETS);
    const uid = process.getuid?.() ?? 0;
    const said = await this.#ask({ ask: "block", asset, reads: false, uid });
    if (!said.ok) throw new Error(said.error ?? "not blocked");
    const fromMs = Date.now();
    await sleep(plan.blockedForMs);
    await until(
      async () => (await this.#status()).assets.some(({ name, blocked }) => name === asset && blocked === "changes"),
      `${asset} is blocked`,
    );
    this.blocked.push({ asset, fromMs, toMs: Date.now() });
    // Its answer may get lost in a kill.
    const opened = ({ ok, error = "" }: Answer): boolean => ok || error.endsWith("is not blocked");
    await until(async () => opened(await this.#ask({ ask: "unblock", asset, uid })), `${asset} is open again`);
  }

  /** Asked again where the machine was too busy for an answer: nothing of it does harm twice. */
  async #ask(question: Question): Promise<Answer> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const answer = await askDaemon(`${this.#scene.gateway.dir}/penstock.sock`, question);
      if (answer.ok || !answer.error?.startsWith("no answer on") || performance.now() > deadline) return answer;
    }
  }

  async #status(): Promise<Status> {
    const { status, error = "no status" } = await this.#ask({ ask: "status" });
    if (status === undefined) throw new Error(error);
    return status;
  }
}

/** What is true in the end though the gateway may be killed and started meanwhile. @throws when it is not in time */
async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await condition().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what}`);
    await sleep(POLL_MS);
  }
}
