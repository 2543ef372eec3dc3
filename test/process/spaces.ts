/** The tables of a Modbus device as a vocabulary tells of them, written down once more so that these tests need no protocol. */
import type { Space, Verb } from "#operation";

export const COIL = table("coil", 1, true, 0);
export const DISCRETE = table("discrete", 1, false, 1);
export const INPUT = table("input", 16, false, 3);
export const HOLDING = table("holding", 16, true, 4);
export const FILE: Space = { ...table("file", 16, true, null, ["file-read", "file-write"]), process: false };
export const SPACES: readonly Space[] = [COIL, DISCRETE, INPUT, HOLDING, FILE];

function table(name: string, bits: 1 | 16, writable: boolean, modicon: number | null, verbs: readonly Verb[] = ["read", "write"]): Space {
  return { name, bits, stride: 1, writable, process: true, verbs, wild: verbs, byName: false, last: 65535, modicon };
}
