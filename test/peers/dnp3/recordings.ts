/** Recorded traffic for the test peers: frames and fragments, read with the peers' own link and transport. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { type Side, Streams } from "#capture/streams";
import { shared } from "#test/support/need";
import { readPackets } from "#test/support/packets";
import { FrameReader, type LinkFrame, Reassembly } from "./wire.ts";

export interface Recorded {
  readonly frames: readonly LinkFrame[];
  /** What the sides of its connections sent. */
  readonly streams: readonly Uint8Array[];
  readonly fragments: readonly RecordedFragment[];
  readonly faults: readonly string[];
}

export interface RecordedFragment {
  /** In the recording, from 1. */
  readonly number: number;
  readonly isFromMaster: boolean;
  readonly octets: Uint8Array;
  /** Link address it is sent to. */
  readonly destination: number;
  /** Which connection of the recording, from 0. */
  readonly connection: number;
  /** When it was whole, milliseconds since 1970. */
  readonly wallMs: number;
}

/** Every recording over TCP, as `folder/name`. */
export function recordings(): string[] {
  return ["dnp3", "dnp3-conformance"].flatMap((folder) =>
    readdirSync(path.join(shared, "captures", folder))
      .filter((name) => name.endsWith(".pcap"))
      .sort()
      .map((name) => `${folder}/${name}`),
  );
}

interface State {
  readonly reader: FrameReader;
  readonly series: Map<string, Reassembly>;
}

export function recording(name: string): Recorded {
  const frames: LinkFrame[] = [];
  const fragments: Recorded["fragments"][number][] = [];
  const faults: string[] = [];
  const connections = new Map<unknown, number>();
  const sent = new Map<Side<State>, Uint8Array[]>();
  const streams = new Streams<State>({
    octets(side: Side<State>, octets, at, end) {
      const connection = connections.get(side.connection) ?? connections.size;
      connections.set(side.connection, connection);
      side.state ??= { reader: new FrameReader((what) => faults.push(what)), series: new Map() };
      const { reader, series } = side.state;
      sent.set(side, [...(sent.get(side) ?? []), octets.slice(at, end)]);
      for (const frame of reader.feed(octets.subarray(at, end))) {
        frames.push(frame);
        if (frame.data.length === 0) continue;
        const key = `${frame.source} ${frame.destination}`;
        const open = series.get(key) ?? new Reassembly();
        series.set(key, open);
        const taken = open.take(frame.data);
        if (typeof taken === "string") faults.push(taken);
        else if (taken !== null) {
          const { seconds, fraction, digits } = side.stamp;
          const wallMs = 1000 * seconds + Math.floor(fraction / 10 ** (digits - 3));
          const { control, destination } = frame;
          const number = fragments.length + 1;
          fragments.push({ number, isFromMaster: control >= 0x80, octets: taken, destination, connection, wallMs });
        }
      }
    },
    gap() {},
    end() {},
  });
  readPackets(readFileSync(path.join(shared, "captures", name)), streams);
  return { frames, streams: [...sent.values()].map((parts) => Uint8Array.from(Buffer.concat(parts))), fragments, faults };
}
