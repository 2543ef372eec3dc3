/** What was sent comes out in its order, whatever the line does to it: with what can be repaired repaired, and nothing twice. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HEADER, TAG } from "#oneway/frame";
import { decodeContent } from "#oneway/records";
import { Assembly, type How } from "#receiver/assembly";
import { opened, randomOf, SETTINGS, sampleOf, senderOf } from "./link.ts";

const assembly = suite("receiver/assembly");

interface Outcome {
  readonly sent: number;
  readonly received: number;
  readonly repaired: number;
  readonly lost: number;
  /** The numbers of the samples, as they came out. */
  readonly numbers: readonly number[];
}

/** One sample in each source frame; `way` says which frames arrive, in which order. */
function send(
  groups: number,
  way: (frames: readonly Uint8Array[]) => readonly Uint8Array[],
  settings: Partial<typeof SETTINGS> = {},
): Outcome {
  const { sources, repairs, depth } = { ...SETTINGS, ...settings };
  const frames: Uint8Array[] = [];
  const sender = senderOf(settings, { send: (octets) => frames.push(octets.slice()) });
  for (let i = 0; i < groups * (sources + repairs) * depth; i++) {
    if (i % ((sources + repairs) * depth) < sources * depth) sender.take(sampleOf(1, i), i);
    sender.step(i);
  }
  const numbers: number[] = [];
  const counts = { received: 0, repaired: 0 };
  const { content } = SETTINGS;
  const far = new Assembly(sources, repairs, depth, content, (sequence: number, octets: Uint8Array, how: How) => {
    const read = decodeContent(octets);
    if (typeof read === "string") throw new Error(read);
    for (const record of read.records) {
      if (record.is !== "sample") continue;
      assert.is(record.value, sequence, "it is the one of that frame");
      counts[how] += 1;
      numbers.push(record.value as number);
    }
  });
  for (const octets of way(frames)) {
    const { header, content: inside } = opened(octets);
    far.take(header.sequence, header.kind, inside);
  }
  far.giveUp();
  const sent = groups * sources * depth;
  return { sent, ...counts, lost: sent - counts.received - counts.repaired, numbers };
}

const isAscending = (numbers: readonly number[]): boolean => numbers.every((number, i) => i === 0 || number > (numbers[i - 1] as number));
const GROUP = (SETTINGS.sources + SETTINGS.repairs) * SETTINGS.depth;

assembly("all of it, in order, when nothing is lost: nothing is repaired", () => {
  const { sent, received, repaired, numbers } = send(5, (frames) => frames);
  assert.equal([received, repaired], [sent, 0]);
  assert.ok(isAscending(numbers));
});

assembly("every frame is as long as every other, and every place of a group is filled", () => {
  const lengths = new Set<number>();
  const sender = senderOf({}, { send: (octets) => lengths.add(octets.length) });
  for (let i = 0; i < 3 * GROUP; i++) sender.step(i);
  assert.equal([...lengths], [HEADER + SETTINGS.content + TAG]);
  assert.is(sender.frames, 3 * GROUP);
});

for (const burst of [1, 5, 20, 31, 32])
  assembly(`a burst of ${burst} frames anywhere costs nothing`, () => {
    const random = randomOf(burst);
    for (let turn = 0; turn < 12; turn++) {
      const from = Math.floor(random() * 3 * GROUP);
      const { sent, lost, numbers } = send(4, (frames) => frames.filter((_, i) => i < from || i >= from + burst));
      assert.is(lost, 0, `from ${from} of ${sent}`);
      assert.ok(isAscending(numbers));
    }
  });

assembly("a burst of 50 costs no more than what no code could mend", () => {
  for (let from = GROUP; from < 2 * GROUP; from += 17) {
    const { lost } = send(4, (frames) => frames.filter((_, i) => i < from || i >= from + 50));
    assert.ok(lost <= 50, `${lost} lost`);
  }
});

assembly("frames that overtake each other, and come twice, are put in order and looked at once", () => {
  const random = randomOf(3);
  const { sent, received, repaired, numbers } = send(6, (frames) => {
    const shuffled = frames.flatMap((octets, i) => [[i + 60 * random(), octets] as const, [i + 60 * random(), octets] as const]);
    return shuffled.sort((a, b) => a[0] - b[0]).map(([, octets]) => octets);
  });
  assert.is(received + repaired, sent);
  assert.ok(isAscending(numbers));
});

assembly("whatever is lost and however it is mixed, nothing comes out twice, out of order or as another", () => {
  fc.assert(
    fc.property(
      fc.record({
        sources: fc.integer({ min: 1, max: 6 }),
        repairs: fc.integer({ min: 0, max: 3 }),
        depth: fc.integer({ min: 1, max: 3 }),
      }),
      fc.nat(),
      fc.double({ min: 0, max: 0.6, noNaN: true }),
      fc.nat({ max: 30 }),
      (code, seed, loss, spread) => {
        const random = randomOf(seed);
        const { received, repaired, lost, numbers } = send(
          8,
          (frames) =>
            frames
              .flatMap((octets, i) => (random() < loss ? [] : [[i + spread * random(), octets] as const]))
              .sort((a, b) => a[0] - b[0])
              .map(([, octets]) => octets),
          code,
        );
        assert.ok(isAscending(numbers));
        assert.is(numbers.length, received + repaired);
        assert.ok(lost >= 0);
      },
    ),
    { numRuns: 150 },
  );
});

assembly("random loss leaves what theory says is left", () => {
  for (const loss of [0.02, 0.05, 0.1]) {
    const random = randomOf(Math.round(1_000 * loss));
    const { sent, lost } = send(60, (frames) => frames.filter(() => random() >= loss));
    const expected = sent * loss * atLeast(SETTINGS.repairs, SETTINGS.sources + SETTINGS.repairs - 1, loss);
    const spread = 6 * Math.sqrt(Math.max(expected, 1)) + 4;
    assert.ok(Math.abs(lost - expected) <= spread, `${lost} of ${sent} lost at ${loss}, ${expected.toFixed(1)} expected`);
  }
});

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

assembly("whoever comes in late begins with what comes first, and with what of that group can be repaired", () => {
  for (const [missing, first] of [
    [30, GROUP],
    [60, GROUP + 60],
  ] as const) {
    const { numbers } = send(4, (frames) => frames.slice(GROUP + missing));
    assert.is(numbers[0], first);
    assert.ok(isAscending(numbers));
  }
});

assembly("a sender that was not heard for long is taken up where it is", () => {
  const { numbers } = send(40, (frames) => frames.filter((_, i) => i < GROUP || i >= 38 * GROUP));
  assert.is(numbers.length, 3 * SETTINGS.sources * SETTINGS.depth);
  assert.ok(isAscending(numbers));
});

assembly.run();
