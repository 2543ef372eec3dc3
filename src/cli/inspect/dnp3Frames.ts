/**
 * DNP3 link frames in the octets of TCP streams and of UDP datagrams, and the fragments they bring (protocols/dnp3). A recording is read where a
 * gateway would have closed the connection: octets that are no frame are passed over up to the next start.
 *
 * - A datagram holds whole frames, one behind the other, and none goes on in the next: what is cut at its end is malformed.
 * - A stream of TLS records is counted, each direction for itself, and nothing of it is decoded. It is looked through all the same: octets that
 *   only look like a record hide no frame, and whoever has sent one does not speak TLS.
 */
import type { Side, StreamHandler } from "#capture/streams";
import type { Stamp } from "#capture/time";
import { decodeFragment, type Fragment, type FragmentFault, type HeaderFault } from "#dnp3/application";
import { type ControlFault, controlFault, LinkFramer, PRIMARY, PRM } from "#dnp3/link";
import { FRAGMENT_LIMIT, Reassembler, type TransportFault } from "#dnp3/transport";
import { type Direction, REQUEST, RESPONSE, UNKNOWN } from "./row.ts";
import { type RecordCounts, TlsRecords } from "./tlsRecords.ts";

/** Pairs of addresses of one side whose series are open at once; beyond them all are begun anew. */
const MOST_SERIES = 64;
/** And of all sides, 4 KiB each: the side that began longest ago begins anew. */
const MOST_OF_ALL = 4_096;
/** Devices send what no gateway takes: twice the limit is still read. */
const LONGEST_FRAGMENT = 2 * FRAGMENT_LIMIT;

export class Dnp3State {
  /** Of a stream. */
  framer: LinkFramer | null = null;
  readonly series = new Map<number, Reassembler>();
  readonly tls = new TlsRecords();
  /** A frame was found: this is no TLS. */
  isPlain = false;
  /** Octets that are no frame were met, and may be the beginning of a record. */
  isDoubtful = false;
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
  /** Datagrams cut by the snapshot length. */
  cut: number;
  /** Connections with TLS records. */
  tls: number;
  /** Those records, by the direction they go. */
  readonly records: Readonly<Record<Direction, RecordCounts>>;
}

export class Dnp3Frames implements StreamHandler<Dnp3State> {
  readonly counts: Dnp3Counts = {
    frames: 0,
    malformed: 0,
    foreign: 0,
    cut: 0,
    tls: 0,
    records: {
      [REQUEST]: { records: 0, octets: 0 },
      [RESPONSE]: { records: 0, octets: 0 },
      [UNKNOWN]: { records: 0, octets: 0 },
    },
  };
  readonly #isServerPort: (port: number) => boolean;
  readonly #tell: (line: LinkLine) => void;
  readonly #datagrams = new LinkFramer("passOver");
  /** Those with series, longest first. */
  readonly #busy = new Set<Dnp3State>();
  #open = 0;

  constructor(isServerPort: (port: number) => boolean, tell: (line: LinkLine) => void) {
    this.#isServerPort = isServerPort;
    this.#tell = tell;
  }

  octets(side: Dnp3Side, octets: Uint8Array, at: number, end: number): void {
    side.state ??= new Dnp3State();
    const { state } = side;
    state.framer ??= new LinkFramer("passOver");
    const sort = state.isPlain || !(state.tls.isTls || state.framer.isIdle) ? "no" : this.#records(side, state, octets, at, end);
    state.framer.feed(octets.subarray(at, end));
    const foreign = this.#frames(side, state, state.framer, sort === "tls");
    if (sort === "maybe") state.isDoubtful ||= foreign > 0;
    else {
      if (sort === "no") this.counts.foreign += foreign + Number(state.isDoubtful);
      state.isDoubtful = false;
    }
  }

  /** @param isCut  the capture does not hold its end */
  datagram(side: Dnp3Side, octets: Uint8Array, at: number, end: number, isCut: boolean): void {
    side.state ??= new Dnp3State();
    const framer = this.#datagrams;
    framer.feed(octets.subarray(at, end));
    this.counts.foreign += this.#frames(side, side.state, framer, false);
    const rest = framer.cut();
    if (isCut) this.counts.cut += 1;
    else if (rest === "frame") this.#line(side, framer, true, -1, null, "truncated");
    else if (rest === "octets") this.counts.foreign += 1;
  }

  /** What comes next does not follow: a frame and the series that were open are over. */
  gap(side: Dnp3Side, missing: number | null): void {
    const { state } = side;
    if (state === null) return;
    state.framer = null;
    this.#forget(state);
    state.tls.gap(missing);
  }

  end(side: Dnp3Side): void {
    if (side.state !== null) this.#forget(side.state);
  }

  #forget(state: Dnp3State): void {
    this.#open -= state.series.size;
    state.series.clear();
    this.#busy.delete(state);
  }

  #records(side: Dnp3Side, { tls }: Dnp3State, octets: Uint8Array, at: number, end: number): "tls" | "maybe" | "no" {
    const wasTls = tls.isTls;
    const sort = tls.take(octets, at, end, this.counts.records[this.#directionOf(side)]);
    if (tls.isTls && !wasTls && side.peer.state?.tls.isTls !== true) this.counts.tls += 1;
    return sort;
  }

  #directionOf(side: Dnp3Side): Direction {
    const { opener } = side.connection;
    if (opener !== null) return opener === side ? REQUEST : RESPONSE;
    const from = this.#isServerPort(side.port);
    if (from === this.#isServerPort(side.peer.port)) return UNKNOWN;
    return from ? RESPONSE : REQUEST;
  }

  /** @returns places where octets stand that are no frame */
  #frames(side: Dnp3Side, state: Dnp3State, framer: LinkFramer, isTls: boolean): number {
    let foreign = 0;
    for (let found = framer.next(); found === "frame" || found === "discarded"; found = framer.next())
      if (found === "frame") {
        state.isPlain = true;
        this.#frame(side, framer, state);
      } else if (!framer.headerIsGood || isTls) foreign += 1;
      else this.#line(side, framer, false, -1, null, "badCrc");
    return foreign;
  }

  #frame(side: Dnp3Side, framer: LinkFramer, state: Dnp3State): void {
    const { control, source, destination, data, dataLength } = framer;
    const fault = controlFault(control, dataLength);
    const code = control & 0x0f;
    const isUserData = (control & PRM) !== 0 && (code === PRIMARY.confirmedUserData || code === PRIMARY.unconfirmedUserData);
    if (dataLength === 0 || !isUserData) {
      this.#line(side, framer, true, -1, null, fault);
      return;
    }
    const transport = data[0] as number;
    const reassembler = this.#seriesOf(state, source, destination);
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

  #seriesOf(state: Dnp3State, source: number, destination: number): Reassembler {
    const key = source * 0x1_0000 + destination;
    const known = state.series.get(key);
    if (known !== undefined) return known;
    if (state.series.size >= MOST_SERIES) this.#forget(state);
    for (const longest of this.#busy) {
      if (this.#open < MOST_OF_ALL) break;
      this.#forget(longest);
    }
    const reassembler = new Reassembler(LONGEST_FRAGMENT);
    state.series.set(key, reassembler);
    this.#busy.add(state);
    this.#open += 1;
    return reassembler;
  }
}
