/**
 * Which characters a document may hold. What a reviewer cannot see, or sees in another order than the parser, has no place in a policy.
 *
 * @source RULINGS 16; Unicode general categories C (controls, formats, surrogates, private use, unassigned), Zl, Zp
 */
import type { Problem } from "./problems.ts";

/** Tab, LF and CR LF may stand; a lone CR may not. */
const FORBIDDEN = /(?![\t\n]|\r\n)[\p{C}\p{Zl}\p{Zp}]/u;
const BIDIRECTIONAL = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

/** @returns the index of the first character that may not stand in a document, or -1 */
export function forbiddenAt(text: string): number {
  return text.search(FORBIDDEN);
}

/** `a bidirectional control character (U+202E)`. */
export function sayCharacter(text: string, index: number): string {
  const code = text.codePointAt(index) ?? 0;
  const name = `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
  return BIDIRECTIONAL.test(String.fromCodePoint(code))
    ? `a bidirectional control character (${name})`
    : `a non-printing character (${name})`;
}

export const PRINTABLE = "printable characters only";

/** Line and column, both from 1, of an index into a text. */
export function positionIn(text: string, index: number): { line: number; column: number } {
  let line = 1;
  let start = 0;
  for (let end = text.indexOf("\n"); end >= 0 && end < index; end = text.indexOf("\n", end + 1)) {
    line += 1;
    start = end + 1;
  }
  return { line, column: index - start + 1 };
}

/** The problem of the first character that may not stand in this document, or null. */
export function characterProblem(text: string, file: string): Problem | null {
  const at = forbiddenAt(text);
  return at < 0 ? null : { file, ...positionIn(text, at), found: sayCharacter(text, at), expected: PRINTABLE };
}
