/** A capture file read in large pieces: packets to segments to streams to Modbus messages. Memory stays flat however long the file is. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { type Broken, CaptureFile } from "#capture/file";
import { Segment, type Skip } from "#capture/segment";
import { type StreamCounts, Streams } from "#capture/streams";
import type { Request } from "#modbus/pdu";
import { type MessageCounts, Messages, type OnMessage, type Sight } from "./messages.ts";

/** The registered port of Modbus/TCP. */
const MODBUS_PORT = 502;

/** Frames read between two looks at the output. */
const STEP = 256;

export class CaptureReader {
  readonly skipped: Record<Skip | "otherPort", number> = { linkType: 0, notIp: 0, notTcp: 0, fragment: 0, damaged: 0, otherPort: 0 };
  readonly #file = new CaptureFile();
  readonly #segment = new Segment();
  readonly #messages: Messages;
  readonly #streams: Streams<Sight>;
  readonly #ports = new Uint8Array(65_536);
  readonly #descriptor: number;
  /** Octets of the file; 0 where it has no size (a pipe). */
  readonly size: number;
  /** Link types met that are not read. */
  readonly unknownLinks = new Set<number>();
  octetsRead = 0;

  /** Throws what the file system has to say. */
  constructor(path: string, ports: readonly number[], tell: OnMessage) {
    for (const port of [MODBUS_PORT, ...ports]) this.#ports[port] = 1;
    this.#messages = new Messages((port) => this.#ports[port] === 1, tell);
    this.#streams = new Streams(this.#messages);
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

  get streamCounts(): Readonly<StreamCounts> {
    return this.#streams.counts;
  }

  get oldestHeld(): number {
    return this.#streams.oldestHeld;
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
          return false;
      }
    }
    return true;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #packet(): void {
    const { octets, at, captured, original, link, stamp } = this.#file;
    const segment = this.#segment;
    const skip = segment.read(octets, at, captured, original, link);
    if (skip !== null) {
      this.skipped[skip] += 1;
      if (skip === "linkType" && this.unknownLinks.size < 16) this.unknownLinks.add(link);
    } else if (this.#ports[segment.sourcePort] === 1 || this.#ports[segment.destinationPort] === 1) {
      this.#streams.take(segment, octets, stamp);
    } else {
      this.skipped.otherPort += 1;
    }
  }
}

/** Every well-formed request of a capture, in capture order but for octets that came out of theirs. The request is valid during the call. */
export function eachRequest(
  path: string,
  ports: readonly number[],
  tell: (request: Request, unit: number, frame: number) => void,
): CaptureReader {
  const reader = new CaptureReader(path, ports, (row, request) => {
    if (request !== null) tell(request, row.unit, row.stamp.frame);
  });
  try {
    while (reader.step());
  } finally {
    reader.close();
  }
  return reader;
}
