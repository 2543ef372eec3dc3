/**
 * TLS records in the octets of one side of a connection: counted, never looked into.
 *
 *     0              1..2                3..4     5..
 *     content type   version 3.0..3.4    length   as many octets
 *
 * @source RFC 8446 section 5.1 and RFC 5246 section 6.2: content types 20..23, at most 2^14 + 2048 octets
 */
import { u16 } from "#wire";

const HEADER = 5;
const FIRST_TYPE = 20;
const LAST_TYPE = 23;
const LAST_MINOR = 4;
const LONGEST = 0x4000 + 2048;

/** Records whose header was seen; octets with those headers. */
export interface RecordCounts {
  records: number;
  octets: number;
}

/** `maybe`: too few octets to tell; `no`: what stands at the end of these octets is no record. */
export type Sort = "tls" | "maybe" | "no";

export class TlsRecords {
  /** A whole record header was seen. */
  isTls = false;
  readonly #header = new Uint8Array(HEADER);
  #have = 0;
  /** Octets of the record that are still to come. */
  #left = 0;
  /** Octets were lost, and with them where the next record begins: a piece that begins like a record tells. */
  #isLost = false;

  /** @param octets  the next of the stream are those from `at` to `end`; the capture's pieces are handed on as they came */
  take(octets: Uint8Array, at: number, end: number, counts: RecordCounts): Sort {
    if (this.#isLost) {
      this.#isLost = end - at < HEADER || !mayBegin(octets, at, HEADER);
      if (this.#isLost) {
        counts.octets += end - at;
        return "tls";
      }
    }
    for (let from = at; from < end; ) {
      if (this.#left > 0) {
        const count = Math.min(this.#left, end - from);
        this.#left -= count;
        counts.octets += count;
        from += count;
        continue;
      }
      this.#header[this.#have] = octets[from] as number;
      this.#have += 1;
      from += 1;
      if (!mayBegin(this.#header, 0, this.#have)) {
        this.#have = 0;
        return "no";
      }
      if (this.#have === HEADER) this.#begin(counts);
    }
    return this.isTls ? "tls" : "maybe";
  }

  /** @param missing  octets that were lost; null where that is not known */
  gap(missing: number | null): void {
    const isInside = missing !== null && this.#have === 0 && missing <= this.#left;
    this.#left = isInside ? this.#left - missing : 0;
    this.#have = 0;
    this.#isLost = this.isTls && !isInside;
  }

  #begin(counts: RecordCounts): void {
    this.isTls = true;
    this.#have = 0;
    this.#left = u16(this.#header, 3);
    counts.records += 1;
    counts.octets += HEADER;
  }
}

/** Do these octets, at most a header's, begin one? */
function mayBegin(octets: Uint8Array, at: number, count: number): boolean {
  const type = octets[at] as number;
  return (
    type >= FIRST_TYPE &&
    type <= LAST_TYPE &&
    (count < 2 || octets[at + 1] === 3) &&
    (count < 3 || (octets[at + 2] as number) <= LAST_MINOR) &&
    (count < HEADER || u16(octets, at + 3) <= LONGEST)
  );
}
