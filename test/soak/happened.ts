/** What has to happen in a soak, and how often it did: a run in which something never happened says nothing about it. */
import type { ClientCounts, DeviceCounts } from "./messages.ts";

/** As test/soak/events.ts counts them. */
const EVENTS = ["reload", "reload refused", "renewal", "gateway renewal", "revocation", "session ended", "block"];

export function happened(
  events: Readonly<Record<string, number>>,
  kills: number,
  clients: ClientCounts,
  devices: DeviceCounts | null,
): Readonly<Record<string, number>> {
  return {
    kill: kills,
    ...Object.fromEntries(EVENTS.map((name) => [name, events[name] ?? 0])),
    connects: clients.connects,
    "renewed and reconnected": clients.renewals,
    "cut at the certificate's end": clients.cutAtEnd,
    "cut or turned away as revoked": clients.turnedAway,
    "records looked up as writes came": devices?.lookedUp ?? 0,
  };
}

export function neverHappened(counts: Readonly<Record<string, number>>): string[] {
  return Object.keys(counts).filter((name) => counts[name] === 0);
}
