/**
 * The first look at a YAML text, token by token and before any tree is built: what the language allows and our documents do not, and
 * structures deep or large enough to exhaust a parser.
 *
 * @source YAML 1.2.2 chapter 5.3 (indicators); RULINGS 16
 */
import { CST, Lexer } from "yaml";
import { visible } from "./escape.ts";

export interface YamlCaps {
  /** Octets of the text in UTF-8. */
  readonly octets: number;
  /** Collections inside collections. */
  readonly depth: number;
  /** Scalars and collections, keys included. */
  readonly nodes: number;
  readonly lines: number;
}

/** Room for a policy of 10,000 rules; the longest text they allow is read in some seconds (test/documents). */
export const YAML_CAPS: YamlCaps = { octets: 4 * 1024 * 1024, depth: 20, nodes: 400_000, lines: 200_000 };

export interface Refusal {
  /** Index into the text. */
  readonly at: number;
  readonly found: string;
  readonly expected: string;
}

/** Zero-width marks the lexer puts between tokens. */
const MARKS = new Set(["\u0002", "\u0018", "\u001f"]);
const NODE_TOKENS = new Set<string | null>([
  "scalar",
  "single-quoted-scalar",
  "double-quoted-scalar",
  "flow-map-start",
  "flow-seq-start",
  "seq-item-ind",
  "explicit-key-ind",
  "map-value-ind",
]);

/** @returns the first thing in the text that our documents do not allow, or null */
export function refuseYaml(text: string, caps: YamlCaps): Refusal | null {
  const beyond = lineEnd(text, caps.lines + 1);
  if (beyond >= 0) return { at: beyond, found: `more than ${caps.lines} lines`, expected: `at most ${caps.lines} lines in one document` };
  const nesting = new Nesting();
  let at = 0;
  let nodes = 0;
  let plain = false;
  const brackets = new Brackets();
  for (const source of new Lexer().lex(text)) {
    const type = plain ? "scalar" : CST.tokenType(source);
    plain = source === CST.SCALAR;
    if (MARKS.has(source)) continue;
    const refusal = refuseToken(type, source, at) ?? brackets.after(type, at);
    if (refusal !== null) return refusal;
    if (NODE_TOKENS.has(type)) nodes += 1;
    if (nodes > caps.nodes)
      return { at, found: `more than ${caps.nodes} values`, expected: `at most ${caps.nodes} values in one document` };
    if (nesting.after(type, source) > caps.depth) return tooDeep(at, caps.depth);
    at += source.length;
  }
  return brackets.end();
}

/** Index of the n-th line end, or -1. */
function lineEnd(text: string, n: number): number {
  let at = -1;
  for (let left = n; left > 0; left--) {
    at = text.indexOf("\n", at + 1);
    if (at < 0) return -1;
  }
  return at;
}

/** What has no meaning of its own. */
function isBetween(type: string | null): boolean {
  return type === "space" || type === "newline" || type === "comment";
}

export function tooDeep(at: number, depth: number): Refusal {
  return { at, found: `lists and maps nested more than ${depth} deep`, expected: `at most ${depth} levels` };
}

function refuseToken(type: string | null, source: string, at: number): Refusal | null {
  switch (type) {
    case "directive-line":
      return { at, found: `a directive (${short(source.trimEnd())})`, expected: "a document without directives" };
    case "anchor":
      return { at, found: `an anchor (${short(source)})`, expected: "the value written out where it is meant" };
    case "alias":
      return { at, found: `an alias (${short(source)})`, expected: "the value written out where it is meant, or in quotes if it is text" };
    case "tag":
      return { at, found: `a tag (${short(source)})`, expected: "a plain value, or in quotes if it is text" };
    case "double-quoted-scalar":
      return refuseOpenQuote(source, '"', at) ?? refuseEscape(source, at);
    case "single-quoted-scalar":
      return refuseOpenQuote(source, "'", at);
    default:
      return null;
  }
}

/** The lexer ends a quoted text at its closing quote, or where there can be none any more. */
function refuseOpenQuote(source: string, quote: string, at: number): Refusal | null {
  const closed = source.length > 1 && source.endsWith(quote);
  return closed ? null : { at, found: "an opening quote that is never closed", expected: `a closing quote (${quote})` };
}

/** YAML 1.2.2 chapter 5.7. */
const ESCAPE = /\\(?:[0abtnvfre "/\\N_LP\t\n]|\r\n|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})/y;

/** As with commas: one text can hold a million wrong ones. */
function refuseEscape(source: string, at: number): Refusal | null {
  for (let found = source.indexOf("\\"); found >= 0; found = source.indexOf("\\", ESCAPE.lastIndex)) {
    ESCAPE.lastIndex = found;
    if (!ESCAPE.test(source)) {
      const shown = `an unknown escape (${short(source.slice(found, found + 2))})`;
      return { at: at + found, found: shown, expected: "a YAML escape such as \\n or \\u00e4, or single quotes, which know no escapes" };
    }
  }
  return null;
}

function short(source: string): string {
  return visible(source.length > 60 ? `${source.slice(0, 57)}...` : source);
}

/**
 * Brackets that open and close, and commas between values. The library tells of one missing bracket in several places, none of them where
 * it opened, and makes an error object of each stray comma, of which a text can hold a million.
 */
class Brackets {
  readonly #open: { readonly type: string; readonly at: number }[] = [];
  #before: string | null = null;

  after(type: string | null, at: number): Refusal | null {
    if (isBetween(type)) return null;
    const before = this.#before;
    this.#before = type;
    switch (type) {
      case "flow-map-start":
      case "flow-seq-start":
        this.#open.push({ type, at });
        return null;
      case "flow-map-end":
      case "flow-seq-end": {
        const opened = this.#open.pop();
        if (opened === undefined)
          return { at, found: "a closing bracket that was never opened", expected: "an opening bracket before it, or none" };
        if (opened.type.slice(0, 8) === type.slice(0, 8)) return null;
        return { at, found: "a closing bracket of the other kind", expected: opened.type === "flow-map-start" ? "}" : "]" };
      }
      case "comma":
        if (before !== "comma" && before !== "flow-map-start" && before !== "flow-seq-start") return null;
        return { at, found: "a comma without a value before it", expected: "a value, then a comma" };
      default:
        return null;
    }
  }

  end(): Refusal | null {
    const opened = this.#open.at(-1);
    if (opened === undefined) return null;
    return { at: opened.at, found: "an opening bracket that is never closed", expected: "its closing bracket" };
  }
}

/** How deep the structure goes as far as tokens tell: open brackets, growing indentation, and `- - -` or `? ? ?` on one line. */
class Nesting {
  readonly #indents: number[] = [];
  #flow = 0;
  #compact = 0;
  #lineStart = true;
  #column = 0;

  after(type: string | null, source: string): number {
    if (type === "newline") {
      this.#lineStart = true;
      this.#compact = 0;
      this.#column = 0;
      return 0;
    }
    if (type === "space") {
      this.#column += source.length;
      return 0;
    }
    if (type === "comment") return 0;
    if (this.#lineStart && this.#flow === 0) this.#indent(this.#column);
    this.#lineStart = false;
    this.#column += source.length;
    if (type === "flow-map-start" || type === "flow-seq-start") this.#flow += 1;
    else if (type === "flow-map-end" || type === "flow-seq-end") this.#flow = Math.max(0, this.#flow - 1);
    else if (type === "seq-item-ind" || type === "explicit-key-ind") this.#compact += 1;
    // One line's first indicator stands at the line's own indentation, and a level counts once whatever opened it.
    return Math.max(this.#indents.length - 1, 0) + Math.max(this.#compact - 1, 0) + this.#flow;
  }

  #indent(column: number): void {
    while (this.#indents.length > 0 && (this.#indents.at(-1) as number) >= column) this.#indents.pop();
    this.#indents.push(column);
  }
}
