/** What the log takes. An entry is numbered at once; its JSON and hash are made later, in the batch writer. */
export const RECORD_KINDS = [
  "decision",
  "outcome",
  "session",
  "handshake-refused",
  "management",
  "config",
  "mode",
  "clock",
  "audit",
  "start",
  "stop",
] as const;
export type RecordKind = (typeof RECORD_KINDS)[number];

export interface Entry {
  readonly kind: RecordKind;
  /** Wall-clock milliseconds at which it happened. */
  readonly wallMs: number;
  /** It let something change the plant: a signed checkpoint follows within 1 s. */
  readonly change?: boolean;
  /** Called once per entry by the batch writer, some milliseconds after `append`: members of the JSON object beside seq, time, kind and prev. Must not throw. */
  members(): Record<string, unknown>;
  /** The log has rendered it; a pooled entry may be reused. */
  rendered(): void;
}

/** RULINGS 29: a fifth of the room is kept for writes, controls and what a person did to the gateway; a flood of anything else cannot take it. */
export function isKept({ kind, change }: Entry): boolean {
  if (change === true) return true;
  return kind !== "decision" && kind !== "outcome" && kind !== "session" && kind !== "handshake-refused";
}

/** So begins a trouble that is over once the log is well again. */
export const UNWRITTEN = "evidence cannot be written";

export interface AuditLog {
  /** The number given (1, 2, 3...), or -1 when the log cannot take it (full, failed, too many waiting, kept room). Never blocks, never throws. */
  append(entry: Entry): number;
  /** Every record up to and including this number is on disk and synced. */
  readonly durable: number;
  /** Entries numbered and not yet durable. */
  readonly waiting: number;
  /** Called after each sync with the new `durable`, and when `state` changes. One listener. */
  onProgress: (() => void) | null;
  /** Called for each entry as it is rendered, before it is on the disk. One listener; a fault in it is nothing to the log. */
  onRecord: ((seq: number, wallMs: number, kind: RecordKind, members: Readonly<Record<string, unknown>>) => void) | null;
  /** Called with the line of each checkpoint that is synced; likewise. */
  onCheckpoint: ((line: string) => void) | null;
  readonly state: "ok" | "full" | "failed";
  /** Only the kept fifth of the space is left (RULINGS 29): of what `append` is given it takes what `isKept` and nothing else. */
  readonly onlyKept: boolean;
  /** Wall milliseconds of the last record an earlier run left; null: there was none. */
  readonly lastMs: number | null;
  /** What was not as it was left, or cannot be written: plain words for status and the operational log, newest last. */
  readonly troubles: readonly string[];
  /** Store a document (policy, site, points text, client certificate) by its SHA-256 beside the log; returns the hex hash. Idempotent. */
  keep(text: Uint8Array): string;
  /** Flush, sync, checkpoint, close. */
  close(): Promise<void>;
}
