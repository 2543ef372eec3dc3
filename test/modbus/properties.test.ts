/** What holds for every message and for any octets at all. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeReply, decodeRequest, encodeReply, encodeRequest, matchReply, operationsOf, PDU_LIMIT, readingsOf } from "#modbus/pdu";
import { toHex } from "#wire";
import { anyRequest, replyTo } from "./arbitrary.ts";
import { shown } from "./shown.ts";

const RUNS = 3_000;
const properties = suite("modbus/properties");

properties("what is encoded decodes to the same request", () => {
  fc.assert(
    fc.property(anyRequest, fc.integer({ min: 0, max: 20 }), (request, at) => {
      const target = new Uint8Array(at + PDU_LIMIT);
      const length = encodeRequest(request, target, at);
      const got = decodeRequest(target, at, length);
      assert.ok(got.ok, got.ok ? "" : `${got.error.kind}: ${toHex(target, at, length)}`);
      if (got.ok) assert.equal(shown(got.value), shown(request));
    }),
    { numRuns: RUNS },
  );
});

properties("what is encoded decodes to the same reply, and answers its request", () => {
  fc.assert(
    fc.property(
      anyRequest.chain((request) => fc.tuple(fc.constant(request), replyTo(request))),
      ([request, reply]) => {
        if (reply === null) return;
        const target = new Uint8Array(PDU_LIMIT);
        const length = encodeReply(reply, target, 0);
        const got = matchReply(request, target, 0, length);
        assert.ok(got.ok, got.ok ? "" : `${got.error.kind}: ${toHex(target, 0, length)}`);
        if (got.ok) assert.equal(shown(got.value), shown(reply));
      },
    ),
    { numRuns: RUNS },
  );
});

properties("an exception with any code but 0 answers every request", () => {
  fc.assert(
    fc.property(anyRequest, fc.integer({ min: 1, max: 255 }), (request, exception) => {
      const octets = Uint8Array.of((request.function & 0x7f) | 0x80, exception);
      assert.equal(matchReply(request, octets, 0, 2), {
        ok: true,
        value: { is: "exception", function: request.function & 0x7f, exception },
      });
    }),
    { numRuns: 500 },
  );
});

properties("a message may be encoded into the octets it was decoded from, elsewhere", () => {
  fc.assert(
    fc.property(anyRequest, fc.integer({ min: -40, max: 40 }), (request, shift) => {
      const target = new Uint8Array(PDU_LIMIT + 100);
      const length = encodeRequest(request, target, 50);
      const before = toHex(target, 50, length);
      const got = decodeRequest(target, 50, length);
      assert.ok(got.ok);
      // A file write is many views into the octets: moving it onto itself group by group is not promised.
      if (!got.ok || got.value.is === "writeFiles") return;
      assert.is(encodeRequest(got.value, target, 50 + shift), length);
      assert.is(toHex(target, 50 + shift, length), before);
    }),
    { numRuns: RUNS },
  );
});

/** Octets that begin like a message, so that most of them get past the first check. */
const likely = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 260 }), fc.boolean()).map(([code, rest, small]) => {
  const octets = Uint8Array.of(code, ...rest);
  if (small) for (const at of [1, 3, 7]) if (at < octets.length) octets[at] = 0;
  return octets;
});

properties("any octets at all: named or accepted as exactly themselves, never thrown at", () => {
  fc.assert(
    fc.property(fc.oneof(likely, fc.uint8Array({ maxLength: 300 })), fc.option(fc.integer({ min: 1, max: 2000 })), (octets, coils) => {
      const target = new Uint8Array(PDU_LIMIT);
      const request = decodeRequest(octets, 0, octets.length);
      if (request.ok) {
        assert.is(toHex(target, 0, encodeRequest(request.value, target, 0)), toHex(octets));
        for (const operation of operationsOf(request.value, 1, false).operations) {
          if (operation.target.at === "range") assert.ok(operation.target.first <= operation.target.last);
        }
      }
      const reply = decodeReply(octets, 0, octets.length, coils);
      if (reply.ok) assert.is(toHex(target, 0, encodeReply(reply.value, target, 0)), toHex(octets));
    }),
    { numRuns: 4 * RUNS },
  );
});

properties("any octets as the answer to any request: refused with a word, or a reply whose readings lie inside them", () => {
  fc.assert(
    fc.property(anyRequest, fc.oneof(likely, fc.uint8Array({ maxLength: 300 })), (request, octets) => {
      const answer = Uint8Array.from(octets);
      if (answer.length > 0) answer[0] = request.function & 0x7f;
      const got = matchReply(request, answer, 0, answer.length);
      if (!got.ok) return void assert.match(got.error.kind, /^[a-z][A-Za-z]+$/);
      for (const { values } of readingsOf(request, got.value)) if (values.is === "cells") assert.ok(values.at <= answer.length);
    }),
    { numRuns: 2 * RUNS },
  );
});

properties.run();
