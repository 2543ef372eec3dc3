/**
 * The road. `arrive` runs to its end in one go and leaves a ticket; the record's durability, the device's reply and time release it later.
 * Nothing here waits, and nothing a peer sends throws past this file.
 */
import { type Action, DENIALS, type DenialCode, isLapse, type Outcome } from "#events";
import type { Operation, Straightened } from "#operation";
import { matchesIdentity } from "#policy/bindings";
import { decide, leftOpen, type Open } from "#policy/decide";
import type { Decision } from "#policy/decision";
import type { Rule } from "#policy/model";
import type { Conversation, Framer, Reply } from "#session/protocol";
import type { Source } from "#upstream/fair";
import { learn, learnGuard, voidTargets } from "./facts.ts";
import { Guard } from "./guard.ts";
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
  ticket.file = session.conversation?.fileOf(decoded.value) ?? null;
  ticket.message = asset.protocol.message(
    decoded.value,
    ticket.unitId,
    asset.protocol.isBroadcast(ticket.unitId, asset.model.unitZero),
    ticket.file,
  );
  ticket.change = changes(ticket.message.operations);
  const objection = session.conversation === null ? null : converse(ticket, ticket.message.operations, session.conversation, now);
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

/** Does it follow from what the session asked before, and is it for this session to ask? */
function converse(ticket: Ticket, operations: readonly Operation[], conversation: Conversation, now: number): DenialCode | null {
  const session = ticket.session as Session;
  const { asset, road } = session;
  ticket.arms = operations.some(({ verb }) => verb === "select");
  ticket.carriesOut = operations.some(({ verb, via }) => verb === "operate" && via === 1);
  const wallMs = road.clock.suspicion === null ? road.clock.wallAt(now) : null;
  const { eventOwner } = asset.site;
  const ownsEvents = eventOwner !== null && matchesIdentity(eventOwner, session.identity);
  const objection = conversation.objection(ticket.request as object, ticket.transactionId, now, wallMs, ownsEvents);
  if (ticket.carriesOut) {
    ticket.given = session.selectedOn;
    session.selectedOn = null;
    // In time, and yet not its own any more: a stop went between, or the connection broke.
    if (objection === null && asset.lease.holder !== session) return "notSelected";
  }
  return objection === null && ticket.arms && asset.lease.bars(session.identity, now) ? "tooManySelects" : objection;
}

/**
 * Judge it without a look into the device. What depends on one is left open: the ticket then has a guard, and is judged again on what that
 * reads, in its own turn.
 */
function decideUnread(ticket: Ticket, operations: readonly Operation[], now: number): Decision {
  const session = ticket.session as Session;
  const { asset, rights, road } = session;
  const stop = ticket.change ? stopFor(ticket, operations, now) : null;
  const decision = unlessBarred(ticket, stop ?? decide(rights.table, operations, rights.factsAt(now, null)));
  ticket.essential = stop !== null;
  ticket.decision = decision;
  ticket.epoch = rights.epoch;
  ticket.guard = null;
  if (stop !== null) return decision;
  const open = leftOpen();
  if (!decision.allowed || isNothing(open)) return decision;
  if (ticket.carriesOut) {
    // Nothing may come between a selection and what carries it out: it is judged on what was read for the selection.
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

/** Of what it would do, for the words of a denial that is about no place. */
function firstPlace(ticket: Ticket): Partial<Decision> {
  const { layout } = (ticket.session as Session).asset;
  const operations = ticket.message?.operations ?? [];
  const operation = Math.max(
    0,
    operations.findIndex(({ effect }) => effect === "change"),
  );
  const target = operations[operation]?.target;
  if (target?.at !== "range") return { operation };
  const unit = layout.canonicalUnit(ticket.unitId);
  const point = layout.pointsIn(unit, target.space, target.first, target.first)[0]?.index ?? -1;
  return { operation, unit, space: target.space, address: target.first, point };
}

/** What a read asks for, as silence is remembered by: the same request again. */
function placeOf(ticket: Ticket): string {
  return Buffer.from(ticket.pdu.buffer, ticket.pdu.byteOffset, ticket.pduLength).toString("latin1") + String.fromCharCode(ticket.unitId);
}

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
    if (ticket.carriesOut || !guard.ask(operations, open, road.limits.guardReads) || guard.asked === known) {
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
function leaveDevice(ticket: Ticket, code: "factUnavailable" | "internal", now: number): void {
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

/** The device answered: pass it on only if it answers what was asked. */
export function deliver(ticket: Ticket, framer: Framer, now: number): void {
  const session = ticket.session as Session;
  back(ticket, now);
  try {
    passOn(ticket, framer, now);
  } catch (fault) {
    session.road.log.error({ fault, session: session.id }, "fault while passing a reply on; it is withheld");
    answerDenial(ticket, "internal", 0);
  }
  session.settle(ticket);
}

/** Leaves the answer in the ticket. */
function passOn(ticket: Ticket, framer: Framer, now: number): void {
  const { asset } = ticket.session as Session;
  const { protocol } = asset;
  const request = answeredRequest(ticket);
  if (!asset.quarantine.empty) asset.quarantine.answered(placeOf(ticket));
  const matched = framer.unitId === ticket.unitId ? protocol.match(request, framer.octets, framer.pduAt, framer.pduLength) : UNIT_MISMATCH;
  if (matched.ok) answer(ticket, matched.value, framer.octets, framer.pduAt, framer.pduLength, null, now);
  else passStraightened(ticket, framer, matched.error.kind, now);
}

/** What a reply must answer: of a proof what it is for. */
export function answeredRequest({ session, request }: Ticket): object {
  return (session as Session).conversation?.provenBy(request as object)?.request ?? (request as object);
}

/** It does not answer as it stands. In the standard's form it may, and passes where the site knows that of the device (RULINGS 23). */
function passStraightened(ticket: Ticket, framer: Framer, why: string, now: number): void {
  const { road, asset } = ticket.session as Session;
  const straight = asset.straighten(ticket.request as object, ticket.unitId, framer);
  if (straight !== null && asset.quirks.passes(straight)) {
    answer(ticket, straight.reply, straight.octets, straight.at, straight.length, straight, now);
    return;
  }
  if (straight !== null && asset.quirks.dropped === 1)
    road.log.warn({ asset: asset.name, words: asset.quirks.say() }, "a habit of a device");
  dropReply(ticket, why, straight === null ? null : { needsQuirks: asset.quirks.namesOf(straight) }, now);
}

/** What came answers nothing: nobody gets it. */
export function dropReply(ticket: Ticket, why: string, beside: Beside, now: number): void {
  const { road, asset } = ticket.session as Session;
  road.stats.stray("malformed");
  ticket.replyDropped = true;
  if (ticket.arms) endSelection(ticket, ticket.request as object, ticket.transactionId, null, false, now);
  if (ticket.change) told(ticket, "indeterminate", 0, why, now, beside);
  else if (asset.dropped.note(now, road.clock.wall(), road.records.hasRoom)) told(ticket, "malformedReply", 0, why, now, beside);
  answerDenial(ticket, "deviceSilent", 0);
}

/**
 * What the operator gets, and what is learned from it, is the PDU of `length` octets from `at`.
 *
 * @param straight  what made it so, where the device sent it otherwise; null: it came as it is
 */
function answer(
  ticket: Ticket,
  reply: Reply,
  octets: Uint8Array,
  at: number,
  length: number,
  straight: Straightened | null,
  now: number,
): void {
  const narrowed = narrow(ticket, reply, now);
  if (narrowed === "refused") return;
  conclude(ticket, reply, straight, now, true);
  const session = ticket.session as Session;
  const { transactionId, unitId } = ticket;
  ticket.answerLength =
    narrowed === null
      ? session.frame(ticket.answer, 0, transactionId, unitId, octets, at, length)
      : session.frame(ticket.answer, 0, transactionId, unitId, NARROWED, 0, narrowed);
}

/**
 * Some rules let only such points through as their sender may read by others (`reply`).
 *
 * @returns the length of what is left, which stands in `NARROWED`; null: all of it; `refused`: the answer is the denial, recorded
 */
export function narrow(ticket: Ticket, reply: Reply, now: number): number | null | "refused" {
  const session = ticket.session as Session;
  const { asset, rights, road } = session;
  if (session.conversation === null) return null;
  const how = howToReply(ticket);
  if (how === "whole") return null;
  // What is proven is proven whole.
  const mayTrim = how === "trim" && !asset.site.secureAuthentication;
  const facts = rights.factsAt(now, null);
  const keeps = (verb: "read" | "events", object: number, space: number, first: number, last: number): boolean =>
    decide(rights.table, [{ ...TOLD, verb, object, unit: ticket.unitId, target: { at: "range", space, first, last } }], facts).allowed;
  const trimmed = asset.protocol.trim(reply, keeps, NARROWED, 0, asset.protocol.pduLimit);
  if (trimmed === null || trimmed.dropped === 0) return null;
  road.stats.stray("trimmed", trimmed.dropped);
  if (mayTrim && trimmed.length >= 0) return trimmed.length;
  const { operation, unit, space, address, point } = { ...refusal("replyRefused"), ...firstPlace(ticket) };
  const decision: Decision = {
    allowed: false,
    code: "replyRefused",
    rules: ticket.decision?.rules ?? NO_RULES,
    operation,
    unit,
    space,
    address,
    point,
  };
  road.records.denied(ticket, decision, "exception", now);
  road.stats.denied("replyRefused");
  ticket.denied = "replyRefused";
  session.denied += 1;
  answerDenial(ticket, "replyRefused", 0);
  return "refused";
}

/** The narrowest of the rules that allowed it. */
function howToReply({ session, decision }: Ticket): Rule["reply"] {
  const { policy } = (session as Session).rights;
  let how: Rule["reply"] = "whole";
  for (const order of decision?.rules ?? NO_RULES) {
    const reply = policy.rule(order)?.reply ?? "whole";
    if (reply === "refuse" || (reply === "trim" && how === "whole")) how = reply;
  }
  return how;
}

/** A point that a reply tells, as if it had been asked for. */
const TOLD = {
  effect: "observe",
  via: 0,
  function: 1,
  broadcast: false,
  actor: 0,
  values: { is: "none" },
  control: null,
} as const;
/** A reply without what its receiver may not read. */
export const NARROWED = new Uint8Array(4096);

/**
 * What a reply means: what is learned from it, and what its record says.
 *
 * @param isLast  no more of it follows
 */
export function conclude(ticket: Ticket, reply: Reply, straight: Straightened | null, now: number, isLast: boolean): void {
  const session = ticket.session as Session;
  const { road, asset } = session;
  const { protocol } = asset;
  if (session.conversation !== null && protocol.isChallenge(reply)) {
    challenge(ticket, session.conversation, now);
    return;
  }
  const exception = protocol.exceptionOf(reply);
  if (session.challenged !== null) proven(ticket, reply, exception, now);
  if (ticket.arms) endSelection(ticket, ticket.request as object, ticket.transactionId, ticket.guard, exception === 0, now);
  if (exception === 0) session.conversation?.replied(ticket.request as object, reply);
  const outcome: Outcome =
    exception === 0
      ? "answered"
      : !protocol.knownException(exception)
        ? "unknownException"
        : ticket.change && protocol.leavesDoubt(exception)
          ? "indeterminate"
          : "exception";
  learn(asset, ticket, reply, exception, now);
  if (!isLast) return;
  const isTold = ticket.change || outcome === "unknownException" || (exception !== 0 && !road.noteRead(ticket, "exception"));
  if (isTold) {
    const beside = straight === null ? null : { quirks: asset.quirks.namesOf(straight) };
    told(ticket, outcome, exception, "", now, beside);
  }
}

/** A selection was answered, or will not be. All of it is selected or none. */
function endSelection(ticket: Ticket, request: object, transactionId: number, guard: Guard | null, isArmed: boolean, now: number): void {
  const session = ticket.session as Session;
  const { asset, conversation } = session;
  if (conversation === null || asset.lease.holder !== session) return;
  conversation.selected(request, transactionId, isArmed, ticket.sentMs);
  asset.lease.isArmed = conversation.isSelected(now);
  session.selectedOn = asset.lease.isArmed ? guard : null;
  if (!asset.lease.isArmed) asset.endLease(true, now);
}

/** The device does nothing before it has a proof; the master gives it with its next request (RULINGS 38). */
function challenge(ticket: Ticket, conversation: Conversation, now: number): void {
  const session = ticket.session as Session;
  // A proof that is not enough is challenged again: what it is for stays.
  if (conversation.provenBy(ticket.request as object) !== null) return;
  conversation.challenged(ticket.request as object, ticket.transactionId);
  session.challenged = { record: ticket.recordNumber, arms: ticket.arms, change: ticket.change };
  session.selectedOn = ticket.guard;
  if (ticket.change) told(ticket, "pending", 0, "", now);
}

/** The answer to a proof is that to what it is for; any other request has given that up. */
function proven(ticket: Ticket, reply: Reply, exception: number, now: number): void {
  const session = ticket.session as Session;
  const { record, arms, change } = session.challenged as NonNullable<Session["challenged"]>;
  const { selectedOn: guard } = session;
  session.challenged = null;
  const before = session.conversation?.provenBy(ticket.request as object) ?? null;
  if (before === null) return;
  if (arms) endSelection(ticket, before.request, before.transactionId, guard, exception === 0, now);
  if (exception === 0) session.conversation?.replied(before.request, reply);
  const outcome: Outcome = exception === 0 ? "answered" : session.asset.protocol.leavesDoubt(exception) ? "indeterminate" : "exception";
  if (change) told(ticket, outcome, exception, "", now, { completes: record });
}

/** Sent, and there will be no reply: a broadcast, or a device that kept silent. Never sent again. */
export function expire(ticket: Ticket, outcome: "silent" | "unacknowledged", now: number): void {
  const session = ticket.session as Session;
  const { road } = session;
  if (ticket.guard?.isRead === false) {
    leaveDevice(ticket, "factUnavailable", now);
    return;
  }
  back(ticket, now);
  if (ticket.arms) endSelection(ticket, ticket.request as object, ticket.transactionId, null, false, now);
  if (ticket.change) told(ticket, outcome === "silent" ? "indeterminate" : outcome, 0, "", now);
  else if (outcome === "silent") {
    road.noteRead(ticket, "silent");
    told(ticket, "silent", 0, "", now);
  }
  if (outcome === "silent") answerDenial(ticket, "deviceSilent", 0);
  session.settle(ticket);
}

/** Judged and allowed, but it never left: the device cannot be reached, or its turn came too late. */
export function refuse(ticket: Ticket, code: "deviceUnreachable" | "queueFull" | "evidenceUnavailable", now: number): void {
  const session = ticket.session as Session;
  abandon(ticket, code, now);
  ticket.denied = code;
  session.road.stats.denied(code);
  answerDenial(ticket, code, 0);
  session.settle(ticket);
}

/** It will not be sent: the windows get back what it had reserved, and the record says so. */
export function abandon(ticket: Ticket, why: DenialCode, now: number): void {
  const session = ticket.session as Session;
  session.rights.refund(ticket);
  session.asset.endTurn(ticket);
  if (!session.road.noteRead(ticket, "notSent")) told(ticket, "notSent", 0, why, now);
}

/**
 * What became of it goes into the log; of a stop that passed without its record, into the journal, and into the log where it has a number there.
 *
 * @param beside  what else its record says
 */
function told(ticket: Ticket, outcome: Outcome, exception: number, reason: string, now: number, beside: Beside = null): void {
  const { road } = ticket.session as Session;
  if (ticket.kept !== null) road.stops.became(ticket.kept, outcome, exception, reason);
  if (ticket.kept === null || ticket.recordNumber > 0) road.records.outcome(ticket, outcome, exception, reason, now, beside);
}

/** A denial is a normal outcome: recorded, then answered in its turn. */
function deny(ticket: Ticket, decision: Decision, now: number): void {
  const session = ticket.session as Session;
  const { road } = session;
  const code = decision.code as DenialCode;
  const plan = planFor(ticket, decision);
  ticket.denied = code;
  session.denied += 1;
  road.stats.denied(code);
  road.records.denied(ticket, decision, plan.action, now);
  if (ticket.countedIn > 0 && !road.noteRead(ticket, "notSent")) told(ticket, "notSent", 0, code, now);
  if (ticket.kept !== null) road.stops.became(ticket.kept, "notSent", 0, code);
  if (plan.action === "exception") answerDenial(ticket, code, plan.exception);
  if (plan.action === "close")
    ticket.closes = DENIALS[code] === "refused" ? "closedByPolicy" : code === "badFunction" ? "malformedFraming" : "misbehaved";
  if (ticket.change && blames(code)) {
    const closeAfter = session.rights.answers.closeAfterOf(decision);
    if (closeAfter !== null && session.denials.note(now, closeAfter.denials, closeAfter.withinMs)) ticket.closes ??= "closedByDenials";
  }
  if (ticket.closes !== null) session.stopListening();
  session.settle(ticket);
}

/** Does this denial speak against its sender? A full queue, a full disk and a device that tells nothing do not: nobody is cut off for them. */
function blames(code: DenialCode): boolean {
  return DENIALS[code] !== "fault" && code !== "queueFull" && code !== "factUnavailable" && !isLapse(code);
}

type Beside = Readonly<Record<string, unknown>> | null;

interface Plan {
  readonly action: Action;
  readonly exception: number;
}

/** The denial's answer (DESIGN 3): by whose fault it is, and for policy by what `on_deny` says. What cannot be answered is dropped, or closes. */
function planFor(ticket: Ticket, decision: Decision): Plan {
  const session = ticket.session as Session;
  const code = decision.code as DenialCode;
  const family = DENIALS[code];
  const isOurs = family === "malformed" || family === "fault" || isLapse(code) || code === "transactionReused" || code === "queueFull";
  const plan = isOurs ? USUAL : session.rights.answers.plan(decision);
  if (plan.action !== "exception") return plan;
  const answerable = session.asset.protocol.answerable(ticket.pdu, ticket.pduLength, ticket.unitId, code);
  return answerable === "answer" ? plan : { action: answerable, exception: 0 };
}

/** @param stated the exception code the policy states; 0: none */
function answerDenial(ticket: Ticket, code: DenialCode, stated: number): void {
  const session = ticket.session as Session;
  const { protocol } = session.asset;
  const { pdu, pduLength, transactionId, unitId } = ticket;
  if (protocol.answerable(pdu, pduLength, unitId, code) !== "answer") {
    ticket.answerLength = 0;
    return;
  }
  const length = protocol.encodeDenial(DENIAL, 0, pdu, pduLength, code, stated);
  ticket.answerLength = length === 0 ? 0 : session.frame(ticket.answer, 0, transactionId, unitId, DENIAL, 0, length);
}

/** Off the device again, however it ended; once, whatever fault comes after. */
export function back(ticket: Ticket, now: number): void {
  const session = ticket.session as Session;
  ticket.atDevice = false;
  if (!ticket.hasTurn) return;
  ticket.hasTurn = false;
  if (ticket.change) {
    session.changesAtDevice -= 1;
    session.asset.changesAtDevice -= 1;
    session.asset.lastChangeMs = now;
  } else {
    session.readsAtDevice -= 1;
    session.asset.readsAtDevice -= 1;
  }
  // Who is held back for the whole asset may wait for another connection. A read holds back nobody there but the one that has the asset's turn.
  if (session.asset.turn !== null || (ticket.change && session.asset.site.upstream.mode === "per_session")) session.asset.wake();
}

function changes(operations: readonly Operation[]): boolean {
  for (let i = 0; i < operations.length; i++) if ((operations[i] as Operation).effect === "change") return true;
  return false;
}

/** A denial that no rule made: the road's own. */
function refusal(code: DenialCode): Decision {
  return { allowed: false, code, rules: NO_RULES, operation: 0, unit: 0, space: 0, address: -1, point: -1 };
}

/** A read that waited longer than this is judged again as it leaves (DESIGN 3). */
const REJUDGE_READ_MS = 250;
const NO_RULES: readonly number[] = [];
const USUAL: Plan = { action: "exception", exception: 0 };
/** The longest of any protocol: the request comes back with a word on it. */
const DENIAL = new Uint8Array(4096);
const UNIT_MISMATCH = { ok: false, error: { kind: "unitMismatch" } } as const;
