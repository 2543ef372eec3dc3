/** Functions by number and by name: what a rule's `functions`, a case and a record call them. */
import type { FunctionName } from "#operation";
import { FUNCTIONS, numberOf } from "./functions.ts";
import { subLength } from "./opaque.ts";
import { UMAS } from "./umas.ts";

/** Every row of the table, and function 90 as people know it. */
export const NAMED: readonly FunctionName[] = [
  ...FUNCTIONS.map((entry) => ({
    number: numberOf(entry),
    name: entry.name,
    verbs: entry.verbs,
    effect: entry.effect,
    opaque: entry.opaque,
    named: false,
  })),
  { number: UMAS, name: "umas", verbs: ["raw"], effect: "change", opaque: true, named: false },
];
const BY_NAME: ReadonlyMap<string, number> = new Map(NAMED.map(({ name, number }) => [name, number]));
const BY_NUMBER: ReadonlyMap<number, string> = new Map(NAMED.map(({ name, number }) => [number, name]));

/**
 * `8` and `43` alone name nothing: each is many functions, and one of them must be meant. A sub-function is given to no other code.
 * Numbers without a row are functions as well (opaque): 1..127, 8/0..8/65535, 43/0..43/255.
 */
export function functionOf(name: string): number | null {
  const known = BY_NAME.get(name);
  if (known !== undefined) return known;
  const [, code, sub] = /^(\d{1,3}|0x[0-9a-fA-F]{1,2})(?:\/(\d{1,5}|0x[0-9a-fA-F]{1,4}))?$/.exec(name) ?? [];
  if (code === undefined) return null;
  const number = Number(code);
  if (number < 1 || number > 127) return null;
  const octets = subLength(number);
  if (octets === 0) return sub === undefined ? number : null;
  if (sub === undefined || Number(sub) >= 2 ** (8 * octets)) return null;
  return number | (Number(sub) << 8);
}

export function nameOf(number: number): string {
  const code = number & 0xff;
  return BY_NUMBER.get(number) ?? (subLength(code) === 0 ? `function ${number}` : `function ${code}/${number >> 8}`);
}
