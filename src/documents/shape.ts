/**
 * What a document may say, declared once: the types of the loaded value, the check with its messages, and the JSON Schema for editors.
 *
 *     const SHAPE = keys({
 *       policy: name(),
 *       version: integer(1, 1_000_000),
 *       answer: oneOf(["exception", "drop", "close"]).optional(),
 *       timeout: parsed("a duration such as 1s", readDuration).default(1000),
 *       min: numeric("a number", parseDecimal),            // gets the digits as written
 *       roles: named(name(), listOf(RULE)),                // a map with free keys; in the value a plain object
 *       on: oneOrList(text()),                             // always an array in the value
 *     });
 *     const checked = checkShape(document, SHAPE);         // every problem with file:line:column
 *
 * Shapes are zod schemas, so `.optional()`, `.default()` and `.meta({ description })` work and `Value<typeof SHAPE>` is the type. Unknown keys
 * are problems. A shape's message is what would be right, never what is wrong: that is read from the document.
 */
import * as z from "zod";
import { err, ok, type Result } from "#wire";
import { MOST_PROBLEMS, nearest, type Problem, quoted } from "./problems.ts";
import type { Path, YamlDocument, YamlNode } from "./yaml.ts";

export type Shape<T = unknown> = z.ZodType<T>;
export type Value<S extends z.ZodType> = z.output<S>;
type Json = Readonly<Record<string, unknown>>;

/** A number of the document, as it was written. */
export class NumberText {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

const NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const NAME_IS = "a name of 1 to 64 letters, digits, _ . -";
const INTEGER = /^(?:-?(?:0|[1-9][0-9]{0,15})|0x[0-9a-fA-F]{1,12})$/;
const NUMBER = /^[-+]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][-+]?[0-9]{1,3})?$/;

/** A map with exactly these keys. */
export function keys<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  // The message of an unknown key is the list of known ones: `problemsOf` looks for the nearest in it.
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? Object.keys(shape).join(" ") : `a map with the keys ${sayKeys(shape)}`),
  });
}

/** A map with free keys of one shape. */
export function named<V extends z.ZodType>(key: z.ZodType<string, string>, value: V): z.ZodRecord<z.ZodType<string, string>, V> {
  return z.record(key, value, { error: () => "a map of names" });
}

export function listOf<V extends z.ZodType>(item: V, { min = 0, max = 10_000 } = {}): z.ZodArray<V> {
  return z
    .array(item, { error: "a list" })
    .min(min, { error: `a list of at least ${min}` })
    .max(max, { error: `a list of at most ${max}` });
}

/** One value or a list of them; an array either way. */
export function oneOrList<T>(item: z.ZodType<T>, { min = 1, max = 10_000 } = {}): z.ZodType<T[]> {
  return z.union([listOf(item, { min, max }), item.transform((value) => [value])]);
}

/** One of several shapes; `expected` is said where none comes near. */
export function either<const S extends readonly [z.ZodType, z.ZodType, ...z.ZodType[]]>(expected: string, ...shapes: S): z.ZodUnion<S> {
  return z.union(shapes, { error: () => expected });
}

/** Text, in quotes or not. Numbers and truth values need quotes to be text. */
export function text(expected = "text", { max = 1024 } = {}): z.ZodType<string> {
  return scalar<string>({ type: "string", maxLength: max }, (value) => {
    if (typeof value !== "string") return fail(value instanceof NumberText ? `${expected} (a number in quotes is text)` : expected);
    if (value === "") return fail(`${expected}, not empty`);
    return value.length > max ? fail(`${expected} of at most ${max} characters`) : value;
  });
}

/** RULINGS 16. Also fits as the key of `named`. */
export function name(expected = NAME_IS): z.ZodType<string, string> {
  return matching(NAME, expected);
}

export function isName(text: string): boolean {
  return NAME.test(text);
}

/** Text of a pattern; `expected` says it in words. */
export function matching(pattern: RegExp, expected: string): z.ZodType<string, string> {
  return z.string({ error: expected }).regex(pattern, { error: expected });
}

export function oneOf<const W extends readonly [string, ...string[]]>(
  words: W,
  expected = `one of: ${words.join(", ")}`,
): z.ZodEnum<{ [K in W[number]]: K }> {
  return z.enum(words, { error: () => expected });
}

/** Exactly this text. */
export function word<const W extends string>(only: W): z.ZodLiteral<W> {
  return z.literal(only, { error: () => quoted(only) });
}

export function flag(): z.ZodBoolean {
  return z.boolean({ error: "true or false" });
}

/** A whole number in decimal or 0x form. Octal and leading zeros are refused: readers disagree about them. */
export function integer(min: number, max: number, expected = `a whole number from ${min} to ${max}`): z.ZodType<number> {
  return scalar<number>({ type: "integer", minimum: min, maximum: max }, (value) => {
    if (!(value instanceof NumberText) || !INTEGER.test(value.source)) return fail(expected);
    const number = Number(value.source);
    return number >= min && number <= max ? number : fail(expected);
  });
}

/** A finite decimal number, handed to `read` as it was written; `read` gives the value or a reason (`what it is expected to be`). */
export function numeric<T extends object | number>(expected: string, read: (source: string) => T | string, json: Json = {}): z.ZodType<T> {
  return scalar<T>({ type: "number", ...json }, (value) => {
    if (!(value instanceof NumberText) || !NUMBER.test(value.source)) return fail(expected);
    const result = read(value.source);
    return typeof result === "string" ? fail(result) : result;
  });
}

/** A text with a grammar of its own (durations, prefixes, ranges): `read` gives the value, or says what would be right. Numbers come as written. */
export function parsed<T extends object | number>(expected: string, read: (text: string) => T | string, json: Json = {}): z.ZodType<T> {
  return scalar<T>({ type: "string", ...json }, (value) => {
    const source = value instanceof NumberText ? value.source : value;
    if (typeof source !== "string" || source === "") return fail(expected);
    const result = read(source);
    return typeof result === "string" ? fail(result) : result;
  });
}

/** A key that later work brings: known, so that nobody takes it for a slip of the hand, and refused until then. */
export function later(what: string): z.ZodOptional<z.ZodType<never>> {
  return scalar<never>({ not: {}, description: `${what}: comes with later work` }, () =>
    fail(`no such key yet: ${what} comes with later work`, true),
  ).optional();
}

/** @returns the typed value, or every problem (at most MOST_PROBLEMS), in the order of the document */
export function checkShape<S extends z.ZodType>(document: YamlDocument, shape: S): Result<z.output<S>, readonly Problem[]> {
  const result = shape.safeParse(plainOf(document.root));
  if (result.success) return ok(result.data);
  const problems = problemsOf(document, result.error.issues, []);
  problems.sort((a, b) => a.line - b.line || a.column - b.column);
  return err(problems.slice(0, MOST_PROBLEMS));
}

/** The JSON Schema (2020-12) of a shape as an editor wants it: what a person may write. */
export function jsonSchemaOf(shape: z.ZodType, title: string): Json {
  const { $schema, ...schema } = z.toJSONSchema(shape, { io: "input", unrepresentable: "any", reused: "inline" });
  return { $schema, title, ...schema };
}

/** The document as plain data: maps are objects without prototype, numbers keep their text. */
export function plainOf(node: YamlNode): unknown {
  switch (node.is) {
    case "map": {
      const object: Record<string, unknown> = Object.create(null);
      for (const { key, value } of node.entries.values()) object[key] = plainOf(value);
      return object;
    }
    case "list":
      return node.items.map(plainOf);
    case "text":
      return node.text;
    case "number":
      return new NumberText(node.source);
    case "flag":
      return node.value;
    case "nothing":
      return null;
  }
}

class Failure {
  readonly expected: string;
  /** The key is the fault, whatever its value. */
  readonly key: boolean;

  constructor(expected: string, key: boolean) {
    this.expected = expected;
    this.key = key;
  }
}

function fail(expected: string, key = false): Failure {
  return new Failure(expected, key);
}

function scalar<T>(json: Json, read: (value: unknown) => T | Failure): z.ZodType<T> {
  return z
    .unknown()
    .transform((value, context): T => {
      const result = read(value);
      if (!(result instanceof Failure)) return result;
      context.issues.push({ code: "custom", message: result.expected, input: value, params: { key: result.key } });
      return z.NEVER;
    })
    .meta(json);
}

function sayKeys(shape: z.ZodRawShape): string {
  return Object.keys(shape).slice(0, 8).join(", ");
}

type Issue = z.core.$ZodIssue;

function problemsOf(document: YamlDocument, issues: readonly Issue[], above: Path): Problem[] {
  return issues.flatMap((issue) => problemOf(document, issue, [...above, ...issue.path]));
}

function problemOf(document: YamlDocument, issue: Issue, path: Path): Problem[] {
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey(document, [...path, key], key, issue.message.split(" ")));
    case "invalid_key":
      return [document.keyProblem(path, issue.issues[0]?.message ?? NAME_IS)];
    case "invalid_union": {
      const nearer = issue.errors.filter((branch) => branch.every((inner) => inner.path.length > 0));
      if (nearer.length === 1) return problemsOf(document, nearer[0] as readonly Issue[], path);
      return [document.problem(path, issue.message === UNION_DEFAULT ? sayOne(issue.errors) : issue.message)];
    }
    case "custom":
      return [issue.params?.key === true ? keyToCome(document, path, issue.message) : document.problem(path, issue.message)];
    default:
      return [document.problem(path, issue.message)];
  }
}

/** zod's message of a union that states none: those of `oneOrList`. */
const UNION_DEFAULT = "Invalid input";

/** What one item would be, of one or a list of them. */
function sayOne(branches: readonly (readonly Issue[])[]): string {
  const one = branches.find(([issue]) => issue !== undefined && !(issue.code === "invalid_type" && issue.expected === "array"));
  return one?.[0]?.message ?? "a list";
}

function keyToCome(document: YamlDocument, path: Path, expected: string): Problem {
  return document.keyProblem(path, expected, `the key ${quoted(String(path.at(-1)))}`);
}

function unknownKey(document: YamlDocument, path: Path, key: string, known: readonly string[]): Problem {
  const near = nearest(key, known);
  const expected = near === null ? `one of the keys: ${known.join(", ")}` : `the key ${quoted(near)} (did you mean that?)`;
  return document.keyProblem(path, expected, `the unknown key ${quoted(key)}`);
}
