/** What a READ asks for is what its reply may tell: held against sets of points, written down without order or spans. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeFragment } from "#dnp3/application";
import { matchReply } from "#dnp3/replies";

const asked = suite("dnp3/asked");

interface Header {
  /** Binary inputs, binary outputs. */
  readonly group: 1 | 10;
  readonly how: "range" | "names" | "all";
  readonly first: number;
  readonly last: number;
  readonly names: readonly number[];
}

/** Few points near each other, and some at the end of what an index can be: borders meet often. */
const place = fc.oneof(
  { arbitrary: fc.integer({ min: 0, max: 12 }), weight: 8 },
  { arbitrary: fc.integer({ min: 0xfffa, max: 0xffff }), weight: 1 },
);
const header = (how: fc.Arbitrary<Header["how"]>): fc.Arbitrary<Header> =>
  fc
    .record({
      group: fc.constantFrom(1 as const, 10 as const),
      how,
      a: place,
      span: fc.nat({ max: 4 }),
      names: fc.array(place, { minLength: 1, maxLength: 5 }),
    })
    .map(({ group, how: kind, a, span, names }) => ({ group, how: kind, first: a, last: Math.min(a + span, 0xffff), names }));

const u16 = (n: number): number[] => [n & 0xff, n >> 8];
const asking = ({ group, how, first, last, names }: Header): number[] => {
  if (how === "all") return [group, 2, 6];
  if (how === "range") return [group, 2, 1, ...u16(first), ...u16(last)];
  return [group, 2, 0x28, ...u16(names.length), ...names.flatMap(u16)];
};
const telling = ({ group, how, first, last, names }: Header): number[] => {
  if (how === "range") return [group, 2, 1, ...u16(first), ...u16(last), ...new Array<number>(last - first + 1).fill(1)];
  return [group, 2, 0x28, ...u16(names.length), ...names.flatMap((name) => [...u16(name), 1])];
};
const pointsOf = ({ group, how, first, last, names }: Header): string[] =>
  (how === "names" ? names : Array.from({ length: last - first + 1 }, (_, i) => first + i)).map((index) => `${group} ${index}`);

asked("any headers in any order: a reply passes if each point it tells was asked for, and there are no more of them", () => {
  let passed = 0;
  let dropped = 0;
  fc.assert(
    fc.property(
      fc.array(header(fc.constantFrom("range", "names", "names", "all")), { minLength: 1, maxLength: 6 }),
      fc.array(header(fc.constantFrom("range", "names")), { minLength: 1, maxLength: 3 }),
      (questions, answers) => {
        const octets = Uint8Array.from([0xc0, 1, ...questions.flatMap(asking)]);
        const request = decodeFragment(octets, 0, octets.length);
        if (!request.ok || request.value.fault !== null) throw new Error("the question is none");
        const points = new Set(questions.filter(({ how }) => how !== "all").flatMap(pointsOf));
        const whole = new Set(questions.filter(({ how }) => how === "all").map(({ group }) => `${group}`));
        const told = answers.flatMap(pointsOf);
        const most = whole.size > 0 ? Number.POSITIVE_INFINITY : questions.flatMap(pointsOf).length;
        const expected = told.length <= most && told.every((point) => points.has(point) || whole.has(point.split(" ")[0] as string));
        const reply = Uint8Array.from([0xc0, 0x81, 0, 0, ...answers.flatMap(telling)]);
        assert.is(matchReply(request.value, reply, 0, reply.length).ok, expected, JSON.stringify([questions, answers]));
        if (expected) passed += 1;
        else dropped += 1;
      },
    ),
    { numRuns: 20_000, seed: 7 },
  );
  assert.ok(passed > 1_000 && dropped > 1_000, `${passed} passed, ${dropped} dropped`);
});

asked.run();
