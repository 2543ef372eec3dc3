/** `bindings`: which proven claim gets which role (RULINGS 4, 14, 17, 25). */
import { PREFIX_IS, readPrefix } from "#documents/quantities";
import { isName } from "#documents/shape";
import type { Path } from "#documents/yaml";
import type { Desk } from "./loadDesk.ts";
import type { Binding } from "./model.ts";
import type { BindingDocument } from "./schema.ts";

const CLAIMS = ["identity", "certificate_role", "source"] as const;

export function loadBindings(desk: Desk, documents: readonly BindingDocument[], roles: readonly string[]): Binding[] {
  const bindings: Binding[] = [];
  const seen = new Map<string, number>();
  documents.forEach((document, i) => {
    const path = ["bindings", i];
    const before = desk.problems.length;
    const binding = loadBinding(desk, document, path, i, roles);
    if (binding === null || desk.problems.length > before) return;
    const claim = `${binding.role} ${binding.identity ?? ""} ${binding.certificateRole ?? ""} ${binding.source?.text ?? ""}`;
    const earlier = seen.get(claim);
    if (earlier === undefined) seen.set(claim, binding.line);
    else desk.refuse(path, `each binding once; the first is on line ${earlier}`, "the same binding a second time");
    bindings.push(binding);
  });
  return bindings;
}

function loadBinding(desk: Desk, document: BindingDocument, path: Path, order: number, roles: readonly string[]): Binding | null {
  if (!roles.includes(document.role)) desk.unknown([...path, "role"], 0, document.role, "the name of a role", roles);
  const stated = CLAIMS.filter((key) => document[key] !== undefined);
  if (stated.length === 0) {
    desk.refuse(path, "one of: identity, certificate_role, source", "a binding that names nobody");
    return null;
  }
  if (stated.length > 1) {
    desk.refuseKey([...path, stated[1] as string], "one binding for each", `both ${stated.join(" and ")}`);
    return null;
  }
  const { identity, certificate_role: certificateRole, source, kind } = document;
  if (identity?.startsWith("cn:")) checkCommonName(desk, identity, [...path, "identity"]);
  else if (identity !== undefined) checkSpiffe(desk, identity, [...path, "identity"]);
  if (certificateRole !== undefined && /\s/.test(certificateRole))
    desk.refuse([...path, "certificate_role"], "a role without spaces, as the certificate has it");
  const prefix = source === undefined ? null : readPrefix(source);
  if (typeof prefix === "string") desk.refuse([...path, "source"], prefix === PREFIX_IS ? PREFIX_IS : prefix);
  if (source === undefined && kind === undefined) desk.missing(path, "kind", "kind: person or kind: machine");
  if (source !== undefined && kind === "person") desk.refuse([...path, "kind"], "kind: machine, for an address proves no person");
  if (source === undefined && document.accept_unauthenticated !== undefined)
    desk.refuseKey([...path, "accept_unauthenticated"], "accept_unauthenticated only with source: a certificate is authentication");
  if (document.expired !== undefined && (source !== undefined || kind === "person"))
    desk.refuseKey([...path, "expired"], "expired only with kind: machine and a certificate: a person renews theirs");
  const place = desk.document.place(path);
  return {
    order,
    line: place.line,
    column: place.column,
    role: document.role,
    identity: identity ?? null,
    certificateRole: certificateRole ?? null,
    source: prefix === null || typeof prefix === "string" ? null : prefix,
    kind: kind ?? "machine",
    acceptUnauthenticated: document.accept_unauthenticated === true,
    expiredMs: document.expired ?? null,
  };
}

const SPIFFE = /^spiffe:\/\/([^/]*)(?:\/(.*))?$/;
const DOMAIN = /^[a-z0-9](?:[a-z0-9._-]{0,253}[a-z0-9])?$/;
const SEGMENT = /^[A-Za-z0-9._-]{1,128}$/;
/** SPIFFE-ID 2.4 has 2048 octets as the longest a reader must take. */
const LONGEST = 2048;

/** Patterns are as narrow as they look: `*` is one whole last segment, and nothing else is special. */
function checkSpiffe(desk: Desk, identity: string, path: Path): void {
  const parts = SPIFFE.exec(identity);
  if (parts === null || identity.length > LONGEST) {
    desk.refuse(path, "spiffe://domain/path or cn:name[@ca]");
    return;
  }
  const domain = parts[1] as string;
  if (!DOMAIN.test(domain)) desk.refuse(path, "a trust domain in lower case, such as spiffe://plant.example/operator/*");
  const segments = parts[2] === undefined ? [] : parts[2].split("/");
  if (segments.length === 0) desk.refuse(path, "a path after the trust domain, such as /operator/*");
  segments.forEach((segment, i) => {
    const last = i === segments.length - 1;
    if (segment === "*" && last) return;
    if (segment.includes("*")) desk.refuse(path, "* only as one whole last segment");
    else if (segment === "." || segment === "..") desk.refuse(path, "segments other than . and ..");
    else if (!SEGMENT.test(segment)) desk.refuse(path, "segments of letters, digits, . _ -");
  });
}

function checkCommonName(desk: Desk, identity: string, path: Path): void {
  const [name = "", ca, ...more] = identity.slice("cn:".length).split("@");
  if (name.includes("*") && name !== "*") desk.refuse(path, "* only as the whole name, such as cn:*@plant");
  else if (name !== "*" && !isName(name)) desk.refuse(path, "cn:name[@ca] with a name of letters, digits, . _ -");
  if (more.length > 0 || (ca !== undefined && !isName(ca))) desk.refuse(path, "the name of an authority of the site after the @");
}
