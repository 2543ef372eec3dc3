/** Addresses as octets, prefixes over them, and which of them an interface has. */
import net from "node:net";
import os from "node:os";

export interface AddressPrefix {
  /** 4 or 16 octets. */
  readonly address: Uint8Array;
  /** Leading bits that must agree. */
  readonly prefix: number;
}

/**
 * The addresses an interface has now: IPv4 first, then IPv6. Link-local IPv6 is left out: it needs a zone wherever it is written.
 *
 * @returns empty for an interface that does not exist, is down or has no address
 */
export function addressesOf(interfaceName: string): string[] {
  const interfaces = os.networkInterfaces();
  const addresses = (Object.hasOwn(interfaces, interfaceName) ? interfaces[interfaceName] : undefined) ?? [];
  const usable = addresses.filter((a) => a.family === "IPv4" || a.scopeid === 0);
  return [...usable.filter((a) => a.family === "IPv4"), ...usable.filter((a) => a.family === "IPv6")].map((a) => a.address);
}

/**
 * An address as octets: 4 for IPv4, 16 for IPv6. An IPv4-mapped address (`::ffff:10.0.0.1`, `::ffff:a00:1`) is the IPv4 address it carries,
 * so that one prefix covers a peer however the socket writes it. A zone (`%eth0`) is not part of an address and is refused.
 */
export function parseIp(text: string): Uint8Array | null {
  if (net.isIPv4(text)) return Uint8Array.from(text.split("."), Number);
  if (!net.isIPv6(text) || text.includes("%")) return null;
  const octets = sixteen(text);
  return MAPPED.every((octet, i) => octets[i] === octet) ? octets.slice(12) : octets;
}

/** IPv4 is in no IPv6 prefix, nor the other way round. */
export function inPrefix(address: Uint8Array, { address: base, prefix }: AddressPrefix): boolean {
  if (address.length !== base.length || !Number.isInteger(prefix) || prefix < 0 || prefix > base.length * 8) return false;
  const whole = prefix >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== base[i]) return false;
  const rest = prefix & 7;
  if (rest === 0) return true;
  return (((address[whole] as number) ^ (base[whole] as number)) & (0xff00 >> rest) & 0xff) === 0;
}

/** Is this address the machine's own loopback? */
export function isLoopback(address: Uint8Array): boolean {
  if (address.length === 4) return address[0] === 127;
  return address.every((octet, i) => octet === (i === 15 ? 1 : 0));
}

const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** @param text IPv6 as the system accepts it: groups, at most one `::`, possibly an IPv4 tail */
function sixteen(text: string): Uint8Array {
  const octets = new Uint8Array(16);
  const [head = "", tail] = text.split("::");
  const front = groups(head);
  const back = groups(tail ?? "");
  octets.set(front);
  octets.set(back, 16 - back.length);
  return octets;
}

function groups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (group.includes(".")) return group.split(".").map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
