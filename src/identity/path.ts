/**
 * From a leaf up to a root this site holds: which certificates vouch for it, and under which of the site's CAs it stands.
 *
 *     leaf -> intermediate (as presented, or held) -> ... -> root (held)
 *
 * INVARIANT: a held certificate is preferred to a presented one of the same name, so a client cannot choose under which CA it stands; the CA
 * is the one whose certificate is met first on the way up.
 */
import { ok, type Result } from "#wire";
import { weaknessOf } from "./algorithms.ts";
import { type Certificate, isIssuedBy, USAGE } from "./certificate.ts";
import { type Refusal, refuse } from "./claims.ts";

/** A CA certificate of this site, and the site's name for the CA it belongs to. */
export interface Held {
  readonly ca: string;
  readonly certificate: Certificate;
}

/** Leaf and root included (RULINGS 17). */
export const LONGEST_CHAIN = 4;
/** Octets of all presented certificates together (RULINGS 17). */
export const MOST_CHAIN_OCTETS = 16_384;

export interface Path {
  /** Leaf first, root last. */
  readonly certificates: readonly Certificate[];
  readonly ca: string;
}

/** `held` by subject. Signatures are verified with strong keys only: a key a peer brought is measured before it is used. */
export function buildPath(
  leaf: Certificate,
  presented: readonly Certificate[],
  held: ReadonlyMap<string, readonly Held[]>,
  wallMs: number,
): Result<Path, Refusal> {
  const certificates: Certificate[] = [leaf];
  let ca: string | null = heldAs(leaf, held);
  for (let current = leaf; ; ) {
    if (current.issuer === current.subject && heldAs(current, held) !== null) return ok({ certificates, ca: ca as string });
    if (certificates.length === LONGEST_CHAIN) return refuse("chainTooLong", `its chain has more than ${LONGEST_CHAIN} certificates`);
    if (!current.algorithm.strong)
      return refuse("weakKey", `${current.subjectWords} is signed by ${current.algorithm.name}; accepted is SHA-256 or better`);
    const ours = held.get(current.issuer) ?? [];
    const candidates = [
      ...ours.map((each) => each.certificate),
      ...presented.filter((each) => each.subject === current.issuer && each !== current),
    ];
    const issuers: Certificate[] = [];
    for (const candidate of candidates) {
      const weakness = candidate.key === null ? "a key this build cannot read" : weaknessOf(candidate.key);
      if (weakness !== null) return refuse("weakKey", `${candidate.subjectWords} has ${weakness}`);
      if (isIssuedBy(current, candidate)) issuers.push(candidate);
    }
    const issuer = issuers.find((each) => each.notBefore <= wallMs && wallMs < each.notAfter) ?? issuers[0];
    if (issuer === undefined) return notIssued(current, leaf, ours.length > 0);
    ca ??= heldAs(issuer, held);
    certificates.push(issuer);
    current = issuer;
  }
}

export function heldAs(certificate: Certificate, held: ReadonlyMap<string, readonly Held[]>): string | null {
  return held.get(certificate.subject)?.find((each) => each.certificate.fingerprint === certificate.fingerprint)?.ca ?? null;
}

/** CA flags of all above the leaf; what OpenSSL judges too, said in our words. */
export function judgeIssuers(path: Path): Refusal | null {
  for (const [i, issuer] of path.certificates.entries()) {
    if (i === 0) continue;
    const words = issuer.subjectWords;
    if (!issuer.isCa) return { reason: "chainInvalid", words: `${words} issued a certificate and is no CA` };
    if (issuer.keyUsage !== null && (issuer.keyUsage & USAGE.keyCertSign) === 0) {
      return { reason: "chainInvalid", words: `${words} may not sign certificates (key usage)` };
    }
    if (issuer.pathLength !== null && issuer.pathLength < i - 1) {
      return { reason: "chainInvalid", words: `${words} allows ${issuer.pathLength} CAs below it; there are ${i - 1}` };
    }
  }
  return null;
}

function notIssued(current: Certificate, leaf: Certificate, impostor: boolean): { readonly ok: false; readonly error: Refusal } {
  if (impostor)
    return refuse("unknownCa", `${current.subjectWords} names ${current.issuerWords} as its issuer and is not signed by its key`);
  if (current === leaf && current.issuer === current.subject) return refuse("selfSigned", `${current.subjectWords} is signed by itself`);
  return refuse("unknownCa", `${current.subjectWords} is issued by ${current.issuerWords}, which is no CA of this site`);
}
