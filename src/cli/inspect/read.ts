/** A capture file read in large pieces: packets to segments to streams to Modbus messages and DNP3 frames, datagrams to frames. Memory stays flat however long the file is. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { type Broken, CaptureFile } from "#capture/file";
import { Segment, type Skip } from "#capture/segment";
import { type StreamCounts, Streams } from "#capture/streams";
import type { Stamp } from "#capture/time";
import type { Request } from "#modbus/pdu";
import { type Dnp3Counts, Dnp3Frames, type Dnp3State, type LinkLine } from "./dnp3Frames.ts";
import { type MessageCounts, Messages, type OnMessage, type Sight } from "./messages.ts";

/** The registered port of Modbus/TCP. */
const MODBUS_PORT = 502;
/** And of DNP3. */
const DNP3_PORT = 20_000;
/** Registered for DNP3 that is secured, and in use for DNP3 over TLS. */
const DNP3_TLS_PORT = 19_999;
/** What a port carries. */
const MODBUS = 1;
const DNP3 = 2;
/** Over TCP alone. */
const DNP3_TCP = 3;

/** Ports besides the registered ones. */
export interface Ports {
  /** TCP. */
  readonly modbus: readonly number[];
  /** TCP and UDP. */
  readonly dnp3: readonly number[];
}

/** Frames read between two looks at the output. */
const STEP = 256;

export class CaptureReader {
  /** Frames that gave nothing. `notTcp` counts datagrams of other ports too. */
  readonly skipped: Record<Skip | "otherPort", number> = { linkType: 0, notIp: 0, notTcp: 0, fragment: 0, damaged: 0, otherPort: 0 };
  readonly #file = new CaptureFile();
  readonly #segment = new Segment();
  readonly #messages: Messages;
  readonly #streams: Streams<Sight>;
  readonly #dnp3: Dnp3Frames;
  readonly #dnp3Streams: Streams<Dnp3State>;
  readonly #dnp3Datagrams: Streams<Dnp3State>;
  readonly #ports = new Uint8Array(65_536);
  readonly #descriptor: number;
  /** Octets of the file; 0 where it has no size (a pipe). */
  readonly size: number;
  /** Link types met that are not read. */
  readonly unknownLinks = new Set<number>();
  octetsRead = 0;

  /** Throws what the file system has to say. */
  constructor(path: string, ports: Ports, tell: OnMessage, tellFrame: (line: LinkLine) => void) {
    // Whoever says what a port carries is believed over the register.
    this.#ports[MODBUS_PORT] = MODBUS;
    this.#ports[DNP3_PORT] = DNP3;
    this.#ports[DNP3_TLS_PORT] = DNP3_TCP;
    for (const port of ports.dnp3) this.#ports[port] = DNP3;
    for (const port of ports.modbus) this.#ports[port] = MODBUS;
    this.#messages = new Messages((port) => this.#ports[port] === MODBUS, tell);
    this.#streams = new Streams(this.#messages);
    this.#dnp3 = new Dnp3Frames((port) => this.#ports[port] === DNP3 || this.#ports[port] === DNP3_TCP, tellFrame);
    this.#dnp3Streams = new Streams(this.#dnp3);
    this.#dnp3Datagrams = new Streams(this.#dnp3);
    this.#descriptor = openSync(path, "r");
    this.size = fstatSync(this.#descriptor).size;
  }

  get frames(): number {
    return this.#file.stamp.frame;
  }

  get broken(): Broken | null {
    return this.#file.broken;
  }

  get messageCounts(): Readonly<MessageCounts> {
    return this.#messages.counts;
  }

  get dnp3Counts(): Readonly<Dnp3Counts> {
    return this.#dnp3.counts;
  }

  get streamCounts(): Readonly<StreamCounts> {
    const [a, b, c] = [this.#streams.counts, this.#dnp3Streams.counts, this.#dnp3Datagrams.counts];
    return {
      connections: a.connections + b.connections + c.connections,
      gaps: a.gaps + b.gaps,
      missing: a.missing + b.missing,
      retransmitted: a.retransmitted + b.retransmitted,
      reordered: a.reordered + b.reordered,
      cut: a.cut + b.cut,
      evicted: a.evicted + b.evicted + c.evicted,
    };
  }

  get oldestHeld(): number {
    return Math.min(this.#streams.oldestHeld, this.#dnp3Streams.oldestHeld);
  }

  /** Read on for a while; false when there is no more. Throws what the file system has to say. */
  step(): boolean {
    const file = this.#file;
    for (let i = 0; i < STEP; i++) {
      switch (file.next()) {
        case "packet":
          this.#packet();
          break;
        case "more": {
          const count = readSync(this.#descriptor, file.space());
          this.octetsRead += count;
          file.filled(count);
          break;
        }
        default:
          this.#streams.end();
          this.#dnp3Streams.end();
          this.#dnp3Datagrams.end();
          return false;
      }
    }
    return true;
  }

  #carries({ sourcePort, destinationPort }: Segment, what: number): boolean {
    return this.#ports[sourcePort] === what || this.#ports[destinationPort] === what;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #packet(): void {
    const { octets, at, captured, original, link, stamp } = this.#file;
    const segment = this.#segment;
    const found = segment.read(octets, at, captured, original, link);
    if (found === "datagram") {
      this.#datagram(octets, stamp);
    } else if (found !== null) {
      this.skipped[found] += 1;
      if (found === "linkType" && this.unknownLinks.size < 16) this.unknownLinks.add(link);
    } else if (this.#carries(segment, MODBUS)) {
      this.#streams.take(segment, octets, stamp);
    } else if (this.#carries(segment, DNP3) || this.#carries(segment, DNP3_TCP)) {
      this.#dnp3Streams.take(segment, octets, stamp);
    } else {
      this.skipped.otherPort += 1;
    }
  }

  #datagram(octets: Uint8Array, stamp: Stamp): void {
    const datagram = this.#segment;
    if (!this.#carries(datagram, DNP3)) {
      this.skipped.notTcp += 1;
      return;
    }
    const { payloadAt, payloadCaptured, payloadLength } = datagram;
    const side = this.#dnp3Datagrams.sideOf(datagram, octets, stamp);
    this.#dnp3.datagram(side, octets, payloadAt, payloadAt + payloadCaptured, payloadCaptured < payloadLength);
  }
}

/** Every well-formed Modbus request of a capture, in capture order but for octets that came out of theirs. The request is valid during the call. */
export function eachRequest(
  path: string,
  ports: readonly number[],
  tell: (request: Request, unit: number, frame: number) => void,
): CaptureReader {
  const reader = new CaptureReader(
    path,
    { modbus: ports, dnp3: [] },
    (row, request) => {
      if (request !== null) tell(request, row.unit, row.stamp.frame);
    },
    () => {},
  );
  try {
    while (reader.step());
  } finally {
    reader.close();
  }
  return reader;
}
