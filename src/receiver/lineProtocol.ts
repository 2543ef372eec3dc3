/**
 * Samples as InfluxDB line protocol, which many stores take.
 *
 *     penstock,asset=boiler-1,gateway=plant-1,point=steam_pressure,quality=good value=41.5,historical=false,device_time=false 1760000000000000000
 *     \______/ \_____________________________________________________________/ \____________________________________________/ \_________________/
 *     measurement                 tags, sorted                                                     fields                              ns
 *
 * - A point is a tag, not a field: points come and go without changing the schema, and a store's bound on columns is never met.
 * - The field's name says the type: `value` (float), `value_int`, `value_uint`, `value_bool`, `value_text`. A store fixes a field's type at its
 *   first value and refuses others: with one field for all types, or one for each point name, two assets could spoil each other's data.
 * - Numbers are floats, whole or not, so that a point does not change type as it passes through 5. A bigint is an integer; what 64 bits do not
 *   hold is text, as are NaN and the infinities, which the protocol lacks.
 * - Quality is a tag (five values). `historical` is a field: a sample that goes again as historical is the same point, not a second one.
 * - What identifies a point in a store is measurement, tags and time: sent again it is written over, not doubled. Two samples of one point,
 *   quality and millisecond are one for such a store.
 *
 * @source InfluxDB v2 documentation, "Line protocol"; what it says of escapes is less than stores do, see `name`
 */
import type { Sample } from "./model.ts";

export interface LineOptions {
  /** Default `penstock`. */
  readonly measurement?: string;
  /** The store knows unsigned integers (`u`): 2^63 and more go as such. */
  readonly unsigned?: boolean;
}

/** What a store's signed 64-bit nanoseconds hold, less the two lowest values, which stores keep for themselves. */
const EARLIEST_NS = -(2n ** 63n) + 2n;
const LATEST_NS = 2n ** 63n - 2n;
const LOWEST = -(2n ** 63n);
const HIGHEST = 2n ** 63n - 1n;
const HIGHEST_UNSIGNED = 2n ** 64n - 1n;
/** They would end a line, or cannot be sent at all. */
const CONTROLS = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** Nothing to be done: nearly all names. */
const PLAIN = /^[\w.:/-]*$/;
/** Whole milliseconds up to here are within what the protocol holds. */
const PLAIN_MS = 9_000_000_000_000;

/** @returns a line with its line feed; null: its time is beyond what the protocol holds */
export function encodeLine(sample: Sample, { measurement = "penstock", unsigned = false }: LineOptions = {}): string | null {
  const time = nanoseconds(sample.timeMs);
  if (time === null) return null;
  const tags = `${tag("asset", sample.asset)}${tag("gateway", sample.gateway)}${tag("point", sample.point)}`;
  const fields = `${valueField(sample.value, unsigned)}historical=${sample.historical},device_time=${sample.timeOf === "device"}`;
  return `${measurementOf(measurement)}${tags},quality=${sample.quality} ${fields} ${time}\n`;
}

/** The protocol has no empty tags: what has no name has no tag. */
function tag(key: string, value: string): string {
  return value === "" ? "" : `,${key}=${name(value)}`;
}

/**
 * A name in a tag. A backslash is doubled although the protocol says nothing of it: a single one before a separator, or at the end, would take
 * the separator's meaning away, and a name could so write tags, fields and lines of its own.
 */
function name(text: string): string {
  if (PLAIN.test(text)) return text;
  return text.replaceAll("\\", "\\\\").replace(CONTROLS, shown).replace(/[,= ]/g, "\\$&");
}

/** Like a name; a `#` in front would make a comment of the line. */
function measurementOf(text: string): string {
  return name(text).replace(/^#/, "_").replaceAll("\\=", "=");
}

function shown(control: string): string {
  return `\\u{${(control.codePointAt(0) as number).toString(16).padStart(4, "0")}}`;
}

function valueField(value: Sample["value"], unsigned: boolean): string {
  switch (typeof value) {
    case "number":
      if (!Number.isFinite(value)) return textField(String(value));
      return `value=${Object.is(value, -0) ? "-0" : value},`;
    case "bigint":
      if (value >= LOWEST && value <= HIGHEST) return `value_int=${value}i,`;
      if (unsigned && value > 0n && value <= HIGHEST_UNSIGNED) return `value_uint=${value}u,`;
      return textField(String(value));
    case "boolean":
      return `value_bool=${value},`;
    case "string":
      return textField(value);
    default:
      return "";
  }
}

function textField(text: string): string {
  return `value_text="${text.replace(CONTROLS, shown).replace(/["\\]/g, "\\$&")}",`;
}

function nanoseconds(timeMs: number): string | null {
  if (Number.isInteger(timeMs) && timeMs > 0 && timeMs < PLAIN_MS) return `${timeMs}000000`;
  if (!Number.isFinite(timeMs)) return null;
  const whole = Math.floor(timeMs);
  // A double has no nanoseconds to speak of at today's times; what it has of a millisecond is kept to the microsecond.
  const ns = BigInt(whole) * 1_000_000n + BigInt(Math.floor((timeMs - whole) * 1_000)) * 1_000n;
  return ns < EARLIEST_NS || ns > LATEST_NS ? null : String(ns);
}
