/**
 * The sender's work, but for time, disk and socket: records are taken in, packed, sealed and told off to the line one frame after the other.
 *
 *     records ─▶ queue ─▶ content ─▶ block ─▶ sealed frame ─▶ line
 *                                      └▶ repair frames ─▶ line
 *                                   sealed frame ─▶ spool ─▶ carousel ─▶ line
 *
 * Every place of a group is filled: with what waits, else with what keeps the receiver in the picture, else with zeros. Carousel copies stand
 * between them and are of no group.
 */
import { type FrameHeader, HEADER, KIND, TAG } from "#oneway/frame";
import { Interleave } from "#oneway/interleave";
import { CLASSES, RECORD, type RecordClass, RecordWriter, TIME } from "#oneway/records";
import { ReedSolomon } from "#oneway/reedSolomon";
import type { CheckpointSigner } from "#sealing/checkpoints";
import type { Sealer } from "#sealing/frames";
import { u16le } from "#wire";
import { Births } from "./births.ts";
import { Counts } from "./counts.ts";
import { RecordQueue } from "./queue.ts";

export interface SenderSettings {
  readonly stream: number;
  readonly gateway: string;
  readonly epoch: number;
  readonly sources: number;
  readonly repairs: number;
  readonly depth: number;
  /** Octets of every content. */
  readonly content: number;
  /** Of the rate, what carousel copies take at most: 0 to 0.5. */
  readonly carouselShare: number;
}

/** Where frames go, and where copies of earlier ones come from. */
export interface SenderPorts {
  /** Octets are the caller's again afterwards. */
  send(frame: Uint8Array): void;
  /** Keep it for the carousel. */
  keep(frame: Uint8Array, sequence: number, nowMs: number): void;
  /** The next earlier frame to send again; null: none is ready. */
  again(nowMs: number): Uint8Array | null;
}

/** Records that may wait, octets. Two seconds of what the rate could carry at most; more is dropped at the source, and counted. */
const QUEUE_OCTETS = 4 * 1024 * 1024;
const HEARTBEAT_MS = 1_000;
const COUNTS_MS = 10_000;

export class Sender {
  readonly counts = new Counts();
  /** Frames that left, and of them those that carried records, were repairs, were copies. */
  frames = 0;
  full = 0;
  repairs = 0;
  copies = 0;
  readonly #settings: SenderSettings;
  readonly #ports: SenderPorts;
  readonly #sealer: Sealer;
  readonly #signer: CheckpointSigner | null;
  readonly #group: Interleave;
  readonly #code: ReedSolomon;
  /** By block, then by shard. */
  readonly #blocks: readonly (readonly Uint8Array[])[];
  readonly #queue = new RecordQueue(QUEUE_OCTETS);
  readonly #births: Births;
  readonly #writer: RecordWriter;
  readonly #frame: Uint8Array;
  #sequence = 0;
  #copyCredit = 0;
  #heartbeatMs = Number.NEGATIVE_INFINITY;
  #countsMs: number;
  #frameMs = 0;
  #monotonicMs: number;
  #isEnding = false;

  constructor(settings: SenderSettings, sealer: Sealer, signer: CheckpointSigner | null, ports: SenderPorts, monotonicMs: number) {
    const { sources, repairs, depth, content } = settings;
    this.#settings = settings;
    this.#ports = ports;
    this.#sealer = sealer;
    this.#signer = signer;
    this.#group = new Interleave(sources, repairs, depth);
    this.#code = new ReedSolomon(sources, repairs);
    this.#blocks = Array.from({ length: depth }, () => Array.from({ length: sources + repairs }, () => new Uint8Array(content)));
    this.#births = new Births(settings.gateway, content - TIME);
    this.#writer = new RecordWriter(new Uint8Array(content));
    this.#frame = new Uint8Array(HEADER + content + TAG);
    this.#countsMs = this.#monotonicMs = monotonicMs;
  }

  /** Of this start; the next frame has it. */
  get sequence(): number {
    return this.#sequence;
  }

  get waiting(): number {
    return this.#queue.octets;
  }

  /** Between two groups: then a new key may be taken into use. */
  get isBetweenGroups(): boolean {
    return this.#sequence % this.#group.frames === 0;
  }

  /** @param record whole, as in a frame. What tells points and names is kept for births; all else waits for its frame. */
  take(record: Uint8Array, wallMs: number): void {
    // A drop is booked by it: frames are not of an earlier minute afterwards.
    const nowMs = Math.max(wallMs, this.#frameMs);
    this.#frameMs = nowMs;
    const kind = record[0];
    if (kind === RECORD.counts) {
      this.#dropped(record, nowMs);
      return;
    }
    if (kind === RECORD.birth || kind === RECORD.point || kind === RECORD.asker) {
      this.#births.take(record);
      return;
    }
    const of = classOf(record);
    if (of === null) return;
    if (record.length > this.#settings.content - TIME || !this.#queue.push(record)) this.counts.dropped(of, nowMs, 1);
  }

  /** Nothing of this kind came here: the pipe was full. */
  #dropped(record: Uint8Array, nowMs: number): void {
    const of = CLASSES[record[3] as number];
    const dropped = (record[16] as number) | ((record[17] as number) << 8) | ((record[18] as number) << 16);
    if (of !== undefined && dropped > 0) this.counts.dropped(of, nowMs, dropped);
  }

  /**
   * One frame leaves: the next place of the group, or a copy.
   *
   * @param monotonicMs   what goes by; a clock that is set back holds nothing up
   */
  step(wallMs: number, monotonicMs = wallMs): void {
    const nowMs = this.#tell(wallMs, monotonicMs);
    this.#copyCredit = Math.min(1, this.#copyCredit + this.#settings.carouselShare);
    if (this.#copyCredit >= 1 && !this.#isEnding) {
      const copy = this.#ports.again(nowMs);
      if (copy !== null) {
        this.#copyCredit -= 1;
        this.copies += 1;
        this.frames += 1;
        this.#ports.send(copy);
        return;
      }
    }
    const place = this.#sequence % this.#group.frames;
    const block = this.#blocks[this.#group.blockOf(place)] as readonly Uint8Array[];
    const shard = block[this.#group.shardOf(place)] as Uint8Array;
    const isSource = place < this.#group.sources;
    if (place === this.#group.sources) for (const each of this.#blocks) this.#code.encode(each, this.#settings.content);
    const isKept = isSource && this.#fill(shard, nowMs, monotonicMs);
    this.#seal(isSource ? KIND.source : KIND.repair, shard);
    if (isKept) this.#ports.keep(this.#frame, this.#sequence, nowMs);
    if (isSource) this.#signer?.note(this.#sequence, shard, monotonicMs);
    else this.repairs += 1;
    this.frames += 1;
    this.#ports.send(this.#frame);
    this.#sequence += 1;
  }

  /**
   * The last that is to be said by this start: what waits, then its counts as closed, and the repairs of all of it. No copies any more: they
   * are in the spool for the next start. While anything waits the caller asks again as it steps on.
   *
   * @returns frames that are still to go, as far as one can tell by what waits
   */
  end(): number {
    this.#isEnding = true;
    const { frames } = this.#group;
    // What waits takes as many contents as it has octets, and then two groups say the counts.
    const full = Math.ceil(this.#queue.octets / (this.#settings.content - 64)) * (frames / this.#group.sources);
    return frames - (this.#sequence % frames) + Math.ceil(full / frames) * frames + frames;
  }

  /** The time that frames say: the wall clock's, but it never goes back, for what is booked under a minute stands there (RULINGS 40). */
  #tell(wallMs: number, monotonicMs: number): number {
    this.#frameMs = Math.max(wallMs, this.#frameMs + Math.max(0, monotonicMs - this.#monotonicMs));
    this.#monotonicMs = monotonicMs;
    return this.#frameMs;
  }

  #seal(kind: FrameHeader["kind"], content: Uint8Array): void {
    const { stream, epoch, sources, repairs, depth } = this.#settings;
    const header: FrameHeader = {
      kind,
      stream,
      keyId: this.#sealer.keyId,
      epoch,
      sequence: this.#sequence,
      sources,
      repairs,
      depth,
      length: content.length,
    };
    this.#sealer.seal(this.#frame, header, content);
  }

  /** @returns does it hold what must be had, once the redundancy did not help? */
  #fill(content: Uint8Array, nowMs: number, monotonicMs: number): boolean {
    const writer = this.#writer;
    writer.begin(content, nowMs);
    let isKept = this.#tellOfItself(writer, nowMs, monotonicMs);
    // Names go before what is told by them: whoever comes in late has them at the next birth.
    this.#births.fill(writer, monotonicMs);
    for (let length = this.#queue.next; length > 0 && writer.at + length <= content.length; length = this.#queue.next) {
      this.#queue.take(content, writer.at);
      const of = classOf(content.subarray(writer.at, writer.at + length));
      writer.at += length;
      writer.records += 1;
      if (of !== null) this.counts.sent(of, nowMs);
      isKept = true;
    }
    if (isKept) this.full += 1;
    return isKept;
  }

  #tellOfItself(writer: RecordWriter, nowMs: number, monotonicMs: number): boolean {
    let isKept = false;
    if (monotonicMs - this.#heartbeatMs >= HEARTBEAT_MS) {
      this.#heartbeatMs = monotonicMs;
      writer.heartbeat(this.#sequence, this.#births.number, this.#births.points);
    }
    // Closed is what the queue gives nothing to any more; and then there is room to say it in every frame.
    const isLast = this.#isEnding && this.#queue.octets === 0;
    if (isLast) this.counts.end();
    if (isLast || monotonicMs - this.#countsMs >= COUNTS_MS) {
      this.#countsMs = monotonicMs;
      for (const counts of this.counts.tell(nowMs)) isKept = (writer.counts(counts) && counts.isClosed) || isKept;
    }
    const signature = this.#signer?.due(monotonicMs) ?? null;
    if (signature !== null) isKept = writer.signature(signature) || isKept;
    return isKept;
  }
}

/** Null: it is counted under none. */
function classOf(record: Uint8Array): RecordClass | null {
  if (record.length < 3 || u16le(record, 1) !== record.length - 3) return null;
  if (record[0] === RECORD.sample) return "samples";
  // Of a text each part is one.
  return record[0] === RECORD.text && record.length > 9 ? (CLASSES[record[3] as number] ?? null) : null;
}
