/** An entry's members as JSON text. Nothing an entry holds, and no fault in one, may stop or bend the chain. */

import { reasonOf } from "#disk/reason";
import type { Entry } from "./entry.ts";
import { hashLine, LONGEST_LINE } from "./format.ts";

/** Room for the line's front and a margin. */
const LONGEST_BODY = LONGEST_LINE - 1024;
const OURS = ["seq", "after", "time", "kind", "prev"];
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * Calls `members` and `rendered` once each.
 *
 * @param told  is given the members, too
 * @returns     one JSON object
 */
export function renderBody(entry: Entry, told: ((members: Readonly<Record<string, unknown>>) => void) | null = null): string {
  let body: string;
  let members: Record<string, unknown> | null = null;
  try {
    members = withoutOurNames(entry);
    body = JSON.stringify(members);
  } catch (error) {
    body = JSON.stringify({ unrenderable: reasonOf(error) });
  }
  try {
    if (members !== null) told?.(members);
  } catch {
    // Who listens is nothing to the chain.
  }
  try {
    entry.rendered();
  } catch {
    // A pool that cannot take its record back loses one record's memory; the line stands.
  }
  if (body.length > LONGEST_BODY / 3 && Buffer.byteLength(body) > LONGEST_BODY) {
    body = JSON.stringify({ oversize: Buffer.byteLength(body), sha256: hashLine(body) });
  }
  return body;
}

/** ISO 8601 with milliseconds, UTC; a clock out of its mind is held within four-digit years. */
export function isoTime(wallMs: number): string {
  const ms = Number.isFinite(wallMs) ? Math.min(Math.max(wallMs, 0), LAST_MS) : 0;
  return new Date(ms).toISOString();
}

/** A member named like one of the line's own would be read in its place: it gets a trailing underscore. So would a forged segment or checkpoint. */
function withoutOurNames(entry: Entry): Record<string, unknown> {
  const members = entry.members();
  const posing = entry.kind === "audit" && (members.event === "segment" || members.event === "checkpoint");
  if (!posing && !OURS.some((name) => name in members)) return members;
  return Object.fromEntries(
    Object.entries(members).map(([name, value]) => [OURS.includes(name) || (posing && name === "event") ? `${name}_` : name, value]),
  );
}

/** What the log itself has to say: prunes, repairs, stored documents, troubles. */
export class OwnRecord implements Entry {
  readonly kind = "audit";
  readonly wallMs: number;
  readonly #members: Record<string, unknown>;

  constructor(wallMs: number, members: Record<string, unknown>) {
    this.wallMs = wallMs;
    this.#members = members;
  }

  members(): Record<string, unknown> {
    return this.#members;
  }

  rendered(): void {}
}
