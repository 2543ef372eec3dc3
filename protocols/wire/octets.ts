/** Big-endian words in octets. INVARIANT: the caller has checked that the octets are there; every decoder checks its length first. */

export function u16(octets: Uint8Array, at: number): number {
  return ((octets[at] as number) << 8) | (octets[at + 1] as number);
}

export function putU16(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 8;
  target[at + 1] = value;
}

/** Copy `length` octets; the two arrays may be one. No view is made. */
export function copyOctets(source: Uint8Array, from: number, target: Uint8Array, at: number, length: number): void {
  if (source === target) target.copyWithin(at, from, from + length);
  else for (let i = 0; i < length; i++) target[at + i] = source[from + i] as number;
}

export function sameOctets(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}
