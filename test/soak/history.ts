/** The log, read back into the ledger. Reading proves nothing: `audit verify` does, before. */
import { readRecords, type StoredRecord } from "#audit/read";
import type { Ledger } from "./ledger.ts";
import { serialOf } from "./requests.ts";

export interface History {
  readonly records: number;
  readonly unreadable: number;
  /** Kind, or kind and event, to number: what the gateway went through by its own account. */
  readonly events: Readonly<Record<string, number>>;
}

export async function readHistory(directory: string, ledger: Ledger): Promise<History> {
  const unreadable = { count: 0 };
  const events: Record<string, number> = {};
  let records = 0;
  for await (const record of readRecords(directory, {}, unreadable)) {
    records += 1;
    const { kind, members } = record;
    if (kind === "decision") takeDecision(record, ledger);
    else if (kind === "outcome" && typeof members.of === "number") ledger.outcome({ of: members.of, outcome: String(members.outcome) });
    const name = [kind, members.event, kind === "session" ? members.reason : undefined].filter((word) => word !== undefined).join(" ");
    events[name] = (events[name] ?? 0) + 1;
  }
  return { records, unreadable: unreadable.count, events };
}

interface WrittenOperation {
  readonly verb: string;
  readonly first?: number;
  readonly after?: readonly number[];
}

function takeDecision({ seq, time, members }: StoredRecord, ledger: Ledger): void {
  const atMs = Date.parse(time);
  const allowed = members.decision === "allow";
  if (!allowed) ledger.denials(typeof members.count === "number" ? members.count : 1, atMs);
  if (members.count !== undefined) return;
  const operations = (members.operations ?? []) as readonly WrittenOperation[];
  const written = operations.find(({ verb, after }) => verb === "write" && after !== undefined);
  if (written?.first === undefined || written.after === undefined) return;
  const serial = serialOf({ function: Number(members.function), first: written.first, cells: written.after });
  if (serial === null) return;
  ledger.decided({
    seq,
    serial,
    asset: String(members.asset),
    allowed,
    pending: members.guardRead === "pending",
    of: typeof members.of === "number" ? members.of : null,
    atMs,
  });
}
