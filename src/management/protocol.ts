/**
 * What a running daemon is asked, over its local socket (one JSON object a line each way) and over its management port (one a request). Plain
 * data; no receiver of an answer may act on the plant.
 */

export type Question = Ask & {
  /** Over the socket: what the asking process says of itself; whoever can open the socket could be it. The port goes by the certificate. */
  readonly uid?: number;
};

export type Ask =
  | { readonly ask: "status" }
  /** Who is connected to the assets that the asker may view. */
  | { readonly ask: "sessions" }
  | { readonly ask: "metrics" }
  | { readonly ask: "reload" }
  /** Somebody vouches for the machine's clock. */
  | { readonly ask: "clockConfirm" }
  /** Cut one session, now. */
  | { readonly ask: "endSession"; readonly session: string }
  /** Close an asset to changes, or to everything; or open it again. */
  | { readonly ask: "block"; readonly asset: string; readonly reads: boolean }
  | { readonly ask: "unblock"; readonly asset: string }
  /** What stands at the points of an asset: those named, else all of them from the `from`th on, as many as one answer holds. */
  | { readonly ask: "pointsVerify"; readonly asset: string; readonly points: readonly string[] | null; readonly from: number }
  /** Somebody vouches for what a verification showed. */
  | { readonly ask: "pointsSignOff"; readonly verification: string };

export interface Answer {
  readonly ok: boolean;
  /** Present when not ok: one line for a person. */
  readonly error?: string;
  /** It was asked for what there is not: a name is wrong. */
  readonly mistaken?: true;
  readonly status?: Status;
  readonly sessions?: readonly SessionStatus[];
  readonly metrics?: string;
  readonly reload?: { readonly changed: boolean; readonly problems: readonly string[] };
  /** What the clock says, and what it had been suspected for; null: it was believed already. */
  readonly clock?: { readonly says: string; readonly was: string | null };
  readonly verification?: Verification;
}

/** Live values of an asset's points, as the gateway read them itself just now (RULINGS 7). */
export interface Verification {
  /** Names it in a sign-off. */
  readonly id: string;
  readonly asset: string;
  /** SHA-256 of the points file. */
  readonly pointsFile: string | null;
  readonly points: readonly VerifiedPoint[];
  /** Place in the points file of the first one not in this answer; null: there is none. */
  readonly next: number | null;
}

export interface VerifiedPoint {
  readonly name: string;
  readonly unitId: number;
  readonly table: string;
  /** As the asset's documents count; `60.0` is a bit of a register. */
  readonly address: string;
  readonly type: string;
  readonly unit: string;
  /** Raw cells in the order of their addresses; null: they could not be read. */
  readonly words: readonly number[] | null;
  /** In engineering units; null: it could not be read. */
  readonly value: string | null;
  readonly plausible: { readonly min: string; readonly max: string } | null;
  /** `unranged`: it was read, and nothing says what it can be. */
  readonly verdict: "plausible" | "implausible" | "unranged" | "unread";
  /** Why it could not be read, cannot be, or is doubtful; null: none of that. */
  readonly why: string | null;
  /** Of a number that cannot be, or is doubtful: what the same words say in the other orders. */
  readonly otherwise: readonly Otherwise[];
  /** Milliseconds since it was read. */
  readonly ageMs: number | null;
}

export interface Otherwise {
  readonly wordOrder: "big" | "little";
  readonly byteOrder: "big" | "little";
  readonly value: string;
  /** Could the point show this? */
  readonly fits: boolean;
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
    /** Stops that passed without their record (RULINGS 15): since start, and waiting to be merged; why the disk does not have those, or null. */
    readonly stops: { readonly passed: number; readonly waiting: number; readonly trouble: string | null };
  };
  readonly clock: ClockStatus;
  /** Soonest first. */
  readonly endings: readonly EndingStatus[];
  readonly revocationLists: readonly ListStatus[];
  readonly listeners: readonly ListenerStatus[];
  /** Management ports: metrics, and commands of persons; empty where there is the socket alone. */
  readonly managementPorts: readonly number[];
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
  /** What is offered to whoever sends it on; null: there is nobody. */
  readonly telemetry: TelemetryStatus | null;
  /** What a person should look at, most urgent first. */
  readonly warnings: readonly string[];
}

/** Since start. */
export interface TelemetryStatus {
  /** Named points, and unnamed addresses that were seen where the site wants them. */
  readonly points: number;
  /** What was taken, by class. */
  readonly offered: Readonly<Record<TelemetryClass, number>>;
  /** What was not: no room, or nobody reads. */
  readonly dropped: Readonly<Record<TelemetryClass, number>>;
  /** Events a device told twice. */
  readonly repeated: number;
  /** Unnamed addresses seen that there was no room for. */
  readonly leftOut: number;
  readonly faults: number;
  /** Null: nobody says how it is. */
  readonly sender: SenderStatus | null;
}

/** Of the process behind the one-way line, by its own word; null where it has not said it. */
export interface SenderStatus {
  /** It runs, and said something within the last seconds. */
  readonly alive: boolean;
  /** Since its last word, or since it was started first. */
  readonly silentSeconds: number;
  /** Times it was started again. */
  readonly restarts: number;
  readonly epoch: number | null;
  /** Of this start: frames that left, and those that this host did not let leave. */
  readonly frames: number | null;
  readonly notSent: number | null;
  /** Octets of records that wait. */
  readonly waiting: number | null;
  /** On the disk. */
  readonly spoolOctets: number | null;
}

export type TelemetryClass = "samples" | "events" | "checkpoints";

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
  /** `rolledBack`: a newer one was in force before the last start. */
  readonly state: "current" | "overdue" | "stale" | "rolledBack";
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
  /** Habits of its replies (RULINGS 23). Counts since start, or since other quirks were declared. */
  readonly quirks: {
    readonly declared: readonly string[];
    /** Replies rewritten to the standard's form, by quirk. */
    readonly rewritten: Readonly<Record<string, number>>;
    /** Replies dropped, by each quirk they would have needed; a reply may need several. */
    readonly needed: Readonly<Record<string, number>>;
    readonly dropped: number;
  };
  /** What the gateway reads by itself there, since start; null: nothing. */
  readonly polls: PollStatus | null;
  /** Blocked by command: changes, or everything. Null: it is not. */
  readonly blocked: "changes" | "everything" | null;
}

export interface PollStatus {
  readonly asked: number;
  readonly answered: number;
  /** Rounds whose time came while the one before was not through. */
  readonly skipped: number;
  readonly denied: number;
  /** Requests that waited behind others for too long. */
  readonly yielded: number;
  /** Not asked: the device is away, blocked, or keeps silent there. */
  readonly withheld: number;
  readonly failed: number;
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
