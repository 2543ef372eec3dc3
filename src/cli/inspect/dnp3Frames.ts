/**
 * DNP3 link frames in the octets of TCP streams, and the fragments they bring (protocols/dnp3). A recording is read where a gateway would have
 * closed the connection: octets that are no frame are passed over up to the next start.
 */
import type { Side, StreamHandler } from "#capture/streams";
import type { Stamp } from "#capture/time";
import { decodeFragment, type Fragment, type FragmentFault, type HeaderFault } from "#dnp3/application";
import { type ControlFault, controlFault, LinkFramer, PRIMARY, PRM } from "#dnp3/link";
import { FRAGMENT_LIMIT, Reassembler, type TransportFault } from "#dnp3/transport";

/** Pairs of addresses of one side whose series are open at once; beyond them all are begun anew. */
const MOST_SERIES = 64;
/** Devices send what no gateway takes: twice the limit is still read. */
const LONGEST_FRAGMENT = 2 * FRAGMENT_LIMIT;

export class Dnp3State {
  framer = new LinkFramer("passOver");
  readonly series = new Map<number, Reassembler>();
}

export type Dnp3Side = Side<Dnp3State>;

/** One link frame. Valid during the call. */
export interface LinkLine {
  readonly side: Dnp3Side;
  readonly stamp: Stamp;
  readonly control: number;
  readonly source: number;
  readonly destination: number;
  readonly crcOk: boolean;
  /** The transport octet; -1: it has none. */
  readonly transport: number;
  /** Of the frame that completes it. */
  readonly fragment: Fragment | null;
  readonly malformed: "badCrc" | ControlFault | Exclude<TransportFault, "empty"> | HeaderFault | FragmentFault | null;
}

export interface Dnp3Counts {
  frames: number;
  malformed: number;
  /** Places where octets stand that are no frame. */
  foreign: number;
}

export class Dnp3Frames implements StreamHandler<Dnp3State> {
  readonly counts: Dnp3Counts = { frames: 0, malformed: 0, foreign: 0 };
  readonly #tell: (line: LinkLine) => void;

  constructor(tell: (line: LinkLine) => void) {
    this.#tell = tell;
  }

  octets(side: Dnp3Side, octets: Uint8Array, at: number, end: number): void {
    side.state ??= new Dnp3State();
    const { framer, series } = side.state;
    framer.feed(octets.subarray(at, end));
    for (let found = framer.next(); found === "frame" || found === "discarded"; found = framer.next())
      if (found === "frame") this.#frame(side, framer, series);
      else if (framer.headerIsGood) this.#line(side, framer, false, -1, null, "badCrc");
      else this.counts.foreign += 1;
  }

  /** What comes next does not follow: a frame and the series that were open are over. */
  gap(side: Dnp3Side): void {
    side.state = null;
  }

  end(): void {}

  #frame(side: Dnp3Side, framer: LinkFramer, series: Map<number, Reassembler>): void {
    const { control, source, destination, data, dataLength } = framer;
    const fault = controlFault(control, dataLength);
    const code = control & 0x0f;
    const isUserData = (control & PRM) !== 0 && (code === PRIMARY.confirmedUserData || code === PRIMARY.unconfirmedUserData);
    if (dataLength === 0 || !isUserData) {
      this.#line(side, framer, true, -1, null, fault);
      return;
    }
    const transport = data[0] as number;
    const reassembler = seriesOf(series, source, destination);
    const taken = reassembler.take(data, 0, dataLength);
    if (taken !== "fragment") {
      const isGood = taken === "more" || taken === "repeated" || taken === "empty";
      this.#line(side, framer, true, transport, null, fault ?? (isGood ? null : taken));
      return;
    }
    const decoded = decodeFragment(reassembler.octets, 0, reassembler.length);
    if (decoded.ok) this.#line(side, framer, true, transport, decoded.value, fault ?? decoded.value.fault);
    else this.#line(side, framer, true, transport, null, fault ?? decoded.error.kind);
  }

  #line(
    side: Dnp3Side,
    { control, source, destination }: LinkFramer,
    crcOk: boolean,
    transport: number,
    fragment: Fragment | null,
    malformed: LinkLine["malformed"],
  ): void {
    this.counts.frames += 1;
    if (malformed !== null) this.counts.malformed += 1;
    this.#tell({ side, stamp: side.stamp, control, source, destination, crcOk, transport, fragment, malformed });
  }
}

function seriesOf(series: Map<number, Reassembler>, source: number, destination: number): Reassembler {
  const key = source * 0x1_0000 + destination;
  let reassembler = series.get(key);
  if (reassembler === undefined) {
    if (series.size >= MOST_SERIES) series.clear();
    reassembler = new Reassembler(LONGEST_FRAGMENT);
    series.set(key, reassembler);
  }
  return reassembler;
}
