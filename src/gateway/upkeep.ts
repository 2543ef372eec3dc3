/**
 * What runs out, and how soon (RULINGS 18): the gateway's certificate, its authorities, their revocation lists, and the certificate of every
 * client of the last ninety days. Told in status all the time, and in the log each time a mark is passed.
 */
import type { Log } from "#log";
import type { EndingStatus, ListStatus } from "#management/protocol";
import type { Memory, Seen } from "./memory.ts";
import type { Road } from "./road.ts";
import type { Trust } from "./trust.ts";

const DAY_MS = 86_400_000;
/** Days left at which somebody should look; 0: it is over. */
const MARKS = [0, 1, 7, 14, 30] as const;
/** CAs let what they make begin so much earlier at most, for clocks that are slow. */
const BACKDATED_MS = 3_600_000;
/** Looked at this often; a list that falls due is thus told within it. */
const LOOK_MS = 10_000;
/** An overdue list is told again this often. */
const AGAIN_MS = DAY_MS;

type ListNow = ListStatus["state"];

const EVENTS: Readonly<Record<Exclude<ListNow, "current">, string>> = {
  overdue: "revocationOverdue",
  stale: "revocationStale",
  rolledBack: "revocationRolledBack",
};

export class Upkeep {
  readonly #road: Road;
  readonly #memory: Memory;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #trust: Trust | null = null;
  /** By certificate or list: the mark it was last told at. */
  #told = new Map<string, number>();
  /** Overdue lists by issuer: how they were told, and when. */
  #lists = new Map<string, { readonly state: ListNow; readonly atMs: number }>();
  #trouble: string | null = null;

  constructor(road: Road, memory: Memory) {
    this.#road = road;
    this.#memory = memory;
  }

  /** Time is looked at. @param now monotonic */
  look(trust: Trust | null, now: number): void {
    if (now - this.#lookedMs < LOOK_MS && trust === this.#trust) return;
    this.#lookedMs = now;
    this.#trust = trust;
    const nowMs = this.#road.clock.steady(now);
    for (const { peer, stream } of this.#road.sessions.open) if (peer !== null) this.#memory.saw(peer, stream.remoteAddress, nowMs, false);
    this.#tellMarks(endingsOf(trust, this.#memory.clients, nowMs), this.#road.log);
    this.#tellLists(listsOf(trust, nowMs), now);
    const { trouble } = this.#memory;
    if (trouble !== null && trouble !== this.#trouble) this.#road.log.warn({ words: trouble }, "what was seen before");
    this.#trouble = trouble;
  }

  #tellMarks(endings: readonly EndingStatus[], log: Log): void {
    const told = new Map<string, number>();
    for (const ending of endings) {
      if (!ending.tell || ending.mark === null) continue;
      const key = `${ending.what} ${ending.fingerprint ?? ending.name}`;
      told.set(key, ending.mark);
      if (this.#told.get(key) === ending.mark) continue;
      log[ending.mark <= 1 ? "error" : ending.mark <= 14 ? "warn" : "info"](
        { ends: ending.ends, daysLeft: ending.daysLeft },
        sayEnding(ending),
      );
    }
    this.#told = told;
  }

  #tellLists(lists: readonly ListStatus[], now: number): void {
    const told = new Map<string, { readonly state: ListNow; readonly atMs: number }>();
    for (const list of lists) {
      if (list.state === "current") continue;
      const before = this.#lists.get(list.issuer);
      const isNews = before?.state !== list.state;
      if (!isNews && now - before.atMs < AGAIN_MS) {
        told.set(list.issuer, before);
        continue;
      }
      told.set(list.issuer, { state: list.state, atMs: now });
      const event = EVENTS[list.state];
      this.#road.log.error({ file: list.file, due: list.nextUpdate }, sayList(list));
      if (isNews) this.#road.records.note("config", { event, issuer: list.issuer, file: list.file, due: list.nextUpdate });
    }
    this.#lists = told;
  }
}

/** Soonest first. @param nowMs wall milliseconds, steady */
export function endingsOf(trust: Trust | null, clients: Iterable<Seen>, nowMs: number): readonly EndingStatus[] {
  const endings: EndingStatus[] = [];
  const add = (what: EndingStatus["what"], name: string, fingerprint: string | null, startMs: number | null, endMs: number): void => {
    const left = endMs - nowMs;
    const mark = MARKS.find((days) => left <= days * DAY_MS) ?? null;
    // What is made for thirty days is not late on its first one, and begins a little before it is made.
    const tell = mark !== null && (startMs === null || mark === 0 || endMs - startMs > mark * DAY_MS + BACKDATED_MS);
    endings.push({ what, name, fingerprint, ends: iso(endMs), daysLeft: Math.floor(left / DAY_MS), mark, tell });
  };
  if (trust !== null) {
    const { own, store } = trust;
    if (own !== null) add("gateway", own.subjectWords, own.fingerprint, own.notBefore, own.notAfter);
    for (const { ca, subject, fingerprint, notBefore, notAfter } of store.authorities)
      add("authority", `${subject} (${ca})`, fingerprint, notBefore, notAfter);
    for (const { issuer, thisUpdate, nextUpdate } of store.lists)
      if (nextUpdate !== null) add("list", issuer, null, thisUpdate, nextUpdate);
  }
  for (const { name, fingerprint, notAfter } of inUse(clients)) add("client", name, fingerprint, null, notAfter);
  return endings.sort((a, b) => a.daysLeft - b.daysLeft);
}

/** Without certificates that gave way to a later one: the same name came with one that lasts longer, and has not come with this one since. */
function* inUse(clients: Iterable<Seen>): Iterable<Seen> {
  const all = [...clients];
  const byName = Map.groupBy(all, ({ name }) => name);
  for (const client of all) {
    const others = byName.get(client.name) ?? [];
    if (!others.some(({ notAfter, seenMs }) => notAfter > client.notAfter && seenMs >= client.seenMs)) yield client;
  }
}

export function listsOf(trust: Trust | null, nowMs: number): readonly ListStatus[] {
  if (trust === null) return [];
  const { crlGraceMs } = trust.site;
  return trust.store.lists.map(({ issuer, signer, file, number, thisUpdate, nextUpdate, revoked }) => ({
    issuer,
    file,
    number: number === null ? null : String(number),
    thisUpdate: iso(thisUpdate),
    nextUpdate: nextUpdate === null ? null : iso(nextUpdate),
    denies: nextUpdate === null ? null : iso(nextUpdate + crlGraceMs),
    revoked,
    state: trust.rolledBack.has(signer)
      ? "rolledBack"
      : nextUpdate === null || nowMs < nextUpdate
        ? "current"
        : nowMs < nextUpdate + crlGraceMs
          ? "overdue"
          : "stale",
  }));
}

const NAMES: Readonly<Record<EndingStatus["what"], (name: string) => string>> = {
  gateway: (name) => `the gateway's certificate ${name}`,
  authority: (name) => `the authority ${name}`,
  list: (name) => `the revocation list of ${name}`,
  client: (name) => `the certificate of ${name}`,
};

export function sayEnding({ what, name, daysLeft, ends }: EndingStatus): string {
  const who = NAMES[what](name);
  const on = ends.slice(0, 10);
  if (daysLeft < 0) return `${who} ${what === "list" ? "was due" : "ended"} on ${on}`;
  const when = daysLeft === 0 ? "within a day" : `in ${daysLeft} day${daysLeft === 1 ? "" : "s"}`;
  return `${who} ${what === "list" ? "is due" : "ends"} ${when} (${on})`;
}

export function sayList({ issuer, file, number, thisUpdate, nextUpdate, denies, state }: ListStatus): string {
  if (state === "rolledBack")
    return `REVOCATION LIST ROLLED BACK: the list of ${issuer} (${file}), ${number === null ? "" : `number ${number}, `}of ${thisUpdate}, is older than one that was in force; writes and controls of its certificates are denied (revocationStale) until one that is not is there`;
  const was = `the list of ${issuer} (${file}) was due ${nextUpdate}`;
  return state === "stale"
    ? `REVOCATION LIST STALE: ${was}; writes and controls of its certificates are denied (revocationStale) until a new one is there`
    : `REVOCATION LIST OVERDUE: ${was}; it still applies; without a new one writes and controls are denied from ${denies}`;
}

/** Certificates may run to the end of the calendar. */
function iso(ms: number): string {
  return new Date(Math.min(ms, 253_402_300_799_000)).toISOString().replace(/\.\d+Z$/, "Z");
}
