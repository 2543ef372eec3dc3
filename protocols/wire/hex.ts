/** Octets as people write them: pairs of hex digits, white space where it helps the eye. */

/** null when it is not whole octets of hex digits. */
export function fromHex(text: string): Uint8Array | null {
  const digits = text.replace(/\s+/g, "");
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) return null;
  const octets = new Uint8Array(digits.length / 2);
  for (let i = 0; i < octets.length; i++) octets[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return octets;
}

/** Lower case, no spaces. */
export function toHex(octets: Uint8Array, at = 0, length = octets.length - at): string {
  let text = "";
  for (let i = 0; i < length; i++) text += (octets[at + i] as number).toString(16).padStart(2, "0");
  return text;
}
