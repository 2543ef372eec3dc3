/** A value that was compared, as it may stand in an input. */
import { type Comparable, MOST_LETTERS } from "./guide/tally.ts";
import type { Random } from "./random.ts";

/** Octets of a number, low end first where negative; 0: in letters. */
export type Form = 0 | 1 | 2 | -2 | 4 | -4 | 8 | -8;
/** The more often the likelier. */
export const OCTET_FORMS: readonly Form[] = [1, 1, 1, 2, 2, 2, -2, -2, 4, 4, -4, -4, 8, -8, 0, 0];
export const TEXT_FORMS: readonly Form[] = [0, 0, 0, 0, 0, 0, 1, 1, 2];
/** A letter takes at most three octets, or two of them four. */
export const LONGEST_OPERAND = 3 * MOST_LETTERS;

const encoder = new TextEncoder();

/** @returns octets written, 0 where it cannot stand there so */
export function writeOperand(value: Comparable, form: Form, target: Uint8Array): number {
  if (form === 0) {
    const text = String(value);
    return text.length > MOST_LETTERS ? 0 : encoder.encodeInto(text, target).written;
  }
  const size = Math.abs(form);
  if (typeof value === "string") return 0;
  if (typeof value === "bigint" || size === 8) return writeWide(value, size, form < 0, target);
  if (!Number.isInteger(value) || value < -(2 ** (8 * size - 1)) || value >= 2 ** (8 * size)) return 0;
  for (let i = 0; i < size; i++) target[form < 0 ? i : size - 1 - i] = value >> (8 * i);
  return size;
}

function writeWide(value: number | bigint, size: number, isLittle: boolean, target: Uint8Array): number {
  if (typeof value === "number" && !Number.isSafeInteger(value)) return 0;
  let left = BigInt(value);
  if (left < -(1n << BigInt(8 * size - 1)) || left >= 1n << BigInt(8 * size)) return 0;
  for (let i = 0; i < size; i++, left >>= 8n) target[isLittle ? i : size - 1 - i] = Number(left & 0xffn);
  return size;
}

/** Itself, or of a number one beside it: it may have been more or less that was asked for. */
export function nearby(value: Comparable, random: Random): Comparable {
  if (typeof value === "string") return value;
  const step = [0, 0, 1, -1][random.below(4)] as number;
  return typeof value === "bigint" ? value + BigInt(step) : value + step;
}
