/**
 * What a device tells without being asked (DNP3 unsolicited responses). It goes to the asset's event owner, whose word that it came is passed on
 * to the device; sessions that may read what it tells get a copy nobody waits for. While the owner is away, or says nothing, it is kept on the disk,
 * and the device is told that it came once it is there (RULINGS 34).
 */
import type { Operation } from "#operation";
import { matchesIdentity } from "#policy/bindings";
import { decide } from "#policy/decide";
import type { Framer } from "#session/protocol";
import { sameOctets } from "#wire";
import type { Asset } from "./asset.ts";
import { EventStore } from "./eventStore.ts";
import type { Session } from "./session.ts";
import type { Telemetry } from "./telemetry.ts";

/** Tells the device that it came. */
export interface Confirming {
  confirmUnsolicited(transactionId: number): void;
}

/** A device waits longer than this for its confirm before it tells something again, milliseconds. */
const PACE_MS = 500;
/** From one look through what is kept and is not for the owner to the next, milliseconds. */
const VAIN_MS = 1_000;

export class Unsolicited {
  /** Since the counts were last written. */
  count = 0;
  passedOn = 0;
  copies = 0;
  confirms = 0;
  kept = 0;
  /** Not kept for want of room or disk: the device has them still. */
  notKept = 0;
  readonly #asset: Asset;
  #store: EventStore | null = null;
  /** The one before, and whether the device was told that it came. */
  #last: Uint8Array = new Uint8Array(0);
  #lastId = -1;
  #isConfirmed = false;
  /** It goes to the disk. */
  #isStoring = false;
  /** Who is to say that it came, and under which number of its own. */
  #owner: Session | null = null;
  #ownersId = 0;
  /** What the owner was told is of the store. */
  #ofStore = false;
  #told: Uint8Array | null = null;
  /** When there was nothing there that it may be told. */
  #vainMs = Number.NEGATIVE_INFINITY;
  #toldMs = 0;
  /** When the last came. */
  #cameMs = Number.NEGATIVE_INFINITY;
  /** Since when the device waits to be told that the last came. */
  #sinceMs = 0;
  #line: Confirming | null = null;

  constructor(asset: Asset) {
    this.#asset = asset;
  }

  /** From now on what comes while the owner is away is kept in this folder. */
  keepIn(directory: string, most: number): void {
    if (this.#asset.site.eventOwner !== null) this.#store ??= EventStore.open(directory, this.#asset.name, most);
  }

  async close(): Promise<void> {
    await this.#store?.close();
  }

  /** Responses that wait for the owner. */
  get waiting(): number {
    return this.#store?.size ?? 0;
  }

  /** May another come now? Its last was confirmed, or is some time ago; a device that goes on all the same is flooding us. */
  isPaced(now: number): boolean {
    return this.#isConfirmed || now - this.#cameMs >= PACE_MS;
  }

  /**
   * @param telemetry  hears it once, however often it is told
   * @returns          false where it is none, or tells what nobody could have been told
   */
  take(framer: Framer, line: Confirming, now: number, telemetry: Telemetry | null): boolean {
    const { protocol, site, layout } = this.#asset;
    const { octets, pduAt, pduLength, transactionId } = framer;
    const told = protocol.told(octets, pduAt, pduLength, layout.model.units[0] ?? 0);
    if (told === null) return false;
    this.count += 1;
    this.#cameMs = now;
    this.#line = line;
    const isRepeated =
      transactionId === this.#lastId && pduLength === this.#last.length && sameOctets(octets, pduAt, this.#last, 0, pduLength);
    if (isRepeated) {
      // Ours was lost on its way; or it is on its way to the disk.
      if (this.#isConfirmed) line.confirmUnsolicited(transactionId);
      if (this.#isConfirmed || this.#isStoring) return true;
    }
    this.#last = octets.slice(pduAt, pduAt + pduLength);
    this.#lastId = transactionId;
    this.#isConfirmed = false;
    if (!isRepeated) {
      this.#sinceMs = now;
      // Whoever was to say that the one before came says nothing about this.
      if (!this.#ofStore) this.#owner = null;
      this.#copy(told);
      telemetry?.told(this.#asset, this.#last, 0, this.#last.length, now);
    }
    const owner = this.#ownerNow(told);
    if (owner !== null && this.waiting === 0) this.#tell(owner, this.#last, isRepeated, false, now);
    else if (told.length > 0) {
      if (site.eventOwner !== null) this.#keep(this.#last, transactionId);
    } else {
      // It tells no event, so none is lost; a device that waits for the word would answer no read meanwhile.
      this.#isConfirmed = true;
      line.confirmUnsolicited(transactionId);
    }
    return true;
  }

  /** A session says that something unsolicited came. */
  confirmed(session: Session, transactionId: number): void {
    if (session !== this.#owner || transactionId !== this.#ownersId) {
      session.road.stats.stray("confirm");
      return;
    }
    this.confirms += 1;
    this.#owner = null;
    if (this.#ofStore) {
      this.#store?.had(this.#told);
      this.#tellStored(session.road.clock.monotonic());
      return;
    }
    this.#isConfirmed = true;
    this.#line?.confirmUnsolicited(this.#lastId);
  }

  /** What is kept goes to the owner once it is there, one after the other; what it does not confirm, again. */
  tick(now: number): void {
    this.#keepUnconfirmed(now);
    if (this.waiting === 0) return;
    const owner = this.#owner;
    if (owner?.listens === true && this.#ofStore && now - this.#toldMs < owner.road.limits.eventRetryMs) return;
    // Nothing of it is for the owner: all of it is not looked through again at every tick.
    if (now - this.#vainMs >= VAIN_MS) this.#tellStored(now);
  }

  /**
   * An owner that does not say that it came: a device that waits for the word answers no read meanwhile, so it is kept as if the owner were away.
   * At half the time a reply may take, so that whoever has asked has its answer in time.
   */
  #keepUnconfirmed(now: number): void {
    if (this.#owner === null || this.#ofStore || this.#isConfirmed || this.#isStoring || this.#lastId < 0) return;
    if (now - this.#sinceMs < this.#asset.site.upstream.timeoutMs / 2) return;
    this.#sinceMs = now;
    this.#keep(this.#last, this.#lastId);
  }

  /** The oldest that the owner may be told. What it may not, for want of a right, stays, and keeps nothing behind it from the owner. */
  #tellStored(now: number): void {
    const store = this.#store;
    if (store === null || this.#ownerNow([]) === null) return;
    const { protocol, layout } = this.#asset;
    for (let place = 0; place < store.size; place++) {
      const octets = store.at(place);
      if (octets === null) break;
      const owner = this.#ownerNow(protocol.told(octets, 0, octets.length, layout.model.units[0] ?? 0) ?? []);
      if (owner === null) continue;
      this.#tell(owner, octets, owner === this.#owner && octets === this.#told, true, now);
      return;
    }
    this.#vainMs = now;
  }

  /** @param isRepeated it was told to this session before, under the same number */
  #tell(owner: Session, octets: Uint8Array, isRepeated: boolean, ofStore: boolean, now: number): void {
    const { protocol, layout, site } = this.#asset;
    if (!isRepeated || owner !== this.#owner) {
      owner.unsolicitedId = (owner.unsolicitedId + 1) % protocol.transactions;
      // A proof covers the sequence: then it stays what it was.
      this.#ownersId = site.secureAuthentication && !ofStore ? this.#lastId : owner.unsolicitedId;
    }
    this.#owner = owner;
    this.#told = octets;
    this.#ofStore = ofStore;
    this.#toldMs = now;
    const frames = new Uint8Array(protocol.frameLimit);
    owner.tell(frames, owner.frame(frames, 0, this.#ownersId, layout.model.units[0] ?? 0, octets, 0, octets.length));
    this.passedOn += 1;
  }

  #keep(octets: Uint8Array, transactionId: number): void {
    const store = this.#store;
    if (store === null) return;
    this.#isStoring = true;
    void store.put(octets).then((stored) => {
      this.#isStoring = false;
      if (!stored) {
        this.notKept += 1;
        return;
      }
      this.kept += 1;
      // The device tells another thing meanwhile, under the same number it may be, or was connected to anew.
      if (this.#last !== octets || this.#lastId !== transactionId) return;
      this.#isConfirmed = true;
      this.#line?.confirmUnsolicited(transactionId);
    });
  }

  /** The device is connected to anew: what was told before is over. */
  forget(): void {
    this.#line = null;
    this.#lastId = -1;
    if (!this.#ofStore) this.#owner = null;
  }

  /** What it came to since the last time; null: nothing. */
  drain(): Record<string, number> | null {
    const { count, passedOn, copies, confirms, kept, notKept } = this;
    if (count + passedOn + copies + confirms + kept + notKept === 0) return null;
    this.count = this.passedOn = this.copies = this.confirms = this.kept = this.notKept = 0;
    return { count, passedOn, copies, confirmed: confirms, ...(kept === 0 ? {} : { kept }), ...(notKept === 0 ? {} : { notKept }) };
  }

  #copy(told: readonly Operation[]): void {
    const { protocol, layout, site } = this.#asset;
    if (told.length === 0) return;
    const read = told.map((operation): Operation => ({ ...operation, verb: "read", object: 0 }));
    const copy = this.#last.slice();
    protocol.asCopy(copy);
    const frames = new Uint8Array(protocol.frameLimit);
    for (const session of this.#asset.sessions) {
      if (!session.listens || isOwner(site.eventOwner, session) || !mayHear(session, read)) continue;
      session.unsolicitedId = (session.unsolicitedId + 1) % protocol.transactions;
      session.tell(frames, session.frame(frames, 0, session.unsolicitedId, layout.model.units[0] ?? 0, copy, 0, copy.length));
      this.copies += 1;
    }
  }

  /** The newest of its sessions that may be told all of it; what holds nothing (a device that has just started) it may be told. */
  #ownerNow(told: readonly Operation[]): Session | null {
    let found: Session | null = null;
    for (const session of this.#asset.sessions) {
      if (!session.listens || !isOwner(this.#asset.site.eventOwner, session)) continue;
      if (told.length === 0 || mayHear(session, told)) found = session;
    }
    return found;
  }
}

function isOwner(eventOwner: string | null, session: Session): boolean {
  return eventOwner !== null && matchesIdentity(eventOwner, session.identity);
}

function mayHear(session: Session, operations: readonly Operation[]): boolean {
  const { rights, road, asset } = session;
  if (asset.block?.reads === true) return false;
  return decide(rights.table, operations, rights.factsAt(road.clock.monotonic(), null)).allowed;
}
