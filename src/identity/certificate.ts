/**
 * One X.509 certificate, read from its DER by our own small reader: everything a judgement needs, as plain data.
 *
 *     Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signature BIT STRING }
 *     tbsCertificate ::= SEQUENCE { [0] version, serial, signature, issuer, validity, subject, subjectPublicKeyInfo, [3] extensions }
 *
 * @source RFC 5280 4.1; the role extension: Modbus/TCP Security Protocol Specification
 */
import { isUtf8 } from "node:buffer";
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { err, ok, type Result } from "#wire";
import { isSignedBy, type SignatureAlgorithm, signatureAlgorithmOf } from "./algorithms.ts";
import {
  bitOctetsOf,
  booleanOf,
  childrenOf,
  contentOf,
  encodingOf,
  flagsOf,
  integerHexOf,
  oidOf,
  smallIntegerOf,
  TAG,
  type Tlv,
  timeOf,
  wholeOf,
} from "./der.ts";
import { shown } from "./names.ts";

export const OID = {
  commonName: "2.5.4.3",
  organization: "2.5.4.10",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  crlNumber: "2.5.29.20",
  nameConstraints: "2.5.29.30",
  certificatePolicies: "2.5.29.32",
  authorityKeyIdentifier: "2.5.29.35",
  policyConstraints: "2.5.29.36",
  extendedKeyUsage: "2.5.29.37",
  inhibitAnyPolicy: "2.5.29.54",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  role: "1.3.6.1.4.1.50316.802.1",
} as const;

/** Critical extensions that we or OpenSSL judge; any other one refuses the certificate (RFC 5280 4.2). */
const UNDERSTOOD: ReadonlySet<string> = new Set([
  OID.keyUsage,
  OID.subjectAltName,
  OID.basicConstraints,
  OID.nameConstraints,
  OID.certificatePolicies,
  OID.policyConstraints,
  OID.extendedKeyUsage,
  OID.inhibitAnyPolicy,
]);

/** Flags of the key usage extension, RFC 5280 4.2.1.3. */
export const USAGE = { digitalSignature: 1, keyCertSign: 1 << 5, crlSign: 1 << 6 } as const;

/** A common name as written: its text, or null where its string type is none we accept. */
export interface CommonName {
  readonly text: string | null;
}

export interface Certificate {
  readonly der: Uint8Array;
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string;
  /** INTEGER content, lower-case hex. */
  readonly serial: string;
  /** The names' encodings in hex: equal names are equal octets (RFC 5280 4.1.2.4 has CAs copy them). */
  readonly issuer: string;
  readonly subject: string;
  /** For words: `CN=Plant CA`, else the first URI name. */
  readonly issuerWords: string;
  readonly subjectWords: string;
  readonly commonNames: readonly CommonName[];
  /** Wall milliseconds. Valid at notBefore, no longer at notAfter (as OpenSSL has it). */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Null: no key that this build of OpenSSL reads. */
  readonly key: KeyObject | null;
  /** SHA-256 of the SubjectPublicKeyInfo, hex. */
  readonly keyHash: string;
  readonly signed: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
  readonly isCa: boolean;
  readonly pathLength: number | null;
  /** Flags of USAGE; null where the extension is absent. */
  readonly keyUsage: number | null;
  readonly extendedKeyUsage: readonly string[] | null;
  /** Uniform resource identifiers of the subject alternative name. */
  readonly uris: readonly string[];
  /** The content of each role extension, as many as there are. */
  readonly roles: readonly Uint8Array[];
  /** An extension that stands twice, the role's apart. */
  readonly doubled: string | null;
  /** A critical extension nobody here understands. */
  readonly unknownCritical: string | null;
}

interface Extensions {
  isCa: boolean;
  pathLength: number | null;
  keyUsage: number | null;
  extendedKeyUsage: readonly string[] | null;
  uris: readonly string[];
  roles: Uint8Array[];
  doubled: string | null;
  unknownCritical: string | null;
}

/** @error one phrase that says which part is malformed; nothing is thrown */
export function readCertificate(der: Uint8Array): Result<Certificate, string> {
  const outer = wholeOf(der, TAG.sequence);
  const parts = outer === null ? null : childrenOf(der, outer);
  const [tbs, outerAlgorithm, signatureBits] = parts ?? [];
  if (parts?.length !== 3 || tbs?.tag !== TAG.sequence || outerAlgorithm === undefined || signatureBits === undefined)
    return err("its frame");
  const signature = bitOctetsOf(der, signatureBits);
  if (signature === null) return err("its signature");
  const fields = childrenOf(der, tbs);
  if (fields === null) return err("its body");
  const versioned = fields[0]?.tag === 0xa0;
  const version = versioned ? versionOf(der, fields[0] as Tlv) : 0;
  if (version === null) return err("its version");
  const [serialAt, algorithmAt, issuerAt, validityAt, subjectAt, keyAt, ...rest] = versioned ? fields.slice(1) : fields;
  if (serialAt === undefined || algorithmAt === undefined || issuerAt === undefined) return err("its body");
  if (validityAt === undefined || subjectAt === undefined || keyAt === undefined) return err("its body");
  const serial = integerHexOf(der, serialAt);
  if (serial === null) return err("its serial number");
  const algorithm = signatureAlgorithmOf(der, algorithmAt);
  if (algorithm === null || !same(encodingOf(der, algorithmAt), encodingOf(der, outerAlgorithm))) return err("its signature algorithm");
  const issuer = readName(der, issuerAt);
  const subject = readName(der, subjectAt);
  if (issuer === null || subject === null) return err("its names");
  const times = validityAt.tag === TAG.sequence ? childrenOf(der, validityAt) : null;
  const notBefore = times?.[0] === undefined ? null : timeOf(der, times[0]);
  const notAfter = times?.[1] === undefined ? null : timeOf(der, times[1]);
  if (times?.length !== 2 || notBefore === null || notAfter === null) return err("its validity");
  if (keyAt.tag !== TAG.sequence) return err("its key");
  const extensions = readExtensions(der, rest, version);
  if (!extensions.ok) return extensions;
  const spki = encodingOf(der, keyAt);
  return ok({
    der,
    fingerprint: sha256(der),
    serial,
    issuer: hex(encodingOf(der, issuerAt)),
    subject: hex(encodingOf(der, subjectAt)),
    issuerWords: issuer.words ?? "an issuer without names",
    subjectWords:
      subject.words ?? (extensions.value.uris[0] === undefined ? "a certificate without names" : shown(extensions.value.uris[0])),
    commonNames: subject.commonNames,
    notBefore,
    notAfter,
    key: readKey(spki),
    keyHash: sha256(spki),
    signed: encodingOf(der, tbs),
    algorithm,
    signature,
    ...extensions.value,
  });
}

/** True when `issuer`'s key made the signature of `certificate`; the names must chain too. */
export function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  if (certificate.issuer !== issuer.subject || issuer.key === null) return false;
  return isSignedBy(certificate.signed, certificate.algorithm, certificate.signature, issuer.key);
}

function versionOf(der: Uint8Array, tagged: Tlv): number | null {
  const parts = childrenOf(der, tagged);
  const version = parts?.length === 1 && parts[0] !== undefined ? smallIntegerOf(der, parts[0]) : null;
  return version === 1 || version === 2 ? version : null;
}

interface Name {
  /** Null: it has no attribute that people read. */
  readonly words: string | null;
  readonly commonNames: readonly CommonName[];
}

/** Name ::= SEQUENCE OF SET OF SEQUENCE { type OID, value }. */
export function readName(der: Uint8Array, tlv: Tlv): Name | null {
  const sets = tlv.tag === TAG.sequence ? childrenOf(der, tlv, 64) : null;
  if (sets === null) return null;
  const commonNames: CommonName[] = [];
  let fallback: string | null = null;
  for (const set of sets) {
    const attributes = set.tag === TAG.set ? childrenOf(der, set, 16) : null;
    if (attributes === null || attributes.length === 0) return null;
    for (const attribute of attributes) {
      const pair = attribute.tag === TAG.sequence ? childrenOf(der, attribute) : null;
      const type = pair?.[0] === undefined ? null : oidOf(der, pair[0]);
      const value = pair?.[1];
      if (pair?.length !== 2 || type === null || value === undefined) return null;
      const text = textOf(der, value);
      if (type === OID.commonName) commonNames.push({ text });
      else if (fallback === null && text !== null) fallback = type === OID.organization ? `O=${shown(text)}` : shown(text);
    }
  }
  const cn = commonNames[0];
  return { words: cn !== undefined ? `CN=${shown(cn.text ?? "?")}` : fallback, commonNames };
}

function textOf(der: Uint8Array, tlv: Tlv): string | null {
  if (tlv.tag !== TAG.utf8String && tlv.tag !== TAG.printableString) return null;
  return utf8(contentOf(der, tlv));
}

/** Null where the octets are no UTF-8. */
export function utf8(octets: Uint8Array): string | null {
  return isUtf8(octets) ? Buffer.from(octets).toString("utf8") : null;
}

/** Extensions ::= [3] SEQUENCE OF SEQUENCE { oid, critical BOOLEAN DEFAULT FALSE, value OCTET STRING }. */
function readExtensions(der: Uint8Array, rest: readonly Tlv[], version: number): Result<Extensions, string> {
  const found: Extensions = {
    isCa: false,
    pathLength: null,
    keyUsage: null,
    extendedKeyUsage: null,
    uris: [],
    roles: [],
    doubled: null,
    unknownCritical: null,
  };
  const tagged = rest.at(-1)?.tag === 0xa3 ? (rest.at(-1) as Tlv) : null;
  const ids = tagged === null ? rest : rest.slice(0, -1);
  if (ids.length > 2 || ids.some(({ tag }) => tag !== 0x81 && tag !== 0x82)) return err("its body");
  if (tagged === null) return ok(found);
  const lists = childrenOf(der, tagged);
  const list = lists?.length === 1 && lists[0]?.tag === TAG.sequence ? childrenOf(der, lists[0], 64) : null;
  if (list === null || version !== 2) return err("its extensions");
  const seen = new Set<string>();
  for (const each of list) {
    const extension = readExtension(der, each);
    if (extension === null) return err("its extensions");
    const { oid, critical, value } = extension;
    if (seen.has(oid) && oid !== OID.role) found.doubled ??= oid;
    seen.add(oid);
    if (critical && !UNDERSTOOD.has(oid)) found.unknownCritical ??= oid;
    const trouble = takeExtension(found, oid, value);
    if (trouble !== null) return err(trouble);
  }
  return ok(found);
}

export function readExtension(der: Uint8Array, tlv: Tlv): { oid: string; critical: boolean; value: Uint8Array } | null {
  const parts = tlv.tag === TAG.sequence ? childrenOf(der, tlv) : null;
  const oid = parts?.[0] === undefined ? null : oidOf(der, parts[0]);
  const last = parts?.at(-1);
  if (parts === null || oid === null || last?.tag !== TAG.octetString || parts.length < 2 || parts.length > 3) return null;
  const critical = parts.length === 3 ? booleanOf(der, parts[1] as Tlv) : false;
  return critical === null ? null : { oid, critical, value: contentOf(der, last) };
}

function takeExtension(found: Extensions, oid: string, value: Uint8Array): string | null {
  switch (oid) {
    case OID.basicConstraints:
      return takeBasicConstraints(found, value) ? null : "its basic constraints";
    case OID.keyUsage: {
      const bits = wholeOf(value, TAG.bitString);
      found.keyUsage = bits === null ? null : flagsOf(value, bits);
      return found.keyUsage === null ? "its key usage" : null;
    }
    case OID.extendedKeyUsage: {
      const list = wholeOf(value, TAG.sequence);
      const purposes = (list === null ? null : childrenOf(value, list))?.map((purpose) => oidOf(value, purpose));
      if (purposes === undefined || purposes.length === 0 || purposes.includes(null)) return "its extended key usage";
      found.extendedKeyUsage = purposes as string[];
      return null;
    }
    case OID.subjectAltName: {
      const list = wholeOf(value, TAG.sequence);
      const names = list === null ? null : childrenOf(value, list);
      if (names === null) return "its alternative names";
      const uris = names.filter(({ tag }) => tag === 0x86).map((name) => Buffer.from(contentOf(value, name)).toString("latin1"));
      found.uris = [...found.uris, ...uris];
      return null;
    }
    case OID.role:
      found.roles.push(value);
      return null;
    default:
      return null;
  }
}

/** SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER OPTIONAL }. */
function takeBasicConstraints(found: Extensions, value: Uint8Array): boolean {
  const list = wholeOf(value, TAG.sequence);
  const parts = list === null ? null : childrenOf(value, list);
  if (parts === null || parts.length > 2) return false;
  const [first, second] = parts;
  if (first === undefined) return true;
  const isCa = booleanOf(value, first);
  if (isCa === null) return false;
  found.isCa = isCa;
  if (second !== undefined) found.pathLength = smallIntegerOf(value, second);
  return second === undefined || found.pathLength !== null;
}

function readKey(spki: Uint8Array): KeyObject | null {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch {
    return null;
  }
}

function sha256(octets: Uint8Array): string {
  return createHash("sha256").update(octets).digest("hex");
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString("hex");
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
