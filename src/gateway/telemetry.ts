/**
 * What the gateway offers to whoever sends it on: samples of what passes, what the evidence says in few words, checkpoints, health (DESIGN 6).
 * Nobody on the road waits for it, and no fault in it reaches the road: it costs what it befell, and is counted.
 *
 * What counts is what the device told, and passed: of a reply that is trimmed for its receiver all of it, for the process data are the site's
 * and not the receiver's; of one that is dropped or refused nothing. The gateway's own reads count, too.
 */
import type { RecordKind } from "#audit/entry";
import type { Site } from "#config/site";
import type { Log } from "#log";
import type { SenderStatus } from "#management/protocol";
import type { See, Showing } from "#operation";
import { SELF } from "#policy/self";
import type { Reply } from "#session/protocol";
import type { Offer } from "#telemetry/offer";
import { type AssetSamples, Samples } from "#telemetry/samples";
import type { Asset } from "./asset.ts";
import type { GateClock } from "./clock.ts";
import type { GuardRead } from "./guard.ts";
import type { Session } from "./session.ts";
import { eventOf } from "./telemetryEvents.ts";
import type { Ticket } from "./ticket.ts";

/** Nobody asked: the device told it. */
const DEVICE = "device";
/** Milliseconds from one word on health to the next. */
const HEALTH_MS = 10_000;
/** So often every value that is seen is told, changed or not: nobody can ask for one that was lost. */
const REFRESH_MS = 60_000;
/** A connection that is away no longer than this, or than a reply may take, was only made anew. */
const AWAY_MS = 1_000;
/** A point that is polled is stale when so many polls did not show it. */
const POLLS_MISSED = 3;

export interface Offered {
  offered: number;
  dropped: number;
}

export class Telemetry {
  readonly samples: Samples;
  readonly events: Offered = { offered: 0, dropped: 0 };
  readonly checkpoints: Offered = { offered: 0, dropped: 0 };
  faults = 0;
  /** How who stands behind the door is. */
  readonly sender: () => SenderStatus | null;
  readonly #offer: Offer;
  readonly #clock: GateClock;
  readonly #log: Log;
  /** By asset, since when its device is away, monotonic milliseconds. */
  readonly #away = new Map<string, number>();
  #healthMs = Number.NEGATIVE_INFINITY;
  #refreshedMs: number | null = null;
  #generation = 0;
  /** Whose reply is being looked through. */
  #of: AssetSamples | null = null;
  #unitId = 0;
  #asker = "";
  #timeMs = 0;
  #now = 0;
  readonly #see: See = (showing) => this.#of?.see(this.#unitId, showing, this.#asker, this.#timeMs, this.#now);

  constructor(offer: Offer, clock: GateClock, log: Log, sender: () => SenderStatus | null = () => null) {
    this.sender = sender;
    this.#offer = offer;
    this.#clock = clock;
    this.#log = log;
    this.samples = new Samples(offer);
  }

  /** Documents are in force. */
  follow(site: Site, assets: ReadonlyMap<string, Asset>): void {
    try {
      const { raw = [], staleMs = STALE_MS } = site.telemetry ?? {};
      const sampled = [...site.assets.values()].flatMap(({ name, model, poll }) => {
        const spaces = assets.get(name)?.protocol.vocabulary.spaces;
        if (spaces === undefined) return [];
        const slowest = new Map<number, number>();
        for (const { everyMs, points } of poll) for (const index of points) slowest.set(index, Math.max(everyMs, slowest.get(index) ?? 0));
        const stale = (index: number): number => Math.max(staleMs, POLLS_MISSED * (slowest.get(index) ?? 0));
        return [{ model, spaces, isRaw: raw.includes(name), staleMs: (point: { index: number } | null) => stale(point?.index ?? -1) }];
      });
      this.samples.follow(sampled);
      for (const name of this.#away.keys()) if (!site.assets.has(name)) this.#away.delete(name);
    } catch (fault) {
      this.#fault(fault);
    }
  }

  /** A reply passed. */
  reply(ticket: Ticket, reply: Reply, now: number): void {
    const session = ticket.session as Session;
    try {
      this.#lookAt(session.asset, ticket.unitId, session.identity, now);
      if (session.asset.site.eventOwner !== null && takesEvents(ticket)) this.#of?.heard(now);
      session.asset.protocol.show(ticket.request as object, reply, this.#see);
    } catch (fault) {
      this.#fault(fault);
    }
  }

  /** The device told something unasked, for the first time. */
  told(asset: Asset, octets: Uint8Array, at: number, length: number, now: number): void {
    try {
      this.#lookAt(asset, asset.model.units[0] ?? 0, DEVICE, now);
      this.#of?.heard(now);
      asset.protocol.showTold(octets, at, length, this.#see);
    } catch (fault) {
      this.#fault(fault);
    }
  }

  /** The gateway read it to judge a request. It takes no value that the device itself doubts. */
  guard(asset: Asset, reads: readonly GuardRead[], now: number): void {
    try {
      for (const { unitId, space, first, last, cells } of reads) {
        this.#lookAt(asset, unitId, SELF, now);
        const bits = asset.protocol.vocabulary.spaces[space]?.bits ?? 16;
        const octets = new Uint8Array(2 * cells.length);
        for (let i = 0; i < cells.length; i++) {
          const cell = cells[i] as number;
          if (bits === 1) octets[i >> 3] = (octets[i >> 3] as number) | (cell << (i & 7));
          else {
            octets[2 * i] = cell >> 8;
            octets[2 * i + 1] = cell & 0xff;
          }
        }
        const showing: Showing = { space, first, last, octets, at: 0, bits, quality: "good", timeMs: null, isEvent: false };
        this.#see(showing);
      }
    } catch (fault) {
      this.#fault(fault);
    }
  }

  /** The evidence has one more record. @param members as it has them; nothing here changes them */
  record(seq: number, wallMs: number, kind: RecordKind, members: Readonly<Record<string, unknown>>): void {
    this.#event(() => eventOf(seq, wallMs, kind, members));
  }

  /** A checkpoint is on the disk. */
  checkpoint(line: string): void {
    try {
      count(this.checkpoints, this.#offer.checkpoint(JSON.parse(line) as object));
    } catch (fault) {
      this.#fault(fault);
    }
  }

  /** Several times a second. @param health what there is to say of the gateway, asked for when it is time */
  tick(assets: ReadonlyMap<string, Asset>, health: () => Readonly<Record<string, unknown>>, now: number): void {
    try {
      this.#tellAgain(now);
      for (const asset of assets.values()) this.#mindDevice(asset, now);
      this.samples.tick(this.#timeAt(now), now);
    } catch (fault) {
      this.#fault(fault);
    }
    if (now - this.#healthMs < HEALTH_MS) return;
    this.#healthMs = now;
    this.#event(() => ({ is: "health", time: new Date(this.#timeAt(now)).toISOString(), ...health() }));
  }

  #tellAgain(now: number): void {
    const { generation = 0 } = this.#offer;
    if (generation !== this.#generation) {
      this.#generation = generation;
      this.samples.forget();
    } else if (now - (this.#refreshedMs ?? now) < REFRESH_MS) {
      this.#refreshedMs ??= now;
      return;
    } else this.samples.refresh();
    this.#refreshedMs = now;
  }

  #mindDevice({ name, device, site }: Asset, now: number): void {
    const samples = this.samples.of(name);
    // Of an asset without a connection of its own nobody can say; its points grow stale.
    if (samples === null || device === null) return;
    if (device.state !== "down") {
      if (device.state === "ready") {
        this.#away.delete(name);
        samples.away(false);
      }
      return;
    }
    const since = this.#away.get(name) ?? now;
    this.#away.set(name, since);
    if (now - since >= Math.max(AWAY_MS, site.upstream.timeoutMs)) samples.away(true);
  }

  #lookAt({ name }: Asset, unitId: number, asker: string, now: number): void {
    this.#of = this.samples.of(name);
    this.#unitId = unitId;
    this.#asker = asker;
    this.#timeMs = this.#timeAt(now);
    this.#now = now;
  }

  /** While the machine's clock is suspect this goes on as it was: samples stay in their order (RULINGS 19). */
  #timeAt(now: number): number {
    return Math.round(this.#clock.steady(now));
  }

  #event(make: () => object): void {
    try {
      count(this.events, this.#offer.event(make()));
    } catch (fault) {
      this.#fault(fault);
    }
  }

  #fault(fault: unknown): void {
    this.faults += 1;
    if (this.faults === 1) this.#log.error({ fault }, "fault in telemetry; what it befell is not sent, and further ones are only counted");
  }
}

/** Whoever takes the events of a device hears of every point that changes: one it says nothing of is as it was. */
function takesEvents({ message }: Ticket): boolean {
  const operations = message?.operations ?? [];
  for (let i = 0; i < operations.length; i++) if (operations[i]?.verb === "events") return true;
  return false;
}

/** Where the site does not say. */
const STALE_MS = 5 * 60_000;

function count(counts: Offered, isTaken: boolean): void {
  if (isTaken) counts.offered += 1;
  else counts.dropped += 1;
}
