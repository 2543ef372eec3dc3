/**
 * Which signatures and keys are strong enough, for peers and for CAs alike.
 *
 * @source RULINGS 17: RSA 2048-4096, P-256, P-384, Ed25519; signatures with SHA-256 or better
 */
import { constants, type KeyObject, verify } from "node:crypto";
import { childrenOf, oidOf, TAG, type Tlv } from "./der.ts";

export interface SignatureAlgorithm {
  /** As people write it: `SHA-256 with RSA`. */
  readonly name: string;
  /** node:crypto's digest name, null where the algorithm has its own (Ed25519). */
  readonly digest: string | null;
  readonly pss: boolean;
  /** node:crypto's type of the key that makes it; "" where we do not know the algorithm. */
  readonly key: "rsa" | "ec" | "ed25519" | "";
  readonly strong: boolean;
}

const rsa = (name: string, digest: string, strong: boolean): SignatureAlgorithm => ({ name, digest, pss: false, key: "rsa", strong });
const ec = (name: string, digest: string, strong: boolean): SignatureAlgorithm => ({ name, digest, pss: false, key: "ec", strong });

const KNOWN: Readonly<Record<string, SignatureAlgorithm>> = {
  "1.2.840.113549.1.1.11": rsa("SHA-256 with RSA", "sha256", true),
  "1.2.840.113549.1.1.12": rsa("SHA-384 with RSA", "sha384", true),
  "1.2.840.113549.1.1.13": rsa("SHA-512 with RSA", "sha512", true),
  "1.2.840.10045.4.3.2": ec("ECDSA with SHA-256", "sha256", true),
  "1.2.840.10045.4.3.3": ec("ECDSA with SHA-384", "sha384", true),
  "1.2.840.10045.4.3.4": ec("ECDSA with SHA-512", "sha512", true),
  "1.3.101.112": { name: "Ed25519", digest: null, pss: false, key: "ed25519", strong: true },
  "1.2.840.113549.1.1.4": rsa("MD5 with RSA", "md5", false),
  "1.2.840.113549.1.1.5": rsa("SHA-1 with RSA", "sha1", false),
  "1.2.840.113549.1.1.14": rsa("SHA-224 with RSA", "sha224", false),
  "1.2.840.10045.4.1": ec("ECDSA with SHA-1", "sha1", false),
  "1.2.840.10045.4.3.1": ec("ECDSA with SHA-224", "sha224", false),
};
const RSASSA_PSS = "1.2.840.113549.1.1.10";
const PSS_DIGESTS: Readonly<Record<string, string>> = {
  "2.16.840.1.101.3.4.2.1": "sha256",
  "2.16.840.1.101.3.4.2.2": "sha384",
  "2.16.840.1.101.3.4.2.3": "sha512",
};

/** An AlgorithmIdentifier's meaning; null where it is malformed. An unknown one is not strong. */
export function signatureAlgorithmOf(octets: Uint8Array, tlv: Tlv): SignatureAlgorithm | null {
  if (tlv.tag !== TAG.sequence) return null;
  const parts = childrenOf(octets, tlv);
  const first = parts?.[0];
  if (parts === null || first === undefined || parts.length > 2) return null;
  const oid = oidOf(octets, first);
  if (oid === null) return null;
  if (oid === RSASSA_PSS) return pssOf(octets, parts[1]);
  return KNOWN[oid] ?? { name: `algorithm ${oid}`, digest: null, pss: false, key: "", strong: false };
}

/** Its digest stands in parameters whose default is SHA-1 (RFC 4055 3.1), so they must say another. */
function pssOf(octets: Uint8Array, parameters: Tlv | undefined): SignatureAlgorithm {
  const weak: SignatureAlgorithm = { name: "RSASSA-PSS with SHA-1", digest: "sha1", pss: true, key: "rsa", strong: false };
  if (parameters?.tag !== TAG.sequence) return weak;
  const tagged = childrenOf(octets, parameters)?.find((part) => part.tag === 0xa0);
  const hash = tagged === undefined ? undefined : childrenOf(octets, tagged)?.[0];
  const oid = hash === undefined ? undefined : childrenOf(octets, hash)?.[0];
  const digest = oid === undefined ? undefined : PSS_DIGESTS[oidOf(octets, oid) ?? ""];
  if (digest === undefined) return weak;
  return { name: `RSASSA-PSS with ${digest.replace("sha", "SHA-")}`, digest, pss: true, key: "rsa", strong: true };
}

/** Why a public key is not accepted, null where it is. */
export function weaknessOf(key: KeyObject): string | null {
  const details = key.asymmetricKeyDetails;
  switch (key.asymmetricKeyType) {
    case "rsa": {
      const bits = details?.modulusLength ?? 0;
      if (bits < 2048 || bits > 4096) return `an RSA key of ${bits} bits; accepted are 2048 to 4096`;
      return (details?.publicExponent ?? 0n) < 65537n ? "an RSA key with a public exponent below 65537" : null;
    }
    case "ec": {
      const curve = details?.namedCurve ?? "without a name";
      return curve === "prime256v1" || curve === "secp384r1" ? null : `a key on curve ${curve}; accepted are P-256 and P-384`;
    }
    case "ed25519":
      return null;
    default:
      return `a key of type ${key.asymmetricKeyType ?? "unknown"}; accepted are RSA, P-256, P-384 and Ed25519`;
  }
}

/** True when `signature` over `octets` is by `key`. A weak algorithm, a key of another kind, a malformed signature: false. */
export function isSignedBy(octets: Uint8Array, algorithm: SignatureAlgorithm, signature: Uint8Array, key: KeyObject): boolean {
  if (!algorithm.strong || key.asymmetricKeyType !== algorithm.key) return false;
  try {
    const options = algorithm.pss
      ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO }
      : { key, dsaEncoding: "der" as const };
    return verify(algorithm.digest, octets, options, signature);
  } catch {
    return false;
  }
}
