/** kill -9 of a process that writes: every frame that a flush promised is there, octet for octet and in order, over all its starts. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { realFiles } from "#disk/files";
import { Spool } from "#telemetry/spool";
import { everything, frame } from "./spools.ts";

const ROUNDS = Number(process.env.PENSTOCK_KILL_ROUNDS ?? 20);
const kill = suite("telemetry/kill");
const directory = path.join(mkdtempSync(path.join(os.tmpdir(), "penstock-spool-")), "spool");
kill.after(() => rmSync(path.dirname(directory), { recursive: true, force: true }));

kill(`${ROUNDS} starts on one directory, each killed at a random moment`, async () => {
  const promised: number[] = [];
  for (let start = 1; start <= ROUNDS; start++) promised.push(await writeAndKill(start, Math.random() * 60));
  const before = await framesByStart();
  const spool = await Spool.open({ directory }, Date.now());
  const after = await framesByStart();
  const { frames, segments, damaged, trouble } = spool.stats();
  assert.equal({ damaged, trouble }, { damaged: 0, trouble: null });
  assert.equal(after, before, "a start takes nothing away");
  promised.forEach((count, i) => {
    const numbers = after[i] ?? [];
    assert.ok(numbers.length >= count, `start ${i + 1}: ${numbers.length} of ${count}`);
    assert.equal(
      numbers,
      numbers.map((_, k) => k + 1),
      `start ${i + 1}: in order, none missing, none twice`,
    );
  });
  assert.is(frames, after.flat().length);
  console.log(`${promised.reduce((sum, n) => sum + n, 0)} frames promised, ${frames} there, ${segments} segments`);
});

/** Which start a frame is of follows from its octets: numbers begin at 1 with each start. */
async function framesByStart(): Promise<number[][]> {
  const starts: number[][] = [];
  for (const { sequence, octets } of await everything(realFiles, directory)) {
    if (sequence === 1) starts.push([]);
    assert.ok(frame(starts.length, sequence).equals(octets), `frame ${sequence} of start ${starts.length}`);
    starts.at(-1)?.push(sequence);
  }
  return starts;
}

/** @returns the highest number the process was promised */
function writeAndKill(start: number, afterMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const writer = path.join(import.meta.dirname, "writer.ts");
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", writer, directory, String(start)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let told = "";
    let complaint = "";
    let armed = false;
    child.stdout.on("data", (text) => {
      told += text;
      if (!armed) setTimeout(() => child.kill("SIGKILL"), afterMs);
      armed = true;
    });
    child.stderr.on("data", (text) => {
      complaint += text;
    });
    child.on("close", () => {
      const numbers = [...told.matchAll(/flushed (\d+)\n/g)].map(([, n]) => Number(n));
      if (numbers.length === 0) reject(new Error(`the writer wrote nothing: ${complaint}`));
      else resolve(Math.max(...numbers));
    });
  });
}

kill.run();
