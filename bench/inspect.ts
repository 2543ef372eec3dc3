/**
 * What `inspect --json` costs against tshark's fields output of the same capture: user CPU of whole processes, start included, one after the
 * other in one run, so that a busy machine is busy for both. The capture is made by the shared generator (64 connections, nine functions).
 *
 *     node bench/inspect.ts [requests, default 500000] [--json]
 *
 * Must (DESIGN section 11): 5 times tshark's frames a second; aim 10. Also printed: decoding alone, with no output, packets/s of one core.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { eachRequest } from "#cli/inspect/read";
import { machine, median } from "./machine.ts";
import { closing, hold } from "./musts.ts";

const root = path.resolve(import.meta.dirname, "..");
const shared = path.resolve(root, process.env.PENSTOCK_SHARED ?? "../shared");
/** Runs of ours round each of tshark's; the median counts. */
const ROUNDS = 3;

const json = process.argv.includes("--json");
const requests = Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? 500_000);
const folder = mkdtempSync(path.join(tmpdir(), "penstock-bench-"));
try {
  const file = path.join(folder, "big.pcap");
  const made = JSON.parse(
    execFileSync(
      process.execPath,
      [
        "--input-type=commonjs",
        "-e",
        `process.argv.splice(1, 0, ""); require(${JSON.stringify(path.join(shared, "tools/gen-modbus-pcap.js"))})`,
        file,
        String(requests),
      ],
      {
        encoding: "utf8",
      },
    ),
  ) as { readonly frames: number };

  const inspect = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", call(), file];
  const ours: number[] = [];
  for (let round = 0; round < ROUNDS; round++) ours.push(userSeconds(process.execPath, inspect));
  const tshark = hasTshark()
    ? userSeconds("tshark", ["-n", "-r", file, "-T", "fields", "-e", "frame.number", "-e", "modbus.func_code"])
    : null;
  for (let round = 0; round < ROUNDS; round++) ours.push(userSeconds(process.execPath, inspect));
  const own = median(ours);

  const decoding: number[] = [];
  let seen = 0;
  for (let round = 0; round < ROUNDS; round++) {
    seen = 0;
    const before = process.cpuUsage();
    eachRequest(file, [], () => {
      seen += 1;
    });
    const { user, system } = process.cpuUsage(before);
    decoding.push((user + system) / 1e6);
  }
  if (seen !== requests) throw new Error(`${seen} requests decoded of ${requests}`);

  const result = {
    machine: machine(),
    frames: made.frames,
    inspectFramesPerSecond: Math.round(made.frames / own),
    tsharkFramesPerSecond: tshark === null ? null : Math.round(made.frames / tshark),
    ratio: tshark === null ? null : tshark / own,
    decodeOnlyPacketsPerSecond: Math.round(made.frames / median(decoding)),
  };
  if (json) {
    console.log(JSON.stringify(result));
  } else {
    console.log(result.machine);
    console.log(`capture: ${made.frames} frames, ${requests} requests with their replies; user CPU, start included`);
    console.log(
      `inspect --json > /dev/null      ${thousands(result.inspectFramesPerSecond)} frames/s   (${own.toFixed(2)} s, median of ${ours.length})`,
    );
    if (tshark === null) console.log("tshark is not installed: no ratio");
    else {
      console.log(`tshark -T fields > /dev/null    ${thousands(made.frames / tshark)} frames/s   (${tshark.toFixed(2)} s)`);
      hold("inspect --json against tshark's fields output of the same file, frames/s", tshark / own, "x", [">=", 5], [">=", 10]);
    }
    console.log(
      `decode alone, no output         ${thousands(result.decodeOnlyPacketsPerSecond)} packets/s of one core   (user and system)`,
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}
closing();

/** The command as main.ts calls it. */
function call(): string {
  return `process.exitCode = await (await import("#cli/inspect")).inspectCommand(process.argv[1], { port: [], json: true });`;
}

/** User CPU of a process whose output goes to /dev/null, as the shell accounts for it. */
function userSeconds(command: string, args: readonly string[]): number {
  const { status, stderr } = spawnSync("bash", ["-c", 'TIMEFORMAT=%U; time "$@" >/dev/null 2>&1', "bash", command, ...args], {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${command} ended with ${status}`);
  return Number(stderr.trim());
}

function hasTshark(): boolean {
  return spawnSync("tshark", ["--version"], { stdio: "ignore" }).status === 0;
}

function thousands(n: number): string {
  return Math.round(n).toLocaleString("en").padStart(11);
}
