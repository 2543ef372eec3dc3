/** Modbus behind the gateway's protocol port. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { DenialCode } from "#events";
import { modbusTcp } from "#session/modbus";
import { toHex } from "#wire";
import { hex } from "./octets.ts";

const port = suite("modbus/port");

port("a request from a stream is decoded, forwarded octet for octet under our transaction id, and its reply matched", () => {
  const framer = modbusTcp.framer("session", null);
  framer.feed(hex("1234 0000 0006 11 06 0028 012c"));
  assert.is(framer.next(), "frame");
  const request = modbusTcp.decode(framer.octets, framer.pduAt, framer.pduLength);
  assert.ok(request.ok);
  if (!request.ok) return;
  const upstream = new Uint8Array(modbusTcp.frameLimit);
  const length = modbusTcp.framer("device", null).frame(upstream, 0, 7, framer.unitId, framer.octets, framer.pduAt, framer.pduLength);
  assert.is(toHex(upstream, 0, length), "000700000006110600" + "28012c");
  const reply = modbusTcp.match(request.value, upstream, 7, 5);
  assert.ok(reply.ok);
  if (reply.ok) assert.is(modbusTcp.exceptionOf(reply.value), 0);
  assert.is(modbusTcp.message(request.value, 17, false, null).operations[0]?.verb, "write");
});

port("a read of our own is one request, or none: no more cells than it holds", () => {
  const target = new Uint8Array(16);
  for (const [space, most] of [
    [0, 2000],
    [1, 2000],
    [2, 125],
    [3, 125],
  ] as const) {
    assert.is(modbusTcp.encodeRead(target, 0, space, 7, 7 + most - 1), 5);
    assert.ok(modbusTcp.decode(target, 0, 5).ok);
    assert.is(modbusTcp.encodeRead(target, 0, space, 7, 7 + most), 0);
  }
});

port("the code of an exception reply; 0 is a normal one", () => {
  const asked = hex("06 0028 012c");
  const request = modbusTcp.decode(asked, 0, asked.length);
  if (!request.ok) throw new Error(request.error.kind);
  for (const code of [1, 4, 11, 200]) {
    const reply = modbusTcp.match(request.value, Uint8Array.of(0x86, code), 0, 2);
    assert.is(reply.ok && modbusTcp.exceptionOf(reply.value), code);
  }
  assert.not.ok(modbusTcp.match(request.value, Uint8Array.of(0x86, 0), 0, 2).ok);
});

port("a denial is answered as a server would: function with bit 7, one code, the request's own ids", () => {
  const target = new Uint8Array(20);
  const pdu = new Uint8Array(2);
  const answered = modbusTcp.encodeDenial(pdu, 0, Uint8Array.of(0x10), 1, "nothingAllows", 0);
  const length = modbusTcp.framer("session", null).frame(target, 3, 0x1234, 0x11, pdu, 0, answered);
  assert.is(toHex(target, 3, length), "123400000003119001");
});

port("whose fault it is decides the exception, and where it is the policy's the policy may state one", () => {
  const codeFor = (code: DenialCode, stated: number): number => {
    const pdu = new Uint8Array(2);
    modbusTcp.encodeDenial(pdu, 0, Uint8Array.of(6), 1, code, stated);
    return pdu[1] as number;
  };
  assert.equal([codeFor("aboveMaximum", 0), codeFor("aboveMaximum", 3), codeFor("blocked", 3)], [1, 3, 1]);
  assert.equal([codeFor("badQuantity", 2), codeFor("queueFull", 2), codeFor("evidenceUnavailable", 2)], [3, 6, 6]);
  assert.equal([codeFor("deviceUnreachable", 2), codeFor("deviceSilent", 2), codeFor("internal", 2)], [10, 11, 4]);
});

port("functions that an exception can name are 1..127", () => {
  assert.equal(
    [0, 1, 127, 128, 255].map((code) => modbusTcp.answerable(Uint8Array.of(code), 1, 1, "badData")),
    ["close", "answer", "answer", "close", "close"],
  );
  assert.is(modbusTcp.answerable(Uint8Array.of(), 0, 1, "truncated"), "close");
});

port.run();
