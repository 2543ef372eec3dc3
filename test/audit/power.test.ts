/** Power loss: every disk that the recorded writes and syncs may leave verifies, holds what was called durable, and can be written on. */
import { existsSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { verify } from "#audit/verify";
import { diskAfter, InjectedFiles, LOSSES } from "./injected.ts";
import { allLines, DAY, eventually, newKey, open, scratch, settled, TestEntry, testClock } from "./logs.ts";

const power = suite("audit/power");
const key = newKey();

power("RULINGS 30: every allowed prefix of writes and syncs verifies, keeps what was called durable, and goes on", async () => {
  const root = scratch();
  const directory = path.join(root, "log");
  const files = new InjectedFiles();
  const clock = testClock();
  const told: number[] = [];
  const tell = (durable: number): void => {
    told[files.operations.length] = durable;
  };
  const more = { files, clock, segmentOctets: 900, retainMs: DAY };
  let log = await open(directory, key, more);
  tell(log.durable);
  let kept = "";
  for (let i = 1; i <= 9; i++) {
    if (i === 3) kept = log.keep(Buffer.from("a policy"));
    log.append(new TestEntry({ n: i, document: i === 3 ? kept : null }));
    if (i % 3 === 0) {
      await settled(log);
      tell(log.durable);
    }
  }
  // Long enough that what is there is pruned.
  clock.ahead += 2 * DAY;
  log.tick();
  await eventually(() => !existsSync(path.join(directory, "audit-00000001.jsonl")));
  await log.close();
  log = await open(directory, key, more);
  log.append(new TestEntry({ n: 10 }));
  await log.close();
  tell(log.durable);
  assert.ok(
    files.operations.some(({ op, file }) => op === "unlink" && file.endsWith("audit-00000001.jsonl")),
    "a segment was pruned",
  );

  const image = path.join(root, "image");
  const quick = new InjectedFiles();
  quick.sync = false;
  let images = 0;
  for (let count = 0; count <= files.operations.length; count++) {
    const durable = Math.max(0, ...told.slice(0, count + 1).filter((n) => n !== undefined));
    let names = 0;
    let open_ = 0;
    do {
      for (const loss of names === 0 || open_ === names ? LOSSES : LOSSES.slice(0, 1)) {
        open_ = diskAfter(files.operations, count, loss, names, directory, image);
        images++;
        const where = `after operation ${count}, ${names} of ${open_} names, kept ${loss.kept}${loss.zeros ? " and zeros" : ""}`;
        await holds(image, durable, where, quick, count % 10 === 0 || loss.kept === 0.5);
      }
      names++;
    } while (names <= open_);
  }
  console.log(`${files.operations.length} operations, ${images} disks`);
  assert.ok(images > 500);
});

async function holds(image: string, durable: number, where: string, files: InjectedFiles, goOn: boolean): Promise<void> {
  const seen = (): Map<number, Record<string, unknown>> => new Map(complete(image).map((line) => [Number(line.seq), line]));
  const numbers = seen();
  if (durable > 0 || numbers.size > 0) {
    const report = await verify(image, key.publicPem);
    assert.equal(report.findings, [], where);
    const first = (report.prunedThrough ?? 0) + 1;
    for (let n = first; n <= durable; n++) assert.ok(numbers.has(n), `${where}: record ${n} of ${durable} is gone`);
  }
  if (!goOn) return;
  const log = await open(image, key, { files });
  assert.equal(log.troubles, [], where);
  assert.ok(log.durable >= durable, where);
  const number = log.append(new TestEntry({ n: "after" }));
  await log.close();
  const after = await verify(image, key.publicPem);
  assert.equal(after.findings, [], where);
  assert.is(seen().get(number)?.n, "after", where);
}

function complete(image: string): Record<string, unknown>[] {
  try {
    return allLines(image).filter((line) => line.seq !== undefined);
  } catch (error) {
    throw new Error(`${image}: a complete line is no JSON`, { cause: error });
  }
}

power.run();
