/** What tests of this room share: samples, a disk that fails on demand, a sink that does as it is told. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { DeliveryQueue, type QueueOptions } from "#receiver/deliveryQueue";
import { type Disk, realDisk } from "#receiver/disk";
import type { Sample, Sink } from "#receiver/model";
import { InjectedFiles } from "#test/audit/injected";

/** Removed when the process ends. */
export function scratch(): string {
  const directory = mkdtempSync(path.join(os.tmpdir(), "penstock-receiver-"));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export function sampleOf(n: number, more: Partial<Sample> = {}): Sample {
  return {
    gateway: "plant-1",
    asset: `boiler-${n % 3}`,
    point: `pressure-${n % 5}`,
    id: `run.${n}`,
    value: n / 2,
    quality: "good",
    timeMs: 1_760_000_000_000 + n,
    timeOf: "gateway",
    historical: false,
    ...more,
  };
}

export function samplesFrom(first: number, count: number): Sample[] {
  return Array.from({ length: count }, (_, i) => sampleOf(first + i));
}

/** Any text, any value there is. */
export const anySample: fc.Arbitrary<Sample> = fc.record({
  gateway: fc.string({ unit: "binary" }),
  asset: fc.string({ unit: "grapheme" }),
  point: fc.string({ unit: "binary" }),
  id: fc.string(),
  value: fc.oneof(
    fc.double(),
    fc.integer(),
    fc.bigInt(),
    fc.boolean(),
    fc.string({ unit: "binary" }),
    fc.constantFrom(null, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 2n ** 64n - 1n),
  ),
  quality: fc.constantFrom("good", "stale", "comm-lost", "bad", "uncertain"),
  timeMs: fc.oneof(fc.integer({ min: 0, max: 8_000_000_000_000 }), fc.double({ noNaN: true, noDefaultInfinity: true })),
  timeOf: fc.constantFrom("device", "gateway"),
  historical: fc.boolean(),
});

/** The real disk, recorded and refused as the evidence's tests do it, with the reader's operations besides. */
export class InjectedDisk extends InjectedFiles implements Disk {
  beforeRead: (file: string) => void = () => {};

  override list(directory: string): ReturnType<Disk["list"]> {
    return realDisk.list(directory);
  }

  async part(file: string, from: number, most: number): Promise<Uint8Array> {
    this.beforeRead(file);
    return realDisk.part(file, from, most);
  }

  look(file: string): ReturnType<Disk["look"]> {
    return realDisk.look(file);
  }
}

/** Takes what it is offered, or not. */
export class TestSink implements Sink {
  readonly name = "test";
  readonly taken: Sample[] = [];
  readonly batches: (readonly Sample[])[] = [];
  offers = 0;
  /** Asked at each offer. */
  takes: () => boolean | Promise<boolean> = () => true;

  births(): void {}
  link(): void {}

  async deliver(samples: readonly Sample[]): Promise<boolean> {
    this.offers += 1;
    const isTaken = await this.takes();
    if (isTaken) {
      this.taken.push(...samples);
      this.batches.push(samples);
    }
    return isTaken;
  }

  async close(): Promise<void> {}
}

export const QUICK = { firstMs: 1, mostMs: 4 } as const;

export function openQueue(
  directory: string,
  sink: Pick<Sink, "name" | "deliver">,
  more: Partial<QueueOptions> = {},
): Promise<DeliveryQueue> {
  return DeliveryQueue.open({ directory, sink, retry: QUICK, saveMs: 1, patienceMs: 200, ...more });
}

export async function eventually(what: string, isSo: () => boolean, ms = 10_000): Promise<void> {
  for (const until = performance.now() + ms; !isSo(); ) {
    if (performance.now() > until) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export function idsOf(samples: readonly Sample[]): string[] {
  return samples.map(({ id }) => id);
}
