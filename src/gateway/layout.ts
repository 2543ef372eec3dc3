/** What stands where in one asset under one load of the documents. Never changes: a record keeps it, to tell later what it meant then. */
import type { Space, Vocabulary } from "#operation";
import { Plausible } from "#policy/plausible";
import { formatAddresses, isPaged, recordAt } from "#process/addressing";
import { PointIndex } from "#process/pointIndex";
import type { AssetModel, Point } from "#process/points";
import { f64be } from "#wire";

export class Layout {
  readonly model: AssetModel;
  readonly vocabulary: Vocabulary;
  readonly plausible: Plausible;
  readonly #points: PointIndex;

  constructor(model: AssetModel, vocabulary: Vocabulary) {
    this.model = model;
    this.vocabulary = vocabulary;
    this.plausible = new Plausible(model);
    this.#points = new PointIndex(model.points);
  }

  /** Named points that have a cell in this range, by address. */
  pointsIn(unit: number, space: number, first: number, last: number): readonly Point[] {
    return this.#points.in(unit, space, first, last);
  }

  /** The unit id facts and rules are kept under (RULINGS 3). */
  canonicalUnit(unitId: number): number {
    return this.model.unitAliases.get(unitId) ?? unitId;
  }

  space(number: number): Space | undefined {
    return this.vocabulary.spaces[number];
  }

  /** Cells as a record tells them: a number that takes several (DNP3) as the number it is; null where a part of it is not known, or it is none. */
  told(number: number, cells: readonly (number | null)[]): (number | null)[] {
    const stride = this.space(number)?.stride ?? 1;
    return stride === 1
      ? [...cells]
      : Array.from({ length: cells.length / stride }, (_, i) => numberOf(cells.slice(stride * i, stride * (i + 1))));
  }

  /** Where a range lies, for a record: zero-based (DESIGN 3; of numbers their indexes, not cells), and as `place` in the asset's own words. Of a file, its records. */
  extent(number: number, first: number, last: number): Record<string, unknown> {
    const space = this.space(number);
    if (space === undefined) return { table: number, first, last };
    const place = formatAddresses(this.model.addressing, space, first, last);
    if (!isPaged(space))
      return { table: space.name, first: Math.floor(first / space.stride), last: Math.floor(last / space.stride), place };
    const { file, record } = recordAt(first);
    return { table: space.name, file, first: record, last: record + last - first, place };
  }
}

/** A double in words, most significant first. */
function numberOf(words: readonly (number | null)[]): number | null {
  const octets = new Uint8Array(8);
  for (const [i, word] of words.entries()) {
    if (word === null || word < 0) return null;
    octets[2 * i] = word >> 8;
    octets[2 * i + 1] = word & 0xff;
  }
  const number = f64be(octets, 0);
  return Number.isFinite(number) ? number : null;
}
