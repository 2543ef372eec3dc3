/** Fragments out of segments and into them: every rule of reception (TB2013-003), and what is cut is put together again. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodeSegment, FIN, FIR, FRAGMENT_LIMIT, Reassembler, SEGMENT_DATA, segmentsOf, type Taken } from "#dnp3/transport";
import { toHex } from "#wire";

const transport = suite("dnp3/transport");

/** A segment with one application octet, or those given. */
const segment = (header: number, ...data: readonly number[]): Uint8Array => Uint8Array.of(header, ...data);

function take(reassembler: Reassembler, octets: Uint8Array): Taken {
  return reassembler.take(octets, 0, octets.length);
}

/** What each segment is taken for; of a fragment its octets. */
function all(...segments: readonly Uint8Array[]): (Taken | string)[] {
  const reassembler = new Reassembler();
  return segments.map((each) => {
    const taken = take(reassembler, each);
    return taken === "fragment" ? toHex(reassembler.octets, 0, reassembler.length) : taken;
  });
}

transport("one segment, and several, whatever the first sequence is", () => {
  for (const first of [0, 5, 62, 63]) {
    const at = (i: number): number => (first + i) % 64;
    assert.equal(all(segment(FIR | FIN | first, 1, 2)), ["0102"]);
    assert.equal(all(segment(FIR | at(0), 1), segment(at(1), 2), segment(FIN | at(2), 3)), ["more", "more", "010203"]);
  }
});

transport("TB2013-003: the rules of reception, one by one", () => {
  assert.equal(all(segment(1, 1), segment(FIN | 2, 2)), ["notStarted", "notStarted"], "what was never begun");
  assert.equal(all(segment(FIR | 1, 1), segment(FIR | FIN | 9, 7)), ["more", "07"], "a new first drops the open series");
  assert.equal(
    all(segment(FIR | 1, 1), segment(FIR | 1, 1), segment(FIN | 2, 2)),
    ["more", "repeated", "0102"],
    "a segment that comes twice is dropped, and the series goes on",
  );
  assert.equal(all(segment(FIR | 1, 1), segment(2, 2), segment(2, 2), segment(FIN | 3, 3)), ["more", "more", "repeated", "010203"]);
  assert.equal(
    all(segment(FIR | 1, 1), segment(1, 9), segment(FIN | 2, 2)),
    ["more", "outOfSequence", "notStarted"],
    "the same sequence with other contents ends the series",
  );
  assert.equal(all(segment(FIR | 1, 1), segment(FIN | 3, 3), segment(FIN | 2, 2)), ["more", "outOfSequence", "notStarted"], "a gap");
  assert.equal(all(segment(FIR | FIN | 1)), ["emptyFragment"], "a series that ends empty");
  assert.equal(all(segment(FIR | 1), segment(FIN | 2)), ["more", "emptyFragment"]);
  assert.equal(all(new Uint8Array(0)), ["empty"]);
  assert.equal(
    all(segment(FIR | FIN | 1, 1), segment(FIR | FIN | 1, 1)),
    ["01", "01"],
    "a whole fragment that comes twice is two fragments",
  );
});

transport("a fragment of the limit is taken, one octet more is given up, and the next series is read", () => {
  const reassembler = new Reassembler();
  const target = new Uint8Array(SEGMENT_DATA + 1);
  for (const [length, end] of [
    [FRAGMENT_LIMIT, "fragment"],
    [FRAGMENT_LIMIT + 1, "tooLong"],
    [3, "fragment"],
  ] as const) {
    const fragment = Uint8Array.from({ length }, (_, i) => i & 0xff);
    let taken: Taken = "more";
    for (let i = 0; i < segmentsOf(length) && taken === "more"; i++)
      taken = reassembler.take(target, 0, encodeSegment(target, 0, fragment, 0, length, i, 60));
    assert.is(taken, end, `${length}`);
  }
});

transport("what is cut is put together again", () => {
  const target = new Uint8Array(SEGMENT_DATA + 1);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: FRAGMENT_LIMIT }), fc.integer({ min: 0, max: 63 }), (fragment, sequence) => {
      const reassembler = new Reassembler();
      const count = segmentsOf(fragment.length);
      for (let i = 0; i < count; i++) {
        const length = encodeSegment(target, 0, fragment, 0, fragment.length, i, sequence);
        assert.is(reassembler.take(target, 0, length), i === count - 1 ? "fragment" : "more");
      }
      assert.is(toHex(reassembler.octets, 0, reassembler.length), toHex(fragment));
    }),
    { numRuns: 200 },
  );
});

transport("random segments: nothing throws, and nothing is longer than the limit", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 250 }), { maxLength: 30 }), (segments) => {
      const reassembler = new Reassembler(300);
      for (const each of segments) {
        take(reassembler, each);
        assert.ok(reassembler.length <= 300);
      }
    }),
    { numRuns: 300 },
  );
});

transport.run();
