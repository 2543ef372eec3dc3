/**
 * `penstock connect`: a plain local port, and behind it mutual TLS to the gateway, for HMIs that speak no TLS. One connection there for each
 * connection here. It carries octets and understands none of them.
 *
 *     HMI ──plain──▶ 127.0.0.1:1502 ──▶ whose connection is it? ──▶ mutual TLS ──▶ gateway
 */
import { isLoopback, parseIp } from "#transport/interfaces";
import type { ByteStream, StreamHandler } from "#transport/stream";
import { type Endpoint, listenTcp } from "#transport/tcp";
import { connectTls } from "#transport/tls";
import { ownerOf } from "./owner.ts";
import { type PaperFiles, type Papers, PapersProblem, readPapers } from "./papers.ts";
import { sayCut, sayEnd, sayFailure } from "./words.ts";

export interface TunnelOptions {
  readonly gatewayHost: string;
  readonly gatewayPort: number;
  /** Name or address the gateway's certificate must carry. */
  readonly gatewayName: string;
  readonly papers: PaperFiles;
  readonly listenHost: string;
  readonly listenPort: number;
  /** Serve whoever reaches the port, not only the user that started this. */
  readonly anyLocalUser: boolean;
  /** The user to serve. */
  readonly uid: number;
  readonly timeoutMs?: number;
  readonly backoffMs?: { readonly first: number; readonly most: number };
}

/** What a person, or a program with `--json`, is told. */
export type TunnelEvent =
  | { readonly event: "connected"; readonly from: string; readonly subject: string }
  | { readonly event: "closed"; readonly from: string; readonly toGateway: number; readonly fromGateway: number }
  /** A session that was under way is over, and not by the HMI's doing; `closed` follows. */
  | { readonly event: "cut"; readonly from: string; readonly reason: string; readonly words: string }
  | { readonly event: "failed"; readonly from: string; readonly reason: string; readonly words: string }
  | { readonly event: "refused"; readonly from: string; readonly reason: RefusalReason; readonly words: string };
export type RefusalReason = "otherUser" | "unknownUser" | "tooManyConnections";

export interface Tunnel {
  readonly address: string;
  readonly port: number;
  /** Whom our certificate names, and until when. */
  readonly subject: string;
  readonly notAfterMs: number;
  readonly connections: number;
  /** Take no more; send on what is under way, then close. Resolves when every connection is closed. */
  close(): Promise<void>;
}

/** Connections of HMIs at once. */
const MOST_CONNECTIONS = 64;
/** What one side has sent and the other not taken: above it the sender is not read. */
const PAUSE_OCTETS = 64 * 1024;
/** What an HMI may send while the gateway is not there yet; then it is not read. */
const EARLY_OCTETS = 16 * 1024;
const TIMEOUT_MS = 10_000;
/** A gateway that ends an unused connection sooner than this has turned us away; later it is its idle limit. */
const TURNED_AWAY_MS = 5_000;
/** An HMI that reconnects at once and for ever must not become a flood of handshakes. */
const BACKOFF = { first: 250, most: 10_000 };

/**
 * Open the local port.
 *
 * @param tell is called for what a person may want to know; at most once per connection and turn of its life
 * @throws PapersProblem when certificate or key are not usable; the system's error when the port cannot be bound
 */
export async function openTunnel(options: TunnelOptions, tell: (event: TunnelEvent) => void): Promise<Tunnel> {
  const { subject, notAfterMs } = readPapers(options.papers, Date.now());
  const links = new Set<Link>();
  const way = new Way(options, tell);
  const listening = await listenTcp(
    { host: options.listenHost, port: options.listenPort, maxConnections: MOST_CONNECTIONS },
    (local, arrivedAt) => {
      const reason = options.anyLocalUser ? null : refusalOf(local, arrivedAt, options.uid);
      if (reason !== null) {
        local.destroy();
        tell({ event: "refused", from: fromOf(local), reason, words: REFUSALS[reason] });
        return;
      }
      const link = new Link(local, way, () => links.delete(link));
      links.add(link);
      link.open();
    },
    (address, port) =>
      tell({ event: "refused", from: `${address}:${port}`, reason: "tooManyConnections", words: REFUSALS.tooManyConnections }),
  );
  return {
    address: listening.address,
    port: listening.port,
    subject,
    notAfterMs,
    get connections() {
      return links.size;
    },
    async close() {
      listening.close();
      await Promise.all([...links].map((link) => link.finish()));
    },
  };
}

/** Does this address let nobody in but users of this machine? */
export function isLocalOnly(host: string): boolean {
  const octets = parseIp(host);
  return octets !== null && isLoopback(octets);
}

const REFUSALS: Readonly<Record<RefusalReason, string>> = {
  otherUser: "the program that connects runs as another user of this computer; --any-local-user serves everybody here",
  unknownUser: "it cannot be told which user connects; --any-local-user serves everybody who reaches this port",
  tooManyConnections: `${MOST_CONNECTIONS} connections are open`,
};

function refusalOf(local: ByteStream, own: Endpoint, uid: number): RefusalReason | null {
  const owner = ownerOf({ address: local.remoteAddress, port: local.remotePort }, own);
  if (owner === null) return "unknownUser";
  return owner === uid ? null : "otherUser";
}

function fromOf(local: ByteStream): string {
  return local.remoteAddress.includes(":") ? `[${local.remoteAddress}]:${local.remotePort}` : `${local.remoteAddress}:${local.remotePort}`;
}

/** The way to the gateway, and how long to wait before it is tried again. */
class Way {
  readonly tell: (event: TunnelEvent) => void;
  readonly #options: TunnelOptions;
  #waitMs = 0;
  #notBefore = 0;

  constructor(options: TunnelOptions, tell: (event: TunnelEvent) => void) {
    this.#options = options;
    this.tell = tell;
  }

  get gateway(): string {
    const { gatewayHost, gatewayPort } = this.#options;
    return gatewayHost.includes(":") ? `[${gatewayHost}]:${gatewayPort}` : `${gatewayHost}:${gatewayPort}`;
  }

  /** Milliseconds until the next attempt is due. */
  get pause(): number {
    return Math.max(0, this.#notBefore - performance.now());
  }

  /** Exactly one of the two is called, once; `failed` possibly before this returns. */
  go(connected: (remote: ByteStream, papers: Papers) => void, failed: (reason: string, words: string) => void): void {
    const { gatewayHost: host, gatewayPort: port, gatewayName: serverName, timeoutMs = TIMEOUT_MS } = this.#options;
    let papers: Papers;
    try {
      papers = readPapers(this.#options.papers, Date.now());
    } catch (error) {
      if (!(error instanceof PapersProblem)) throw error;
      this.failed();
      failed("papers", error.message);
      return;
    }
    connectTls(
      { host, port, context: papers.context, serverName, timeoutMs },
      (remote) => connected(remote, papers),
      (code) => {
        this.failed();
        failed(code, sayFailure(code, this.gateway, timeoutMs));
      },
    );
  }

  succeeded(): void {
    this.#waitMs = 0;
    this.#notBefore = 0;
  }

  failed(): void {
    const { first, most } = this.#options.backoffMs ?? BACKOFF;
    this.#waitMs = Math.min(most, this.#waitMs === 0 ? first : this.#waitMs * 2);
    this.#notBefore = performance.now() + this.#waitMs;
  }
}

/** One connection of an HMI and the one to the gateway that carries it on. */
class Link {
  readonly #local: ByteStream;
  readonly #way: Way;
  readonly #gone: () => void;
  readonly #from: string;
  readonly #early: Uint8Array[] = [];
  #earlyOctets = 0;
  #remote: ByteStream | null = null;
  #papers: Papers | null = null;
  #connectedMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #over = false;
  #toGateway = 0;
  #fromGateway = 0;
  #openEnds = 1;
  #finished: (() => void) | null = null;

  constructor(local: ByteStream, way: Way, gone: () => void) {
    this.#local = local;
    this.#way = way;
    this.#gone = gone;
    this.#from = fromOf(local);
  }

  open(): void {
    this.#local.start(this.#localEnd);
    this.#timer = setTimeout(() => this.#go(), this.#way.pause);
  }

  #go(): void {
    this.#way.go(
      (remote, papers) => this.#connected(remote, papers),
      (reason, words) => {
        if (this.#over) return;
        this.#way.tell({ event: "failed", from: this.#from, reason, words });
        this.#stop();
      },
    );
  }

  #connected(remote: ByteStream, papers: Papers): void {
    if (this.#over) {
      remote.destroy();
      return;
    }
    this.#remote = remote;
    this.#papers = papers;
    this.#connectedMs = performance.now();
    this.#openEnds += 1;
    this.#way.tell({ event: "connected", from: this.#from, subject: papers.subject });
    remote.start(this.#remoteEnd);
    for (const octets of this.#early.splice(0)) remote.write(octets);
    this.#mindGateway();
    if (this.#earlyOctets > EARLY_OCTETS && remote.queued <= PAUSE_OCTETS) this.#local.resume();
  }

  /** Hold the HMI while the gateway does not take what it sent. */
  #mindGateway(): void {
    if ((this.#remote?.queued ?? 0) > PAUSE_OCTETS) this.#local.pause();
  }

  readonly #localEnd: StreamHandler = {
    received: (octets) => {
      this.#toGateway += octets.length;
      if (this.#remote === null) {
        this.#early.push(Uint8Array.from(octets));
        this.#earlyOctets += octets.length;
        if (this.#earlyOctets > EARLY_OCTETS) this.#local.pause();
        return;
      }
      this.#remote.write(octets);
      this.#mindGateway();
    },
    drained: () => this.#remote?.resume(),
    closed: () => {
      this.#stop();
      this.#closedOne();
    },
  };

  readonly #remoteEnd: StreamHandler = {
    received: (octets) => {
      if (this.#fromGateway === 0) this.#way.succeeded();
      this.#fromGateway += octets.length;
      this.#local.write(octets);
      if (this.#local.queued > PAUSE_OCTETS) this.#remote?.pause();
    },
    drained: () => this.#local.resume(),
    closed: (code) => {
      if (!this.#over) this.#endedByGateway(code);
      this.#stop();
      this.#closedOne();
    },
  };

  #endedByGateway(code: string | null): void {
    const { gateway } = this.#way;
    const subject = this.#papers?.subject ?? "";
    const mute = this.#fromGateway === 0 && (this.#toGateway > 0 || performance.now() - this.#connectedMs < TURNED_AWAY_MS);
    if (mute) {
      this.#way.failed();
      this.#way.tell({ event: "failed", from: this.#from, reason: code ?? "closedByGateway", words: sayEnd(code, gateway, subject) });
      return;
    }
    const expired = Date.now() > (this.#papers?.notAfterMs ?? Number.POSITIVE_INFINITY);
    const reason = expired ? "certificateExpired" : (code ?? "closedByGateway");
    this.#way.tell({ event: "cut", from: this.#from, reason, words: sayCut(reason, gateway, subject) });
  }

  /** One side is over: the other gets what was on its way, then its end. */
  #stop(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    if (this.#remote !== null)
      this.#way.tell({ event: "closed", from: this.#from, toGateway: this.#toGateway, fromGateway: this.#fromGateway });
    this.#local.end();
    this.#remote?.end();
  }

  #closedOne(): void {
    this.#openEnds -= 1;
    if (this.#openEnds > 0) return;
    this.#gone();
    this.#finished?.();
  }

  finish(): Promise<void> {
    return new Promise((resolve) => {
      this.#finished = resolve;
      this.#stop();
    });
  }
}
