/** What the page knows of the receiver it shows: it looks, and can do nothing else. */
import { type Millis, millis, type WallMillis, wallMillis } from "#wire";
import type { Row } from "../ledger.ts";
import type { PointInfo, Sample } from "../model.ts";
import type { Onlooker, Receiver } from "../receiver.ts";
import { keyOf, MOST_POINTS, PointList } from "./pointList.ts";
import { Trends } from "./trends.ts";

/** Kept for the page while it is served. */
export class Looking implements Onlooker {
  readonly mostPoints: number;
  readonly points: PointList;
  readonly trends = new Trends();

  constructor(mostPoints = MOST_POINTS) {
    this.mostPoints = mostPoints;
    this.points = new PointList(mostPoints);
  }

  births(stream: number, points: readonly PointInfo[]): void {
    for (const key of this.points.births(stream, points)) this.trends.drop(key);
  }

  sample(sample: Sample): void {
    this.trends.add(keyOf(sample), sample);
  }
}

export interface LineState {
  readonly stream: number;
  /** As its births told; "": not yet. */
  readonly gateway: string;
  /** Our clock; null: it is heard. */
  readonly silentSince: WallMillis | null;
}

export class Watched {
  /** Of the receiver. */
  readonly name: string;
  readonly looking: Looking;
  readonly streams: readonly number[];
  readonly receiver: Receiver;

  constructor(name: string, streams: readonly number[], receiver: Receiver, looking: Looking) {
    this.name = name;
    this.streams = streams;
    this.receiver = receiver;
    this.looking = looking;
  }

  now(): WallMillis {
    return wallMillis(Date.now());
  }

  value({ gateway, asset, point }: PointInfo): Sample | null {
    return this.receiver.current?.of(gateway, asset, point) ?? null;
  }

  lines(): LineState[] {
    return this.streams.map((stream) => this.line(stream));
  }

  line(stream: number): LineState {
    const now: Millis = millis(performance.now());
    const since = this.receiver.store.ledger.silentSince(stream, now);
    const silentSince = since === null ? null : wallMillis(Date.now() - (now - since));
    return { stream, gateway: this.receiver.gatewayOf(stream), silentSince };
  }

  /** What began since `from`, by the sender's clock, of one stream. */
  rows(stream: number, from: number): Row[] {
    return this.receiver.store.ledger.rows(stream, from);
  }
}
