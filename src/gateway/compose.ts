/**
 * Which real parts are plugged in: documents, evidence, devices, listeners, management. Everything that has a lifetime is opened here, in
 * an order that never leaves a listener answering before the gate behind it stands, and closed here.
 */
import path from "node:path";
import type { AuditLog } from "#audit/entry";
import { Journal, type OpenSlots } from "#audit/journal";
import { loadSigningKey } from "#audit/key";
import { openLog as openAudit } from "#audit/log";
import { AuditProblem } from "#audit/problem";
import type { ListenerSite, Site } from "#config/site";
import type { Files } from "#disk/files";
import { UserProblems } from "#documents/problems";
import type { Log } from "#log";
import type { SenderStatus } from "#management/protocol";
import { type ManagementServer, serveManagement } from "#management/server";
import type { WebServer } from "#management/web";
import { protocolOf } from "#session/protocols";
import type { Offer } from "#telemetry/offer";
import { VERSION } from "#version";
import { Asset } from "./asset.ts";
import { Blocks } from "./blocks.ts";
import { type Clock, GateClock, systemClock } from "./clock.ts";
import { Commands } from "./commands.ts";
import { deviceContext, dial } from "./dial.ts";
import { type Documents, loadDocuments } from "./documents.ts";
import { healthOf } from "./health.ts";
import { LIMITS, type Limits } from "./limits.ts";
import { Listener } from "./listener.ts";
import { Managers } from "./managers.ts";
import { Memory } from "./memory.ts";
import { PolicyInForce } from "./policy.ts";
import { Polls } from "./polls.ts";
import { rebuildWindows } from "./rebuild.ts";
import { deviceFor, eventsOf, noteDocuments, type ReloadResult, reload, reloadTrust } from "./reload.ts";
import { Road } from "./road.ts";
import { statusOf } from "./status.ts";
import { Telemetry } from "./telemetry.ts";
import { Trust } from "./trust.ts";
import { Upkeep } from "./upkeep.ts";
import { openWeb } from "./web.ts";

export interface GatewayOptions {
  readonly siteFile: string;
  readonly policyFile: string;
  readonly log: Log;
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  /** What the evidence is written with; tests hand in a disk that fails. */
  readonly disk?: Disk;
  /** Whom process data, decisions and health of this site are offered to; nobody unless stated. */
  readonly telemetry?: Offer | ((site: Site) => Offer | null);
  /** How whoever sends it on is; null: there is nobody. For people and metrics: nothing is decided by it. */
  readonly sender?: () => SenderStatus | null;
}

export interface Disk {
  readonly files?: Files;
  readonly slots?: OpenSlots;
}

/** Time is looked at this often: deadlines, expiry, reconnects. A certificate's end is noticed within it (must: 1 s). */
const TICK_MS = 20;
/** A look that comes this much after the one before was kept waiting by work of our own, milliseconds. */
const LATE_MS = 100;
/** Sessions are held against clocks and documents this often, milliseconds. */
const WATCH_MS = 250;
/** Interfaces are looked at for addresses that came or went, milliseconds. */
const INTERFACES_MS = 5_000;
/** A fault that comes back with every tick is told this often, milliseconds. */
const FAULT_MS = 10_000;

export class Gateway {
  readonly version = VERSION;
  readonly road: Road;
  readonly assets: Map<string, Asset>;
  readonly listeners: Listener[] = [];
  readonly startedMs: number;
  site: Site;
  policy: PolicyInForce;
  trust: Trust | null;
  documents: Documents;
  web: readonly WebServer[] = [];
  draining = false;
  readonly memory: Memory;
  readonly blocks: Blocks;
  readonly commands = new Commands(this);
  readonly managers = new Managers(this);
  readonly polls = new Polls(this);
  /** Why the last reload came to nothing; null: it did not. For status. */
  refusedReload: { readonly wallMs: number; readonly problems: readonly string[] } | null = null;
  readonly #upkeep: Upkeep;
  #management: ManagementServer | null = null;
  #tick: NodeJS.Timeout | null = null;
  #watchedMs = 0;
  #tickMs = 0;
  #late = false;
  #readsMs = 0;
  #interfacesMs = 0;
  #reloading: Promise<unknown> = Promise.resolve();
  #lookingAtCrl = false;
  #trouble = "";
  #faultMs = Number.NEGATIVE_INFINITY;

  constructor(documents: Documents, road: Road, trust: Trust | null, memory: Memory, blocks: Blocks) {
    this.blocks = blocks;
    this.documents = documents;
    this.memory = memory;
    this.#upkeep = new Upkeep(road, memory);
    this.site = documents.site;
    this.road = road;
    this.assets = road.assets;
    this.trust = trust;
    if (trust !== null) trust.rolledBack = memory.rolledBack(trust.store.lists);
    this.startedMs = road.clock.monotonic();
    this.policy = new PolicyInForce(documents.policy, documents.compiled, documents.hash, 1, road.clock.wall());
    for (const asset of documents.site.assets.values()) this.assets.set(asset.name, new Asset(asset, protocolOf(asset.protocol)));
  }

  /** Count on where the last run stopped. */
  async recall(): Promise<void> {
    for (const asset of this.assets.values()) asset.follow(asset.site, this.policy);
    const now = this.road.clock.steady();
    // Nobody who was here within the day becomes a stranger by our restart.
    for (const { address, seenMs } of this.memory.clients) if (address !== null) this.road.knows(address, Math.max(0, now - seenMs));
    await rebuildWindows(this.road, this.assets, this.policy, this.site.audit.directory);
  }

  async open(): Promise<void> {
    const { road } = this;
    if (this.policy.hasStops) await road.stops.journal.prepare();
    road.audit.onProgress = () => this.#evidenceMoved();
    road.clock.onChange = () => this.#clockChanged();
    if (road.clock.suspicion !== null) this.#clockChanged();
    else if (this.memory.clockMs !== null) road.records.note("clock", { event: "believed", words: "it is past every time it has shown" });
    for (const asset of this.assets.values()) {
      asset.follow(asset.site, this.policy);
      asset.block = this.blocks.of(asset.name);
      asset.unsolicited.keepIn(eventsOf(this.site), road.limits.storedEvents);
      if (asset.site.upstream.mode === "shared") asset.device = deviceFor(this, asset);
    }
    road.telemetry?.follow(this.site, this.assets);
    if (this.trust !== null) await road.handshakes.measure(this.trust.context);
    for (const site of this.site.listeners) this.listeners.push(await this.#listen(site));
    this.#management = await serveManagement(this.site.management.socket, (question) => this.commands.fromSocket(question));
    if (this.site.management.web !== null) this.web = await openWeb(this, this.site.management.web);
    this.polls.follow(this.assets);
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
    this.polls.close();
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
    road.records.owed();
    road.records.floods(Number.POSITIVE_INFINITY);
    this.managers.floods(Number.POSITIVE_INFINITY);
    this.managers.writeViews();
    road.records.note("stop", { version: this.version, policy: this.policy.hash });
    await this.#management?.close();
    for (const asset of this.assets.values()) await asset.unsolicited.close();
    this.memory.doubtClock(road.clock.keep());
    await this.memory.save();
    await road.stops.journal.close();
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
    // A turn of ours that took long kept us from hearing what devices had said: they are heard first, and nobody is late for it.
    const late = now - this.#tickMs > LATE_MS && !this.#late;
    this.#late = late;
    this.#tickMs = now;
    if (!late) for (const device of road.devices) device.tick(now);
    // Sessions that a stop names are told before it.
    road.records.owed();
    road.stops.look(now);
    if (now - this.#watchedMs >= WATCH_MS) {
      this.#watchedMs = now;
      road.clock.look();
      road.sessions.watch(now);
      road.records.floods(now);
      this.managers.floods(now);
      for (const server of this.web) server.watch();
      this.#tellTroubles();
      this.trust?.watch([...road.sessions.open], road.clock.steady(now));
      this.#upkeep.look(this.trust, now);
      this.memory.doubtClock(road.clock.keep());
      this.memory.tick(now, road.clock.steady(now));
      void this.#watchCrl();
      road.telemetry?.tick(this.assets, () => healthOf(this), now);
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
      this.managers.writeViews();
    }
    this.polls.tick(now);
    road.turn(now);
  }

  /** The machine's clock is doubted, for one reason more, or believed again. */
  #clockChanged(): void {
    const { clock, log, records } = this.road;
    const { suspicion } = clock;
    if (suspicion !== null) {
      const { why, words } = suspicion;
      records.note("clock", { event: "suspect", why, words, steady: new Date(clock.steady()).toISOString() });
      log.error({ words }, "the clock is suspect; see `penstock clock confirm`");
    }
    this.memory.doubtClock(clock.keep());
    void this.memory.save();
  }

  /** What the evidence has to complain of is for people too. */
  #tellTroubles(): void {
    const { audit, log } = this.road;
    const untold = audit.troubles.slice(audit.troubles.lastIndexOf(this.#trouble) + 1);
    for (const words of untold) log.error({ audit: this.site.audit.directory, words }, "evidence");
    this.#trouble = untold.at(-1) ?? this.#trouble;
  }

  /** Revocation must reach live sessions within a second of the file being written, signal or no signal. */
  async #watchCrl(): Promise<void> {
    if (this.#lookingAtCrl || this.draining || this.trust === null) return;
    this.#lookingAtCrl = true;
    const { trust } = this;
    const changed = await trust.crlChanged(this.road.clock.monotonic());
    this.#lookingAtCrl = false;
    if (changed && this.trust === trust && !this.draining) reloadTrust(this);
  }
}

/**
 * Load, compile, open. Nothing listens unless everything before it succeeded.
 *
 * @throws UserProblems when a document is wrong; its lines are for the person at the terminal
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const clock = new GateClock(options.clock ?? systemClock);
  const documents = await loadDocuments(options.siteFile, options.policyFile);
  for (const { tls } of documents.site.assets.values()) if (tls !== null) deviceContext(tls);
  const limits = limitsOf(documents.site, options.limits);
  const trust = documents.site.tls === null ? null : Trust.load(documents.site.tls, clock.steady(), null);
  const { audit, journal } = await openEvidence(documents.site, clock, options.disk ?? {});
  const memory = Memory.open(documents.site.audit.directory);
  const blocks = Blocks.open(documents.site.audit.directory);
  clock.begin(audit.lastMs, memory.clockMs);
  const road = new Road(limits, clock, options.log, audit, journal, dial, documents.site.audit);
  const gateway = new Gateway(documents, road, trust, memory, blocks);
  const offer = typeof options.telemetry === "function" ? options.telemetry(documents.site) : (options.telemetry ?? null);
  if (offer !== null) {
    const telemetry = new Telemetry(offer, clock, options.log, options.sender);
    road.telemetry = telemetry;
    audit.onRecord = (seq, wallMs, kind, members) => telemetry.record(seq, wallMs, kind, members);
    audit.onCheckpoint = (line) => telemetry.checkpoint(line);
  }
  road.records.note("start", { version: VERSION, site: documents.site.name, policy: documents.hash, hardware: "none" });
  noteDocuments(road, documents);
  try {
    await gateway.recall();
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

async function openEvidence(
  site: Site,
  clock: GateClock,
  { files, slots }: Disk,
): Promise<{ readonly audit: AuditLog; readonly journal: Journal }> {
  try {
    const key = loadSigningKey(path.resolve(site.audit.key));
    const { directory, retainMs, maxOctets } = site.audit;
    const audit = await openAudit({
      directory,
      key,
      retainMs,
      maxOctets,
      clock,
      mayPrune: () => mayPrune(clock),
      ...(files === undefined ? {} : { files }),
    });
    return { audit, journal: await Journal.open(directory, key, slots) };
  } catch (error) {
    if (error instanceof AuditProblem) throw new UserProblems([error.message]);
    throw error;
  }
}

/** By a clock that is not believed nothing is old enough to go (RULINGS 19). */
function mayPrune(clock: GateClock): boolean {
  clock.look();
  return clock.suspicion === null;
}
