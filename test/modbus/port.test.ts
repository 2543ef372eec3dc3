/** Modbus behind the gateway's protocol port. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { modbusTcp } from "#session/modbus";
import { toHex } from "#wire";
import { hex } from "./octets.ts";

const port = suite("modbus/port");

port("a request from a stream is decoded, forwarded octet for octet under our transaction id, and its reply matched", () => {
  const framer = modbusTcp.framer();
  framer.feed(hex("1234 0000 0006 11 06 0028 012c"));
  assert.is(framer.next(), "frame");
  const request = modbusTcp.decode(framer.octets, framer.pduAt, framer.pduLength);
  assert.ok(request.ok);
  if (!request.ok) return;
  const upstream = new Uint8Array(modbusTcp.frameLimit);
  const length = modbusTcp.frame(upstream, 0, 7, framer.unitId, framer.octets, framer.pduAt, framer.pduLength);
  assert.is(toHex(upstream, 0, length), "000700000006110600" + "28012c");
  const reply = modbusTcp.match(request.value, upstream, 7, 5);
  assert.ok(reply.ok);
  if (reply.ok) assert.is(modbusTcp.exceptionOf(reply.value), 0);
  assert.is(modbusTcp.message(request.value, 17, false).operations[0]?.verb, "write");
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
  const length = modbusTcp.exception(target, 3, 0x1234, 0x11, 0x10, 1);
  assert.is(toHex(target, 3, length), "123400000003119001");
});

port("functions that an exception can name are 1..127", () => {
  assert.equal(
    [-1, 0, 1, 127, 128, 255].map((code) => modbusTcp.canAnswer(code)),
    [false, false, true, true, false, false],
  );
});

port.run();
