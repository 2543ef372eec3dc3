/** Any text put to the YAML reader. What it takes is written again in one plain form (brackets, quotes) and must read as the same tree. */

import { parseDocument } from "yaml";
import { readYaml, type YamlNode } from "#documents/yaml";
import { SITE_YAML } from "../../config/sample.ts";
import { accepted, dictionaryOf, must, octetsOf, refused, type Target, textOf } from "../target.ts";
import { EXAMPLES, mustBePlaced } from "./documents.ts";

const FORMS = `a: 1
b: [1, -0x1F, 0o17, 1.5e3, .5, .inf, -.Inf, .nan, ~, null, true, FALSE, "1", 'it''s', plain text # no comment
  , {x: y, "z": "\\u00e4\\n"}]
c:
- - - deep
  - - er
- |
  kept
   as it is
- >-
  folded
  text
? d
: - e
f: ""
g:
`;

export const yamlText: Target = {
  name: "yamlText",
  limitMs: 100,
  inputs: null,
  most: 12_000,
  text: true,
  dictionary: dictionaryOf([
    ...[
      "*a",
      "&a",
      "!!int",
      "<<: x",
      "- ",
      ": ",
      "? ",
      "{",
      "}",
      "[",
      "]",
      "\n",
      "\t",
      '"',
      "'",
      "#",
      "|",
      ">",
      "|+",
      ">-2",
      "%YAML 1.1",
      "---",
      "...",
    ],
    ...[
      "null",
      "~",
      "true",
      "0x10",
      "0o7",
      ".inf",
      ".nan",
      "1e309",
      "__proto__: 1",
      "constructor",
      "\\u0000",
      "\\x",
      "\r\n",
      "\r",
      "\u202e",
      "\ufeff",
    ],
    ...["\u2028", "é", "💧", "          ", ", ", "{a: {b: {c: {d: {e: {f: {g: {h: "],
  ]),
  corpus: () =>
    [FORMS, SITE_YAML, ...EXAMPLES.flatMap(({ siteText, policyText, cases }) => [siteText, policyText, ...cases])].map((text) =>
      octetsOf(text).slice(0, 12_000),
    ),
  run(input) {
    const text = textOf(input);
    const read = readYaml("t.yaml", text);
    if (!read.ok) return refused(mustBePlaced(read.error, () => text));
    must(!hasDoubledKey(text), "a key a second time, and it is read");
    const { root } = read.value;
    const plain = plainOf(root);
    const again = readYaml("again.yaml", plain);
    must(again.ok, `what was read does not read again: ${again.ok ? "" : JSON.stringify(again.error[0])}`);
    must(plainOf(again.value.root) === plain, "what was read reads again as something else");
    return accepted(`${root.is}, ${depthOf(root)} deep`);
  },
};

/** As the library under the reader sees it; the reader looks for itself, to tell both lines. */
function hasDoubledKey(text: string): boolean {
  return parseDocument(text, { uniqueKeys: true, logLevel: "silent" }).errors.some(({ code }) => code === "DUPLICATE_KEY");
}

function plainOf(node: YamlNode): string {
  switch (node.is) {
    case "map":
      return `{${[...node.entries.values()].map(({ key, value }) => `${JSON.stringify(key)}: ${plainOf(value)}`).join(", ")}}`;
    case "list":
      return `[${node.items.map(plainOf).join(", ")}]`;
    case "text":
      return JSON.stringify(node.text);
    case "number":
      return node.source;
    case "flag":
      return String(node.value);
    case "nothing":
      return "null";
  }
}

function depthOf(node: YamlNode): number {
  if (node.is === "list") return 1 + Math.max(0, ...node.items.map(depthOf));
  return node.is === "map" ? 1 + Math.max(0, ...[...node.entries.values()].map(({ value }) => depthOf(value))) : 0;
}
