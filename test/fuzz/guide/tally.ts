/**
 * What instrumented code (instrument.ts) says of itself while it runs: the ways it went, and in its second copy what it compared.
 *
 * INVARIANT: there is one of this module in a process, whichever copy of the code imports it.
 */

/** All rooms together have some 12,000 ways. */
const MOST_EDGES = 65_536;
/** Comparisons of one run that are listened to, and those of one place: a loop says the same thing again and again. */
const MOST_PAIRS = 512;
const MOST_OF_PLACE = 4;
/** A table with more keys is data, and not words the code knows. */
const MOST_KEYS = 64;
/** Of a text that is compared: longer ones are the input itself, or most of it. */
export const MOST_LETTERS = 64;

/** How often way n was gone, 255 for more. Whoever looks sets them to zero again. */
export const edges = new Uint8ClampedArray(MOST_EDGES);

let edgeCount = 0;
let placeCount = 0;

export function newEdge(): number {
  if (edgeCount === MOST_EDGES) throw new Error(`more than ${MOST_EDGES} ways`);
  return edgeCount++;
}

export function edgesKnown(): number {
  return edgeCount;
}

export function newPlace(): number {
  return placeCount++;
}

export type Comparable = number | bigint | string;

/** Two values that are not the same. */
export type Pair = readonly [Comparable, Comparable];

let listening = false;
let pairs: Pair[] = [];
const ofPlace = new Map<number, number>();

export function listen(): void {
  listening = true;
}

/** @returns what was compared since `listen` */
export function heard(): readonly Pair[] {
  listening = false;
  ofPlace.clear();
  const said = pairs;
  pairs = [];
  return said;
}

function note(place: number, a: unknown, b: unknown): void {
  if (!listening || a === b || pairs.length >= MOST_PAIRS || !isComparable(a) || !isComparable(b) || typeof a !== typeof b) return;
  const times = ofPlace.get(place) ?? 0;
  if (times >= MOST_OF_PLACE) return;
  ofPlace.set(place, times + 1);
  pairs.push([own(a), own(b)]);
}

/** A choice of several: each is heard. */
function noteEach(place: number, a: unknown, them: Iterable<unknown>): void {
  if (!listening || (ofPlace.get(place) ?? 0) > 0 || !isComparable(a)) return;
  ofPlace.set(place, 1);
  for (const b of them) {
    if (a !== b && isComparable(b) && typeof a === typeof b && pairs.length < MOST_PAIRS) pairs.push([own(a), own(b)]);
  }
}

function isComparable(value: unknown): value is Comparable {
  return typeof value === "string" ? value.length <= MOST_LETTERS : typeof value === "number" || typeof value === "bigint";
}

/** A part of a text may hold all of the text in memory. */
function own(value: Comparable): Comparable {
  return typeof value === "string" ? Buffer.from(value).toString() : value;
}

/** The operators of the code, by their sign; `place` is where it stands. */
export const compared = {
  "===": (place: number, a: unknown, b: unknown): boolean => {
    note(place, a, b);
    return a === b;
  },
  "!==": (place: number, a: unknown, b: unknown): boolean => {
    note(place, a, b);
    return a !== b;
  },
  "<": (place: number, a: number, b: number): boolean => {
    note(place, a, b);
    return a < b;
  },
  "<=": (place: number, a: number, b: number): boolean => {
    note(place, a, b);
    return a <= b;
  },
  ">": (place: number, a: number, b: number): boolean => {
    note(place, a, b);
    return a > b;
  },
  ">=": (place: number, a: number, b: number): boolean => {
    note(place, a, b);
    return a >= b;
  },
} as const;

/** `switch (value)`, whose cases are these. */
export function chosen(place: number, value: unknown, cases: readonly unknown[]): unknown {
  noteEach(place, value, cases);
  return value;
}

/** `on.method(key)` of a table or a text. */
export function asked(place: number, on: unknown, method: "has" | "get" | "startsWith" | "endsWith" | "includes", key: unknown): unknown {
  if (typeof on === "string" && typeof key === "string") note(place, on.slice(0, key.length), key);
  else if ((on instanceof Map || on instanceof Set) && on.size <= MOST_KEYS) noteEach(place, key, on.keys());
  return (on as Record<typeof method, (key: unknown) => unknown>)[method](key);
}
