/**
 * Feeds a target what was found before, its corpus, then mutations of both, and stops at the first input that breaks something. What brings
 * a new word is mutated further, and with a guide (guide/) what goes a new way.
 *
 * Besides what the target itself demands: it does not throw, leaves its input as it was, takes at most its limit of CPU, and keeps nothing.
 * The same seed and the same corpus give the same inputs in the same order.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Guide, Sight } from "./guide/guide.ts";
import type { Pair } from "./guide/tally.ts";
import { Mutator } from "./mutate.ts";
import { Entry, Pool } from "./pool.ts";
import { Random } from "./random.ts";
import { foundInputs } from "./repeat.ts";
import type { Outcome, Target } from "./target.ts";
import { Watchdog } from "./watchdog.ts";

export interface Plan {
  readonly seed: number;
  /** Mutated inputs. */
  readonly inputs: number;
  /** Ends earlier, after so many; the corpus is tried before they begin. */
  readonly seconds: number;
  /** Memory is looked at, and must not have grown. */
  readonly heap: boolean;
  /** An input is done with after so many milliseconds, or never: the process is ended then (watchdog.ts). */
  readonly stuckMs?: number;
  /** As the process is, when it holds so many megabytes. */
  readonly mostMb?: number;
  /** Kept from another run; tried after the corpus. */
  readonly kept?: readonly Uint8Array[];
  readonly guide?: Guide<Entry>;
}

export interface Failure {
  readonly input: Uint8Array;
  readonly why: string;
  /** As small as it could be made. */
  readonly smaller: Uint8Array;
}

export interface Result {
  /** Found ones and the corpus among them. */
  readonly inputs: number;
  readonly mutated: number;
  readonly accepted: number;
  readonly seconds: number;
  /** Of CPU, this thread's; less than `seconds` where others want it too. */
  readonly cpuSeconds: number;
  /** CPU milliseconds of the slowest input that was looked at closely, the least of three tries. */
  readonly longestMs: number;
  /** How often each word came. */
  readonly words: ReadonlyMap<string, number>;
  /** What is worth keeping for another run. */
  readonly kept: readonly Uint8Array[];
  readonly failure: Failure | null;
  /** What is wrong with the run as a whole. */
  readonly complaint: string | null;
}

const STUCK_MS = 30_000;
const TRIES = 3;
const TOO_LONG = "took";
const WRITES = "it wrote into the octets it was handed";
/**
 * One in so many injured inputs is itself asked what it is compared with, and injured once more: a checksum put right, or the second of two
 * words where the first one alone brings nothing new.
 */
const ONCE_MORE = 32;
const NO_PAIRS: readonly Pair[] = [];
const MOST_WORDS = 1_000;
/** Growth that is no leak: compiled code, the pool's own objects, words. */
const HEAP_SLACK = 24 * 1024 * 1024;
/** The heap is looked at after the first of these shares, which warms up, and after each further one. */
const HEAP_LOOKS = 8;
/** Room for the event loop and what it cleans up, every so many inputs. */
const BREATH = 1_024;

export async function fuzz(target: Target, plan: Plan): Promise<Result> {
  const watchdog = new Watchdog(target.name, target.most, plan.stuckMs ?? STUCK_MS, plan.mostMb);
  try {
    return await new Run(target, plan, watchdog).result();
  } finally {
    await watchdog.close();
    await target.close?.();
    await plan.guide?.close();
  }
}

/** One input alone. @returns why it fails, or null */
export async function tryOne(target: Target, input: Uint8Array): Promise<string | null> {
  const watchdog = new Watchdog(target.name, input.length, STUCK_MS);
  try {
    return await whyItFails(target, input, watchdog);
  } finally {
    await watchdog.close();
    await target.close?.();
  }
}

/** @param timed  also look at how long it takes, which takes longer */
async function whyItFails(target: Target, input: Uint8Array, watchdog: Watchdog, timed = true): Promise<string | null> {
  watchdog.watch(input);
  try {
    await target.run(input);
  } catch (error) {
    return reasonOf(error);
  }
  if (!watchdog.isAsHanded(input)) return WRITES;
  if (!timed) return null;
  const { ms } = await leastTime(target, input);
  return ms > target.limitMs ? tooLong(ms, target) : null;
}

class Run {
  readonly #target: Target;
  readonly #plan: Plan;
  readonly #watchdog: Watchdog;
  readonly #words = new Map<string, number>();
  readonly #pool = new Pool();
  readonly #guide: Guide<Entry> | null;
  /** Of the input at hand. */
  #sight: Sight = "known";
  #inputs = 0;
  #mutated = 0;
  #accepted = 0;
  #longestMs = 0;
  #longestWallMs = 0;

  constructor(target: Target, plan: Plan, watchdog: Watchdog) {
    this.#target = target;
    this.#plan = plan;
    this.#watchdog = watchdog;
    this.#guide = plan.guide ?? null;
  }

  async result(): Promise<Result> {
    const started = performance.now();
    const cpu = process.threadCpuUsage();
    const broken = (await this.#known()) ?? (await this.#search());
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.threadCpuUsage(cpu);
    const failure = broken === null || broken.input === null ? null : { ...broken, input: broken.input };
    return {
      inputs: this.#inputs,
      mutated: this.#mutated,
      accepted: this.#accepted,
      seconds,
      cpuSeconds: (user + system) / 1_000_000,
      longestMs: this.#longestMs,
      words: this.#words,
      kept: this.#pool.all.filter(({ why }) => why !== "seed").map(({ octets }) => octets),
      failure: failure === null ? null : { ...failure, smaller: await minimise(this.#target, failure.input, failure.why, this.#watchdog) },
      complaint: failure === null ? (broken?.why ?? this.#share()) : null,
    };
  }

  /** What was found before comes first, then the corpus, then what was kept. */
  async #known(): Promise<Broken | null> {
    this.#guide?.clear();
    const found = foundInputs(this.#target.name).map(({ octets }) => octets);
    for (const input of [...found, ...this.#target.corpus()]) {
      if (input.length > this.#target.most) throw new Error(`${this.#target.name}: a corpus input of ${input.length} octets`);
      const outcome = await this.#try(input);
      if ("why" in outcome) return outcome;
      this.#count(outcome.word);
      this.#keep(new Entry(input, outcome.accepted, "seed"));
    }
    for (const input of this.#plan.kept ?? []) {
      if (input.length > this.#target.most) continue;
      const outcome = await this.#try(input);
      if ("why" in outcome) return outcome;
      this.#count(outcome.word);
      if (this.#sight !== "known") this.#keep(new Entry(input, outcome.accepted, this.#sight));
    }
    return null;
  }

  async #search(): Promise<Broken | null> {
    const { inputs, seconds, seed, heap } = this.#plan;
    const { name, most, text, dictionary } = this.#target;
    const random = new Random(seed, name);
    const mutator = new Mutator(random, most, text, dictionary);
    const started = performance.now();
    const until = started + 1000 * seconds;
    let looks = 0;
    let first = 0;
    let last = 0;
    while (this.#mutated < inputs && performance.now() < until) {
      const base = this.#pool.choose(random);
      base.pairs ??= this.#guide === null ? NO_PAIRS : await this.#guide.comparisons(base.octets);
      let input = mutator.next(base.octets, base.pairs, this.#pool.all);
      if (this.#guide !== null && random.below(ONCE_MORE) === 0) {
        input = mutator.next(input, await this.#guide.comparisons(input), this.#pool.all);
      }
      this.#mutated += 1;
      const tried = this.#try(input);
      const outcome = tried instanceof Promise ? await tried : tried;
      if ("why" in outcome) return outcome;
      const isWord = this.#count(outcome.word);
      if (this.#sight !== "known") this.#keep(new Entry(input, outcome.accepted, this.#sight));
      else if (isWord && this.#pool.hasRoomForWords) this.#keep(new Entry(input, outcome.accepted, "word"));
      if (this.#mutated % BREATH === 0) await breath();
      if (!heap) continue;
      const done = Math.max(this.#mutated / inputs, (performance.now() - started) / (until - started));
      if (done * HEAP_LOOKS < looks + 1) continue;
      looks += 1;
      this.#pool.forgetPairs();
      last = liveOctets() - this.#pool.octets;
      if (first === 0) first = last;
    }
    return last - first > HEAP_SLACK ? { input: null, why: `memory grew by ${last - first} octets over the run` } : null;
  }

  /** A target that answers at once is not waited for: a promise each would be most of its time. */
  #try(input: Uint8Array): Outcome | Broken | Promise<Outcome | Broken> {
    this.#inputs += 1;
    this.#watchdog.watch(input);
    const before = performance.now();
    try {
      const outcome = this.#target.run(input);
      return outcome instanceof Promise
        ? outcome.then(
            (value) => this.#judge(input, value, before),
            (error: unknown) => this.#broken(reasonOf(error)),
          )
        : this.#judge(input, outcome, before);
    } catch (error) {
      return this.#broken(reasonOf(error));
    }
  }

  /** As the input was handed over, whatever the target made of it. */
  #broken(why: string): Broken {
    return { input: this.#watchdog.handed(), why };
  }

  #judge(input: Uint8Array, outcome: Outcome, before: number): Outcome | Broken | Promise<Outcome | Broken> {
    const took = performance.now() - before;
    this.#sight = this.#guide?.look(input.length) ?? "known";
    if (!this.#watchdog.isAsHanded(input)) return this.#broken(WRITES);
    if (outcome.accepted) this.#accepted += 1;
    // The wall clock runs on while others have the CPU; it is only the reason to look closer.
    return took <= Math.min(this.#target.limitMs, 2 * this.#longestWallMs) ? outcome : this.#measure(input, outcome);
  }

  async #measure(input: Uint8Array, outcome: Outcome): Promise<Outcome | Broken> {
    const { ms, wallMs } = await leastTime(this.#target, input);
    this.#guide?.clear();
    this.#longestMs = Math.max(this.#longestMs, ms);
    this.#longestWallMs = Math.max(this.#longestWallMs, wallMs);
    return ms > this.#target.limitMs ? this.#broken(tooLong(ms, this.#target)) : outcome;
  }

  /** @returns true for a word not met before */
  #count(word: string): boolean {
    const times = this.#words.get(word) ?? 0;
    if (times > 0 || this.#words.size < MOST_WORDS) this.#words.set(word, times + 1);
    return times === 0;
  }

  /** The input at hand; those that are of no more use go. */
  #keep(entry: Entry): void {
    this.#pool.add(entry);
    for (const idle of this.#guide?.hold(entry, entry.octets.length) ?? []) this.#pool.drop(idle);
  }

  /** Where all is accepted, or nothing, nothing is tested. */
  #share(): string | null {
    if (this.#accepted === 0) return "not one input was accepted: nothing behind the first check is tested";
    return this.#accepted === this.#inputs ? "every input was accepted: no check is tested" : null;
  }
}

/** What an input broke; null: no single one did it. */
interface Broken {
  readonly input: Uint8Array | null;
  readonly why: string;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function tooLong(ms: number, target: Target): string {
  return `${TOO_LONG} ${ms.toFixed(1)} ms of CPU, the least of ${TRIES} tries; at most ${target.limitMs} are allowed`;
}

/** Milliseconds of this thread, neither another process's turn nor the compiler's and collector's own threads; and of the clock on the wall. */
async function leastTime(target: Target, input: Uint8Array): Promise<{ readonly ms: number; readonly wallMs: number }> {
  let ms = Number.POSITIVE_INFINITY;
  let wallMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TRIES; i++) {
    const before = process.threadCpuUsage();
    const started = performance.now();
    await target.run(input);
    wallMs = Math.min(wallMs, performance.now() - started);
    const { user, system } = process.threadCpuUsage(before);
    ms = Math.min(ms, (user + system) / 1000);
  }
  return { ms, wallMs };
}

function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

let collect: (() => void) | null = null;

/** Octets on the heap and beside it, after everything unused is gone. */
function liveOctets(): number {
  if (collect === null) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
  // Buffers are freed beside the program: a second collection waits until the first one's are.
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Tries in all, and for how long; a small input needs some hundred. */
const MOST_TRIES = 4_000;
const MINIMISE_MS = 20_000;

/** Leave out blocks, the largest first, then bring octets to zero, as long as it still fails for the same reason. */
async function minimise(target: Target, input: Uint8Array, why: string, watchdog: Watchdog): Promise<Uint8Array> {
  const kind = kindOf(why);
  const timed = why.startsWith(TOO_LONG);
  const until = performance.now() + MINIMISE_MS;
  let tries = 0;
  const mayGoOn = (): boolean => tries < MOST_TRIES && performance.now() < until;
  const fails = async (candidate: Uint8Array): Promise<boolean> => {
    tries += 1;
    const reason = await whyItFails(target, candidate.slice(), watchdog, timed);
    return reason !== null && kindOf(reason) === kind;
  };
  let best = input;
  for (let size = Math.ceil(best.length / 2); size > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.length && mayGoOn(); ) {
      const shorter = new Uint8Array(best.length - Math.min(size, best.length - at));
      shorter.set(best.subarray(0, at));
      shorter.set(best.subarray(at + size), at);
      if (await fails(shorter)) best = shorter;
      else at += size;
    }
  }
  for (let at = 0; at < best.length && mayGoOn(); at++) {
    if (best[at] === 0) continue;
    const plainer = best.slice();
    plainer[at] = 0;
    if (await fails(plainer)) best = plainer;
  }
  return best;
}

/** The first line without its numbers and quotes: the same fault says the same words. */
function kindOf(why: string): string {
  return (why.split("\n")[0] as string).replace(/"[^"]*"/g, "").replace(/[0-9.]+/g, "");
}
