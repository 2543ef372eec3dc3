/** A second decoder that shares no code with the codec says the same of every recording and of thousands of random fragments. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CON, decodeFragment, FIN, FIR, type Fragment, type ObjectHeader, SEQUENCE, UNS } from "#dnp3/application";
import { isResponse } from "#dnp3/functions";
import { eachItem, namedIndex, readField } from "#dnp3/items";
import { DIR, encodeLink, FCB, FCV, LINK_DATA_LIMIT, LINK_LIMIT, LinkFramer, PRM } from "#dnp3/link";
import { sizeOfField } from "#dnp3/objects/entry";
import { needCaptures } from "#test/support/need";
import { crcDnp } from "#wire";
import { eachRecording } from "./recordings.ts";
import { type Fields, type SecondItem, secondFragment, secondLayouts, secondLink } from "./secondDecoder.ts";

const second = suite("dnp3/second");

const bit = (octet: number, mask: number): number => ((octet & mask) === 0 ? 0 : 1);

/** Our reading of a link header in the second decoder's fields. */
function linkFields({ octets, control, destination, source, dataLength }: LinkFramer): unknown {
  return {
    start: 0x05,
    sync: 0x64,
    length: dataLength + 5,
    control: {
      dir: bit(control, DIR),
      prm: bit(control, PRM),
      fcb: bit(control, FCB),
      fcv: bit(control, FCV),
      function: control & 0x0f,
    },
    destination,
    source,
    crc: crcDnp(octets, 0, 8),
  };
}

function itemsOf(fragment: Fragment, header: ObjectHeader): SecondItem[] {
  const { layout } = header.entry;
  const items: SecondItem[] = [];
  if (!header.hasData && header.qualifier.prefix === "index")
    for (let i = 0; i < header.count; i++) items.push({ index: namedIndex(fragment, header, i), fields: null });
  eachItem(fragment, header, ({ index, at, bits }) => {
    if (layout.is === "packed") {
      items.push({ index, fields: { bits } });
      return;
    }
    const fields: Record<string, number> = {};
    let from = at;
    for (const field of layout.is === "fields" || layout.is === "sized" ? layout.fields : []) {
      fields[field[0]] = readField(fragment.octets, from, field);
      from += sizeOfField(field);
    }
    items.push({ index, fields });
  });
  return items;
}

interface Agreed {
  /** Values compared, by `group/variation`. */
  readonly values: Map<string, number>;
  headers: number;
}

/** Holds what both say of a well-formed fragment against each other. */
function agree(octets: Uint8Array, agreed: Agreed): void {
  const read = decodeFragment(octets, 0, octets.length);
  if (!read.ok || read.value.fault !== null) return;
  const ours = read.value;
  const theirs = secondFragment(octets);
  const { control } = ours;
  assert.equal(plain(theirs.control), {
    fir: bit(control, FIR),
    fin: bit(control, FIN),
    con: bit(control, CON),
    uns: bit(control, UNS),
    sequence: control & SEQUENCE,
  });
  assert.is(theirs.function, ours.row.code);
  assert.is(theirs.indications, isResponse(ours.row.code) ? ours.iin : -1);
  if (!theirs.stopped) assert.is(theirs.headers.length, ours.headers.length);
  theirs.headers.forEach((their, i) => {
    const our = ours.headers[i] as ObjectHeader;
    const name = `g${our.group}v${our.variation}`;
    const { group, variation, first, last, count } = our;
    const headerOf = [group, variation, first, last, count];
    assert.equal([their.group, their.variation, their.first, their.last, their.count], headerOf, name);
    agreed.headers += 1;
    if (theirs.stopped && i === theirs.headers.length - 1) return;
    const items = itemsOf(ours, our);
    assert.is(their.items.length, items.length, name);
    their.items.forEach(({ index, fields }, at) => {
      const item = items[at] as SecondItem;
      assert.is(index, item.index, name);
      if (fields === null) return;
      assert.equal(plain(fields), item.fields, name);
      const key = `${group}/${variation}`;
      agreed.values.set(key, (agreed.values.get(key) ?? 0) + 1);
    });
  });
}

/** binary-parser gives objects of its own making; only what stands in them is compared. */
const plain = (fields: Fields): Fields => ({ ...fields });

const LAYOUTS = secondLayouts();
/** What this decoder is for: a list of its own, so that none falls out unseen. */
const WANTED: Readonly<Record<number, readonly number[]>> = {
  1: [1, 2],
  2: [1, 2, 3],
  12: [1],
  20: [1, 2, 5, 6],
  22: [1, 5],
  30: [1, 2, 3, 4, 5, 6],
  32: [1, 2, 3, 4, 5, 6, 7, 8],
  40: [1, 2, 3, 4],
  41: [1, 2, 3, 4],
  50: [1, 4],
  51: [1],
  52: [2],
  80: [1],
  120: [1, 2, 3],
};

second("every recording: link headers, application headers, object headers and values", () => {
  if (!needCaptures()) return;
  const agreed: Agreed = { values: new Map(), headers: 0 };
  let frames = 0;
  const files = eachRecording({
    frame: (framer) => {
      frames += 1;
      const { control, ...rest } = secondLink(framer.octets.subarray(0, 10));
      assert.equal({ ...rest, control: plain(control) }, linkFields(framer));
    },
    fragment: (octets) => agree(octets, agreed),
  });
  const values = [...agreed.values.values()].reduce((sum, n) => sum + n, 0);
  assert.ok(
    files === 128 && frames > 1_795 && agreed.headers > 1_940 && values > 4_000 && agreed.values.size > 20,
    `${files} files, ${frames} frames, ${agreed.headers} headers, ${values} values of ${[...agreed.values.keys()].join(", ")}`,
  );
});

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const little = (value: number): number[] => [value & 0xff, value >> 8];

/** Any octets in objects of any layout, behind any qualifier they may have. */
const anyHeader = fc
  .record({
    layout: fc.constantFrom(...LAYOUTS),
    code: fc.constantFrom(0x00, 0x01, 0x07, 0x08, 0x17, 0x28),
    first: fc.integer({ min: 0, max: 200 }),
    count: fc.integer({ min: 1, max: 9 }),
    fill: fc.uint8Array({ minLength: 400, maxLength: 400 }),
    more: fc.integer({ min: 0, max: 9 }),
  })
  .map(({ layout: { group, variation, length }, code, first, count, fill, more }) => {
    const bits = length !== 0 ? 0 : group === 3 ? 2 : 1;
    const qualifier = length === null ? 0x5b : bits > 0 ? code & 1 : code;
    const octets = [group, variation, qualifier];
    if (qualifier === 0x00) octets.push(first, first + count - 1);
    else if (qualifier === 0x01) octets.push(...little(first), ...little(first + count - 1));
    else octets.push(...(qualifier === 0x08 || qualifier === 0x28 ? little(count) : [count]));
    if (bits > 0) {
      for (let left = count * bits, i = 0; left > 0; left -= 8, i++)
        octets.push((fill[i] as number) & (left >= 8 ? 0xff : (1 << left) - 1));
      return octets;
    }
    for (let i = 0; i < count; i++) {
      const size = length ?? 26 + more;
      if (qualifier === 0x17) octets.push(first + i);
      else if (qualifier === 0x28) octets.push(...little(first + i));
      else if (qualifier === 0x5b) octets.push(...little(size));
      octets.push(...fill.subarray(40 * i, 40 * i + size));
    }
    return octets;
  });

second("random fragments with objects, every bit pattern among their numbers", () => {
  const agreed: Agreed = { values: new Map(), headers: 0 };
  fc.assert(
    fc.property(fc.constantFrom(2, 3, 5, 129, 130, 131), u8, u16, fc.array(anyHeader, { maxLength: 5 }), (code, control, iin, headers) => {
      const isUnsolicited = code === 130;
      const fixed = code === 129 || code === 131 ? control & ~UNS : (control & 0x2f) | FIR | FIN | (isUnsolicited ? UNS : 0);
      // First of a request g120v3 has one form only, which application.test.ts holds.
      const made = code < 129 && headers[0]?.[0] === 120 && headers[0][1] === 3 ? headers.slice(1) : headers;
      if (code < 129 && made[0]?.[0] === 120 && made[0][1] === 3) return;
      const octets = Uint8Array.from([fixed, code, ...(code >= 129 ? little(iin) : []), ...made.flat()]);
      const before = agreed.headers;
      agree(octets, agreed);
      assert.is(agreed.headers - before, made.length);
    }),
    { numRuns: 2_000 },
  );
  const untried = LAYOUTS.filter(({ group, variation }) => (agreed.values.get(`${group}/${variation}`) ?? 0) < 3);
  assert.equal(untried, []);
  for (const [group, variations] of Object.entries(WANTED))
    for (const variation of variations) assert.ok(agreed.values.has(`${group}/${variation}`), `g${group}v${variation}`);
});

second("random headers without objects: ranges, counts, and the indexes a read names", () => {
  const agreed: Agreed = { values: new Map(), headers: 0 };
  const header = fc
    .tuple(fc.constantFrom(...LAYOUTS), fc.constantFrom(0x00, 0x01, 0x06, 0x07, 0x08, 0x09, 0x17, 0x28), u16, u16)
    .map(([{ group }, code, a, b]) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      const ranges = new Map([
        [0x00, [low >> 8, high >> 8]],
        [0x01, [...little(low), ...little(high)]],
        [0x07, [low >> 8]],
        [0x08, little(low)],
        [0x09, [...little(low), ...little(high)]],
        [0x17, [2, a & 0xff, b & 0xff]],
        [0x28, [2, 0, ...little(a), ...little(b)]],
      ]);
      return [group, group === 50 ? 1 : 2, code, ...(ranges.get(code) ?? [])];
    });
  fc.assert(
    fc.property(fc.constantFrom(1, 7, 9, 20, 21), fc.array(header, { minLength: 1, maxLength: 6 }), (code, headers) => {
      agree(Uint8Array.from([0xc0, code, ...headers.flat()]), agreed);
    }),
    { numRuns: 1_000 },
  );
  assert.ok(agreed.headers > 1_500, `${agreed.headers} headers`);
});

second("random link frames", () => {
  const target = new Uint8Array(LINK_LIMIT);
  fc.assert(
    fc.property(u8, u16, u16, fc.uint8Array({ maxLength: LINK_DATA_LIMIT }), (control, destination, source, data) => {
      const framer = new LinkFramer("close");
      framer.feed(target.slice(0, encodeLink(target, 0, control, destination, source, data, 0, data.length)));
      assert.is(framer.next(), "frame");
      const { control: bits, ...rest } = secondLink(framer.octets.subarray(0, 10));
      assert.equal({ ...rest, control: plain(bits) }, linkFields(framer));
      assert.equal([framer.control, rest.destination, rest.source], [control, destination, source]);
    }),
    { numRuns: 500 },
  );
});

second.run();
