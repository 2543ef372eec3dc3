/**
 * Somebody's hand in the log's directory (auditFiles.ts draws the input). The verifier finds it, or what was signed is untouched to the
 * octet; and whatever the lines hold, each is shown as one line that is safe to print.
 */
import { createHash } from "node:crypto";
import { AuditProblem } from "#audit/problem";
import { readRecords } from "#audit/read";
import { type Report, verify } from "#audit/verify";
import { csvOf, sayRecord } from "#audit/words";
import { accepted, dictionaryOf, gist, must, type Outcome, refused, type Target, textOf } from "../target.ts";
import {
  AuditDirectory,
  type AuditFiles,
  auditCorpus,
  EVIDENCE,
  FORGED,
  forge,
  KEPT,
  PUBLIC_PEM,
  signedLines,
  unpack,
} from "./auditFiles.ts";

let directory: AuditDirectory | null = null;

export const auditLog: Target = {
  name: "auditLog",
  limitMs: 100,
  inputs: null,
  most: 16_000,
  text: true,
  dictionary: dictionaryOf([
    ...[
      "\n",
      "\u001e",
      '"',
      "{}",
      '{"seq":1,',
      '{"after":0,',
      '"kind":"audit"',
      '"event":"checkpoint"',
      '"event":"segment"',
      '"event":"prune"',
      "null",
    ],
    ...[
      '"state":"retired"',
      '"state":"broken"',
      '"previous":null',
      '"seal":true',
      '"segment":1',
      '"count":1',
      "\u202e",
      "audit-00000001.jsonl\n",
      "\u001eaudit-00000001.jsonl.0.00000000.retired\n",
      "\u001eaudit-00000004.jsonl.0.00000000.retired\n",
    ],
    ...["checkpoint.json\n", `${KEPT}\n`, "0".repeat(64), "[", "]", "-1", "1e999"],
  ]),
  corpus: auditCorpus,
  async run(input) {
    directory ??= new AuditDirectory();
    const given = unpack(input);
    const files = given.has(FORGED) ? forge(given) : given;
    directory.fill(files);
    await mustBeShown(directory.path, input.length % 8 === 0);
    return judge(directory.path, files);
  },
  async close() {
    directory?.remove();
    directory = null;
  },
};

async function judge(path: string, files: AuditFiles): Promise<Outcome> {
  const kept = files.get(KEPT);
  let report: Report;
  try {
    report = await verify(path, PUBLIC_PEM, kept === undefined ? {} : { expect: textOf(kept) });
  } catch (error) {
    if (error instanceof AuditProblem) return refused(gist(error.message.replace(path, "")));
    throw error;
  }
  must(report.ok === (report.findings.length === 0), "sound with findings, or unsound without");
  if (!report.ok) {
    const { what, words } = report.findings[0] as Report["findings"][number];
    return refused(`${what} ${gist(words.replace(/(key|chain) [^ ,)]+|not [0-9a-f]{32}/g, "$1"))}`);
  }
  mustBeUntouched(report, files);
  mustHoldWhatWasKept(report, files);
  return accepted(
    gist(`${report.segments} segments, ${report.checkpoints} checkpoints, ${report.notes.length} notes, ${report.notChecked.join()}`),
  );
}

/** INVARIANT: of a log that verifies every line up to the newest checkpoint is one this key's gateway wrote, in its order, with none left out. */
function mustBeUntouched({ newest, chain, records, prunedThrough }: Report, files: AuditFiles): void {
  if (newest === null) {
    must(records <= 1, `${records} records verify, and nothing is signed`);
    return;
  }
  const lines = signedLines(files, newest.seq);
  const evidence = EVIDENCE.get(chain ?? "") ?? [];
  must(evidence.length > 0, `verifies, and is a chain nobody wrote: ${chain}`);
  const from = evidence.indexOf(lines[0] ?? "");
  must(from === 0 || prunedThrough !== null, "the beginning is missing, and nobody said so");
  const wrong = lines.findIndex((line, i) => line !== evidence[from + i]);
  must(from >= 0 && wrong < 0, `verifies, and line ${wrong} is not what was written: ${lines[wrong]?.slice(0, 200)}`);
  const prune = evidence.find((line) => line.includes('"event":"prune"'));
  must(from === 0 || (prune !== undefined && lines.includes(prune)), "pruned without a signed record of it");
  for (const line of lines) {
    const sha256 = /"event":"document","sha256":"([0-9a-f]{64})"/.exec(line)?.[1];
    const document = sha256 === undefined ? undefined : files.get(sha256);
    if (sha256 === undefined) continue;
    must(document !== undefined && createHash("sha256").update(document).digest("hex") === sha256, "verifies without its document");
  }
}

/** RULINGS 31: with a checkpoint kept elsewhere the log reaches at least that far. */
function mustHoldWhatWasKept({ lastSeq, prunedThrough }: Report, files: AuditFiles): void {
  const kept = files.get(KEPT);
  if (kept === undefined) return;
  const { seq } = JSON.parse(textOf(kept).trim()) as { readonly seq: number };
  must((lastSeq ?? 0) >= seq && seq > 0 && (prunedThrough ?? 0) >= 0, `verifies up to ${lastSeq}; record ${seq} was kept`);
}

/** @param filtered  asked for by what is in it as well, which takes as long again */
async function mustBeShown(path: string, filtered: boolean): Promise<void> {
  const unreadable = { count: 0 };
  for await (const record of readRecords(path, {}, unreadable)) {
    const said = sayRecord(record);
    must(!/[\p{C}\p{Zl}\p{Zp}]/u.test(said), `a record that is not safe to print: ${JSON.stringify(said)}`);
    const row = csvOf(record);
    must(row.endsWith("\r\n") && !/[^\P{C}\r\n]/u.test(row), `a row that is not safe to print: ${JSON.stringify(row)}`);
  }
  if (filtered) for await (const _ of readRecords(path, { kind: "audit", who: "alice", point: "feed_setpoint", sinceMs: 0 }, unreadable));
  must(unreadable.count >= 0, "less than nothing cannot be read");
}
