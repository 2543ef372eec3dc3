/** One record as a plant engineer reads it, and as a row of a table. */
import { csvRow, visible } from "#documents/escape";
import { nameOf, operationsOf, type StoredRecord, type ToldOperation, text } from "./read.ts";

/** `2026-11-24 08:12:15.072 #123 alice@boiler-1: write holding 40 (feed_setpoint 38.0 -> 39.5 t/h): allowed, rule operator/feed-setpoint` */
export function sayRecord(record: StoredRecord): string {
  const { members, seq, time, kind } = record;
  const number = members.after === seq ? "" : ` #${seq}`;
  return visible(`${time.slice(0, 10)} ${time.slice(11, 23)}${number} ${SAY[kind]?.(members) ?? `${kind}: ${rest(members)}`}`);
}

type Members = StoredRecord["members"];

const SAY: Readonly<Record<string, (m: Members) => string>> = {
  decision: sayDecision,
  outcome: sayOutcome,
  session: (m) =>
    m.event === "open"
      ? `${by(m)}: session ${text(m.session)} opened from ${text(m.source)}, roles ${text(m.roles)}, assurance ${text(m.assurance)}`
      : `${by(m)}: session ${text(m.session)} ended: ${text(m.reason)}${m.words === undefined ? "" : ` (${text(m.words)})`}, ${text(m.requests)} requests, ${text(m.denied)} denied`,
  "handshake-refused": (m) =>
    `refused ${text(m.source)} at ${text(m.listener)}: ${text(m.reason)}${m.words === "" ? "" : ` (${text(m.words)})`}`,
  start: (m) => `started: ${rest(m)}`,
  stop: (m) => `stopped: ${rest(m)}`,
};

function sayDecision(m: Members): string {
  if (m.decision === "deny") return typeof m.words === "string" ? m.words : `${by(m)}: denied: ${text(m.code)}`;
  const times = typeof m.count === "number" && m.count > 1 ? `${m.count} times ` : "";
  const what = operationsOf(m).map(sayOperation).join(" and ");
  return `${by(m)}: ${times}${what === "" ? text(m.name) : what}: allowed, rule ${text(m.rule)}`;
}

function sayOperation(operation: ToldOperation): string {
  const where = `${operation.verb} ${operation.place}`.trim();
  if (operation.points.length === 0) return operation.after === null ? where : `${where} = ${operation.after}${was(operation.before, "")}`;
  const points = operation.points.map(({ name, unit, before, after }) => {
    const worth = unit === "" ? "" : ` ${unit}`;
    return after === null ? name : `${name} = ${after}${worth}${was(before, worth)}`;
  });
  return `${where} (${points.join(", ")})`;
}

function was(before: string | null, unit: string): string {
  return before === null ? "" : `, was ${before}${unit}`;
}

function sayOutcome(m: Members): string {
  if (m.event === "strayReply") return `${text(m.asset)}: ${text(m.count)} stray replies: ${text(m.what)}`;
  const took = m.latencyMs === undefined ? "" : ` in ${text(m.latencyMs)} ms`;
  const exception = m.exception === undefined ? "" : ` ${text(m.exception)}`;
  const reason = m.reason === undefined ? "" : ` (${text(m.reason)})`;
  const of = m.of === null || m.of === undefined ? "" : `, record ${text(m.of)}`;
  return `${by(m)}: ${text(m.outcome)}${exception}${took}${reason}${of}`;
}

function by(m: Members): string {
  const who = typeof m.who === "string" ? nameOf(m.who) : "nobody";
  return m.asset === undefined ? who : `${who}@${text(m.asset)}`;
}

const FRONT = new Set(["seq", "after", "time", "kind", "prev"]);

function rest(m: Members): string {
  return Object.entries(m)
    .filter(([name]) => !FRONT.has(name))
    .map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}

const COLUMNS = [
  "seq",
  "time",
  "kind",
  "event",
  "session",
  "who",
  "roles",
  "asset",
  "unit",
  "function",
  "name",
  "operations",
  "points",
  "before",
  "after",
  "decision",
  "code",
  "rule",
  "action",
  "of",
  "outcome",
  "exception",
  "reason",
  "count",
  "latencyUs",
  "latencyMs",
  "policy",
  "words",
] as const;

export const CSV_HEADER: string = csvRow(COLUMNS);

export function csvOf(record: StoredRecord): string {
  const { members } = record;
  const operations = operationsOf(members);
  const points = operations.flatMap((operation) => operation.points);
  const made: Readonly<Record<string, string>> = {
    seq: members.after === record.seq ? "" : String(record.seq),
    operations: operations.map(({ verb, place }) => `${verb} ${place}`.trim()).join("; "),
    points: points.map(({ name }) => name).join("; "),
    before: valuesOf(operations, "before"),
    after: valuesOf(operations, "after"),
  };
  return csvRow(COLUMNS.map((column) => visible(made[column] ?? text(members[column]))));
}

/** In engineering units where points are named, else raw cells. */
function valuesOf(operations: readonly ToldOperation[], side: "before" | "after"): string {
  return operations
    .flatMap((operation) => (operation.points.length > 0 ? operation.points.map((point) => point[side] ?? "") : [operation[side] ?? ""]))
    .join("; ");
}
