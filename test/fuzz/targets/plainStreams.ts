/**
 * A witness of TCP streams: it writes down which octet each segment brought under which sequence number, and holds what is handed on against
 * that. It knows nothing of turns, windows and holes.
 */
import type { Segment } from "#capture/segment";
import { RST, SYN } from "#capture/segment";
import type { Side, StreamHandler } from "#capture/streams";
import { must } from "../target.ts";

/** What one direction of a connection brought, since it began. */
class Brought {
  readonly #octets = new Set<number>();
  readonly #numbers = new Set<number>();

  note(number: number, octet: number): void {
    this.#octets.add(number * 256 + octet);
    this.#numbers.add(number);
  }

  add(other: Brought): void {
    for (const each of other.#octets) this.#octets.add(each);
    for (const each of other.#numbers) this.#numbers.add(each);
  }

  has(number: number, octet: number): boolean {
    return this.#octets.has(number * 256 + octet);
  }

  hasAny(number: number): boolean {
    return this.#numbers.has(number);
  }

  forget(): void {
    this.#octets.clear();
    this.#numbers.clear();
  }
}

export class Witness<S> implements StreamHandler<S> {
  readonly #told: StreamHandler<S>;
  readonly #flows = new Map<string, Brought>();
  /** The segment at hand: it may belong to what ends with it, or to what begins. */
  readonly #now = new Brought();
  #nowOf = this.#now;

  /** @param told  whom it stands before */
  constructor(told: StreamHandler<S>) {
    this.#told = told;
  }

  /** Before the streams take it. */
  see(segment: Segment, octets: Uint8Array): void {
    const { addressLength, sourceAt, destinationAt, sourcePort, destinationPort, payloadAt, payloadCaptured } = segment;
    this.#nowOf.add(this.#now);
    this.#now.forget();
    const from = octets.subarray(sourceAt, sourceAt + addressLength);
    this.#nowOf = this.#flow(from, sourcePort, octets.subarray(destinationAt, destinationAt + addressLength), destinationPort);
    // What a reset carries says why, and is no part of the stream (RFC 9293 3.5.3).
    if ((segment.flags & RST) !== 0) return;
    const first = segment.sequence + ((segment.flags & SYN) === 0 ? 0 : 1);
    for (let i = 0; i < payloadCaptured; i++) this.#now.note((first + i) >>> 0, octets[payloadAt + i] as number);
  }

  octets(side: Side<S>, octets: Uint8Array, at: number, end: number): void {
    const flow = this.#flowOf(side);
    for (let i = at; i < end; i++) {
      const number = (side.sequence - (end - i)) >>> 0;
      const octet = octets[i] as number;
      const isBrought = flow.has(number, octet) || (flow === this.#nowOf && this.#now.has(number, octet));
      must(isBrought, `octet ${octet} as number ${number}, which nobody brought`);
    }
    this.#told.octets(side, octets, at, end);
  }

  gap(side: Side<S>, missing: number | null): void {
    if (missing === null) this.#flowOf(side).forget();
    else must(!this.#flowOf(side).hasAny((side.sequence - missing) >>> 0), `${missing} octets missing, the first of which was brought`);
    this.#told.gap(side, missing);
  }

  end(side: Side<S>): void {
    this.#flowOf(side).forget();
    this.#told.end(side);
  }

  #flowOf({ address, port, peer }: Side<S>): Brought {
    return this.#flow(address, port, peer.address, peer.port);
  }

  #flow(from: Uint8Array, port: number, to: Uint8Array, toPort: number): Brought {
    const name = `${String.fromCharCode(...from, ...to)} ${port} ${toPort}`;
    const known = this.#flows.get(name);
    if (known !== undefined) return known;
    const flow = new Brought();
    this.#flows.set(name, flow);
    return flow;
  }
}
