/** What goes in comes out: numbers, order, chain, group commit, caps, checkpoints. */
import path from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Entry } from "#audit/entry";
import { GENESIS, hashLine } from "#audit/format";
import type { Log } from "#audit/log";
import { PLACES } from "#audit/ring";
import { verify } from "#audit/verify";
import { InjectedFiles } from "./injected.ts";
import { allLines, linesOf, newKey, open, scratch, segmentFiles, settled, TestEntry, testClock } from "./logs.ts";

const logs = suite("audit/log");
const root = scratch();
const key = newKey();
let made = 0;
const place = (): string => path.join(root, String(++made));

logs("numbers rise by one from an append to the next, and a record stands as it was given, seq, time, kind and prev first", async () => {
  const directory = place();
  const log = await open(directory, key);
  const entry = new TestEntry({ who: "cn:alice@plant", asset: "boiler-1", n: "é\u2028\ud83d\ude00\n" }, false, "outcome");
  const first = log.append(entry);
  assert.is(log.append(new TestEntry({})), first + 1);
  await log.close();
  const line = linesOf(segmentFiles(directory)[0] as string).find((l) => l.startsWith(`{"seq":${first},`)) as string;
  const record = JSON.parse(line) as Record<string, unknown>;
  assert.equal(Object.keys(record), ["seq", "time", "kind", "prev", "who", "asset", "n"]);
  assert.is(record.n, entry.fields.n);
  assert.is(record.kind, "outcome");
  assert.is(record.time, new Date(entry.wallMs).toISOString());
});

logs("100,000 entries: order, chain and flat memory; each rendered once; at most 1,000 records between checkpoints", async () => {
  const directory = place();
  const log = await open(directory, key);
  const wanted = 100_000;
  const rendered = new Uint8Array(wanted);
  let count = 0;
  while (count < wanted) {
    const n = count;
    const entry: Entry = {
      kind: "decision",
      wallMs: Date.now(),
      members: () => ({ n }),
      rendered: () => {
        rendered[n] = (rendered[n] as number) + 1;
      },
    };
    if (log.append(entry) < 0) await new Promise((resolve) => setImmediate(resolve));
    else count++;
  }
  await log.close();
  assert.ok(
    rendered.every((times) => times === 1),
    "rendered once each",
  );
  let prev = GENESIS;
  let seq = 0;
  let n = 0;
  let since = 0;
  for (const file of segmentFiles(directory)) {
    for (const line of linesOf(file)) {
      const record = JSON.parse(line) as { seq?: number; prev: string; n?: number; event?: string };
      assert.is(record.prev, prev);
      prev = hashLine(line);
      if (record.seq === undefined) continue;
      assert.is(record.seq, ++seq);
      since = record.event === "checkpoint" ? 0 : since + 1;
      assert.ok(since <= 1_000);
      if (record.n !== undefined) assert.is(record.n, n++);
    }
  }
  assert.is(n, wanted);
  assert.ok((await verify(directory, key.publicPem)).ok);
});

logs(
  "RULINGS 29: a full ring takes no more and says -1, a change finds a fifth of it kept; what it took is written, what not is counted",
  async () => {
    const directory = place();
    const log = await open(directory, key);
    const numbers = Array.from({ length: PLACES.common + 10 }, () => log.append(new TestEntry({})));
    const refused = numbers.filter((number) => number < 0).length;
    assert.ok(refused >= 10 && refused < 20, `${refused} refused`);
    const changes = Array.from({ length: PLACES.kept - PLACES.common + 10 }, () => log.append(new TestEntry({ change: true }, true)));
    const denied = changes.filter((number) => number < 0).length;
    assert.ok(denied >= 10 && denied < 20, `${denied} changes refused`);
    assert.is(log.state, "ok");
    await settled(log);
    assert.ok(log.append(new TestEntry({})) > 0, "room again");
    await log.close();
    const records = allLines(directory).filter(({ kind }) => kind === "decision").length;
    assert.is(records, PLACES.kept + 21 - refused - denied);
    assert.equal(
      allLines(directory)
        .filter(({ event }) => event === "unrecorded")
        .map(({ count }) => count),
      [refused + denied],
    );
  },
);

logs("records of one turn are synced together, and what comes during a sync is the next group", async () => {
  const files = new InjectedFiles();
  const log = await open(place(), key, { files });
  const before = files.operations.length;
  for (let i = 0; i < 200; i++) log.append(new TestEntry({ i }));
  await settled(log);
  const ops = files.operations.slice(before).filter(({ file }) => file.endsWith(".jsonl"));
  assert.equal(
    ops.map(({ op }) => op),
    ["write", "sync"],
  );
  await log.close();
});

logs("durable moves only after the sync, and onProgress tells", async () => {
  const files = new InjectedFiles();
  const log = await open(place(), key, { files });
  const number = log.append(new TestEntry({}));
  const seen: string[] = [];
  files.before = ({ op, file }) => {
    if (file.endsWith(".jsonl")) seen.push(`${op} ${log.durable >= number}`);
  };
  await new Promise<void>((resolve) => {
    log.onProgress = () => {
      seen.push(`progress ${log.durable >= number}`);
      resolve();
    };
  });
  assert.equal(seen, ["write false", "sync false", "progress true"]);
  await log.close();
});

logs("a checkpoint every 10 s while records come, none without", async () => {
  const directory = place();
  const clock = testClock();
  const log = await open(directory, key, { clock });
  const marks = (): number => allLines(directory).filter(({ event }) => event === "checkpoint").length;
  const start = marks();
  clock.ahead += 11_000;
  log.tick();
  await settled(log);
  assert.is(marks(), start, "nothing to sign");
  log.append(new TestEntry({}));
  await settled(log);
  clock.ahead += 9_000;
  log.tick();
  await settled(log);
  assert.is(marks(), start, "not yet");
  clock.ahead += 1_500;
  log.tick();
  await settled(log);
  assert.is(marks(), start + 1);
  await log.close();
});

logs("a slow log is sealed by age, so that retention can prune it", async () => {
  const directory = place();
  const clock = testClock();
  const log = await open(directory, key, { clock, retainMs: 30 * 86_400_000 });
  log.append(new TestEntry({}));
  await settled(log);
  clock.ahead += 86_400_000 + 1;
  log.tick();
  await settled(log);
  log.append(new TestEntry({}));
  await settled(log);
  assert.is(segmentFiles(directory).length, 2);
  await log.close();
  assert.ok((await verify(directory, key.publicPem)).ok);
});

logs("no entry can bend the chain: names of ours, a posing checkpoint, what cannot be rendered, what is too long", async () => {
  const directory = place();
  const log = await open(directory, key);
  log.append(new TestEntry({ event: "open", kind: "person", prev: "x", seq: 1, time: 2, after: 3 }, false, "session"));
  log.append(new TestEntry({ event: "checkpoint", signature: "none" }, false, "audit"));
  log.append(new TestEntry({ big: 1n }));
  log.append({
    kind: "decision",
    wallMs: Number.NaN,
    members: () => {
      throw new Error("broken");
    },
    rendered: () => {
      throw new Error("broken too");
    },
  });
  log.append(new TestEntry({ long: "é".repeat(200_000) }));
  log.append(new TestEntry({ last: true }));
  await log.close();
  assert.ok((await verify(directory, key.publicPem)).ok);
  const lines = allLines(directory);
  const session = lines.find(({ kind }) => kind === "session") as Record<string, unknown>;
  assert.is(session.kind_, "person");
  assert.is(session.prev_, "x");
  assert.ok(lines.some(({ event_ }) => event_ === "checkpoint"));
  assert.ok(lines.some(({ unrenderable }) => String(unrenderable).includes("BigInt")));
  assert.ok(lines.some(({ unrenderable, time }) => unrenderable === "broken" && time === "1970-01-01T00:00:00.000Z"));
  assert.ok(lines.some(({ oversize }) => Number(oversize) > 400_000));
  assert.ok(lines.some(({ last }) => last === true));
});

logs("closing flushes, and a closed log takes nothing", async () => {
  const directory = place();
  const log: Log = await open(directory, key);
  const number = log.append(new TestEntry({ n: 1 }));
  await log.close();
  assert.ok(log.durable > number, "a checkpoint stands behind it");
  assert.is(log.append(new TestEntry({})), -1);
  await log.close();
  assert.is((await verify(directory, key.publicPem)).unanchored.records, 0);
});

logs("a checkpoint names key, algorithm, segment, number, head, count and the hardware counter, and openssl would agree", async () => {
  const { createPublicKey, verify: verifySignature } = await import("node:crypto");
  const directory = place();
  await (await open(directory, key)).close();
  const lines = linesOf(segmentFiles(directory)[0] as string);
  const line = lines.at(-1) as string;
  const { seq, prev, segment, count, counter, key: id, algorithm, signature } = JSON.parse(line) as Record<string, unknown>;
  assert.equal([seq, segment, count, counter, id, algorithm], [1, 1, 1, null, key.id, "Ed25519"]);
  assert.is(prev, hashLine(lines.at(-2) as string));
  const text = `penstock audit checkpoint 1\n${line.slice(0, line.indexOf(',"signature"'))}`;
  assert.ok(verifySignature(null, Buffer.from(text), createPublicKey(key.publicPem), Buffer.from(String(signature), "base64")));
});

logs.run();
