/**
 * The whole one-way line at work: samples through the pipe, `penstock send`, loopback, `penstock receive`, a disk queue and a file of lines. Rate
 * and redundancy as they are unless stated; then what a sample costs at each end.
 *
 *     node bench/throughput.ts [SAMPLES_A_SECOND] [SECONDS]
 *
 * Must: 5,000 samples a second, none lost, memory bounded.
 */
import { type ChildProcess, spawn } from "node:child_process";
import dgram from "node:dgram";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { senderCommand, sendOf } from "#cli/send";
import { readSite } from "#gateway/documents";
import { PipeOffer } from "#telemetry/pipe";
import { writeDocuments } from "#test/support/house";
import { machine, warning } from "./machine.ts";
import { closing, hold } from "./musts.ts";

const RATE = Number(process.argv[2] ?? 5_000);
const SECONDS = Number(process.argv[3] ?? 20);
const TURN_MS = 10;
const POINTS = 1_000;
const root = path.resolve(import.meta.dirname, "..");
const main = path.join(root, "src/cli/main.ts");
const dir = mkdtempSync(path.join(os.tmpdir(), "penstock-throughput-"));
process.argv[1] = main;

const farPort = await freePort();
writeDocuments(dir, 1, {});
mkdirSync(path.join(dir, "keys"));

writeFileSync(path.join(dir, "keys", "2026-01-01.key"), "07".repeat(32), { mode: 0o600 });
appendFileSync(
  path.join(dir, "site.yaml"),
  `telemetry:\n  send: { stream: 7, to: "127.0.0.1:${farPort}", from: 127.0.0.1, keys: keys, state: telemetry }\n`,
);
writeFileSync(
  path.join(dir, "receive.yaml"),
  `receiver: far\nlisten: 127.0.0.1:${farPort}\nstate: state\nstreams: [{ stream: 7, keys: keys }]\nsinks:\n  line_file: [{ name: lines, file: lines, size: 1GB }]\n`,
);

const far = spawn(
  process.execPath,
  ["--disable-warning=ExperimentalWarning", main, "receive", "run", "--json", "--config", path.join(dir, "receive.yaml")],
  {
    stdio: ["ignore", "pipe", "inherit"],
  },
);
await new Promise<void>((resolve) => far.stdout?.once("data", () => resolve()));
const site = path.join(dir, "site.yaml");
const { file, args } = senderCommand(sendOf(readSite(site)), site);
const near = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
let status: Record<string, unknown> = {};
near.stdout.setEncoding("utf8").on("data", (text: string) => {
  for (const line of text.split("\n")) if (line.startsWith("{") && line.endsWith("}")) status = JSON.parse(line) as Record<string, unknown>;
});

const offer = new PipeOffer(1200);
offer.points(
  Array.from({ length: POINTS }, (_, i) => ({ id: i + 1, asset: "a", point: `p${i}`, type: "float64", unit: "bar", description: "" })),
);
offer.attach({
  write: (octets) => void near.stdin.write(octets),
  get queued() {
    return near.stdin.writableLength;
  },
});
const sample = { pointId: 0, value: 0, quality: "good", timeMs: 0, timeOf: "gateway", asker: "self", isEvent: false } as const;
const total = RATE * SECONDS;
let sent = 0;
let dropped = 0;
let encodeMs = 0;
const memory: number[] = [];
const begun = performance.now();
const cpuBefore = [cpuOf(near), cpuOf(far)];
while (sent + dropped < total) {
  const due = Math.min(total, Math.floor(((performance.now() - begun) * RATE) / 1_000));
  const from = performance.now();
  for (; sent + dropped < due; ) {
    const i = sent + dropped;
    if (offer.sample({ ...sample, pointId: 1 + (i % POINTS), value: i / 7, timeMs: Date.now() })) sent += 1;
    else dropped += 1;
  }
  encodeMs += performance.now() - from;
  memory.push(rssOf(near) + rssOf(far));
  await pause(TURN_MS);
}
const lines = path.join(dir, "lines");
let had = 0;
for (const end = performance.now() + 20_000; had < sent && performance.now() < end; await pause(200))
  had = existsSync(lines) ? countLines(lines) : 0;
const tookS = (performance.now() - begun) / 1_000;
const [nearCpu, farCpu] = [cpuOf(near) - (cpuBefore[0] as number), cpuOf(far) - (cpuBefore[1] as number)];
const half = memory.slice(Math.floor(memory.length / 2));
const growth = (half.at(-1) as number) - (half[0] as number);

console.log(`${machine()}\n${warning()}`);
console.log(`${RATE} samples a second for ${SECONDS} s, ${POINTS} points; 400 frames a second, 20+4 over 8, contents of 1,200 octets\n`);
console.log(
  `sent ${sent}, dropped at the source ${dropped}, with the historian ${had} after ${tookS.toFixed(1)} s (${statSync(lines).size} octets)`,
);
console.log(
  `frames ${String(status.frames)}, of them with records ${String(status.full)}; waiting at the end ${String(status.waiting)} octets`,
);
console.log(
  `offer ${((1_000 * encodeMs) / total).toFixed(2)} us a sample; sender ${((1e6 * nearCpu) / total).toFixed(1)} us, receiver ${((1e6 * farCpu) / total).toFixed(1)} us of processor a sample`,
);
console.log(
  `memory of both ${Math.round((memory.at(-1) as number) / 1e6)} MB, over the second half ${growth < 0 ? "" : "+"}${(growth / 1e6).toFixed(1)} MB\n`,
);
hold("samples a second from pipe to historian", had / SECONDS, "/s", [">=", Math.min(5_000, RATE)], [">=", 10_000]);
hold("samples lost or dropped", total - had, "", ["<", 1], ["<", 1]);
closing();
near.stdin.end();
near.kill("SIGKILL");
far.kill("SIGKILL");
rmSync(dir, { recursive: true });

function countLines(file: string): number {
  let count = 0;
  for (const octet of readFileSync(file)) if (octet === 10) count += 1;
  return count;
}

/** Seconds of processor. */
function cpuOf(child: ChildProcess): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function rssOf(child: ChildProcess): number {
  return Number(readFileSync(`/proc/${child.pid}/statm`, "latin1").split(" ")[1]) * 4096;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function freePort(): Promise<number> {
  const socket = dgram.createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}
