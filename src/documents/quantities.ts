/**
 * Quantities as people write them. Each reader gives the value, or a text that says what would be right (it goes into `expected ...`).
 */

/** A count in a window of time. */
export interface CountPerTime {
  readonly count: number;
  readonly windowMs: number;
}

/** An IP address and port. `host` is in its canonical form (RFC 5952 for IPv6, without brackets). */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Addresses that share their first `prefix` bits. */
export interface IpPrefix {
  /** Canonical: `10.10.5.0/24`. */
  readonly text: string;
  /** 4 or 16 octets. */
  readonly address: Uint8Array;
  readonly prefix: number;
}

const SECOND = 1000;
const TIMES: Readonly<Record<string, number>> = {
  ms: 1,
  s: SECOND,
  m: 60 * SECOND,
  min: 60 * SECOND,
  h: 3600 * SECOND,
  d: 24 * 3600 * SECOND,
};
/** Ten years: longer is a slip of the hand, and far from where milliseconds lose precision. */
export const LONGEST_MS = 3653 * 24 * 3600 * SECOND;
const SIZES: Readonly<Record<string, number>> = {
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
/** More than any disk of an edge box. */
const MOST_OCTETS = 1e15;
const MOST_COUNT = 1_000_000;

export const DURATION_IS = "a duration with its unit, such as 250ms, 1s, 15m, 72h or 90d";
export const RATE_IS = "a count per time, such as 200/s, 6/min or 10/10s";
export const SIZE_IS = "a size with its unit, such as 500MB, 2GB or 2GiB";
export const HOST_PORT_IS = "an address and port, such as 10.20.0.11:502 or [fd00::11]:502";
export const PREFIX_IS = "an address prefix, such as 10.10.5.0/24 or fd00:5::/64";

/** @returns milliseconds, 0 to ten years */
export function readDuration(text: string): number | string {
  const [, digits, unit] = /^(0|[1-9][0-9]{0,12})(ms|s|min|m|h|d)$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return DURATION_IS;
  const ms = Number(digits) * (TIMES[unit] as number);
  return ms <= LONGEST_MS ? ms : "a duration of at most ten years";
}

/** A duration within bounds; the bounds as they should be said. */
export function durationWithin(least: string, most: string): (text: string) => number | string {
  const min = readDuration(least) as number;
  const max = readDuration(most) as number;
  return (text) => {
    const ms = readDuration(text);
    return typeof ms === "string" || (ms >= min && ms <= max) ? ms : `a duration from ${least} to ${most}`;
  };
}

/** `200/s`, `6/min`, `10/10s`: count from 1, window from 1 ms. */
export function readRate(text: string): CountPerTime | string {
  const [, count, many, unit] = /^([1-9][0-9]{0,6})\/([1-9][0-9]{0,5})?(ms|s|min|m|h|d)$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) return RATE_IS;
  if (Number(count) > MOST_COUNT) return `a count of at most ${MOST_COUNT} per time`;
  const windowMs = Number(many ?? 1) * (TIMES[unit] as number);
  return windowMs <= LONGEST_MS ? { count: Number(count), windowMs } : "a time of at most ten years";
}

/** @returns octets */
export function readSize(text: string): number | string {
  const [, digits, unit] = /^([1-9][0-9]{0,9})(kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return SIZE_IS;
  const octets = Number(digits) * (SIZES[unit] as number);
  return octets <= MOST_OCTETS ? octets : "a size of at most 1000TB";
}

/** An IP address with a port. Names are not looked up: what answers to a name is decided elsewhere. */
export function readHostPort(text: string): HostPort | string {
  const match = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([^[\]:]+)):([0-9]{1,5})$/.exec(text);
  if (match === null) return HOST_PORT_IS;
  const [, six, four, digits] = match;
  const address = six === undefined ? readIp4(four as string) : readIp6(six);
  if (typeof address === "string") return `${HOST_PORT_IS} (${address})`;
  const port = readPort(digits as string);
  if (typeof port === "string") return `${HOST_PORT_IS} (${port})`;
  if (isNoHost(address)) return "the address of one device, not of any or many";
  return { host: sayIp(address), port };
}

/** @returns 1 to 65535 */
export function readPort(text: string): number | string {
  const port = /^(?:0|[1-9][0-9]{0,4})$/.test(text) ? Number(text) : -1;
  return port >= 1 && port <= 65535 ? port : "a port from 1 to 65535";
}

/** `10.10.5.0/24`, `fd00::/8`, or one address. Bits beyond the prefix must be zero: else it is not clear which was meant. */
export function readPrefix(text: string): IpPrefix | string {
  const [, word, digits] = /^([^/]+)(?:\/(0|[1-9][0-9]{0,2}))?$/.exec(text) ?? [];
  const address = word === undefined ? null : readIp(word);
  if (address === null) return PREFIX_IS;
  const bits = address.length * 8;
  const prefix = digits === undefined ? bits : Number(digits);
  if (prefix > bits) return `a prefix length from 0 to ${bits}`;
  const network = address.slice();
  for (let bit = prefix; bit < bits; bit++) network[bit >> 3] = (network[bit >> 3] as number) & ~(0x80 >> (bit & 7));
  const canonical = `${sayIp(network)}/${prefix}`;
  if (network.some((octet, i) => octet !== address[i])) return `the prefix ${canonical}, without bits beyond it, or one address`;
  return { text: canonical, address: network, prefix };
}

/** Is an address of this family within the prefix? `address` has 4 or 16 octets. */
export function isWithin(prefix: { readonly address: Uint8Array; readonly prefix: number }, address: Uint8Array): boolean {
  if (address.length !== prefix.address.length) return false;
  for (let i = 0; i * 8 < prefix.prefix; i++) {
    const mask = prefix.prefix - i * 8 >= 8 ? 0xff : (0xff00 >> (prefix.prefix - i * 8)) & 0xff;
    if ((((address[i] as number) ^ (prefix.address[i] as number)) & mask) !== 0) return false;
  }
  return true;
}

/** @returns 4 or 16 octets, or null. An IPv4 address written as IPv6 (`::ffff:10.0.0.1`) gives 4, so one sender has one form. */
export function readIp(text: string): Uint8Array | null {
  const address = text.includes(":") ? readIp6(text) : readIp4(text);
  if (typeof address === "string") return null;
  const mapped =
    address.length === 16 && address.subarray(0, 10).every((octet) => octet === 0) && address[10] === 0xff && address[11] === 0xff;
  return mapped ? address.slice(12) : address;
}

/** Canonical text of 4 or 16 octets. */
export function sayIp(address: Uint8Array): string {
  if (address.length === 4) return address.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((address[2 * i] as number) << 8) | (address[2 * i + 1] as number));
  const [from, length] = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, from).join(":")}::${hex.slice(from + length).join(":")}`;
}

function readIp4(text: string): Uint8Array | string {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255)) {
    return /^[0-9.]*$/.test(text) ? "four numbers from 0 to 255 without leading zeros" : "names are not looked up";
  }
  return Uint8Array.from(parts, Number);
}

function readIp6(text: string): Uint8Array | string {
  const wrong = "eight groups of hex digits, one run of zeros as ::";
  const halves = text.split("::");
  if (halves.length > 2) return wrong;
  const head = groupsOf(halves[0] as string, halves.length === 1);
  const tail = halves.length === 1 ? [] : groupsOf(halves[1] as string, true);
  if (head === null || tail === null) return wrong;
  const gap = 8 - head.length - tail.length;
  if (halves.length === 1 ? gap !== 0 : gap < 1) return wrong;
  const groups = [...head, ...Array<number>(gap).fill(0), ...tail];
  return Uint8Array.from({ length: 16 }, (_, i) => ((groups[i >> 1] as number) >> (i % 2 === 0 ? 8 : 0)) & 0xff);
}

/** The 16-bit groups of one side of `::`; the last may be an IPv4 address, which is two. */
function groupsOf(text: string, mayEndIn4: boolean): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [i, part] of parts.entries()) {
    if (part.includes(".")) {
      const four = mayEndIn4 && i === parts.length - 1 ? readIp4(part) : "";
      if (typeof four === "string") return null;
      groups.push(((four[0] as number) << 8) | (four[1] as number), ((four[2] as number) << 8) | (four[3] as number));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}

/** First of the longest runs of zeros: where it starts and how long it is. */
function longestZeros(groups: readonly number[]): [from: number, length: number] {
  let from = 0;
  let length = 0;
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end += 1;
    if (end - start > length) [from, length] = [start, end - start];
  }
  return [from, length];
}

/** Unspecified, multicast, limited broadcast. */
function isNoHost(address: Uint8Array): boolean {
  if (address.every((octet) => octet === 0) || address.every((octet) => octet === 0xff)) return true;
  return address.length === 4 ? (address[0] as number) >= 224 : address[0] === 0xff;
}
