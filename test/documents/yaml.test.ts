import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { stringify } from "yaml";
import { MOST_PROBLEMS, type Problem, sayProblem } from "#documents/problems";
import { readYaml, type YamlDocument, type YamlNode } from "#documents/yaml";
import { YAML_CAPS } from "#documents/yamlGuard";

const yaml = suite("documents/yaml");

function read(text: string): YamlDocument {
  const result = readYaml("f.yaml", text);
  if (!result.ok) throw new Error(result.error.map(sayProblem).join("\n"));
  return result.value;
}

function problems(text: string): readonly Problem[] {
  const result = readYaml("f.yaml", text);
  return result.ok ? [] : result.error;
}

/** The tree without its places. */
function plain(node: YamlNode): unknown {
  switch (node.is) {
    case "map":
      return Object.fromEntries([...node.entries.values()].map(({ key, value }) => [key, plain(value)]));
    case "list":
      return node.items.map(plain);
    case "text":
      return node.text;
    case "number":
      return Number(node.source);
    case "flag":
      return node.value;
    case "nothing":
      return null;
  }
}

/** What the language allows and our documents do not, each where it stands. */
const REFUSED: readonly (readonly [text: string, place: string, found: RegExp])[] = [
  ["%YAML 1.2\n---\na: 1", "1:1", /^a directive \(%YAML 1\.2\)$/],
  ["a: 1\nb: &base 2", "2:4", /^an anchor \(&base\)$/],
  ["a: *base", "1:4", /^an alias \(\*base\)$/],
  ["on: *", "1:5", /^an alias/],
  ["a: !!str 1", "1:4", /^a tag \(!!str\)$/],
  ["- !local x", "1:3", /^a tag \(!local\)$/],
  ["a: 1\n<<: { b: 2 }", "2:1", /^a merge key \(<<\)$/],
  ["a: 1\nb: 2\na: 3", "3:1", /^the key "a" a second time$/],
  ['a: 1\n"a": 3', "2:1", /^the key "a" a second time$/],
  ["a: { b: 1, c: 2, b: 3 }", "1:18", /^the key "b" a second time$/],
  ["a: 1\n---\nb: 2", "2:1", /^a second document$/],
  ["a: 1\n...\nb: 2", "3:1", /^a second document$/],
  ["1: a", "1:1", /^the key 1, which is not text$/],
  ["x:\n  true: a", "2:3", /^the key true, which is not text$/],
  ["null: a", "1:1", /^the key null, which is not text$/],
  [": a", "1:1", /^no key$/],
  ["? [a, b]\n: c", "1:3", /^a list or map as a key$/],
  ["{ a: 1 }: 2", "1:1", /^a list or map as a key$/],
  ["a: 1\n__proto__: 2", "2:1", /^the key "__proto__"$/],
  ["a: x\u0007", "1:5", /^a non-printing character \(U\+0007\)$/],
  ["a: x\u200by", "1:5", /^a non-printing character \(U\+200B\)$/],
  ["a: x\ry", "1:5", /^a non-printing character \(U\+000D\)$/],
  ["\ufeffa: 1", "1:1", /^a non-printing character \(U\+FEFF\)$/],
  ["a: 1 # \u202e", "1:8", /^a bidirectional control character \(U\+202E\)$/],
  ["a: 1\nb: \u2066x", "2:4", /^a bidirectional control character \(U\+2066\)$/],
  ['a: "\\u202e"', "1:4", /^a bidirectional control character \(U\+202E\)$/],
  ['a: "x\\0"', "1:4", /^a non-printing character \(U\+0000\)$/],
  ['"\\x07": 1', "1:1", /^a non-printing character \(U\+0007\)$/],
  ['a: "\\q"', "1:5", /^an unknown escape \(\\q\)$/],
  ['a: "\\u12"', "1:5", /^an unknown escape \(\\u\)$/],
  ['a: "b', "1:4", /^an opening quote that is never closed$/],
  ["a: 'b\nc: 1", "1:4", /^an opening quote that is never closed$/],
  ["a: [b, c", "1:4", /^an opening bracket that is never closed$/],
  ["a: { b: [c }", "1:12", /^a closing bracket of the other kind$/],
  ["a: ]", "1:4", /^a closing bracket that was never opened$/],
  ["a: [1, , 2]", "1:8", /^a comma without a value before it$/],
  ["a: b: c", "1:4", /^a key inside a value$/],
  ["a: 1\n\tb: 2", "2:1", /./],
  ["a:\n\tb: 2", "2:1", /^a tab as indentation$/],
  ["a:\n  b: 1\n c: 2", "3:1", /^an indentation that fits no level above$/],
  ["a: @x", "1:4", /^a value that starts with a reserved character$/],
  ["a\nb: 1", "1:1", /^a key over several lines$/],
  ["a: 'b' c", "1:8", /^text that does not belong here$/],
];

for (const [text, place, found] of REFUSED) {
  yaml(`RULINGS 16: refused at ${place}: ${JSON.stringify(text)}`, () => {
    const [first, ...more] = problems(text);
    assert.is(first && `${first.line}:${first.column}`, place);
    assert.match(first?.found ?? "", found);
    assert.not.equal(first?.expected, "");
    assert.equal(more, []);
  });
}

yaml("every problem of a tree is told, in the order of the document", () => {
  const found = problems("a: 1\na: 2\n1: 3\nb:\n  <<: 1\n  c: 1\n  c: 2\n").map(({ line, column }) => `${line}:${column}`);
  assert.equal(found, ["2:1", "3:1", "5:3", "7:3"]);
});

yaml("more problems than help are not told", () => {
  const text = Array.from({ length: MOST_PROBLEMS + 20 }, () => "a: 1\n").join("");
  assert.is(problems(text).length, MOST_PROBLEMS);
});

yaml("RULINGS 16: YAML 1.2 core, not 1.1: yes, on, no, 1:30 and 0777 are what they look like", () => {
  const { root } = read('a: yes\nb: on\nc: 1:30\nd: 12e3\ne: 0x1F\nf: True\ng: ~\nh: "1"\ni: .5\nj: 2026-11-24\nk: 0o17\n');
  const kinds = root.is === "map" ? [...root.entries.values()].map(({ value }) => value.is) : [];
  assert.equal(kinds, ["text", "text", "text", "number", "number", "flag", "nothing", "text", "number", "text", "number"]);
});

yaml("RULINGS 7: numbers keep the digits that were written", () => {
  const written = ["0.1", "-0.10", "+3", "18446744073709551615", "1e-400", "0x10", "00040", "3.14159265358979323846264338327950288"];
  const document = read(written.map((digits, i) => `k${i}: ${digits}`).join("\n"));
  for (const [i, digits] of written.entries()) {
    const node = document.node([`k${i}`]);
    assert.is(node?.is === "number" ? node.source : node?.is, digits);
  }
});

yaml("places are those of keys and values, and of the nearest thing above what is missing", () => {
  const document = read("roles:\n  operator:\n    - { id: feed, on:   boiler-1 }\n    - include: viewer\n");
  assert.equal(document.place(["roles", "operator", 0, "on"]), { line: 3, column: 25 });
  assert.equal(document.keyPlace(["roles", "operator", 0, "on"]), { line: 3, column: 19 });
  assert.equal(document.place(["roles", "operator", 1]), { line: 4, column: 7 });
  assert.equal(document.place(["roles", "operator", 1, "allow"]), { line: 4, column: 7 });
  assert.equal(document.keyPlace(["roles", "operator"]), { line: 2, column: 3 });
  assert.is(document.line(["roles", "operator", 0, "id"]), 3);
  assert.is(document.node(["roles", "nobody"]), null);
  assert.is(document.node(["roles", "operator", "0"]), null, "a list has positions, not keys");
  assert.is(sayProblem(document.problem(["roles", "operator", 0, "on"], "an asset")), 'f.yaml:3:25: found "boiler-1"; expected an asset');
  assert.is(sayProblem(document.problem(["roles", "operator", 0, "rate"], "a rate")), "f.yaml:3:7: found no rate; expected a rate");
  assert.is(
    sayProblem(document.keyProblem(["roles", "operator"], "a role somebody has")),
    'f.yaml:2:3: found "operator"; expected a role somebody has',
  );
});

yaml("a name that is nearly right is offered, else the list of what there is", () => {
  const document = read("a: boilr-1\nb: pump\n");
  assert.match(document.unknown(["a"], "an asset", ["boiler-1", "feeder"]).expected, /^an asset "boiler-1" \(did you mean that\?\)$/);
  assert.is(document.unknown(["b"], "an asset", ["boiler-1", "feeder"]).expected, "an asset, one of: boiler-1, feeder");
  assert.is(document.unknown(["b"], "an asset", []).expected, "an asset, but there is none");
});

yaml("block texts are read as they stand", () => {
  const { root } = read("a: |\n  one\n   two\nb: >-\n  one\n  two\nc: |+\n  x\n\n");
  assert.equal(plain(root), { a: "one\n two\n", b: "one two", c: "x\n\n" });
});

yaml("an empty document, and one of comments only, is no value", () => {
  for (const text of ["", "\n\n", "# nothing yet\n", "---\n"]) assert.is(read(text).root.is, "nothing");
});

const scalar = fc.oneof(
  fc.string({ unit: "grapheme-ascii", maxLength: 30 }),
  fc.constantFrom(
    "",
    " ",
    "yes",
    "0x10",
    "- a",
    "a: b",
    "#",
    "*x",
    "&x",
    "!t",
    "[",
    "]",
    "{",
    "}",
    "'",
    '"',
    "|",
    ">",
    "%",
    "@",
    "~",
    "null",
    "1e5",
    ".5",
  ),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
);
const key = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_.-]{0,12}$/).filter((word) => !["null", "true", "false"].includes(word.toLowerCase()));
const tree = fc.letrec<{ node: unknown }>((tie) => ({
  node: fc.oneof(
    { depthSize: "small", maxDepth: 4 },
    scalar,
    fc.array(tie("node"), { maxLength: 5 }),
    fc.uniqueArray(fc.tuple(key, tie("node")), { maxLength: 5, selector: ([word]) => word }).map((entries) => Object.fromEntries(entries)),
  ),
})).node;

yaml("property: whatever is written in plain, quoted and flow style is read as it was meant", () => {
  fc.assert(
    fc.property(tree, fc.constantFrom("PLAIN", "QUOTE_DOUBLE", "QUOTE_SINGLE"), fc.boolean(), (value, defaultStringType, flow) => {
      const text = stringify(value, {
        defaultStringType,
        defaultKeyType: "PLAIN",
        collectionStyle: flow ? "flow" : "block",
        aliasDuplicateObjects: false,
      });
      assert.equal(plain(read(text).root), value);
    }),
    { numRuns: 500 },
  );
});

/** Bits of YAML that a grammar is likely to stumble over. */
const shards = fc.array(
  fc.oneof(
    fc.constantFrom(
      "a",
      "b: ",
      ": ",
      "- ",
      "? ",
      "[",
      "]",
      "{",
      "}",
      ", ",
      "\n",
      "\n  ",
      "\n\t",
      "\r\n",
      " ",
      '"',
      "'",
      "\\",
      "|",
      ">",
      "|2-",
      "#",
      "&",
      "*",
    ),
    fc.constantFrom(
      "!",
      "%",
      "@",
      "`",
      "~",
      "---",
      "...",
      "\n---\n",
      "<<",
      "0.1",
      "0x",
      "1e9",
      "\\u202e",
      "\u202e",
      "\u0000",
      "\ufeff",
      "\u2028",
      "\ud800",
      "𝒳",
    ),
    fc.string({ unit: "binary", maxLength: 5 }),
  ),
  { maxLength: 60 },
);

yaml("property: no text makes the reader throw, and each problem stands inside the text", () => {
  fc.assert(
    fc.property(shards, (parts) => {
      const text = parts.join("");
      const lines = text.split("\n");
      for (const problem of problems(text)) {
        assert.ok(problem.line >= 1 && problem.line <= lines.length, sayProblem(problem));
        assert.ok(problem.column >= 1 && problem.column <= (lines[problem.line - 1]?.length ?? 0) + 1, sayProblem(problem));
        assert.not.match(sayProblem(problem), /[\p{C}\p{Zl}\p{Zp}]/u);
        assert.ok(sayProblem(problem).length < 600, "a problem is one clear line");
      }
    }),
    { numRuns: 3000 },
  );
});

yaml("caps: octets, depth, values and lines, each reached and each one more refused", () => {
  const caps = { octets: 40, depth: 3, nodes: 12, lines: 5 };
  const first = (text: string) => {
    const result = readYaml("f", text, caps);
    return result.ok ? "ok" : result.error[0]?.found;
  };
  assert.is(first("a".repeat(40)), "ok");
  assert.is(first("a".repeat(41)), "41 octets");
  assert.is(first("ä".repeat(21)), "42 octets");
  assert.is(first("[[[a]]]"), "ok");
  assert.is(first("[[[[a]]]]"), "lists and maps nested more than 3 deep");
  assert.is(first("a:\n b:\n  c: 1"), "ok");
  assert.is(first("a:\n b:\n  c:\n   d: 1"), "lists and maps nested more than 3 deep");
  assert.is(first("[1,2,3,4,5,6,7,8,9,0,1]"), "ok");
  assert.is(first("[1,2,3,4,5,6,7,8,9,0,1,2]"), "more than 12 values");
  assert.is(first("a\n\n\n\n\n"), "ok");
  assert.is(first("a\n\n\n\n\n\n"), "more than 5 lines");
});

const MANY = YAML_CAPS.octets - 8;
const fill = (part: string): string => part.repeat(Math.floor(MANY / part.length));
/** The largest texts the caps let in, each of one kind that some YAML reader takes quadratic time for. */
const LARGE: readonly (readonly [name: string, text: string])[] = [
  ["open brackets", fill("[")],
  ["stray commas", `[${fill(",")}]`],
  ["stray closing brackets", fill("]")],
  ["bad escapes", `"${fill("\\q")}"`],
  ["one key again and again", fill("a: 1\n")],
  ["as many different keys as fit", Array.from({ length: 190_000 }, (_, i) => `k${i}: 1\n`).join("")],
  ["dashes", fill("- ")],
  ["quotes", fill('"')],
  ["blank lines in brackets", `[${"\n".repeat(YAML_CAPS.lines)}]`],
  ["a text over many lines", `a: >\n${` ${"x".repeat(30)}\n\n`.repeat(YAML_CAPS.lines / 2 - 1)}`],
  ["digits", `a: ${fill("1")}`],
  ["one long tag", fill("!")],
  ["lines", fill("\n")],
];

for (const [name, text] of LARGE) {
  yaml(`a document as large as the caps allow is done within bounded time: ${name}`, () => {
    const started = process.cpuUsage();
    const result = readYaml("f.yaml", text);
    const { user, system } = process.cpuUsage(started);
    assert.ok((user + system) / 1e6 < 15, `${(user + system) / 1e6} s of CPU`);
    if (!result.ok) assert.ok(result.error.every((problem) => sayProblem(problem).length < 600));
  });
}

yaml.run();
