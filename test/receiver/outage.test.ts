/**
 * An hour in which the receiver is not there, on a clock of the test's own: a real sender, spool and carousel, and a real reception with its
 * ledger. What was missed comes again within the time that people are told, and nothing is lost.
 */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { NameBook } from "#receiver/names";
import { Reception } from "#receiver/reception";
import { SeenStore } from "#receiver/seenStore";
import { Sealer } from "#sealing/frames";
import { Carousel, healMs } from "#telemetry/carousel";
import { Sender } from "#telemetry/sender";
import { Spool } from "#telemetry/spool";
import { MemoryFiles } from "#test/telemetry/memoryFiles";
import { DIRECTORY, settle } from "#test/telemetry/spools";
import { millis, wallMillis } from "#wire";
import { KEY, recordOf, SALT, SETTINGS, sampleOf } from "./link.ts";

const outage = suite("receiver/outage");

const HOUR = 3_600_000;
const T0 = Date.parse("2026-11-27T00:00:00Z");
/** Five frames a second, of which every tenth second's carries a sample: live data takes 2 % of the rate, the carousel has 20 %. */
const STEP_MS = 200;
const SAMPLE_MS = 10_000;
const [LIVE, CAROUSEL] = [0.02, 0.2] as const;
const CODE = { sources: 8, repairs: 2, depth: 2, content: 256 } as const;

outage("an hour that the receiver is away is made good in the time that is told, with nothing lost", async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "penstock-outage-"));
  const store = await SeenStore.open({ directory: path.join(folder, "seen") }, wallMillis(T0));
  const had = new Set<number>();
  let late = 0;
  const outlet = {
    samples: (samples: readonly { readonly value: unknown; readonly historical: boolean }[]) => {
      for (const { value, historical } of samples) {
        assert.not(had.has(value as number), "nothing comes twice");
        had.add(value as number);
        if (historical) late += 1;
      }
    },
    text() {},
    births() {},
    raise() {},
  };
  const far = new Reception(
    [{ stream: 7, keys: [KEY], checkpointKey: null }],
    await NameBook.open(path.join(folder, "names")),
    store,
    outlet,
  );
  const spool = await Spool.open({ directory: DIRECTORY, files: new MemoryFiles() }, T0);
  const carousel = new Carousel(spool);
  let now = 0;
  let isAway = false;
  const sender = new Sender(
    { ...SETTINGS, ...CODE, carouselShare: CAROUSEL },
    new Sealer(KEY, 7, SALT),
    null,
    {
      send: (frame) => {
        if (!isAway) far.take(frame, millis(now), wallMillis(T0 + now));
      },
      keep: (frame, sequence, nowMs) => void spool.append(sequence, nowMs, frame),
      again: (nowMs) => carousel.next(nowMs),
    },
    0,
  );
  sender.take(
    recordOf((writer) => writer.birth(0, 1, "gate")),
    T0,
  );
  sender.take(
    recordOf((writer) => writer.point({ id: 1, asset: "a", point: "p", type: "int32", unit: "", description: "" })),
    T0,
  );
  let sent = 0;
  const run = async (untilMs: number): Promise<void> => {
    for (; now < untilMs; now += STEP_MS) {
      if (now % SAMPLE_MS === 0) sender.take(sampleOf(1, sent++, T0 + now), T0 + now);
      sender.step(T0 + now, now);
      if (now % 60_000 !== 0) continue;
      await spool.flush(T0 + now);
      await settle();
      await store.flush();
    }
  };
  await run(4 * HOUR);
  const before = sent;
  assert.is(had.size, before, "until now nothing is missing");
  isAway = true;
  await run(5 * HOUR);
  isAway = false;
  const missed = sent - had.size;
  assert.ok(missed >= 355, `${missed} were missed`);
  const told = healMs(HOUR, LIVE, CAROUSEL);
  assert.ok(told < 6 * HOUR, `${told}`);
  const ended = now;
  while (late < missed && now - ended < told) await run(now + 60_000);
  assert.is(
    late,
    missed,
    `all of it came late, ${Math.round((now - ended) / 60_000)} min after the outage; ${Math.round(told / 60_000)} min are told`,
  );
  await run(now + 3 * 60_000);
  const rows = store.ledger.rows(7).filter((row) => row.class === "samples" && row.state === "closed");
  assert.is(
    rows.reduce((sum, { lost }) => sum + (lost ?? 0), 0),
    0,
  );
  assert.ok(rows.every(({ sent: each, received, repaired, late: behind, lost }) => each === received + repaired + behind + (lost ?? -1)));
  await store.close();
  await spool.close(T0 + now);
  rmSync(folder, { recursive: true });
});

outage.run();
