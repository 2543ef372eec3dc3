/** One asset at work: its model, what was last seen in it, who is connected to it, and its one lane for writes. */
import { Burst } from "#audit/floods";
import type { AssetSite } from "#config/site";
import type { Straightened } from "#operation";
import { LastSeenCells } from "#process/lastSeen";
import type { AssetModel } from "#process/points";
import { ChangeWindows } from "#process/windows";
import type { Framer, Protocol, Request } from "#session/protocol";
import { SELECTION_MS } from "#session/selection";
import { Lease } from "#upstream/lease";
import { Quarantine } from "#upstream/quarantine";
import type { Block } from "./blocks.ts";
import type { Device } from "./device.ts";
import { Layout } from "./layout.ts";
import type { PolicyInForce } from "./policy.ts";
import { Quirks } from "./quirks.ts";
import type { Session } from "./session.ts";
import type { Ticket } from "./ticket.ts";
import { Unsolicited } from "./unsolicited.ts";

/** Places that keep silent which are remembered: more than any device has tables of. */
const SILENT_PLACES = 256;

export class Asset {
  readonly name: string;
  readonly protocol: Protocol;
  site: AssetSite;
  readonly lastSeen = new LastSeenCells();
  readonly changes: ChangeWindows;
  /** Somebody closed it by command; null: it is open. */
  block: Block | null = null;
  readonly sessions = new Set<Session>();
  readonly quarantine = new Quarantine(SILENT_PLACES);
  readonly quirks: Quirks;
  /** Replies to reads that were not passed on: a device that answers nothing else must not fill the log. */
  readonly dropped = new Burst();
  /** Changes at the device now: never more than one (RULINGS 8). */
  changesAtDevice = 0;
  readsAtDevice = 0;
  /**
   * The request that has the asset to itself: its own reads are under way, or it waits for what is at the device to come back. Nothing else is
   * sent meanwhile.
   */
  turn: Ticket | null = null;
  /** Whoever has selected something there, and is to operate it. */
  readonly lease = new Lease<Session>(SELECTION_MS);
  /** What the device tells without being asked. */
  readonly unsolicited: Unsolicited;
  /** Monotonic milliseconds at which a change last left for the device, or was last known to be there. */
  lastChangeMs = Number.NEGATIVE_INFINITY;
  /** The asset of this name before its connection was made anew, while a change of its is at the device. */
  #before: Asset | null;
  /** The shared connection; sessions of a `per_session` asset each have their own. */
  device: Device | null = null;
  layout: Layout;
  /** By point index: 1 where what the device last showed cannot be (RULINGS 7). */
  implausible: Uint8Array;

  /** @param before the asset of this name whose device was another: limits on change count on, and what is at that device is waited for */
  constructor(site: AssetSite, protocol: Protocol, before: Asset | null = null) {
    this.name = site.name;
    this.site = site;
    this.protocol = protocol;
    this.changes = before?.changes ?? new ChangeWindows();
    this.#before = before !== null && (before.changesAtDevice > 0 || before.isStillOld) ? before : null;
    this.quirks = new Quirks(protocol, site.quirks);
    this.unsolicited = new Unsolicited(this);
    this.layout = new Layout(site.model, protocol.vocabulary);
    this.implausible = new Uint8Array(site.model.points.length);
  }

  /** A new site or policy is in force: what was counted and seen stays where it was, under the names of today. */
  follow(site: AssetSite, policy: PolicyInForce): void {
    this.site = site;
    this.quirks.declare(site.quirks);
    const before = this.layout.model.points;
    this.layout = new Layout(site.model, this.protocol.vocabulary);
    this.implausible = Uint8Array.from(
      site.model.points,
      ({ name }) => this.implausible[before.findIndex((old) => old.name === name)] ?? 0,
    );
    this.changes.follow(site.model.points, policy.changeDepth, policy.longestWindowMs);
  }

  /** A change of its predecessor is still at the device: until it is known what became of it, no other leaves (RULINGS 8). */
  get isStillOld(): boolean {
    if (this.#before === null) return false;
    if (this.#before.changesAtDevice > 0 || this.#before.isStillOld) return true;
    this.#before = null;
    return false;
  }

  /** The request that had the asset to itself is done, however: whoever was held back may go. */
  endTurn(ticket: Ticket): void {
    if (this.turn !== ticket) return;
    this.turn = null;
    this.wake();
  }

  /** Whoever had it for a selection has it no more. @param isUsed it was operated, or never selected */
  endLease(isUsed: boolean, now: number): void {
    if (this.lease.holder === null) return;
    this.lease.end(isUsed, now);
    this.wake();
  }

  /** Every connection to the device should look whether something may go now. */
  wake(): void {
    for (const session of this.sessions) session.road.wants(session.device);
  }

  /** A reply that does not answer as it stands, put into the standard's form; null: it does not answer in that form either. */
  straighten(request: Request, asked: number, framer: Framer): Straightened | null {
    return this.quirks.straighten(request, asked, framer, this.layout, this.site.otherUnits);
  }

  get model(): AssetModel {
    return this.site.model;
  }

  /** The unit id facts and rules are kept under (RULINGS 3). */
  canonicalUnit(unitId: number): number {
    return this.layout.canonicalUnit(unitId);
  }
}
