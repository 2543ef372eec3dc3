/**
 * The door by which process data leaves (DESIGN 6): what the gateway offers, and nothing that could come back but whether it was taken. Who is
 * behind it copies what it is given and returns at once.
 *
 * INVARIANT: no call waits and none throws. One that throws all the same costs what it was given, and is counted.
 */
import type { Quality } from "#operation";
import type { PointType as NamedType } from "#process/points";

export type { Quality } from "#operation";

/** Of the values that are told: as points.csv has them, but what is scaled is a float64. `raw`: an address nobody named, as it stands on the wire: a word, a bit, of DNP3 the number. */
export type PointType = NamedType | "raw";

export interface OfferedPoint {
  /** From 1 on, without gaps. */
  readonly id: number;
  readonly asset: string;
  readonly point: string;
  readonly type: PointType;
  /** Engineering unit, "" where none. */
  readonly unit: string;
  readonly description: string;
}

/**
 * By type: a boolean for `bool` and `bit`, text for `string` (octets that do not print as `\x00`), a bigint for 64-bit integers whose scale and
 * offset keep them whole, else the double nearest to the exact engineering value. Raw: a boolean of a bit, a number of anything else. Null: it is
 * no number (NaN, infinite), or was never seen.
 */
export type SampleValue = number | bigint | boolean | string | null;

/** The same object is handed over again and again: what is to be kept of it is copied before `sample` returns. */
export interface OfferedSample {
  readonly pointId: number;
  readonly value: SampleValue;
  readonly quality: Quality;
  /** Whole milliseconds since 1970. */
  readonly timeMs: number;
  /** Whose clock that is. The gateway's does not step while it is suspect; that it is says `health`. */
  readonly timeOf: "device" | "gateway";
  /** The identity whose request showed it; `self`: the gateway's own; `device`: nobody asked. */
  readonly asker: string;
  /** It is one of a series, none of which is left out. */
  readonly isEvent: boolean;
}

export interface Offer {
  /** Goes up with everybody who comes to stand behind this door: they know nothing, and are told all of it. */
  readonly generation?: number;
  /**
   * All points that samples may name from now on, whole: at the start, after a reload, and when unnamed addresses were seen for the first time.
   * Ids stand for the same points until the documents are reloaded; then they are given anew.
   */
  points(list: readonly OfferedPoint[]): void;
  /** @returns false: it was dropped (no room, nobody reads). Samples of one point come in the order they were seen. */
  sample(sample: OfferedSample): boolean;
  /** A decision, what became of it, a session, health: one JSON object, and nobody writes to it any more. */
  event(record: object): boolean;
  /** A checkpoint of the evidence that is on the disk. `JSON.stringify` gives its line back, octet for octet. */
  checkpoint(record: object): boolean;
}
