/**
 * A CA's private key under a passphrase, as any tool reads it (PKCS#8 `ENCRYPTED PRIVATE KEY`). node:crypto writes that container too, but
 * with 2,048 rounds of PBKDF2, which a stolen disk does not hold against a passphrase people can remember; so the container is written here.
 *
 *     SEQUENCE { PBES2 { PBKDF2 { salt, rounds, hmacWithSHA256 }, AES-256-CBC { iv } }, OCTET STRING encrypted PKCS#8 }
 *
 * @source RFC 8018 6.2, A.2, A.4; RFC 5958
 */
import { createCipheriv, createPrivateKey, type KeyObject, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { element, objectIdentifier, octetString, sequence, unsigned } from "./derWriter.ts";
import { toPem } from "./pem.ts";
import { PkiProblem } from "./problem.ts";

/** What PBKDF2-HMAC-SHA256 is recommended with (OWASP, 2023); a third of a second on a small board. */
const ROUNDS = 600_000;
/** Characters of a passphrase at least. */
export const SHORTEST_PASSPHRASE = 12;

export async function sealKey(key: KeyObject, passphrase: string): Promise<string> {
  if (passphrase.length < SHORTEST_PASSPHRASE) {
    throw new PkiProblem(`found a passphrase of ${passphrase.length} characters for the CA key; expected at least ${SHORTEST_PASSPHRASE}`);
  }
  const salt = randomBytes(16);
  const iv = randomBytes(16);
  const secret = await promisify(pbkdf2)(passphrase, salt, ROUNDS, 32, "sha256");
  const plain = key.export({ type: "pkcs8", format: "der" });
  const cipher = createCipheriv("aes-256-cbc", secret, iv);
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  plain.fill(0);
  secret.fill(0);
  const prf = sequence(objectIdentifier("1.2.840.113549.2.9"), element(0x05));
  const derivation = sequence(objectIdentifier("1.2.840.113549.1.5.12"), sequence(octetString(salt), unsigned(ROUNDS), prf));
  const encryption = sequence(objectIdentifier("2.16.840.1.101.3.4.1.42"), octetString(iv));
  const scheme = sequence(objectIdentifier("1.2.840.113549.1.5.13"), sequence(derivation, encryption));
  return toPem("ENCRYPTED PRIVATE KEY", sequence(scheme, octetString(sealed)));
}

export function isSealed(pem: string): boolean {
  return pem.includes("-----BEGIN ENCRYPTED PRIVATE KEY-----") || pem.includes("Proc-Type: 4,ENCRYPTED");
}

/** @throws PkiProblem that says whether the passphrase is missing or wrong */
export function openKey(pem: string, passphrase: string | null, file: string): KeyObject {
  if (isSealed(pem) && passphrase === null) throw new PkiProblem(`${file}: the CA key is sealed; its passphrase is needed`);
  try {
    return createPrivateKey(passphrase === null || !isSealed(pem) ? pem : { key: pem, passphrase });
  } catch {
    throw new PkiProblem(`${file}: ${isSealed(pem) ? "the passphrase does not open this key" : "no private key in PEM"}`);
  }
}
