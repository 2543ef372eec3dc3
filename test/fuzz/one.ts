/** One target in a process of its own, over instrumented code (guide/register.ts). It is told what to do and says what came of it (process.ts). */
import { writeFileSync } from "node:fs";
import { fuzz } from "./engine.ts";
import { loadGuided } from "./guide/load.ts";
import { type Errand, LOADED, type Report } from "./process.ts";
import { inputFile } from "./repeat.ts";
import { readKept, writeKept } from "./store.ts";

// Nobody is left to tell.
process.once("disconnect", () => process.exit());
process.once("message", async (message) => {
  const { name, seed, inputs, seconds, heap, isKept } = message as Errand;
  const { target, guide } = await loadGuided(new URL(`./targets/${name}.ts`, import.meta.url), name);
  process.send?.(LOADED);
  const { kept, failure, words, ...figures } = await fuzz(target, {
    seed,
    inputs: inputs ?? Number.POSITIVE_INFINITY,
    seconds,
    heap,
    guide,
    kept: isKept ? readKept(name) : [],
  });
  if (isKept) writeKept(name, kept);
  const report: Report = { ...figures, name, words: words.size, coverage: guide.coverage, corpus: kept.length, failure: null };
  const done = (): void => process.disconnect();
  if (failure === null) process.send?.(report, done);
  else {
    const file = inputFile(name);
    writeFileSync(file, failure.smaller);
    const { why, smaller, input } = failure;
    process.send?.({ ...report, failure: { why, file, octets: smaller.length, from: input.length } } satisfies Report, done);
  }
});
