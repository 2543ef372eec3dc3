/**
 * Facts as a case states them: what stands in the device, how often something has changed, what time it is. A road that is driven by words.
 *
 *     seen:    { feed_setpoint: 20, holding 44: 0x0200 }      by point in engineering units, by address as a raw word or 0 and 1
 *     changes: { feed_setpoint: 6 }                           counted already, in whatever window is asked for
 */
import { quoted } from "#documents/problems";
import { expectedName } from "#documents/yaml";
import type { Vocabulary } from "#operation";
import { parseAddress } from "#process/addressing";
import type { AssetModel, Point } from "#process/points";
import { encodePoint } from "#process/values";
import { type Misread, pointNamed } from "./casesQuestion.ts";
import type { Compiled } from "./compile.ts";
import type { Changes, Facts, Present, Rates } from "./decision.ts";
import { hoursOpen } from "./hours.ts";
import type { Condition } from "./model.ts";
import { isWatched, Plausible } from "./plausible.ts";
import { stateNow } from "./state.ts";
import { placeOf } from "./value.ts";

export interface Stated {
  readonly seen: readonly SeenCell[];
  readonly changes: readonly CountedPlace[];
  /** Messages of this identity that each rule with a `rate` has allowed in its window. */
  readonly requests: number;
  /** Wall time; null: not told, so no `hours` can be evaluated. */
  readonly at: number | null;
}

export interface SeenCell {
  readonly asset: string;
  readonly unit: number;
  readonly space: number;
  readonly address: number;
  /** Bits of the cell that are stated. */
  readonly mask: number;
  readonly cell: number;
}

export interface CountedPlace {
  readonly unit: number;
  readonly place: number;
  readonly count: number;
}

/** @param asset  the one that is asked */
export function statedFacts(stated: Stated, asset: AssetModel, { hours, states }: Pick<Compiled, "hours" | "states">): Facts {
  const { at, requests } = stated;
  const present = new StatedCells(stated.seen.filter((cell) => cell.asset === asset.name));
  const elsewhere = new Map<string, StatedCells>();
  const cellsOf = ({ asset: where, point }: Condition): readonly number[] => {
    const cells = elsewhere.get(where) ?? new StatedCells(stated.seen.filter((cell) => cell.asset === where));
    elsewhere.set(where, cells);
    return Array.from({ length: point.last - point.first + 1 }, (_, i) => cells.cell(point.unitId, point.space, point.first + i));
  };
  const changes: Changes = {
    count: (unit, place) => stated.changes.find((counted) => counted.unit === unit && counted.place === place)?.count ?? 0,
  };
  const rates: Rates = { count: () => requests };
  return {
    now: 0,
    hoursOpen: Uint8Array.from(hours, (each) => (at === null ? 2 : hoursOpen(each, at) ? 1 : 0)),
    states: Uint8Array.from(states, (state) => stateNow(state, cellsOf)),
    implausible: implausibleIn(asset, present),
    present,
    changes,
    rates,
  };
}

/** Points of which the case states such cells as no device could show. */
function implausibleIn(asset: AssetModel, present: StatedCells): Uint8Array {
  const marks = new Uint8Array(asset.points.length);
  const plausible = new Plausible(asset);
  for (const point of asset.points.filter(isWatched)) {
    const unit = asset.unitAliases.get(point.unitId) ?? point.unitId;
    const words = Array.from({ length: point.last - point.first + 1 }, (_, i) => present.cell(unit, point.space, point.first + i));
    if (words.includes(-1)) continue;
    const octets = Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]));
    plausible.mark(unit, point.space, point.first, point.last, { is: "cells", octets, at: 0, bits: 16, keep: 0 }, marks);
  }
  return marks;
}

class StatedCells implements Present {
  readonly #cells = new Map<string, number>();

  constructor(cells: readonly SeenCell[]) {
    for (const { unit, space, address, mask, cell } of cells) {
      const key = `${unit} ${space} ${address}`;
      this.#cells.set(key, ((this.#cells.get(key) ?? 0) & ~mask) | (cell & mask));
    }
  }

  cell(unit: number, space: number, address: number): number {
    return this.#cells.get(`${unit} ${space} ${address}`) ?? -1;
  }
}

/** `feed_setpoint` = `20`, `holding 44` = `512`, and of another asset `feeder.pressure` = `4`: the cells that stand there. */
export function seenCells(
  assets: ReadonlyMap<string, AssetModel>,
  asset: AssetModel,
  vocabulary: Vocabulary,
  place: string,
  value: string,
  unit: number | null,
): SeenCell[] | Misread {
  const other = pointNamed(asset, place) === null ? [...assets.values()].find(({ name }) => place.startsWith(`${name}.`)) : undefined;
  const found =
    other === undefined
      ? readPlace(asset, vocabulary, place, unit)
      : readPlace(other, vocabulary, place.slice(other.name.length + 1), null);
  const where = other?.name ?? asset.name;
  if ("found" in found) return found;
  if (found.point === null) {
    const most = vocabulary.spaces[found.space]?.bits === 1 ? 1 : 0xffff;
    const word = /^(?:[0-9]{1,5}|0x[0-9a-fA-F]{1,4})$/.test(value) ? Number(value) : -1;
    if (word < 0 || word > most) return { found: quoted(value), expected: most === 1 ? "0 or 1" : "a raw word from 0 to 65535" };
    return [{ ...found, asset: where, mask: 0xffff, cell: word }];
  }
  const { point } = found;
  const octets = encodePoint(point, value);
  if (typeof octets === "string") return { found: quoted(value), expected: `a value of ${point.name}: ${octets}` };
  const mask = point.type === "bit" ? 1 << (point.bit ?? 0) : 0xffff;
  const place1 = { asset: where, unit: point.unitId, space: point.space };
  if (point.type === "bool") return [{ ...place1, address: point.first, mask, cell: octets[0] as number }];
  return Array.from({ length: octets.length / 2 }, (_, i) => ({
    ...place1,
    address: point.first + i,
    mask,
    cell: ((octets[2 * i] as number) << 8) | (octets[2 * i + 1] as number),
  }));
}

/** Where the changes of a point or an address are counted (RULINGS 10): under what an alias stands for, and under the point that has the address. */
export function countedPlace(
  asset: AssetModel,
  vocabulary: Vocabulary,
  place: string,
  count: number,
  unit: number | null,
): CountedPlace | Misread {
  const found = readPlace(asset, vocabulary, place, unit);
  if ("found" in found) return found;
  const point =
    found.point ??
    asset.points.find(
      (candidate) =>
        candidate.unitId === found.unit &&
        candidate.space === found.space &&
        candidate.first <= found.address &&
        candidate.last >= found.address &&
        candidate.type !== "bit" &&
        candidate.aliasOf === null,
    );
  if (point == null) return { unit: found.unit, place: placeOf(found.space, found.address), count };
  return { unit: point.unitId, place: point.aliasOf ?? point.index, count };
}

interface Place {
  readonly unit: number;
  readonly space: number;
  readonly address: number;
  readonly point: Point | null;
}

function readPlace(asset: AssetModel, vocabulary: Vocabulary, words: string, unit: number | null): Place | Misread {
  const [table, address, ...more] = words.split(" ");
  if (table === undefined || more.length > 0) return { found: quoted(words), expected: "a point, or a table and an address" };
  if (address === undefined) {
    const point = pointNamed(asset, table);
    if (point !== null) return { unit: point.unitId, space: point.space, address: point.first, point };
    return {
      found: quoted(words),
      expected: expectedName(
        words,
        `a point of ${asset.name}`,
        asset.points.map(({ name }) => name),
      ),
    };
  }
  const space = vocabulary.spaces.findIndex(({ name }) => name === table);
  const known = vocabulary.spaces[space];
  if (known === undefined)
    return {
      found: quoted(table),
      expected: expectedName(
        table,
        "a table",
        vocabulary.spaces.map(({ name }) => name),
      ),
    };
  const at = parseAddress(asset.addressing, known, address);
  if (typeof at === "string") return { found: quoted(address), expected: at };
  return { unit: unit ?? asset.units[0] ?? 1, space, address: at, point: null };
}
