/**
 * Whoever comes and goes without end is told as a number, as a flood of denials is (RULINGS 29): after 20 sessions of one identity at one
 * listener within 10 s further ones are counted, what they read with them, and the count is a record every 10 s. A session is told by itself,
 * however many there are, once a record of its own names it: a change above all.
 */
import { Burst, WINDOW_MS } from "#audit/floods";
import type { SessionEnd } from "#events";

/** Addresses one count names. */
const SOURCES = 16;

/** What a session does to itself. */
const ITS_OWN: ReadonlySet<SessionEnd> = new Set<SessionEnd>([
  "closedByPeer",
  "transportError",
  "idle",
  "slowReader",
  "malformedFraming",
  "misbehaved",
  "closedByDenials",
  "closedByPolicy",
]);

/** Is it over by another's doing? Then it is told by itself. */
export function isCut(reason: SessionEnd): boolean {
  return !ITS_OWN.has(reason);
}

/** A session as it is counted. */
export interface Counted {
  readonly identity: string;
  readonly listener: string;
  readonly asset: { readonly name: string };
  readonly stream: { readonly remoteAddress: string };
  readonly requests: number;
  readonly denied: number;
}

type Members = Record<string, unknown>;

/** The sessions of one identity at one listener. null: several, the table had no room to tell them apart. */
export class Storm {
  readonly identity: string | null;
  readonly listener: string | null;
  readonly asset: string | null;
  readonly burst = new Burst();
  readonly sources = new Set<string>();
  readonly ends = new Map<SessionEnd, number>();
  /** Records of what they read, by what makes them alike. */
  readonly reads = new Map<string, Members>();
  requests = 0;
  denied = 0;
  /** Counted sessions that are still open. */
  open = 0;
  /** When the first came of what is not written yet. */
  sinceMs = 0;
  readonly #ranges: number;

  constructor(identity: string | null, listener: string | null, asset: string | null, ranges: number) {
    this.identity = identity;
    this.listener = listener;
    this.asset = asset;
    this.#ranges = ranges;
  }

  /** Did any session begin or end that is not written? */
  get hasSessions(): boolean {
    return this.burst.count > 0 || this.ends.size > 0;
  }

  /** Nothing is counted that is not written. */
  get isEmpty(): boolean {
    return !this.hasSessions && this.reads.size === 0;
  }

  /** @returns true: the session is told by itself */
  opened(session: Counted, now: number, wallMs: number): boolean {
    const wasEmpty = this.isEmpty;
    if (this.burst.note(now, wallMs)) return true;
    if (wasEmpty) this.sinceMs = now;
    this.open += 1;
    if (this.sources.size < SOURCES) this.sources.add(session.stream.remoteAddress);
    return false;
  }

  ended(session: Counted, reason: SessionEnd, now: number): void {
    if (this.isEmpty) this.sinceMs = now;
    this.open -= 1;
    this.ends.set(reason, (this.ends.get(reason) ?? 0) + 1);
    this.requests += session.requests;
    this.denied += session.denied;
  }

  /** A counted session is told by itself after all. */
  released(): void {
    this.open -= 1;
  }

  /**
   * What a counted session read, as its record would say; added to what is like it.
   *
   * @returns false: there is no room for one more range
   */
  read(members: Members, now: number): boolean {
    const { session: _, count, from, to, exceptions, notSent, silent, ...alike } = members;
    const key = JSON.stringify(alike);
    const known = this.reads.get(key);
    if (known === undefined && this.reads.size >= this.#ranges) return false;
    if (this.isEmpty) this.sinceMs = now;
    const sum: Members = known ?? { ...alike, count: 0, from, to };
    for (const [name, more] of Object.entries({ count, exceptions, notSent, silent }))
      if (typeof more === "number") sum[name] = (typeof sum[name] === "number" ? sum[name] : 0) + more;
    // As ISO 8601 has them: what is later is greater.
    if (String(from) < String(sum.from)) sum.from = from;
    if (String(to) > String(sum.to)) sum.to = to;
    this.reads.set(key, sum);
    return true;
  }

  written(): void {
    this.burst.count = 0;
    this.sources.clear();
    this.ends.clear();
    this.requests = 0;
    this.denied = 0;
  }
}

export class Storms {
  readonly #storms = new Map<string, Storm>();
  readonly #most: number;
  readonly #ranges: number;

  /**
   * @param most    identities and listeners that are told apart
   * @param ranges  ranges read that are counted apart, of each
   */
  constructor(most: number, ranges: number) {
    this.#most = most;
    this.#ranges = ranges;
  }

  /** A session begins. @returns what it is counted in; null: it is told by itself */
  opened(session: Counted, now: number, wallMs: number): Storm | null {
    const { identity, listener, asset } = session;
    const key = `${listener}\n${asset.name}\n${identity}`;
    const storm =
      this.#storms.get(key) ??
      (this.#storms.size < this.#most
        ? this.#make(key, identity, listener, asset.name)
        : (this.#storms.get("") ?? this.#make("", null, null, null)));
    return storm.opened(session, now, wallMs) ? null : storm;
  }

  /** Hand over what was counted where its 10 s are over, and forget whoever was quiet. */
  drain(now: number, write: (storm: Storm) => void): void {
    for (const [key, storm] of this.#storms) {
      if (!storm.isEmpty) {
        if (now - storm.sinceMs >= WINDOW_MS) write(storm);
      } else if (storm.open === 0 && now - storm.burst.newestMs >= WINDOW_MS) this.#storms.delete(key);
    }
  }

  get size(): number {
    return this.#storms.size;
  }

  #make(key: string, identity: string | null, listener: string | null, asset: string | null): Storm {
    const storm = new Storm(identity, listener, asset, this.#ranges);
    this.#storms.set(key, storm);
    return storm;
  }
}
