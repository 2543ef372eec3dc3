/** Every recording of DNP3, over TCP and UDP: its link frames, and the fragments they bring. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { type Side, type StreamHandler, Streams } from "#capture/streams";
import { LinkFramer } from "#dnp3/link";
import { Reassembler } from "#dnp3/transport";
import { shared } from "#test/support/need";
import { readPackets } from "#test/support/packets";

interface State {
  readonly framer: LinkFramer;
  readonly series: Map<string, Reassembler>;
}

export interface Visitor {
  /** A link frame stands in `framer`, whatever it carries. */
  frame(framer: LinkFramer): void;
  /** Octets of a whole fragment, valid during the call. */
  fragment(octets: Uint8Array): void;
}

class Frames implements StreamHandler<State> {
  readonly #visitor: Visitor;

  constructor(visitor: Visitor) {
    this.#visitor = visitor;
  }

  octets(side: Side<State>, octets: Uint8Array, at: number, end: number): void {
    side.state ??= { framer: new LinkFramer("passOver"), series: new Map() };
    const { framer, series } = side.state;
    framer.feed(octets.subarray(at, end));
    for (let found = framer.next(); found !== "more" && found !== "broken"; found = framer.next()) {
      if (found !== "frame") continue;
      this.#visitor.frame(framer);
      const { source, destination, data, dataLength } = framer;
      if (dataLength === 0) continue;
      const key = `${source} ${destination}`;
      const reassembler = series.get(key) ?? new Reassembler(4_096);
      series.set(key, reassembler);
      if (reassembler.take(data, 0, dataLength) === "fragment") this.#visitor.fragment(reassembler.octets.subarray(0, reassembler.length));
    }
  }

  gap(side: Side<State>): void {
    side.state = null;
  }
  end(): void {}
}

/** @returns how many there are */
export function eachRecording(visitor: Visitor): number {
  let files = 0;
  for (const folder of ["dnp3", "dnp3-conformance"])
    for (const name of readdirSync(path.join(shared, "captures", folder)).sort()) {
      if (!name.endsWith(".pcap")) continue;
      files += 1;
      read(readFileSync(path.join(shared, "captures", folder, name)), new Frames(visitor));
    }
  return files;
}

function read(octets: Uint8Array, frames: Frames): void {
  const datagrams = new Streams(frames);
  readPackets(octets, new Streams(frames), (segment, file) => {
    const from = segment.payloadAt;
    frames.octets(datagrams.sideOf(segment, file.octets, file.stamp), file.octets, from, from + segment.payloadCaptured);
  });
  datagrams.end();
}
