/** What stands where in one asset under one load of the documents. Never changes: a record keeps it, to tell later what it meant then. */
import type { Space, Vocabulary } from "#operation";
import { Plausible } from "#policy/plausible";
import { formatAddresses, isPaged, recordAt } from "#process/addressing";
import { PointIndex } from "#process/pointIndex";
import type { AssetModel, Point } from "#process/points";

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

  /** Where a range lies, for a record: zero-based (DESIGN 3), and as `place` in the asset's own words. Of a file, its records. */
  extent(number: number, first: number, last: number): Record<string, unknown> {
    const space = this.space(number);
    if (space === undefined) return { table: number, first, last };
    const place = formatAddresses(this.model.addressing, space, first, last);
    if (!isPaged(space)) return { table: space.name, first, last, place };
    const { file, record } = recordAt(first);
    return { table: space.name, file, first: record, last: record + last - first, place };
  }
}
