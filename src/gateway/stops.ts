/**
 * Stops that pass while their record cannot be written (RULINGS 15): a full disk must not stop a shutdown. What an essential rule allows goes
 * to the device at once where the log takes nothing, and after a short wait where the disk does not answer; the journal has it, people are
 * told, and the log gets it once it takes records again.
 */
import type { Journal, Kept, Tail } from "#audit/journal";
import type { Outcome } from "#events";
import type { Decision } from "#policy/decision";
import type { Road } from "./road.ts";
import type { Session } from "./session.ts";
import type { Ticket } from "./ticket.ts";

/** People are told again this often while it goes on. */
const TELL_MS = 10_000;

interface Merging {
  readonly kept: Kept;
  readonly number: number;
}

export class Stops {
  readonly journal: Journal;
  /** Stops that passed without their record on the disk, since start. */
  passed = 0;
  readonly #road: Road;
  /** Those that wait for the disk. A ticket serves others later: its record's number tells whether it is still the one meant. */
  #waiting: { readonly ticket: Ticket; readonly record: number }[] = [];
  /** By what was asked and who asked it: an equal one is counted, not kept again. */
  readonly #byRequest = new Map<string, Kept>();
  /** Entries of which one is at the device, and how many are. */
  readonly #open = new Map<Kept, number>();
  /** Records of theirs on the way to the disk, oldest first. */
  #merging: Merging[] = [];
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(road: Road, journal: Journal) {
    this.#road = road;
    this.journal = journal;
  }

  /** It waits for its record to be on the disk; `look` sees to it that it does not wait long. */
  await(ticket: Ticket): void {
    this.#waiting.push({ ticket, record: ticket.recordNumber });
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
    const known = this.#byRequest.get(request);
    const kept = known ?? this.journal.add({ passed, ...entry }, { count: 1, last: passed, outcome: null, exception: 0, reason: "" });
    if (kept === null) return false;
    if (known === undefined) this.#byRequest.set(request, kept);
    else this.journal.became(kept, { count: kept.tail.count + 1, last: passed, outcome: null, exception: 0, reason: "" });
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
    const tail: Tail = { ...kept.tail, outcome, exception, reason };
    this.journal.became(kept, tail);
  }

  /** Time is looked at, every few milliseconds. @param now monotonic milliseconds */
  look(now: number): void {
    if (this.#waiting.length > 0) this.#lookAtWaiting(now);
    if (this.journal.kept.size > 0 || this.journal.damaged.length > 0) this.#merge();
    this.journal.tick(now);
  }

  #lookAtWaiting(now: number): void {
    const { audit, limits } = this.#road;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) {
      const { ticket, record } = each;
      if (ticket.recordNumber !== record || record <= audit.durable || ticket.hasTurn || ticket.settled || ticket.kept !== null) continue;
      if (audit.state === "ok" && now - ticket.arrivedMs < limits.stopWaitMs) this.#waiting.push(each);
      else (ticket.session as Session).letStopGo(ticket, now);
    }
  }

  /** Into the log with what is settled; out of the journal once the disk has that. */
  #merge(): void {
    const { audit, records } = this.#road;
    while (this.#merging.length > 0 && (this.#merging[0] as Merging).number <= audit.durable) {
      const { kept } = this.#merging.shift() as Merging;
      this.journal.release(kept);
    }
    if (audit.state !== "ok") return;
    for (const damaged of [...this.journal.damaged])
      if (records.note("audit", { event: "journalDamaged", ...damaged }) > 0) this.journal.forget(damaged);
    const onTheWay = new Set(this.#merging.map(({ kept }) => kept));
    for (const kept of this.journal.kept.values()) {
      if (onTheWay.has(kept) || this.#open.has(kept)) continue;
      const number = records.note("decision", membersOf(kept), true);
      if (number < 0) return;
      this.#merging.push({ kept, number });
      for (const [request, each] of this.#byRequest) if (each === kept) this.#byRequest.delete(request);
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

/** The record of what passed without one: as it would have been, and when, how often, and what came of the last. */
function membersOf({ id, entry, tail }: Kept): Record<string, unknown> {
  const { passed, ...told } = entry;
  const journal: Record<string, unknown> = { id, first: passed, last: tail.last, count: tail.count, outcome: tail.outcome };
  if (tail.exception !== 0) journal.exception = tail.exception;
  if (tail.reason !== "") journal.reason = tail.reason;
  return { ...told, journal };
}
