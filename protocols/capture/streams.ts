/**
 * TCP segments in capture order to the octets of each side of each connection, in sequence.
 *
 *     segment ─▶ side (4-tuple, one direction) ─▶ next octet? ─ yes ─▶ handler.octets
 *                                                    └─ later ─▶ held until the hole before it is filled, or is known never to be
 *
 * - Octets seen first win: what comes again, whole or in part, with the same or with other content, is dropped.
 * - A hole is filled by whatever brings its octets. It is given up (`handler.gap`) when the other side acknowledges octets beyond its
 *   beginning (they arrived, the capture lost them), when a cap below is reached, or when the connection or the capture ends.
 * - A packet cut by the snapshot length leaves a gap behind the octets it has.
 * - A side first seen without its SYN starts with a gap at the octets first seen. So does one whose numbers jump by more than `JUMP`: the
 *   address pair is in use again and the SYN was lost.
 * - A SYN with another initial number ends the old connection. After FIN and RST the side stays, so that a late retransmission is known as one.
 *
 * Memory is bounded: connections, held pieces and octets of a side and of all. The connection longest quiet makes room.
 */
import { ACK, RST, type Segment, SYN } from "./segment.ts";
import { copyStamp, newStamp, type Stamp } from "./time.ts";

export const LIMITS = {
  connections: 16_384,
  /** Pieces and octets held for one side: more than the receive window of any Modbus peer. */
  sidePieces: 64,
  sideOctets: 256 * 1024,
  /** Of all sides. */
  pieces: 4_096,
  octets: 8 * 1024 * 1024,
  /** A hole is given up after so many further frames of the capture: it bounds what waits for it. */
  frames: 4_096,
} as const;

/** Sequence numbers further off than any window in use are another connection's. */
const JUMP = 16 * 1024 * 1024;

/** A run of octets that came before its turn. */
interface Piece {
  position: number;
  octets: Uint8Array;
  readonly stamp: Stamp;
  done: boolean;
}

/** What is told of each side, in the order of its octets. */
export interface StreamHandler<S> {
  /** The octets `at`..`end` come next. Views: valid during the call. `side.stamp` is the frame by which they could be read. */
  octets(side: Side<S>, octets: Uint8Array, at: number, end: number): void;
  /** What comes next does not follow what came before; `missing` octets are lost, null where that cannot be known. */
  gap(side: Side<S>, missing: number | null): void;
  /** No more of this side: the state may go. */
  end(side: Side<S>): void;
}

/** One direction of a connection. */
export class Side<S> {
  readonly connection: Connection<S>;
  /** The receiver's half. Set once, right after construction. */
  peer!: Side<S>;
  /** Address octets, 4 or 16, and port of the sender. */
  readonly address: Uint8Array;
  readonly port: number;
  readonly hash: number;
  /** Next side of the same bucket. */
  chain: Side<S> | null = null;
  /** The handler's own. */
  state: S | null = null;
  /** Frame and time of the latest octets handed on. */
  readonly stamp: Stamp = newStamp();

  started = false;
  /** Sequence number of the SYN, or -1. */
  initial = -1;
  /** Octets of the stream before the next one, and that one's sequence number. */
  position = 0;
  sequence = 0;
  /** Sorted, without overlap, all beyond `position`. */
  held: Piece[] = [];
  heldOctets = 0;

  constructor(connection: Connection<S>, address: Uint8Array, port: number, hash: number) {
    this.connection = connection;
    this.address = address;
    this.port = port;
    this.hash = hash;
  }
}

export class Connection<S> {
  a!: Side<S>;
  b!: Side<S>;
  /** The side that sent the SYN, where one was seen. */
  opener: Side<S> | null = null;
  /** Neighbours in the order of last use. */
  older: Connection<S> | null = null;
  newer: Connection<S> | null = null;
}

export interface StreamCounts {
  connections: number;
  /** Segments that brought nothing new, whole. */
  retransmitted: number;
  /** Segments that came before their turn. */
  reordered: number;
  gaps: number;
  /** Octets in those gaps, where known. */
  missing: number;
  /** Segments cut by the snapshot length. */
  cut: number;
  /** Connections dropped to make room. */
  evicted: number;
}

const BUCKETS = 32_768;
const NONE = new Uint8Array(0);

export class Streams<S> {
  readonly counts: StreamCounts = { connections: 0, retransmitted: 0, reordered: 0, gaps: 0, missing: 0, cut: 0, evicted: 0 };
  readonly #handler: StreamHandler<S>;
  /** A capture made to put all its connections into one bucket cannot know it. */
  readonly #seed = Math.trunc(Math.random() * 0x1_0000_0000);
  readonly #buckets: (Side<S> | null)[];
  #live = 0;
  #oldest: Connection<S> | null = null;
  #newest: Connection<S> | null = null;
  /** All held pieces in the order they came; done ones are dropped from the front. */
  readonly #waiting: { readonly piece: Piece; readonly side: Side<S> }[] = [];
  #waitingFrom = 0;
  #heldOctets = 0;

  /** @param buckets  a power of two */
  constructor(handler: StreamHandler<S>, buckets = BUCKETS) {
    this.#handler = handler;
    this.#buckets = new Array(buckets).fill(null);
  }

  /** Frame of the piece that waits longest, or Infinity: nothing earlier than it will still be handed on. */
  get oldestHeld(): number {
    if (this.#waiting.length === 0) return Number.POSITIVE_INFINITY;
    return this.#firstWaiting()?.piece.stamp.frame ?? Number.POSITIVE_INFINITY;
  }

  /** Take in one segment. `octets` are those the segment was read from. */
  take(segment: Segment, octets: Uint8Array, stamp: Stamp): void {
    if (this.#waiting.length > 0) this.#expire(stamp.frame);
    const { flags } = segment;
    let side = this.#find(segment, octets);
    if (side === null) {
      if ((flags & SYN) === 0 && segment.payloadLength === 0) return;
      side = this.#open(segment, octets);
    }
    this.#touch(side.connection);
    if ((flags & ACK) !== 0 && side.peer.held.length > 0) this.#acknowledged(side.peer, segment.acknowledgement);
    if ((flags & RST) !== 0) {
      this.#giveUp(side, Number.POSITIVE_INFINITY);
      this.#giveUp(side.peer, Number.POSITIVE_INFINITY);
      return;
    }
    if ((flags & SYN) !== 0) this.#synchronise(side, segment);
    if (segment.payloadLength === 0) return;
    const sequence = (flags & SYN) === 0 ? segment.sequence : (segment.sequence + 1) >>> 0;
    this.#payload(side, segment, sequence, octets, stamp);
  }

  /** Whose datagram this is: of datagrams only who sends to whom is kept, in a table of their own. */
  sideOf(datagram: Segment, octets: Uint8Array, stamp: Stamp): Side<S> {
    const side = this.#find(datagram, octets) ?? this.#open(datagram, octets);
    this.#touch(side.connection);
    copyStamp(stamp, side.stamp);
    return side;
  }

  /** The capture is over: hand on what is held, then end every side. */
  end(): void {
    for (let waiting = this.#firstWaiting(); waiting !== null; waiting = this.#firstWaiting()) {
      this.#giveUp(waiting.side, waiting.piece.position + 1);
    }
    while (this.#oldest !== null) this.#close(this.#oldest);
  }

  #synchronise(side: Side<S>, segment: Segment): void {
    if (side.initial === segment.sequence) return; // a SYN again
    const { connection } = side;
    if (side.started) this.#restart(connection);
    const opens = (segment.flags & ACK) === 0;
    connection.opener = opens ? side : side.peer;
    side.started = true;
    side.initial = segment.sequence;
    side.sequence = (segment.sequence + 1) >>> 0;
    side.position = 0;
    if (opens || side.peer.started) return;
    // The SYN was not captured; its answer tells where the other side begins.
    side.peer.started = true;
    side.peer.initial = (segment.acknowledgement - 1) >>> 0;
    side.peer.sequence = segment.acknowledgement;
  }

  #payload(side: Side<S>, segment: Segment, sequence: number, octets: Uint8Array, stamp: Stamp): void {
    if (!side.started) {
      side.started = true;
      side.sequence = sequence;
      this.#gap(side, null);
    }
    const ahead = (sequence - side.sequence) | 0;
    const { payloadLength, payloadCaptured } = segment;
    if (ahead > JUMP || ahead < -JUMP) {
      this.#giveUp(side, Number.POSITIVE_INFINITY);
      this.#gap(side, null);
      side.sequence = sequence;
      this.#inTurn(side, 0, segment, octets, stamp);
      return;
    }
    if (ahead + payloadLength <= 0) {
      this.counts.retransmitted += 1;
      return;
    }
    if (side.held.length === 0 && ahead <= 0) {
      this.#inTurn(side, -ahead, segment, octets, stamp);
      return;
    }
    if (payloadCaptured < payloadLength) this.counts.cut += 1;
    if (ahead > 0) this.counts.reordered += 1;
    this.#hold(side, side.position + ahead, octets, segment.payloadAt, payloadCaptured, stamp);
    this.#drain(side);
  }

  /** The segment's octets come next, but for the first `old` of them. Nothing is held. */
  #inTurn(side: Side<S>, old: number, segment: Segment, octets: Uint8Array, stamp: Stamp): void {
    const { payloadAt, payloadCaptured, payloadLength } = segment;
    if (old < payloadCaptured) this.#hand(side, octets, payloadAt + old, payloadAt + payloadCaptured, stamp);
    if (payloadCaptured === payloadLength) return;
    this.counts.cut += 1;
    const missing = payloadLength - Math.max(old, payloadCaptured);
    this.#advance(side, missing);
    this.#gap(side, missing);
  }

  #hand(side: Side<S>, octets: Uint8Array, at: number, end: number, stamp: Stamp): void {
    this.#advance(side, end - at);
    if (stamp.frame > side.stamp.frame) copyStamp(stamp, side.stamp);
    this.#handler.octets(side, octets, at, end);
  }

  #advance(side: Side<S>, count: number): void {
    side.position += count;
    side.sequence = (side.sequence + count) >>> 0;
  }

  #gap(side: Side<S>, missing: number | null): void {
    if (missing !== null) {
      this.counts.gaps += 1;
      this.counts.missing += missing;
    }
    this.#handler.gap(side, missing);
  }

  /** Keep what of these octets is not held yet. */
  #hold(side: Side<S>, start: number, octets: Uint8Array, at: number, count: number, stamp: Stamp): void {
    if (side.held.length >= LIMITS.sidePieces || side.heldOctets + count > LIMITS.sideOctets) this.#giveUp(side, Number.POSITIVE_INFINITY);
    let from = Math.max(start, side.position);
    const to = start + count;
    const { held } = side;
    let index = 0;
    while (from < to) {
      const next = held[index];
      const stop = next === undefined ? to : Math.min(to, next.position);
      if (from < stop) {
        const piece: Piece = {
          position: from,
          octets: octets.slice(at + from - start, at + stop - start),
          stamp: { ...stamp },
          done: false,
        };
        held.splice(index, 0, piece);
        side.heldOctets += stop - from;
        this.#heldOctets += stop - from;
        this.#waiting.push({ piece, side });
        index += 1;
        from = stop;
      }
      if (next === undefined) return;
      from = Math.max(from, next.position + next.octets.length);
      index += 1;
    }
  }

  /** Hand on held pieces whose turn has come. */
  #drain(side: Side<S>): void {
    for (let piece = side.held[0]; piece !== undefined && piece.position === side.position; piece = side.held[0]) {
      side.held.shift();
      const { octets } = piece;
      piece.done = true;
      piece.octets = NONE;
      side.heldOctets -= octets.length;
      this.#heldOctets -= octets.length;
      this.#hand(side, octets, 0, octets.length, piece.stamp);
    }
  }

  /** Give up every hole that begins before the position `beyond` and has something held behind it there. */
  #giveUp(side: Side<S>, beyond: number): void {
    for (let piece = side.held[0]; piece !== undefined && piece.position < beyond; piece = side.held[0]) {
      const missing = piece.position - side.position;
      this.#advance(side, missing);
      this.#gap(side, missing);
      this.#drain(side);
    }
  }

  #acknowledged(side: Side<S>, number: number): void {
    const ahead = (number - side.sequence) | 0;
    if (ahead > 0 && ahead <= JUMP) this.#giveUp(side, side.position + ahead);
  }

  /** Holes that everything else waits for too long are given up. */
  #expire(frame: number): void {
    for (let waiting = this.#firstWaiting(); waiting !== null; waiting = this.#firstWaiting()) {
      const crowded = this.#waiting.length - this.#waitingFrom > LIMITS.pieces || this.#heldOctets > LIMITS.octets;
      if (!crowded && frame - waiting.piece.stamp.frame < LIMITS.frames) return;
      this.#giveUp(waiting.side, waiting.piece.position + 1);
    }
  }

  #firstWaiting(): { readonly piece: Piece; readonly side: Side<S> } | null {
    const waiting = this.#waiting;
    let from = this.#waitingFrom;
    while (waiting[from]?.piece.done === true) from += 1;
    if (from === waiting.length || from > 1024) {
      waiting.splice(0, from);
      from = 0;
    }
    this.#waitingFrom = from;
    return waiting[from] ?? null;
  }

  #find(segment: Segment, octets: Uint8Array): Side<S> | null {
    const { addressLength, sourceAt, destinationAt, sourcePort, destinationPort } = segment;
    const hash = hashOf(this.#seed, octets, sourceAt, destinationAt, addressLength, (sourcePort << 16) | destinationPort);
    for (let side = this.#buckets[hash & (this.#buckets.length - 1)] ?? null; side !== null; side = side.chain) {
      if (
        side.hash === hash &&
        side.port === sourcePort &&
        side.peer.port === destinationPort &&
        side.address.length === addressLength &&
        sameAddress(side.address, octets, sourceAt) &&
        sameAddress(side.peer.address, octets, destinationAt)
      )
        return side;
    }
    return null;
  }

  #open(segment: Segment, octets: Uint8Array): Side<S> {
    if (this.#live === LIMITS.connections && this.#oldest !== null) {
      this.counts.evicted += 1;
      this.#close(this.#oldest);
    }
    const { addressLength, sourceAt, destinationAt, sourcePort, destinationPort } = segment;
    const connection = new Connection<S>();
    const there = hashOf(this.#seed, octets, sourceAt, destinationAt, addressLength, (sourcePort << 16) | destinationPort);
    const back = hashOf(this.#seed, octets, destinationAt, sourceAt, addressLength, (destinationPort << 16) | sourcePort);
    const side = new Side(connection, octets.slice(sourceAt, sourceAt + addressLength), sourcePort, there);
    const peer = new Side(connection, octets.slice(destinationAt, destinationAt + addressLength), destinationPort, back);
    side.peer = peer;
    peer.peer = side;
    connection.a = side;
    connection.b = peer;
    this.#insert(side);
    this.#insert(peer);
    this.#live += 1;
    this.counts.connections += 1;
    this.#append(connection);
    return side;
  }

  /** The same address pair begins anew. */
  #restart(connection: Connection<S>): void {
    this.counts.connections += 1;
    for (const side of [connection.a, connection.b]) {
      this.#giveUp(side, Number.POSITIVE_INFINITY);
      this.#handler.end(side);
      side.state = null;
      side.started = false;
      side.initial = -1;
      side.position = 0;
    }
    connection.opener = null;
  }

  #close(connection: Connection<S>): void {
    for (const side of [connection.a, connection.b]) {
      this.#giveUp(side, Number.POSITIVE_INFINITY);
      this.#handler.end(side);
      this.#remove(side);
    }
    this.#unlink(connection);
    this.#live -= 1;
  }

  #insert(side: Side<S>): void {
    const bucket = side.hash & (this.#buckets.length - 1);
    side.chain = this.#buckets[bucket] ?? null;
    this.#buckets[bucket] = side;
  }

  #remove(side: Side<S>): void {
    const bucket = side.hash & (this.#buckets.length - 1);
    let before: Side<S> | null = null;
    for (let at = this.#buckets[bucket] ?? null; at !== null; before = at, at = at.chain) {
      if (at !== side) continue;
      if (before === null) this.#buckets[bucket] = at.chain;
      else before.chain = at.chain;
      return;
    }
  }

  #touch(connection: Connection<S>): void {
    if (connection === this.#newest) return;
    this.#unlink(connection);
    this.#append(connection);
  }

  #append(connection: Connection<S>): void {
    connection.older = this.#newest;
    connection.newer = null;
    if (this.#newest === null) this.#oldest = connection;
    else this.#newest.newer = connection;
    this.#newest = connection;
  }

  #unlink(connection: Connection<S>): void {
    const { older, newer } = connection;
    if (older === null) this.#oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
  }
}

function hashOf(seed: number, octets: Uint8Array, from: number, to: number, length: number, ports: number): number {
  let hash = Math.imul(seed ^ ports, 0x9e37_79b1);
  for (let i = 0; i < length; i += 4) {
    hash = Math.imul(hash ^ quad(octets, from + i), 0x85eb_ca6b);
    hash ^= hash >>> 15;
    hash = Math.imul(hash ^ quad(octets, to + i), 0xc2b2_ae35);
    hash ^= hash >>> 13;
  }
  return hash;
}

function quad(octets: Uint8Array, at: number): number {
  return (
    ((octets[at] as number) << 24) | ((octets[at + 1] as number) << 16) | ((octets[at + 2] as number) << 8) | (octets[at + 3] as number)
  );
}

function sameAddress(address: Uint8Array, octets: Uint8Array, at: number): boolean {
  for (let i = 0; i < address.length; i++) if (address[i] !== octets[at + i]) return false;
  return true;
}
