/** What is known of one point: as it was last seen, and as it was last offered. */
import type { Quality, Showing } from "#operation";
import type { Point } from "#process/points";
import type { PointType, SampleValue } from "./offer.ts";
import { type Reader, rawReader, readerOf, toldType, toNumber } from "./values.ts";

/** Where an unnamed point stands. */
export interface RawPlace {
  readonly name: string;
  readonly unit: number;
  readonly space: number;
  readonly first: number;
  readonly bits: 1 | 16;
  readonly stride: 1 | 4;
}

export class Track {
  /** 0: nobody was told of it. */
  id = 0;
  readonly name: string;
  readonly type: PointType;
  readonly unit: string;
  readonly description: string;
  readonly first: number;
  readonly last: number;
  readonly reader: Reader;
  readonly minIntervalMs: number;
  readonly staleMs: number;
  readonly plausibleMin: number;
  readonly plausibleMax: number;
  /** Equal where a track of other documents is about the same value. */
  readonly sameAs: string;
  /** As last offered; null: never. */
  quality: Quality | null = null;
  value: SampleValue = null;
  /** When, monotonic milliseconds. */
  offeredMs = Number.NEGATIVE_INFINITY;
  /** When it was last seen, and what the reply said of it. */
  seenMs = Number.NEGATIVE_INFINITY;
  shown: Quality | null = null;
  /** What was seen last needs nothing more: it was offered, or is within the deadband of what was. */
  isSettled = false;
  /** It is told the next time, though it be the same. */
  isDue = false;
  /** It waits for its interval: what is to go then. */
  isHeld = false;
  /** It stands among those that are looked through for what is due. */
  isListed = false;
  heldValue: SampleValue = null;
  heldQuality: Quality = "good";
  heldTimeMs = 0;
  heldTimeOf: "device" | "gateway" = "gateway";
  heldAsker = "";
  /** Not before then is it offered again that it is not seen. */
  retryMs = Number.NEGATIVE_INFINITY;
  /** Raw cells as last seen. */
  readonly #words: Uint16Array;

  constructor(
    named: { readonly name: string; readonly type: PointType; readonly unit: string; readonly description: string },
    first: number,
    last: number,
    reader: Reader,
    minIntervalMs: number,
    staleMs: number,
    plausible: readonly [number, number],
    sameAs: string,
  ) {
    this.name = named.name;
    this.type = named.type;
    this.unit = named.unit;
    this.description = named.description;
    this.first = first;
    this.last = last;
    this.reader = reader;
    this.minIntervalMs = minIntervalMs;
    this.staleMs = staleMs;
    this.plausibleMin = plausible[0];
    this.plausibleMax = plausible[1];
    this.sameAs = sameAs;
    this.#words = new Uint16Array(last - first + 1);
  }

  static named(point: Point, staleMs: number): Track {
    const { name, unit, first, last, plausibleMin, plausibleMax } = point;
    const type = toldType(point);
    const plausible: readonly [number, number] =
      plausibleMin === null || plausibleMax === null
        ? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
        : [toNumber(plausibleMin), toNumber(plausibleMax)];
    const { unitId, space, bit, byteOrder, wordOrder, scale, offset } = point;
    const sameAs = [name, type, unit, unitId, space, first, last, bit, byteOrder, wordOrder, toNumber(scale), toNumber(offset)].join(" ");
    return new Track({ ...point, type }, first, last, readerOf(point), point.minInterval ?? 0, staleMs, plausible, sameAs);
  }

  static raw({ name, unit, space, first, bits, stride }: RawPlace, minIntervalMs: number, staleMs: number): Track {
    const named = { name, type: "raw", unit: "", description: "" } as const;
    const always: readonly [number, number] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const sameAs = `raw ${unit} ${space} ${first}`;
    return new Track(named, first, first + stride - 1, rawReader(bits, stride), minIntervalMs, staleMs, always, sameAs);
  }

  /** What was told of the same point before the documents were read anew. */
  resume(before: Track): void {
    this.quality = before.quality;
    this.value = before.value;
    this.offeredMs = before.offeredMs;
    this.seenMs = before.seenMs;
  }

  /** Keep the cells. @returns they are not those that were seen before */
  keep({ octets, at, bits, first }: Showing): boolean {
    const words = this.#words;
    let isNew = this.shown === null;
    for (let i = 0, cell = this.first - first; i < words.length; i++, cell++) {
      const word =
        bits === 1
          ? ((octets[at + (cell >> 3)] as number) >> (cell & 7)) & 1
          : ((octets[at + 2 * cell] as number) << 8) | (octets[at + 2 * cell + 1] as number);
      if (words[i] === word) continue;
      words[i] = word;
      isNew = true;
    }
    return isNew;
  }

  /** What a value is worth, by what it is: a device that says nothing of quality shows by it, too. */
  worth(value: SampleValue, quality: Quality): Quality {
    if (quality !== "good") return quality;
    if (value === null) return "bad";
    const isPlausible = typeof value !== "number" || (value >= this.plausibleMin && value <= this.plausibleMax);
    return isPlausible ? "good" : "uncertain";
  }
}
