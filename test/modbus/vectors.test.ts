/** The book's own examples and the edges it states, both directions: what they mean, and that the encoder gives them back octet for octet. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FUNCTIONS, numberOf } from "#modbus/functions";
import { decodeReply, decodeRequest, encodeReply, encodeRequest, matchReply } from "#modbus/pdu";
import { REPLIES, WRONG_REPLIES } from "#test/vectors/modbus/replies";
import { BROKEN_REQUESTS, REQUESTS } from "#test/vectors/modbus/requests";
import { toHex } from "#wire";
import { amid, hex, written } from "./octets.ts";
import { shown } from "./shown.ts";

const brief = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}...` : text);
const requests = suite("modbus/requests");

for (const [text, meaning, source] of REQUESTS)
  requests(`${brief(text)} (${source})`, () => {
    const octets = hex(text);
    const { all, at } = amid(octets);
    const got = decodeRequest(all, at, octets.length);
    assert.ok(got.ok, got.ok ? "" : got.error.kind);
    if (!got.ok) return;
    assert.equal(shown(got.value), meaning);
    const { value } = got;
    assert.is(
      written((target, to) => encodeRequest(value, target, to)),
      toHex(octets),
      "what was judged is what is sent",
    );
  });

for (const [text, kind, source] of BROKEN_REQUESTS)
  requests(`${brief(text)} is ${kind} (${source})`, () => {
    const octets = hex(text);
    const { all, at } = amid(octets);
    assert.equal(decodeRequest(all, at, octets.length), { ok: false, error: { kind } });
  });

requests("every row of the table has a request and a reply among the vectors", () => {
  const asked = new Set(REQUESTS.map(([, meaning]) => (typeof meaning === "string" ? -1 : meaning.function)));
  const answered = new Set(REPLIES.map(([, , meaning]) => (typeof meaning === "string" ? -1 : meaning.function)));
  for (const entry of FUNCTIONS) {
    const number = numberOf(entry);
    assert.ok(asked.has(number), `no request for ${entry.name}`);
    if (!entry.silent) assert.ok(answered.has(number), `no reply for ${entry.name}`);
  }
});

requests("the table: numbers and names are unique, every row says where it comes from", () => {
  assert.is(new Set(FUNCTIONS.map(numberOf)).size, FUNCTIONS.length);
  assert.is(new Set(FUNCTIONS.map(({ name }) => name)).size, FUNCTIONS.length);
  for (const { name, source } of FUNCTIONS) {
    assert.match(name, /^[a-z][A-Za-z]+$/);
    assert.match(source, /^section \d+(\.\d+)*/);
  }
});

requests.run();

const replies = suite("modbus/replies");

const coilsOf = (request: Uint8Array): number | null =>
  (request[0] as number) <= 2 ? ((request[3] as number) << 8) | (request[4] as number) : null;

for (const [asked, text, meaning, source] of REPLIES)
  replies(`${brief(text)} (${source})`, () => {
    const question = hex(asked);
    const octets = hex(text);
    const { all, at } = amid(octets);
    const alone = decodeReply(all, at, octets.length, coilsOf(question));
    const request = decodeRequest(question, 0, question.length);
    assert.ok(alone.ok && request.ok);
    if (!alone.ok || !request.ok) return;
    assert.equal(shown(alone.value), meaning);
    const { value } = alone;
    assert.is(
      written((target, to) => encodeReply(value, target, to)),
      toHex(octets),
    );
    const matched = matchReply(request.value, all, at, octets.length);
    assert.equal(matched.ok && shown(matched.value), meaning);
  });

for (const [asked, text, kind, source] of WRONG_REPLIES)
  replies(`${brief(asked)} is not answered by ${brief(text)}: ${kind} (${source})`, () => {
    const question = hex(asked);
    const octets = hex(text);
    const { all, at } = amid(octets);
    const request = decodeRequest(question, 0, question.length);
    assert.ok(request.ok);
    if (!request.ok) return;
    assert.equal(matchReply(request.value, all, at, octets.length), { ok: false, error: { kind } });
  });

replies("coils without their request: all bits of the octets, the padding among them", () => {
  const octets = hex("01 03 cd6b85");
  const got = decodeReply(octets, 0, octets.length, null);
  assert.equal(got.ok && shown(got.value), { is: "cells", function: 1, bits: 1, count: 24, data: "cd6b85" });
});

replies.run();
