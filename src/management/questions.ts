/** A line or a body that somebody sent: is it a question this daemon knows? Only what is read here reaches the gateway. */
import type { Ask, Question } from "./protocol.ts";

/** A question is a few words; whoever sends more is not asking. Octets on the port, characters on the socket. */
export const QUESTION_LIMIT = 4096;
/** Names of points one question may hold; more are asked for in several. */
export const NAMES_LIMIT = 40;

type Members = Readonly<Record<string, unknown>>;

/** Over the socket: who commands says who it is. @returns null: it is no question */
export function readLine(line: string): Question | null {
  const members = membersOf(line);
  const ask = members === null ? null : readAsk(members);
  if (members === null || ask === null) return null;
  const { uid } = members;
  if (isUid(uid)) return { ...ask, uid };
  return isQuery(ask) ? ask : null;
}

/** Over the port: the certificate says who it is, whatever else is said. @returns null: it is no question */
export function readBody(text: string): Ask | null {
  const members = membersOf(text);
  return members === null ? null : readAsk(members);
}

function membersOf(text: string): Members | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : null;
  } catch {
    return null;
  }
}

/** What changes nothing, or only what lies on the daemon's own disk anyway. */
function isQuery({ ask }: Ask): boolean {
  return ask === "status" || ask === "sessions" || ask === "metrics" || ask === "reload";
}

function readAsk({ ask, session, asset, reads, points, from, verification }: Members): Ask | null {
  switch (ask) {
    case "status":
    case "sessions":
    case "metrics":
    case "reload":
    case "clockConfirm":
      return { ask };
    case "endSession":
      return typeof session === "string" ? { ask, session } : null;
    case "block":
      return typeof asset === "string" && typeof reads === "boolean" ? { ask, asset, reads } : null;
    case "unblock":
      return typeof asset === "string" ? { ask, asset } : null;
    case "pointsVerify":
      if (typeof asset !== "string" || !isCount(from) || !(points === null || isNames(points))) return null;
      return { ask, asset, points, from };
    case "pointsSignOff":
      return typeof verification === "string" ? { ask, verification } : null;
    default:
      return null;
  }
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.length <= NAMES_LIMIT && value.every((name) => typeof name === "string");
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isUid(value: unknown): value is number {
  return isCount(value) && value < 2 ** 32;
}
