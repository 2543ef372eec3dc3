/** Objects to the fragments that carry them: runs under one header, as many as fit. */
import type { PointEvent } from "./database.ts";
import { Writer } from "./numbers.ts";

/** One object to report. */
export interface Unit {
  readonly group: number;
  readonly variation: number;
  readonly index: number;
  /** The object; of a packed one an octet that holds its bits. */
  readonly data: Uint8Array;
  readonly bits?: 1 | 2;
  /** Under a range of indexes, behind its own index, or as it is: `data` begins with the header. */
  readonly form: "range" | "list" | "whole";
  readonly event?: PointEvent;
  /** Milliseconds since 1970, to be told as the distance from a common time before it. */
  readonly relativeTime?: number;
}

export interface Packed {
  readonly objects: Uint8Array;
  readonly events: ReadonlySet<PointEvent>;
}

/** Group, variation, qualifier. */
const HEAD = 3;
/** A header with one time under it. */
const COMMON_TIME = 10;

/**
 * @param limit     octets of objects in a fragment
 * @param isSynced  whether common times are told as synchronised (g51v1)
 * @returns at least one, maybe empty
 */
export function pack(units: readonly Unit[], limit: number, isSynced: boolean): readonly Packed[] {
  const packed: Packed[] = [];
  let out = new Writer();
  let events = new Set<PointEvent>();
  const flush = (): void => {
    packed.push({ objects: out.take(), events });
    out = new Writer();
    events = new Set();
  };
  for (let at = 0; at < units.length; ) {
    let run = runOf(units, at, limit - out.length);
    if (run.length === 0) {
      if (out.length === 0) throw new Error(`g${units[at]!.group}v${units[at]!.variation} fits no fragment of ${limit} octets`);
      flush();
      run = runOf(units, at, limit);
      if (run.length === 0) throw new Error(`g${units[at]!.group}v${units[at]!.variation} fits no fragment of ${limit} octets`);
    }
    writeRun(out, run, isSynced);
    for (const { event } of run) if (event !== undefined) events.add(event);
    at += run.length;
  }
  if (out.length > 0 || packed.length === 0) flush();
  return packed;
}

/** The units from `at` that stand under one header, in `room` octets. */
function runOf(units: readonly Unit[], at: number, room: number): readonly Unit[] {
  const first = units[at]!;
  if (first.form === "whole") return first.data.length <= room ? [first] : [];
  const width = first.index > 0xff ? 2 : 1;
  let used = HEAD + width * (first.form === "range" ? 2 : 1) + (first.relativeTime === undefined ? 0 : COMMON_TIME);
  let bits = 0;
  let count = 0;
  for (; at + count < units.length; count += 1) {
    const unit = units[at + count]!;
    const { form, group, variation, index } = unit;
    if (form !== first.form || group !== first.group || variation !== first.variation) break;
    if (index > 0xff !== first.index > 0xff) break;
    if (form === "range" && index !== first.index + count) break;
    if (form === "list" && first.index <= 0xff && count === 0xff) break;
    const offset = (unit.relativeTime ?? 0) - (first.relativeTime ?? 0);
    if (offset < 0 || offset > 0xffff) break;
    bits += unit.bits ?? 0;
    if (unit.bits === undefined) used += unit.data.length + (form === "list" ? width : 0) + (unit.relativeTime === undefined ? 0 : 2);
    if (used + Math.ceil(bits / 8) > room) break;
  }
  return units.slice(at, at + count);
}

function writeRun(out: Writer, run: readonly Unit[], isSynced: boolean): void {
  const [first, last] = [run[0]!, run[run.length - 1]!];
  if (first.form === "whole") {
    out.raw(first.data);
    return;
  }
  if (first.relativeTime !== undefined) out.u8(51, isSynced ? 1 : 2, 0x07, 1).number("u48", first.relativeTime);
  const width = first.index > 0xff ? "u16" : "u8";
  const isWide = width === "u16";
  out.u8(first.group, first.variation);
  if (first.form === "range")
    out
      .u8(isWide ? 0x01 : 0x00)
      .number(width, first.index)
      .number(width, last.index);
  else out.u8(isWide ? 0x28 : 0x17).number(width, run.length);
  if (first.bits !== undefined) {
    const octets = new Uint8Array(Math.ceil((run.length * first.bits) / 8));
    for (const [i, { data, bits = 1 }] of run.entries()) octets[(i * bits) >> 3]! |= data[0]! << ((i * bits) & 7);
    out.raw(octets);
    return;
  }
  for (const { form, index, data, relativeTime } of run) {
    if (form === "list") out.number(width, index);
    out.raw(data);
    if (relativeTime !== undefined) out.number("u16", relativeTime - first.relativeTime!);
  }
}
