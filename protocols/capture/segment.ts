/**
 * From a captured frame to its TCP segment or UDP datagram: link layer, VLAN tags, IPv4 or IPv6, TCP or UDP header. Checksums are not looked
 * at: captures of a sending machine hold packets whose checksums the network card was to fill in.
 *
 * IPv4 and IPv6 fragments are not put together again: they are counted (`fragment`) and passed over, the first one too. Modbus messages and
 * DNP3 link frames fit any path, so a fragmented one is either damage or an attempt to hide.
 */

import { u16 } from "#wire";

/** Why a frame gave neither segment nor datagram. `notTcp`: it is not UDP either. */
export type Skip = "linkType" | "notIp" | "notTcp" | "fragment" | "damaged";
type Found = Skip | "datagram" | null;

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
/** 802.1Q, 802.1ad, and the number used for QinQ before it. */
const VLAN = [0x8100, 0x88a8, 0x9100];
/** Tags, or IPv6 extension headers, one behind the other. */
const NESTED = 16;
const TCP = 6;
const UDP = 17;
const UDP_HEADER = 8;

/** Link types read here (LINKTYPE_* of the tcpdump registry). */
export const LINK = {
  null: 0,
  ethernet: 1,
  rawBsd: 12,
  rawOpenBsd: 14,
  raw: 101,
  loop: 108,
  linuxSll: 113,
  ipv4: 228,
  ipv6: 229,
  linuxSll2: 276,
} as const;

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const ACK = 0x10;

/** One segment or datagram, filled anew for each frame. Offsets are into the octets given to `read`. */
export class Segment {
  /** Octets of an address: 4 or 16. */
  addressLength: 4 | 16 = 4;
  sourceAt = 0;
  destinationAt = 0;
  sourcePort = 0;
  destinationPort = 0;
  /** Both unsigned 32 bits. They and the flags are those of a segment: a datagram leaves them as they are. */
  sequence = 0;
  acknowledgement = 0;
  flags = 0;
  payloadAt = 0;
  /** Octets of payload that were captured, of `payloadLength` sent. */
  payloadCaptured = 0;
  payloadLength = 0;

  /** Where the frame ended on the wire: no header can make it longer. */
  #wireEnd = 0;

  /**
   * @param octets  `captured` octets of the frame stand from `at`; `original` were on the wire.
   * @returns       null when the fields hold the frame's TCP segment, "datagram" when they hold its UDP datagram.
   */
  read(octets: Uint8Array, at: number, captured: number, original: number, link: number): Found {
    const end = at + captured;
    this.#wireEnd = at + Math.max(captured, original);
    switch (link) {
      case LINK.ethernet:
        return this.#typed(octets, at + 12, end);
      case LINK.linuxSll:
        return this.#typed(octets, at + 14, end);
      case LINK.linuxSll2:
        return at + 20 > end ? "damaged" : this.#payload(octets, u16(octets, at), at + 20, end);
      case LINK.null:
      case LINK.loop:
        return at + 4 > end ? "damaged" : this.#loopback(octets, at, end);
      case LINK.raw:
      case LINK.rawBsd:
      case LINK.rawOpenBsd:
      case LINK.ipv4:
      case LINK.ipv6:
        return this.#internet(octets, at, end);
      default:
        return "linkType";
    }
  }

  /** An ethertype at `at`, perhaps that of a VLAN tag, then what it names. */
  #typed(octets: Uint8Array, at: number, end: number): Found {
    return at + 2 > end ? "damaged" : this.#payload(octets, u16(octets, at), at + 2, end);
  }

  #payload(octets: Uint8Array, ethertype: number, at: number, end: number): Found {
    let type = ethertype;
    let from = at;
    for (let tags = 0; VLAN.includes(type); tags++) {
      if (from + 4 > end || tags === NESTED) return "damaged";
      type = u16(octets, from + 2);
      from += 4;
    }
    if (type === ETHERTYPE_IPV4) return this.#ipv4(octets, from, end);
    return type === ETHERTYPE_IPV6 ? this.#ipv6(octets, from, end) : "notIp";
  }

  /** The address family stands in the byte order of the machine that captured; families are small, so the other three octets are 0. */
  #loopback(octets: Uint8Array, at: number, end: number): Found {
    const family = (octets[at] as number) | (octets[at + 3] as number);
    if (octets[at + 1] !== 0 || octets[at + 2] !== 0) return "notIp";
    if (family === 2) return this.#ipv4(octets, at + 4, end);
    // AF_INET6 of NetBSD and OpenBSD, FreeBSD, macOS, and Linux.
    return family === 24 || family === 28 || family === 30 || family === 10 ? this.#ipv6(octets, at + 4, end) : "notIp";
  }

  #internet(octets: Uint8Array, at: number, end: number): Found {
    if (at >= end) return "damaged";
    const version = (octets[at] as number) >> 4;
    if (version === 4) return this.#ipv4(octets, at, end);
    return version === 6 ? this.#ipv6(octets, at, end) : "notIp";
  }

  #ipv4(octets: Uint8Array, at: number, end: number): Found {
    if (at + 20 > end) return "damaged";
    const first = octets[at] as number;
    const header = (first & 15) * 4;
    if (first >> 4 !== 4 || header < 20) return "damaged";
    // More fragments, or an offset: a piece of a datagram.
    if ((u16(octets, at + 6) & 0x3fff) !== 0) return "fragment";
    const protocol = octets[at + 9];
    if (protocol !== TCP && protocol !== UDP) return "notTcp";
    const stated = u16(octets, at + 2);
    // 0 is what a sending card's segmentation leaves behind: the datagram is as long as the frame.
    const length = stated === 0 ? end - at : stated;
    if (length < header) return "damaged";
    this.addressLength = 4;
    this.sourceAt = at + 12;
    this.destinationAt = at + 16;
    return protocol === TCP ? this.#tcp(octets, at + header, at + length, end) : this.#udp(octets, at + header, at + length, end);
  }

  #ipv6(octets: Uint8Array, at: number, end: number): Found {
    if (at + 40 > end || (octets[at] as number) >> 4 !== 6) return "damaged";
    const stated = u16(octets, at + 4);
    const stop = stated === 0 ? end : at + 40 + stated;
    let header = octets[at + 6] as number;
    let from = at + 40;
    for (let headers = 0; header !== TCP && header !== UDP; headers++) {
      if (!isExtension(header)) return "notTcp";
      if (from + 8 > end || from + 8 > stop || headers === NESTED) return "damaged";
      if (header === FRAGMENT && (u16(octets, from + 2) & 0xfff9) !== 0) return "fragment";
      const units = octets[from + 1] as number;
      const length = header === FRAGMENT ? 8 : header === AUTHENTICATION ? (units + 2) * 4 : (units + 1) * 8;
      header = octets[from] as number;
      from += length;
    }
    this.addressLength = 16;
    this.sourceAt = at + 8;
    this.destinationAt = at + 24;
    return header === TCP ? this.#tcp(octets, from, stop, end) : this.#udp(octets, from, stop, end);
  }

  #tcp(octets: Uint8Array, at: number, stated: number, end: number): Found {
    const stop = Math.min(stated, this.#wireEnd);
    if (at + 20 > end || at + 20 > stop) return "damaged";
    const header = ((octets[at + 12] as number) >> 4) * 4;
    if (header < 20 || at + header > stop) return "damaged";
    this.sourcePort = u16(octets, at);
    this.destinationPort = u16(octets, at + 2);
    this.sequence = long(octets, at + 4);
    this.acknowledgement = long(octets, at + 8);
    this.flags = octets[at + 13] as number;
    this.payloadAt = at + header;
    this.payloadLength = stop - at - header;
    this.payloadCaptured = Math.max(0, Math.min(stop, end) - at - header);
    return null;
  }

  /** Source port, destination port, length with this header, checksum: two octets each. */
  #udp(octets: Uint8Array, at: number, stated: number, end: number): Found {
    const stop = Math.min(stated, this.#wireEnd);
    if (at + UDP_HEADER > end || at + UDP_HEADER > stop) return "damaged";
    // 0 is what a sending card's segmentation leaves behind here too.
    const length = u16(octets, at + 4);
    if (length !== 0 && (length < UDP_HEADER || at + length > stated)) return "damaged";
    const last = length === 0 ? stop : Math.min(at + length, stop);
    this.sourcePort = u16(octets, at);
    this.destinationPort = u16(octets, at + 2);
    this.payloadAt = at + UDP_HEADER;
    this.payloadLength = last - this.payloadAt;
    this.payloadCaptured = Math.max(0, Math.min(last, end) - this.payloadAt);
    return "datagram";
  }
}

const FRAGMENT = 44;
const AUTHENTICATION = 51;

/** Hop-by-hop, routing, fragment, authentication, destination options, mobility, HIP, shim6. */
function isExtension(header: number): boolean {
  return (
    header === 0 ||
    header === 43 ||
    header === FRAGMENT ||
    header === AUTHENTICATION ||
    header === 60 ||
    header === 135 ||
    header === 139 ||
    header === 140
  );
}

function long(octets: Uint8Array, at: number): number {
  return (
    (((octets[at] as number) << 24) |
      ((octets[at + 1] as number) << 16) |
      ((octets[at + 2] as number) << 8) |
      (octets[at + 3] as number)) >>>
    0
  );
}
