/**
 * Packets in the octets of a capture file, pcap or pcapng. The file comes in pieces of any size and is never held whole.
 *
 *     pcap     file header, then per packet: seconds u32, fraction u32, captured u32, original u32, octets
 *     pcapng   blocks: type u32, total length u32, body, total length u32 again; a section header says the byte order of what follows
 *
 * The owner fills `space()`, says `filled(n)`, and asks `next()` until it says "more". After "packet" the fields describe the packet until
 * the next call. Nothing throws: a damaged file ends in "broken" with the octet where it went wrong, after every packet before it.
 *
 * @source draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng
 */
import { INTERFACE_HEADER, PCAP_HEADER, readInterfaceHeader, readPcapHeader, readSectionHeader, SECTION_HEADER } from "./layout.ts";
import { type Clock, MICROSECONDS, newStamp, readClock, type Stamp } from "./time.ts";

/** A packet or a block we must hold whole is at most this; capture tools cut packets at 256 KiB. Blocks of unknown type may be longer. */
const LONGEST = 1024 * 1024;
/** Read so much at once. */
const CHUNK = 512 * 1024;
/** Interfaces of one section. */
const INTERFACES = 65_536;
const PCAP_RECORD = 16;

const SECTION_BLOCK = 0x0a0d_0d0a;
const INTERFACE_BLOCK = 1;
const OLD_PACKET_BLOCK = 2;
const SIMPLE_PACKET_BLOCK = 3;
const ENHANCED_PACKET_BLOCK = 6;
const BYTE_ORDER_MAGIC = 0x1a2b_3c4d;
const OPTION_TSRESOL = 9;
const OPTION_TSOFFSET = 14;

interface Interface {
  readonly link: number;
  readonly snaplen: number;
  readonly clock: Clock;
}

/** Where a file stops making sense, and why. */
export interface Broken {
  /** Octet of the file. */
  readonly at: number;
  readonly what: string;
}

export class CaptureFile {
  /** The packet at hand: `captured` octets from `at`, of `original` on the wire. */
  octets: Uint8Array = new Uint8Array(0);
  at = 0;
  captured = 0;
  original = 0;
  /** Link type number (LINKTYPE_*). */
  link = 0;
  readonly stamp: Stamp = newStamp();
  broken: Broken | null = null;
  /** pcapng blocks that are no packets and of no concern to us. */
  otherBlocks = 0;

  readonly #chunk: number;
  #buffer: Uint8Array;
  #view: DataView;
  #from = 0;
  #to = 0;
  /** Octet of the file that stands at `#buffer[0]`. */
  #base = 0;
  /** Octets of an unknown block still to be passed over. */
  #pass = 0;
  /** Octets that must be there before reading on makes sense. */
  #wanted = 0;
  #ended = false;
  #kind: "unknown" | "pcap" | "pcapng" = "unknown";
  #little = true;
  #nano = false;
  #interfaces: Interface[] = [];

  /** @param chunk  octets of room there are at least */
  constructor(chunk = CHUNK) {
    this.#chunk = chunk;
    this.#buffer = new Uint8Array(chunk);
    this.#view = new DataView(this.#buffer.buffer);
  }

  /** Room for the file's next octets: fill its beginning, then say `filled`. Never empty. */
  space(): Uint8Array {
    if (this.#from > 0) {
      this.#buffer.copyWithin(0, this.#from, this.#to);
      this.#base += this.#from;
      this.#to -= this.#from;
      this.#from = 0;
    }
    const size = Math.max(this.#chunk, this.#wanted);
    if (this.#buffer.length < size) {
      const larger = new Uint8Array(size);
      larger.set(this.#buffer.subarray(0, this.#to));
      this.#buffer = larger;
      this.#view = new DataView(larger.buffer);
    }
    return this.#buffer.subarray(this.#to);
  }

  /** `count` octets were written to `space()`; 0 is the end of the file. */
  filled(count: number): void {
    if (count === 0) this.#ended = true;
    this.#to += count;
  }

  /** A piece of the file, copied: for those who have it in memory. At most a `space()` long. */
  feed(piece: Uint8Array): void {
    this.space().set(piece);
    this.filled(piece.length);
  }

  next(): "packet" | "more" | "end" | "broken" {
    if (this.broken !== null) return "broken";
    if (this.#kind === "unknown") {
      const opened = this.#open();
      if (opened !== "opened") return opened;
    }
    return this.#kind === "pcap" ? this.#nextRecord() : this.#nextBlock();
  }

  #open(): "opened" | "more" | "end" | "broken" {
    if (this.#to - this.#from < 4) {
      if (!this.#ended) return "more";
      return this.#break(0, this.#to === 0 ? "the file is empty" : "too short for a capture file");
    }
    const magic = this.#view.getUint32(this.#from, true);
    if (magic === SECTION_BLOCK) {
      this.#kind = "pcapng";
      return "opened";
    }
    switch (magic) {
      case 0xa1b2c3d4:
      case 0xa1b23c4d:
        this.#little = true;
        break;
      case 0xd4c3b2a1:
      case 0x4d3cb2a1:
        this.#little = false;
        break;
      default:
        if ((magic & 0xffff) === 0x8b1f) return this.#break(0, "gzip-compressed: gunzip it first");
        return this.#break(0, `found ${hex(this.#view.getUint32(this.#from, false))}; expected the magic number of a pcap or pcapng file`);
    }
    this.#nano = magic === 0xa1b23c4d || magic === 0x4d3cb2a1;
    if (!this.#have(PCAP_HEADER)) return this.#short(PCAP_HEADER, "file header");
    const header = readPcapHeader(this.#buffer.subarray(this.#from, this.#from + PCAP_HEADER), this.#little);
    if (header.major !== 2) return this.#break(4, `pcap version ${header.major}.${header.minor}; expected 2.x`);
    this.link = header.linkField & 0xffff;
    this.#from += PCAP_HEADER;
    this.#kind = "pcap";
    return "opened";
  }

  #nextRecord(): "packet" | "more" | "end" | "broken" {
    const at = this.#from;
    const have = this.#to - at;
    if (have < PCAP_RECORD) return have === 0 && this.#ended ? "end" : this.#short(PCAP_RECORD, "packet header");
    const view = this.#view;
    const little = this.#little;
    const captured = view.getUint32(at + 8, little);
    if (captured > LONGEST) return this.#break(0, `a packet of ${captured} octets; expected at most ${LONGEST}`);
    if (have < PCAP_RECORD + captured) return this.#short(PCAP_RECORD + captured, "packet");
    this.#from = at + PCAP_RECORD + captured;
    const stamp = this.stamp;
    const fraction = view.getUint32(at + 4, little);
    const per = this.#nano ? 1_000_000_000 : 1_000_000;
    const carry = fraction < per ? 0 : Math.floor(fraction / per);
    stamp.frame += 1;
    stamp.seconds = view.getUint32(at, little) + carry;
    stamp.fraction = fraction - carry * per;
    stamp.digits = this.#nano ? 9 : 6;
    return this.#packet(at + PCAP_RECORD, captured, view.getUint32(at + 12, little));
  }

  #nextBlock(): "packet" | "more" | "end" | "broken" {
    for (;;) {
      if (this.#pass > 0) {
        const now = Math.min(this.#pass, this.#to - this.#from);
        this.#from += now;
        this.#pass -= now;
        if (this.#pass > 0) return this.#ended ? this.#break(this.#to - this.#from, "the file ends inside a block") : "more";
      }
      const at = this.#from;
      const have = this.#to - at;
      if (have < 12) return have === 0 && this.#ended ? "end" : this.#short(12, "block header");
      let type = this.#view.getUint32(at, this.#little);
      if (type === SECTION_BLOCK) {
        const magic = this.#view.getUint32(at + 8, true);
        if (magic !== BYTE_ORDER_MAGIC && magic !== 0x4d3c_2b1a)
          return this.#break(8, `found ${hex(this.#view.getUint32(at + 8, false))}; expected the byte-order magic of a section`);
        this.#little = magic === BYTE_ORDER_MAGIC;
        type = SECTION_BLOCK;
      }
      const total = this.#view.getUint32(at + 4, this.#little);
      if (total < 12 || total % 4 !== 0) return this.#break(4, `a block of ${total} octets; expected a multiple of 4 from 12 on`);
      const ours =
        type === ENHANCED_PACKET_BLOCK ||
        type === SIMPLE_PACKET_BLOCK ||
        type === OLD_PACKET_BLOCK ||
        type === INTERFACE_BLOCK ||
        type === SECTION_BLOCK;
      if (!ours) {
        this.otherBlocks += 1;
        this.#pass = total;
        continue;
      }
      if (total > LONGEST) return this.#break(4, `a block of ${total} octets; expected at most ${LONGEST}`);
      if (have < total) return this.#short(total, "block");
      const again = this.#view.getUint32(at + total - 4, this.#little);
      if (again !== total) return this.#break(total - 4, `the block ends with length ${again}; expected ${total}`);
      const read = this.#readBlock(type, at, total);
      if (read === "broken") return read;
      this.#from = at + total;
      if (read === "packet") return read;
    }
  }

  #readBlock(type: number, at: number, total: number): "packet" | "other" | "broken" {
    const view = this.#view;
    const little = this.#little;
    switch (type) {
      case SECTION_BLOCK: {
        if (total < SECTION_HEADER + 4)
          return this.#break(4, `a section header of ${total} octets; expected at least ${SECTION_HEADER + 4}`);
        const { major, minor } = readSectionHeader(this.#buffer.subarray(at, at + SECTION_HEADER), little);
        if (major !== 1) return this.#break(12, `pcapng version ${major}.${minor}; expected 1.x`);
        this.#interfaces = [];
        return "other";
      }
      case INTERFACE_BLOCK:
        return this.#readInterface(at, total);
      case ENHANCED_PACKET_BLOCK:
      case OLD_PACKET_BLOCK: {
        if (total < 32) return this.#break(4, `a packet block of ${total} octets; expected at least 32`);
        const index = type === ENHANCED_PACKET_BLOCK ? view.getUint32(at + 8, little) : view.getUint16(at + 8, little);
        const from = this.#interfaces[index];
        if (from === undefined) return this.#break(8, `a packet of interface ${index}; the section has ${this.#interfaces.length}`);
        const captured = view.getUint32(at + 20, little);
        if (captured > total - 32) return this.#break(20, `${captured} octets captured in a block with room for ${total - 32}`);
        this.stamp.frame += 1;
        readClock(from.clock, view.getUint32(at + 12, little), view.getUint32(at + 16, little), this.stamp);
        this.link = from.link;
        return this.#packet(at + 28, captured, view.getUint32(at + 24, little));
      }
      default: {
        if (total < 16) return this.#break(4, `a simple packet block of ${total} octets; expected at least 16`);
        const from = this.#interfaces[0];
        if (from === undefined) return this.#break(0, "a simple packet block before any interface");
        const original = view.getUint32(at + 8, little);
        const limit = from.snaplen === 0 ? original : Math.min(original, from.snaplen);
        if (limit > total - 16) return this.#break(8, `${limit} octets captured in a block with room for ${total - 16}`);
        this.stamp.frame += 1;
        this.stamp.seconds = 0;
        this.stamp.fraction = 0;
        this.stamp.digits = -1;
        this.link = from.link;
        return this.#packet(at + 12, limit, original);
      }
    }
  }

  #readInterface(at: number, total: number): "other" | "broken" {
    if (total < INTERFACE_HEADER + 4)
      return this.#break(4, `an interface block of ${total} octets; expected at least ${INTERFACE_HEADER + 4}`);
    if (this.#interfaces.length === INTERFACES) return this.#break(0, `more than ${INTERFACES} interfaces in a section`);
    const { link, snaplen } = readInterfaceHeader(this.#buffer.subarray(at, at + INTERFACE_HEADER), this.#little);
    const view = this.#view;
    const little = this.#little;
    const end = at + total - 4;
    let clock = MICROSECONDS;
    let option = at + INTERFACE_HEADER;
    while (option + 4 <= end) {
      const code = view.getUint16(option, little);
      const length = view.getUint16(option + 2, little);
      if (code === 0) break;
      const value = option + 4;
      if (value + length > end) return this.#break(option - at, `interface option ${code} of ${length} octets runs past its block`);
      if (code === OPTION_TSRESOL && length === 1) {
        const resolution = view.getUint8(value);
        const exponent = resolution & 0x7f;
        const binary = resolution > 0x7f;
        // A 64-bit count of finer ticks than these has run over since 1970.
        if (exponent > (binary ? 63 : 19)) return this.#break(value - at, `a time resolution of ${binary ? 2 : 10}^-${exponent} s`);
        clock = { ...clock, binary, exponent };
      } else if (code === OPTION_TSOFFSET && length === 8) {
        clock = { ...clock, offset: Number(view.getBigInt64(value, little)) };
      }
      option = value + ((length + 3) & ~3);
    }
    this.#interfaces.push({ link, snaplen, clock });
    return "other";
  }

  #packet(at: number, captured: number, original: number): "packet" {
    this.octets = this.#buffer;
    this.at = at;
    this.captured = captured;
    this.original = original;
    return "packet";
  }

  #have(count: number): boolean {
    return this.#to - this.#from >= count;
  }

  /** Not yet here, or never coming. */
  #short(need: number, what: string): "more" | "broken" {
    this.#wanted = need;
    if (!this.#ended) return "more";
    return this.#break(0, `the file ends inside a ${what} (${need} octets needed, ${this.#to - this.#from} there)`);
  }

  #break(offset: number, what: string): "broken" {
    this.broken = { at: this.#base + this.#from + offset, what };
    return "broken";
  }
}

function hex(word: number): string {
  return `0x${word.toString(16).padStart(8, "0")}`;
}
