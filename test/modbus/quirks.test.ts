/** Devices' habits (RULINGS 23): whatever they add to a good reply is taken off again exactly, and nothing else becomes a reply by it. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { siteJsonSchema } from "#config/schema";
import { decodeRequest, encodeReply, matchReply, PDU_LIMIT, type Request } from "#modbus/pdu";
import { QUIRKS, straighten } from "#modbus/quirks";
import { decodeRtu, encodeRtu } from "#modbus/rtu";
import { REPLIES, WRONG_REPLIES } from "#test/vectors/modbus/replies";
import { toHex } from "#wire";
import { anyRequest, replyTo } from "./arbitrary.ts";
import { amid, hex, written } from "./octets.ts";

const COIL_PADDING = 1;
const UNIT_ECHO = 2;
const TRAILING_OCTETS = 4;
const UNIT = 17;

const quirks = suite("modbus/quirks");

function requestOf(octets: Uint8Array): Request {
  const request = decodeRequest(octets, 0, octets.length);
  if (!request.ok) throw new Error(toHex(octets));
  return request.value;
}

/** Of a reply every quirk that can be added to it, with the bits it should be told by. */
function* bent(request: Request, reply: Uint8Array): Generator<{ unit: number; octets: Uint8Array; quirks: number }> {
  const paddings = [0, ...paddingsOf(request, reply)];
  const tails = isOpen(request, reply) ? [0] : [0, 1, 2, 7, PDU_LIMIT - reply.length].filter((n) => reply.length + n <= PDU_LIMIT);
  for (const unit of [UNIT, 0, 255]) {
    for (const padding of paddings) {
      for (const tail of new Set(tails)) {
        const octets = new Uint8Array(reply.length + tail).fill(0x5a);
        octets.set(reply);
        octets[reply.length - 1] = (octets[reply.length - 1] as number) | padding;
        const bits = (padding === 0 ? 0 : COIL_PADDING) | (unit === UNIT ? 0 : UNIT_ECHO) | (tail === 0 ? 0 : TRAILING_OCTETS);
        yield { unit, octets, quirks: bits };
      }
    }
  }
}

/** Every pattern of the bits that no coil stands in. */
function paddingsOf(request: Request, reply: Uint8Array): number[] {
  if (request.is !== "read" || request.function > 2 || (reply[0] as number) >= 0x80 || request.count % 8 === 0) return [];
  const used = request.count % 8;
  return Array.from({ length: (1 << (8 - used)) - 1 }, (_, i) => (i + 1) << used);
}

/** The function says nothing of its length, so octets behind it are its own. An exception has two octets whatever was asked. */
function isOpen(request: Request, reply: Uint8Array): boolean {
  return request.is === "opaque" && (reply[0] as number) < 0x80;
}

function isStraightened(request: Request, reply: Uint8Array): number {
  let tried = 0;
  for (const { unit, octets, quirks: bits } of bent(request, reply)) {
    const { all, at } = amid(octets);
    const what = `unit ${unit} ${toHex(octets)}`;
    if ((bits & ~UNIT_ECHO) !== 0) assert.not.ok(matchReply(request, all, at, octets.length).ok, `strictly: ${what}`);
    const got = straighten(request, UNIT, unit, all, at, octets.length);
    assert.ok(got !== null, what);
    assert.is(got.quirks, bits, what);
    assert.is(toHex(got.octets, got.at, got.length), toHex(reply), what);
    assert.is(
      written((target, to) => encodeReply(got.reply, target, to)),
      toHex(reply),
      "the canonical form is what it decodes to",
    );
    assert.is(toHex(all, at, octets.length), toHex(octets), "what came is left as it came");
    tried += 1;
  }
  return tried;
}

quirks(
  "RULINGS 23: every vector, with any padding bits, unit 0 or 255, and octets behind it up to a frame's end, is the vector again",
  () => {
    let tried = 0;
    for (const [asked, text] of REPLIES) {
      const request = requestOf(hex(asked));
      tried += isStraightened(request, hex(text));
      tried += isStraightened(request, Uint8Array.of((request.function & 0x7f) | 0x80, 2));
    }
    assert.ok(tried > 1_000, `${tried} replies`);
  },
);

quirks("RULINGS 23: so is any reply to any request", () => {
  fc.assert(
    fc.property(
      anyRequest.chain((request) => fc.tuple(fc.constant(request), replyTo(request))),
      ([request, reply]) => {
        if (reply === null) return;
        const target = new Uint8Array(PDU_LIMIT);
        isStraightened(request, target.slice(0, encodeReply(reply, target, 0)));
      },
    ),
    { numRuns: 1_000 },
  );
});

quirks("RULINGS 23: another unit than the one asked, 0 or 255 stays another unit", () => {
  for (const [asked, text] of REPLIES) {
    const request = requestOf(hex(asked));
    const reply = hex(text);
    for (let unit = 1; unit < 255; unit++) {
      if (unit !== UNIT) assert.is(straighten(request, UNIT, unit, reply, 0, reply.length), null, `${text} of ${unit}`);
    }
  }
});

quirks("RULINGS 23: of the replies that are wrong, those with set padding or octets behind them are the only ones that come right", () => {
  let righted = 0;
  for (const [asked, text, kind] of WRONG_REPLIES) {
    const request = requestOf(hex(asked));
    const reply = hex(text);
    for (const unit of [UNIT, 0, 255]) {
      const got = straighten(request, UNIT, unit, reply, 0, reply.length);
      if (got === null) continue;
      righted += 1;
      // An echo of FC 8/0 may have any length by itself: one octet more makes no words of it, two more another value.
      const isLongerEcho = request.is === "diagnose" && reply.length > 3 + request.length;
      assert.ok(kind === "badPadding" || kind === "trailing" || isLongerEcho, `${asked} answered by ${text}: ${kind}`);
    }
  }
  assert.ok(righted >= 3, `${righted} came right`);
});

quirks("RULINGS 23: for a reply to be cut, its byte count must be the one that was asked for", () => {
  const asked = requestOf(hex("03 0010 0001"));
  const two = hex("03 04 1111 2222");
  assert.is(straighten(asked, UNIT, UNIT, two, 0, two.length), null, "two registers are not one with octets behind it");
  const coils = requestOf(hex("01 0000 0003"));
  const packed = hex("01 02 05 00");
  assert.is(straighten(coils, UNIT, UNIT, packed, 0, packed.length), null, "two octets of coils are not one");
  const none = hex("03 00 1111");
  assert.is(straighten(asked, UNIT, UNIT, none, 0, none.length), null);
});

quirks("RULINGS 23: any octets at all: in no form a reply, or one that encodes to what is passed on", () => {
  const target = new Uint8Array(PDU_LIMIT);
  fc.assert(
    fc.property(
      anyRequest,
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 0, max: 255 }),
      fc.boolean(),
      (request, noise, unit, like) => {
        const octets = noise.slice();
        if (octets.length > 0) octets[0] = request.function & 0x7f;
        if (like && request.is === "read" && octets.length > 1)
          octets[1] = request.function <= 2 ? Math.ceil(request.count / 8) : 2 * request.count;
        const got = straighten(request, UNIT, unit, octets, 0, octets.length);
        if (got === null) return;
        assert.ok(unit === UNIT || unit === 0 || unit === 255);
        assert.ok(got.length <= octets.length && octets.length <= PDU_LIMIT);
        assert.is(encodeReply(got.reply, target, 0), got.length);
        assert.is(toHex(target, 0, got.length), toHex(got.octets, got.at, got.length));
        assert.ok(matchReply(request, got.octets, got.at, got.length).ok, "it answers as any other reply does");
        // Nothing but the padding of the last octet is another than it came.
        const end = got.length - ((got.quirks & COIL_PADDING) === 0 ? 0 : 1);
        assert.is(toHex(got.octets, got.at, end), toHex(octets, 0, end));
      },
    ),
    { numRuns: 20_000 },
  );
});

quirks("RULINGS 23: of a serial line they are the same", () => {
  const request = requestOf(hex("01 0013 0013"));
  const frame = new Uint8Array(300);
  const padded = hex("01 03 cd6bf5");
  const length = encodeRtu(frame, 0, 0, padded, 0, padded.length);
  const came = decodeRtu(frame, 0, length);
  if (!came.ok) throw new Error(came.error.kind);
  const { unitId, pduAt, pduLength } = came.value;
  const got = straighten(request, UNIT, unitId, frame, pduAt, pduLength);
  assert.equal(got !== null && [got.quirks, toHex(got.octets, got.at, got.length)], [COIL_PADDING | UNIT_ECHO, "0103cd6b05"]);
});

quirks("the site's words are those of the protocol", () => {
  const { properties } = siteJsonSchema() as { properties: { assets: { additionalProperties: { properties: { quirks: unknown } } } } };
  const { items } = properties.assets.additionalProperties.properties.quirks as { items: { enum: readonly string[] } };
  assert.equal(
    items.enum,
    QUIRKS.map(({ name }) => name),
  );
});

quirks.run();
