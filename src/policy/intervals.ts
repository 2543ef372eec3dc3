/**
 * Which entries lie over an address: overlapping spans cut into sorted, disjoint intervals, each with its list of entries, in typed arrays.
 *
 *     spans      a: 0────────9      b: 5──────────14
 *     intervals  [0..4: a]  [5..9: a b]  [10..14: b]
 */
export interface Span {
  readonly first: number;
  readonly last: number;
  /** Entry number; lists hold entries in ascending order. */
  readonly entry: number;
}

export interface Intervals {
  readonly count: number;
  readonly firsts: Uint32Array;
  readonly lasts: Uint32Array;
  /** Interval k has `entries[from[k]] .. entries[from[k + 1] - 1]`. */
  readonly from: Uint32Array;
  readonly entries: Uint32Array;
  /** Page p, addresses from `p << shift`: the first interval that ends there or later. One page more than is needed, with `count`. */
  readonly pages: Uint32Array;
  readonly shift: number;
}

/**
 * Index of the first interval that ends at or after `address`; `count` where there is none. There are about as many pages as intervals, so
 * it takes as long among many as among few.
 */
export function seek(intervals: Intervals, address: number): number {
  const { lasts, pages } = intervals;
  const page = address >>> intervals.shift;
  if (page + 1 >= pages.length) return intervals.count;
  let low = pages[page] as number;
  let high = pages[page + 1] as number;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((lasts[middle] as number) < address) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Cut spans into intervals. A generator, so that a large set can be built in slices off the event loop.
 *
 * @param crowded  called with each interval that is closed; true stops the work (too many rules on it), and what was cut so far is returned.
 */
export function* cut(spans: readonly Span[], crowded: (first: number, entries: readonly number[]) => boolean): Generator<void, Intervals> {
  const starts = [...spans].sort((a, b) => a.first - b.first);
  const ends = [...spans].sort((a, b) => a.last - b.last);
  const firsts: number[] = [];
  const lasts: number[] = [];
  const from: number[] = [0];
  const entries: number[] = [];
  const active: number[] = [];
  let started = 0;
  let ended = 0;
  while (ended < ends.length) {
    const first = active.length === 0 ? (starts[started] as Span).first : (lasts.at(-1) as number) + 1;
    for (; started < starts.length && (starts[started] as Span).first === first; started++) insert(active, (starts[started] as Span).entry);
    const nextStart = started < starts.length ? (starts[started] as Span).first - 1 : Number.POSITIVE_INFINITY;
    const last = Math.min(nextStart, (ends[ended] as Span).last);
    firsts.push(first);
    lasts.push(last);
    for (const entry of active) entries.push(entry);
    from.push(entries.length);
    if (crowded(first, active)) break;
    for (; ended < ends.length && (ends[ended] as Span).last === last; ended++) remove(active, (ends[ended] as Span).entry);
    if (firsts.length % SLICE === 0) yield;
  }
  return {
    count: firsts.length,
    firsts: Uint32Array.from(firsts),
    lasts: Uint32Array.from(lasts),
    from: Uint32Array.from(from),
    entries: Uint32Array.from(entries),
    ...paged(lasts),
  };
}

/** @param lasts  ascending */
function paged(lasts: readonly number[]): Pick<Intervals, "pages" | "shift"> {
  const end = lasts.at(-1) ?? 0;
  let shift = 0;
  while (end >>> shift >= 2 * lasts.length && shift < 31) shift += 1;
  const pages = new Uint32Array((end >>> shift) + 2);
  let k = 0;
  for (let page = 0; page < pages.length; page++) {
    while (k < lasts.length && (lasts[k] as number) < page * 2 ** shift) k += 1;
    pages[page] = k;
  }
  return { pages, shift };
}

/** Run sliced work to its end in one go. */
export function finish<T>(work: Generator<void, T>): T {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** Intervals cut between two breaths: well under a millisecond. */
const SLICE = 512;

export const NO_INTERVALS: Intervals = {
  count: 0,
  firsts: new Uint32Array(0),
  lasts: new Uint32Array(0),
  from: new Uint32Array(1),
  entries: new Uint32Array(0),
  pages: new Uint32Array(0),
  shift: 0,
};

function insert(sorted: number[], entry: number): void {
  let at = sorted.length;
  while (at > 0 && (sorted[at - 1] as number) > entry) at -= 1;
  sorted.splice(at, 0, entry);
}

function remove(sorted: number[], entry: number): void {
  sorted.splice(sorted.indexOf(entry), 1);
}
