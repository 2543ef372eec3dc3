/** What the targets of documents share: the example sites of policies/ and examples/, and what must hold of every problem that is told. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { loadSite } from "#config/load";
import type { Site } from "#config/site";
import { MOST_PROBLEMS, type Problem, sayProblem, UserProblems } from "#documents/problems";
import { VOCABULARIES } from "#gateway/documents";
import { loadPolicy } from "#policy/load";
import type { Policy } from "#policy/model";
import type { AssetModel } from "#process/points";
import { gist, must } from "../target.ts";

const root = path.resolve(import.meta.dirname, "../../..");

export interface Example {
  readonly siteText: string;
  readonly site: Site;
  /** By base name. */
  readonly points: ReadonlyMap<string, string>;
  readonly assets: ReadonlyMap<string, AssetModel>;
  readonly policyText: string;
  readonly policy: Policy;
  readonly cases: readonly string[];
}

export const EXAMPLES: readonly Example[] = [
  "policies/boiler-house",
  "policies/solar-plant",
  "policies/water-pumping-station",
  "examples/smallest",
].map((name) => {
  const folder = path.join(root, name);
  const read = (file: string): string => readFileSync(path.resolve(folder, file), "utf8");
  const namesIn = (part: string): string[] => readdirSync(path.join(folder, part)).sort();
  const siteText = read("site.yaml");
  const { site } = sound(loadSite({ file: path.join(folder, "site.yaml"), text: siteText }, read, VOCABULARIES));
  const assets = new Map([...site.assets].map(([asset, { model }]) => [asset, model]));
  const policyText = read("policy.yaml");
  return {
    siteText,
    site,
    points: new Map(namesIn("points").map((file) => [file, read(`points/${file}`)])),
    assets,
    policyText,
    policy: sound(loadPolicy({ file: "policy.yaml", text: policyText }, assets, VOCABULARIES)),
    cases: namesIn(".")
      .filter((file) => file.endsWith(".cases.yaml"))
      .map(read),
  };
});

export function exampleOf(index: number): Example {
  return EXAMPLES[index % EXAMPLES.length] as Example;
}

function sound<T>(read: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: readonly Problem[] }): T {
  if (!read.ok) throw new Error(read.error.map(sayProblem).join("\n"));
  return read.value;
}

/** As the commands print what a person did wrong. */
export function mustPrint(words: string): void {
  const printed = new UserProblems([words]).lines.join();
  must(!/[\p{C}\p{Zl}\p{Zp}]/u.test(printed), `words that are not safe to print: ${JSON.stringify(printed)}`);
}

/**
 * Every problem has a place that is there and words for both halves, safe to print.
 *
 * @param textOf what stands in the file a problem names; undefined: there is no such file
 * @returns      the first one's plain words
 */
export function mustBePlaced(problems: readonly Problem[], textOf: (file: string) => string | undefined): string {
  must(problems.length > 0 && problems.length <= MOST_PROBLEMS, `${problems.length} problems`);
  for (const problem of problems) {
    const said = sayProblem(problem);
    const text = textOf(problem.file);
    must(text !== undefined, `a problem of a file nobody has: ${said}`);
    const lines = text.split("\n");
    must(problem.line >= 1 && problem.line <= lines.length, `no such line: ${said}`);
    const length = (lines[problem.line - 1] as string).length;
    must(problem.column >= 1 && problem.column <= length + 1, `no such column: ${said}`);
    must(problem.found !== "" && problem.expected !== "", `half a problem: ${said}`);
    must(!/[\p{C}\p{Zl}\p{Zp}]/u.test(said), `a problem that is not safe to print: ${JSON.stringify(said)}`);
  }
  const first = problems[0] as Problem;
  return gist(`${first.found}; expected ${first.expected}`);
}
