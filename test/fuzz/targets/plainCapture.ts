/** Capture files read plainly, the whole file at hand: what the reader in pieces must find too (draft-ietf-opsawg-pcap, -pcapng). */
import { crc32 } from "node:zlib";

/** Packets and blocks that are held whole are at most this. */
const LONGEST = 1024 * 1024;
const SECTION = 0x0a0d_0d0a;
const INTERFACE = 1;
const OLD_PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;

export interface Plain {
  /** Of each packet: octets captured, octets on the wire, link type, and a sum of the octets. */
  readonly packets: readonly string[];
  readonly isWhole: boolean;
}

export function readPlainly(file: Uint8Array): Plain {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const packets: string[] = [];
  if (file.length < 4) return { packets, isWhole: false };
  const magic = view.getUint32(0, true);
  const isWhole = magic === SECTION ? readBlocks(file, view, packets) : readRecords(file, view, packets);
  return { packets, isWhole };
}

export function sayPacket(octets: Uint8Array, original: number, link: number): string {
  return `${octets.length} of ${original}, link type ${link}, ${crc32(octets)}`;
}

function readRecords(file: Uint8Array, view: DataView, packets: string[]): boolean {
  const magic = view.getUint32(0, false);
  const little = magic === 0xd4c3_b2a1 || magic === 0x4d3c_b2a1;
  if (!little && magic !== 0xa1b2_c3d4 && magic !== 0xa1b2_3c4d) return false;
  if (file.length < 24 || view.getUint16(4, little) !== 2) return false;
  const link = view.getUint32(20, little) & 0xffff;
  for (let at = 24; ; ) {
    if (at === file.length) return true;
    if (at + 16 > file.length) return false;
    const captured = view.getUint32(at + 8, little);
    if (captured > LONGEST || at + 16 + captured > file.length) return false;
    packets.push(sayPacket(file.subarray(at + 16, at + 16 + captured), view.getUint32(at + 12, little), link));
    at += 16 + captured;
  }
}

function readBlocks(file: Uint8Array, view: DataView, packets: string[]): boolean {
  let little = true;
  let faces: { readonly link: number; readonly snaplen: number }[] = [];
  for (let at = 0; at < file.length; ) {
    if (at + 12 > file.length) return false;
    const isSection = view.getUint32(at, true) === SECTION;
    if (isSection) {
      const order = view.getUint32(at + 8, true);
      if (order !== 0x1a2b_3c4d && order !== 0x4d3c_2b1a) return false;
      little = order === 0x1a2b_3c4d;
    }
    const type = isSection ? SECTION : view.getUint32(at, little);
    const total = view.getUint32(at + 4, little);
    const end = at + total;
    if (total < 12 || total % 4 !== 0 || end > file.length) return false;
    const known = [SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, ENHANCED_PACKET].includes(type);
    if (known && (total > LONGEST || view.getUint32(end - 4, little) !== total)) return false;
    if (type === SECTION) {
      if (total < 28 || view.getUint16(at + 12, little) !== 1) return false;
      faces = [];
    } else if (type === INTERFACE) {
      if (total < 20 || !isSound(view, little, at + 16, end - 4)) return false;
      faces.push({ link: view.getUint16(at + 8, little), snaplen: view.getUint32(at + 12, little) });
    } else if (known) {
      const said = packetIn(file, view, little, type, at, total, faces);
      if (said === null) return false;
      packets.push(said);
    }
    at = end;
  }
  return true;
}

function packetIn(
  file: Uint8Array,
  view: DataView,
  little: boolean,
  type: number,
  at: number,
  total: number,
  faces: readonly { readonly link: number; readonly snaplen: number }[],
): string | null {
  const isSimple = type === SIMPLE_PACKET;
  const head = isSimple ? 12 : 28;
  if (total < head + 4) return null;
  const face = faces[isSimple ? 0 : type === OLD_PACKET ? view.getUint16(at + 8, little) : view.getUint32(at + 8, little)];
  if (face === undefined) return null;
  const original = view.getUint32(at + head - 4, little);
  const limit = isSimple && face.snaplen !== 0 ? Math.min(original, face.snaplen) : original;
  const captured = isSimple ? limit : view.getUint32(at + 20, little);
  if (captured > total - head - 4) return null;
  return sayPacket(file.subarray(at + head, at + head + captured), original, face.link);
}

/** Options of an interface stay within it, and its clock is one a 64-bit count can hold. */
function isSound(view: DataView, little: boolean, from: number, end: number): boolean {
  for (let at = from; at + 4 <= end; ) {
    const [code, length] = [view.getUint16(at, little), view.getUint16(at + 2, little)];
    if (code === 0) return true;
    if (at + 4 + length > end) return false;
    if (code === 9 && length === 1) {
      const resolution = view.getUint8(at + 4);
      if (resolution > 0x7f ? (resolution & 0x7f) > 63 : resolution > 19) return false;
    }
    at += 4 + 4 * Math.ceil(length / 4);
  }
  return true;
}
