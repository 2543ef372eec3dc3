/** What `penstock audit` does. */
import { readFileSync } from "node:fs";
import { readCheckpointFile } from "#audit/directory";
import { readCheckpoint } from "#audit/format";
import { entriesWaiting, journalOf } from "#audit/journal";
import { AuditProblem } from "#audit/problem";
import { type Filter, readRecords, type StoredRecord } from "#audit/read";
import { type Report, verify } from "#audit/verify";
import { CSV_HEADER, csvOf, sayRecord } from "#audit/words";
import { reasonOf } from "#disk/reason";
import { visible } from "#documents/escape";
import { EXIT, UsageError } from "../exit.ts";
import { complain, print, printJson } from "../output.ts";
import { Output } from "./stream.ts";

export interface VerifyFlags {
  readonly key: string;
  readonly expect?: string;
  readonly json?: boolean;
}

export async function verifyCommand(directory: string, flags: VerifyFlags): Promise<number> {
  const pem = readGiven(flags.key, "the public key");
  const expected = flags.expect === undefined ? {} : { expect: readGiven(flags.expect, "the kept checkpoint"), expectFile: flags.expect };
  const report = await orUsage(verify(directory, pem, { keyFile: flags.key, ...expected }));
  if (flags.json === true) printJson(report);
  else for (const line of [...sayReport(report), ...(await sayJournal(directory))]) print(visible(line));
  return report.ok ? EXIT.ok : EXIT.fails;
}

export interface FilterFlags {
  readonly who?: string;
  readonly asset?: string;
  readonly point?: string;
  readonly decision?: "allow" | "deny";
  readonly kind?: string;
  readonly since?: string;
  readonly until?: string;
}

export function show(directory: string, flags: FilterFlags & { readonly json?: boolean }): Promise<number> {
  return write(directory, flags, "", (record) => `${flags.json === true ? record.line : sayRecord(record)}\n`);
}

export function exportCommand(directory: string, flags: FilterFlags & { readonly format: "jsonl" | "csv" }): Promise<number> {
  if (flags.format === "csv") return write(directory, flags, CSV_HEADER, csvOf);
  return write(directory, flags, "", (record) => `${record.line}\n`);
}

export async function checkpoint(directory: string): Promise<number> {
  const line = await orUsage(readCheckpointFile(directory));
  if (line === null) throw new UsageError([`${directory}: found no checkpoint; expected the directory of an audit log`]);
  if (readCheckpoint(line) === null) {
    complain(`${directory}: the checkpoint beside the log was altered; penstock audit verify says more`);
    return EXIT.fails;
  }
  print(line);
  return EXIT.ok;
}

async function write(directory: string, flags: FilterFlags, header: string, say: (record: StoredRecord) => string): Promise<number> {
  const filter = filterOf(flags);
  const unreadable = { count: 0 };
  const output = new Output(process.stdout);
  await orUsage(
    (async () => {
      await output.write(header);
      for await (const record of readRecords(directory, filter, unreadable)) {
        if (output.closed) return;
        await output.write(say(record));
      }
      await output.end();
    })(),
  );
  if (unreadable.count === 0) return EXIT.ok;
  complain(`${unreadable.count} lines cannot be read; penstock audit verify says more`);
  return EXIT.fails;
}

function filterOf(flags: FilterFlags): Filter {
  const now = Date.now();
  return {
    ...(flags.who === undefined ? {} : { who: flags.who }),
    ...(flags.asset === undefined ? {} : { asset: flags.asset }),
    ...(flags.point === undefined ? {} : { point: flags.point }),
    ...(flags.decision === undefined ? {} : { decision: flags.decision }),
    ...(flags.kind === undefined ? {} : { kind: flags.kind }),
    ...(flags.since === undefined ? {} : { sinceMs: timeOf("--since", flags.since, now) }),
    ...(flags.until === undefined ? {} : { untilMs: timeOf("--until", flags.until, now) }),
  };
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const WALL_TIME = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)?(Z|[+-]\d\d:\d\d)?$/;

/** Wall milliseconds. Without a zone it is UTC, as records are. */
function timeOf(flag: string, words: string, nowMs: number): number {
  const ago = /^(\d{1,6})([smhd])$/.exec(words);
  if (ago !== null) return nowMs - Number(ago[1]) * (UNITS[ago[2] as string] as number);
  const wall = WALL_TIME.exec(words);
  const ms = wall === null ? Number.NaN : Date.parse(`${words.replace(" ", "T")}${wall[1] === undefined && words.length > 10 ? "Z" : ""}`);
  if (Number.isNaN(ms))
    throw new UsageError([`${flag}: found "${visible(words)}"; expected a time (2026-11-24T10:00:00Z) or an age (30m, 2h, 7d)`]);
  return ms;
}

/** Signed one by one and not chained: what waits there is no part of what was verified. */
async function sayJournal(directory: string): Promise<string[]> {
  const waiting = await entriesWaiting(directory);
  if (waiting === null || waiting === 0) return [];
  return [`  not checked: ${waiting} stops in ${journalOf(directory)}, which the log gets once it takes records again`];
}

function sayReport(report: Report): string[] {
  const verdict = report.ok
    ? "nothing was tampered with"
    : `BROKEN, ${report.findings.length} ${report.findings.length === 1 ? "finding" : "findings"}`;
  const lines = [`${report.directory}: ${verdict}`];
  for (const { what, file, line, seq, words } of report.findings) {
    lines.push(`  ${what.padEnd(10)} ${file}${line === null ? "" : `:${line}`}${seq === null ? "" : ` record ${seq}`}: ${words}`);
  }
  const span = report.firstTime === null ? "" : ` from ${report.firstTime} to ${report.lastTime}`;
  lines.push(
    `  records    ${report.records} in ${report.segments} segments (${(report.octets / 1e6).toFixed(1)} MB)${span}, last number ${report.lastSeq ?? 0}`,
  );
  if (report.prunedThrough !== null) lines.push(`  pruned     through record ${report.prunedThrough}, as a signed record says`);
  const { newest } = report;
  lines.push(
    newest === null
      ? "  signed     no checkpoint with a good signature"
      : `  signed     ${report.checkpoints} checkpoints; the newest covers record ${newest.seq}, ${newest.time}, key ${newest.key}`,
  );
  const { records, seconds } = report.unanchored;
  lines.push(
    `  unanchored ${records} records, ${seconds.toFixed(1)} s${records === 0 ? ": the last record is under a signed checkpoint" : ", chained and not yet signed"}`,
  );
  lines.push(`  documents  ${report.documents}, each as its hash says`);
  for (const note of report.notes) lines.push(`  note       ${note}`);
  for (const what of report.notChecked) lines.push(`  not checked: ${what}`);
  return lines;
}

function readGiven(file: string, what: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError([`${file}: ${what} cannot be read (${reasonOf(error)})`]);
  }
}

async function orUsage<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AuditProblem) throw new UsageError([error.message]);
    const { code, path } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "EACCES" || code === "ENOTDIR") throw new UsageError([`${path}: cannot be read (${code})`]);
    throw error;
  }
}
