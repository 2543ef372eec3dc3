/**
 * What came and what was booked of it, kept so that a crash forgets nothing that was delivered (RULINGS 40, 41). One journal holds both: the
 * sequences of a frame and its records stand in the same line, so after any crash they are of the same moment.
 *
 *     take(start, frame) ──▶ starts (was it here before?) ──▶ ledger (booked once) ──▶ flush ──▶ line in the journal, synced ──▶ deliver
 *
 * The receiver delivers what it took only after a `flush` that it called later has resolved to true. Where it resolves to false, the disk does
 * not hold it: nothing may be delivered as current. What was taken stays taken, and a later `flush` that is true holds it too. While there is
 * `trouble` the receiver should take no more than it can hold until then: what it does not take is missing here, and comes again by the carousel.
 *
 *     <directory>/journal      the state when it was last written anew, then a line a batch (journal.ts)
 *     <directory>/damaged      the journal as it was when damage was found in it last
 *     <directory>.mark         beside it: that there was a journal, and its generation
 *
 * After a write or a sync that failed the file is not trusted again: the next flush writes all anew, synced, renamed into place. So is it at
 * each start, and when most of the file is old.
 *
 * **Loss.** The journal is gone, or holds less than was known, if the mark is there and the journal is not, or is of another or an earlier
 * generation (a copy was put back), or the mark is missing beside a journal, or lines of the journal are damaged. Then every start that began
 * before is delivered as historical only, for good: nothing that comes over a one-way link can show that it is not a recording. A start that is
 * shown to have begun later (its first frame, or the sender's word) is free of that doubt. A directory and mark that are both not there were
 * never used. What this cannot see is the whole machine put back to an earlier day, mark and all.
 */
import { randomBytes } from "node:crypto";
import path from "node:path";
import { type AppendFile, type Files, makeDirectories, realFiles, unlinkIfThere, writeWhole } from "#disk/files";
import type { Millis, WallMillis } from "#wire";
import { type Batch, batchLine, headLine, type JournalRead, type Loss, type Mark, markLine, readJournal, readMark } from "./journal.ts";
import { checkRecords, type How, Ledger, type LedgerEvent, type LedgerOptions, type Told } from "./ledger.ts";
import type { Seen } from "./seen.ts";
import { type Refusal, type Start, Starts, type StartsOptions } from "./starts.ts";

const JOURNAL = "journal";
const DAMAGED = "damaged";
/** Octets of a journal that are let be, however old. */
const LET_BE = 4 * 1024 * 1024;
/** Beyond that it may hold so many times what the state takes. */
const TIMES = 4;
const STARTS_TICK_MS = 60_000;

export interface SeenStoreOptions {
  readonly directory: string;
  readonly files?: Files;
  readonly starts?: StartsOptions;
  readonly ledger?: LedgerOptions;
  readonly letBe?: number;
}

/** Of a frame what is booked. The receiver may use one object for all. */
export interface TakenFrame {
  seq: number;
  /** The sender's time of its first sending. */
  sentMs: number;
  /** Records in it, by class; a heartbeat or repair frame has none. */
  samples: number;
  events: number;
  checkpoints: number;
}

export class SeenStore {
  readonly starts: Starts;
  readonly ledger: Ledger;
  /** Lines of the journal that were damaged or missing when it was opened. */
  readonly damaged: number;
  /** Octets of a line cut by a crash, likewise. */
  readonly torn: number;
  readonly #directory: string;
  readonly #files: Files;
  readonly #letBe: number;
  readonly #id: string;
  #generation: number;
  #loss: Loss | null;
  #handle: AppendFile | null = null;
  #trouble: string | null = null;
  #batch = 0;
  /** Of the file, and at which it is written anew. */
  #octets = 0;
  #most = 0;
  /** The file may lack something, or be another. */
  #mustBeAnew = true;
  #last: Promise<unknown> = Promise.resolve();
  #next: Promise<boolean> | null = null;
  #tickedMs = Number.NEGATIVE_INFINITY;

  private constructor(options: SeenStoreOptions, mark: Mark | null, read: JournalRead | null, now: WallMillis) {
    this.#directory = options.directory;
    this.#files = options.files ?? realFiles;
    this.#letBe = options.letBe ?? LET_BE;
    this.starts = new Starts(options.starts);
    this.ledger = new Ledger(options.ledger);
    this.damaged = read?.damaged ?? 0;
    this.torn = read?.torn ?? 0;
    for (const { starts, ledger } of read?.batches ?? []) {
      if (starts !== undefined) this.starts.restore(starts);
      if (ledger !== undefined) this.ledger.restore(ledger);
    }
    const why = whyLost(mark, read);
    this.#id = read?.head?.id ?? mark?.id ?? randomBytes(8).toString("hex");
    this.#generation = Math.max(read?.head?.generation ?? 0, mark?.generation ?? 0);
    this.#loss = why === null ? (read?.head?.loss ?? null) : { atMs: now, why };
    this.starts.restored(this.#loss?.atMs ?? null);
    if (why !== null) this.starts.lost(now);
  }

  /**
   * Read what an earlier process left. A disk that cannot be written shows as `trouble`.
   *
   * @throws where it cannot be read: then nothing is known, and nothing may be received
   */
  static async open(options: SeenStoreOptions, now: WallMillis): Promise<SeenStore> {
    const { directory, files = realFiles } = options;
    const mark = await readIfThere(files, markOf(directory));
    const octets = await readIfThere(files, path.join(directory, JOURNAL));
    const read = octets === null ? null : readJournal(octets);
    const store = new SeenStore(options, mark === null ? null : readMark(mark), read, now);
    if (octets !== null && (store.damaged > 0 || read?.head === null)) await store.#keep(octets);
    await store.flush();
    return store;
  }

  /** Why the last flush was false; null: it was true. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** When and why it was found that what came before is not known; null: never. Kept for good. */
  get loss(): Loss | null {
    return this.#loss;
  }

  /** The start of a verified frame. A receiver keeps it beside the start's key, and asks again when `isForgotten`. @error see starts.ts */
  admit(stream: number, salt: string, epoch: bigint, sentMs: number, now: WallMillis): Start | Refusal {
    if (!this.ledger.hasRoom(stream)) return "tooManyStreams";
    return this.starts.admit(stream, salt, epoch, sentMs, now);
  }

  /**
   * One verified frame: is it here for the first time? Then its records are booked, in one step.
   *
   * @throws RangeError numbers that no frame has
   */
  take(start: Start, frame: TakenFrame, how: How, now: WallMillis): Seen {
    const { seq, sentMs, samples, events, checkpoints } = frame;
    if (!(Number.isSafeInteger(seq) && seq >= 0 && Number.isSafeInteger(sentMs) && sentMs >= 0))
      throw new RangeError(`sequence ${seq} at ${sentMs}`);
    checkRecords(samples);
    checkRecords(events);
    checkRecords(checkpoints);
    const seen = this.starts.take(start, seq, sentMs, now);
    if (seen !== "new") return seen;
    const { stream, number } = start;
    if (samples > 0) this.ledger.book(stream, number, 0, sentMs, samples, how, now);
    if (events > 0) this.ledger.book(stream, number, 1, sentMs, events, how, now);
    if (checkpoints > 0) this.ledger.book(stream, number, 2, sentMs, checkpoints, how, now);
    return seen;
  }

  /** From a heartbeat that was taken as `new`. @param of index of the class */
  tell(start: Start, of: number, minuteMs: number, told: Told, now: WallMillis): ReturnType<Ledger["tell"]> {
    return start.isForgotten ? "tooOld" : this.ledger.tell(start.stream, start.number, of, minuteMs, told, now);
  }

  /** May nothing of this start be delivered as current? Its memory was lost, or a later start is known. */
  isHistorical(start: Start): boolean {
    return start.doubt !== "none" || !this.starts.isNewest(start);
  }

  /** What is due; once a second or so. */
  tick(now: Millis, wall: WallMillis): LedgerEvent[] {
    if (Math.abs(wall - this.#tickedMs) >= STARTS_TICK_MS) {
      this.#tickedMs = wall;
      this.starts.tick(wall);
    }
    return this.ledger.tick(now, wall);
  }

  /** @returns true: whatever was taken and told before this call is on the disk. Never rejects. Calls that wait share one write */
  flush(): Promise<boolean> {
    if (this.#next === null) {
      const next = this.#last.then(() => {
        this.#next = null;
        return this.#write();
      });
      this.#next = next;
      // Nobody waits for what is only tidied up.
      this.#last = next.then(() => this.#tidy());
    }
    return this.#next;
  }

  /** @param keeps false: what was taken since the last flush shall come again */
  async close(keeps = true): Promise<void> {
    if (keeps) await this.flush();
    await this.#last;
    await this.#letGo();
  }

  async #write(): Promise<boolean> {
    if (this.#mustBeAnew || this.#handle === null) return this.#anew();
    if (!this.starts.isChanged && !this.ledger.isChanged) return true;
    const batch = { n: this.#batch + 1, starts: this.starts.takeChanges(), ledger: this.ledger.takeChanges() };
    const octets = Buffer.from(batchLine(batch), "latin1");
    try {
      await this.#handle.write(octets);
      await this.#handle.sync();
    } catch (error) {
      // What of it is in the file nobody knows.
      this.#mustBeAnew = true;
      return this.#failed(error);
    }
    this.#batch += 1;
    this.#octets += octets.length;
    return true;
  }

  async #tidy(): Promise<void> {
    if (!this.#mustBeAnew && this.#octets > this.#most) await this.#anew();
  }

  /** @returns true: all of the state is on the disk, in a file of its own under the journal's name */
  async #anew(): Promise<boolean> {
    const generation = this.#generation + 1;
    const octets = this.#whole(generation);
    try {
      await makeDirectories(this.#files, this.#directory);
      await this.#make(octets);
    } catch (error) {
      if (this.#mustBeAnew) return this.#failed(error);
      // It was only to be tidied up: the old file is as it was, and goes on.
      this.#most = 2 * this.#octets;
      return false;
    }
    this.#mustBeAnew = true;
    try {
      await this.#letGo();
      const journal = path.join(this.#directory, JOURNAL);
      await this.#files.rename(`${journal}.new`, journal);
      await this.#files.syncDirectory(this.#directory);
      this.#generation = generation;
      const mark = markOf(this.#directory);
      const line = Buffer.from(markLine({ id: this.#id, generation }), "latin1");
      await writeWhole(this.#files, path.dirname(mark), path.basename(mark), line);
      this.#handle = await this.#files.append(journal);
    } catch (error) {
      return this.#failed(error);
    }
    this.#mustBeAnew = false;
    this.#trouble = null;
    this.#batch = 0;
    this.#octets = octets.length;
    this.#most = Math.max(this.#letBe, TIMES * octets.length);
    return true;
  }

  #whole(generation: number): Buffer {
    const batches: Batch[] = [
      ...this.starts.parts().map((starts) => ({ n: 0, starts })),
      ...this.ledger.parts().map((ledger) => ({ n: 0, ledger })),
    ];
    const head = headLine({ id: this.#id, generation, parts: batches.length, loss: this.#loss });
    return Buffer.concat([head, ...batches.map(batchLine)].map((line) => Buffer.from(line, "latin1")));
  }

  /** Under another name; what is left of a failure would take the room that the next attempt needs. */
  async #make(octets: Uint8Array): Promise<void> {
    const made = path.join(this.#directory, `${JOURNAL}.new`);
    await unlinkIfThere(this.#files, made);
    const file = await this.#files.create(made);
    try {
      await file.write(octets);
      await file.sync();
      await file.close();
    } catch (error) {
      await file.close().catch(() => {});
      await unlinkIfThere(this.#files, made).catch(() => {});
      throw error;
    }
  }

  async #letGo(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close().catch(() => {});
  }

  #failed(error: unknown): false {
    this.#trouble = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error);
    return false;
  }

  /** To be looked at by people; where there is no room for it, it is lost. */
  async #keep(octets: Uint8Array): Promise<void> {
    try {
      await writeWhole(this.#files, this.#directory, DAMAGED, octets);
    } catch {
      await unlinkIfThere(this.#files, path.join(this.#directory, `${DAMAGED}.new`)).catch(() => {});
    }
  }
}

export function markOf(directory: string): string {
  return `${directory}.mark`;
}

/** null: nothing is lost. */
function whyLost(mark: Mark | null, read: JournalRead | null): string | null {
  if (read === null) return mark === null ? null : "the journal is gone";
  const { head, batches, damaged } = read;
  if (head === null || damaged > 0) return "the journal is damaged";
  if (mark === null) {
    // Killed after the very first write of it, before anything was taken.
    const isFirst = head.generation === 1 && batches.length === 0;
    return isFirst ? null : "the mark beside the journal is gone";
  }
  if (mark.id !== head.id) return "the journal is another one's";
  return head.generation < mark.generation ? "the journal is older than the one written last" : null;
}

async function readIfThere(files: Files, file: string): Promise<Uint8Array | null> {
  try {
    return await files.read(file, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
