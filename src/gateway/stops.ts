/**
 * Stops that pass while their record cannot be written (RULINGS 15): a full disk must not stop a shutdown. What an essential rule allows goes
 * to the device at once where the log takes nothing, and after a short wait where the disk does not answer; the journal has it, people are
 * told, and the log gets it once it takes records again.
 */
import type { Damaged, Journal, Kept } from "#audit/journal";
import type { Outcome } from "#events";
import type { Decision } from "#policy/decision";
import type { Road } from "./road.ts";
import type { Session } from "./session.ts";
import type { Ticket } from "./ticket.ts";

/** People are told again this often while it goes on. */
const TELL_MS = 10_000;
/** So many sessions that ask for the same have entries of their own; those of one identity that come after share its last. */
const SESSIONS_APART = 8;

/** On the way to the disk as a record of this number. */
interface Numbered<T> {
  readonly what: T;
  readonly number: number;
}

/** A stop that has not had its turn. Tickets serve others later: it is still the one meant while all of this is so. */
interface Awaited {
  readonly ticket: Ticket;
  readonly session: Session;
  readonly transactionId: number;
  readonly arrivedMs: number;
}

export class Stops {
  readonly journal: Journal;
  /** Stops that passed without their record on the disk, since start. */
  passed = 0;
  readonly #road: Road;
  #waiting: Awaited[] = [];
  /** By what was asked and who asked it, one for each of its sessions: an equal one is counted, not kept again. */
  readonly #byRequest = new Map<string, Kept[]>();
  /** Entries of which one is at the device, and how many are. */
  readonly #open = new Map<Kept, number>();
  /** Records of theirs on the way to the disk, oldest first. */
  #merging: Numbered<Kept>[] = [];
  #reporting: Numbered<Damaged>[] = [];
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(road: Road, journal: Journal) {
    this.#road = road;
    this.journal = journal;
  }

  /** It waits for its turn; `look` sees to it that it does not wait long for a disk. */
  await(ticket: Ticket): void {
    const { transactionId, arrivedMs } = ticket;
    this.#waiting.push({ ticket, session: ticket.session as Session, transactionId, arrivedMs });
  }

  /**
   * Let it go without its record.
   *
   * @returns false: the journal is full, so it does not pass
   */
  pass(ticket: Ticket, decision: Decision, now: number): boolean {
    const { road, asset } = ticket.session as Session;
    const entry = road.records.told(ticket, decision, now);
    const passed = new Date(road.clock.wall()).toISOString();
    const request = JSON.stringify([entry.who, asset.name, ticket.unitId, entry.octets]);
    const alike = this.#byRequest.get(request) ?? [];
    const known = alike.find((each) => each.entry.session === entry.session) ?? alike[SESSIONS_APART - 1] ?? null;
    const tail = { last: passed, outcome: null, exception: 0, reason: "" };
    const made = known === null ? this.journal.add({ passed, ...entry }, { ...tail, count: 1, outcomes: {} }) : null;
    // A full journal still counts what it has.
    const kept = made ?? known ?? alike.at(-1) ?? null;
    if (kept === null) return false;
    if (made !== null) this.#byRequest.set(request, [...alike, made]);
    else this.journal.became(kept, { ...kept.tail, ...tail, count: kept.tail.count + 1 });
    this.#open.set(kept, (this.#open.get(kept) ?? 0) + 1);
    ticket.kept = kept;
    this.passed += 1;
    this.#tell(ticket, now);
    return true;
  }

  /** What became of one that passed is known. */
  became(kept: Kept, outcome: Outcome, exception: number, reason: string): void {
    const open = (this.#open.get(kept) ?? 1) - 1;
    if (open === 0) this.#open.delete(kept);
    else this.#open.set(kept, open);
    const outcomes = { ...kept.tail.outcomes, [outcome]: (kept.tail.outcomes[outcome] ?? 0) + 1 };
    this.journal.became(kept, { ...kept.tail, outcome, exception, reason, outcomes });
  }

  /** Time is looked at, every few milliseconds. @param now monotonic milliseconds */
  look(now: number): void {
    if (this.#waiting.length > 0) this.#lookAtWaiting(now);
    if (this.journal.kept.size > 0 || this.journal.damaged.length > 0) this.#merge();
    this.journal.tick(now);
  }

  #lookAtWaiting(now: number): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) {
      const { ticket, session } = each;
      if (!isStillMeant(each) || ticket.hasTurn || ticket.settled) continue;
      try {
        if (!this.#isHeldByDisk(ticket, now) || session.letStopGo(ticket, now)) this.#waiting.push(each);
      } catch (fault) {
        this.#road.sessions.endFaulty(session, fault);
      }
    }
  }

  /** It has no record on the disk, or had none and what its session asked before it may wait for one. */
  #isHeldByDisk(ticket: Ticket, now: number): boolean {
    const { audit, limits } = this.#road;
    if (ticket.kept !== null) return true;
    return ticket.recordNumber > audit.durable && (audit.state !== "ok" || now - ticket.arrivedMs >= limits.stopWaitMs);
  }

  /** Into the log with what is settled; out of the journal once the disk has that. */
  #merge(): void {
    const { audit, records } = this.#road;
    for (const kept of shiftDurable(this.#merging, audit.durable)) this.journal.release(kept);
    for (const damaged of shiftDurable(this.#reporting, audit.durable)) this.journal.forget(damaged);
    if (audit.state !== "ok") return;
    for (const damaged of this.journal.damaged) {
      if (this.#reporting.some(({ what }) => what === damaged)) continue;
      const number = records.note("audit", { event: "journalDamaged", ...damaged });
      if (number > 0) this.#reporting.push({ what: damaged, number });
    }
    const onTheWay = new Set(this.#merging.map(({ what }) => what));
    for (const kept of this.journal.kept.values()) {
      if (onTheWay.has(kept) || this.#open.has(kept)) continue;
      const number = records.note("decision", membersOf(kept), true);
      if (number < 0) return;
      this.#merging.push({ what: kept, number });
      for (const [request, alike] of this.#byRequest) {
        const left = alike.filter((each) => each !== kept);
        if (left.length === 0) this.#byRequest.delete(request);
        else if (left.length < alike.length) this.#byRequest.set(request, left);
      }
    }
  }

  #tell(ticket: Ticket, now: number): void {
    if (now - this.#toldMs < TELL_MS) return;
    this.#toldMs = now;
    const { subject, asset } = ticket.session as Session;
    this.#road.log.error(
      { who: subject.identity, asset: asset.name, kept: this.journal.kept.size, onDisk: this.journal.trouble === null },
      "a stop passed without its record: no evidence can be written; it is kept in the journal",
    );
  }
}

function isStillMeant({ ticket, session, transactionId, arrivedMs }: Awaited): boolean {
  return session.ended === null && ticket.session === session && ticket.transactionId === transactionId && ticket.arrivedMs === arrivedMs;
}

/** Those that the disk has by now, taken out. */
function shiftDurable<T>(line: Numbered<T>[], durable: number): T[] {
  const done: T[] = [];
  for (let first = line[0]; first !== undefined && first.number <= durable; first = line[0]) {
    line.shift();
    done.push(first.what);
  }
  return done;
}

/** The record of what passed without one: as it would have been, and when, how often, and what came of the last. */
function membersOf({ id, entry, tail }: Kept): Record<string, unknown> {
  const { passed, ...told } = entry;
  const journal: Record<string, unknown> = { id, first: passed, last: tail.last, count: tail.count, outcome: tail.outcome };
  if (tail.exception !== 0) journal.exception = tail.exception;
  if (tail.reason !== "") journal.reason = tail.reason;
  if (tail.count > 1) journal.outcomes = tail.outcomes;
  return { ...told, journal };
}
