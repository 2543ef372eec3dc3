/**
 * One request on its way through the house: the octets as they were judged, what they mean, where they stand. Tickets and their slots are
 * made once and reused; a ticket is free again when its session has been answered (or is gone) and the device no longer holds it.
 */
import type { Kept } from "#audit/journal";
import type { DenialCode, SessionEnd } from "#events";
import type { Message, OpenFile, Operation } from "#operation";
import type { Decision } from "#policy/decision";
import type { Protocol, Request } from "#session/protocol";
import type { Guard } from "./guard.ts";
import type { Rights } from "./rights.ts";
import type { Session } from "./session.ts";

/** How much room the messages of a protocol take. */
export type Room = Pick<Protocol, "pduLimit" | "frameLimit">;

export class Ticket {
  session: Session | null = null;
  transactionId = 0;
  unitId = 0;
  /** The request PDU as judged, from octet 0. */
  readonly pdu: Uint8Array;
  pduLength = 0;
  /** Decoded from `pdu`, so its views live as long as the ticket. Null: malformed. */
  request: Request | null = null;
  message: Message | null = null;
  /** What its handle stands for. */
  file: OpenFile | null = null;
  decision: Decision | null = null;
  /** Why it was not passed on, whoever said so; null: it was, or nobody has said yet. */
  denied: DenialCode | null = null;
  /** It would change the plant: one at a time per asset, and only after its record is on disk. */
  change = false;
  /** A stop that an essential rule allows (RULINGS 15). */
  essential = false;
  /** It passed, or may pass, without its record on the disk: the journal has it. */
  kept: Kept | null = null;
  /** Number of its decision record; 0 where reads are counted together. */
  recordNumber = 0;
  /** The session's window of reads it is counted in; 0: in none. */
  countedIn = 0;
  /** The policy it was judged under. */
  epoch = 0;
  arrivedMs = 0;
  sentMs = 0;
  /** The device holds it: sent and not yet answered. */
  atDevice = false;
  /** It has its turn: it is counted among those of its session and asset that the device is busy with. */
  hasTurn = false;
  /** It selects what a command is to be carried out on; it carries out what was selected. */
  arms = false;
  carriesOut = false;
  /** It proves who asked for these, which the device then does; null: it is no proof. */
  proven: readonly Operation[] | null = null;
  /** A part of its reply went to its session, which has not said that it came; nothing more is sent to the device until then. */
  awaitsConfirm = false;
  /** That part is the last. */
  isLastPart = true;
  /** Our transaction id of that part. */
  partId = 0;
  /** Parts of its reply that have been passed on. */
  parts = 0;
  /** An outcome was recorded for it. */
  isTold = false;
  /** Its reply came and was not passed on: it did not answer what was asked. */
  replyDropped = false;
  /** What became of it is known; the answer may still wait for earlier ones of its session. */
  settled = false;
  /** The answer PDU or frame waits here while an earlier request of the session is open. */
  readonly answer: Uint8Array;
  /** Octets of the whole answer frame in `answer`; 0: nothing is said (a drop, a broadcast). */
  answerLength = 0;
  /** Close the session once this ticket's turn to be answered has come. */
  closes: SessionEnd | null = null;
  /** What must be read in the device before it may leave; null: nothing. */
  guard: Guard | null = null;
  /** What was read for the selection that this carries out, or for what it proves: it is judged on that, and nothing is read anew (RULINGS 35). */
  given: Guard | null = null;
  /** Its reservation in the change and rate windows: by which rights, and at which monotonic milliseconds. */
  reservedBy: Rights | null = null;
  reservedMs = 0;
  /** In the windows of `max_changes` too. */
  reservedChanges = false;

  constructor({ pduLimit, frameLimit }: Room) {
    this.pdu = new Uint8Array(pduLimit);
    this.answer = new Uint8Array(frameLimit);
  }

  take(session: Session, transactionId: number, unitId: number, octets: Uint8Array, at: number, length: number, now: number): void {
    this.session = session;
    this.transactionId = transactionId;
    this.unitId = unitId;
    for (let i = 0; i < length; i++) this.pdu[i] = octets[at + i] as number;
    this.pduLength = length;
    this.request = null;
    this.message = null;
    this.file = null;
    this.decision = null;
    this.denied = null;
    this.change = false;
    this.essential = false;
    this.kept = null;
    this.recordNumber = 0;
    this.countedIn = 0;
    this.epoch = 0;
    this.arrivedMs = now;
    this.sentMs = 0;
    this.atDevice = false;
    this.hasTurn = false;
    this.isTold = false;
    this.replyDropped = false;
    this.awaitsConfirm = false;
    this.isLastPart = true;
    this.partId = 0;
    this.parts = 0;
    this.arms = false;
    this.carriesOut = false;
    this.proven = null;
    this.given = null;
    this.settled = false;
    this.answerLength = 0;
    this.closes = null;
    this.guard = null;
    this.reservedBy = null;
    this.reservedMs = 0;
    this.reservedChanges = false;
  }
}

/** Tickets made in advance. The pool grows on demand up to the number of requests that can be open at all, then says no. */
export class TicketPool {
  /** By the room they have. */
  readonly #free = new Map<number, Ticket[]>();
  readonly #limit: number;
  #made = 0;
  #idle = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  claim(room: Room): Ticket | null {
    const free = this.#free.get(room.pduLimit)?.pop();
    if (free !== undefined) {
      this.#idle -= 1;
      return free;
    }
    if (this.#made >= this.#limit) return null;
    this.#made += 1;
    return new Ticket(room);
  }

  release(ticket: Ticket): void {
    ticket.session = null;
    ticket.request = null;
    ticket.message = null;
    ticket.decision = null;
    ticket.guard = null;
    ticket.given = null;
    ticket.kept = null;
    ticket.reservedBy = null;
    this.#idle += 1;
    const free = this.#free.get(ticket.pdu.length);
    if (free === undefined) this.#free.set(ticket.pdu.length, [ticket]);
    else free.push(ticket);
  }

  get inUse(): number {
    return this.#made - this.#idle;
  }
}
