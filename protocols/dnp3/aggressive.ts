/**
 * Secure authentication's aggressive mode: who asks stands as the first object of a request, and the proof of it as the last. What is asked stands
 * between them, and is what it would be without them.
 *
 * @source IEEE 1815-2012 clause 7 (SAv5); RULINGS 36
 */
import { decodeFragment, type Fragment, type ObjectHeader, REQUEST_HEADER } from "./application.ts";
import { announces, proves } from "./objects/g120.ts";

/** Does it say first who asks? */
export function isAggressive({ headers: [first] }: Fragment): boolean {
  return first !== undefined && announces(first.group, first.variation);
}

/** What is asked, without who asks and the proof. */
export function askedIn(fragment: Fragment): readonly ObjectHeader[] {
  const { headers } = fragment;
  if (!isAggressive(fragment)) return headers;
  const last = headers.at(-1) as ObjectHeader;
  return headers.slice(1, proves(last.group, last.variation) ? -1 : headers.length);
}

/** Octets of what is asked: from where, and how many. */
export interface Span {
  readonly at: number;
  readonly length: number;
}

/** @param length octets of the whole fragment from `at`; of one that cannot be read, all behind its header are told */
export function spanOf(octets: Uint8Array, at: number, length: number): Span {
  const from = at + REQUEST_HEADER;
  if (length >= REQUEST_HEADER + 2 && announces(octets[from] as number, octets[from + 1] as number)) {
    const decoded = decodeFragment(octets, at, length);
    if (decoded.ok && decoded.value.fault === null) return spanAsked(decoded.value);
  }
  return { at: from, length: length - REQUEST_HEADER };
}

/** Of a fragment that was read. */
export function spanAsked(fragment: Fragment): Span {
  const asked = askedIn(fragment);
  const [first, last] = [asked[0], asked.at(-1)];
  if (first === undefined || last === undefined || !isAggressive(fragment))
    return { at: fragment.at + REQUEST_HEADER, length: fragment.length - REQUEST_HEADER };
  return { at: first.at, length: last.end - first.at };
}
