/**
 * An input that is never done with: nothing in its own thread can tell of it. The inputs lie in shared memory; a second thread looks at the
 * count of them, and where it has stood still for too long it writes the input to a file, says how to repeat it, and ends the process.
 */
import { writeFileSync, writeSync } from "node:fs";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { inputFile, sayRepeat } from "./repeat.ts";

const LOOK_MS = 1_000;
/** Count of inputs and length of the one at hand, then its octets. */
const HEAD = 8;

interface Watched {
  readonly name: string;
  readonly memory: SharedArrayBuffer;
  readonly stuckMs: number;
}

export class Watchdog {
  readonly #numbers: Int32Array;
  readonly #octets: Uint8Array;
  readonly #worker: Worker;

  constructor(name: string, most: number, stuckMs: number) {
    const memory = new SharedArrayBuffer(HEAD + most);
    this.#numbers = new Int32Array(memory, 0, 2);
    this.#octets = new Uint8Array(memory, HEAD);
    this.#worker = new Worker(new URL(import.meta.url), { workerData: { name, memory, stuckMs } satisfies Watched });
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

function guard({ name, memory, stuckMs }: Watched): void {
  const numbers = new Int32Array(memory, 0, 2);
  let count = 0;
  let since = performance.now();
  setInterval(() => {
    const now = Atomics.load(numbers, 0);
    if (now !== count) {
      count = now;
      since = performance.now();
      return;
    }
    if (performance.now() - since < stuckMs) return;
    const file = inputFile(name);
    writeFileSync(file, new Uint8Array(memory, HEAD, numbers[1]));
    writeSync(2, `FAIL ${name}: one input has taken ${stuckMs} ms and is not done\n${sayRepeat(name, file)}\n`);
    process.kill(process.pid, "SIGKILL");
  }, LOOK_MS);
}
