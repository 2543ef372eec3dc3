/**
 * The road. `arrive` runs to its end in one go and leaves a ticket; the record's durability, the device's reply and time release it later.
 * Nothing here waits, and nothing a peer sends throws past this file.
 */
import type { DenialCode } from "#events";
import type { Operation } from "#operation";
import { decide, leftOpen, type Open } from "#policy/decide";
import type { Decision } from "#policy/decision";
import type { Framer, Protocol } from "#session/protocol";
import type { Source } from "#upstream/fair";
import { abandon, back, deny, firstPlace, NO_RULES, refusal, refuse } from "./denying.ts";
import { learnGuard, voidTargets } from "./facts.ts";
import { Guard } from "./guard.ts";
import type { Range } from "./own.ts";
import { converse, hasItsFile, joinProven, unproven } from "./selecting.ts";
import type { Session } from "./session.ts";
import type { Ticket } from "./ticket.ts";

/** A whole frame stands in the framer: judge it, record it, and send it on its way or answer it. */
export function arrive(session: Session, framer: Framer, now: number): void {
  const { road } = session;
  const ticket = road.tickets.claim(session.asset.protocol);
  if (ticket === null || session.pending.size >= session.answersLimit) {
    if (ticket !== null) road.tickets.release(ticket);
    road.sessions.end(session, "misbehaved", "asks faster than it reads answers");
    return;
  }
  const reused = session.openRequest(framer.transactionId);
  ticket.take(session, framer.transactionId, framer.unitId, framer.octets, framer.pduAt, framer.pduLength, now);
  session.pending.push(ticket);
  session.newest = ticket;
  session.requests += 1;
  try {
    if (reused !== null) deny(ticket, refusal("transactionReused"), now);
    else judge(ticket, now);
  } catch (fault) {
    road.log.error({ fault, session: session.id }, "fault while judging a request; the request is denied");
    session.rights.refund(ticket);
    deny(ticket, refusal("internal"), now);
  }
  road.stats.inspected(road.clock.monotonic() - now);
}

/** The octets are no frames any more. TCP has no marker to find the next one by, so the session ends; what is answered by then is sent. */
export function brokenStream(session: Session, framer: Framer): void {
  const code = codeOf(framer);
  session.road.records.brokenFraming(session, code, framer.brokenOctets);
  session.road.stats.denied(code);
  session.denied += 1;
  session.flush();
  session.road.sessions.end(session, "malformedFraming", code);
}

/** Why octets are no frame. */
export function codeOf({ broken }: Framer): DenialCode {
  return broken === null ? "badLength" : typeof broken === "string" ? broken : broken.kind;
}

/**
 * What came is no request and is answered by nobody; the stream goes on behind it.
 *
 * @param octets  the first of it
 */
export function passOver(session: Session, code: DenialCode, octets: Uint8Array): void {
  session.road.records.passedOver(session, code, octets);
  session.road.stats.denied(code);
  session.denied += 1;
}

function judge(ticket: Ticket, now: number): void {
  const session = ticket.session as Session;
  const { road, asset } = session;
  const decoded = asset.protocol.decode(ticket.pdu, 0, ticket.pduLength);
  if (!decoded.ok) {
    deny(ticket, refusal(decoded.error.kind), now);
    return;
  }
  ticket.request = decoded.value;
  if (session.challenged !== null && session.conversation?.isChallenged === false) unproven(session);
  ticket.file = session.conversation?.fileOf(decoded.value) ?? null;
  ticket.message = asset.protocol.message(
    decoded.value,
    ticket.unitId,
    asset.protocol.isBroadcast(ticket.unitId, asset.model.unitZero),
    ticket.file,
  );
  const objection = session.conversation === null ? null : converse(ticket, ticket.message.operations, session.conversation, now);
  if (session.conversation !== null) joinProven(ticket, ticket.message, session.conversation);
  ticket.change = changes(ticket.message.operations);
  const decision = decideUnread(ticket, ticket.message.operations, now);
  if (!decision.allowed || objection !== null) {
    deny(
      ticket,
      objection !== null && (decision.allowed || objection === "notYourFile") ? { ...refusal(objection), ...firstPlace(ticket) } : decision,
      now,
    );
    return;
  }
  if (!ticket.change && !asset.quarantine.empty && asset.quarantine.isHeld(placeOf(ticket), now)) {
    deny(ticket, refusal("deviceSilent"), now);
    return;
  }
  const places = ticket.essential ? road.limits.queuePerDevice + road.limits.queueForStops : road.limits.queuePerDevice;
  if (session.waiting.size >= road.limits.pendingPerSession || session.device.waiting >= places) {
    deny(ticket, refusal("queueFull"), now);
    return;
  }
  if (!road.recordAllowed(ticket, decision, now) && !(ticket.essential && road.stops.pass(ticket, decision, now))) {
    deny(ticket, refusal("evidenceUnavailable"), now);
    return;
  }
  session.rights.reserve(ticket, decision, now);
  if (ticket.carriesOut) asset.lease.use();
  session.device.queue.enroll(session);
  // INVARIANT: from here on nothing can fail: a ticket that waits has not been answered.
  session.waiting.push(ticket);
  session.device.joined(ticket);
  if (ticket.essential) road.stops.await(ticket);
  road.wants(session.device);
}

/**
 * Judge it without a look into the device. What depends on one is left open: the ticket then has a guard, and is judged again on what that
 * reads, in its own turn.
 */
function decideUnread(ticket: Ticket, operations: readonly Operation[], now: number): Decision {
  const session = ticket.session as Session;
  const { asset, rights, road } = session;
  // The proof of a stop is one: whoever may ask for it needs no right besides.
  const stop = ticket.change ? stopFor(ticket, ticket.proven ?? operations, now) : null;
  const decision = unlessBarred(ticket, stop ?? decide(rights.table, operations, rights.factsAt(now, null)));
  ticket.essential = stop !== null;
  ticket.decision = decision;
  ticket.epoch = rights.epoch;
  ticket.guard = null;
  if (stop !== null) return decision;
  const open = leftOpen();
  if (!decision.allowed || isNothing(open)) return decision;
  if (ticket.carriesOut || ticket.proven !== null) {
    // Nothing may come between a selection and what carries it out, or a challenge and its proof: it is judged on what was read before.
    if (ticket.given === null || !ticket.given.isFor(rights.policy.compiled.states)) return refusal("factUnavailable");
    ticket.guard = ticket.given;
    return decision;
  }
  const guard = new Guard(asset, rights.policy.compiled.states);
  if (!guard.ask(operations, open, road.limits.guardReads)) return refusal("factUnavailable");
  ticket.guard = guard;
  return decision;
}

/** Allowed by essential rules alone, with nothing to be read for it: a stop. Null: it is none, or a deny touches it. */
function stopFor(ticket: Ticket, operations: readonly Operation[], now: number): Decision | null {
  const { rights } = ticket.session as Session;
  const { essential } = rights.table;
  if (essential === null) return null;
  const decision = decide(essential, operations, rights.factsAt(now, null));
  return decision.allowed && isNothing(leftOpen()) ? decision : null;
}

function isNothing(open: Open): boolean {
  return open.count === 0 && open.states.length === 0;
}

/** What the policy allows is still not done for a certificate that has ended, or whose revocation list is overdue (RULINGS 18). */
function unlessBarred(ticket: Ticket, decision: Decision): Decision {
  const barred = decision.allowed ? (ticket.session as Session).barred(ticket) : null;
  return barred === null ? decision : { ...refusal(barred), ...firstPlace(ticket) };
}

/** What a read asks for, as silence is remembered by: the same request again. */
export function placeOf(ticket: Ticket): string {
  return Buffer.from(ticket.pdu.buffer, ticket.pdu.byteOffset, ticket.pduLength).toString("latin1") + String.fromCharCode(ticket.unitId);
}

/** The same of a read that nobody has asked for yet. */
export function placeOfRead(protocol: Protocol, { unitId, space, first, last }: Range): string {
  const length = protocol.encodeRead(READ, 0, space, first, last);
  return Buffer.from(READ.buffer, 0, length).toString("latin1") + String.fromCharCode(unitId);
}

const READ = new Uint8Array(16);

/** The device has not answered this in its time (RULINGS 22). */
export function keptSilent(ticket: Ticket, now: number): void {
  const { asset } = ticket.session as Session;
  if (!ticket.change && ticket.guard?.isRead !== false) asset.quarantine.silent(placeOf(ticket), now);
}

/** Has it waited so long that its sender has given it up? It is not sent any more. */
export function isOverdue(ticket: Ticket, now: number): boolean {
  const { road, asset } = ticket.session as Session;
  return now - ticket.arrivedMs > (ticket.change ? asset.site.upstream.timeoutMs : road.limits.readWaitMs);
}

/** May the first waiting request of this session go to the device now? */
export function mayGo(ticket: Ticket, source: Source<Ticket>): boolean {
  const session = source as Session;
  const { asset } = session;
  // Whoever only waits for the asset to itself, with nothing read for it yet, lets a stop go first.
  if (asset.turn !== null && asset.turn !== ticket && !(ticket.essential && !asset.turn.hasTurn)) return false;
  // Between a selection and what carries it out nobody else is served but a stop.
  if (asset.lease.holder !== null && asset.lease.holder !== session && !ticket.essential) return false;
  if (ticket.kept === null && ticket.recordNumber > session.road.audit.durable && session.road.mustBeDurable(ticket.change)) return false;
  if (session.changesAtDevice > 0) return false;
  if (!ticket.change && ticket.guard === null && ticket.epoch === session.rights.epoch) return true;
  if (session.readsAtDevice > 0 || asset.changesAtDevice > 0 || asset.isStillOld) return false;
  // What is read for it must not be older than what others are doing there (RULINGS 8). New documents may ask for a read where none was.
  const alone = ticket.guard !== null || ticket.epoch !== session.rights.epoch;
  if (!alone || asset.readsAtDevice === 0) return true;
  asset.turn = ticket;
  return false;
}

/** What became of a request whose turn it is. */
export type Turn = "go" | "guard" | "answered";

/** It is this request's turn: is it still what it was judged to be? `guard`: its guard is to be read first. */
export function release(ticket: Ticket, now: number): Turn {
  try {
    return stillMay(ticket, now);
  } catch (fault) {
    const session = ticket.session as Session;
    session.road.log.error({ fault, session: session.id }, "fault while judging a request again; the request is denied");
    session.rights.refund(ticket);
    deny(ticket, refusal("internal"), now);
    return "answered";
  }
}

function stillMay(ticket: Ticket, now: number): Turn {
  const session = ticket.session as Session;
  const { asset } = session;
  const waited = now - ticket.arrivedMs;
  if (isOverdue(ticket, now)) {
    refuse(ticket, "queueFull", now);
    return "answered";
  }
  if (ticket.carriesOut && asset.lease.holder !== session) {
    session.rights.refund(ticket);
    deny(ticket, { ...refusal("selectExpired"), ...firstPlace(ticket) }, now);
    return "answered";
  }
  if (!hasItsFile(ticket)) {
    session.rights.refund(ticket);
    deny(ticket, { ...refusal("notYourFile"), ...firstPlace(ticket) }, now);
    return "answered";
  }
  if (ticket.change || ticket.guard !== null || waited > REJUDGE_READ_MS || ticket.epoch !== session.rights.epoch) {
    const decision = decideAgain(ticket, now);
    if (!decision.allowed) {
      deny(ticket, decision, now);
      return "answered";
    }
    // The journal is for stops. By the new documents it is a write like any other, and that has no record.
    if (ticket.kept !== null && !ticket.essential) {
      refuse(ticket, "evidenceUnavailable", now);
      return "answered";
    }
  }
  // Others were sent there meanwhile and got no answer: those that wait behind them cost nobody one more timeout each.
  if (!ticket.change && !asset.quarantine.empty && asset.quarantine.holds(placeOf(ticket), now)) {
    session.rights.refund(ticket);
    deny(ticket, refusal("deviceSilent"), now);
    return "answered";
  }
  ticket.hasTurn = true;
  if (ticket.change) {
    session.changesAtDevice += 1;
    asset.changesAtDevice += 1;
  } else {
    session.readsAtDevice += 1;
    asset.readsAtDevice += 1;
  }
  if (ticket.guard !== null) asset.turn = ticket;
  return begin(ticket, now);
}

/** By the documents in force now, as if nothing had been decided. */
function decideAgain(ticket: Ticket, now: number): Decision {
  const { rights } = ticket.session as Session;
  const { operations } = ticket.message as NonNullable<Ticket["message"]>;
  rights.refund(ticket);
  const decision = decideUnread(ticket, operations, now);
  if (decision.allowed) rights.reserve(ticket, decision, now);
  return decision;
}

/** It is allowed and has its turn: what it depends on is read first. */
function begin(ticket: Ticket, now: number): Turn {
  const { asset } = ticket.session as Session;
  if (ticket.guard !== null) return ticket.guard.isRead ? judgeOnGuard(ticket, ticket.guard, now) : "guard";
  if (ticket.change) voidTargets(asset, ticket, now);
  return leave(ticket, now);
}

/**
 * It leaves for the device: a selection has it for itself from here on, what carries it out does so no more. Where a stop went between, nobody
 * knows what is selected still, and nothing read for it is true still: it is over, and not for its holder's fault.
 */
function leave(ticket: Ticket, now: number): "go" {
  const session = ticket.session as Session;
  const { asset } = session;
  if (ticket.arms) asset.lease.take(session, now);
  else if (ticket.carriesOut || asset.lease.holder !== session) asset.endLease(true, now);
  return "go";
}

/** The device answered a read of our own. `guard`: there is more to read. */
export function guardAnswered(ticket: Ticket, framer: Framer, now: number): Turn {
  const session = ticket.session as Session;
  ticket.atDevice = false;
  try {
    return judgeGuarded(ticket, framer, now);
  } catch (fault) {
    session.road.log.error({ fault, session: session.id }, "fault while judging a request on what was read; the request is denied");
    leaveDevice(ticket, "internal", now);
    return "answered";
  }
}

function judgeGuarded(ticket: Ticket, framer: Framer, now: number): Turn {
  const session = ticket.session as Session;
  const { asset } = session;
  const guard = ticket.guard as Guard;
  const why = guard.take(framer);
  if (session.ended !== null || why !== null) {
    if (why !== null) session.road.log.warn({ asset: asset.name, session: session.id, why }, "a guard read told nothing");
    leaveDevice(ticket, "factUnavailable", now);
    return "answered";
  }
  if (ticket.epoch !== session.rights.epoch) return judgeAnew(ticket, now);
  if (!guard.isRead) return "guard";
  learnGuard(asset, guard, now);
  session.road.telemetry?.guard(asset, guard.reads, now);
  return judgeOnGuard(ticket, guard, now);
}

/** The documents changed while something was read for it. What was asked for was asked for by the old ones: the new ones may want to know another thing. */
function judgeAnew(ticket: Ticket, now: number): Turn {
  const decision = decideAgain(ticket, now);
  if (decision.allowed) return begin(ticket, now);
  back(ticket, now);
  deny(ticket, decision, now);
  return "answered";
}

/** Everything that was asked is known. Another rule than the one thought of may now be the one that decides, and ask for more. */
function judgeOnGuard(ticket: Ticket, guard: Guard, now: number): Turn {
  const session = ticket.session as Session;
  const { asset, rights, road } = session;
  const { operations } = ticket.message as NonNullable<Ticket["message"]>;
  rights.refund(ticket);
  guard.judgeStates((name) => road.assets.get(name), now);
  const decision = unlessBarred(ticket, decide(rights.table, operations, rights.factsAt(now, guard)));
  ticket.decision = decision;
  ticket.epoch = rights.epoch;
  const open = leftOpen();
  if (decision.allowed && !isNothing(open)) {
    const known = guard.asked;
    if (ticket.carriesOut || ticket.proven !== null || !guard.ask(operations, open, road.limits.guardReads) || guard.asked === known) {
      leaveDevice(ticket, "factUnavailable", now);
      return "answered";
    }
    return guard.isRead ? judgeOnGuard(ticket, guard, now) : "guard";
  }
  if (!decision.allowed) {
    back(ticket, now);
    deny(ticket, decision, now);
    return "answered";
  }
  rights.reserve(ticket, decision, now);
  if (ticket.change) voidTargets(asset, ticket, now);
  return leave(ticket, now);
}

/** What it depends on could not be read, or its session ended meanwhile: it is not sent. */
export function leaveDevice(ticket: Ticket, code: "factUnavailable" | "internal", now: number): void {
  const session = ticket.session as Session;
  back(ticket, now);
  if (session.ended !== null) {
    abandon(ticket, "sessionEnded", now);
    session.settle(ticket);
    return;
  }
  session.rights.refund(ticket);
  deny(ticket, code === "internal" ? refusal(code) : unread(ticket), now);
}

/** Allowed but for what could not be read: the denial names the place and the rule that wanted to know. */
function unread(ticket: Ticket): Decision {
  const { asset } = ticket.session as Session;
  const at = (ticket.guard as Guard).at;
  if (at === null) return refusal("factUnavailable");
  const { operation, unit, space, first } = at;
  const point = asset.layout.pointsIn(unit, space, first, first)[0]?.index ?? -1;
  return {
    allowed: false,
    code: "factUnavailable",
    rules: ticket.decision?.rules.slice(0, 1) ?? NO_RULES,
    operation,
    unit,
    space,
    address: first,
    point,
  };
}

function changes(operations: readonly Operation[]): boolean {
  for (let i = 0; i < operations.length; i++) if ((operations[i] as Operation).effect === "change") return true;
  return false;
}

/** A read that waited longer than this is judged again as it leaves (DESIGN 3). */
const REJUDGE_READ_MS = 250;
