/** What goes wrong with a device and when: the same for the same seed. */

import type { Random } from "#test/fuzz/random";
import type { PlcFaults } from "#test/support/plc";

export interface Trouble {
  readonly name: string;
  /** Milliseconds it is well before, and it is ill for. */
  readonly wellMs: number;
  readonly illMs: number;
  readonly faults: PlcFaults;
  /** Beside its answers: it is away, or it shouts. */
  readonly also?: "away" | "restart" | "shout";
}

type Kind = Pick<Trouble, "name" | "faults" | "also"> & { readonly longestMs: number };

/** Another unit than was asked. */
const otherUnit = (answer: Buffer): Buffer => {
  answer[6] = ((answer[6] as number) + 1) & 0xff;
  return answer;
};
/** The same answer twice: the second one answers nothing. */
const twice = (answer: Buffer): Buffer[] => [answer, Buffer.from(answer)];

const TROUBLES: readonly Kind[] = [
  { name: "silent", faults: { silent: true }, longestMs: 1_200 },
  { name: "acts and says nothing", faults: { actSilently: true }, longestMs: 800 },
  { name: "late", faults: { delayMs: 150 }, longestMs: 2_500 },
  { name: "too late", faults: { delayMs: 700 }, longestMs: 1_200 },
  { name: "exception 4", faults: { exception: 4 }, longestMs: 2_000 },
  { name: "exception 5", faults: { exception: 5 }, longestMs: 1_000 },
  { name: "exception 6", faults: { exception: 6 }, longestMs: 2_000 },
  { name: "exception 11", faults: { exception: 0x0b }, longestMs: 1_000 },
  { name: "closes", faults: { close: true }, longestMs: 600 },
  { name: "drips", faults: { dripMs: 5 }, longestMs: 2_000 },
  { name: "answers twice", faults: { rewrite: twice }, longestMs: 2_000 },
  { name: "another unit", faults: { rewrite: otherUnit }, longestMs: 600 },
  { name: "shouts", faults: {}, also: "shout", longestMs: 1_000 },
  { name: "away", faults: {}, also: "away", longestMs: 1_500 },
  { name: "restarts", faults: {}, also: "restart", longestMs: 500 },
];

export function nextTrouble(random: Random): Trouble {
  const { longestMs, ...kind } = random.of(TROUBLES);
  return { ...kind, wellMs: 2_000 + random.below(6_000), illMs: longestMs / 2 + random.below(longestMs / 2) };
}
