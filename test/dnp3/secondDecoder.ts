/**
 * DNP3 again, declared with binary-parser and sharing nothing with the codec: link header, application header, object headers, and the objects of
 * most groups. The one file of these tests that knows the library. It throws on short input, ignores what trails and checks nothing, so it is
 * asked about well-formed fragments only.
 *
 * @source IEEE 1815-2012 clauses 4, 8, 9 and Annex A, as public implementations have them; it has no 48-bit numbers, so a time is two
 */
import { Parser } from "binary-parser/dist/binary_parser.js";

export type Fields = Readonly<Record<string, number>>;

const little = (): Parser => new Parser().endianness("little");

/** Bits of one octet, the highest first. */
const control = new Parser().bit1("dir").bit1("prm").bit1("fcb").bit1("fcv").bit4("function");
const link = little()
  .uint8("start")
  .uint8("sync")
  .uint8("length")
  .nest("control", { type: control })
  .uint16("destination")
  .uint16("source")
  .uint16("crc");

export interface SecondLink {
  readonly start: number;
  readonly sync: number;
  readonly length: number;
  readonly control: Fields;
  readonly destination: number;
  readonly source: number;
}

/** @param octets  a link header, 10 octets */
export function secondLink(octets: Uint8Array): SecondLink {
  return link.parse(octets) as SecondLink;
}

const applicationControl = new Parser().bit1("fir").bit1("fin").bit1("con").bit1("uns").bit4("sequence");
const request = little().nest("control", { type: applicationControl }).uint8("function");
const response = little().nest("control", { type: applicationControl }).uint8("function").uint16("indications");
const REQUEST_LENGTH = 2;
const RESPONSE_LENGTH = 4;

const qualifier = new Parser().bit1("reserved").bit3("prefix").bit4("range");
const objectHeader = little().uint8("group").uint8("variation").nest("qualifier", { type: qualifier });
const OBJECT_HEADER_LENGTH = 3;

/** By range code: what stands in the range field, and its octets. */
const RANGES: Readonly<Record<number, readonly [layout: Parser, length: number]>> = {
  0: [little().uint8("first").uint8("last"), 2],
  1: [little().uint16("first").uint16("last"), 4],
  2: [little().uint32("first").uint32("last"), 8],
  6: [little(), 0],
  7: [little().uint8("count"), 1],
  8: [little().uint16("count"), 2],
  9: [little().uint32("count"), 4],
  11: [little().uint8("count"), 1],
};
/** By prefix code. 1 to 3 are indexes, 4 to 6 sizes. */
const PREFIXES: Readonly<Record<number, readonly [layout: Parser, length: number]>> = {
  0: [little(), 0],
  1: [little().uint8("prefix"), 1],
  2: [little().uint16("prefix"), 2],
  3: [little().uint32("prefix"), 4],
  4: [little().uint8("prefix"), 1],
  5: [little().uint16("prefix"), 2],
  6: [little().uint32("prefix"), 4],
};

const timed = (layout: Parser): Parser => layout.uint32("timeLow").uint16("timeHigh");
const flags = (): Parser => little().uint8("flags");
const statusOf = (layout: Parser): Parser => layout.uint8("status");
const controlBlock = little().uint8("code").uint8("count").uint32("onTime").uint32("offTime").uint8("status");

/** Groups 2, 4 and 11: state in the flags. */
const STATES = [flags(), timed(flags()), flags().uint16("relativeTime")] as const;
const analog = (): readonly Parser[] => [flags().int32("value"), flags().int16("value")];
const floats = (): readonly Parser[] => [flags().floatle("value"), flags().doublele("value")];
const timedAnalog = (): readonly Parser[] => [...analog(), ...floats()].map(timed);
/** Groups 32, 33, 42 and 43. */
const ANALOG_EVENTS = [...analog(), ...timedAnalog().slice(0, 2), ...floats(), ...timedAnalog().slice(2)] as const;

const layouts = new Map<string, Parser>();
const add = (group: number, of: Readonly<Record<number, Parser | undefined>>): void => {
  for (const [variation, layout] of Object.entries(of)) if (layout !== undefined) layouts.set(`${group}/${variation}`, layout);
};
const numbered = (of: readonly Parser[]): Record<number, Parser> => Object.fromEntries(of.map((layout, i) => [i + 1, layout]));

for (const group of [1, 3, 10]) add(group, { 2: flags() });
for (const group of [2, 4]) add(group, numbered(STATES));
add(11, numbered(STATES.slice(0, 2)));
/** What became of the command, and the state commanded. */
add(13, numbered([little().uint8("status"), timed(little().uint8("status"))]));
add(12, { 1: controlBlock, 2: controlBlock });
const counters = { 1: flags().uint32("value"), 2: flags().uint16("value") };
const timedCounters = { 5: timed(flags().uint32("value")), 6: timed(flags().uint16("value")) };
add(20, { ...counters, 5: little().uint32("value"), 6: little().uint16("value") });
add(21, { ...counters, ...timedCounters, 9: little().uint32("value"), 10: little().uint16("value") });
for (const group of [22, 23]) add(group, { ...counters, ...timedCounters });
add(30, numbered([...analog(), little().int32("value"), little().int16("value"), ...floats()]));
for (const group of [32, 33, 42]) add(group, numbered(ANALOG_EVENTS));
add(34, numbered([little().uint16("value"), little().uint32("value"), little().floatle("value")]));
add(40, numbered([...analog(), ...floats()]));
/** Value first, status last. */
add(41, numbered([little().int32("value"), little().int16("value"), little().floatle("value"), little().doublele("value")].map(statusOf)));
add(50, {
  1: timed(little()),
  2: timed(little()).uint32("interval"),
  3: timed(little()),
  4: timed(little()).uint32("interval").uint8("units"),
});
add(51, numbered([timed(little()), timed(little())]));
add(52, numbered([little().uint16("delay"), little().uint16("delay")]));
add(120, {
  1: little().uint32("challengeSequence").uint16("user").uint8("macAlgorithm").uint8("reason"),
  2: little().uint32("challengeSequence").uint16("user"),
  3: little().uint32("challengeSequence").uint16("user"),
  4: little().uint16("user"),
  5: little()
    .uint32("keyChangeSequence")
    .uint16("user")
    .uint8("keyWrapAlgorithm")
    .uint8("keyStatus")
    .uint8("macAlgorithm")
    .uint16("challengeLength"),
  6: little().uint32("keyChangeSequence").uint16("user"),
});
const security = (): Parser => little().uint8("flags").uint16("association").uint32("value");
add(121, { 1: security() });
add(122, { 1: security(), 2: timed(security()) });
add(70, {
  3: timedAt(little().uint16("nameOffset").uint16("nameSize"))
    .uint16("permissions")
    .uint32("authenticationKey")
    .uint32("fileSize")
    .uint16("mode")
    .uint16("maxBlock")
    .uint16("requestId"),
  4: little().uint32("handle").uint32("fileSize").uint16("maxBlock").uint16("requestId").uint8("status"),
  5: little().uint32("handle").uint32("block"),
  6: little().uint32("handle").uint32("block").uint8("status"),
  7: timedAt(little().uint16("nameOffset").uint16("nameSize").uint16("type").uint32("fileSize")).uint16("permissions").uint16("requestId"),
});

function timedAt(layout: Parser): Parser {
  return layout.uint32("createdLow").uint16("createdHigh");
}

/** Bits of an octet, the lowest first. */
const eight = little().bit1("b0").bit1("b1").bit1("b2").bit1("b3").bit1("b4").bit1("b5").bit1("b6").bit1("b7");
const four = little().bit2("b0").bit2("b1").bit2("b2").bit2("b3");
const PACKED: Readonly<Record<string, readonly [layout: Parser, points: number]>> = {
  "1/1": [eight, 8],
  "3/1": [four, 4],
  "10/1": [eight, 8],
  "12/3": [eight, 8],
  "80/1": [eight, 8],
};

/** Octets of an object by its group and variation, as tools list them; those with a size before them are as long as that says. */
const LENGTHS: Readonly<Record<number, readonly number[]>> = {
  1: [0, 1],
  2: [1, 7, 3],
  3: [0, 1],
  4: [1, 7, 3],
  10: [0, 1],
  11: [1, 7],
  12: [11, 11],
  13: [1, 7],
  20: [5, 3, 5, 3, 4, 2, 4, 2],
  21: [5, 3, 5, 3, 11, 9, 11, 9, 4, 2, 4, 2],
  22: [5, 3, 5, 3, 11, 9, 11, 9],
  23: [5, 3, 5, 3, 11, 9, 11, 9],
  30: [5, 3, 4, 2, 5, 9],
  32: [5, 3, 11, 9, 5, 9, 11, 15],
  33: [5, 3, 11, 9, 5, 9, 11, 15],
  34: [2, 4, 4],
  40: [5, 3, 5, 9],
  41: [5, 3, 5, 9],
  42: [5, 3, 11, 9, 5, 9, 11, 15],
  50: [6, 10, 6, 11],
  51: [6, 6],
  52: [2, 2],
  120: [0, 0, 6, 2],
  121: [7],
  122: [7, 13],
};

export interface SecondItem {
  /** -1: nothing says which. */
  readonly index: number;
  /** null: no layout for it here. */
  readonly fields: Fields | null;
}

export interface SecondHeader {
  readonly group: number;
  readonly variation: number;
  readonly first: number;
  readonly last: number;
  readonly count: number;
  readonly items: readonly SecondItem[];
}

export interface SecondFragment {
  readonly control: Fields;
  readonly function: number;
  /** -1 in a request. */
  readonly indications: number;
  readonly headers: readonly SecondHeader[];
  /** The objects of a header are of no length known here: nothing is told of what follows. */
  readonly stopped: boolean;
}

/** Functions whose object headers stand alone, */
const WITHOUT_DATA: readonly number[] = [1, 7, 8, 9, 10, 11, 12, 20, 21, 22];
/** but for a block of a file that is read, and the time of a freeze. */
const WITH_DATA: readonly string[] = ["1 70/5", "11 50/2", "12 50/2"];

/** @param octets  a well-formed fragment */
export function secondFragment(octets: Uint8Array): SecondFragment {
  const answers = (octets[1] as number) >= 0x81;
  const head = (answers ? response : request).parse(octets) as { control: Fields; function: number; indications?: number };
  const headers: SecondHeader[] = [];
  let at = answers ? RESPONSE_LENGTH : REQUEST_LENGTH;
  let stopped = false;
  while (at < octets.length && !stopped) {
    const { group, variation, qualifier } = objectHeader.parse(octets.subarray(at)) as {
      group: number;
      variation: number;
      qualifier: Fields;
    };
    const [rangeLayout, rangeLength] = RANGES[qualifier.range as number] as (typeof RANGES)[number];
    const { first = -1, last = -1, count = 0 } = rangeLayout.parse(octets.subarray(at + OBJECT_HEADER_LENGTH)) as Partial<Fields>;
    at += OBJECT_HEADER_LENGTH + rangeLength;
    const many = first < 0 ? count : last - first + 1;
    const isAlone = WITHOUT_DATA.includes(head.function) && !WITH_DATA.includes(`${head.function} ${group}/${variation}`);
    const items: SecondItem[] = [];
    const packing = PACKED[`${group}/${variation}`];
    if (packing !== undefined && !isAlone) {
      const [layout, points] = packing;
      for (let i = 0; i < many; i++) {
        const bits = layout.parse(octets.subarray(at + Math.floor(i / points))) as Fields;
        items.push({ index: first < 0 ? -1 : first + i, fields: { bits: bits[`b${i % points}`] as number } });
      }
      at += Math.ceil(many / points);
    } else {
      const [prefixLayout, prefixLength] = PREFIXES[qualifier.prefix as number] as (typeof PREFIXES)[number];
      for (let i = 0; i < many && (!isAlone || prefixLength > 0); i++) {
        const { prefix = -1 } = prefixLayout.parse(octets.subarray(at)) as Partial<Fields>;
        const isSize = (qualifier.prefix as number) > 3;
        const length = isAlone ? 0 : isSize ? prefix : LENGTHS[group]?.[variation - 1];
        if (length === undefined) {
          stopped = true;
          break;
        }
        const object = octets.subarray(at + prefixLength, at + prefixLength + length);
        items.push({
          index: prefixLength > 0 && !isSize ? prefix : first < 0 ? -1 : first + i,
          fields: isAlone ? null : fieldsOf(layouts.get(`${group}/${variation}`), object),
        });
        at += prefixLength + length;
      }
    }
    headers.push({ group, variation, first, last, count: many, items });
  }
  return { control: head.control, function: head.function, indications: head.indications ?? -1, headers, stopped };
}

/** Times made whole. */
function fieldsOf(layout: Parser | undefined, object: Uint8Array): Fields | null {
  if (layout === undefined) return null;
  const fields = layout.parse(object) as Record<string, number>;
  const whole: Record<string, number> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (name.endsWith("Low")) whole[name.slice(0, -3)] = value;
    else if (name.endsWith("High")) whole[name.slice(0, -4)] = (whole[name.slice(0, -4)] as number) + value * 2 ** 32;
    else whole[name] = value;
  }
  return whole;
}

/** `group/variation` of the objects with a layout here, packed ones among them, and whether a size stands before them. */
export function secondLayouts(): readonly { readonly group: number; readonly variation: number; readonly length: number | null }[] {
  return [...layouts.keys(), ...Object.keys(PACKED)].map((name) => {
    const [group = 0, variation = 0] = name.split("/").map(Number);
    const length = PACKED[name] === undefined ? LENGTHS[group]?.[variation - 1] : 0;
    return { group, variation, length: length === undefined || (group === 120 && length === 0) ? null : length };
  });
}
