/**
 * Power losses: a run of pushes, deliveries, failures and restarts on a recorded disk is cut at every call, and a new queue is opened on what
 * the disk may hold then. What was promised and not delivered comes; nothing is out of order; what comes twice has the same id and content.
 */
import path from "node:path";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Sample } from "#receiver/model";
import { Disk, type Event, putDown } from "#test/audit/disk";
import { SystemError } from "#test/audit/injected";
import { eventually, InjectedDisk, openQueue, sampleOf, scratch, TestSink } from "./stage.ts";

const crash = suite("receiver/queueCrash");
const root = scratch();
let made = 0;

/** What happened besides the calls, by how many events there had been. */
interface Told {
  readonly at: number;
  readonly kept: readonly number[];
  readonly delivered: readonly number[];
}

crash("cut at any call, on any disk the calls allow: nothing promised is lost, nothing out of order", async () => {
  const { events, told, directory } = await story();
  assert.ok(events.length > 150, `${events.length} events`);
  let tried = 0;
  const seen = new Set<string>();
  const disk = new Disk(new Map([[path.dirname(directory), null]]));
  for (let at = 0; at < events.length; at++) {
    disk.see(events[at] as Event);
    if (at % 3 !== 0) continue;
    for (const image of [...disk.poorest(), ...disk.images((octets) => [1, octets.length >> 1, octets.length - 1])]) {
      const kept = told.filter((each) => each.at <= at + 1).flatMap((each) => each.kept);
      const key = `${image.digest} ${kept.length}`;
      if (seen.has(key)) continue;
      seen.add(key);
      // All of them would take minutes.
      if (tried > 80 && seen.size % 13 !== 0) continue;
      tried += 1;
      const to = path.join(root, `image-${tried}`);
      putDown(image.files, path.dirname(directory), to);
      const before = told.filter((each) => each.at <= at).flatMap((each) => each.delivered);
      await holds(path.join(to, path.basename(directory)), kept, before, `event ${at}, ${image.words}`);
    }
  }
  console.log(`${tried} disks of ${seen.size}, after ${events.length} events`);
  assert.ok(tried > 150, `${tried} disks`);
});

crash("a model: pushes, answers, failures of the disk and restarts in any order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          { weight: 6, arbitrary: fc.record({ is: fc.constant("push" as const), count: fc.integer({ min: 1, max: 40 }) }) },
          { weight: 2, arbitrary: fc.record({ is: fc.constant("takes" as const), takes: fc.boolean() }) },
          {
            weight: 2,
            arbitrary: fc.record({
              is: fc.constant("fails" as const),
              op: fc.constantFrom(
                "write" as const,
                "sync" as const,
                "create" as const,
                "rename" as const,
                "unlink" as const,
                "syncDirectory" as const,
              ),
              times: fc.integer({ min: 1, max: 3 }),
              partial: fc.integer({ min: 0, max: 80 }),
            }),
          },
          { weight: 1, arbitrary: fc.record({ is: fc.constant("reopen" as const) }) },
          { weight: 1, arbitrary: fc.record({ is: fc.constant("wait" as const) }) },
        ),
        { minLength: 5, maxLength: 40 },
      ),
      async (steps) => {
        const directory = path.join(root, `model-${++made}`, "queue");
        const disk = new InjectedDisk();
        disk.sync = false;
        let takes = true;
        const sink = new TestSink();
        sink.takes = () => takes;
        const open = () => openQueue(directory, sink, { disk, batch: 16, segmentOctets: 4096 });
        let queue = await open();
        const kept: number[] = [];
        let next = 0;
        for (const step of steps) {
          if (step.is === "push") {
            const numbers = Array.from({ length: step.count }, (_, i) => next + i);
            // What was refused is pushed again, before anything else, as whoever pushes does.
            if (await queue.push(numbers.map((n) => sampleOf(n)))) {
              kept.push(...numbers);
              next += step.count;
            }
          } else if (step.is === "takes") takes = step.takes;
          else if (step.is === "wait") await new Promise((resolve) => setTimeout(resolve, 3));
          else if (step.is === "reopen") {
            await queue.close();
            queue = await open();
          } else {
            let left = step.times;
            disk.partial = step.partial;
            disk.before = (call) => {
              if (call.op === step.op && left > 0) {
                left -= 1;
                throw new SystemError("EIO");
              }
            };
          }
        }
        takes = true;
        disk.before = () => {};
        await eventually("the end", () => queue.status.waiting === 0);
        await queue.close();
        check(sink.taken, kept, [], steps.map((step) => step.is).join());
      },
    ),
    { numRuns: 60 },
  );
});

/** A run with everything in it, recorded. */
async function story(): Promise<{ readonly events: readonly Event[]; readonly told: readonly Told[]; readonly directory: string }> {
  const directory = path.join(root, "story", "queue");
  const disk = new InjectedDisk();
  disk.sync = false;
  const told: Told[] = [];
  const sink = new TestSink();
  let takes = true;
  const deliver = async (samples: readonly Sample[]): Promise<boolean> => {
    const isTaken = takes && (await sink.deliver(samples));
    if (isTaken) told.push({ at: disk.events.length, kept: [], delivered: samples.map(numberOf) });
    return isTaken;
  };
  let next = 0;
  for (let run = 0; run < 3; run++) {
    const queue = await openQueue(directory, { name: "test", deliver }, { disk, batch: 16, segmentOctets: 4096 });
    for (let i = 0; i < 14; i++) {
      takes = i % 5 !== 1;
      let isBroken = i === 6;
      disk.partial = 50;
      disk.before = (call) => {
        if (!isBroken || call.op !== (run === 1 ? "sync" : "write") || !call.file.endsWith(".samples1")) return;
        isBroken = false;
        throw new SystemError("EIO");
      };
      const numbers = Array.from({ length: 7 + i }, (_, n) => next + n);
      if (await queue.push(numbers.map((n) => sampleOf(n)))) {
        told.push({ at: disk.events.length, kept: numbers, delivered: [] });
        next += numbers.length;
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    takes = true;
    disk.before = () => {};
    await queue.close();
  }
  return { events: disk.events, told, directory };
}

async function holds(directory: string, kept: readonly number[], delivered: readonly number[], words: string): Promise<void> {
  const sink = new TestSink();
  const queue = await openQueue(directory, sink, { batch: 16, segmentOctets: 4096 });
  assert.is(queue.status.trouble, null, words);
  await eventually("the end", () => queue.status.waiting === 0);
  assert.is(await queue.push([sampleOf(1_000_000)]), true, words);
  await eventually("the new one", () => sink.taken.at(-1)?.id === "run.1000000");
  await queue.close();
  check(sink.taken.slice(0, -1), kept, delivered, words);
}

/** @param before delivered by earlier runs */
function check(taken: readonly Sample[], kept: readonly number[], before: readonly number[], words: string): void {
  const had = new Set(before);
  let highest = -1;
  let last = -1;
  for (const sample of taken) {
    const n = numberOf(sample);
    assert.equal({ ...sample, historical: false }, sampleOf(n), words);
    // Going back is going again: everything before was there already.
    if (n <= last) assert.ok(n <= highest, words);
    else if (n > highest + 1)
      for (let gap = highest + 1; gap < n; gap++) assert.ok(had.has(gap) || !kept.includes(gap), `${gap} overtaken, ${words}`);
    highest = Math.max(highest, n);
    last = n;
    had.add(n);
  }
  const lost = kept.filter((n) => !had.has(n));
  assert.equal(lost, [], words);
}

function numberOf({ id }: Sample): number {
  return Number(id.slice(4));
}

crash.run();
