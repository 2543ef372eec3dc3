/** Records that wait for their frame, as octets, first in first out. Full, it takes no more: what is told new is dropped, and counted. */
export class RecordQueue {
  readonly #ring: Uint8Array;
  #from = 0;
  #length = 0;

  /** @param octets all records that wait take no more */
  constructor(octets: number) {
    this.#ring = new Uint8Array(octets);
  }

  get octets(): number {
    return this.#length;
  }

  /** @param record whole, with its kind and length */
  push(record: Uint8Array): boolean {
    if (record.length + 2 > this.#ring.length - this.#length) return false;
    this.#put(record.length & 0xff);
    this.#put(record.length >> 8);
    for (const octet of record) this.#put(octet);
    return true;
  }

  /** Octets of the first; 0: there is none. */
  get next(): number {
    return this.#length === 0 ? 0 : this.#at(0) | (this.#at(1) << 8);
  }

  /** @returns octets written */
  take(target: Uint8Array, at: number): number {
    const length = this.next;
    if (length === 0) return 0;
    for (let i = 0; i < length; i++) target[at + i] = this.#at(2 + i);
    this.#from = (this.#from + 2 + length) % this.#ring.length;
    this.#length -= 2 + length;
    return length;
  }

  #at(offset: number): number {
    return this.#ring[(this.#from + offset) % this.#ring.length] as number;
  }

  #put(octet: number): void {
    this.#ring[(this.#from + this.#length) % this.#ring.length] = octet;
    this.#length += 1;
  }
}
