/**
 * From a proven claim to roles. Made once per session: who a certificate or a source address says is asking, and which roles the policy gives
 * them. What was proven, and by which authority, is identity's business; here stands only what the policy makes of it.
 *
 * @source RULINGS 4 (a certificate role, where present, is the only role; otherwise the union of matching bindings), RULINGS 14, RULINGS 17
 */

import { isWithin } from "#documents/quantities";
import { isWriting } from "#operation";
import type { Binding, Policy } from "./model.ts";

export interface Claim {
  /** `spiffe:spiffe://plant.example/operator/alice` or `cn:alice@plant`; null for a plain connection. */
  readonly identity: string | null;
  /** Role of the Modbus/TCP Security extension, null where the certificate has none or its authority may not assert one. */
  readonly certificateRole: string | null;
  /** 4 or 16 octets; asked only where no identity was proven. */
  readonly source: Uint8Array | null;
  /** Milliseconds since the certificate's end; left out: it has not ended. */
  readonly endedMs?: number;
}

export interface Bound {
  /** Sorted, at least one, each once. */
  readonly roles: readonly string[];
  readonly kind: "person" | "machine";
  readonly mayWriteUnauthenticated: boolean;
  /** Of a certificate that has ended: milliseconds after its end until which its session may last. */
  readonly lastsMs?: number;
}

/** @returns `unknownRole`: the certificate names a role that no binding knows; `noRole`: nothing in the policy matches the claim. */
export function bind(policy: Policy, claim: Claim): Bound | "noRole" | "unknownRole" {
  const bindings = bindingsOf(policy, claim);
  return typeof bindings === "string" ? bindings : boundIfGood(policy, bindings, claim);
}

/**
 * The roles by which somebody may manage the gateway (RULINGS 27): those that bindings of persons give. A role that a machine's binding gives
 * beside them is not among them.
 *
 * @returns `notAPerson`: no binding of a person names the claim
 */
export function personRoles(policy: Policy, claim: Claim): readonly string[] | "noRole" | "unknownRole" | "notAPerson" {
  const bindings = bindingsOf(policy, claim);
  if (typeof bindings === "string") return bindings;
  const roles = new Set(bindings.filter(({ kind }) => kind === "person").map(({ role }) => role));
  return roles.size === 0 ? "notAPerson" : [...roles].sort();
}

function bindingsOf(policy: Policy, { certificateRole, identity, source }: Claim): readonly Binding[] | "noRole" | "unknownRole" {
  if (certificateRole !== null) {
    const bindings = policy.bindings.filter((binding) => binding.certificateRole === certificateRole);
    return bindings.length === 0 ? "unknownRole" : bindings;
  }
  const bindings = policy.bindings.filter((binding) => {
    if (identity !== null) return binding.identity !== null && matchesIdentity(binding.identity, identity);
    return source !== null && binding.source !== null && isWithin(binding.source, withoutMapping(source));
  });
  return bindings.length === 0 ? "noRole" : bindings;
}

/** What an ended certificate still gets, machines alone get (RULINGS 18), and only by the bindings that say so. */
function boundIfGood(policy: Policy, bindings: readonly Binding[], { endedMs }: Claim): Bound | "noRole" {
  if (endedMs === undefined) return boundBy(policy, bindings);
  const lasting = bindings.filter(({ expiredMs }) => expiredMs !== null && endedMs < expiredMs);
  if (lasting.length === 0 || bindings.some(({ kind }) => kind === "person")) return "noRole";
  return { ...boundBy(policy, lasting), lastsMs: Math.min(...lasting.map(({ expiredMs }) => expiredMs as number)) };
}

function boundBy(policy: Policy, bindings: readonly Binding[]): Bound {
  return {
    roles: [...new Set(bindings.map(({ role }) => role))].sort(),
    // The stricter of the two where bindings differ: what binds a person (idle time) binds a subject that may be one.
    kind: bindings.some(({ kind }) => kind === "person") ? "person" : "machine",
    mayWriteUnauthenticated: acceptsWrites(policy, bindings),
  };
}

/** One binding that accepts unproven writes does not open a role that another binding gave without accepting them. */
function acceptsWrites(policy: Policy, bindings: readonly Binding[]): boolean {
  const accepted = new Set(bindings.filter((binding) => binding.acceptUnauthenticated).map(({ role }) => role));
  return accepted.size > 0 && bindings.every(({ role }) => accepted.has(role) || !mayWrite(policy, role));
}

/** Does the role hold a rule that grants a write? */
export function mayWrite(policy: Policy, role: string): boolean {
  const rules = policy.roles.get(role)?.rules ?? [];
  return rules.some((rule) => rule.effect === "allow" && rule.verbs.some(isWriting));
}

/**
 * Does a binding's pattern match a proven identity?
 *
 * @param pattern   `spiffe://domain/segment/...` or `cn:name[@ca]`; `*` is one whole last segment. `cn:` without an authority matches any.
 * @param identity  typed, as in `Claim`.
 */
export function matchesIdentity(pattern: string, identity: string): boolean {
  if (identity.startsWith("spiffe:"))
    return pattern.startsWith("spiffe://") && matchesLastSegment(pattern, identity.slice("spiffe:".length));
  if (!identity.startsWith("cn:") || !pattern.startsWith("cn:")) return false;
  const claimed = splitCommonName(identity);
  const wanted = splitCommonName(pattern);
  if (wanted.ca !== null && wanted.ca !== claimed.ca) return false;
  return wanted.name === "*" ? claimed.name !== "" : wanted.name === claimed.name;
}

function matchesLastSegment(pattern: string, identity: string): boolean {
  if (!pattern.endsWith("/*")) return pattern === identity;
  const stem = pattern.slice(0, -1);
  const segment = identity.slice(stem.length);
  return identity.startsWith(stem) && segment !== "" && !segment.includes("/");
}

/** The authority stands after the last `@`: its name cannot hold one, a common name might. */
function splitCommonName(typed: string): { readonly name: string; readonly ca: string | null } {
  const at = typed.lastIndexOf("@");
  return at < 0 ? { name: typed.slice(3), ca: null } : { name: typed.slice(3, at), ca: typed.slice(at + 1) };
}

/** An IPv4 address that came in by an IPv6 socket (::ffff:a.b.c.d) is the IPv4 address. */
function withoutMapping(address: Uint8Array): Uint8Array {
  const mapped =
    address.length === 16 && address.subarray(0, 10).every((octet) => octet === 0) && address[10] === 0xff && address[11] === 0xff;
  return mapped ? address.subarray(12) : address;
}
