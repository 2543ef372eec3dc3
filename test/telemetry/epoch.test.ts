/** Starts are told apart and ordered, whatever became of the file and of the clock. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UserProblems } from "#documents/problems";
import { nextEpoch } from "#telemetry/epoch";

const epoch = suite<{ folder: string }>("telemetry/epoch");
epoch.before.each((context) => {
  context.folder = mkdtempSync(path.join(os.tmpdir(), "penstock-epoch-"));
});
epoch.after.each(({ folder }) => rmSync(folder, { recursive: true }));

const T0 = 1_800_000_000_000;

epoch("each start has a higher one: in one second, with the clock set back, after years of rest", ({ folder }) => {
  const state = path.join(folder, "a", "b");
  assert.is(nextEpoch(state, T0), 1_800_000_000);
  assert.is(nextEpoch(state, T0), 1_800_000_001);
  assert.is(nextEpoch(state, 0), 1_800_000_002);
  assert.is(nextEpoch(state, -5), 1_800_000_003);
  assert.is(nextEpoch(state, T0 + 1_000_000_000_000), 2_800_000_000);
  assert.is(readFileSync(path.join(state, "epoch"), "latin1"), "2800000000\n");
});

epoch("a file that is lost: the clock has counted further", ({ folder }) => {
  const first = nextEpoch(folder, T0);
  rmSync(path.join(folder, "epoch"));
  assert.ok(nextEpoch(folder, T0 + 1_000) > first);
});

for (const damaged of ["", "\n", "12x", "-5", "1e9", "99999999999", "4294967295", "9999999999", "\0\0\0\0", "0x10"])
  epoch(`a damaged file (${JSON.stringify(damaged)}) is as none, and starts go on being told apart`, ({ folder }) => {
    writeFileSync(path.join(folder, "epoch"), damaged);
    const first = nextEpoch(folder, T0);
    assert.is(first, 1_800_000_000);
    assert.ok(nextEpoch(folder, T0) > first);
  });

epoch("what a crash left half written is not looked at", ({ folder }) => {
  const first = nextEpoch(folder, T0);
  writeFileSync(path.join(folder, "epoch.new"), "9");
  assert.is(nextEpoch(folder, T0), first + 1);
});

epoch("a disk that is full, a folder that is none: no start, and it is said where and why", ({ folder }) => {
  const full = path.join(folder, "full");
  const first = nextEpoch(full, T0);
  symlinkSync("/dev/full", path.join(full, "epoch.new"));
  assert.throws(
    () => nextEpoch(full, T0),
    (error: unknown) =>
      error instanceof UserProblems && error.lines[0]?.startsWith(`${full}:1:1: found a folder that cannot be written (ENOSPC)`),
  );
  rmSync(path.join(full, "epoch.new"));
  assert.is(nextEpoch(full, T0), first + 1, "and the one before stands");
  writeFileSync(path.join(folder, "file"), "");
  assert.throws(
    () => nextEpoch(path.join(folder, "file"), T0),
    (error: unknown) => error instanceof UserProblems,
  );
  mkdirSync(path.join(folder, "dir", "epoch"), { recursive: true });
  assert.throws(
    () => nextEpoch(path.join(folder, "dir"), T0),
    (error: unknown) => error instanceof UserProblems,
  );
});

epoch.run();
