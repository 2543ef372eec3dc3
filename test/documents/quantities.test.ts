import { isIPv4, isIPv6, SocketAddress } from "node:net";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  DURATION_IS,
  durationWithin,
  HOST_PORT_IS,
  isWithin,
  PREFIX_IS,
  RATE_IS,
  readDuration,
  readHostPort,
  readIp,
  readPort,
  readPrefix,
  readRate,
  readSize,
  SIZE_IS,
  sayIp,
} from "#documents/quantities";

const quantities = suite("documents/quantities");

quantities("durations have a unit and are whole", () => {
  const good = { "0ms": 0, "250ms": 250, "1s": 1000, "15m": 900_000, "2min": 120_000, "72h": 259_200_000, "90d": 7_776_000_000 };
  for (const [text, ms] of Object.entries(good)) assert.is(readDuration(text), ms, text);
  for (const text of ["", "1", "s", "1.5s", "-1s", "+1s", "01s", " 1s", "1 s", "1S", "1y", "1s ", "1e3ms", "１s"])
    assert.is(readDuration(text), DURATION_IS, text);
  assert.is(readDuration("3653d"), 315_619_200_000);
  assert.is(readDuration("3654d"), "a duration of at most ten years");
  assert.is(readDuration("9999999999999d"), "a duration of at most ten years");
});

quantities("durations within bounds include both ends and say them", () => {
  const read = durationWithin("10ms", "60s");
  assert.is(read("10ms"), 10);
  assert.is(read("1min"), 60_000);
  assert.is(read("9ms"), "a duration from 10ms to 60s");
  assert.is(read("60001ms"), "a duration from 10ms to 60s");
  assert.is(read("1"), DURATION_IS);
});

quantities("rates count per window", () => {
  assert.equal(readRate("200/s"), { count: 200, windowMs: 1000 });
  assert.equal(readRate("6/min"), { count: 6, windowMs: 60_000 });
  assert.equal(readRate("6/m"), { count: 6, windowMs: 60_000 });
  assert.equal(readRate("10/10s"), { count: 10, windowMs: 10_000 });
  assert.equal(readRate("1/250ms"), { count: 1, windowMs: 250 });
  for (const text of ["", "6", "6/", "/s", "0/s", "6/0s", "6/01s", "6 /s", "-6/s", "6.5/s", "6/sec", "6/s/s"])
    assert.is(readRate(text), RATE_IS, text);
  assert.is(readRate("1000001/s"), "a count of at most 1000000 per time");
  assert.is(readRate("1/3654d"), "a time of at most ten years");
});

quantities("sizes are decimal or binary as their unit says", () => {
  const good = { "1kB": 1000, "500MB": 5e8, "2GB": 2e9, "2GiB": 2_147_483_648, "1TiB": 1_099_511_627_776, "4KiB": 4096 };
  for (const [text, octets] of Object.entries(good)) assert.is(readSize(text), octets, text);
  for (const text of ["", "2", "GB", "0GB", "2gb", "2 GB", "1.5GB", "02GB", "2K", "2KB"]) assert.is(readSize(text), SIZE_IS, text);
  assert.is(readSize("1001TB"), "a size of at most 1000TB");
});

quantities("ports", () => {
  assert.is(readPort("1"), 1);
  assert.is(readPort("65535"), 65535);
  for (const text of ["", "0", "65536", "0502", "+502", "502 ", "5e2"]) assert.is(readPort(text), "a port from 1 to 65535", text);
});

quantities("an address and port, IPv4 or IPv6 in brackets, in one canonical form", () => {
  assert.equal(readHostPort("10.20.0.11:502"), { host: "10.20.0.11", port: 502 });
  assert.equal(readHostPort("127.0.0.1:65535"), { host: "127.0.0.1", port: 65535 });
  assert.equal(readHostPort("[FD00:0:0::0011]:502"), { host: "fd00::11", port: 502 });
  assert.equal(readHostPort("[::1]:1"), { host: "::1", port: 1 });
  const bad: readonly (readonly [string, string])[] = [
    ["", HOST_PORT_IS],
    ["10.20.0.11", HOST_PORT_IS],
    ["fd00::11:502", HOST_PORT_IS],
    ["[10.20.0.11:502", HOST_PORT_IS],
    ["10.20.0.11:0", `${HOST_PORT_IS} (a port from 1 to 65535)`],
    ["10.20.0.11:65536", `${HOST_PORT_IS} (a port from 1 to 65535)`],
    ["plc-1:502", `${HOST_PORT_IS} (names are not looked up)`],
    ["10.20.0.011:502", `${HOST_PORT_IS} (four numbers from 0 to 255 without leading zeros)`],
    ["10.20.0.256:502", `${HOST_PORT_IS} (four numbers from 0 to 255 without leading zeros)`],
    ["10.20.11:502", `${HOST_PORT_IS} (four numbers from 0 to 255 without leading zeros)`],
    ["[fd00:::1]:502", `${HOST_PORT_IS} (eight groups of hex digits, one run of zeros as ::)`],
    ["[1:2:3:4:5:6:7]:502", `${HOST_PORT_IS} (eight groups of hex digits, one run of zeros as ::)`],
    ["0.0.0.0:502", "the address of one device, not of any or many"],
    ["[::]:502", "the address of one device, not of any or many"],
    ["224.0.0.1:502", "the address of one device, not of any or many"],
    ["255.255.255.255:502", "the address of one device, not of any or many"],
    ["[ff02::1]:502", "the address of one device, not of any or many"],
  ];
  for (const [text, why] of bad) assert.is(readHostPort(text), why, text);
});

quantities("prefixes hold no bit beyond their length; one address is a whole prefix", () => {
  const octets = (text: string): readonly number[] => {
    const prefix = readPrefix(text);
    return typeof prefix === "string" ? [] : [...prefix.address, prefix.prefix];
  };
  assert.equal(octets("10.10.5.0/24"), [10, 10, 5, 0, 24]);
  assert.equal(octets("10.10.5.7"), [10, 10, 5, 7, 32]);
  assert.equal(octets("0.0.0.0/0"), [0, 0, 0, 0, 0]);
  assert.equal(octets("10.128.0.0/9"), [10, 128, 0, 0, 9]);
  assert.equal(octets("fd00:5::/64"), [0xfd, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64]);
  assert.equal(octets("::1").at(-1), 128);
  const prefix = readPrefix("FD00:05:0::/64");
  assert.is(typeof prefix === "string" ? prefix : prefix.text, "fd00:5::/64");
  assert.is(readPrefix("10.10.5.7/24"), "the prefix 10.10.5.0/24, without bits beyond it, or one address");
  assert.is(readPrefix("fd00::1/64"), "the prefix fd00::/64, without bits beyond it, or one address");
  assert.is(readPrefix("10.0.0.0/33"), "a prefix length from 0 to 32");
  assert.is(readPrefix("::/129"), "a prefix length from 0 to 128");
  for (const text of [
    "",
    "/24",
    "10.0.0/8",
    "10.0.0.0/",
    "10.0.0.0/08",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "any",
    "10.0.0.0 /8",
    "fe80::1%eth0",
  ]) {
    assert.is(readPrefix(text), PREFIX_IS, text);
  }
});

quantities("an IPv4 address has one form, however it arrives", () => {
  assert.equal(readIp("::ffff:10.0.0.1"), Uint8Array.of(10, 0, 0, 1));
  assert.equal(readIp("::ffff:a00:1"), Uint8Array.of(10, 0, 0, 1));
  assert.is(readIp("10.0.0.1.5"), null);
  assert.is(readIp(""), null);
});

const octets16 = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: 16, maxLength: 16 }).map((bytes) => Uint8Array.from(bytes)),
);

quantities("property: IPv6 is said as the platform says it, and read back", () => {
  fc.assert(
    fc.property(octets16, (address) => {
      fc.pre(
        !(address.subarray(0, 10).every((octet) => octet === 0) && (address[10] === 0xff || (address[10] === 0 && address[11] === 0))),
      );
      const said = sayIp(address);
      assert.ok(isIPv6(said));
      const long = Array.from({ length: 8 }, (_, i) =>
        (((address[2 * i] as number) << 8) | (address[2 * i + 1] as number)).toString(16),
      ).join(":");
      assert.is(said, new SocketAddress({ family: "ipv6", address: long }).address);
      assert.equal(readIp(said), address);
      assert.equal(readIp(long.toUpperCase()), address);
    }),
    { numRuns: 1000 },
  );
});

quantities("property: the reader of addresses agrees with the platform on what is one", () => {
  const shard = fc.array(fc.constantFrom("0", "1", "00", "255", "256", "f", "FFFF", "12345", ":", "::", ".", "10.0.0.1", "%", "g", " "), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(shard, (parts) => {
      const text = parts.join("");
      assert.is(readIp(text) !== null, isIPv4(text) || (isIPv6(text) && !text.includes("%")), text);
    }),
    { numRuns: 5000 },
  );
});

quantities("property: an address is within a prefix when its first bits are the prefix's", () => {
  const address = fc.uint8Array({ minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(address, address, fc.integer({ min: 0, max: 32 }), fc.boolean(), (a, b, length, near) => {
      const bits = (octets: Uint8Array) => [...octets].map((octet) => octet.toString(2).padStart(8, "0")).join("");
      const other = near ? Uint8Array.from(a, (octet, i) => (i * 8 < length ? octet : (b[i] as number))) : b;
      const same = bits(a).slice(0, length) === bits(other).slice(0, length);
      assert.is(isWithin({ address: a, prefix: length }, other), same);
    }),
    { numRuns: 1000 },
  );
  assert.not.ok(isWithin({ address: Uint8Array.of(0, 0, 0, 0), prefix: 0 }, new Uint8Array(16)), "families never match");
});

quantities.run();
