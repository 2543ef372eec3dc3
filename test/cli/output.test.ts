/** Standard output that nobody reads any more, and one that cannot be written: what a command's exit code says then. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { penstock } from "#test/support/daemon";

const output = suite<{ dir: string }>("cli/output");
output.before.each((context) => {
  context.dir = mkdtempSync(path.join(os.tmpdir(), "penstock-output-"));
});
output.after.each(({ dir }) => rmSync(dir, { recursive: true, force: true }));

const program = path.resolve(import.meta.dirname, "../../src/cli/main.ts");

function start(args: readonly string[], cwd: string, stdout: "pipe" | number): ChildProcess {
  return spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, ...args], { cwd, stdio: ["ignore", stdout, "pipe"] });
}

async function ended(child: ChildProcess): Promise<{ code: number | null; said: string }> {
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, said };
}

output("a reader that has left ends nothing: the exit code is the command's own", async ({ dir }) => {
  const env = { PENSTOCK_CA_PASSPHRASE: "a long enough passphrase" };
  assert.is((await penstock(["init", path.join(dir, "plant")], { env })).code, 0);
  const plant = path.join(dir, "plant");
  for (const [args, code] of [
    [["check"], 0],
    [["policy", "test"], 0],
    [["policy", "explain", "--as", "operator", "--seen", "feed_setpoint=20", "write", "feed_setpoint", "=", "41"], 1],
    [["policy", "explain", "--words"], 0],
    [["--help"], 0],
  ] as const) {
    const child = start(args, plant, "pipe");
    child.stdout?.destroy();
    assert.equal(await ended(child), { code, said: "" }, args.join(" "));
  }
});

output("a full disk behind standard output is told and is exit 3: nobody takes a part of it for the whole", async ({ dir }) => {
  const full = openSync("/dev/full", "w");
  try {
    const { code, said } = await ended(start(["policy", "explain", "--words"], dir, full));
    assert.is(code, 3);
    assert.is(said, "penstock: standard output cannot be written (ENOSPC)\n");
  } finally {
    closeSync(full);
  }
});

output.run();
