/**
 * Modbus frames on a serial line.
 *
 *     0         1..          last two
 *     unit id   PDU (1..253) CRC, low octet first
 *
 * Frames are told apart by silence: 3.5 characters of it end one, and a gap of more than 1.5 inside one spoils it. Where octets come through
 * an operating system the silence is blurred, so a frame is also whole when its function says so and the CRC agrees; but what follows without
 * silence is never taken for another frame: all of it is discarded until the line rests. A spoilt frame is not answered.
 *
 * No port and no clock in here: octets and the silence before them are arguments.
 *
 * @source MODBUS over Serial Line V1.02 section 2.5.1
 */
import { copyOctets, crc16, err, ok, type Result, u16 } from "#wire";
import { entryOf } from "./functions.ts";
import { numberAt, subLength } from "./opaque.ts";

/** Largest frame, octets. */
export const RTU_LIMIT = 256;
/** Unit id, function code, CRC. */
const LEAST = 4;

export type RtuFault = "truncated" | "trailing" | "tooLong" | "badCrc" | "gap";
export type Direction = "request" | "reply";

export interface RtuFrame {
  readonly unitId: number;
  readonly pduAt: number;
  readonly pduLength: number;
}

/** Write a frame at `target[at]`; returns its length in octets. The PDU may already stand in `target`. */
export function encodeRtu(target: Uint8Array, at: number, unitId: number, pdu: Uint8Array, pduAt: number, pduLength: number): number {
  copyOctets(pdu, pduAt, target, at + 1, pduLength);
  target[at] = unitId;
  const crc = crc16(target, at, 1 + pduLength);
  target[at + 1 + pduLength] = crc & 0xff;
  target[at + 2 + pduLength] = crc >>> 8;
  return 3 + pduLength;
}

/** The frame that `length` octets from `at` are, as a whole. */
export function decodeRtu(octets: Uint8Array, at: number, length: number): Result<RtuFrame, { readonly kind: RtuFault }> {
  if (length < LEAST) return err({ kind: "truncated" });
  if (length > RTU_LIMIT) return err({ kind: "tooLong" });
  if (!isCrcRight(octets, at, length)) return err({ kind: "badCrc" });
  return ok({ unitId: octets[at] as number, pduAt: at + 1, pduLength: length - 3 });
}

function isCrcRight(octets: Uint8Array, at: number, length: number): boolean {
  const crc = crc16(octets, at, length - 2);
  return octets[at + length - 2] === (crc & 0xff) && octets[at + length - 1] === crc >>> 8;
}

/**
 * Length of the PDU whose first `have` octets stand at `at`, by its function: octets, 0 while too few are there to tell, -1 where the function
 * does not say (opaque ones, and FC 8/0, whose data has any length).
 */
export function derivedLength(direction: Direction, octets: Uint8Array, at: number, have: number): number {
  if (have < 1) return 0;
  const code = octets[at] as number;
  if (have < 1 + subLength(code)) return 0;
  return direction === "request" ? requestLength(octets, at, have) : replyLength(octets, at, have);
}

function requestLength(octets: Uint8Array, at: number, have: number): number {
  switch (octets[at]) {
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
      return 5;
    case 7:
    case 11:
    case 12:
    case 17:
      return 1;
    case 8:
      return diagnosticsLength(octets, at);
    case 15:
    case 16:
      return counted(octets, at, have, 5);
    case 20:
    case 21:
      return counted(octets, at, have, 1);
    case 22:
      return 7;
    case 23:
      return counted(octets, at, have, 9);
    case 24:
      return 3;
    case 43:
      return numberAt(octets, at) === IDENTIFICATION ? 4 : -1;
    default:
      return -1;
  }
}

function replyLength(octets: Uint8Array, at: number, have: number): number {
  const code = octets[at] as number;
  if (code >= 0x80) return 2;
  switch (code) {
    case 1:
    case 2:
    case 3:
    case 4:
    case 12:
    case 17:
    case 20:
    case 21:
    case 23:
      return counted(octets, at, have, 1);
    case 5:
    case 6:
    case 11:
    case 15:
    case 16:
      return 5;
    case 7:
      return 2;
    case 8:
      return diagnosticsLength(octets, at);
    case 22:
      return 7;
    case 24:
      return have < 3 ? 0 : 3 + u16(octets, at + 1);
    case 43:
      return numberAt(octets, at) === IDENTIFICATION ? identificationLength(octets, at, have) : -1;
    default:
      return -1;
  }
}

/** An octet `offset` into the PDU counts those after it. */
function counted(octets: Uint8Array, at: number, have: number, offset: number): number {
  return have <= offset ? 0 : offset + 1 + (octets[at + offset] as number);
}

/** One word of data, but of 0 any number of them. */
function diagnosticsLength(octets: Uint8Array, at: number): number {
  const number = numberAt(octets, at);
  return number === RETURN_QUERY_DATA || entryOf(number).opaque ? -1 : 5;
}

const RETURN_QUERY_DATA = 8;
const IDENTIFICATION = 43 | (14 << 8);

function identificationLength(octets: Uint8Array, at: number, have: number): number {
  if (have < 7) return 0;
  let length = 7;
  for (let left = octets[at + 6] as number; left > 0; left--) {
    if (have < length + 2) return 0;
    length += 2 + (octets[at + length + 1] as number);
  }
  return length;
}

/** Frames out of octets and silences. The caller takes what `next` gives until `more` before it tells of anything new. */
export class RtuFramer {
  readonly octets = new Uint8Array(RTU_LIMIT);
  unitId = 0;
  readonly pduAt = 1;
  pduLength = 0;
  /** Why octets were discarded, after `next` said so. */
  fault: RtuFault = "truncated";
  readonly #direction: Direction;
  readonly #gapLimit: number;
  readonly #silence: number;
  #held = 0;
  /** Set once the frame under way cannot be one any more. */
  #spoilt: RtuFault | null = null;
  /** A frame was given out before the line rested. */
  #given = false;
  #rested = false;
  #chunk: Uint8Array = NOTHING;
  #gap = 0;

  /**
   * @param gapLimit  microseconds inside a frame, 1.5 characters (750 above 19200 baud)
   * @param silence   microseconds that end a frame, 3.5 characters (1750 above 19200 baud)
   */
  constructor(direction: Direction, gapLimit: number, silence: number) {
    this.#direction = direction;
    this.#gapLimit = gapLimit;
    this.#silence = silence;
  }

  /** Octets arrived after `gap` microseconds of silence; between them there was none. The view is used until `next` says `more`. */
  feed(chunk: Uint8Array, gap: number): void {
    this.#chunk = chunk;
    this.#gap = gap;
  }

  /** Nothing has arrived for `gap` microseconds. */
  idle(gap: number): void {
    if (gap >= this.#silence) this.#rested = true;
  }

  next(): "frame" | "more" | "discarded" {
    if (this.#chunk.length > 0 && this.#gap >= this.#silence) this.#rested = true;
    if (this.#rested) {
      this.#rested = false;
      this.#gap = 0;
      const ended = this.#end();
      if (ended !== "more") return ended;
    }
    if (this.#chunk.length === 0) return "more";
    if (this.#gap > this.#gapLimit && this.#held > 0) this.#spoilt ??= "gap";
    this.#append(this.#chunk);
    this.#chunk = NOTHING;
    return this.#isWhole() ? this.#give(true) : "more";
  }

  #append(chunk: Uint8Array): void {
    if (this.#given) this.#spoilt ??= "trailing";
    if (this.#held + chunk.length > RTU_LIMIT) this.#spoilt ??= "tooLong";
    if (this.#spoilt !== null) return;
    copyOctets(chunk, 0, this.octets, this.#held, chunk.length);
    this.#held += chunk.length;
  }

  /** What is held is, by its function and its CRC, a whole frame. */
  #isWhole(): boolean {
    if (this.#spoilt !== null || this.#held < LEAST) return false;
    const derived = derivedLength(this.#direction, this.octets, 1, this.#held - 1);
    if (derived > 0 && 3 + derived < this.#held) this.#spoilt = "trailing";
    return derived > 0 && 3 + derived === this.#held && isCrcRight(this.octets, 0, this.#held);
  }

  #give(beforeRest: boolean): "frame" {
    this.unitId = this.octets[0] as number;
    this.pduLength = this.#held - 3;
    this.#held = 0;
    this.#given = beforeRest;
    return "frame";
  }

  /** The line rested: what is held is a frame or nothing. */
  #end(): "frame" | "more" | "discarded" {
    const held = this.#held;
    const fault = this.#spoilt ?? (held === 0 ? null : this.#faultOf(held));
    this.#given = false;
    this.#spoilt = null;
    if (fault === null) return held === 0 ? "more" : this.#give(false);
    this.#held = 0;
    this.fault = fault;
    return "discarded";
  }

  #faultOf(held: number): RtuFault | null {
    if (held < LEAST) return "truncated";
    if (!isCrcRight(this.octets, 0, held)) return "badCrc";
    const derived = derivedLength(this.#direction, this.octets, 1, held - 3);
    if (derived === 0 || 3 + derived > held) return "truncated";
    return derived > 0 && 3 + derived < held ? "trailing" : null;
  }
}

const NOTHING = new Uint8Array(0);
