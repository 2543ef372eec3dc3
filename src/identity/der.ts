/**
 * A reader of DER (X.690): what a certificate, a revocation list or a request is written in. Only what those need: tags below 31, definite
 * lengths in their shortest form. It returns null at anything else; nothing is thrown at what a peer sent.
 *
 *     tag (1) | length: 0..127, or 0x81 n, 0x82 n n, 0x83 n n n | content
 */

/** One element: `at` is its tag's offset, content lies from `from` up to `to`, which is also its end. */
export interface Tlv {
  readonly tag: number;
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The element that starts at `at` and ends no later than `end`. */
export function tlvAt(octets: Uint8Array, at: number, end: number = octets.length): Tlv | null {
  if (at < 0 || end > octets.length || at + 2 > end) return null;
  const tag = octets[at] as number;
  if ((tag & 0x1f) === 0x1f) return null;
  const first = octets[at + 1] as number;
  if (first < 0x80) return at + 2 + first <= end ? { tag, at, from: at + 2, to: at + 2 + first } : null;
  const count = first & 0x7f;
  if (count < 1 || count > 3 || at + 2 + count > end) return null;
  let length = 0;
  for (let i = 0; i < count; i++) length = length * 256 + (octets[at + 2 + i] as number);
  if (length < 0x80 || length < 256 ** (count - 1)) return null;
  const from = at + 2 + count;
  return from + length <= end ? { tag, at, from, to: from + length } : null;
}

/** `octets` as exactly one element with this tag, nothing after it. */
export function wholeOf(octets: Uint8Array, tag: number): Tlv | null {
  const tlv = tlvAt(octets, 0);
  return tlv !== null && tlv.tag === tag && tlv.to === octets.length ? tlv : null;
}

/** What a constructed element holds; null where its content is not a whole number of elements, or more than `most`. */
export function childrenOf(octets: Uint8Array, parent: Tlv, most = 256): Tlv[] | null {
  const children: Tlv[] = [];
  for (let at = parent.from; at < parent.to; ) {
    const child = tlvAt(octets, at, parent.to);
    if (child === null || children.length === most) return null;
    children.push(child);
    at = child.to;
  }
  return children;
}

export function contentOf(octets: Uint8Array, tlv: Tlv): Uint8Array {
  return octets.subarray(tlv.from, tlv.to);
}

/** The element with its header: what signatures and names are compared by. */
export function encodingOf(octets: Uint8Array, tlv: Tlv): Uint8Array {
  return octets.subarray(tlv.at, tlv.to);
}

/** `1.3.6.1.4.1.50316.802.1`; null where an arc is not in its shortest form, unfinished or larger than 2^31. */
export function oidOf(octets: Uint8Array, tlv: Tlv): string | null {
  if (tlv.tag !== TAG.oid || tlv.from === tlv.to || tlv.to - tlv.from > 32) return null;
  const arcs: number[] = [];
  let arc = 0;
  let inside = false;
  for (let i = tlv.from; i < tlv.to; i++) {
    const octet = octets[i] as number;
    if (!inside && octet === 0x80) return null;
    arc = arc * 128 + (octet & 0x7f);
    if (arc > 0x7fffffff) return null;
    inside = octet >= 0x80;
    if (!inside) {
      arcs.push(arc);
      arc = 0;
    }
  }
  if (inside) return null;
  const first = arcs[0] as number;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...arcs.slice(1)].join(".");
}

/** An INTEGER's content in hex, as written: two equal integers have equal text, because DER has one form for each. */
export function integerHexOf(octets: Uint8Array, tlv: Tlv): string | null {
  const length = tlv.to - tlv.from;
  if (tlv.tag !== TAG.integer || length < 1 || length > 32) return null;
  const first = octets[tlv.from] as number;
  const second = octets[tlv.from + 1] ?? 0;
  if (length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) return null;
  return Buffer.from(contentOf(octets, tlv)).toString("hex");
}

/** A small non-negative INTEGER (below 2^31). */
export function smallIntegerOf(octets: Uint8Array, tlv: Tlv): number | null {
  const hex = integerHexOf(octets, tlv);
  if (hex === null || hex.length > 10) return null;
  const value = Number.parseInt(hex, 16);
  return (octets[tlv.from] as number) < 0x80 && value <= 0x7fffffff ? value : null;
}

/** DER writes true as 0xff and nothing else; a default false is left out. */
export function booleanOf(octets: Uint8Array, tlv: Tlv): boolean | null {
  if (tlv.tag !== TAG.boolean || tlv.to - tlv.from !== 1) return null;
  const value = octets[tlv.from] as number;
  return value === 0xff ? true : value === 0 ? false : null;
}

/**
 * UTCTime or GeneralizedTime in the one form certificates may use (whole seconds, `Z`), as wall milliseconds.
 *
 * @source RFC 5280 4.1.2.5: a two-digit year below 50 is of this century
 */
export function timeOf(octets: Uint8Array, tlv: Tlv): number | null {
  const digits = tlv.tag === TAG.utcTime ? 12 : tlv.tag === TAG.generalizedTime ? 14 : 0;
  if (digits === 0 || tlv.to - tlv.from !== digits + 1 || octets[tlv.to - 1] !== 0x5a) return null;
  for (let i = tlv.from; i < tlv.to - 1; i++) if ((octets[i] as number) < 0x30 || (octets[i] as number) > 0x39) return null;
  const end = tlv.to - 1;
  const pair = (fromEnd: number): number => ((octets[end - fromEnd] as number) - 0x30) * 10 + (octets[end - fromEnd + 1] as number) - 0x30;
  const [month, day, hour, minute, second] = [pair(10), pair(8), pair(6), pair(4), pair(2)] as const;
  const short = pair(12);
  const year = digits === 14 ? pair(14) * 100 + short : short < 50 ? 2000 + short : 1900 + short;
  if (year < 1900 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null;
  return hour < 24 && minute < 60 && second < 60 ? Date.UTC(year, month - 1, day, hour, minute, second) : null;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** The bits of a BIT STRING as flags, bit 0 of the standard in bit 0 of the number; at most 16. */
export function flagsOf(octets: Uint8Array, tlv: Tlv): number | null {
  const length = tlv.to - tlv.from;
  if (tlv.tag !== TAG.bitString || length < 1 || length > 3) return null;
  const unused = octets[tlv.from] as number;
  if (unused > 7 || (length === 1 && unused !== 0)) return null;
  let flags = 0;
  for (let bit = 0; bit < (length - 1) * 8 - unused; bit++) {
    const octet = octets[tlv.from + 1 + (bit >> 3)] as number;
    if ((octet & (0x80 >> (bit & 7))) !== 0) flags |= 1 << bit;
  }
  return flags;
}

/** A BIT STRING of whole octets: signatures and keys. */
export function bitOctetsOf(octets: Uint8Array, tlv: Tlv): Uint8Array | null {
  if (tlv.tag !== TAG.bitString || tlv.to - tlv.from < 1 || octets[tlv.from] !== 0) return null;
  return octets.subarray(tlv.from + 1, tlv.to);
}
