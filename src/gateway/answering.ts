/** The way back: a reply passes only if it answers what was asked; what it shows is learned, what became of the request is told. */
import type { Outcome } from "#events";
import type { Straightened } from "#operation";
import type { Framer, Reply } from "#session/protocol";
import { answerDenial, type Beside, back, told } from "./denying.ts";
import { learn } from "./facts.ts";
import { NARROWED, narrow } from "./narrow.ts";
import { leaveDevice, placeOf } from "./path.ts";
import { answeredRequest, challenge, completing, done, endSelection, proven } from "./selecting.ts";
import type { Session } from "./session.ts";
import type { Ticket } from "./ticket.ts";

/** The device answered: pass it on only if it answers what was asked. */
export function deliver(ticket: Ticket, framer: Framer, now: number): void {
  const session = ticket.session as Session;
  back(ticket, now);
  try {
    passOn(ticket, framer, now);
  } catch (fault) {
    withhold(ticket, fault, now);
  }
  session.settle(ticket);
}

/** A fault of ours between the reply and its receiver: nobody gets it, and what became of a change is not known to anybody who asks. */
export function withhold(ticket: Ticket, fault: unknown, now: number): void {
  const session = ticket.session as Session;
  session.road.log.error({ fault, session: session.id }, "fault while passing a reply on; it is withheld");
  if (ticket.change && !ticket.isTold) told(ticket, "indeterminate", 0, "internal", now, completing(ticket));
  if (ticket.parts === 0) answerDenial(ticket, "internal", 0);
  else ticket.answerLength = 0;
  if (ticket.arms) endSelection(ticket, ticket.request as object, ticket.transactionId, null, false, now);
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
  if (ticket.change) told(ticket, "indeterminate", 0, why, now, beside ?? completing(ticket));
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
  const completes = proven(ticket, reply, exception, now);
  if (ticket.arms) endSelection(ticket, ticket.request as object, ticket.transactionId, ticket.guard, exception === 0, now);
  if (exception === 0) done(session, ticket.request as object, reply);
  const outcome: Outcome =
    exception === 0
      ? "answered"
      : !protocol.knownException(exception)
        ? "unknownException"
        : ticket.change && protocol.leavesDoubt(exception)
          ? "indeterminate"
          : "exception";
  learn(asset, ticket, reply, exception, now);
  if (road.telemetry !== null) road.telemetry.reply(ticket, reply, now);
  if (!isLast) return;
  const isTold = ticket.change || outcome === "unknownException" || (exception !== 0 && !road.noteRead(ticket, "exception"));
  if (isTold) {
    const beside = straight === null ? completes : { quirks: asset.quirks.namesOf(straight) };
    told(ticket, outcome, exception, "", now, beside);
  }
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
  if (ticket.change) told(ticket, outcome === "silent" ? "indeterminate" : outcome, 0, "", now, completing(ticket));
  else if (outcome === "silent") {
    road.noteRead(ticket, "silent");
    told(ticket, "silent", 0, "", now);
  }
  if (outcome === "silent") answerDenial(ticket, "deviceSilent", 0);
  session.settle(ticket);
}

const UNIT_MISMATCH = { ok: false, error: { kind: "unitMismatch" } } as const;
