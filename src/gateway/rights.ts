/** What one session may do under the policy in force: its subject, its compiled table, the facts its rules ask for. Made per session and reload. */
import type { Subject } from "#events";
import type { Operation } from "#operation";
import { type Answers, answersFor } from "#policy/answers";
import type { Table } from "#policy/compile";
import type { Changes, Decision, Facts, Present, Rates } from "#policy/decision";
import { type Places, placesOf } from "#policy/places";
import type { RateWindows } from "#process/windows";
import type { Asset } from "./asset.ts";
import type { GateClock } from "./clock.ts";
import type { Guard } from "./guard.ts";
import type { PolicyInForce } from "./policy.ts";
import type { Ticket } from "./ticket.ts";

export class Rights {
  readonly subject: Subject;
  readonly policy: PolicyInForce;
  readonly table: Table;
  readonly answers: Answers;
  readonly epoch: number;
  readonly #facts: SessionFacts;
  readonly #clock: GateClock;
  readonly #asset: Asset;
  readonly #rates: RateWindows;
  readonly #countsChanges: boolean;

  constructor(subject: Subject, policy: PolicyInForce, asset: Asset, clock: GateClock, rates: RateWindows) {
    this.subject = subject;
    this.policy = policy;
    this.epoch = policy.epoch;
    this.table = policy.compiled.tableFor(
      asset.name,
      subject.roles,
      subject.assurance === "certificate" ? "certificate" : subject.mayWriteUnauthenticated ? "accepted" : "none",
    );
    this.answers = answersFor(policy.policy, asset.name, subject.roles);
    this.#clock = clock;
    this.#asset = asset;
    this.#rates = rates;
    this.#countsChanges = policy.changeDepth > 0;
    this.#facts = new SessionFacts(policy.hoursAt(clock.believed(clock.monotonic())), asset.changes, rates);
  }

  /** @param guard what the gateway read for the request at hand; null: nothing yet */
  factsAt(now: number, guard: Guard | null): Facts {
    this.#facts.now = now;
    this.#facts.present = guard === null ? null : guard.present;
    this.#facts.implausible = this.#asset.implausible;
    this.#facts.states = guard === null ? this.policy.unread : guard.states;
    this.#facts.hoursOpen = this.policy.hoursAt(this.#clock.believed(now));
    return this.#facts;
  }

  /**
   * An allowed request takes its place in the windows its rules count by (RULINGS 10: at the decision, before it is sent). While a guard read
   * is to come, nobody knows whether it changes anything: it takes its place once that is known.
   */
  reserve(ticket: Ticket, decision: Decision, now: number): void {
    ticket.reservedMs = now;
    ticket.reservedBy = this;
    const { rules } = decision;
    for (let i = 0; i < rules.length; i++) {
      const order = rules[i] as number;
      if ((this.policy.rule(order)?.rate ?? null) !== null) this.#rates.reserve(order, now);
    }
    if (!this.#countsChanges || !ticket.change) return;
    if (ticket.guard?.isRead === false) return;
    ticket.reservedChanges = true;
    const places = this.#placesOf(ticket);
    for (let i = 0; i < places.count; i++) this.#asset.changes.reserve(places.units[i] as number, places.places[i] as number, now);
  }

  /** It was not sent after all, or is judged again: its places are free. A ticket is given back by the rights that reserved it. */
  refund(ticket: Ticket): void {
    if (ticket.reservedBy === null) return;
    const reserved = ticket.reservedBy;
    ticket.reservedBy = null;
    reserved.#refund(ticket);
  }

  #refund(ticket: Ticket): void {
    const rules = ticket.decision?.rules ?? [];
    for (let i = 0; i < rules.length; i++) {
      const order = rules[i] as number;
      if ((this.policy.rule(order)?.rate ?? null) !== null) this.#rates.refund(order, ticket.reservedMs);
    }
    if (!ticket.reservedChanges) return;
    ticket.reservedChanges = false;
    const places = this.#placesOf(ticket);
    for (let i = 0; i < places.count; i++)
      this.#asset.changes.refund(places.units[i] as number, places.places[i] as number, ticket.reservedMs);
  }

  #placesOf(ticket: Ticket): Places {
    const operations: readonly Operation[] = ticket.message?.operations ?? [];
    return placesOf(this.table.ground, operations, ticket.guard?.present ?? null);
  }
}

const NO_STATES = new Uint8Array(0);

class SessionFacts implements Facts {
  now = 0;
  hoursOpen: Uint8Array;
  present: Present | null = null;
  states: Uint8Array = NO_STATES;
  implausible: Uint8Array = NO_STATES;
  readonly changes: Changes;
  readonly rates: Rates;

  constructor(hoursOpen: Uint8Array, changes: Changes, rates: Rates) {
    this.hoursOpen = hoursOpen;
    this.changes = changes;
    this.rates = rates;
  }
}
