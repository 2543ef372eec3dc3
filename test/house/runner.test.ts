/** The runner itself: a test that hangs is named, a file without tests fails, nothing is left open unseen, nothing is skipped in CI. */
import { execFile } from "node:child_process";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const root = path.resolve(import.meta.dirname, "../..");
const runner = suite("house/runner");

function run(fixture: string, env: Record<string, string> = {}): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    const { PENSTOCK_REQUIRE_ALL: _all, ...inherited } = process.env;
    execFile(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", path.join(root, "test/run.ts")],
      { cwd: root, env: { ...inherited, PENSTOCK_TESTS: `test/house/fixtures/${fixture}.ts`, ...env } },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : (error.code as number), said: stdout + stderr }),
    );
  });
}

runner("a test that hangs fails by its name, and the tests before it count", async () => {
  const { code, said } = await run("hangs", { PENSTOCK_TEST_MS: "400", PENSTOCK_LINGER_MS: "300", PENSTOCK_FILE_MS: "20000" });
  assert.is(code, 1);
  assert.match(said, /hangs for ever/);
  assert.match(said, /no end after 400 ms/);
});

runner("a test that never gives the loop back is ended and named by the file's deadline", async () => {
  const { code, said } = await run("spins", { PENSTOCK_FILE_MS: "1500" });
  assert.is(code, 1);
  assert.match(said, /no end after 1500 ms in fixture "spins for ever"/);
});

runner("the whole run has a deadline", async () => {
  const { code, said } = await run("spins", { PENSTOCK_RUN_MS: "1500" });
  assert.is(code, 1);
  assert.match(said, /whole run took longer than 1500 ms/);
});

runner("a file that runs no test fails", async () => {
  const { code, said } = await run("empty");
  assert.is(code, 1);
  assert.match(said, /ran no test/);
});

runner("no file at all fails", async () => {
  const { code, said } = await run("no such file");
  assert.is(code, 1);
  assert.match(said, /no test file found/);
});

runner("counts, durations and the plain last line", async () => {
  const { code, said } = await run("fails");
  assert.is(code, 1);
  assert.match(said, /slowest tests:\n\s+\d+\.\d\d s {2}fixture/);
  assert.match(said, /\n1 passed, 1 failed\n$/);
});

runner("a file that leaves something open fails and says what", async () => {
  const { code, said } = await run("leaves", { PENSTOCK_LINGER_MS: "300" });
  assert.is(code, 1);
  assert.match(said, /left open: .*TCPServerWrap/);
});

runner("a hook that fails hides neither the test before it nor those after it", async () => {
  const { code, said } = await run("hooks");
  assert.is(code, 1);
  assert.match(said, /as it should/);
  assert.match(said, /nothing cleaned up/);
  assert.match(said, /\n1 passed, 3 failed\n$/);
});

runner("a suite whose ground fails and one that nobody runs are failures", async () => {
  const { code, said } = await run("unrun");
  assert.is(code, 1);
  assert.match(said, /no ground to stand on/);
  assert.match(said, /2 of its tests did not run/);
});

runner("what is missing is skipped by name, and fails where everything is required", async () => {
  const skipped = await run("needs");
  assert.is(skipped.code, 0);
  assert.match(skipped.said, /skipped: fixture "needs a unicorn": a unicorn is missing/);
  assert.match(skipped.said, /\n0 passed, 0 failed, 1 skipped\n$/);
  const required = await run("needs", { PENSTOCK_REQUIRE_ALL: "1" });
  assert.is(required.code, 1);
  assert.match(required.said, /a unicorn is missing and PENSTOCK_REQUIRE_ALL=1/);
});

runner.run();
