/**
 * One listener of the site: bound to every address of its interface, and bound anew when those change (DESIGN 3). It says which asset is
 * meant; who may come in is `admit`'s to say.
 */
import type { ListenerSite } from "#config/site";
import { UserProblems } from "#documents/problems";
import type { ListenerStatus } from "#management/protocol";
import { addressesOf, inPrefix, parseIp } from "#transport/interfaces";
import type { ByteStream } from "#transport/stream";
import { listenTcp } from "#transport/tcp";
import { listenTls, type TlsListening } from "#transport/tls";
import { admitPeer, admitSource } from "./admit.ts";
import type { Asset } from "./asset.ts";
import type { House } from "./house.ts";
import type { Trust } from "./trust.ts";

interface Bound {
  readonly address: string;
  readonly port: number;
  readonly connections: number;
  close(): void;
}

export class Listener {
  site: ListenerSite;
  readonly #house: House;
  /** Null: bound, and not in force yet. Whoever comes is turned away, unjudged. */
  asset: Asset | null = null;
  readonly #bound = new Map<string, Bound>();
  readonly #tls = new Set<TlsListening>();
  #port: number;
  #trust: Trust | null;
  #closed = false;

  /** @param trust what it starts with: at a reload the new certificates, before they are in force */
  constructor(house: House, site: ListenerSite, trust: Trust | null) {
    this.#house = house;
    this.#trust = trust;
    this.site = site;
    this.#port = site.port;
  }

  /** @throws UserProblems when the interface is not there or an address cannot be bound; nothing stays bound then */
  async open(): Promise<void> {
    const addresses = addressesOf(this.site.interface);
    if (addresses.length === 0)
      throw new UserProblems([
        `${this.#house.site.file}:${this.site.line}:1: found interface "${this.site.interface}", which has no address; expected an interface of this machine that is up`,
      ]);
    try {
      for (const address of addresses) await this.#bind(address);
    } catch (error) {
      this.close();
      const code = (error as NodeJS.ErrnoException).code ?? String(error);
      throw new UserProblems([
        `${this.#house.site.file}:${this.site.line}:1: listener ${this.site.name} cannot be bound on port ${this.#port}: ${sayBindError(code)}`,
      ]);
    }
  }

  /** From now on it lets people in to this asset, as this site says; what it is bound to stays. */
  serve(site: ListenerSite, asset: Asset): void {
    this.site = site;
    this.asset = asset;
  }

  /** New certificates serve new handshakes; sessions that are open are judged by the trust's watch. */
  renew(trust: Trust): void {
    this.#trust = trust;
    for (const listening of this.#tls) listening.renewContext(trust.context);
  }

  /** Follow the interface: addresses that came are bound, those that went are let go. Never rejects. */
  async follow(): Promise<void> {
    const { log } = this.#house.road;
    let present: string[];
    try {
      present = addressesOf(this.site.interface);
    } catch (error) {
      // No file descriptor left to ask with, say. What is bound stays.
      log.warn({ listener: this.site.name, why: (error as NodeJS.ErrnoException).message }, "cannot look at the interface");
      return;
    }
    for (const [address, bound] of this.#bound) {
      if (present.includes(address)) continue;
      log.warn({ listener: this.site.name, address }, "the interface lost this address");
      bound.close();
      this.#bound.delete(address);
    }
    for (const address of present) {
      if (this.#bound.has(address) || this.#closed) continue;
      await this.#bind(address).then(
        () => log.info({ listener: this.site.name, address, port: this.#port }, "listening on a new address"),
        (error: NodeJS.ErrnoException) =>
          log.warn({ listener: this.site.name, address, why: error.code }, "cannot listen on a new address"),
      );
    }
  }

  status(): ListenerStatus {
    return {
      name: this.site.name,
      asset: this.site.asset,
      tls: this.site.tls,
      addresses: [...this.#bound.keys()],
      port: this.#port,
      connections: [...this.#bound.values()].reduce((sum, bound) => sum + bound.connections, 0),
    };
  }

  close(): void {
    this.#closed = true;
    for (const bound of this.#bound.values()) bound.close();
    this.#bound.clear();
    this.#tls.clear();
  }

  async #bind(address: string): Promise<void> {
    const bound = this.site.tls === "mutual" ? await this.#bindTls(address) : await this.#bindPlain(address);
    if (this.#closed) {
      bound.close();
      return;
    }
    this.#bound.set(address, bound);
    // `port: 0`: the first address chooses, the others follow.
    this.#port = bound.port;
  }

  async #bindTls(address: string): Promise<Bound> {
    const { road } = this.#house;
    const trust = this.#trust;
    if (trust === null) throw new Error("no tls section");
    const listening = await listenTls(
      {
        host: address,
        port: this.#port,
        context: trust.context,
        handshakeMs: road.limits.handshakeMs,
        halfOpen: road.limits.halfOpen,
        halfOpenPerSource: road.limits.halfOpenPerSource,
        isKnown: (source) => road.isKnown(source),
        share: road.handshakes,
        maxConnections: road.limits.connectionsPerListener,
        serves: (source) => this.site.from.length === 0 || this.#isServed(source),
      },
      {
        peer: (stream, hello) => this.#admit(stream, (asset) => admitPeer(this.#house, asset, this.site.name, stream, hello)),
        refused: (remoteAddress, _remotePort, reason, words) => road.turnedAway(this.site.name, remoteAddress, reason, words, null),
      },
    );
    this.#tls.add(listening);
    // Certificates may have come into force while it was being bound.
    if (this.#trust !== trust && this.#trust !== null) listening.renewContext(this.#trust.context);
    return {
      address,
      port: listening.port,
      get connections() {
        return listening.connections;
      },
      close: () => {
        this.#tls.delete(listening);
        void listening.close();
      },
    };
  }

  async #bindPlain(address: string): Promise<Bound> {
    const { road } = this.#house;
    const listening = await listenTcp(
      { host: address, port: this.#port, maxConnections: road.limits.connectionsPerListener },
      (stream) => this.#plainPeer(stream),
      (remoteAddress) => road.turnedAway(this.site.name, remoteAddress, "tooManyConnections", "the listener is full", null),
    );
    return {
      address,
      port: listening.port,
      get connections() {
        return listening.connections;
      },
      close: () => void listening.close(),
    };
  }

  #plainPeer(stream: ByteStream): void {
    if (this.#isServed(stream.remoteAddress)) {
      this.#admit(stream, (asset) => admitSource(this.#house, asset, this.site.name, stream));
      return;
    }
    const words = "the address is not in the listener's `from`";
    this.#house.road.turnedAway(this.site.name, stream.remoteAddress, "sourceNotAllowed", words, null);
    stream.destroy();
  }

  #isServed(address: string): boolean {
    const source = parseIp(address);
    return source !== null && this.site.from.some((prefix) => inPrefix(source, prefix));
  }

  /** A fault of ours lets nobody in, and costs nobody else anything. */
  #admit(stream: ByteStream, admit: (asset: Asset) => void): void {
    const { road } = this.#house;
    if (this.asset === null) {
      road.turnedAway(this.site.name, stream.remoteAddress, "siteChanged", "the listener is not in force yet", null);
      stream.destroy();
      return;
    }
    try {
      admit(this.asset);
    } catch (fault) {
      road.log.error({ fault, listener: this.site.name, from: stream.remoteAddress }, "fault while letting a peer in; it is turned away");
      stream.destroy();
    }
  }
}

function sayBindError(code: string): string {
  if (code === "EADDRINUSE") return "another program listens there";
  if (code === "EACCES") return "ports below 1024 need the capability net_bind_service";
  if (code === "EADDRNOTAVAIL") return "the address is not on this machine";
  return code;
}
