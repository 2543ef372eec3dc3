/**
 * Replies in several parts, and those whose receiver is to say that they came. Each part is judged and passed on as it comes; the device is told
 * that it came once the session has said so, and by nobody else: events leave its buffer only then (RULINGS 34). Meanwhile nothing else is asked
 * of it, no longer than a reply may take.
 */
import type { Conversation, Framer, Part, Reply } from "#session/protocol";
import { conclude, dropReply, withhold } from "./answering.ts";
import { back } from "./denying.ts";
import { NARROWED, narrow } from "./narrow.ts";
import { answeredRequest } from "./selecting.ts";
import type { Session } from "./session.ts";
import type { Ticket } from "./ticket.ts";

/** What is to become of the request: it waits for its session, for the next part, or for nothing more. */
export type AfterPart = "awaits" | "more" | "done";

/** A part of the reply came from the device. */
export function deliverPart(ticket: Ticket, framer: Framer, part: Part, now: number): AfterPart {
  const session = ticket.session as Session;
  try {
    const matched = session.asset.protocol.match(answeredRequest(ticket), framer.octets, framer.pduAt, framer.pduLength);
    // What became of a change is told in one part, or nobody knows it.
    const isInPlace =
      part.isFirst === (ticket.parts === 0) && (part.isLast || (!ticket.change && ticket.parts + 1 < session.road.limits.replyParts));
    if (matched.ok && isInPlace) return passPart(ticket, framer, part, matched.value, now);
    back(ticket, now);
    dropReply(ticket, matched.ok ? "outOfSequence" : matched.error.kind, null, now);
  } catch (fault) {
    back(ticket, now);
    withhold(ticket, fault, now);
  }
  session.settle(ticket);
  return "done";
}

function passPart(ticket: Ticket, framer: Framer, part: Part, reply: Reply, now: number): AfterPart {
  const session = ticket.session as Session;
  const { transactions } = session.asset.protocol;
  const narrowed = narrow(ticket, reply, now);
  if (narrowed === "refused") {
    // What follows would be refused as well: the device is not told to go on.
    back(ticket, now);
    session.settle(ticket);
    return "done";
  }
  conclude(ticket, reply, null, now, part.isLast);
  ticket.isLastPart = part.isLast;
  ticket.partId = framer.transactionId;
  if (session.ended !== null) {
    back(ticket, now);
    session.settle(ticket);
    return "done";
  }
  const id = (ticket.transactionId + ticket.parts) % transactions;
  const length =
    narrowed === null
      ? session.frame(ticket.answer, 0, id, ticket.unitId, framer.octets, framer.pduAt, framer.pduLength)
      : session.frame(ticket.answer, 0, id, ticket.unitId, NARROWED, 0, narrowed);
  ticket.parts += 1;
  // A reply of one part is kept for whoever did not get it and asks again; of several nobody knows which they have.
  const isWhole = part.isLast && ticket.parts === 1;
  if (session.newest === ticket) session.conversation?.answered(ticket.answer, isWhole ? length : 0);
  session.tell(ticket.answer, length);
  ticket.answerLength = 0;
  if (part.wantsConfirm) {
    ticket.awaitsConfirm = true;
    session.awaiting = ticket;
    return "awaits";
  }
  if (!part.isLast) return "more";
  back(ticket, now);
  session.settle(ticket);
  return "done";
}

/** The session says that something came. What nobody waits for is nothing. */
export function confirmCame(session: Session, { confirmed }: Conversation, now: number): void {
  const { transactionId, unsolicited } = confirmed;
  if (unsolicited) {
    session.asset.unsolicited.confirmed(session, transactionId);
    return;
  }
  const ticket = session.awaiting;
  const { transactions } = session.asset.protocol;
  if (ticket === null || (ticket.transactionId + ticket.parts - 1) % transactions !== transactionId) {
    session.road.stats.stray("confirm");
    return;
  }
  session.awaiting = null;
  ticket.awaitsConfirm = false;
  const isOver = ticket.isLastPart;
  session.device.confirm(ticket, now);
  if (!isOver) return;
  back(ticket, now);
  session.settle(ticket);
  // Its number is free for another request, which may come in the same packet.
  session.flush();
  session.road.wants(session.device);
}

/** Nobody said that it came: the device is not told so, and keeps what it has. */
export function goneUnconfirmed(ticket: Ticket, now: number): void {
  const session = ticket.session as Session;
  session.awaiting = null;
  ticket.awaitsConfirm = false;
  session.device.letGo(ticket);
  session.road.stats.stray("unconfirmed");
  back(ticket, now);
  session.settle(ticket);
  // Its number is free for another request, which may come in the same packet.
  session.flush();
  session.road.wants(session.device);
}
