/** site.yaml after loading: typed, defaults filled in, paths absolute, addresses parsed. Milliseconds everywhere. */
import type { AssetModel } from "#process/points";

export interface Site {
  readonly name: string;
  readonly file: string;
  readonly listeners: readonly ListenerSite[];
  readonly tls: TlsSite | null;
  readonly assets: ReadonlyMap<string, AssetSite>;
  readonly audit: AuditSite;
  readonly management: ManagementSite;
  readonly limits: LimitsSite;
  /** null: the site says nothing of it. */
  readonly telemetry: TelemetrySite | null;
}

export interface ListenerSite {
  /** `boiler-1/mutual` unless named. */
  readonly name: string;
  readonly asset: string;
  /** Interface name ("scada0", "lo"); resolved to its addresses at start. */
  readonly interface: string;
  /** 0: a free port, told in `status --json`. */
  readonly port: number;
  readonly tls: "mutual" | "none";
  /** Prefixes a plain listener serves; empty on a mutual one means anyone. */
  readonly from: readonly Prefix[];
  readonly line: number;
}

export interface Prefix {
  readonly text: string;
  /** 4 or 16 octets. */
  readonly address: Uint8Array;
  readonly prefix: number;
}

export interface TlsSite {
  readonly certificate: string;
  readonly key: string;
  readonly ca: readonly CaSite[];
  readonly crl: readonly string[];
  /** Milliseconds past its nextUpdate in which a list still serves writes and controls. */
  readonly crlGraceMs: number;
}

export interface CaSite {
  readonly name: string;
  readonly file: string;
  /** `spiffe://...` or `cn:...`; `*` is one whole last segment. */
  readonly mayIdentify: readonly string[];
  readonly mayAssertRoles: boolean;
}

export interface AssetSite {
  readonly name: string;
  readonly protocol: "modbus-tcp" | "dnp3-tcp";
  readonly host: string;
  readonly port: number;
  readonly model: AssetModel;
  readonly pointsFile: string | null;
  readonly upstream: UpstreamSite;
  readonly sessionsPerIdentity: number;
  /** Habits of its replies that the site knows of, by the protocol's names (RULINGS 23). */
  readonly quirks: readonly string[];
  /** Unit ids, aliases too, of the other assets behind its address. */
  readonly otherUnits: readonly number[];
  /** Mutual TLS towards the device; null: none. */
  readonly tls: DeviceTls | null;
  /** Link addresses of a DNP3 asset; the masters' is the gateway's own towards the outstation. Null: Modbus has none. */
  readonly link: { readonly master: number; readonly outstation: number } | null;
  /** The outstation asks for secure authentication (RULINGS 38): sequence numbers are part of what is proven, so they stay those of the one session. */
  readonly secureAuthentication: boolean;
  /** The one identity that takes events (RULINGS 34); null: nobody. */
  readonly eventOwner: string | null;
  readonly mode: "enforce";
  readonly poll: readonly PollSite[];
}

/** How the gateway shows itself to a device, and what it asks of the device's certificate. */
export interface DeviceTls {
  readonly certificate: string;
  readonly key: string;
  /** Authorities the device's certificate must verify against. */
  readonly ca: readonly string[];
  /** The name or address it must carry. */
  readonly name: string;
  /** Revocation lists of those authorities; empty: none are looked at. */
  readonly crl: readonly string[];
}

export interface UpstreamSite {
  readonly connections: number;
  readonly outstanding: number;
  readonly timeoutMs: number;
  readonly connectDelayMs: number;
  /** Requests allowed to the device in any window, null: no limit. */
  readonly rate: { readonly count: number; readonly windowMs: number } | null;
  readonly mode: "shared" | "per_session";
}

export interface AuditSite {
  readonly directory: string;
  readonly durableBefore: "writes" | "all" | "none";
  readonly retainMs: number;
  readonly whenFull: "deny-writes" | "deny-all";
  /** Ed25519 private key (PEM) that signs checkpoints; made at first start where missing. */
  readonly key: string;
  /** Octets the log may take; beyond that it is full. */
  readonly maxOctets: number;
}

export interface ManagementSite {
  readonly socket: string;
  /** Prometheus text over mutual TLS on an interface; null: the socket alone. */
  readonly web: { readonly interface: string; readonly port: number; readonly line: number } | null;
}

export interface TelemetrySite {
  /** Assets whose unnamed addresses are sampled too. */
  readonly raw: readonly string[];
  /** Milliseconds after which a point that is not seen is stale. */
  readonly staleMs: number;
  /** Null: nobody sends it on. */
  readonly send: SendSite | null;
}

/** The one-way line (DESIGN 6), from this end. */
export interface SendSite {
  readonly stream: number;
  /** Numeric addresses of one family, the receiver's with its port. */
  readonly to: { readonly host: string; readonly port: number };
  readonly from: string;
  /** Null: as the route says. */
  readonly interface: string | null;
  /** Of the receiver, or of the next hop. */
  readonly mac: string | null;
  /** Folder of the stream's keys. */
  readonly keys: string;
  /** PEM of the key that signs the sender's checkpoints; null: none are signed. */
  readonly signingKey: string | null;
  /** Folder of spool and epoch. */
  readonly state: string;
  /** Frames a second. */
  readonly framesPerSecond: number;
  readonly sources: number;
  readonly repairs: number;
  readonly depth: number;
  /** Octets of every frame's content. */
  readonly content: number;
  /** Of the rate, what copies of earlier frames may take: 0 to 0.5. */
  readonly carouselShare: number;
  readonly spoolOctets: number;
  readonly keepMs: number;
}

/** What the gateway reads by itself, again and again. */
export interface PollSite {
  readonly everyMs: number;
  /** Places in the points file of the points that it shows. */
  readonly points: readonly number[];
  /** Cells, as they are asked on the wire. */
  readonly ranges: readonly { readonly unitId: number; readonly space: number; readonly first: number; readonly last: number }[];
  readonly line: number;
}

/** Caps the site states instead of the built-in ones; null: as built in. */
export interface LimitsSite {
  /** Milliseconds without a complete request after which a session is cut. */
  readonly idleMs: number | null;
}
