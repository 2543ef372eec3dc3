/** The ledger for people, for scripts, for spreadsheets and for Prometheus. Pure: rows in, text out. */
import type { Loss } from "./journal.ts";
import { MINUTE_MS, type Row, type Totals } from "./ledger.ts";
import { CLASSES, type RecordClass } from "./minutes.ts";

const COLUMNS = [
  ["sent", "sent"],
  ["received", "received"],
  ["repaired", "repaired"],
  ["late", "late"],
  ["lost", "lost"],
  ["disputed", "disputed"],
  ["offered", "offered"],
  ["dropped at source", "droppedAtSource"],
  ["revision", "revision"],
] as const;

/**
 * A table for each stream and class, oldest first, with what it means in words below. Minutes of which nothing is known are named.
 *
 * @param nameOf what people call a stream
 * @param loss   what store.loss says
 */
export function ledgerText(
  rows: readonly Row[],
  nameOf: (stream: number) => string = (stream) => `stream ${stream}`,
  loss: Loss | null = null,
): string {
  const parts: string[] = [];
  for (const stream of new Set(rows.map((row) => row.stream))) {
    for (const name of CLASSES) {
      const these = rows.filter((row) => row.stream === stream && row.class === name);
      if (these.length > 0) parts.push(tableOf(`${nameOf(stream)}, ${name}`, these));
    }
  }
  if (parts.length === 0) parts.push("Nothing is known of this time: no record and no count of the sender came.\n");
  parts.push(meaning(rows, loss));
  return parts.join("\n");
}

/** One JSON object a line: the row, and its time as ISO 8601 in place of milliseconds. */
export function ledgerJson(rows: readonly Row[]): string {
  return rows.map((row) => `${JSON.stringify(plain(row))}\n`).join("");
}

const CSV = [
  "from",
  "span",
  "minutes",
  "stream",
  "class",
  "state",
  "offered",
  "droppedAtSource",
  "sent",
  "received",
  "repaired",
  "late",
  "lost",
  "disputed",
  "revision",
] as const;

/** RFC 4180, with a header; what is not known is empty. */
export function ledgerCsv(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const fields = plain(row);
    return CSV.map((name) => fields[name] ?? "").join(",");
  });
  return [CSV.join(","), ...lines].map((line) => `${line}\r\n`).join("");
}

/** Of what only grows, a counter; of what may shrink when late records come or a day ends, a gauge. */
const METRICS: readonly (readonly [name: string, type: "counter" | "gauge", help: string, of: (totals: Totals) => number])[] = [
  ["offered_total", "counter", "Records the sender was offered, as it told.", (t) => t.offered],
  ["dropped_at_source_total", "counter", "Records the sender dropped before sending, as it told.", (t) => t.droppedAtSource],
  ["sent_total", "counter", "Records sent, as the sender told.", (t) => t.sent],
  ["received_total", "counter", "Records that came at their time.", (t) => t.received],
  ["repaired_total", "counter", "Records rebuilt from repair frames at their time.", (t) => t.repaired],
  ["late_total", "counter", "Records that came by the carousel or after their minute was closed.", (t) => t.late],
  ["lost", "gauge", "Records of closed minutes that have not come.", (t) => t.lost],
  ["disputed", "gauge", "Records that came beyond what the sender says it sent.", (t) => t.disputed],
  ["revision_total", "counter", "Changes to closed minutes.", (t) => t.revision],
  ["open_minutes", "gauge", "Minutes of which the sender has not told its closed count.", (t) => t.openMinutes],
  ["closed_minutes", "gauge", "Minutes that add up.", (t) => t.closedMinutes],
];

/** Text exposition format 0.0.4. */
export function ledgerMetrics(totals: readonly Totals[], loss: Loss | null = null): string {
  const lines: string[] = [];
  for (const [name, type, help, of] of METRICS) {
    head(lines, name, type, help);
    for (const each of totals) lines.push(`penstock_ledger_${name}{stream="${each.stream}",class="${each.class}"} ${of(each)}`);
  }
  head(lines, "contradictions_total", "counter", "Counts of the sender that contradict themselves or one another.");
  for (const each of totals)
    if (each.class === CLASSES[0]) lines.push(`penstock_ledger_contradictions_total{stream="${each.stream}"} ${each.contradictions}`);
  head(lines, "memory_lost", "gauge", "1 if the memory of what came was lost once: starts from before are historical only.");
  lines.push(`penstock_ledger_memory_lost ${loss === null ? 0 : 1}`);
  return `${lines.join("\n")}\n`;
}

function head(lines: string[], name: string, type: string, help: string): void {
  lines.push(`# HELP penstock_ledger_${name} ${help}`, `# TYPE penstock_ledger_${name} ${type}`);
}

interface PlainRow extends Omit<Row, "fromMs"> {
  readonly from: string;
  readonly class: RecordClass;
}

function plain({ fromMs, ...rest }: Row): PlainRow {
  return { from: iso(fromMs), ...rest };
}

function tableOf(title: string, rows: readonly Row[]): string {
  const lines = [["from (UTC)", "state", ...COLUMNS.map(([title]) => title)]];
  let awaited: number | null = null;
  for (const row of rows) {
    if (row.span === "minute" && awaited !== null && row.fromMs > awaited)
      lines.push([clock(awaited), "nothing known", ...COLUMNS.map(() => "-")]);
    awaited = row.span === "minute" ? row.fromMs + MINUTE_MS : null;
    lines.push([when(row), row.state, ...COLUMNS.map(([, key]) => (row[key] === null ? "-" : String(row[key])))]);
  }
  const widths = (lines[0] as string[]).map((_, i) => Math.max(...lines.map((line) => (line[i] as string).length)));
  const text = lines.map((line) =>
    line.map((cell, i) => (i < 2 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number))).join("  "),
  );
  return [title, ...text.map((line) => `  ${line.trimEnd()}`), ""].join("\n");
}

function meaning(rows: readonly Row[], loss: Loss | null): string {
  const closed = rows.filter(({ state }) => state === "closed");
  const sum = (of: (row: Row) => number | null): number => rows.reduce((total, row) => total + (of(row) ?? 0), 0);
  const open = sum((row) => (row.state === "open" ? row.minutes : 0));
  const [lost, disputed, dropped] = [sum((row) => row.lost), sum((row) => row.disputed), sum((row) => row.droppedAtSource)];
  const lines: string[] = [];
  if (closed.length > 0) lines.push("Closed: the sender said what it sent, and sent = received + repaired + late + lost.");
  if (lost > 0)
    lines.push(
      `Lost: ${records(lost)} sent that ${lost === 1 ? "has" : "have"} not come. Late arrivals take from it, and raise the row's revision.`,
    );
  else if (closed.length > 0) lines.push("Nothing is lost in the closed rows.");
  if (open > 0)
    lines.push(
      `Open: of ${open} minute${open === 1 ? "" : "s"} the sender has not said to the end what it sent. What is lost there is not known.`,
    );
  if (disputed > 0)
    lines.push(
      `Disputed: ${records(disputed)} came beyond what the sender says it sent: sent + disputed = received + repaired + late + lost. The sender needs to be looked at.`,
    );
  if (dropped > 0) lines.push(`Dropped at source: ${records(dropped)} never left the sender.`);
  if (loss !== null)
    lines.push(
      `On ${iso(loss.atMs)} the memory of what had come was found lost: ${loss.why}. Counts from before may be missing here, and whatever a sender start from before brings is delivered as historical only. Restart the senders to end that.`,
    );
  return lines.map((line) => `${line}\n`).join("");
}

function records(count: number): string {
  return count === 1 ? "1 record" : `${count} records`;
}

function when({ span, fromMs, minutes }: Row): string {
  if (span === "minute") return clock(fromMs);
  const of = `${minutes} minute${minutes === 1 ? "" : "s"}`;
  return span === "day" ? `${iso(fromMs).slice(0, 10)}, ${of}` : `earlier, ${of}`;
}

function clock(ms: number): string {
  return iso(ms).slice(0, 16).replace("T", " ");
}

/** Four-digit years, whatever the sender's clock says. */
function iso(ms: number): string {
  return new Date(Math.min(Math.max(ms, 0), Date.UTC(9999, 11, 31, 23, 59))).toISOString();
}
