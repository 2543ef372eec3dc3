/** What is said over the local management socket: one JSON object a line each way. Plain data; no receiver of it may act on the plant. */

export type Question = { readonly ask: "status" } | { readonly ask: "metrics" } | { readonly ask: "reload" };

export interface Answer {
  readonly ok: boolean;
  /** Present when not ok: one line for a person. */
  readonly error?: string;
  readonly status?: Status;
  readonly metrics?: string;
  readonly reload?: { readonly changed: boolean; readonly problems: readonly string[] };
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
}
