/** One asset at work: its model, what was last seen in it, who is connected to it, and its one lane for writes. */
import type { AssetSite } from "#config/site";
import { LastSeenCells } from "#process/lastSeen";
import type { AssetModel } from "#process/points";
import { ChangeWindows } from "#process/windows";
import type { Protocol } from "#session/protocol";
import type { Device } from "./device.ts";
import { Layout } from "./layout.ts";
import type { PolicyInForce } from "./policy.ts";
import type { Session } from "./session.ts";

export class Asset {
  readonly name: string;
  readonly protocol: Protocol;
  site: AssetSite;
  readonly lastSeen = new LastSeenCells();
  readonly changes: ChangeWindows;
  readonly sessions = new Set<Session>();
  /** Changes at the device now: never more than one (RULINGS 8). */
  changesAtDevice = 0;
  /** Monotonic milliseconds at which a change last left for the device, or was last known to be there. */
  lastChangeMs = Number.NEGATIVE_INFINITY;
  /** The shared connection; sessions of a `per_session` asset each have their own. */
  device: Device | null = null;
  layout: Layout;

  /** @param changes what was counted for an asset of this name whose device was another: limits on change count on */
  constructor(site: AssetSite, protocol: Protocol, changes = new ChangeWindows()) {
    this.name = site.name;
    this.site = site;
    this.protocol = protocol;
    this.changes = changes;
    this.layout = new Layout(site.model, protocol.vocabulary);
  }

  /** A new site or policy is in force: what was counted and seen stays where it was, under the names of today. */
  follow(site: AssetSite, policy: PolicyInForce): void {
    this.site = site;
    this.layout = new Layout(site.model, this.protocol.vocabulary);
    this.changes.follow(site.model.points, policy.changeDepth, policy.longestWindowMs);
  }

  get model(): AssetModel {
    return this.site.model;
  }

  /** The unit id facts and rules are kept under (RULINGS 3). */
  canonicalUnit(unitId: number): number {
    return this.layout.canonicalUnit(unitId);
  }
}
