/**
 * One authenticated connection. Requests act and are answered in the order they were asked (RULINGS 21): every request holds a place in
 * `pending` until its answer has been written, and a denial waits for the replies before it.
 */
import type { Lapse, SessionEnd, Subject } from "#events";
import type { Decision } from "#policy/decision";
import { DenialWindow } from "#session/denials";
import type { Conversation, Framer } from "#session/protocol";
import type { ByteStream, StreamHandler } from "#transport/stream";
import { type Lane, Ring, type Source } from "#upstream/fair";
import type { Asset } from "./asset.ts";
import { refuse } from "./denying.ts";
import type { Device } from "./device.ts";
import type { Guard } from "./guard.ts";
import { confirmCame, goneUnconfirmed } from "./parts.ts";
import { arrive, brokenStream, codeOf, isOverdue, passOver } from "./path.ts";
import { ReadCounters } from "./reads.ts";
import type { Rights } from "./rights.ts";
import type { Road } from "./road.ts";
import type { Storm } from "./storms.ts";
import type { Ticket } from "./ticket.ts";
import type { Peer } from "./trust.ts";

/** Answers that leave in one packet. */
const OUT_OCTETS = 2080;
/** Octets of what is passed over that its record shows; of what may hold a password, what it says it is. */
const SHOWN = 32;
const SHOWN_OF_SECRETS = 2;
/** No policy has this epoch. */
const NEVER = 0;

export class Session implements StreamHandler, Source<Ticket> {
  readonly id: string;
  readonly road: Road;
  readonly asset: Asset;
  readonly stream: ByteStream;
  readonly listener: string;
  readonly openedWallMs: number;
  /** Its certificate, by the hash it is kept under; null on a plain listener. */
  certificate: string | null = null;
  /** It is one of so many that it is only counted; null: it is not. */
  storm: Storm | null = null;
  /** Its opening has a record. */
  isTold = false;
  readonly denials = new DenialWindow();
  readonly reads: ReadCounters;
  /** Every request not yet answered, oldest first. */
  readonly pending: Ring<Ticket>;
  /** Those of them that have not been sent to the device. */
  readonly waiting: Ring<Ticket>;
  /** Answers, denials included, that may be owed at once; a peer that asks on beyond it is cut. */
  readonly answersLimit: number;
  enrolled = false;
  lane: Lane<Ticket> | null = null;
  /** Where this session's requests go: the asset's shared device, or its own connection (`per_session`). */
  readonly device: Device;
  rights: Rights;
  /** What the certificate proved; null on a plain listener. */
  readonly peer: Peer | null;
  /** Its certificate has ended and it may look until then, steady wall milliseconds (RULINGS 18); null: it has not. */
  lapsesMs: number | null = null;
  /** A revocation list its certificate is held against is overdue beyond the grace: it changes nothing (RULINGS 18). */
  listsStale = false;
  readsAtDevice = 0;
  changesAtDevice = 0;
  requests = 0;
  denied = 0;
  ended: SessionEnd | null = null;
  lastRequestMs: number;
  /** Monotonic milliseconds since when the peer does not read; 0: it does. */
  pausedMs = 0;
  /** Set while the session stands in the road's list of sessions with something to write. */
  dirty = false;
  /** What its requests make of each other; null: nothing. */
  readonly conversation: Conversation | null;
  /** The request that came last, while it is in the house. */
  newest: Ticket | null = null;
  /** Part of its reply waits for the session to say that it came; nothing but that or another request ends it. */
  awaiting: Ticket | null = null;
  /** The request that a proof is wanted for: the number of its decision, and whether it selects. */
  challenged: { readonly record: number; readonly arms: boolean; readonly change: boolean } | null = null;
  /** What was read for the selection that stands. */
  selectedOn: Guard | null = null;
  /** Its requests wait while anybody else has one waiting. */
  yields = false;
  /** Counts what the device told unasked and this session was told. */
  unsolicitedId = 0;
  readonly #framer: Framer;
  readonly #out: Uint8Array;
  #outLength = 0;
  #deaf = false;

  constructor(
    road: Road,
    id: string,
    asset: Asset,
    device: Device,
    stream: ByteStream,
    listener: string,
    rights: Rights,
    peer: Peer | null,
    now: number,
  ) {
    this.road = road;
    this.id = id;
    this.asset = asset;
    this.device = device;
    this.stream = stream;
    this.listener = listener;
    this.rights = rights;
    this.peer = peer;
    this.openedWallMs = road.clock.wall();
    this.lastRequestMs = now;
    this.answersLimit = road.limits.pendingPerSession * 4;
    this.pending = new Ring<Ticket>(this.answersLimit);
    this.waiting = new Ring<Ticket>(road.limits.pendingPerSession);
    this.reads = new ReadCounters(road.limits.readCounters);
    this.#framer = asset.protocol.framer("session", asset.site.link);
    this.conversation = asset.protocol.conversation(asset.site.secureAuthentication);
    this.#out = new Uint8Array(Math.max(OUT_OCTETS, asset.protocol.frameLimit));
  }

  get identity(): string {
    return this.rights.subject.identity;
  }

  get subject(): Subject {
    return this.rights.subject;
  }

  received(octets: Uint8Array): void {
    const now = this.road.clock.monotonic();
    try {
      this.#take(octets, now);
    } catch (fault) {
      this.road.sessions.endFaulty(this, fault);
    }
    this.road.turn(now);
  }

  #take(octets: Uint8Array, now: number): void {
    this.#framer.feed(octets);
    while (this.ended === null && !this.#deaf) {
      const found = this.#framer.next();
      if (this.#framer.answer.length > 0) this.stream.write(this.#framer.answer);
      if (found === "more") break;
      if (found === "broken") {
        brokenStream(this, this.#framer);
        break;
      }
      this.lastRequestMs = now;
      if (found === "passedOver") passOver(this, codeOf(this.#framer), this.#framer.brokenOctets);
      else if (found === "frame") this.#hear(now);
    }
    // What is answered at once, without the device, must not fill our memory either.
    if (this.conversation !== null) this.#mindBacklog();
  }

  /** Most protocols' requests stand each by itself. */
  #hear(now: number): void {
    const { conversation } = this;
    const heard = conversation === null ? "request" : conversation.hear(this.#framer, now);
    switch (heard) {
      case "request":
        // Who asks for another thing has given up what it was to confirm, and what it had selected.
        if (this.awaiting !== null) goneUnconfirmed(this.awaiting, now);
        if (conversation !== null) this.#minesLease(conversation, now);
        if (this.ended === null) arrive(this, this.#framer, now);
        return;
      case "confirm":
        confirmCame(this, conversation as Conversation, now);
        return;
      case "repeated":
        this.tell((conversation as Conversation).answer, (conversation as Conversation).answer.length);
        return;
      case "ignored": {
        const { octets, pduAt, pduLength } = this.#framer;
        const isSecret = this.asset.protocol.isSecret(octets.subarray(pduAt, pduAt + pduLength), pduLength);
        passOver(this, "badControl", octets.subarray(pduAt, pduAt + Math.min(pduLength, isSecret ? SHOWN_OF_SECRETS : SHOWN)));
        return;
      }
      case "held":
        return;
    }
  }

  #minesLease(conversation: Conversation, now: number): void {
    const { lease } = this.asset;
    if (lease.holder === this && lease.isArmed && !conversation.isSelected(now)) this.asset.endLease(false, now);
  }

  /** Write `length` octets of frames now, behind what is answered already. */
  tell(frames: Uint8Array, length: number): void {
    this.flush();
    if (this.ended === null && length > 0) this.stream.write(frames, length);
    this.#mindBacklog();
  }

  drained(): void {
    if (this.pausedMs === 0 || this.ended !== null) return;
    this.pausedMs = 0;
    this.stream.resume();
  }

  closed(error: string | null): void {
    this.road.sessions.end(this, error === null ? "closedByPeer" : "transportError", error ?? "");
  }

  /** Put a message of the gateway's or the device's into this session's frames; see `Framer.frame`. */
  frame(target: Uint8Array, at: number, transactionId: number, unitId: number, pdu: Uint8Array, pduAt: number, pduLength: number): number {
    return this.#framer.frame(target, at, transactionId, unitId, pdu, pduAt, pduLength);
  }

  /** Does anybody hear what it asks? */
  get listens(): boolean {
    return !this.#deaf && this.ended === null;
  }

  /** A session about to be closed asks nothing more; what it asked before is still answered in its turn. */
  stopListening(): void {
    this.#deaf = true;
    this.stream.pause();
  }

  /** An open request with this transaction id, or null. */
  openRequest(transactionId: number): Ticket | null {
    for (let i = 0; i < this.pending.size; i++) {
      const ticket = this.pending.at(i) as Ticket;
      if (ticket.transactionId === transactionId) return ticket;
    }
    return null;
  }

  /** What became of a ticket is known: answer it, and those behind it that only waited for it. */
  settle(ticket: Ticket): void {
    ticket.settled = true;
    this.asset.endTurn(ticket);
    // Carried out or not, what was selected for it is over.
    if (ticket.carriesOut && this.asset.lease.holder === this) this.asset.endLease(false, this.road.clock.monotonic());
    if (this.ended === null) this.road.answered(this);
    else this.road.tickets.release(ticket);
  }

  /** Answer everything that has not been sent yet, because it can no longer be. */
  refuseWaiting(code: "evidenceUnavailable", now: number): void {
    this.device.queue.withdraw(this);
    for (let left = this.waiting.size; left > 0; left--) {
      const ticket = this.waiting.shift() as Ticket;
      if (this.#goesWithoutRecord(ticket, now)) {
        this.waiting.push(ticket);
        continue;
      }
      this.device.left(ticket);
      refuse(ticket, code, now);
    }
    if (this.waiting.size > 0) this.device.queue.enroll(this);
  }

  /** Only what an essential rule allows, and only with an entry in the journal (RULINGS 15). */
  #goesWithoutRecord(ticket: Ticket, now: number): boolean {
    if (!ticket.essential) return false;
    return ticket.kept !== null || this.road.stops.pass(ticket, ticket.decision as Decision, now);
  }

  /**
   * The disk keeps a stop waiting: it goes by the journal. What its session asked before it and waits for the disk too is refused, wherever it
   * stands: the stop would wait for it.
   *
   * @returns false: the journal is full, and it waits for the disk like any other
   */
  letStopGo(stop: Ticket, now: number): boolean {
    if (!this.#goesWithoutRecord(stop, now)) return false;
    let isBefore = true;
    for (let left = this.waiting.size; left > 0; left--) {
      const ticket = this.waiting.shift() as Ticket;
      if (ticket === stop) isBefore = false;
      if (!isBefore || !this.#awaitsRecord(ticket) || this.#goesWithoutRecord(ticket, now)) {
        this.waiting.push(ticket);
        continue;
      }
      this.device.left(ticket);
      refuse(ticket, "evidenceUnavailable", now);
    }
    this.road.wants(this.device);
    return true;
  }

  /**
   * Answer what has waited too long, from the front: behind a disk that stalls or a device that is asked at a slow pace nobody's turn comes,
   * and an operator is owed a word all the same.
   */
  refuseOverdue(now: number): void {
    for (let ticket = this.waiting.first(); ticket !== null && isOverdue(ticket, now); ticket = this.waiting.first()) {
      const code = this.waitsForEvidence() ? "evidenceUnavailable" : "queueFull";
      this.waiting.shift();
      this.device.left(ticket);
      if (this.waiting.size === 0) this.device.queue.withdraw(this);
      refuse(ticket, code, now);
    }
  }

  /** Whatever the policy allows: why this is not done for this certificate now; null: nothing stands against it. */
  barred(ticket: Ticket): Lapse | null {
    if (this.lapsesMs !== null && !looks(ticket)) return "certificateExpired";
    if (ticket.change && this.listsStale) return "revocationStale";
    const { block } = this.asset;
    return block !== null && (ticket.change || block.reads) ? "blocked" : null;
  }

  /** Does anything wait only for its record to be on disk? */
  waitsForEvidence(): boolean {
    const first = this.waiting.first();
    return first !== null && this.#awaitsRecord(first);
  }

  #awaitsRecord(ticket: Ticket): boolean {
    return ticket.kept === null && ticket.recordNumber > this.road.audit.durable && this.road.mustBeDurable(ticket.change);
  }

  /** Something that binds everybody changed: what waits is judged again before it leaves, reads too. */
  judgeWaitingAgain(): void {
    for (let i = 0; i < this.waiting.size; i++) (this.waiting.at(i) as Ticket).epoch = NEVER;
  }

  /**
   * The documents change: what waits, or has something read for it, gives its places in the windows back while it is known what they were
   * called, and is judged again as it leaves.
   */
  refundUnsent(): void {
    for (let i = 0; i < this.pending.size; i++) {
      const ticket = this.pending.at(i) as Ticket;
      // What was sent keeps its places, whatever became of it.
      if (!ticket.settled && (!ticket.atDevice || ticket.guard?.isRead === false)) this.rights.refund(ticket);
    }
  }

  /** Write every answer whose turn has come, in one packet where they fit. */
  flush(): void {
    this.dirty = false;
    let closing: SessionEnd | null = null;
    for (let ticket = this.pending.first(); ticket?.settled === true && closing === null; ticket = this.pending.first()) {
      this.pending.shift();
      if (this.#outLength + ticket.answerLength > this.#out.length) this.#write();
      for (let i = 0; i < ticket.answerLength; i++) this.#out[this.#outLength + i] = ticket.answer[i] as number;
      this.#outLength += ticket.answerLength;
      closing = ticket.closes;
      if (this.newest === ticket) {
        this.newest = null;
        if (ticket.parts === 0) this.conversation?.answered(ticket.answer, ticket.answerLength);
      }
      this.road.tickets.release(ticket);
    }
    this.#write();
    if (closing !== null) this.road.sessions.end(this, closing, "");
    else this.#mindBacklog();
  }

  #write(): void {
    if (this.#outLength === 0 || this.ended !== null) return;
    this.stream.write(this.#out, this.#outLength);
    this.#outLength = 0;
  }

  /** A peer that asks and does not read is first no longer read itself, then cut, before its answers fill our memory. */
  #mindBacklog(): void {
    if (this.ended !== null) return;
    const queued = this.stream.queued;
    if (queued > this.road.limits.sessionBacklogOctets) {
      this.road.sessions.end(this, "slowReader", `${queued} octets unread`);
    } else if (queued > this.road.limits.sessionPauseOctets && this.pausedMs === 0) {
      this.pausedMs = this.road.clock.monotonic();
      this.stream.pause();
    }
  }
}

/** Does all of it observe? */
function looks({ message }: Ticket): boolean {
  return message?.operations.every(({ effect }) => effect === "observe") === true;
}
