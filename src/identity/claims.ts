/**
 * What a leaf claims: who its holder is and, where it carries the Modbus/TCP Security role extension, in which role. Exactly one claim of
 * each kind, in exactly one form; anything doubtful refuses the session with its own reason.
 *
 * @source RULINGS 17; Modbus/TCP Security Protocol Specification: one UTF8String, the entire string is the role
 */
import type { SessionEnd } from "#events";
import { err, ok, type Result } from "#wire";
import { type Certificate, utf8 } from "./certificate.ts";
import { contentOf, TAG, tlvAt } from "./der.ts";
import { isName, shown, spiffeName } from "./names.ts";

export interface Refusal {
  readonly reason: SessionEnd;
  /** For people: names the certificate, what was found and what is accepted. No secrets. */
  readonly words: string;
}

export interface Claim {
  /** `spiffe://plant.example/operator/alice` or `cn:alice`: what `may_identify` patterns are held against. */
  readonly claim: string;
  readonly name: string;
}

/** Octets of a role: a name (RULINGS 16) has no more. */
export const LONGEST_ROLE = 64;

export function refuse(reason: SessionEnd, words: string): { readonly ok: false; readonly error: Refusal } {
  return err({ reason, words });
}

export function identityOf(leaf: Certificate): Result<Claim, Refusal> {
  const [uri, second] = leaf.uris;
  if (uri !== undefined && second !== undefined) {
    return refuse("ambiguousIdentity", `it carries ${leaf.uris.length} URI names (${shown(uri)}, ${shown(second)}); accepted is one`);
  }
  if (uri !== undefined) {
    const name = spiffeName(uri);
    if (name !== null) return ok({ claim: uri, name });
    return refuse(
      "badIdentity",
      `its URI name ${shown(uri)} is no SPIFFE id (spiffe://lower-case.domain/segment/segment, segments of A-Z a-z 0-9 . _ -)`,
    );
  }
  const [cn, more] = leaf.commonNames;
  if (cn === undefined) return refuse("noIdentity", "it carries neither a SPIFFE id nor a common name");
  if (more !== undefined) return refuse("ambiguousIdentity", `it carries ${leaf.commonNames.length} common names; accepted is one`);
  if (cn.text === null) return refuse("badIdentity", "its common name is no UTF8String or PrintableString");
  if (!isName(cn.text)) return refuse("badIdentity", `its common name "${shown(cn.text)}" is no name (1 to 64 of A-Z a-z 0-9 _ . -)`);
  return ok({ claim: `cn:${cn.text}`, name: cn.text });
}

/** Null: it claims none, and bindings decide. */
export function roleOf(leaf: Certificate): Result<string | null, Refusal> {
  const [octets, second] = leaf.roles;
  if (octets === undefined) return ok(null);
  if (second !== undefined) return refuse("twoRoleExtensions", `it carries ${leaf.roles.length} role extensions; accepted is one`);
  const tlv = tlvAt(octets, 0);
  if (tlv === null) return refuse("roleExtensionMalformed", "its role extension holds raw octets; accepted is one UTF8String");
  if (tlv.tag !== TAG.utf8String) return refuse("roleWrongType", `its role is ${typeWords(tlv.tag)}; accepted is a UTF8String`);
  if (tlv.to !== octets.length) {
    const next = tlvAt(octets, tlv.to);
    if (next?.tag === TAG.utf8String && next.to === octets.length)
      return refuse("twoRoles", "its role extension holds two roles; accepted is one");
    return refuse("roleExtensionMalformed", "octets follow its role in the extension");
  }
  const length = tlv.to - tlv.from;
  if (length === 0) return refuse("roleEmpty", "its role is empty");
  if (length > LONGEST_ROLE) return refuse("roleOversize", `its role has ${length} octets; accepted are ${LONGEST_ROLE}`);
  const role = utf8(contentOf(octets, tlv));
  if (role === null) return refuse("roleExtensionMalformed", "its role is no UTF-8");
  if (!isName(role)) return refuse("roleExtensionMalformed", `its role "${shown(role)}" is no name (A-Z a-z 0-9 _ . -)`);
  return ok(role);
}

function typeWords(tag: number): string {
  switch (tag) {
    case TAG.printableString:
      return "a PrintableString";
    case TAG.ia5String:
      return "an IA5String";
    case 0x1e:
      return "a BMPString";
    case 0x14:
      return "a TeletexString";
    case TAG.octetString:
      return "an OCTET STRING";
    case TAG.sequence:
      return "a SEQUENCE";
    default:
      return `of ASN.1 type 0x${tag.toString(16)}`;
  }
}
