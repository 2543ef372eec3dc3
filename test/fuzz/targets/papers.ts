/** What the targets of certificates share: the corpus, and what its issuers signed. No key is left, so nothing else can be signed by them. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { readCertificate } from "#identity/certificate";
import { pemBlocks } from "#identity/pem";

/** All of the corpus is valid then. */
export const NOW = Date.UTC(2027, 0, 1);

export interface Paper {
  readonly der: Uint8Array;
  readonly pem: string;
}

export const CERTIFICATES = papersIn("certificates.pem");
export const LISTS = papersIn("lists.pem");
export const REQUESTS = papersIn("requests.pem");

/** The first four are the site's CAs. */
export const CA_COUNT = 4;
export const ALICE = 4;
/** Its serial stands in the list of its issuer. */
export const MALLORY = 7;

export function papersIn(name: string): readonly Paper[] {
  const text = readFileSync(path.join(import.meta.dirname, "../corpus", name), "utf8");
  return pemBlocks(text).map(({ der, pem }) => ({ der, pem }));
}

/**
 * What a signature of the corpus is over: the first element inside the outer one, as hex. Found here by its lengths alone (X.690 8.1.3), apart
 * from the reader under test.
 */
export function signedPart(der: Uint8Array): string {
  const from = contentAt(der, 0);
  return Buffer.from(der.subarray(from, contentAt(der, from) + lengthAt(der, from))).toString("hex");
}

function contentAt(der: Uint8Array, at: number): number {
  const first = der[at + 1] as number;
  return at + 2 + (first < 0x80 ? 0 : first & 0x7f);
}

function lengthAt(der: Uint8Array, at: number): number {
  const first = der[at + 1] as number;
  if (first < 0x80) return first;
  let length = 0;
  for (let i = at + 2; i < contentAt(der, at); i++) length = length * 256 + (der[i] as number);
  return length;
}

/** Readers give back octets that lie within what they were given. */
export function within(der: Uint8Array, part: Uint8Array): boolean {
  return part.buffer === der.buffer && part.byteOffset >= der.byteOffset && part.byteOffset + part.length <= der.byteOffset + der.length;
}

export function certificateOf(der: Uint8Array): NonNullable<ReturnType<typeof readAsCertificate>> {
  const read = readAsCertificate(der);
  if (read === null) throw new Error("a certificate of the corpus cannot be read");
  return read;
}

function readAsCertificate(der: Uint8Array) {
  const read = readCertificate(der);
  return read.ok ? read.value : null;
}
