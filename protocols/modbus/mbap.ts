/**
 * Modbus/TCP frames in a stream of octets.
 *
 *     0..1             2..3              4..5                            6         7..
 *     transaction id   protocol id (0)   length: what follows, 2..254    unit id   PDU
 *
 * There is no mark to find the next frame by, so a header that cannot be one ends the stream (stricter than the standard, which says
 * "discard"; and so no octet of it can be taken for another frame's beginning).
 *
 * @source MODBUS Messaging on TCP/IP Implementation Guide V1.0b section 3.1.3
 */
import { copyOctets, putU16, u16 } from "#wire";

export const MBAP_HEADER = 7;
/** Largest frame, octets. */
export const ADU_LIMIT = 260;

export interface BrokenMbap {
  /** `tooLong`: fed more before what was there had been taken. */
  readonly kind: "badProtocolId" | "badLength" | "tooLong";
}

/** The length field counts from the unit id on; these octets come before. */
const BEFORE_LENGTH_COUNTS = 6;
/** Octets kept of what broke a stream, for whoever wants to know what it was. */
const SHOWN_BROKEN = 32;
const LEAST = 2;
const MOST = 254;

/**
 * Reads frames where they lie in the chunk; only a frame that spans chunks is gathered in a buffer of its own, made once. Nothing is allocated
 * per chunk or frame. The caller takes frames until `more` before it feeds again: then the framer holds less than one frame and no chunk.
 */
export class MbapFramer {
  octets: Uint8Array;
  transactionId = 0;
  unitId = 0;
  pduAt = 0;
  pduLength = 0;
  broken: BrokenMbap | null = null;
  /** Of a broken stream the first octets from where a frame should begin. */
  brokenOctets: Uint8Array = NOTHING;
  readonly #gathered = new Uint8Array(ADU_LIMIT);
  /** Octets gathered of a frame that is not whole yet. */
  #held = 0;
  #chunk: Uint8Array = NOTHING;
  #at = 0;

  constructor() {
    this.octets = this.#gathered;
  }

  feed(chunk: Uint8Array): void {
    if (this.#at < this.#chunk.length) this.broken ??= OUTRUN;
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** A frame's fields stay until the next call. Once broken it stays broken. */
  next(): "frame" | "more" | "broken" {
    if (this.broken !== null) return "broken";
    return this.#held > 0 ? this.#nextGathered() : this.#nextInChunk();
  }

  #nextInChunk(): "frame" | "more" | "broken" {
    const chunk = this.#chunk;
    const at = this.#at;
    const left = chunk.length - at;
    const size = this.#frameSize(chunk, at, left);
    if (size < 0) return this.#break(chunk, at, left);
    if (size === 0 || left < size) {
      this.#gather(left);
      return "more";
    }
    this.#at = at + size;
    return this.#describe(chunk, at, size);
  }

  #nextGathered(): "frame" | "more" | "broken" {
    const gathered = this.#gathered;
    let size = this.#frameSize(gathered, 0, this.#held);
    if (size === 0) {
      this.#gather(Math.min(BEFORE_LENGTH_COUNTS - this.#held, this.#chunk.length - this.#at));
      size = this.#frameSize(gathered, 0, this.#held);
    }
    if (size < 0) {
      this.#gather(Math.min(SHOWN_BROKEN, this.#chunk.length - this.#at));
      return this.#break(gathered, 0, this.#held);
    }
    if (size > 0) this.#gather(Math.min(size - this.#held, this.#chunk.length - this.#at));
    if (size === 0 || this.#held < size) {
      this.#forgetChunk();
      return "more";
    }
    this.#held = 0;
    return this.#describe(gathered, 0, size);
  }

  /** Octets of the whole frame that begins at `at`, 0 while its header is not all there, -1 where it is no header. */
  #frameSize(octets: Uint8Array, at: number, left: number): number {
    if (left < 4) return 0;
    if (u16(octets, at + 2) !== 0) {
      this.broken = BAD_PROTOCOL_ID;
      return -1;
    }
    if (left < BEFORE_LENGTH_COUNTS) return 0;
    const length = u16(octets, at + 4);
    if (length >= LEAST && length <= MOST) return BEFORE_LENGTH_COUNTS + length;
    this.broken = BAD_LENGTH;
    return -1;
  }

  /** Move octets of the chunk to those held; INVARIANT: fewer than a frame. */
  #gather(count: number): void {
    copyOctets(this.#chunk, this.#at, this.#gathered, this.#held, count);
    this.#held += count;
    this.#at += count;
    if (this.#at === this.#chunk.length) this.#forgetChunk();
  }

  #forgetChunk(): void {
    this.#chunk = NOTHING;
    this.#at = 0;
  }

  #break(octets: Uint8Array, at: number, count: number): "broken" {
    this.brokenOctets = octets.slice(at, at + Math.min(count, SHOWN_BROKEN));
    return "broken";
  }

  #describe(octets: Uint8Array, at: number, size: number): "frame" {
    this.octets = octets;
    this.transactionId = u16(octets, at);
    this.unitId = octets[at + BEFORE_LENGTH_COUNTS] as number;
    this.pduAt = at + MBAP_HEADER;
    this.pduLength = size - MBAP_HEADER;
    return "frame";
  }
}

const NOTHING = new Uint8Array(0);
const BAD_PROTOCOL_ID: BrokenMbap = { kind: "badProtocolId" };
const BAD_LENGTH: BrokenMbap = { kind: "badLength" };
const OUTRUN: BrokenMbap = { kind: "tooLong" };

/**
 * Write a frame at `target[at]`; returns its length in octets. The PDU has 1..253 octets and may already stand in `target`.
 */
export function encodeAdu(
  target: Uint8Array,
  at: number,
  transactionId: number,
  unitId: number,
  pdu: Uint8Array,
  pduAt: number,
  pduLength: number,
): number {
  copyOctets(pdu, pduAt, target, at + MBAP_HEADER, pduLength);
  putU16(target, at, transactionId);
  putU16(target, at + 2, 0);
  putU16(target, at + 4, 1 + pduLength);
  target[at + BEFORE_LENGTH_COUNTS] = unitId;
  return MBAP_HEADER + pduLength;
}
