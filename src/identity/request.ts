/**
 * A certificate signing request (PKCS#10): proof that somebody holds a key. Only the key is taken from it; who its holder is, in which role
 * and for how long is decided by whoever runs the CA, never by the request.
 *
 *     SEQUENCE { SEQUENCE { version 0, subject, subjectPublicKeyInfo, [0] attributes }, signatureAlgorithm, signature BIT STRING }
 *
 * @source RFC 2986 4
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import { err, ok, type Result } from "#wire";
import { isSignedBy, signatureAlgorithmOf, weaknessOf } from "./algorithms.ts";
import { readName } from "./certificate.ts";
import { bitOctetsOf, childrenOf, encodingOf, smallIntegerOf, TAG, wholeOf } from "./der.ts";

export interface SigningRequest {
  readonly key: KeyObject;
  /** What it asked to be called, for people to see; it decides nothing. */
  readonly subjectWords: string;
}

/** @error one phrase: malformed, a weak key, or a signature its key did not make */
export function readRequest(der: Uint8Array): Result<SigningRequest, string> {
  const outer = wholeOf(der, TAG.sequence);
  const [info, algorithmAt, signatureAt, ...more] = (outer === null ? null : childrenOf(der, outer)) ?? [];
  if (info?.tag !== TAG.sequence || algorithmAt === undefined || signatureAt === undefined || more.length > 0)
    return err("it is malformed");
  const [versionAt, subjectAt, keyAt] = childrenOf(der, info) ?? [];
  const algorithm = signatureAlgorithmOf(der, algorithmAt);
  const signature = bitOctetsOf(der, signatureAt);
  if (versionAt === undefined || smallIntegerOf(der, versionAt) !== 0 || algorithm === null || signature === null)
    return err("it is malformed");
  const name = subjectAt === undefined ? null : readName(der, subjectAt);
  if (name === null || keyAt?.tag !== TAG.sequence) return err("it is malformed");
  const key = keyOf(encodingOf(der, keyAt));
  if (key === null) return err("its key is of no kind this build reads");
  const weakness = weaknessOf(key);
  if (weakness !== null) return err(`it has ${weakness}`);
  if (!algorithm.strong) return err(`it is signed by ${algorithm.name}; accepted is SHA-256 or better`);
  if (!isSignedBy(encodingOf(der, info), algorithm, signature, key)) return err("it is not signed by its own key");
  return ok({ key, subjectWords: name.words ?? "nobody" });
}

function keyOf(spki: Uint8Array): KeyObject | null {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch {
    return null;
  }
}
