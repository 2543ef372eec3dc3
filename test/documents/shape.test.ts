import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { z } from "zod";
import { MOST_PROBLEMS, sayProblem } from "#documents/problems";
import { readDuration } from "#documents/quantities";
import {
  checkShape,
  either,
  flag,
  integer,
  jsonSchemaOf,
  keys,
  later,
  listOf,
  matching,
  name,
  named,
  numeric,
  oneOf,
  oneOrList,
  parsed,
  text,
  word,
} from "#documents/shape";
import { readYaml } from "#documents/yaml";

const shape = suite("documents/shape");

function check<S extends z.ZodType>(document: string, wanted: S): z.output<S> | readonly string[] {
  const read = readYaml("f", document);
  if (!read.ok) throw new Error(read.error.map(sayProblem).join("\n"));
  const checked = checkShape(read.value, wanted);
  return checked.ok ? checked.value : checked.error.map(sayProblem);
}

const RULE = keys({
  id: name(),
  allow: oneOrList(oneOf(["read", "write"])).optional(),
  include: oneOrList(name("the name of a role")).optional(),
  values: keys({
    min: numeric("a number", (digits) => ({ digits })).optional(),
    set: listOf(integer(0, 9), { min: 1, max: 3 }).optional(),
  }).optional(),
  hours: text("hours", { max: 10 }).optional(),
  state: later("interlocks"),
});
const DOCUMENT = keys({
  version: integer(1, 100),
  on: oneOf(["a", "b"]).default("a"),
  strict: flag().optional(),
  timeout: parsed("a duration", readDuration).optional(),
  kind: word("policy").optional(),
  file: matching(/^[a-z]+$/, "small letters").optional(),
  which: either("a number or a map", integer(0, 5), keys({ n: integer(0, 5) })).optional(),
  roles: named(name(), listOf(RULE)).optional(),
});

shape("values: defaults, lists of one, digits as written, quantities read", () => {
  const value = check(
    "version: 0x10\nstrict: true\ntimeout: 15m\nwhich: { n: 3 }\nroles:\n  op:\n    - { id: x, allow: read, values: { min: 0.10 } }\n    - { id: y, allow: [read, write] }\n",
    DOCUMENT,
  );
  assert.equal(value, {
    version: 16,
    on: "a",
    strict: true,
    timeout: 900_000,
    which: { n: 3 },
    roles: {
      op: [
        { id: "x", allow: ["read"], values: { min: { digits: "0.10" } } },
        { id: "y", allow: ["read", "write"] },
      ],
    },
  });
});

const role = (rule: string): string => `version: 1\nroles: { op: [${rule}] }`;
const FAULTS: readonly (readonly [document: string, ...said: string[]])[] = [
  ["", "f:1:1: found no value; expected a map with the keys version, on, strict, timeout, kind, file, which, roles"],
  ["- a", "f:1:1: found a list; expected a map with the keys version, on, strict, timeout, kind, file, which, roles"],
  ["on: a", "f:1:1: found no version; expected a whole number from 1 to 100"],
  ["version: one", 'f:1:10: found "one"; expected a whole number from 1 to 100'],
  ["version:", "f:1:9: found no value; expected a whole number from 1 to 100"],
  ["version: 101", "f:1:10: found 101; expected a whole number from 1 to 100"],
  ["version: 1.0", "f:1:10: found 1.0; expected a whole number from 1 to 100"],
  ["version: 010", "f:1:10: found 010; expected a whole number from 1 to 100"],
  ["version: 0o10", "f:1:10: found 0o10; expected a whole number from 1 to 100"],
  ["version: 1e1", "f:1:10: found 1e1; expected a whole number from 1 to 100"],
  ['version: "1"', 'f:1:10: found "1"; expected a whole number from 1 to 100'],
  ["version: [1]", "f:1:10: found a list; expected a whole number from 1 to 100"],
  ["version: 1\non: c", 'f:2:5: found "c"; expected one of: a, b'],
  ["version: 1\nstrict: yes", 'f:2:9: found "yes"; expected true or false'],
  ["version: 1\ntimeout: 15", "f:2:10: found 15; expected a duration with its unit, such as 250ms, 1s, 15m, 72h or 90d"],
  ["version: 1\ntimeout: []", "f:2:10: found an empty list; expected a duration"],
  ["version: 1\nkind: site", 'f:2:7: found "site"; expected "policy"'],
  ["version: 1\nfile: A", 'f:2:7: found "A"; expected small letters'],
  ["version: 1\nfile: 7", "f:2:7: found 7; expected small letters"],
  ["version: 1\nwhich: x", 'f:2:8: found "x"; expected a number or a map'],
  ["version: 1\nwhich: { n: 9 }", "f:2:13: found 9; expected a whole number from 0 to 5"],
  ["version: 1\nwhich: {}", "f:2:8: found no n; expected a whole number from 0 to 5"],
  ["version: 1\nversoin: 2", 'f:2:1: found the unknown key "versoin"; expected the key "version" (did you mean that?)'],
  [
    "version: 1\nxyzzy: 2",
    'f:2:1: found the unknown key "xyzzy"; expected one of the keys: version, on, strict, timeout, kind, file, which, roles',
  ],
  ["version: 1\nroles: [a]", "f:2:8: found a list; expected a map of names"],
  ["version: 1\nroles: { a b: [] }", 'f:2:10: found "a b"; expected a name of 1 to 64 letters, digits, _ . -'],
  ["version: 1\nroles: { op: x }", 'f:2:14: found "x"; expected a list'],
  [role("{ id: a b }"), 'f:2:21: found "a b"; expected a name of 1 to 64 letters, digits, _ . -'],
  [role("{ allow: read }"), "f:2:15: found no id; expected a name of 1 to 64 letters, digits, _ . -"],
  [role("{ id: a, allow: raed }"), 'f:2:31: found "raed"; expected one of: read, write'],
  [role("{ id: a, allow: [read, wirte] }"), 'f:2:38: found "wirte"; expected one of: read, write'],
  [role("{ id: a, allow: [] }"), "f:2:31: found an empty list; expected a list of at least 1"],
  [role("{ id: a, allow: 5 }"), "f:2:31: found 5; expected one of: read, write"],
  [role("{ id: a, include: 5 }"), "f:2:33: found 5; expected the name of a role"],
  [role("{ id: a, values: { min: .inf } }"), "f:2:39: found .inf; expected a number"],
  [role("{ id: a, values: { min: .nan } }"), "f:2:39: found .nan; expected a number"],
  [role('{ id: a, values: { min: "0" } }'), 'f:2:39: found "0"; expected a number'],
  [role("{ id: a, values: { set: [1, 2, 3, 4] } }"), "f:2:39: found a list; expected a list of at most 3"],
  [role("{ id: a, values: { set: [1, x] } }"), 'f:2:43: found "x"; expected a whole number from 0 to 9'],
  [role("{ id: a, values: { mni: 1 } }"), 'f:2:34: found the unknown key "mni"; expected the key "min" (did you mean that?)'],
  [role("{ id: a, hours: 7 }"), "f:2:31: found 7; expected hours (a number in quotes is text)"],
  [role('{ id: a, hours: "" }'), 'f:2:31: found ""; expected hours, not empty'],
  [role("{ id: a, hours: Mon-Fri 7-17 }"), 'f:2:31: found "Mon-Fri 7-17"; expected hours of at most 10 characters'],
  [role("{ id: a, state: x }"), 'f:2:24: found the key "state"; expected no such key yet: interlocks comes with later work'],
  [
    "version: 0\non: c\nb: 1",
    "f:1:10: found 0; expected a whole number from 1 to 100",
    'f:2:5: found "c"; expected one of: a, b',
    'f:3:1: found the unknown key "b"; expected one of the keys: version, on, strict, timeout, kind, file, which, roles',
  ],
];

for (const [document, ...said] of FAULTS) {
  shape(`${JSON.stringify(document)} is told as ${said.length === 1 ? "one problem" : `${said.length} problems`}`, () => {
    assert.equal(check(document, DOCUMENT), said);
  });
}

shape("keys that objects are born with are keys like others", () => {
  for (const born of ["constructor", "toString", "hasOwnProperty", "valueOf"]) {
    const said = check(`version: 1\n${born}: 1`, DOCUMENT);
    assert.match(String((said as readonly string[])[0]), new RegExp(`^f:2:1: found the unknown key "${born}"`));
  }
});

shape("problems are told in the order of the document, and no more than help", () => {
  const document = `version: 1\nroles:\n  op:\n${"    - { id: a b }\n".repeat(MOST_PROBLEMS + 30)}`;
  const said = check(document, DOCUMENT) as readonly string[];
  assert.is(said.length, MOST_PROBLEMS);
  assert.equal(
    said.map((line) => Number(line.split(":")[1])),
    Array.from({ length: MOST_PROBLEMS }, (_, i) => i + 4),
  );
});

shape("property: whatever tree a document holds, checking it does not throw, and a problem is one printable line", () => {
  const leaf = fc.oneof(fc.constantFrom("a", "1", "0.5", "true", "null", "[]", "{}", '""', "x y", "15m"));
  const part = fc.constantFrom("version", "on", "roles", "op", "id", "allow", "values", "min", "set", "which", "n", "state", "q");
  const node = fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { depthSize: "small", maxDepth: 5 },
      leaf,
      fc.array(tie("node"), { maxLength: 4 }).map((items) => `[${items.join(", ")}]`),
      fc
        .uniqueArray(fc.tuple(part, tie("node")), { maxLength: 5, selector: ([word]) => word })
        .map((entries) => `{${entries.map(([key, value]) => `${key}: ${value}`).join(", ")}}`),
    ),
  })).node;
  fc.assert(
    fc.property(node, (document) => {
      const said = check(document, DOCUMENT);
      if (Array.isArray(said)) for (const line of said) assert.match(line, /^f:\d+:\d+: found .+; expected .+$/);
    }),
    { numRuns: 1000 },
  );
});

shape("the JSON Schema says what a person may write", () => {
  const schema = JSON.parse(JSON.stringify(jsonSchemaOf(DOCUMENT, "Test")));
  assert.is(schema.title, "Test");
  assert.is(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
  assert.is(schema.additionalProperties, false);
  assert.equal(schema.required, ["version"]);
  assert.equal(schema.properties.version, { type: "integer", minimum: 1, maximum: 100 });
  assert.equal(schema.properties.on, { default: "a", type: "string", enum: ["a", "b"] });
  assert.equal(schema.properties.timeout, { type: "string" });
  assert.equal(schema.properties.roles.propertyNames.pattern, "^[A-Za-z0-9_.-]{1,64}$");
  const rule = schema.properties.roles.additionalProperties.items;
  assert.equal(rule.required, ["id"]);
  assert.equal(
    rule.properties.allow.anyOf.map((way: { type: string }) => way.type),
    ["array", "string"],
  );
  assert.equal(rule.properties.state.not, {});
});

shape.run();
