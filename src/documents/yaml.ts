/**
 * The one reader of YAML. A text becomes a tree of plain nodes that keep where they stand and how numbers were written, or a list of problems.
 *
 *     const read = readYaml("policy.yaml", text);           // Result<YamlDocument, readonly Problem[]>
 *     const policy = checkShape(read.value, POLICY_SHAPE);   // shape.ts: Result<typed value, readonly Problem[]>
 *     read.value.line(["roles", "operator", 1])              // 14: for rules, records, messages
 *     read.value.problem(["roles", "operator", 1, "on"], "the name of an asset")          // found: what stands there
 *     read.value.keyProblem(["roles", "operatr"], 'role "operator"', "a role nobody has")  // points at the key, not its value
 *
 * A path is what it is in the data: keys and list positions. Where a path leads to nothing, the nearest node above it is meant, so a
 * problem about a missing key stands at the map that misses it.
 *
 * @source YAML 1.2.2 core schema; RULINGS 16 (what of it our documents allow)
 */
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLError } from "yaml";
import { err, ok, type Result } from "#wire";
import { characterProblem, forbiddenAt, PRINTABLE, positionIn, sayCharacter } from "./characters.ts";
import { MOST_PROBLEMS, nearest, type Problem, quoted } from "./problems.ts";
import { type Refusal, refuseYaml, tooDeep, YAML_CAPS, type YamlCaps } from "./yamlGuard.ts";

/** Both from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface YamlEntry {
  readonly key: string;
  readonly keyAt: Place;
  readonly value: YamlNode;
}

export type YamlNode =
  | { readonly is: "map"; readonly at: Place; readonly entries: ReadonlyMap<string, YamlEntry> }
  | { readonly is: "list"; readonly at: Place; readonly items: readonly YamlNode[] }
  | { readonly is: "text"; readonly at: Place; readonly text: string }
  /** As written, so that 0.1 is a tenth and not a double near it. */
  | { readonly is: "number"; readonly at: Place; readonly source: string }
  | { readonly is: "flag"; readonly at: Place; readonly value: boolean }
  | { readonly is: "nothing"; readonly at: Place };

export type Path = readonly PropertyKey[];

export class YamlDocument {
  readonly file: string;
  readonly root: YamlNode;

  constructor(file: string, root: YamlNode) {
    this.file = file;
    this.root = root;
  }

  /** The node a path leads to, or null. */
  node(path: Path): YamlNode | null {
    let node: YamlNode | null = this.root;
    for (const step of path) node = node === null ? null : childOf(node, step);
    return node;
  }

  /** Where the value stands, or the nearest thing above it that is there. */
  place(path: Path): Place {
    let node = this.root;
    for (const step of path) {
      const next = childOf(node, step);
      if (next === null) break;
      node = next;
    }
    return node.at;
  }

  line(path: Path): number {
    return this.place(path).line;
  }

  /** Where the key stands under which the value is; of a list's item, the item. */
  keyPlace(path: Path): Place {
    const parent = this.node(path.slice(0, -1));
    const entry = parent?.is === "map" ? parent.entries.get(String(path.at(-1))) : undefined;
    return entry?.keyAt ?? this.place(path);
  }

  /** A problem with the value at a path. `found` is told from the document unless given. */
  problem(path: Path, expected: string, found?: string): Problem {
    const node = this.node(path);
    const missing = typeof path.at(-1) === "string" ? `no ${String(path.at(-1))}` : "nothing";
    return { file: this.file, ...this.place(path), found: found ?? (node === null ? missing : sayNode(node)), expected };
  }

  /** A problem with the key at the end of a path. */
  keyProblem(path: Path, expected: string, found?: string): Problem {
    return { file: this.file, ...this.keyPlace(path), found: found ?? quoted(String(path.at(-1))), expected };
  }

  /** A word that names nothing: lists what there is, or, when one is near, offers that. */
  unknown(path: Path, kind: string, known: Iterable<string>): Problem {
    const node = this.node(path);
    return this.problem(path, expectedName(node?.is === "text" ? node.text : "", kind, [...known]));
  }
}

/** `asset "boiler-1" (did you mean?)`, else the list of what there is. */
export function expectedName(word: string, kind: string, known: readonly string[]): string {
  const near = nearest(word, known);
  if (near !== null) return `${kind} ${quoted(near)} (did you mean that?)`;
  if (known.length === 0) return `${kind}, but there is none`;
  const shown = known.slice(0, 12).join(", ");
  return known.length > 12 ? `${kind}, one of: ${shown}, ...` : `${kind}, one of: ${shown}`;
}

/** What a person sees at a node: `"scada"`, `12`, `a list`, `no value`. */
export function sayNode(node: YamlNode): string {
  switch (node.is) {
    case "map":
      return "a map";
    case "list":
      return node.items.length === 0 ? "an empty list" : "a list";
    case "text":
      return quoted(node.text);
    case "number":
      return node.source.length > 40 ? `${node.source.slice(0, 37)}...` : node.source;
    case "flag":
      return String(node.value);
    case "nothing":
      return "no value";
  }
}

/**
 * @param file  as messages name it
 * @param text  the whole document, decoded
 * @returns     every problem found in the tree, at most MOST_PROBLEMS; a text that is no tree, or not in our part of YAML, has one
 */
export function readYaml(file: string, text: string, caps: YamlCaps = YAML_CAPS): Result<YamlDocument, readonly Problem[]> {
  const octets = new TextEncoder().encode(text).length;
  if (octets > caps.octets) {
    return err([{ file, line: 1, column: 1, found: `${octets} octets`, expected: `at most ${caps.octets} octets in one document` }]);
  }
  const character = characterProblem(text, file);
  if (character !== null) return err([character]);
  const refusal = refuseYaml(text, caps);
  if (refusal !== null) return err([said(refusal, text, file)]);
  const lines = new LineCounter();
  // Duplicates are found below: the library compares every key with every other, which takes minutes on a map as large as the caps allow.
  const document = parseDocument(text, {
    version: "1.2",
    schema: "core",
    strict: true,
    merge: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "error",
    lineCounter: lines,
  });
  // The first one only: where the structure breaks, the library finds its echoes on many lines.
  const [broken] = document.errors.toSorted((a, b) => a.pos[0] - b.pos[0]);
  if (broken !== undefined) return err([saySyntax(broken, text, file)]);
  const planting = new Planting(file, text, lines, caps);
  const root = planting.node(document.contents, 0, 0);
  return planting.problems.length > 0 ? err(planting.problems.slice(0, MOST_PROBLEMS)) : ok(new YamlDocument(file, root));
}

function childOf(node: YamlNode, step: PropertyKey): YamlNode | null {
  if (node.is === "map") return node.entries.get(String(step))?.value ?? null;
  if (node.is === "list" && typeof step === "number") return node.items[step] ?? null;
  return null;
}

/** From the library's tree to ours, judging on the way what only a tree shows: keys, their twins, and what escapes hid in texts. */
class Planting {
  readonly problems: Problem[] = [];
  readonly #file: string;
  readonly #text: string;
  readonly #lines: LineCounter;
  readonly #caps: YamlCaps;

  constructor(file: string, text: string, lines: LineCounter, caps: YamlCaps) {
    this.#file = file;
    this.#text = text;
    this.#lines = lines;
    this.#caps = caps;
  }

  node(node: Node | null | undefined, depth: number, otherwiseAt: number): YamlNode {
    const offset = node?.range?.[0] ?? otherwiseAt;
    const at = this.#place(offset);
    if (depth > this.#caps.depth) {
      this.problems.push(said(tooDeep(offset, this.#caps.depth), this.#text, this.#file));
      return { is: "nothing", at };
    }
    if (isMap<Node | null, Node | null>(node)) return { is: "map", at, entries: this.#entries(node.items, depth, offset) };
    if (isSeq<Node | null>(node)) return { is: "list", at, items: node.items.map((item) => this.node(item, depth + 1, offset)) };
    if (!isScalar(node)) return { is: "nothing", at };
    const { value } = node;
    if (typeof value === "string") {
      const hidden = forbiddenAt(value);
      if (hidden >= 0) this.#problem(at, sayCharacter(value, hidden), PRINTABLE);
      return { is: "text", at, text: value };
    }
    if (typeof value === "number" || typeof value === "bigint") return { is: "number", at, source: node.source ?? String(value) };
    return typeof value === "boolean" ? { is: "flag", at, value } : { is: "nothing", at };
  }

  #entries(items: readonly { key: Node | null; value: Node | null }[], depth: number, otherwiseAt: number): ReadonlyMap<string, YamlEntry> {
    const entries = new Map<string, YamlEntry>();
    for (const { key, value } of items) {
      const keyOffset = key?.range?.[0] ?? otherwiseAt;
      const keyAt = this.#place(keyOffset);
      const text = this.#key(key, keyAt);
      const node = this.node(value, depth + 1, keyOffset);
      if (text === null) continue;
      const earlier = entries.get(text);
      if (earlier === undefined) entries.set(text, { key: text, keyAt, value: node });
      else this.#problem(keyAt, `the key ${quoted(text)} a second time`, `each key once; the first is on line ${earlier.keyAt.line}`);
    }
    return entries;
  }

  #key(key: Node | null, at: Place): string | null {
    if (!isScalar(key)) return this.#problem(at, key === null ? "no key" : "a list or map as a key", "a word before the colon");
    const { value } = key;
    if (typeof value !== "string") {
      const shown = key.source === undefined || key.source === "" ? "no key" : `the key ${key.source}, which is not text`;
      return this.#problem(at, shown, "a key that is text; a number or truth value in quotes is text");
    }
    if (value === "<<") return this.#problem(at, "a merge key (<<)", "the keys written out where they are meant");
    if (value === "__proto__") return this.#problem(at, 'the key "__proto__"', "another name");
    const hidden = forbiddenAt(value);
    if (hidden >= 0) return this.#problem(at, sayCharacter(value, hidden), PRINTABLE);
    return value;
  }

  #place(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line, column: col };
  }

  #problem(at: Place, found: string, expected: string): null {
    this.problems.push({ file: this.#file, ...at, found, expected });
    return null;
  }
}

function said(refusal: Refusal, text: string, file: string): Problem {
  return { file, ...positionIn(text, refusal.at), found: refusal.found, expected: refusal.expected };
}

function saySyntax(error: YAMLError, text: string, file: string): Problem {
  const [found, expected] = SYNTAX[error.code] ?? ["text that is not YAML here", error.message];
  return { file, ...positionIn(text, error.pos[0]), found, expected };
}

/** The library's error codes in a plant engineer's words. What the guard refuses before (tags, aliases, escapes, brackets) never arrives. */
const SYNTAX: Readonly<Partial<Record<YAMLError["code"], readonly [found: string, expected: string]>>> = {
  BAD_INDENT: ["an indentation that fits no level above", "the items of one map or list in one column"],
  BAD_SCALAR_START: ["a value that starts with a reserved character", "the value in quotes"],
  BLOCK_AS_IMPLICIT_KEY: [
    "a key inside a value",
    "one value after the colon (in quotes where it has a colon and a space), or its keys on lines of their own",
  ],
  BLOCK_IN_FLOW: ["an indented list or map inside brackets", "brackets all the way"],
  IMPOSSIBLE: ["text that is not YAML", "a YAML document"],
  KEY_OVER_1024_CHARS: ["a key of more than 1024 characters", "a short key"],
  MISSING_CHAR: ["text that goes on without a comma or colon", "a comma between values in brackets, or a colon and a space after a key"],
  MULTILINE_IMPLICIT_KEY: ["a key over several lines", "a colon after the key, on the key's line"],
  MULTIPLE_DOCS: ["a second document", "one document in a file"],
  TAB_AS_INDENT: ["a tab as indentation", "spaces"],
  UNEXPECTED_TOKEN: ["text that does not belong here", "a comma, a line end or the end of the document"],
};
