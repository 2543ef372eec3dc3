/** Octets for tests. */
import { fromHex, toHex } from "#wire";

export function hex(text: string): Uint8Array {
  const octets = fromHex(text);
  if (octets === null) throw new Error(`no hex: ${text}`);
  return octets;
}

/** What an encoder wrote at 5: hex of as many octets as it says, in a buffer full of something else that it leaves alone. */
export function written(encode: (target: Uint8Array, at: number) => number): string {
  const target = new Uint8Array(300).fill(0xee);
  const length = encode(target, 5);
  const around = [...target.subarray(0, 5), ...target.subarray(5 + length)];
  if (around.some((octet) => octet !== 0xee)) throw new Error("written outside its own octets");
  return toHex(target, 5, length);
}

/** The same octets in the middle of others: a decoder that looks outside its own, or gives a view that starts elsewhere, is found out. */
export function amid(octets: Uint8Array): { readonly all: Uint8Array; readonly at: number } {
  const at = 7;
  const all = new Uint8Array(at + octets.length + 9).fill(0xa5);
  all.set(octets, at);
  return { all, at };
}
