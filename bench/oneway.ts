/**
 * What the code of the one-way link costs: the repair shards of a block, and the repair of one (as many sources missing as can be, and one). In
 * batches, for a clock read costs something too. Buffers as they come off a socket: views into one, at any offset.
 *
 *     node bench/oneway.ts [--json]
 */
import { ReedSolomon } from "#oneway/reedSolomon";
import { machine, quantile, warning } from "./machine.ts";

const CODES = [
  [20, 4],
  [10, 2],
  [32, 8],
] as const;
const LENGTHS = [200, 1200];
const BATCH = 8;
const BATCHES = 400;
const ROUNDS = 5;

const figures = CODES.flatMap(([k, m]) =>
  LENGTHS.map((length) => {
    const code = new ReedSolomon(k, m);
    const block = Buffer.alloc((k + m) * (length + 13));
    for (let i = 0; i < block.length; i++) block[i] = (i * 2654435761) >>> 13;
    const shards = Array.from({ length: k + m }, (_, i) => block.subarray(i * (length + 13) + 13, (i + 1) * (length + 13)));
    const worst = Uint8Array.from({ length: k + m }, (_, i) => (i >= k || (i * m) % k >= m ? 1 : 0));
    const one = new Uint8Array(k + m).fill(1).fill(0, 3, 4);
    if (worst.filter((there) => there === 0).length !== m) throw new Error(`${k} + ${m}: not the worst`);
    const encode = measure(() => code.encode(shards, length));
    const repairWorst = measure(() => repaired(code, shards, worst, length));
    const repairOne = measure(() => repaired(code, shards, one, length));
    return {
      k,
      m,
      length,
      encode,
      encodeEach: encode.p50 / k,
      repairWorst,
      repairOne,
      held: Math.max(
        held(() => code.encode(shards, length)),
        held(() => repaired(code, shards, worst, length)),
      ),
    };
  }),
);

if (process.argv.includes("--json")) console.log(JSON.stringify({ machine: machine(), figures }));
else {
  console.log(`${machine()}\n${warning()}`);
  console.log("                 encode, us a block      a source       repair, us: all m missing           one missing");
  console.log("code   octets        p50       p99           p50             p50       p99          p50       p99");
  for (const { k, m, length, encode, encodeEach, repairWorst, repairOne } of figures)
    console.log(
      `${`${k}+${m}`.padEnd(6)} ${String(length).padStart(6)} ${us(encode.p50, 10)}${us(encode.p99, 10)}${us(encodeEach, 14)}` +
        `${us(repairWorst.p50, 16)}${us(repairWorst.p99, 10)}${us(repairOne.p50, 13)}${us(repairOne.p99, 10)}`,
    );
  const most = Math.max(...figures.map((each) => each.held));
  console.log(`\nheap octets a call leaves, encode or repair: ${most.toFixed(0)} at most`);
}

function repaired(code: ReedSolomon, shards: readonly Uint8Array[], present: Uint8Array, length: number): void {
  if (!code.repair(shards, present, length)) throw new Error("not repaired");
}

function us(value: number, width: number): string {
  return value.toFixed(2).padStart(width);
}

/** The best of some rounds, us a call. */
function measure(run: () => void): { readonly p50: number; readonly p99: number } {
  for (let i = 0; i < BATCH * BATCHES; i++) run();
  let best = { p50: Number.POSITIVE_INFINITY, p99: Number.POSITIVE_INFINITY };
  for (let round = 0; round < ROUNDS; round++) {
    const times = new Float64Array(BATCHES);
    for (let batch = 0; batch < BATCHES; batch++) {
      const from = process.hrtime.bigint();
      for (let i = 0; i < BATCH; i++) run();
      times[batch] = Number(process.hrtime.bigint() - from) / 1000 / BATCH;
    }
    best = { p50: Math.min(best.p50, quantile([...times], 0.5)), p99: Math.min(best.p99, quantile([...times], 0.99)) };
  }
  return best;
}

/** What a call leaves on the heap, octets; reading it leaves some too, 2 or 3 for each of so many calls. */
function held(run: () => void): number {
  const calls = 2_000;
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < calls; i++) run();
  return Math.max(0, process.memoryUsage().heapUsed - before) / calls;
}
