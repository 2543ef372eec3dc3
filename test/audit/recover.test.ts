/** What an earlier process left: unfinished lines, lines that do not fit, missing ends, locks of the dead. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadSigningKey } from "#audit/key";
import { verify } from "#audit/verify";
import { diskAfter, InjectedFiles, LOSSES } from "./injected.ts";
import { allLines, copyLog, linesOf, makeLog, newKey, open, scratch, segmentFiles, settled, TestEntry } from "./logs.ts";

const recovery = suite("audit/recover");
const root = scratch();
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

recovery("power loss again, at every step of a repair", async () => {
  const work = path.join(root, "twice");
  const image = path.join(root, "twice image");
  copyLog(killed, work);
  const [file] = segmentFiles(work) as [string];
  truncateSync(file, readFileSync(file).length - 9);
  const files = new InjectedFiles();
  // What stands there already, as operations.
  for (const name of ["checkpoint.json", path.basename(file)]) {
    const place = path.join(work, name);
    files.operations.push(
      { op: "create", file: place },
      { op: "write", file: place, octets: readFileSync(place) },
      { op: "sync", file: place },
    );
  }
  files.operations.push({ op: "syncDirectory", file: work });
  const standing = files.operations.length;
  const log = await open(work, key, { files });
  await log.close();
  for (let count = standing; count <= files.operations.length; count++) {
    for (const loss of LOSSES.slice(1, 6)) {
      for (const names of [0, 99]) {
        diskAfter(files.operations, count, loss, names, work, image);
        assert.equal((await verify(image, key.publicPem)).findings, [], `${count}`);
        const again = await open(image, key, { files: quick() });
        assert.equal(again.troubles, []);
        await again.close();
        assert.equal((await verify(image, key.publicPem)).findings, [], `${count}`);
      }
    }
  }
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
      assert.match(String(error), new RegExp(`process ${process.pid} is writing this log`));
    }
  }
  await log.close();
  assert.not(existsSync(path.join(work, "lock")));
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
    [],
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
