/** Which block a frame is of; that no burst up to its length takes more of a block than can be repaired; and what is lost in the long run. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Interleave } from "#oneway/interleave";
import { ReedSolomon } from "#oneway/reedSolomon";
import { randomFrom } from "./field.ts";

const interleave = suite("oneway/interleave");

const shapes = fc.record({
  k: fc.integer({ min: 1, max: 24 }),
  m: fc.integer({ min: 0, max: 6 }),
  depth: fc.integer({ min: 1, max: 12 }),
});

interleave("the drawing: 2 + 1 over three blocks, whole and closed after four sources", () => {
  const drawn = (turns: Interleave, sources: number): string =>
    Array.from({ length: sources + turns.longestBurst }, (_, place) => {
      return `${"abc"[turns.blockOf(place)]}${turns.shardOf(place, sources)}`;
    }).join(" ");
  const turns = new Interleave(2, 1, 3);
  assert.is(drawn(turns, 6), "a0 b0 c0 a1 b1 c1 a2 b2 c2");
  assert.is(drawn(turns, 4), "a0 b0 c0 a1 b2 c2 a2");
  assert.is(turns.sources, 6);
  assert.is(turns.frames, 9);
  assert.equal(
    [0, 1, 2].map((block) => turns.sourcesOf(block, 4)),
    [2, 1, 1],
  );
  assert.equal(
    [0, 1, 2].map((block) => turns.sourcesOf(block, 1)),
    [1, 0, 0],
  );
});

interleave("a whole group: source n is shard n / depth of block n mod depth, and the repair shards follow alike", () => {
  fc.assert(
    fc.property(shapes, ({ k, m, depth }) => {
      const turns = new Interleave(k, m, depth);
      for (let place = 0; place < turns.frames; place++) {
        assert.is(turns.blockOf(place), place % depth);
        assert.is(turns.shardOf(place), Math.floor(place / depth));
      }
      for (let block = 0; block < depth; block++) assert.is(turns.sourcesOf(block), k);
    }),
    { numRuns: 100, seed: 1 },
  );
});

interleave("every shard that is sent has one place, and back, also of a group that is closed early", () => {
  fc.assert(
    fc.property(shapes, fc.nat(), ({ k, m, depth }, n) => {
      const turns = new Interleave(k, m, depth);
      const sources = 1 + (n % turns.sources);
      const seen = new Set<string>();
      for (let place = 0; place < sources + m * depth; place++) {
        const [block, shard] = [turns.blockOf(place), turns.shardOf(place, sources)];
        seen.add(`${block} ${shard}`);
        assert.is(shard < k, place < sources);
        assert.is(turns.placeOf(block, shard, sources), place);
      }
      for (let block = 0; block < depth; block++) {
        for (let shard = 0; shard < turns.sourcesOf(block, sources); shard++) assert.ok(seen.delete(`${block} ${shard}`));
        for (let row = 0; row < m; row++) assert.ok(seen.delete(`${block} ${k + row}`));
      }
      assert.is(seen.size, 0);
    }),
    { numRuns: 200, seed: 2 },
  );
});

interleave(
  "a burst of m x depth frames takes at most m of any block, wherever it begins, across groups, and of groups closed early",
  () => {
    fc.assert(
      fc.property(shapes, fc.array(fc.nat(), { minLength: 2, maxLength: 3 }), fc.boolean(), ({ k, m, depth }, closings, isWhole) => {
        const turns = new Interleave(k, m, depth);
        const sent = closings.flatMap((n, group) => {
          const sources = isWhole ? turns.sources : 1 + (n % turns.sources);
          return Array.from({ length: sources + m * depth }, (_, place) => group * depth + turns.blockOf(place));
        });
        const lost = new Uint8Array(closings.length * depth);
        for (let i = 0; i < sent.length; i++) {
          lost[sent[i] as number] = (lost[sent[i] as number] as number) + 1;
          const left = sent[i - turns.longestBurst];
          if (left !== undefined) lost[left] = (lost[left] as number) - 1;
          if (m > 0) assert.ok((lost[sent[i] as number] as number) <= m, `${k} + ${m} over ${depth}, burst that ends at ${i}`);
        }
      }),
      { numRuns: 200, seed: 3 },
    );
  },
);

interleave("the octets: every burst of 32 over two groups of 20 + 4 over 8 is repaired", () => {
  const code = new ReedSolomon(20, 4);
  const turns = new Interleave(20, 4, 8);
  const random = randomFrom(8);
  const groups = [0, 1].map(() =>
    Array.from({ length: turns.depth }, () => {
      const shards = Array.from({ length: 24 }, () => Uint8Array.from({ length: 8 }, () => random() * 256));
      code.encode(shards, 8);
      return shards;
    }),
  );
  for (let first = 0; first + turns.longestBurst <= 2 * turns.frames; first++) {
    groups.forEach((blocks, group) => {
      const present = blocks.map(() => new Uint8Array(24).fill(1));
      for (let frame = first; frame < first + turns.longestBurst; frame++) {
        if (Math.floor(frame / turns.frames) !== group) continue;
        const place = frame % turns.frames;
        (present[turns.blockOf(place)] as Uint8Array)[turns.shardOf(place)] = 0;
      }
      blocks.forEach((shards, block) => {
        const there = present[block] as Uint8Array;
        const holes = shards.map((shard, i) => (there[i] === 1 ? shard : new Uint8Array(8)));
        assert.ok(code.repair(holes, there, 8), `burst from ${first}`);
        for (let j = 0; j < 20; j++) if (there[j] === 0) assert.equal(holes[j], shards[j]);
      });
    });
  }
});

const CODE = { k: 20, m: 4, depth: 8 } as const;

/** The part of the source frames that stays lost of so many groups. Whether a block is repaired is asked of the code itself. */
function residual(groups: number, isLost: (frame: number) => boolean): { readonly part: number; readonly lost: number } {
  const { k, m, depth } = CODE;
  const code = new ReedSolomon(k, m);
  const turns = new Interleave(k, m, depth);
  const shards = Array.from({ length: k + m }, () => new Uint8Array(1));
  const present = Array.from({ length: depth }, () => new Uint8Array(k + m));
  let lost = 0;
  for (let group = 0; group < groups; group++) {
    for (let place = 0; place < turns.frames; place++)
      (present[turns.blockOf(place)] as Uint8Array)[turns.shardOf(place)] = isLost(group * turns.frames + place) ? 0 : 1;
    for (const there of present) {
      if (code.repair(shards, there, 1)) continue;
      for (let j = 0; j < k; j++) lost += there[j] === 0 ? 1 : 0;
    }
  }
  return { part: lost / (groups * turns.sources), lost };
}

/** P(at least `least` of `n` frames are lost), each alone with probability p. */
function atLeast(least: number, n: number, p: number): number {
  let sum = 0;
  let ways = 1;
  for (let lost = 0; lost <= n; lost++) {
    if (lost >= least) sum += ways * p ** lost * (1 - p) ** (n - lost);
    ways = (ways * (n - lost)) / (lost + 1);
  }
  return sum;
}

for (const [p, groups, seed] of [
  [0.01, 3_000, 101],
  [0.02, 6_000, 102],
  [0.05, 6_000, 103],
  [0.1, 3_000, 104],
] as const) {
  interleave(`random loss of ${100 * p} %: what stays lost is what theory says`, () => {
    const random = randomFrom(seed);
    const want = p * atLeast(CODE.m, CODE.k + CODE.m - 1, p);
    const { part } = residual(groups, () => random() < p);
    // What is lost comes in blocks, about five frames each: those are what is counted. Four standard deviations are allowed.
    const deviation = Math.sqrt((5 * want) / (groups * CODE.k * CODE.depth));
    console.log(
      `random ${100 * p} %: ${part.toExponential(2)} lost, theory ${want.toExponential(2)}, four deviations ${(4 * deviation).toExponential(1)}`,
    );
    assert.ok(Math.abs(part - want) <= 4 * deviation, `${part} lost, ${want} by theory`);
  });
}

/** Bursts of one length, never two within a group's length of each other. */
function bursts(length: number, seed: number): (frame: number) => boolean {
  const random = randomFrom(seed);
  const apart = (CODE.k + CODE.m) * CODE.depth;
  let begins = Math.floor(random() * apart);
  return (frame) => {
    if (frame >= begins + length) begins += length + apart + Math.floor(random() * apart);
    return frame >= begins && frame < begins + length;
  };
}

for (const length of [5, 20, 32]) {
  interleave(`bursts of ${length} frames: none stays lost`, () => {
    assert.is(residual(1_500, bursts(length, length)).lost, 0);
  });
}

interleave("bursts of 33 lose what they take of one block, bursts of 50 what they take of all", () => {
  const groups = 1_500;
  const [one, many] = [33, 50].map((length) => residual(groups, bursts(length, length)).lost) as [number, number];
  console.log(`of ${groups * CODE.k * CODE.depth} sources: bursts of 33 lose ${one}, of 50 lose ${many}`);
  assert.ok(one > 0 && many > 8 * one);
});

interleave("what is no group is a fault of ours", () => {
  for (const [k, m, depth] of [
    [0, 1, 1],
    [1, -1, 1],
    [1, 1, 0],
    [1, 1, 1.5],
    [Number.NaN, 1, 1],
  ] as const)
    assert.throws(() => new Interleave(k, m, depth), /no group of/);
});

interleave.run();
