/**
 * The local CA of a site that has none: makes keys and certificates for operators, gateways and historians, signs other people's requests,
 * renews, revokes, writes revocation lists, and says what ends when.
 *
 *     ca.pem       the issuing CA and its root            ca.key, root.key   sealed by a passphrase, or written elsewhere
 *     ca.crl       a revocation list of each CA           NAME.pem, NAME.key what was issued (chain, key)
 *     index.json   everything issued and revoked
 *
 * @source RULINGS 16 (names), 17 (what a certificate may say), 26 (where the CA's key may lie)
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import path from "node:path";
import * as z from "zod";
import { type Certificate, readCertificate } from "./certificate.ts";
import { type RevocationList, readRevocationList } from "./crl.ts";
import {
  type CaPlan,
  type LeafPlan,
  type ListPlan,
  makeCaCertificate,
  makeLeafCertificate,
  makeRevocationList,
  type RevocationReason,
  type Signer,
} from "./issuer.ts";
import { isName, shown, spiffeName } from "./names.ts";
import { pemBlocks, toPem } from "./pem.ts";
import type { Kind, PkiAuthority, PkiEntry, PkiIndex } from "./pkiIndex.ts";
import { PkiProblem } from "./problem.ts";
import { readRequest } from "./request.ts";
import { isSealed, openKey, sealKey } from "./sealedKey.ts";
import { type NewFile, plain, Shelf, writeNew } from "./shelf.ts";

export type { RevocationReason } from "./issuer.ts";
export { KINDS, type Kind, type PkiEntry } from "./pkiIndex.ts";
export { PkiProblem } from "./problem.ts";

const DAY_MS = 86_400_000;
/** Ten years for a CA, one for what it issues, thirty days for a list: a plant visits its clients yearly and its lists monthly. */
export const LIFETIMES = { caMs: 3652 * DAY_MS, leafMs: 365 * DAY_MS, listMs: 30 * DAY_MS, rootListMs: 365 * DAY_MS } as const;
/** A box whose clock is a little behind must not find its certificate in the future. */
const BACKDATE_MS = 5 * 60_000;
/** Under this many days left `list` warns. */
export const WARN_DAYS = 30;
/** A list lives thirty days, so it is late only in its last week. */
const WARN_LIST_DAYS = 7;
/** A revoked certificate stays in the lists this long after its own end. */
const KEEP_REVOKED_MS = 90 * DAY_MS;

/** A passphrase, how to ask for one when it turns out to be needed, or none. */
export type Passphrase = string | null | (() => Promise<string>);

export interface CreateOptions {
  /** Common name of the CA: `boiler-house CA`. */
  readonly name: string;
  /** SPIFFE trust domain, lower case: `plant.example`. */
  readonly trustDomain: string;
  /** Seals the CA's key. Null needs `caOut` or `plainKey`. */
  readonly passphrase: string | null;
  /** Write the CA's keys to this directory instead (a stick that leaves with its owner). */
  readonly caOut?: string;
  /** An unsealed CA key beside its certificate: for the demo alone, refused by `check` in enforce mode. */
  readonly plainKey?: boolean;
  /** A root that signs one issuing CA and can be locked away. */
  readonly intermediate?: boolean;
  readonly lifetimeMs?: number;
}

export interface IssueRequest {
  readonly kind: Kind;
  /** File name, last segment of the SPIFFE id and common name. */
  readonly name: string;
  /** SPIFFE id; null: the common name alone is the identity; left out: `spiffe://<trust domain>/<kind>/<name>`. */
  readonly uri?: string | null;
  readonly role?: string | null;
  readonly dns?: readonly string[];
  readonly ips?: readonly string[];
  /** The machine its key lives on; a gateway is its own. */
  readonly box?: string | null;
  readonly lifetimeMs?: number;
  /** PKCS#10 in PEM: the holder keeps the key. */
  readonly requestPem?: string;
  /** Where it came from, as messages name it. */
  readonly requestFile?: string;
}

export interface RenewOptions {
  /** Keep the key; else a new one is made. Without a key of ours it is always kept. */
  readonly sameKey?: boolean;
  readonly requestPem?: string;
  /** Where it came from, as messages name it. */
  readonly requestFile?: string;
  readonly lifetimeMs?: number;
}

export interface Issued {
  readonly entry: PkiEntry;
  /** Absolute. */
  readonly certificateFile: string;
  /** Null: made from a request. */
  readonly keyFile: string | null;
  /** Who the request asked to be, which decided nothing; null without a request. */
  readonly requested: string | null;
}

export interface Row {
  readonly what: "ca" | "list" | "certificate";
  readonly name: string;
  readonly kind: string;
  readonly role: string | null;
  readonly identity: string;
  readonly serial: string;
  readonly ends: string;
  /** Whole days, negative when it has ended. */
  readonly daysLeft: number;
  readonly state: "good" | "ends soon" | "ended" | "revoked" | "replaced";
  readonly box: string | null;
}

const RESERVED = new Set(["ca", "root", "index"]);

export class Pki {
  readonly #shelf: Shelf;
  readonly #passphrase: Passphrase;
  readonly #caKey: string | null;
  readonly #clock: () => number;
  readonly #opened = new Map<string, KeyObject>();
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(directory: string, passphrase: Passphrase, caKey: string | null, clock: () => number) {
    this.#shelf = new Shelf(directory);
    this.#passphrase = passphrase;
    this.#caKey = caKey;
    this.#clock = clock;
  }

  /** @throws PkiProblem where the directory is not empty, a name is none, or the key would lie open beside its certificate */
  static async create(directory: string, options: CreateOptions, clock: () => number = Date.now): Promise<Pki> {
    const pki = new Pki(directory, options.passphrase, null, clock);
    pki.#shelf.prepare();
    await pki.#shelf.alone(() => pki.#create(options));
    return pki;
  }

  /**
   * @param caKey  the issuing CA's key where it does not lie where the index says (another mount point)
   * @throws PkiProblem where there is no CA
   */
  static open(directory: string, passphrase: Passphrase = null, caKey: string | null = null, clock: () => number = Date.now): Pki {
    const pki = new Pki(directory, passphrase, caKey, clock);
    pki.#shelf.read();
    return pki;
  }

  get directory(): string {
    return this.#shelf.directory;
  }

  get caFile(): string {
    return path.join(this.directory, "ca.pem");
  }

  get listFile(): string {
    return path.join(this.directory, "ca.crl");
  }

  get trustDomain(): string {
    return this.#shelf.read().trustDomain;
  }

  entries(): readonly PkiEntry[] {
    return this.#shelf.read().certificates;
  }

  /** A key and a certificate; or, from a request, the certificate alone. */
  issue(request: IssueRequest): Promise<Issued> {
    return this.#alone(async () => {
      const index = this.#shelf.read();
      const { name, kind } = request;
      checkHolder(name, request.role ?? null);
      const uri = request.uri === undefined ? `spiffe://${index.trustDomain}/${kind}/${name}` : request.uri;
      if (uri !== null && spiffeName(uri) === null)
        throw new PkiProblem(`found ${shown(uri)}; expected a SPIFFE id: spiffe://lower-case.domain/segment/segment`);
      const dns = checkAll(request.dns ?? [], isDnsName, "a DNS name");
      const ips = checkAll(request.ips ?? [], isIpAddress, "an IP address");
      const active = index.certificates.find((each) => each.name === name && this.#isActive(each));
      if (active !== undefined) {
        throw new PkiProblem(
          `${name} already has a certificate (${active.kind}, serial ${active.serial}, until ${active.notAfter}); expected a new name, or renew, or revoke first`,
        );
      }
      const box = request.box ?? (kind === "gateway" ? name : null);
      if (box !== null && !isName(box)) throw new PkiProblem(`found a box named "${shown(box)}"; expected 1 to 64 of A-Z a-z 0-9 _ . -`);
      const asked = request.requestPem === undefined ? null : requestOf(request.requestPem, request.requestFile);
      return this.#make(index, { kind, name, uri, role: request.role ?? null, dns, ips, box }, asked, null, request.lifetimeMs);
    });
  }

  /** A new certificate that says the same, for the latest of that name; the earlier one stays good until its end, or is revoked. */
  renew(name: string, options: RenewOptions = {}): Promise<Issued> {
    return this.#alone(async () => {
      const index = this.#shelf.read();
      const old = index.certificates.findLast((each) => each.name === name);
      if (old === undefined) throw new PkiProblem(`found no certificate of ${shown(name)}; expected ${namesOf(index)}`);
      if (old.revoked !== null)
        throw new PkiProblem(`${name} was revoked ${old.revoked.at}; expected a certificate in force (issue makes a new one)`);
      const asked = options.requestPem === undefined ? null : requestOf(options.requestPem, options.requestFile);
      const kept = asked === null && (options.sameKey === true || old.keyFile === null) ? this.#keptKey(old) : null;
      return this.#make(index, old, asked, { old, kept }, options.lifetimeMs);
    });
  }

  /**
   * Revoke by name (everything of that name still in force) or by serial, and write the lists.
   *
   * @returns what was revoked; earlier revocations keep their time
   */
  revoke(nameOrSerial: string, reason: RevocationReason = "unspecified"): Promise<readonly PkiEntry[]> {
    return this.#revoke(
      ({ name, serial }) => name === nameOrSerial || serial === nameOrSerial.toLowerCase(),
      reason,
      (index) => `found no certificate in force of ${shown(nameOrSerial)}; expected ${namesOf(index)}, or a serial number`,
    );
  }

  /** Everything whose key lay on that machine (RULINGS 26), in one step. */
  stolenBox(box: string): Promise<readonly PkiEntry[]> {
    return this.#revoke(
      (entry) => entry.box === box,
      "keyCompromise",
      (index) => {
        const boxes = [...new Set(index.certificates.flatMap((each) => (each.box === null ? [] : [each.box])))];
        return `found no certificate in force on a box named ${shown(box)}; expected ${boxes.length === 0 ? "a box, of which there is none" : `one of: ${boxes.join(", ")}`}`;
      },
    );
  }

  /** A fresh list of the issuing CA, and of the root where its key is at hand. */
  writeLists(lifetimeMs?: number): Promise<void> {
    return this.#alone(async () => {
      const index = this.#shelf.read();
      const { next, file } = await this.#lists(index, lifetimeMs);
      this.#shelf.commit(next, [file]);
    });
  }

  rows(): readonly Row[] {
    const index = this.#shelf.read();
    const now = this.#clock();
    const cas = index.authorities.map((each) =>
      row("ca", now, Date.parse(each.notAfter), { name: each.commonName, kind: "CA", serial: each.serial, identity: "" }),
    );
    const lists = this.#shelf.has("ca.crl") ? this.#listRows(now) : [];
    const certificates = index.certificates.map((each) => {
      const identity = each.uri ?? `cn:${each.name}`;
      const made = row("certificate", now, Date.parse(each.notAfter), { ...each, identity });
      if (each.revoked !== null) return { ...made, state: "revoked" as const };
      return each.replacedBy !== null ? { ...made, state: "replaced" as const } : made;
    });
    return [...cas, ...lists, ...certificates];
  }

  #listRows(now: number): Row[] {
    return readLists(this.#shelf.readText("ca.crl")).map(({ list }) =>
      row("list", now, list.nextUpdate ?? 8_640_000_000_000_000, {
        name: list.issuerWords,
        kind: "list",
        serial: String(list.number ?? ""),
        identity: "",
      }),
    );
  }

  async #create(options: CreateOptions): Promise<void> {
    if (!/^[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}$/.test(options.name)) {
      throw new PkiProblem(`found a CA named "${shown(options.name)}"; expected 1 to 63 letters, digits, spaces, _ . -`);
    }
    if (spiffeName(`spiffe://${options.trustDomain}/x`) === null) {
      throw new PkiProblem(`found trust domain "${shown(options.trustDomain)}"; expected a lower-case domain such as plant.example`);
    }
    const elsewhere = options.caOut === undefined ? null : path.resolve(options.caOut);
    if (elsewhere !== null && `${elsewhere}${path.sep}`.startsWith(`${this.directory}${path.sep}`)) {
      throw new PkiProblem(`found ${elsewhere} for the CA keys; expected a directory outside ${this.directory}`);
    }
    if (options.passphrase === null && elsewhere === null && options.plainKey !== true) {
      throw new PkiProblem("found no passphrase for the CA key; expected one, or another place for the key (--ca-out)");
    }
    const now = this.#clock();
    const until: Pick<CaPlan, "notBefore" | "notAfter"> = {
      notBefore: seconds(now - BACKDATE_MS),
      notAfter: seconds(now + (options.lifetimeMs ?? LIFETIMES.caMs)),
    };
    const rootKey = newKey();
    const deep = options.intermediate === true;
    const rootName = deep ? `${options.name} Root` : options.name;
    const root: Signer = {
      key: rootKey,
      certificate: await makeCaCertificate({ ...until, commonName: rootName, pathLength: deep ? 1 : 0 }, rootKey, null),
    };
    const chain: { signer: Signer; file: string; commonName: string }[] = [
      { signer: root, file: deep ? "root.key" : "ca.key", commonName: rootName },
    ];
    if (deep) {
      const key = newKey();
      const certificate = await makeCaCertificate({ ...until, commonName: options.name, pathLength: 0 }, key, root);
      chain.unshift({ signer: { key, certificate }, file: "ca.key", commonName: options.name });
    }
    const files: NewFile[] = [
      { name: "ca.pem", text: chain.map(({ signer }) => toPem("CERTIFICATE", signer.certificate.der)).join(""), secret: false },
    ];
    const authorities: PkiAuthority[] = [];
    for (const { signer, file, commonName } of chain) {
      const text =
        options.passphrase === null
          ? signer.key.export({ type: "pkcs8", format: "pem" }).toString()
          : await sealKey(signer.key, options.passphrase);
      if (elsewhere === null) files.push({ name: file, text, secret: true });
      else writeElsewhere(path.join(elsewhere, file), text);
      const keyFile = elsewhere === null ? file : path.join(elsewhere, file);
      const { serial, notBefore, notAfter } = signer.certificate;
      authorities.push({ commonName, serial, notBefore: iso(notBefore), notAfter: iso(notAfter), keyFile, listNumber: 0 });
      this.#opened.set(serial, signer.key);
    }
    const index: PkiIndex = { version: 1, trustDomain: options.trustDomain, authorities, certificates: [], pending: [] };
    const signers = chain.map(({ signer }) => signer);
    const { next, file } = await this.#listsBy(index, signers, [], undefined);
    this.#shelf.commit(next, [...files, file]);
  }

  async #make(
    index: PkiIndex,
    holder: Pick<PkiEntry, "kind" | "name" | "uri" | "role" | "dns" | "ips" | "box">,
    asked: { readonly key: KeyObject; readonly words: string } | null,
    renewal: { readonly old: PkiEntry; readonly kept: { readonly publicKey: KeyObject; readonly keyText: string | null } | null } | null,
    lifetimeMs: number | undefined,
  ): Promise<Issued> {
    const signer = await this.#signer(index, 0);
    const now = this.#clock();
    const end = Math.min(now + (lifetimeMs ?? LIFETIMES.leafMs), signer.certificate.notAfter);
    const validity = { notBefore: seconds(now - BACKDATE_MS), notAfter: seconds(end) };
    if (validity.notAfter <= validity.notBefore)
      throw new PkiProblem(`the CA ended ${iso(signer.certificate.notAfter)}; expected one in force`);
    const fresh = asked === null && renewal?.kept == null ? newKey() : null;
    const publicKey = asked?.key ?? renewal?.kept?.publicKey ?? createPublicKey(fresh as KeyObject);
    const { kind, name, uri, role, dns, ips, box } = holder;
    const plan: LeafPlan = { ...validity, commonName: name, uri, role, dns, ips, client: kind !== "gateway", server: kind === "gateway" };
    const certificate = await makeLeafCertificate(plan, publicKey, signer);
    const keyText = fresh !== null ? fresh.export({ type: "pkcs8", format: "pem" }).toString() : (renewal?.kept?.keyText ?? null);
    const entry: PkiEntry = {
      serial: certificate.serial,
      kind,
      name,
      uri,
      role,
      dns: [...dns],
      ips: [...ips],
      box,
      notBefore: iso(certificate.notBefore),
      notAfter: iso(certificate.notAfter),
      fingerprint: certificate.fingerprint,
      certificateFile: `${name}.pem`,
      keyFile: keyText === null ? null : `${name}.key`,
      replacedBy: null,
      revoked: null,
    };
    const earlier = index.certificates.map((each) => (each.serial === renewal?.old.serial ? { ...each, replacedBy: entry.serial } : each));
    const files: NewFile[] = [{ name: entry.certificateFile, text: this.#chainText(index, certificate, kind), secret: false }];
    if (fresh !== null) files.push({ name: `${name}.key`, text: keyText as string, secret: true });
    this.#shelf.commit({ ...index, certificates: [...earlier, entry] }, files);
    return {
      entry,
      certificateFile: path.join(this.directory, entry.certificateFile),
      keyFile: entry.keyFile === null ? null : path.join(this.directory, entry.keyFile),
      requested: asked?.words ?? null,
    };
  }

  /** What its holder presents: a client leaves the root out; a gateway sends the whole chain (Modbus/TCP Security R-46). */
  #chainText(index: PkiIndex, certificate: Certificate, kind: Kind): string {
    const above = this.#authorityPems(index);
    const sent = kind === "gateway" ? above : above.slice(0, -1);
    return toPem("CERTIFICATE", certificate.der) + sent.join("");
  }

  #keptKey(old: PkiEntry): { publicKey: KeyObject; keyText: string | null } {
    if (old.keyFile !== null) {
      const keyText = this.#shelf.readText(old.keyFile);
      return { publicKey: createPublicKey(createPrivateKey(keyText)), keyText };
    }
    const block = pemBlocks(this.#shelf.readText(old.certificateFile))[0];
    const read = block === undefined ? null : readCertificate(block.der);
    if (read?.ok !== true || read.value.key === null)
      throw new PkiProblem(`${old.certificateFile}: found no certificate; expected the one to renew, or a new request`);
    return { publicKey: read.value.key, keyText: null };
  }

  #revoke(chosen: (entry: PkiEntry) => boolean, reason: RevocationReason, none: (index: PkiIndex) => string): Promise<readonly PkiEntry[]> {
    return this.#alone(async () => {
      const index = this.#shelf.read();
      const now = iso(seconds(this.#clock()));
      const hit = new Set(
        index.certificates.filter((each) => chosen(each) && each.revoked === null && Date.parse(each.notAfter) > this.#clock()),
      );
      if (hit.size === 0) throw new PkiProblem(none(index));
      const certificates = index.certificates.map((each) => (hit.has(each) ? { ...each, revoked: { at: now, reason } } : each));
      const { next, file } = await this.#lists({ ...index, certificates }, undefined);
      this.#shelf.commit(next, [file]);
      const serials = new Set([...hit].map(({ serial }) => serial));
      return next.certificates.filter(({ serial }) => serials.has(serial));
    });
  }

  /** Lists by every CA whose key is at hand; the others' lists are kept as they are. */
  async #lists(index: PkiIndex, lifetimeMs: number | undefined): Promise<{ next: PkiIndex; file: NewFile }> {
    const signers = [await this.#signer(index, 0)];
    if (index.authorities.length > 1 && this.#rootAtHand(index)) signers.push(await this.#signer(index, 1));
    const names = new Set(signers.map(({ certificate }) => certificate.subject));
    const kept = readLists(this.#shelf.readText("ca.crl")).filter(({ list }) => !names.has(list.issuer));
    return this.#listsBy(
      index,
      signers,
      kept.map(({ pem }) => pem),
      lifetimeMs,
    );
  }

  async #listsBy(
    index: PkiIndex,
    signers: readonly Signer[],
    kept: readonly string[],
    lifetimeMs: number | undefined,
  ): Promise<{ next: PkiIndex; file: NewFile }> {
    const now = this.#clock();
    const pems: string[] = [];
    const authorities: PkiAuthority[] = [];
    for (const [i, authority] of index.authorities.entries()) {
      const signer = signers.find(({ certificate }) => certificate.serial === authority.serial);
      if (signer === undefined) {
        authorities.push(authority);
        continue;
      }
      const listNumber = authority.listNumber + 1;
      const usual = i === 0 ? LIFETIMES.listMs : LIFETIMES.rootListMs;
      const revoked = i === 0 ? revokedOf(index, now) : [];
      const thisUpdate = seconds(now - BACKDATE_MS);
      const der = await makeRevocationList(
        { thisUpdate, nextUpdate: seconds(now + (lifetimeMs ?? usual)), number: BigInt(listNumber), revoked },
        signer,
      );
      pems.push(toPem("X509 CRL", der));
      authorities.push({ ...authority, listNumber });
    }
    return { next: { ...index, authorities }, file: { name: "ca.crl", text: [...pems, ...kept].join(""), secret: false } };
  }

  #rootAtHand(index: PkiIndex): boolean {
    const root = index.authorities[1] as PkiAuthority;
    try {
      this.#shelf.readText(root.keyFile);
      return true;
    } catch {
      return false;
    }
  }

  async #signer(index: PkiIndex, which: number): Promise<Signer> {
    const authority = index.authorities[which] as PkiAuthority;
    const certificate = this.#authorityCertificates(index)[which] as Certificate;
    const known = this.#opened.get(authority.serial);
    if (known !== undefined) return { certificate, key: known };
    const file = which === 0 && this.#caKey !== null ? path.resolve(this.#caKey) : path.resolve(this.directory, authority.keyFile);
    const text = this.#shelf.readText(file);
    const passphrase = !isSealed(text) ? null : typeof this.#passphrase === "function" ? await this.#passphrase() : this.#passphrase;
    const key = openKey(text, passphrase, file);
    if (certificate.key?.equals(createPublicKey(key)) !== true)
      throw new PkiProblem(`${file}: found another key; expected the key of ${authority.commonName}`);
    this.#opened.set(authority.serial, key);
    return { certificate, key };
  }

  #authorityPems(index: PkiIndex): string[] {
    const blocks = pemBlocks(this.#shelf.readText("ca.pem"));
    return index.authorities.map(({ serial, commonName }) => {
      const block = blocks.find(({ der }) => {
        const read = readCertificate(der);
        return read.ok && read.value.serial === serial;
      });
      if (block === undefined) throw new PkiProblem(`${this.caFile}: found no certificate of ${commonName}; expected it as init wrote it`);
      return block.pem;
    });
  }

  #authorityCertificates(index: PkiIndex): Certificate[] {
    return this.#authorityPems(index).map((pem) => {
      const read = readCertificate((pemBlocks(pem)[0] as { der: Uint8Array }).der);
      if (!read.ok) throw new PkiProblem(`${this.caFile}: found a malformed certificate`);
      return read.value;
    });
  }

  #isActive(entry: PkiEntry): boolean {
    return entry.revoked === null && entry.replacedBy === null && Date.parse(entry.notAfter) > this.#clock();
  }

  /** One change at a time, in this process and among processes. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(() => this.#shelf.alone(work));
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

function newKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

function writeElsewhere(file: string, text: string): void {
  try {
    writeNew(file, text, true);
  } catch (error) {
    throw new PkiProblem(`${file}: ${plain(error)}`);
  }
}

function checkHolder(name: string, role: string | null): void {
  if (!isName(name) || name.startsWith(".")) {
    throw new PkiProblem(`found the name "${shown(name)}"; expected 1 to 64 of A-Z a-z 0-9 _ . -, not starting with a dot`);
  }
  if (RESERVED.has(name.toLowerCase())) throw new PkiProblem(`found the name ${name}, which the CA's own files bear; expected another one`);
  if (role !== null && !isName(role)) throw new PkiProblem(`found the role "${shown(role)}"; expected 1 to 64 of A-Z a-z 0-9 _ . -`);
}

function checkAll(texts: readonly string[], good: (text: string) => boolean, what: string): string[] {
  const bad = texts.find((text) => !good(text));
  if (bad !== undefined) throw new PkiProblem(`found "${shown(bad)}"; expected ${what}`);
  return [...texts];
}

function isDnsName(text: string): boolean {
  return (
    text.length <= 253 &&
    text.split(".").every((label) => /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label)) &&
    !isIpAddress(text)
  );
}

function isIpAddress(text: string): boolean {
  return z.union([z.ipv4(), z.ipv6()]).safeParse(text).success;
}

function requestOf(pem: string, file = "the request"): { readonly key: KeyObject; readonly words: string } {
  const blocks = pemBlocks(pem);
  const block = blocks[0];
  const at = `${file}:${block?.line ?? 1}:1`;
  if (blocks.length !== 1 || block === undefined || !/^(NEW )?CERTIFICATE REQUEST$/.test(block.label)) {
    const found = block === undefined ? "no PEM block" : blocks.length > 1 ? `${blocks.length} PEM blocks` : block.label.toLowerCase();
    throw new PkiProblem(`${at}: found ${found}; expected one certificate request (PKCS#10 in PEM)`);
  }
  const read = readRequest(block.der);
  if (!read.ok)
    throw new PkiProblem(
      `${at}: found a certificate request, and ${read.error}; expected one signed by its own key (RSA 2048 to 4096, P-256, P-384 or Ed25519)`,
    );
  return { key: read.value.key, words: read.value.subjectWords };
}

function readLists(text: string): { readonly pem: string; readonly list: RevocationList }[] {
  return pemBlocks(text).flatMap(({ der, pem }) => {
    const read = readRevocationList(der);
    return read.ok ? [{ pem, list: read.value }] : [];
  });
}

function revokedOf(index: PkiIndex, now: number): ListPlan["revoked"] {
  return index.certificates.flatMap(({ serial, revoked, notAfter }) =>
    revoked === null || Date.parse(notAfter) + KEEP_REVOKED_MS < now
      ? []
      : [{ serial, at: Date.parse(revoked.at), reason: revoked.reason }],
  );
}

function namesOf(index: PkiIndex): string {
  const names = [...new Set(index.certificates.map(({ name }) => name))];
  if (names.length === 0) return "a name, and nothing is issued yet";
  return `one of: ${names.slice(0, 20).join(", ")}${names.length > 20 ? ", ..." : ""}`;
}

interface RowBase {
  readonly name: string;
  readonly kind: string;
  readonly serial: string;
  readonly identity: string;
  readonly role?: string | null;
  readonly box?: string | null;
}

function row(what: Row["what"], now: number, ends: number, base: RowBase): Row {
  const daysLeft = Math.floor((ends - now) / DAY_MS);
  const state = ends <= now ? "ended" : daysLeft < WARN_DAYS && !(what === "list" && daysLeft >= WARN_LIST_DAYS) ? "ends soon" : "good";
  const { name, kind, serial, identity, role = null, box = null } = base;
  return { what, name, kind, role, identity, serial, ends: iso(ends), daysLeft, state, box };
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
