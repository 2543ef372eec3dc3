/**
 * `make bench`: every figure in one run, with the machine beside it, and at the end what DESIGN section 11 asks. One bench after another, each
 * in a process of its own. How to read it: bench/README.md.
 *
 *     node bench/run.ts [--program dist/penstock.mjs] [--rounds 5] [--seconds 2]
 *
 * `--program` is what runs as the gateway (this checkout's sources unless stated); rounds and seconds are the road's.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { machine, warning } from "./machine.ts";
import { type Figure, table } from "./musts.ts";

const here = import.meta.dirname;
const captures = path.resolve(here, "..", process.env.PENSTOCK_SHARED ?? "../shared", "tools/gen-modbus-pcap.js");
const given = process.argv.slice(2);
const program = given.includes("--program") ? ["--program", given[given.indexOf("--program") + 1] ?? ""] : [];
const BENCHES: readonly (readonly [title: string, file: string, args: readonly string[], needs: string | null])[] = [
  ["Start: CPU until ready", "start.ts", program, null],
  ["Decision: with 100 and with 10,000 rules", "decide.ts", [], null],
  ["Inspection: from the whole frame to the queued record, with 100 and 10,000 rules, 1 and 64 sessions", "inspection.ts", [], null],
  ["Samples: what telemetry costs", "samples.ts", [], null],
  ["Evidence: durable appends over the disk's own fdatasync", "audit.ts", [], null],
  ["The receiver's ledger: a frame looked up, noted and booked", "ledger.ts", [], null],
  ["The road: added round trip and throughput against direct, haproxy and nginx", "road.ts", given, "/usr/sbin/haproxy"],
  ["Decode and decide over a capture, offline", "offline.ts", [], captures],
  ["inspect: against tshark over a generated capture", "inspect.ts", [], captures],
  ["DNP3: from octets to a decision, and how it grows", "dnp3.ts", [], null],
  ["The one-way link: repair shards written and blocks repaired", "oneway.ts", [], null],
  ["The sender's spool: frames appended and flushed", "spool.ts", [], null],
  ["The one-way link: what a line may lose", "loss.ts", [], null],
  ["The one-way line at work: from the pipe to the historian", "throughput.ts", [], null],
  ["The carousel: how an outage heals", "carousel.ts", [], null],
  ["Delivery: a sample through a sink's queue", "delivery.ts", [], null],
  ["inspect of DNP3: against tshark over a recorded session, many times", "dnp3Inspect.ts", [], captures],
];

console.log(machine());
console.log(warning());
const figures: Figure[] = [];
const left: string[] = [];
let failed = 0;
for (const [title, file, args, needs] of BENCHES) {
  console.log(`\n== ${title}\n`);
  if (needs !== null && !existsSync(needs)) {
    console.log(`left out: ${needs} is missing`);
    left.push(title);
  } else if ((await run(path.join(here, file), args)) !== 0) failed += 1;
}
console.log(
  `\n== What is asked (DESIGN section 11)\n\n${warning()}${table(figures)}${left.map((title) => `\nnot measured: ${title}`).join("")}\n\n${machine()}`,
);
process.exitCode = failed === 0 ? 0 : 1;

function run(file: string, args: readonly string[]): Promise<number | null> {
  const child = spawn(process.execPath, [...process.execArgv, file, ...args], { stdio: ["inherit", "inherit", "inherit", "ipc"] });
  child.on("message", (figure) => figures.push(figure as Figure));
  return new Promise((resolve) => child.once("close", resolve));
}
