/** Events and checkpoints on the far side's disk: durable before they count as here, by day, and not for ever. */
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { TextFiles } from "#receiver/textFiles";
import { MemoryFiles } from "#test/telemetry/memoryFiles";

const texts = suite("receiver/textFiles");
const DIR = "/state";
const DAY = 86_400_000;
const T0 = Date.parse("2026-11-27T12:00:00Z");
const textOf = (files: MemoryFiles, name: string): string => files.live.get(path.join(DIR, name))?.octets.toString() ?? "";

texts("a line each, in the file of its kind and day; what is no JSON stays as it came", async () => {
  const files = new MemoryFiles();
  const kept = new TextFiles(DIR, files);
  kept.add("events", 7, '{"is":"decision"}', false, T0);
  kept.add("events", 7, "no JSON", true, T0);
  kept.add("checkpoints", 8, "{}", false, T0 + DAY);
  assert.is(textOf(files, "events-2026-11-27.jsonl"), "", "not before it is flushed");
  assert.is(await kept.flush(T0), null);
  assert.is(
    textOf(files, "events-2026-11-27.jsonl"),
    '{"stream":7,"historical":false,"record":{"is":"decision"}}\n{"stream":7,"historical":true,"record":"no JSON"}\n',
  );
  assert.is(textOf(files, "checkpoints-2026-11-28.jsonl"), '{"stream":8,"historical":false,"record":{}}\n');
});

texts("what is flushed outlasts a power loss; a disk that fails says so, and nothing is forgotten", async () => {
  const files = new MemoryFiles();
  const kept = new TextFiles(DIR, files);
  kept.add("events", 7, "{}", false, T0);
  assert.is(await kept.flush(T0), null);
  kept.add("events", 7, "[]", false, T0);
  files.fails = "sync";
  assert.match((await kept.flush(T0)) ?? "", /events cannot be written \(EIO\)/);
  assert.is(await kept.flush(T0), null);
  const after = files.crash(() => 0);
  assert.ok(textOf(after, "events-2026-11-27.jsonl").includes('"record":[]'));
});

texts("files of more than ninety days ago go, others stay", async () => {
  const files = new MemoryFiles();
  const kept = new TextFiles(DIR, files);
  for (const back of [0, 89, 91, 200]) {
    kept.add("events", 7, "{}", false, T0 - back * DAY);
    await kept.flush(T0 - 200 * DAY);
  }
  assert.is(await kept.flush(T0), null);
  const names = [...files.live.keys()].map((file) => path.basename(file)).sort();
  assert.equal(names, ["events-2026-08-30.jsonl", "events-2026-11-27.jsonl"]);
});

texts.run();
