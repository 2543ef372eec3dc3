/**
 * Modbus messages in the octets of TCP streams (MBAP, modbus/mbap.ts draws it), with their direction.
 *
 * A capture is read where the gateway would have closed the connection, so this reader goes on after what cannot be a header:
 * - In step: each message begins where the one before ended. Octets that are no header put the side out of step.
 * - Out of step (after octets were lost, after a start in the middle, after other octets than Modbus): what comes is passed over up to a
 *   captured segment that begins like a message: protocol id 0, a length of 2..254, a function other than 0, and the message ends with the
 *   segment, goes on behind it, or is followed by another header. Modbus peers begin a segment with a message, so this finds the next one.
 * - A message whose length field says 255..2048 is one message, malformed (vendors send such), and keeps the side in step.
 * - Of a side that has sent messages, one in step with another protocol id that ends exactly with its segment is one too, malformed.
 *
 * Direction: from the SYN; else the end on a Modbus port is the server; where both or neither is, the first message whose shape fits one
 * direction alone settles it for the connection, and those before are `unknown`.
 */
import type { Side, StreamHandler } from "#capture/streams";
import { copyStamp } from "#capture/time";
import { decodeReply, decodeRequest, type Request } from "#modbus/pdu";
import { u16 } from "#wire";
import { clear, type Direction, fillMalformed, fillReply, fillRequest, REQUEST, RESPONSE, Row, UNKNOWN } from "./row.ts";

const HEADER = 7;
const BEFORE_LENGTH_COUNTS = 6;
const LEAST = 2;
const MOST = 254;
/** Longest length field taken for a message at all. */
const LONG = 2_048;

/** What is known of one direction of one connection. */
export class Sight {
  inStep = true;
  /** Has sent a message: these are no other protocol's octets. */
  understood = false;
  /** The beginning of a message that goes on in the next octets. */
  pending: Uint8Array | null = null;
  have = 0;
  /** Of the messages this side sends. */
  direction: Direction;
  /** Counts of the bits this side asked for. */
  readonly asked = new Asked();
  /** What the lines of this side have in common, encoded, by direction (json.ts). */
  readonly heads: (Uint8Array | null)[] = [null, null, null];

  constructor(direction: Direction) {
    this.direction = direction;
  }
}

/** Open requests a server may have at once are 1 to 16 (MODBUS Messaging Guide 4.4.2). */
const OPEN = 32;

/** How many bits the latest FC 1 and 2 requests asked for: what tells values from padding in the reply. */
class Asked {
  #keys: Float64Array | null = null;
  #counts: Uint16Array | null = null;
  #next = 0;

  note(transaction: number, unit: number, code: number, count: number): void {
    this.#keys ??= new Float64Array(OPEN).fill(-1);
    this.#counts ??= new Uint16Array(OPEN);
    this.#keys[this.#next] = key(transaction, unit, code);
    this.#counts[this.#next] = count;
    this.#next = (this.#next + 1) % OPEN;
  }

  /** The latest such request's count, once; null where none is known. */
  take(transaction: number, unit: number, code: number): number | null {
    if (this.#keys === null || this.#counts === null) return null;
    const wanted = key(transaction, unit, code);
    for (let back = 1; back <= OPEN; back++) {
      const at = (this.#next - back + OPEN) % OPEN;
      if (this.#keys[at] !== wanted) continue;
      this.#keys[at] = -1;
      return this.#counts[at] as number;
    }
    return null;
  }

  forget(): void {
    this.#keys?.fill(-1);
  }
}

function key(transaction: number, unit: number, code: number): number {
  return transaction * 0x1_0000 + unit * 0x100 + code;
}

export interface MessageCounts {
  messages: number;
  malformed: number;
  /** Messages whose end was not captured. */
  incomplete: number;
  /** Octets on Modbus ports that are no Modbus, or could not be read for what was lost before them. */
  foreignOctets: number;
}

/** Told of each message; the row is valid during the call. `request` is what it decoded to, where it is a well-formed request. */
export type OnMessage = (row: Row, request: Request | null) => void;

export class Messages implements StreamHandler<Sight> {
  readonly counts: MessageCounts = { messages: 0, malformed: 0, incomplete: 0, foreignOctets: 0 };
  readonly #isServerPort: (port: number) => boolean;
  readonly #tell: OnMessage;
  readonly #row = new Row();

  constructor(isServerPort: (port: number) => boolean, tell: OnMessage) {
    this.#isServerPort = isServerPort;
    this.#tell = tell;
  }

  octets(side: Side<Sight>, octets: Uint8Array, start: number, end: number): void {
    const sight = this.#sightOf(side);
    let at = start;
    if (sight.have > 0) at = this.#goOn(side, sight, octets, at, end);
    if (!sight.inStep) {
      if (at > start || !beginsLikeMessage(octets, at, end)) {
        this.counts.foreignOctets += end - at;
        return;
      }
      sight.inStep = true;
    }
    while (at < end) {
      const left = end - at;
      const size = sizeOf(octets, at, left);
      if (size > 0 && size <= left) {
        this.#message(side, sight, octets, at, size, null);
        at += size;
      } else if (size >= 0) {
        this.#keep(sight, octets, at, left);
        return;
      } else if (sight.understood && endsHere(octets, at, left)) {
        this.#message(side, sight, octets, at, left, "badProtocolId");
        return;
      } else {
        sight.inStep = false;
        this.counts.foreignOctets += left;
        return;
      }
    }
  }

  gap(side: Side<Sight>): void {
    const sight = this.#sightOf(side);
    if (sight.have > 0) this.counts.incomplete += 1;
    sight.have = 0;
    sight.inStep = false;
    sight.asked.forget();
  }

  end(side: Side<Sight>): void {
    if (side.state !== null && side.state.have > 0) this.counts.incomplete += 1;
  }

  #sightOf(side: Side<Sight>): Sight {
    side.state ??= new Sight(this.#directionOf(side));
    return side.state;
  }

  #directionOf(side: Side<Sight>): Direction {
    const { opener } = side.connection;
    if (opener !== null) return opener === side ? REQUEST : RESPONSE;
    const settled = side.peer.state?.direction ?? UNKNOWN;
    if (settled !== UNKNOWN) return settled === REQUEST ? RESPONSE : REQUEST;
    const from = this.#isServerPort(side.port);
    if (from === this.#isServerPort(side.peer.port)) return UNKNOWN;
    return from ? RESPONSE : REQUEST;
  }

  /** Add to the message that began earlier. Returns where the octets not used yet begin. */
  #goOn(side: Side<Sight>, sight: Sight, octets: Uint8Array, start: number, end: number): number {
    const pending = sight.pending as Uint8Array;
    let at = start;
    while (sight.have < BEFORE_LENGTH_COUNTS && at < end) pending[sight.have++] = octets[at++] as number;
    const size = sizeOf(pending, 0, sight.have);
    if (size < 0) {
      this.counts.foreignOctets += sight.have;
      sight.have = 0;
      sight.inStep = false;
      return at;
    }
    if (size === 0) return at;
    const now = Math.min(size - sight.have, end - at);
    const room = roomFor(sight, size);
    room.set(octets.subarray(at, at + now), sight.have);
    sight.have += now;
    if (sight.have === size) {
      sight.have = 0;
      this.#message(side, sight, room, 0, size, null);
    }
    return at + now;
  }

  #keep(sight: Sight, octets: Uint8Array, at: number, count: number): void {
    roomFor(sight, count).set(octets.subarray(at, at + count));
    sight.have = count;
  }

  #message(side: Side<Sight>, sight: Sight, octets: Uint8Array, at: number, size: number, wrong: string | null): void {
    const row = this.#row;
    const pduAt = at + HEADER;
    const pduLength = size - HEADER;
    sight.understood = true;
    clear(row, octets, pduAt, pduLength);
    row.side = side;
    copyStamp(side.stamp, row.stamp);
    row.transaction = u16(octets, at);
    row.unit = octets[at + BEFORE_LENGTH_COUNTS] as number;
    if (sight.direction === UNKNOWN && wrong === null) this.#settle(side, sight, row);
    row.direction = sight.direction;
    let request: Request | null = null;
    if (wrong !== null) fillMalformed(row, wrong);
    else if (sight.direction === RESPONSE) this.#response(side, row);
    else request = this.#request(sight, row);
    this.counts.messages += 1;
    if (row.malformed !== null) this.counts.malformed += 1;
    this.#tell(row, request);
  }

  #request(sight: Sight, row: Row): Request | null {
    const decoded = decodeRequest(row.pdu, row.pduAt, row.pduLength);
    if (!decoded.ok) {
      fillMalformed(row, decoded.error.kind);
      return null;
    }
    const request = decoded.value;
    if (request.is === "read" && request.function <= 2) sight.asked.note(row.transaction, row.unit, request.function, request.count);
    fillRequest(row, request);
    return request;
  }

  #response(side: Side<Sight>, row: Row): void {
    const coilCount = row.function <= 2 ? (side.peer.state?.asked.take(row.transaction, row.unit, row.function) ?? null) : null;
    const decoded = decodeReply(row.pdu, row.pduAt, row.pduLength, coilCount);
    if (decoded.ok) fillReply(row, decoded.value, coilCount);
    else fillMalformed(row, decoded.error.kind);
  }

  /** Does the shape say who asks? */
  #settle(side: Side<Sight>, sight: Sight, row: Row): void {
    const asRequest = decodeRequest(row.pdu, row.pduAt, row.pduLength).ok;
    const asReply = decodeReply(row.pdu, row.pduAt, row.pduLength, null).ok;
    if (asRequest === asReply) return;
    sight.direction = asRequest ? REQUEST : RESPONSE;
    if (side.peer.state !== null) side.peer.state.direction = asRequest ? RESPONSE : REQUEST;
  }
}

/** Where a message of `size` octets is gathered: most are of the standard's size, and few sides need room at all. */
function roomFor(sight: Sight, size: number): Uint8Array {
  const { pending } = sight;
  if (pending !== null && pending.length >= size) return pending;
  const room = new Uint8Array(size <= BEFORE_LENGTH_COUNTS + MOST ? BEFORE_LENGTH_COUNTS + MOST : BEFORE_LENGTH_COUNTS + LONG);
  if (pending !== null) room.set(pending);
  sight.pending = room;
  return room;
}

/** Octets of the message that begins here; 0: too few to tell; -1: no message begins here. */
function sizeOf(octets: Uint8Array, at: number, left: number): number {
  if (left < 4) return 0;
  if (u16(octets, at + 2) !== 0) return -1;
  if (left < BEFORE_LENGTH_COUNTS) return 0;
  const length = u16(octets, at + 4);
  return length < LEAST || length > LONG ? -1 : BEFORE_LENGTH_COUNTS + length;
}

/** But for its protocol id this is a message, alone in its segment. */
function endsHere(octets: Uint8Array, at: number, left: number): boolean {
  return left > HEADER && left <= BEFORE_LENGTH_COUNTS + MOST && BEFORE_LENGTH_COUNTS + u16(octets, at + 4) === left;
}

function beginsLikeMessage(octets: Uint8Array, at: number, end: number): boolean {
  const left = end - at;
  if (left <= HEADER) return false;
  const size = sizeOf(octets, at, left);
  if (size < 0 || size > BEFORE_LENGTH_COUNTS + MOST || ((octets[at + HEADER] as number) & 0x7f) === 0) return false;
  return size >= left || sizeOf(octets, at + size, left - size) >= 0;
}
