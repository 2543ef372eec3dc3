/** Every recording of DNP3 over TCP, read by link, transport and application layer: what is good is encoded to the octets it came from, the rest is listed. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Side, type StreamHandler, Streams } from "#capture/streams";
import { decodeFragment } from "#dnp3/application";
import { encodeFragment } from "#dnp3/items";
import { controlFault, LinkFramer } from "#dnp3/link";
import { Reassembler } from "#dnp3/transport";
import { needCaptures, shared } from "#test/support/need";
import { readPackets } from "#test/support/packets";
import { toHex } from "#wire";

const captures = suite("dnp3/captures");

/** "capture frame: what is wrong there", in order; what a recording is about by its name, or by the certification procedure's number. */
const FAULTS: Readonly<Record<string, readonly string[]>> = {
  "6.6.2.1.pcap": ["14: badStart"],
  "6.6.2.2.pcap": ["14: badFunction", "16: badFunction"],
  "6.6.2.3.pcap": ["4: missingData", "4: badStart", "6: missingData", "6: badStart"],
  "6.6.2.4.pcap": ["4: badCrc", "6: missingData", "6: badStart", "8: badCrc", "10: missingData", "10: badStart"],
  "6.6.2.5.pcap": ["4: badControl", "6: badControl", "8: badControl", "10: badControl", "12: badControl"],
  "8.6.2.2.pcap": ["4: badFunction"],
  "iti__direct_operate_crob_malform_but_good_crc.pcap": ["1: truncated"],
  "sv__dnp3-too-long-reassembly-request.pcap": ["36: tooLong", ...Array.from({ length: 48 }, (_, i) => `${38 + 2 * i}: notStarted`)],
  "zeek__dnp3-flowbuffer-overflow-assert.pcap": ["7: tooLong"],
};

interface State {
  readonly framer: LinkFramer;
  readonly series: Map<string, Reassembler>;
}

class Reader implements StreamHandler<State> {
  frames = 0;
  fragments = 0;
  headers = 0;
  readonly faults: string[] = [];
  readonly #target = new Uint8Array(8_192);
  /** Which of the recording's brought what is read. */
  #packet = 0;

  read(octets: Uint8Array): void {
    readPackets(octets, new Streams<State>(this));
  }

  octets(side: Side<State>, octets: Uint8Array, at: number, end: number): void {
    this.#packet = side.stamp.frame;
    side.state ??= { framer: new LinkFramer("passOver"), series: new Map() };
    const { framer, series } = side.state;
    framer.feed(octets.subarray(at, end));
    for (let found = framer.next(); found !== "more" && found !== "broken"; found = framer.next())
      if (found === "discarded") this.#wrong(framer.fault);
      else this.#frame(framer, series);
  }

  #frame({ control, destination, source, data, dataLength }: LinkFramer, series: Map<string, Reassembler>): void {
    this.frames += 1;
    const fault = controlFault(control, dataLength);
    if (fault !== null) this.#wrong(fault);
    if (dataLength === 0) return;
    const key = `${source} ${destination}`;
    const reassembler = series.get(key) ?? new Reassembler(4_096);
    series.set(key, reassembler);
    const taken = reassembler.take(data, 0, dataLength);
    if (taken === "fragment") this.#fragment(reassembler);
    else if (taken !== "more") this.#wrong(taken);
  }

  #fragment({ octets, length }: Reassembler): void {
    this.fragments += 1;
    const decoded = decodeFragment(octets, 0, length);
    const fault = decoded.ok ? decoded.value.fault : decoded.error.kind;
    if (decoded.ok) this.headers += decoded.value.headers.length;
    if (!decoded.ok || fault !== null) {
      this.#wrong(fault ?? "");
      return;
    }
    const written = encodeFragment(this.#target, 0, decoded.value);
    assert.is(toHex(this.#target, 0, written), toHex(octets, 0, length));
  }

  #wrong(what: string): void {
    this.faults.push(`${this.#packet}: ${what}`);
  }

  gap(): void {}
  end(): void {}
}

captures("what is good is encoded to the octets it came from; what is not is what the recordings are about", () => {
  if (!needCaptures()) return;
  const total = { files: 0, frames: 0, fragments: 0, headers: 0 };
  for (const folder of ["dnp3", "dnp3-conformance"])
    for (const name of readdirSync(path.join(shared, "captures", folder)).sort()) {
      if (!name.endsWith(".pcap")) continue;
      const reader = new Reader();
      reader.read(readFileSync(path.join(shared, "captures", folder, name)));
      assert.equal(reader.faults, FAULTS[name] ?? [], name);
      total.files += 1;
      total.frames += reader.frames;
      total.fragments += reader.fragments;
      total.headers += reader.headers;
    }
  assert.equal(total, { files: 128, frames: 1_795, fragments: 1_539, headers: 1_946 });
});

captures.run();
