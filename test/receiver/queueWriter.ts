/** A process that pushes and delivers until it is killed. `kept N`: all up to N was promised; `had A B ...`: the sink took these, in this order. */
import { writeSync } from "node:fs";
import { DeliveryQueue } from "#receiver/deliveryQueue";
import type { Sample } from "#receiver/model";

const [directory, first] = process.argv.slice(2) as [string, string];
let isAway = false;
const queue = await DeliveryQueue.open({
  directory,
  retry: { firstMs: 1, mostMs: 5 },
  saveMs: 5,
  batch: 50,
  segmentOctets: 16 * 1024,
  sink: {
    name: "pipe",
    async deliver(samples) {
      if (isAway) return false;
      writeSync(1, `had ${samples.map(({ id }) => id).join(" ")}\n`);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
      // Had and not told: the batch is in doubt.
      return Math.random() > 0.1;
    },
  },
});
for (let next = Number(first), round = 0; ; round++) {
  const count = 1 + Math.floor(Math.random() * 60);
  const samples = Array.from({ length: count }, (_, i) => sampleOf(next + i));
  if (await queue.push(samples)) {
    next += count;
    writeSync(1, `kept ${next - 1}\n`);
  }
  isAway = round % 20 > 12;
  if (round % 4 === 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
}

function sampleOf(n: number): Sample {
  return {
    gateway: "g",
    asset: "a",
    point: `p${n % 7}`,
    id: String(n),
    value: BigInt(n),
    quality: "good",
    timeMs: n,
    timeOf: "gateway",
    historical: false,
  };
}
