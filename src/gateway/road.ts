/**
 * What every traveller on the road shares: limits, clocks, evidence, the policy in force, and the list of who has something left to do at
 * the end of a turn. A turn is one event (octets arrived, a sync ended, time passed): everything it made ready leaves in one go.
 */
import { createHash } from "node:crypto";
import type { AuditLog } from "#audit/entry";
import type { Journal } from "#audit/journal";
import type { AuditSite } from "#config/site";
import type { SessionEnd } from "#events";
import type { Log } from "#log";
import type { Decision } from "#policy/decision";
import { RateWindows } from "#process/windows";
import { HandshakeShare } from "#transport/share";
import type { Asset } from "./asset.ts";
import type { GateClock } from "./clock.ts";
import type { Device } from "./device.ts";
import type { dial } from "./dial.ts";
import type { Limits } from "./limits.ts";
import type { PolicyInForce } from "./policy.ts";
import type { ReadFate } from "./reads.ts";
import { Records } from "./records.ts";
import type { Session } from "./session.ts";
import { Sessions } from "./sessions.ts";
import { Stats } from "./stats.ts";
import { Stops } from "./stops.ts";
import type { Telemetry } from "./telemetry.ts";
import { type Ticket, TicketPool } from "./ticket.ts";

/** As `dial`. */
export type Connect = typeof dial;

export class Road {
  readonly limits: Limits;
  readonly clock: GateClock;
  readonly log: Log;
  readonly audit: AuditLog;
  readonly connect: Connect;
  readonly records: Records;
  readonly stops: Stops;
  readonly sessions: Sessions;
  readonly stats = new Stats();
  readonly tickets: TicketPool;
  readonly handshakes = new HandshakeShare();
  /** Whom what passes is offered to; null: nobody. */
  telemetry: Telemetry | null = null;
  durability: AuditSite["durableBefore"];
  whenFull: AuditSite["whenFull"];
  readonly devices = new Set<Device>();
  /** By name; a rule on one may depend on what another shows. */
  readonly assets = new Map<string, Asset>();
  readonly #wanting: Device[] = [];
  readonly #answered: Session[] = [];
  readonly #strays = new Map<string, { asset: Asset; what: string; count: number }>();
  readonly #turned = new Map<string, { listener: string; source: string; reason: SessionEnd; count: number }>();
  /** By address, when somebody last proved itself from there; longest ago first. */
  readonly #known = new Map<string, number>();
  readonly #rates = new Map<string, RateWindows>();
  #turning = false;
  /** What is ready leaves at the end of this round of the loop. */
  #due = false;
  readonly #endOfRound = (): void => {
    this.#due = false;
    this.#leave(this.clock.monotonic());
  };

  constructor(limits: Limits, clock: GateClock, log: Log, audit: AuditLog, journal: Journal, connect: Connect, site: AuditSite) {
    this.limits = limits;
    this.clock = clock;
    this.log = log;
    this.audit = audit;
    this.connect = connect;
    this.durability = site.durableBefore;
    this.whenFull = site.whenFull;
    this.records = new Records(audit, clock, limits);
    this.stops = new Stops(this, journal);
    this.sessions = new Sessions(this);
    this.tickets = new TicketPool(limits.sessions * limits.pendingPerSession * 4);
  }

  /** Does such a request wait for its record to be on disk? */
  mustBeDurable(change: boolean): boolean {
    return this.durability === "all" || (change && this.durability === "writes");
  }

  /** Write the record of an allowed request, or count it where reads are counted. False: there is no evidence, so there is no passage. */
  recordAllowed(ticket: Ticket, decision: Decision, now: number): boolean {
    const session = ticket.session as Session;
    const counted = !ticket.change && this.durability !== "all" ? countable(ticket) : null;
    if (counted === null) {
      ticket.recordNumber = this.records.allowed(ticket, decision, now);
      if (ticket.recordNumber > 0) return true;
      ticket.recordNumber = 0;
      return !ticket.change && this.whenFull === "deny-writes" && this.durability !== "all";
    }
    if ((this.audit.state !== "ok" || this.audit.onlyKept) && this.whenFull === "deny-all") return false;
    const rule = decision.rules[0] ?? -1;
    const wall = this.clock.wallAt(now);
    if (!session.reads.note(ticket.unitId, counted.function, counted.space, counted.first, counted.last, rule, wall)) {
      this.writeReads(session);
      session.reads.note(ticket.unitId, counted.function, counted.space, counted.first, counted.last, rule, wall);
    }
    ticket.countedIn = session.reads.window;
    return true;
  }

  /** What became of a read, beside its count. False: its count is written already, or it has none; then it is told by itself. */
  noteRead(ticket: Ticket, fate: ReadFate): boolean {
    const { reads } = ticket.session as Session;
    const counted = ticket.countedIn === reads.window ? countable(ticket) : null;
    if (counted === null) return false;
    reads.noteFate(ticket.unitId, counted.function, counted.space, counted.first, counted.last, fate);
    return true;
  }

  writeReads(session: Session): void {
    if (!session.reads.empty) this.records.reads(session, session.reads.drain());
  }

  /** Replies nobody asked for, or that are none. They never reach an operator; recorded, floods as one counting record. */
  strayReply(asset: Asset, what: string, count = 1): void {
    this.stats.stray(what, count);
    const key = `${asset.name} ${what}`;
    const seen = this.#strays.get(key);
    if (seen !== undefined) {
      seen.count += count;
      return;
    }
    this.#strays.set(key, { asset, what, count: count - 1 });
    this.records.note("outcome", { event: "strayReply", asset: asset.name, what, count: 1 });
  }

  /** Write out what floods were counted. */
  writeStrays(): void {
    for (const { asset, what, count } of this.#strays.values()) {
      if (count > 0) this.records.note("outcome", { event: "strayReply", asset: asset.name, what, count });
    }
    this.#strays.clear();
    for (const { name, unsolicited } of this.assets.values()) {
      const told = this.records.hasRoom ? unsolicited.drain() : null;
      if (told !== null) this.records.note("outcome", { event: "unsolicited", asset: name, ...told });
    }
    for (const { name, dropped } of this.assets.values()) {
      const { count, fromWallMs, toWallMs } = dropped;
      if (count === 0 || !this.records.hasRoom) continue;
      const span = { count, from: new Date(fromWallMs).toISOString(), to: new Date(toWallMs).toISOString() };
      if (this.records.note("outcome", { asset: name, outcome: "malformedReply", ...span }) > 0) dropped.count = 0;
    }
  }

  /** Somebody was refused before a session. The first of a kind is a record of its own; a flood is one counting record. */
  turnedAway(listener: string, source: string, reason: SessionEnd, words: string, leaf: Uint8Array | null): void {
    this.stats.refusedHandshake(reason);
    const key = `${listener} ${source} ${reason}`;
    const seen = this.#turned.get(key);
    if (seen !== undefined) {
      seen.count += 1;
      return;
    }
    if (this.#turned.size >= this.limits.turnedSources) this.writeTurned();
    this.#turned.set(key, { listener, source, reason, count: 0 });
    // Named by its hash, not stored: whoever can connect could fill the disk with certificates of their own making.
    const certificate = leaf === null ? null : createHash("sha256").update(leaf).digest("hex");
    this.records.refusedHandshake(listener, source, reason, words, certificate, 1);
    this.log.warn({ listener, source, reason, words }, "refused before a session");
  }

  /**
   * Somebody proved itself from there: in a flood of strangers it finds a place (RULINGS 24).
   *
   * @param agoMs  so long ago
   */
  knows(source: string, agoMs = 0): void {
    this.#known.delete(source);
    this.#known.set(source, this.clock.monotonic() - agoMs);
    const [oldest] = this.#known.keys();
    if (this.#known.size > this.limits.knownSources && oldest !== undefined) this.#known.delete(oldest);
  }

  isKnown(source: string): boolean {
    const since = this.#known.get(source);
    return since !== undefined && this.clock.monotonic() - since < DAY_MS;
  }

  writeTurned(): void {
    for (const { listener, source, reason, count } of this.#turned.values()) {
      if (count > 0) this.records.refusedHandshake(listener, source, reason, "", null, count);
    }
    this.#turned.clear();
  }

  /** The windows `rate` counts one identity's messages by, on one asset: shared by its sessions, kept while it comes and goes. */
  ratesFor(identity: string, asset: string, policy: PolicyInForce): RateWindows {
    const key = `${identity} ${asset}`;
    let rates = this.#rates.get(key);
    if (rates === undefined) {
      if (this.#rates.size >= this.limits.ratedIdentities) this.#forgetIdle();
      rates = new RateWindows();
      this.#rates.set(key, rates);
    }
    rates.follow(policy.ruleIds, policy.rateDepth, policy.longestWindowMs);
    return rates;
  }

  #forgetIdle(): void {
    const now = this.clock.monotonic();
    const live = new Set([...this.sessions.open].map((session) => `${session.identity} ${session.asset.name}`));
    for (const [key, rates] of this.#rates) if (!live.has(key) && rates.idle(now)) this.#rates.delete(key);
  }

  deviceChanged(device: Device, what: "connected" | "away", why: string): void {
    if (what === "connected") this.log.info({ device: device.key }, "device connected");
    else this.log.warn({ device: device.key, why }, "device is away");
  }

  /** The device has something to send, or should look whether it has. */
  wants(device: Device): void {
    if (device.dirty) return;
    device.dirty = true;
    this.#wanting.push(device);
  }

  /** The session has an answer to write. */
  answered(session: Session): void {
    if (session.dirty) return;
    session.dirty = true;
    this.#answered.push(session);
  }

  /**
   * The end of an event: devices send, sessions answer. With several people in, what comes in one round of the loop leaves together once all of
   * it is read: fewer and fuller packets, and whoever is woken by one finds the others there (docs/adr/0014).
   */
  turn(now: number): void {
    if (this.#turning || this.#due || (this.#wanting.length === 0 && this.#answered.length === 0)) return;
    if (this.sessions.open.size < 2) {
      this.#leave(now);
      return;
    }
    this.#due = true;
    setImmediate(this.#endOfRound);
  }

  /** Until nobody has anything left. */
  #leave(now: number): void {
    this.#turning = true;
    try {
      while (this.#wanting.length > 0 || this.#answered.length > 0) {
        for (let device = this.#wanting.pop(); device !== undefined; device = this.#wanting.pop()) this.#pump(device, now);
        for (let session = this.#answered.pop(); session !== undefined; session = this.#answered.pop()) this.#flush(session);
      }
    } finally {
      this.#turning = false;
    }
  }

  #pump(device: Device, now: number): void {
    try {
      device.pump(now);
    } catch (fault) {
      this.log.error({ fault, device: device.key }, "fault in a device's queue; its connections are dropped");
      device.reset(now);
    }
  }

  #flush(session: Session): void {
    try {
      session.flush();
    } catch (fault) {
      this.sessions.endFaulty(session, fault);
    }
  }
}

const DAY_MS = 86_400_000;

interface Counted {
  readonly function: number;
  readonly space: number;
  readonly first: number;
  readonly last: number;
}

/** What a read is counted under; null for one that asks several things at once and is written as it is. */
function countable(ticket: Ticket): Counted | null {
  const operations = ticket.message?.operations;
  const operation = operations?.[0];
  if (operation === undefined || operations?.length !== 1) return null;
  const { target } = operation;
  if (target.at === "range") return { function: operation.function, space: target.space, first: target.first, last: target.last };
  return target.at === "device" ? { function: operation.function, space: DEVICE, first: 0, last: 0 } : null;
}

/** No address space has this number. */
const DEVICE = 255;
