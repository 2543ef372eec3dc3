/**
 * From the road to the evidence: what each kind of record holds (DESIGN 5). On the hot path fields are copied into a pooled record;
 * meaning, names and JSON are made later by the batch writer.
 */
import type { AuditLog, Entry, RecordKind } from "#audit/entry";
import type { Action, DenialCode, Outcome, SessionEnd } from "#events";
import type { Operation } from "#operation";
import type { Decision } from "#policy/decision";
import type { Clock } from "./clock.ts";
import { Before, describeOperations, describeRange } from "./describe.ts";
import type { Layout } from "./layout.ts";
import type { PolicyInForce } from "./policy.ts";
import type { ReadCount } from "./reads.ts";
import type { Session } from "./session.ts";
import { SLOT_OCTETS, type Ticket } from "./ticket.ts";

/** Records that may wait for the writer at once without a new one being made. */
const POOL = 2048;

export class Records {
  readonly #audit: AuditLog;
  readonly #clock: Clock;
  readonly #free: DecisionRecord[] = [];

  constructor(audit: AuditLog, clock: Clock) {
    this.#audit = audit;
    this.#clock = clock;
  }

  /** @returns the record's number, or -1 when the log cannot take it */
  allowed(ticket: Ticket, decision: Decision, now: number): number {
    return this.#decision(ticket, decision, "forward", now);
  }

  denied(ticket: Ticket, decision: Decision, action: Action, now: number): number {
    return this.#decision(ticket, decision, action, now);
  }

  outcome(ticket: Ticket, outcome: Outcome, exception: number, reason: string, now: number): void {
    const session = ticket.session as Session;
    const members: Record<string, unknown> = {
      of: ticket.recordNumber === 0 ? null : ticket.recordNumber,
      session: session.id,
      who: session.subject.identity,
      asset: session.asset.name,
      unit: ticket.unitId,
      function: ticket.functionCode,
      outcome,
    };
    if (exception !== 0) members.exception = exception;
    if (reason !== "") members.reason = reason;
    if (ticket.sentMs !== 0) members.latencyMs = Math.round((now - ticket.sentMs) * 1000) / 1000;
    this.note("outcome", members, ticket.change);
  }

  /** What the session has read since the last time, one record per (unit, function, range). */
  reads(session: Session, counts: readonly ReadCount[]): void {
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
      const space = session.asset.protocol.vocabulary.spaces[count.space];
      if (space !== undefined)
        members.operations = [describeRange(session.asset.layout, "read", count.unit, count.space, count.first, count.last)];
      this.note("decision", members, false);
    }
  }

  brokenFraming(session: Session, code: DenialCode): void {
    this.note("decision", { ...who(session), decision: "deny", code, action: "close", policy: session.rights.policy.hash }, false);
  }

  sessionOpened(session: Session, certificate: string | null): void {
    const { subject } = session;
    this.note("session", {
      event: "open",
      ...who(session),
      subject: subject.kind,
      assurance: subject.assurance,
      listener: session.listener,
      source: session.stream.remoteAddress,
      port: session.stream.remotePort,
      certificate,
      policy: session.rights.policy.hash,
    });
  }

  sessionEnded(session: Session, reason: SessionEnd, words: string): void {
    const members: Record<string, unknown> = { event: "end", ...who(session), reason, requests: session.requests, denied: session.denied };
    if (words !== "") members.words = words;
    this.note("session", members);
  }

  refusedHandshake(listener: string, source: string, reason: SessionEnd, words: string, certificate: string | null, count: number): void {
    this.note("handshake-refused", { listener, source, reason, words, certificate, count });
  }

  /** A record whose members are known now; for everything that is not on the hot path. */
  note(kind: RecordKind, members: Record<string, unknown>, change = false): number {
    return this.#audit.append(new Note(kind, this.#clock.wall(), members, change));
  }

  #decision(ticket: Ticket, decision: Decision, action: Action, now: number): number {
    const record = this.#free.pop() ?? new DecisionRecord(this.#free);
    record.fill(ticket, decision, action, this.#clock.wall(), this.#clock.monotonic() - now);
    const number = this.#audit.append(record);
    if (number < 0) record.rendered();
    return number;
  }
}

function who(session: Session): Record<string, unknown> {
  const { subject } = session;
  return { session: session.id, who: subject.identity, roles: subject.roles, asset: session.asset.name };
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
  readonly #pdu = new Uint8Array(SLOT_OCTETS);
  #pduLength = 0;
  #session: Session | null = null;
  #policy: PolicyInForce | null = null;
  #layout: Layout | null = null;
  #decision: Decision | null = null;
  #action: Action = "forward";
  #unit = 0;
  #transaction = 0;
  #supersedes = 0;
  #latencyUs = 0;
  readonly #before = new Before();
  #writes = false;
  #subject: Session["subject"] | null = null;

  constructor(home: DecisionRecord[]) {
    this.#home = home;
  }

  /** @param tookMs how long judging took, milliseconds */
  fill(ticket: Ticket, decision: Decision, action: Action, wallMs: number, tookMs: number): void {
    const session = ticket.session as Session;
    this.wallMs = wallMs;
    this.change = ticket.change && decision.allowed;
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
    this.#supersedes = ticket.recordNumber;
    this.#latencyUs = tookMs * 1000;
    this.#writes = ticket.change && ticket.message !== null;
    if (this.#writes && ticket.message !== null) this.#before.capture(session.asset, ticket.message.operations, wallMs, decision.allowed);
  }

  members(): Record<string, unknown> {
    const session = this.#session as Session;
    const policy = this.#policy as PolicyInForce;
    const layout = this.#layout as Layout;
    const decision = this.#decision as Decision;
    const subject = this.#subject as Session["subject"];
    const { asset } = session;
    const decoded = asset.protocol.decode(this.#pdu, 0, this.#pduLength);
    const operations: readonly Operation[] = decoded.ok
      ? asset.protocol.message(decoded.value, this.#unit, this.#unit === 0 && layout.model.unitZero === "broadcast").operations
      : [];
    const number = operations[0]?.function ?? this.#pdu[0] ?? 0;
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
      if (!decoded.ok) members.octets = Buffer.from(this.#pdu.subarray(0, this.#pduLength)).toString("hex");
    } else {
      members.rule =
        decision.rules.length === 1 ? policy.ruleName(decision.rules[0] as number) : decision.rules.map((r) => policy.ruleName(r));
    }
    members.policy = policy.hash;
    members.action = this.#action;
    members.latencyUs = Math.round(this.#latencyUs * 10) / 10;
    return members;
  }

  rendered(): void {
    this.#session = null;
    this.#policy = null;
    this.#layout = null;
    this.#decision = null;
    this.#subject = null;
    this.#before.clear();
    if (this.#home.length < POOL) this.#home.push(this);
  }
}
