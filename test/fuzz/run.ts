/**
 * Every reader of octets and texts from outside on mutated input, one after the other; beside them, in a process of its own, the two ways of
 * deciding against each other.
 *
 *     node test/fuzz/run.ts [--only NAME] [--seed N] [--inputs N] [--seconds N] [--pairs N]
 *     node test/fuzz/run.ts --only NAME --replay FILE      one input again: as it is, or as hex (FILE.hex)
 *
 * --inputs is for each target instead of its own number, --seconds ends each after so many, --pairs is for the decisions (0: none). The same
 * seed gives the same inputs, as far as the time reaches. What broke something is written to a file; kept as found/NAME/WORDS.hex with a line
 * `# why`, it is tried first from then on, by the short run among the tests too.
 */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { fuzz, type Result, tryOne } from "./engine.ts";
import { inputFile, readHexFile, sayRepeat } from "./repeat.ts";
import type { Target } from "./target.ts";
import { TARGETS } from "./targets.ts";

const DEFAULT_SECONDS = 30;
const PAIRS = 1_000_000;
const USAGE = 2;

const { values: flags } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    seed: { type: "string" },
    inputs: { type: "string" },
    seconds: { type: "string" },
    pairs: { type: "string" },
    replay: { type: "string" },
  },
});

const chosen = TARGETS.filter(({ name }) => flags.only === undefined || flags.only.includes(name));
const seed = numberOf("seed", flags.seed) ?? Date.now() % 2 ** 31;
const inputs = numberOf("inputs", flags.inputs);
const seconds = numberOf("seconds", flags.seconds) ?? DEFAULT_SECONDS;
const pairs = numberOf("pairs", flags.pairs) ?? (flags.only === undefined ? PAIRS : 0);
if (chosen.length === 0 || chosen.length < (flags.only?.length ?? 0)) usage(`one of: ${TARGETS.map(({ name }) => name).join(", ")}`);

if (flags.replay !== undefined) {
  if (flags.only === undefined || chosen.length !== 1) usage("--only NAME, the target whose input that is");
  process.exitCode = await replay(chosen[0] as Target, flags.replay);
} else {
  const deciding = pairs === 0 ? null : decisions();
  const sound = await all();
  const decided = await deciding;
  if (decided !== null) process.stdout.write(decided.said);
  process.exitCode = sound && decided?.agree !== false ? 0 : 1;
}

async function all(): Promise<boolean> {
  console.log(`seed ${seed}`);
  let sound = true;
  for (const target of chosen) {
    const result = await fuzz(target, { seed, inputs: inputs ?? target.inputs, seconds, heap: true });
    console.log(sayResult(target, result));
    sound &&= result.failure === null && result.complaint === null;
    if (result.failure === null) continue;
    const file = inputFile(target.name);
    writeFileSync(file, result.failure.smaller);
    console.log(`     ${result.failure.why.replaceAll("\n", "\n     ")}`);
    console.log(`     ${result.failure.smaller.length} octets, cut down from ${result.failure.input.length}: ${file}`);
    console.log(sayRepeat(target.name, file));
  }
  console.log(`seed ${seed}: ${sound ? "nothing broke" : "SOMETHING BROKE"}`);
  return sound;
}

function sayResult(target: Target, { inputs: count, accepted, words, seconds: took, longestMs, failure, complaint }: Result): string {
  const share = ((100 * accepted) / Math.max(1, count)).toFixed(1);
  const rate = Math.round(count / Math.max(0.001, took));
  const verdict = failure === null && complaint === null ? "ok  " : "FAIL";
  const columns = [
    `${verdict} ${target.name.padEnd(20)}`,
    `${count.toLocaleString("en")} inputs`.padStart(18),
    `${share} % accepted`.padStart(17),
    `${words.size} words`.padStart(11),
    `${rate.toLocaleString("en")}/s`.padStart(11),
    `slowest ${longestMs.toFixed(1)} ms`.padStart(17),
    `${took.toFixed(1)} s`.padStart(9),
  ];
  return `${columns.join("")}${complaint === null ? "" : `\n     ${complaint}`}`;
}

async function replay(target: Target, file: string): Promise<number> {
  const input = file.endsWith(".hex") ? readHexFile(file) : new Uint8Array(readFileSync(file));
  const why = await tryOne(target, input);
  console.log(why === null ? `ok   ${target.name}: nothing broke` : `FAIL ${target.name}: ${why}`);
  return why === null ? 0 : 1;
}

/** On the second core. */
async function decisions(): Promise<{ readonly agree: boolean; readonly said: string }> {
  const child = spawn(process.execPath, [...process.execArgv, path.join(import.meta.dirname, "policy.ts"), String(pairs), String(seed)], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const said: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => said.push(chunk));
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { agree: code === 0, said: Buffer.concat(said).toString() };
}

function numberOf(name: string, words: string | undefined): number | undefined {
  if (words === undefined) return undefined;
  const number = Number(words);
  if (!Number.isSafeInteger(number) || number < 0) usage(`a whole number after --${name}`);
  return number;
}

function usage(expected: string): never {
  console.error(`expected ${expected}`);
  process.exit(USAGE);
}
