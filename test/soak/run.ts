/**
 * An hour of everything at once, on the real daemon; ends with 1 when a promise was not kept.
 *
 *     node test/soak/run.ts [--minutes 60] [--seed N] [--sessions 64] [--rate 450] [--program dist/penstock.mjs] [--keep] [--json]
 */
import path from "node:path";
import { parseArgs } from "node:util";
import { DEFAULT_RATE, DEFAULT_SESSIONS, planOf } from "./plan.ts";
import { show } from "./result.ts";
import { soak } from "./soak.ts";

const USAGE = 2;

const { values: flags } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    sessions: { type: "string", default: String(DEFAULT_SESSIONS) },
    rate: { type: "string", default: String(DEFAULT_RATE) },
    program: { type: "string" },
    keep: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

const plan = planOf(
  Math.round(60 * numberOf("minutes", flags.minutes, 0.3, 10_000)),
  numberOf("seed", flags.seed, 0, Number.MAX_SAFE_INTEGER),
  numberOf("sessions", flags.sessions, 14, 64),
  numberOf("rate", flags.rate, 1, 10_000),
);
console.error(`soak: ${plan.seconds} s, seed ${plan.seed}`);
const result = await soak(plan, {
  ...(flags.program === undefined ? {} : { program: path.resolve(flags.program) }),
  keep: flags.keep,
  progress: (words) => console.error(words),
});
console.log(flags.json ? JSON.stringify(result) : show(result));
process.exitCode = result.ok ? 0 : 1;

function numberOf(name: string, words: string, least: number, most: number): number {
  const number = Number(words);
  if (words.trim() !== "" && number >= least && number <= most) return number;
  console.error(`found --${name} ${words}; expected a number from ${least} to ${most}`);
  process.exit(USAGE);
}
