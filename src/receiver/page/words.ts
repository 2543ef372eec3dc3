/** Values, qualities, ages and refusals in words for people. Pure. */
import type { Quality, Sample } from "../model.ts";
import type { RejectCode } from "../reception.ts";
import { visible } from "./html.ts";

/** Characters of a text value that are shown. */
const MOST_TEXT = 200;

export function valueWords(value: Sample["value"]): string {
  if (value === null) return "no value";
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "bigint") return String(value);
  if (typeof value === "string") return value.length > MOST_TEXT ? `${visible(value.slice(0, MOST_TEXT))}…` : visible(value);
  if (Number.isNaN(value)) return "not a number";
  if (!Number.isFinite(value)) return value > 0 ? "infinite" : "minus infinite";
  if (Number.isInteger(value)) return String(value);
  // A float32 says 0.1 as 0.10000000149011612, and a scaled number 0.3 as 0.30000000000000004.
  return String(Number(value.toPrecision(Math.fround(value) === value ? 7 : 12)));
}

/** Each has a shape of its own: colour alone says nothing. */
export const QUALITY: Readonly<Record<Quality, { readonly sign: string; readonly words: string }>> = {
  good: { sign: "●", words: "good" },
  uncertain: { sign: "◐", words: "uncertain" },
  stale: { sign: "○", words: "not renewed" },
  "comm-lost": { sign: "✕", words: "device not reached" },
  bad: { sign: "▲", words: "bad" },
};

export function ageWords(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 0) return "ahead";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`;
}

/** `2026-11-27 12:04:31`, UTC; four-digit years, whatever a clock says. */
export function timeWords(ms: number): string {
  return new Date(Math.min(Math.max(ms, 0), Date.UTC(9999, 11, 31))).toISOString().slice(0, 19).replace("T", " ");
}

export function minuteWords(ms: number): string {
  return timeWords(ms).slice(11, 16);
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

export const REJECTED: Readonly<Record<RejectCode, string>> = {
  badMagic: "no frame of ours",
  badVersion: "a frame of another version",
  badKind: "a kind of frame that there is not",
  badLength: "a frame of a wrong length",
  badCode: "a redundancy that there is not",
  unknownStream: "a stream that is not in receive.yaml",
  unknownKey: "sealed with a key that is not here",
  retiredKey: "sealed with a key that is not taken any more",
  forged: "not sealed by who has the key, or changed on the way",
  again: "came before: a recording, or a copy of what is here",
  tooOld: "older than anybody remembers",
  oldEpoch: "from a start of the sender before the last one",
  otherEpoch: "of one start, and says another",
  tooManyStreams: "one stream too many",
  otherCode: "says another code or length than its start",
  nonceReuse: "two frames under one sequence: make a new key",
  twoSenders: "somebody else sends under this stream's number",
  badRecord: "a record that cannot be read: a fault of the sender",
  badText: "a text that cannot be read: a fault of the sender",
  notEmpty: "something behind the end of a frame: a fault of the sender",
  noBlock: "redundancy for what never came",
};
