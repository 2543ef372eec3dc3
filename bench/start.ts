/**
 * What a start costs, from the process's first moment to `ready`: processor time over all its threads, and wall time.
 *
 *     node bench/start.ts [--program dist/penstock.mjs] [--rounds 5]
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { median } from "./machine.ts";
import { closing, hold } from "./musts.ts";
import { commandOf, firstLine, PROXY_CORE, Proxies, writeHome } from "./proxies.ts";

const { values: options } = parseArgs({
  options: {
    program: { type: "string", default: "src/cli/main.ts" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string" },
  },
});
const root = path.resolve(import.meta.dirname, "..");
const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-start-"));
const proxies = new Proxies(dir, options.program);
const cpu: number[] = [];
const wall: number[] = [];
try {
  for (let round = 0; round < Number(options.rounds); round++) {
    const home = path.join(dir, `start-${round}`);
    // Nobody has to listen where its device is: it is ready without.
    writeHome(home, 1, "shared");
    const started = performance.now();
    const child = proxies.pinned(PROXY_CORE, commandOf(path.resolve(root, options.program), "error"), home);
    if ((await firstLine(child)) !== "ready") throw new Error("penstock did not start");
    wall.push(performance.now() - started);
    cpu.push(cpuSeconds(child.pid ?? 0));
  }
} finally {
  await proxies.close();
  rmSync(dir, { recursive: true, force: true });
}
console.log(
  `${options.program}: ${median(cpu).toFixed(2)} s of a processor, ${(median(wall) / 1000).toFixed(2)} s on the clock (medians of ${cpu.length})`,
);
hold("start to ready, CPU", median(cpu), "s", ["<", 0.5], ["<", 0.3]);
closing();

/** Nanoseconds on a processor stand first in schedstat; threads that ended by then are too few to matter. */
function cpuSeconds(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.reduce((sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]) / 1e9, 0);
}
