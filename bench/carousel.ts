/**
 * How an outage of the receiver heals: the real spool and carousel under a clock of their own, 48 h of running, then outages that begin at many
 * moments. The longest time it took, how much of what was missed came again, and what people are told. What a look at a full spool costs.
 *
 *     node bench/carousel.ts [carousel frames for a live one, ...]
 */
import { Carousel, healMs } from "#telemetry/carousel";
import { newSegment, type Segment } from "#telemetry/segment";
import { Spool } from "#telemetry/spool";
import { MemoryFiles } from "#test/telemetry/memoryFiles";
import { Line } from "#test/telemetry/outages";
import { machine, median, warning } from "./machine.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const RUNNING_HOURS = 48;
/** In which outages begin, every so often. */
const BEGIN_HOURS = 6;
const BEGIN_MS = 7 * MINUTE;
const OUTAGES = [MINUTE, 10 * MINUTE, HOUR, 5 * HOUR] as const;
const RATIOS = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [0.5, 1, 2, 5, 20];
const SEGMENTS = 16_384;
const LOOKS = 20;

console.log(`${machine()}\n${warning()}`);
console.log(["carousel : live", ...OUTAGES.map(words)].map((cell) => cell.padEnd(34)).join(""));
for (const ratio of RATIOS) await heals(ratio);
await look();

async function heals(ratio: number): Promise<void> {
  const line = await Line.run(RUNNING_HOURS + BEGIN_HOURS + 5 + 24, ratio);
  const cells = OUTAGES.map((forMs) => {
    let longestMs = 0;
    let missed = 0;
    let lost = 0;
    for (let fromMs = RUNNING_HOURS * HOUR; fromMs < (RUNNING_HOURS + BEGIN_HOURS) * HOUR; fromMs += BEGIN_MS) {
      const outage = line.outage(fromMs, forMs);
      longestMs = Math.max(longestMs, outage.healMs);
      missed += outage.missed;
      lost += outage.lost;
    }
    return `${words(longestMs)}, ${(100 - (100 * lost) / missed).toFixed(lost === 0 ? 0 : 1)} % (told ${words(healMs(forMs, 0.01, 0.01 * ratio))})`;
  });
  console.log([String(ratio), ...cells].map((cell) => cell.padEnd(34)).join(""));
}

/** As many segments as a spool may have, all in the window, of which all have gone at some time. */
async function look(): Promise<void> {
  const now = Date.now();
  const spool = await Spool.open({ directory: "/spool", files: new MemoryFiles() }, now);
  const segments = spool.segments as Segment[];
  for (let number = 1; number <= SEGMENTS; number++) {
    const lastMs = now - (SEGMENTS - number + 20) * 5_000;
    segments.push({
      ...newSegment(number, 64),
      frames: 1,
      firstMs: lastMs,
      lastMs,
      sent: 1,
      goneMs: lastMs + ((number * 7_919) % (now - lastMs)),
    });
  }
  const carousel = new Carousel(spool);
  const took: number[] = [];
  for (let second = 0; second < LOOKS; second++) {
    const started = performance.now();
    carousel.next(now + second * 1_000);
    took.push(performance.now() - started);
    await new Promise((resolve) => setImmediate(resolve));
  }
  console.log(`\na look at ${SEGMENTS} segments, at most once a second   ${median(took).toFixed(2)} ms`);
}

function words(ms: number): string {
  if (ms === Number.POSITIVE_INFINITY) return "never";
  const minutes = Math.ceil(ms / MINUTE);
  return minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")}`;
}
