/** Functions by number and by name: what a rule's `functions`, a case and a record call them. */
import type { Effect, FunctionName } from "#operation";
import { FUNCTION, functionRow, isResponse } from "./functions.ts";
import { groupOf } from "./objects/index.ts";
import { VERBS_OF } from "./operations.ts";

/** Only by rules that name them (RULINGS 36): they clear what others count on, or act later. */
const NAMED_ONLY: readonly number[] = [
  FUNCTION.freezeAndClear,
  FUNCTION.freezeAndClearNoAck,
  FUNCTION.freezeAtTime,
  FUNCTION.freezeAtTimeNoAck,
];

const OBSERVING: readonly number[] = [FUNCTION.read, FUNCTION.delayMeasurement];
const HOUSEKEEPING: readonly number[] = [FUNCTION.confirm, FUNCTION.authenticationRequest, FUNCTION.authenticationRequestNoAck];

function effectOf(code: number): Effect {
  return OBSERVING.includes(code) ? "observe" : HOUSEKEEPING.includes(code) ? "housekeep" : "change";
}

export const NAMED: readonly FunctionName[] = Object.entries(FUNCTION)
  .filter(([, code]) => !isResponse(code))
  .map(([name, code]) => {
    const verbs = VERBS_OF[code] ?? ["raw"];
    return {
      number: code,
      name,
      verbs,
      effect: effectOf(code),
      opaque: verbs.every((verb) => verb === "raw"),
      named: NAMED_ONLY.includes(code),
    };
  });
const BY_NAME: ReadonlyMap<string, number> = new Map(NAMED.map(({ name, number }) => [name, number]));

/** Control codes people have names for (RULINGS 36); all others by number. */
export const CONTROL_CODES: Readonly<Record<string, number>> = { trip: 0x81, close: 0x41, pulse_on: 0x01, latch_on: 0x03, latch_off: 0x04 };

/** `5`, `directOperate`; `2/12` is WRITE of group 12 where the gateway cannot look into it. */
export function functionOf(name: string): number | null {
  const known = BY_NAME.get(name);
  if (known !== undefined) return known;
  const [, code, group] = /^(\d{1,3}|0x[0-9a-fA-F]{1,2})(?:\/(\d{1,3}))?$/.exec(name) ?? [];
  if (code === undefined) return null;
  const number = Number(code);
  if (!functionRow(number).isKnown || isResponse(number)) return null;
  if (group === undefined) return number;
  // Group 0 would be the function as a whole.
  const isGroup = Number(group) > 0 && Number(group) <= 0xff && groupOf(Number(group)) !== null;
  return isGroup ? number | (Number(group) << 8) : null;
}

export function nameOf(number: number): string {
  const code = number & 0xff;
  const { name } = functionRow(code);
  return number > 0xff ? `${name} of group ${number >> 8}` : name;
}
