/** What points there are, as births told, in the order in which people read them; and which of them somebody looks for. */
import type { PointInfo } from "../model.ts";

export const MOST_POINTS = 20_000;
/** Of one page. */
export const ROWS = 200;
/** Characters of what is searched for. */
export const MOST_SEARCH = 100;

export interface Listed {
  /** Its name in the document and in what is told live; the same as long as the point is there. */
  readonly number: number;
  readonly stream: number;
  readonly key: string;
  readonly info: PointInfo;
}

export interface Selection {
  readonly rows: readonly Listed[];
  /** All that were found. */
  readonly total: number;
  /** From 1. */
  readonly page: number;
  readonly pages: number;
}

/** No two points have one key. */
export function keyOf({ gateway, asset, point }: Pick<PointInfo, "gateway" | "asset" | "point">): string {
  return `${gateway.length} ${asset.length} ${gateway}${asset}${point}`;
}

export class PointList {
  /** Grows with every change. */
  version = 0;
  /** Points for which there was no place, by stream. */
  readonly #turnedAway = new Map<number, number>();
  readonly #most: number;
  readonly #points = new Map<string, Listed>();
  #sorted: readonly Listed[] | null = null;
  #last = 0;

  constructor(most = MOST_POINTS) {
    this.#most = most;
  }

  get size(): number {
    return this.#points.size;
  }

  get turnedAway(): number {
    return [...this.#turnedAway.values()].reduce((sum, each) => sum + each, 0);
  }

  /** @returns keys of points of this stream that are no more */
  births(stream: number, points: readonly PointInfo[]): string[] {
    this.version += 1;
    this.#sorted = null;
    const named = new Set(points.map(keyOf));
    const gone = [...this.#points.values()].filter((each) => each.stream === stream && !named.has(each.key)).map(({ key }) => key);
    for (const key of gone) this.#points.delete(key);
    let turnedAway = 0;
    for (const info of points) {
      const key = keyOf(info);
      const known = this.#points.get(key);
      if (known === undefined && this.#points.size >= this.#most) turnedAway += 1;
      else this.#points.set(key, { number: known?.number ?? ++this.#last, stream, key, info });
    }
    this.#turnedAway.set(stream, turnedAway);
    return gone;
  }

  of(gateway: string, asset: string, point: string): Listed | null {
    return this.#points.get(keyOf({ gateway, asset, point })) ?? null;
  }

  /** Points in whose names or description every word stands. */
  select(search: string, page: number): Selection {
    this.#sorted ??= [...this.#points.values()].sort((a, b) => compare(a.info, b.info));
    const words = search
      .slice(0, MOST_SEARCH)
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== "");
    const found = words.length === 0 ? this.#sorted : this.#sorted.filter(({ info }) => words.every((word) => textOf(info).includes(word)));
    const pages = Math.max(1, Math.ceil(found.length / ROWS));
    const at = Math.min(Math.max(1, page), pages);
    return { rows: found.slice((at - 1) * ROWS, at * ROWS), total: found.length, page: at, pages };
  }
}

function textOf({ gateway, asset, point, description, unit }: PointInfo): string {
  return `${gateway} ${asset} ${point} ${description} ${unit}`.toLowerCase();
}

const order = new Intl.Collator("en", { numeric: true });

function compare(a: PointInfo, b: PointInfo): number {
  return order.compare(a.gateway, b.gateway) || order.compare(a.asset, b.asset) || order.compare(a.point, b.point);
}
