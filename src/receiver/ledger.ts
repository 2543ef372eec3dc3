/**
 * What came of what was sent, by stream, class and minute of the sender's clock (RULINGS 40). Two hands write in it: `tell`, with what the
 * sender's authenticated heartbeats say of a minute, and `book`, with the records of a frame that has just passed for the first time.
 *
 *     offered = sent + droppedAtSource                            the sender's word; a word that does not add up is not taken
 *     sent + disputed = received + repaired + late + lost         in every closed interval, always: lost and disputed are derived,
 *                                                                 and of one start in one minute one of them is 0
 *
 * - **open** until every start that has a part in the minute (told of it, or a record of it came) told its count as closed. A start that died
 *   amid a minute never tells: the minute stays open and says so. An open minute has no `lost`. When a record of one more start comes, a closed
 *   minute is open again.
 * - **received**, **repaired**: came at its own time, as sent or rebuilt, before the closed count of its start for this minute and class was told.
 * - **late**: came as a carousel copy, at whatever time; or in any way after that count had been told. What comes late into a closed minute moves
 *   from lost to late and raises `revision`. Which frame is a copy the caller says: copies are the same octets.
 * - **disputed**: more came of a start than it says it sent. Never cut down to fit.
 *
 * Minutes are kept `keepMs` from the end of their day, by our clock from when the day was first heard of, so a sender's wild clock fills no
 * memory; then a day is summed into one line for its closed minutes and one for those that stayed open. Such an open minute will stay so.
 *
 * Nothing here waits, reads a clock or a file. What changed is taken by the journal (seenStore.ts), in one batch with the sequences.
 */
import { type Millis, type WallMillis, wallMillis } from "#wire";
import {
  CELLS,
  type CellLine,
  CLASSES,
  CLOSED,
  DAY_MINUTES,
  Day,
  DISPUTED,
  DROPPED,
  LATE,
  LOST,
  MOST,
  RECEIVED,
  REPAIRED,
  REPORTED,
  REVISION,
  type RecordClass,
  SENT,
  SUMS,
  TOLD,
} from "./minutes.ts";
import { Silence } from "./silence.ts";

export const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** The spool window and a day. */
export const KEEP_MS = 8 * DAY_MS;
export const MOST_STREAMS = 64;
/** Days with minutes: those of `KEEP_MS`, today, and some for a sender's clock that was wrong. */
const MOST_DAYS = 12;
/** Lines of days; older ones are summed into one. */
const MOST_LINES = 800;
/** Where days older than those go. */
const EARLIER = -1;
/** In a frame of at most 1,200 octets there are fewer. So many each would take 17,000 frames a second to fill a minute's column. */
const MOST_RECORDS = 4_096;
/** A day's line: of its closed minutes and of its open ones, how many and their sums; by class. */
const PART = SUMS + 1;
const LINE = CLASSES.length * 2 * PART;

export type How = "received" | "repaired" | "copy";

/** One class and minute of a start, counted from the minute's beginning. */
export interface Told {
  readonly offered: number;
  readonly sent: number;
  readonly droppedAtSource: number;
  /** The sender will not count on. */
  readonly closed: boolean;
}

export interface Row {
  readonly stream: number;
  readonly class: RecordClass;
  readonly fromMs: WallMillis;
  /** `earlier`: all days before those that have a line. */
  readonly span: "minute" | "day" | "earlier";
  /** How many minutes are summed here: of a day, those in this state of which anything is known. */
  readonly minutes: number;
  readonly state: "open" | "closed";
  /** As told so far; null: nothing was told. */
  readonly offered: number | null;
  readonly droppedAtSource: number | null;
  readonly sent: number | null;
  readonly received: number;
  readonly repaired: number;
  readonly late: number;
  /** null: not known before it is closed. */
  readonly lost: number | null;
  readonly disputed: number;
  readonly revision: number;
}

/** Over all time, by stream and class. */
export interface Totals {
  readonly stream: number;
  readonly class: RecordClass;
  readonly offered: number;
  readonly droppedAtSource: number;
  readonly sent: number;
  readonly received: number;
  readonly repaired: number;
  readonly late: number;
  readonly lost: number;
  readonly disputed: number;
  readonly revision: number;
  readonly openMinutes: number;
  readonly closedMinutes: number;
  /** Counts of the sender that contradict themselves or one another; of all classes. */
  readonly contradictions: number;
}

export type LedgerEvent =
  | { readonly is: "silent"; readonly stream: number; readonly since: Millis }
  | { readonly is: "alive"; readonly stream: number; readonly silentMs: number }
  /** A minute closed, and so many records of it are missing. Told again after a crash rather than not at all. */
  | { readonly is: "loss"; readonly stream: number; readonly class: RecordClass; readonly fromMs: WallMillis; readonly lost: number }
  | { readonly is: "healed"; readonly stream: number; readonly class: RecordClass; readonly fromMs: WallMillis; readonly late: number };

export interface LedgerOptions {
  readonly keepMs?: number;
  /** After so long without an authenticated frame people have been told. */
  readonly silentMs?: number;
  readonly marginMs?: number;
}

/** What is written of the ledger, in the journal's words: whatever is there replaces what was. */
export interface LedgerPart {
  /** stream, contradictions */
  readonly books: readonly (readonly [number, number])[];
  /** stream, day, born: its minutes are kept */
  readonly days: readonly (readonly [number, number, number])[];
  readonly cells: readonly CellLine[];
  /** stream, day (-1: all before), sums: its minutes are not kept, only these */
  readonly lines: readonly (readonly [number, number, readonly number[]])[];
  /** stream, day: its line is in the one before all */
  readonly ended: readonly (readonly [number, number])[];
}

interface Book {
  readonly stream: number;
  readonly days: Map<number, Day>;
  readonly lines: Map<number, Float64Array>;
  /** The two days that were written in last: never summed up, whatever the clock says. */
  last: Day | null;
  lastBut: Day | null;
  contradictions: number;
}

export class Ledger {
  readonly #keepMs: number;
  readonly #books = new Map<number, Book>();
  readonly #silence: Silence;
  readonly #changedBooks = new Set<Book>();
  readonly #newDays: [number, number, number][] = [];
  readonly #changedLines = new Map<Book, Set<number>>();
  readonly #ended: [number, number][] = [];

  constructor(options: LedgerOptions = {}) {
    this.#keepMs = options.keepMs ?? KEEP_MS;
    this.#silence = new Silence(options.silentMs, options.marginMs);
  }

  get streams(): number[] {
    return [...this.#books.keys()].sort((a, b) => a - b);
  }

  get octets(): number {
    let sum = 0;
    for (const { days, lines } of this.#books.values()) {
      for (const day of days.values()) sum += day.octets;
      sum += lines.size * LINE * 8;
    }
    return sum;
  }

  /** @returns false: there are too many streams for one more */
  hasRoom(stream: number): boolean {
    return this.#book(stream) !== null;
  }

  /** A stream that is expected: its silence counts from now. @returns false: there are too many */
  watch(stream: number, now: Millis): boolean {
    if (this.#book(stream) === null) return false;
    this.#silence.watch(stream, now);
    return true;
  }

  /** An authenticated frame of the stream came, whatever is in it. */
  heard(stream: number, now: Millis): void {
    if (this.#book(stream) !== null) this.#silence.heard(stream, now);
  }

  /** Since when no authenticated frame has come; null: it is not silent. */
  silentSince(stream: number, now: Millis): Millis | null {
    return this.#silence.since(stream, now);
  }

  /**
   * Records of a frame that passed. Asked once for each frame and class; the journal's batch has the frame's sequence and this together.
   *
   * @param start  number of the frame's start
   * @param sentMs the frame's time: its minute is that of its first sending
   * @returns false: there are too many streams
   */
  book(stream: number, start: number, of: number, sentMs: number, count: number, how: How, now: WallMillis): boolean {
    checkRecords(count);
    const book = this.#book(stream);
    if (book === null) return false;
    const minute = Math.floor(sentMs / MINUTE_MS);
    const day = this.#day(book, Math.floor(minute / DAY_MINUTES), now);
    if (day === null) {
      this.#bookLine(book, Math.floor(minute / DAY_MINUTES), of, count);
      return true;
    }
    const cell = (minute % DAY_MINUTES) * CLASSES.length + of;
    const slot = day.slot(cell, start);
    const isClosed = ((day.flags[slot] as number) & CLOSED) !== 0;
    if (isClosed || how === "copy") {
      day.late[slot] = (day.late[slot] as number) + count;
      if (isClosed) day.revision[slot] = (day.revision[slot] as number) + 1;
    } else {
      const column = how === "repaired" ? day.repaired : day.received;
      column[slot] = (column[slot] as number) + count;
    }
    day.change(cell, isClosed);
    return true;
  }

  /**
   * What the sender says of a minute, in a heartbeat that passed. An earlier, lower count that comes after a later one changes nothing.
   *
   * @param minuteMs any time in the minute, on the sender's clock
   * @returns `contradicts`: it does not add up, or it is not what was told before: counted, and the higher numbers stand. `tooOld`: the day
   *          is summed up. `tooMany`: streams, or starts in this minute
   */
  tell(
    stream: number,
    start: number,
    of: number,
    minuteMs: number,
    told: Told,
    now: WallMillis,
  ): "told" | "contradicts" | "tooOld" | "tooMany" {
    const book = this.#book(stream);
    if (book === null) return "tooMany";
    const { offered, sent, droppedAtSource: dropped, closed } = told;
    if (!isCount(sent) || !isCount(dropped) || offered !== sent + dropped) return this.#contradicts(book);
    const minute = Math.floor(minuteMs / MINUTE_MS);
    const day = this.#day(book, Math.floor(minute / DAY_MINUTES), now);
    if (day === null) return "tooOld";
    const cell = (minute % DAY_MINUTES) * CLASSES.length + of;
    const slot = day.slot(cell, start);
    if (day.isSeveral(slot)) return "tooMany";
    const flags = day.flags[slot] as number;
    const wasSent = day.sent[slot] as number;
    const wasDropped = day.dropped[slot] as number;
    const isLess = sent < wasSent || dropped < wasDropped;
    const isMore = sent > wasSent || dropped > wasDropped;
    const wasClosed = (flags & CLOSED) !== 0;
    // An open count may be overtaken by a later one; a closed one is the last, and there is only one.
    const bad = (isLess && isMore) || (closed && isLess) || (wasClosed && isMore);
    if (isMore || (flags & TOLD) === 0 || (closed && !wasClosed)) {
      day.sent[slot] = Math.max(sent, wasSent);
      day.dropped[slot] = Math.max(dropped, wasDropped);
      day.flags[slot] = flags | TOLD | (closed ? CLOSED : 0);
      if (wasClosed) day.revision[slot] = (day.revision[slot] as number) + 1;
      day.change(cell, true);
    }
    return bad ? this.#contradicts(book) : "told";
  }

  /** What is due. Once a second or so. @param wall our wall clock: days are kept by it */
  tick(now: Millis, wall: WallMillis): LedgerEvent[] {
    const events: LedgerEvent[] = this.#silence.tick(now);
    for (const book of this.#books.values()) {
      for (const day of book.days.values()) this.#look(book, day, events);
      for (const day of [...book.days.values()])
        if (wall - day.bornMs >= this.#keepMs + DAY_MS && day !== book.last && day !== book.lastBut) this.#sumUp(book, day);
    }
    return events;
  }

  /**
   * Oldest first; in a day its minutes by class.
   *
   * @param stream all of them where it is not given
   * @param from   rows that begin in [from, to)
   */
  rows(stream?: number, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY): Row[] {
    const rows: Row[] = [];
    for (const id of stream === undefined ? this.streams : [stream]) {
      const book = this.#books.get(id);
      if (book === undefined) continue;
      for (const key of [...new Set([...book.lines.keys(), ...book.days.keys()])].sort((a, b) => a - b)) {
        const line = book.lines.get(key);
        const day = book.days.get(key);
        if (line !== undefined) lineRows(id, key, line, from, to, rows);
        if (day !== undefined && day.day * DAY_MS < to && (day.day + 1) * DAY_MS > from) dayRows(id, day, from, to, rows);
      }
    }
    return rows;
  }

  totals(): Totals[] {
    const totals: Totals[] = [];
    for (const id of this.streams) {
      const book = this.#books.get(id) as Book;
      const all = new Float64Array(LINE);
      for (const line of book.lines.values()) addTo(all, line);
      for (const day of book.days.values()) sumDay(day, all);
      CLASSES.forEach((name, of) => {
        const closed = all.subarray(2 * of * PART, (2 * of + 1) * PART);
        const open = all.subarray((2 * of + 1) * PART, (2 * of + 2) * PART);
        const sum = (which: number): number => (closed[which] as number) + (open[which] as number);
        totals.push({
          stream: id,
          class: name,
          offered: sum(SENT) + sum(DROPPED),
          droppedAtSource: sum(DROPPED),
          sent: sum(SENT),
          received: sum(RECEIVED),
          repaired: sum(REPAIRED),
          late: sum(LATE),
          lost: closed[LOST] as number,
          disputed: sum(DISPUTED),
          revision: sum(REVISION),
          openMinutes: open[SUMS] as number,
          closedMinutes: closed[SUMS] as number,
          contradictions: book.contradictions,
        });
      });
    }
    return totals;
  }

  get isChanged(): boolean {
    if (this.#changedBooks.size + this.#newDays.length + this.#changedLines.size + this.#ended.length > 0) return true;
    for (const { last, days } of this.#books.values()) {
      if (last?.isChanged === true) return true;
      for (const day of days.values()) if (day.isChanged) return true;
    }
    return false;
  }

  /** What changed since it was asked last. */
  takeChanges(): LedgerPart {
    const cells: CellLine[] = [];
    for (const { stream, days } of this.#books.values())
      for (const day of days.values()) if (day.isChanged) cells.push(...day.takeChanges(stream));
    const lines: [number, number, number[]][] = [];
    for (const [{ stream, lines: all }, keys] of this.#changedLines) for (const key of keys) lines.push(lineOf(stream, key, all));
    const part: LedgerPart = {
      books: [...this.#changedBooks].map(({ stream, contradictions }) => [stream, contradictions]),
      days: this.#newDays.splice(0),
      cells,
      lines,
      ended: this.#ended.splice(0),
    };
    this.#changedBooks.clear();
    this.#changedLines.clear();
    return part;
  }

  /** All of it, a day a part. What changed counts as changed still: to restore it twice does no harm. */
  parts(): LedgerPart[] {
    const parts: LedgerPart[] = [];
    for (const { stream, contradictions, days, lines } of this.#books.values()) {
      const all = [...lines.keys()].map((key) => lineOf(stream, key, lines));
      parts.push({ books: [[stream, contradictions]], days: [], cells: [], lines: all, ended: [] });
      for (const day of days.values())
        parts.push({ books: [], days: [[stream, day.day, day.bornMs]], cells: day.lines(stream), lines: [], ended: [] });
    }
    return parts;
  }

  /** Parts in the order in which they were taken bring back what was there. */
  restore(part: LedgerPart): void {
    for (const [stream, contradictions] of part.books) {
      const book = this.#book(stream);
      if (book !== null) book.contradictions = contradictions;
    }
    for (const [stream, day, bornMs] of part.days) {
      const days = this.#book(stream)?.days;
      if (days?.has(day) === false) days.set(day, new Day(day, bornMs));
    }
    for (const line of part.cells) {
      const book = this.#book(line[0] as number);
      const day = book?.days.get(line[1] as number);
      if (book === null || day === undefined) continue;
      day.restore(line);
      touch(book, day);
    }
    for (const [stream, key, sums] of part.lines) {
      const book = this.#book(stream);
      if (book === null) continue;
      book.lines.set(key, Float64Array.from(sums));
      drop(book, key);
    }
    for (const [stream, key] of part.ended) {
      const book = this.#book(stream);
      if (book === null) continue;
      // It may have been summed up and ended in one batch.
      drop(book, key);
      book.lines.delete(key);
    }
    // What is read is not new.
    this.#changedBooks.clear();
  }

  #book(stream: number): Book | null {
    const there = this.#books.get(stream);
    if (there !== undefined) return there;
    if (this.#books.size >= MOST_STREAMS) return null;
    const book: Book = { stream, days: new Map(), lines: new Map(), last: null, lastBut: null, contradictions: 0 };
    this.#books.set(stream, book);
    this.#changedBooks.add(book);
    return book;
  }

  /** null: its minutes are summed up. */
  #day(book: Book, key: number, now: WallMillis): Day | null {
    if (book.last?.day === key) return book.last;
    let day = book.days.get(key);
    if (day === undefined) {
      if (isBefore(book, key)) return null;
      day = new Day(key, now);
      book.days.set(key, day);
      this.#newDays.push([book.stream, key, now]);
    }
    touch(book, day);
    while (book.days.size > MOST_DAYS) this.#sumUp(book, oldestOf(book));
    return day;
  }

  #contradicts(book: Book): "contradicts" {
    book.contradictions += 1;
    this.#changedBooks.add(book);
    return "contradicts";
  }

  #look(book: Book, day: Day, events: LedgerEvent[]): void {
    const sums = new Float64Array(SUMS);
    for (const cell of day.takeWaiting()) {
      sums.fill(0);
      if (day.sum(cell, sums) !== "closed") continue;
      const lost = sums[LOST] as number;
      const late = sums[LATE] as number;
      const isReported = ((day.flags[cell] as number) & REPORTED) !== 0;
      if (lost > 0 === isReported) continue;
      day.flags[cell] = (day.flags[cell] as number) ^ REPORTED;
      day.change(cell, false);
      const at = {
        stream: book.stream,
        class: CLASSES[cell % CLASSES.length] as RecordClass,
        fromMs: wallMillis((day.day * DAY_MINUTES + Math.floor(cell / CLASSES.length)) * MINUTE_MS),
      };
      events.push(lost > 0 ? { is: "loss", ...at, lost } : { is: "healed", ...at, late });
    }
  }

  #sumUp(book: Book, day: Day): void {
    const line = new Float64Array(LINE);
    sumDay(day, line);
    drop(book, day.day);
    book.lines.set(day.day, line);
    this.#lineChanged(book, day.day);
    const born = this.#newDays.findIndex(([stream, key]) => stream === book.stream && key === day.day);
    if (born >= 0) this.#newDays.splice(born, 1);
    while (book.lines.size - (book.lines.has(EARLIER) ? 1 : 0) > MOST_LINES) this.#end(book);
  }

  /** The oldest day's line goes into the one of all before. */
  #end(book: Book): void {
    const oldest = Math.min(...[...book.lines.keys()].filter((key) => key !== EARLIER));
    const earlier = book.lines.get(EARLIER) ?? new Float64Array(LINE);
    addTo(earlier, book.lines.get(oldest) as Float64Array);
    book.lines.set(EARLIER, earlier);
    book.lines.delete(oldest);
    this.#changedLines.get(book)?.delete(oldest);
    this.#lineChanged(book, EARLIER);
    this.#ended.push([book.stream, oldest]);
  }

  /** Into a day that is summed up: from its lost ones as far as there are any. Of a day with no closed minute it is one more of the open ones. */
  #bookLine(book: Book, key: number, of: number, count: number): void {
    const at = book.lines.has(key) ? key : EARLIER;
    const line = book.lines.get(at) as Float64Array;
    const isClosed = (line[2 * of * PART + SUMS] as number) > 0;
    const part = line.subarray((2 * of + (isClosed ? 0 : 1)) * PART, (2 * of + (isClosed ? 0 : 1) + 1) * PART);
    part[LATE] = (part[LATE] as number) + count;
    part[REVISION] = (part[REVISION] as number) + 1;
    if (isClosed) {
      const found = Math.min(count, part[LOST] as number);
      part[LOST] = (part[LOST] as number) - found;
      part[DISPUTED] = (part[DISPUTED] as number) + count - found;
    } else part[SUMS] = Math.max(1, part[SUMS] as number);
    this.#lineChanged(book, at);
  }

  #lineChanged(book: Book, key: number): void {
    const keys = this.#changedLines.get(book);
    if (keys === undefined) this.#changedLines.set(book, new Set([key]));
    else keys.add(key);
  }
}

/** @throws RangeError no frame holds so many: the caller's fault */
export function checkRecords(count: number): void {
  if (!(Number.isInteger(count) && count >= 0 && count <= MOST_RECORDS)) throw new RangeError(`${count} records in one frame`);
}

function isCount(n: number): boolean {
  return Number.isInteger(n) && n >= 0 && n <= MOST;
}

/** Is the day summed up, or so old that it would be? */
function isBefore({ lines }: Book, key: number): boolean {
  if (lines.has(key)) return true;
  if (!lines.has(EARLIER)) return false;
  for (const day of lines.keys()) if (day !== EARLIER && day < key) return false;
  return true;
}

function touch(book: Book, day: Day): void {
  if (book.last === day) return;
  book.lastBut = book.last;
  book.last = day;
}

function drop(book: Book, key: number): void {
  book.days.delete(key);
  if (book.last?.day === key) book.last = null;
  if (book.lastBut?.day === key) book.lastBut = null;
}

function oldestOf({ days, last, lastBut }: Book): Day {
  let oldest: Day | null = null;
  for (const day of days.values()) {
    if (day === last || day === lastBut) continue;
    if (oldest === null || day.bornMs < oldest.bornMs || (day.bornMs === oldest.bornMs && day.day < oldest.day)) oldest = day;
  }
  return oldest as Day;
}

function sumDay(day: Day, line: Float64Array): void {
  const sums = new Float64Array(SUMS);
  for (let cell = 0; cell < CELLS; cell++) {
    if (day.owner[cell] === 0) continue;
    sums.fill(0);
    const state = day.sum(cell, sums);
    const at = (2 * (cell % CLASSES.length) + (state === "closed" ? 0 : 1)) * PART;
    for (let i = 0; i < SUMS; i++) line[at + i] = (line[at + i] as number) + (sums[i] as number);
    line[at + SUMS] = (line[at + SUMS] as number) + 1;
  }
}

function addTo(sums: Float64Array, more: Float64Array): void {
  for (let i = 0; i < LINE; i++) sums[i] = (sums[i] as number) + (more[i] as number);
}

function lineOf(stream: number, key: number, lines: ReadonlyMap<number, Float64Array>): [number, number, number[]] {
  return [stream, key, [...(lines.get(key) as Float64Array)]];
}

function dayRows(stream: number, day: Day, from: number, to: number, rows: Row[]): void {
  const sums = new Float64Array(SUMS);
  for (let cell = 0; cell < CELLS; cell++) {
    const fromMs = (day.day * DAY_MINUTES + Math.floor(cell / CLASSES.length)) * MINUTE_MS;
    if (fromMs < from || fromMs >= to) continue;
    sums.fill(0);
    const state = day.sum(cell, sums);
    if (state !== "none") rows.push(rowOf(stream, cell % CLASSES.length, fromMs, "minute", 1, state, day.isTold(cell), sums));
  }
}

function lineRows(stream: number, key: number, line: Float64Array, from: number, to: number, rows: Row[]): void {
  const fromMs = key === EARLIER ? 0 : key * DAY_MS;
  if (fromMs < from || fromMs >= to) return;
  for (let i = 0; i < 2 * CLASSES.length; i++) {
    const sums = line.subarray(i * PART, (i + 1) * PART);
    const minutes = sums[SUMS] as number;
    if (minutes === 0) continue;
    rows.push(rowOf(stream, i >> 1, fromMs, key === EARLIER ? "earlier" : "day", minutes, i % 2 === 0 ? "closed" : "open", true, sums));
  }
}

function rowOf(
  stream: number,
  of: number,
  fromMs: number,
  span: Row["span"],
  minutes: number,
  state: Row["state"],
  isTold: boolean,
  sums: Float64Array,
): Row {
  const sent = sums[SENT] as number;
  const dropped = sums[DROPPED] as number;
  return {
    stream,
    class: CLASSES[of] as RecordClass,
    fromMs: wallMillis(fromMs),
    span,
    minutes,
    state,
    offered: isTold ? sent + dropped : null,
    droppedAtSource: isTold ? dropped : null,
    sent: isTold ? sent : null,
    received: sums[RECEIVED] as number,
    repaired: sums[REPAIRED] as number,
    late: sums[LATE] as number,
    lost: state === "closed" ? (sums[LOST] as number) : null,
    disputed: sums[DISPUTED] as number,
    revision: sums[REVISION] as number,
  };
}
