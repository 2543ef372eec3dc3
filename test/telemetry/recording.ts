/** An offer that keeps what it is given, and takes nothing while it is told to. */
import type { Offer, OfferedPoint, OfferedSample } from "#telemetry/offer";

export interface KeptSample extends OfferedSample {
  /** `asset.point`, by the list that was in force. */
  readonly name: string;
}

export class Recording implements Offer {
  readonly lists: (readonly OfferedPoint[])[] = [];
  readonly samples: KeptSample[] = [];
  readonly events: Record<string, unknown>[] = [];
  readonly checkpoints: Record<string, unknown>[] = [];
  isFull = false;
  /** Every call fails so. */
  fault: Error | null = null;
  calls = 0;

  points(list: readonly OfferedPoint[]): void {
    this.#called();
    this.lists.push([...list]);
  }

  sample(sample: OfferedSample): boolean {
    this.#called();
    if (this.isFull) return false;
    const point = this.lists.at(-1)?.[sample.pointId - 1];
    if (point === undefined || point.id !== sample.pointId) throw new Error(`no point ${sample.pointId} was told of`);
    this.samples.push({ ...sample, name: `${point.asset}.${point.point}` });
    return true;
  }

  event(record: object): boolean {
    this.#called();
    if (this.isFull) return false;
    // What a pipe would carry.
    this.events.push(JSON.parse(JSON.stringify(record)));
    return true;
  }

  checkpoint(record: object): boolean {
    this.#called();
    if (this.isFull) return false;
    this.checkpoints.push(record as Record<string, unknown>);
    return true;
  }

  of(point: string): KeptSample[] {
    return this.samples.filter(({ name }) => name === point || name.endsWith(`.${point}`));
  }

  /** `value quality`, in their order. */
  said(point: string): string[] {
    return this.of(point).map(({ value, quality }) => `${value} ${quality}`);
  }

  #called(): void {
    this.calls += 1;
    if (this.fault !== null) throw this.fault;
  }
}
