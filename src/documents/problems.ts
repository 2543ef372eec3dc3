/** What is wrong with a document a person wrote: where, what was found there, and what would be right. One clear line each. */
import { visible } from "./escape.ts";

export interface Problem {
  /** As the caller named it. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units as editors count them. */
  readonly column: number;
  /** In plant language, without secrets: `"scada"`, `no value`, `an anchor (&base)`. */
  readonly found: string;
  /** What would be right: `one of: mutual, none`. */
  readonly expected: string;
}

/** More than this many problems help nobody; readers stop there. */
export const MOST_PROBLEMS = 50;

/** `site.yaml:3:12: found "scada"; expected a number from 0 to 65535`, safe to print on a terminal. */
export function sayProblem(problem: Problem): string {
  return visible(`${problem.file}:${problem.line}:${problem.column}: found ${problem.found}; expected ${problem.expected}`);
}

/** A found value as a problem quotes it: in quotes, one line, at most 60 characters. */
export function quoted(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return `"${visible(short)}"`;
}

/** The nearest of `known` to `word` when it is near enough to be a slip of the hand, else null. */
export function nearest(word: string, known: Iterable<string>): string | null {
  const limit = word.length <= 1 ? 0 : word.length <= 3 ? 1 : word.length <= 8 ? 2 : 3;
  let best: string | null = null;
  let least = limit + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - word.length) >= least) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours between two short words (optimal string alignment). */
function editDistance(a: string, b: string): number {
  if (a.length > 64 || b.length > 64) return Number.POSITIVE_INFINITY;
  let above: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, (above[j - 2] as number) + 1);
      next.push(least);
    }
    above = row;
    row = next;
  }
  return row[b.length] as number;
}

/**
 * What a person did wrong, in lines ready to print, whatever the files in them are called: bad documents, a wrong argument. Never a stack
 * trace; the command ends with exit 2.
 */
export class UserProblems extends Error {
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    const printable = lines.map(visible);
    super(printable.join("\n"));
    this.name = "UserProblems";
    this.lines = printable;
  }
}
