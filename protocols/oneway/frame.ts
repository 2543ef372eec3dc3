/**
 * The one-way frame: what a sender puts into one datagram, and a receiver can make sense of with nothing but a key. Numbers are little-endian.
 *
 *      0  u16  0x7350
 *      2  u8   version, 1
 *      3  u8   kind: 1 source, 2 repair
 *      4  u32  stream
 *      8  u32  key id
 *     12  u32  epoch: starts of this sender so far; it orders, and proves nothing
 *     16  16   salt: random, of this start; the frame's key comes from the stream's key and this
 *     32  u48  sequence, from 0 on for each start, of sources and repairs alike
 *     38  u8   sources of a block (k)
 *     39  u8   repairs of a block (m)
 *     40  u8   blocks that are interleaved (depth)
 *     41  u8   0
 *     42  u16  octets of content
 *     44       content, sealed; then the tag, 16 octets
 *
 * The header is authenticated with the content. The content of a source is a time and records (records.ts), that of a repair is parity over
 * the contents of its block's sources: a frame is opened, and its tag verified, before the code sees it (RULINGS 39).
 *
 * @source docs/one-way-format.md
 */
import { err, ok, putU16le, putU32le, putU48le, type Result, u16le, u32le, u48le } from "#wire";

export const MAGIC = 0x7350;
export const VERSION = 1;
export const HEADER = 44;
export const TAG = 16;
export const SALT = 16;
export const SALT_AT = 16;
/** A datagram that fits an Ethernet frame: 1500 octets less those of IP and UDP, v6 too. */
export const LONGEST_CONTENT = 1452 - HEADER - TAG;
/** Time and one record of some use. */
export const SHORTEST_CONTENT = 256;

export const KIND = { source: 1, repair: 2 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

export interface FrameHeader {
  readonly kind: Kind;
  readonly stream: number;
  readonly keyId: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly sources: number;
  readonly repairs: number;
  readonly depth: number;
  /** Octets of content. */
  readonly length: number;
}

export type FrameFault =
  /** Not one of ours, or of another version. */
  | "badMagic"
  | "badVersion"
  | "badKind"
  /** Fewer or more octets than the header says. */
  | "badLength"
  /** No code: no sources, no blocks, or more shards than there can be. */
  | "badCode";

/** The salt stays in the octets: from SALT_AT, SALT of them. Nothing of it is proven before the tag is. */
export function decodeHeader(octets: Uint8Array): Result<FrameHeader, FrameFault> {
  if (octets.length < HEADER + TAG) return err("badLength");
  if (u16le(octets, 0) !== MAGIC) return err("badMagic");
  if (octets[2] !== VERSION) return err("badVersion");
  const kind = octets[3];
  if (kind !== KIND.source && kind !== KIND.repair) return err("badKind");
  const length = u16le(octets, 42);
  if (octets.length !== HEADER + length + TAG || length < SHORTEST_CONTENT || length > LONGEST_CONTENT) return err("badLength");
  const [sources, repairs, depth] = [octets[38] as number, octets[39] as number, octets[40] as number];
  if (!isCode(sources, repairs, depth) || octets[41] !== 0 || (kind === KIND.repair && repairs === 0)) return err("badCode");
  return ok({
    kind,
    stream: u32le(octets, 4),
    keyId: u32le(octets, 8),
    epoch: u32le(octets, 12),
    sequence: u48le(octets, 32),
    sources,
    repairs,
    depth,
    length,
  });
}

/** Shards a block may have, as the field of the code allows; and blocks, as a receiver is ready to hold. */
export function isCode(sources: number, repairs: number, depth: number): boolean {
  return sources >= 1 && depth >= 1 && depth <= MOST_BLOCKS && sources + repairs <= 255;
}

export const MOST_BLOCKS = 32;

/** @param salt SALT octets */
export function encodeHeader(target: Uint8Array, header: FrameHeader, salt: Uint8Array): void {
  putU16le(target, 0, MAGIC);
  target[2] = VERSION;
  target[3] = header.kind;
  putU32le(target, 4, header.stream);
  putU32le(target, 8, header.keyId);
  putU32le(target, 12, header.epoch);
  target.set(salt, SALT_AT);
  putU48le(target, 32, header.sequence);
  target[38] = header.sources;
  target[39] = header.repairs;
  target[40] = header.depth;
  target[41] = 0;
  putU16le(target, 42, header.length);
}

/**
 * Twelve octets that no other frame under the same key has: the sequence, behind zeros (NIST SP 800-38D 8.2.1, a counter). The key is of one
 * start alone, so a counter that begins again does so under another key.
 */
export function putNonce(target: Uint8Array, sequence: number): void {
  target.fill(0, 0, 6);
  putU48le(target, 6, sequence);
}

export const NONCE = 12;
