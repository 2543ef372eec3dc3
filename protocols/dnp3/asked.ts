/**
 * What a READ asks for, so that each object of its reply is found in it at once: neither many headers nor many points by name make one more cost
 * more. One at a time: what was collected stands until the next is.
 */
import { askedIn } from "./aggressive.ts";
import type { Fragment, ObjectHeader } from "./application.ts";
import { namedIndex } from "./items.ts";
import { FRAGMENT_LIMIT } from "./transport.ts";

export const CLOCK_GROUP = 50;
export const COMMON_TIME = 51;
/** No table has a point beyond. */
const LAST_INDEX = 0xffff;
/** A span takes an octet of the request at least. */
const MOST_SPANS = FRAGMENT_LIMIT;

export class Asked {
  #isStatic = false;
  #isEvents = false;
  #isEventGroup = false;
  /** By group: all there are of it. */
  readonly #whole = new Uint8Array(256);
  /** Group, first and last point in one number; then first alone, ascending, of spans that do not touch. */
  readonly #spans = new Float64Array(MOST_SPANS);
  readonly #lasts = new Uint16Array(MOST_SPANS);
  #count = 0;

  collect(request: Fragment): void {
    this.#isStatic = this.#isEvents = this.#isEventGroup = false;
    this.#whole.fill(0);
    this.#count = 0;
    for (const header of askedIn(request)) this.#take(request, header);
    this.#join();
  }

  #take(request: Fragment, header: ObjectHeader): void {
    const { group, entry, qualifier } = header;
    if (entry.kind === "class") {
      if (entry.variation === 1) this.#isStatic = true;
      else this.#isEvents = true;
      return;
    }
    this.#isEventGroup ||= entry.kind === "event";
    if (entry.kind === "file" || entry.kind === "attribute" || entry.kind === "event") this.#whole[group] = 1;
    else if (qualifier.range === "startStop") this.#add(group, header.first, header.last);
    else if (qualifier.prefix !== "index") this.#whole[group] = 1;
    else
      for (let i = 0; i < header.count; i++) {
        const index = namedIndex(request, header, i);
        this.#add(group, index, index);
      }
  }

  #add(group: number, first: number, last: number): void {
    if (first < 0 || first > LAST_INDEX || this.#count === MOST_SPANS) return;
    this.#spans[this.#count++] = spanOf(group, first, Math.min(last, LAST_INDEX));
  }

  /** Neighbours that were asked for apart may be told as one range. */
  #join(): void {
    const spans = this.#spans;
    let ascending = true;
    for (let i = 1; i < this.#count; i++) ascending &&= (spans[i - 1] as number) <= (spans[i] as number);
    if (!ascending) spans.subarray(0, this.#count).sort();
    let joined = 0;
    for (let i = 0; i < this.#count; i++) {
      const span = spans[i] as number;
      const start = Math.floor(span / 0x1_0000);
      const last = span % 0x1_0000;
      const before = joined - 1;
      const end = before < 0 ? -1 : (spans[before] as number) - ((spans[before] as number) % 0x1_0000) + (this.#lasts[before] as number);
      if (before >= 0 && groupOf(start) === groupOf(spans[before] as number) && start <= end + 1)
        this.#lasts[before] = Math.max(this.#lasts[before] as number, last);
      else {
        spans[joined] = start;
        this.#lasts[joined] = last;
        joined += 1;
      }
    }
    this.#count = joined;
  }

  /** Does an object of this header answer one that was asked for, wherever its points are? `points`: that is to be seen. */
  about({ group, entry }: ObjectHeader): "all" | "points" | "nothing" {
    if (this.#isStatic && (entry.kind === "static" || group === CLOCK_GROUP)) return "all";
    if (this.#isEvents && (entry.kind === "event" || group === COMMON_TIME)) return "all";
    // Events may be told relative to a common time.
    if (this.#isEventGroup && group === COMMON_TIME) return "all";
    if (this.#whole[group] === 1) return "all";
    return this.#count === 0 ? "nothing" : "points";
  }

  /** The last of the points from this one on that are asked for without a gap; the one before it where it is not asked for itself. */
  to(group: number, index: number): number {
    const wanted = group * 0x1_0000 + index;
    if (index > LAST_INDEX) return index - 1;
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#spans[middle] as number) <= wanted) low = middle + 1;
      else high = middle;
    }
    const start = this.#spans[low - 1];
    if (low === 0 || start === undefined || groupOf(start) !== group) return index - 1;
    return Math.max(index - 1, this.#lasts[low - 1] as number);
  }
}

function spanOf(group: number, first: number, last: number): number {
  return (group * 0x1_0000 + first) * 0x1_0000 + last;
}

/** Of a group and a point in one number. */
function groupOf(start: number): number {
  return Math.floor(start / 0x1_0000);
}
