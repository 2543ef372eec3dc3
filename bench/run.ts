/** `make bench`: every figure in one run, with the machine beside it. One bench after another, each in a process of its own. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { machine } from "./machine.ts";

const here = import.meta.dirname;
const captures = path.resolve(here, "..", process.env.PENSTOCK_SHARED ?? "../shared", "tools/gen-modbus-pcap.js");
const BENCHES: readonly (readonly [title: string, file: string, needs: string | null])[] = [
  ["Inspection: decode, decide", "decide.ts", null],
  ["Evidence: durable appends over the disk's own fdatasync", "audit.ts", null],
  ["The road: added round trip and throughput against direct and haproxy", "road.ts", "/usr/sbin/haproxy"],
  ["Decode and decide over a capture, offline", "offline.ts", captures],
  ["inspect: against tshark over a generated capture", "inspect.ts", captures],
];

console.log(machine());
let failed = 0;
for (const [title, file, needs] of BENCHES) {
  console.log(`\n== ${title}\n`);
  if (needs !== null && !existsSync(needs)) {
    console.log(`left out: ${needs} is missing`);
    continue;
  }
  const { status } = spawnSync(process.execPath, [...process.execArgv, path.join(here, file)], { stdio: "inherit" });
  if (status !== 0) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;
