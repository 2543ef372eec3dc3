/** DNP3 link frames made by hand, and what `inspect --json` says of captures that hold them. */
import { encodeLink, LINK_LIMIT } from "#dnp3/link";
import { encodeSegment, SEGMENT_DATA, segmentsOf } from "#dnp3/transport";
import { type Octets, pcap } from "../capture/packets.ts";
import { decodeText } from "./run.ts";

/** One line of JSON, as DESIGN 9 has it. */
export interface Dnp3Line {
  readonly frame: number;
  readonly src: string;
  readonly dst: string;
  readonly protocol: "dnp3";
  readonly link: { readonly source: number; readonly destination: number; readonly function: number; readonly crcOk: boolean };
  readonly transport: { readonly seq: number } | null;
  readonly application: { readonly function: number } | null;
  readonly objects: readonly { readonly group: number; readonly variation: number; readonly values: readonly unknown[] | null }[] | null;
  readonly malformed: string | null;
}

export interface Between {
  readonly source?: number;
  readonly destination?: number;
}

/** Unconfirmed user data from the master, with no more than 250 octets of it. */
export function linkFrame(data: Octets, { source = 1, destination = 10 }: Between = {}): number[] {
  const target = new Uint8Array(LINK_LIMIT);
  return [...target.subarray(0, encodeLink(target, 0, 0xc4, destination, source, Uint8Array.from(data), 0, data.length))];
}

/** A fragment in as many link frames as it takes, from this transport sequence on. */
export function linkFrames(fragment: Octets, between: Between = {}, sequence = 0): number[][] {
  const octets = Uint8Array.from(fragment);
  const segment = new Uint8Array(SEGMENT_DATA + 1);
  return Array.from({ length: segmentsOf(octets.length) }, (_, i) => {
    const length = encodeSegment(segment, 0, octets, 0, octets.length, i, sequence);
    return linkFrame([...segment.subarray(0, length)], between);
  });
}

/** READ of class 0. */
export const POLL: Octets = [0xc0, 1, 60, 1, 6];

/** A READ of so many octets, 3 for each group 60 header. */
export function longRead(headers: number): number[] {
  return [0xc0, 1, ...Array.from({ length: headers }, () => [60, 2, 6]).flat()];
}

export interface Dnp3Decoded {
  readonly lines: readonly Dnp3Line[];
  readonly said: readonly string[];
}

export async function decodeFrames(
  frames: readonly Octets[],
  { snaplen = 65_535, dnp3Ports = [] as readonly number[] } = {},
): Promise<Dnp3Decoded> {
  const { text, said } = await decodeText(pcap(frames, { snaplen }), { dnp3Ports });
  return {
    said,
    lines: text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Dnp3Line),
  };
}
