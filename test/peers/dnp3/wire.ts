/**
 * What both DNP3 test peers stand on: link frames, transport segments and the line that carries them over a stream. Written apart from the
 * gateway's codec, so that the two cannot share a mistake.
 *
 *     frame     05 64, length, control, destination u16, source u16, CRC; then blocks of 16 octets, each with its CRC; little-endian
 *     segment   FIN 80, FIR 40, sequence 3F; then at most 249 octets of a fragment
 *
 * @source IEEE 1815-2012 clauses 8 and 9
 */
import type { Duplex } from "node:stream";

export const LINK = {
  reset: 0,
  test: 2,
  confirmedData: 3,
  data: 4,
  requestStatus: 9,
  ack: 0,
  nack: 1,
  status: 11,
  notSupported: 15,
} as const;
const DIR = 0x80;
const PRM = 0x40;
const FCB = 0x20;
const FCV = 0x10;

const BLOCK = 16;
const HEADER = 10;
const FRAME_DATA = 250;
const FIN = 0x80;
const FIR = 0x40;
/** Addresses from here on are no station's own; the last three are broadcast. */
const RESERVED = 0xfff0;
export const BROADCAST = { dontConfirm: 0xfffd, mustConfirm: 0xfffe, mayConfirm: 0xffff } as const;
/** A fragment that grows beyond this is given up, whatever the receiver answers in. */
const LONGEST = 65_536;

const CRC_TABLE = Uint16Array.from({ length: 256 }, (_, octet) => {
  let rest = octet;
  for (let bit = 0; bit < 8; bit += 1) rest = (rest & 1) === 1 ? (rest >>> 1) ^ 0xa6bc : rest >>> 1;
  return rest;
});

/** @source IEEE 1815-2012 8.3: polynomial 3D65 taken from the low bit, start 0, result inverted */
export function crc(octets: Uint8Array): number {
  let rest = 0;
  for (const octet of octets) rest = (rest >>> 8) ^ CRC_TABLE[(rest ^ octet) & 0xff]!;
  return ~rest & 0xffff;
}

export interface LinkFrame {
  readonly control: number;
  readonly destination: number;
  readonly source: number;
  readonly data: Uint8Array;
}

/** @param data  0..250 octets */
export function encodeFrame(control: number, destination: number, source: number, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  if (data.length > FRAME_DATA) throw new RangeError(`${data.length} octets do not fit a link frame`);
  const blocks = Math.ceil(data.length / BLOCK);
  const frame = new Uint8Array(HEADER + data.length + 2 * blocks);
  const view = new DataView(frame.buffer);
  frame.set([0x05, 0x64, data.length + 5, control]);
  view.setUint16(4, destination, true);
  view.setUint16(6, source, true);
  view.setUint16(8, crc(frame.subarray(0, 8)), true);
  let at = HEADER;
  for (let from = 0; from < data.length; from += BLOCK) {
    const block = data.subarray(from, from + BLOCK);
    frame.set(block, at);
    view.setUint16(at + block.length, crc(block), true);
    at += block.length + 2;
  }
  return frame;
}

/** Frames out of any split of a stream. What is no frame is passed over up to the next start, and told as a fault. */
export class FrameReader {
  readonly #fault: (what: string) => void;
  #kept: Uint8Array = new Uint8Array(0);

  constructor(fault: (what: string) => void) {
    this.#fault = fault;
  }

  *feed(octets: Uint8Array): Generator<LinkFrame> {
    this.#kept = this.#kept.length === 0 ? octets.slice() : Uint8Array.from(Buffer.concat([this.#kept, octets]));
    for (;;) {
      const start = this.#start();
      if (start > 0) {
        this.#fault(`${start} octets before the start of a frame`);
        this.#kept = this.#kept.subarray(start);
      }
      const frame = this.#frame();
      if (frame === null) return;
      if (typeof frame === "string") {
        this.#fault(frame);
        this.#kept = this.#kept.subarray(1);
      } else {
        this.#kept = this.#kept.subarray(frame.length);
        yield frame.frame;
      }
    }
  }

  /** Where a frame may start; the end, less an octet that may be half a start. */
  #start(): number {
    const kept = this.#kept;
    for (let at = 0; at < kept.length; at += 1) if (kept[at] === 0x05 && (kept[at + 1] ?? 0x64) === 0x64) return at;
    return kept.length;
  }

  #frame(): { readonly frame: LinkFrame; readonly length: number } | string | null {
    const kept = this.#kept;
    if (kept.length < HEADER) return null;
    const view = new DataView(kept.buffer, kept.byteOffset, kept.length);
    const size = kept[2]! - 5;
    if (crc(kept.subarray(0, 8)) !== view.getUint16(8, true)) return "a header with a wrong CRC";
    if (size < 0) return `a frame of length ${size + 5}`;
    const length = HEADER + size + 2 * Math.ceil(size / BLOCK);
    if (kept.length < length) return null;
    const data = new Uint8Array(size);
    let at = HEADER;
    for (let from = 0; from < size; from += BLOCK) {
      const block = kept.subarray(at, at + Math.min(BLOCK, size - from));
      if (crc(block) !== view.getUint16(at + block.length, true)) return "a block with a wrong CRC";
      data.set(block, from);
      at += block.length + 2;
    }
    const frame = { control: kept[3]!, destination: view.getUint16(4, true), source: view.getUint16(6, true), data };
    return { frame, length };
  }
}

/** Segments to fragments. @source IEEE 1815-2012 clause 9 with the reception table of TB2013-003 */
export class Reassembly {
  #parts: Uint8Array[] = [];
  #size = 0;
  #last: Uint8Array | null = null;

  /** @returns the fragment that this segment ends, null while there is more to come, or what is wrong with it */
  take(segment: Uint8Array): Uint8Array | string | null {
    const head = segment[0]!;
    if ((head & FIR) !== 0) this.#drop();
    else {
      if (this.#last === null) return "a segment of no series";
      if (Buffer.compare(segment, this.#last) === 0) return null;
      if (((this.#last[0]! + 1) & 0x3f) !== (head & 0x3f)) {
        this.#drop();
        return "a segment out of sequence";
      }
    }
    this.#parts.push(segment.subarray(1));
    this.#size += segment.length - 1;
    this.#last = segment;
    if (this.#size > LONGEST) {
      this.#drop();
      return "a fragment without end";
    }
    if ((head & FIN) === 0) return null;
    const fragment = Uint8Array.from(Buffer.concat(this.#parts));
    this.#drop();
    return fragment.length === 0 ? "an empty fragment" : fragment;
  }

  #drop(): void {
    this.#parts = [];
    this.#size = 0;
    this.#last = null;
  }
}

export interface LineOptions {
  /** Our own address. */
  readonly address: number;
  /** The one we talk to; null: whoever talks to us. */
  readonly peer: number | null;
  readonly isMaster: boolean;
  /** Write octet by octet. */
  readonly drip?: boolean;
  readonly onFragment: (fragment: Uint8Array, source: number, destination: number) => void;
  /** A secondary frame: the answer to what `link` sent. */
  readonly onLink?: (linkFunction: number) => void;
  /** What was received and dropped, and why. */
  readonly onFault: (what: string) => void;
  readonly onOctets?: (octets: Uint8Array) => void;
  readonly onEnd?: () => void;
}

/** One stream: fragments in and out, and the link's own questions answered. */
export class Line {
  readonly stream: Duplex;
  readonly #options: LineOptions;
  readonly #reader: FrameReader;
  readonly #series = new Map<number, Reassembly>();
  #sequence = 0;
  /** Null: the other side has not reset the link. */
  #expectedFcb: number | null = null;
  /** The FCB that our next `link` with FCV carries. */
  #nextFcb = FCB;

  constructor(stream: Duplex, options: LineOptions) {
    this.stream = stream;
    this.#options = options;
    this.#reader = new FrameReader(options.onFault);
    stream.on("data", (octets: Buffer) => {
      options.onOctets?.(octets);
      for (const frame of this.#reader.feed(octets)) this.#take(frame);
    });
    // A peer that goes away is the test's business, not an accident of ours.
    stream.on("error", () => {});
    stream.on("close", () => options.onEnd?.());
    stream.on("end", () => stream.destroy());
  }

  get isOpen(): boolean {
    return !this.stream.destroyed && this.stream.writable;
  }

  /** Octets as they are: the only road to what no frame is. */
  write(octets: Uint8Array): void {
    if (!this.isOpen) return;
    if (this.#options.drip === true) for (let at = 0; at < octets.length; at += 1) this.stream.write(octets.slice(at, at + 1));
    else this.stream.write(octets);
  }

  /** A fragment, in as many frames as it takes. */
  send(fragment: Uint8Array, destination: number): void {
    const frames: Uint8Array[] = [];
    for (let at = 0; at === 0 || at < fragment.length; at += FRAME_DATA - 1) {
      const part = fragment.subarray(at, at + FRAME_DATA - 1);
      const head = (at === 0 ? FIR : 0) | (at + part.length >= fragment.length ? FIN : 0) | this.#sequence;
      this.#sequence = (this.#sequence + 1) & 0x3f;
      frames.push(this.#frame(PRM | LINK.data, destination, Uint8Array.of(head, ...part)));
    }
    this.write(Uint8Array.from(Buffer.concat(frames)));
  }

  /** A primary frame of the link's own; with `data`, one segment under confirmation. `isRepeat`: with the FCB of the one before. */
  link(linkFunction: number, destination: number, data: Uint8Array = new Uint8Array(0), isRepeat = false): void {
    const isCounted = linkFunction === LINK.test || linkFunction === LINK.confirmedData;
    if (linkFunction === LINK.reset) this.#nextFcb = FCB;
    if (isCounted && isRepeat) this.#nextFcb ^= FCB;
    this.write(this.#frame(PRM | linkFunction | (isCounted ? FCV | this.#nextFcb : 0), destination, data));
    if (isCounted) this.#nextFcb ^= FCB;
  }

  close(): void {
    this.stream.destroy();
  }

  #frame(control: number, destination: number, data?: Uint8Array): Uint8Array {
    return encodeFrame(control | (this.#options.isMaster ? DIR : 0), destination, this.#options.address, data);
  }

  #take(frame: LinkFrame): void {
    const { control, destination, source, data } = frame;
    const fault = this.#faultOf(frame);
    const linkFunction = control & 0x0f;
    if (fault !== null) this.#options.onFault(fault);
    else if ((control & PRM) === 0) this.#options.onLink?.(linkFunction);
    else if (linkFunction === LINK.data) this.#segment(data, source, destination);
    else this.#answer(linkFunction, control & FCB, source, data);
  }

  /** Why a frame is dropped. */
  #faultOf({ control, destination, source, data }: LinkFrame): string | null {
    const { address, peer, isMaster } = this.#options;
    const isBroadcast = destination >= BROADCAST.dontConfirm;
    const isPrimary = (control & PRM) !== 0;
    const linkFunction = control & 0x0f;
    const isCounted = isPrimary && (linkFunction === LINK.test || linkFunction === LINK.confirmedData);
    const carriesData = isPrimary && (linkFunction === LINK.data || linkFunction === LINK.confirmedData);
    if (destination !== address && !isBroadcast) return `a frame to ${destination}`;
    if (source >= RESERVED || (peer !== null && source !== peer)) return `a frame from ${source}`;
    if (((control & DIR) !== 0) === isMaster) return `a frame with DIR ${isMaster ? 1 : 0}`;
    if (isBroadcast && (isMaster || !isPrimary || linkFunction !== LINK.data)) return "a broadcast that is none";
    if (carriesData !== data.length > 0) return `a frame of function ${linkFunction} with ${data.length} octets`;
    if (isPrimary && ((control & FCV) !== 0) !== isCounted) return `a frame of function ${linkFunction} with FCV ${isCounted ? 0 : 1}`;
    return null;
  }

  /** @source IEEE 1815-2012 8.2.6 to 8.2.8 */
  #answer(linkFunction: number, fcb: number, source: number, data: Uint8Array): void {
    const reply = (secondary: number): void => this.write(this.#frame(secondary, source));
    if (linkFunction === LINK.reset) {
      this.#expectedFcb = FCB;
      reply(LINK.ack);
    } else if (linkFunction === LINK.requestStatus) reply(LINK.status);
    else if (linkFunction !== LINK.test && linkFunction !== LINK.confirmedData) reply(LINK.notSupported);
    else if (this.#expectedFcb === null) reply(LINK.nack);
    else {
      reply(LINK.ack);
      const isNew = fcb === this.#expectedFcb;
      if (isNew) this.#expectedFcb = fcb ^ FCB;
      if (isNew && linkFunction === LINK.confirmedData) this.#segment(data, source, this.#options.address);
    }
  }

  #segment(segment: Uint8Array, source: number, destination: number): void {
    const key = source * 0x1_0000 + destination;
    let series = this.#series.get(key);
    if (series === undefined) {
      if (this.#series.size >= 64) this.#series.clear();
      series = new Reassembly();
      this.#series.set(key, series);
    }
    const taken = series.take(segment);
    if (typeof taken === "string") this.#options.onFault(taken);
    else if (taken !== null) this.#options.onFragment(taken, source, destination);
  }
}

/** Add to a log that keeps so many entries. */
export function record<T>(log: T[], entry: T, keep: number): void {
  log.push(entry);
  if (log.length > keep) log.shift();
}
