/**
 * What `inspect --json` costs over DNP3 against tshark's fields output of the same file: user CPU of whole processes, start included, in one
 * run. The capture is a recorded session, so often over, each time as a connection of its own.
 *
 *     node bench/dnp3Inspect.ts [copies, default 6000]
 *
 * Must (DESIGN section 11): 5 times tshark's frames a second; aim 10.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { machine, median, warning } from "./machine.ts";
import { closing, hold } from "./musts.ts";

const root = path.resolve(import.meta.dirname, "..");
const shared = path.resolve(root, process.env.PENSTOCK_SHARED ?? "../shared");
const ROUNDS = 3;
const DNP3_PORT = 20000;
/** Ethernet, then IPv4. */
const IP_AT = 14;

const copies = Number(process.argv.slice(2).find((word) => /^\d+$/.test(word)) ?? 6_000);
const folder = mkdtempSync(path.join(tmpdir(), "penstock-bench-"));
try {
  const file = path.join(folder, "big.pcap");
  const recorded = readFileSync(path.join(shared, "captures/dnp3/own__opendnp3-loopback.pcap"));
  const frames = replicate(recorded, copies, file);
  const call = `process.exitCode = await (await import("#cli/inspect")).inspectCommand(process.argv[1], { port: [], dnp3Port: [], json: true });`;
  const inspect = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", call, file];
  const ours: number[] = [];
  for (let round = 0; round < ROUNDS; round++) ours.push(userSeconds(process.execPath, inspect));
  const tshark = userSeconds("tshark", ["-n", "-r", file, "-T", "fields", "-e", "frame.number", "-e", "dnp3.al.func"]);
  for (let round = 0; round < ROUNDS; round++) ours.push(userSeconds(process.execPath, inspect));
  const own = median(ours);
  console.log(`${machine()}\n${warning()}`);
  console.log(`capture: ${frames} packets, ${copies} times one recorded session; user CPU, start included`);
  console.log(`inspect --json > /dev/null      ${Math.round(frames / own)} packets/s   (${own.toFixed(2)} s, median of ${ours.length})`);
  console.log(`tshark -T fields > /dev/null    ${Math.round(frames / tshark)} packets/s   (${tshark.toFixed(2)} s)`);
  hold("inspect --json of DNP3 against tshark's fields output of the same file, frames/s", tshark / own, "x", [">=", 5], [">=", 10]);
} finally {
  rmSync(folder, { recursive: true });
}
closing();

/** The session so often, each copy from another client port. @returns packets */
function replicate(recorded: Buffer, copies: number, file: string): number {
  const out: Buffer[] = [recorded.subarray(0, 24)];
  let packets = 0;
  for (let copy = 0; copy < copies; copy++) {
    const session = Buffer.from(recorded.subarray(24));
    for (let at = 0; at < session.length; ) {
      const length = session.readUInt32LE(at + 8);
      const tcp = at + 16 + IP_AT + 4 * ((session[at + 16 + IP_AT] as number) & 0x0f);
      for (const port of [tcp, tcp + 2]) if (session.readUInt16BE(port) !== DNP3_PORT) session.writeUInt16BE(1024 + (copy % 60_000), port);
      // Half a minute later each time, so that a port that comes again is another connection.
      session.writeUInt32LE(session.readUInt32LE(at) + 30 * Math.floor(copy / 60_000), at);
      at += 16 + length;
      packets += 1;
    }
    out.push(session);
  }
  writeFileSync(file, Buffer.concat(out));
  return packets;
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
