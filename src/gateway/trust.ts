/**
 * The certificates a gateway goes by: its own, the authorities it believes, and what they revoked. Loaded with the documents, looked at again
 * when a CRL file changes; a set that does not load leaves the old one in force.
 */
import { readFileSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import type { TlsSite } from "#config/site";
import { UserProblems } from "#documents/problems";
import { type Peer, type Refusal, TrustStore } from "#identity/trust";
import { contextOptions, type TlsContext } from "#transport/tls";
import { whyUnreadable } from "./documents.ts";
import type { Session } from "./session.ts";

export class Trust {
  readonly site: TlsSite;
  readonly store: TrustStore;
  readonly context: TlsContext;
  /** Of the CRL files, as they were last looked at. */
  #stamps: readonly string[];

  constructor(site: TlsSite, store: TrustStore, context: TlsContext, stamps: readonly string[]) {
    this.site = site;
    this.store = store;
    this.context = context;
    this.#stamps = stamps;
  }

  /** @throws UserProblems when a file is missing, unreadable or not what it should be */
  static load(site: TlsSite, wallMs: number): Trust {
    const stamps = site.crl.map(stampOf);
    const source = {
      ca: site.ca.map((ca) => ({ ...ca, pem: readPem(ca.file) })),
      crl: site.crl.map((file) => ({ file, pem: readPem(file) })),
    };
    const store = TrustStore.load(source, wallMs);
    if (!store.ok) throw new UserProblems(store.error);
    const key = readKey(site.key);
    const context = { certificatePem: readPem(site.certificate), keyPem: key, caPem: store.value.caPem };
    try {
      contextOptions(context);
    } catch (error) {
      throw new UserProblems([
        `${site.certificate}: does not load with ${site.key}: ${error instanceof Error ? error.message : String(error)}`,
      ]);
    }
    return new Trust(site, store.value, context, stamps);
  }

  /** Has a CRL file been written since this was loaded, or since it was last asked? A bad one is thus tried, and told, once. Never rejects. */
  async crlChanged(): Promise<boolean> {
    const stamps = await Promise.all(this.site.crl.map((file) => stat(file).then(sayStamp, () => "missing")));
    const changed = stamps.some((stamp, index) => stamp !== this.#stamps[index]);
    this.#stamps = stamps;
    return changed;
  }

  /** End every session whose certificate has ended, was revoked, or whose authority is no longer believed; the record says why. */
  watch(sessions: Iterable<Session>, wallMs: number): void {
    for (const session of sessions) {
      if (session.peer === null) continue;
      const refusal = this.store.stillGood(session.peer, wallMs);
      if (refusal !== null) session.road.sessions.end(session, refusal.reason, refusal.words);
    }
  }

  judge(chain: readonly Uint8Array[], verdict: string | null, wallMs: number): ReturnType<TrustStore["judge"]> {
    return this.store.judge(chain, verdict, wallMs);
  }
}

export type { Peer, Refusal };

function readPem(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UserProblems([`${file}: ${whyUnreadable(error)}`]);
  }
}

/** A private key that others on this machine may read is no secret, so it is no proof of who we are. */
function readKey(file: string): string {
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

function sayStamp(stats: { mtimeMs: number; size: number; ino: number }): string {
  return `${stats.mtimeMs} ${stats.size} ${stats.ino}`;
}
