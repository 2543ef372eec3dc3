/** What the gateway counts about itself. Read by status and metrics; nothing on the road reads it back. */
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import type { DenialCode } from "#events";

export interface LatencyMicros {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export class Stats {
  readonly denials = new Map<DenialCode, number>();
  /** Replies that answered nothing: unsolicited, late, twice, malformed, floods. */
  readonly strays = new Map<string, number>();
  /** Connections refused before a session, by reason. */
  readonly refused = new Map<string, number>();
  requests = 0;
  readonly #inspection: RecordableHistogram = createHistogram();

  /** One request inspected: frame complete, decoded, decided, record enqueued. @param ms milliseconds it took */
  inspected(ms: number): void {
    this.requests += 1;
    this.#inspection.record(ms > 0.001 ? Math.round(ms * 1e6) : 1000);
  }

  denied(code: DenialCode): void {
    this.denials.set(code, (this.denials.get(code) ?? 0) + 1);
  }

  refusedHandshake(reason: string): void {
    this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
  }

  stray(what: string, count = 1): void {
    this.strays.set(what, (this.strays.get(what) ?? 0) + count);
  }

  /** The inspection latency histogram since start, in microseconds. */
  latency(): LatencyMicros {
    const h = this.#inspection;
    if (h.count === 0) return { count: 0, p50: 0, p99: 0, p999: 0, max: 0 };
    return {
      count: h.count,
      p50: h.percentile(50) / 1000,
      p99: h.percentile(99) / 1000,
      p999: h.percentile(99.9) / 1000,
      max: h.max / 1000,
    };
  }
}
