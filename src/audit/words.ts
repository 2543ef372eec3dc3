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
  session: saySession,
  "handshake-refused": (m) =>
    `refused ${text(m.source)} at ${text(m.listener)}: ${text(m.reason)}${m.words === "" ? "" : ` (${text(m.words)})`}`,
  management: (m) => (m.asked === undefined && m.event !== "cut" ? `management: ${rest(m)}` : sayManagement(m)),
  start: (m) => `started: ${rest(m)}`,
  stop: (m) => `stopped: ${rest(m)}`,
};

function saySession(m: Members): string {
  const { event } = m;
  if (event === "open")
    return `${by(m)}: session ${text(m.session)} opened from ${text(m.source)}, roles ${text(m.roles)}, assurance ${text(m.assurance)}${m.opened === undefined ? "" : `, at ${text(m.opened)}`}`;
  const did = `${text(m.requests)} requests, ${text(m.denied)} denied`;
  if (event !== "counted")
    return `${by(m)}: session ${text(m.session)} ended: ${text(m.reason)}${m.words === undefined ? "" : ` (${text(m.words)})`}, ${did}`;
  const ends = Object.entries(Object(m.ended)).map(([reason, count]) => `, ${text(count)} ended: ${reason}`);
  const from = m.count === 0 ? "" : ` from ${text(m.sources).replaceAll("+", ", ")}`;
  return `${m.who === null ? "several" : by(m)}: ${text(m.count)} more sessions opened${from}${ends.join("")}; ${did}`;
}

function sayDecision(m: Members): string {
  const content = sayContent(m);
  if (m.decision === "deny") return `${typeof m.words === "string" ? m.words : `${by(m)}: denied: ${text(m.code)}`}${content}`;
  const times = typeof m.count === "number" && m.count > 1 ? `${m.count} times ` : "";
  const what = sayOperations(m);
  return `${by(m)}: ${times}${what === "" ? text(m.name) : what}${content}: allowed, rule ${text(m.rule)}${sayFates(m)}${sayJournal(m)}`;
}

/** A stop that passed while this record could not be written (RULINGS 15). */
function sayJournal({ journal }: Members): string {
  if (typeof journal !== "object" || journal === null) return "";
  const { first, last, count, outcome } = journal as Readonly<Record<string, unknown>>;
  const times = count === 1 ? "" : `, ${text(count)} times until ${text(last)}`;
  return `; passed without its record at ${text(first)}${times}, ${outcome === null ? "what became of it is not known" : text(outcome)}`;
}

/** `alice@boiler-1: block: allowed, rule shift/close`; `local-root (uid 1000)@boiler-1: points verify (feed_setpoint = 30.5 t/h)`. */
function sayManagement(m: Members): string {
  if (m.event === "cut") return `${by(m)}: cut from the management port: ${text(m.reason)} (${text(m.words)})`;
  if (m.decision === "deny" && typeof m.words === "string") return m.words;
  const uid = m.uid === undefined ? "" : ` (uid ${text(m.uid)})`;
  const times = typeof m.count === "number" && m.count > 1 ? `${m.count} times ` : "";
  const about = [
    m.session === undefined ? "" : ` ${text(m.session)} of ${text(m.ended)}`,
    m.reads === true ? ", reads too" : "",
    Array.isArray(m.values) ? ` (${m.values.map(sayValue).join(", ")})` : "",
    typeof m.of === "number" ? `, of record ${m.of}` : "",
  ].join("");
  const judged = m.decision === "deny" ? `: denied: ${text(m.code)}` : m.rule === undefined ? "" : `: allowed, rule ${text(m.rule)}`;
  return `${by(m)}${uid}: ${times}${text(m.asked)}${about}${judged}`;
}

function sayValue(value: unknown): string {
  const { name, unit, value: worth, verdict } = Object(value) as Members;
  const shown = worth === null || worth === undefined ? text(verdict) : `${text(worth)}${unit === undefined ? "" : ` ${text(unit)}`}`;
  return `${text(name)} = ${shown}${verdict === "implausible" ? " implausible" : ""}`;
}

/** Of counted reads, those that were not simply answered. */
function sayFates(m: Members): string {
  const fates = [
    ["notSent", "not sent"],
    ["silent", "without an answer"],
    ["exceptions", "answered with an exception"],
  ].filter(([member]) => typeof m[member as string] === "number");
  return fates.map(([member, words]) => `, ${text(m[member as string])} ${words}`).join("");
}

/** What the operations leave out: ` [UMAS stop PLC]`, ` [5a 00 41]`. */
function sayContent(m: Members): string {
  const octets = typeof m.octets === "string" ? (m.octets.match(/../g) ?? []) : [];
  const shown = octets.slice(0, SHOWN_OCTETS).join(" ");
  const more = octets.length > SHOWN_OCTETS ? ` and ${octets.length - SHOWN_OCTETS} more` : "";
  const content = [text(m.inside), `${shown}${more}`].filter((words) => words !== "");
  return content.length === 0 ? "" : ` [${content.join(": ")}]`;
}

/** Octets one line shows; the record and the table have them all. */
const SHOWN_OCTETS = 32;

function sayOperations(m: Members): string {
  return operationsOf(m)
    .map((operation) => sayOperation(operation, m))
    .join(" and ");
}

function sayOperation(operation: ToldOperation, m: Members): string {
  const where = operation.place === "device" ? `${operation.verb} by ${sayFunction(m)}` : `${operation.verb} ${operation.place}`.trim();
  if (operation.points.length === 0) return operation.after === null ? where : `${where} = ${operation.after}${was(operation.before, "")}`;
  const points = operation.points.map(({ name, unit, before, after }) => {
    const worth = unit === "" ? "" : ` ${unit}`;
    return after === null ? name : `${name} = ${after}${worth}${was(before, worth)}`;
  });
  return `${where} (${points.join(", ")})`;
}

/** `function 8/4 (forceListenOnlyMode)`: as policy and standard write it, and its name where it has one. */
function sayFunction(m: Members): string {
  const number = typeof m.function === "number" ? m.function : 0;
  const words = `function ${number > 0xff ? `${number & 0xff}/${number >> 8}` : number}`;
  return m.name === undefined || m.name === words ? words : `${words} (${text(m.name)})`;
}

function was(before: string | null, unit: string): string {
  return before === null ? "" : `, was ${before}${unit}`;
}

function sayOutcome(m: Members): string {
  if (m.count !== undefined && m.outcome !== undefined) return `${text(m.asset)}: ${text(m.count)} more: ${text(m.outcome)}`;
  if (m.event === "strayReply") return `${text(m.asset)}: ${text(m.count)} stray replies: ${text(m.what)}`;
  const took = m.latencyMs === undefined ? "" : ` in ${text(m.latencyMs)} ms`;
  const exception = m.exception === undefined ? "" : ` ${text(m.exception)}`;
  const reason = m.reason === undefined ? "" : ` (${text(m.reason)})`;
  const of = m.of === null || m.of === undefined ? "" : `, record ${text(m.of)}`;
  const what = sayOperations(m);
  return `${by(m)}: ${what === "" ? "" : `${what}: `}${text(m.outcome)}${exception}${took}${reason}${of}`;
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
  "asked",
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
  "exceptions",
  "notSent",
  "silent",
  "latencyUs",
  "latencyMs",
  "policy",
  "octets",
  "inside",
  "journal",
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
    journal: sayJournal(members).replace(/^; /, ""),
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
