/**
 * From what replies show to samples of points: in engineering units, when they changed. Pure: time is an argument, and nothing is waited for.
 *
 *     showing ─▶ named points within it ─▶ value, quality ─▶ changed? ─▶ its interval over? ─▶ offer
 *            └─▶ unnamed addresses, where the site wants them          └─ no ─▶ held: the last one goes when it is
 *
 * An event goes as it is, with its own time, and each one. What was not seen for long is said to be stale, and of a device that is away every
 * point is told so; once, with the value it had.
 */
import type { Showing, Space } from "#operation";
import { formatAddress } from "#process/addressing";
import type { AssetModel, Point } from "#process/points";
import type { Offer, OfferedPoint, OfferedSample, SampleValue } from "./offer.ts";
import { Track } from "./track.ts";

/** What of an asset the samples are made by. */
export interface SampledAsset {
  readonly model: AssetModel;
  readonly spaces: readonly Space[];
  /** Addresses nobody named are points too. */
  readonly isRaw: boolean;
  /** Milliseconds after which an unnamed point, or this one, that is not seen is stale. */
  staleMs(point: Point | null): number;
}

export interface SampleCounts {
  offered: number;
  dropped: number;
  /** Events told twice: by a device whose connection broke, or that nobody had confirmed to. */
  repeated: number;
  /** Unnamed addresses there was no room for. */
  leftOut: number;
}

/** Unnamed points of one asset: more would be a table nobody has looked at. */
export const RAW_POINTS = 4096;
/** From one sample of an unnamed point to the next, at least. */
export const RAW_INTERVAL_MS = 1_000;
/** Events of one asset that are known again. */
const KNOWN_EVENTS = 4096;
/** So often it is looked whether points are stale, and new unnamed ones are told of. */
const SWEEP_MS = 1_000;
/** Nobody took it that a point is stale: so long it is not offered again. */
const RETRY_MS = 10_000;
/** The gateway itself says so. */
const SELF = "self";

/** What is handed over, again and again. */
type Handed = { -readonly [K in keyof OfferedSample]: OfferedSample[K] };

export class Samples {
  readonly counts: SampleCounts = { offered: 0, dropped: 0, repeated: 0, leftOut: 0 };
  readonly #offer: Offer;
  readonly #handed: Handed = {
    pointId: 0,
    value: null,
    quality: "good",
    timeMs: 0,
    timeOf: "gateway",
    asker: "",
    isEvent: false,
  };
  #assets = new Map<string, AssetSamples>();
  #points: OfferedPoint[] = [];
  #sweptMs = Number.NEGATIVE_INFINITY;

  constructor(offer: Offer) {
    this.#offer = offer;
  }

  /** Documents are in force: ids are given anew. What was told of points that are still what they were is known. */
  follow(assets: readonly SampledAsset[]): void {
    const before = this.#assets;
    this.#assets = new Map();
    this.#points = [];
    for (const asset of assets) {
      const { name } = asset.model;
      const samples = new AssetSamples(asset, this, before.get(name) ?? null);
      this.#assets.set(name, samples);
      for (const track of samples.tracks) this.name(name, track);
    }
    this.#offer.points(this.#points);
  }

  /** Nothing that was told is known any more to whom it is told: all of it is told again as it is seen. */
  forget(): void {
    for (const asset of this.#assets.values()) asset.forget();
    this.#offer.points(this.#points);
  }

  /** Every value is told once more as it is seen: one that was lost on its way is made good by the next, though nothing changed. */
  refresh(): void {
    for (const asset of this.#assets.values()) asset.refresh();
  }

  /** null: no document in force knows it */
  of(asset: string): AssetSamples | null {
    return this.#assets.get(asset) ?? null;
  }

  /** Named and unnamed. */
  get pointCount(): number {
    return this.#points.length;
  }

  name(asset: string, track: Track): void {
    const { name, type, unit, description } = track;
    track.id = this.#points.length + 1;
    this.#points.push({ id: track.id, asset, point: name, type, unit, description });
  }

  /** Several times a second. @param timeMs of the gateway's clock, wall milliseconds; @param now monotonic ones */
  tick(timeMs: number, now: number): void {
    for (const asset of this.#assets.values()) asset.release(now);
    if (now - this.#sweptMs < SWEEP_MS) return;
    this.#sweptMs = now;
    let isNew = false;
    for (const asset of this.#assets.values()) isNew = asset.nameNew() || isNew;
    if (isNew) this.#offer.points(this.#points);
    for (const asset of this.#assets.values()) asset.sweep(timeMs, now);
  }

  hand(
    track: Track,
    value: SampleValue,
    quality: OfferedSample["quality"],
    timeMs: number,
    timeOf: OfferedSample["timeOf"],
    asker: string,
    isEvent: boolean,
    now: number,
  ): boolean {
    const handed = this.#handed;
    handed.pointId = track.id;
    handed.value = value;
    handed.quality = quality;
    handed.timeMs = timeMs;
    handed.timeOf = timeOf;
    handed.asker = asker;
    handed.isEvent = isEvent;
    const taken = this.#offer.sample(handed);
    track.isSettled = taken;
    if (taken) track.isDue = false;
    if (!taken) {
      this.counts.dropped += 1;
      return false;
    }
    this.counts.offered += 1;
    track.value = value;
    track.quality = quality;
    track.offeredMs = now;
    return true;
  }
}

/** Of one unit and table, ascending by their first cell. */
interface Places {
  readonly firsts: Int32Array;
  readonly tracks: readonly Track[];
}

export class AssetSamples {
  /** Those that have an id. */
  readonly tracks: Track[];
  readonly #asset: SampledAsset;
  readonly #samples: Samples;
  readonly #places: ReadonlyMap<number, Places>;
  readonly #held: Track[] = [];
  /** By unit and table, then by address: null where it is no unnamed point, or there is no room for one. */
  readonly #raw = new Map<number, Map<number, Track | null>>();
  #rawCount = 0;
  /** Unnamed ones nobody was told of yet. */
  #new: Track[] = [];
  /** The newest last. */
  readonly #events: Set<string>;
  #isAway: boolean;
  /** When the device last told of its points without showing each, monotonic milliseconds. */
  #heardMs: number;

  constructor(asset: SampledAsset, samples: Samples, before: AssetSamples | null) {
    this.#asset = asset;
    this.#samples = samples;
    const { model } = asset;
    const known = new Map(before?.tracks.map((track) => [track.sameAs, track]));
    this.#isAway = before?.isAway ?? false;
    this.#events = before === null ? new Set() : before.#events;
    this.#heardMs = before === null ? Number.NEGATIVE_INFINITY : before.#heardMs;
    const byPlace = new Map<number, Track[]>();
    this.tracks = model.points.map((point) => {
      const track = Track.named(point, asset.staleMs(point));
      const old = known.get(track.sameAs);
      if (old !== undefined) track.resume(old);
      const key = keyOf(model.unitAliases.get(point.unitId) ?? point.unitId, point.space);
      byPlace.set(key, [...(byPlace.get(key) ?? []), track]);
      return track;
    });
    this.#places = new Map([...byPlace].map(([key, tracks]) => [key, placesOf(tracks)]));
    if (asset.isRaw) for (const [key, tracks] of byPlace) this.#raw.set(key, namedCells(tracks));
  }

  /** Is its device away, as far as was said? */
  get isAway(): boolean {
    return this.#isAway;
  }

  /**
   * What a reply, or an event, shows.
   *
   * @param timeMs of the gateway's clock, where the device told none; @param now monotonic milliseconds
   */
  see(unitId: number, showing: Showing, asker: string, timeMs: number, now: number): void {
    const key = keyOf(this.#asset.model.unitAliases.get(unitId) ?? unitId, showing.space);
    const places = this.#places.get(key);
    if (places !== undefined) {
      const { firsts, tracks } = places;
      for (let i = startOf(firsts, showing.first); i < tracks.length; i++) {
        const track = tracks[i] as Track;
        if (track.first > showing.last) break;
        if (track.last <= showing.last) this.#see(track, showing, asker, timeMs, now);
      }
    }
    if (this.#asset.isRaw) this.#seeRaw(key, showing, asker, timeMs, now);
  }

  /** The device has told all that changed, or will: what it says nothing of is as it was. */
  heard(now: number): void {
    this.#heardMs = now;
  }

  /** Its device cannot be reached, or can be again: then its points are what they are told to be next. */
  away(isAway: boolean): void {
    this.#isAway = isAway;
  }

  #see(track: Track, showing: Showing, asker: string, timeMs: number, now: number): void {
    track.seenMs = now;
    const isNew = track.keep(showing);
    if (!isNew && track.isSettled && track.shown === showing.quality && !showing.isEvent) return;
    track.shown = showing.quality;
    const value = track.reader.read(showing.octets, showing.at, track.first - showing.first);
    const quality = track.worth(value, showing.quality);
    const timeOf = showing.timeMs === null ? "gateway" : "device";
    const at = showing.timeMs ?? timeMs;
    if (showing.isEvent && track.id !== 0) {
      this.#event(track, value, quality, at, timeOf, asker, now);
      return;
    }
    if (quality === track.quality && !track.isDue && !track.reader.differs(value, track.value)) {
      track.isSettled = true;
      track.isHeld = false;
      return;
    }
    if (track.id === 0 || (quality === track.quality && now - track.offeredMs < track.minIntervalMs)) {
      track.isSettled = false;
      track.heldValue = value;
      track.heldQuality = quality;
      track.heldTimeMs = at;
      track.heldTimeOf = timeOf;
      track.heldAsker = asker;
      track.isHeld = true;
      this.#list(track);
      return;
    }
    track.isHeld = false;
    this.#samples.hand(track, value, quality, at, timeOf, asker, false, now);
  }

  #event(
    track: Track,
    value: SampleValue,
    quality: OfferedSample["quality"],
    at: number,
    timeOf: OfferedSample["timeOf"],
    asker: string,
    now: number,
  ): void {
    const told = timeOf === "device" ? `${track.name} ${at} ${String(value)} ${quality}` : null;
    if (told !== null && this.#events.has(told)) {
      this.#samples.counts.repeated += 1;
      return;
    }
    track.isHeld = false;
    if (!this.#samples.hand(track, value, quality, at, timeOf, asker, true, now) || told === null) return;
    this.#events.add(told);
    const [oldest] = this.#events;
    if (this.#events.size > KNOWN_EVENTS && oldest !== undefined) this.#events.delete(oldest);
  }

  #seeRaw(key: number, showing: Showing, asker: string, timeMs: number, now: number): void {
    let known = this.#raw.get(key);
    if (known === undefined) {
      known = new Map();
      this.#raw.set(key, known);
    }
    const stride = this.#asset.spaces[showing.space]?.stride ?? 1;
    for (let address = showing.first; address <= showing.last; address += stride) {
      let track = known.get(address);
      if (track === undefined) {
        track = this.#discover(key, showing, address, stride);
        if (track === undefined) continue;
        known.set(address, track);
      }
      if (track !== null) this.#see(track, showing, asker, timeMs, now);
    }
  }

  /** @returns undefined: there is no room for it; null: its name is another's */
  #discover(key: number, { space, bits }: Showing, address: number, stride: 1 | 4): Track | null | undefined {
    if (this.#rawCount >= RAW_POINTS) {
      this.#samples.counts.leftOut += 1;
      return undefined;
    }
    const { model, spaces } = this.#asset;
    const table = spaces[space];
    if (table === undefined) return null;
    const unit = Math.floor(key / 256);
    const plain = `${table.name}.${formatAddress(model.addressing, table, address)}`;
    const name = model.units.length > 1 ? `u${unit}.${plain}` : plain;
    if (model.points.some((point) => point.name === name)) return null;
    this.#rawCount += 1;
    const track = Track.raw({ name, unit, space, first: address, bits, stride }, RAW_INTERVAL_MS, this.#asset.staleMs(null));
    this.#new.push(track);
    return track;
  }

  /** Those that waited for their interval, and for whom it is over. */
  release(now: number): void {
    const held = this.#held;
    for (let i = held.length - 1; i >= 0; i--) {
      const track = held[i] as Track;
      if (track.isHeld && now - track.offeredMs < track.minIntervalMs) continue;
      held[i] = held.at(-1) as Track;
      held.pop();
      track.isListed = false;
      if (track.isHeld) this.#goes(track, now);
    }
  }

  #list(track: Track): void {
    if (track.isListed || track.id === 0) return;
    track.isListed = true;
    this.#held.push(track);
  }

  #goes(track: Track, now: number): void {
    track.isHeld = false;
    const { heldValue, heldQuality, heldTimeMs, heldTimeOf, heldAsker } = track;
    this.#samples.hand(track, heldValue, heldQuality, heldTimeMs, heldTimeOf, heldAsker, false, now);
  }

  /** Unnamed points that were seen for the first time get their ids. @returns there are some */
  nameNew(): boolean {
    if (this.#new.length === 0) return false;
    for (const track of this.#new) {
      this.#samples.name(this.#asset.model.name, track);
      this.tracks.push(track);
      if (track.isHeld) this.#list(track);
    }
    this.#new = [];
    return true;
  }

  /** What was not seen for long, or cannot be. */
  sweep(timeMs: number, now: number): void {
    const lapse = this.#isAway ? "comm-lost" : "stale";
    for (let i = 0; i < this.tracks.length; i++) {
      const track = this.tracks[i] as Track;
      if (track.quality === lapse || track.quality === "comm-lost" || now < track.retryMs) continue;
      // What nobody has seen is not stale; of a device that is away it is known that it cannot be seen.
      const isLapsed = this.#isAway || (track.quality !== null && now - Math.max(track.seenMs, this.#heardMs) > track.staleMs);
      if (!isLapsed) continue;
      if (track.isHeld) this.#goes(track, now);
      const value = track.value;
      track.isHeld = false;
      if (!this.#samples.hand(track, value, lapse, timeMs, "gateway", SELF, false, now)) track.retryMs = now + RETRY_MS;
      track.isSettled = false;
    }
  }

  /** What is seen next of each is told, changed or not. */
  refresh(): void {
    for (const track of this.tracks) {
      track.isDue = true;
      track.isSettled = false;
    }
  }

  forget(): void {
    for (const track of this.tracks) {
      track.quality = null;
      track.isSettled = false;
    }
  }
}

function placesOf(tracks: readonly Track[]): Places {
  const sorted = [...tracks].sort((a, b) => a.first - b.first);
  return { firsts: Int32Array.from(sorted, ({ first }) => first), tracks: sorted };
}

function namedCells(tracks: readonly Track[]): Map<number, null> {
  const cells = new Map<number, null>();
  for (const { first, last } of tracks) for (let address = first; address <= last; address++) cells.set(address, null);
  return cells;
}

/** Position of the first at or after an address. */
function startOf(firsts: Int32Array, address: number): number {
  let low = 0;
  let high = firsts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((firsts[middle] as number) < address) low = middle + 1;
    else high = middle;
  }
  return low;
}

function keyOf(unit: number, space: number): number {
  return unit * 256 + space;
}
