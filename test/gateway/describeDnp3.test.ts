/** A DNP3 request as its record tells it: object, way, command, number, who it claims to be; and what counts again from that after a restart. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeFragment, type Fragment } from "#dnp3/application";
import { operationsOf } from "#dnp3/operations";
import { dnp3Vocabulary } from "#dnp3/vocabulary";
import type { Asset } from "#gateway/asset";
import { Before, describeGuard, describeOperations } from "#gateway/describe";
import type { Guard } from "#gateway/guard";
import { Layout } from "#gateway/layout";
import { writeOf } from "#gateway/rebuild";
import type { Operation } from "#operation";
import { FEEDER } from "#test/policy/documents/feeder";
import { f64be, fromHex, putF64be } from "#wire";

const describe = suite("gateway/describeDnp3");
const layout = new Layout(FEEDER, dnp3Vocabulary);

function asked(text: string): readonly Operation[] {
  const octets = fromHex(text.replaceAll(" ", "")) as Uint8Array;
  const read = decodeFragment(octets, 0, octets.length);
  assert.ok(read.ok && read.value.fault === null, text);
  return operationsOf((read as { value: Fragment }).value, 7, false).operations;
}

/** 20.5 kV at analog output 0, in hundredths; at binary output 0 a 1; nothing else was ever seen. */
function before(operations: readonly Operation[]): Before {
  const octets = new Uint8Array(8);
  putF64be(octets, 0, 2050);
  const words = [0, 1, 2, 3].map((i) => ((octets[2 * i] as number) << 8) | (octets[2 * i + 1] as number));
  const lastSeen = {
    cell: (_: number, space: number, at: number) => (space === 7 ? (words[at] ?? -1) : space === 2 && at === 0 ? 1 : -1),
    seenAt: () => 1000,
    sourceOf: () => 1,
  };
  const captured = new Before();
  captured.capture({ model: FEEDER, lastSeen, canonicalUnit: (unit: number) => unit } as unknown as Asset, operations, 1500, true);
  return captured;
}

function shown(told: unknown): unknown {
  return (told as { readonly value: unknown } | null)?.value;
}

const PLACE = { unit: 7, table: "binary-output", first: 0, last: 0, place: "0", points: ["breaker"] };

describe("a command: its code by word and octet, its count and times, its way and object", () => {
  const [told] = describeOperations(layout, asked("c0 04 0c0117 01 00 81 01 fa000000 00000000 00"), null);
  assert.equal(told, {
    verb: "operate",
    ...PLACE,
    object: "g12v1",
    via: "select-before-operate",
    control: { code: "trip", octet: 0x81, count: 1, onTimeMs: 250, offTimeMs: 0 },
  });
});

describe("a code without a word, other ways, and what stood there", () => {
  const operations = asked("c0 05 0c0117 01 00 91 02 00000000 64000000 00");
  const [direct] = describeOperations(layout, operations, before(operations));
  assert.equal(direct?.control, { code: "0x91", octet: 0x91, count: 2, onTimeMs: 0, offTimeMs: 100 });
  assert.equal([direct?.via, shown(direct?.before)], ["direct", [1]]);
  assert.is(describeOperations(layout, asked("c0 06 0c0117 01 00 04 01 00000000 00000000 00"), null)[0]?.via, "direct-no-ack");
  const [select] = describeOperations(layout, asked("c0 03 0c0117 01 00 41 01 00000000 00000000 00"), null);
  assert.equal([select?.verb, select?.via], ["select", "select-before-operate"]);
});

describe("a set-point: the number, what stood there, and both in the point's unit", () => {
  const operations = asked("c0 04 290217 02 00 0c08 00 05 0700 00");
  const [volts, unnamed] = describeOperations(layout, operations, before(operations));
  assert.equal([volts?.object, volts?.first, volts?.last, volts?.place, volts?.after], ["g41v2", 0, 0, "0", [2060]]);
  assert.equal(shown(volts?.before), [2050]);
  const [point] = (volts?.points ?? []) as readonly Record<string, unknown>[];
  assert.equal([point?.name, point?.unit, shown(point?.before), point?.after], ["volts", "kV", "20.5", "20.6"]);
  assert.equal([unnamed?.first, unnamed?.last, unnamed?.after, unnamed?.before], [5, 5, [7], null]);
});

describe("a read: indexes and not cells, and the object asked for", () => {
  const [told] = describeOperations(layout, asked("c0 01 1e0500 0002"), null);
  assert.equal(told, {
    verb: "read",
    unit: 7,
    table: "analog-input",
    first: 0,
    last: 2,
    place: "0-2",
    points: ["current"],
    object: "g30v5",
  });
});

describe("the SAv5 user that a request claims to be from", () => {
  const told = describeOperations(
    layout,
    asked("c0 04 780307 01 01000000 0300 0c0117 01 00 81 01 64000000 00000000 00 78095b 01 0400 01020304"),
    null,
  );
  assert.equal(
    told.map(({ verb, target, actor }) => [verb, target, actor]),
    [
      ["authenticate", "device", 3],
      ["operate", undefined, 3],
    ],
  );
});

describe("what is about the outstation as a whole has no place", () => {
  assert.equal(describeOperations(layout, asked("c0 0d"), null), [{ verb: "restart", unit: 7, target: "device" }]);
  assert.equal(describeOperations(layout, asked("c0 02 320107 01 000102030405"), null), [
    { verb: "time", unit: 7, target: "device", object: "g50v1" },
  ]);
});

describe("what a guard read showed: numbers, and null where nothing is known", () => {
  const cells = Int32Array.from([0x409f, 0xfe00, 0, 0, -1, 0, 0, 0]);
  const guard = { reads: [{ unit: 7, space: 7, first: 0, last: 7, cells }] } as unknown as Guard;
  const [told] = describeGuard(layout, guard);
  assert.equal([told?.first, told?.last, told?.value], [0, 1, [2047.5, null]]);
});

describe("after a restart a record gives back the place and the number it told", () => {
  const octets = "c0 04 290417 01 01 9a9999999999b93f 00";
  const [told] = JSON.parse(JSON.stringify(describeOperations(layout, asked(octets), null)));
  const written = writeOf(told, dnp3Vocabulary);
  assert.equal([written?.isWhole, written?.operation.verb], [true, "operate"]);
  assert.equal(written?.operation.target, { at: "range", space: 7, first: 4, last: 7 });
  const values = written?.operation.values;
  assert.is(values?.is === "cells" ? f64be(values.octets, values.at) : null, 0.1);
  const [select] = describeOperations(layout, asked(octets.replace("c0 04", "c0 03")), null);
  assert.is(writeOf(select as Record<string, unknown>, dnp3Vocabulary), null, "what only arms changes nothing");
});

describe.run();
