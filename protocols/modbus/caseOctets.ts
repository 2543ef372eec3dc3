/** Values in words to the octets that carry them, and requests to theirs; for cases only. */
import { putU16 } from "#wire";
import type { Request } from "./messages.ts";
import { encodeRequest, PDU_LIMIT } from "./pdu.ts";
import { packedLength } from "./reads.ts";
import { COIL } from "./spaces.ts";

export function wordsOf(text: string): readonly string[] {
  return text === "" ? [] : text.split(/\s+/);
}

/** Values as cells of a space: packed bits or big-endian words. A string is what is wrong with one of them. */
export function cellsOf(space: number, values: readonly string[]): Uint8Array | string {
  if (space === COIL) {
    const bits = new Uint8Array(packedLength(values.length));
    for (const [i, text] of values.entries()) {
      if (!/^(on|off|1|0)$/.test(text)) return `found "${text}"; expected on, off, 1 or 0`;
      if (text === "on" || text === "1") bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
    }
    return bits;
  }
  const words = new Uint8Array(2 * values.length);
  for (const [i, text] of values.entries()) {
    if (!/^(\d{1,5}|0x[0-9a-fA-F]{1,4})$/.test(text) || Number(text) > 0xffff)
      return `found "${text}"; expected a word, 0..65535 or 0x0000..0xFFFF`;
    putU16(words, 2 * i, Number(text));
  }
  return words;
}

/** INVARIANT: its values fit; the caller has counted them. */
export function pduOf(request: Request): Uint8Array {
  const octets = new Uint8Array(PDU_LIMIT);
  return octets.slice(0, encodeRequest(request, octets, 0));
}
