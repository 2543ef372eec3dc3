/** The making of certificates and revocation lists. What is made here is read back and checked by the code that will judge it. */
import { createPublicKey, type KeyObject, randomBytes, type webcrypto } from "node:crypto";
import type { Extension, JsonGeneralNames, X509CrlReason } from "@peculiar/x509";
import { type Certificate, isIssuedBy, OID, readCertificate } from "./certificate.ts";
import { isListOf, readRevocationList } from "./crl.ts";
import { TAG } from "./der.ts";
import { element, unsigned } from "./derWriter.ts";

export interface Signer {
  readonly certificate: Certificate;
  readonly key: KeyObject;
}

export interface Validity {
  /** Wall milliseconds; written in whole seconds. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface CaPlan extends Validity {
  readonly commonName: string;
  /** CAs allowed below it. */
  readonly pathLength: number;
}

export interface LeafPlan extends Validity {
  readonly commonName: string;
  /** SPIFFE id; null: the common name is the identity. */
  readonly uri: string | null;
  readonly dns: readonly string[];
  readonly ips: readonly string[];
  /** Modbus/TCP Security role, written as a UTF8String. */
  readonly role: string | null;
  readonly client: boolean;
  readonly server: boolean;
}

export interface ListPlan {
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly number: bigint;
  readonly revoked: readonly { readonly serial: string; readonly at: number; readonly reason: RevocationReason }[];
}

/** @source RFC 5280 5.3.1 */
export const REVOCATION_REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  privilegeWithdrawn: 9,
} as const satisfies Record<string, number>;
export type RevocationReason = keyof typeof REVOCATION_REASONS;

/** A CA's certificate for `key`; signed by itself where there is no signer. */
export async function makeCaCertificate(plan: CaPlan, key: KeyObject, signer: Signer | null): Promise<Certificate> {
  const x509 = await library();
  const usages = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign;
  const extensions = [new x509.BasicConstraintsExtension(true, plan.pathLength, true), new x509.KeyUsagesExtension(usages, true)];
  return make(plan, plan.commonName, createPublicKey(key), signer ?? { certificate: null, key }, extensions);
}

/** A certificate for the holder of `publicKey`. */
export async function makeLeafCertificate(plan: LeafPlan, publicKey: KeyObject, signer: Signer): Promise<Certificate> {
  const x509 = await library();
  const purposes = [...(plan.server ? [OID.serverAuth] : []), ...(plan.client ? [OID.clientAuth] : [])];
  const names: JsonGeneralNames = [
    ...(plan.uri === null ? [] : [{ type: "url" as const, value: plan.uri }]),
    ...plan.dns.map((value) => ({ type: "dns" as const, value })),
    ...plan.ips.map((value) => ({ type: "ip" as const, value })),
  ];
  const extensions: Extension[] = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(purposes),
  ];
  if (names.length > 0) extensions.push(new x509.SubjectAlternativeNameExtension(names));
  if (plan.role !== null) extensions.push(new x509.Extension(OID.role, false, element(TAG.utf8String, Buffer.from(plan.role, "utf8"))));
  return make(plan, plan.commonName, publicKey, signer, extensions);
}

/** A revocation list, DER. */
export async function makeRevocationList(plan: ListPlan, signer: Signer): Promise<Uint8Array> {
  const x509 = await library();
  const signing = signingOf(signer.key);
  const made = await x509.X509CrlGenerator.create({
    issuer: new x509.X509Certificate(Buffer.from(signer.certificate.der)).subjectName,
    thisUpdate: new Date(plan.thisUpdate),
    nextUpdate: new Date(plan.nextUpdate),
    signingAlgorithm: signing.algorithm,
    signingKey: signing.key,
    entries: plan.revoked.map(({ serial, at, reason }) => ({
      serialNumber: serial,
      revocationDate: new Date(at),
      // RFC 5280 5.3.1: "unspecified" is said by leaving the reason out.
      ...(reason === "unspecified" ? {} : { reason: REVOCATION_REASONS[reason] as X509CrlReason }),
    })),
    extensions: [
      await x509.AuthorityKeyIdentifierExtension.create(spkiOf(createPublicKey(signer.key))),
      new x509.Extension(OID.crlNumber, false, unsigned(plan.number)),
    ],
  });
  const der = new Uint8Array(made.rawData);
  const read = readRevocationList(der);
  if (!read.ok || !isListOf(read.value, signer.certificate)) throw new Error("the revocation list just made does not verify");
  return der;
}

async function make(
  validity: Validity,
  commonName: string,
  publicKey: KeyObject,
  signer: { readonly certificate: Certificate | null; readonly key: KeyObject },
  extensions: readonly Extension[],
): Promise<Certificate> {
  const x509 = await library();
  const signing = signingOf(signer.key);
  const subject = new x509.Name([{ CN: [{ utf8String: commonName }] }]);
  const made = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject,
    issuer: signer.certificate === null ? subject : new x509.X509Certificate(Buffer.from(signer.certificate.der)).subjectName,
    notBefore: new Date(validity.notBefore),
    notAfter: new Date(validity.notAfter),
    signingAlgorithm: signing.algorithm,
    signingKey: signing.key,
    publicKey: spkiOf(publicKey),
    extensions: [
      ...extensions,
      await x509.SubjectKeyIdentifierExtension.create(spkiOf(publicKey)),
      await x509.AuthorityKeyIdentifierExtension.create(spkiOf(createPublicKey(signer.key))),
    ],
  });
  const read = readCertificate(new Uint8Array(made.rawData));
  if (!read.ok || !isIssuedBy(read.value, signer.certificate ?? read.value)) throw new Error("the certificate just made does not verify");
  return read.value;
}

/** 127 random bits, positive, always 16 octets. */
function randomSerial(): string {
  const octets = randomBytes(16);
  octets[0] = ((octets[0] as number) & 0x3f) | 0x40;
  return octets.toString("hex");
}

/** Our own CAs have P-256 keys. */
function signingOf(key: KeyObject): {
  readonly key: webcrypto.CryptoKey;
  readonly algorithm: { readonly name: string; readonly hash: string };
} {
  return { key: key.toCryptoKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]), algorithm: { name: "ECDSA", hash: "SHA-256" } };
}

function spkiOf(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: "spki", format: "der" });
}

/** Loaded when something is issued: it takes a sixth of a second, and a gateway only judges. Its metadata library must come first. */
async function library(): Promise<typeof import("@peculiar/x509")> {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}
