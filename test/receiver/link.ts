/** A sender and what becomes of its frames on the way to an assembly, without sockets, disks or clocks. */
import { decodeHeader, type FrameHeader } from "#oneway/frame";
import { RecordWriter, type SampleRecord } from "#oneway/records";
import { Opener, Sealer } from "#sealing/frames";
import { streamKeyOf } from "#sealing/streamKeys";
import { Sender, type SenderPorts, type SenderSettings } from "#telemetry/sender";

export const KEY = streamKeyOf("test.key", 0, new Uint8Array(32).fill(7));
export const SALT = Uint8Array.from({ length: 16 }, (_, i) => i);
export const SETTINGS: SenderSettings = {
  stream: 7,
  gateway: "gate",
  epoch: 1,
  sources: 20,
  repairs: 4,
  depth: 8,
  content: 1200,
  carouselShare: 0,
};

export interface Sent {
  readonly octets: Uint8Array;
  readonly nowMs: number;
}

export function senderOf(settings: Partial<SenderSettings> = {}, ports: Partial<SenderPorts> = {}, salt = SALT): Sender {
  const all = { ...SETTINGS, ...settings };
  return new Sender(all, new Sealer(KEY, all.stream, salt), null, { send() {}, keep() {}, again: () => null, ...ports }, 0);
}

/** A record as the pipe brings it. */
export function recordOf(write: (writer: RecordWriter) => boolean): Uint8Array {
  const octets = new Uint8Array(2_000);
  const writer = new RecordWriter(octets);
  const from = writer.at;
  if (!write(writer)) throw new Error("no room");
  return octets.slice(from, writer.at);
}

export function sampleOf(point: number, value: SampleRecord["value"], timeMs = 0): Uint8Array {
  return recordOf((writer) => writer.sample({ point, timeMs, quality: "good", timeOf: "gateway", isEvent: false, asker: 0, value }));
}

const opener = new Opener([KEY]);

export function opened(octets: Uint8Array): { readonly header: FrameHeader; readonly content: Uint8Array } {
  const header = decodeHeader(octets);
  if (!header.ok) throw new Error(header.error);
  const content = opener.open(octets, header.value);
  if (typeof content === "string") throw new Error(content);
  return { header: header.value, content };
}

/** Numbers from 0 to 1 that are the same each time. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
