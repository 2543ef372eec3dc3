/**
 * What a source frame holds: when it was sent first, then records, each with its kind and length; zeros fill it up. Numbers are little-endian,
 * texts UTF-8 behind their length in octets (u16).
 *
 *     content    u48 time (ms since 1970), then records
 *     record     u8 kind, u16 length, body; kind 0: nothing more in this frame
 *
 *     1 point       u48 id, text asset, text point, text type, text unit, text description
 *     2 sample      u48 point, u48 time (ms), u8 flags, u48 asker, u8 form, value
 *                   flags: bits 0-2 quality, bit 3 the time is the device's, bit 4 it is an event
 *     3 asker       u48 id, text identity
 *     4 text        u8 class, u32 number, u8 part (from 0), u8 parts, octets: one JSON object, in as many parts as it takes
 *     5 heartbeat   u48 highest sequence so far, u32 birth, u32 points of it
 *     6 counts      u8 class, u32 minute (since 1970), u32 offered, u32 sent, u32 dropped at the source, u8 closed: no more of that minute comes
 *     7 signature   u48 first sequence, u48 last, 32 digest, 8 key id, u8 algorithm (1: Ed25519), 64 signature
 *     8 birth       u32 birth, u32 points, text gateway: the points of this birth follow
 *
 * Ids of points and askers come from their names (idOf): they mean the same in every frame of a stream, whichever start sent it and whenever it
 * comes in, so a copy of last week's needs nothing of last week's to be understood.
 *
 * @source docs/one-way-format.md
 */
import { f64le, putF64le, putU16le, putU32le, putU48le, u16le, u32le, u48le } from "#wire";

export const RECORD = { end: 0, point: 1, sample: 2, asker: 3, text: 4, heartbeat: 5, counts: 6, signature: 7, birth: 8 } as const;
/** Octets before the first record. */
export const TIME = 6;
const HEAD = 3;

export const QUALITIES = ["good", "stale", "comm-lost", "bad", "uncertain"] as const;
export type Quality = (typeof QUALITIES)[number];
/** What is counted apart. */
export const CLASSES = ["samples", "events", "checkpoints"] as const;
export type RecordClass = (typeof CLASSES)[number];
export type Value = number | bigint | boolean | string | null;

export interface PointRecord {
  readonly id: number;
  readonly asset: string;
  readonly point: string;
  readonly type: string;
  readonly unit: string;
  readonly description: string;
}

export interface SampleRecord {
  readonly point: number;
  readonly timeMs: number;
  readonly quality: Quality;
  readonly timeOf: "device" | "gateway";
  readonly isEvent: boolean;
  readonly asker: number;
  readonly value: Value;
}

export interface CountsRecord {
  readonly of: RecordClass;
  readonly minute: number;
  readonly offered: number;
  readonly sent: number;
  readonly dropped: number;
  readonly isClosed: boolean;
}

export interface TextPart {
  readonly of: RecordClass;
  readonly number: number;
  readonly part: number;
  readonly parts: number;
  readonly octets: Uint8Array;
}

export interface SignatureRecord {
  readonly first: number;
  readonly last: number;
  readonly digest: Uint8Array;
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
}

export type OneWayRecord =
  | ({ readonly is: "point" } & PointRecord)
  | ({ readonly is: "sample" } & SampleRecord)
  | { readonly is: "asker"; readonly id: number; readonly identity: string }
  | ({ readonly is: "text" } & TextPart)
  | { readonly is: "heartbeat"; readonly highest: number; readonly birth: number; readonly points: number }
  | ({ readonly is: "counts" } & CountsRecord)
  | ({ readonly is: "signature" } & SignatureRecord)
  | { readonly is: "birth"; readonly birth: number; readonly points: number; readonly gateway: string };

/** Octets that a text may have as one value or name; what is longer is cut by whoever writes it. */
export const LONGEST_TEXT = 512;
export const DIGEST = 32;
export const KEY_ID = 8;
export const SIGNATURE = 64;
const ED25519 = 1;
/** Octets of a sample before its value. */
const SAMPLE = 20;
const FORM = { none: 0, no: 1, yes: 2, i32: 3, f64: 4, i64: 5, u64: 6, text: 7 } as const;
const utf8 = new TextEncoder();

/** Fills one content, record by record. Each `put` says whether there was room; where there was none nothing is written. */
export class RecordWriter {
  octets: Uint8Array;
  /** Behind the last record. */
  at = TIME;
  records = 0;
  #room: number;
  #start = 0;

  constructor(octets: Uint8Array) {
    this.octets = octets;
    this.#room = octets.length;
  }

  /** An empty content. */
  begin(octets: Uint8Array, timeMs: number): void {
    this.octets = octets;
    this.#room = octets.length;
    octets.fill(0);
    putU48le(octets, 0, timeMs);
    this.at = TIME;
    this.records = 0;
  }

  /** Octets of a text's part that still fit. */
  get roomForText(): number {
    return Math.max(0, this.#room - this.at - HEAD - 7);
  }

  point({ id, asset, point, type, unit, description }: PointRecord): boolean {
    const texts = [asset, point, type, unit, description].map((text) => utf8.encode(text));
    const length = texts.reduce((sum, text) => sum + 2 + text.length, 6);
    if (!this.#begin(RECORD.point, length)) return false;
    this.#u48(id);
    for (const text of texts) this.#text(text);
    return true;
  }

  sample({ point, timeMs, quality, timeOf, isEvent, asker, value }: SampleRecord): boolean {
    const text = typeof value === "string" ? utf8.encode(value) : null;
    const form = formOf(value);
    if (!this.#begin(RECORD.sample, SAMPLE + sizeOf(form, text))) return false;
    this.#u48(point);
    this.#u48(timeMs);
    this.#u8(QUALITIES.indexOf(quality) | (timeOf === "device" ? 8 : 0) | (isEvent ? 16 : 0));
    this.#u48(asker);
    this.#u8(form);
    if (form === FORM.i32) this.#u32((value as number) >>> 0);
    else if (form === FORM.f64) {
      putF64le(this.octets, this.at, value as number);
      this.at += 8;
    } else if (form === FORM.i64 || form === FORM.u64) {
      const whole = BigInt.asUintN(64, value as bigint);
      this.#u32(Number(whole & 0xffff_ffffn));
      this.#u32(Number(whole >> 32n));
    } else if (text !== null) this.#text(text);
    return true;
  }

  asker(id: number, identity: string): boolean {
    const text = utf8.encode(identity);
    if (!this.#begin(RECORD.asker, 8 + text.length)) return false;
    this.#u48(id);
    this.#text(text);
    return true;
  }

  text({ of, number, part, parts, octets }: TextPart): boolean {
    if (!this.#begin(RECORD.text, 7 + octets.length)) return false;
    this.#u8(CLASSES.indexOf(of));
    this.#u32(number);
    this.#u8(part);
    this.#u8(parts);
    this.#octets(octets);
    return true;
  }

  heartbeat(highest: number, birth: number, points: number): boolean {
    if (!this.#begin(RECORD.heartbeat, 14)) return false;
    this.#u48(highest);
    this.#u32(birth);
    this.#u32(points);
    return true;
  }

  counts({ of, minute, offered, sent, dropped, isClosed }: CountsRecord): boolean {
    if (!this.#begin(RECORD.counts, 18)) return false;
    this.#u8(CLASSES.indexOf(of));
    for (const number of [minute, offered, sent, dropped]) this.#u32(number);
    this.#u8(isClosed ? 1 : 0);
    return true;
  }

  signature({ first, last, digest, keyId, signature }: SignatureRecord): boolean {
    if (!this.#begin(RECORD.signature, 12 + DIGEST + KEY_ID + 1 + SIGNATURE)) return false;
    this.#u48(first);
    this.#u48(last);
    this.#octets(digest);
    this.#octets(keyId);
    this.#u8(ED25519);
    this.#octets(signature);
    return true;
  }

  birth(birth: number, points: number, gateway: string): boolean {
    const text = utf8.encode(gateway);
    if (!this.#begin(RECORD.birth, 10 + text.length)) return false;
    this.#u32(birth);
    this.#u32(points);
    this.#text(text);
    return true;
  }

  /** A record that is whole already. */
  copy(record: Uint8Array): boolean {
    if (this.at + record.length > this.#room) return false;
    this.#octets(record);
    this.records += 1;
    return true;
  }

  #begin(kind: number, length: number): boolean {
    if (this.at + HEAD + length > this.#room) return false;
    this.#start = this.at;
    this.octets[this.#start] = kind;
    putU16le(this.octets, this.#start + 1, length);
    this.at += HEAD;
    this.records += 1;
    return true;
  }

  #u8(value: number): void {
    this.octets[this.at++] = value;
  }

  #u16(value: number): void {
    putU16le(this.octets, this.at, value);
    this.at += 2;
  }

  #u32(value: number): void {
    putU32le(this.octets, this.at, value);
    this.at += 4;
  }

  #u48(value: number): void {
    putU48le(this.octets, this.at, value);
    this.at += 6;
  }

  #octets(value: Uint8Array): void {
    this.octets.set(value, this.at);
    this.at += value.length;
  }

  #text(value: Uint8Array): void {
    this.#u16(value.length);
    this.#octets(value);
  }
}

function formOf(value: Value): number {
  switch (typeof value) {
    case "boolean":
      return value ? FORM.yes : FORM.no;
    case "bigint":
      return value < 0n ? FORM.i64 : FORM.u64;
    case "string":
      return FORM.text;
    case "number":
      return Number.isInteger(value) && value === (value | 0) && !Object.is(value, -0) ? FORM.i32 : FORM.f64;
    default:
      return FORM.none;
  }
}

function sizeOf(form: number, text: Uint8Array | null): number {
  if (form === FORM.i32) return 4;
  if (form === FORM.f64 || form === FORM.i64 || form === FORM.u64) return 8;
  return text === null ? 0 : 2 + text.length;
}

export type ContentFault =
  /** A record ends behind the content, or is not as long as its kind is. */
  | "badRecord"
  /** A kind, class, quality or form that is none. */
  | "badKind"
  /** A text that is too long, or no UTF-8. */
  | "badText"
  /** Something stands behind the end. */
  | "notEmpty";

export interface Content {
  readonly timeMs: number;
  readonly records: readonly OneWayRecord[];
}

/** All of it or none: an authenticated content that is not in order is a fault of its sender. Views into `octets`. */
export function decodeContent(octets: Uint8Array): Content | ContentFault {
  if (octets.length < TIME) return "badRecord";
  const records: OneWayRecord[] = [];
  let at = TIME;
  while (at < octets.length && octets[at] !== RECORD.end) {
    if (at + HEAD > octets.length) return "badRecord";
    const length = u16le(octets, at + 1);
    const from = at + HEAD;
    if (from + length > octets.length) return "badRecord";
    const record = decodeRecord(octets[at] as number, octets.subarray(from, from + length));
    if (typeof record === "string") return record;
    records.push(record);
    at = from + length;
  }
  for (; at < octets.length; at++) if (octets[at] !== 0) return "notEmpty";
  return { timeMs: u48le(octets, 0), records };
}

function decodeRecord(kind: number, body: Uint8Array): OneWayRecord | ContentFault {
  switch (kind) {
    case RECORD.point:
      return decodePoint(body);
    case RECORD.sample:
      return decodeSample(body);
    case RECORD.asker: {
      const texts = body.length < 6 ? "badRecord" : textsIn(body, 6, 1);
      return typeof texts === "string" ? texts : { is: "asker", id: u48le(body, 0), identity: texts[0] as string };
    }
    case RECORD.text:
      return decodeText(body);
    case RECORD.heartbeat:
      if (body.length !== 14) return "badRecord";
      return { is: "heartbeat", highest: u48le(body, 0), birth: u32le(body, 6), points: u32le(body, 10) };
    case RECORD.counts:
      return decodeCounts(body);
    case RECORD.signature:
      return decodeSignature(body);
    case RECORD.birth: {
      const texts = body.length < 8 ? "badRecord" : textsIn(body, 8, 1);
      return typeof texts === "string"
        ? texts
        : { is: "birth", birth: u32le(body, 0), points: u32le(body, 4), gateway: texts[0] as string };
    }
    default:
      return "badKind";
  }
}

function decodePoint(body: Uint8Array): OneWayRecord | ContentFault {
  const texts = body.length < 6 ? "badRecord" : textsIn(body, 6, 5);
  if (typeof texts === "string") return texts;
  const [asset, point, type, unit, description] = texts as [string, string, string, string, string];
  return { is: "point", id: u48le(body, 0), asset, point, type, unit, description };
}

function decodeSample(body: Uint8Array): OneWayRecord | ContentFault {
  if (body.length < SAMPLE) return "badRecord";
  const flags = body[12] as number;
  const quality = QUALITIES[flags & 7];
  if (quality === undefined || flags > 31) return "badKind";
  const value = decodeValue(body[19] as number, body.subarray(SAMPLE));
  if (isFault(value)) return value.fault;
  return {
    is: "sample",
    point: u48le(body, 0),
    timeMs: u48le(body, 6),
    quality,
    timeOf: (flags & 8) !== 0 ? "device" : "gateway",
    isEvent: (flags & 16) !== 0,
    asker: u48le(body, 13),
    value: value as Value,
  };
}

interface Faulty {
  readonly fault: ContentFault;
}

function isFault(value: Value | Faulty): value is Faulty {
  return typeof value === "object" && value !== null;
}

function decodeValue(form: number, octets: Uint8Array): Value | Faulty {
  if (form === FORM.text) {
    const texts = textsIn(octets, 0, 1);
    return typeof texts === "string" ? { fault: texts } : (texts[0] as string);
  }
  if (form > FORM.text) return { fault: "badKind" };
  if (octets.length !== sizeOf(form, null)) return { fault: "badRecord" };
  switch (form) {
    case FORM.no:
      return false;
    case FORM.yes:
      return true;
    case FORM.i32:
      return u32le(octets, 0) | 0;
    case FORM.f64:
      return f64le(octets, 0);
    case FORM.i64:
      return BigInt.asIntN(64, wholeOf(octets));
    case FORM.u64:
      return wholeOf(octets);
    default:
      return null;
  }
}

function wholeOf(octets: Uint8Array): bigint {
  return BigInt(u32le(octets, 0)) | (BigInt(u32le(octets, 4)) << 32n);
}

function decodeText(body: Uint8Array): OneWayRecord | ContentFault {
  if (body.length < 8) return "badRecord";
  const of = CLASSES[body[0] as number];
  const [part, parts] = [body[5] as number, body[6] as number];
  if (of === undefined) return "badKind";
  if (part >= parts) return "badRecord";
  return { is: "text", of, number: u32le(body, 1), part, parts, octets: body.subarray(7) };
}

function decodeCounts(body: Uint8Array): OneWayRecord | ContentFault {
  if (body.length !== 18) return "badRecord";
  const of = CLASSES[body[0] as number];
  const closed = body[17] as number;
  if (of === undefined || closed > 1) return "badKind";
  const [minute, offered, sent, dropped] = [1, 5, 9, 13].map((at) => u32le(body, at)) as [number, number, number, number];
  return { is: "counts", of, minute, offered, sent, dropped, isClosed: closed === 1 };
}

function decodeSignature(body: Uint8Array): OneWayRecord | ContentFault {
  if (body.length !== 12 + DIGEST + KEY_ID + 1 + SIGNATURE) return "badRecord";
  if (body[12 + DIGEST + KEY_ID] !== ED25519) return "badKind";
  const signatureAt = 12 + DIGEST + KEY_ID + 1;
  return {
    is: "signature",
    first: u48le(body, 0),
    last: u48le(body, 6),
    digest: body.subarray(12, 12 + DIGEST),
    keyId: body.subarray(12 + DIGEST, 12 + DIGEST + KEY_ID),
    signature: body.subarray(signatureAt),
  };
}

/** @returns so many texts that are all there is from `at` on */
function textsIn(body: Uint8Array, at: number, count: number): readonly string[] | ContentFault {
  const texts: string[] = [];
  let from = at;
  for (let i = 0; i < count; i++) {
    if (from + 2 > body.length) return "badRecord";
    const length = u16le(body, from);
    if (length > 4 * LONGEST_TEXT) return "badText";
    if (from + 2 + length > body.length) return "badRecord";
    const text = textOf(body.subarray(from + 2, from + 2 + length));
    if (text === null) return "badText";
    texts.push(text);
    from += 2 + length;
  }
  return from === body.length ? texts : "badRecord";
}

/** Null: it is no UTF-8. */
function textOf(octets: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    return null;
  }
}
