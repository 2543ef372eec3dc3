/** What comes out of the link and goes into the sinks: points, samples, and what a sink is. */

/** What a point is; told by births that come over the link. */
export interface PointInfo {
  readonly gateway: string;
  readonly asset: string;
  readonly point: string;
  /** As in points.csv: bool, bit, int16, uint16, int32, uint32, int64, uint64, float32, float64, string; number: a double that says itself how it was written. */
  readonly type: string;
  readonly unit: string;
  readonly description: string;
}

export type Quality = "good" | "stale" | "comm-lost" | "bad" | "uncertain";

export interface Sample {
  readonly gateway: string;
  readonly asset: string;
  readonly point: string;
  /** Stable over re-sends: the same sample has the same id. */
  readonly id: string;
  readonly value: number | bigint | boolean | string | null;
  readonly quality: Quality;
  /** Milliseconds since 1970, of the source where it has a time (timeOf "device"), else of the gateway. */
  readonly timeMs: number;
  readonly timeOf: "device" | "gateway";
  /** It came late: never the current value. */
  readonly historical: boolean;
}

/** Somewhere samples go, out of a queue of its own: what it does not take waits there. */
export interface Sink {
  readonly name: string;
  /** What is known of a gateway's points, whole; again whenever it changes. */
  births(gateway: string, points: readonly PointInfo[]): void;
  /** @returns resolves once it is delivered as surely as the sink can (MQTT JSON: PUBACK; Sparkplug: written), rejects never: false means keep it and offer it again */
  deliver(samples: readonly Sample[]): Promise<boolean>;
  /** The link to a gateway is silent, or speaks again. */
  link(gateway: string, isAlive: boolean): void;
  close(): Promise<void>;
}
