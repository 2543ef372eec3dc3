/**
 * Runs every test file in a process of its own, two at a time. Gives each file and the whole run a deadline, names the test that hangs,
 * fails a file that runs no test or leaves something open, prints durations, and ends with `N passed, N failed`.
 *
 *     node test/run.ts [part of a path ...]
 */
import { type ChildProcess, fork } from "node:child_process";
import { globSync } from "node:fs";
import path from "node:path";
import type { Tidings } from "./support/uvu.ts";

const FILE_MS = Number(process.env.PENSTOCK_FILE_MS ?? 300_000);
const RUN_MS = Number(process.env.PENSTOCK_RUN_MS ?? 3_600_000);
/** After the last test of a file its process may live this long before what keeps it open is a failure. */
const LINGER_MS = Number(process.env.PENSTOCK_LINGER_MS ?? 5_000);
const AT_ONCE = 2;
const root = path.resolve(import.meta.dirname, "..");
const only = process.argv.slice(2);
const pattern = process.env.PENSTOCK_TESTS ?? "test/**/*.test.ts";
const files = globSync(pattern, { cwd: root })
  .filter((file) => only.length === 0 || only.some((part) => file.includes(part)))
  .sort();

interface Verdict {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
  readonly slow: readonly { readonly title: string; readonly ms: number }[];
}

const living = new Set<ChildProcess>();
const verdicts: Verdict[] = [];
const deadline = setTimeout(() => {
  console.log(`FAIL: the whole run took longer than ${RUN_MS} ms`);
  for (const child of living) child.kill("SIGKILL");
  process.exit(1);
}, RUN_MS);

const queue = [...files];
await Promise.all(Array.from({ length: AT_ONCE }, worker));
clearTimeout(deadline);

const slowest = verdicts.flatMap((v) => v.slow).sort((a, b) => b.ms - a.ms);
console.log("\nslowest tests:");
for (const { title, ms } of slowest.slice(0, 10)) console.log(`${(ms / 1000).toFixed(2).padStart(8)} s  ${title}`);
const skipped = verdicts.flatMap((v) => v.skipped);
for (const title of skipped) console.log(`skipped: ${title}`);
const passed = verdicts.reduce((sum, v) => sum + v.passed, 0);
const failed = verdicts.reduce((sum, v) => sum + v.failed, 0) + (files.length === 0 ? 1 : 0);
if (files.length === 0) console.log("FAIL: no test file found");
console.log(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`);
process.exitCode = failed > 0 ? 1 : 0;

async function worker(): Promise<void> {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) verdicts.push(await runFile(file));
}

function runFile(file: string): Promise<Verdict> {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = fork(path.join(root, file), [], {
      cwd: root,
      execArgv: ["--disable-warning=ExperimentalWarning", "--import", path.join(root, "test/support/preload.ts")],
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    living.add(child);
    const output: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => output.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => output.push(chunk));
    let passed = 0;
    let failed = 0;
    /** Tests that have not run. */
    let left = 0;
    let running: string | null = null;
    /** The one that runs lacks something, and has done nothing, or not all of it. */
    let isSkipped = false;
    let why = "";
    let linger: NodeJS.Timeout | undefined;
    const skipped: string[] = [];
    const slow: { title: string; ms: number }[] = [];
    const kill = (reason: string): void => {
      why ||= reason;
      child.kill("SIGKILL");
    };
    const overtime = setTimeout(() => kill(`no end after ${FILE_MS} ms${running === null ? "" : ` in ${running}`}`), FILE_MS);
    child.on("message", (message) => {
      const tidings = message as Tidings;
      clearTimeout(linger);
      switch (tidings.is) {
        case "start":
          running = tidings.title;
          return;
        case "test":
          left += 1;
          return;
        case "hook failed":
          failed += 1;
          return;
        case "skip":
          // Told by a test, of something it needs: then it is what is skipped.
          skipped.push(running === null ? tidings.title : `${running}: ${tidings.title} is missing`);
          isSkipped = running !== null;
          return;
        case "open":
          kill(`after its last test the file left open: ${tidings.resources.join(", ")}`);
          return;
        case "end":
          running = null;
          left -= 1;
          if (!tidings.passed) failed += 1;
          else if (!isSkipped) passed += 1;
          isSkipped = false;
          slow.push({ title: tidings.title, ms: tidings.ms });
          linger = setTimeout(() => {
            if (child.connected) child.send("what is open?");
            linger = setTimeout(() => kill("the file does not end and does not answer"), LINGER_MS);
          }, LINGER_MS);
      }
    });
    child.on("close", (code, signal) => {
      clearTimeout(overtime);
      clearTimeout(linger);
      living.delete(child);
      if (why === "" && signal !== null) why = `ended by ${signal}`;
      if (why === "" && passed + failed === 0 && skipped.length === 0) why = "ran no test";
      if (why === "" && left > 0) why = `${left} of its tests did not run`;
      if (why === "" && code !== 0 && failed === 0) why = `exit ${code}${running === null ? " outside a test" : ` during ${running}`}`;
      if (why !== "") failed += 1;
      const seconds = ((performance.now() - started) / 1000).toFixed(2);
      console.log(`${failed === 0 ? "ok  " : "FAIL"} ${file}  ${passed} passed${failed > 0 ? `, ${failed} failed` : ""}  ${seconds} s`);
      if (failed > 0) process.stdout.write(Buffer.concat(output));
      if (why !== "") console.log(`     ${file}: ${why}`);
      resolve({ file, passed, failed, skipped, slow });
    });
  });
}
