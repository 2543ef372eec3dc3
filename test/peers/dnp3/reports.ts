/** Unsolicited responses of the outstation test peer: the null one first, then events of enabled classes; each again until it is confirmed. */
import { CONTROL, FUNCTION } from "./application.ts";
import type { PointEvent } from "./database.ts";
import { type Packed, pack } from "./pack.ts";
import type { Host, Session } from "./session.ts";

interface Report {
  readonly session: Session;
  readonly fragment: Uint8Array;
  readonly events: ReadonlySet<PointEvent>;
  readonly isNull: boolean;
  /** Ends the waiting for its CONFIRM. */
  stop: () => void;
}

export class Reports {
  readonly #host: Host;
  readonly #newest: () => Session | undefined;
  #report: Report | null = null;
  #sequence = 0;
  #needsNull: boolean;
  #offered: NodeJS.Immediate | null = null;

  constructor(host: Host, newest: () => Session | undefined) {
    this.#host = host;
    this.#newest = newest;
    this.#needsNull = host.device.takesUnsolicited;
  }

  isWaiting(session: Session): boolean {
    return this.#report?.session === session;
  }

  /** Begin anew, with a null response. */
  restart(): void {
    this.#drop();
    this.#needsNull = this.#host.device.takesUnsolicited;
    this.offer();
  }

  /** Report what there is, once what happens now has happened: changes of one turn travel together. */
  offer(): void {
    this.#offered ??= setImmediate(() => {
      this.#offered = null;
      this.#begin();
    });
  }

  left(session: Session): void {
    if (this.#report?.session !== session) return;
    this.#drop();
    this.offer();
  }

  confirmed(session: Session, sequence: number): void {
    const report = this.#report;
    if (report === null || report.session !== session || (report.fragment[0]! & CONTROL.sequence) !== sequence) return;
    this.#drop();
    if (report.isNull) this.#needsNull = false;
    this.#host.confirmed(report.events);
    session.resume();
    this.offer();
  }

  close(): void {
    this.#drop();
    if (this.#offered !== null) clearImmediate(this.#offered);
    this.#offered = null;
  }

  #begin(): void {
    const session = this.#newest();
    const { database, takesUnsolicited, classes, needsTime, room } = this.#host.device;
    if (!takesUnsolicited || session === undefined || this.#report !== null || session.isAnswering) return;
    let packed: Packed = { objects: new Uint8Array(0), events: new Set() };
    if (!this.#needsNull) {
      const units = database.select(({ eventClass }) => (classes & (1 << eventClass)) !== 0, 0, Infinity, new Set());
      if (units.length === 0) return;
      packed = pack(units, room, !needsTime)[0]!;
    }
    const control = CONTROL.fir | CONTROL.fin | CONTROL.uns | this.#sequence;
    const head = { functionCode: FUNCTION.unsolicited, control, isConfirmed: true, iin2: 0 };
    const fragment = this.#host.compose(head, packed.objects, packed.events);
    this.#sequence = (this.#sequence + 1) & CONTROL.sequence;
    const isNull = this.#needsNull;
    this.#report = { session, fragment, events: packed.events, isNull, stop: this.#wait() };
    session.line.send(fragment, session.master);
  }

  #wait(): () => void {
    return this.#host.after(this.#host.confirmTimeoutMs, () => {
      const report = this.#report;
      if (report === null) return;
      const { session, fragment } = report;
      if (session.hasDeferred) {
        // The master wants to know more than it confirms: it gets that first.
        this.#report = null;
        session.resume();
        this.offer();
        return;
      }
      report.stop = this.#wait();
      session.line.send(fragment, session.master);
    });
  }

  #drop(): void {
    this.#report?.stop();
    this.#report = null;
  }
}
