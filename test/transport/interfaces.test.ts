import { suite } from "uvu";
import * as assert from "uvu/assert";
import { addressesOf, inPrefix, isLoopback, parseIp } from "#transport/interfaces";

const interfaces = suite("transport/interfaces");

interfaces("lo has the loopback address; an interface that is not there has none", () => {
  assert.ok(addressesOf("lo").includes("127.0.0.1"));
  assert.equal(addressesOf("no-such-interface"), []);
  assert.equal(addressesOf("constructor"), []);
});

// RFC 4291 §2.2 and §2.5.5.2 for the IPv6 forms.
const ADDRESSES: readonly [string, string | null][] = [
  ["10.20.0.11", "0a14000b"],
  ["255.255.255.255", "ffffffff"],
  ["::", "00000000000000000000000000000000"],
  ["::1", "00000000000000000000000000000001"],
  ["2001:db8::8:800:200c:417a", "20010db80000000000080800200c417a"],
  ["2001:DB8:0:0:8:800:200C:417A", "20010db80000000000080800200c417a"],
  ["fd00::", "fd000000000000000000000000000000"],
  ["64:ff9b::10.0.0.1", "0064ff9b00000000000000000a000001"],
  ["::ffff:10.0.0.1", "0a000001"],
  ["::FFFF:a00:1", "0a000001"],
  ["0:0:0:0:0:ffff:10.0.0.1", "0a000001"],
  ["::10.0.0.1", "0000000000000000000000000a000001"],
  ["fe80::1%eth0", null],
  ["10.0.0", null],
  ["10.0.0.256", null],
  ["010.0.0.1", null],
  ["10.0.0.1/8", null],
  ["", null],
  ["::1::", null],
  ["plc.example", null],
];
for (const [text, hex] of ADDRESSES) {
  interfaces(`${text || "(nothing)"} is ${hex ?? "no address"}`, () => {
    const octets = parseIp(text);
    assert.is(octets === null ? null : Buffer.from(octets).toString("hex"), hex);
  });
}

const PREFIXES: readonly [string, string, number, boolean][] = [
  ["10.10.5.7", "10.10.5.0", 24, true],
  ["10.10.6.7", "10.10.5.0", 24, false],
  ["10.10.5.7", "10.10.5.0", 29, true],
  ["10.10.5.8", "10.10.5.0", 29, false],
  ["10.10.5.9", "10.10.5.9", 32, true],
  ["10.10.5.9", "10.10.5.8", 32, false],
  ["203.0.113.1", "0.0.0.0", 0, true],
  ["::1", "0.0.0.0", 0, false],
  ["10.0.0.1", "::", 0, false],
  ["::ffff:10.10.5.7", "10.10.5.0", 24, true],
  ["2001:db8:1::5", "2001:db8::", 32, true],
  ["2001:db9::5", "2001:db8::", 32, false],
  ["2001:db8:8000::", "2001:db8::", 33, false],
  ["2001:db8:7fff::", "2001:db8::", 33, true],
];
for (const [address, base, prefix, inside] of PREFIXES) {
  interfaces(`${address} is ${inside ? "" : "not "}in ${base}/${prefix}`, () => {
    assert.is(inPrefix(parseIp(address) as Uint8Array, { address: parseIp(base) as Uint8Array, prefix }), inside);
  });
}

interfaces("a prefix of impossible length contains nothing", () => {
  const address = parseIp("10.0.0.1") as Uint8Array;
  for (const prefix of [-1, 33, Number.NaN]) assert.is(inPrefix(address, { address, prefix }), false);
});

interfaces("loopback is 127.0.0.0/8 and ::1, nothing else", () => {
  for (const text of ["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"]) assert.ok(isLoopback(parseIp(text) as Uint8Array), text);
  for (const text of ["0.0.0.0", "128.0.0.1", "::", "::2", "10.0.0.1"]) assert.not.ok(isLoopback(parseIp(text) as Uint8Array), text);
});

interfaces.run();
