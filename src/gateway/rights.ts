/** What one session may do under the policy in force: its subject, its compiled table, the facts its rules ask for. Made per session and reload. */
import type { Subject } from "#events";
import type { Operation } from "#operation";
import { type Answers, answersFor } from "#policy/answers";
import type { Table } from "#policy/compile";
import type { Changes, Decision, Facts, LastSeen, Rates } from "#policy/decision";
import { type Places, placesOf } from "#policy/places";
import type { RateWindows } from "#process/windows";
import type { Asset } from "./asset.ts";
import type { Clock } from "./clock.ts";
import type { PolicyInForce } from "./policy.ts";
import type { Ticket } from "./ticket.ts";

export class Rights {
  readonly subject: Subject;
  readonly policy: PolicyInForce;
  readonly table: Table;
  readonly answers: Answers;
  readonly epoch: number;
  readonly #facts: SessionFacts;
  readonly #clock: Clock;
  readonly #asset: Asset;
  readonly #rates: RateWindows;
  readonly #countsChanges: boolean;

  constructor(subject: Subject, policy: PolicyInForce, asset: Asset, clock: Clock, rates: RateWindows) {
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
    this.#facts = new SessionFacts(policy.hoursAt(clock.wall()), asset.lastSeen, asset.changes, rates);
  }

  factsAt(now: number): Facts {
    this.#facts.now = now;
    this.#facts.hoursOpen = this.policy.hoursAt(this.#clock.wall());
    return this.#facts;
  }

  /** An allowed request takes its place in the windows its rules count by (RULINGS 10: at the decision, before it is sent). */
  reserve(ticket: Ticket, decision: Decision, now: number): void {
    ticket.reservedMs = now;
    ticket.reservedBy = this;
    const { rules } = decision;
    for (let i = 0; i < rules.length; i++) {
      const order = rules[i] as number;
      if ((this.policy.rule(order)?.rate ?? null) !== null) this.#rates.reserve(order, now);
    }
    if (!this.#countsChanges || !ticket.change) return;
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
    if (!this.#countsChanges || !ticket.change) return;
    const places = this.#placesOf(ticket);
    for (let i = 0; i < places.count; i++)
      this.#asset.changes.refund(places.units[i] as number, places.places[i] as number, ticket.reservedMs);
  }

  #placesOf(ticket: Ticket): Places {
    const operations: readonly Operation[] = ticket.message?.operations ?? [];
    return placesOf(this.table.ground, operations);
  }
}

class SessionFacts implements Facts {
  now = 0;
  hoursOpen: Uint8Array;
  readonly lastSeen: LastSeen;
  readonly changes: Changes;
  readonly rates: Rates;

  constructor(hoursOpen: Uint8Array, lastSeen: LastSeen, changes: Changes, rates: Rates) {
    this.hoursOpen = hoursOpen;
    this.lastSeen = lastSeen;
    this.changes = changes;
    this.rates = rates;
  }
}
