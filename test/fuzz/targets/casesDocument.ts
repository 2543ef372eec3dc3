/**
 * Cases beside a sound policy: refused with places, or asked of both ways of deciding, which agree.
 *
 *     0                 1..
 *     which example     the cases
 */
import { VOCABULARIES } from "#gateway/documents";
import { SPACES } from "#modbus/spaces";
import { loadCases, runCases } from "#policy/cases";
import { type Compiled, compile, finish } from "#policy/compile";
import { accepted, dictionaryOf, must, octetsOf, refused, type Target, textOf } from "../target.ts";
import { EXAMPLES, exampleOf, mustBePlaced } from "./documents.ts";
import { join } from "./modbus.ts";

const FILE = "a.cases.yaml";
const COMPILED: readonly Compiled[] = EXAMPLES.map(({ policy }) => finish(compile(policy, () => SPACES)));

export const casesDocument: Target = {
  name: "casesDocument",
  limitMs: 100,
  inputs: null,
  most: 12_000,
  text: true,
  dictionary: dictionaryOf([
    ...[
      "as: viewer",
      "as: [viewer, operator]",
      "as: 10.10.5.17",
      'as: "cn:bob@plant"',
      "as: {}",
      "manage: view",
      "unit: 0",
      "unit: 255",
      "expect: allow",
      "expect: deny",
    ],
    ...[
      "request: raw 3 = 00",
      "request: read holding 0-124",
      "request: mask holding 60 and 0 or 0xFFFF",
      "seen: { holding 40: 0xFFFF }",
      "seen: {}",
    ],
    ...[
      "changes: { holding 40: 1000000 }",
      "requests: 1000000",
      'at: "2026-11-24T10:00:00Z"',
      "rule: default",
      "code: split",
      "- ",
      "[]",
      "null",
      "by 16",
    ],
  ]),
  corpus: () => EXAMPLES.flatMap(({ cases }, i) => cases.map((text) => join([i], octetsOf(text)))),
  run(input) {
    const { policy } = exampleOf(input[0] ?? 0);
    const text = textOf(input.subarray(1));
    const loaded = loadCases({ file: FILE, text }, policy, VOCABULARIES);
    if (!loaded.ok) return refused(mustBePlaced(loaded.error, (file) => (file === FILE ? text : undefined)));
    const compiled = COMPILED[(input[0] ?? 0) % EXAMPLES.length] as Compiled;
    const { verdicts, failures } = runCases(policy, compiled, VOCABULARIES, [loaded.value]);
    must(verdicts.length === loaded.value.cases.length, "a case without a verdict");
    for (const { expected } of verdicts) must(expected?.includes("both ways of deciding") !== true, String(expected));
    for (const failure of failures) must(!/[\p{C}\p{Zl}\p{Zp}]/u.test(failure), "a failure that is not safe to print");
    return accepted(`${Math.min(5, failures.length)} failures, ${verdicts.at(-1)?.outcome.split(" ").slice(0, 2).join(" ")}`);
  },
};
