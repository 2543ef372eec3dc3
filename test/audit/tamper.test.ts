/** Every way to touch a log is found and called by its name. */
import { mkdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Report, verify } from "#audit/verify";
import { copyLog, linesOf, makeLog, newKey, open, scratch, segmentFiles, settled, TestEntry, testClock } from "./logs.ts";

const tamper = suite("audit/tamper");
const root = scratch();
const key = newKey();
const whole = path.join(root, "whole");
const work = path.join(root, "work");
await makeLog(whole, key, 60, 3000);
const small = path.join(root, "small");
await makeLog(small, key, 3, 600);

const fresh = (): string[] => {
  copyLog(whole, work);
  return segmentFiles(work);
};
const kinds = (report: Report): string[] => [...new Set(report.findings.map(({ what }) => what))];
const rewrite = (file: string, change: (lines: string[]) => string[]): void => writeFileSync(file, `${change(linesOf(file)).join("\n")}\n`);

tamper("an untouched log verifies, and says what it cannot know", async () => {
  const report = await verify(whole, key.publicPem);
  assert.equal(report.findings, []);
  assert.ok(report.ok);
  assert.ok(report.segments >= 4, `${report.segments} segments`);
  assert.is(report.unanchored.records, 0);
  assert.is(report.records, report.lastSeq);
  assert.is(report.notChecked.length, 1);
  assert.match(report.notChecked[0] ?? "", /^rollback/);
});

tamper("a deleted line, each in turn", async () => {
  const files = segmentFiles(whole);
  for (const [s, file] of files.entries()) {
    for (let i = 1; i < linesOf(file).length; i++) {
      const here = fresh()[s] as string;
      rewrite(here, (lines) => lines.toSpliced(i, 1));
      const report = await verify(work, key.publicPem);
      const atEnd = i === linesOf(file).length - 1;
      assert.equal(kinds(report), [atEnd ? "truncation" : "deletion"], `segment ${s + 1} line ${i + 1}`);
      assert.is(report.findings[0]?.seq, (JSON.parse(linesOf(file)[i] as string) as { seq: number }).seq);
    }
  }
});

tamper("a deleted range, a deleted header", async () => {
  const [, second] = fresh();
  rewrite(second as string, (lines) => lines.toSpliced(2, 3));
  let report = await verify(work, key.publicPem);
  assert.equal(kinds(report), ["deletion"]);
  assert.match(report.findings[0]?.words ?? "", /^records \d+ to \d+ are missing$/);
  fresh();
  rewrite(second as string, (lines) => lines.slice(1));
  report = await verify(work, key.publicPem);
  assert.equal(kinds(report), ["deletion"]);
  assert.match(report.findings[0]?.words ?? "", /header is missing/);
});

tamper("a deleted segment: the first, one amid, the last, all", async () => {
  const count = segmentFiles(whole).length;
  for (let s = 0; s < count; s++) {
    rmSync(fresh()[s] as string);
    const report = await verify(work, key.publicPem);
    assert.equal(kinds(report), [s === count - 1 ? "truncation" : "deletion"], `segment ${s + 1}`);
  }
  for (const file of fresh()) rmSync(file);
  assert.equal(kinds(await verify(work, key.publicPem)), ["truncation"]);
});

tamper("every single octet of a small log flipped is caught", async () => {
  const files = segmentFiles(small).length;
  assert.ok(files >= 2);
  copyLog(small, work);
  const touched = [...segmentFiles(work), path.join(work, "checkpoint.json")];
  for (const file of touched) {
    const octets = readFileSync(file);
    for (let i = 0; i < octets.length; i++) {
      const was = octets[i] as number;
      octets[i] = was ^ (1 << (i % 8));
      writeFileSync(file, octets);
      const report = await verify(work, key.publicPem);
      assert.not(report.ok, `${path.basename(file)} octet ${i}`);
      octets[i] = was;
    }
    writeFileSync(file, octets);
  }
  assert.ok((await verify(work, key.publicPem)).ok);
});

tamper("one changed value is an edit, named by its line", async () => {
  const files = segmentFiles(whole);
  for (const [s, file] of files.entries()) {
    for (const [i, line] of linesOf(file).entries()) {
      if (!line.includes('"n":')) continue;
      const here = fresh()[s] as string;
      rewrite(here, (lines) => lines.with(i, line.replace("boiler-1", "boiler-2")));
      const report = await verify(work, key.publicPem);
      assert.equal(
        report.findings.map((f) => [f.what, f.file, f.line, f.seq]),
        [["edit", path.basename(here), i + 1, (JSON.parse(line) as { seq: number }).seq]],
      );
    }
  }
});

tamper("two lines swapped, neighbours and far apart", async () => {
  for (const [a, b] of [
    [2, 3],
    [2, 5],
    [1, 2],
  ] as const) {
    const [, second] = fresh();
    rewrite(second as string, (lines) => lines.with(a, lines[b] as string).with(b, lines[a] as string));
    const report = await verify(work, key.publicPem);
    assert.equal(kinds(report), ["reorder"], `${a} and ${b}`);
    assert.is(report.findings.length, 1);
  }
});

tamper("two segments swapped: the first two, amid, the last two", async () => {
  const count = segmentFiles(whole).length;
  for (const at of [0, 1, count - 2]) {
    const [a, b] = fresh().slice(at, at + 2) as [string, string];
    renameSync(a, `${a}.x`);
    renameSync(b, a);
    renameSync(`${a}.x`, b);
    assert.equal(kinds(await verify(work, key.publicPem)), ["reorder"], `segment ${at + 1}`);
  }
});

tamper("the last segment truncated at every octet", async () => {
  copyLog(small, work);
  const last = segmentFiles(work).at(-1) as string;
  const octets = readFileSync(last);
  for (let size = octets.length - 1; size >= 0; size--) {
    truncateSync(last, size);
    assert.equal(kinds(await verify(work, key.publicPem)), ["truncation"], `cut to ${size}`);
  }
});

tamper("a segment amid truncated at every octet", async () => {
  copyLog(small, work);
  const [second] = segmentFiles(work) as [string];
  const octets = readFileSync(second);
  for (let size = octets.length - 1; size >= 0; size--) {
    truncateSync(second, size);
    const found = kinds(await verify(work, key.publicPem));
    assert.ok(found.includes("truncation") || size < (octets.indexOf(10) as number) + 1, `cut to ${size}: ${found}`);
    assert.ok(found.length > 0);
  }
});

for (const [whose, other] of [
  ["the same key", key],
  ["another key", newKey()],
] as const) {
  tamper(`spliced from another log under ${whose}: a line in the place of one, lines between, a whole segment`, async () => {
    const theirs = path.join(root, `theirs ${whose}`);
    await makeLog(theirs, other, 60, 3000);
    const foreign = linesOf(segmentFiles(theirs)[1] as string);
    const own = linesOf(segmentFiles(whole)[1] as string);
    const twin = own.findIndex((line, i) => i > 2 && foreign.some((f) => f.slice(0, 10) === line.slice(0, 10)));
    const seq = (own[twin] as string).slice(0, 10);

    let [, second] = fresh() as [string, string];
    rewrite(second, (lines) => lines.with(twin, foreign.find((f) => f.slice(0, 10) === seq) as string));
    let report = await verify(work, key.publicPem);
    assert.equal(kinds(report), ["splice"], "one in its place");

    [, second] = fresh() as [string, string];
    rewrite(second, (lines) => lines.toSpliced(3, 0, ...foreign.slice(2, 4)));
    report = await verify(work, key.publicPem);
    assert.equal(kinds(report), ["splice"], "put between");
    assert.is(report.findings.length, 1);

    [, second] = fresh() as [string, string];
    copyFile(segmentFiles(theirs)[1] as string, second);
    report = await verify(work, key.publicPem);
    assert.equal(kinds(report), ["splice"], "a segment");
  });
}

tamper("a line copied within the log, and a segment copied over another", async () => {
  const [first, second] = fresh() as [string, string];
  rewrite(second, (lines) => lines.toSpliced(5, 0, lines[2] as string));
  assert.equal(kinds(await verify(work, key.publicPem)), ["splice"]);
  fresh();
  copyFile(first, second);
  assert.equal(kinds(await verify(work, key.publicPem)), ["splice"]);
});

tamper("octets added behind a sealed segment, and behind the log", async () => {
  const files = fresh();
  writeFileSync(files[1] as string, "x\n", { flag: "a" });
  assert.equal(kinds(await verify(work, key.publicPem)), ["splice"]);
  const last = fresh().at(-1) as string;
  writeFileSync(last, "x", { flag: "a" });
  assert.equal(kinds(await verify(work, key.publicPem)), ["edit"]);
});

tamper("a chain made anew behind an edit, hashes and all, lacks the signature", async () => {
  const { hashLine } = await import("#audit/format");
  const file = fresh().at(-1) as string;
  rewrite(file, (lines) => {
    let prev = "";
    return lines.map((line, i) => {
      let forged = i === 0 ? line : line.replace(/"prev":"[0-9a-f]{64}"/, `"prev":"${prev}"`);
      if (i === 2) forged = forged.replace("boiler-1", "boiler-2");
      prev = hashLine(forged);
      return forged;
    });
  });
  const report = await verify(work, key.publicPem);
  assert.equal(kinds(report), ["edit"]);
  assert.match(report.findings[0]?.words ?? "", /signature does not fit/);
});

tamper("another public key proves nothing", async () => {
  fresh();
  assert.not((await verify(work, newKey().publicPem)).ok);
});

tamper("RULINGS 31: rolled back to an older copy: found only against a checkpoint kept elsewhere", async () => {
  const live = path.join(root, "live");
  const older = path.join(root, "older");
  await makeLog(live, key, 10);
  copyLog(live, older);
  await makeLog(live, key, 10);
  const expect = readFileSync(path.join(live, "checkpoint.json"), "utf8");
  assert.ok((await verify(live, key.publicPem, { expect })).ok);
  assert.equal((await verify(live, key.publicPem, { expect })).notChecked, []);

  const without = await verify(older, key.publicPem);
  assert.ok(without.ok);
  assert.match(without.notChecked[0] ?? "", /^rollback/);
  assert.equal(kinds(await verify(older, key.publicPem, { expect })), ["rollback"]);

  // Written on after the roll back, past the number that was kept: the numbers are there, the lines are others.
  await makeLog(older, key, 30);
  assert.ok((await verify(older, key.publicPem)).ok);
  assert.equal(kinds(await verify(older, key.publicPem, { expect })), ["rollback"]);

  // A log begun anew.
  const anew = path.join(root, "anew");
  await makeLog(anew, key, 30);
  assert.equal(kinds(await verify(anew, key.publicPem, { expect })), ["rollback"]);
});

tamper("RULINGS 31: segments rolled back under the newer checkpoint file are a truncation", async () => {
  const live = path.join(root, "live2");
  await makeLog(live, key, 10);
  copyLog(live, work);
  await makeLog(live, key, 10);
  copyFile(path.join(live, "checkpoint.json"), path.join(work, "checkpoint.json"));
  assert.equal(kinds(await verify(work, key.publicPem)), ["truncation"]);
});

tamper("the checkpoint beside the log removed", async () => {
  fresh();
  rmSync(path.join(work, "checkpoint.json"));
  assert.equal(kinds(await verify(work, key.publicPem)), ["deletion"]);
});

tamper("RULINGS 31: the unanchored tail is told in records and seconds", async () => {
  const directory = path.join(root, "tail");
  const clock = testClock();
  const log = await open(directory, key, { clock });
  const signed = await verify(directory, key.publicPem);
  assert.equal(signed.unanchored, { records: 0, seconds: 0 });
  clock.ahead += 4_000;
  const late = (): TestEntry => Object.assign(new TestEntry({}), { wallMs: clock.wall() });
  log.append(late());
  log.append(late());
  await settled(log);
  const { ok, unanchored } = await verify(directory, key.publicPem);
  assert.ok(ok);
  assert.is(unanchored.records, 2);
  assert.ok(unanchored.seconds >= 4 && unanchored.seconds < 9, `${unanchored.seconds} s`);
  await log.close();
  assert.is((await verify(directory, key.publicPem)).unanchored.records, 0);
});

tamper("a kept checkpoint that was altered or is none is a mistake of the caller", async () => {
  const expect = readFileSync(path.join(whole, "checkpoint.json"), "utf8").replace(/"seq":(\d+)/, '"seq":1');
  for (const bad of [expect, "", "{}"]) {
    try {
      await verify(whole, key.publicPem, { expect: bad });
      assert.unreachable();
    } catch (error) {
      assert.match(String(error), /AuditProblem: the kept checkpoint/);
    }
  }
});

tamper("300 random tamperings, one to three at once: none passes", async () => {
  let state = 20261124;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const seen = new Set<string>();
  for (let round = 0; round < 300; round++) {
    const files = fresh();
    const before = files.map((file) => readFileSync(file, "latin1")).join("|");
    const done: string[] = [];
    for (let n = 1 + random(3); n > 0; n--) {
      const file = files[random(files.length)] as string;
      const lines = linesOf(file);
      const [i, j] = [random(lines.length), random(lines.length)];
      const kind = random(5);
      done.push(`${["delete", "swap", "copy", "flip", "cut"][kind]} ${path.basename(file)} ${i + 1} ${j + 1}`);
      if (kind === 0) rewrite(file, () => lines.toSpliced(i, 1 + random(3)));
      else if (kind === 1) rewrite(file, () => lines.with(i, lines[j] ?? "").with(j, lines[i] ?? ""));
      else if (kind === 2) rewrite(file, () => lines.toSpliced(j, 0, lines[i] ?? ""));
      else {
        const octets = readFileSync(file);
        const at = random(octets.length);
        if (kind === 4) truncateSync(file, at);
        else if (at < octets.length) {
          octets[at] = (octets[at] as number) ^ (1 << random(8));
          writeFileSync(file, octets);
        }
      }
    }
    if (files.map((file) => readFileSync(file, "latin1")).join("|") === before) continue;
    const report = await verify(work, key.publicPem);
    assert.not(report.ok, done.join(", "));
    for (const what of kinds(report)) seen.add(what);
  }
  assert.equal([...seen].sort(), ["deletion", "edit", "reorder", "splice", "truncation"]);
});

tamper("rubbish under a segment's name, an endless line, a folder: found, not fallen over", async () => {
  for (const [what, octets] of [
    ["zeros", Buffer.alloc(100_000)],
    ["an endless line", Buffer.alloc(3_000_000, "x")],
    ["empty lines", Buffer.alloc(5_000, "\n")],
    ["nothing", Buffer.alloc(0)],
  ] as const) {
    const [, second] = fresh() as [string, string];
    writeFileSync(second, octets);
    assert.not((await verify(work, key.publicPem)).ok, what);
  }
  const [, second] = fresh() as [string, string];
  rmSync(second);
  mkdirSync(second);
  assert.equal(kinds(await verify(work, key.publicPem)), ["deletion"]);
});

tamper("a key that was changed: both public keys together prove the log, each alone does not", async () => {
  const directory = path.join(root, "two keys");
  const second = newKey();
  await makeLog(directory, key, 10);
  await makeLog(directory, second, 10);
  assert.ok((await verify(directory, key.publicPem + second.publicPem)).ok);
  assert.equal(kinds(await verify(directory, key.publicPem)), ["splice"]);
  assert.equal(kinds(await verify(directory, second.publicPem)), ["splice"]);
});

function copyFile(from: string, to: string): void {
  writeFileSync(to, readFileSync(from));
}

tamper.run();
