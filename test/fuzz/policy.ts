/**
 * The compiled decision against the naive one, for as long as it is told to.
 *
 *     node test/fuzz/policy.ts [questions, 1000000] [seed, the time of day]
 */
import { compare, newTally } from "../policy/engine/twins.ts";

const questions = Number(process.argv[2] ?? 1_000_000);
const seed = Number(process.argv[3] ?? Date.now() % 2 ** 31);
if (!Number.isSafeInteger(questions) || questions < 1 || !Number.isSafeInteger(seed)) {
  console.error("usage: node test/fuzz/policy.ts [questions] [seed]");
  process.exit(2);
}

const tally = newTally();
const started = performance.now();
let difference: string | null = null;
for (let part = 1; difference === null && tally.pairs < questions; part++) {
  difference = compare(seed + part, Math.min(questions, part * 50_000), tally);
  const seconds = (performance.now() - started) / 1000;
  process.stderr.write(`\r${tally.pairs} questions, ${tally.policies} policies, ${seconds.toFixed(0)} s`);
}
process.stderr.write("\n");
for (const [code, count] of [...tally.codes].sort((a, b) => b[1] - a[1])) console.log(`${String(count).padStart(10)}  ${code}`);
console.log(
  `${tally.pairs} questions to ${tally.policies} policies, seed ${seed}: ${difference === null ? "no difference" : "THE TWINS DIFFER"}`,
);
if (difference !== null) {
  console.log(difference);
  process.exitCode = 1;
}
