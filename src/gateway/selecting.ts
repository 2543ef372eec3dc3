/** Requests that follow from each other: selections and what carries them out (RULINGS 35), challenges and their proofs (RULINGS 38). */
import type { DenialCode } from "#events";
import type { Message, Operation } from "#operation";
import { matchesIdentity } from "#policy/bindings";
import type { Conversation, Reply } from "#session/protocol";
import { type Beside, told } from "./denying.ts";
import type { Guard } from "./guard.ts";
import type { Session } from "./session.ts";
import type { Ticket } from "./ticket.ts";

/** Does it follow from what the session asked before, and is it for this session to ask? */
export function converse(ticket: Ticket, operations: readonly Operation[], conversation: Conversation, now: number): DenialCode | null {
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
 * With its proof the device does what it was asked for before: so that is judged once more, as it stands now, and the proof is what that is, a
 * change where that is one (RULINGS 38).
 */
export function joinProven(ticket: Ticket, { reply, operations }: Message, conversation: Conversation): void {
  const before = conversation.provenBy(ticket.request as object);
  if (before === null) return;
  const session = ticket.session as Session;
  const { protocol } = session.asset;
  ticket.file = conversation.fileOf(before.request);
  ticket.proven = protocol.message(before.request, ticket.unitId, false, ticket.file).operations;
  ticket.message = { reply, operations: [...operations, ...ticket.proven] };
  ticket.given = session.selectedOn;
}

/** What a reply must answer: of a proof what it is for. */
export function answeredRequest({ session, request }: Ticket): object {
  return (session as Session).conversation?.provenBy(request as object)?.request ?? (request as object);
}

/** A selection was answered, or will not be. All of it is selected or none. */
export function endSelection(
  ticket: Ticket,
  request: object,
  transactionId: number,
  guard: Guard | null,
  isArmed: boolean,
  now: number,
): void {
  const session = ticket.session as Session;
  const { asset, conversation } = session;
  if (conversation === null || asset.lease.holder !== session) return;
  conversation.selected(request, transactionId, isArmed, ticket.sentMs);
  asset.lease.isArmed = conversation.isSelected(now);
  session.selectedOn = asset.lease.isArmed ? guard : null;
  if (!asset.lease.isArmed) asset.endLease(true, now);
}

/** The device does nothing before it has a proof; the master gives it with its next request (RULINGS 38). */
export function challenge(ticket: Ticket, conversation: Conversation, now: number): void {
  const session = ticket.session as Session;
  // It was not done: its places in the windows are free for the proof, which is judged as it was.
  session.rights.refund(ticket);
  // A proof that is not enough is challenged again: what it is for stays.
  if (ticket.proven === null && conversation.challenged(ticket.request as object, ticket.transactionId)) {
    unproven(session);
    session.challenged = { record: ticket.recordNumber, arms: ticket.arms, change: ticket.change };
    session.selectedOn = ticket.guard;
  }
  if (ticket.change) told(ticket, "pending", 0, "", now);
}

/** A proof that came to nothing: what it is for is told of with it, and waits for no other. Null: it is no proof of a change. */
export function completing({ session, proven }: Ticket): Beside {
  const { challenged } = session as Session;
  if (challenged === null || !challenged.change || proven === null) return null;
  (session as Session).challenged = null;
  return { completes: challenged.record };
}

/** Whoever asks for another thing, or leaves, gives no proof any more: what was challenged is not known to have been done. */
export function unproven(session: Session): void {
  const { challenged, road, asset } = session;
  session.challenged = null;
  if (challenged === null || !challenged.change) return;
  const { id, subject } = session;
  road.records.surely("outcome", {
    of: challenged.record === 0 ? null : challenged.record,
    session: id,
    who: subject.identity,
    asset: asset.name,
    outcome: "indeterminate",
    reason: "unproven",
  });
}

/** What was asked for is done. A handle that the device gives is nobody else's from now on, though nobody has closed it (RULINGS 37). */
export function done(session: Session, request: object, reply: Reply): void {
  const handle = session.conversation?.replied(request, reply) ?? -1;
  if (handle < 0) return;
  for (const other of session.asset.sessions) if (other !== session) other.conversation?.lost(handle);
}

/** Does its handle still stand for the file by which it was judged? */
export function hasItsFile(ticket: Ticket): boolean {
  const { file, session } = ticket;
  return file === null || session?.conversation?.fileOf(answeredRequest(ticket)) === file;
}

/**
 * The answer to a proof is that to what it is for.
 *
 * @returns what the outcome says of that; null: nothing was to be told of it
 */
export function proven(ticket: Ticket, reply: Reply, exception: number, now: number): Beside {
  const session = ticket.session as Session;
  const before = session.conversation?.provenBy(ticket.request as object) ?? null;
  if (before === null || session.challenged === null) return null;
  const { record, arms, change } = session.challenged;
  const { selectedOn: guard } = session;
  session.challenged = null;
  if (arms) endSelection(ticket, before.request, before.transactionId, guard, exception === 0, now);
  if (exception === 0) done(session, before.request, reply);
  return change ? { completes: record } : null;
}
