/**
 * The far side at work: what comes in is received, booked, kept for each sink, and only then said to be here.
 *
 *     datagrams ─▶ reception ─▶ batch ─▶ each sink's queue, on the disk ─▶ journal (seen, ledger), on the disk ─▶ sinks
 *                                  └▶ events, checkpoints: files, likewise
 *
 * INVARIANT: a frame is in the journal only once its samples are in the queues. A crash between the two brings it again, with the same ids. So
 * while a batch goes to the disk nothing is booked: what comes meanwhile waits.
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { millis, wallMillis } from "#wire";
import { CurrentValues } from "./current.ts";
import type { LedgerEvent } from "./ledger.ts";
import type { PointInfo, Sample, Sink } from "./model.ts";
import { NameBook, type Names } from "./names.ts";
import { type Outlet, Reception, type ReceptionEvent, type StreamSettings } from "./reception.ts";
import { SeenStore } from "./seenStore.ts";
import { TextFiles } from "./textFiles.ts";

/** What samples wait in until their sink has them. */
export interface Queue {
  push(samples: readonly Sample[]): Promise<boolean>;
  close(): Promise<void>;
}

export interface Outgoing {
  readonly sink: Sink;
  readonly queue: Queue;
}

/** Somebody who looks on, as the page does. It is told before the disk has it, waits for nothing, and changes nothing. */
export interface Onlooker {
  /** Of so many points current values are kept. */
  readonly mostPoints: number;
  /** What is known of a stream's points, whole. */
  births(stream: number, points: readonly PointInfo[]): void;
  /** It is its point's current value now. */
  sample(sample: Sample): void;
}

export interface ReceiverSettings {
  /** Folder of all that must outlast a restart. */
  readonly state: string;
  readonly streams: readonly StreamSettings[];
  /** After so long without a frame people are told. */
  readonly silentMs?: number;
  readonly onlooker?: Onlooker;
}

export type ReceiverEvent = LedgerEvent | ReceptionEvent | { readonly is: "diskFails"; readonly why: string };

/** Batches that are not on the disk yet, samples. Beyond it nothing is taken: it comes again by the carousel. */
const MOST_PENDING = 100_000;
/** Datagrams that wait for a batch at most. */
const MOST_HELD = 20_000;
const TURN_MS = 100;

export class Receiver {
  readonly store: SeenStore;
  readonly reception: Reception;
  /** Datagrams that were not looked at while the disk takes nothing. */
  turnedAway = 0;
  samples = 0;
  /** null: nobody looks on. */
  readonly current: CurrentValues | null;
  readonly #onlooker: Onlooker | null;
  readonly #streams: readonly number[];
  /** What each stream's gateway was called when its points were told. */
  readonly #gateways = new Map<number, string>();
  readonly #names: NameBook;
  readonly #outgoing: readonly Outgoing[];
  readonly #texts: TextFiles;
  readonly #say: (event: ReceiverEvent) => void;
  #pending: Sample[] = [];
  #held: Uint8Array[] = [];
  #turning: Promise<void> = Promise.resolve();
  #isTurning = false;
  #timer: NodeJS.Timeout | null = null;
  #trouble: string | null = null;

  private constructor(
    settings: ReceiverSettings,
    names: NameBook,
    store: SeenStore,
    outgoing: readonly Outgoing[],
    say: (event: ReceiverEvent) => void,
  ) {
    this.#texts = new TextFiles(settings.state);
    this.#names = names;
    this.#outgoing = outgoing;
    this.#say = say;
    this.#onlooker = settings.onlooker ?? null;
    this.#streams = settings.streams.map(({ stream }) => stream);
    this.current = this.#onlooker === null ? null : new CurrentValues(this.#onlooker.mostPoints);
    this.store = store;
    const outlet: Outlet = {
      samples: (samples) => {
        for (const sample of samples) this.#pending.push(sample);
        if (this.current !== null) for (const sample of samples) if (this.current.offer(sample)) this.#onlooker?.sample(sample);
      },
      text: (of, stream, text, historical) => this.#texts.add(of, stream, text, historical, Date.now()),
      births: (stream, each) => this.#births(stream, each),
      raise: say,
    };
    this.reception = new Reception(settings.streams, names, store, outlet);
    for (const { stream } of settings.streams) store.ledger.watch(stream, millis(performance.now()));
  }

  /** @throws where what an earlier process left cannot be read */
  static async open(settings: ReceiverSettings, outgoing: readonly Outgoing[], say: (event: ReceiverEvent) => void): Promise<Receiver> {
    mkdirSync(settings.state, { recursive: true, mode: 0o700 });
    const store = await SeenStore.open(
      {
        directory: path.join(settings.state, "seen"),
        ...(settings.silentMs === undefined ? {} : { ledger: { silentMs: settings.silentMs } }),
      },
      wallMillis(Date.now()),
    );
    const names = await NameBook.open(path.join(settings.state, "names"));
    const receiver = new Receiver(settings, names, store, outgoing, say);
    for (const { stream } of settings.streams) receiver.#births(stream, names.of(stream));
    return receiver;
  }

  start(): void {
    this.#timer = setInterval(() => this.turn(), TURN_MS);
  }

  /** @param datagram is the receiver's afterwards */
  take(datagram: Uint8Array): void {
    if (this.#pending.length >= MOST_PENDING || this.#trouble !== null || this.#held.length >= MOST_HELD) {
      this.turnedAway += 1;
      return;
    }
    if (this.#isTurning) {
      this.#held.push(datagram);
      return;
    }
    this.reception.take(datagram, millis(performance.now()), wallMillis(Date.now()));
  }

  /** What came since the last turn becomes durable. Turns do not overlap. */
  turn(): void {
    const [now, wall] = [millis(performance.now()), wallMillis(Date.now())];
    for (const event of this.store.tick(now, wall)) {
      if (event.is === "silent" || event.is === "alive") this.#link(event.stream, event.is === "alive");
      this.#say(event);
    }
    void this.#names.keep();
    if (this.#isTurning) return;
    this.reception.tick(now, wall);
    this.#isTurning = true;
    this.#turning = this.#turn()
      .then(() => {})
      .finally(() => {
        this.#isTurning = false;
        const held = this.#held;
        this.#held = [];
        for (const datagram of held) this.take(datagram);
      });
  }

  /** @returns false: the queues did not take it, and so the journal must not have it either */
  async #turn(): Promise<boolean> {
    const batch = this.#pending;
    this.#pending = [];
    const pushed = batch.length === 0 || (await this.#push(batch));
    if (!pushed) {
      // Those that did take it have it twice then, with the same ids.
      this.#pending = [...batch, ...this.#pending];
      this.#troubled("a sink's queue cannot be written");
      return false;
    }
    this.samples += batch.length;
    const untold = await this.#texts.flush(Date.now());
    if (untold !== null) {
      this.#troubled(untold);
      return false;
    }
    if (await this.store.flush()) this.#trouble = null;
    else this.#troubled(this.store.trouble ?? "the journal cannot be written");
    return true;
  }

  async #push(batch: readonly Sample[]): Promise<boolean> {
    const pushed = await Promise.all(this.#outgoing.map(({ queue }) => queue.push(batch)));
    return pushed.every((each) => each);
  }

  #troubled(why: string): void {
    if (this.#trouble !== why) this.#say({ is: "diskFails", why });
    this.#trouble = why;
  }

  get trouble(): string | null {
    return this.#trouble;
  }

  /** "": its births have not told it. */
  gatewayOf(stream: number): string {
    return this.#names.of(stream).gateway;
  }

  get pending(): number {
    return this.#pending.length;
  }

  #births(stream: number, names: Names): void {
    const points: readonly PointInfo[] = names.points;
    if (this.current !== null) {
      for (const gateway of new Set([this.#gateways.get(stream) ?? "", names.gateway])) this.current.born(gateway, this.#pointsOf(gateway));
      this.#gateways.set(stream, names.gateway);
      this.#onlooker?.births(stream, points);
    }
    if (names.gateway !== "") for (const { sink } of this.#outgoing) sink.births(names.gateway, points);
  }

  /** Streams may share a gateway's name. */
  #pointsOf(gateway: string): PointInfo[] {
    return this.#streams.map((stream) => this.#names.of(stream)).flatMap((names) => (names.gateway === gateway ? names.points : []));
  }

  #link(stream: number, isAlive: boolean): void {
    const { gateway } = this.#names.of(stream);
    if (gateway !== "") for (const { sink } of this.#outgoing) sink.link(gateway, isAlive);
  }

  /** What was taken is made durable, as far as the disk does; then sinks are let go. */
  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#turning;
    const isPushed = await this.#turn();
    await this.#names.keep();
    await this.#texts.close();
    await this.store.close(isPushed);
    for (const { queue } of this.#outgoing) await queue.close();
    for (const { sink } of this.#outgoing) await sink.close();
  }
}
