/**
 * The spool against a model: frames appended, flushed, expired, re-sent, over kills, power losses, full and failing disks. Whatever a flush
 * promised is there, octet for octet and in order, but for what the ring let go from its old end.
 */
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Carousel } from "#telemetry/carousel";
import { Spool, type SpoolOptions } from "#telemetry/spool";
import { MemoryFiles, type Operation } from "./memoryFiles.ts";
import { everything, frame, SMALL, settle, T0 } from "./spools.ts";

const RUNS = Number(process.env.PENSTOCK_MODEL_RUNS ?? 150);
const HOUR = 3_600_000;
const OPTIONS: SpoolOptions = { ...SMALL, maxAgeMs: 48 * HOUR, segmentMs: HOUR, maxSegments: 12 };
const SLACK = 16 * 1024;

type Step =
  | { readonly do: "append"; readonly count: number }
  | { readonly do: "flush" | "reopen" | "free" | "cut" }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "kill" | "power"; readonly after: number; readonly seed: number }
  | { readonly do: "full"; readonly room: number }
  | { readonly do: "fail"; readonly operation: Operation }
  | { readonly do: "send"; readonly count: number };

/** Where one of these fails, octets stay that nobody counts, or are counted unread. */
const UNTIDY: readonly Operation[] = ["truncate", "unlink", "readInto"];
const small = fc.nat(12);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant("append" as const), count: fc.integer({ min: 1, max: 30 }) }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constantFrom("flush" as const, "flush", "flush", "reopen", "free") }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 20 * HOUR }) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("kill" as const, "power" as const), after: small, seed: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("full" as const), room: fc.nat(40_000) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("fail" as const), operation: anyOperation() }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("send" as const), count: fc.integer({ min: 1, max: 60 }) }) },
  ),
  { maxLength: 80, size: "max" },
);

function anyOperation(): fc.Arbitrary<Operation> {
  return fc.constantFrom("create", "write", "sync", "truncate", "unlink", "rename", "syncDirectory", "readInto");
}

const seen = { kills: 0, losses: 0, dropped: 0, refused: 0, sent: 0, troubles: 0, promised: 0 };

class Run {
  files = new MemoryFiles();
  now = T0;
  /** Frames taken, by number from 1 on: when. */
  readonly times: number[] = [Number.NaN];
  promised = 0;
  /** Of the promised numbers those that no flush promised: a kill or a close came before. */
  readonly unpromised: number[] = [];
  /** No file was left behind, or left unread, for the disk did not let us. */
  isExact = true;
  refused = 0;
  /** Of all starts. */
  dropped = 0;
  spool!: Spool;
  carousel!: Carousel;

  async open(): Promise<void> {
    this.spool = await Spool.open({ ...OPTIONS, files: this.files }, this.now);
    this.carousel = new Carousel(this.spool);
    this.refused = 0;
  }

  async step(step: Step): Promise<void> {
    switch (step.do) {
      case "append":
        for (let i = 0; i < step.count; i++) this.append();
        return;
      case "flush":
        return this.flush();
      case "reopen":
        if (await this.spool.close(this.now)) this.promised = this.times.length - 1;
        else this.forget();
        return this.start();
      case "wait":
        this.now += step.ms;
        return;
      case "kill":
      case "power":
        return this.crash(step.after, step.do === "power" ? randomOf(step.seed) : null);
      case "full":
        this.files.room = this.files.octets + step.room;
        return;
      case "free":
        this.files.room = Number.POSITIVE_INFINITY;
        return;
      case "fail":
        if (UNTIDY.includes(step.operation)) this.isExact = false;
        this.files.fails = step.operation;
        return;
      case "send":
        return this.send(step.count);
    }
  }

  append(): void {
    const n = this.times.length;
    if (this.spool.append(n, this.now, frame(1, n))) this.times.push(this.now);
    else this.refused += 1;
  }

  async flush(): Promise<void> {
    const appended = this.times.length - 1;
    if (await this.spool.flush(this.now)) this.promised = appended;
    else seen.troubles += 1;
  }

  /** What no flush promised is not waited for, but its numbers are not given again. */
  forget(): void {
    this.unpromised.push(...range(this.promised + 1, this.times.length - 1));
    this.promised = this.times.length - 1;
  }

  async crash(after: number, random: (() => number) | null): Promise<void> {
    this.files.left = after;
    const appended = this.times.length - 1;
    if (await this.spool.flush(this.now)) this.promised = appended;
    this.forget();
    this.files = this.files.crash(random);
    seen[random === null ? "kills" : "losses"] += 1;
    await this.start();
  }

  async start(): Promise<void> {
    this.dropped += this.spool.stats().dropped;
    seen.refused += this.spool.stats().refused;
    await this.open();
  }

  async send(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const octets = this.carousel.next(this.now);
      if (octets === null) await settle();
      else this.mustBeDue(octets);
    }
  }

  mustBeDue(octets: Uint8Array): void {
    const n = this.times.findIndex((timeMs, i) => i > 0 && frame(1, i).equals(octets) && this.now - timeMs < 24 * HOUR);
    assert.ok(n > 0, "a frame of the last day, as it was sent");
    assert.ok(this.now - (this.times[n] as number) >= 60_000, "redundancy has its turn first");
    seen.sent += 1;
  }

  async check(): Promise<void> {
    const stats = this.spool.stats();
    assert.is(stats.refused, this.refused);
    assert.ok(stats.octets <= 128 * 1024, `${stats.octets} octets`);
    assert.ok(stats.segments <= 12, `${stats.segments} segments`);
    const kept = await everything(this.files);
    for (const { sequence, timeMs, octets } of kept) {
      assert.ok(frame(1, sequence).equals(octets), `frame ${sequence} as it was`);
      assert.is(timeMs, this.times[sequence]);
    }
    if (this.isExact && stats.trouble === null) {
      assert.is(stats.frames, kept.length, "every frame is counted, and there once");
      assert.is(stats.octets, segmentOctets(this.files));
    }
    const numbers = new Set(kept.map(({ sequence }) => sequence));
    const order = [...numbers];
    assert.equal(
      order,
      order.toSorted((a, b) => a - b),
      "in order",
    );
    const open = new Set(this.unpromised);
    const first = order.find((n) => n <= this.promised && !open.has(n)) ?? this.promised + 1;
    for (let n = first; n <= this.promised; n++) assert.ok(numbers.has(n) || open.has(n), `frame ${n} was promised`);
    const whole = this.dropped + stats.dropped === 0 ? range(1, this.promised) : [];
    for (const n of whole) assert.ok(numbers.has(n) || open.has(n), `frame ${n} was promised, and nothing was let go`);
  }
}

function segmentOctets(files: MemoryFiles): number {
  return [...files.live].reduce((sum, [name, { octets }]) => sum + (name.endsWith(".seg") ? octets.length : 0), 0);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}

function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
}

const model = suite("telemetry/model");

model(`${RUNS} lives of a spool: what was promised is there, in order, whatever happened`, async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (life) => {
      const run = new Run();
      await run.open();
      for (const step of life) {
        await run.step(step);
        await run.check();
      }
      seen.dropped += run.dropped + run.spool.stats().dropped;
      seen.promised += run.promised;
      run.files.fails = null;
      run.files.room = Number.POSITIVE_INFINITY;
      run.append();
      run.now += 60_001;
      await run.spool.flush(run.now);
      assert.ok(await run.spool.flush(run.now), "once the disk is well the spool goes on");
      assert.ok(run.files.octets <= 128 * 1024 + SLACK);
    }),
    { numRuns: RUNS },
  );
  console.log(
    Object.entries(seen)
      .map(([what, n]) => `${n} ${what}`)
      .join(", "),
  );
  for (const [what, n] of Object.entries(seen)) assert.ok(n > 0, `${what} was never reached`);
});

model.run();
