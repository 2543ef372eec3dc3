/**
 * The main layouts again, declared with binary-parser and sharing nothing with the codec: what it says a PDU holds is held against what we say.
 * The one file of these tests that knows the library. It throws on short input, ignores what trails and checks no limits, so it is asked about
 * well-formed PDUs only.
 *
 * @source MODBUS Application Protocol Specification V1.1b3 section 6
 */
import { Parser } from "binary-parser/dist/binary_parser.js";

export type Fields = Readonly<Record<string, unknown>>;

const big = (): Parser => new Parser().endianness("big").uint8("code");

const read = big().uint16("first").uint16("count");
const one = big().uint16("first").uint16("value");
const group = new Parser().endianness("big").uint8("reference").uint16("file").uint16("record").uint16("count");
const groupWithWords = new Parser()
  .endianness("big")
  .uint8("reference")
  .uint16("file")
  .uint16("record")
  .uint16("count")
  .array("words", { type: "uint16be", length: "count" });

const REQUESTS: Readonly<Record<number, Parser>> = {
  1: read,
  2: read,
  3: read,
  4: read,
  5: one,
  6: one,
  7: big(),
  8: big().uint16("sub").array("words", { type: "uint16be", readUntil: "eof" }),
  11: big(),
  12: big(),
  15: big().uint16("first").uint16("count").uint8("byteCount").array("octets", { type: "uint8", length: "byteCount" }),
  16: big().uint16("first").uint16("count").uint8("byteCount").array("words", { type: "uint16be", lengthInBytes: "byteCount" }),
  17: big(),
  20: big().uint8("byteCount").array("groups", { type: group, lengthInBytes: "byteCount" }),
  21: big().uint8("byteCount").array("groups", { type: groupWithWords, lengthInBytes: "byteCount" }),
  22: big().uint16("first").uint16("and").uint16("or"),
  23: big()
    .uint16("readFirst")
    .uint16("readCount")
    .uint16("first")
    .uint16("count")
    .uint8("byteCount")
    .array("words", { type: "uint16be", lengthInBytes: "byteCount" }),
  24: big().uint16("first"),
  43: big().uint8("mei").uint8("access").uint8("objectId"),
};

const bits = big().uint8("byteCount").array("octets", { type: "uint8", length: "byteCount" });
const words = big().uint8("byteCount").array("words", { type: "uint16be", lengthInBytes: "byteCount" });
const wrote = big().uint16("first").uint16("count");
/** The size counts the reference type too. */
const replyGroup = new Parser().uint8("size").array("octets", { type: "uint8", length: "size" });
const object = new Parser().uint8("id").uint8("length").array("text", { type: "uint8", length: "length" });

const REPLIES: Readonly<Record<number, Parser>> = {
  1: bits,
  2: bits,
  3: words,
  4: words,
  5: one,
  6: one,
  7: big().uint8("status"),
  8: big().uint16("sub").array("words", { type: "uint16be", readUntil: "eof" }),
  11: big().uint16("status").uint16("events"),
  12: big()
    .uint8("byteCount")
    .uint16("status")
    .uint16("events")
    .uint16("messages")
    .array("octets", { type: "uint8", length: (item: { byteCount: number }) => item.byteCount - 6 }),
  15: wrote,
  16: wrote,
  17: bits,
  20: big().uint8("byteCount").array("groups", { type: replyGroup, lengthInBytes: "byteCount" }),
  21: big().uint8("byteCount").array("groups", { type: groupWithWords, lengthInBytes: "byteCount" }),
  22: big().uint16("first").uint16("and").uint16("or"),
  23: words,
  24: big().uint16("byteCount").uint16("count").array("words", { type: "uint16be", length: "count" }),
  43: big()
    .uint8("mei")
    .uint8("access")
    .uint8("conformity")
    .uint8("more")
    .uint8("nextObjectId")
    .uint8("count")
    .array("objects", { type: object, length: "count" }),
};
const exception = big().uint8("exception");

/** null where this decoder has no layout (opaque functions). */
export function secondRequest(pdu: Uint8Array): Fields | null {
  return parse(REQUESTS[pdu[0] as number], pdu);
}

export function secondReply(pdu: Uint8Array): Fields | null {
  const code = pdu[0] as number;
  return parse(code >= 0x80 ? exception : REPLIES[code], pdu);
}

function parse(layout: Parser | undefined, pdu: Uint8Array): Fields | null {
  return layout === undefined ? null : (layout.parse(Buffer.from(pdu)) as Fields);
}
