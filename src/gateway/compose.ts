/**
 * Which real parts are plugged in: documents, evidence, devices, listeners, management. Everything that has a lifetime is opened here, in
 * an order that never leaves a listener answering before the gate behind it stands, and closed here.
 */
import path from "node:path";
import type { AuditLog } from "#audit/entry";
import { loadSigningKey } from "#audit/key";
import { openLog as openAudit } from "#audit/log";
import { AuditProblem } from "#audit/problem";
import type { ListenerSite, Site } from "#config/site";
import { UserProblems } from "#documents/problems";
import type { Log } from "#log";
import { metricsText } from "#management/metrics";
import type { Answer, Question } from "#management/protocol";
import { type ManagementServer, serveManagement } from "#management/server";
import type { WebServer } from "#management/web";
import { modbusTcp } from "#session/modbus";
import { connectTcp } from "#transport/tcp";
import { VERSION } from "#version";
import { Asset } from "./asset.ts";
import { type Clock, systemClock } from "./clock.ts";
import { type Documents, loadDocuments } from "./documents.ts";
import { LIMITS, type Limits } from "./limits.ts";
import { Listener } from "./listener.ts";
import { PolicyInForce } from "./policy.ts";
import { deviceFor, type ReloadResult, reload, reloadTrust } from "./reload.ts";
import { Road } from "./road.ts";
import { statusOf } from "./status.ts";
import { Trust } from "./trust.ts";
import { openWeb } from "./web.ts";

export interface GatewayOptions {
  readonly siteFile: string;
  readonly policyFile: string;
  readonly log: Log;
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
}

/** Time is looked at this often: deadlines, expiry, reconnects. A certificate's end is noticed within it (must: 1 s). */
const TICK_MS = 20;
/** Sessions are held against clocks and documents this often, milliseconds. */
const WATCH_MS = 250;
/** Interfaces are looked at for addresses that came or went, milliseconds. */
const INTERFACES_MS = 5_000;
/** A fault that comes back with every tick is told this often, milliseconds. */
const FAULT_MS = 10_000;

export class Gateway {
  readonly version = VERSION;
  readonly road: Road;
  readonly assets = new Map<string, Asset>();
  readonly listeners: Listener[] = [];
  readonly startedMs: number;
  site: Site;
  policy: PolicyInForce;
  trust: Trust | null;
  documents: Documents;
  web: readonly WebServer[] = [];
  draining = false;
  #management: ManagementServer | null = null;
  #tick: NodeJS.Timeout | null = null;
  #watchedMs = 0;
  #readsMs = 0;
  #interfacesMs = 0;
  #reloading: Promise<unknown> = Promise.resolve();
  #lookingAtCrl = false;
  #trouble = "";
  #faultMs = Number.NEGATIVE_INFINITY;

  constructor(documents: Documents, road: Road, trust: Trust | null) {
    this.documents = documents;
    this.site = documents.site;
    this.road = road;
    this.trust = trust;
    this.startedMs = road.clock.monotonic();
    this.policy = new PolicyInForce(documents.policy, documents.compiled, documents.hash, 1, road.clock.wall());
    for (const asset of documents.site.assets.values()) this.assets.set(asset.name, new Asset(asset, modbusTcp));
  }

  async open(): Promise<void> {
    const { road } = this;
    road.audit.onProgress = () => this.#evidenceMoved();
    for (const asset of this.assets.values()) {
      asset.follow(asset.site, this.policy);
      if (asset.site.upstream.mode === "shared") asset.device = deviceFor(this, asset);
    }
    for (const site of this.site.listeners) this.listeners.push(await this.#listen(site));
    this.#management = await serveManagement(this.site.management.socket, (question) => this.#answer(question));
    if (this.site.management.web !== null) this.web = await openWeb(this, this.site.management.web);
    this.#tick = setInterval(() => this.#passTime(), TICK_MS);
  }

  async #listen(site: ListenerSite): Promise<Listener> {
    const listener = new Listener(this, site, this.trust);
    listener.serve(site, this.assets.get(site.asset) as Asset);
    await listener.open();
    return listener;
  }

  status(): ReturnType<typeof statusOf> {
    return statusOf(this);
  }

  /** Read every document again; a bad one keeps what is in force and says why. One at a time: a second call waits for the first. */
  reload(): Promise<ReloadResult> {
    const next = this.#reloading.then(() => reload(this));
    this.#reloading = next;
    return next;
  }

  /** Stop taking requests, let the devices answer what they have, write the last records. */
  async close(): Promise<void> {
    if (this.draining) return;
    this.draining = true;
    const { road } = this;
    for (const listener of this.listeners) listener.close();
    for (const server of this.web) server.close();
    for (const session of road.sessions.open) session.stopListening();
    // A reload under way sees that we are stopping, and changes nothing any more.
    await this.#reloading;
    const deadline = road.clock.monotonic() + road.limits.drainMs;
    while (this.#busy() && road.clock.monotonic() < deadline) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    for (const session of [...road.sessions.open]) road.sessions.end(session, "shutdown", "");
    if (this.#tick !== null) clearInterval(this.#tick);
    for (const device of [...road.devices]) device.close();
    road.writeStrays();
    road.writeTurned();
    road.records.note("stop", { version: this.version, policy: this.policy.hash });
    await this.#management?.close();
    await road.audit.close();
  }

  #busy(): boolean {
    for (const device of this.road.devices) if (device.waiting > 0 || device.atDevice > 0) return true;
    return false;
  }

  /** A fault here must not look to the log like a failing disk. */
  #evidenceMoved(): void {
    try {
      this.#releaseDurable();
    } catch (fault) {
      this.road.log.error({ fault }, "fault while releasing what is on disk");
    }
  }

  #releaseDurable(): void {
    const { road } = this;
    const now = road.clock.monotonic();
    if (road.audit.state !== "ok") {
      for (const session of road.sessions.open) if (session.waitsForEvidence()) session.refuseWaiting("evidenceUnavailable", now);
    }
    for (const device of road.devices) if (device.waiting > 0) road.wants(device);
    road.turn(now);
  }

  #passTime(): void {
    const now = this.road.clock.monotonic();
    try {
      this.#lookAround(now);
    } catch (fault) {
      if (now - this.#faultMs < FAULT_MS) return;
      this.#faultMs = now;
      this.road.log.error({ fault }, "fault while looking after sessions and devices");
    }
  }

  #lookAround(now: number): void {
    const { road } = this;
    for (const device of road.devices) device.tick(now);
    if (now - this.#watchedMs >= WATCH_MS) {
      this.#watchedMs = now;
      road.sessions.watch(now);
      this.#tellTroubles();
      this.trust?.watch([...road.sessions.open], road.clock.wall());
      void this.#watchCrl();
    }
    if (now - this.#interfacesMs >= INTERFACES_MS) {
      this.#interfacesMs = now;
      for (const listener of this.listeners) void listener.follow();
    }
    if (now - this.#readsMs >= road.limits.readWindowMs) {
      this.#readsMs = now;
      for (const session of road.sessions.open) road.writeReads(session);
      road.writeStrays();
      road.writeTurned();
    }
    road.turn(now);
  }

  /** What the evidence has to complain of is for people too. */
  #tellTroubles(): void {
    const { audit, log } = this.road;
    const newest = audit.troubles.at(-1);
    if (newest === undefined || newest === this.#trouble) return;
    this.#trouble = newest;
    log.error({ audit: this.site.audit.directory, words: newest }, "evidence");
  }

  /** Revocation must reach live sessions within a second of the file being written, signal or no signal. */
  async #watchCrl(): Promise<void> {
    if (this.#lookingAtCrl || this.draining || this.trust === null) return;
    this.#lookingAtCrl = true;
    const { trust } = this;
    const changed = await trust.crlChanged();
    this.#lookingAtCrl = false;
    if (changed && this.trust === trust && !this.draining) reloadTrust(this);
  }

  async #answer(question: Question): Promise<Answer> {
    switch (question.ask) {
      case "status":
        return { ok: true, status: this.status() };
      case "metrics":
        return { ok: true, metrics: await metricsText(this.status()) };
      case "reload": {
        this.road.records.note("management", { asked: "reload", by: "local-root" });
        return { ok: true, reload: await this.reload() };
      }
    }
  }
}

/**
 * Load, compile, open. Nothing listens unless everything before it succeeded.
 *
 * @throws UserProblems when a document is wrong; its lines are for the person at the terminal
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const clock = options.clock ?? systemClock;
  const documents = await loadDocuments(options.siteFile, options.policyFile);
  const limits = limitsOf(documents.site, options.limits);
  const trust = documents.site.tls === null ? null : Trust.load(documents.site.tls, clock.wall());
  const audit = await openEvidence(documents.site, clock);
  const road = new Road(limits, clock, options.log, audit, connectTcp, documents.site.audit);
  const gateway = new Gateway(documents, road, trust);
  for (const file of documents.files) audit.keep(file.octets);
  road.records.note("start", { version: VERSION, site: documents.site.name, policy: documents.hash, hardware: "none" });
  try {
    await gateway.open();
  } catch (error) {
    await gateway.close();
    throw error;
  }
  return gateway;
}

function limitsOf(site: Site, stated: Partial<Limits> | undefined): Limits {
  const { idleMs } = site.limits;
  return { ...LIMITS, ...(idleMs === null ? {} : { idleMs }), ...stated };
}

async function openEvidence(site: Site, clock: Clock): Promise<AuditLog> {
  try {
    const key = loadSigningKey(path.resolve(site.audit.key));
    return await openAudit({ directory: site.audit.directory, key, retainMs: site.audit.retainMs, maxOctets: site.audit.maxOctets, clock });
  } catch (error) {
    if (error instanceof AuditProblem) throw new UserProblems([error.message]);
    throw error;
  }
}
