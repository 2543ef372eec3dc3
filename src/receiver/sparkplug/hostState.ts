/**
 * Is the primary host online? It says so itself, in retained messages `{"online": true, "timestamp": ...}` on its STATE topic; the broker says
 * the opposite for it by its will, with the time of its CONNECT. One older than what this broker has told before is ignored (Sparkplug 3.0
 * §5.4): a will that comes late does not end a session that began after it.
 */

/** Longer ones are not looked into. */
const LONGEST_OCTETS = 4096;

export type StateHeard = "online" | "offline" | "older" | "malformed";

export class HostState {
  /** null: not told since the session began. */
  isOnline: boolean | null = null;
  /** Newest timestamp by broker: a host has one of its own with each. */
  readonly #newest = new Map<number, number>();

  /** A new session: what the broker holds comes again. */
  forget(): void {
    this.isOnline = null;
  }

  /** @param server which of the configured brokers told */
  hear(server: number, octets: Uint8Array): StateHeard {
    const state = readState(octets);
    if (state === null) return "malformed";
    const newest = this.#newest.get(server);
    if (newest !== undefined && state.timestamp < newest) return "older";
    this.#newest.set(server, state.timestamp);
    this.isOnline = state.online;
    return state.online ? "online" : "offline";
  }
}

function readState(octets: Uint8Array): { readonly online: boolean; readonly timestamp: number } | null {
  if (octets.length > LONGEST_OCTETS) return null;
  let state: unknown;
  try {
    state = JSON.parse(Buffer.from(octets).toString("utf8"));
  } catch {
    return null;
  }
  if (typeof state !== "object" || state === null || !("online" in state) || !("timestamp" in state)) return null;
  const { online, timestamp } = state;
  return typeof online === "boolean" && typeof timestamp === "number" && Number.isFinite(timestamp) ? { online, timestamp } : null;
}
