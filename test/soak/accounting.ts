/** The end of a soak: everything that was noted is put together, and each promise is held against it. */
import { createReadStream } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import type { Report } from "#audit/verify";
import type { Status } from "#management/protocol";
import type { CommandResult } from "#test/support/daemon";
import type { Events } from "./events.ts";
import { type Generation, steadiness } from "./generation.ts";
import { happened, neverHappened } from "./happened.ts";
import { type History, readHistory } from "./history.ts";
import { type Account, CONCERNS, type Concern, Ledger } from "./ledger.ts";
import type { ClientCounts, DeviceCounts } from "./messages.ts";
import type { Plan } from "./plan.ts";
import type { Check, Result } from "./result.ts";

export interface Noted {
  readonly plan: Plan;
  readonly dir: string;
  readonly generations: readonly Generation[];
  /** The one whose memory was watched. */
  readonly last: Generation;
  /** Wall milliseconds. */
  readonly endedMs: number;
  readonly events: Pick<Events, "counts" | "blocked">;
  /** As it was at the end of the load. */
  readonly status: Status;
  readonly verified: CommandResult;
  /** What the processes saw that no process may ever see. */
  readonly wrong: readonly string[];
  /** By the gateway, on its standard error, as errors. */
  readonly said: string;
  readonly clients: ClientCounts;
  readonly devices: DeviceCounts | null;
  readonly mostSessions: number;
  /** How late this process came to something at most. */
  readonly latenessMs: number;
}

export async function settle(noted: Noted): Promise<Result> {
  const { plan, generations, events, devices } = noted;
  const latenessMs = Math.max(noted.latenessMs, noted.clients.latenessMs, devices?.latenessMs ?? 0);
  const ledger = new Ledger(latenessMs);
  for (const { startedMs, killedMs } of generations) {
    ledger.born(startedMs);
    ledger.ended(killedMs ?? noted.endedMs, killedMs !== null);
  }
  for (const block of events.blocked) ledger.blocked(block);
  await readSent(path.join(noted.dir, "sent"), ledger);
  await readArrivals(path.join(noted.dir, "arrivals"), ledger);
  const history = await readHistory(path.join(noted.dir, "audit"), ledger);
  const account = ledger.close();
  const steady = steadiness(noted.last, plan.flatness);
  const again = generations.slice(1).map(({ readyMs }) => readyMs);
  const starts = {
    count: again.length,
    medianMs: middle(again),
    slowestMs: Math.max(0, ...again),
    cpuMs: Math.max(0, ...generations.slice(1).map(({ readyCpuMs }) => readyCpuMs)),
  };
  const faults = faultsIn(noted.said);
  const counts = happened(events.counts, starts.count, noted.clients, devices);
  const checks = [
    ...requestChecks(noted, account),
    ...ledgerChecks(account, devices),
    logCheck(noted.verified, history),
    check(
      "enforcing again after a kill",
      starts.medianMs < plan.startMs && starts.cpuMs < plan.startMs,
      `${starts.medianMs.toFixed(0)} ms (median), ${starts.slowestMs.toFixed(0)} ms (slowest), at most ${starts.cpuMs} ms of a processor; less than ${plan.startMs} ms is a must`,
    ),
    check("memory and descriptors", steady.complaints.length === 0, steady.complaints.join("; ") || "flat"),
    check("what no process may see", noted.wrong.length === 0, `${noted.wrong.length} seen`),
    check("no fault in the gateway's log", faults.length === 0, `${faults.length} lines`),
    happenedCheck(counts, history),
  ];
  return {
    ok: checks.every(({ ok }) => ok),
    plan,
    checks,
    account,
    steadiness: steady,
    events: counts,
    faults: devices?.faults ?? {},
    starts,
    inspection: noted.status.inspection,
    latenessMs,
    complaints: [...account.complaints.map(({ about, words }) => `${about}: ${words}`), ...noted.wrong, ...faults],
  };
}

function requestChecks({ plan, mostSessions }: Noted, { answered }: Account): Check[] {
  return [
    check("requests answered", answered >= plan.least, `${answered}, at least ${plan.least}`),
    check("sessions at once", mostSessions === plan.sessions, `${mostSessions} of ${plan.sessions}`),
  ];
}

function ledgerChecks({ counts, arrivals }: Account, devices: DeviceCounts | null): Check[] {
  const whole = devices !== null && devices.octets === devices.framed && devices.foreign === 0 && devices.writes === arrivals;
  return [
    check(
      "every octet at a device belongs to a request",
      whole,
      devices === null
        ? "the devices told nothing"
        : `${devices.octets} octets, ${devices.framed} in frames; ${devices.reads} reads, ${devices.writes} writes, ${devices.foreign} foreign`,
    ),
    ...(Object.keys(CONCERNS) as Concern[]).map((about) =>
      check(CONCERNS[about], (counts[about] ?? 0) === 0, counts[about] === undefined ? "" : `${counts[about]} times not so`),
    ),
  ];
}

function logCheck({ code, stdout, stderr }: CommandResult, { records, unreadable }: History): Check {
  const name = "the log verifies";
  try {
    const { ok, segments, findings, notes, checkpoints } = JSON.parse(stdout) as Report;
    const words = ok
      ? `${records} records in ${segments} segments, ${checkpoints} checkpoints`
      : findings.map((each) => each.words).join("; ");
    return check(name, ok && code === 0 && unreadable === 0, [words, ...summed(notes)].join("; "));
  } catch {
    return check(name, false, `exit ${code}: ${stderr.split("\n", 1)[0]}`);
  }
}

/** Notes that differ in their numbers alone, as one. */
function summed(notes: readonly string[]): string[] {
  const kinds = new Map<string, number>();
  for (const note of notes) {
    const kind = note.replace(/[0-9a-f]{8,}|\d[\d:.TZ-]*/g, "N");
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return [...kinds].map(([kind, count]) => `${count} times: ${kind}`);
}

function happenedCheck(counts: Readonly<Record<string, number>>, { events }: History): Check {
  const recorded = ["start", "config refused", "session end endedByOperator"].filter((name) => events[name] === undefined);
  const missing = [...neverHappened(counts), ...recorded.map((name) => `record: ${name}`)];
  return check("everything happened", missing.length === 0, missing.length === 0 ? "" : `never: ${missing.join(", ")}`);
}

function check(name: string, ok: boolean, words: string): Check {
  return { name, ok, words };
}

/** Lines that tell of a fault of the gateway's own, or that are none of its log. What it has to say about documents and certificates is no fault. */
export function faultsIn(said: string): string[] {
  return said
    .split("\n")
    .filter((line) => line !== "" && !(line.startsWith("{") && !line.includes('"fault":') && !line.includes('"level":60')));
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

async function readSent(file: string, ledger: Ledger): Promise<void> {
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const [serial, kind = "", asset = "", , mayPass, write, sentMs, answeredMs, answer = "", digest] = line.split(" ");
    ledger.sent({
      serial: Number(serial),
      kind,
      asset,
      mayPass: mayPass === "1",
      write: write === "1",
      sentMs: Number(sentMs),
      answeredMs: Number(answeredMs),
      answer,
      digest: Number(digest),
    });
  }
}

async function readArrivals(file: string, ledger: Ledger): Promise<void> {
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const [serial, asset = "", digest, atMs] = line.split(" ");
    ledger.arrived({ serial: Number(serial), asset, digest: Number(digest), atMs: Number(atMs) });
  }
}
