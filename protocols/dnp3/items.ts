/** The objects behind a header, one by one: where each stands, which point it is, and its numbers. The one interpreter of all object tables. */
import { f32le, f64le, i16le, i32le, putF32le, putF64le, putU16le, putU32le, putU48le, u16le, u32le, u48le } from "#wire";
import { attributeLength, type Fragment, type ObjectHeader } from "./application.ts";
import { type Field, sizeOfField } from "./objects/entry.ts";

/** One object. The same one is handed over again and again: what is to be kept is copied out of it. */
export interface Item {
  /** Point index; -1 where nothing says which. */
  index: number;
  /** Where it stands, its prefix not among it. Of packed ones the octet its first bit is in. */
  at: number;
  length: number;
  /** Of packed ones its value. */
  bits: number;
}

/** Of a header with objects each in its order. Nothing is handed over for a header without. */
export function eachItem({ octets }: Fragment, header: ObjectHeader, visit: (item: Item) => void): void {
  if (!header.hasData) return;
  const { layout } = header.entry;
  const { prefix, prefixSize } = header.qualifier;
  const item: Item = { index: -1, at: header.itemsAt, length: 0, bits: 0 };
  let at = header.itemsAt;
  for (let i = 0; i < header.count; i++) {
    item.index = prefix === "index" ? numberAt(octets, at, prefixSize) : header.first < 0 ? -1 : header.first + i;
    if (layout.is === "packed") {
      const bit = i * layout.bits;
      item.at = header.itemsAt + (bit >> 3);
      item.length = 0;
      item.bits = ((octets[item.at] as number) >> (bit & 7)) & ((1 << layout.bits) - 1);
      visit(item);
      continue;
    }
    item.at = at + prefixSize;
    item.length =
      layout.is === "sized" ? numberAt(octets, at, prefixSize) : layout.is === "attribute" ? attributeLength(octets, item.at) : header.size;
    visit(item);
    at = item.at + item.length;
  }
}

/** The index named by the i-th prefix of a header that only says which objects are meant. */
export function namedIndex({ octets }: Fragment, { itemsAt, qualifier }: ObjectHeader, i: number): number {
  return numberAt(octets, itemsAt + i * qualifier.prefixSize, qualifier.prefixSize);
}

function numberAt(octets: Uint8Array, at: number, size: number): number {
  return size === 1 ? (octets[at] as number) : size === 2 ? u16le(octets, at) : u32le(octets, at);
}

/** The number of a field that stands at `at`. */
export function readField(octets: Uint8Array, at: number, [, type]: Field): number {
  switch (type) {
    case "u8":
      return octets[at] as number;
    case "u16":
      return u16le(octets, at);
    case "u32":
      return u32le(octets, at);
    case "u48":
      return u48le(octets, at);
    case "i16":
      return i16le(octets, at);
    case "i32":
      return i32le(octets, at);
    case "f32":
      return f32le(octets, at);
    case "f64":
      return f64le(octets, at);
  }
}

/** Which number an object has in this field; undefined where it has none of the name. */
export function fieldOf(octets: Uint8Array, header: ObjectHeader, at: number, name: string): number | undefined {
  const { layout } = header.entry;
  if (layout.is !== "fields" && layout.is !== "sized") return undefined;
  let to = at;
  for (const field of layout.fields) {
    if (field[0] === name) return readField(octets, to, field);
    to += sizeOfField(field);
  }
  return undefined;
}

export function writeField(target: Uint8Array, at: number, [, type]: Field, value: number): void {
  switch (type) {
    case "u8":
      target[at] = value;
      return;
    case "u16":
    case "i16":
      putU16le(target, at, value & 0xffff);
      return;
    case "u32":
    case "i32":
      putU32le(target, at, value >>> 0);
      return;
    case "u48":
      putU48le(target, at, value);
      return;
    case "f32":
      putF32le(target, at, value);
      return;
    case "f64":
      putF64le(target, at, value);
  }
}

/**
 * Write a fragment anew out of what it was decoded to: what is judged is what is sent. A float that is no number is written as the one pattern
 * of that kind this machine makes.
 *
 * @returns octets written at `target[to]`
 */
export function encodeFragment(target: Uint8Array, to: number, fragment: Fragment): number {
  target[to] = fragment.control;
  target[to + 1] = fragment.row.code;
  let at = to + 2;
  if (fragment.row.code >= 129) {
    putU16le(target, at, fragment.iin);
    at += 2;
  }
  for (const header of fragment.headers) at = encodeHeader(target, at, fragment, header);
  return at - to;
}

function encodeHeader(target: Uint8Array, to: number, fragment: Fragment, header: ObjectHeader): number {
  const { qualifier, entry } = header;
  const { rangeSize, prefixSize } = qualifier;
  target[to] = header.group;
  target[to + 1] = header.variation;
  target[to + 2] = header.code;
  let at = to + 3;
  for (const number of qualifier.range === "startStop" ? [header.first, header.last] : qualifier.range === "count" ? [header.count] : []) {
    putNumber(target, at, rangeSize, number);
    at += rangeSize;
  }
  if (!header.hasData) {
    if (qualifier.prefix === "none") return at;
    for (let i = 0; i < header.count; i++, at += prefixSize) putNumber(target, at, prefixSize, namedIndex(fragment, header, i));
    return at;
  }
  const { layout } = entry;
  if (layout.is === "packed") {
    const length = Math.ceil((header.count * layout.bits) / 8);
    target.fill(0, at, at + length);
    let bit = 0;
    eachItem(fragment, header, ({ bits }) => {
      target[at + (bit >> 3)] = (target[at + (bit >> 3)] as number) | (bits << (bit & 7));
      bit += layout.bits;
    });
    return at + length;
  }
  eachItem(fragment, header, (item) => {
    if (qualifier.prefix !== "none") putNumber(target, at, prefixSize, qualifier.prefix === "size" ? item.length : item.index);
    at += prefixSize;
    let from = item.at;
    if (layout.is === "fields" || layout.is === "sized")
      for (const field of layout.fields) {
        writeField(target, at, field, readField(fragment.octets, from, field));
        at += sizeOfField(field);
        from += sizeOfField(field);
      }
    for (; from < item.at + item.length; from++, at++) target[at] = fragment.octets[from] as number;
  });
  return at;
}

function putNumber(target: Uint8Array, at: number, size: number, number: number): void {
  if (size === 1) target[at] = number;
  else if (size === 2) putU16le(target, at, number);
  else putU32le(target, at, number);
}
