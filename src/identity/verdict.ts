/** OpenSSL's verdict in our words, for what our own judgement found nothing against. */
import type { SessionEnd } from "#events";
import type { Refusal } from "./claims.ts";

/** Codes of node:tls `authorizationError`; it says UNSPECIFIED where OpenSSL's own code has no name in Node. */
const REASONS: Readonly<Record<string, SessionEnd>> = {
  CERT_HAS_EXPIRED: "certificateExpired",
  CERT_NOT_YET_VALID: "certificateNotYetValid",
  CERT_REVOKED: "certificateRevoked",
  DEPTH_ZERO_SELF_SIGNED_CERT: "selfSigned",
  SELF_SIGNED_CERT_IN_CHAIN: "unknownCa",
  UNABLE_TO_GET_ISSUER_CERT: "unknownCa",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "unknownCa",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "unknownCa",
  CERT_UNTRUSTED: "unknownCa",
  CERT_CHAIN_TOO_LONG: "chainTooLong",
  INVALID_PURPOSE: "wrongKeyUsage",
};

export function refusalOf(verdict: string): Refusal {
  const code = /^[A-Z0-9_]{1,64}$/.test(verdict) ? verdict : "UNSPECIFIED";
  return { reason: REASONS[code] ?? "chainInvalid", words: `OpenSSL refuses its chain (${code})` };
}

/** Verdicts that say nothing but that the machine's clock lies outside a certificate's time. */
const OF_TIME: ReadonlySet<string> = new Set(["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"]);

export function isOfTime(verdict: string): boolean {
  return OF_TIME.has(verdict);
}
