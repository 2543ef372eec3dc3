/**
 * The certificates a gateway goes by: its own, the authorities it believes, and what they revoked. Loaded with the documents, looked at again
 * when a CRL file changes; a set that does not load leaves the old one in force.
 */
import { readFileSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import type { TlsSite } from "#config/site";
import { UserProblems } from "#documents/problems";
import { type Certificate, readCertificate } from "#identity/certificate";
import { pemBlocks } from "#identity/pem";
import { type Peer, type Refusal, TrustStore } from "#identity/trust";
import { contextOptions, type TlsContext } from "#transport/tlsContext";
import { whyUnreadable } from "./documents.ts";
import type { Session } from "./session.ts";

export class Trust {
  readonly site: TlsSite;
  readonly store: TrustStore;
  readonly context: TlsContext;
  /** What the CRL files were last refused for, and when they were tried, monotonic milliseconds; null: they are the ones in force. */
  refused: { readonly words: string; readonly triedMs: number } | null = null;
  /** `ListState.signer` of those whose list is older than one that was in force before (RULINGS 18): who was revoked since is not known. */
  rolledBack: ReadonlySet<string> = new Set();
  /** The gateway's own certificate; null: not one that we can read, though OpenSSL can. */
  readonly own: Certificate | null;
  /** Of the CRL files, as they were last looked at. */
  #stamps: readonly string[];

  constructor(site: TlsSite, store: TrustStore, context: TlsContext, stamps: readonly string[]) {
    this.site = site;
    this.store = store;
    this.context = context;
    this.#stamps = stamps;
    const [first] = pemBlocks(context.certificatePem);
    const own = first === undefined ? null : readCertificate(first.der);
    this.own = own?.ok === true ? own.value : null;
  }

  /**
   * @param previous  what is in force: its revocation lists give way to none that are older (RULINGS 18)
   * @throws UserProblems when a file is missing, unreadable or not what it should be
   */
  static load(site: TlsSite, wallMs: number, previous: Trust | null): Trust {
    const stamps = site.crl.map(stampOf);
    const store = loadStore(site, wallMs, previous?.store ?? null);
    return new Trust(site, store, loadContext(site, store), stamps);
  }

  /**
   * Should the CRL files be read? Where one was written since this was loaded or last asked; and now and then where they were refused, since
   * what kept us from reading them (no file descriptors left) may pass without a trace in them. Never rejects.
   */
  async crlChanged(now: number): Promise<boolean> {
    const stamps = await Promise.all(this.site.crl.map((file) => stat(file).then(sayStamp, () => "missing")));
    const changed = stamps.some((stamp, index) => stamp !== this.#stamps[index]);
    this.#stamps = stamps;
    if (changed) this.refused = null;
    return changed || (this.refused !== null && now - this.refused.triedMs >= TRY_AGAIN_MS);
  }

  /**
   * End every session whose certificate has ended, was revoked, or whose authority is no longer believed; the record says why. And see whose
   * lists are overdue.
   *
   * @param wallMs  steady: a live session does not end because somebody set the clock (RULINGS 19)
   */
  watch(sessions: Iterable<Session>, wallMs: number): void {
    for (const session of sessions) {
      if (session.peer === null) continue;
      const refusal = this.store.stillGood(session.peer, wallMs, session.lapsesMs);
      if (refusal !== null) session.road.sessions.end(session, refusal.reason, refusal.words);
      else session.listsStale = this.isStale(session.peer, wallMs);
    }
  }

  /** Is a list that this peer's chain is held against overdue beyond the grace, or rolled back? Then nobody knows who of its CA was revoked since. */
  isStale(peer: Peer, wallMs: number): boolean {
    if (this.rolledBack.size > 0 && this.store.isHeldAgainst(peer, this.rolledBack)) return true;
    const due = this.store.listsDue(peer);
    return due !== null && wallMs >= due + this.site.crlGraceMs;
  }
}

/** Milliseconds after which refused lists are tried again. */
const TRY_AGAIN_MS = 2_000;

export type { Peer, Refusal };

/** Whom the site believes. @throws UserProblems */
export function loadStore(site: Pick<TlsSite, "ca" | "crl">, wallMs: number, previous: TrustStore | null): TrustStore {
  const source = {
    ca: site.ca.map((ca) => ({ ...ca, pem: readPem(ca.file) })),
    crl: site.crl.map((file) => ({ file, pem: readPem(file) })),
  };
  const store = TrustStore.load(source, wallMs, previous);
  if (!store.ok) throw new UserProblems(store.error);
  return store.value;
}

/** What the gateway shows of itself. @throws UserProblems */
export function loadContext(site: TlsSite, store: TrustStore): TlsContext {
  const key = readKey(site.key);
  const context = { certificatePem: readPem(site.certificate), keyPem: key, caPem: store.caPem };
  try {
    contextOptions(context);
  } catch (error) {
    throw new UserProblems([
      `${site.certificate}: does not load with ${site.key}: ${error instanceof Error ? error.message : String(error)}`,
    ]);
  }
  return context;
}

function readPem(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UserProblems([`${file}: ${whyUnreadable(error)}`]);
  }
}

/** A private key that others on this machine may read is no secret, so it is no proof of who we are. */
export function readKey(file: string): string {
  const pem = readPem(file);
  if ((statSync(file).mode & 0o077) !== 0)
    throw new UserProblems([`${file}: may be read by others; expected mode 0600 (chmod 600 ${file})`]);
  return pem;
}

function stampOf(file: string): string {
  try {
    return sayStamp(statSync(file));
  } catch {
    return "missing";
  }
}

/** The change time among them: a copy may bring an old date along, and a file that becomes readable keeps its own. */
function sayStamp(stats: { mtimeMs: number; ctimeMs: number; size: number; ino: number }): string {
  return `${stats.mtimeMs} ${stats.ctimeMs} ${stats.size} ${stats.ino}`;
}
