/**
 * A record of the evidence in few words, for whoever watches from outside: who, where, what, by which rule. Only members that are named here
 * leave; what was written, octets, and words that quote a peer do not.
 */
import type { RecordKind } from "#audit/entry";

const WHO = ["session", "who", "asset"] as const;
const SPAN = ["count", "from", "to"] as const;

const MEMBERS: Readonly<Record<RecordKind, readonly string[]>> = {
  decision: [...WHO, "unit", "name", "effect", "decision", "code", "rule", "action", "of", ...SPAN, "exceptions", "notSent", "silent"],
  outcome: [...WHO, "of", "event", "what", "outcome", "exception", "reason", "latencyMs", ...SPAN],
  session: ["event", ...WHO, "subject", "assurance", "listener", "source", "reason", "requests", "denied", ...SPAN],
  "handshake-refused": ["listener", "source", "reason", "count"],
  management: ["event", "asked", ...WHO, "right", "rule", "decision", "code", "source", "reason", "ended", "reads", ...SPAN],
  config: ["event", "policy", "version"],
  mode: ["event", "asset"],
  clock: ["event", "why", "who"],
  audit: ["event", "segment", "count", "from"],
  start: ["version", "site", "policy", "hardware"],
  stop: ["version", "policy"],
};

/** Of one message. */
const MOST_PLACES = 16;
const MOST_NAMES = 32;

export function eventOf(
  seq: number,
  wallMs: number,
  kind: RecordKind,
  members: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const event: Record<string, unknown> = { is: kind, seq, time: new Date(wallMs).toISOString() };
  for (const name of MEMBERS[kind]) if (members[name] !== undefined) event[name] = members[name];
  if (Array.isArray(members.operations)) event.operations = members.operations.slice(0, MOST_PLACES).map(placeOf);
  return event;
}

/** Verb and place, without a value. */
function placeOf(operation: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const told: Record<string, unknown> = {};
  for (const name of ["verb", "unit", "table", "place", "target", "object", "via"])
    if (operation[name] !== undefined) told[name] = operation[name];
  if (Array.isArray(operation.points))
    told.points = operation.points
      .slice(0, MOST_NAMES)
      .map((point: unknown) => (typeof point === "string" ? point : (point as { readonly name: string }).name));
  return told;
}
