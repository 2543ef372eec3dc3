/**
 * Whom this site believes: its CAs, what each may say, and what was revoked. One store per load of the documents; it never changes.
 *
 * OpenSSL's verdict on the handshake stays the floor: a peer it did not authorize is never judged good. What OpenSSL does not judge for us
 * is judged here, before the first protocol octet: key usage, key sizes, typed names, the role extension, revocation.
 *
 * @source RULINGS 17, 18, DESIGN section 4
 */
import { createHash } from "node:crypto";
import { err, ok, type Result } from "#wire";
import { weaknessOf } from "./algorithms.ts";
import { type Certificate, OID, readCertificate, USAGE } from "./certificate.ts";
import { identityOf, type Refusal, refuse, roleOf } from "./claims.ts";
import { isListOf, type RevocationList, readRevocationList } from "./crl.ts";
import { covers, isName, isPattern, shown } from "./names.ts";
import { buildPath, type Held, judgeIssuers, LONGEST_CHAIN, MOST_CHAIN_OCTETS, type Path } from "./path.ts";
import { pemBlocks } from "./pem.ts";
import { isOfTime, refusalOf } from "./verdict.ts";

export type { Refusal } from "./claims.ts";

/** Who a live session's certificate says it is. */
export interface Peer {
  /** `spiffe:spiffe://plant.example/operator/alice`, `cn:alice@plant`. */
  readonly identity: string;
  /** What a person reads: `alice`. */
  readonly name: string;
  readonly certificateRole: string | null;
  /** The site's name of the CA. */
  readonly ca: string;
  /** Wall milliseconds: the latest start and the earliest end in the chain below the root. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** The earliest end above the leaf and below the root; infinity where nothing stands there. */
  readonly issuersNotAfter: number;
  /** SHA-256 of the leaf, hex. */
  readonly fingerprint: string;
  /** DER. */
  readonly leaf: Uint8Array;
  /** Of the leaf and each intermediate, leaf first: what a revocation list may name. `issuer` is the issuer's name and key, hashed. */
  readonly serials: readonly { readonly issuer: string; readonly serial: string }[];
}

export interface TrustSource {
  readonly ca: readonly {
    readonly name: string;
    readonly file: string;
    readonly pem: string;
    readonly mayIdentify: readonly string[];
    readonly mayAssertRoles: boolean;
  }[];
  readonly crl: readonly { readonly file: string; readonly pem: string }[];
}

/** A CA as status shows it. */
export interface Authority {
  readonly ca: string;
  readonly subject: string;
  readonly fingerprint: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A revocation list as status shows it. */
export interface ListState {
  readonly issuer: string;
  /** SHA-256 of the issuer's name and key, hex: another CA of the same name is another. */
  readonly signer: string;
  readonly file: string;
  readonly number: bigint | null;
  readonly thisUpdate: number;
  readonly nextUpdate: number | null;
  readonly revoked: number;
}

interface Rights {
  readonly mayIdentify: readonly string[];
  readonly mayAssertRoles: boolean;
}

interface LoadedList {
  readonly file: string;
  readonly list: RevocationList;
  /** issuerKey of the CA certificate that signed it. */
  readonly signer: string;
}

/** How far our own clock and judgement may stand in for OpenSSL's, whose only clock is the machine's. */
export interface Leave {
  /** The machine's clock is not believed: a verdict of time alone gives way to our judgement at `wallMs` (RULINGS 19). */
  readonly ownTime?: boolean;
  /** That the leaf has ended is no reason, if it is the only one (RULINGS 18); whoever asks decides what such a peer may. */
  readonly ended?: boolean;
}

export class TrustStore {
  /** One PEM a CA certificate, for `tls.createSecureContext({ ca })`. */
  readonly caPem: readonly string[];
  /**
   * For `tls.createSecureContext({ crl })`: always empty. OpenSSL would refuse every client once a list is past its nextUpdate and asks for a
   * list of every intermediate; revocation is judged here instead, where an old list still applies (RULINGS 18).
   */
  readonly crlPem: readonly string[] = [];
  readonly #rights: ReadonlyMap<string, Rights>;
  /** By subject name. */
  readonly #held: ReadonlyMap<string, readonly Held[]>;
  /** By issuerKey. */
  readonly #heldByKey: ReadonlyMap<string, readonly Held[]>;
  /** By issuer name; empty where the site has no lists at all. */
  readonly #lists: ReadonlyMap<string, LoadedList>;

  private constructor(
    rights: ReadonlyMap<string, Rights>,
    held: readonly Held[],
    caPem: readonly string[],
    lists: ReadonlyMap<string, LoadedList>,
  ) {
    this.#rights = rights;
    this.caPem = caPem;
    this.#held = Map.groupBy(held, (each) => each.certificate.subject);
    this.#heldByKey = Map.groupBy(held, (each) => issuerKey(each.certificate));
    this.#lists = lists;
  }

  /**
   * @param wallMs    the wall clock: which of several certificates of one CA is in force
   * @param previous  the store in force: no revocation list of it gives way to an older one, or to none (RULINGS 18)
   * @error one line a mistake, `file:line:column: found ...; expected ...`; a store with any mistake is not made
   */
  static load(source: TrustSource, wallMs: number, previous: TrustStore | null = null): Result<TrustStore, readonly string[]> {
    const problems: string[] = [];
    const rights = new Map<string, Rights>();
    const held: Held[] = [];
    const caPem: string[] = [];
    for (const ca of source.ca) {
      if (rights.has(ca.name)) problems.push(`${ca.file}:1:1: found a second CA named ${shown(ca.name)}; expected one`);
      if (!isName(ca.name)) problems.push(`${ca.file}:1:1: found a CA named "${shown(ca.name)}"; expected 1 to 64 of A-Z a-z 0-9 _ . -`);
      for (const pattern of ca.mayIdentify) {
        if (isPattern(pattern)) continue;
        problems.push(
          `${ca.file}:1:1: found may_identify "${shown(pattern)}" for CA ${ca.name}; expected spiffe://domain/segment/* or cn:*, "*" being one whole last segment`,
        );
      }
      rights.set(ca.name, { mayIdentify: ca.mayIdentify, mayAssertRoles: ca.mayAssertRoles });
      readAuthorities(ca, held, caPem, problems);
    }
    if (held.length === 0 && problems.length === 0) problems.push("tls.ca:1:1: found no CA; expected at least one");
    if (problems.length === 0) checkRoots(held, source, wallMs, problems);
    const lists = new Map<string, LoadedList>();
    if (problems.length === 0) for (const crl of source.crl) readLists(crl, held, lists, problems);
    if (problems.length === 0 && source.crl.length > 0) checkComplete(held, lists, source, problems);
    if (problems.length === 0 && previous !== null) checkFollows(previous.#lists, held, lists, problems);
    return problems.length > 0 ? err(problems) : ok(new TrustStore(rights, held, caPem, lists));
  }

  get authorities(): readonly Authority[] {
    return [...this.#held.values()].flat().map(({ ca, certificate: { subjectWords: subject, fingerprint, notBefore, notAfter } }) => ({
      ca,
      subject,
      fingerprint,
      notBefore,
      notAfter,
    }));
  }

  get lists(): readonly ListState[] {
    return [...this.#lists.values()].map(({ file, list, signer }) => ({
      issuer: list.issuerWords,
      signer,
      file,
      number: list.number,
      thisUpdate: list.thisUpdate,
      nextUpdate: list.nextUpdate,
      revoked: list.revoked.size,
    }));
  }

  /**
   * @param chain    DER as the peer presented it, leaf first; empty where it presented none
   * @param verdict  `authorizationError` of node:tls, null where OpenSSL authorized the peer
   * @param wallMs   the wall clock
   * @error          one reason, the same for the same certificate; nothing is thrown at what a peer sent
   */
  judge(chain: readonly Uint8Array[], verdict: string | null, wallMs: number, leave: Leave = {}): Result<Peer, Refusal> {
    if (chain.length === 0) return refuse("noClientCertificate", "it presented no certificate");
    const octets = chain.reduce((sum, der) => sum + der.length, 0);
    if (chain.length > LONGEST_CHAIN)
      return refuse("chainTooLong", `it presented ${chain.length} certificates; accepted are ${LONGEST_CHAIN}`);
    if (octets > MOST_CHAIN_OCTETS)
      return refuse("chainTooLong", `it presented ${octets} octets of certificates; accepted are ${MOST_CHAIN_OCTETS}`);
    const certificates: Certificate[] = [];
    for (const [i, der] of chain.entries()) {
      const read = readCertificate(der);
      if (!read.ok) return refuse("chainInvalid", `certificate ${i + 1} of its chain is malformed: ${read.error}`);
      certificates.push(read.value);
    }
    const leaf = certificates[0] as Certificate;
    const path = buildPath(leaf, certificates.slice(1), this.#held, wallMs);
    if (!path.ok) return path.error.reason === "unknownCa" && verdict === null ? hiddenIssuer(path.error) : path;
    const serials = serialsOf(path.value);
    const refusal =
      this.#revoked(serials, path.value) ??
      judgeTimes(path.value, wallMs, leave.ended === true) ??
      judgeLeaf(leaf) ??
      judgeIssuers(path.value) ??
      judgeExtensions(path.value);
    if (refusal !== null) return err(refusal);
    const claim = identityOf(leaf);
    if (!claim.ok) return claim;
    const role = roleOf(leaf);
    if (!role.ok) return role;
    const { ca } = path.value;
    const beyond = this.#beyond(ca, claim.value.claim, role.value);
    if (beyond !== null) return err(beyond);
    const floor = verdict === null ? null : judgeVerdict(verdict, path.value, leave);
    if (floor !== null) return err(floor);
    const below = path.value.certificates.slice(0, -1);
    return ok({
      identity: claim.value.claim.startsWith("cn:") ? `${claim.value.claim}@${ca}` : `spiffe:${claim.value.claim}`,
      name: claim.value.name,
      certificateRole: role.value,
      ca,
      notBefore: Math.max(...below.map((each) => each.notBefore)),
      notAfter: Math.min(...below.map((each) => each.notAfter)),
      issuersNotAfter: Math.min(...below.slice(1).map((each) => each.notAfter)),
      fingerprint: leaf.fingerprint,
      leaf: leaf.der,
      serials,
    });
  }

  /**
   * Of a peer that OpenSSL authorized and that needs no identity here: was it, or an issuer of it, revoked? Null: not as far as the lists know.
   *
   * @param chain DER as the peer presented it, leaf first
   */
  revocationOf(chain: readonly Uint8Array[], wallMs: number): Refusal | null {
    if (this.#lists.size === 0) return null;
    const [leaf, ...others] = chain.slice(0, LONGEST_CHAIN).map((der) => readCertificate(der));
    if (leaf?.ok !== true) return { reason: "chainInvalid", words: "its certificate is malformed" };
    const path = buildPath(
      leaf.value,
      others.flatMap((each) => (each.ok ? [each.value] : [])),
      this.#held,
      wallMs,
    );
    return path.ok ? this.#revoked(serialsOf(path.value), path.value) : path.error;
  }

  /**
   * Why a live peer may no longer stay, by this store and the clock; null: it may. Cheap: a few look-ups, no signature.
   *
   * @param until  wall milliseconds to which it may stay though its own certificate has ended; null: it may not
   */
  stillGood(peer: Peer, wallMs: number, until: number | null = null): Refusal | null {
    const ends = until === null ? peer.notAfter : Math.min(until, peer.issuersNotAfter);
    if (wallMs >= ends) return { reason: "certificateExpired", words: `its certificate ended ${day(peer.notAfter)}` };
    const nearest = peer.serials.find(({ issuer }) => this.#heldByKey.has(issuer));
    const anchors = nearest === undefined ? [] : (this.#heldByKey.get(nearest.issuer) as readonly Held[]);
    const top = this.#heldByKey.get(peer.serials.at(-1)?.issuer ?? "");
    if (!anchors.some(({ ca }) => ca === peer.ca) || top === undefined) {
      return { reason: "unknownCa", words: `the CA ${peer.ca} that vouched for it is no longer held` };
    }
    if (!top.some(({ certificate }) => wallMs < certificate.notAfter))
      return { reason: "certificateExpired", words: `the CA ${peer.ca} has ended` };
    const revoked = this.#revoked(peer.serials, null);
    if (revoked !== null) return revoked;
    const claim = peer.identity.startsWith("spiffe:") ? peer.identity.slice("spiffe:".length) : `cn:${peer.name}`;
    return this.#beyond(peer.ca, claim, peer.certificateRole);
  }

  /** When the first of the lists that this peer's chain is held against is due to be replaced, wall milliseconds; null: no list says so. */
  listsDue(peer: Peer): number | null {
    let due: number | null = null;
    for (const { list } of this.#listsOf(peer)) {
      const { nextUpdate } = list;
      if (nextUpdate !== null && (due === null || nextUpdate < due)) due = nextUpdate;
    }
    return due;
  }

  /** Is a list of one of these signers (`ListState.signer`) one that this peer's chain is held against? */
  isHeldAgainst(peer: Peer, signers: ReadonlySet<string>): boolean {
    for (const { signer } of this.#listsOf(peer)) if (signers.has(signer)) return true;
    return false;
  }

  *#listsOf(peer: Peer): Iterable<LoadedList> {
    for (const { issuer } of peer.serials) {
      const name = this.#heldByKey.get(issuer)?.[0]?.certificate.subject;
      const list = name === undefined ? undefined : this.#lists.get(name);
      if (list !== undefined) yield list;
    }
  }

  /** What this CA may not say. */
  #beyond(ca: string, claim: string, role: string | null): Refusal | null {
    const rights = this.#rights.get(ca);
    if (rights?.mayIdentify.some((pattern) => covers(pattern, claim)) !== true) {
      return { reason: "identityNotAllowedForCa", words: `the CA ${ca} may not identify ${claim}` };
    }
    if (role !== null && !rights.mayAssertRoles)
      return { reason: "roleNotAllowedForCa", words: `the CA ${ca} may not assert roles; it asserts ${role}` };
    return null;
  }

  /** Looked up by issuer and serial. Where the site has lists, a certificate whose issuer has none is not believed (RULINGS 18). */
  #revoked(serials: Peer["serials"], path: Path | null): Refusal | null {
    if (this.#lists.size === 0) return null;
    for (const [i, { issuer, serial }] of serials.entries()) {
      const words = path?.certificates[i]?.subjectWords ?? (i === 0 ? "its certificate" : `certificate ${i + 1} of its chain`);
      const name = this.#heldByKey.get(issuer)?.[0]?.certificate.subject;
      const list = name === undefined ? undefined : this.#lists.get(name)?.list;
      if (list === undefined) {
        return { reason: "chainInvalid", words: `${words} is of an issuer whose certificate and revocation list this site does not hold` };
      }
      const since = list.revoked.get(serial);
      if (since !== undefined)
        return { reason: "certificateRevoked", words: `${words} (serial ${serial}) was revoked ${day(since)} by ${list.issuerWords}` };
    }
    return null;
  }
}

/** Name and key together: a CA that only took over a name is another issuer. */
function issuerKey(issuer: Certificate): string {
  return createHash("sha256").update(`${issuer.subject}/${issuer.keyHash}`).digest("hex");
}

function serialsOf(path: Path): Peer["serials"] {
  const all = path.certificates;
  return all.slice(0, -1).map((certificate, i) => ({ issuer: issuerKey(all[i + 1] as Certificate), serial: certificate.serial }));
}

/** Some releases of Node do not show a listener the intermediates of a client that OpenSSL authorized; held ones need not be shown. */
function hiddenIssuer(refusal: Refusal): { readonly ok: false; readonly error: Refusal } {
  return refuse("unknownCa", `${refusal.words}; where it is an intermediate, add its certificate to the CA's file`);
}

function judgeTimes(path: Path, wallMs: number, leafMayHaveEnded: boolean): Refusal | null {
  for (const [i, each] of path.certificates.entries()) {
    if (wallMs < each.notBefore) return { reason: "certificateNotYetValid", words: `${each.subjectWords} begins ${day(each.notBefore)}` };
    if (i === 0 && leafMayHaveEnded) continue;
    if (wallMs >= each.notAfter) return { reason: "certificateExpired", words: `${each.subjectWords} ended ${day(each.notAfter)}` };
  }
  return null;
}

/**
 * OpenSSL names the last thing it found. Behind a verdict of time may stand what it looks at before: signatures, CA flags, purposes, unknown
 * extensions. All of that is judged here too, the purpose of the CAs in this place. Names and policies it looks at afterwards, so they show.
 */
function judgeVerdict(verdict: string, path: Path, { ownTime = false, ended = false }: Leave): Refusal | null {
  if (!isOfTime(verdict) || !(ownTime || (ended && verdict === "CERT_HAS_EXPIRED"))) return refusalOf(verdict);
  const { reason, words } = refusalOf(verdict);
  const foreign = path.certificates.slice(1).find(({ extendedKeyUsage }) => extendedKeyUsage?.includes(OID.clientAuth) === false);
  return foreign === undefined ? null : { reason, words: `${words}, and ${foreign.subjectWords} is no CA of clients (extended key usage)` };
}

function judgeLeaf(leaf: Certificate): Refusal | null {
  const words = leaf.subjectWords;
  const weakness = leaf.key === null ? "a key this build cannot read" : weaknessOf(leaf.key);
  if (weakness !== null) return { reason: "weakKey", words: `${words} has ${weakness}` };
  const wrong = (what: string): Refusal => ({ reason: "wrongKeyUsage", words: `${words} ${what}` });
  if (leaf.isCa) return wrong("is a CA's own certificate; accepted is one issued to a client");
  if (leaf.keyUsage !== null && (leaf.keyUsage & USAGE.digitalSignature) === 0)
    return wrong("may not sign a handshake (key usage lacks digitalSignature)");
  if (leaf.keyUsage !== null && (leaf.keyUsage & USAGE.keyCertSign) !== 0)
    return wrong("may sign certificates and is no CA (key usage keyCertSign)");
  if (leaf.extendedKeyUsage === null) return wrong("states no purpose (extended key usage lacks clientAuth)");
  if (!leaf.extendedKeyUsage.includes(OID.clientAuth)) return wrong("is not for clients (extended key usage lacks clientAuth)");
  return null;
}

function judgeExtensions(path: Path): Refusal | null {
  for (const each of path.certificates) {
    if (each.doubled !== null) return { reason: "chainInvalid", words: `${each.subjectWords} carries extension ${each.doubled} twice` };
    if (each.unknownCritical !== null) {
      return {
        reason: "chainInvalid",
        words: `${each.subjectWords} carries the critical extension ${each.unknownCritical}, which is not understood here`,
      };
    }
  }
  return null;
}

function readAuthorities(ca: TrustSource["ca"][number], held: Held[], caPem: string[], problems: string[]): void {
  const { file } = ca;
  const blocks = pemBlocks(ca.pem);
  if (!blocks.some(({ label }) => label === "CERTIFICATE"))
    problems.push(`${file}:1:1: found no certificate; expected the CA's certificates in PEM`);
  for (const { label, line, der, pem } of blocks) {
    const expected = (found: string, wanted: string): number => problems.push(`${file}:${line}:1: found ${found}; expected ${wanted}`);
    if (label !== "CERTIFICATE") {
      expected(`a ${label.toLowerCase()}`, "certificates only");
      continue;
    }
    const read = readCertificate(der);
    if (!read.ok) {
      expected(`a certificate with ${read.error} malformed`, "a CA certificate");
      continue;
    }
    const certificate = read.value;
    const words = certificate.subjectWords;
    const weakness = certificate.key === null ? "a key this build cannot read" : weaknessOf(certificate.key);
    if (!certificate.isCa) expected(`${words}, which is no CA`, "a CA certificate (basic constraints CA:TRUE)");
    else if (weakness !== null) expected(`${words} with ${weakness}`, "a stronger CA key");
    else if (certificate.keyUsage !== null && (certificate.keyUsage & USAGE.keyCertSign) === 0)
      expected(`${words} without keyCertSign`, "a CA certificate");
    const twin = held.find((each) => each.certificate.fingerprint === certificate.fingerprint);
    const namesake = held.find((each) => each.ca !== ca.name && each.certificate.subject === certificate.subject);
    if (twin?.ca === ca.name) continue;
    if (twin !== undefined) expected(`${words}, which already stands under CA ${twin.ca}`, "each CA certificate under one name");
    else if (namesake !== undefined) expected(`${words}, a name CA ${namesake.ca} bears too`, "CAs with different subjects");
    held.push({ ca: ca.name, certificate });
    caPem.push(pem);
  }
}

/** OpenSSL believes a chain only up to a root it holds, so every CA certificate must lead to one. */
function checkRoots(held: readonly Held[], source: TrustSource, wallMs: number, problems: string[]): void {
  const bySubject = Map.groupBy(held, (each) => each.certificate.subject);
  for (const { ca, certificate } of held) {
    if (certificate.issuer === certificate.subject) continue;
    const path = buildPath(certificate, [], bySubject, wallMs);
    if (path.ok) continue;
    const file = source.ca.find(({ name }) => name === ca)?.file ?? "";
    problems.push(
      `${file}:1:1: found ${certificate.subjectWords} without its root (${path.error.words}); expected the chain up to a self-signed root among the CA files`,
    );
  }
}

function readLists(crl: TrustSource["crl"][number], held: readonly Held[], lists: Map<string, LoadedList>, problems: string[]): void {
  const { file } = crl;
  const blocks = pemBlocks(crl.pem);
  if (blocks.length === 0) problems.push(`${file}:1:1: found no revocation list; expected -----BEGIN X509 CRL-----`);
  for (const { label, line, der } of blocks) {
    const expected = (found: string, wanted: string): number => problems.push(`${file}:${line}:1: found ${found}; expected ${wanted}`);
    if (label !== "X509 CRL") {
      expected(`a ${label.toLowerCase()}`, "revocation lists only");
      continue;
    }
    const read = readRevocationList(der);
    if (!read.ok) {
      expected(`a revocation list where ${read.error}`, "a whole list of one CA");
      continue;
    }
    const list = read.value;
    const signer = held.find(({ certificate }) => isListOf(list, certificate))?.certificate;
    if (!list.algorithm.strong) expected(`a revocation list signed by ${list.algorithm.name}`, "SHA-256 or better");
    else if (signer === undefined) {
      const known = held.some(({ certificate }) => certificate.subject === list.issuer);
      expected(`a revocation list of ${list.issuerWords}${known ? " that its key did not sign" : ""}`, "one signed by a CA of this site");
    } else if (isNewer(list, lists.get(list.issuer)?.list)) lists.set(list.issuer, { file, list, signer: issuerKey(signer) });
  }
}

/** Of two lists by one CA the newer one applies: by number, else by time. */
function isNewer(list: RevocationList, other: RevocationList | undefined): boolean {
  if (other === undefined) return true;
  if (list.number !== null && other.number !== null && list.number !== other.number) return list.number > other.number;
  return list.thisUpdate >= other.thisUpdate;
}

/** With one CA's list, every CA's: a forgotten file would be a CA whose revocations nobody sees (RULINGS 18). */
function checkComplete(held: readonly Held[], lists: ReadonlyMap<string, LoadedList>, source: TrustSource, problems: string[]): void {
  const missing = new Map<string, string>();
  for (const { ca, certificate } of held) if (!lists.has(certificate.subject)) missing.set(certificate.subjectWords, ca);
  for (const [words, ca] of missing) {
    problems.push(
      `${source.crl[0]?.file ?? ""}:1:1: found no revocation list of ${words} (CA ${ca}); expected one of every CA, or none at all`,
    );
  }
}

/**
 * Whoever can replace a file could bring a revoked certificate back with a list from before (RULINGS 18). A CA that is no longer held under the
 * key that signed the list in force has nothing to be followed.
 */
function checkFollows(
  before: ReadonlyMap<string, LoadedList>,
  held: readonly Held[],
  lists: ReadonlyMap<string, LoadedList>,
  problems: string[],
): void {
  for (const [issuer, { list: old, signer, file: oldFile }] of before) {
    if (!held.some(({ certificate }) => issuerKey(certificate) === signer)) continue;
    const loaded = lists.get(issuer);
    if (loaded === undefined) {
      problems.push(`${oldFile}:1:1: found no revocation list of ${old.issuerWords} any more; expected one: going without takes a restart`);
    } else if (!isNewer(loaded.list, old)) {
      problems.push(
        `${loaded.file}:1:1: found ${sayList(loaded.list)} of ${old.issuerWords} while ${sayList(old)} is in force; expected one that is not older`,
      );
    }
  }
}

function sayList({ number, thisUpdate }: RevocationList): string {
  return `revocation list ${number === null ? "" : `${number} `}of ${day(thisUpdate)}`;
}

function day(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}
