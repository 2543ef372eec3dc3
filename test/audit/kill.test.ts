/** kill -9 at random moments: the log verifies each time and holds every record that was called durable. */
import { spawn } from "node:child_process";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadSigningKey } from "#audit/key";
import { verify } from "#audit/verify";
import { linesOf, open, scratch, segmentFiles } from "./logs.ts";

const kill = suite("audit/kill");
const ROUNDS = Number(process.env.PENSTOCK_KILL_ROUNDS ?? 20);

const ROUNDS_PER_TEST = 4;
const root = scratch();
const directory = path.join(root, "log");
const keyFile = path.join(root, "audit.key");
const key = loadSigningKey(keyFile);
let most = 0;
let torn = 0;

for (let from = 1; from <= ROUNDS; from += ROUNDS_PER_TEST) {
  const to = Math.min(ROUNDS, from + ROUNDS_PER_TEST - 1);
  kill(
    `kill -9 at a random moment, rounds ${from} to ${to} of ${ROUNDS} on one log: it verifies, and the next start is not locked out`,
    async () => {
      for (let round = from; round <= to; round++) {
        const durable = await writeAndKill(Math.random() * 120);
        assert.ok(durable > most, `round ${round}: ${durable} after ${most}`);
        most = durable;
        const report = await verify(directory, key.publicPem);
        assert.equal(report.findings, [], `round ${round}`);
        assert.ok((report.lastSeq ?? 0) >= durable, `round ${round}: ${report.lastSeq} of ${durable}`);
        torn += report.notes.filter((note) => note.includes("unfinished last line in")).length;
      }
    },
  );
}

kill("every record that was called durable is there, with its own content, and the log goes on", async () => {
  const seen = new Set<number>();
  for (const file of segmentFiles(directory)) {
    for (const line of linesOf(file)) {
      const record = JSON.parse(line) as { seq?: number; own?: number; kind: string };
      if (record.kind === "decision") assert.is(record.own, record.seq);
      if (record.seq !== undefined) seen.add(record.seq);
    }
  }
  assert.ok(most > ROUNDS);
  for (let n = 1; n <= most; n++) assert.ok(seen.has(n), `record ${n}`);
  const log = await open(directory, key);
  assert.equal(log.troubles, []);
  await log.close();
  assert.ok((await verify(directory, key.publicPem)).ok);
  console.log(`${most} records, ${segmentFiles(directory).length} segments, ${torn} torn tails`);
});

/** @returns the highest number the process was told is durable */
function writeAndKill(afterMs: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", path.join(import.meta.dirname, "writer.ts"), directory, keyFile],
      {
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
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
      const numbers = [...told.matchAll(/durable (\d+)\n/g)].map(([, n]) => Number(n));
      if (numbers.length === 0) reject(new Error(`the writer wrote nothing: ${complaint}`));
      else resolve(Math.max(...numbers));
    });
  });
}

kill.run();
