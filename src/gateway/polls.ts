/**
 * What the gateway reads by itself, again and again, because the site says so (`poll`): as `self`, by the road everybody takes, so policy, pace,
 * outstanding requests, blocks and evidence bind it; and behind everybody, for it waits while anybody else has something waiting for the device.
 *
 *     round due ─▶ its requests, one after the other ─▶ OwnReads ─▶ the road
 *          └─ the last one is not through yet: passed over, and counted
 *
 * One request asks for one range: points that touch are read together, a cell between two is nobody's to ask for. So the evidence counts polls as
 * it counts an operator's reads. DNP3: what stands there now, never events.
 */
import { createHash } from "node:crypto";
import type { PollSite } from "#config/site";
import type { Asset } from "./asset.ts";
import type { House } from "./house.ts";
import { joined, OwnReads, type Range, type Shown } from "./own.ts";
import { placeOfRead } from "./path.ts";

/** Since start. */
export interface PollCounts {
  asked: number;
  answered: number;
  /** Rounds whose time came while the one before was not through. */
  skipped: number;
  /** By the policy: not asked again until it is another. */
  denied: number;
  /** It waited behind others for too long. */
  yielded: number;
  /** Not asked: the device is away, blocked, or keeps silent there. */
  withheld: number;
  /** An exception, silence, or an answer that was none. */
  failed: number;
}

interface Asked {
  readonly range: Range;
  /** What it was joined of. */
  readonly parts: readonly Range[];
  /** The policy that denies it; 0: none. */
  deniedBy: number;
  readonly round: Round;
}

interface Round {
  readonly everyMs: number;
  dueMs: number;
  asked: Asked[];
  /** Of this time still to be asked. */
  open: number;
}

export class Polls {
  readonly #house: House;
  #pollers: Poller[] = [];

  constructor(house: House) {
    this.#house = house;
  }

  /** Documents are in force. */
  follow(assets: ReadonlyMap<string, Asset>): void {
    const before = new Map(this.#pollers.map((poller) => [poller.asset.name, poller.counts]));
    this.close();
    const now = this.#house.road.clock.monotonic();
    for (const asset of assets.values())
      if (asset.site.poll.length > 0) this.#pollers.push(new Poller(this.#house, asset, before.get(asset.name) ?? nothing(), now));
  }

  tick(now: number): void {
    for (const poller of this.#pollers) poller.tick(now);
  }

  /** null: nothing is polled there */
  countsOf(asset: string): PollCounts | null {
    return this.#pollers.find((poller) => poller.asset.name === asset)?.counts ?? null;
  }

  close(): void {
    for (const poller of this.#pollers) poller.close();
    this.#pollers = [];
  }
}

class Poller {
  readonly asset: Asset;
  readonly counts: PollCounts;
  readonly #house: House;
  readonly #own: OwnReads;
  readonly #rounds: readonly Round[];
  readonly #queue: Asked[] = [];
  #isBusy = false;
  #isClosed = false;

  constructor(house: House, asset: Asset, counts: PollCounts, now: number) {
    this.#house = house;
    this.asset = asset;
    this.counts = counts;
    this.#own = new OwnReads(house, asset, true);
    this.#rounds = asset.site.poll.map((poll, index) => this.#round(poll, index, now));
  }

  #round({ everyMs, ranges }: PollSite, index: number, now: number): Round {
    const round: Round = { everyMs, dueMs: now + spreadOf(this.asset.name, index) * everyMs, asked: [], open: 0 };
    round.asked = joined(this.#own, ranges).map(({ range, parts }) => ({ range, parts, deniedBy: 0, round }));
    return round;
  }

  tick(now: number): void {
    for (const round of this.#rounds) {
      if (now < round.dueMs) continue;
      // What was missed is not made up for.
      round.dueMs += round.everyMs * Math.ceil((now - round.dueMs + 1) / round.everyMs);
      if (round.open > 0) {
        this.counts.skipped += 1;
        continue;
      }
      round.open = round.asked.length;
      this.#queue.push(...round.asked);
    }
    this.#goOn(now);
  }

  #goOn(now: number): void {
    while (!this.#isBusy && !this.#isClosed) {
      const asked = this.#queue.shift();
      if (asked === undefined) return;
      if (this.#isWithheld(asked, now)) {
        asked.round.open -= 1;
        continue;
      }
      this.#isBusy = true;
      this.counts.asked += 1;
      void this.#own.show(asked.range).then(
        (shown) => this.#through(asked, shown),
        (fault) => {
          this.#house.road.log.error({ fault, asset: this.asset.name }, "fault in a poll");
          this.#through(asked, null);
        },
      );
    }
  }

  /** @param shown null: a fault of ours */
  #through(asked: Asked, shown: Shown | null): void {
    this.#isBusy = false;
    asked.round.open -= 1;
    if (this.#isClosed) return;
    if (shown === null) this.counts.failed += 1;
    else this.#came(asked, shown);
    this.#goOn(this.#house.road.clock.monotonic());
  }

  /** There is no use in asking, and nothing is to be recorded of it each time. */
  #isWithheld({ range, deniedBy }: Asked, now: number): boolean {
    if (deniedBy === this.#house.policy.epoch) return true;
    const { device, block, quarantine, protocol } = this.asset;
    const isWithheld =
      (device !== null && device.state !== "ready") ||
      block?.reads === true ||
      (!quarantine.empty && quarantine.isHeld(placeOfRead(protocol, range), now));
    if (isWithheld) this.counts.withheld += 1;
    return isWithheld;
  }

  #came(asked: Asked, shown: Shown): void {
    const { counts } = this;
    switch (shown.is) {
      case "shown":
        counts.answered += 1;
        return;
      case "denied":
        if (shown.code === "queueFull") counts.yielded += 1;
        else if (shown.code === "deviceSilent" || shown.code === "deviceUnreachable") counts.failed += 1;
        else {
          counts.denied += 1;
          if (!this.#split(asked)) asked.deniedBy = this.#house.policy.epoch;
        }
        return;
      case "exception":
        counts.failed += 1;
        this.#split(asked);
        return;
      default:
        counts.failed += 1;
    }
  }

  /** What cannot be had together may be had one by one: a rule, or the device, may mind only one of them. */
  #split(asked: Asked): boolean {
    const { parts, round } = asked;
    const at = round.asked.indexOf(asked);
    if (parts.length === 1 || at < 0) return false;
    round.asked.splice(at, 1, ...parts.map((range) => ({ range, parts: [range], deniedBy: 0, round })));
    return true;
  }

  close(): void {
    this.#isClosed = true;
    this.#own.close();
  }
}

/**
 * Where in its time a round of an asset begins, from 0 to below 1: each at a place of its own, the same after every start, so that not all of
 * them are due in one tick.
 */
export function spreadOf(asset: string, round: number): number {
  return createHash("sha256").update(`${asset} ${round}`).digest().readUInt32BE(0) / 2 ** 32;
}

function nothing(): PollCounts {
  return { asked: 0, answered: 0, skipped: 0, denied: 0, yielded: 0, withheld: 0, failed: 0 };
}
