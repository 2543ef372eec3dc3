/** The road's other end: a request that is not done is recorded, answered as its protocol can, and held against its sender where it speaks against it. */
import { type Action, DENIALS, type DenialCode, isLapse, type Outcome } from "#events";
import type { Decision } from "#policy/decision";
import type { Session } from "./session.ts";
import type { Ticket } from "./ticket.ts";

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
export function told(ticket: Ticket, outcome: Outcome, exception: number, reason: string, now: number, beside: Beside = null): void {
  const { road } = ticket.session as Session;
  ticket.isTold = true;
  if (ticket.kept !== null) road.stops.became(ticket.kept, outcome, exception, reason);
  if (ticket.kept === null || ticket.recordNumber > 0) road.records.outcome(ticket, outcome, exception, reason, now, beside);
}

/** A denial is a normal outcome: recorded, then answered in its turn. */
export function deny(ticket: Ticket, decision: Decision, now: number): void {
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

export type Beside = Readonly<Record<string, unknown>> | null;

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
export function answerDenial(ticket: Ticket, code: DenialCode, stated: number): void {
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

/** A denial that no rule made: the road's own. */
export function refusal(code: DenialCode): Decision {
  return { allowed: false, code, rules: NO_RULES, operation: 0, unit: 0, space: 0, address: -1, point: -1 };
}

/** Of what it would do, for the words of a denial that is about no place. */
export function firstPlace(ticket: Ticket): Partial<Decision> {
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

export const NO_RULES: readonly number[] = [];

const USUAL: Plan = { action: "exception", exception: 0 };

/** The longest of any protocol: the request comes back with a word on it. */
const DENIAL = new Uint8Array(4096);
