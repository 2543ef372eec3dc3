/** kill -9 at random moments: nothing that was pushed is lost, nothing is out of order, and what comes twice has the same id. */
import { spawn } from "node:child_process";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Sample } from "#receiver/model";
import { eventually, openQueue, scratch, TestSink } from "./stage.ts";

const kill = suite("receiver/queueKill");
const ROUNDS = Number(process.env.PENSTOCK_KILL_ROUNDS ?? 20);
const ROUNDS_PER_TEST = 5;
const directory = path.join(scratch(), "queue");
/** All that the sinks of all runs were given, in order. */
const had: number[] = [];
let kept = -1;

for (let from = 1; from <= ROUNDS; from += ROUNDS_PER_TEST) {
  const to = Math.min(ROUNDS, from + ROUNDS_PER_TEST - 1);
  kill(`kill -9 at a random moment, rounds ${from} to ${to} of ${ROUNDS} on one queue: pushing and delivering go on`, async () => {
    for (let round = from; round <= to; round++) {
      const before = kept;
      await runAndKill(Math.random() * 120);
      assert.ok(kept > before, `round ${round}: nothing was promised`);
    }
  });
}

kill("everything that was promised came, in order, again only from where a run had stood", async () => {
  const sink = new TestSink();
  const queue = await openQueue(directory, sink);
  await eventually("the rest", () => queue.status.waiting === 0);
  assert.is(queue.status.trouble, null);
  await queue.close();
  for (const { id, value } of sink.taken as readonly Sample[]) {
    assert.is(String(value), id);
    had.push(Number(id));
  }
  const seen = new Set<number>();
  let highest = -1;
  let again = 0;
  for (const n of had) {
    if (seen.has(n)) again += 1;
    else {
      assert.ok(n > highest, `${n} came for the first time after ${highest}`);
      highest = n;
    }
    seen.add(n);
  }
  const lost = Array.from({ length: kept + 1 }, (_, n) => n).filter((n) => !seen.has(n));
  assert.equal(lost, []);
  console.log(`${kept + 1} samples, ${had.length} delivered, ${again} of them again`);
  assert.ok(again > 0, "no batch was ever in doubt");
});

function runAndKill(afterMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", path.join(import.meta.dirname, "queueWriter.ts"), directory, String(kept + 1)],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    let said = "";
    let complaint = "";
    let isArmed = false;
    child.stdout.on("data", (text) => {
      said += text;
      if (!isArmed && said.includes("kept")) {
        isArmed = true;
        setTimeout(() => child.kill("SIGKILL"), afterMs);
      }
    });
    child.stderr.on("data", (text) => {
      complaint += text;
    });
    child.on("close", () => {
      if (complaint !== "") reject(new Error(complaint));
      for (const line of said.split("\n").slice(0, -1)) {
        const [word, ...numbers] = line.split(" ");
        if (word === "had") had.push(...numbers.map(Number));
        else if (word === "kept") kept = Math.max(kept, Number(numbers[0]));
      }
      resolve();
    });
  });
}

kill.run();
