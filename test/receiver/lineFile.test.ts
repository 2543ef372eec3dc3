/** Line protocol into a file: whole lines, rotated by size, reopened when somebody takes it away, whatever the disk does. */
import { appendFileSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LineFile, type LineFileOptions } from "#receiver/lineFile";
import { encodeLine } from "#receiver/lineProtocol";
import type { Sample } from "#receiver/model";
import { SetAside } from "#receiver/setAside";
import { SystemError } from "#test/audit/injected";
import { InjectedDisk, sampleOf, samplesFrom, scratch } from "./stage.ts";

const lineFile = suite("receiver/lineFile");
const root = scratch();
let made = 0;
const place = (): string => path.join(root, String(++made), "out.lp");
const linesOf = (samples: readonly Sample[]): string => samples.map((sample) => encodeLine(sample)).join("");
const open = (file: string, more: Partial<LineFileOptions> = {}): LineFile => new LineFile({ name: "file", file, ...more });

lineFile("what is delivered is in the file, synced, 0600", async () => {
  const file = place();
  const disk = new InjectedDisk();
  const sink = open(file, { disk });
  assert.is(await sink.deliver(samplesFrom(0, 10)), true);
  assert.is(disk.operations.at(-1)?.op, "sync");
  assert.is(await sink.deliver(samplesFrom(10, 10)), true);
  await sink.close();
  assert.is(readFileSync(file, "utf8"), linesOf(samplesFrom(0, 20)));
  assert.is(statSync(file).mode & 0o777, 0o600);
  assert.is(sink.status.taken, 20);
});

lineFile("rotated before it is too long; so many are kept; no line is split between two", async () => {
  const file = place();
  const sink = open(file, { maxOctets: 3_000, keep: 2 });
  for (let n = 0; n < 100; n += 5) assert.is(await sink.deliver(samplesFrom(n, 5)), true);
  await sink.close();
  assert.ok(existsSync(`${file}.2`));
  assert.not.ok(existsSync(`${file}.3`));
  const texts = [`${file}.2`, `${file}.1`, file].map((each) => readFileSync(each, "utf8"));
  for (const text of texts) assert.ok(text.length <= 3_000 && text.endsWith("\n"));
  assert.ok(linesOf(samplesFrom(0, 100)).endsWith(texts.join("")));
});

lineFile("renamed or removed by somebody: the next batch goes into a new one", async () => {
  const file = place();
  const sink = open(file);
  await sink.deliver(samplesFrom(0, 2));
  renameSync(file, `${file}.taken`);
  await sink.deliver(samplesFrom(2, 2));
  renameSync(file, `${file}.taken2`);
  writeFileSync(file, "", { mode: 0o600 });
  await sink.deliver(samplesFrom(4, 2));
  await sink.close();
  assert.is(readFileSync(`${file}.taken`, "utf8"), linesOf(samplesFrom(0, 2)));
  assert.is(readFileSync(`${file}.taken2`, "utf8"), linesOf(samplesFrom(2, 2)));
  assert.is(readFileSync(file, "utf8"), linesOf(samplesFrom(4, 2)));
});

lineFile("an unfinished last line of an earlier run is cut off, however long", async () => {
  for (const torn of ["penstock,asset=b", "x".repeat(200_000)]) {
    const file = place();
    const first = open(file);
    await first.deliver(samplesFrom(0, 2));
    await first.close();
    appendFileSync(file, torn);
    const sink = open(file);
    await sink.deliver(samplesFrom(2, 2));
    await sink.close();
    assert.is(readFileSync(file, "utf8"), linesOf(samplesFrom(0, 4)));
  }
});

for (const [op, code, partial] of [
  ["write", "ENOSPC", 61],
  ["sync", "EIO", 0],
  ["create", "EACCES", 0],
] as const) {
  lineFile(`${code} of a ${op}: no, and the same batch later is there once`, async () => {
    const file = place();
    const disk = new InjectedDisk();
    const sink = open(file, { disk });
    if (op !== "create") await sink.deliver(samplesFrom(0, 2));
    disk.partial = partial;
    disk.before = (call) => {
      if (call.op === op) throw new SystemError(code);
    };
    assert.is(await sink.deliver(samplesFrom(2, 2)), false);
    assert.is(sink.status.trouble, code);
    disk.before = () => {};
    assert.is(await sink.deliver(samplesFrom(2, 2)), true);
    assert.is(sink.status.trouble, null);
    await sink.close();
    assert.is(readFileSync(file, "utf8"), linesOf(samplesFrom(op === "create" ? 2 : 0, op === "create" ? 2 : 4)));
  });
}

lineFile("a sample whose time does not fit is set aside, with its reason, and never comes again", async () => {
  const file = place();
  const asideFile = `${file}.refused`;
  const aside = new SetAside(asideFile);
  const sink = open(file, { aside });
  assert.is(await sink.deliver([sampleOf(1), sampleOf(2, { timeMs: 1e300 }), sampleOf(3)]), true);
  assert.equal(sink.status, { taken: 2, setAside: 1, unkept: 0, refusal: "the time is beyond what line protocol holds", trouble: null });
  await sink.close();
  assert.match(readFileSync(asideFile, "utf8"), /^# \S+ 1 sample: the time is beyond.*\n[0-9a-f]{8} \[\["run\.2"/);
});

lineFile("what is set aside is bounded on the disk, counted beyond, and never fails", async () => {
  const aside = new SetAside(`${place()}.refused`, 500);
  for (let n = 0; n < 10; n++) await aside.put([sampleOf(n)], "no\nreason");
  assert.is(aside.count, 10);
  assert.ok(aside.unkept > 5 && aside.unkept < 10);
  assert.is(aside.reason, "no\\u{000a}reason");
  await aside.close();
  const none = new SetAside(null);
  await none.put([sampleOf(1)], "none");
  assert.is(none.unkept, 1);
});

lineFile.run();
