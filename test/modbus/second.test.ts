/** A second decoder that shares no code with the codec says the same of every vector and of thousands of random messages. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeReply, decodeRequest, encodeReply, encodeRequest, PDU_LIMIT, type Reply, type Request } from "#modbus/pdu";
import { REPLIES } from "#test/vectors/modbus/replies";
import { REQUESTS } from "#test/vectors/modbus/requests";
import { anyRequest, replyTo } from "./arbitrary.ts";
import { hex } from "./octets.ts";
import { type Fields, secondReply, secondRequest } from "./secondDecoder.ts";

const second = suite("modbus/second");

const words = (octets: Uint8Array, at: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => new DataView(octets.buffer, octets.byteOffset).getUint16(at + 2 * i));
const octetsOf = (octets: Uint8Array, at: number, length: number): number[] => [...octets.subarray(at, at + length)];

/** Our reading in the second decoder's fields. null for what it knows no layout of. */
function fieldsOfRequest(request: Request): Fields | null {
  const code = request.function & 0xff;
  switch (request.is) {
    case "read":
      return { code, first: request.first, count: request.count };
    case "writeOne":
      return { code, first: request.first, value: words(request.octets, request.at, 1)[0] };
    case "writeMany": {
      const { first, count, octets, at } = request;
      const length = code === 15 ? Math.ceil(count / 8) : 2 * count;
      const values = code === 15 ? { octets: octetsOf(octets, at, length) } : { words: words(octets, at, count) };
      return { code, first, count, byteCount: length, ...values };
    }
    case "mask":
      return { code, first: request.first, and: request.and, or: request.or };
    case "readWrite": {
      const { readFirst, readCount, first, count } = request;
      return { code, readFirst, readCount, first, count, byteCount: 2 * count, words: words(request.octets, request.at, count) };
    }
    case "fifo":
      return { code, first: request.first };
    case "ask":
      return { code };
    case "diagnose":
      return { code, sub: request.function >> 8, words: words(request.octets, request.at, request.length / 2) };
    case "readFiles":
      return { code, byteCount: 7 * request.groups.length, groups: request.groups.map((group) => ({ reference: 6, ...group })) };
    case "writeFiles":
      return writtenFiles(request.groups, request.octets);
    case "identify":
      return { code, mei: 14, access: request.access, objectId: request.objectId };
    case "opaque":
      return null;
  }
}

function writtenFiles(groups: Extract<Request, { is: "writeFiles" }>["groups"], octets: Uint8Array): Fields {
  return {
    code: 21,
    byteCount: groups.reduce((sum, { count }) => sum + 7 + 2 * count, 0),
    groups: groups.map(({ file, record, count, at }) => ({ reference: 6, file, record, count, words: words(octets, at, count) })),
  };
}

function fieldsOfReply(reply: Reply): Fields | null {
  const code = reply.function & 0xff;
  switch (reply.is) {
    case "exception":
      return { code: code | 0x80, exception: reply.exception };
    case "cells": {
      const { count, octets, at } = reply;
      if (reply.bits === 16) return { code, byteCount: 2 * count, words: words(octets, at, count) };
      return { code, byteCount: Math.ceil(count / 8), octets: octetsOf(octets, at, Math.ceil(count / 8)) };
    }
    case "wroteMany":
      return { code, first: reply.first, count: reply.count };
    case "fifo":
      return { code, byteCount: 2 + 2 * reply.count, count: reply.count, words: words(reply.octets, reply.at, reply.count) };
    case "status":
      return { code, status: reply.status };
    case "counter":
      return { code, status: reply.status, events: reply.events };
    case "log": {
      const { status, events, messages } = reply;
      return { code, byteCount: 6 + reply.length, status, events, messages, octets: octetsOf(reply.octets, reply.at, reply.length) };
    }
    case "serverId":
      return { code, byteCount: reply.length, octets: octetsOf(reply.octets, reply.at, reply.length) };
    case "files":
      return {
        code,
        byteCount: reply.groups.reduce((sum, { count }) => sum + 2 + 2 * count, 0),
        groups: reply.groups.map(({ count, at }) => ({ size: 1 + 2 * count, octets: [6, ...octetsOf(reply.octets, at, 2 * count)] })),
      };
    case "identification": {
      const { access, conformity, more, nextObjectId, objects, octets } = reply;
      const texts = objects.map(({ id, length, at }) => ({ id, length, text: octetsOf(octets, at, length) }));
      return { code, mei: 14, access, conformity, more: more ? 0xff : 0, nextObjectId, count: objects.length, objects: texts };
    }
    default:
      return fieldsOfRequest(reply);
  }
}

/** Ours and theirs of the same octets. False where there is nothing to compare. */
function agree(pdu: Uint8Array, ours: Fields | null, theirs: (pdu: Uint8Array) => Fields | null): boolean {
  if (ours === null) return false;
  assert.equal(plain(theirs(pdu)), plain(ours));
  return true;
}

/** binary-parser gives objects of its own making; only what stands in them is compared. */
const plain = (fields: unknown): unknown => JSON.parse(JSON.stringify(fields));

second("every vector", () => {
  let compared = 0;
  for (const [text] of REQUESTS) {
    const pdu = hex(text);
    const got = decodeRequest(pdu, 0, pdu.length);
    if (got.ok && agree(pdu, fieldsOfRequest(got.value), secondRequest)) compared += 1;
  }
  for (const [asked, text] of REPLIES) {
    const pdu = hex(text);
    const question = hex(asked);
    const got = decodeReply(pdu, 0, pdu.length, (question[0] as number) <= 2 ? (words(question, 3, 1)[0] as number) : null);
    if (got.ok && agree(pdu, fieldsOfReply(got.value), secondReply)) compared += 1;
  }
  assert.ok(compared > 80, `${compared} compared`);
});

second("random requests and replies", () => {
  let compared = 0;
  fc.assert(
    fc.property(
      anyRequest.chain((request) => fc.tuple(fc.constant(request), replyTo(request))),
      ([request, reply]) => {
        const target = new Uint8Array(PDU_LIMIT);
        const pdu = target.slice(0, encodeRequest(request, target, 0));
        const got = decodeRequest(pdu, 0, pdu.length);
        assert.ok(got.ok);
        if (got.ok && agree(pdu, fieldsOfRequest(got.value), secondRequest)) compared += 1;
        if (reply === null) return;
        const answer = target.slice(0, encodeReply(reply, target, 0));
        const heard = decodeReply(answer, 0, answer.length, request.is === "read" ? request.count : null);
        assert.ok(heard.ok);
        if (heard.ok && agree(answer, fieldsOfReply(heard.value), secondReply)) compared += 1;
      },
    ),
    { numRuns: 2_000 },
  );
  assert.ok(compared > 2_000, `${compared} compared`);
});

second.run();
