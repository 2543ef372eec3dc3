/** The invariant of the far side: what the journal has is in the queues, whenever it crashes, and whatever comes while a batch is on its way. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Sample, Sink } from "#receiver/model";
import { type Outgoing, Receiver } from "#receiver/receiver";
import { KEY, recordOf, sampleOf, senderOf } from "./link.ts";

const receiving = suite<{ folder: string }>("receiver/receiver");
receiving.before.each((context) => {
  context.folder = mkdtempSync(path.join(os.tmpdir(), "penstock-receiver-"));
});
receiving.after.each(({ folder }) => rmSync(folder, { recursive: true }));

/** A frame of each value. */
function framesOf(values: readonly number[]): Uint8Array[] {
  const frames: Uint8Array[] = [];
  const now = Date.now();
  const sender = senderOf({ sources: 4, repairs: 1, depth: 1 }, { send: (frame) => frames.push(frame.slice()) });
  sender.take(
    recordOf((writer) => writer.birth(0, 1, "gate")),
    now,
  );
  sender.take(
    recordOf((writer) => writer.point({ id: 1, asset: "a", point: "p", type: "int32", unit: "", description: "" })),
    now,
  );
  for (const value of values) {
    sender.take(sampleOf(1, value, now), now);
    sender.step(now);
  }
  return frames;
}

class Held {
  readonly samples: Sample[] = [];
  takes = true;
  /** Of a push that is under way. */
  go: () => void = () => {};
  waits = false;

  get outgoing(): Outgoing {
    const sink = { name: "held", births() {}, link() {}, close: async () => {} } as unknown as Sink;
    return { sink, queue: { push: (samples) => this.#push(samples), close: async () => {} } };
  }

  async #push(samples: readonly Sample[]): Promise<boolean> {
    if (this.waits)
      await new Promise<void>((resolve) => {
        this.go = resolve;
      });
    if (this.takes) this.samples.push(...samples);
    return this.takes;
  }

  get values(): unknown[] {
    return this.samples.map(({ value }) => value);
  }
}

function opening(state: string, held: Held): Promise<Receiver> {
  return Receiver.open({ state, streams: [{ stream: 7, keys: [KEY], checkpointKey: null }] }, [held.outgoing], () => {});
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));

receiving("what comes while a batch goes to the disk is not in the journal before its samples are in the queues", async ({ folder }) => {
  const [first, second] = framesOf([1, 2]) as [Uint8Array, Uint8Array];
  const held = new Held();
  const state = path.join(folder, "state");
  const receiver = await opening(state, held);
  receiver.take(first);
  held.waits = true;
  receiver.turn();
  receiver.take(second);
  held.go();
  await settled();
  assert.equal(held.values, [1]);
  const copy = path.join(folder, "copy");
  cpSync(state, copy, { recursive: true });
  held.waits = false;
  receiver.turn();
  await settled();
  assert.equal(held.values, [1, 2], "without a crash it goes on");
  await receiver.close();

  const after = new Held();
  const again = await opening(copy, after);
  again.take(first);
  again.take(second);
  again.turn();
  await settled();
  assert.equal(after.values, [2], "after one both are there, once each");
  await again.close();
});

receiving("a close while a queue takes nothing: it comes again, and is taken then", async ({ folder }) => {
  const frames = framesOf([1, 2, 3]);
  const held = new Held();
  held.takes = false;
  const receiver = await opening(folder, held);
  for (const frame of frames) receiver.take(frame);
  receiver.turn();
  await settled();
  assert.is(receiver.trouble, "a sink's queue cannot be written");
  receiver.take(frames[0] as Uint8Array);
  assert.is(receiver.turnedAway, 1);
  await receiver.close();
  const after = new Held();
  const again = await opening(folder, after);
  for (const frame of frames) again.take(frame);
  await again.close();
  assert.equal(after.values, [1, 2, 3]);
});

receiving.run();
