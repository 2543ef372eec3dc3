/** Contents of frames: refused by name, or records that written again are the same ones. */
import { isDeepStrictEqual } from "node:util";
import { decodeHeader } from "#oneway/frame";
import { type Content, decodeContent, type OneWayRecord, RecordWriter, TIME } from "#oneway/records";
import { Opener } from "#sealing/frames";
import { accepted, must, octetsOf, refused, type Target } from "../target.ts";
import { KEY, recordOf, startOf, T0 } from "./oneway.ts";

export const onewayContent: Target = {
  name: "onewayContent",
  limitMs: 10,
  inputs: 2_000_000,
  most: 1_392,
  text: false,
  dictionary: [
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((kind) => Uint8Array.of(kind, 0, 0)),
    ...[0, 1, 2, 3, 4, 5, 6, 7].map((form) => Uint8Array.of(form)),
    Uint8Array.of(0, 0),
    Uint8Array.of(0xff, 0xff),
    Uint8Array.of(0xef, 0xbb, 0xbf),
    octetsOf("ü"),
  ],
  corpus: () => [...contents(), ...single()],
  run(input) {
    const read = decodeContent(input);
    if (typeof read === "string") return refused(read);
    const { timeMs, records } = read;
    must(Number.isSafeInteger(timeMs) && timeMs >= 0, `time ${timeMs}`);
    const writer = new RecordWriter(new Uint8Array(2 * input.length + TIME));
    writer.begin(writer.octets, timeMs);
    for (const record of records) must(put(writer, record), `no room for a ${record.is} in twice as much`);
    const again = decodeContent(writer.octets);
    must(typeof again !== "string", `written again it is ${String(again)}`);
    must(isDeepStrictEqual(plain(again), plain(read)), "written again it is another one");
    return accepted([...new Set(records.map(({ is }) => is))].sort().join(" "));
  },
};

/** Octets as hex: views of different arrays are equal by what they show. */
function plain({ timeMs, records }: Content): unknown {
  return [
    timeMs,
    records.map((record) =>
      Object.entries(record).map(([name, value]) => [name, value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value]),
    ),
  ];
}

function put(writer: RecordWriter, record: OneWayRecord): boolean {
  switch (record.is) {
    case "point":
      return writer.point(record);
    case "sample":
      return writer.sample(record);
    case "asker":
      return writer.asker(record.id, record.identity);
    case "text":
      return writer.text(record);
    case "heartbeat":
      return writer.heartbeat(record.highest, record.birth, record.points);
    case "counts":
      return writer.counts(record);
    case "signature":
      return writer.signature(record);
    case "birth":
      return writer.birth(record.birth, record.points, record.gateway);
  }
}

function contents(): Uint8Array[] {
  const opener = new Opener([KEY]);
  return startOf(1, 0, T0).flatMap((frame) => {
    const header = decodeHeader(frame);
    const content = header.ok ? opener.open(frame, header.value) : "";
    return typeof content === "string" ? [] : [content];
  });
}

function single(): Uint8Array[] {
  const sample = { point: 1, timeMs: T0, quality: "stale", timeOf: "device", isEvent: true, asker: 0 } as const;
  const values = [null, false, true, -5, 0.1, -5n, 2n ** 63n, "text"];
  const part = { of: "checkpoints", number: 1, part: 1, parts: 3, octets: Uint8Array.of(1) } as const;
  const time = new Uint8Array(TIME);
  return [...values.map((value) => recordOf((writer) => writer.sample({ ...sample, value }))), recordOf((writer) => writer.text(part))].map(
    (record) => Buffer.concat([time, record]),
  );
}
