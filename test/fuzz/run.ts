/**
 * Every reader of octets and texts from outside on mutated input, guided by the ways its code goes (guide/), and the two ways of deciding
 * against each other. Each in a process of its own, two at a time.
 *
 *     node test/fuzz/run.ts [--only NAME ...] [--seed N] [--inputs N] [--seconds N] [--pairs N] [--fresh]
 *     node test/fuzz/run.ts --only NAME --replay FILE      one input again: as it is, or as hex (FILE.hex)
 *
 * A decoder ends after its 10,000,000 inputs, a DNP3 session after 2,000,000, a document's reader after 40 seconds: some twenty minutes in all,
 * on two cores. --inputs is for each target instead of its own number, --seconds ends each after so many, --pairs is for the decisions (0:
 * none). Inputs that go new ways are kept in .cache/fuzz/NAME, where the next run goes on from them; --fresh begins with the corpus alone, and
 * then the same seed gives the same inputs, as far as the time reaches.
 *
 * What broke something is made as small as it can be and written to a file. Kept as found/NAME/WORDS.hex with a line `# why`, it is tried
 * first from then on, among the tests too.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { tryOne } from "./engine.ts";
import { type Report, send } from "./process.ts";
import { readHexFile, sayRepeat } from "./repeat.ts";
import type { Target } from "./target.ts";
import { TARGETS } from "./targets.ts";

const DOCUMENT_SECONDS = 40;
/** A decoder that has not had its inputs by then has failed, however much else the machine has to do. */
const DECODER_SECONDS = 10_800;
const PAIRS = 1_000_000;
const AT_ONCE = 2;
const USAGE = 2;

const { values: flags } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    seed: { type: "string" },
    inputs: { type: "string" },
    seconds: { type: "string" },
    pairs: { type: "string" },
    fresh: { type: "boolean" },
    replay: { type: "string" },
  },
});

const chosen = TARGETS.filter(({ name }) => flags.only === undefined || flags.only.includes(name));
const seed = numberOf("seed", flags.seed) ?? Date.now() % 2 ** 31;
const inputs = numberOf("inputs", flags.inputs);
const seconds = numberOf("seconds", flags.seconds);
const pairs = numberOf("pairs", flags.pairs) ?? (flags.only === undefined ? PAIRS : 0);
if (chosen.length === 0 || chosen.length < (flags.only?.length ?? 0)) usage(`one of: ${TARGETS.map(({ name }) => name).join(", ")}`);

if (flags.replay !== undefined) {
  if (flags.only === undefined || chosen.length !== 1) usage("--only NAME, the target whose input that is");
  process.exitCode = await replay(chosen[0] as Target, flags.replay);
} else process.exitCode = (await all()) ? 0 : 1;

/** The slowest decoder first, so that nothing is left to wait for at the end. */
async function all(): Promise<boolean> {
  const started = performance.now();
  console.log(`seed ${seed}`);
  const tasks = [...chosen].sort((a, b) => weight(b) - weight(a)).map((target) => () => fuzzed(target));
  if (pairs > 0) tasks.splice(1, 0, decisions);
  const verdicts: boolean[] = [];
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) verdicts.push(await task());
    }),
  );
  const sound = verdicts.every((each) => each);
  console.log(`seed ${seed}: ${sound ? "nothing broke" : "SOMETHING BROKE"}, ${((performance.now() - started) / 1000).toFixed(0)} s`);
  return sound;
}

function weight({ name, inputs: own }: Target): number {
  return name === "captureFile" ? 2 : own === null ? 0 : 1;
}

async function fuzzed(target: Target): Promise<boolean> {
  const wanted = inputs ?? target.inputs;
  const report = await send({
    name: target.name,
    seed,
    inputs: wanted,
    seconds: seconds ?? (wanted === null ? DOCUMENT_SECONDS : DECODER_SECONDS),
    heap: true,
    isKept: flags.fresh !== true,
  });
  if (typeof report === "string") {
    console.log(`FAIL ${report}`);
    return false;
  }
  const isShort = wanted !== null && seconds === undefined && report.mutated < wanted && report.failure === null;
  console.log(sayReport(report));
  if (isShort) console.log(`     ${report.mutated} inputs in ${DECODER_SECONDS} s; ${wanted} are wanted`);
  if (report.complaint !== null) console.log(`     ${report.complaint}`);
  if (report.failure !== null) {
    const { why, octets, from, file } = report.failure;
    console.log(
      `     ${why.replaceAll("\n", "\n     ")}\n     ${octets} octets, cut down from ${from}: ${file}\n${sayRepeat(target.name, file)}`,
    );
  }
  return report.failure === null && report.complaint === null && !isShort;
}

/** The rate is that of the CPU it had: what others have of the machine is no matter of ours. */
function sayReport(report: Report): string {
  const { name, inputs: count, accepted, words, seconds: took, cpuSeconds, longestMs, coverage, corpus, failure, complaint } = report;
  const share = ((100 * accepted) / Math.max(1, count)).toFixed(1);
  return [
    `${failure === null && complaint === null ? "ok  " : "FAIL"} ${name.padEnd(20)}`,
    `${count.toLocaleString("en")} inputs`.padStart(18),
    `${Math.round(count / Math.max(0.001, cpuSeconds)).toLocaleString("en")} per CPU s`.padStart(20),
    `${share} % accepted`.padStart(17),
    `${words} words`.padStart(12),
    `${coverage.edges} ways of ${coverage.known}`.padStart(20),
    `${coverage.features} features`.padStart(16),
    `corpus ${corpus}`.padStart(13),
    `slowest ${longestMs.toFixed(1)} ms`.padStart(18),
    `${took.toFixed(1)} s, ${cpuSeconds.toFixed(1)} of CPU`.padStart(26),
  ].join("");
}

async function replay(target: Target, file: string): Promise<number> {
  const input = file.endsWith(".hex") ? readHexFile(file) : new Uint8Array(readFileSync(file));
  const why = await tryOne(target, input);
  console.log(why === null ? `ok   ${target.name}: nothing broke` : `FAIL ${target.name}: ${why}`);
  return why === null ? 0 : 1;
}

async function decisions(): Promise<boolean> {
  const child = spawn(process.execPath, [...process.execArgv, path.join(import.meta.dirname, "policy.ts"), String(pairs), String(seed)], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const said: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => said.push(chunk));
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  process.stdout.write(Buffer.concat(said));
  return code === 0;
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
