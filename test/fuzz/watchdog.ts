/**
 * An input that is never done with, or takes all memory there is: nothing in its own thread can tell of it. The inputs lie in shared memory; a
 * second thread looks at the count of them and at the process' memory. Where the one has stood still for too long or the other is too much it
 * writes the input to a file, says how to repeat it, and ends the process.
 */
import { writeFileSync, writeSync } from "node:fs";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { inputFile, sayRepeat } from "./repeat.ts";

const LOOK_MS = 200;
/** Twice what the largest target needs with a full pool. */
const MOST_MB = 1_500;
/** Count of inputs and length of the one at hand, then its octets. */
const HEAD = 8;

interface Watched {
  readonly name: string;
  readonly memory: SharedArrayBuffer;
  readonly stuckMs: number;
  readonly mostMb: number;
}

export class Watchdog {
  readonly #numbers: Int32Array;
  readonly #octets: Uint8Array;
  readonly #worker: Worker;

  constructor(name: string, most: number, stuckMs: number, mostMb = MOST_MB) {
    const memory = new SharedArrayBuffer(HEAD + most);
    this.#numbers = new Int32Array(memory, 0, 2);
    this.#octets = new Uint8Array(memory, HEAD);
    const watched: Watched = { name, memory, stuckMs, mostMb };
    this.#worker = new Worker(new URL(import.meta.url), { workerData: watched, execArgv: [] });
    this.#worker.unref();
  }

  /** The next input begins. */
  watch(input: Uint8Array): void {
    this.#octets.set(input);
    this.#numbers[1] = input.length;
    Atomics.add(this.#numbers, 0, 1);
  }

  /** The target must not have written into what it was handed. */
  isAsHanded(input: Uint8Array): boolean {
    for (let i = 0; i < input.length; i++) if (input[i] !== this.#octets[i]) return false;
    return true;
  }

  /** The input at hand, as it was handed over. */
  handed(): Uint8Array {
    return this.#octets.slice(0, this.#numbers[1]);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

if (!isMainThread) guard(workerData as Watched);

function guard({ name, memory, stuckMs, mostMb }: Watched): void {
  const numbers = new Int32Array(memory, 0, 2);
  let count = 0;
  let since = performance.now();
  setInterval(() => {
    const now = Atomics.load(numbers, 0);
    if (now !== count) since = performance.now();
    count = now;
    const held = process.memoryUsage.rss() / 1024 / 1024;
    if (held > mostMb) end(`the process holds ${held.toFixed(0)} MB, more than ${mostMb}`);
    if (performance.now() - since >= stuckMs) end(`one input has taken ${stuckMs} ms and is not done`);
  }, LOOK_MS);

  function end(why: string): void {
    const file = inputFile(name);
    writeFileSync(file, new Uint8Array(memory, HEAD, numbers[1]));
    writeSync(2, `FAIL ${name}: ${why}\n${sayRepeat(name, file)}\n`);
    process.kill(process.pid, "SIGKILL");
  }
}
