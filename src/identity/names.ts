/**
 * Who a certificate says its holder is, in the only two forms that are accepted, and the patterns that say which a CA may name.
 *
 *     spiffe://plant.example/operator/alice      identity  spiffe:spiffe://plant.example/operator/alice
 *     CN=alice under the CA "plant"              identity  cn:alice@plant
 *
 * @source RULINGS 16 (names), 17 (typed identities); SPIFFE-ID, sections 2.1 to 2.3, narrowed: a path is required, 255 octets at most
 */

const NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const TRUST_DOMAIN = /^[a-z0-9._-]{1,128}$/;
const SEGMENT = /^[A-Za-z0-9._-]{1,64}$/;
const LONGEST = 255;
const SCHEME = "spiffe://";

export function isName(text: string): boolean {
  return NAME.test(text);
}

/** A string of a peer as a log line may show it: ASCII without controls, 80 characters at most. */
export function shown(text: string): string {
  const safe = text.replace(/[^\x20-\x7e]/g, (c) => `\\u{${(c.codePointAt(0) as number).toString(16).padStart(4, "0")}}`);
  return safe.length > 80 ? `${safe.slice(0, 77)}...` : safe;
}

/**
 * The last segment of a strict SPIFFE id: what a person reads. Null: no such id. Upper case in the trust domain, a port, user information,
 * query, fragment, percent sign, empty or dotted segment all make it none.
 */
export function spiffeName(uri: string): string | null {
  if (!uri.startsWith(SCHEME) || uri.length > LONGEST) return null;
  const [domain, ...segments] = uri.slice(SCHEME.length).split("/");
  if (domain === undefined || !TRUST_DOMAIN.test(domain) || segments.length === 0) return null;
  for (const segment of segments) if (!SEGMENT.test(segment) || segment === "." || segment === "..") return null;
  return segments.at(-1) as string;
}

/** `spiffe://plant.example/operator/*`, `spiffe://plant.example/scada/main`, `cn:*`, `cn:alice`: `*` is one whole last segment. */
export function isPattern(pattern: string): boolean {
  const whole = pattern.endsWith("*") ? `${pattern.slice(0, -1)}x` : pattern;
  return whole.startsWith("cn:")
    ? isName(whole.slice(3)) && /^cn:(\*|[^*]+)$/.test(pattern)
    : spiffeName(whole) !== null && /(\/\*|[^*])$/.test(pattern);
}

/** `claim` is `spiffe://...` or `cn:alice`. */
export function covers(pattern: string, claim: string): boolean {
  if (!pattern.endsWith("*")) return pattern === claim;
  const prefix = pattern.slice(0, -1);
  return claim.startsWith(prefix) && claim.length > prefix.length && !claim.includes("/", prefix.length);
}
