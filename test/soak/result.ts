/** What a soak found, for people and for programs. */
import type { Status } from "#management/protocol";
import type { Steadiness } from "./generation.ts";
import type { Account } from "./ledger.ts";
import type { Plan } from "./plan.ts";

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** Figures; where it is not well, what is wrong. */
  readonly words: string;
}

export interface Result {
  readonly ok: boolean;
  readonly plan: Plan;
  readonly checks: readonly Check[];
  readonly account: Account;
  readonly steadiness: Steadiness;
  readonly events: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  /** After a kill, milliseconds. */
  readonly starts: { readonly count: number; readonly medianMs: number; readonly slowestMs: number; readonly cpuMs: number };
  readonly inspection: Status["inspection"];
  /** How late any process of the run came to something at most: what the machine was worth. */
  readonly latenessMs: number;
  readonly complaints: readonly string[];
}

/** A table, and below it what is wrong. */
export function show({
  plan,
  checks,
  account,
  steadiness,
  events,
  faults,
  starts,
  inspection,
  latenessMs,
  complaints,
  ok,
}: Result): string {
  const wide = Math.max(...checks.map(({ name }) => name.length));
  const { memory, anonymous, descriptors } = steadiness;
  return [
    `soak of ${plan.seconds} s, ${plan.sessions} sessions, seed ${plan.seed}`,
    "",
    ...checks.map(({ name, ok: well, words }) => `${well ? "ok  " : "FAIL"}  ${name.padEnd(wide)}  ${words}`),
    "",
    `requests     ${account.asked} asked, ${account.answered} answered, ${account.deniedToSender} denied; the log tells of ${account.deniedInLog} denials`,
    `writes       ${account.writesSent} sent, ${account.writesAllowed} allowed, ${account.arrivals} at devices, ${account.acknowledged} acknowledged; outcomes: ${words(account.outcomes)}`,
    `kills        ${starts.count}; the machine let a process wait ${latenessMs.toFixed(0)} ms at most`,
    `memory       ${memory.slope.toFixed(2)} MB/h over the last ${memory.seconds.toFixed(0)} s (of it no file's: ${anonymous.slope.toFixed(2)} MB/h); at the end ${steadiness.endMb.toFixed(1)} MB (${steadiness.endAnonymousMb.toFixed(1)} MB), peak ${steadiness.peakMb.toFixed(1)} MB`,
    `inspection   p50 ${inspection.p50} µs, p99 ${inspection.p99} µs, p99.9 ${inspection.p999} µs in the last life`,
    `descriptors  ${descriptors.slope.toFixed(2)}/h; at the end ${steadiness.endDescriptors}`,
    `events       ${words(events)}`,
    `faults       ${words(faults)}`,
    ...(complaints.length === 0 ? [] : ["", ...complaints.map((line) => `  ${line}`)]),
    "",
    ok ? "nothing is wrong" : "SOMETHING IS WRONG",
  ].join("\n");
}

function words(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(", ");
}
