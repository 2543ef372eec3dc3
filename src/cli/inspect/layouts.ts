/**
 * Declared layouts of the DNP3 objects that describe something: device attributes, files, secure authentication. Of each what stands behind its
 * numbers, which the object tables have (protocols/dnp3/objects). The one file of this room that knows binary-parser, which throws on short
 * input: an object comes here with a check of its lengths, and none is parsed that does not pass it.
 *
 * @source IEEE 1815-2012 Annex A; attributes and files by stepfunc/dnp3, authentication by Suricata and Zeek
 */
import { Parser } from "binary-parser/dist/binary_parser.js";
import { u16le } from "#wire";

/** Octets of each part, by its name. */
export type Parts = Readonly<Record<string, Uint8Array>>;

interface Layout {
  /** Do its lengths fill so many octets, and no more? */
  readonly fits: (octets: Uint8Array) => boolean;
  readonly parser: Parser;
}

const little = (): Parser => new Parser().endianness("little");
const rest = { readUntil: "eof" } as const;

/** `head` octets of numbers, then a part that takes what is left. */
function last(head: number, name: string): Layout {
  return { fits: (octets) => octets.length >= head, parser: little().seek(head).buffer(name, rest) };
}

/** A name whose offset and size are the first two numbers, and which stands behind all of them. */
function named(head: number): Layout {
  return {
    fits: (octets) => octets.length >= head && u16le(octets, 0) === head && u16le(octets, 2) === octets.length - head,
    parser: little()
      .seek(2)
      .uint16("nameSize")
      .seek(head - 4)
      .buffer("name", { length: "nameSize" }),
  };
}

/** Parts behind `head` octets, which end in their lengths; each with its name. */
function counted(head: number, ...names: readonly string[]): Layout {
  const lengthsAt = head - 2 * names.length;
  const parser = little().seek(lengthsAt);
  for (const name of names) parser.uint16(`${name}Length`);
  for (const name of names) parser.buffer(name, { length: `${name}Length` });
  return {
    fits: (octets) =>
      octets.length >= head && head + names.reduce((sum, _, i) => sum + u16le(octets, lengthsAt + 2 * i), 0) === octets.length,
    parser,
  };
}

/** Group 70 variation 2: names and offsets of a user and of a password, and no part of it that holds either. */
const credentials: Layout = {
  fits: (octets) => {
    if (octets.length < 12 || u16le(octets, 0) !== 12) return false;
    const behindUser = 12 + u16le(octets, 2);
    return u16le(octets, 4) === behindUser && behindUser + u16le(octets, 6) === octets.length;
  },
  parser: little(),
};

/** By group and variation. */
const LAYOUTS: ReadonlyMap<number, Layout> = new Map([
  [key(70, 2), credentials],
  [key(70, 3), named(26)],
  [key(70, 4), last(13, "text")],
  [key(70, 6), last(9, "text")],
  [key(70, 7), named(20)],
  [key(70, 8), last(0, "name")],
  [key(120, 1), last(8, "challenge")],
  [key(120, 2), last(6, "mac")],
  [
    key(120, 5),
    {
      fits: (octets) => octets.length >= 11 && 11 + u16le(octets, 9) <= octets.length,
      parser: little().seek(9).uint16("challengeLength").buffer("challenge", { length: "challengeLength" }).buffer("mac", rest),
    },
  ],
  [key(120, 6), last(6, "wrappedKey")],
  [key(120, 7), last(15, "text")],
  [key(120, 8), last(2, "certificate")],
  [key(120, 9), last(0, "mac")],
  [key(120, 10), counted(16, "name", "key", "certification")],
  [key(120, 11), counted(5, "name", "challenge")],
  [key(120, 12), counted(8, "challenge")],
  [key(120, 13), counted(8, "encryptedKey")],
  [key(120, 14), last(0, "signature")],
  [key(120, 15), last(0, "mac")],
]);

function key(group: number, variation: number): number {
  return group * 256 + variation;
}

/** Parts of an object, its size not among its octets; null: it has no such layout, or its lengths do not fill it. */
export function partsOf(group: number, variation: number, octets: Uint8Array): Parts | null {
  const layout = LAYOUTS.get(key(group, variation));
  if (layout?.fits(octets) !== true) return null;
  const { parser } = layout;
  const parts: Record<string, Uint8Array> = {};
  for (const [name, part] of Object.entries(parser.parse(octets) as Record<string, unknown>))
    if (part instanceof Uint8Array) parts[name] = part;
  return parts;
}

/** Type and length, one octet each, then the value. */
const attribute = little().uint8("type").uint8("length").buffer("value", rest);
export const ATTRIBUTE_HEADER = 2;

export interface Attribute {
  readonly type: number;
  /** As it stands there: an extended list is 256 octets longer. */
  readonly length: number;
  readonly value: Uint8Array;
}

/** @returns null: not even its type and length are there */
export function attributeOf(octets: Uint8Array): Attribute | null {
  return octets.length < ATTRIBUTE_HEADER ? null : (attribute.parse(octets) as Attribute);
}

/** By type and length of the attribute. */
const NUMBERS: ReadonlyMap<string, Parser> = new Map([
  ["2 1", little().uint8("value")],
  ["2 2", little().uint16("value")],
  ["2 4", little().uint32("value")],
  ["3 1", little().int8("value")],
  ["3 2", little().int16("value")],
  ["3 4", little().int32("value")],
  ["4 4", little().floatle("value")],
  ["4 8", little().doublele("value")],
]);
const time = little().uint32("low").uint16("high");
const TIME_LENGTH = 6;

/** The number an attribute is; null: it is none. */
export function attributeNumber({ type, value }: Attribute): number | null {
  if (type === ATTRIBUTE.time && value.length === TIME_LENGTH) {
    const { low, high } = time.parse(value) as { low: number; high: number };
    return high * 0x1_0000_0000 + low;
  }
  const layout = NUMBERS.get(`${type} ${value.length}`);
  return layout === undefined ? null : (layout.parse(value) as { value: number }).value;
}

export const ATTRIBUTE = { text: 1, time: 7, list: 254, extendedList: 255 } as const;

const pair = new Parser().uint8("variation").uint8("properties");
const pairs = new Parser().array("list", { type: pair, readUntil: "eof" });

/** Which attributes there are, and whether each may be written (bit 0); null: no whole pairs. */
export function attributeList(value: Uint8Array): readonly { readonly variation: number; readonly properties: number }[] | null {
  if (value.length % 2 !== 0) return null;
  if (value.length === 0) return [];
  const { list } = pairs.parse(value) as { list: { variation: number; properties: number }[] };
  return list.map(({ variation, properties }) => ({ variation, properties }));
}
