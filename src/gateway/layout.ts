/** What stands where in one asset under one load of the documents. Never changes: a record keeps it, to tell later what it meant then. */
import type { Space, Vocabulary } from "#operation";
import { PointIndex } from "#process/pointIndex";
import type { AssetModel, Point } from "#process/points";

export class Layout {
  readonly model: AssetModel;
  readonly vocabulary: Vocabulary;
  readonly #points: PointIndex;

  constructor(model: AssetModel, vocabulary: Vocabulary) {
    this.model = model;
    this.vocabulary = vocabulary;
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
}
