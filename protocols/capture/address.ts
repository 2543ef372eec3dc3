/** Addresses as people write them. */
import { u16 } from "#wire";

/** `10.0.0.7:502`, `[fd00::7]:502`. */
export function endpointText(address: Uint8Array, port: number): string {
  return address.length === 4 ? `${address.join(".")}:${port}` : `[${ipv6Text(address)}]:${port}`;
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups shortened; a mapped IPv4 address as such. */
export function ipv6Text(address: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => u16(address, 2 * i));
  if (groups.slice(0, 5).every((g) => g === 0) && groups[5] === 0xffff) return `::ffff:${address.slice(12).join(".")}`;
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (groups[i + run] === 0) run += 1;
    if (run > length) {
      start = i;
      length = run;
    }
  }
  const words = groups.map((g) => g.toString(16));
  if (start < 0) return words.join(":");
  return `${words.slice(0, start).join(":")}::${words.slice(start + length).join(":")}`;
}
