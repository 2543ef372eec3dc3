/** A reply without some of its points. Built with the peers' encoder, which shares nothing with the codec. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeFragment, type Fragment } from "#dnp3/application";
import { encodeFragment } from "#dnp3/items";
import { type Keeps, trimReply } from "#dnp3/trim";
import { parseObjects } from "#test/peers/dnp3/parse";
import { fromHex, toHex } from "#wire";

const trim = suite("dnp3/trim");

/** The octets of a reply without the points that `keeps` does not. */
function trimmed(hex: string, keeps: (index: number) => boolean, limit = 2048): string {
  const octets = fromHex(hex) as Uint8Array;
  const decoded = decodeFragment(octets, 0, octets.length);
  assert.ok(decoded.ok && decoded.value.fault === null, hex);
  const stride = (object: number): number => (object >> 8 === 30 ? 4 : 1);
  const keep: Keeps = (object, _space, first) => keeps(first / stride(object));
  const target = new Uint8Array(4096);
  const { length } = trimReply((decoded as { value: Fragment }).value, keep, target, 0, limit);
  return length < 0 ? "no room" : toHex(target, 0, length);
}

const VECTORS: readonly (readonly [what: string, reply: string, keeps: (index: number) => boolean, left: string])[] = [
  ["nothing is left out: as it came", "c0810000 1e0200 00 01 01 0a00 01 0b00", () => true, "c0810000 1e0200 00 01 01 0a00 01 0b00"],
  ["the first of a range", "c0810000 1e0200 00 02 01 0a00 01 0b00 01 0c00", (i) => i > 0, "c0810000 1e0200 01 02 01 0b00 01 0c00"],
  [
    "one in the middle makes two ranges",
    "c0810000 1e0201 0000 0200 010a00 010b00 010c00",
    (i) => i !== 1,
    "c0810000 1e0201 0000 0000 010a00 1e0201 0200 0200 010c00",
  ],
  ["packed bits move to the front", "c0810000 010100 00 09 ff01", (i) => i >= 7 && i <= 8, "c0810000 010100 07 08 03"],
  ["double bits", "c0810000 030100 00 04 1b01", (i) => i === 1 || i === 2, "c0810000 030100 01 02 06"],
  [
    "of a list those that stay, with a count of their own",
    "e0810000 020117 03 00 81 05 01 07 81",
    (i) => i !== 5,
    "e0810000 020117 02 00 81 07 81",
  ],
  [
    "all of a header, and what stands behind it stays",
    "c0810000 010200 00 00 81 1e0200 01 01 01 0a00",
    (i) => i === 1,
    "c0810000 1e0200 01 01 01 0a00",
  ],
  ["what tells no point stays", "c0810000 320107 01 000102030405 1e0200 00 00 01 0a00", () => false, "c0810000 320107 01 000102030405"],
];

for (const [what, reply, keeps, left] of VECTORS)
  trim(what, () => {
    assert.is(trimmed(reply, keeps), left.replaceAll(" ", ""));
  });

trim("where the ranges it makes have no room, there is none", () => {
  assert.is(
    trimmed("c0810000 1e0201 0000 0200 010a00 010b00 010c00", (i) => i !== 1, 20),
    "no room",
  );
});

trim("property: what is left is a good fragment that tells the kept points with their values, and no other", () => {
  const value = fc.integer({ min: -32768, max: 32767 });
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 0, max: 300 }),
      fc.infiniteStream(fc.boolean()),
      (values, first, coins) => {
        const kept = new Map<number, number>();
        const items = values.map((number, i) => {
          if (coins.next().value) kept.set(first + i, number);
          return `01${hex16(number & 0xffff)}`;
        });
        const reply = `c08100001e0201${hex16(first)}${hex16(first + values.length - 1)}${items.join("")}`;
        const left = fromHex(trimmed(reply, (index) => kept.has(index))) as Uint8Array;
        const decoded = decodeFragment(left, 0, left.length);
        assert.ok(decoded.ok && decoded.value.fault === null);
        const again = new Uint8Array(4096);
        const length = encodeFragment(again, 0, (decoded as { value: Fragment }).value);
        assert.is(toHex(again, 0, length), toHex(left, 0, left.length));
        const told = parseObjects(left.subarray(4), true).flatMap((object) =>
          object.items.map((item) => [item.index, item.value] as const),
        );
        assert.equal(told, [...kept]);
      },
    ),
    { numRuns: 300 },
  );
});

function hex16(value: number): string {
  return Buffer.from([value & 0xff, value >> 8]).toString("hex");
}

trim.run();
