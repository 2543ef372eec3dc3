/**
 * Application fragments: two octets of header (four in a response), then object headers, each with its objects where the function has them.
 *
 *     control   function   [IIN 1, IIN 2]   group  variation  qualifier  [range]  { [prefix] [object] } ...
 *     control   7: FIR   6: FIN   5: CON (a confirm is wanted)   4: UNS   3..0: sequence
 *
 * A fragment whose header is good is told for what it is even where its objects are not: who denies it can say what was asked, and under which
 * sequence number it was.
 *
 * @source IEEE 1815-2012 clause 4
 */
import { err, ok, type Result, u16le, u32le } from "#wire";
import { FUNCTION, type FunctionRow, functionRow, isResponse } from "./functions.ts";
import { type ObjectEntry, sizeOf } from "./objects/entry.ts";
import { announces, proves } from "./objects/g120.ts";
import { entryOf } from "./objects/index.ts";
import { QUALIFIERS, type Qualifier } from "./qualifiers.ts";

export const FIR = 0x80;
export const FIN = 0x40;
export const CON = 0x20;
export const UNS = 0x10;
export const SEQUENCE = 0x0f;
/** Of a request; a response has two octets of internal indications more. */
export const REQUEST_HEADER = 2;
export const RESPONSE_HEADER = 4;
const OBJECT_HEADER = 3;
/** Qualifiers of who asks, one object after a count of one octet, and of the proof, one object after its size. */
const WHO = 0x07;
const SIZED = 0x5b;

/** Why octets are no fragment at all. */
export type HeaderFault = "truncated";
/** What is wrong with a fragment whose header can be read. */
export type FragmentFault =
  /** The standard has no such function. */
  | "badFunction"
  /** A request that is not whole, or unsolicited; something unsolicited that does not say so, or says so and is not. */
  | "badControl"
  /** Objects that go on behind its end. */
  | "truncated"
  /** Objects where the function has none. */
  | "trailing"
  /** A qualifier the standard does not have, or not for this. */
  | "badQualifier"
  /** No such group or variation in any table. */
  | "unknownObject"
  /** Variation 0 with data, or a class in the wrong place. */
  | "badVariation"
  | "badRange"
  /** A size that is too small for what it must hold. */
  | "badSize"
  /** Bits past the last point are set. */
  | "badPadding"
  /** A freeze without its time, a target without its class. */
  | "badOrder";

/** One object header. Offsets are into the fragment's octets. */
export interface ObjectHeader {
  readonly group: number;
  readonly variation: number;
  readonly code: number;
  readonly qualifier: Qualifier;
  readonly entry: ObjectEntry;
  readonly at: number;
  /** One behind its last octet. */
  readonly end: number;
  /** -1 where it names none. */
  readonly first: number;
  readonly last: number;
  /** Objects that follow, or are meant; 0 of all. */
  readonly count: number;
  /** Do objects follow, or is it only told which are meant? Index prefixes follow either way. */
  readonly hasData: boolean;
  /** Where the first object, or its prefix, stands. */
  readonly itemsAt: number;
  /** Octets of one object without its prefix; -1: they differ, or are packed. */
  readonly size: number;
}

export interface Fragment {
  readonly octets: Uint8Array;
  readonly at: number;
  readonly length: number;
  readonly control: number;
  readonly row: FunctionRow;
  /** Internal indications, the first octet in the low one; 0 in a request. */
  readonly iin: number;
  readonly headers: readonly ObjectHeader[];
  /** The headers before it are good. */
  readonly fault: FragmentFault | null;
  /** Offset of what is not: an object header, the function, the control octet. */
  readonly faultAt: number;
}

/**
 * Decode a fragment.
 *
 * @param octets  the fragment has `length` octets from `at`; what is told are views into it
 * @error `truncated`: not even its header is there. What else is wrong stands in `fault`
 */
export function decodeFragment(octets: Uint8Array, at: number, length: number): Result<Fragment, { readonly kind: HeaderFault }> {
  if (length < REQUEST_HEADER) return TRUNCATED;
  const control = octets[at] as number;
  const row = functionRow(octets[at + 1] as number);
  const answers = isResponse(row.code);
  if (answers && length < RESPONSE_HEADER) return TRUNCATED;
  const iin = answers ? u16le(octets, at + 2) : 0;
  const fragment = { octets, at, length, control, row, iin };
  if (!row.isKnown) return ok({ ...fragment, headers: [], fault: "badFunction", faultAt: at + 1 });
  if (!mayControl(control, row.code)) return ok({ ...fragment, headers: [], fault: "badControl", faultAt: at });
  const reader = new Reader(octets, at, length, row, at + (answers ? RESPONSE_HEADER : REQUEST_HEADER));
  const fault = reader.read();
  return ok({ ...fragment, headers: reader.headers, fault, faultAt: fault === null ? -1 : reader.at });
}

const TRUNCATED = err({ kind: "truncated" as const });

/**
 * A request is whole in one fragment and not unsolicited; a confirm may be of something unsolicited; an unsolicited response is one fragment
 * and says what it is; no other says so.
 */
function mayControl(control: number, code: number): boolean {
  const isWhole = (control & (FIR | FIN)) === (FIR | FIN);
  const isUnsolicited = (control & UNS) !== 0;
  if (code === FUNCTION.unsolicitedResponse) return isWhole && isUnsolicited;
  if (code === FUNCTION.confirm) return isWhole;
  if (isUnsolicited) return false;
  return isResponse(code) || isWhole;
}

class Reader {
  readonly headers: ObjectHeader[] = [];
  at: number;
  readonly #octets: Uint8Array;
  readonly #end: number;
  readonly #row: FunctionRow;
  /** Of FC 11 and 12: the time has come. Of FC 22: a class has. */
  #isBegun = false;

  constructor(octets: Uint8Array, at: number, length: number, row: FunctionRow, from: number) {
    this.#octets = octets;
    this.#end = at + length;
    this.#row = row;
    this.at = from;
  }

  /** @returns what is wrong with the header at `at`; null: all are good */
  read(): FragmentFault | null {
    while (this.at < this.#end) {
      if (this.#row.objects === "none" && !this.#mayProve()) return "trailing";
      if (this.#isProven()) return "badOrder";
      const fault = this.#header();
      if (fault !== null) return fault;
    }
    return null;
  }

  /** A request that has no objects of its own may say who asks, and prove it. */
  #mayProve(): boolean {
    return this.#row.code !== FUNCTION.confirm && this.#standsAround(this.#octets[this.at] as number, this.#octets[this.at + 1] ?? 0);
  }

  /** The proof is of all that stands before it, so nothing stands behind it. */
  #isProven(): boolean {
    const [first, last] = [this.headers[0], this.headers.at(-1)];
    if (first === undefined || last === undefined || this.#row.code >= FUNCTION.response) return false;
    return announces(first.group, first.variation) && proves(last.group, last.variation);
  }

  /** Is it of aggressive mode, who asks or the proof? Both have data whatever the function. */
  #standsAround(group: number, variation: number): boolean {
    const [first] = this.headers;
    if (this.#row.code >= FUNCTION.response) return false;
    return first === undefined ? announces(group, variation) : proves(group, variation) && announces(first.group, first.variation);
  }

  #header(): FragmentFault | null {
    const octets = this.#octets;
    const { at } = this;
    if (this.#end - at < OBJECT_HEADER) return "truncated";
    const group = octets[at] as number;
    const variation = octets[at + 1] as number;
    const code = octets[at + 2] as number;
    const qualifier = QUALIFIERS[code] ?? null;
    if (qualifier === null || qualifier.range === "address") return "badQualifier";
    const entry = entryOf(group, variation);
    if (entry === null) return "unknownObject";
    const isAround = this.#standsAround(group, variation);
    if (isAround && code !== (this.headers.length === 0 ? WHO : SIZED)) return "badQualifier";
    const order = isAround ? null : this.#orderFault(group, variation);
    if (order !== null) return order;
    const itemsAt = at + OBJECT_HEADER + qualifier.rangeLength;
    if (itemsAt > this.#end) return "truncated";
    const first = qualifier.range === "startStop" ? this.#number(at + OBJECT_HEADER, qualifier.rangeSize) : -1;
    const last = qualifier.range === "startStop" ? this.#number(at + OBJECT_HEADER + qualifier.rangeSize, qualifier.rangeSize) : -1;
    if (first > last) return "badRange";
    const count =
      qualifier.range === "startStop"
        ? last - first + 1
        : qualifier.range === "count"
          ? this.#number(at + OBJECT_HEADER, qualifier.rangeSize)
          : 0;
    if (isAround && count !== 1) return "badRange";
    // One time for all that follows.
    if (this.#row.objects === "timeThenHeaders" && group === TIME_GROUP && (qualifier.range !== "count" || count !== 1)) return "badRange";
    const hasData = isAround || this.#hasData(group, variation);
    const size = entry.layout.is === "variation" ? variation : (sizeOf(entry.layout) ?? -1);
    const length = hasData
      ? this.#dataLength(entry, qualifier, itemsAt, count, size)
      : this.#prefixLength(entry, qualifier, itemsAt, count);
    if (typeof length === "string") return length;
    const end = itemsAt + length;
    this.headers.push({ group, variation, code, qualifier, entry, at, end, first, last, count, hasData, itemsAt, size });
    this.at = end;
    return null;
  }

  #number(at: number, size: number): number {
    return size === 1 ? (this.#octets[at] as number) : size === 2 ? u16le(this.#octets, at) : u32le(this.#octets, at);
  }

  /** A freeze at a time names the time first, ASSIGN_CLASS the class. */
  #orderFault(group: number, variation: number): FragmentFault | null {
    const { objects } = this.#row;
    if (objects === "timeThenHeaders") {
      const isTime = group === TIME_GROUP && variation === TIME_AND_INTERVAL;
      if (this.#isBegun === isTime) return "badOrder";
      this.#isBegun = true;
    } else if (objects === "classThenHeaders") {
      if (group === CLASS_GROUP) {
        if (variation === 0) return "badVariation";
        this.#isBegun = true;
      } else if (!this.#isBegun) return "badOrder";
    }
    return null;
  }

  #hasData(group: number, variation: number): boolean {
    switch (this.#row.objects) {
      case "data":
        return true;
      case "headersOrFile":
        return group === FILE_GROUP && variation === FILE_BLOCK;
      case "timeThenHeaders":
        return group === TIME_GROUP;
      default:
        return false;
    }
  }

  /** Of a header without objects: an index list still names its indexes. */
  #prefixLength(entry: ObjectEntry, { prefix, prefixSize }: Qualifier, itemsAt: number, count: number): number | FragmentFault {
    if (prefix === "none") return 0;
    if (prefix === "size" || entry.kind === "class") return "badQualifier";
    return count * prefixSize <= this.#end - itemsAt ? count * prefixSize : "truncated";
  }

  /** INVARIANT: count times size is held against what is there before anything is looked at, and nothing is made by count. */
  #dataLength(entry: ObjectEntry, qualifier: Qualifier, itemsAt: number, count: number, size: number): number | FragmentFault {
    const { layout } = entry;
    const left = this.#end - itemsAt;
    if (entry.variation === 0) return "badVariation";
    if (qualifier.range === "all" || layout.is === "nothing") return "badQualifier";
    if (layout.is === "sized")
      return qualifier.prefix === "size" ? this.#sizedLength(layout.least, qualifier.prefixSize, itemsAt, count) : "badQualifier";
    if (qualifier.prefix === "size") return "badQualifier";
    if (layout.is === "attribute") return this.#attributesLength(qualifier.prefixSize, itemsAt, count);
    if (layout.is === "packed") {
      if (qualifier.prefix !== "none") return "badQualifier";
      const length = Math.ceil((count * layout.bits) / 8);
      if (length > left) return "truncated";
      return this.#isPadded(itemsAt, length, count * layout.bits) ? length : "badPadding";
    }
    const length = count * (qualifier.prefixSize + size);
    return length <= left ? length : "truncated";
  }

  /** Are the bits behind the last point zero? */
  #isPadded(itemsAt: number, length: number, bits: number): boolean {
    const spare = 8 * length - bits;
    return spare === 0 || (this.#octets[itemsAt + length - 1] as number) >>> (8 - spare) === 0;
  }

  #sizedLength(least: number, prefixSize: number, itemsAt: number, count: number): number | FragmentFault {
    let at = itemsAt;
    for (let i = 0; i < count; i++) {
      if (this.#end - at < prefixSize) return "truncated";
      const size = this.#number(at, prefixSize);
      at += prefixSize;
      if (size < least) return "badSize";
      if (this.#end - at < size) return "truncated";
      at += size;
    }
    return at - itemsAt;
  }

  #attributesLength(prefixSize: number, itemsAt: number, count: number): number | FragmentFault {
    let at = itemsAt;
    for (let i = 0; i < count; i++) {
      if (this.#end - at < prefixSize + ATTRIBUTE_HEADER) return "truncated";
      at += prefixSize + attributeLength(this.#octets, at + prefixSize);
      if (at > this.#end) return "truncated";
    }
    return at - itemsAt;
  }
}

const TIME_GROUP = 50;
const TIME_AND_INTERVAL = 2;
const CLASS_GROUP = 60;
const FILE_GROUP = 70;
const FILE_BLOCK = 5;
/** Type and length of a device attribute. */
const ATTRIBUTE_HEADER = 2;
/** A list that is longer than its length octet can say. */
const EXTENDED_LIST = 255;

/** Octets of the device attribute at `at`, its type and length among them. */
export function attributeLength(octets: Uint8Array, at: number): number {
  const extended = octets[at] === EXTENDED_LIST ? 0x100 : 0;
  return ATTRIBUTE_HEADER + (octets[at + 1] as number) + extended;
}
