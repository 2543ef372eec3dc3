/** Reading the log for people and programs: filtered, in order, a segment in memory at most. Reading proves nothing; `verify` does. */
import { listSegments } from "./directory.ts";
import { FRONT_OCTETS, type Front, readFront, readHeader } from "./format.ts";
import { firstLine, readLines } from "./lines.ts";

export interface Filter {
  /** An identity, with its type before it or without, or the plain name in it: `alice`. */
  readonly who?: string;
  readonly asset?: string;
  /** A named point that the operation touches. */
  readonly point?: string;
  readonly decision?: "allow" | "deny";
  readonly kind?: string;
  /** Wall milliseconds, both included. */
  readonly sinceMs?: number;
  readonly untilMs?: number;
}

export interface StoredRecord {
  readonly seq: number;
  readonly time: string;
  readonly kind: string;
  readonly members: Readonly<Record<string, unknown>>;
  /** As it stands in the file, without its line feed. */
  readonly line: string;
}

/** Outcomes are shown with the decision they belong to; so many decisions are remembered for theirs to come. */
const REMEMBERED = 4096;

/**
 * The records that pass, in order. Headers and checkpoints are left out unless `kind` is `audit`; lines that cannot be read are counted in
 * `unreadable`; an unfinished last line is not looked at.
 */
export async function* readRecords(directory: string, filter: Filter, unreadable: { count: number }): AsyncGenerator<StoredRecord> {
  const segments = await listSegments(directory);
  const sieve = new Sieve(filter);
  for (const [i, { file, segment }] of segments.entries()) {
    const next = segments[i + 1];
    const header = next === undefined ? "" : ((await firstLine(next.file)) ?? "");
    const previous = readHeader(header)?.previous ?? null;
    // Whatever stands in a segment came before the next one began.
    if (filter.sinceMs !== undefined && Date.parse(readFront(header)?.time ?? "") < filter.sinceMs) continue;
    // What follows a failed write was written again in the next segment.
    const limit = previous?.state === "retired" && previous.segment === segment ? previous.octets : Number.POSITIVE_INFINITY;
    const found: StoredRecord[] = [];
    await readLines(file, limit, (octets, _, whole) => {
      const front = whole ? readFront(octets.toString("latin1", 0, FRONT_OCTETS)) : null;
      if (front === null) unreadable.count++;
      else if (sieve.mayPass(front)) {
        const record = recordOf(front, octets.toString("utf8"));
        if (record === null) unreadable.count++;
        else if (sieve.passes(record)) found.push(record);
      }
      return true;
    });
    yield* found;
  }
}

function recordOf(front: Front, line: string): StoredRecord | null {
  try {
    return { seq: front.number, time: front.time, kind: front.kind, members: JSON.parse(line) as Record<string, unknown>, line };
  } catch {
    return null;
  }
}

class Sieve {
  readonly #filter: Filter;
  /** Numbers of the decisions that passed, oldest first. */
  readonly #passed = new Set<number>();

  constructor(filter: Filter) {
    this.#filter = filter;
  }

  /** By its front alone, so that most lines are never parsed. */
  mayPass(front: Front): boolean {
    const { kind, sinceMs, untilMs } = this.#filter;
    if (kind !== undefined ? front.kind !== kind : front.header || front.event === "checkpoint") return false;
    const ms = Date.parse(front.time);
    return (sinceMs === undefined || ms >= sinceMs) && (untilMs === undefined || ms <= untilMs);
  }

  passes(record: StoredRecord): boolean {
    const { members } = record;
    if (typeof members.of === "number" && this.#passed.has(members.of) && record.kind === "outcome") return true;
    const { who, asset, point, decision } = this.#filter;
    if (who !== undefined && !isWho(members.who, who)) return false;
    if (asset !== undefined && members.asset !== asset) return false;
    if (decision !== undefined && members.decision !== decision) return false;
    if (point !== undefined && !pointsOf(members).includes(point)) return false;
    if (record.kind === "decision") this.#remember(record.seq);
    return true;
  }

  #remember(seq: number): void {
    this.#passed.add(seq);
    if (this.#passed.size <= REMEMBERED) return;
    for (const oldest of this.#passed) {
      this.#passed.delete(oldest);
      return;
    }
  }
}

function isWho(recorded: unknown, who: string): boolean {
  return typeof recorded === "string" && (recorded === who || withoutType(recorded) === who || nameOf(recorded) === who);
}

/** `spiffe://plant.example/operator/alice` of `spiffe:spiffe://...`, `alice@plant` of `cn:alice@plant`, `10.10.5.7` of `source:10.10.5.7`. */
function withoutType(identity: string): string {
  return identity.slice(identity.indexOf(":") + 1);
}

/** What a person calls an identity: the last segment of a SPIFFE id, the common name without its CA. */
export function nameOf(identity: string): string {
  if (identity.startsWith("spiffe:")) return identity.slice(identity.lastIndexOf("/") + 1);
  if (identity.startsWith("cn:")) return identity.slice(3, identity.includes("@") ? identity.lastIndexOf("@") : undefined);
  return identity;
}

export interface ToldPoint {
  readonly name: string;
  readonly unit: string;
  readonly before: string | null;
  readonly after: string | null;
}

export interface ToldOperation {
  readonly verb: string;
  readonly place: string;
  readonly points: readonly ToldPoint[];
  /** Raw cells, where no point is named. */
  readonly before: string | null;
  readonly after: string | null;
}

export function pointsOf(members: Readonly<Record<string, unknown>>): string[] {
  return operationsOf(members).flatMap(({ points }) => points.map(({ name }) => name));
}

/** The operations a decision tells, whatever of them is missing. */
export function operationsOf(members: Readonly<Record<string, unknown>>): ToldOperation[] {
  return list(members.operations).map((operation) => {
    const told = object(operation);
    const { first, last, table, target } = told;
    const zeroBased = `${text(first)}${first === last ? "" : `-${text(last)}`}`;
    const place = table === undefined ? text(target ?? "") : `${text(table)} ${text(told.place ?? zeroBased)}`;
    return {
      verb: text(told.verb ?? ""),
      place,
      points: list(told.points).map(pointOf),
      before: cells(object(told.before).value),
      after: cells(told.after),
    };
  });
}

function pointOf(point: unknown): ToldPoint {
  if (typeof point === "string") return { name: point, unit: "", before: null, after: null };
  const told = object(point);
  const before = object(told.before).value;
  return {
    name: text(told.name ?? ""),
    unit: text(told.unit ?? ""),
    before: before === undefined || before === null ? null : text(before),
    after: told.after === undefined || told.after === null ? null : text(told.after),
  };
}

function cells(value: unknown): string | null {
  return Array.isArray(value) ? value.map((cell) => (cell === null ? "?" : text(cell))).join(" ") : null;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** A member as one cell of text. */
export function text(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (Array.isArray(value)) return value.map(text).join("+");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
