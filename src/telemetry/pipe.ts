/**
 * What the gateway offers, as records in a pipe to the sender. The pipe is bounded: with a slow sender, or none, what is offered is dropped here
 * and counted, and the count is told once there is room. Nothing waits.
 */
import { CLASSES, type RecordClass, RecordWriter } from "#oneway/records";
import { idOf } from "#sealing/ids";
import type { Offer, OfferedPoint, OfferedSample } from "./offer.ts";

/** The pipe, from this end. */
export interface Pipe {
  /** The octets are the pipe's afterwards. */
  write(octets: Uint8Array): void;
  /** Octets that the sender has not taken yet. */
  readonly queued: number;
}

/** Octets that may wait for the sender. At 5,000 samples a second some six seconds. */
const MOST_QUEUED = 1024 * 1024;
/** Records are written so many octets at a time, or as many as there are at the end of a turn. */
const BUFFER = 64 * 1024;
const LONGEST_RECORD = 4 * 1024;
const MOST_ASKERS = 65_536;
/** Dropped, in one record of it. */
const MOST_SAID = 0xff_ffff;
/** A record longer than this is cut into no more parts: it is dropped. */
const MOST_PARTS = 255;
/** Characters of a text at most; and what the other fields of its record take of a frame, which all of it has to fit. */
const LONGEST_WORDS = 500;
const OTHER_FIELDS = { asker: 11, sample: 25, point: 19 } as const;
/** Of what each text of a point may be long, so that all five fit: the names have their shares, the description has the rest. */
const NAMES_SHARE = { asset: 64, point: 64, type: 16, unit: 32 } as const;

export class PipeOffer implements Offer {
  generation = 0;
  readonly dropped: Record<RecordClass, number> = { samples: 0, events: 0, checkpoints: 0 };
  readonly offered: Record<RecordClass, number> = { samples: 0, events: 0, checkpoints: 0 };
  #pipe: Pipe | null = null;
  #points: readonly OfferedPoint[] = [];
  /** By the gateway's number. */
  #ids: number[] = [];
  readonly #askers = new Map<string, number>();
  readonly #longest: number;
  readonly #partOctets: number;
  #buffer = new Uint8Array(BUFFER);
  readonly #writer = new RecordWriter(new Uint8Array(0));
  #number = 0;
  /** Of `dropped`, what the sender was told. */
  readonly #told: Record<RecordClass, number> = { samples: 0, events: 0, checkpoints: 0 };
  #isFlushing = false;
  /** One for all: what is made of each sample is written at once. */
  readonly #sample = { point: 0, timeMs: 0, quality: "good", timeOf: "gateway", isEvent: false, asker: 0, value: null } as Mutable;

  /** @param content octets of a frame's content: a text is cut into parts that fit one */
  constructor(content: number) {
    this.#longest = content - 6;
    this.#partOctets = content - 16;
    this.#begin();
  }

  /** A sender that has just begun knows nothing. Null: there is none. */
  attach(pipe: Pipe | null): void {
    this.#begin();
    this.#pipe = pipe;
    if (pipe === null) return;
    this.generation += 1;
    for (const [identity, id] of this.#askers) this.#writeAsker(id, identity);
    this.#writePoints();
    this.flush();
  }

  points(list: readonly OfferedPoint[]): void {
    this.#points = list;
    this.#ids = [];
    const taken = new Set<number>();
    for (const { id, asset, point } of list) {
      let hashed = idOf(asset, point);
      // One of a million sites has two such points; the later is told under another id.
      while (taken.has(hashed)) hashed = (hashed + 1) % 2 ** 48;
      taken.add(hashed);
      this.#ids[id] = hashed;
    }
    if (this.#pipe !== null) this.#writePoints();
  }

  sample({ pointId, value, quality, timeMs, timeOf, asker, isEvent }: OfferedSample): boolean {
    this.offered.samples += 1;
    const point = this.#ids[pointId];
    if (point === undefined || !this.#hasRoom()) return this.#drop("samples");
    const sample = this.#sample;
    sample.point = point;
    sample.value = typeof value === "string" ? cut(value, this.#longest - OTHER_FIELDS.sample) : value;
    sample.quality = quality;
    sample.timeMs = timeMs;
    sample.timeOf = timeOf;
    sample.isEvent = isEvent;
    sample.asker = this.#askerOf(asker);
    return this.#writer.sample(sample) || this.#drop("samples");
  }

  event(record: object): boolean {
    return this.#text("events", record);
  }

  checkpoint(record: object): boolean {
    return this.#text("checkpoints", record);
  }

  #text(of: RecordClass, record: object): boolean {
    this.offered[of] += 1;
    const octets = Buffer.from(JSON.stringify(record));
    const parts = Math.ceil(octets.length / this.#partOctets);
    if (parts > MOST_PARTS || !this.#hasRoom()) return this.#drop(of);
    const number = this.#number++ >>> 0;
    for (let part = 0; part < parts; part++) {
      this.#room();
      const from = part * this.#partOctets;
      this.#writer.text({ of, number, part, parts, octets: octets.subarray(from, from + this.#partOctets) });
    }
    return true;
  }

  #drop(of: RecordClass): false {
    this.dropped[of] += 1;
    return false;
  }

  #askerOf(identity: string): number {
    const known = this.#askers.get(identity);
    if (known !== undefined) return known;
    if (this.#askers.size >= MOST_ASKERS) return 0;
    const id = idOf(identity);
    this.#askers.set(identity, id);
    this.#writeAsker(id, identity);
    this.#room();
    return id;
  }

  #writeAsker(id: number, identity: string): void {
    this.#room();
    this.#writer.asker(id, cut(identity, this.#longest - OTHER_FIELDS.asker));
  }

  #writePoints(): void {
    this.#room();
    this.#writer.birth(0, this.#points.length, "");
    for (const { id, asset, point, type, unit, description } of this.#points) {
      this.#room();
      const names = {
        asset: cut(asset, NAMES_SHARE.asset),
        point: cut(point, NAMES_SHARE.point),
        type: cut(type, NAMES_SHARE.type),
        unit: cut(unit, NAMES_SHARE.unit),
      };
      const taken = Object.values(names).reduce<number>((sum, name) => sum + Buffer.byteLength(name), OTHER_FIELDS.point);
      this.#writer.point({ id: this.#ids[id] as number, ...names, description: cut(description, this.#longest - taken) });
    }
    this.#later();
  }

  /** Is there room for one more, in the pipe and in what is gathered for it? */
  #hasRoom(): boolean {
    const pipe = this.#pipe;
    if (pipe === null || pipe.queued >= MOST_QUEUED) return false;
    this.#room();
    return true;
  }

  /** In what is gathered; if need be it leaves first. */
  #room(): void {
    if (this.#writer.at + LONGEST_RECORD > BUFFER) this.flush();
    this.#later();
  }

  #later(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => {
      this.#isFlushing = false;
      this.flush();
    });
  }

  /** What was gathered leaves; and how much was dropped, now that there is room to say it. */
  flush(): void {
    const pipe = this.#pipe;
    if (pipe === null) {
      this.#begin();
      return;
    }
    for (const each of CLASSES) {
      const dropped = this.dropped[each] - this.#told[each];
      if (dropped === 0 || pipe.queued >= MOST_QUEUED) continue;
      const said = Math.min(dropped, MOST_SAID);
      this.#told[each] += said;
      this.#writer.counts({ of: each, minute: 0, offered: 0, sent: 0, dropped: said, isClosed: false });
    }
    if (this.#writer.at === 0) return;
    const octets = this.#buffer.subarray(0, this.#writer.at);
    this.#buffer = new Uint8Array(BUFFER);
    this.#begin();
    pipe.write(octets);
  }

  #begin(): void {
    this.#writer.begin(this.#buffer, 0);
    // The pipe carries records alone.
    this.#writer.at = 0;
  }
}

/** So much of a text as has so many octets at most; no character of it in two. */
function cut(text: string, octets: number): string {
  if (text.length <= LONGEST_WORDS && 3 * text.length <= octets) return text;
  const encoded = Buffer.from(text.slice(0, LONGEST_WORDS));
  if (encoded.length <= octets) return text.slice(0, LONGEST_WORDS);
  let end = octets;
  while (end > 0 && ((encoded[end] as number) & 0xc0) === 0x80) end -= 1;
  return encoded.toString("utf8", 0, end);
}

interface Mutable {
  point: number;
  timeMs: number;
  quality: OfferedSample["quality"];
  timeOf: "device" | "gateway";
  isEvent: boolean;
  asker: number;
  value: OfferedSample["value"];
}
