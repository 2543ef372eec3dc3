/** Records out of a pipe: the same ones, wherever it cuts them. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RecordIntake } from "#telemetry/intake";
import { recordOf, sampleOf } from "#test/receiver/link";

const intake = suite("telemetry/intake");

function taken(chunks: readonly Uint8Array[]): string[] {
  const records: string[] = [];
  const into = new RecordIntake((record) => records.push(Buffer.from(record).toString("hex")));
  for (const chunk of chunks) into.feed(chunk);
  return records;
}

const LONGEST = new Uint8Array(3 + 0xffff).fill(5);
LONGEST.set([4, 0xff, 0xff]);
const RECORDS: readonly Uint8Array[] = [
  sampleOf(1, 5),
  Uint8Array.of(9, 0, 0),
  recordOf((writer) => writer.asker(1, "alice")),
  sampleOf(2, "words"),
  recordOf((writer) => writer.birth(0, 0, "")),
];
const WHOLE = Buffer.concat(RECORDS);
const HEX = RECORDS.map((record) => Buffer.from(record).toString("hex"));

intake("cut in two, or in three, at every octet", () => {
  for (let first = 0; first <= WHOLE.length; first++)
    for (let second = first; second <= WHOLE.length; second++)
      assert.equal(taken([WHOLE.subarray(0, first), WHOLE.subarray(first, second), WHOLE.subarray(second)]), HEX);
});

intake("octet by octet, and all at once", () => {
  assert.equal(taken([...WHOLE].map((octet) => Uint8Array.of(octet))), HEX);
  assert.equal(taken([WHOLE]), HEX);
});

intake("the longest record there can be, between others, in pieces of any size", () => {
  const all = Buffer.concat([WHOLE, LONGEST, WHOLE]);
  const expected = [...HEX, Buffer.from(LONGEST).toString("hex"), ...HEX];
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 1, maxLength: 40 }), (sizes) => {
      const chunks: Uint8Array[] = [];
      for (let at = 0, i = 0; at < all.length; i++) {
        const size = sizes[i % sizes.length] as number;
        chunks.push(all.subarray(at, at + size));
        at += size;
      }
      assert.equal(taken(chunks), expected);
    }),
    { numRuns: 30 },
  );
});

intake("what is not whole yet is not given", () => {
  assert.equal(taken([WHOLE.subarray(0, WHOLE.length - 1)]), HEX.slice(0, -1));
});

intake.run();
