/** What is said over the local management socket: one JSON object a line each way. Plain data; no receiver of it may act on the plant. */

export type Question =
  | { readonly ask: "status" }
  | { readonly ask: "metrics" }
  | { readonly ask: "reload" }
  /** Somebody vouches for the machine's clock. `uid` is what the asking process says of itself: whoever can open the socket could be it. */
  | { readonly ask: "clockConfirm"; readonly uid: number }
  /** Cut one session, now. */
  | { readonly ask: "endSession"; readonly session: string; readonly uid: number }
  /** Close an asset to changes, or to everything; or open it again. */
  | { readonly ask: "block"; readonly asset: string; readonly reads: boolean; readonly uid: number }
  | { readonly ask: "unblock"; readonly asset: string; readonly uid: number };

export interface Answer {
  readonly ok: boolean;
  /** Present when not ok: one line for a person. */
  readonly error?: string;
  readonly status?: Status;
  readonly metrics?: string;
  readonly reload?: { readonly changed: boolean; readonly problems: readonly string[] };
  /** What the clock says, and what it had been suspected for; null: it was believed already. */
  readonly clock?: { readonly says: string; readonly was: string | null };
}

/** `penstock status --json`. */
export interface Status {
  readonly version: string;
  readonly site: string;
  readonly pid: number;
  readonly state: "enforcing" | "draining";
  readonly uptimeSeconds: number;
  /** What stands behind the keys; `none` is files (DESIGN 7). */
  readonly hardware: "none";
  readonly policy: { readonly name: string; readonly version: number; readonly hash: string; readonly loaded: string };
  readonly audit: {
    readonly directory: string;
    readonly state: "ok" | "full" | "failed";
    readonly durable: number;
    readonly durableBefore: "writes" | "all" | "none";
    readonly whenFull: "deny-writes" | "deny-all";
  };
  readonly clock: ClockStatus;
  /** Soonest first. */
  readonly endings: readonly EndingStatus[];
  readonly revocationLists: readonly ListStatus[];
  readonly listeners: readonly ListenerStatus[];
  /** Ports that serve metrics; empty where the socket alone does. */
  readonly metricsPorts: readonly number[];
  readonly assets: readonly AssetStatus[];
  readonly sessions: readonly SessionStatus[];
  /** Denied requests since start, by code. */
  readonly denials: Readonly<Record<string, number>>;
  /** Replies that answered nothing, by what was wrong with them. */
  readonly strayReplies: Readonly<Record<string, number>>;
  readonly refusedHandshakes: Readonly<Record<string, number>>;
  readonly requests: number;
  /** Frame complete to record enqueued, microseconds since start. */
  readonly inspection: { readonly count: number; readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number };
  readonly memoryOctets: number;
  /** What a person should look at, most urgent first. */
  readonly warnings: readonly string[];
}

export interface ClockStatus {
  readonly state: "believed" | "suspect";
  /** Null while it is believed. */
  readonly why: string | null;
  readonly since: string | null;
}

/** Something that runs out. */
export interface EndingStatus {
  readonly what: "gateway" | "authority" | "list" | "client";
  readonly name: string;
  /** SHA-256 of the certificate, hex; null: a list. */
  readonly fingerprint: string | null;
  readonly ends: string;
  /** Whole ones; negative: it is over. */
  readonly daysLeft: number;
  /** The smallest of 30, 14, 7, 1 and 0 that is not below the days left; null: more than 30. */
  readonly mark: number | null;
  /** It was made for longer than the mark: somebody should look. */
  readonly tell: boolean;
}

export interface ListStatus {
  readonly issuer: string;
  readonly file: string;
  readonly number: string | null;
  readonly thisUpdate: string;
  /** Null: it never falls due. */
  readonly nextUpdate: string | null;
  /** From when on writes and controls are denied without a newer one. */
  readonly denies: string | null;
  readonly revoked: number;
  readonly state: "current" | "overdue" | "stale";
}

export interface ListenerStatus {
  readonly name: string;
  readonly asset: string;
  readonly tls: "mutual" | "none";
  readonly addresses: readonly string[];
  readonly port: number;
  readonly connections: number;
}

export interface AssetStatus {
  readonly name: string;
  readonly protocol: string;
  readonly mode: string;
  readonly device: string;
  readonly deviceState: "connecting" | "ready" | "down" | "per_session";
  readonly sessions: number;
  readonly waiting: number;
  readonly atDevice: number;
  /** Places answered in the device's stead, for it keeps silent there. */
  readonly silent: number;
  /** Points that show what cannot be: their word order is wrong, or they are other points. */
  readonly implausible: readonly string[];
  /** Blocked by command: changes, or everything. Null: it is not. */
  readonly blocked: "changes" | "everything" | null;
}

export interface SessionStatus {
  readonly id: string;
  readonly who: string;
  readonly name: string;
  readonly kind: string;
  readonly roles: readonly string[];
  readonly asset: string;
  readonly listener: string;
  readonly source: string;
  readonly since: string;
  readonly requests: number;
  readonly denied: number;
  readonly pending: number;
  readonly certificateDaysLeft: number | null;
  /** Its certificate has ended: it may look until then. Null: it has not. */
  readonly looksUntil: string | null;
}
