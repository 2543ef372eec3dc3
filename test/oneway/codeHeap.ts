/** A process of its own: how much the heap grows over many calls. The young generation is larger than all that a leak of one object a call would make. */
import { ReedSolomon } from "#oneway/reedSolomon";

const code = new ReedSolomon(20, 6);
const shards = Array.from({ length: 26 }, (_, i) => new Uint8Array(24).fill(i));
const present = Uint8Array.from(shards, (_, i) => (i % 4 === 1 && i < 20 ? 0 : 1));

function run(rounds: number): number {
  let calls = 0;
  for (let round = 0; round < rounds; round++) {
    code.encode(shards, 24);
    calls += code.repair(shards, present, 24) ? 2 : 1;
  }
  return calls;
}

run(4_000);
globalThis.gc?.();
const before = process.memoryUsage().heapUsed;
const calls = run(10_000);
console.log(JSON.stringify({ calls, grownBy: process.memoryUsage().heapUsed - before }));
