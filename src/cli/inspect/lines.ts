/**
 * Lines on their way out, gathered into large writes, in capture order. A line waits while octets held for a hole in their stream may still
 * bring a line of an earlier frame (capture/streams.ts bounds that wait). The file descriptor is written to directly: a full pipe holds us up
 * here, and no stream buffers what the reader does not take.
 */
import { writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { Row } from "./row.ts";

export interface Format {
  /** What stands above the lines. */
  readonly head: string;
  /** Longest line, octets. */
  readonly longest: number;
  /** One line of a row at `out[at]`, where there is room for the longest; returns where it ends. */
  encode(row: Row, out: Uint8Array, at: number): number;
}

const FULL = 256 * 1024;
/** A pipe whose other end took over its flags may be non-blocking: wait and try again. */
const RETRY_MS = 2;

interface Parked {
  readonly frame: number;
  readonly octets: Uint8Array;
}

const encoder = new TextEncoder();

export class Lines {
  /** The reader went away: nothing more is wanted. */
  closed = false;
  #buffer = new Uint8Array(FULL + 64 * 1024);
  #length = 0;
  /** Sorted by frame; of equal frames the first come stands first. */
  readonly #parked: Parked[] = [];
  readonly #descriptor: number;
  readonly #encode: Format["encode"];
  readonly #longest: number;
  readonly #oldestHeld: () => number;

  constructor(descriptor: number, format: Format, oldestHeld: () => number) {
    this.#descriptor = descriptor;
    this.#encode = format.encode;
    this.#longest = format.longest;
    this.#oldestHeld = oldestHeld;
    this.#length = encoder.encodeInto(format.head, this.#buffer).written;
  }

  get full(): boolean {
    return this.#length >= FULL;
  }

  add(row: Row): void {
    this.#makeRoom(this.#longest);
    const from = this.#length;
    this.#length = this.#encode(row, this.#buffer, from);
    if (this.#parked.length > 0 || this.#oldestHeld() < row.stamp.frame) this.#park(row.stamp.frame, from);
  }

  /** One line as text, its end among it. */
  addText(frame: number, text: string): void {
    this.#makeRoom(3 * text.length);
    const from = this.#length;
    this.#length += encoder.encodeInto(text, this.#buffer.subarray(from)).written;
    if (this.#parked.length > 0 || this.#oldestHeld() < frame) this.#park(frame, from);
  }

  /** Let go of lines that wait for nothing any more. */
  settle(): void {
    if (this.#parked.length === 0) return;
    const held = this.#oldestHeld();
    let count = 0;
    while (count < this.#parked.length && (this.#parked[count] as Parked).frame < held) count += 1;
    for (const { octets } of this.#parked.splice(0, count)) {
      this.#makeRoom(octets.length);
      this.#buffer.set(octets, this.#length);
      this.#length += octets.length;
    }
  }

  /** Write what is gathered. */
  async flush(): Promise<void> {
    let at = 0;
    while (at < this.#length && !this.closed) {
      try {
        at += writeSync(this.#descriptor, this.#buffer, at, this.#length - at);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "EAGAIN") await pause(RETRY_MS);
        else if (code === "EPIPE") this.closed = true;
        else throw error;
      }
    }
    this.#length = 0;
  }

  #park(frame: number, from: number): void {
    const octets = this.#buffer.slice(from, this.#length);
    this.#length = from;
    let at = this.#parked.length;
    while (at > 0 && (this.#parked[at - 1] as Parked).frame > frame) at -= 1;
    this.#parked.splice(at, 0, { frame, octets });
  }

  /** One packet may bring more lines than the buffer was made for. */
  #makeRoom(count: number): void {
    if (this.#buffer.length - this.#length >= count) return;
    const larger = new Uint8Array(2 * this.#buffer.length);
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}
