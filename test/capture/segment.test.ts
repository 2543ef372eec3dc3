/** Link types, VLAN tags, IPv4, IPv6 and TCP headers. */
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { endpointText, ipv6Text } from "#capture/address";
import { LINK, Segment } from "#capture/segment";
import { ACK, CLIENT, CLIENT6, ethernet, ipv4, ipv6, type Octets, PSH_ACK, SERVER, SERVER6, segment, tcp, u16, udp } from "./packets.ts";

const PAYLOAD = [1, 2, 3, 4, 5];
const V6 = { from: [CLIENT6, 40_000], to: [SERVER6, 502] } as const;
const TCP4 = tcp({ seq: 0xffff_fffe, ack: 0x8000_0001, payload: PAYLOAD });
const TCP6 = tcp({ ...V6, seq: 7, payload: PAYLOAD });

/** What the reader makes of a frame; it stands behind five other octets, so that offsets are tried too. */
function read(frame: Octets, link: number, captured = frame.length, original = frame.length): unknown {
  const octets = Uint8Array.from([...new Array(5).fill(0xee), ...frame]);
  const found = new Segment();
  const is = found.read(octets, 5, captured, original, link);
  if (is !== null && is !== "datagram") return is;
  const { addressLength: length } = found;
  const ends = {
    from: endpointText(octets.slice(found.sourceAt, found.sourceAt + length), found.sourcePort),
    to: endpointText(octets.slice(found.destinationAt, found.destinationAt + length), found.destinationPort),
  };
  if (is === "datagram")
    return {
      is,
      ...ends,
      payload: [...octets.subarray(found.payloadAt, found.payloadAt + found.payloadCaptured)],
      length: found.payloadLength,
    };
  return {
    ...ends,
    sequence: found.sequence,
    acknowledgement: found.acknowledgement,
    flags: found.flags,
    payload: [...octets.subarray(found.payloadAt, found.payloadAt + found.payloadCaptured)],
    length: found.payloadLength,
  };
}

const WANT4 = {
  from: "10.0.0.1:40000",
  to: "10.0.0.2:502",
  sequence: 0xffff_fffe,
  acknowledgement: 0x8000_0001,
  flags: PSH_ACK,
  payload: PAYLOAD,
  length: 5,
};
const UDP4 = udp({ payload: PAYLOAD });
const UDP6 = udp({ ...V6, payload: PAYLOAD });
const WANT_UDP = { is: "datagram", from: "10.0.0.1:40000", to: "10.0.0.2:20000", payload: PAYLOAD, length: 5 };
const WANT_UDP6 = { ...WANT_UDP, from: "[fd00::1]:40000", to: "[fd00::2]:502" };
const WANT6 = { ...WANT4, from: "[fd00::1]:40000", to: "[fd00::2]:502", sequence: 7, acknowledgement: 0 };

const IP4 = ipv4(TCP4);
const IP6 = ipv6(TCP6);
const sll = (type: number, payload: Octets): number[] => [0, 0, 0, 1, 0, 6, ...new Array(8).fill(2), ...u16(type), ...payload];
const sll2 = (type: number, payload: Octets): number[] => [...u16(type), ...new Array(18).fill(3), ...payload];
const hopByHop = (next: number): number[] => [next, 0, 1, 4, 0, 0, 0, 0];
const fragment6 = (next: number, offsetAndMore: number): number[] => [next, 0, ...u16(offsetAndMore), 0, 0, 0, 9];

const VECTORS: readonly (readonly [name: string, link: number, frame: Octets, want: unknown])[] = [
  ["Ethernet, IPv4", LINK.ethernet, ethernet(IP4), WANT4],
  ["Ethernet, IPv6", LINK.ethernet, ethernet(IP6, { type: 0x86dd }), WANT6],
  ["Ethernet with padding behind a short packet", LINK.ethernet, [...ethernet(IP4), 0xaa, 0xaa, 0xaa, 0xaa], WANT4],
  ["802.1Q", LINK.ethernet, ethernet(IP4, { tags: [[0x8100, 0x2064]] }), WANT4],
  [
    "QinQ: 802.1ad, then 802.1Q",
    LINK.ethernet,
    ethernet(IP4, {
      tags: [
        [0x88a8, 5],
        [0x8100, 6],
      ],
    }),
    WANT4,
  ],
  [
    "QinQ before the standard, IPv6",
    LINK.ethernet,
    ethernet(IP6, {
      type: 0x86dd,
      tags: [
        [0x9100, 5],
        [0x8100, 6],
      ],
    }),
    WANT6,
  ],
  ["Linux cooked", LINK.linuxSll, sll(0x0800, IP4), WANT4],
  ["Linux cooked with a VLAN tag", LINK.linuxSll, sll(0x8100, [0, 7, 0x86, 0xdd, ...IP6]), WANT6],
  ["Linux cooked 2", LINK.linuxSll2, sll2(0x0800, IP4), WANT4],
  ["Linux cooked 2, IPv6", LINK.linuxSll2, sll2(0x86dd, IP6), WANT6],
  ["raw IPv4", LINK.raw, IP4, WANT4],
  ["raw IPv6", LINK.raw, IP6, WANT6],
  ["raw, BSD number", LINK.rawBsd, IP4, WANT4],
  ["raw, OpenBSD number", LINK.rawOpenBsd, IP6, WANT6],
  ["IPv4 link type", LINK.ipv4, IP4, WANT4],
  ["IPv6 link type", LINK.ipv6, IP6, WANT6],
  ["loopback, written on a little-endian machine", LINK.null, [2, 0, 0, 0, ...IP4], WANT4],
  ["loopback, written on a big-endian machine", LINK.null, [0, 0, 0, 2, ...IP4], WANT4],
  ["OpenBSD loopback", LINK.loop, [0, 0, 0, 24, ...IP6], WANT6],
  ["loopback, IPv6 of macOS", LINK.null, [30, 0, 0, 0, ...IP6], WANT6],
  ["loopback, IPv6 of FreeBSD", LINK.null, [28, 0, 0, 0, ...IP6], WANT6],
  ["IPv4 options", LINK.raw, ipv4(TCP4, { options: [1, 1, 1, 0] }), WANT4],
  ["TCP options", LINK.raw, ipv4(tcp({ seq: 0xffff_fffe, ack: 0x8000_0001, payload: PAYLOAD, options: new Array(40).fill(1) })), WANT4],
  ["total length 0, left by segmentation offload", LINK.raw, ipv4(TCP4, { total: 0 }), WANT4],
  ["IPv6 hop-by-hop and destination options", LINK.raw, ipv6(TCP6, { next: 0, headers: [...hopByHop(60), ...hopByHop(6)] }), WANT6],
  ["IPv6 authentication header", LINK.raw, ipv6(TCP6, { next: 51, headers: [6, 4, ...new Array(22).fill(0)] }), WANT6],
  ["IPv6 fragment that is the whole packet", LINK.raw, ipv6(TCP6, { next: 44, headers: fragment6(6, 0) }), WANT6],
  ["IPv4 first fragment", LINK.raw, ipv4(TCP4, { fragment: 0x2000 }), "fragment"],
  ["IPv4 last fragment", LINK.raw, ipv4(TCP4, { fragment: 0x0010 }), "fragment"],
  ["IPv6 first fragment", LINK.raw, ipv6(TCP6, { next: 44, headers: fragment6(6, 1) }), "fragment"],
  ["IPv6 later fragment", LINK.raw, ipv6(TCP6, { next: 44, headers: fragment6(6, 8) }), "fragment"],
  ["UDP", LINK.raw, ipv4(UDP4, { protocol: 17 }), WANT_UDP],
  ["UDP over IPv6", LINK.ethernet, ethernet(ipv6(UDP6, { next: 17 }), { type: 0x86dd }), WANT_UDP6],
  ["UDP behind IPv6 destination options", LINK.raw, ipv6(UDP6, { next: 60, headers: hopByHop(17) }), WANT_UDP6],
  ["UDP in an IPv6 fragment that is the whole packet", LINK.raw, ipv6(UDP6, { next: 44, headers: fragment6(17, 0) }), WANT_UDP6],
  ["UDP whose length is below that of its packet", LINK.raw, ipv4([...UDP4, 9, 9], { protocol: 17 }), WANT_UDP],
  ["UDP length 0, left by segmentation offload", LINK.raw, ipv4(udp({ payload: PAYLOAD, length: 0 }), { protocol: 17 }), WANT_UDP],
  ["UDP without an octet", LINK.raw, ipv4(udp({}), { protocol: 17 }), { ...WANT_UDP, payload: [], length: 0 }],
  ["UDP length below its header", LINK.raw, ipv4(udp({ payload: PAYLOAD, length: 7 }), { protocol: 17 }), "damaged"],
  ["UDP length beyond its packet", LINK.raw, ipv4(udp({ payload: PAYLOAD, length: 14 }), { protocol: 17 }), "damaged"],
  ["UDP header cut by its packet", LINK.raw, ipv4(UDP4.slice(0, 7), { protocol: 17 }), "damaged"],
  ["UDP first fragment", LINK.raw, ipv4(UDP4, { protocol: 17, fragment: 0x2000 }), "fragment"],
  ["UDP last fragment", LINK.raw, ipv4(UDP4, { protocol: 17, fragment: 0x0010 }), "fragment"],
  ["UDP, IPv6 later fragment", LINK.raw, ipv6(UDP6, { next: 44, headers: fragment6(17, 8) }), "fragment"],
  ["ICMP", LINK.raw, ipv4(TCP4, { protocol: 1 }), "notTcp"],
  ["ICMPv6", LINK.raw, ipv6(TCP6, { next: 58 }), "notTcp"],
  ["ARP", LINK.ethernet, ethernet(IP4, { type: 0x0806 }), "notIp"],
  ["802.3 length in place of a type", LINK.ethernet, ethernet(IP4, { type: 0x0040 }), "notIp"],
  ["IP version 5", LINK.raw, [0x55, ...IP4.slice(1)], "notIp"],
  ["IPv4 ethertype, version 6 inside", LINK.ethernet, ethernet(IP6), "damaged"],
  ["IPv4 header length 4", LINK.raw, [0x44, ...IP4.slice(1)], "damaged"],
  ["IPv4 total length below its header", LINK.raw, ipv4(TCP4, { total: 19 }), "damaged"],
  ["IPv4 total length inside the TCP header", LINK.raw, ipv4(TCP4, { total: 39 }), "damaged"],
  ["TCP header length 4", LINK.raw, ipv4(TCP4.with(12, 0x10)), "damaged"],
  ["TCP header longer than the packet", LINK.raw, ipv4(TCP4.with(12, 0xf0)), "damaged"],
  ["17 VLAN tags", LINK.ethernet, ethernet(IP4, { tags: new Array(17).fill([0x8100, 1]) }), "damaged"],
  [
    "17 extension headers",
    LINK.raw,
    ipv6(TCP6, { next: 0, headers: [...new Array(16).fill(hopByHop(0)).flat(), ...hopByHop(6)] }),
    "damaged",
  ],
  ["802.11", 105, IP4, "linkType"],
];

const test = suite("capture/segment");

for (const [name, link, frame, want] of VECTORS) test(name, () => assert.equal(read(frame, link), want));

test("a frame cut by the snapshot length says how much of its payload is there", () => {
  const frame = segment({ seq: 1, flags: ACK, payload: PAYLOAD });
  const header = frame.length - PAYLOAD.length;
  for (let captured = header; captured <= frame.length; captured++) {
    const { payload, length } = read(frame, LINK.ethernet, captured) as typeof WANT4;
    assert.equal([payload, length], [PAYLOAD.slice(0, captured - header), 5]);
  }
  for (let captured = 0; captured < header; captured++) assert.is(read(frame, LINK.ethernet, captured), "damaged");
  const optional = ethernet(ipv4(tcp({ seq: 1, options: [1, 1, 1, 1], payload: PAYLOAD })));
  assert.equal((read(optional, LINK.ethernet, optional.length - 7) as typeof WANT4).payload, []);
});

test("a datagram cut by the snapshot length says so too", () => {
  const frame = ethernet(ipv4(UDP4, { protocol: 17 }));
  const header = frame.length - PAYLOAD.length;
  for (let captured = header; captured <= frame.length; captured++)
    assert.equal(read(frame, LINK.ethernet, captured), { ...WANT_UDP, payload: PAYLOAD.slice(0, captured - header) });
  for (let captured = 0; captured < header; captured++) assert.is(read(frame, LINK.ethernet, captured), "damaged");
});

test("an IP length beyond the end of the frame adds no octets", () => {
  const total = 40 + PAYLOAD.length + 100;
  const { payload, length } = read(ipv4(TCP4, { total }), LINK.raw) as typeof WANT4;
  assert.equal([payload, length], [PAYLOAD, 5]);
  assert.is((read(ipv4(TCP4, { total }), LINK.raw, 45, 145) as typeof WANT4).length, 105);
});

test("every cut and every flipped bit of every vector gives a segment inside its frame or a named skip", () => {
  const found = new Segment();
  const links = Object.values(LINK);
  const check = (octets: Uint8Array, captured: number, link: number): void => {
    const is = found.read(octets, 0, captured, octets.length, link);
    if (is !== null && is !== "datagram") return;
    assert.ok(found.payloadAt + found.payloadCaptured <= captured || found.payloadCaptured === 0);
    assert.ok(found.payloadCaptured >= 0 && found.payloadCaptured <= found.payloadLength);
    assert.ok(found.sourceAt + found.addressLength <= captured && found.destinationAt + found.addressLength <= captured);
  };
  for (const [, link, frame] of VECTORS) {
    const octets = Uint8Array.from(frame);
    for (let captured = 0; captured <= octets.length; captured++) check(octets, captured, link);
    for (let bit = 0; bit < 8 * octets.length; bit++) {
      const flipped = octets.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      check(flipped, flipped.length, link);
    }
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.constantFrom(...links), (octets, link) => check(octets, octets.length, link)),
    { numRuns: 5_000 },
  );
});

const ADDRESSES: readonly (readonly [hex: string, text: string, source: string])[] = [
  ["00000000000000000000000000000000", "::", "RFC 5952 4.2"],
  ["00000000000000000000000000000001", "::1", "loopback"],
  ["20010db8000000000000000000000001", "2001:db8::1", "RFC 5952 4.2.1"],
  ["20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1", "RFC 5952 4.2.2: a single zero group stays"],
  ["20010000000000010000000000000001", "2001:0:0:1::1", "RFC 5952 4.2.3: the longest run"],
  ["20010db8000000000001000000000001", "2001:db8::1:0:0:1", "RFC 5952 4.2.3: of equal runs the first"],
  ["fe800000000000000000000000000000", "fe80::", "a run at the end"],
  ["20010db8aaaabbbbccccddddeeee0aaa", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaa", "RFC 5952 4.1: leading zeros"],
  ["00000000000000000000ffff0a000001", "::ffff:10.0.0.1", "RFC 5952 5"],
];

for (const [hex, text, source] of ADDRESSES)
  test(`${text} (${source})`, () => assert.is(ipv6Text(Uint8Array.from(Buffer.from(hex, "hex"))), text));

test("IPv6 endpoints stand in brackets", () => {
  assert.is(endpointText(Uint8Array.from(CLIENT), 502), "10.0.0.1:502");
  assert.is(endpointText(Uint8Array.from(SERVER6), 502), "[fd00::2]:502");
  assert.equal(SERVER.length, 4);
});

test.run();
