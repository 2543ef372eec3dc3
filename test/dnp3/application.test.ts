/** Application fragments: what is told of good ones, how bad ones are told, and that nothing costs more than its octets. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeFragment, type Fragment } from "#dnp3/application";
import { FUNCTION, functionRow } from "#dnp3/functions";
import { eachItem, encodeFragment, fieldOf } from "#dnp3/items";
import { sizeOf } from "#dnp3/objects/entry";
import { entryOf, GROUPS } from "#dnp3/objects/index";
import { QUALIFIERS } from "#dnp3/qualifiers";
import { fromHex, toHex } from "#wire";

const application = suite("dnp3/application");

const hex = (text: string): Uint8Array => fromHex(text) as Uint8Array;

function decoded(text: string): Fragment {
  const octets = hex(text);
  const read = decodeFragment(octets, 0, octets.length);
  assert.ok(read.ok, text);
  return (read as { value: Fragment }).value;
}

/** `g12v1 q28 4..9 x1 data`: one word for each header. */
function shown({ headers }: Fragment): string[] {
  return headers.map(({ group, variation, code, first, last, count, hasData }) =>
    [
      `g${group}v${variation}`,
      `q${code.toString(16).padStart(2, "0")}`,
      first < 0 ? "" : `${first}..${last}`,
      `x${count}`,
      hasData ? "data" : "",
    ]
      .filter((word) => word !== "")
      .join(" "),
  );
}

const GOOD: readonly [what: string, octets: string, headers: readonly string[]][] = [
  ["an integrity poll", "c0 01 3c0206 3c0306 3c0406 3c0106", ["g60v2 q06 x0", "g60v3 q06 x0", "g60v4 q06 x0", "g60v1 q06 x0"]],
  ["a read of two analog inputs by range", "c3 01 1e0500 0203", ["g30v5 q00 2..3 x2"]],
  ["a read by an index list: prefixes, no objects", "c3 01 010028 0200 0300 0900", ["g1v0 q28 x2"]],
  ["at most ten events of class 1", "c3 01 3c0207 0a", ["g60v2 q07 x10"]],
  ["a confirm", "c5 00", []],
  ["a confirm of an unsolicited response", "d5 00", []],
  ["select: a trip of index 10", "c1 03 0c0128 0100 0a00 81 01 64000000 64000000 00", ["g12v1 q28 x1 data"]],
  ["an analog output, double", "c1 05 290417 01 07 000000000000f03f 00", ["g41v4 q17 x1 data"]],
  ["restart is cleared: g80v1 index 7", "c1 02 500100 0707 00", ["g80v1 q00 7..7 x1 data"]],
  ["time is written", "c1 02 320107 01 000102030405", ["g50v1 q07 x1 data"]],
  ["a freeze at a time", "c1 0b 320207 01 000102030405 00000000 140006 1e0006", ["g50v2 q07 x1 data", "g20v0 q06 x0", "g30v0 q06 x0"]],
  [
    "classes are assigned",
    "c1 16 3c0206 010006 1e0000 0005 3c0106 0a0006",
    ["g60v2 q06 x0", "g1v0 q06 x0", "g30v0 q00 0..5 x6", "g60v1 q06 x0", "g10v0 q06 x0"],
  ],
  ["a file is opened", "c1 19 46035b 01 1e00 1a00 0400 000000000000 0000 00000000 00000000 0100 0004 0100 61626364", ["g70v3 q5b x1 data"]],
  ["a file is read: the handle stands behind the header", "c1 01 46055b 01 0800 01000000 02000000", ["g70v5 q5b x1 data"]],
  [
    "a response with flags, time and packed bits",
    "e0 81 9000 010100 0009 ff03 020217 01 05 81 000102030405",
    ["g1v1 q00 0..9 x10 data", "g2v2 q17 x1 data"],
  ],
  ["double bits", "c0 81 0000 030100 0004 e402", ["g3v1 q00 0..4 x5 data"]],
  ["octet strings are as long as their variation", "c0 81 0000 6e0300 0001 616263 646566", ["g110v3 q00 0..1 x2 data"]],
  ["a device attribute and one of an extended list", "c0 81 0000 00f200 0000 01 03 414243", ["g0v242 q00 0..0 x1 data"]],
  ["an unsolicited response", "f3 82 0000 020117 01 03 81", ["g2v1 q17 x1 data"]],
  ["a challenge", "e1 83 0000 78015b 01 0c00 04000000 0100 03 01 aabbccdd", ["g120v1 q5b x1 data"]],
  [
    "aggressive mode around a control",
    "c2 05 780307 01 05000000 0100 0c0117 01 03 03 01 00000000 00000000 00 78095b 01 0400 01020304",
    ["g120v3 q07 x1 data", "g12v1 q17 x1 data", "g120v9 q5b x1 data"],
  ],
  [
    "aggressive mode around a READ: both have data, what is read has none",
    "c2 01 780307 01 05000000 0100 3c0206 1e0000 0003 78095b 01 0400 01020304",
    ["g120v3 q07 x1 data", "g60v2 q06 x0", "g30v0 q00 0..3 x4", "g120v9 q5b x1 data"],
  ],
  [
    "aggressive mode around a restart, which has no objects",
    "c2 0d 780307 01 05000000 0100 78095b 01 0400 01020304",
    ["g120v3 q07 x1 data", "g120v9 q5b x1 data"],
  ],
  [
    "aggressive mode around a freeze at a time",
    "c2 0b 780307 01 05000000 0100 320207 01 000102030405 01000000 140006 78095b 01 0400 01020304",
    ["g120v3 q07 x1 data", "g50v2 q07 x1 data", "g20v0 q06 x0", "g120v9 q5b x1 data"],
  ],
];

for (const [what, octets, headers] of GOOD)
  application(`${what}: ${octets}`, () => {
    const fragment = decoded(octets);
    assert.is(fragment.fault, null);
    assert.equal(shown(fragment), headers);
    const target = new Uint8Array(2_048);
    assert.is(toHex(target, 0, encodeFragment(target, 0, fragment)), toHex(hex(octets)));
    // However much of it is cut off, what is left is told without reading past it.
    for (let length = 0; length < hex(octets).length; length++) {
      const cut = hex(octets).slice(0, length);
      const read = decodeFragment(cut, 0, length);
      if (read.ok && read.value.fault === null) assert.is(toHex(target, 0, encodeFragment(target, 0, read.value)), toHex(cut));
    }
  });

application("the numbers of a control and of an event", () => {
  const control = decoded("c1 05 0c0128 0200 0a00 81 01 64000000 c8000000 00 0b00 41 02 01000000 02000000 00");
  const [header] = control.headers;
  const seen: (number | undefined)[][] = [];
  eachItem(control, header as NonNullable<typeof header>, ({ index, at }) =>
    seen.push([
      index,
      ...["code", "count", "onTime", "offTime", "status", "value"].map((name) => fieldOf(control.octets, header as never, at, name)),
    ]),
  );
  assert.equal(seen, [
    [10, 0x81, 1, 100, 200, 0, undefined],
    [11, 0x41, 2, 1, 2, 0, undefined],
  ]);
  const response = decoded("e0 81 9000 010100 0309 55 200317 01 02 01 feffffff 000102030405 030100 0004 e402");
  const values: number[] = [];
  const bits: number[] = [];
  for (const each of response.headers)
    eachItem(response, each, (item) => {
      if (each.entry.layout.is === "packed") bits.push(item.index, item.bits);
      else values.push(item.index, ...["flags", "value", "time"].map((name) => fieldOf(response.octets, each, item.at, name) as number));
    });
  assert.equal(values, [2, 1, -2, 0x050403020100]);
  assert.equal(bits, [3, 1, 4, 0, 5, 1, 6, 0, 7, 1, 8, 0, 9, 1, 0, 0, 1, 1, 2, 2, 3, 3, 4, 2]);
  assert.is(response.iin, 0x0090);
});

const BAD: readonly [what: string, octets: string, fault: string, good: readonly string[]][] = [
  ["objects behind a confirm", "c0 00 3c0206", "trailing", []],
  ["objects behind a restart", "c0 0d 3c0206", "trailing", []],
  ["a proof behind a restart that nobody announced", "c0 0d 78095b 01 0400 01020304", "trailing", []],
  ["who asks behind a confirm", "c0 00 780307 01 05000000 0100", "trailing", []],
  ["a proof behind a READ that nobody announced", "c0 01 3c0206 78095b 01 0400 01020304", "badQualifier", ["g60v2 q06 x0"]],
  ["who asks, by another qualifier", "c2 05 780317 01 00 05000000 0100", "badQualifier", []],
  ["nobody asks", "c2 05 780307 00 0c0117 01 03 03 01 00000000 00000000 00", "badRange", []],
  ["two ask", "c2 01 780307 02 05000000 0100 06000000 0200", "badRange", []],
  ["two proofs in one", "c2 05 780307 01 05000000 0100 78095b 02 0100 01 0100 01", "badRange", ["g120v3 q07 x1 data"]],
  [
    "something behind the proof",
    "c2 01 780307 01 05000000 0100 78095b 01 0400 01020304 3c0206",
    "badOrder",
    ["g120v3 q07 x1 data", "g120v9 q5b x1 data"],
  ],
  ["half an object header", "c0 01 3c0206 3c02", "truncated", ["g60v2 q06 x0"]],
  ["no range where one belongs", "c0 01 1e0501 0000", "truncated", []],
  ["start above stop", "c0 01 1e0500 0302", "badRange", []],
  ["four thousand million objects", "c0 81 0000 010209 ffffffff", "truncated", []],
  ["as many packed bits", "c0 81 0000 010102 00000000 ffffffff", "truncated", []],
  ["as many prefixes of a read", "c0 01 010039 ffffffff", "truncated", []],
  ["as many strings", "c0 81 0000 6eff09 ffffffff 00", "truncated", []],
  ["a range past the fragment", "c0 81 0000 1e0200 0001 01 0000", "truncated", []],
  ["one octet of data missing", "c1 05 0c0117 01 03 81 01 64000000 64000000", "truncated", []],
  ["a reserved qualifier", "c0 01 1e050a", "badQualifier", []],
  ["bit 7 of the qualifier", "c0 01 1e0586", "badQualifier", []],
  ["virtual addresses", "c0 01 1e0503 0000", "badQualifier", []],
  ["data of all objects", "c0 81 0000 1e0206", "badQualifier", []],
  ["a size before what has one size", "c0 81 0000 1e025b 01 0300 010000", "badQualifier", []],
  ["a file without its size", "c1 19 460307 01 00", "badQualifier", []],
  ["packed bits with indexes", "c0 81 0000 010117 01 00 01", "badQualifier", []],
  ["a class in a list", "c0 01 3c0217 01 00", "badQualifier", []],
  ["a class with data", "c0 81 0000 3c0107 01", "badQualifier", []],
  ["a group nobody knows", "c0 01 f00106", "unknownObject", []],
  ["a variation nobody knows", "c0 01 1e0906", "unknownObject", []],
  ["a bulletin's group of which the title is known", "c0 01 720106", "unknownObject", []],
  ["data of variation 0", "c0 81 0000 1e0000 0000 01", "badVariation", []],
  ["a bit past the last point", "c0 81 0000 010100 0008 ff03", "badPadding", []],
  ["a pair of bits past the last", "c0 81 0000 030100 0004 e412", "badPadding", []],
  ["a size too small for what it holds", "c1 19 46035b 01 1900 00000000000000000000000000000000000000000000000000", "badSize", []],
  ["a freeze before its time", "c1 0b 140006", "badOrder", []],
  ["two times", "c1 0b 320207 01 00010203040500000000 320207 01 00010203040500000000", "badOrder", ["g50v2 q07 x1 data"]],
  ["two times in one", "c1 0b 320207 02 00010203040500000000 00010203040500000000", "badRange", []],
  ["a target before its class", "c1 16 010006", "badOrder", []],
  ["class nothing", "c1 16 3c0006 010006", "badVariation", []],
  ["an attribute that says more than is there", "c0 81 0000 00f200 0000 01 05 414243", "truncated", []],
  ["an extended list that says more", "c0 81 0000 00ff00 0000 ff 00 4142", "truncated", []],
];

for (const [what, octets, fault, good] of BAD)
  application(`${what} is ${fault}, and the header is told all the same: ${octets}`, () => {
    const fragment = decoded(octets);
    assert.is(fragment.fault, fault);
    assert.equal(shown(fragment), good);
    assert.ok(fragment.faultAt >= 2 && fragment.faultAt < fragment.length);
    assert.is(fragment.control, hex(octets)[0]);
  });

application("control octets: requests are whole and not unsolicited; what is unsolicited says so; responses may be several", () => {
  const may = (control: number, code: number): boolean => {
    const read = decodeFragment(Uint8Array.of(control, code, 0, 0), 0, code < 129 ? 2 : 4);
    assert.ok(read.ok);
    const fault = read.ok ? read.value.fault : "truncated";
    assert.ok(fault === null || fault === "badControl", `${fault}`);
    return fault === null;
  };
  for (let control = 0; control < 256; control += 16) {
    const [fir, fin, uns] = [0x80, 0x40, 0x10].map((bit) => (control & bit) !== 0);
    for (const code of [1, 2, 3, 4, 5, 6, 20, 32]) assert.is(may(control, code), fir && fin && !uns, `${control.toString(16)} ${code}`);
    assert.is(may(control, 0), fir && fin);
    assert.is(may(control, 129), !uns);
    assert.is(may(control, 130), fir && fin && uns);
    assert.is(may(control, 131), !uns);
  }
});

application("every code without a name is badFunction, with its number and sequence; a header cut short is truncated", () => {
  const named = new Set<number>(Object.values(FUNCTION));
  for (let code = 0; code < 256; code++) {
    assert.is(functionRow(code).isKnown, named.has(code));
    if (named.has(code)) continue;
    const fragment = decoded(`c7 ${code.toString(16).padStart(2, "0")} 3c0206`);
    assert.equal([fragment.fault, fragment.row.code, fragment.control & 0x0f, fragment.headers], ["badFunction", code, 7, []]);
  }
  for (const text of ["", "c0", "c081", "c08100"]) {
    const octets = hex(text);
    assert.equal(decodeFragment(octets, 0, octets.length), { ok: false, error: { kind: "truncated" } }, text);
  }
});

application("the qualifiers of the standard, and no other", () => {
  const valid = "00 01 02 03 04 05 06 07 08 09 17 18 19 27 28 29 37 38 39 4b 5b 6b".split(" ").map((text) => Number.parseInt(text, 16));
  assert.equal(
    QUALIFIERS.flatMap((qualifier, code) => (qualifier === null ? [] : [code])),
    valid,
  );
});

/** Octets of each object without its prefix, as opendnp3 and Suricata have them. */
const SIZES: Readonly<Record<number, readonly number[]>> = {
  1: [0, 1],
  3: [0, 1],
  10: [0, 1],
  2: [1, 7, 3],
  4: [1, 7, 3],
  11: [1, 7],
  12: [11, 11],
  13: [1, 7],
  20: [5, 3, 5, 3, 4, 2, 4, 2],
  21: [5, 3, 5, 3, 11, 9, 11, 9, 4, 2, 4, 2],
  22: [5, 3, 5, 3, 11, 9, 11, 9],
  23: [5, 3, 5, 3, 11, 9, 11, 9],
  30: [5, 3, 4, 2, 5, 9],
  31: [5, 3, 11, 9, 4, 2, 5, 9],
  32: [5, 3, 11, 9, 5, 9, 11, 15],
  33: [5, 3, 11, 9, 5, 9, 11, 15],
  34: [2, 4, 4],
  40: [5, 3, 5, 9],
  41: [5, 3, 5, 9],
  42: [5, 3, 11, 9, 5, 9, 11, 15],
  43: [5, 3, 11, 9, 5, 9, 11, 15],
  50: [6, 10, 6, 11],
  51: [6, 6],
  52: [2, 2],
  81: [3],
  101: [2, 4, 8],
  102: [1],
  121: [7],
  122: [7, 13],
};
const LEAST: Readonly<Record<number, readonly number[]>> = {
  82: [0],
  83: [8, 0],
  90: [0],
  91: [0],
  70: [0, 12, 26, 13, 8, 9, 20, 0],
  120: [8, 6, 6, 2, 11, 6, 15, 2, 0, 16, 5, 8, 8, 0, 0],
};

application("the tables: groups once each, every object of the size others know, a source on each", () => {
  assert.is(new Set(GROUPS.map(({ group }) => group)).size, GROUPS.length);
  for (const { group, variations, source } of GROUPS) {
    assert.ok(source.length > 10);
    for (const [variation, { layout }] of Object.entries(variations)) {
      const size = layout.is === "sized" ? layout.least : sizeOf(layout);
      if (layout.is === "packed" || layout.is === "nothing") continue;
      assert.is(size, (SIZES[group] ?? LEAST[group])?.[Number(variation) - 1], `g${group}v${variation}`);
    }
  }
  for (const [group, sizes] of Object.entries(SIZES)) assert.is(entryOf(Number(group), sizes.length)?.layout.is, "fields", `g${group}`);
});

/** Fragments that are good by their making: any function with objects, any objects it may have. */
const good = fc
  .record({
    code: fc.constantFrom(2, 3, 5, 129),
    sequence: fc.integer({ min: 0, max: 15 }),
    made: fc.array(
      fc.record({
        entry: fc.constantFrom(
          ...GROUPS.flatMap(({ group, variations }) =>
            Object.keys(variations).map((variation) => entryOf(group, Number(variation))),
          ).filter((entry) => entry !== null && ["fields", "packed", "sized"].includes(entry.layout.is)),
        ),
        code: fc.constantFrom(0x00, 0x01, 0x07, 0x08, 0x17, 0x28, 0x5b),
        first: fc.integer({ min: 0, max: 200 }),
        count: fc.integer({ min: 1, max: 9 }),
        fill: fc.uint8Array({ minLength: 300, maxLength: 300 }),
        more: fc.integer({ min: 0, max: 20 }),
      }),
      { maxLength: 6 },
    ),
  })
  .map(({ code, sequence, made }) => {
    const octets: number[] = [0xc0 | sequence, code, ...(code >= 129 ? [0, 0] : [])];
    for (const { entry, code: asked, first, count, fill, more } of made) {
      if (entry === null) continue;
      const { layout, group, variation } = entry;
      // First of a request it says who asks, and then stands in one form only.
      if (code < 129 && octets.length === 2 && group === 120 && variation === 3) continue;
      const qualifier = layout.is === "sized" ? 0x5b : layout.is === "packed" || asked === 0x5b ? 0x00 : asked;
      const little = (value: number): number[] => [value & 0xff, value >> 8];
      octets.push(group, variation, qualifier);
      if (qualifier === 0x00) octets.push(first, first + count - 1);
      else if (qualifier === 0x01) octets.push(...little(first), ...little(first + count - 1));
      else if (qualifier === 0x08 || qualifier === 0x28) octets.push(...little(count));
      else octets.push(count);
      if (layout.is === "packed") {
        const bits = count * layout.bits;
        for (let i = 0; i < Math.ceil(bits / 8); i++)
          octets.push((fill[i] as number) & (bits - 8 * i >= 8 ? 0xff : (1 << (bits - 8 * i)) - 1));
        continue;
      }
      let at = 0;
      for (let i = 0; i < count; i++) {
        const size = layout.is === "sized" ? layout.least + more : (sizeOf(layout) as number);
        if (qualifier === 0x17) octets.push(first + i);
        if (qualifier === 0x28) octets.push(...little(first + i));
        if (qualifier === 0x5b) octets.push(...little(size));
        // No pattern of an infinity or of no number: those are not written as they were read.
        for (let j = 0; j < size; j++) octets.push((fill[at++ % 300] as number) & 0x3f);
      }
    }
    return Uint8Array.from(octets);
  });

application("what is good by its making is decoded, and encoded to what it was", () => {
  const target = new Uint8Array(40_000);
  fc.assert(
    fc.property(good, (octets) => {
      const read = decodeFragment(octets, 0, octets.length);
      assert.ok(read.ok && read.value.fault === null, read.ok ? `${read.value.fault} at ${read.value.faultAt}` : "no fragment");
      if (read.ok) assert.is(toHex(target, 0, encodeFragment(target, 0, read.value)), toHex(octets));
    }),
    { numRuns: 500 },
  );
});

application("random octets: nothing throws, and nothing is told of octets that are not there", () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(FUNCTION)), fc.uint8Array({ maxLength: 300 }), (code, rest) => {
      const octets = Uint8Array.of(code === 130 ? 0xd0 : 0xc0, code, ...rest);
      const read = decodeFragment(octets, 0, octets.length);
      if (!read.ok) return;
      for (const header of read.value.headers) {
        assert.ok(header.end <= octets.length);
        eachItem(read.value, header, ({ at, length }) => assert.ok(at + length <= octets.length));
      }
    }),
    { numRuns: 2_000 },
  );
});

application("DESIGN 10: ten thousand headers, and counts without end, cost milliseconds", () => {
  const headers = Uint8Array.from([0xc0, 1, ...Array.from({ length: 10_000 }, () => [60, 2, 6]).flat()]);
  const counts = Uint8Array.from([0xc0, 1, ...Array.from({ length: 300 }, () => [30, 0, 9, 0xff, 0xff, 0xff, 0xff]).flat()]);
  for (const octets of [headers, counts]) {
    decodeFragment(octets, 0, octets.length);
    const started = process.cpuUsage();
    const read = decodeFragment(octets, 0, octets.length);
    const { user, system } = process.cpuUsage(started);
    assert.ok(read.ok && read.value.fault === null);
    assert.ok(user + system < 50_000, `${user + system} µs`);
  }
});

application.run();
