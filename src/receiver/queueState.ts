/**
 * What a delivery queue must know after a restart, in one small file that is written whole: up to where its sink has had everything, and the
 * counts that nothing else would tell. It has the sum of a line (sampleLines.ts): a damaged one is none.
 *
 *     4be1107c {"segment":12,"offset":73411,"again":{"segment":0,"offset":0},"delivered":981223,"damaged":0,"dropped":{"boiler-1":400}}
 */
import { textOfLine, withSum } from "./sampleLines.ts";

/** Everything before it has been dealt with. */
export interface Position {
  /** Number of a segment; one that is not there any more was dealt with. */
  readonly segment: number;
  /** Octets of it. */
  readonly offset: number;
}

export interface QueueState {
  readonly at: Position;
  /** What stands before this goes again after the state was lost: as historical, since nobody knows what of it was delivered. */
  readonly again: Position;
  /** Samples the sink has had; what it had since the state was written last is not in it. */
  readonly delivered: number;
  /** Lines that could not be read. */
  readonly damaged: number;
  /** Samples that were given up to make room, by class. */
  readonly dropped: Readonly<Record<string, number>>;
}

export const BEGINNING: Position = { segment: 0, offset: 0 };

export function isBefore(a: Position, b: Position): boolean {
  return a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset);
}

export function encodeState(state: QueueState): Buffer {
  return Buffer.from(withSum(JSON.stringify(state)));
}

/** @returns null: it is not as it was written */
export function decodeState(octets: Uint8Array): QueueState | null {
  const line = Buffer.from(octets);
  if (line.at(-1) !== 0x0a) return null;
  const text = textOfLine(line.subarray(0, -1));
  if (text === null) return null;
  try {
    const state = JSON.parse(text) as QueueState;
    const counts = [state.delivered, state.damaged, ...Object.values(state.dropped)];
    return isPosition(state.at) && isPosition(state.again) && counts.every(isCount) ? state : null;
  } catch {
    return null;
  }
}

function isPosition({ segment, offset }: Position): boolean {
  return isCount(segment) && isCount(offset);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
