/** By a clock that is not believed nothing is old enough to be pruned (RULINGS 19). */
import { existsSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DAY, eventually, newKey, open, scratch, segmentFiles, settled, TestEntry, testClock } from "./logs.ts";

const pruning = suite("audit/suspectClock");

pruning("RULINGS 19: pruning stops while the clock is suspect, and goes on afterwards", async () => {
  const directory = path.join(scratch(), "log");
  const clock = testClock();
  let believed = false;
  const log = await open(directory, newKey(), { clock, segmentOctets: 1_000, retainMs: DAY, mayPrune: () => believed });
  for (let i = 0; i < 20; i++) {
    log.append(new TestEntry({ i }));
    await settled(log);
  }
  const [first = ""] = segmentFiles(directory);
  clock.ahead += 2 * DAY;
  for (let i = 0; i < 3; i++) {
    clock.ahead += 60_001;
    log.tick();
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  assert.ok(existsSync(first));
  believed = true;
  clock.ahead += 60_001;
  log.tick();
  assert.ok(await eventually(() => !existsSync(first)));
  await log.close();
});

pruning.run();
