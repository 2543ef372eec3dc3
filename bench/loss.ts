/**
 * What a line may lose: frames of a real sender, through a line that loses at random or in bursts, to a real assembly. One sample in each source
 * frame. By the code alone; then with two passes of copies over the same line.
 *
 *     node bench/loss.ts
 *
 * Must: bursts of 20 lose nothing by the code alone; at 5 % random nothing of 100,000 is lost after two passes. Fixed seeds.
 */
import { decodeContent } from "#oneway/records";
import { Assembly } from "#receiver/assembly";
import { opened, randomOf, SETTINGS, sampleOf, senderOf } from "#test/receiver/link";
import { machine, warning } from "./machine.ts";
import { closing, hold } from "./musts.ts";

const { sources, repairs, depth, content } = SETTINGS;
const GROUP = (sources + repairs) * depth;
const RECORDS = 100_000;
/** Frames a second, for the delay. */
const RATE = 400;

interface Line {
  readonly name: string;
  /** Of all frames, which are lost; anew for each pass. */
  loses(seed: number): () => boolean;
  readonly loss: number | null;
}

const random = (loss: number): Line => ({
  name: `random ${100 * loss} %`,
  loss,
  loses: (seed) => {
    const next = randomOf(seed);
    return () => next() < loss;
  },
});
/** Bursts of so many, the line whole for two groups and more between them. */
const bursts = (length: number): Line => ({
  name: `bursts of ${length}`,
  loss: null,
  loses: (seed) => {
    const next = randomOf(seed);
    let until = 0;
    let from = Math.floor(next() * GROUP);
    let i = 0;
    return () => {
      if (i === from) {
        until = from + length;
        from = until + 2 * GROUP + Math.floor(next() * GROUP);
      }
      return i++ < until;
    };
  },
});

const LINES: readonly Line[] = [...[0.01, 0.02, 0.05, 0.1].map(random), ...[5, 20, 50].map(bursts)];

const frames: Uint8Array[] = [];
const sender = senderOf({}, { send: (octets) => frames.push(octets.slice()) });
for (let sent = 0; sent < RECORDS || sender.waiting > 0; ) {
  if (sender.sequence % GROUP < sources * depth && sent < RECORDS) sender.take(sampleOf(1, sent++), 0);
  sender.step(0);
}
while (!sender.isBetweenGroups) sender.step(0);

console.log(`${machine()}\n${warning()}`);
console.log(
  `${sources}+${repairs} over ${depth}, ${frames.length} frames, one record in each source frame, ${RATE} frames a second; overhead ${Math.round((100 * repairs) / sources)} %\n`,
);
console.log("line             lost frames   repaired   delay of it    left by the code   theory    after one pass   after two");
const results = LINES.map((line, i) => measure(line, i + 11));
const byName = (name: string) => results.find((each) => each.name === name) as (typeof results)[number];
hold("bursts of 20: records that the code alone does not mend", byName("bursts of 20").left, "", ["<", 1], ["<", 1]);
hold("5 % random: records of 100,000 lost after two passes of copies", byName("random 5 %").afterTwo, "", ["<", 1], ["<", 1]);
closing();

function measure(line: Line, seed: number) {
  const had = new Set<number>();
  let repaired = 0;
  let delay = 0;
  let at = 0;
  const far = new Assembly(sources, repairs, depth, content, (sequence, octets, how) => {
    const read = decodeContent(octets);
    if (typeof read === "string") throw new Error(read);
    if (!read.records.some(({ is }) => is === "sample")) return;
    had.add(sequence);
    if (how !== "repaired") return;
    repaired += 1;
    delay = Math.max(delay, at - sequence);
  });
  const loses = line.loses(seed);
  let lost = 0;
  for (const octets of frames) {
    at += 1;
    if (loses()) {
      lost += 1;
      continue;
    }
    const { header, content: inside } = opened(octets);
    far.take(header.sequence, header.kind, inside);
  }
  far.giveUp();
  const left = RECORDS - had.size;
  const passes = [0, 1].map((pass) => {
    const again = line.loses(1_000 * seed + pass);
    frames.forEach((_, sequence) => {
      if (sequence % GROUP < sources * depth && !again()) had.add(sequence);
    });
    return Math.max(0, RECORDS - [...had].filter((sequence) => sequence < frames.length).length);
  });
  const theory = line.loss === null ? "" : Math.round(RECORDS * line.loss * atLeast(repairs, sources + repairs - 1, line.loss)).toString();
  console.log(
    `${line.name.padEnd(16)}${String(lost).padStart(12)}${String(repaired).padStart(11)}${`${Math.round((1_000 * delay) / RATE)} ms`.padStart(14)}${String(left).padStart(19)}${theory.padStart(9)}${String(passes[0]).padStart(17)}${String(passes[1]).padStart(12)}`,
  );
  return { name: line.name, left, afterTwo: passes[1] as number };
}

/** That so many of n are lost, or more. */
function atLeast(least: number, n: number, loss: number): number {
  let sum = 0;
  let chance = (1 - loss) ** n;
  for (let i = 0; i < least; i++) {
    sum += chance;
    chance *= ((n - i) / (i + 1)) * (loss / (1 - loss));
  }
  return 1 - sum;
}
