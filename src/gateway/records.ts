/**
 * From the road to the evidence: what each kind of record holds (DESIGN 5). On the hot path fields are copied into a pooled record;
 * meaning, names and JSON are made later by the batch writer.
 */
import { type AuditLog, type Entry, isKept, type RecordKind } from "#audit/entry";
import { DenialFloods, type Flood } from "#audit/floods";
import { visible } from "#documents/escape";
import type { Action, DenialCode, Outcome, SessionEnd } from "#events";
import type { OpenFile, Operation } from "#operation";
import type { Decision } from "#policy/decision";
import type { Clock } from "./clock.ts";
import { Before, describeGuard, describeOperations, describeRange, leavesContentOut } from "./describe.ts";
import type { Guard } from "./guard.ts";
import type { Layout } from "./layout.ts";
import type { Limits } from "./limits.ts";
import type { PolicyInForce } from "./policy.ts";
import type { ReadCount } from "./reads.ts";
import type { Session } from "./session.ts";
import { isCut, type Storm, Storms } from "./storms.ts";
import type { Ticket } from "./ticket.ts";

/** Records that may wait for the writer at once without a new one being made. */
const POOL = 2048;
/** Octets of one request a record tells: the longest PDU of Modbus; of longer ones the first. */
const RECORDED_OCTETS = 253;
/** Octets of a request a pooled record has room for; those of a longer one are let go with it. */
const KEPT_OCTETS = 260;

export class Records {
  readonly #audit: AuditLog;
  readonly #clock: Clock;
  readonly #free: DecisionRecord[] = [];
  readonly #floods = new DenialFloods();
  readonly #storms: Storms;
  /** While no record could be written: what became of changes, sessions that the journal names, commands and documents; oldest first. */
  #owed: Note[] = [];
  readonly #mostOwed: number;

  constructor(audit: AuditLog, clock: Clock, limits: Limits) {
    this.#audit = audit;
    this.#clock = clock;
    this.#storms = new Storms(limits.storms, limits.readCounters);
    this.#mostOwed = limits.owedRecords;
  }

  /** @returns the record's number, or -1 when the log cannot take it */
  allowed(ticket: Ticket, decision: Decision, now: number): number {
    return this.#decision(ticket, decision, "forward", now);
  }

  /** What the record of an allowed request says, for one that cannot be written now. The request itself is always in it. */
  told(ticket: Ticket, decision: Decision, now: number): Record<string, unknown> {
    this.#tell(ticket.session as Session, true);
    const record = this.#free.pop() ?? new DecisionRecord(this.#free);
    record.fill(ticket, decision, "forward", this.#clock.wall(), now, this.#clock.monotonic() - now);
    const isSecret = (ticket.session as Session).asset.protocol.isSecret(ticket.pdu, ticket.pduLength);
    const members = { ...record.members(), ...(isSecret ? {} : { octets: hex(ticket.pdu, ticket.pduLength) }) };
    record.rendered();
    return members;
  }

  /** A record of its own, or one more of a flood. What takes back an allowed decision is always its own: it names that one's number. */
  denied(ticket: Ticket, decision: Decision, action: Action, now: number): void {
    const fn = ticket.message?.operations[0]?.function ?? functionCodeOf(ticket);
    if (ticket.recordNumber > 0 || this.#isTold(ticket.session as Session, decision.code as DenialCode, fn, now))
      this.#decision(ticket, decision, action, now);
  }

  /** @param beside further members */
  outcome(
    ticket: Ticket,
    outcome: Outcome,
    exception: number,
    reason: string,
    now: number,
    beside: Readonly<Record<string, unknown>> | null = null,
  ): void {
    const session = ticket.session as Session;
    const members: Record<string, unknown> = {
      of: ticket.recordNumber === 0 ? null : ticket.recordNumber,
      session: session.id,
      who: session.subject.identity,
      asset: session.asset.name,
      unit: ticket.unitId,
      function: functionCodeOf(ticket),
      outcome,
    };
    if (exception !== 0) members.exception = exception;
    if (reason !== "") members.reason = reason;
    if (beside !== null) Object.assign(members, beside);
    if (ticket.recordNumber === 0 && ticket.message !== null)
      members.operations = describeOperations(session.asset.layout, ticket.message.operations, null);
    if (ticket.guard?.isRead === true) members.guard = describeGuard(session.asset.layout, ticket.guard);
    if (ticket.sentMs !== 0) members.latencyMs = Math.round((now - ticket.sentMs) * 1000) / 1000;
    const note = new Note("outcome", this.#clock.wall(), members, ticket.change);
    // What was on its way when the disk failed did or did not happen all the same, and its decision is told once the disk is well again.
    if (this.#audit.append(note) < 0 && ticket.change) this.#owe(note);
  }

  /** What the session has read since the last time, one record per (unit, function, range); of a counted one that is gone, with the others'. */
  reads(session: Session, counts: readonly ReadCount[]): void {
    if (session.ended === null || isCut(session.ended)) this.#tell(session, false);
    const policy = session.rights.policy;
    for (const count of counts) {
      const members: Record<string, unknown> = {
        ...who(session),
        unit: count.unit,
        function: count.function,
        name: session.asset.protocol.vocabulary.nameOf(count.function),
        effect: "observe",
        decision: "allow",
        rule: policy.ruleName(count.rule),
        policy: policy.hash,
        action: "forward",
        count: count.count,
        from: new Date(count.fromWallMs).toISOString(),
        to: new Date(count.toWallMs).toISOString(),
      };
      if (count.exceptions > 0) members.exceptions = count.exceptions;
      if (count.notSent > 0) members.notSent = count.notSent;
      if (count.silent > 0) members.silent = count.silent;
      const space = session.asset.protocol.vocabulary.spaces[count.space];
      if (space !== undefined)
        members.operations = [describeRange(session.asset.layout, "read", count.unit, count.space, count.first, count.last)];
      if (session.storm?.read(members, this.#clock.monotonic()) === true) continue;
      this.#tell(session, false);
      this.note("decision", members, false);
    }
  }

  /** @param octets the first of what stands where a frame should begin */
  brokenFraming(session: Session, code: DenialCode, octets: Uint8Array): void {
    const { protocol } = session.asset.protocol.vocabulary;
    this.#noRequest(session, code, octets, "close", `what came is no ${protocol} frame (${code}), and nothing after it can be read`);
  }

  /** Octets that are no request, and asked for no answer. */
  passedOver(session: Session, code: DenialCode, octets: Uint8Array): void {
    const { protocol } = session.asset.protocol.vocabulary;
    this.#noRequest(session, code, octets, "drop", `what came is no request of ${protocol} (${code}) and is passed over`);
  }

  /** The first of a kind is a record of its own, floods are counted. */
  #noRequest(session: Session, code: DenialCode, octets: Uint8Array, action: Action, what: string): void {
    if (!this.#isTold(session, code, 0, this.#clock.monotonic())) return;
    this.#tell(session, false);
    const { asset, subject, rights } = session;
    const members: Record<string, unknown> = {
      ...who(session),
      decision: "deny",
      code,
      rule: "default",
      words: visible(`denied ${subject.name}@${asset.name}: ${what}; default`),
      octets: hex(octets, octets.length),
      policy: rights.policy.hash,
      action,
    };
    this.note("decision", members, false);
  }

  /** A record of its own, or one more of a storm. */
  sessionOpened(session: Session): void {
    session.storm = this.#storms.opened(session, this.#clock.monotonic(), this.#clock.wall());
    if (session.storm === null) session.isTold = this.note("session", this.#opening(session)) > 0;
  }

  /**
   * The session is about to be named by a record of its own, or outlasts the storm it came in: its opening, if it was only counted or could not
   * be written, is told after all.
   */
  #tell(session: Session, change: boolean): void {
    if (session.isTold) return;
    const opened = new Date(session.openedWallMs).toISOString();
    const note = new Note("session", this.#clock.wall(), { ...this.#opening(session), opened }, change);
    if (this.#audit.append(note) < 0 && !(change && this.#owe(note))) return;
    session.isTold = true;
    session.storm?.released();
    session.storm = null;
  }

  /** Written once the disk is well again. */
  #owe(note: Note): boolean {
    if (this.#owed.length >= this.#mostOwed) return false;
    this.#owed.push(note);
    return true;
  }

  #opening(session: Session): Record<string, unknown> {
    const { subject, peer, lapsesMs, certificate } = session;
    const ended = peer === null || lapsesMs === null ? null : new Date(peer.notAfter).toISOString();
    return {
      event: "open",
      ...who(session),
      subject: subject.kind,
      assurance: subject.assurance,
      listener: session.listener,
      source: session.stream.remoteAddress,
      port: session.stream.remotePort,
      certificate,
      ...(ended === null ? {} : { expired: { since: ended, until: new Date(lapsesMs as number).toISOString() } }),
      policy: session.rights.policy.hash,
    };
  }

  sessionEnded(session: Session, reason: SessionEnd, words: string): void {
    if (isCut(reason) || session.storm === null) this.#tell(session, false);
    if (session.storm !== null) {
      session.storm.ended(session, reason, this.#clock.monotonic());
      session.storm = null;
      return;
    }
    const members: Record<string, unknown> = { event: "end", ...who(session), reason, requests: session.requests, denied: session.denied };
    if (words !== "") members.words = words;
    if (isCut(reason) && this.#audit.state !== "ok") this.surely("session", members);
    else this.note("session", members);
  }

  refusedHandshake(listener: string, source: string, reason: SessionEnd, words: string, certificate: string | null, count: number): void {
    this.note("handshake-refused", { listener, source, reason, words, certificate, count });
  }

  /** Write out what could not be written while the disk failed, once it is well again. */
  owed(): void {
    if (this.#owed.length === 0 || this.#audit.state !== "ok") return;
    const owed = this.#owed;
    this.#owed = [];
    for (const note of owed) if (!(this.hasRoom || isKept(note)) || this.#audit.append(note) < 0) this.#owed.push(note);
  }

  /** Denials and sessions get records of their own; else they are counted until they do. */
  get hasRoom(): boolean {
    return this.#audit.state === "ok" && !this.#audit.onlyKept;
  }

  /** Write out the counted denials and sessions whose 10 s are over (RULINGS 29); while there is no room they go on being counted. */
  floods(now: number): void {
    const write = (kind: RecordKind, members: Record<string, unknown>): boolean => this.hasRoom && this.note(kind, members) > 0;
    this.#floods.drain(now, (flood) => write("decision", floodMembers(flood)));
    this.#storms.drain(now, (storm) => {
      if (storm.hasSessions && !write("session", stormMembers(storm))) return;
      storm.written();
      for (const [key, members] of storm.reads) if (write("decision", members)) storm.reads.delete(key);
    });
  }

  #isTold(session: Session, code: DenialCode, fn: number, now: number): boolean {
    const known = session.asset.protocol.vocabulary.nameOf(fn);
    return this.#floods.note(session.subject.identity, code, session.asset.name, fn, known, now, this.#clock.wall(), this.hasRoom);
  }

  /** A record whose members are known now; for everything that is not on the hot path. */
  note(kind: RecordKind, members: Record<string, unknown>, change = false): number {
    return this.#audit.append(new Note(kind, this.#clock.wall(), members, change));
  }

  /** As `note`; while nothing can be written it waits for that. For what is done all the same, and must be known. */
  surely(kind: RecordKind, members: Record<string, unknown>): void {
    const note = new Note(kind, this.#clock.wall(), members, false);
    if (this.#audit.append(note) < 0) this.#owe(note);
  }

  #decision(ticket: Ticket, decision: Decision, action: Action, now: number): number {
    this.#tell(ticket.session as Session, ticket.change && decision.allowed);
    const record = this.#free.pop() ?? new DecisionRecord(this.#free);
    record.fill(ticket, decision, action, this.#clock.wall(), now, this.#clock.monotonic() - now);
    const number = this.#audit.append(record);
    if (number < 0) record.rendered();
    return number;
  }
}

function who(session: Session): Record<string, unknown> {
  const { subject } = session;
  return { session: session.id, who: subject.identity, roles: subject.roles, asset: session.asset.name };
}

function floodMembers({ identity, code, asset, function: fn, name, count, fromWallMs, toWallMs }: Flood): Record<string, unknown> {
  const what = `${identity ?? "several"}@${asset ?? "several"}: ${name ?? "several functions"}: ${code ?? "several reasons"}`;
  return {
    who: identity,
    asset,
    function: fn,
    name,
    decision: "deny",
    code,
    count,
    from: new Date(fromWallMs).toISOString(),
    to: new Date(toWallMs).toISOString(),
    words: `denied ${count} more of ${what}`,
  };
}

function stormMembers({ identity, asset, listener, sources, burst, ends, requests, denied }: Storm): Record<string, unknown> {
  return {
    event: "counted",
    who: identity,
    asset,
    listener,
    sources: [...sources],
    count: burst.count,
    ended: Object.fromEntries(ends),
    requests,
    denied,
    ...(burst.count === 0 ? {} : { from: new Date(burst.fromWallMs).toISOString(), to: new Date(burst.toWallMs).toISOString() }),
  };
}

function functionCodeOf({ session, pdu, pduLength }: Ticket): number {
  return (session as Session).asset.protocol.functionCode(pdu, pduLength);
}

function hex(octets: Uint8Array, length: number): string {
  return Buffer.from(octets.subarray(0, Math.min(length, RECORDED_OCTETS))).toString("hex");
}

class Note implements Entry {
  readonly kind: RecordKind;
  readonly wallMs: number;
  readonly change: boolean;
  readonly #members: Record<string, unknown>;

  constructor(kind: RecordKind, wallMs: number, members: Record<string, unknown>, change: boolean) {
    this.kind = kind;
    this.wallMs = wallMs;
    this.change = change;
    this.#members = members;
  }

  members(): Record<string, unknown> {
    return this.#members;
  }

  rendered(): void {}
}

/** One decision, copied from the ticket so that the ticket may go on. */
class DecisionRecord implements Entry {
  readonly kind = "decision";
  wallMs = 0;
  change = false;
  readonly #home: DecisionRecord[];
  #pdu = new Uint8Array(KEPT_OCTETS);
  #pduLength = 0;
  #session: Session | null = null;
  #policy: PolicyInForce | null = null;
  #layout: Layout | null = null;
  #decision: Decision | null = null;
  #action: Action = "forward";
  #unit = 0;
  #transaction = 0;
  #file: OpenFile | null = null;
  /** Views of a copy that nobody writes over. */
  #proven: readonly Operation[] | null = null;
  #supersedes = 0;
  #latencyUs = 0;
  readonly #before = new Before();
  #writes = false;
  #guarded = false;
  #guard: Guard | null = null;
  #subject: Session["subject"] | null = null;

  constructor(home: DecisionRecord[]) {
    this.#home = home;
  }

  /** @param now monotonic milliseconds, as it was judged; @param tookMs how long that took */
  fill(ticket: Ticket, decision: Decision, action: Action, wallMs: number, now: number, tookMs: number): void {
    const session = ticket.session as Session;
    this.wallMs = wallMs;
    this.change = ticket.change && (decision.allowed || ticket.recordNumber > 0);
    if (ticket.pduLength > this.#pdu.length) this.#pdu = new Uint8Array(ticket.pduLength);
    for (let i = 0; i < ticket.pduLength; i++) this.#pdu[i] = ticket.pdu[i] as number;
    this.#pduLength = ticket.pduLength;
    this.#session = session;
    this.#subject = session.subject;
    this.#policy = session.rights.policy;
    this.#layout = session.asset.layout;
    this.#decision = decision;
    this.#action = action;
    this.#unit = ticket.unitId;
    this.#transaction = ticket.transactionId;
    this.#file = ticket.file;
    this.#proven = ticket.proven;
    this.#supersedes = ticket.recordNumber;
    this.#latencyUs = tookMs * 1000;
    this.#writes = ticket.change && ticket.message !== null;
    this.#guarded = ticket.guard !== null && decision.allowed;
    this.#guard = decision.allowed ? null : ticket.guard;
    if (this.#writes && ticket.message !== null) this.#before.capture(session.asset, ticket.message.operations, now, decision.allowed);
  }

  members(): Record<string, unknown> {
    const session = this.#session as Session;
    const policy = this.#policy as PolicyInForce;
    const layout = this.#layout as Layout;
    const decision = this.#decision as Decision;
    const subject = this.#subject as Session["subject"];
    const { asset } = session;
    const decoded = asset.protocol.decode(this.#pdu, 0, this.#pduLength);
    const asked: readonly Operation[] = decoded.ok
      ? asset.protocol.message(decoded.value, this.#unit, asset.protocol.isBroadcast(this.#unit, layout.model.unitZero), this.#file)
          .operations
      : [];
    const operations = this.#proven === null ? asked : [...asked, ...this.#proven];
    const number = operations[0]?.function ?? asset.protocol.functionCode(this.#pdu, this.#pduLength);
    const members: Record<string, unknown> = {
      session: session.id,
      who: subject.identity,
      roles: subject.roles,
      asset: asset.name,
      unit: this.#unit,
      transaction: this.#transaction,
      function: number,
      name: asset.protocol.vocabulary.nameOf(number),
      effect: operations.some((o) => o.effect === "change") ? "change" : (operations[0]?.effect ?? null),
      operations: describeOperations(layout, operations, this.#writes ? this.#before : null),
      decision: decision.allowed ? "allow" : "deny",
    };
    if (this.#supersedes > 0) members.of = this.#supersedes;
    if (!decision.allowed) {
      members.code = decision.code;
      members.rule = decision.rules.length === 0 ? "default" : policy.ruleName(decision.rules[0] as number);
      members.words = policy.denialWords(subject, layout, operations, decision);
    } else {
      members.rule =
        decision.rules.length === 1 ? policy.ruleName(decision.rules[0] as number) : decision.rules.map((r) => policy.ruleName(r));
    }
    if ((!decoded.ok || leavesContentOut(operations)) && !asset.protocol.isSecret(this.#pdu, this.#pduLength))
      members.octets = hex(this.#pdu, this.#pduLength);
    const inside = asset.protocol.nameInside(this.#pdu, 0, this.#pduLength);
    if (inside !== null) members.inside = inside;
    if (this.#guard?.isRead === true && this.#guard.reads.length > 0) members.guard = describeGuard(layout, this.#guard);
    // Allowed if what stands in the device is such; the outcome tells what stood there, a second decision that it was not such.
    if (this.#guarded) members.guardRead = "pending";
    members.policy = policy.hash;
    members.action = this.#action;
    members.latencyUs = Math.round(this.#latencyUs * 10) / 10;
    return members;
  }

  rendered(): void {
    this.#session = null;
    this.#file = null;
    this.#proven = null;
    this.#policy = null;
    this.#layout = null;
    this.#decision = null;
    this.#subject = null;
    this.#guard = null;
    this.#before.clear();
    if (this.#pdu.length > KEPT_OCTETS) this.#pdu = new Uint8Array(KEPT_OCTETS);
    if (this.#home.length < POOL) this.#home.push(this);
  }
}
