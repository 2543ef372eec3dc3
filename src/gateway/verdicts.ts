/** What stands at a point, for somebody who compares it with the plant: can it be, and if not, what would the other orders of its words say? */
import type { Otherwise, VerifiedPoint } from "#management/protocol";
import { isWatched, Plausible } from "#policy/plausible";
import { compareDecimals, formatDecimal, parseDecimal } from "#process/decimal";
import type { AssetModel, Point } from "#process/points";
import { decodeCells } from "#process/values";

export interface Judged {
  readonly value: string;
  readonly verdict: Exclude<VerifiedPoint["verdict"], "unread">;
  readonly why: string | null;
  readonly otherwise: readonly Otherwise[];
}

/** @param cells raw, in the order of their addresses; the whole point */
export function judgePoint(model: AssetModel, point: Point, cells: Int32Array): Judged {
  const value = decodeCells(point, cells).text;
  const can = canBe(model, point, cells);
  const doubtful = can && isNearNothing(point, cells);
  const verdict = !can ? "implausible" : isRanged(point) ? "plausible" : "unranged";
  if (can && !doubtful) return { value, verdict, why: null, otherwise: [] };
  const otherwise = ordersOf(point).map((orders): Otherwise => {
    const other = { ...point, ...orders };
    return { ...orders, value: decodeCells(other, cells).text, fits: canBe(model, other, cells) && !isNearNothing(other, cells) };
  });
  if (doubtful) return { value, verdict, why: "so near zero that its words may stand in another order", otherwise };
  const why = point.last > point.first ? "check word order" : "check type, scale and byte order";
  return { value, verdict, why, otherwise };
}

/** A float whose words are in another order is often tiny, and then within any range about zero. So may be a real one that dies away. */
function isNearNothing(point: Point, cells: Int32Array): boolean {
  if (point.type !== "float32" && point.type !== "float64" && point.type !== "number") return false;
  const size = Math.abs(decodeCells(point, cells).number ?? 0);
  const ends = [point.plausibleMin, point.plausibleMax].map((end) => (end === null ? 0 : Math.abs(Number(formatDecimal(end)))));
  return size > 0 && size < NEAR * (isRanged(point) ? Math.max(...ends) : 1);
}

/** Of a range; no sensor tells so little of its own. */
const NEAR = 1e-12;

function isRanged({ plausibleMin, plausibleMax }: Point): boolean {
  return plausibleMin !== null && plausibleMax !== null;
}

/** By the judgement that writes are held against (RULINGS 7); a number of one register, which none is held against there, by its range alone. */
function canBe(model: AssetModel, point: Point, cells: Int32Array): boolean {
  if (isWatched(point)) {
    const octets = Uint8Array.from([...cells].flatMap((cell) => [cell >> 8, cell & 0xff]));
    const marks = new Uint8Array(1);
    const alone = new Plausible({ ...model, points: [{ ...point, index: 0 }] });
    const unit = model.unitAliases.get(point.unitId) ?? point.unitId;
    alone.mark(unit, point.space, point.first, point.last, { is: "cells", octets, at: 0, bits: 16, keep: 0 }, marks);
    return marks[0] === 0;
  }
  const value = parseDecimal(decodeCells(point, cells).text);
  const { plausibleMin, plausibleMax } = point;
  if (plausibleMin === null || plausibleMax === null || typeof value === "string") return true;
  return compareDecimals(value, plausibleMin) >= 0 && compareDecimals(value, plausibleMax) <= 0;
}

/** The orders the points file does not state. Octets are swapped far more rarely than words, so they come last. */
function ordersOf(point: Point): readonly Pick<Point, "wordOrder" | "byteOrder">[] {
  if (point.type === "string" || point.type === "bool" || point.type === "bit") return [];
  const other = (order: "big" | "little"): "big" | "little" => (order === "big" ? "little" : "big");
  const swappedOctets = { wordOrder: point.wordOrder, byteOrder: other(point.byteOrder) };
  if (point.last === point.first) return [swappedOctets];
  return [
    { wordOrder: other(point.wordOrder), byteOrder: point.byteOrder },
    swappedOctets,
    { wordOrder: other(point.wordOrder), byteOrder: other(point.byteOrder) },
  ];
}
