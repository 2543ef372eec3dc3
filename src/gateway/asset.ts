/** One asset at work: its model, what was last seen in it, who is connected to it, and its one lane for writes. */
import type { AssetSite } from "#config/site";
import type { Space } from "#operation";
import { LastSeenCells } from "#process/lastSeen";
import { PointIndex } from "#process/pointIndex";
import type { AssetModel, Point } from "#process/points";
import { ChangeWindows } from "#process/windows";
import type { Protocol } from "#session/protocol";
import type { Device } from "./device.ts";
import type { PolicyInForce } from "./policy.ts";
import type { Session } from "./session.ts";

export class Asset {
  readonly name: string;
  readonly protocol: Protocol;
  site: AssetSite;
  readonly lastSeen = new LastSeenCells();
  readonly changes = new ChangeWindows();
  readonly sessions = new Set<Session>();
  /** Changes at the device now: never more than one (RULINGS 8). */
  changesAtDevice = 0;
  /** Monotonic milliseconds at which a change last left for the device. */
  lastChangeMs = Number.NEGATIVE_INFINITY;
  /** The shared connection; sessions of a `per_session` asset each have their own. */
  device: Device | null = null;

  #points: PointIndex;

  constructor(site: AssetSite, protocol: Protocol) {
    this.name = site.name;
    this.site = site;
    this.protocol = protocol;
    this.#points = new PointIndex(site.model.points);
  }

  /** A new site or policy is in force: what was counted and seen stays where it was, under the names of today. */
  follow(site: AssetSite, policy: PolicyInForce): void {
    this.site = site;
    this.#points = new PointIndex(site.model.points);
    this.changes.follow(site.model.points, policy.changeDepth, policy.longestWindowMs);
  }

  /** Named points that have a cell in this range, by address. */
  pointsIn(unit: number, space: number, first: number, last: number): readonly Point[] {
    return this.#points.in(unit, space, first, last);
  }

  get model(): AssetModel {
    return this.site.model;
  }

  /** The unit id facts and rules are kept under (RULINGS 3). */
  canonicalUnit(unitId: number): number {
    return this.model.unitAliases.get(unitId) ?? unitId;
  }

  space(number: number): Space | undefined {
    return this.protocol.vocabulary.spaces[number];
  }
}
