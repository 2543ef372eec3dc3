/**
 * A capture file, read in one piece and in many: the same packets, streams and Modbus messages, and the same end. Streams are of octets that
 * segments brought. What is told of a message is a line of JSON and a line of text.
 *
 *     0..1             2..
 *     seed of cuts     the file
 */
import { crc32 } from "node:zlib";
import { CaptureFile } from "#capture/file";
import { Segment } from "#capture/segment";
import { Streams } from "#capture/streams";
import { JSON_FORMAT } from "#cli/inspect/json";
import { Messages } from "#cli/inspect/messages";
import type { Row } from "#cli/inspect/row";
import { TEXT_FORMAT } from "#cli/inspect/text";
import {
  ACK,
  adu,
  answer,
  blocks,
  ethernet,
  FIN,
  ipv4,
  ipv6,
  type Octets,
  pcap,
  RST,
  readRequest,
  SYN,
  segment,
  tcp,
} from "../../capture/packets.ts";
import { Random } from "../random.ts";
import { accepted, gist, must, refused, type Target, textOf } from "../target.ts";
import { EXCHANGES, join } from "./modbus.ts";
import { readPlainly, sayPacket } from "./plainCapture.ts";
import { Witness } from "./plainStreams.ts";

const PORT = 502;
/** Small, so that little is made for each input, and a small input already needs more room and shares a bucket. */
const CHUNK = 512;
const BUCKETS = 4;
const json = new Uint8Array(JSON_FORMAT.longest);
const text = new Uint8Array(TEXT_FORMAT.longest);

/** A connection from its SYN to its FIN, with what happens to segments on the way. */
const CONVERSATION: readonly Octets[] = [
  segment({ seq: 99, flags: SYN }),
  answer({ seq: 499, ack: 100, flags: SYN | ACK }),
  segment({ seq: 100, payload: readRequest(1, 40, 2) }),
  answer({ seq: 500, ack: 112, payload: adu(1, [3, 4, 0, 1, 0, 2]) }),
  segment({ seq: 124, payload: readRequest(3, 0) }),
  segment({ seq: 112, payload: readRequest(2, 0) }),
  segment({ seq: 112, payload: readRequest(2, 9) }),
  answer({ seq: 513, ack: 136, payload: [...adu(2, [0x83, 2]), ...adu(3, [3, 2, 0, 7]).slice(0, 4)] }),
  answer({ seq: 526, ack: 136, payload: adu(3, [3, 2, 0, 7]).slice(4) }),
  segment({ seq: 200, ack: 600, payload: adu(4, [6, 0, 1, 0, 2]) }),
  answer({ seq: 600, ack: 212, flags: FIN | ACK }),
  segment({ seq: 212, flags: RST }),
];

/** Every exchange there is, on a connection of its own whose SYN was not captured. */
const EXCHANGED: readonly Octets[] = EXCHANGES.slice(0, 40).flatMap(({ request, reply }, i) => [
  segment({ from: [[10, 0, 1, i], 4_000 + i], seq: 1, payload: adu(i, [...request]) }),
  answer({ to: [[10, 0, 1, i], 4_000 + i], seq: 9, ack: 1, payload: adu(i, [...reply]) }),
]);

export const captureFile: Target = {
  name: "captureFile",
  limitMs: 100,
  inputs: 10_000_000,
  most: 8_000,
  text: false,
  dictionary: [
    Uint8Array.from([0xd4, 0xc3, 0xb2, 0xa1]),
    Uint8Array.from([0x0a, 0x0d, 0x0d, 0x0a]),
    Uint8Array.from([0x81, 0, 0, 1]),
    Uint8Array.from([0, 0, 0, 6]),
    Uint8Array.from([0x86, 0xdd]),
  ],
  corpus: () =>
    [
      pcap(CONVERSATION),
      pcap(CONVERSATION.slice(2, 6), { big: true, nano: true }),
      pcap(CONVERSATION, { snaplen: 60 }),
      pcap(EXCHANGED.slice(0, 40)),
      pcap(EXCHANGED.slice(40)),
      pcap([ipv4(tcp({ seq: 1, payload: readRequest(1, 0) })), ipv6(tcp({ seq: 1, payload: readRequest(1, 0) }))], { link: 101 }),
      pcap([ethernet(ipv6(tcp({ seq: 1, payload: readRequest(7, 1) })), { type: 0x86dd, tags: [[0x8100, 5]] })]),
      Uint8Array.from(pcapng(false)),
      Uint8Array.from(pcapng(true)),
    ].map((file, i) => join([0, i], file)),
  run(input) {
    const file = input.subarray(2);
    const whole = readOut([file], true);
    const plain = readPlainly(file);
    must(
      plain.isWhole === (whole.broken === null),
      `read plainly it is ${plain.isWhole ? "whole" : "broken"}; it ends ${whole.broken ?? "well"}`,
    );
    must(
      plain.packets.join() === whole.packets.join(),
      `read plainly it holds ${plain.packets.join("; ")}; found ${whole.packets.join("; ")}`,
    );
    const random = new Random(((input[0] ?? 0) << 8) | (input[1] ?? 0), "cuts");
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < file.length; ) {
      const size = 1 + random.below(random.of([1, 16, 100, 4_000]));
      pieces.push(file.subarray(at, at + size));
      at += size;
    }
    const cut = readOut(pieces, false);
    must(whole.told === cut.told, `in one piece it tells ${whole.told}; in ${pieces.length} it tells ${cut.told}`);
    return whole.broken === null ? accepted(whole.word) : refused(`${whole.word}, ${gist(whole.broken)}`);
  },
};

function pcapng(big: boolean): Octets {
  const { section, face, option, enhanced, simple, old, block } = blocks(big);
  return [
    ...section(),
    ...face(1, [...option(9, [9]), ...option(0, [])]),
    ...face(101, [...option(9, [0x8a]), ...option(14, [0, 0, 0, 0, 0, 0, 0, 5])], 200),
    ...block(0x0bad, [1, 2, 3, 4]),
    ...CONVERSATION.slice(0, 5).flatMap((frame, i) => enhanced(0, 1_700_000_000_000_000_000n + BigInt(i), frame)),
    ...enhanced(1, 1_700_000_000n << 10n, ipv4(tcp({ seq: 1, payload: readRequest(5, 5) }))),
    ...simple(CONVERSATION[6] as Octets),
    ...old(0, 1_700_000_000_000_000_009n, CONVERSATION[7] as Octets),
    ...section(),
    ...face(1),
    ...enhanced(0, 1_700_000_000_000_000n, CONVERSATION[8] as Octets),
  ];
}

interface Told {
  /** All of it in one number, and the counts. */
  readonly told: string;
  readonly word: string;
  readonly broken: string | null;
  /** None where it was not looked at closely. */
  readonly packets: readonly string[];
}

/** As `inspect` reads a file (cli/inspect/read.ts), from memory. @param closely  each line is looked at, not only compared */
function readOut(pieces: readonly Uint8Array[], closely: boolean): Told {
  const file = new CaptureFile(Math.max(CHUNK, ...pieces.map(({ length }) => length)));
  const segmentAt = new Segment();
  const skipped: Record<string, number> = {};
  const malformed = new Set<string>();
  const packets: string[] = [];
  let sum = 0;
  const messages = new Messages(
    (port) => port === PORT,
    (row) => {
      if (row.malformed !== null) malformed.add(row.malformed);
      sum = crc32(json.subarray(0, lineOf(row, closely)), sum);
    },
  );
  const witness = closely ? new Witness(messages) : null;
  const streams = new Streams(witness ?? messages, BUCKETS);
  const length = pieces.reduce((total, piece) => total + piece.length, 0);
  const left = [...pieces].reverse();
  let end: "end" | "broken" | null = null;
  while (end === null) {
    const next = file.next();
    if (next === "more") {
      const piece = left.pop();
      const room = file.space().length;
      if (piece !== undefined && piece.length > room) left.push(piece.subarray(room));
      if (piece === undefined) file.filled(0);
      else file.feed(piece.subarray(0, room));
    } else if (next === "packet") {
      const { octets, at, captured, original, link, stamp } = file;
      must(at >= 0 && captured >= 0 && at + captured <= octets.length && captured <= length, `${captured} octets from ${at}`);
      sum = crc32(octets.subarray(at, at + captured), sum);
      if (closely) packets.push(sayPacket(octets.subarray(at, at + captured), original, link));
      sum = crc32(`${stamp.frame} ${stamp.seconds} ${stamp.fraction} ${stamp.digits} ${original} ${link}`, sum);
      const skip = segmentAt.read(octets, at, captured, original, link);
      if (skip === null) mustBeWithin(segmentAt, at, captured);
      if (skip !== null) skipped[skip] = (skipped[skip] ?? 0) + 1;
      else if (segmentAt.sourcePort === PORT || segmentAt.destinationPort === PORT) {
        witness?.see(segmentAt, octets);
        streams.take(segmentAt, octets, stamp);
      }
    } else end = next;
  }
  streams.end();
  const { broken, otherBlocks, stamp } = file;
  must((end === "broken") === (broken !== null), "broken without a reason");
  must(broken === null || (broken.at >= 0 && broken.at <= length && broken.what !== ""), `broken at ${broken?.at} of ${length}`);
  must(stamp.frame * 16 <= length, `${stamp.frame} packets in ${length} octets`);
  const { counts } = streams;
  must(counts.gaps >= 0 && counts.missing >= 0 && messages.counts.foreignOctets <= length, "more than was there");
  const unusual = Object.entries(counts).flatMap(([name, count]) => (count > 0 ? [name] : []));
  return {
    told: JSON.stringify([sum, counts, messages.counts, skipped, otherBlocks, broken]),
    word: `${Math.min(4, messages.counts.messages)} messages, ${[...unusual, ...Object.keys(skipped), ...malformed].sort().join(" ")}`,
    broken: broken?.what ?? null,
    packets,
  };
}

function mustBeWithin({ payloadAt, payloadCaptured, payloadLength }: Segment, at: number, captured: number): void {
  must(payloadCaptured >= 0 && payloadCaptured <= payloadLength, `${payloadCaptured} of ${payloadLength} octets of payload`);
  must(payloadCaptured === 0 || (payloadAt >= at && payloadAt + payloadCaptured <= at + captured), "payload outside its frame");
}

/** @returns octets of the JSON line */
function lineOf(row: Row, closely: boolean): number {
  const octets = JSON_FORMAT.encode(row, json, 0);
  must(octets > 0 && octets <= JSON_FORMAT.longest && json[octets - 1] === 10, `a line of ${octets} octets`);
  if (!closely) return octets;
  const line: unknown = JSON.parse(textOf(json.subarray(0, octets)));
  must(typeof line === "object" && line !== null && "frame" in line, "a line that is no object");
  const written = TEXT_FORMAT.encode(row, text, 0);
  must(written > 0 && written < TEXT_FORMAT.longest, `a line of ${written} octets`);
  must(
    /^[\x20-\x7e]+\n$/.test(textOf(text.subarray(0, written))),
    `a line that is not safe to print: ${JSON.stringify(textOf(text.subarray(0, written)))}`,
  );
  return octets;
}
