/**
 * A module that tells which ways it goes, or what it compares: the same statements on the same lines, and in between calls of tally.ts.
 *
 *     if (a < b) c();        if (a < b) {$.edges[7]++;c();} else $.edges[8]++;
 *                            if ($.compared["<"](3,a, b)) c();
 */
import { stripTypeScriptTypes } from "node:module";
import { type AnyNode, parse, type SwitchStatement } from "acorn";
import { compared, newEdge, newPlace } from "./tally.ts";

export type Telling = "ways" | "comparisons";

/** @param tally  URL of tally.ts */
export function instrument(source: string, telling: Telling, tally: string): string {
  const text = stripTypeScriptTypes(source);
  const tree = parse(text, { ecmaVersion: "latest", sourceType: "module", preserveParens: true });
  const written = new Writer(text, telling === "ways" ? counting : listening).write(tree);
  return `import * as $ from ${JSON.stringify(tally)};${written}`;
}

/**
 * What is written for a node in place of its text.
 *
 * @param text  the node's, what is in it written already
 * @returns     null: as it is
 */
type Rule = (node: AnyNode, parent: AnyNode | null, writer: Writer) => string | null;

class Writer {
  readonly #source: string;
  readonly #rule: Rule;

  constructor(source: string, rule: Rule) {
    this.#source = source;
    this.#rule = rule;
  }

  write(node: AnyNode, parent: AnyNode | null = null): string {
    return this.#rule(node, parent, this) ?? this.plain(node);
  }

  /** The node's own text between the children's. @param after  put behind this position */
  plain(node: AnyNode, after = -1, put = ""): string {
    let written = "";
    let at = node.start;
    for (const child of childrenOf(node)) {
      // A name that is key and value at once stands there twice.
      if (child.start < at) continue;
      written += this.#between(at, child.start, after, put) + this.write(child, node);
      at = child.end;
    }
    return written + this.#between(at, node.end, after, put);
  }

  indexOf(sign: string, from: number): number {
    return this.#source.indexOf(sign, from);
  }

  #between(from: number, to: number, after: number, put: string): string {
    const text = this.#source.slice(from, to);
    return after <= from || after > to ? text : text.slice(0, after - from) + put + text.slice(after - from);
  }
}

function childrenOf(node: AnyNode): readonly AnyNode[] {
  return Object.values(node)
    .flat()
    .filter((value): value is AnyNode => typeof value === "object" && value !== null && "type" in value && "start" in value)
    .sort((a, b) => a.start - b.start || b.end - a.end);
}

const count = (): string => `$.edges[${newEdge()}]++`;

function counting(node: AnyNode, parent: AnyNode | null, writer: Writer): string | null {
  if (parent !== null && isStep(node, parent)) return `{${count()};${counted(node, writer)}}`;
  if (parent !== null && isChoice(node, parent)) return `(${count()},${counted(node, writer)})`;
  return counted(node, writer);
}

function counted(node: AnyNode, writer: Writer): string {
  if (node.type === "IfStatement" && node.alternate === null) return `${writer.plain(node)} else ${count()};`;
  if (node.type !== "SwitchCase") return writer.plain(node);
  return writer.plain(node, 1 + writer.indexOf(":", node.test?.end ?? node.start), `${count()};`);
}

/** A statement that is reached or not. */
function isStep(node: AnyNode, parent: AnyNode): boolean {
  switch (parent.type) {
    case "IfStatement":
      return node === parent.consequent || node === parent.alternate;
    case "ForStatement":
    case "ForInStatement":
    case "ForOfStatement":
    case "WhileStatement":
    case "DoWhileStatement":
    case "CatchClause":
      return node === parent.body;
    case "FunctionDeclaration":
    case "FunctionExpression":
      return node === parent.body;
    case "ArrowFunctionExpression":
      return node === parent.body && !parent.expression;
    default:
      return false;
  }
}

/** An expression that is reached or not. */
function isChoice(node: AnyNode, parent: AnyNode): boolean {
  switch (parent.type) {
    case "ConditionalExpression":
      return node !== parent.test;
    case "LogicalExpression":
    case "AssignmentPattern":
      return node === parent.right;
    case "AssignmentExpression":
      return node === parent.right && ["??=", "||=", "&&="].includes(parent.operator);
    case "ArrowFunctionExpression":
      return node === parent.body && parent.expression;
    default:
      return false;
  }
}

const ASKED = ["has", "get", "startsWith", "endsWith", "includes"];

function listening(node: AnyNode, parent: AnyNode | null, writer: Writer): string | null {
  if (node.type === "BinaryExpression" && node.operator in compared) {
    return `$.compared["${node.operator}"](${newPlace()},${writer.write(node.left, node)},${writer.write(node.right, node)})`;
  }
  if (parent?.type === "SwitchStatement" && node === parent.discriminant) {
    return `$.chosen(${newPlace()},${writer.plain(node)},[${casesOf(parent)}])`;
  }
  if (node.type !== "CallExpression" || node.optional || node.arguments.length !== 1) return null;
  const { callee } = node;
  const [key] = node.arguments;
  if (key === undefined || key.type === "SpreadElement" || callee.type !== "MemberExpression" || callee.optional) return null;
  const { object, property } = callee;
  // Where `?.` stands before, nothing may be called at all.
  if (object.type === "Super" || property.type !== "Identifier" || callee.computed || !ASKED.includes(property.name) || isChain(object))
    return null;
  return `$.asked(${newPlace()},${writer.write(object, callee)},"${property.name}",${writer.write(key, node)})`;
}

function isChain(node: AnyNode): boolean {
  if (node.type === "MemberExpression") return node.optional || isChain(node.object);
  return node.type === "CallExpression" && (node.optional || isChain(node.callee));
}

/** Their values, where those are written down. */
function casesOf(node: SwitchStatement): string {
  return node.cases
    .flatMap(({ test }) => (test?.type === "Literal" ? [test.raw ?? ""] : test?.type === "Identifier" ? [test.name] : []))
    .join();
}
