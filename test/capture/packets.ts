/** Capture files made by hand, octet by octet, apart from the reader: frames, pcap, pcapng. */

export type Octets = readonly number[];

export const u16 = (n: number): number[] => [(n >> 8) & 255, n & 255];
export const u32 = (n: number): number[] => [...u16(Math.floor(n / 0x1_0000)), ...u16(n % 0x1_0000)];
const swap = (octets: Octets): number[] => [...octets].reverse();

export const CLIENT = [10, 0, 0, 1];
export const SERVER = [10, 0, 0, 2];
export const CLIENT6 = [0xfd, 0, ...new Array(13).fill(0), 1];
export const SERVER6 = [0xfd, 0, ...new Array(13).fill(0), 2];

export interface TcpFields {
  readonly from?: readonly [address: Octets, port: number];
  readonly to?: readonly [address: Octets, port: number];
  readonly seq: number;
  readonly ack?: number;
  readonly flags?: number;
  readonly options?: Octets;
  readonly payload?: Octets;
}

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH_ACK = 0x18;
export const ACK = 0x10;

export function tcp({
  from = [CLIENT, 40_000],
  to = [SERVER, 502],
  seq,
  ack = 0,
  flags = PSH_ACK,
  options = [],
  payload = [],
}: TcpFields): number[] {
  const words = 5 + options.length / 4;
  return [
    ...u16(from[1]),
    ...u16(to[1]),
    ...u32(seq >>> 0),
    ...u32(ack >>> 0),
    words << 4,
    flags,
    ...u16(8192),
    0,
    0,
    0,
    0,
    ...options,
    ...payload,
  ];
}

export interface UdpFields {
  readonly from?: readonly [address: Octets, port: number];
  readonly to?: readonly [address: Octets, port: number];
  readonly payload?: Octets;
  /** As its header says; -1: as it is. */
  readonly length?: number;
  readonly checksum?: number;
}

export function udp({ from = [CLIENT, 40_000], to = [SERVER, 20_000], payload = [], length = -1, checksum = 0xbad0 }: UdpFields): number[] {
  return [...u16(from[1]), ...u16(to[1]), ...u16(length < 0 ? 8 + payload.length : length), ...u16(checksum), ...payload];
}

export function ipv4(
  payload: Octets,
  { from = CLIENT, to = SERVER, options = [] as Octets, fragment = 0x4000, protocol = 6, total = -1 } = {},
): number[] {
  const words = 5 + options.length / 4;
  const length = total >= 0 ? total : 4 * words + payload.length;
  return [0x40 | words, 0, ...u16(length), 0, 0, ...u16(fragment), 64, protocol, 0, 0, ...from, ...to, ...options, ...payload];
}

export function ipv6(
  payload: Octets,
  { from = CLIENT6 as Octets, to = SERVER6 as Octets, next = 6, headers = [] as Octets } = {},
): number[] {
  return [0x60, 0, 0, 0, ...u16(headers.length + payload.length), next, 64, ...from, ...to, ...headers, ...payload];
}

export function ethernet(payload: Octets, { type = 0x0800, tags = [] as readonly (readonly [number, number])[] } = {}): number[] {
  const macs = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
  return [...macs, ...tags.flatMap(([tpid, vlan]) => [...u16(tpid), ...u16(vlan)]), ...u16(type), ...payload];
}

/** An Ethernet frame with a TCP segment over IPv4. */
export function segment(fields: TcpFields): number[] {
  return ethernet(ipv4(tcp(fields), { from: [...(fields.from?.[0] ?? CLIENT)], to: [...(fields.to?.[0] ?? SERVER)] }));
}

/** An Ethernet frame with a UDP datagram over IPv4. */
export function datagram(fields: UdpFields, fragment = 0x4000): number[] {
  const ends = { from: [...(fields.from?.[0] ?? CLIENT)], to: [...(fields.to?.[0] ?? SERVER)] };
  return ethernet(ipv4(udp(fields), { ...ends, protocol: 17, fragment }));
}

/** From the server's end. */
export function answer(fields: TcpFields): number[] {
  return segment({ from: [SERVER, 502], to: [CLIENT, 40_000], ...fields });
}

export interface PcapOptions {
  readonly big?: boolean;
  readonly nano?: boolean;
  readonly link?: number;
  readonly snaplen?: number;
}

export function pcap(frames: readonly Octets[], { big = false, nano = false, link = 1, snaplen = 65_535 }: PcapOptions = {}): Uint8Array {
  const order = big ? (octets: Octets) => [...octets] : swap;
  const file: number[] = [...order(u32(nano ? 0xa1b23c4d : 0xa1b2c3d4)), ...order(u16(2)), ...order(u16(4)), ...new Array(8).fill(0)];
  file.push(...order(u32(snaplen)), ...order(u32(link)));
  frames.forEach((frame, i) => {
    const kept = frame.slice(0, snaplen);
    file.push(...order(u32(1_700_000_000 + i)), ...order(u32(i + 1)), ...order(u32(kept.length)), ...order(u32(frame.length)), ...kept);
  });
  return Uint8Array.from(file);
}

const pad = (octets: Octets): number[] => [...octets, ...new Array((4 - (octets.length % 4)) % 4).fill(0)];

/** pcapng blocks in one byte order. */
export function blocks(big: boolean) {
  const order = big ? (octets: Octets) => [...octets] : swap;
  const block = (type: number, body: Octets): number[] => {
    const length = order(u32(12 + body.length));
    return [...order(u32(type)), ...length, ...body, ...length];
  };
  const option = (code: number, value: Octets): number[] => [...order(u16(code)), ...order(u16(value.length)), ...pad(value)];
  const ticks = (time: bigint): number[] => [...order(u32(Number(time >> 32n))), ...order(u32(Number(time & 0xffff_ffffn)))];
  return {
    block,
    option,
    order,
    section: () => block(0x0a0d0d0a, [...order(u32(0x1a2b3c4d)), ...order(u16(1)), ...order(u16(0)), ...new Array(8).fill(0xff)]),
    face: (link: number, options: Octets = [], snaplen = 0) => block(1, [...order(u16(link)), 0, 0, ...order(u32(snaplen)), ...options]),
    enhanced: (of: number, time: bigint, frame: Octets, original = frame.length) =>
      block(6, [...order(u32(of)), ...ticks(time), ...order(u32(frame.length)), ...order(u32(original)), ...pad(frame)]),
    simple: (frame: Octets, original = frame.length) => block(3, [...order(u32(original)), ...pad(frame)]),
    old: (of: number, time: bigint, frame: Octets) =>
      block(2, [...order(u16(of)), 0, 0, ...ticks(time), ...order(u32(frame.length)), ...order(u32(frame.length)), ...pad(frame)]),
  };
}

/** A Modbus/TCP message: unit 1, this transaction, this PDU. */
export function adu(transaction: number, pdu: Octets): number[] {
  return [...u16(transaction), 0, 0, ...u16(pdu.length + 1), 1, ...pdu];
}

/** FC 3 of `count` registers from `first`. */
export const readRequest = (transaction: number, first: number, count = 1): number[] => adu(transaction, [3, ...u16(first), ...u16(count)]);
