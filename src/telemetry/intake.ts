/** Records out of the pipe from the gateway, in whatever pieces it brings them. */
import { u16le } from "#wire";

const HEAD = 3;
/** The longest record there can be. */
const LONGEST = HEAD + 0xffff;

export class RecordIntake {
  readonly #take: (record: Uint8Array) => void;
  readonly #rest = new Uint8Array(LONGEST);
  #held = 0;

  /** @param take gets each record whole; the octets are good until it returns */
  constructor(take: (record: Uint8Array) => void) {
    this.#take = take;
  }

  feed(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#held === 0 && chunk.length - at >= HEAD) {
        const length = HEAD + u16le(chunk, at + 1);
        if (chunk.length - at >= length) {
          this.#take(chunk.subarray(at, at + length));
          at += length;
          continue;
        }
      }
      at += this.#hold(chunk, at);
    }
  }

  /** Of a record that comes in pieces. @returns octets of the chunk that are its */
  #hold(chunk: Uint8Array, at: number): number {
    const length = this.#held < HEAD ? HEAD : HEAD + u16le(this.#rest, 1);
    const more = Math.min(length - this.#held, chunk.length - at);
    this.#rest.set(chunk.subarray(at, at + more), this.#held);
    this.#held += more;
    if (this.#held < HEAD || this.#held < HEAD + u16le(this.#rest, 1)) return more;
    const record = this.#rest.subarray(0, this.#held);
    this.#held = 0;
    this.#take(record);
    return more;
  }
}
