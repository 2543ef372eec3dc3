/** Erasures repaired: every pattern of small codes, random ones of large codes, and a slow twin that shares no arithmetic (field.ts). */
import { execFileSync } from "node:child_process";
import path from "node:path";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ReedSolomon } from "#oneway/reedSolomon";
import { sameOctets } from "#wire";
import { coefficient, decoded, encoded, randomFrom, reciprocal, times } from "./field.ts";

const rs = suite("oneway/reedSolomon");

/** Behind the octets that count: nothing may touch it. */
const BEHIND = 0xa5;

/** Sources of random octets and repair shards not yet written, each of `length` octets and `spare` more behind. */
function blockOf(k: number, m: number, length: number, random: () => number, spare = 0): Uint8Array[] {
  return Array.from({ length: k + m }, (_, i) => {
    const shard = new Uint8Array(length + spare).fill(BEHIND);
    for (let at = 0; at < length; at++) shard[at] = i < k ? random() * 256 : 0xee;
    return shard;
  });
}

function copyOf(shards: readonly Uint8Array[]): Uint8Array[] {
  return shards.map((shard) => shard.slice());
}

/** Missing shards hold nonsense. */
function withHoles(shards: readonly Uint8Array[], present: readonly boolean[], length: number): Uint8Array[] {
  return shards.map((shard, i) => (present[i] ? shard.slice() : shard.slice().fill(0x5a, 0, length)));
}

function expectSame(got: readonly Uint8Array[], want: readonly Uint8Array[], count: number, what: string): void {
  for (let i = 0; i < count; i++) {
    const a = got[i] as Uint8Array;
    const b = want[i] as Uint8Array;
    if (a.length !== b.length || !sameOctets(a, 0, b, 0, a.length)) assert.unreachable(`${what}: shard ${i} differs`);
  }
}

/** Repair what is not present; sources must come back, all else must stand as it was. */
function expectRepair(code: ReedSolomon, whole: readonly Uint8Array[], present: readonly boolean[], length: number, what: string): void {
  const holes = withHoles(whole, present, length);
  const before = copyOf(holes);
  const isEnough = present.filter(Boolean).length >= code.k;
  if (code.repair(holes, present, length) !== isEnough) assert.unreachable(`${what}: said ${!isEnough}`);
  expectSame(holes, isEnough ? whole : before, code.k, what);
  expectSame(holes.slice(code.k), before.slice(code.k), code.m, `${what}, repair shards`);
}

/** `count` of the shards at random are missing. */
function presentBut(count: number, of: number, random: () => number): boolean[] {
  const order = Array.from({ length: of }, (_, i) => ({ i, key: random() })).sort((a, b) => a.key - b.key);
  const missing = new Set(order.slice(0, count).map(({ i }) => i));
  return Array.from({ length: of }, (_, i) => !missing.has(i));
}

rs("the field: a repair octet is the product bit by bit, for every coefficient and every octet", () => {
  assert.is(times(0x80, 2), 0x1d, "x^8 reduced");
  assert.is(times(0x53, reciprocal(0x53)), 1);
  const products = Array.from({ length: 256 }, (_, a) => Uint8Array.from({ length: 256 }, (_, b) => times(a, b)));
  const octets = Uint8Array.from({ length: 256 }, (_, i) => i);
  for (const [k, m] of [
    [1, 254],
    [128, 127],
    [254, 1],
  ] as const) {
    const code = new ReedSolomon(k, m);
    const zeros = new Uint8Array(256);
    for (let source = 0; source < k; source += k > 1 ? 17 : 1) {
      const shards = Array.from({ length: k + m }, (_, i) => (i < k ? (i === source ? octets : zeros) : new Uint8Array(256)));
      code.encode(shards, 256);
      for (let row = 0; row < m; row++)
        assert.ok(
          sameOctets(shards[k + row] as Uint8Array, 0, products[coefficient(row, source)] as Uint8Array, 0, 256),
          `${row}, ${source}`,
        );
    }
  }
});

rs("worked by hand: 2 + 1", () => {
  // Row 0: x = 255, y = 0 and 1, so the coefficients are 1/255 and 1/254.
  const [first, second] = [reciprocal(255), reciprocal(254)];
  assert.is(times(first, 255), 1);
  const shards = [Uint8Array.of(1, 0, 255), Uint8Array.of(0, 1, 254), new Uint8Array(3)];
  new ReedSolomon(2, 1).encode(shards, 3);
  assert.equal(shards[2], Uint8Array.of(first, second, 1 ^ 1));
});

rs("every pattern of what is missing, codes up to 6 + 4", () => {
  const random = randomFrom(1);
  for (let k = 1; k <= 6; k++)
    for (let m = 0; m <= 4; m++) {
      const code = new ReedSolomon(k, m);
      const whole = blockOf(k, m, 5, random, 2);
      code.encode(whole, 5);
      for (let pattern = 0; pattern < 1 << (k + m); pattern++) {
        const present = Array.from({ length: k + m }, (_, i) => ((pattern >> i) & 1) === 1);
        expectRepair(code, whole, present, 5, `${k} + ${m}, ${present.map(Number).join("")}`);
      }
    }
});

for (const [k, m, length, turns] of [
  [20, 4, 64, 2000],
  [10, 2, 64, 500],
  [32, 8, 64, 500],
  [1, 1, 64, 20],
  [1, 254, 16, 50],
  [254, 1, 16, 100],
  [250, 5, 16, 100],
  [128, 127, 16, 40],
  [100, 155, 16, 20],
] as const) {
  rs(`${k} + ${m}: random patterns, up to one missing too many`, () => {
    const random = randomFrom(k * 1000 + m);
    const code = new ReedSolomon(k, m);
    const whole = blockOf(k, m, length, random);
    code.encode(whole, length);
    for (let turn = 0; turn < turns; turn++) {
      const missing = turn === 0 ? 0 : turn === 1 ? m : turn === 2 ? m + 1 : Math.floor(random() * (m + 2));
      expectRepair(code, whole, presentBut(missing, k + m, random), length, `turn ${turn}, ${missing} missing`);
    }
    // The most that can be asked: sources alone are missing, first, last and any.
    const most = Math.min(k, m);
    for (const isMissing of [(i: number) => i < most, (i: number) => i >= k - most && i < k])
      expectRepair(
        code,
        whole,
        whole.map((_, i) => !isMissing(i)),
        length,
        `${most} sources missing`,
      );
  });
}

rs("without repair shards: whole or not", () => {
  for (const k of [1, 20, 255]) {
    const code = new ReedSolomon(k, 0);
    const whole = blockOf(k, 0, 9, randomFrom(k));
    const before = copyOf(whole);
    code.encode(whole, 9);
    expectSame(whole, before, k, `encode ${k} + 0`);
    expectRepair(code, whole, new Array(k).fill(true), 9, `${k} + 0 whole`);
    expectRepair(code, whole, presentBut(1, k, randomFrom(k)), 9, `${k} + 0, one missing`);
  }
});

rs("lengths: none, one, about a frame's, about a piece's; shards longer than what counts", () => {
  const random = randomFrom(5);
  const code = new ReedSolomon(5, 6);
  for (const length of [0, 1, 2, 3, 1199, 1200, 1201, 2047, 2048, 2049, 4096, 4097, 6151])
    for (const spare of [0, 1, 100]) {
      const whole = blockOf(5, 6, length, random, spare);
      const before = copyOf(whole);
      code.encode(whole, length);
      expectSame(whole, before, 5, `sources at ${length}`);
      for (const shard of whole)
        assert.ok(
          shard.subarray(length).every((octet) => octet === BEHIND),
          `behind ${length}`,
        );
      const plain = encoded(
        whole.slice(0, 5).map((shard) => [...shard.subarray(0, Math.min(length, 3))]),
        6,
      );
      for (let i = 5; i < 11; i++) assert.equal([...(whole[i] as Uint8Array).subarray(0, Math.min(length, 3))], plain[i]);
      for (const missing of [1, 4, 5, 6])
        expectRepair(code, whole, presentBut(missing, 11, random), length, `${length}, ${missing} missing`);
      expectRepair(
        code,
        whole,
        whole.map((_, i) => i >= 5),
        length,
        `${length}, no source`,
      );
    }
});

rs("shards may be views at any offset of one buffer, Buffer or not", () => {
  const code = new ReedSolomon(4, 3);
  const apart = blockOf(4, 3, 50, randomFrom(9));
  code.encode(apart, 50);
  const memory = Buffer.alloc(1000, BEHIND);
  const views = apart.map((shard, i) => {
    const view = i % 2 === 0 ? memory.subarray(i * 61 + 3, i * 61 + 53) : new Uint8Array(memory.buffer, memory.byteOffset + i * 61 + 3, 50);
    if (i > 2) view.set(shard);
    return view;
  });
  assert.ok(code.repair(views, Uint8Array.of(0, 0, 0, 1, 1, 1, 1), 50));
  for (const [i, view] of views.entries()) {
    assert.ok(sameOctets(view, 0, apart[i] as Uint8Array, 0, 50), `shard ${i}`);
    assert.is(memory[i * 61 + 2], BEHIND);
    assert.is(memory[i * 61 + 53], BEHIND);
  }
});

rs("what is present may be said in booleans or in numbers, and is not changed; a missing repair shard need not be there", () => {
  const code = new ReedSolomon(3, 2);
  const whole = blockOf(3, 2, 8, randomFrom(3));
  code.encode(whole, 8);
  for (const present of [[true, false, true, false, true], [1, 0, 1, 0, 1], Uint8Array.of(1, 0, 1, 0, 1)]) {
    const before = JSON.stringify(present);
    const holes = whole.map((shard, i) => (i === 1 ? new Uint8Array(8) : i === 3 ? new Uint8Array(0) : shard.slice()));
    assert.ok(code.repair(holes, present, 8));
    expectSame(holes, whole, 3, before);
    assert.is(JSON.stringify(present), before);
  }
});

rs("a code is used again: no call leaves anything for the next", () => {
  const code = new ReedSolomon(6, 5);
  const random = randomFrom(11);
  for (let turn = 0; turn < 300; turn++) {
    const length = Math.floor(random() * 40);
    const whole = blockOf(6, 5, length, random);
    code.encode(whole, length);
    const fresh = copyOf(whole);
    new ReedSolomon(6, 5).encode(fresh, length);
    expectSame(whole, fresh, 11, `turn ${turn}`);
    expectRepair(code, whole, presentBut(Math.floor(random() * 7), 11, random), length, `turn ${turn}`);
  }
});

rs("the slow twin, by elimination, gives the same", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 0, max: 9 }),
      fc.integer({ min: 0, max: 6 }),
      fc.integer({ min: 0, max: 2 ** 31 }),
      (k, m, length, seed) => {
        const random = randomFrom(seed);
        const code = new ReedSolomon(k, m);
        const whole = blockOf(k, m, length, random);
        code.encode(whole, length);
        const plain = encoded(
          whole.slice(0, k).map((shard) => [...shard]),
          m,
        );
        assert.equal(
          whole.map((shard) => [...shard]),
          plain,
        );
        const present = presentBut(Math.floor(random() * (m + 2)), k + m, random);
        const holes = withHoles(whole, present, length);
        const isRepaired = code.repair(holes, present, length);
        const twin = decoded(
          plain.map((shard, i) => (present[i] ? shard : null)),
          k,
        );
        assert.is(isRepaired, twin !== null);
        if (twin !== null)
          assert.equal(
            holes.slice(0, k).map((shard) => [...shard]),
            twin,
          );
      },
    ),
    { numRuns: 150, seed: 20 },
  );
});

rs("a block closed early: zeros stand for what never came, and it is the block of the smaller code", () => {
  const [large, small] = [new ReedSolomon(20, 4), new ReedSolomon(7, 2)];
  const zeros = new Uint8Array(30);
  const few = blockOf(7, 2, 30, randomFrom(7));
  small.encode(few, 30);
  const repair = Array.from({ length: 4 }, () => new Uint8Array(30));
  large.encode([...few.slice(0, 7), ...new Array<Uint8Array>(13).fill(zeros), ...repair], 30);
  assert.equal(repair.slice(0, 2), few.slice(7), "a row depends on neither k nor m");
  const lost = [new Uint8Array(30), ...few.slice(1, 5), new Uint8Array(30), new Uint8Array(30)];
  const holes = [...lost, ...new Array<Uint8Array>(13).fill(zeros), ...repair];
  const present = holes.map((_, i) => i !== 0 && i !== 5 && i !== 6 && i !== 21);
  assert.ok(large.repair(holes, present, 30));
  expectSame(holes, few, 7, "repaired");
  assert.ok(zeros.every((octet) => octet === 0));
});

rs("it finds no errors: one forged shard is in all that is repaired", () => {
  const code = new ReedSolomon(8, 3);
  const whole = blockOf(8, 3, 20, randomFrom(13));
  code.encode(whole, 20);
  const present = whole.map((_, i) => i > 2);
  const holes = withHoles(whole, present, 20);
  (holes[9] as Uint8Array)[4] = ((holes[9] as Uint8Array)[4] as number) ^ 1;
  assert.ok(code.repair(holes, present, 20), "nothing is noticed");
  for (let i = 0; i < 3; i++) assert.is.not((holes[i] as Uint8Array)[4], (whole[i] as Uint8Array)[4], `source ${i}`);
});

rs("no call leaves anything on the heap", () => {
  const flags = ["--expose-gc", "--max-semi-space-size=64", "--disable-warning=ExperimentalWarning"];
  const said = execFileSync(process.execPath, [...flags, path.join(import.meta.dirname, "codeHeap.ts")], { encoding: "utf8" });
  const { calls, grownBy } = JSON.parse(said) as { readonly calls: number; readonly grownBy: number };
  assert.is(calls, 20_000);
  // The least object has 16 octets; compiled code comes and goes.
  assert.ok(grownBy < 8 * calls, `${grownBy} octets after ${calls} calls`);
});

rs("what is no code, and shards that are too short, are faults of ours", () => {
  for (const [k, m] of [
    [0, 1],
    [1, -1],
    [128, 128],
    [256, 0],
    [1.5, 1],
    [1, 0.5],
    [Number.NaN, 1],
    [2, Number.NaN],
  ] as const)
    assert.throws(() => new ReedSolomon(k, m), /no code of/, `${k} + ${m}`);
  const code = new ReedSolomon(2, 2);
  const shards = blockOf(2, 2, 4, randomFrom(2));
  assert.throws(() => code.encode(shards, 5), /shard 0 has 4 of 5 octets/);
  assert.throws(() => code.encode(shards.slice(0, 3), 4), /shard 3 has 0 of 4 octets/);
  assert.throws(() => code.encode(shards.slice(0, 3), 0), /shard 3/);
  assert.throws(() => code.repair([new Uint8Array(3), ...shards.slice(1)], [false, true, true, true], 4), /shard 0 has 3 of 4 octets/);
  assert.throws(() => code.repair([...shards.slice(0, 2), new Uint8Array(3)], [false, true, true, false], 4), /shard 2 has 3 of 4 octets/);
});

rs.run();
