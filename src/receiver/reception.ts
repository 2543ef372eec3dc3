/**
 * From datagrams to samples, for any number of streams and gateways:
 *
 *     datagram ─▶ header ─▶ opened ─▶ start ─▶ in order, repaired ─▶ booked once ─▶ records ─▶ samples, events, checkpoints
 *                    └─────────┴────────┴── any of these may refuse it, by name, and it is counted
 *
 * What is behind its time (a carousel copy, or a frame that was given up) is booked as late and told as historical. Nothing here waits: whoever
 * takes what came makes it durable first (RULINGS 41). Time comes in as an argument.
 */
import type { KeyObject } from "node:crypto";
import { decodeHeader, type FrameFault, type FrameHeader, HEADER, KIND, SALT, SALT_AT } from "#oneway/frame";
import { type ContentFault, decodeContent, type OneWayRecord, type SignatureRecord } from "#oneway/records";
import { Opener, type OpenFault } from "#sealing/frames";
import type { StreamKey } from "#sealing/streamKeys";
import { type Millis, toHex, type WallMillis } from "#wire";
import { Assembly, type How } from "./assembly.ts";
import type { Sample } from "./model.ts";
import type { NameBook, Names } from "./names.ts";
import { type Proven, Proving } from "./proving.ts";
import type { SeenStore } from "./seenStore.ts";
import type { Refusal, Start } from "./starts.ts";
import { TextParts } from "./textParts.ts";

export interface StreamSettings {
  readonly stream: number;
  readonly keys: readonly StreamKey[];
  /** Looks into their folder again. Null: it cannot be read, and those that are known go on. */
  readonly renew?: () => readonly StreamKey[] | null;
  /** Of the sender's own key; null: its checkpoints are not looked at. */
  readonly checkpointKey: KeyObject | null;
}

export type RejectCode =
  | FrameFault
  | OpenFault
  | Refusal
  | ContentFault
  | "unknownStream"
  /** Two frames under one sequence: the key is retired. */
  | "nonceReuse"
  /** Somebody else sends under this stream's number, with its key. */
  | "twoSenders"
  /** It says another code, or another length, than the frames of its start before it. */
  | "otherCode"
  /** It came before, or is older than anybody remembers. */
  | "again"
  | "tooOld"
  /** A repair frame of a start of which no source came yet, or of one that is over. */
  | "noBlock";

/** Somebody downstream wants to know. */
export type ReceptionEvent = { readonly is: "nonceReuse" | "twoSenders" | "refuted"; readonly stream: number };

/** Where it goes. The samples of one call are of one stream, in order. */
export interface Outlet {
  samples(samples: readonly Sample[]): void;
  /** Of class `events` or `checkpoints`: one JSON text, as it was sent. */
  text(of: "events" | "checkpoints", stream: number, text: string, historical: boolean): void;
  /** What is known of a gateway's points changed. */
  births(stream: number, names: Names): void;
  raise(event: ReceptionEvent): void;
}

/** After so long without a frame nothing that is missing comes any more: two groups at a slow rate. */
const GIVE_UP_MS = 3_000;
/** A stream's keys are looked for again so often at most. */
const RENEW_MS = 5_000;
/** Samples of points that no birth has told yet; of one stream. */
const MOST_UNNAMED = 10_000;
/** What a clock of ours and of a sender may differ by before its frames count as somebody else's, milliseconds. */
const APART_MS = 10_000;

/** A stream's start that is received now. */
interface Current {
  readonly start: Start;
  readonly assembly: Assembly;
  readonly proving: Proving;
  readonly header: FrameHeader;
  /** The sender's time of the first content. */
  readonly sinceMs: number;
  heardMs: Millis;
}

interface Unnamed {
  readonly point: number;
  readonly sample: Omit<Sample, "gateway" | "asset" | "point">;
}

class Stream {
  readonly settings: StreamSettings;
  readonly opener: Opener;
  readonly names: Names;
  readonly texts = new TextParts();
  readonly starts = new Map<string, Start>();
  current: Current | null = null;
  renewedMs = Number.NEGATIVE_INFINITY;
  unnamed: Unnamed[] = [];
  /** Of the birth that comes in: how many of its points are still to come. */
  awaited = 0;

  constructor(settings: StreamSettings, names: Names) {
    this.settings = settings;
    this.opener = new Opener(settings.keys);
    this.names = names;
  }
}

export class Reception {
  readonly rejected = new Map<RejectCode, number>();
  readonly proven: Proven = { verified: 0, unverifiable: 0, refuted: 0 };
  frames = 0;
  /** Samples that no birth ever named. */
  unnamed = 0;
  readonly #streams = new Map<number, Stream>();
  readonly #store: SeenStore;
  readonly #outlet: Outlet;
  readonly #frame = { seq: 0, sentMs: 0, samples: 0, events: 0, checkpoints: 0 };
  #wall: WallMillis = 0 as WallMillis;

  constructor(streams: readonly StreamSettings[], names: NameBook, store: SeenStore, outlet: Outlet) {
    this.#store = store;
    this.#outlet = outlet;
    for (const settings of streams) this.#streams.set(settings.stream, new Stream(settings, names.of(settings.stream)));
  }

  take(datagram: Uint8Array, now: Millis, wall: WallMillis): void {
    this.frames += 1;
    this.#wall = wall;
    const decoded = decodeHeader(datagram);
    if (!decoded.ok) {
      this.#reject(decoded.error);
      return;
    }
    const header = decoded.value;
    const stream = this.#streams.get(header.stream);
    if (stream === undefined) {
      this.#reject("unknownStream");
      return;
    }
    const content = this.#open(stream, datagram, header, now);
    if (typeof content === "string") {
      this.#reject(content);
      return;
    }
    this.#store.ledger.heard(header.stream, now);
    const salt = toHex(datagram, SALT_AT, SALT);
    const start = this.#startOf(stream, header, salt, content);
    if (typeof start === "string") {
      this.#reject(start);
      return;
    }
    if (start.tags.check(header.sequence, datagram, HEADER + header.length) === "differs") {
      stream.opener.retire(header.keyId);
      this.#reject("nonceReuse");
      this.#outlet.raise({ is: "nonceReuse", stream: header.stream });
      return;
    }
    this.#place(stream, start, header, content, now);
  }

  /** A key that nobody knows may be one that was put there since; who sends such frames makes us look no more often than that. */
  #open(stream: Stream, datagram: Uint8Array, header: FrameHeader, now: Millis): Uint8Array | OpenFault {
    const content = stream.opener.open(datagram, header);
    if (content !== "unknownKey" || now - stream.renewedMs < RENEW_MS) return content;
    stream.renewedMs = now;
    const keys = stream.settings.renew?.() ?? null;
    if (keys === null) return content;
    stream.opener.renew(keys);
    return stream.opener.open(datagram, header);
  }

  /** What is missing is not waited for any longer; what a start told while nobody can tell whether it is one. */
  tick(now: Millis, wall: WallMillis): void {
    this.#wall = wall;
    for (const { current } of this.#streams.values())
      if (current !== null && now - current.heardMs >= GIVE_UP_MS) current.assembly.giveUp();
  }

  #startOf(stream: Stream, { kind, epoch }: FrameHeader, salt: string, content: Uint8Array): Start | RejectCode {
    const known = stream.starts.get(salt);
    if (known !== undefined && !known.isForgotten) return known;
    // Only a source says when it was sent, which tells whether it may be of a start that nobody knows.
    if (kind !== KIND.source) return "noBlock";
    const read = decodeContent(content);
    if (typeof read === "string") return read;
    const start = this.#store.admit(stream.settings.stream, salt, BigInt(epoch), read.timeMs, this.#wall);
    if (typeof start === "string") return start;
    for (const [each, { isForgotten }] of stream.starts) if (isForgotten) stream.starts.delete(each);
    stream.starts.set(salt, start);
    return start;
  }

  #place(stream: Stream, start: Start, header: FrameHeader, content: Uint8Array, now: Millis): void {
    const { kind, sequence } = header;
    if (this.#store.isHistorical(start) || header.epoch < (stream.current?.header.epoch ?? 0)) {
      if (kind === KIND.source) this.#late(stream, start, sequence, content);
      else this.#reject("noBlock");
      return;
    }
    let { current } = stream;
    if (current?.start !== start) {
      current?.assembly.giveUp();
      current = this.#begin(stream, start, header, content, now);
      stream.current = current;
    }
    if (!isAlike(header, current.header)) {
      this.#reject("otherCode");
      return;
    }
    current.heardMs = now;
    if (current.assembly.take(sequence, kind, content)) return;
    if (kind === KIND.source) this.#late(stream, start, sequence, content);
  }

  #begin(stream: Stream, start: Start, header: FrameHeader, content: Uint8Array, now: Millis): Current {
    const { sources, repairs, depth, length } = header;
    const read = decodeContent(content);
    const sinceMs = typeof read === "string" ? this.#wall : read.timeMs;
    const next = (sequence: number): number => {
      const behind = sequence + 1;
      const frames = (sources + repairs) * depth;
      return behind % frames < sources * depth ? behind : behind + repairs * depth;
    };
    const salt = Buffer.from(start.salt, "hex");
    return {
      start,
      header,
      sinceMs,
      heardMs: now,
      proving: new Proving(stream.settings.checkpointKey, stream.settings.stream, salt, this.proven, next),
      assembly: new Assembly(
        sources,
        repairs,
        depth,
        length,
        (sequence, octets, how) => this.#released(stream, start, sequence, octets, how),
        (first, last) => this.#behind(start, first, last),
      ),
    };
  }

  #released(stream: Stream, start: Start, sequence: number, octets: Uint8Array, how: How): void {
    const records = this.#booked(start, sequence, octets, how);
    const signature = records?.find(({ is }) => is === "signature") as SignatureRecord | undefined;
    if (stream.current?.proving.content(sequence, octets, signature ?? null) === false)
      this.#outlet.raise({ is: "refuted", stream: stream.settings.stream });
    if (records !== null) this.#tell(stream, start, sequence, records, false);
  }

  /** Sequences of repair frames are noted as if they had come: gaps that nothing ever fills would use up what can be remembered of a start. */
  #behind(start: Start, first: number, last: number): void {
    const frame = this.#frame;
    frame.sentMs = Math.max(0, start.newestMs);
    frame.samples = frame.events = frame.checkpoints = 0;
    for (frame.seq = first; frame.seq <= last; frame.seq++) this.#store.take(start, frame, "received", this.#wall);
  }

  /** Of before what is received now: booked as late, told as historical. */
  #late(stream: Stream, start: Start, sequence: number, octets: Uint8Array): void {
    const { current } = stream;
    const read = current === null || current.start === start ? null : decodeContent(octets);
    if (current !== null && read !== null && typeof read !== "string" && read.timeMs > current.sinceMs + APART_MS) {
      this.#reject("twoSenders");
      this.#outlet.raise({ is: "twoSenders", stream: stream.settings.stream });
      return;
    }
    const records = this.#booked(start, sequence, octets, "copy");
    if (records !== null) this.#tell(stream, start, sequence, records, true);
  }

  /** @returns its records, if this is the first time it is here; null: it is not, or there are none */
  #booked(start: Start, sequence: number, octets: Uint8Array, how: How | "copy"): readonly OneWayRecord[] | null {
    const read = decodeContent(octets);
    if (typeof read === "string") {
      this.#reject(read);
      return null;
    }
    const frame = this.#frame;
    frame.seq = sequence;
    frame.sentMs = read.timeMs;
    frame.samples = frame.events = frame.checkpoints = 0;
    for (const record of read.records) {
      if (record.is === "sample") frame.samples += 1;
      else if (record.is === "text" && record.of !== "samples") frame[record.of] += 1;
    }
    const seen = this.#store.take(start, frame, how, this.#wall);
    if (seen !== "new") {
      this.#reject(seen);
      return null;
    }
    for (const record of read.records) if (record.is === "counts") this.#counted(start, record);
    return read.records;
  }

  #counted(start: Start, { of, minute, offered, sent, dropped, isClosed }: OneWayRecord & { is: "counts" }): void {
    const told = { offered, sent, droppedAtSource: dropped, closed: isClosed };
    this.#store.tell(start, CLASS_INDEX[of], minute * 60_000, told, this.#wall);
  }

  #tell(stream: Stream, start: Start, sequence: number, records: readonly OneWayRecord[], isLate: boolean): void {
    const samples: Sample[] = [];
    records.forEach((record, i) => {
      switch (record.is) {
        case "birth":
          stream.names.setGateway(record.gateway);
          stream.awaited = record.points;
          break;
        case "point":
          stream.names.setPoint(record);
          stream.awaited -= 1;
          break;
        case "asker":
          stream.names.setAsker(record.id, record.identity);
          break;
        case "sample": {
          const id = `${stream.settings.stream}-${start.salt}-${sequence}-${i}`;
          const { value, quality, timeMs, timeOf } = record;
          this.#sample(stream, samples, record.point, { id, value, quality, timeMs, timeOf, historical: isLate });
          break;
        }
        case "text": {
          const text = stream.texts.take(start.number, record);
          if (text !== null && record.of !== "samples") this.#outlet.text(record.of, stream.settings.stream, text, isLate);
          break;
        }
        default:
          break;
      }
    });
    if (stream.names.isNews && stream.awaited <= 0) this.#born(stream, samples);
    if (samples.length > 0) this.#outlet.samples(samples);
  }

  #sample(stream: Stream, samples: Sample[], point: number, sample: Unnamed["sample"]): void {
    const info = stream.names.point(point);
    if (info !== undefined) samples.push({ gateway: info.gateway, asset: info.asset, point: info.point, ...sample });
    else if (stream.unnamed.length < MOST_UNNAMED) stream.unnamed.push({ point, sample });
    else this.unnamed += 1;
  }

  /** A birth is whole. What waited for its names has them now, and is late by that. */
  #born(stream: Stream, samples: Sample[]): void {
    stream.names.isNews = false;
    this.#outlet.births(stream.settings.stream, stream.names);
    const waiting = stream.unnamed;
    stream.unnamed = [];
    for (const { point, sample } of waiting) this.#sample(stream, samples, point, { ...sample, historical: true });
  }

  #reject(code: RejectCode): void {
    this.rejected.set(code, (this.rejected.get(code) ?? 0) + 1);
  }
}

/** All frames of a start have one code and one length: their places follow from it. */
function isAlike(a: FrameHeader, b: FrameHeader): boolean {
  return a.sources === b.sources && a.repairs === b.repairs && a.depth === b.depth && a.length === b.length;
}

const CLASS_INDEX = { samples: 0, events: 1, checkpoints: 2 } as const;
