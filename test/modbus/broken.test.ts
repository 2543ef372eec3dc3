/** What happens to good octets on the way: every truncation, every added octet, every flipped bit of every vector. Nothing throws, nothing is taken for what it is not. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DENIALS } from "#events";
import {
  decodeReply,
  decodeRequest,
  encodeReply,
  encodeRequest,
  type Malformed,
  matchReply,
  operationsOf,
  type Reply,
  type Request,
  readingsOf,
} from "#modbus/pdu";
import { REPLIES } from "#test/vectors/modbus/replies";
import { REQUESTS } from "#test/vectors/modbus/requests";
import type { Result } from "#wire";
import { toHex } from "#wire";
import { hex } from "./octets.ts";

const broken = suite("modbus/broken");
const target = new Uint8Array(300);

/** A named denial, or a message that is exactly these octets; and the rest of the road can walk with it. */
function judged(octets: Uint8Array): boolean {
  const got = decodeRequest(octets, 0, octets.length);
  if (!named(got, octets)) return false;
  assert.is(toHex(target, 0, encodeRequest(got.value, target, 0)), toHex(octets));
  assert.ok(operationsOf(got.value, 1, false).operations.length > 0);
  return true;
}

function judgedReply(octets: Uint8Array, coils: number | null): boolean {
  const got = decodeReply(octets, 0, octets.length, coils);
  if (!named(got, octets)) return false;
  assert.is(toHex(target, 0, encodeReply(got.value, target, 0)), toHex(octets));
  return true;
}

function named<T>(got: Result<T, Malformed>, octets: Uint8Array): got is { ok: true; value: T } {
  if (!got.ok) assert.is(DENIALS[got.error.kind], "malformed", `${got.error.kind} at ${toHex(octets)}`);
  return got.ok;
}

function flipped(octets: Uint8Array, bit: number): Uint8Array {
  const copy = octets.slice();
  copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
  return copy;
}

const isOpen = (octets: Uint8Array): boolean => {
  const got = decodeRequest(octets, 0, octets.length);
  return got.ok && (got.value.is === "opaque" || got.value.function === 8);
};

broken("every truncation of every request is malformed, but where the function's data has any length", () => {
  for (const [text] of REQUESTS) {
    const octets = hex(text);
    for (let length = 0; length < octets.length; length++) {
      const accepted = judged(octets.slice(0, length));
      assert.ok(!accepted || isOpen(octets), `${text} cut to ${length} octets`);
    }
  }
});

broken("every octet too many makes a request malformed, but where the function's data has any length", () => {
  for (const [text] of REQUESTS) {
    const octets = hex(text);
    for (const extra of [1, 2, 5]) {
      const accepted = judged(Uint8Array.of(...octets, ...new Uint8Array(extra)));
      assert.ok(!accepted || isOpen(octets), `${text} and ${extra} more`);
    }
  }
});

broken("every single bit flip of every request is a named denial, or another request that is exactly these octets", () => {
  let accepted = 0;
  let refused = 0;
  for (const [text] of REQUESTS) {
    const octets = hex(text);
    for (let bit = 0; bit < 8 * octets.length; bit++) judged(flipped(octets, bit)) ? accepted++ : refused++;
  }
  assert.ok(accepted > 500 && refused > 500, `${accepted} accepted, ${refused} refused`);
});

broken("every truncation and every single bit flip of every reply is named, or exactly these octets", () => {
  for (const [, text] of REPLIES) {
    const octets = hex(text);
    for (const coils of [null, 19]) {
      for (let length = 0; length < octets.length; length++) judgedReply(octets.slice(0, length), coils);
      for (let bit = 0; bit < 8 * octets.length; bit++) judgedReply(flipped(octets, bit), coils);
    }
  }
});

/** What a reply may carry freely: the values the device was asked for. Everything else is an echo or a length, and a flipped bit in it is found. */
function isFree(request: Request, reply: Reply, bit: number, length: number): boolean {
  const at = bit >> 3;
  // Bit 7 of the function code makes any reply of two octets an exception.
  if (bit === 7 && length === 2) return true;
  if (reply.is === "exception") return at === 1;
  switch (reply.is) {
    case "cells":
      return at >= 2;
    case "fifo":
    case "log":
      return at >= (reply.is === "fifo" ? 5 : 2);
    case "status":
    case "counter":
      return at >= 1;
    case "serverId":
      return at >= 2;
    case "diagnose":
      return at >= 3 && [2, 11, 12, 13, 14, 15, 16, 17, 18].includes(request.function >> 8);
    case "files":
      return reply.groups.some((group) => at >= group.at && at < group.at + 2 * group.count);
    case "identification":
      return at >= 3;
    case "opaque":
      return at >= 1 + (request.function === 90 ? 0 : request.function >> 8 === 5 ? 2 : 1);
    default:
      return false;
  }
}

broken("a reply with any bit changed outside the values asked for does not answer its request", () => {
  let checked = 0;
  for (const [asked, text] of REPLIES) {
    const question = hex(asked);
    const octets = hex(text);
    const request = decodeRequest(question, 0, question.length);
    if (!request.ok) throw new Error(asked);
    const reply = matchReply(request.value, octets, 0, octets.length);
    if (!reply.ok) throw new Error(text);
    for (let bit = 0; bit < 8 * octets.length; bit++) {
      const other = flipped(octets, bit);
      const got = matchReply(request.value, other, 0, other.length);
      if (isFree(request.value, reply.value, bit, octets.length)) continue;
      checked += 1;
      assert.not.ok(got.ok, `${asked} answered by ${toHex(other)}, bit ${bit} changed`);
    }
  }
  assert.ok(checked > 500, `${checked} bits`);
});

broken("a matched reply's readings stay inside its octets", () => {
  for (const [asked, text] of REPLIES) {
    const question = hex(asked);
    const octets = hex(text);
    const request = decodeRequest(question, 0, question.length);
    const reply = request.ok ? matchReply(request.value, octets, 0, octets.length) : request;
    if (!request.ok || !reply.ok) throw new Error(text);
    for (const { target, values } of readingsOf(request.value, reply.value as Reply)) {
      if (target.at !== "range" || values.is !== "cells") throw new Error(text);
      const cells = target.last - target.first + 1;
      assert.is(values.at + Math.ceil((cells * values.bits) / 8), octets.length);
    }
  }
});

broken.run();
