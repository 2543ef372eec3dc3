/**
 * What a device tells without being asked (DNP3 unsolicited responses). It goes to the asset's event owner, whose word that it came is passed on
 * to the device; sessions that may read what it tells get a copy nobody waits for. Without the owner the device is told nothing, keeps its
 * events and tells them again (RULINGS 34).
 */
import type { Operation } from "#operation";
import { matchesIdentity } from "#policy/bindings";
import { decide } from "#policy/decide";
import type { Framer } from "#session/protocol";
import { sameOctets } from "#wire";
import type { Asset } from "./asset.ts";
import type { Session } from "./session.ts";

/** Tells the device that it came. */
export interface Confirming {
  confirmUnsolicited(transactionId: number): void;
}

export class Unsolicited {
  /** Since the counts were last written. */
  count = 0;
  passedOn = 0;
  copies = 0;
  confirms = 0;
  readonly #asset: Asset;
  /** The one before, and whether the owner has said that it came. */
  #last: Uint8Array = new Uint8Array(0);
  #lastId = -1;
  #isConfirmed = false;
  /** Who is to say so, and under which number of its own. */
  #owner: Session | null = null;
  #ownersId = 0;
  #line: Confirming | null = null;

  constructor(asset: Asset) {
    this.#asset = asset;
  }

  /** @returns false where it is none, or tells what nobody could have been told */
  take(framer: Framer, line: Confirming): boolean {
    const { protocol, site, layout } = this.#asset;
    const { octets, pduAt, pduLength, transactionId } = framer;
    const told = protocol.told(octets, pduAt, pduLength, layout.model.units[0] ?? 0);
    if (told === null) return false;
    this.count += 1;
    const isRepeated =
      transactionId === this.#lastId && pduLength === this.#last.length && sameOctets(octets, pduAt, this.#last, 0, pduLength);
    if (isRepeated && this.#isConfirmed) {
      // Ours was lost on its way.
      line.confirmUnsolicited(transactionId);
      return true;
    }
    this.#line = line;
    const frames = new Uint8Array(protocol.frameLimit);
    const owner = this.#ownerNow(site.eventOwner, told);
    if (owner !== null) {
      if (!isRepeated || owner !== this.#owner) {
        owner.unsolicitedId = (owner.unsolicitedId + 1) % protocol.transactions;
        this.#ownersId = owner.unsolicitedId;
      }
      owner.tell(frames, owner.frame(frames, 0, this.#ownersId, framer.unitId, octets, pduAt, pduLength));
      this.passedOn += 1;
    }
    this.#owner = owner;
    // It tells no event, so none is lost; a device that waits for the word would answer no read meanwhile.
    const isEmpty = told.length === 0 && owner === null;
    if (isEmpty) line.confirmUnsolicited(transactionId);
    if (!isRepeated) this.#copy(framer, told, owner, frames);
    this.#last = octets.slice(pduAt, pduAt + pduLength);
    this.#lastId = transactionId;
    this.#isConfirmed = isEmpty;
    return true;
  }

  /** A session says that something unsolicited came. */
  confirmed(session: Session, transactionId: number): void {
    if (session !== this.#owner || transactionId !== this.#ownersId || this.#isConfirmed) {
      session.road.stats.stray("confirm");
      return;
    }
    this.#isConfirmed = true;
    this.confirms += 1;
    this.#line?.confirmUnsolicited(this.#lastId);
  }

  /** The device is connected to anew: what was told before is over. */
  forget(): void {
    this.#line = null;
    this.#lastId = -1;
    this.#owner = null;
  }

  /** What it came to since the last time; null: nothing. */
  drain(): Record<string, number> | null {
    if (this.count === 0) return null;
    const { count, passedOn, copies, confirms } = this;
    this.count = this.passedOn = this.copies = this.confirms = 0;
    return { count, passedOn, copies, confirmed: confirms };
  }

  #copy(framer: Framer, told: readonly Operation[], owner: Session | null, frames: Uint8Array): void {
    const { octets, pduAt, pduLength } = framer;
    const { protocol } = this.#asset;
    const read = told.map((operation): Operation => ({ ...operation, verb: "read", object: 0 }));
    if (read.length === 0) return;
    const copy = octets.slice(pduAt, pduAt + pduLength);
    protocol.asCopy(copy);
    for (const session of this.#asset.sessions) {
      if (session === owner || !session.listens || !mayHear(session, read)) continue;
      session.unsolicitedId = (session.unsolicitedId + 1) % protocol.transactions;
      session.tell(frames, session.frame(frames, 0, session.unsolicitedId, framer.unitId, copy, 0, copy.length));
      this.copies += 1;
    }
  }

  /** The newest of its sessions that may be told all of it; what holds nothing (a device that has just started) it may be told. */
  #ownerNow(eventOwner: string | null, told: readonly Operation[]): Session | null {
    if (eventOwner === null) return null;
    let found: Session | null = null;
    for (const session of this.#asset.sessions) {
      if (!session.listens || !matchesIdentity(eventOwner, session.identity)) continue;
      if (told.length === 0 || mayHear(session, told)) found = session;
    }
    return found;
  }
}

function mayHear(session: Session, operations: readonly Operation[]): boolean {
  const { rights, road } = session;
  return decide(rights.table, operations, rights.factsAt(road.clock.monotonic(), null)).allowed;
}
