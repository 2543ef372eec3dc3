/**
 * Targets with a fault planted in them, by which the engine is tested. As a program: fuzz one of them, for what ends the process.
 *
 *     node test/fuzz/planted.ts hangs|swallows [milliseconds] [megabytes]
 */
import { fuzz } from "./engine.ts";
import { accepted, octetsOf, refused, type Target } from "./target.ts";

const MARK = 0xee;
/** Of CPU: what the limit is told in, whoever else has the machine. */
const SLOW_MICROSECONDS = 15_000;
/** Of a thousand inputs twice what a run may grow by. */
const LEAK_OCTETS = 64 * 1024;
/** Slowly enough that it is seen before there is none left. */
const GULP_OCTETS = 1024 * 1024;

function planted(name: string, run: Target["run"]): Target {
  const corpus = [octetsOf("sound"), octetsOf("sound as well")];
  return { name, limitMs: 10, inputs: null, most: 64, text: false, dictionary: [Uint8Array.of(MARK)], corpus: () => corpus, run };
}

const sound: Target["run"] = (input) => (input.length % 2 === 0 ? accepted("even") : refused("odd"));
const kept: Uint8Array[] = [];

export const PLANTED = {
  sound: planted("sound", sound),
  throws: planted("throws", (input) => {
    if (input.includes(MARK)) throw new TypeError("cannot read what is not there");
    return sound(input);
  }),
  rejects: planted("rejects", async (input) => {
    if (input.includes(MARK)) throw new RangeError("too late");
    return sound(input);
  }),
  writes: planted("writes", (input) => {
    const at = input.indexOf(MARK);
    if (at >= 0) input[at] = 0;
    return sound(input);
  }),
  slow: planted("slow", (input) => {
    const before = process.threadCpuUsage();
    while (input.includes(MARK) && process.threadCpuUsage(before).user < SLOW_MICROSECONDS);
    return sound(input);
  }),
  hangs: planted("hangs", (input) => {
    while (input.includes(MARK));
    return sound(input);
  }),
  leaks: planted("leaks", (input) => {
    kept.push(new Uint8Array(LEAK_OCTETS));
    return sound(input);
  }),
  swallows: planted("swallows", (input) => {
    while (input.includes(MARK)) kept.push(new Uint8Array(GULP_OCTETS).fill(1));
    return sound(input);
  }),
  takesAll: planted("takesAll", () => accepted("anything")),
  takesNothing: planted("takesNothing", () => refused("everything")),
} as const satisfies Readonly<Record<string, Target>>;

if (import.meta.main) {
  const [name = "", stuckMs = "1000", mostMb = "1000"] = process.argv.slice(2);
  const target = Object.values(PLANTED).find((each) => each.name === name);
  if (target === undefined) throw new Error(`no ${name} was planted`);
  await fuzz(target, { seed: 1, inputs: 2_000, seconds: 60, heap: false, stuckMs: Number(stuckMs), mostMb: Number(mostMb) });
}
