/** Any request, and any reply to it, for properties. */
import fc from "fast-check";
import type { Reply, Request } from "#modbus/pdu";

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const octets = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const upTo = (most: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: most });

/** first and count that stay inside the 65,536 addresses. */
const range = (most: number): fc.Arbitrary<{ first: number; count: number }> =>
  fc
    .integer({ min: 1, max: most })
    .chain((count) => fc.record({ first: fc.integer({ min: 0, max: 0x10000 - count }), count: fc.constant(count) }));

/** Packed bits with their padding at zero. */
const packed = (count: number): fc.Arbitrary<Uint8Array> =>
  octets(Math.ceil(count / 8)).map((bits) => {
    if (count % 8 !== 0) bits[bits.length - 1] = (bits[bits.length - 1] as number) & ((1 << (count % 8)) - 1);
    return bits;
  });

const group = (most: number): fc.Arbitrary<{ file: number; record: number; count: number }> =>
  fc
    .integer({ min: 1, max: most })
    .chain((count) =>
      fc.record({
        file: fc.integer({ min: 1, max: 0xffff }),
        record: fc.integer({ min: 0, max: 10_000 - count }),
        count: fc.constant(count),
      }),
    )
    .map((fields) => ({ ...fields }));

const RESERVED_SUBS = [5, 6, 7, 8, 9, 19, 21, 300, 0xffff];
const OPAQUE_CODES = [9, 10, 13, 14, 18, 19, 25, 42, 44, 65, 72, 90, 100, 125, 126, 127];

export const anyRequest: fc.Arbitrary<Request> = fc.oneof(
  fc.constantFrom(1, 2).chain((number) => range(2000).map((r): Request => ({ is: "read", function: number, ...r }))),
  fc.constantFrom(3, 4).chain((number) => range(125).map((r): Request => ({ is: "read", function: number, ...r }))),
  fc
    .record({ first: u16, on: fc.boolean() })
    .map(({ first, on }): Request => ({ is: "writeOne", function: 5, first, octets: Uint8Array.of(on ? 0xff : 0, 0), at: 0 })),
  fc.record({ first: u16, octets: octets(2) }).map((r): Request => ({ is: "writeOne", function: 6, ...r, at: 0 })),
  range(1968).chain((r) => packed(r.count).map((bits): Request => ({ is: "writeMany", function: 15, ...r, octets: bits, at: 0 }))),
  range(123).chain((r) => octets(2 * r.count).map((words): Request => ({ is: "writeMany", function: 16, ...r, octets: words, at: 0 }))),
  fc
    .record({ first: u16, and: u16, or: u16 })
    .map((r): Request => ({ is: "mask", function: 22, ...r, octets: Uint8Array.of(r.or >> 8, r.or & 0xff), at: 0 })),
  fc.tuple(range(125), range(121)).chain(([read, write]) =>
    octets(2 * write.count).map(
      (words): Request => ({
        is: "readWrite",
        function: 23,
        readFirst: read.first,
        readCount: read.count,
        ...write,
        octets: words,
        at: 0,
      }),
    ),
  ),
  u16.map((first): Request => ({ is: "fifo", function: 24, first })),
  fc.constantFrom(7, 11, 12, 17).map((number): Request => ({ is: "ask", function: number })),
  fc
    .integer({ min: 1, max: 125 })
    .chain((words) =>
      octets(2 * words).map((data): Request => ({ is: "diagnose", function: 8, octets: data, at: 0, length: data.length })),
    ),
  fc
    .boolean()
    .map((clear): Request => ({ is: "diagnose", function: 8 | (1 << 8), octets: Uint8Array.of(clear ? 0xff : 0, 0), at: 0, length: 2 })),
  u8.map((character): Request => ({ is: "diagnose", function: 8 | (3 << 8), octets: Uint8Array.of(character, 0), at: 0, length: 2 })),
  fc
    .constantFrom(2, 4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20)
    .map((sub): Request => ({ is: "diagnose", function: 8 | (sub << 8), octets: new Uint8Array(2), at: 0, length: 2 })),
  fc
    .array(group(30), { minLength: 1, maxLength: 35 })
    .map((groups) => groups.filter((_, i) => groups.slice(0, i + 1).reduce((sum, { count }) => sum + 2 + 2 * count, 0) <= 251))
    .map((groups): Request => ({ is: "readFiles", function: 20, groups })),
  fc
    .array(group(12), { minLength: 1, maxLength: 8 })
    .map((groups) => groups.filter((_, i) => groups.slice(0, i + 1).reduce((sum, { count }) => sum + 7 + 2 * count, 0) <= 251))
    .chain((groups) => {
      const total = groups.reduce((sum, { count }) => sum + 2 * count, 0);
      return octets(total).map((words): Request => {
        let at = 0;
        const placed = groups.map((one) => {
          const here = { ...one, at };
          at += 2 * one.count;
          return here;
        });
        return { is: "writeFiles", function: 21, octets: words, groups: placed };
      });
    }),
  fc
    .record({ access: fc.integer({ min: 1, max: 4 }), objectId: u8 })
    .map((r): Request => ({ is: "identify", function: 43 | (14 << 8), ...r })),
  fc
    .tuple(fc.constantFrom(...OPAQUE_CODES), upTo(252))
    .map(([number, data]): Request => ({ is: "opaque", function: number, octets: data, at: 0, length: data.length })),
  fc
    .tuple(fc.constantFrom(...RESERVED_SUBS), upTo(250))
    .map(([sub, data]): Request => ({ is: "opaque", function: 8 | (sub << 8), octets: data, at: 0, length: data.length })),
  fc
    .tuple(fc.constantFrom(0, 12, 13, 15, 255), upTo(251))
    .map(([sub, data]): Request => ({ is: "opaque", function: 43 | (sub << 8), octets: data, at: 0, length: data.length })),
);

/** A reply a device may give to this request; null where it gives none. */
export function replyTo(request: Request): fc.Arbitrary<Reply | null> {
  switch (request.is) {
    case "read":
      return request.function <= 2
        ? packed(request.count).map(
            (bits): Reply => ({ is: "cells", function: request.function, bits: 1, count: request.count, octets: bits, at: 0 }),
          )
        : octets(2 * request.count).map(
            (words): Reply => ({ is: "cells", function: request.function, bits: 16, count: request.count, octets: words, at: 0 }),
          );
    case "readWrite":
      return octets(2 * request.readCount).map(
        (words): Reply => ({ is: "cells", function: 23, bits: 16, count: request.readCount, octets: words, at: 0 }),
      );
    case "writeMany":
      return fc.constant({ is: "wroteMany", function: request.function, first: request.first, count: request.count });
    case "fifo":
      return fc
        .integer({ min: 0, max: 31 })
        .chain((count) => octets(2 * count).map((words): Reply => ({ is: "fifo", function: 24, count, octets: words, at: 0 })));
    case "ask":
      return replyToAsk(request.function);
    case "diagnose": {
      const sub = request.function >> 8;
      if (sub === 4) return fc.constant(null);
      return sub === 2 || (sub >= 11 && sub <= 18) ? octets(2).map((data): Reply => ({ ...request, octets: data })) : fc.constant(request);
    }
    case "readFiles":
      return fc.constant(filesReply(request.groups.map(({ count }) => count)));
    case "identify":
      return fc
        .array(fc.record({ id: u8, text: upTo(20) }), request.access === 4 ? { minLength: 1, maxLength: 1 } : { maxLength: 8 })
        .map((objects) =>
          identification(request.access, request.access === 4 ? objects.map(({ text }) => ({ id: request.objectId, text })) : objects),
        );
    case "opaque":
      return upTo(250).map((data): Reply => ({ is: "opaque", function: request.function, octets: data, at: 0, length: data.length }));
    default:
      return fc.constant(request);
  }
}

function replyToAsk(number: number): fc.Arbitrary<Reply> {
  if (number === 7) return u8.map((status): Reply => ({ is: "status", function: 7, status }));
  if (number === 11) return fc.record({ status: u16, events: u16 }).map((r): Reply => ({ is: "counter", function: 11, ...r }));
  if (number === 12)
    return fc
      .record({ status: u16, events: u16, messages: u16, octets: upTo(64) })
      .map((r): Reply => ({ is: "log", function: 12, ...r, at: 0, length: r.octets.length }));
  return upTo(251).map((data): Reply => ({ is: "serverId", function: 17, octets: data, at: 0, length: data.length }));
}

function filesReply(counts: readonly number[]): Reply {
  const words = Uint8Array.from({ length: 2 * counts.reduce((sum, count) => sum + count, 0) }, (_, i) => i * 7);
  let at = 0;
  const groups = counts.map((count) => {
    const here = { count, at };
    at += 2 * count;
    return here;
  });
  return { is: "files", function: 20, octets: words, groups };
}

function identification(access: number, objects: readonly { readonly id: number; readonly text: Uint8Array }[]): Reply {
  const text = new Uint8Array(objects.reduce((sum, object) => sum + object.text.length, 0));
  let at = 0;
  const placed = objects.map((object) => {
    text.set(object.text, at);
    const here = { id: object.id, at, length: object.text.length };
    at += object.text.length;
    return here;
  });
  return {
    is: "identification",
    function: 43 | (14 << 8),
    access,
    conformity: 0x81,
    more: false,
    nextObjectId: 0,
    octets: text,
    objects: placed,
  };
}
