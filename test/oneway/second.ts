/**
 * A reader of one-way frames from docs/one-way-format.md alone: what somebody would write who has that page, a key, and none of our code. It
 * shares nothing with protocols/oneway or src/sealing, so that the two can be held against each other.
 */
import { createDecipheriv, createHash, createPublicKey, hkdfSync, verify } from "node:crypto";

export interface Frame {
  readonly kind: "source" | "repair";
  readonly stream: number;
  readonly keyId: number;
  readonly epoch: number;
  readonly salt: string;
  readonly sequence: number;
  readonly k: number;
  readonly m: number;
  readonly depth: number;
  readonly content: Buffer;
}

/** @throws where it is no frame, or not sealed by who has the key */
export function openFrame(datagram: Uint8Array, streamKey: Uint8Array): Frame {
  const octets = Buffer.from(datagram);
  if (octets.length < 60) throw new Error("shorter than a header and a tag");
  const length = octets.readUInt16LE(42);
  const kind = octets[3];
  if (octets.subarray(0, 3).toString("hex") !== "507301" || octets[41] !== 0 || (kind !== 1 && kind !== 2)) throw new Error("no frame");
  if (octets.length !== 44 + length + 16 || length < 256 || length > 1392) throw new Error(`${octets.length} octets`);
  const [stream, keyId, sequence] = [octets.readUInt32LE(4), octets.readUInt32LE(8), octets.readUIntLE(32, 6)];
  const salt = octets.subarray(16, 32);
  if (keyIdOf(streamKey) !== keyId) throw new Error("another key");
  const frameKey = Buffer.from(hkdfSync("sha256", streamKey, salt, `penstock/one-way/1/frames/${stream}`, 32));
  const nonce = Buffer.alloc(12);
  nonce.writeUIntLE(sequence, 6, 6);
  const decipher = createDecipheriv("aes-256-gcm", frameKey, nonce, { authTagLength: 16 });
  decipher.setAAD(octets.subarray(0, 44));
  decipher.setAuthTag(octets.subarray(44 + length));
  const content = Buffer.concat([decipher.update(octets.subarray(44, 44 + length)), decipher.final()]);
  const [k, m, depth] = [octets.readUInt8(38), octets.readUInt8(39), octets.readUInt8(40)];
  return {
    kind: kind === 1 ? "source" : "repair",
    stream,
    keyId,
    epoch: octets.readUInt32LE(12),
    salt: salt.toString("hex"),
    sequence,
    k,
    m,
    depth,
    content,
  };
}

export function keyIdOf(streamKey: Uint8Array): number {
  return Buffer.from(hkdfSync("sha256", streamKey, "", "penstock/one-way/1/key-id", 4)).readUInt32LE(0);
}

export interface Place {
  readonly group: number;
  readonly block: number;
  readonly shard: number;
}

export function placeOf({ sequence, k, m, depth }: Frame): Place {
  const place = sequence % ((k + m) * depth);
  return { group: Math.floor(sequence / ((k + m) * depth)), block: place % depth, shard: Math.floor(place / depth) };
}

/** Bit by bit: slow, and hardly to be got wrong. */
export function times(a: number, b: number): number {
  let sum = 0;
  for (let [left, right] = [a, b]; right > 0; right >>= 1) {
    if ((right & 1) === 1) sum ^= left;
    left <<= 1;
    if (left > 0xff) left ^= 0x11d;
  }
  return sum;
}

export function inverse(a: number): number {
  for (let b = 1; b < 256; b++) if (times(a, b) === 1) return b;
  throw new Error("zero has no inverse");
}

/**
 * The sources of a block out of any k of its shards, by elimination.
 *
 * @param shards by their number, k of them or more
 */
export function sourcesOf(shards: ReadonlyMap<number, Buffer>, k: number): Buffer[] {
  const used = [...shards].sort(([a], [b]) => a - b).slice(0, k);
  if (used.length < k) throw new Error(`${used.length} of ${k} shards`);
  const rows = used.map(([shard, octets]) => ({ of: rowOf(shard, k), octets: Buffer.from(octets) }));
  for (let column = 0; column < k; column++) {
    const pivot = rows.findIndex((row, i) => i >= column && row.of[column] !== 0);
    const chosen = rows[pivot] as (typeof rows)[number];
    rows[pivot] = rows[column] as (typeof rows)[number];
    rows[column] = chosen;
    scale(chosen.of, inverse(chosen.of[column] as number), chosen.octets);
    for (const row of rows) {
      const factor = row === chosen ? 0 : (row.of[column] as number);
      if (factor === 0) continue;
      row.of.forEach((each, i) => {
        row.of[i] = each ^ times(factor, chosen.of[i] as number);
      });
      row.octets.forEach((each, i) => {
        row.octets[i] = each ^ times(factor, chosen.octets[i] as number);
      });
    }
  }
  return rows.map(({ octets }) => octets);
}

function rowOf(shard: number, k: number): number[] {
  if (shard < k) return Array.from({ length: k }, (_, j) => (j === shard ? 1 : 0));
  return Array.from({ length: k }, (_, j) => inverse((255 - (shard - k)) ^ j));
}

function scale(row: number[], factor: number, octets: Buffer): void {
  row.forEach((each, i) => {
    row[i] = times(factor, each);
  });
  octets.forEach((each, i) => {
    octets[i] = times(factor, each);
  });
}

const QUALITIES = ["good", "stale", "comm-lost", "bad", "uncertain"];
const CLASSES = ["samples", "events", "checkpoints"];

export interface Contents {
  readonly timeMs: number;
  readonly records: readonly Readonly<Record<string, unknown>>[];
}

/** @throws where it is not as the page draws it */
export function readContent(content: Buffer): Contents {
  const records: Record<string, unknown>[] = [];
  let at = 6;
  while (at < content.length && content[at] !== 0) {
    const end = at + 3 + content.readUInt16LE(at + 1);
    if (end > content.length) throw new Error("a record that ends behind the content");
    records.push(readRecord(content.readUInt8(at), new Body(content.subarray(at + 3, end))));
    at = end;
  }
  if (content.subarray(at).some((octet) => octet !== 0)) throw new Error("something behind the end");
  return { timeMs: content.readUIntLE(0, 6), records };
}

class Body {
  readonly octets: Buffer;
  at = 0;

  constructor(octets: Buffer) {
    this.octets = octets;
  }

  number(octets: number): number {
    this.at += octets;
    return this.octets.readUIntLE(this.at - octets, octets);
  }

  bytes(count = this.octets.length - this.at): Buffer {
    this.at += count;
    if (this.at > this.octets.length) throw new Error("a record that is too short");
    return this.octets.subarray(this.at - count, this.at);
  }

  text(): string {
    const length = this.number(2);
    if (length > 2_048) throw new Error("a text that is too long");
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.bytes(length));
  }

  of(): string {
    return named(CLASSES, this.number(1));
  }

  end(): void {
    if (this.at !== this.octets.length) throw new Error("a record that is too long");
  }
}

function named(list: readonly string[], index: number): string {
  const name = list[index];
  if (name === undefined) throw new Error(`no such name: ${index}`);
  return name;
}

function readRecord(kind: number, body: Body): Record<string, unknown> {
  const record = fieldsOf(kind, body);
  body.end();
  return record;
}

function fieldsOf(kind: number, body: Body): Record<string, unknown> {
  switch (kind) {
    case 1: {
      const id = body.number(6);
      const [asset, point, type, unit, description] = [body.text(), body.text(), body.text(), body.text(), body.text()];
      return { is: "point", id, asset, point, type, unit, description };
    }
    case 2:
      return sampleOf(body);
    case 3:
      return { is: "asker", id: body.number(6), identity: body.text() };
    case 4: {
      const record = {
        is: "text",
        of: body.of(),
        number: body.number(4),
        part: body.number(1),
        parts: body.number(1),
        octets: body.bytes(),
      };
      if (record.part >= record.parts || record.octets.length === 0) throw new Error("a part that is none");
      return record;
    }
    case 5:
      return { is: "heartbeat", highest: body.number(6), birth: body.number(4), points: body.number(4) };
    case 6: {
      const of = body.of();
      const [minute, offered, sent, dropped, closed] = [body.number(4), body.number(4), body.number(4), body.number(4), body.number(1)];
      if (closed > 1) throw new Error("neither open nor closed");
      return { is: "counts", of, minute, offered, sent, dropped, isClosed: closed === 1 };
    }
    case 7: {
      const [first, last, digest, keyId] = [body.number(6), body.number(6), body.bytes(32), body.bytes(8)];
      if (body.number(1) !== 1) throw new Error("another algorithm");
      return { is: "signature", first, last, digest, keyId, signature: body.bytes(64) };
    }
    case 8:
      return { is: "birth", birth: body.number(4), points: body.number(4), gateway: body.text() };
    default:
      throw new Error(`a record of kind ${kind}`);
  }
}

function sampleOf(body: Body): Record<string, unknown> {
  const [point, timeMs, flags, asker, form] = [body.number(6), body.number(6), body.number(1), body.number(6), body.number(1)];
  if (flags > 31) throw new Error(`flags ${flags}`);
  return {
    is: "sample",
    point,
    timeMs,
    quality: named(QUALITIES, flags & 7),
    timeOf: (flags & 8) === 0 ? "gateway" : "device",
    isEvent: (flags & 16) !== 0,
    asker,
    value: valueIn(form, body),
  };
}

function valueIn(form: number, body: Body): unknown {
  switch (form) {
    case 0:
      return null;
    case 1:
      return false;
    case 2:
      return true;
    case 3:
      return body.bytes(4).readInt32LE();
    case 4:
      return body.bytes(8).readDoubleLE();
    case 5:
      return body.bytes(8).readBigInt64LE();
    case 6:
      return body.bytes(8).readBigUInt64LE();
    case 7:
      return body.text();
    default:
      throw new Error(`a value of form ${form}`);
  }
}

export function idOf(asset: string, point: string): number {
  return createHash("sha256").update(`${asset}\0${point}`).digest().readUIntLE(0, 6);
}

export function askerIdOf(identity: string): number {
  return createHash("sha256").update(identity).digest().readUIntLE(0, 6);
}

export interface Signature {
  readonly first: number;
  readonly last: number;
  readonly digest: Buffer;
  readonly keyId: Buffer;
  readonly signature: Buffer;
}

/** @param contents of all sources from first to last, in order */
export function isSigned(
  { first, last, digest, keyId, signature }: Signature,
  { stream, salt }: Frame,
  contents: readonly Buffer[],
  pem: string,
): boolean {
  const key = createPublicKey(pem);
  const named = createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest()
    .subarray(0, 8);
  const told = createHash("sha256").update(Buffer.concat(contents)).digest();
  const numbers = Buffer.alloc(12);
  numbers.writeUIntLE(first, 0, 6);
  numbers.writeUIntLE(last, 6, 6);
  const start = Buffer.alloc(4);
  start.writeUInt32LE(stream);
  const said = Buffer.concat([Buffer.from("penstock/one-way/1/checkpoint\0"), start, Buffer.from(salt, "hex"), numbers, digest]);
  return named.equals(keyId) && told.equals(digest) && verify(null, said, key, signature);
}
