/**
 * A revocation list: read from DER, its signature checked when it is loaded, its serials looked up afterwards.
 *
 *     CertificateList ::= SEQUENCE { tbsCertList, signatureAlgorithm, signature BIT STRING }
 *     tbsCertList ::= SEQUENCE { version, signature, issuer, thisUpdate, nextUpdate, revokedCertificates SEQUENCE OF, [0] extensions }
 *
 * Whole lists only: a delta, an indirect or a partial one has a critical extension (RFC 5280 5.2) and is refused, because reading it as a
 * whole list would let revoked certificates in.
 *
 * @source RFC 5280 5.1 to 5.3
 */
import { err, ok, type Result } from "#wire";
import { isSignedBy, type SignatureAlgorithm, signatureAlgorithmOf, weaknessOf } from "./algorithms.ts";
import { type Certificate, OID, readExtension, readName, USAGE } from "./certificate.ts";
import { bitOctetsOf, childrenOf, encodingOf, integerHexOf, TAG, type Tlv, timeOf, wholeOf } from "./der.ts";

export interface RevocationList {
  /** The issuer's name, hex of its encoding. */
  readonly issuer: string;
  readonly issuerWords: string;
  /** Wall milliseconds. Past nextUpdate a list still applies (RULINGS 18). */
  readonly thisUpdate: number;
  readonly nextUpdate: number | null;
  /** CRL number, null where there is none; a newer list has a larger one. */
  readonly number: bigint | null;
  /** Serial (hex as in a certificate) -> wall milliseconds of its revocation. A hold counts as revoked. */
  readonly revoked: ReadonlyMap<string, number>;
  readonly signed: Uint8Array;
  readonly algorithm: SignatureAlgorithm;
  readonly signature: Uint8Array;
}

/** Serials one list may hold: far above a plant's; reading them takes a third of a second, in which nothing else is done. */
export const MOST_REVOKED = 50_000;

/** @error one phrase that says what is wrong with it */
export function readRevocationList(der: Uint8Array): Result<RevocationList, string> {
  const outer = wholeOf(der, TAG.sequence);
  const [tbs, outerAlgorithm, signatureBits, ...more] = (outer === null ? null : childrenOf(der, outer)) ?? [];
  if (tbs?.tag !== TAG.sequence || outerAlgorithm === undefined || signatureBits === undefined || more.length > 0)
    return err("its frame is malformed");
  const signature = bitOctetsOf(der, signatureBits);
  const fields = childrenOf(der, tbs) ?? [];
  if (fields[0]?.tag === TAG.integer) fields.shift();
  const [algorithmAt, issuerAt, thisAt, ...rest] = fields;
  if (signature === null || algorithmAt === undefined || issuerAt === undefined || thisAt === undefined)
    return err("its body is malformed");
  const algorithm = signatureAlgorithmOf(der, algorithmAt);
  const agreed = Buffer.compare(encodingOf(der, algorithmAt), encodingOf(der, outerAlgorithm)) === 0;
  const name = readName(der, issuerAt);
  const thisUpdate = timeOf(der, thisAt);
  if (algorithm === null || !agreed || name === null || thisUpdate === null) return err("its body is malformed");
  let nextUpdate: number | null = null;
  if (rest[0]?.tag === TAG.utcTime || rest[0]?.tag === TAG.generalizedTime) {
    nextUpdate = timeOf(der, rest.shift() as Tlv);
    if (nextUpdate === null) return err("its next update is malformed");
  }
  let revoked: Map<string, number> | null = new Map();
  if (rest[0]?.tag === TAG.sequence) revoked = readRevoked(der, rest.shift() as Tlv);
  if (revoked === null) return err(`its entries are malformed, more than ${MOST_REVOKED}, or of another issuer`);
  let number: bigint | null = null;
  if (rest[0]?.tag === 0xa0) {
    const extensions = readExtensions(der, rest.shift() as Tlv);
    if (!extensions.ok) return extensions;
    number = extensions.value;
  }
  if (rest.length > 0) return err("its body is malformed");
  return ok({
    issuer: Buffer.from(encodingOf(der, issuerAt)).toString("hex"),
    issuerWords: name.words ?? "an issuer without names",
    thisUpdate,
    nextUpdate,
    number,
    revoked,
    signed: encodingOf(der, tbs),
    algorithm,
    signature,
  });
}

/** True when `issuer` may sign lists and signed this one with a strong key. */
export function isListOf(list: RevocationList, issuer: Certificate): boolean {
  if (list.issuer !== issuer.subject || issuer.key === null || weaknessOf(issuer.key) !== null) return false;
  if (issuer.keyUsage !== null && (issuer.keyUsage & USAGE.crlSign) === 0) return false;
  return isSignedBy(list.signed, list.algorithm, list.signature, issuer.key);
}

function readRevoked(der: Uint8Array, tlv: Tlv): Map<string, number> | null {
  const entries = childrenOf(der, tlv, MOST_REVOKED);
  if (entries === null) return null;
  const revoked = new Map<string, number>();
  for (const entry of entries) {
    const [serialAt, dateAt, extensionsAt, ...more] = (entry.tag === TAG.sequence ? childrenOf(der, entry) : null) ?? [];
    if (serialAt === undefined || dateAt === undefined || more.length > 0) return null;
    const serial = integerHexOf(der, serialAt);
    const date = timeOf(der, dateAt);
    if (serial === null || date === null) return null;
    if (extensionsAt !== undefined && !onlyKnown(der, extensionsAt)) return null;
    revoked.set(serial, date);
  }
  return revoked;
}

/** An entry's critical extension would say that it is of another issuer than the list's. */
function onlyKnown(der: Uint8Array, tlv: Tlv): boolean {
  const extensions = tlv.tag === TAG.sequence ? childrenOf(der, tlv) : null;
  if (extensions === null) return false;
  return extensions.every((each) => readExtension(der, each)?.critical === false);
}

/** The CRL number, null where there is none. */
function readExtensions(der: Uint8Array, tagged: Tlv): Result<bigint | null, string> {
  const lists = childrenOf(der, tagged);
  const list = lists?.length === 1 && lists[0]?.tag === TAG.sequence ? childrenOf(der, lists[0]) : null;
  if (list === null) return err("its extensions are malformed");
  let number: bigint | null = null;
  for (const each of list) {
    const extension = readExtension(der, each);
    if (extension === null) return err("its extensions are malformed");
    if (extension.critical)
      return err(`it is partial, a delta or indirect (critical extension ${extension.oid}); only whole lists are read`);
    if (extension.oid !== OID.crlNumber) continue;
    const integer = wholeOf(extension.value, TAG.integer);
    const text = integer === null ? null : integerHexOf(extension.value, integer);
    if (text === null) return err("its number is malformed");
    number = BigInt(`0x${text}`);
  }
  return ok(number);
}
