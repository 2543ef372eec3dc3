/**
 * The sender as a process: records come in by a pipe, frames leave by a line that nothing comes in from, what was sent is kept on the disk. It
 * knows one more thing than its work: time.
 */
import { randomBytes } from "node:crypto";
import { SALT } from "#oneway/frame";
import { CheckpointSigner } from "#sealing/checkpoints";
import { Sealer } from "#sealing/frames";
import { readSigningKey } from "#sealing/signingKey";
import { keyInUse, readStreamKeys, type StreamKey } from "#sealing/streamKeys";
import { nextEpoch } from "./epoch.ts";
import { RecordIntake } from "./intake.ts";
import { FramePace } from "./pace.ts";
import { Sender, type SenderSettings } from "./sender.ts";

export interface SendSettings extends Omit<SenderSettings, "epoch"> {
  /** Frames a second. */
  readonly rate: number;
  /** Folder of the stream's keys; PEM of the sender's own, null: nothing is signed. */
  readonly keys: string;
  readonly signingKey: string | null;
  /** Folder of what must outlast a start. */
  readonly state: string;
}

/** Where frames go for good: a line that cannot answer. */
export interface Leaving {
  send(frame: Uint8Array): boolean;
}

/** Frames that were sent, for the carousel. */
export interface Keeping {
  append(sequence: number, nowMs: number, octets: Uint8Array): boolean;
  next(nowMs: number): Uint8Array | null;
  flush(nowMs: number): Promise<boolean>;
  close(nowMs: number): Promise<boolean>;
  stats(): object;
}

/** What it says of itself, once a second. */
export interface SendStatus {
  readonly epoch: number;
  readonly keyId: number;
  readonly sequence: number;
  readonly frames: number;
  readonly full: number;
  readonly copies: number;
  /** Frames that this host did not let leave. */
  readonly notSent: number;
  /** Octets of records that wait. */
  readonly waiting: number;
  readonly spool: object | null;
}

const TURN_MS = 5;
const LAST_AT_ONCE = 32;
/** Frames after the end at most: what waits beyond is lost, and nobody was told that it was sent. */
const MOST_LAST_FRAMES = 10_000;
const SECOND_MS = 1_000;

export class SendProcess {
  readonly #settings: SendSettings;
  readonly #sender: Sender;
  readonly #sealer: Sealer;
  readonly #spool: Keeping | null;
  readonly #intake: RecordIntake;
  readonly #pace: FramePace;
  readonly #epoch: number;
  readonly #keys: { list: readonly StreamKey[] };
  readonly #timers: NodeJS.Timeout[] = [];
  #key: StreamKey;
  #notSent = 0;
  #flushing: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | null = null;

  /**
   * @throws UserProblems for keys that are none, and where the start cannot be told apart from the one before
   */
  constructor(settings: SendSettings, line: Leaving, spool: Keeping | null, wallMs: number) {
    const salt = randomBytes(SALT);
    this.#settings = settings;
    this.#keys = { list: readStreamKeys(settings.keys) };
    this.#key = keyInUse(this.#keys.list, wallMs) ?? (this.#keys.list[0] as StreamKey);
    const own = settings.signingKey === null ? null : readSigningKey(settings.signingKey);
    this.#epoch = nextEpoch(settings.state, wallMs);
    this.#sealer = new Sealer(this.#key, settings.stream, salt);
    this.#spool = spool;
    const signer = own === null ? null : new CheckpointSigner(own, settings.stream, salt);
    const ports = {
      send: (frame: Uint8Array) => {
        if (!line.send(frame)) this.#notSent += 1;
      },
      keep: (frame: Uint8Array, sequence: number, nowMs: number) => void spool?.append(sequence, nowMs, frame),
      again: (nowMs: number) => spool?.next(nowMs) ?? null,
    };
    this.#sender = new Sender({ ...settings, epoch: this.#epoch }, this.#sealer, signer, ports, performance.now());
    this.#intake = new RecordIntake((record) => this.#sender.take(record, Date.now()));
    this.#pace = new FramePace(settings.rate, performance.now());
  }

  /** @param say called once a second */
  start(say: (status: SendStatus) => void): void {
    this.#timers.push(setInterval(() => this.turn(performance.now(), Date.now()), TURN_MS));
    this.#timers.push(
      setInterval(() => {
        this.renew(Date.now());
        this.#flushing = this.#flushing.then(() => this.#spool?.flush(Date.now()));
        say(this.status());
      }, SECOND_MS),
    );
  }

  feed(chunk: Uint8Array): void {
    this.#intake.feed(chunk);
  }

  /** Frames that are due leave. */
  turn(monotonicMs: number, wallMs: number): void {
    for (let due = this.#pace.due(monotonicMs); due > 0; due--) {
      if (this.#sealer.keyId !== this.#key.id && this.#sender.isBetweenGroups) this.#sealer.use(this.#key);
      this.#sender.step(wallMs, monotonicMs);
    }
  }

  /** A key whose day has come; one that was put there meanwhile. What cannot be read changes nothing: the key in use goes on. */
  renew(wallMs: number): void {
    try {
      this.#keys.list = readStreamKeys(this.#settings.keys);
    } catch {
      return;
    }
    this.#key = keyInUse(this.#keys.list, wallMs) ?? this.#key;
  }

  status(): SendStatus {
    const { sequence, frames, full, copies, waiting } = this.#sender;
    const spool = this.#spool?.stats() ?? null;
    return { epoch: this.#epoch, keyId: this.#sealer.keyId, sequence, frames, full, copies, notSent: this.#notSent, waiting, spool };
  }

  /** What waits leaves, and the counts as closed. However often it is called, it is done once. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#flushing;
    let left = this.#sender.end();
    for (let gone = 1; left > 0 && gone <= MOST_LAST_FRAMES; gone++) {
      this.#sender.step(Date.now(), performance.now());
      left = this.#sender.waiting > 0 ? this.#sender.end() : left - 1;
      // Not all at once: the far side's buffer is for bursts, and this is one.
      if (gone % LAST_AT_ONCE === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await this.#spool?.close(Date.now());
  }
}
