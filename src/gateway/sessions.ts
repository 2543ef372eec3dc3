/** Every open session: how it ends, what happens to what it asked, and the watch over idle and unreading peers. */
import { randomBytes } from "node:crypto";
import type { SessionEnd } from "#events";
import { abandon } from "./denying.ts";
import { goneUnconfirmed } from "./parts.ts";
import type { Road } from "./road.ts";
import { unproven } from "./selecting.ts";
import type { Session } from "./session.ts";

export class Sessions {
  readonly open = new Set<Session>();
  readonly #road: Road;
  #serial = 0;
  readonly #boot: string;

  constructor(road: Road) {
    this.#road = road;
    this.#boot = `${Math.floor(road.clock.wall() / 1000).toString(36)}${randomBytes(2).toString("hex")}`;
  }

  /** Names are unique over restarts, two in one second and a clock set back among them: start second, something random, and a count. */
  nextId(): string {
    this.#serial += 1;
    return `${this.#boot}-${this.#serial}`;
  }

  countOf(identity: string, asset: string): number {
    let count = 0;
    for (const session of this.open) if (session.identity === identity && session.asset.name === asset) count += 1;
    return count;
  }

  begin(session: Session, certificate: string | null): void {
    this.open.add(session);
    session.asset.sessions.add(session);
    session.certificate = certificate;
    this.#road.records.sessionOpened(session);
    session.stream.start(session);
  }

  /**
   * End a session once. What waits for the device is not sent; what is at the device is completed in the records when its reply comes.
   */
  end(session: Session, reason: SessionEnd, words: string): void {
    if (session.ended !== null) return;
    const now = this.#road.clock.monotonic();
    session.ended = reason;
    this.open.delete(session);
    session.asset.sessions.delete(session);
    session.device.queue.leave(session);
    if (session.asset.lease.holder === session) session.asset.endLease(false, now);
    for (let ticket = session.waiting.shift(); ticket !== null; ticket = session.waiting.shift()) {
      session.device.left(ticket);
      abandon(ticket, "sessionEnded", now);
    }
    for (let ticket = session.pending.shift(); ticket !== null; ticket = session.pending.shift()) {
      if (!ticket.atDevice) this.#road.tickets.release(ticket);
    }
    if (session.awaiting !== null) goneUnconfirmed(session.awaiting, now);
    unproven(session);
    if (session.asset.site.upstream.mode === "per_session") session.device.retire();
    this.#road.writeReads(session);
    this.#road.records.sessionEnded(session, reason, words);
    this.#road.log.info({ session: session.id, who: session.subject.identity, asset: session.asset.name, reason, words }, "session ended");
    if (reason === "closedByPeer" || reason === "transportError" || reason === "slowReader") session.stream.destroy();
    else session.stream.end();
  }

  /** A fault of ours costs the session it befell, never the daemon and never the gate. */
  endFaulty(session: Session, fault: unknown): void {
    this.#road.log.error({ fault, session: session.id }, "fault in a session; it is ended");
    this.end(session, "internalFault", "");
  }

  /** Several times a second: idle peers, peers that do not read, requests that wait in vain. */
  watch(now: number): void {
    const { idleMs, slowReaderMs } = this.#road.limits;
    for (const session of this.open) {
      if (session.pausedMs !== 0 && now - session.pausedMs > slowReaderMs) this.end(session, "slowReader", "does not read its answers");
      else if (session.pending.size === 0 && now - session.lastRequestMs > idleMs) this.end(session, "idle", "");
      else session.refuseOverdue(now);
    }
  }
}
