/** The guide: faults that are found with it and not without; what the instrumented code is; the forms a value may stand in. */
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "acorn";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fuzz, type Result } from "../engine.ts";
import { LONGEST_OPERAND, OCTET_FORMS, TEXT_FORMS, writeOperand } from "../operand.ts";
import type { Entry } from "../pool.ts";
import type { Target } from "../target.ts";
import type { Guide } from "./guide.ts";
import { instrumentAll } from "./hooks.ts";
import { instrument } from "./instrument.ts";
import { loadGuided } from "./load.ts";
import { asked, chosen, compared, heard, listen } from "./tally.ts";

const PLAN = { seed: 20_261_126, seconds: 50, heap: false } as const;
const BEHIND = new URL("../planted/behind.ts", import.meta.url);
const guided = suite("fuzz/guide");

guided.before(() => instrumentAll());

function run(target: Target, inputs: number, guide?: Guide<Entry>, kept: readonly Uint8Array[] = []): Promise<Result> {
  return fuzz(target, guide === undefined ? { ...PLAN, inputs, kept } : { ...PLAN, inputs, kept, guide });
}

for (const [name, most, smallest] of [
  ["behindSteps", 600_000, "PEN"],
  ["behindNumbers", 100_000, "\u009e\u0037\u0079\u00b9\u0006\u0006"],
  ["behindWords", 300_000, "discombobulate quarterdeck"],
] as const) {
  guided(`${name}: found with a guide, not without one in ${most.toLocaleString("en")} inputs`, async () => {
    const { target, guide } = await loadGuided(BEHIND, name);
    const { failure } = await run(target, most, guide);
    assert.match(failure?.why ?? "", /RangeError: (all the way|just these)/);
    assert.is(String.fromCharCode(...(failure?.smaller ?? [])), smallest);
    assert.is((await run(target, most)).failure, null);
  });
}

guided("the same seed gives the same inputs with a guide too", async () => {
  const seen = async (): Promise<string> => {
    const { target, guide } = await loadGuided(BEHIND, "behindSteps");
    const inputs: string[] = [];
    const spied: Target = {
      ...target,
      run: (input) => {
        inputs.push(Buffer.from(input).toString("hex"));
        return target.run(input);
      },
    };
    await run(spied, 3_000, guide);
    // An input that is looked at closely runs three times more, as the clock has it.
    return inputs.filter((input, i) => input !== inputs[i - 1]).join();
  };
  assert.is(await seen(), await seen());
});

guided("what one run keeps brings the next one as far at once", async () => {
  const first = await loadGuided(BEHIND, "behindWords");
  const { kept } = await run({ ...first.target, run: withoutFault(first.target) }, 20_000, first.guide);
  const { edges, features } = first.guide.coverage;
  const next = await loadGuided(BEHIND, "behindWords");
  await run({ ...next.target, run: withoutFault(next.target) }, 0, next.guide, kept);
  assert.is(next.guide.coverage.edges, edges);
  assert.is(next.guide.coverage.features, features);
  const nothing = await loadGuided(BEHIND, "behindWords");
  await run(nothing.target, 0, nothing.guide);
  assert.ok(nothing.guide.coverage.edges < edges);
});

function withoutFault({ run: own }: Target): Target["run"] {
  return (input) => {
    try {
      return own(input);
    } catch {
      return { accepted: true, word: "fault" };
    }
  };
}

const WAYS = [
  ["if (a) b();", "if (a) {N;b();} else N;"],
  ["if (a) { b(); } else if (c) d();", "if (a) {N;{ b(); }} else {N;if (c) {N;d();} else N;}"],
  ["if (a) if (b) c(); else d();", "if (a) {N;if (b) {N;c();} else {N;d();}} else N;"],
  ["for (const a of b) if (c) break;", "for (const a of b) {N;if (c) {N;break;} else N;}"],
  ["switch (a) { case 1: b(); break; default: }", "switch (a) { case 1:N; b(); break; default:N; }"],
  ["const a = b ? c : d ?? e;", "const a = b ? (N,c) : (N,d ?? (N,e));"],
  ["const a = (b) => ({ b });", "const a = (b) => (N,({ b }));"],
  ["function f({ a = 1, b }) { return a; }", "function f({ a = (N,1), b }) {N;{ return a; }}"],
  ["a ??= b;", "a ??= (N,b);"],
  ["try { a(); } catch { b(); }", "try { a(); } catch {N;{ b(); }}"],
  ["const a: number = b as number;", "const a         = b          ;"],
] as const;
const COMPARISONS = [
  ["const a = b === 1 && c.x < 2;", 'const a = $.compared["==="](P,b,1) && $.compared["<"](P,c.x,2);'],
  ['switch (a) { case 1: case B: case f(): case "x": }', 'switch ($.chosen(P,a,[1,B,"x"])) { case 1: case B: case f(): case "x": }'],
  ["a.b().has(c === d);", '$.asked(P,a.b(),"has",$.compared["==="](P,c,d));'],
  ["a?.b.has(c); super.has; a.has(...b); a.get(b, c);", null],
] as const;

guided("an instrumented module is the same statements on the same lines, and tells its ways", () => {
  for (const [source, expected] of WAYS) {
    const told = instrument(`a;\n${source}`, "ways", "tally").split("\n")[1] as string;
    assert.is(told.replace(/\$\.edges\[\d+\]\+\+/g, "N"), expected);
  }
});

guided("every module of the rooms can be instrumented", () => {
  const root = path.resolve(import.meta.dirname, "../../..");
  const files = globSync("{protocols,src}/**/*.ts", { cwd: root });
  assert.ok(files.length > 200);
  for (const file of files) {
    const source = readFileSync(path.join(root, file), "utf8");
    for (const telling of ["ways", "comparisons"] as const) {
      const told = instrument(source, telling, "tally");
      assert.is(told.split("\n").length, source.split("\n").length, file);
      parse(told, { ecmaVersion: "latest", sourceType: "module" });
    }
  }
});

guided("its second copy tells its comparisons", () => {
  for (const [source, expected] of COMPARISONS) {
    const text = source.includes("super") ? `class A extends B { c() { ${source} } }` : source;
    const told = instrument(text, "comparisons", "tally").replace(/^import \* as \$ from "tally";/, "");
    assert.is(told.replace(/\((\d+),/g, "(P,"), expected ?? text);
  }
});

guided("operators, switches and tables answer as they would, and are heard", () => {
  listen();
  assert.is(compared["==="](0, 1, "1"), false);
  assert.is(compared["<"](1, 2, 3), true);
  assert.is(compared[">="](2, 2, 2), true);
  assert.is(chosen(3, "a", ["b", "a"]), "a");
  assert.is(asked(4, new Map([["k", 7]]), "get", "k"), 7);
  assert.is(asked(5, new Set(["k"]), "has", "x"), false);
  assert.is(asked(6, "penstock", "startsWith", "pel"), false);
  assert.equal(heard(), [
    [2, 3],
    ["a", "b"],
    ["x", "k"],
    ["pen", "pel"],
  ]);
  compared["==="](7, 1, 2);
  assert.equal(heard(), []);
});

guided("a value stands in octets as it may stand in an input", () => {
  const target = new Uint8Array(LONGEST_OPERAND);
  const written = (...[value, form]: [Parameters<typeof writeOperand>[0], Parameters<typeof writeOperand>[1]]): string =>
    Buffer.from(target.subarray(0, writeOperand(value, form, target))).toString("hex");
  assert.is(written(258, 2), "0102");
  assert.is(written(258, -2), "0201");
  assert.is(written(-1, 1), "ff");
  assert.is(written(0xffff_fffe, 4), "fffffffe");
  assert.is(written(0x1_0000_0000, 4), "");
  assert.is(written(2 ** 40, -8), "0000000000010000");
  assert.is(written(-2n, 8), "fffffffffffffffe");
  assert.is(written(1.5, 4), "");
  assert.is(written(35, 0), "3335");
  assert.is(written("ab", 0), "6162");
  assert.is(written("ab", 1), "");
  assert.is(written("x".repeat(LONGEST_OPERAND), 0), "");
  assert.ok([...OCTET_FORMS, ...TEXT_FORMS].every((form) => writeOperand(1, form, target) <= 8));
});

guided.run();
