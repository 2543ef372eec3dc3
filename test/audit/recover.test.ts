/** What an earlier process left: unfinished lines, lines that do not fit, missing ends, locks of the dead. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Checkpoint, checkpointLine, checkpointText, hashLine, readCheckpoint, recordFront, recordLine } from "#audit/format";
import { loadSigningKey } from "#audit/key";
import { verify } from "#audit/verify";
import { InjectedFiles, SystemError } from "./injected.ts";
import { allLines, copyLog, linesOf, MEMORY, makeLog, newKey, open, scratch, segmentFiles, settled, TestEntry } from "./logs.ts";

const recovery = suite("audit/recover");
const root = scratch(MEMORY);
const key = newKey();
const quick = (): InjectedFiles => {
  const files = new InjectedFiles();
  files.sync = false;
  return files;
};
const tornFiles = (directory: string): string[] => readdirSync(directory).filter((name) => name.endsWith(".torn"));

/** A log as kill -9 leaves it: two records after the last checkpoint. */
const killed = path.join(root, "killed");
const living = await open(path.join(root, "living"), key);
living.append(new TestEntry({ n: 1 }));
living.append(new TestEntry({ n: 2, text: "ü" }));
await settled(living);
copyLog(path.join(root, "living"), killed);
await living.close();

recovery("RULINGS 30: a last line torn at every octet is cut, kept as .torn and hashed into a repair record; the log goes on", async () => {
  const [file] = segmentFiles(killed) as [string];
  const octets = readFileSync(file);
  const lastLine = octets.lastIndexOf(10, octets.length - 2) + 1;
  const work = path.join(root, "torn");
  for (let size = octets.length - 1; size > lastLine; size--) {
    copyLog(killed, work);
    truncateSync(segmentFiles(work)[0] as string, size);
    const before = await verify(work, key.publicPem);
    assert.equal(before.findings, [], `torn at ${size}`);
    assert.match(before.notes.join(), /unfinished last line/);
    const log = await open(work, key, { files: quick() });
    assert.equal(log.troubles, []);
    await log.close();
    const [torn] = tornFiles(work) as [string];
    assert.equal(readFileSync(path.join(work, torn)), octets.subarray(lastLine, size));
    const repair = allLines(work).find(({ event }) => event === "repair") as Record<string, unknown>;
    assert.equal([repair.file, repair.octets, repair.seq], [torn, size - lastLine, 3]);
    const report = await verify(work, key.publicPem);
    assert.equal(report.findings, [], `torn at ${size}`);
  }
  writeFileSync(path.join(work, tornFiles(work)[0] as string), "altered");
  assert.equal(
    (await verify(work, key.publicPem)).findings.map(({ what }) => what),
    ["edit"],
  );
});

recovery(
  "RULINGS 30: a complete line that does not fit is never cut: the segment is broken, a new chain names it, the log goes on and says so",
  async () => {
    const work = path.join(root, "broken");
    copyLog(killed, work);
    const [file] = segmentFiles(work) as [string];
    const lines = linesOf(file);
    const bad = `${lines.with(2, (lines[2] as string).replace('"n":1', '"n":7')).join("\n")}\n`;
    writeFileSync(file, bad);
    const log = await open(work, key);
    assert.match(log.troubles.join(), /segment 1 is broken: line 4 does not follow/);
    assert.is(log.state, "ok");
    assert.ok(log.durable >= 3, "numbers of the broken part are not given again");
    log.append(new TestEntry({ n: 3 }));
    await log.close();
    assert.is(readFileSync(file, "utf8"), bad);
    const report = await verify(work, key.publicPem);
    assert.equal(
      report.findings.map(({ what, line }) => [what, line]),
      [["edit", 3]],
    );
    assert.match(report.notes.join("\n"), /segment 1 was found broken by the gateway/);
    assert.is(report.unanchored.records, 0);
    const header = JSON.parse(linesOf(segmentFiles(work)[1] as string)[0] as string) as { previous: unknown };
    assert.equal(header.previous, { segment: 1, octets: Buffer.byteLength(`${lines.slice(0, 3).join("\n")}\n`), state: "broken" });
  },
);

/** The last complete line of a log, made into something else; what stays is a log as kill -9 leaves it. */
const BAD_ENDS: readonly (readonly [string, (lines: string[]) => string[], RegExp])[] = [
  [
    "a flipped octet that breaks its JSON",
    (lines) => lines.with(-1, (lines.at(-1) as string).replace('"text":"', '"text"-"')),
    /is no line of this log/,
  ],
  ["zeros with a line feed behind them", (lines) => [...lines, "\0".repeat(300)], /is no line of this log/],
  ["a line of words", (lines) => [...lines, "nothing happened here"], /is no line of this log/],
  ["a line longer than any", (lines) => [...lines, "x".repeat(300_000)], /is no line of this log/],
  ["the last line once more", (lines) => [...lines, lines.at(-1) as string], /does not follow the line before it/],
  ["a line taken out before it", (lines) => lines.toSpliced(-2, 1), /does not follow the line before it/],
  [
    "another number",
    (lines) => lines.with(-1, (lines.at(-1) as string).replace(/"seq":3/, '"seq":4')),
    /does not follow the line before it/,
  ],
  ["a checkpoint signed by nobody", (lines) => [...lines, forgedCheckpoint(lines)], /is a checkpoint whose signature does not fit/],
  ["records behind a checkpoint signed by nobody", forgedTail, /line 5 is a checkpoint whose signature does not fit/],
];

recovery(
  "RULINGS 30: whatever is wrong with a complete line, not an octet of its segment is cut, the next names it broken, and the alarm stands",
  async () => {
    const work = path.join(root, "bad ends");
    for (const [name, spoil, words] of BAD_ENDS) {
      copyLog(killed, work);
      const [file] = segmentFiles(work) as [string];
      // Torn behind the bad line as well: that is not cut either.
      const bad = `${spoil(linesOf(file)).join("\n")}\n{"seq":`;
      writeFileSync(file, bad);
      const log = await open(work, key, { files: quick() });
      assert.match(log.troubles.join(), words, name);
      assert.match(log.troubles.join(), /^segment 1 is broken: /, name);
      const number = log.append(new TestEntry({ n: "on" }, true));
      await log.close();
      assert.is(readFileSync(file, "utf8"), bad, name);
      assert.equal(tornFiles(work), [], name);
      const second = linesOf(segmentFiles(work)[1] as string).map((line) => JSON.parse(line) as Record<string, unknown>);
      const previous = second[0]?.previous as { segment: number; octets: number; state: string };
      assert.equal([previous.segment, previous.state], [1, "broken"], name);
      assert.is(Buffer.from(bad)[previous.octets - 1], 10, name);
      assert.ok(number > 3 && second.some(({ seq, n }) => seq === number && n === "on"), name);
      assert.match(String(second.find(({ event }) => event === "trouble")?.words), words, name);
      const report = await verify(work, key.publicPem);
      assert.not(report.ok, name);
      assert.ok(
        report.findings.every(({ file: where }) => where === path.basename(file)),
        `${name}: ${JSON.stringify(report.findings)}`,
      );
      assert.is(report.unanchored.records, 0, name);
      // It was taken up; a second start finds nothing more to complain of.
      const again = await open(work, key, { files: quick() });
      assert.equal(again.troubles, [], name);
      await again.close();
    }
  },
);

/** Well formed and linked, as somebody without the key would make it. */
function forgedCheckpoint(lines: readonly string[], seq = 4): string {
  const [, first] = lines;
  const real = readCheckpoint(first as string) as Checkpoint;
  const text = checkpointText({ ...real, seq, prev: hashLine(lines.at(-1) as string), count: lines.length });
  return checkpointLine(text, real.signature);
}

function forgedTail(lines: readonly string[]): string[] {
  const signed = [...lines, forgedCheckpoint(lines)];
  const front = recordFront(5, new Date().toISOString(), "decision");
  return [...signed, recordLine(front, hashLine(signed.at(-1) as string), '{"n":"forged"}')];
}

recovery("RULINGS 30: a checkpoint beside the log that is forged or another log's is named, and moves no number", async () => {
  const work = path.join(root, "beside");
  const other = path.join(root, "other");
  await makeLog(other, key, 40);
  for (const [text, words] of [
    [readFileSync(path.join(killed, "checkpoint.json"), "utf8").replace('"seq":1', '"seq":1000000'), /the checkpoint file is damaged/],
    [readFileSync(path.join(other, "checkpoint.json"), "utf8"), /the checkpoint file belongs to another log/],
  ] as const) {
    copyLog(killed, work);
    writeFileSync(path.join(work, "checkpoint.json"), text);
    const log = await open(work, key, { files: quick() });
    assert.match(log.troubles.join(), words);
    assert.ok(log.durable < 10, `${log.durable}`);
    await log.close();
    assert.is(segmentFiles(work).length, 1);
  }
});

recovery("RULINGS 30: a header torn on a full disk is set aside whole, and the gateway starts", async () => {
  const work = path.join(root, "torn header");
  copyLog(killed, work);
  const file = path.join(work, "audit-00000002.jsonl");
  writeFileSync(file, '{"after":3,"time":');
  const files = quick();
  files.before = ({ op }) => {
    if (op === "write" || op === "create") throw new SystemError("ENOSPC");
  };
  const log = await open(work, key, { files });
  assert.is(log.state, "full");
  assert.not(existsSync(file));
  const [torn] = tornFiles(work) as [string];
  assert.is(readFileSync(path.join(work, torn), "utf8"), '{"after":3,"time":');
  const calls = files.operations.filter((call) => call.file === file).map(({ op }) => op);
  assert.equal(calls, ["append", "sync", "rename"], "an earlier process may not have synced them");
  await log.close().catch(() => {});
});

recovery("an end that is missing is noticed at start, recorded, and stays a truncation for good", async () => {
  const work = path.join(root, "cut");
  await makeLog(work, key, 20, 3000);
  const last = segmentFiles(work).at(-1) as string;
  writeFileSync(last, `${linesOf(last).slice(0, 2).join("\n")}\n`);
  const log = await open(work, key);
  assert.match(log.troubles.join(), /are missing: the log ends before its newest checkpoint/);
  await log.close();
  const report = await verify(work, key.publicPem);
  assert.equal(
    report.findings.map(({ what }) => what),
    ["truncation"],
  );
  assert.match(report.notes.join("\n"), /the gateway noticed/);
});

recovery("one writer a directory: a second opener is refused, in this process and from another", async () => {
  const work = path.join(root, "locked");
  const log = await open(work, key);
  for (const again of [() => open(work, key), () => openElsewhere(work)]) {
    try {
      await again();
      assert.unreachable();
    } catch (error) {
      assert.match(String(error), new RegExp(`process ${process.pid} is writing there`));
    }
  }
  await log.close();
  assert.is(readFileSync(path.join(work, "lock"), "utf8"), "0 released", "it stays, for a start on a full disk");
  await openElsewhere(work);
});

recovery("the lock of a process that was killed, of another boot, of a copied directory, and rubbish keep nobody out", async () => {
  const work = path.join(root, "stale");
  await openElsewhere(work, "kill");
  assert.ok(existsSync(path.join(work, "lock")), "left behind");
  await (await open(work, key)).close();
  const log = await open(work, key);
  const lock = readFileSync(path.join(work, "lock"), "utf8");
  const copied = path.join(root, "copied");
  copyLog(work, copied);
  writeFileSync(path.join(copied, "lock"), lock);
  await (await open(copied, key)).close();
  await log.close();
  const [pid, start, , place, nonce] = lock.split(" ") as [string, string, string, string, string];
  for (const stale of ["", "x", `${pid} ${start} another-boot ${place} ${nonce}`, `${pid} 1 ${lock.split(" ")[2]} ${place} ${nonce}`]) {
    writeFileSync(path.join(work, "lock"), stale);
    await (await open(work, key)).close();
  }
  assert.equal(
    readdirSync(work).filter((name) => name.startsWith("lock")),
    ["lock"],
  );
});

recovery("two starters at once: one gets the log", async () => {
  const work = path.join(root, "race");
  await openElsewhere(work, "kill");
  const results = await Promise.allSettled(Array.from({ length: 4 }, () => openElsewhere(work, "hold")));
  assert.is(results.filter(({ status }) => status === "fulfilled").length, 1);
});

/** Opens the log in a process of its own; `kill` leaves it by SIGKILL, `hold` keeps it open for a moment. */
function openElsewhere(directory: string, end: "close" | "kill" | "hold" = "close"): Promise<void> {
  const keyFile = path.join(root, "elsewhere.key");
  loadSigningKey(keyFile);
  const child = spawn(process.execPath, [
    "--disable-warning=ExperimentalWarning",
    "--input-type=module",
    "-e",
    `import { openLog } from "#audit/log";
     import { loadSigningKey } from "#audit/key";
     const clock = { monotonic: () => performance.now(), wall: () => Date.now() };
     try {
       const log = await openLog({ directory: process.argv[1], key: loadSigningKey(process.argv[2]), retainMs: 1e12, maxOctets: 1e9, clock });
       if (process.argv[3] === "kill") process.kill(process.pid, "SIGKILL");
       if (process.argv[3] === "hold") await new Promise((r) => setTimeout(r, 1500));
       await log.close();
     } catch (error) { console.error(String(error)); process.exitCode = 1; }`,
    directory,
    keyFile,
    end,
  ]);
  let complaint = "";
  child.stderr.on("data", (text) => {
    complaint += text;
  });
  return new Promise((resolve, reject) =>
    child.on("close", (code, signal) => (code === 0 || signal === "SIGKILL" ? resolve() : reject(new Error(complaint)))),
  );
}

recovery.run();
