/**
 * A minute of guided fuzzing in all, shared by the targets, each in a process of its own: what `make fuzz` does at length. Three test files
 * have a part each, so that none takes long on a busy machine.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { send } from "./process.ts";
import { foundInputs } from "./repeat.ts";
import type { Target } from "./target.ts";
import { TARGETS } from "./targets.ts";

const SEED = 20_261_126;
const SECONDS = 60 / TARGETS.length;
/** For loading and the corpus on a busy machine; a test may take a minute. */
const GRACE_S = 45;

const ABOUT_SITES = [
  "quantities",
  "caseWords",
  "yamlText",
  "siteDocument",
  "receiveDocument",
  "pointsFile",
  "policyDocument",
  "casesDocument",
];
export const DECODERS = TARGETS.filter(({ inputs }) => inputs !== null);
export const DOCUMENTS = TARGETS.filter(({ name }) => ABOUT_SITES.includes(name));
export const PAPERS = TARGETS.filter((target) => !DECODERS.includes(target) && !DOCUMENTS.includes(target));

export function shareOfMinute(name: string, targets: readonly Target[]): void {
  const minute = suite(name);
  for (const target of targets) {
    minute(
      `${target.name}: ${foundInputs(target.name).length} found, the corpus, and ${SECONDS.toFixed(1)} s of mutated inputs`,
      async () => {
        const report = await send({ name: target.name, seed: SEED, inputs: null, seconds: SECONDS, heap: false, isKept: false }, GRACE_S);
        if (typeof report === "string") throw new Error(report);
        const { failure, complaint, mutated, coverage } = report;
        assert.is(failure === null ? complaint : `${failure.why}\n${failure.octets} octets: ${failure.file}`, null);
        assert.ok(mutated > 0 && coverage.edges > 0, `${mutated} inputs, ${coverage.edges} ways`);
      },
    );
  }
  minute.run();
}
