/** The ground floor. */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { copyOctets, crc16, fromHex, putU16, sameOctets, toHex, u16 } from "#wire";

const wire = suite("wire");

wire("CRC-16/MODBUS: the check value of the catalogue, and the standard's worked example", () => {
  const digits = new TextEncoder().encode("..123456789..");
  assert.is(crc16(digits, 2, 9), 0x4b37);
  assert.is(crc16(Uint8Array.of(2, 7), 0, 2), 0x1241);
  assert.is(crc16(new Uint8Array(0), 0, 0), 0xffff);
});

wire("CRC: the table gives what the bit by bit form of the standard's text gives", () => {
  const slow = (octets: Uint8Array): number => {
    let crc = 0xffff;
    for (const octet of octets) {
      crc ^= octet;
      for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
    }
    return crc;
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 256 }), (octets) => crc16(octets, 0, octets.length) === slow(octets)));
});

wire("hex there and back, with white space and either case", () => {
  assert.equal(fromHex("00 fF\n1a"), Uint8Array.of(0, 0xff, 0x1a));
  assert.equal(fromHex(""), new Uint8Array(0));
  for (const bad of ["0", "0g", "0x01", "1 2 3"]) assert.is(fromHex(bad), null, bad);
  assert.is(toHex(Uint8Array.of(1, 0xab, 0xff), 1), "abff");
  assert.is(toHex(Uint8Array.of(1, 0xab, 0xff), 1, 1), "ab");
  fc.assert(fc.property(fc.uint8Array(), (octets) => toHex(fromHex(toHex(octets)) as Uint8Array) === toHex(octets)));
});

wire("words are big-endian", () => {
  const octets = new Uint8Array(4);
  putU16(octets, 1, 0xabcd);
  assert.equal(octets, Uint8Array.of(0, 0xab, 0xcd, 0));
  assert.is(u16(octets, 1), 0xabcd);
});

wire("octets are copied as if at once, also within one array", () => {
  fc.assert(
    fc.property(fc.nat({ max: 20 }), fc.nat({ max: 20 }), fc.nat({ max: 20 }), (from, to, length) => {
      const source = Uint8Array.from({ length: 40 }, (_, i) => i);
      const want = Array.from(source);
      want.splice(to, length, ...want.slice(from, from + length));
      const apart = source.slice();
      copyOctets(source, from, apart, to, length);
      copyOctets(source, from, source, to, length);
      assert.equal(Array.from(source), want);
      assert.equal(apart, source);
    }),
  );
});

wire("octets are the same only if all are", () => {
  const a = Uint8Array.of(9, 1, 2, 3);
  assert.ok(sameOctets(a, 1, Uint8Array.of(1, 2, 3), 0, 3));
  assert.not.ok(sameOctets(a, 1, Uint8Array.of(1, 2, 4), 0, 3));
  assert.ok(sameOctets(a, 1, Uint8Array.of(1, 2, 4), 0, 2));
});

wire.run();
