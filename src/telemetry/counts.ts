/**
 * What this start of the sender did, for each class and minute of its own clock. Offered is sent and dropped by the way it is counted: a record
 * is booked when its frame is sealed, or when it is known to be lost here (RULINGS 40).
 */
import type { CountsRecord, RecordClass } from "#oneway/records";

export const MINUTE_MS = 60_000;
const SETTLED_MS = 5_000;
/** A closed minute is told so many times: what tells it is in the spool besides. */
const TELLINGS = 6;

interface Count {
  readonly of: RecordClass;
  readonly minute: number;
  sent: number;
  dropped: number;
  told: number;
}

export class Counts {
  /** Oldest first; those that are still told. */
  readonly #counts: Count[] = [];
  #isOver = false;

  /** @param nowMs does not go back from one call to the next */
  sent(of: RecordClass, nowMs: number, count = 1): void {
    this.#at(of, nowMs).sent += count;
  }

  dropped(of: RecordClass, nowMs: number, count: number): void {
    this.#at(of, nowMs).dropped += count;
  }

  /** Nothing more is sent by this start: all its minutes are closed from now on. */
  end(): void {
    this.#isOver = true;
  }

  /** What is to be told now; a closed minute also where nothing was sent in it, so that nobody waits for it. */
  tell(nowMs: number): CountsRecord[] {
    // What is on its way at the end of a minute has come by then: else the far side would tell of a loss that heals at once.
    const minute = Math.floor((nowMs - SETTLED_MS) / MINUTE_MS);
    const told = this.#counts.map(({ of, minute: at, sent, dropped }) => ({
      of,
      minute: at,
      offered: sent + dropped,
      sent,
      dropped,
      isClosed: this.#isOver || at < minute,
    }));
    for (const count of this.#counts) if (count.minute < minute) count.told += 1;
    const open = this.#counts.filter((count) => count.told < TELLINGS);
    this.#counts.splice(0, this.#counts.length, ...open);
    return told;
  }

  #at(of: RecordClass, nowMs: number): Count {
    const minute = Math.floor(nowMs / MINUTE_MS);
    const last = this.#counts.findLast((count) => count.of === of);
    if (last?.minute === minute && last.told === 0) return last;
    const made = { of, minute, sent: 0, dropped: 0, told: 0 };
    this.#counts.push(made);
    return made;
  }
}
