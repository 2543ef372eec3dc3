/**
 * DNP3 link frames (FT3): a header of its own CRC, then user data in blocks of 16 octets, each with its CRC.
 *
 *     0..1    2        3         4..5          6..7     8..9  |  10..25       26..27  |  ...
 *     05 64   LENGTH   CONTROL   DESTINATION   SOURCE   CRC   |  1..16 octets   CRC   |  ...
 *
 * LENGTH counts from CONTROL to the end of the user data, no CRC among it: 5..255. Numbers are little-endian.
 *
 *     CONTROL   7: DIR (from the master)   6: PRM (primary)   5: FCB   4: FCV of a primary, DFC of a secondary   3..0: function
 *
 * @source IEEE 1815-2012 clause 9, as read by opendnp3 and stepfunc/dnp3
 */
import { copyOctets, crcDnp, putU16le, u16le } from "#wire";

export const LINK_HEADER = 10;
/** Largest frame, octets. */
export const LINK_LIMIT = 292;
/** Most user data of one frame, octets. */
export const LINK_DATA_LIMIT = 250;
const BLOCK = 16;
const CRC = 2;
const START = [0x05, 0x64] as const;
/** LENGTH counts these besides the user data. */
const COUNTED = 5;

export const DIR = 0x80;
export const PRM = 0x40;
export const FCB = 0x20;
/** Of a secondary frame: its receive buffers are full. */
export const FCV = 0x10;

/** Functions of a primary frame. */
export const PRIMARY = {
  resetLinkStates: 0,
  /** Obsolete. */
  resetUserProcess: 1,
  testLinkStates: 2,
  confirmedUserData: 3,
  unconfirmedUserData: 4,
  requestLinkStatus: 9,
} as const;
/** Functions of a secondary frame. */
export const SECONDARY = {
  ack: 0,
  nack: 1,
  linkStatus: 11,
  /** Obsolete. */
  notFunctioning: 14,
  notSupported: 15,
} as const;

/** What keeps octets from being a frame. */
export type LinkFault = "badStart" | "badLength" | "badCrc";

/** Octets of a frame with so much user data. */
export function frameLength(dataLength: number): number {
  return LINK_HEADER + dataLength + CRC * Math.ceil(dataLength / BLOCK);
}

/**
 * Write a frame at `target[at]`.
 *
 * @param dataLength 0..250; no octet of `data` may stand where the frame is written
 * @returns its length in octets
 */
export function encodeLink(
  target: Uint8Array,
  at: number,
  control: number,
  destination: number,
  source: number,
  data: Uint8Array,
  dataAt: number,
  dataLength: number,
): number {
  target[at] = START[0];
  target[at + 1] = START[1];
  target[at + 2] = COUNTED + dataLength;
  target[at + 3] = control;
  putU16le(target, at + 4, destination);
  putU16le(target, at + 6, source);
  putU16le(target, at + 8, crcDnp(target, at, 8));
  let to = at + LINK_HEADER;
  for (let from = 0; from < dataLength; from += BLOCK) {
    const length = Math.min(BLOCK, dataLength - from);
    copyOctets(data, dataAt + from, target, to, length);
    putU16le(target, to + length, crcDnp(target, to, length));
    to += length + CRC;
  }
  return to - at;
}

export type ControlFault = "badFunction" | "badControl" | "missingData" | "unexpectedData";

/**
 * Does a control octet say what it may, of a frame with so much user data? A frame whose FCV disagrees with its function, user data without
 * octets, and octets with any other function are none (IEEE 1815-2012 clause 9.2.4; certification procedure 6.6.2.5).
 */
export function controlFault(control: number, dataLength: number): ControlFault | null {
  const code = control & 0x0f;
  if ((control & PRM) === 0) {
    if (!SECONDARIES.includes(code)) return "badFunction";
    if ((control & FCB) !== 0) return "badControl";
    return dataLength === 0 ? null : "unexpectedData";
  }
  const isCounted = COUNTED_FUNCTIONS.includes(code);
  if (!isCounted && !UNCOUNTED_FUNCTIONS.includes(code)) return "badFunction";
  if (isCounted !== ((control & FCV) !== 0)) return "badControl";
  if (code !== PRIMARY.confirmedUserData && code !== PRIMARY.unconfirmedUserData) return dataLength === 0 ? null : "unexpectedData";
  return dataLength > 0 ? null : "missingData";
}

const SECONDARIES: readonly number[] = Object.values(SECONDARY);
/** Those whose FCB counts. */
const COUNTED_FUNCTIONS: readonly number[] = [PRIMARY.testLinkStates, PRIMARY.confirmedUserData];
const UNCOUNTED_FUNCTIONS: readonly number[] = [
  PRIMARY.resetLinkStates,
  PRIMARY.resetUserProcess,
  PRIMARY.unconfirmedUserData,
  PRIMARY.requestLinkStatus,
];

/** What an address is. */
export type AddressClass = "endpoint" | "reserved" | "self" | "broadcast";

/** @source IEEE 1815-2012 clause 9.2.5.2 and technical bulletin TB2013-002 */
export function addressClass(address: number): AddressClass {
  if (address < 0xfff0) return "endpoint";
  if (address < 0xfffc) return "reserved";
  return address === 0xfffc ? "self" : "broadcast";
}

/** Who is to confirm a broadcast. */
export const BROADCAST = { noConfirm: 0xfffd, confirm: 0xfffe, confirmOptional: 0xffff } as const;

/** What is done after octets that are no frame. */
export type After =
  /** The stream is over: on TCP a CRC does not fail by accident, and there is no way back into step that two readers agree on. */
  | "close"
  /** The next start is looked for one octet further: on a serial line octets are lost and added. */
  | "rescan"
  /** Likewise, but a frame whose header is good is passed over as long as it says it is: for recordings, which hold what others made of it. */
  | "passOver";

/**
 * Frames out of a stream of octets. Nothing is allocated per chunk or frame: a frame's octets are gathered in a buffer made once. The caller
 * takes frames until `more` before it feeds again.
 */
export class LinkFramer {
  /** The frame, CRCs and all; of what was discarded the octets that were looked at. */
  readonly octets = new Uint8Array(LINK_LIMIT);
  length = 0;
  control = 0;
  destination = 0;
  source = 0;
  /** User data without CRCs. */
  readonly data = new Uint8Array(LINK_DATA_LIMIT);
  dataLength = 0;
  /** Why octets were discarded, or the stream is broken. */
  fault: LinkFault = "badStart";
  /** Of what was discarded: its header is good, so control and addresses are what they were. */
  headerIsGood = false;
  readonly #after: After;
  /** Octets gathered of a frame that is not whole yet. */
  #held = 0;
  #chunk: Uint8Array = NOTHING;
  #at = 0;
  #broken = false;
  /** Octets without a start are being passed over: they were told of at the first. */
  #seeking = false;

  constructor(after: After) {
    this.#after = after;
  }

  /** Nothing is begun: the next octet fed is the first of a frame, or of none. */
  get isIdle(): boolean {
    return this.#held === 0;
  }

  feed(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /**
   * No more octets come, as behind a datagram: what was begun stays cut, and the next octet fed is a first one. Call it after `more`.
   *
   * @returns `frame`: one whose header is good, and stands in the fields; `octets`: a beginning that could not be told yet
   */
  cut(): "frame" | "octets" | "nothing" {
    const held = this.#held;
    const isNews = !this.#seeking;
    this.#held = 0;
    this.#seeking = false;
    this.length = 0;
    if (held < LINK_HEADER) return held > 0 && isNews ? "octets" : "nothing";
    this.#address();
    return "frame";
  }

  /** The fields stay until the next call. `discarded`: what stood there is no frame; the stream goes on. Once broken it stays broken. */
  next(): "frame" | "more" | "discarded" | "broken" {
    if (this.#broken) return "broken";
    this.#drop(this.length);
    this.length = 0;
    for (;;) {
      if (!this.#has(1)) return "more";
      if (this.octets[0] !== START[0] || (this.#has(2) && this.octets[1] !== START[1])) {
        const isNews = !this.#seeking;
        if (this.#after === "close") return this.#break("badStart");
        this.#drop(1);
        this.#seeking = true;
        if (isNews) return this.#discard("badStart", 0, false);
        continue;
      }
      if (!this.#has(LINK_HEADER)) return "more";
      this.#seeking = false;
      return this.#frame();
    }
  }

  #frame(): "frame" | "more" | "discarded" | "broken" {
    const { octets } = this;
    const counted = octets[2] as number;
    // What a broken header says is told by nobody: the CRC is looked at first.
    if (crcDnp(octets, 0, 8) !== u16le(octets, 8)) return this.#discard("badCrc", 1, false);
    if (counted < COUNTED) return this.#discard("badLength", 1, false);
    this.dataLength = counted - COUNTED;
    const size = frameLength(this.dataLength);
    if (!this.#has(size)) return "more";
    this.#address();
    if (!this.#gather()) return this.#discard("badCrc", this.#after === "passOver" ? size : 1, true);
    this.length = size;
    return "frame";
  }

  #address(): void {
    this.control = this.octets[3] as number;
    this.destination = u16le(this.octets, 4);
    this.source = u16le(this.octets, 6);
  }

  /** The user data out of its blocks. @returns false where a block's CRC is not right */
  #gather(): boolean {
    let at = LINK_HEADER;
    for (let to = 0; to < this.dataLength; to += BLOCK) {
      const length = Math.min(BLOCK, this.dataLength - to);
      if (crcDnp(this.octets, at, length) !== u16le(this.octets, at + length)) return false;
      copyOctets(this.octets, at, this.data, to, length);
      at += length + CRC;
    }
    return true;
  }

  #discard(fault: LinkFault, length: number, headerIsGood: boolean): "discarded" | "broken" {
    if (this.#after === "close") return this.#break(fault);
    this.fault = fault;
    this.headerIsGood = headerIsGood;
    this.length = length;
    // What follows inside of it is the same trouble.
    this.#seeking = length <= 1;
    return "discarded";
  }

  #break(fault: LinkFault): "broken" {
    this.fault = fault;
    this.headerIsGood = false;
    this.length = this.#held;
    this.#broken = true;
    return "broken";
  }

  /** Are so many octets gathered, or can be? */
  #has(count: number): boolean {
    if (this.#held >= count) return true;
    const taken = Math.min(count - this.#held, this.#chunk.length - this.#at);
    copyOctets(this.#chunk, this.#at, this.octets, this.#held, taken);
    this.#held += taken;
    this.#at += taken;
    return this.#held >= count;
  }

  #drop(count: number): void {
    if (count === 0) return;
    this.octets.copyWithin(0, count, this.#held);
    this.#held -= count;
  }
}

const NOTHING = new Uint8Array(0);
